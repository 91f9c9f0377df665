"""What travels: requests read tolerantly, answers written strictly.

Unknown members of a request are skipped without being built. Prefetch values stay raw: one that cannot be
read is a gap of its own, not the end of the request. Answers hold no ``null`` and nothing empty but
``cards``.
"""

import re
from collections.abc import Mapping
from typing import Any

import msgspec
from fastapi import Request, Response

from cds_service.outcome import HookError, IssueCode

_JSON_TYPES = frozenset({"", "application/json", "application/fhir+json", "application/json+fhir"})
_PATIENT_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_PLAIN = frozenset({str, int, float, bool, list, tuple, type(None)})


class HookContext(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """Context of our hooks. ``userId`` is required by them and not used here, so not insisted on.

    ``draft_orders`` and ``selections`` are of the order hooks, which look at them; empty where not sent.
    """

    patient_id: str
    user_id: str | None = None
    encounter_id: str | None = None
    draft_orders: msgspec.Raw = msgspec.Raw()
    selections: msgspec.Raw = msgspec.Raw()


class FhirAuthorization(msgspec.Struct, frozen=True, gc=False):
    """A bearer token for the FHIR server. It is used for this request and then forgotten."""

    access_token: str
    token_type: str | None = None
    expires_in: float | None = None
    scope: str | None = None
    patient: str | None = None

    def __repr__(self) -> str:
        """Keep the token out of any log line and traceback."""
        return "FhirAuthorization(...)"


class HookRequest(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """A hook request as far as it is read."""

    hook: str
    hook_instance: str
    context: HookContext
    fhir_server: str | None = None
    fhir_authorization: FhirAuthorization | None = None
    prefetch: dict[str, msgspec.Raw] | None = None

    def __repr__(self) -> str:
        """Keep patients and tokens out of any log line and traceback."""
        return f"HookRequest(hook={self.hook!r}, ...)"


_decode_request = msgspec.json.Decoder(HookRequest).decode


def read_hook_request(body: bytes, hook: str) -> HookRequest:
    """Decode and check a request for ``hook``. Raises :class:`HookError` (400) that echoes nothing."""
    request: HookRequest = decode_body(body, _decode_request)
    if request.hook != hook:
        raise HookError(400, IssueCode.NOT_SUPPORTED, f"this service serves the hook {hook} only")
    if not request.hook_instance.strip():
        raise HookError(400, IssueCode.REQUIRED, "hookInstance must not be empty")
    if not _PATIENT_ID.fullmatch(request.context.patient_id):
        raise HookError(400, IssueCode.INVALID, "context.patientId must be the bare id of a Patient")
    authorization = request.fhir_authorization
    if authorization is not None:
        if request.fhir_server is None:
            raise HookError(400, IssueCode.REQUIRED, "fhirAuthorization needs fhirServer")
        if authorization.patient and authorization.patient != request.context.patient_id:
            raise HookError(
                400, IssueCode.SECURITY, "fhirAuthorization is for another patient than the context"
            )
    return request


def decode_body(body: bytes, decode: Any) -> Any:
    """Decode a JSON body with a msgspec decoder. Raises :class:`HookError` (400) that echoes nothing."""
    try:
        if not body.isascii():
            # Raw values are skipped without a look at their encoding: better refused here than found out
            # later.
            body.decode("utf-8")
        return decode(body)
    except msgspec.ValidationError as error:
        raise HookError(400, IssueCode.STRUCTURE, _where(error)) from None
    except RecursionError:
        raise HookError(400, IssueCode.STRUCTURE, "the body is nested too deeply") from None
    except (msgspec.MsgspecError, UnicodeError, ValueError, OverflowError):
        raise HookError(400, IssueCode.STRUCTURE, "the body is not valid JSON in UTF-8") from None


def _where(error: msgspec.ValidationError) -> str:
    """Name the member that is missing or of a wrong type, but only where that is a name of ours."""
    text = str(error)
    if match := re.fullmatch(r"Object missing required field `(\w+)`(?: - at `\$([\w.]*)`)?", text):
        return f"required member {(match[2] or '').lstrip('.')}{'.' if match[2] else ''}{match[1]} is missing"
    if match := re.search(r" - at `\$\.(\w[\w.]*)`$", text):
        return f"member {match[1]} has a wrong type"
    return "the body must be a JSON object of the shape that CDS Hooks 2.0 states"


async def read_body(request: Request, cap_bytes: int) -> bytes:
    """Receive a JSON body, refusing early: 415 for another type or a compressed body, 413 beyond the cap."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().casefold()
    if media_type not in _JSON_TYPES:
        raise HookError(415, IssueCode.NOT_SUPPORTED, "send application/json")
    if request.headers.get("content-encoding", "identity").strip().casefold() not in ("", "identity"):
        raise HookError(415, IssueCode.NOT_SUPPORTED, "send the body without content encoding")
    too_long = HookError(413, IssueCode.TOO_LONG, f"the body is longer than {cap_bytes} bytes")
    declared = request.headers.get("content-length", "0")
    if declared.isdecimal() and int(declared[:20]) > cap_bytes:
        raise too_long
    chunks: list[bytes] = []
    received = 0
    async for chunk in request.stream():
        received += len(chunk)
        if received > cap_bytes:
            raise too_long
        chunks.append(chunk)
    return b"".join(chunks)


def drop_empty(value: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out every member that is ``None``, ``""``, ``[]`` or ``{}``, at every depth.

    List items that become empty go too. ``False`` and ``0`` are values and stay.
    """
    kept: dict[str, Any] = {}
    for name, member in value.items():
        if type(member) is str:  # asked first and here, as most members are text
            if member:
                kept[name] = member
        elif (clean := _clean(member)) is not None:
            kept[name] = clean
    return kept


def _clean(value: Any) -> Any:
    # The exact type first: to ask for the abstract one costs several times as much.
    kind = type(value)
    if kind is dict or (kind not in _PLAIN and isinstance(value, Mapping)):
        return drop_empty(value) or None
    if isinstance(value, list | tuple):
        return [clean for item in value if (clean := _clean(item)) is not None] or None
    return (value or None) if isinstance(value, str) else value


def hook_response(cards: list[dict[str, Any]], extension: Mapping[str, Any] | None = None) -> Response:
    """Build a 200 answer. ``cards`` is always there, even empty; nothing else empty is."""
    content: dict[str, Any] = {"cards": [drop_empty(card) for card in cards]}
    if extension and (clean := drop_empty(extension)):
        content["extension"] = clean
    return Response(msgspec.json.encode(content), media_type="application/json")
