"""The pocket EHR as one application: FHIR under ``/fhir``, the chart pages at the root."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from fastapi import FastAPI, Request, Response
from fastapi.exception_handlers import http_exception_handler
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles

from ehr_sandbox.app_launcher import SmartLauncher
from ehr_sandbox.capability import SMART_SECURITY
from ehr_sandbox.chart_actions import CardDesk, CardService
from ehr_sandbox.chart_pages import ChartRoom, chart_router, not_found
from ehr_sandbox.clock import SandboxClock
from ehr_sandbox.cross_origin import CrossOrigin
from ehr_sandbox.faults import FhirFaults
from ehr_sandbox.fhir_endpoint import fhir_router
from ehr_sandbox.hook_signer import KEYS_PATH, HookSigner
from ehr_sandbox.patients import SamplePatient
from ehr_sandbox.played_course import MILESTONES
from ehr_sandbox.record import Resource
from ehr_sandbox.shelf import Shelf
from ehr_sandbox.shelf_record import ShelfRecord
from ehr_sandbox.smart_server import SmartServer
from ehr_sandbox.ward import ward_resources

_NOT_FOUND = 404
_STATIC = Path(__file__).parent / "static"


def create_sandbox(
    patients: Sequence[SamplePatient],
    *,
    played: SamplePatient | None = None,
    clock: SandboxClock | None = None,
    cards: CardService | None = None,
    signer: HookSigner | None = None,
    smart: SmartServer | None = None,
    fhir_faults: FhirFaults | None = None,
    base_url: str | None = None,
) -> FastAPI:
    """Build the sandbox; its resources are in ``app.state.shelf``.

    ``played`` is the patient whose course is played. Without ``clock`` the time is that at which the patients
    stand still. ``cards`` is the service that a chart asks; without it there are no pages. ``signer`` signs
    those calls: its keys are published. ``smart`` guards the FHIR endpoint, which is open without it, and
    launches apps. ``base_url`` is the sandbox's own address (no slash at its end); launches need it.
    """
    everybody = [*([played] if played else []), *patients]
    clock = clock or SandboxClock(lambda: _stands_at(everybody))
    stored: list[Resource] = [resource for one in everybody for resource in one.resources()]
    stored += ward_resources(everybody)
    shelf = Shelf(stored, clock)
    app = FastAPI(title="EHR sandbox", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.shelf = shelf
    fhir_base = f"{base_url}/fhir" if base_url else None
    if smart is not None:
        app.include_router(smart.router())
    app.include_router(
        fhir_router(
            shelf,
            door=smart,
            faults=fhir_faults,
            base_url=fhir_base,
            security=None if smart is None else SMART_SECURITY,
        ),
        prefix="/fhir",
    )
    app.add_middleware(CrossOrigin, path="/fhir")
    if signer is not None:
        keys = signer.public_keys()
        app.add_api_route(KEYS_PATH, lambda: JSONResponse(keys), methods=["GET"])
    if cards is not None:
        record = ShelfRecord(shelf, stored)
        launch_urls = [] if smart is None or fhir_base is None else [one.launch_uri for one in smart.clients]
        desk = CardDesk(cards, record, clock.now, launch_urls)
        room = ChartRoom(
            patients=patients,
            record=record,
            desk=desk,
            view=cards.view,
            clock=clock,
            played=played,
            milestones=MILESTONES,
            launcher=None if smart is None or fhir_base is None else SmartLauncher(smart, fhir_base),
            app_origins=sorted({_origin(url) for url in launch_urls}),
        )
        app.include_router(chart_router(room))
        app.mount("/static", StaticFiles(directory=_STATIC))
        app.add_exception_handler(HTTPException, _answer_error)
    return app


def _stands_at(patients: Sequence[SamplePatient]) -> datetime:
    return max(datetime.fromisoformat(patient.bundle["timestamp"]) for patient in patients)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


async def _answer_error(request: Request, error: Exception) -> Response:
    """An address of no route: a page for a browser, JSON for anything else."""
    if not isinstance(error, HTTPException):
        raise error
    if error.status_code == _NOT_FOUND and "text/html" in request.headers.get("accept", ""):
        return not_found()
    return await http_exception_handler(request, error)
