"""A double of an EHR's servers for a login, as lenient or as wrong as a test wants it; and our app before it.

The strict server is the sandbox's own: this double shows what a strict server cannot.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import respx
from fastapi import FastAPI, Request, Response
from fastapi.responses import PlainTextResponse
from fastapi.testclient import TestClient
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey

from smart_app.ehr_client import EhrClient
from smart_app.errors import PageError
from smart_app.keys import SigningKeys
from smart_app.launch import launch_router
from smart_app.session import SmartSession
from smart_app.session_store import SessionStore, Tokens
from smart_app.settings import SmartSettings
from smart_app.smart_login import SmartLogin

ISS = "https://ehr.example/r4/tenant"
ORIGIN = "https://ehr.example"
ISSUER = "https://ehr.example/oauth"
APP = "https://app.example/cds"
CLIENT_ID = "cart app:1"
OUR_KEYS = SigningKeys.generate()
SERVER_RSA = RSAKey.generate_key(2048)
SERVER_EC = ECKey.generate_key("P-384")
STRANGER = RSAKey.generate_key(2048)
GRANTED = "launch openid fhirUser patient/Patient.r patient/Observation.crus"


class Clock:
    """Real time for a test, moved by hand."""

    def __init__(self) -> None:
        self.at = datetime(2026, 3, 4, 8, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at

    def move(self, **span: float) -> None:
        self.at += timedelta(**span)


class EhrDouble:
    """The servers at :data:`ORIGIN`. Every answer is a member that a test may change."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.configuration: dict[str, Any] = {
            "issuer": ISSUER,
            "jwks_uri": f"{ISSUER}/jwks",
            "authorization_endpoint": f"{ISSUER}/authorize",
            "token_endpoint": f"{ISSUER}/token",
            "revocation_endpoint": f"{ISSUER}/revoke",
            "capabilities": ["launch-ehr", "sso-openid-connect", "anything-else"],
            "grant_types_supported": ["authorization_code"],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_signing_alg_values_supported": ["RS384", "ES384"],
        }
        self.jwks: dict[str, Any] = {"keys": [public_jwk(SERVER_RSA, "rsa-1"), public_jwk(SERVER_EC, "ec-1")]}
        self.token: dict[str, Any] = {
            "access_token": "secret-access-1",
            "token_type": "Bearer",
            "expires_in": 3600,
            "scope": GRANTED,
            "patient": "patient-one",
            "encounter": "encounter-one",
            "refresh_token": "secret-refresh-1",
        }
        self.refreshed: dict[str, Any] = {
            "access_token": "secret-access-2",
            "token_type": "bearer",
            "expires_in": 3600,
            "refresh_token": "secret-refresh-2",
        }
        self.claims: dict[str, Any] = {}
        self.id_header: dict[str, Any] = {"alg": "RS256", "kid": "rsa-1"}
        self.id_key: RSAKey | ECKey | OctKey = SERVER_RSA
        self.id_token: Any = ""  # a text that is sent instead; None sends none
        self.nonce = ""
        self.forms: list[dict[str, str]] = []
        self.headers: list[httpx.Headers] = []
        self.router = respx.MockRouter(assert_all_called=False, assert_all_mocked=True)
        self.discovery_route = self.router.get(f"{ISS}/.well-known/smart-configuration")
        self.discovery_route.side_effect = lambda _: httpx.Response(200, json=self.configuration)
        self.jwks_route = self.router.get(f"{ISSUER}/jwks")
        self.jwks_route.side_effect = lambda _: httpx.Response(200, json=self.jwks)
        self.token_route = self.router.post(f"{ISSUER}/token")
        self.token_route.side_effect = self._answer_token
        self.revoke_route = self.router.post(f"{ISSUER}/revoke")
        self.revoke_route.side_effect = self._note_revocation
        self.revoked: list[str] = []

    @property
    def transport(self) -> httpx.MockTransport:
        """What our app is given instead of the network."""
        return httpx.MockTransport(self.router.async_handler)

    def signed(self) -> str:
        """An id_token that is right but for what a test changed."""
        now = int(self.clock().timestamp())
        claims = {
            "iss": ISSUER,
            "aud": CLIENT_ID,
            "sub": "secret-subject",
            "exp": now + 300,
            "iat": now,
            "nonce": self.nonce,
            "fhirUser": f"{ISS}/Practitioner/nurse-1",
        } | self.claims
        kept = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(self.id_header, kept, self.id_key, algorithms=[str(self.id_header["alg"])])

    def _answer_token(self, request: httpx.Request) -> httpx.Response:
        form = self._note(request)
        if form["grant_type"] == "refresh_token":
            return httpx.Response(200, json=self.refreshed)
        token = self.signed() if self.id_token == "" else self.id_token
        return httpx.Response(200, json=self.token | ({} if token is None else {"id_token": token}))

    def _note_revocation(self, request: httpx.Request) -> httpx.Response:
        self.revoked.append(self._note(request)["token"])
        return httpx.Response(200)

    def _note(self, request: httpx.Request) -> dict[str, str]:
        form = dict(parse_qsl(request.content.decode(), strict_parsing=True))
        self.forms.append(form)
        self.headers.append(request.headers)
        return form


