"""A resource on its way to a server, and whether what comes back is that resource.

What leaves is valid R4 and has an identifier by which it is found again. What a server gives back is ours
only where it carries that identifier and is about the same patient, whatever its address says.
"""

import re
from typing import Any
from urllib.parse import quote

import msgspec

Resource = dict[str, Any]

TYPE_NAME = re.compile(r"[A-Z][A-Za-z]{1,63}")
ID = re.compile(r"[A-Za-z0-9.-]{1,64}")
_LOCATION = re.compile(
    r"(?:.*/)?([A-Z][A-Za-z]{1,63})/([A-Za-z0-9.-]{1,64})(?:/_history/[A-Za-z0-9.-]{1,64})?/?"
)
# What a server may write by itself into a resource that it took.
_SERVERS_OWN = frozenset({"meta", "text", "issued"})


class InvalidResourceError(ValueError):
    """A resource that must not leave: not valid R4, or without what a safe write needs. Names no values."""


def check_resource(resource: Resource) -> str:
    """The type of a resource that is valid R4. Raises :class:`InvalidResourceError`."""
    # Loading takes its time, and is wanted here alone: reading never uses it.
    from fhir.resources.R4B import get_fhir_model_class

    kind = resource.get("resourceType")
    if not isinstance(kind, str) or not TYPE_NAME.fullmatch(kind):
        raise InvalidResourceError("not a resource")
    try:
        get_fhir_model_class(kind).model_validate(resource)
    except (ValueError, KeyError, LookupError):  # the validator's own text would repeat the values
        raise InvalidResourceError(f"not a valid R4 {kind}") from None
    return kind


def identifier_search(resource: Resource) -> str:
    """The search that finds a resource by its first identifier, percent-encoded."""
    system, value = identifier_of(resource)
    return "identifier=" + quote(f"{system}|{value}", safe="")


def identifier_of(resource: Resource) -> tuple[str, str]:
    """System and value of the first identifier. Raises :class:`InvalidResourceError` where there is none."""
    try:
        first = resource["identifier"][0]
        system, value = first["system"], first["value"]
    except (KeyError, IndexError, TypeError):
        raise InvalidResourceError("a resource is written with an identifier of system and value") from None
    if not system or not value or re.search(r"[\s|$,\\]", system + value):
        # These are escaped in searches, and servers differ in how: a second write might not find the first.
        raise InvalidResourceError("an identifier that searches cannot name")
    return system, value


def id_in(location: str | None, content: bytes, kind: str) -> str | None:
    """The id that the answer to a create names: that of its ``Location``, else that of its body.

    The location may name another server, and is not followed.
    """
    match = _LOCATION.fullmatch(location or "")
    if match is not None and match[1] == kind:
        return match[2]
    try:
        body = msgspec.json.decode(content)
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return None
    found = body.get("id") if isinstance(body, dict) and body.get("resourceType") == kind else None
    return found if isinstance(found, str) and ID.fullmatch(found) else None


def is_named(found: Resource, kind: str, resource_id: str) -> bool:
    """Whether a resource is of this type and id."""
    return found.get("resourceType") == kind and found.get("id") == resource_id


def is_ours(found: Resource, sent: Resource) -> bool:
    """Whether it is what was sent: our identifier, and the same patient."""
    system, value = identifier_of(sent)
    identifiers = found.get("identifier")
    return is_about_the_same(found, sent) and any(
        isinstance(identifier, dict)
        and identifier.get("system") == system
        and identifier.get("value") == value
        for identifier in (identifiers if isinstance(identifiers, list) else ())
    )


def is_about_the_same(found: Resource, sent: Resource) -> bool:
    """Whether both are about one patient, or both about none."""
    return patient_of(found) == patient_of(sent)


def patient_of(resource: Resource) -> str | None:
    """The id of the patient that a resource is about."""
    subject = resource.get("subject")
    reference = subject.get("reference") if isinstance(subject, dict) else None
    match = _LOCATION.fullmatch(reference) if isinstance(reference, str) else None
    return match[2] if match is not None and match[1] == "Patient" else None


def holds(found: Resource, sent: Resource) -> bool:
    """Whether the server has everything as it was sent."""
    return all(found.get(name) == value for name, value in sent.items() if name not in _SERVERS_OWN)
