"""The tokens of a session: given out for a call, renewed before they end, and given back at the end.

A refresh token is used once. Within this process a lock for each session sees to that; between processes the
store is read again right before use, and once more where the server refuses, as the other may have been
quicker. What cannot be told apart is not guessed: after an answer that never came the refresh token is given
up, the access token serves to its end, and then the app is launched again.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from weakref import WeakValueDictionary

from fhir_maps.retrieve import FhirAccess
from smart_app.discovery import Discovery, DiscoveryError, ServerConfiguration
from smart_app.ehr_client import EhrClient
from smart_app.errors import sign_in_ended
from smart_app.session import SmartSession
from smart_app.session_store import SessionStore, Tokens
from smart_app.settings import SmartSettings
from smart_app.token_endpoint import TokenAnswer, TokenEndpoint, TokenRequestError

logger = logging.getLogger(__name__)

RENEW_WITHIN = timedelta(seconds=30)


class TokenKeeper:
    """Keeps the tokens of all sessions. ``now`` is real time (aware)."""

    def __init__(
        self,
        settings: SmartSettings,
        store: SessionStore,
        discovery: Discovery,
        endpoint: TokenEndpoint,
        now: Callable[[], datetime],
    ) -> None:
        self._settings = settings
        self._store = store
        self._discovery = discovery
        self._endpoint = endpoint
        self._now = now
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._renewing: set[asyncio.Task[bool]] = set()

    async def access(self, session: SmartSession) -> FhirAccess:
        """What the session's FHIR server is called with; renewed first where its end is near.

        Raises :class:`PageError` (401) where the sign-in has ended.
        """
        tokens = await self._tokens(session)
        if tokens is not None and tokens.refresh_token and self._left(tokens) <= RENEW_WITHIN:
            await self.renew(session, tokens.access_token)
            tokens = await self._tokens(session)
        if tokens is None or self._left(tokens) <= timedelta():
            raise sign_in_ended()
        return FhirAccess(
            session.iss, tokens.access_token, tokens.scope, expires_in=self._left(tokens).total_seconds()
        )

    async def renew(self, session: SmartSession, used: str) -> bool:
        """Renew the access token ``used``. True where there is another now, whoever renewed it.

        A refusal by the server ends the session. A caller that gives up does not stop it halfway: the server
        might have used the refresh token, and we would not have its successor.
        """
        renewing = asyncio.create_task(self._renew_once(session, used))
        self._renewing.add(renewing)
        renewing.add_done_callback(self._renewing.discard)
        return await asyncio.shield(renewing)

    async def _renew_once(self, session: SmartSession, used: str) -> bool:
        lock = self._locks.setdefault(session.sid, asyncio.Lock())
        async with lock:
            tokens = await self._tokens(session)
            if tokens is None:
                return False
            if tokens.access_token != used:
                return True
            ehr = self._settings.ehr_of(session.iss)
            if ehr is None or tokens.refresh_token is None:
                return False
            return await self._renew(session, ehr, tokens, tokens.refresh_token)

    async def end(self, session: SmartSession) -> None:
        """End the session, and give its tokens back where the server takes them."""
        tokens = await self._tokens(session)
        await asyncio.to_thread(self._store.close_session, session.sid)
        ehr = self._settings.ehr_of(session.iss)
        if tokens is not None and ehr is not None:
            await self.give_back(ehr, tokens.access_token, tokens.refresh_token)

    async def give_back(self, ehr: EhrClient, access_token: str, refresh_token: str | None) -> None:
        """Revoke tokens where the server offers it; a failure is only logged."""
        try:
            configuration = await self._discovery.configuration(ehr)
        except DiscoveryError:
            return
        if configuration.revocation_endpoint is None:
            return
        held = ((refresh_token, "refresh_token"), (access_token, "access_token"))
        for token, kind in held:
            if token and not await self._endpoint.revoke(ehr, configuration, token, kind):
                logger.warning("%s did not take back the %s", ehr.base, kind.replace("_", " "))

    async def _renew(self, session: SmartSession, ehr: EhrClient, tokens: Tokens, refresh_token: str) -> bool:
        try:
            configuration = await self._discovery.configuration(ehr)
            answer = await self._refresh(ehr, configuration, refresh_token)
        except DiscoveryError:
            return False
        except TokenRequestError as error:
            return await self._after_failure(session, tokens, error)
        if answer.values.get("patient", session.patient_id) != session.patient_id:
            logger.error("session %s: a renewed token is for another patient", session.sid[:6])
            await asyncio.to_thread(self._store.close_session, session.sid)
            return False
        renewed = Tokens(
            access_token=answer.access_token,
            refresh_token=answer.refresh_token or refresh_token,
            expires_at=answer.expires_at,
            scope=tokens.scope if answer.scope is None else answer.scope,
            id_subject=tokens.id_subject,
        )
        await asyncio.to_thread(self._store.replace_tokens, session.sid, renewed)
        return True

    async def _refresh(
        self, ehr: EhrClient, configuration: ServerConfiguration, refresh_token: str
    ) -> TokenAnswer:
        try:
            return await self._endpoint.refresh(ehr, configuration, refresh_token)
        except TokenRequestError:
            self._discovery.forget(ehr)
            raise

    async def _after_failure(self, session: SmartSession, tokens: Tokens, error: TokenRequestError) -> bool:
        logger.warning("session %s: not renewed: %s", session.sid[:6], error.code)
        if not error.sent:
            return False
        current = await self._tokens(session)
        if current is not None and current.access_token != tokens.access_token:
            return True  # another process was quicker
        if error.code == "invalid_grant":
            await asyncio.to_thread(self._store.close_session, session.sid)
        elif current is not None:
            await asyncio.to_thread(
                self._store.replace_tokens, session.sid, replace(current, refresh_token=None)
            )
        return False

    async def _tokens(self, session: SmartSession) -> Tokens | None:
        return await asyncio.to_thread(self._store.tokens_of, session.sid)

    def _left(self, tokens: Tokens) -> timedelta:
        return tokens.expires_at - self._now()
