"""A login from its first redirect to its session: what is asked of the EHR, and what its answer must hold.

Knows nothing of the browser's side: :mod:`smart_app.launch` and :mod:`smart_app.callback` do. Every login is
a new one with its own state, verifier, nonce and cookie; whatever session the browser has is not looked at.
"""

import asyncio
import base64
import hashlib
import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlencode

from smart_app.authorization_server import OutgoingRequests, Transport
from smart_app.discovery import Discovery, DiscoveryError, ServerConfiguration
from smart_app.ehr_client import EhrClient
from smart_app.errors import PageError
from smart_app.identity import Identity, IdentityCheck, IdentityError
from smart_app.issuer_keys import IssuerKeys
from smart_app.launch_context import LaunchContext, NoPatientError, read_launch_context
from smart_app.scopes import can_work, requested_scopes
from smart_app.session import GrantedScopes, SmartSession
from smart_app.session_store import Login, SessionStore, Tokens
from smart_app.settings import SmartSettings
from smart_app.style import Styles
from smart_app.token_endpoint import TokenAnswer, TokenEndpoint, TokenRequestError
from smart_app.token_keeper import TokenKeeper

logger = logging.getLogger(__name__)

_AGAIN = "Open the app again from the patient's chart."


@dataclass(frozen=True, slots=True)
class Beginning:
    """A login that has begun: where the browser goes, and the secret of the cookie that it takes along."""

    location: str = field(repr=False)
    state: str = field(repr=False)
    cookie_secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Opened:
    """A session that was opened, and the secret of its cookie."""

    session: SmartSession
    secret: str = field(repr=False)


