"""Saving to the shelf: only valid R4, only of a patient who is here, and once for each identifier.

Errors are :class:`ehr_sandbox.refusal.RefusedError` with a status and words that hold nothing of a patient.
Patients, practitioners and encounters are the ward's and cannot be written. Who may write is not asked here.
"""

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl

from ehr_sandbox.record import Resource
from ehr_sandbox.refusal import RefusedError
from ehr_sandbox.search import SEARCH_PARAMETERS, SearchError
from ehr_sandbox.shelf import Shelf, VersionConflictError
from ehr_sandbox.valid_r4 import require_valid

WRITABLE = frozenset(SEARCH_PARAMETERS) - {"Patient", "Practitioner", "Encounter"}
ID = re.compile(r"[A-Za-z0-9.-]{1,64}")
_PATIENT = re.compile(r"Patient/([A-Za-z0-9.-]{1,64})")
_VERSION = re.compile(r'(?:W/)?"([A-Za-z0-9.-]{1,64})"')


@dataclass(frozen=True, slots=True)
class Saved:
    """A resource as it is kept; ``created`` is false where one was there already, or was replaced."""

    resource: Resource
    created: bool


def patient_of(resource: object) -> str | None:
    """Return the id of the patient that a resource is about, ``None`` where it names none."""
    if not isinstance(resource, dict):
        return None
    if resource.get("resourceType") == "Patient":
        id_ = resource.get("id")
        return id_ if isinstance(id_, str) else None
    subject = resource.get("subject")
    reference = subject.get("reference") if isinstance(subject, dict) else None
    match = _PATIENT.fullmatch(reference) if isinstance(reference, str) else None
    return match[1] if match else None


def require_writable(kind: str) -> None:
    """Raise 405 for a type that is read only here."""
    if kind not in WRITABLE:
        raise RefusedError(405, "not-supported", f"{kind} cannot be written here")


def create_resource(shelf: Shelf, resource: object, if_none_exist: str | None = None) -> Saved:
    """Save a new resource under an id of the shelf's; its own id and version are left out.

    ``if_none_exist`` is a query with an ``identifier``, as in the header of that name: where one resource of
    the same patient matches, that one is returned and nothing is saved. Several, or one of another patient,
    are a 412.
    """
    kind = _kind_of(resource)
    valid = require_valid(kind, resource)
    with shelf.atomic():
        _require_links(shelf, valid)
        if if_none_exist is not None:
            found = _matches(shelf, kind, if_none_exist)
            if len(found) > 1 or any(patient_of(one) != patient_of(valid) for one in found):
                raise RefusedError(
                    412, "duplicate", "the condition does not name one resource of this patient"
                )
            if found:
                return Saved(found[0], created=False)
        return Saved(shelf.create(_without_server_parts(valid)), created=True)


def update_resource(shelf: Shelf, id_: str, resource: object, if_match: str | None = None) -> Saved:
    """Replace a resource by id. ``if_match`` is the header: another version than the present one is a 412.

    A resource that is not there is a 404: ids are the shelf's to give. It stays with its patient (422).
    """
    kind = _kind_of(resource)
    valid = require_valid(kind, resource)
    if valid.get("id") != id_:
        raise RefusedError(400, "value", "the id of the body is not that of the address")
    version = None
    if if_match is not None:
        match = _VERSION.fullmatch(if_match.strip())
        if match is None:
            raise RefusedError(400, "value", "If-Match is not an ETag")
        version = match[1]
    with shelf.atomic():
        present = shelf.read(kind, id_)
        if present is None:
            raise not_found()
        _require_links(shelf, valid)
        if patient_of(present) != patient_of(valid):
            raise RefusedError(422, "business-rule", "a resource stays with its patient")
        try:
            return Saved(shelf.update(_without_server_parts(valid), version), created=False)
        except VersionConflictError:
            raise RefusedError(412, "conflict", "the resource was changed meanwhile") from None


def not_found() -> RefusedError:
    """Build the refusal of what is not there: the same words whatever the reason."""
    return RefusedError(404, "not-found", "no such resource")


def _kind_of(resource: object) -> str:
    kind = resource.get("resourceType") if isinstance(resource, dict) else None
    if not isinstance(kind, str):
        raise RefusedError(400, "structure", "not a resource")
    require_writable(kind)
    return kind


def _require_links(shelf: Shelf, resource: Resource) -> None:
    patient = patient_of(resource)
    if patient is None or shelf.read("Patient", patient) is None:
        raise RefusedError(422, "business-rule", "the subject is no patient of this sandbox")
    reference = resource.get("encounter", {}).get("reference", "")
    encounter = shelf.read("Encounter", reference.removeprefix("Encounter/"))
    if encounter is not None and patient_of(encounter) != patient:
        raise RefusedError(422, "business-rule", "the encounter is another patient's")


def _matches(shelf: Shelf, kind: str, query: str) -> list[Resource]:
    pairs = parse_qsl(query.strip().removeprefix(kind).removeprefix("?"), keep_blank_values=True)
    if not any(name == "identifier" and value for name, value in pairs):
        raise RefusedError(400, "not-supported", "the condition of a create is an identifier")
    try:
        return shelf.search(kind, pairs)
    except SearchError as error:
        raise RefusedError(400, "invalid", str(error)) from None


def _without_server_parts(resource: Resource) -> Resource:
    meta = {
        name: value
        for name, value in resource.get("meta", {}).items()
        if name not in ("versionId", "lastUpdated")
    }
    rest = {name: value for name, value in resource.items() if name != "meta"}
    return {**rest, "meta": meta} if meta else rest
