"""What every page of a session is given: the session behind a request, its record, its writes, its pages."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

from fastapi import Request, Response
from starlette.datastructures import FormData

from fhir_maps.retrieve import FhirAccess, FhirReader, origin_of
from fhir_maps.terminology import Terminology
from fhir_maps.write_back import FhirWriter, InvalidResourceError, WriteAnswer, WriteOutcome
from management.protocol_rows import Protocol as ClinicalProtocol
from smart_app.authorization_server import Transport
from smart_app.bedside_reader import BedsideReader
from smart_app.cookies import is_sid, read_cookie, session_cookie_name
from smart_app.errors import PageError, session_ended, wrong_patient
from smart_app.form_door import check_form, check_origin, read_form
from smart_app.kept_form import keep_form
from smart_app.page_room import Bedside, Resource, Saved, Saving
from smart_app.rendering import Rendering
from smart_app.security import FRAMED_BY
from smart_app.session import SmartSession
from smart_app.session_store import SessionStore
from smart_app.settings import SmartSettings
from smart_app.smart_login import SmartLogin

logger = logging.getLogger(__name__)

READ_DEADLINE_SECONDS = 10.0


class SmartRoom:
    """What every page of a session is given (:class:`smart_app.page_room.PageRoom`)."""

    def __init__(
        self,
        settings: SmartSettings,
        *,
        clock: Callable[[], datetime],
        now: Callable[[], datetime],
        protocol: ClinicalProtocol,
        terminology: Terminology,
        transport: Transport | None,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._own_origin = origin_of(settings.base_url)
        self._store = SessionStore(
            settings.database_url,
            settings.session_key,
            now,
            idle=timedelta(minutes=settings.idle_minutes),
            absolute=timedelta(minutes=settings.absolute_minutes),
        )
        self.login = SmartLogin(settings, self._store, now, transport, clock)
        servers = [ehr.iss for ehr in settings.ehrs]
        self._fhir = FhirReader(servers, deadline_seconds=READ_DEADLINE_SECONDS, transport=transport)
        self._writer = FhirWriter(servers, transport=transport)
        self._bedsides = BedsideReader(
            reader=self._fhir,
            tokens=self.login.keeper,
            terminology=terminology,
            protocol=protocol,
            clock=clock,
        )
        self.rendering = Rendering(settings.app_url, clock, protocol)

    async def close(self) -> None:
        """Close all connections."""
        await self.login.close()
        await self._fhir.close()
        await self._writer.close()
        await asyncio.to_thread(self._store.close)

    def now(self) -> datetime:
        """The clinical present (aware)."""
        return self._clock()

    def path_of(self, session: SmartSession, page: str) -> str:
        """The path of a page of the session."""
        return self.rendering.path_of(session.sid, page)

    async def open(self, request: Request) -> SmartSession:
        """The session of the path, proven by its own cookie. Raises :class:`PageError` (401).

        A missing cookie, a wrong one and a session that never was look alike.
        """
        sid = request.path_params.get("sid", "")
        secret = read_cookie(request, session_cookie_name(sid)) if is_sid(sid) else None
        if secret is None:
            raise session_ended()
        session = await asyncio.to_thread(self._store.find_session, sid, secret)
        ehr = self._settings.ehr_of(session.iss) if session is not None else None
        if session is None or ehr is None:
            raise session_ended()
        if (framed_by := request.scope.get(FRAMED_BY)) is not None:
            framed_by[:] = ehr.frame_ancestors
        return session

    async def open_form(self, request: Request) -> tuple[SmartSession, FormData]:
        """As :meth:`open` for a form: where it comes from, its token, session and patient are checked.

        Raises :class:`PageError` (400, 401, 403, 409, 415).
        """
        check_origin(request, self._own_origin)
        session = await self.open(request)
        form = await read_form(request)
        check_form(form, session)
        keep_form(request, session, form)
        return session, form

    async def read(self, session: SmartSession) -> Bedside:
        """Read the patient's record. Raises :class:`PageError` where it cannot be had."""
        return await self._bedsides.read(session)

    async def create(self, session: SmartSession, resource: Resource) -> Saved:
        """Create, unless one with the same identifier is there; it must be about the session's patient."""
        return await self._write(
            session, resource, session.can_save, lambda access: self._writer.create(access, resource)
        )

    async def update(self, session: SmartSession, resource: Resource) -> Saved:
        """Replace a resource by its id, where its version still holds; of the session's patient too."""
        version = (resource.get("meta") or {}).get("versionId")
        return await self._write(
            session,
            resource,
            session.can_correct,
            lambda access: self._writer.update(access, resource, version),
        )

    async def _write(
        self,
        session: SmartSession,
        resource: Resource,
        may: bool,
        send: Callable[[FhirAccess], Awaitable[WriteAnswer]],
    ) -> Saved:
        if (resource.get("subject") or {}).get("reference") != f"Patient/{session.patient_id}":
            raise wrong_patient()
        if not may:
            return Saved(Saving.REFUSED)
        try:
            access = await self.login.keeper.access(session)
        except PageError:
            return Saved(Saving.ENDED)
        try:
            answer = await send(access)
        except InvalidResourceError as error:
            logger.error("not sent: %s", error)
            return Saved(Saving.REJECTED)
        if answer.outcome is not WriteOutcome.UNAUTHORIZED:
            return Saved(Saving(answer.outcome.value), answer.resource)
        renewed = access.token is not None and await self.login.keeper.renew(session, access.token)
        return Saved(Saving.RENEWED if renewed else Saving.ENDED)

    def render(
        self, template: str, session: SmartSession, bedside: Bedside | None, status: int = 200, **values: Any
    ) -> Response:
        """A page of a template, with the session, the bedside and the values in it."""
        return self.rendering.page(template, session, bedside, status, **values)
