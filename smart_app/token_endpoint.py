"""Requests to the token endpoint: a code for tokens, a refresh token for new ones, a token given back.

We prove who we are anew with every request: by a signed assertion that lives four minutes, or by a secret as
HTTP Basic. A confidential app sends no ``client_id`` in the form. Nothing is sent twice.
"""

import base64
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote_plus

from smart_app.authorization_server import Fault, OutgoingRequests, ServerFaultError, json_object
from smart_app.discovery import ServerConfiguration
from smart_app.ehr_client import ClientAuth, EhrClient
from smart_app.keys import SigningKeys

ASSERTION_LASTS = timedelta(minutes=4)  # five are allowed; a minute is left for clocks that differ
_UNSTATED_SECONDS = 300.0
_LONGEST_SECONDS = 24 * 3600.0
_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_TOKEN = re.compile(r"[\x21-\x7e]{1,16000}")
_ERROR_CODE = re.compile(r"[a-z_]{1,60}")


class TokenRequestError(Exception):
    """There are no tokens. ``code`` is the server's OAuth error code, or one of ours; nothing else of it.

    ``sent`` says whether the code or refresh token may have reached the server, and is not to be used again.
    """

    def __init__(self, code: str, *, sent: bool) -> None:
        super().__init__(code)
        self.code = code
        self.sent = sent


@dataclass(frozen=True, slots=True)
class TokenAnswer:
    """A successful answer. ``scope`` is ``None`` where the server did not say what it granted.

    ``values`` is the whole answer, for the launch context; it holds the tokens too.
    """

    access_token: str = field(repr=False)
    refresh_token: str | None = field(repr=False)
    expires_at: datetime
    scope: str | None
    values: Mapping[str, Any] = field(repr=False)


class TokenEndpoint:
    """Asks token endpoints. ``now`` is real time (aware)."""

    def __init__(
        self, requests: OutgoingRequests, keys: SigningKeys, redirect_uri: str, now: Callable[[], datetime]
    ) -> None:
        self._requests = requests
        self._keys = keys
        self._redirect_uri = redirect_uri
        self._now = now

    async def exchange(
        self, ehr: EhrClient, configuration: ServerConfiguration, code: str, verifier: str
    ) -> TokenAnswer:
        """Exchange an authorization code. Raises :class:`TokenRequestError`."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._redirect_uri,
            "code_verifier": verifier,
        }
        return await self._ask(ehr, configuration, form)

    async def refresh(
        self, ehr: EhrClient, configuration: ServerConfiguration, refresh_token: str
    ) -> TokenAnswer:
        """Renew tokens with the scopes they have. Raises :class:`TokenRequestError`."""
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        return await self._ask(ehr, configuration, form)

    async def revoke(self, ehr: EhrClient, configuration: ServerConfiguration, token: str, kind: str) -> bool:
        """Give a token back (``kind``: ``access_token`` or ``refresh_token``). Whether the server took it."""
        if configuration.revocation_endpoint is None:
            return False
        try:
            form, authorization = self._authenticated(
                ehr, configuration, {"token": token, "token_type_hint": kind}
            )
            reply = await self._requests.post_form(configuration.revocation_endpoint, form, authorization)
        except (ServerFaultError, TokenRequestError):
            return False
        return reply.status == 200

    async def _ask(
        self, ehr: EhrClient, configuration: ServerConfiguration, form: dict[str, str]
    ) -> TokenAnswer:
        sent_form, authorization = self._authenticated(ehr, configuration, form)
        try:
            reply = await self._requests.post_form(configuration.token_endpoint, sent_form, authorization)
            if reply.status != 200:
                raise TokenRequestError(_error_code(reply.body), sent=True)
            return self._read(json_object(reply.body))
        except ServerFaultError as error:
            sent = error.fault not in (Fault.UNREACHABLE, Fault.FORBIDDEN)
            raise TokenRequestError(error.fault.value, sent=sent) from None

    def _authenticated(
        self, ehr: EhrClient, configuration: ServerConfiguration, form: dict[str, str]
    ) -> tuple[dict[str, str], str | None]:
        if ehr.auth is ClientAuth.CLIENT_SECRET_BASIC:
            pair = f"{quote_plus(ehr.client_id)}:{quote_plus(ehr.secret or '')}"
            return form, "Basic " + base64.b64encode(pair.encode()).decode()
        key = self._keys.choose(configuration.signing_algorithms, ehr.algorithm)
        if key is None:
            raise TokenRequestError("no-common-algorithm", sent=False)
        assertion = key.sign(
            {
                "iss": ehr.client_id,
                "sub": ehr.client_id,
                "aud": configuration.token_endpoint,
                "jti": secrets.token_urlsafe(32),
                "exp": int((self._now() + ASSERTION_LASTS).timestamp()),
            }
        )
        return {**form, "client_assertion_type": _ASSERTION_TYPE, "client_assertion": assertion}, None

    def _read(self, values: dict[str, Any]) -> TokenAnswer:
        access, kind = values.get("access_token"), values.get("token_type")
        refresh, scope = values.get("refresh_token"), values.get("scope")
        if not isinstance(access, str) or not _TOKEN.fullmatch(access):
            raise TokenRequestError("no-access-token", sent=True)
        if not isinstance(kind, str) or kind.casefold() != "bearer":
            raise TokenRequestError("not-a-bearer-token", sent=True)
        return TokenAnswer(
            access_token=access,
            refresh_token=refresh if isinstance(refresh, str) and _TOKEN.fullmatch(refresh) else None,
            expires_at=self._now() + timedelta(seconds=_seconds(values.get("expires_in"))),
            scope=scope if isinstance(scope, str) else None,
            values=values,
        )


def _seconds(value: Any) -> float:
    """How long a token lives; where the server does not say, five minutes."""
    try:
        seconds = float(value) if isinstance(value, int | float | str) and value is not True else 0.0
    except (ValueError, OverflowError):
        seconds = 0.0
    return min(seconds, _LONGEST_SECONDS) if seconds > 0 else _UNSTATED_SECONDS


def _error_code(body: bytes) -> str:
    try:
        code = json_object(body).get("error")
    except ServerFaultError:
        code = None
    return code if isinstance(code, str) and _ERROR_CODE.fullmatch(code) else "refused"
