"""Authorization requests: checked parameter by parameter, answered with a code or an error.

Nobody signs in and nobody consents here: whoever opens a chart of the sandbox is its one clinician. An app
that is opened from a chart gets its code at once; one that stands alone lets a patient be picked first.
"""

import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock
from urllib.parse import urlencode

from ehr_sandbox.smart_clients import Clients, RegisteredClient
from ehr_sandbox.smart_faults import CallbackIssuer, SmartFaults
from ehr_sandbox.smart_grants import Grant, Grants
from ehr_sandbox.smart_identity import FOREIGN_BASE
from ehr_sandbox.smart_launches import LaunchContext, Launches
from ehr_sandbox.smart_scopes import covers, spelled, unknown_scopes, without

_CHOICE_LASTS = timedelta(minutes=10)
_MOST_CHOICES, _MOST_SEEN = 200, 10_000
_LONGEST_VALUE = 4000
_CHALLENGE = re.compile(r"[A-Za-z0-9\-_]{43}")
# 22 characters of base64url hold 132 bits. Few different characters are no chance but a fixed text.
_UNPREDICTABLE = re.compile(r"[\x21-\x7e]{22,500}")
_LEAST_DIFFERENT = 8
_NOT_SUPPORTED = {"request": "request_not_supported", "request_uri": "request_uri_not_supported"}


