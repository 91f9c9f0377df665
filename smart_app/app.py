"""The SMART app as an ASGI application: its parts put together, and its error pages.

It is mounted at ``/smart``; whoever mounts it closes it (``await app.state.room.close()``), as the life of a
mounted application is not told to it. It shares nothing with the CDS service but the rooms below.
"""

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import Scope

from fhir_maps.terminology import Terminology
from management.protocol_rows import Protocol as ClinicalProtocol
from smart_app.attribution_page import attribution_router
from smart_app.authorization_server import Transport
from smart_app.course_page import course_router
from smart_app.errors import PageError
from smart_app.handover_page import handover_router
from smart_app.ice_page import ice_router
from smart_app.kept_form import kept_form
from smart_app.launch import launch_router
from smart_app.rendering import Rendering
from smart_app.request_guard import RequestGuard
from smart_app.security import SecurityHeaders
from smart_app.session_pages import session_router
from smart_app.settings import SmartSettings
from smart_app.smart_room import SmartRoom
from smart_app.style import style_router

logger = logging.getLogger(__name__)

_LEAST_COMPRESSED = 1000
# A page of level 9 is smaller by a fiftieth and takes twice as long.
_COMPRESSION = 6
_TITLES = {404: "There is nothing here", 405: "This address does not take that"}


def now_utc() -> datetime:
    """The present moment."""
    return datetime.now(UTC)


def create_smart_app(
    settings: SmartSettings,
    *,
    clock: Callable[[], datetime],
    protocol: ClinicalProtocol,
    terminology: Terminology,
    transport: Transport | None = None,
    now: Callable[[], datetime] = now_utc,
) -> FastAPI:
    """Build the application, to be mounted at ``/smart``; its room is ``app.state.room``.

    ``clock`` tells clinical time, ``now`` real time (aware both): cookies and tokens live by the latter.
    ``transport`` is given by tests and demos. Raises
    :class:`smart_app.session_store.SessionStoreError` where sessions cannot be kept.
    """
    room = SmartRoom(
        settings, clock=clock, now=now, protocol=protocol, terminology=terminology, transport=transport
    )
    rendering = room.rendering

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        try:
            yield
        finally:
            await room.close()

    app = FastAPI(
        title="cart-toxicity-cds SMART app",
        lifespan=lifespan,
        redirect_slashes=False,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )
    app.state.room = room
    _add_error_pages(app, room)
    # The last one added is the outermost: headers stand on whatever the others answer.
    app.add_middleware(GZipMiddleware, minimum_size=_LEAST_COMPRESSED, compresslevel=_COMPRESSION)
    app.add_middleware(RequestGuard, show_error=lambda error, scope: _error_page(rendering, error, scope))
    app.add_middleware(SecurityHeaders, framed_by=settings.frame_ancestors, base_url=settings.base_url)
    app.include_router(rendering.static_files.router())
    app.include_router(
        launch_router(
            room.login, lambda ehrs: rendering.plain("ehrs.html", ehrs=ehrs, path=rendering.path_of_app)
        )
    )
    app.include_router(session_router(room, rendering, room.login.keeper.end))
    app.include_router(style_router(room))
    for page_router in (course_router, ice_router, attribution_router, handover_router):
        app.include_router(page_router(room))
    return app


def _error_page(rendering: Rendering, error: PageError, scope: Scope) -> Response:
    # A callback cannot be loaded again: its state is used up.
    again = scope["method"] == "GET" and not scope["path"].endswith("/callback")
    return rendering.error(error, may_retry=again)


def _add_error_pages(app: FastAPI, room: SmartRoom) -> None:
    """Answer every error as a page of fixed words: FastAPI's own answers echo what was sent.

    Only what was entered in a form of the session itself is shown again, so that it is not lost.
    """

    def show(request: Request, error: PageError) -> Response:
        kept = kept_form(request, error)
        if kept is None:
            return _error_page(room.rendering, error, request.scope)
        return room.render(
            "kept.html",
            kept.session,
            None,
            error.status,
            page=kept.page,
            error=error,
            entered=kept.values,
            words=kept.words(),
        )

    async def on_page_error(request: Request, error: Exception) -> Response:
        if not isinstance(error, PageError):
            raise error
        return show(request, error)

    async def on_http_error(request: Request, error: Exception) -> Response:
        if not isinstance(error, HTTPException):
            raise error
        title = _TITLES.get(error.status_code, "This cannot be answered")
        text = "Open the app again from the patient's chart."
        response = show(request, PageError(error.status_code, title, text))
        response.headers.update(error.headers or {})
        return response

    async def on_validation_error(request: Request, error: Exception) -> Response:  # noqa: ARG001 - it echoes input
        return show(request, PageError(400, "This cannot be answered", "The request is not one of ours."))

    async def on_database_error(request: Request, error: Exception) -> Response:
        logger.error("sessions cannot be read or kept: %s", type(error).__name__)
        return show(
            request,
            PageError(
                503,
                "Sessions cannot be reached",
                "The database of this app does not answer. Nothing was changed in the chart. Try again.",
                retry=True,
            ),
        )

    app.add_exception_handler(PageError, on_page_error)
    app.add_exception_handler(HTTPException, on_http_error)
    app.add_exception_handler(RequestValidationError, on_validation_error)
    app.add_exception_handler(SQLAlchemyError, on_database_error)
