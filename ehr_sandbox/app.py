"""The sandbox as one application: FHIR under ``/fhir``, the two pages at the root."""

from collections.abc import Sequence

from fastapi import FastAPI, Request, Response
from fastapi.exception_handlers import http_exception_handler
from starlette.exceptions import HTTPException

from ehr_sandbox.clock import SandboxClock
from ehr_sandbox.cross_origin import CrossOrigin
from ehr_sandbox.fhir_endpoint import fhir_router
from ehr_sandbox.pages import View, not_found, page_router
from ehr_sandbox.patients import SamplePatient
from ehr_sandbox.shelf import Shelf
from ehr_sandbox.ward import ward_resources

_NOT_FOUND = 404


def create_sandbox(patients: Sequence[SamplePatient], view: View | None = None) -> FastAPI:
    """Build the sandbox; without ``view`` there are no pages."""
    app = FastAPI(title="EHR sandbox", docs_url=None, redoc_url=None, openapi_url=None)
    resources = [resource for one in patients for resource in one.resources()]
    shelf = Shelf([*resources, *ward_resources(patients)], SandboxClock())
    app.include_router(fhir_router(shelf), prefix="/fhir")
    app.add_middleware(CrossOrigin, path="/fhir")
    if view is not None:
        app.include_router(page_router(patients, view))
        app.add_exception_handler(HTTPException, _answer_error)
    return app


async def _answer_error(request: Request, error: Exception) -> Response:
    """An address of no route: a page for a browser, JSON for anything else."""
    if not isinstance(error, HTTPException):
        raise error
    if error.status_code == _NOT_FOUND and "text/html" in request.headers.get("accept", ""):
        return not_found()
    return await http_exception_handler(request, error)