class AuthorizationPageError(Exception):
    """A request that must not be answered by a redirect: it is not proven where to."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class _Refused(Exception):  # noqa: N818 - becomes a redirect, not an error of ours
    def __init__(self, error: str, text: str) -> None:
        super().__init__(text)
        self.error = error
        self.text = text


@dataclass(frozen=True, slots=True)
class PatientChoice:
    """A patient whom an app that stands alone may be opened for. ``label`` is shown."""

    patient_id: str
    label: str
    encounter_id: str | None = None


@dataclass(frozen=True, slots=True)
class Redirect:
    """Where the browser goes with a code or an error."""

    location: str


@dataclass(frozen=True, slots=True)
class Choosing:
    """A patient is to be picked first; ``request`` stands for the checked request, once."""

    request: str
    client_id: str
    redirect_uri: str


@dataclass(frozen=True, slots=True)
class _Request:
    client: RegisteredClient
    redirect_uri: str
    state: str
    scope: str
    challenge: str
    nonce: str | None


class Authorizations:
    """Answers authorization requests. ``now`` is real time (aware)."""

    def __init__(
        self,
        fhir_base: str,
        clients: Clients,
        launches: Launches,
        grants: Grants,
        faults: SmartFaults,
        patients: Callable[[], Sequence[PatientChoice]],
        now: Callable[[], datetime],
    ) -> None:
        self._fhir_base = fhir_base
        self._clients = clients
        self._launches = launches
        self._grants = grants
        self._faults = faults
        self._patients = patients
        self._now = now
        self._lock = Lock()
        self._choices: dict[str, tuple[datetime, _Request]] = {}
        self._seen: dict[str, None] = {}

    def authorize(self, parameters: Sequence[tuple[str, str]]) -> Redirect | Choosing:
        """Answer a request. Raises :class:`AuthorizationPageError` where nothing may be sent to a client."""
        client, redirect_uri = self._client(parameters)
        values = dict(parameters)
        state = values.get("state") or None
        try:
            request = self._check(client, redirect_uri, parameters)
            if "launch" not in values:
                return self._offer_choice(request)
            context = self._launches.take(values["launch"])
            if context is None:
                raise _Refused("invalid_request", "launch is unknown, used or too old")
            return self._grant(request, context)
        except _Refused as refused:
            return self._error(redirect_uri, state, refused)

    def choose(self, request: str, patient_id: str) -> Redirect:
        """Answer a request with the patient that was picked. Raises :class:`AuthorizationPageError`."""
        with self._lock:
            until, waiting = self._choices.pop(request, (None, None))
        if until is None or waiting is None or self._now() > until:
            raise AuthorizationPageError("This choice was made before, or has waited too long.")
        for choice in self._patients():
            if choice.patient_id == patient_id:
                encounter = choice.encounter_id if "launch/encounter" in waiting.scope.split() else None
                try:
                    return self._grant(waiting, LaunchContext(patient_id, encounter))
                except _Refused as refused:
                    return self._error(waiting.redirect_uri, waiting.state, refused)
        raise AuthorizationPageError("There is no such patient.")

    def _client(self, parameters: Sequence[tuple[str, str]]) -> tuple[RegisteredClient, str]:
        named = [value for name, value in parameters if name == "client_id"]
        asked = [value for name, value in parameters if name == "redirect_uri"]
        client = self._clients.find(named[0]) if len(named) == 1 else None
        if client is None:
            raise AuthorizationPageError("client_id is no registered client.")
        if len(asked) != 1 or asked[0] not in client.redirect_uris:
            raise AuthorizationPageError("redirect_uri is not one that this client has registered.")
        return client, asked[0]

    def _check(
        self, client: RegisteredClient, redirect_uri: str, parameters: Sequence[tuple[str, str]]
    ) -> _Request:
        values = dict(parameters)
        if len(values) != len(parameters):
            raise _Refused("invalid_request", "a parameter stands twice")
        if any(len(value) > _LONGEST_VALUE for value in values.values()):
            raise _Refused("invalid_request", "a parameter is too long")
        for name, error in _NOT_SUPPORTED.items():
            if name in values:
                raise _Refused(error, f"{name} is not supported")
        if "max_age" in values:
            raise _Refused("invalid_request", "max_age is not supported")
        if values.get("response_type") != "code":
            error = "unsupported_response_type" if "response_type" in values else "invalid_request"
            raise _Refused(error, "response_type must be code")
        if not _unpredictable(values.get("state", "")):
            raise _Refused("invalid_request", "state must hold at least 122 bits that nobody can guess")
        if values.get("aud") != self._fhir_base:
            raise _Refused("invalid_request", "aud is not the FHIR base of this server")
        if values.get("code_challenge_method") != "S256":
            raise _Refused("invalid_request", "code_challenge_method must be S256")
        if not _CHALLENGE.fullmatch(values.get("code_challenge", "")):
            raise _Refused("invalid_request", "code_challenge must be 43 characters of base64url")
        scope, nonce = values.get("scope", ""), values.get("nonce")
        _check_scope(client, scope, launched="launch" in values)
        if "openid" in scope.split() and not _unpredictable(nonce or ""):
            raise _Refused("invalid_request", "nonce must come with openid, and be one that nobody can guess")
        return _Request(client, redirect_uri, values["state"], scope, values["code_challenge"], nonce)

    def _offer_choice(self, request: _Request) -> Choosing:
        choice, now = secrets.token_urlsafe(32), self._now()
        with self._lock:
            while len(self._choices) >= _MOST_CHOICES:
                del self._choices[next(iter(self._choices))]
            self._choices[choice] = (now + _CHOICE_LASTS, request)
        return Choosing(choice, request.client.client_id, request.redirect_uri)

    def _grant(self, request: _Request, context: LaunchContext) -> Redirect:
        self._see(request)
        if self._faults.callback_error is not None:
            raise _Refused(self._faults.callback_error, "the sandbox was told to refuse")
        scope = without(request.scope, self._faults.withheld_scopes)
        grant = Grant(
            client_id=request.client.client_id,
            scope=spelled(scope, self._faults.scope_spelling),
            patient_id=context.patient_id,
            context=context,
            nonce=request.nonce,
        )
        code = self._grants.give_code(grant, request.redirect_uri, request.challenge)
        return self._answer(request.redirect_uri, {"code": code, "state": request.state})

    def _see(self, request: _Request) -> None:
        """Refuse what must be one for each request: ``state``, ``nonce`` and challenge."""
        marks = {f"state {request.state}", f"challenge {request.challenge}"}
        if request.nonce is not None:
            marks.add(f"nonce {request.nonce}")
        with self._lock:
            repeated = marks & self._seen.keys()
            if not repeated:
                while len(self._seen) >= _MOST_SEEN:
                    del self._seen[next(iter(self._seen))]
                self._seen.update(dict.fromkeys(marks))
        if repeated:
            raise _Refused(
                "invalid_request", "state, nonce and code_challenge are made anew for each request"
            )

    def _error(self, redirect_uri: str, state: str | None, refused: _Refused) -> Redirect:
        answer = {"error": refused.error, "error_description": refused.text}
        if state is not None and not self._faults.errors_without_state:
            answer["state"] = state
        return self._answer(redirect_uri, answer)

    def _answer(self, redirect_uri: str, answer: Mapping[str, str]) -> Redirect:
        issuers = {CallbackIssuer.RIGHT: self._fhir_base, CallbackIssuer.WRONG: FOREIGN_BASE}
        issuer = issuers.get(self._faults.callback_issuer)
        named = {**answer, "iss": issuer} if issuer else answer
        return Redirect(f"{redirect_uri}{'&' if '?' in redirect_uri else '?'}{urlencode(named)}")


def _check_scope(client: RegisteredClient, scope: str, *, launched: bool) -> None:
    asked = scope.split()
    if not asked:
        raise _Refused("invalid_scope", "scope is missing")
    if unknown_scopes(scope):
        raise _Refused("invalid_scope", "scope holds one that is not known here")
    if client.scopes and not covers(client.scopes, scope):
        raise _Refused("invalid_scope", "scope holds one that this client has not registered")
    if "fhirUser" in asked and "openid" not in asked:
        raise _Refused("invalid_scope", "fhirUser needs openid")
    picks = "launch/patient" in asked
    if launched and (picks or "launch/encounter" in asked):
        raise _Refused("invalid_request", "a launch from the chart brings its context: no launch/ scopes")
    if launched != ("launch" in asked):
        raise _Refused("invalid_request", "launch comes as a parameter and as a scope, or as neither")
    if not launched and not picks:
        raise _Refused("invalid_scope", "nothing opens here without a patient: ask for launch/patient")


def _unpredictable(value: str) -> bool:
    return _UNPREDICTABLE.fullmatch(value) is not None and len(set(value)) >= _LEAST_DIFFERENT