class SmartLogin:
    """Begins logins and finishes them.

    ``now`` is real time (aware); ``clock`` tells the clinical time that a page says the session was opened at
    (real time without it). ``transport`` is given by tests.
    """

    def __init__(
        self,
        settings: SmartSettings,
        store: SessionStore,
        now: Callable[[], datetime],
        transport: Transport | None = None,
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        self.settings = settings
        self.store = store
        self._now = now
        self._clock = clock or now
        self._requests = OutgoingRequests(settings.takes, transport)
        self._discovery = Discovery(self._requests, settings.takes, now)
        self._endpoint = TokenEndpoint(self._requests, settings.keys, settings.redirect_uri, now)
        self._identity = IdentityCheck(IssuerKeys(self._requests, now), now)
        self._styles = Styles(self._requests, now)
        self.keeper = TokenKeeper(settings, store, self._discovery, self._endpoint, now)

    async def close(self) -> None:
        """Close the connections to the EHRs."""
        await self._requests.close()

    async def begin(self, ehr: EhrClient, iss: str, launch: str | None) -> Beginning:
        """Begin a login. ``iss`` is the FHIR base as it was received, ``launch`` the EHR's opaque value
        (``None`` standing alone). Raises :class:`PageError`.
        """
        configuration = await self._configuration(ehr)
        login = Login(
            state=secrets.token_urlsafe(32),
            iss=iss,
            launch=launch,
            verifier=secrets.token_urlsafe(64),
            nonce=secrets.token_urlsafe(32),
            cookie_secret=secrets.token_urlsafe(32),
            begun_at=self._now(),
        )
        await asyncio.to_thread(self.store.begin_login, login)
        challenge = hashlib.sha256(login.verifier.encode()).digest()
        parameters = {
            "response_type": "code",
            "client_id": ehr.client_id,
            "redirect_uri": self.settings.redirect_uri,
            "scope": requested_scopes(standalone=launch is None, extra=ehr.extra_scopes),
            "state": login.state,
            "aud": iss,
            "code_challenge": base64.urlsafe_b64encode(challenge).decode().rstrip("="),
            "code_challenge_method": "S256",
            "nonce": login.nonce,
        }
        if launch is not None:
            parameters["launch"] = launch
        endpoint = configuration.authorization_endpoint
        location = endpoint + ("&" if "?" in endpoint else "?") + urlencode(parameters)
        return Beginning(location, login.state, login.cookie_secret)

    async def finish(self, login: Login, code: str, iss: str | None) -> Opened:
        """Exchange the code of a callback and open the session. ``iss`` is that of RFC 9207, if it was sent.

        Raises :class:`PageError`; no session is open then, and tokens that came are given back.
        """
        ehr = self.settings.ehr_of(login.iss)
        if ehr is None:
            raise _refused("This EHR is no longer configured", "")
        configuration = await self._configuration(ehr)
        self._check_issuer(ehr, configuration, iss)
        try:
            answer = await self._endpoint.exchange(ehr, configuration, code, login.verifier)
        except TokenRequestError as error:
            self._discovery.forget(ehr)
            logger.warning("launch from %s: no tokens: %s", ehr.base, error.code)
            raise PageError(
                502, "The EHR did not complete the sign-in", f"Nothing was opened. {_AGAIN}"
            ) from None
        try:
            return await self._open(ehr, configuration, login, answer)
        except PageError as error:
            logger.warning("launch from %s refused: %s", ehr.base, error.title)
            await self.keeper.give_back(ehr, answer.access_token, answer.refresh_token)
            raise

    async def _open(
        self, ehr: EhrClient, configuration: ServerConfiguration, login: Login, answer: TokenAnswer
    ) -> Opened:
        context = _context(answer, ehr)
        scopes = GrantedScopes(answer.scope or "")
        if not can_work(scopes):
            raise PageError(
                403,
                "The EHR does not let this app read observations",
                "Without temperatures, blood pressures and oxygen nothing can be graded. Ask who looks after"
                " the EHR to grant patient/Observation.rs to this app.",
            )
        identity, style = await asyncio.gather(
            self._identify(ehr, configuration, login, answer),
            self._styles.stylesheet(ehr, context.style_url),
        )
        session = SmartSession(
            sid=secrets.token_urlsafe(16),
            iss=ehr.base,
            patient_id=context.patient_id,
            encounter_id=context.encounter_id,
            fhir_user=identity.fhir_user if identity else None,
            scopes=scopes,
            shows_banner=context.shows_banner,
            view=context.view,
            form_token=secrets.token_urlsafe(32),
            opened_at=self._clock(),
            highlight=context.highlight,
            style=style,
        )
        tokens = Tokens(
            access_token=answer.access_token,
            refresh_token=answer.refresh_token,
            expires_at=answer.expires_at,
            scope=scopes.text,
            id_subject=identity.subject if identity else None,
        )
        secret = secrets.token_urlsafe(32)
        await asyncio.to_thread(self.store.open_session, session, tokens, secret)
        logger.info("launch from %s: session %s is open", ehr.base, session.sid[:6])
        return Opened(session, secret)

    async def _identify(
        self, ehr: EhrClient, configuration: ServerConfiguration, login: Login, answer: TokenAnswer
    ) -> Identity | None:
        id_token = answer.values.get("id_token")
        identity = None
        if id_token is not None:
            try:
                if not isinstance(id_token, str):
                    raise IdentityError("it is not a text")
                identity = await self._identity.identify(ehr, configuration, id_token, login.nonce)
            except IdentityError as error:
                logger.warning("launch from %s: id_token refused: %s", ehr.base, error)
                raise _refused("The EHR did not prove who is signed in", "") from None
        if ehr.fhir_user_required and (identity is None or identity.fhir_user is None):
            raise _refused("The EHR did not say who is signed in", "This app is set to ask for it. ")
        return identity

    async def _configuration(self, ehr: EhrClient) -> ServerConfiguration:
        try:
            return await self._discovery.configuration(ehr)
        except DiscoveryError:
            raise PageError(
                502,
                "The EHR's sign-in cannot be reached",
                "Its description is missing or cannot be used. Nothing was opened. Try again in a minute; if"
                " that does not help, tell who looks after the EHR.",
                retry=True,
            ) from None

    def _check_issuer(self, ehr: EhrClient, configuration: ServerConfiguration, iss: str | None) -> None:
        if iss is None and not configuration.announces_iss:
            return
        # Without an issuer of its own, a server can only be known by its FHIR base.
        if iss != (configuration.issuer or ehr.base):
            logger.warning("launch from %s: the callback names another issuer", ehr.base)
            raise _refused("This answer came from another server", "")


def _context(answer: TokenAnswer, ehr: EhrClient) -> LaunchContext:
    try:
        return read_launch_context(answer.values, ehr.base)
    except NoPatientError:
        raise PageError(
            400,
            "The EHR did not say which patient",
            "This app opens for one patient. Open that patient's chart first, and the app from there.",
        ) from None


def _refused(title: str, text: str) -> PageError:
    return PageError(400, title, f"{text}Nothing was opened. {_AGAIN}")
