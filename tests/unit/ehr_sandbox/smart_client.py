"""A small SMART client and an authorization server for it, with a clock that a test moves."""

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

from fastapi import FastAPI
from fastapi.testclient import TestClient
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from ehr_sandbox.smart_clients import ASSERTION_TYPE
from ehr_sandbox.smart_grants import challenge_of
from ehr_sandbox.smart_identity import SigningKeys
from ehr_sandbox.smart_server import (
    LaunchContext,
    PatientChoice,
    RegisteredClient,
    SmartFaults,
    SmartServer,
)

ORIGIN = "http://127.0.0.1:8001"
BASE = f"{ORIGIN}/fhir"
AUTHORIZE, TOKEN, REVOKE = "/auth/authorize", "/auth/token", "/auth/revoke"
CLIENT_ID, SECRET_CLIENT, SECRET = "cart-app", "old app", "s3cret:& of ours"
REDIRECT = "http://127.0.0.1:8000/smart/callback"
LAUNCH = "http://127.0.0.1:8000/smart/launch"
JKU = "http://127.0.0.1:8000/smart/.well-known/jwks.json"
RECORD = "patient/Patient.r patient/Observation.crus user/Practitioner.r"
SCOPE = f"launch openid fhirUser online_access {RECORD}"
STANDALONE = f"launch/patient launch/encounter openid fhirUser online_access {RECORD}"
CONTEXT = LaunchContext("adler", "stay-1")
PATIENTS = (PatientChoice("adler", "Adler <A>", "stay-1"), PatientChoice("brand", "Brand", "stay-2"))

SERVER_KEYS = SigningKeys.generate()
RSA = RSAKey.generate_key(2048, {"kid": "rsa"})
EC = ECKey.generate_key("P-384", {"kid": "ec"})
KEYS: Mapping[str, RSAKey | ECKey] = {"RS384": RSA, "ES384": EC}
JWKS: dict[str, Any] = {"keys": [RSA.as_dict(private=False), EC.as_dict(private=False)]}


class Clock:
    """Real time, moved by hand."""

    def __init__(self) -> None:
        self.at = datetime(2026, 3, 4, 8, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at

    def move(self, **span: float) -> None:
        self.at += timedelta(**span)

    @property
    def seconds(self) -> int:
        return int(self.at.timestamp())


class Site:
    """A server and the app that is registered with it."""

    def __init__(self, *, open_reads: bool = False, jwks: Any = JWKS, scopes: str = "") -> None:
        self.clock = Clock()
        self.faults = SmartFaults()
        self.server = SmartServer(
            BASE,
            [
                RegisteredClient(CLIENT_ID, (REDIRECT,), LAUNCH, jwks=jwks, jwks_url=JKU, scopes=scopes),
                RegisteredClient(SECRET_CLIENT, (REDIRECT,), LAUNCH, secret=SECRET),
            ],
            clock=self.clock,
            faults=self.faults,
            open_reads=open_reads,
            patients=lambda: PATIENTS,
            keys=SERVER_KEYS,
        )
        app = FastAPI()
        app.include_router(self.server.router())
        self.http = TestClient(app, base_url=ORIGIN, follow_redirects=False)
        self.verifier = ""

    def request(self, context: LaunchContext | None = CONTEXT, **changes: str | None) -> dict[str, str]:
        """The parameters of a good authorization request, with changes; ``None`` leaves one out."""
        self.verifier = secrets.token_urlsafe(48)
        values: dict[str, str | None] = {
            "response_type": "code",
            "client_id": CLIENT_ID,
            "redirect_uri": REDIRECT,
            "scope": SCOPE if context else STANDALONE,
            "state": secrets.token_urlsafe(32),
            "aud": BASE,
            "code_challenge": challenge_of(self.verifier),
            "code_challenge_method": "S256",
            "nonce": secrets.token_urlsafe(32),
            "launch": self.server.begin_launch(context) if context else None,
        }
        values |= changes
        return {name: value for name, value in values.items() if value is not None}

    def authorize(self, context: LaunchContext | None = CONTEXT, **changes: str | None) -> dict[str, str]:
        """What a launch brings to the callback."""
        return called_back(self.http.get(AUTHORIZE, params=self.request(context, **changes)))

    def code(self, context: LaunchContext = CONTEXT, **changes: str | None) -> str:
        return self.authorize(context, **changes)["code"]

    def assertion(
        self,
        algorithm: str = "ES384",
        header: Mapping[str, Any] | None = None,
        key: RSAKey | ECKey | None = None,
        **changes: Any,
    ) -> dict[str, str]:
        """The two members of a form by which the app proves who it is; ``None`` leaves a claim out."""
        signing = key or KEYS[algorithm]
        heads = {"alg": algorithm, "kid": signing.kid, "typ": "JWT", **(header or {})}
        claims = {
            "iss": CLIENT_ID,
            "sub": CLIENT_ID,
            "aud": ORIGIN + TOKEN,
            "jti": secrets.token_urlsafe(16),
            "iat": self.clock.seconds,
            "exp": self.clock.seconds + 240,
            **changes,
        }
        kept = {name: value for name, value in claims.items() if value is not None}
        heads = {name: value for name, value in heads.items() if value is not None}
        signed = jwt.encode(heads, kept, signing, algorithms=[algorithm], default_type=None)
        return {"client_assertion_type": ASSERTION_TYPE, "client_assertion": signed}

    def exchange_form(self, code: str, /, **changes: str | None) -> dict[str, str]:
        values: dict[str, str | None] = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": REDIRECT,
            "code_verifier": self.verifier,
            **self.assertion(),
            **changes,
        }
        return {name: value for name, value in values.items() if value is not None}

    def exchange(self, code: str, /, **changes: str | None) -> Any:
        return self.http.post(TOKEN, data=self.exchange_form(code, **changes))

    def refresh(self, token: str, **changes: str) -> Any:
        form = {"grant_type": "refresh_token", "refresh_token": token, **self.assertion(), **changes}
        return self.http.post(TOKEN, data=form)

    def tokens(self, context: LaunchContext = CONTEXT, **changes: str | None) -> dict[str, Any]:
        """The token answer of a whole launch."""
        answer = self.exchange(self.code(context, **changes))
        assert answer.status_code == 200, answer.text
        document: dict[str, Any] = answer.json()
        return document


def called_back(answer: Any) -> dict[str, str]:
    """The parameters at the registered callback."""
    assert answer.status_code in (302, 303), answer.text
    location = answer.headers["location"]
    assert location.partition("?")[0] == REDIRECT
    return {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}


def refused(answer: Any) -> tuple[int, str, str]:
    """The status, error code and text of a refusal at the token endpoint."""
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    document = answer.json()
    return answer.status_code, document["error"], document["error_description"]
