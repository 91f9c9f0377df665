"""The sandbox's resources in memory, as they stand at the sandbox's clock.

Every read and search looks at the present of the clock: what a stored course still holds in store is not
there yet (:mod:`ehr_sandbox.as_of`). What was saved by :meth:`Shelf.create` or :meth:`Shelf.update` is seen
at once, whatever its times say. Safe between threads. Resources given out are shared: nobody changes them.

Deliberately absent: checks of what is saved (:mod:`ehr_sandbox.writes` makes them) and of who asks.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from threading import RLock
from uuid import uuid4

from ehr_sandbox.as_of import Version, versions_of
from ehr_sandbox.clock import SandboxClock
from ehr_sandbox.record import Resource
from ehr_sandbox.search import SEARCH_PARAMETERS, criterion, sort_resources

# Honoured or harmless whatever their value: we answer JSON in any case.
_IGNORED = frozenset({"_format", "_pretty"})


class VersionConflictError(Exception):
    """The version that was to be replaced is not the present one."""


class _Slot:
    """The versions of one resource, oldest first."""

    __slots__ = ("versions",)

    def __init__(self, versions: Sequence[Version]) -> None:
        self.versions = tuple(versions)

    def at(self, now: datetime) -> Resource | None:
        """The newest version that is seen at ``now``."""
        for version in reversed(self.versions):
            if version.since is None or version.since <= now:
                return version.resource
        return None

    def seen_at(self, now: datetime) -> Iterator[Version]:
        return (version for version in self.versions if version.since is None or version.since <= now)


class Shelf:
    """Resources by type and id, and by the patient they belong to: nearly every search names one."""

    def __init__(self, resources: Iterable[Resource], clock: SandboxClock) -> None:
        self._clock = clock
        self._lock = RLock()
        self._inside = False
        self._stored = list(resources)
        self._types: dict[str, dict[str, _Slot]] = {}
        self._of_patient: defaultdict[tuple[str, str], list[_Slot]] = defaultdict(list)
        self.reset()

    def reset(self) -> None:
        """Put back the resources that the shelf began with; what was saved since is gone."""
        loaded = self._clock.now()
        with self._lock:
            self._types = {name: {} for name in SEARCH_PARAMETERS}
            self._of_patient.clear()
            for resource in self._stored:
                versions = [
                    Version(one.since, _stamped(one.resource, number, one.since or loaded))
                    for number, one in enumerate(versions_of(resource), start=1)
                ]
                self._put(resource["resourceType"], resource["id"], _Slot(versions))

    def now(self) -> datetime:
        """Return the present of the sandbox's clock."""
        return self._clock.now()

    def types(self) -> Sequence[str]:
        """Return the names of the resource types that can be asked for."""
        return sorted(self._types)

    def read(self, kind: str, id_: str, version: str | None = None) -> Resource | None:
        """Return one resource, or ``None``; with ``version`` as it stood in that version."""
        now = self._clock.now()
        with self._lock:
            slot = self._types.get(kind, {}).get(id_)
        if slot is None:
            return None
        if version is None:
            return slot.at(now)
        seen = (one.resource for one in slot.seen_at(now))
        return next((resource for resource in seen if resource["meta"]["versionId"] == version), None)

    def search(self, kind: str, parameters: Sequence[tuple[str, str]]) -> list[Resource]:
        """Return all matches in order. Raises :class:`SearchError` for what is not understood."""
        now = self._clock.now()
        found = [
            resource for slot in self._candidates(kind, parameters) if (resource := slot.at(now)) is not None
        ]
        order = ""
        for name, value in parameters:
            if name == "_sort":
                order = value
            elif name not in _IGNORED:
                meets = criterion(kind, name, value)
                found = [resource for resource in found if meets(resource)]
        return sort_resources(found, kind, order) if order else found

    def create(self, resource: Resource) -> Resource:
        """Keep a new resource under an id of ours and return it as it is kept."""
        with self._lock:
            kept = _stamped({**resource, "id": str(uuid4())}, 1, self._clock.now())
            self._put(kept["resourceType"], kept["id"], _Slot([Version(None, kept)]))
            return kept

    def update(self, resource: Resource, version: str | None = None) -> Resource:
        """Replace the resource of the same type and id and return it as it is kept.

        Raises :class:`LookupError` where there is none at present, and :class:`VersionConflictError` where
        ``version`` is given and is not the present one.
        """
        kind, id_ = resource["resourceType"], resource["id"]
        with self._lock:
            present = self.read(kind, id_)
            if present is None:
                raise LookupError("no such resource")
            number = present["meta"]["versionId"]
            if version is not None and version != number:
                raise VersionConflictError
            now = self._clock.now()
            kept = _stamped(resource, int(number) + 1, now)
            # What the stored course had in store for this resource does not happen any more.
            slot = self._types[kind][id_]
            slot.versions = (*slot.seen_at(now), Version(None, kept))
            return kept

    @contextmanager
    def atomic(self) -> Iterator[None]:
        """All that is saved inside is saved, or nothing where an exception leaves it. Others wait."""
        with self._lock:
            if self._inside:  # the outermost one puts everything back
                yield
                return
            types = {kind: dict(slots) for kind, slots in self._types.items()}
            of_patient = {key: list(slots) for key, slots in self._of_patient.items()}
            versions = [(slot, slot.versions) for slots in types.values() for slot in slots.values()]
            self._inside = True
            try:
                yield
            except BaseException:
                self._types, self._of_patient = types, defaultdict(list, of_patient)
                for slot, before in versions:
                    slot.versions = before
                raise
            finally:
                self._inside = False

    def _put(self, kind: str, id_: str, slot: _Slot) -> None:
        self._types.setdefault(kind, {})[id_] = slot
        reference = slot.versions[-1].resource.get("subject", {}).get("reference")
        if reference is not None:
            self._of_patient[kind, reference].append(slot)

    def _candidates(self, kind: str, parameters: Sequence[tuple[str, str]]) -> list[_Slot]:
        with self._lock:
            for name, value in parameters:
                if name == "patient" and "," not in value:
                    key = (kind, f"Patient/{value.removeprefix('Patient/')}")
                    return list(self._of_patient.get(key, ()))
            return list(self._types[kind].values())


def _stamped(resource: Resource, version: int, saved: datetime) -> Resource:
    """The resource with the version and time that are the server's to tell."""
    moment = saved.astimezone(UTC).isoformat(timespec="milliseconds")
    meta = {**resource.get("meta", {}), "versionId": str(version), "lastUpdated": moment}
    head = {"resourceType": resource["resourceType"], "id": resource["id"], "meta": meta}
    return {**head, **{name: value for name, value in resource.items() if name not in head}}
