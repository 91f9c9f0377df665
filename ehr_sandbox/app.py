"""The sandbox as one application: FHIR under ``/fhir``, the two pages at the root."""

from collections.abc import Sequence

from fastapi import FastAPI

from ehr_sandbox.fhir_endpoint import fhir_router
from ehr_sandbox.pages import View, page_router
from ehr_sandbox.patients import SamplePatient


def create_sandbox(patients: Sequence[SamplePatient], view: View | None = None) -> FastAPI:
    """Build the sandbox; without ``view`` there are no pages."""
    app = FastAPI(title="EHR sandbox", docs_url=None, redoc_url=None, openapi_url=None)
    app.include_router(
        fhir_router(resource for one in patients for resource in one.resources()), prefix="/fhir"
    )
    if view is not None:
        app.include_router(page_router(patients, view))
    return app