class Site:
    """Our app, launched from the double, or from the servers behind ``transport``."""

    def __init__(self, **changes: Any) -> None:
        settings = {
            "iss": ISS,
            "client_id": CLIENT_ID,
        } | changes.pop("ehr", {})
        self.clock = changes.pop("clock", None) or Clock()
        self.ehr = EhrDouble(self.clock)
        transport = changes.pop("transport", None) or self.ehr.transport
        self.settings = SmartSettings(
            base_url=APP, ehrs=(EhrClient(**settings),), keys=changes.pop("keys", OUR_KEYS), **changes
        )
        self.store = SessionStore(None, self.settings.session_key, self.clock)
        self.login = SmartLogin(self.settings, self.store, self.clock, transport)
        self.app = FastAPI()
        inner = FastAPI()
        inner.include_router(launch_router(self.login, _list_ehrs))
        inner.add_exception_handler(PageError, _show)
        self.app.mount("/cds/smart", inner)
        self.browser = self.new_browser()

    def new_browser(self) -> TestClient:
        """A browser without cookies."""
        return TestClient(self.app, base_url="https://app.example", follow_redirects=False)

    def launch(self, browser: TestClient | None = None, iss: str = ISS, launch: str = "launch-1") -> Any:
        """Hit the launch URL."""
        return (browser or self.browser).get("/cds/smart/launch", params={"iss": iss, "launch": launch})

    def begin(self, browser: TestClient | None = None) -> dict[str, str]:
        """Launch, and return the parameters of the authorization request."""
        parameters = query_of(self.launch(browser))
        self.ehr.nonce = parameters["nonce"]
        return parameters

    def come_back(self, browser: TestClient | None = None, **parameters: str) -> Any:
        """Hit the redirect URI."""
        return (browser or self.browser).get("/cds/smart/callback", params=parameters)

    def sign_in(self, browser: TestClient | None = None) -> Any:
        """The whole login; the answer of the callback."""
        return self.come_back(browser, state=self.begin(browser)["state"], code="secret-code")

    def session_of(self, answer: Any) -> SmartSession:
        """The session that a callback opened."""
        assert answer.status_code == 303, answer.text
        sid = answer.headers["location"].split("/s/")[1].split("/")[0]
        secret = self.browser.cookies[f"__Host-s-{sid}"]
        found = self.store.find_session(sid, secret)
        assert found is not None
        return found

    def tokens_of(self, session: SmartSession) -> Tokens:
        """The tokens of a session."""
        found = self.store.tokens_of(session.sid)
        assert found is not None
        return found


def query_of(answer: Any) -> dict[str, str]:
    """The parameters of the address that an answer redirects to, none of them twice."""
    assert answer.status_code == 303, answer.text
    pairs = parse_qsl(urlsplit(answer.headers["location"]).query, strict_parsing=True)
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


def public_jwk(key: RSAKey | ECKey, kid: str | None) -> dict[str, Any]:
    """The public half of a key as servers publish it."""
    return {**key.as_dict(private=False), **({"kid": kid} if kid else {})}


def _list_ehrs(ehrs: Sequence[EhrClient]) -> Response:
    return PlainTextResponse("\n".join(ehr.label for ehr in ehrs))


async def _show(_: Request, error: Exception) -> Response:
    assert isinstance(error, PageError)
    return PlainTextResponse(f"{error.title}\n{error.text}", error.status)
