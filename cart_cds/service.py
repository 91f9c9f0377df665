"""The production service as one application: CDS Hooks at the root, the SMART app under ``/smart``.

Each keeps its own middleware: the CDS service's open door for browser origins and its access log do not reach
the SMART app, and the app's headers do not reach the CDS service. Both begin and end with the process.
"""

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from fastapi import FastAPI
from starlette.routing import Mount, Router
from starlette.types import ASGIApp

from cds_service.app import create_app
from cds_service.settings import Settings, SettingsError
from fhir_maps.terminology import load_terminology
from management.protocol import load_protocol
from smart_app.app import create_smart_app
from smart_app.session_store import SessionStoreError
from smart_app.settings import SmartSettings

logger = logging.getLogger(__name__)


def now_utc() -> datetime:
    """The present moment."""
    return datetime.now(UTC)


def create_service(
    settings: Settings, smart: SmartSettings, *, clock: Callable[[], datetime] = now_utc
) -> ASGIApp:
    """Build both. Without an EHR that may launch it the SMART app answers that it is not set up.

    ``clock`` tells clinical time to both. Raises :class:`SettingsError` where the protocol, the site's maps
    or the database cannot be used.
    """
    cds = create_app(settings, clock=clock)
    if settings.public_url is not None and not smart.is_on:
        logger.warning(
            "cards link to the SMART app, and no EHR may launch it: set CART_CDS_SMART_EHRS, or take"
            " CART_CDS_PUBLIC_URL away"
        )
    app = _smart_app(settings, smart, clock)

    @asynccontextmanager
    async def lifespan(_: Any) -> AsyncIterator[None]:
        async with cds.router.lifespan_context(cds), app.router.lifespan_context(app):
            yield

    return Router([Mount("/smart", app)], redirect_slashes=False, default=cds, lifespan=lifespan)


def _smart_app(settings: Settings, smart: SmartSettings, clock: Callable[[], datetime]) -> FastAPI:
    try:
        return create_smart_app(
            smart,
            clock=clock,
            protocol=load_protocol(settings.protocol, settings.protocol_folders),
            terminology=load_terminology(settings.site_maps),
        )
    except SessionStoreError as error:
        raise SettingsError(f"the sessions of the SMART app cannot be kept: {error}") from error
