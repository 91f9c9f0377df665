"""What can be done at the FHIR endpoint: read, search, create, update, each after the door was asked.

The same interactions serve single requests and the entries of a Bundle. A record of somebody whom the caller
may not see is answered exactly like one that is not there.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from ehr_sandbox.door import AccessRefusedError, Door, Interaction
from ehr_sandbox.faults import FhirFaults
from ehr_sandbox.record import Resource
from ehr_sandbox.refusal import RefusedError
from ehr_sandbox.search import SearchError
from ehr_sandbox.shelf import Shelf
from ehr_sandbox.writes import (
    ID,
    Saved,
    create_resource,
    not_found,
    patient_of,
    require_writable,
    update_resource,
)

DEFAULT_PAGE, LARGEST_PAGE = 50, 1000
_FORBIDDEN = 403


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to an interaction; ``saved`` marks what a write kept, whose id goes into the headers."""

    status: int
    resource: Resource
    saved: bool = False


@dataclass(frozen=True, slots=True)
class Interactions:
    """The interactions of one caller. ``base`` is the endpoint's address, ``authorization`` the header.

    Raises :class:`RefusedError` and :class:`AccessRefusedError`. May run in any thread.
    """

    shelf: Shelf
    door: Door | None
    faults: FhirFaults
    base: str
    authorization: str | None

    def read(self, kind: str, id_: str, version: str | None = None) -> Reply:
        """Read a resource as it stands, or as it stood in a version."""
        self._require_known(kind)
        _require_id(id_)
        self._admit_to(Interaction.READ, kind, id_, ())
        found = self.shelf.read(kind, id_, version)
        if found is None:
            raise not_found()
        return Reply(200, found)

    def search(self, kind: str, pairs: Sequence[tuple[str, str]]) -> Reply:
        """Search a type; one page of a searchset with its links."""
        self._require_known(kind)
        self._admit(Interaction.SEARCH, kind, self._patients_searched(kind, pairs))
        try:
            count = _whole_number(pairs, "_count", DEFAULT_PAGE)
            offset = _whole_number(pairs, "_offset", 0)
            criteria = [
                (name, value.removeprefix(f"{self.base}/") if name in ("patient", "subject") else value)
                for name, value in pairs
                if name not in ("_count", "_offset")
            ]
            found = self.shelf.search(kind, criteria)
        except SearchError as error:
            raise RefusedError(400, "invalid", str(error)) from None
        page = min(count, LARGEST_PAGE)
        links = [{"relation": "self", "url": _url(self.base, kind, criteria, page, offset)}]
        if page and offset + page < len(found):
            following = self.faults.foreign_next or self.base
            links.append({"relation": "next", "url": _url(following, kind, criteria, page, offset + page)})
        bundle: Resource = {"resourceType": "Bundle", "type": "searchset", "total": len(found), "link": links}
        entries = [
            {
                "fullUrl": f"{self.base}/{kind}/{resource['id']}",
                "resource": resource,
                "search": {"mode": "match"},
            }
            for resource in found[offset : offset + page]
        ]
        if entries:
            bundle["entry"] = entries
        return Reply(200, bundle)

    def create(self, kind: str, body: object, if_none_exist: str | None) -> Reply:
        """Create a resource, unless ``if_none_exist`` finds it."""
        own = self._prepare(kind, body)
        self._admit(Interaction.CREATE, kind, _known(patient_of(own)))
        _require_kind(kind, own)
        return _reply(create_resource(self.shelf, own, if_none_exist))

    def update(self, kind: str, id_: str, body: object, if_match: str | None) -> Reply:
        """Replace a resource."""
        own = self._prepare(kind, body)
        _require_id(id_)
        self._admit_to(Interaction.UPDATE, kind, id_, _known(patient_of(own)))
        _require_kind(kind, own)
        return _reply(update_resource(self.shelf, id_, own, if_match))

    def _prepare(self, kind: str, body: object) -> object:
        self._require_known(kind)
        require_writable(kind)  # said before anything is said about the body
        return self._with_own_subject(body)

    def _with_own_subject(self, body: object) -> object:
        """The body with the address of a patient here written as a relative reference."""
        subject = body.get("subject") if isinstance(body, dict) else None
        reference = subject.get("reference") if isinstance(subject, dict) else None
        if not isinstance(body, dict) or not isinstance(subject, dict) or not isinstance(reference, str):
            return body
        return {**body, "subject": {**subject, "reference": reference.removeprefix(f"{self.base}/")}}

    def _patients_searched(self, kind: str, pairs: Sequence[tuple[str, str]]) -> frozenset[str]:
        names = ("_id",) if kind == "Patient" else ("patient", "subject")
        values = (part for name, value in pairs if name in names for part in value.split(","))
        return frozenset(value.removeprefix(f"{self.base}/").removeprefix("Patient/") for value in values)

    def _require_known(self, kind: str) -> None:
        self._fail_on_demand(kind)
        if kind not in self.shelf.types():
            raise RefusedError(404, "not-supported", f"resource type {kind[:64]} is not known here")

    def _fail_on_demand(self, kind: str) -> None:
        if status := self.faults.statuses.get(kind):
            raise RefusedError(status, "exception", "a fault on demand")

    def _admit(self, interaction: Interaction, kind: str, patients: Collection[str]) -> None:
        if self.door is not None:
            self.door.admit(self.authorization, interaction, kind, patients)

    def _admit_to(self, interaction: Interaction, kind: str, id_: str, others: Collection[str]) -> None:
        """Ask for a resource by its id; ``others`` are the patients that the request names by itself."""
        if kind == "Patient":
            self._admit(interaction, kind, {id_, *others})
            return
        owner = patient_of(self.shelf.read(kind, id_))
        if owner is None or owner in others:
            self._admit(interaction, kind, others)
            return
        try:
            self._admit(interaction, kind, {owner, *others})
        except AccessRefusedError as error:
            if error.status != _FORBIDDEN:
                raise
            # Word for word what is answered where the resource is not there: an id tells of no patient.
            self._admit(interaction, kind, others)
            raise not_found() from None


def _reply(saved: Saved) -> Reply:
    return Reply(201 if saved.created else 200, saved.resource, saved=True)


def _known(patient: str | None) -> frozenset[str]:
    return frozenset() if patient is None else frozenset({patient})


def _require_id(id_: str) -> None:
    if not ID.fullmatch(id_):
        raise RefusedError(400, "value", "not an id")


def _require_kind(kind: str, body: object) -> None:
    if not isinstance(body, dict) or body.get("resourceType") != kind:
        raise RefusedError(400, "structure", f"the body is not a {kind}")


def _whole_number(pairs: Sequence[tuple[str, str]], name: str, default: int) -> int:
    values = [value for key, value in pairs if key == name]
    if not values:
        return default
    if len(values) > 1 or not values[0].isdecimal() or len(values[0]) > 6:
        raise SearchError(f"{name} must be one whole number")
    return int(values[0])


def _url(base: str, kind: str, criteria: Sequence[tuple[str, str]], count: int, offset: int) -> str:
    pages = [("_count", str(count))] + ([("_offset", str(offset))] if offset else [])
    return f"{base}/{kind}?{urlencode([*criteria, *pages])}"
