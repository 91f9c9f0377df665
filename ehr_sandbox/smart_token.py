"""The token endpoint: a code or a refresh token for tokens, and tokens given back.

Errors are those of RFC 6749; they say what is wrong with the request and nothing of the record.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

from ehr_sandbox.smart_clients import ClientRefusedError, Clients, RegisteredClient
from ehr_sandbox.smart_faults import SmartFaults
from ehr_sandbox.smart_grants import GrantRefusedError, Grants, Issued
from ehr_sandbox.smart_identity import Identities

TOKEN_SECONDS = 900
FORM = "application/x-www-form-urlencoded"
_LARGEST_FORM = 64 * 1024


class TokenRefusedError(Exception):
    """A request is refused with ``status`` and the error code of RFC 6749."""

    def __init__(self, status: int, error: str, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.error = error
        self.text = text


class TokenRequests:
    """Answers forms to the token and revocation endpoints. ``authorization`` is the request header."""

    def __init__(self, clients: Clients, grants: Grants, identities: Identities, faults: SmartFaults) -> None:
        self._clients = clients
        self._grants = grants
        self._identities = identities
        self._faults = faults

    def answer(self, authorization: str | None, form: Mapping[str, str]) -> dict[str, Any]:
        """The token answer. Raises :class:`TokenRefusedError`."""
        client = self._authenticate(authorization, form)
        try:
            match form.get("grant_type"):
                case "authorization_code":
                    return self._exchange(client, form)
                case "refresh_token":
                    return self._renew(client, form)
                case None:
                    raise TokenRefusedError(400, "invalid_request", "grant_type is missing")
                case _:
                    raise TokenRefusedError(400, "unsupported_grant_type", "grant_type is not supported")
        except GrantRefusedError as refused:
            raise TokenRefusedError(400, refused.error, refused.text) from None

    def revoke(self, authorization: str | None, form: Mapping[str, str]) -> None:
        """Take a token back (RFC 7009). Raises :class:`TokenRefusedError`."""
        client = self._authenticate(authorization, form)
        try:
            self._grants.revoke(_needed(form, "token"), client.client_id)
        except GrantRefusedError as refused:
            raise TokenRefusedError(400, refused.error, refused.text) from None

    def _authenticate(self, authorization: str | None, form: Mapping[str, str]) -> RegisteredClient:
        try:
            return self._clients.authenticate(authorization, form)
        except ClientRefusedError as refused:
            status = 401 if refused.error == "invalid_client" else 400
            raise TokenRefusedError(status, refused.error, refused.text) from None

    def _exchange(self, client: RegisteredClient, form: Mapping[str, str]) -> dict[str, Any]:
        issued = self._grants.exchange(
            _needed(form, "code"),
            client.client_id,
            _needed(form, "redirect_uri"),
            _needed(form, "code_verifier"),
            seconds=self._seconds(),
            renewable=not self._faults.no_refresh_token,
        )
        answer = self._members(issued)
        if "openid" in issued.grant.scope.split() and not self._faults.no_id_token:
            answer["id_token"] = self._identities.id_token(issued.grant)
        return answer

    def _renew(self, client: RegisteredClient, form: Mapping[str, str]) -> dict[str, Any]:
        token, scope = _needed(form, "refresh_token"), form.get("scope")
        issued = self._grants.renew(token, client.client_id, scope, seconds=self._seconds())
        answer = self._members(issued)
        if self._faults.id_token_on_refresh:
            answer["id_token"] = self._identities.id_token_of_refresh(issued.grant)
        return answer

    def _members(self, issued: Issued) -> dict[str, Any]:
        answer: dict[str, Any] = {"access_token": issued.access_token, "token_type": "Bearer"}
        if not self._faults.no_expires_in:
            answer["expires_in"] = issued.seconds
        if not self._faults.omits_scope:
            answer["scope"] = issued.grant.scope
        if issued.refresh_token is not None:
            answer["refresh_token"] = issued.refresh_token
        if issued.grant.context is not None:
            answer |= issued.grant.context.members()
        if self._faults.no_patient:
            answer.pop("patient", None)
        return answer

    def _seconds(self) -> int:
        return TOKEN_SECONDS if self._faults.token_seconds is None else self._faults.token_seconds


def read_form(content_type: str, query: str, body: bytes) -> dict[str, str]:
    """Read a posted form strictly. Raises :class:`TokenRefusedError`."""
    if content_type.partition(";")[0].strip().casefold() != FORM:
        raise TokenRefusedError(400, "invalid_request", f"the request must be {FORM}")
    if query:
        raise TokenRefusedError(400, "invalid_request", "parameters belong into the form, not the address")
    if len(body) > _LARGEST_FORM:
        raise TokenRefusedError(413, "invalid_request", "the form is too large")
    pairs = form_pairs(body)
    form = dict(pairs)
    if len(form) != len(pairs):
        raise TokenRefusedError(400, "invalid_request", "a parameter stands twice")
    # What is sent empty counts as not sent (RFC 6749, 3.2).
    return {name: value for name, value in form.items() if value}


def form_pairs(body: bytes) -> Sequence[tuple[str, str]]:
    """The pairs of a form, empty values too; none where it cannot be read."""
    try:
        return parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=50)
    except ValueError:
        return []


def _needed(form: Mapping[str, str], name: str) -> str:
    value = form.get(name)
    if value is None:
        raise TokenRefusedError(400, "invalid_request", f"{name} is missing")
    return value
