"""The ASGI application: routes, error answers, and what is loaded once at the start."""

import asyncio
import gc
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import msgspec
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from cds_service.access_log import AccessLog
from cds_service.answering import ServiceParts
from cds_service.code_systems import card_code_system
from cds_service.cross_origin import CrossOriginDoor
from cds_service.discovery import (
    ORDER_SELECT_HOOK,
    ORDER_SELECT_ID,
    ORDER_SIGN_HOOK,
    ORDER_SIGN_ID,
    PATIENT_VIEW_ID,
    discovery_document,
)
from cds_service.feedback import FeedbackStore, IssuedCards, read_feedback
from cds_service.metrics import Metrics
from cds_service.order_check import OrderCheck
from cds_service.outcome import HookError, IssueCode, error_response
from cds_service.patient_record import RecordReader
from cds_service.patient_view import PatientView
from cds_service.settings import Settings, SettingsError
from cds_service.wire import read_body
from fhir_maps.artefacts import artefact
from fhir_maps.data_requirements import data_requirements
from fhir_maps.draft_orders import warm_validator
from fhir_maps.retrieve import FhirReader
from fhir_maps.terminology import TerminologyError, load_terminology
from management.protocol import ProtocolError, load_protocol

logger = logging.getLogger(__name__)

_FEEDBACK_CAP_BYTES = 1024 * 1024
_ISSUE_OF_STATUS = {404: IssueCode.NOT_FOUND, 405: IssueCode.NOT_SUPPORTED}
_TEXT_OF_STATUS = {404: "there is nothing at this address", 405: "this address does not take that method"}
_READ_METHODS = ["GET", "HEAD"]
_PUBLISHED = frozenset({"CodeSystem", "ValueSet", "ConceptMap", "Questionnaire"})


def now_utc() -> datetime:
    """The present moment."""
    return datetime.now(UTC)


