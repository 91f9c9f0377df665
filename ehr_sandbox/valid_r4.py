"""Strict validation of what is written: FHIR R4, exactly as JSON writes it.

``fhir.resources`` finds missing, unknown and misplaced elements, but reads generously: it takes a number
for a date, ``null`` for nothing and any word for a status. What it read must therefore have the shape of what
was sent. Profiles and terminologies are not looked at.
"""

from collections.abc import Mapping
from typing import Any

from ehr_sandbox.as_of import versions_of
from ehr_sandbox.record import Resource
from ehr_sandbox.refusal import RefusedError
from ehr_sandbox.search import SEARCH_PARAMETERS, spans_of

# The library's own lists end in "+" where the standard's are long.
_LONG_STATUSES = {
    "Observation": "registered preliminary final amended corrected cancelled entered-in-error unknown",
    "DiagnosticReport": (
        "registered partial preliminary final amended corrected appended cancelled entered-in-error unknown"
    ),
}


def require_valid(kind: str, body: object) -> Resource:
    """Return the body as a valid resource of that type. Raises :class:`RefusedError` (400, 422)."""
    if not isinstance(body, dict):
        raise RefusedError(400, "structure", "not a resource")
    if body.get("resourceType") != kind:
        raise RefusedError(400, "structure", f"the body is not a {kind}")
    # Loading it takes its time, and an endpoint that is only read from never needs it.
    from fhir.resources.R4B import get_fhir_model_class

    model = get_fhir_model_class(kind)
    try:
        read = model.model_validate(body)
        same = _has_shape(read.model_dump(mode="json"), body)
    except (ValueError, TypeError, ArithmeticError, LookupError, RecursionError):
        # The library's words would repeat the values.
        raise RefusedError(422, "invalid", f"not a valid R4 {kind}") from None
    if not same or not _has_known_codes(kind, model.model_fields, body):
        raise RefusedError(422, "invalid", f"not a valid R4 {kind}")
    _require_readable_times(kind, body)
    return body


def _has_shape(read: object, sent: object) -> bool:
    """Whether both are alike but for the values: the same members, lengths and JSON types."""
    match read, sent:
        case dict(), dict():
            return read.keys() == sent.keys() and all(_has_shape(read[name], sent[name]) for name in sent)
        case list(), list():
            return (
                0 < len(sent) == len(read)
                and all(_has_shape(*pair) for pair in zip(read, sent, strict=True))
                and any(one is not None for one in sent)
            )
        case bool(), _:
            return isinstance(sent, bool)
        case ((int() | float()), (int() | float())):
            return not isinstance(sent, bool)
        case _:
            return type(read) is type(sent)


def _has_known_codes(kind: str, fields: Mapping[str, Any], body: Resource) -> bool:
    for name, field in fields.items():
        known = (field.json_schema_extra or {}).get("enum_values", ())
        if "+" in known:
            known = _LONG_STATUSES[kind].split() if name == "status" and kind in _LONG_STATUSES else ()
        value = body.get(name)
        if known and isinstance(value, str) and value not in known:
            return False
    return True


def _require_readable_times(kind: str, body: Resource) -> None:
    """Refuse times that searches could not compare later, such as a leap second."""
    try:
        versions_of(body)
        for name in SEARCH_PARAMETERS.get(kind, ()):
            spans_of(kind, name, body)
    except ValueError:
        raise RefusedError(422, "value", "a time that cannot be read") from None