def create_app(
    settings: Settings | None = None,
    clock: Callable[[], datetime] = now_utc,
    reader: FhirReader | None = None,
) -> FastAPI:
    """Build the application.

    ``clock`` and ``reader`` are given by tests and demos. Raises :class:`SettingsError` when the protocol,
    the site's maps or the database cannot be used.
    """
    settings = settings or Settings()
    try:
        terminology = load_terminology(settings.site_maps)
        protocol = load_protocol(settings.protocol, settings.protocol_folders)
    except TerminologyError as error:
        raise SettingsError(f"CART_CDS_SITE_MAPS: {error}") from error
    except ProtocolError as error:
        raise SettingsError(f"CART_CDS_PROTOCOL: {error}") from error
    store = FeedbackStore(settings.database_url)
    fhir_reader = reader or FhirReader(
        settings.fhir_servers,
        deadline_seconds=settings.fhir_deadline_seconds,
        cap_bytes=settings.max_body_bytes,
    )
    metrics, issued = Metrics(), IssuedCards()
    requirements = data_requirements(terminology)
    records = RecordReader(
        terminology=terminology, requirements=requirements, reader=fhir_reader, metrics=metrics
    )
    parts = ServiceParts(settings, clock, terminology, protocol, records, metrics, issued)
    services: dict[str, PatientView | OrderCheck] = {
        PATIENT_VIEW_ID: PatientView(parts),
        ORDER_SELECT_ID: OrderCheck(ORDER_SELECT_HOOK, parts),
        ORDER_SIGN_ID: OrderCheck(ORDER_SIGN_HOOK, parts),
    }

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        settings.log_mode()
        if settings.database_url is None:
            logger.warning(
                "feedback is kept in memory and lost at exit: set CART_CDS_DATABASE_URL to keep it"
            )
        warm_validator()
        gc.collect()
        gc.freeze()  # what is loaded lives as long as the process: the collector need not walk it again
        try:
            yield
        finally:
            gc.unfreeze()
            await fhir_reader.close()
            store.close()

    app = FastAPI(
        title="cart-toxicity-cds",
        lifespan=lifespan,
        redirect_slashes=False,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )
    app.state.feedback_store = store
    _add_error_answers(app)
    app.add_middleware(CrossOriginDoor, origins=settings.cors_origins)
    app.add_middleware(AccessLog)

    async def discover() -> Response:
        return _json(discovery_document(requirements))

    async def call_service(request: Request, service_id: str) -> Response:
        service = services.get(service_id)
        if service is None:
            raise HookError(404, IssueCode.NOT_FOUND, "there is no service of this id")

        async def answer() -> Response:
            return await service.answer(await read_body(request, settings.max_body_bytes))

        with metrics.stage("total"):
            return await _counted(metrics, service_id, answer)

    async def take_feedback(request: Request, service_id: str) -> Response:
        if service_id not in services:
            raise HookError(404, IssueCode.NOT_FOUND, "there is no service of this id")
        items = read_feedback(await read_body(request, _FEEDBACK_CAP_BYTES))
        await asyncio.to_thread(store.keep, service_id, items, issued, now_utc())
        for item, _ in items:
            metrics.feedback.labels(item.outcome.value).inc()
        return Response(status_code=200)

    async def live() -> Response:
        return _json({"status": "ok"})

    async def ready() -> Response:
        try:
            reachable = await asyncio.to_thread(store.is_reachable)
        except Exception as error:
            logger.error("the database does not answer: %s", type(error).__name__)
            reachable = False
        maps = sorted({row.file for row in terminology.rows} - set(terminology.site_files))
        state = {"status": "ok" if reachable else "database unreachable", "protocol": settings.protocol}
        site = {"siteMaps": sorted(terminology.site_files)} if terminology.site_files else {}
        content = {**state, "mode": settings.mode.value, "maps": maps, **site}
        return _json(content, 200 if reachable else 503)

    async def show_metrics() -> Response:
        return Response(metrics.as_text(), media_type="text/plain; version=0.0.4")

    async def publish(kind: str, artefact_id: str) -> Response:
        resource = None
        if kind in _PUBLISHED:
            resource = card_code_system(kind, artefact_id) or artefact(kind, artefact_id)
        if resource is None:
            raise HookError(404, IssueCode.NOT_FOUND, "there is no such artefact")
        return _json(resource, media_type="application/fhir+json")

    # Both spellings are answered: a redirect would break a browser's preflight.
    for slash in ("", "/"):
        app.add_api_route("/cds-services" + slash, discover, methods=_READ_METHODS)
        app.add_api_route("/cds-services/{service_id}" + slash, call_service, methods=["POST"])
        app.add_api_route("/cds-services/{service_id}/feedback" + slash, take_feedback, methods=["POST"])
    app.add_api_route("/health/live", live, methods=_READ_METHODS)
    app.add_api_route("/health/ready", ready, methods=_READ_METHODS)
    app.add_api_route("/metrics", show_metrics, methods=_READ_METHODS)
    app.add_api_route("/fhir/{kind}/{artefact_id}", publish, methods=_READ_METHODS)
    return app


async def _counted(metrics: Metrics, service_id: str, answer: Callable[[], Awaitable[Response]]) -> Response:
    """Count an answer by its status, errors included."""
    status = 500
    try:
        response = await answer()
        status = response.status_code
    except HookError as error:
        status = error.status
        raise
    else:
        return response
    finally:
        metrics.requests.labels(service_id, str(status)).inc()


def _add_error_answers(app: FastAPI) -> None:
    """Answer every error as an OperationOutcome of fixed words: FastAPI's own answers echo what was sent."""

    async def on_hook_error(_: Request, error: Exception) -> Response:
        if not isinstance(error, HookError):
            raise error
        return error_response(error.status, error.code, error.text)

    async def on_http_error(_: Request, error: Exception) -> Response:
        if not isinstance(error, HTTPException):
            raise error
        status = error.status_code
        code = _ISSUE_OF_STATUS.get(status, IssueCode.INVALID)
        text = _TEXT_OF_STATUS.get(status, "the request cannot be answered")
        return error_response(status, code, text, dict(error.headers or {}))

    async def on_validation_error(_: Request, error: Exception) -> Response:  # noqa: ARG001 - it echoes input
        return error_response(400, IssueCode.INVALID, "the request is not valid")

    app.add_exception_handler(HookError, on_hook_error)
    app.add_exception_handler(HTTPException, on_http_error)
    app.add_exception_handler(RequestValidationError, on_validation_error)


def _json(content: dict[str, Any], status: int = 200, media_type: str = "application/json") -> Response:
    return Response(msgspec.json.encode(content), status_code=status, media_type=media_type)
