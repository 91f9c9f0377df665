"""From when on a resource stands in the chart, so that nothing later than the sandbox's clock is seen.

A stored course lies complete in memory, its future included. Each of its resources becomes the versions
that a ward would have had: an administration over a period first runs, without an end, and then is completed.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ehr_sandbox.record import Resource
from ehr_sandbox.search import date_span

# Elements that tell when something happened or was written down. Where several are there, the latest counts:
# a report of this morning's scan that is issued at noon is not in the chart before noon.
_TIMES = {
    "Observation": ("effectiveDateTime", "effectiveInstant", "effectivePeriod", "issued"),
    "MedicationAdministration": ("effectiveDateTime", "effectivePeriod"),
    "Procedure": ("performedDateTime", "performedPeriod"),
    "Condition": ("onsetDateTime", "onsetPeriod", "recordedDate"),
    "DiagnosticReport": ("effectiveDateTime", "effectivePeriod", "issued"),
    "MedicationRequest": ("authoredOn",),
    "ServiceRequest": ("authoredOn",),
    "CommunicationRequest": ("authoredOn",),
}
_ENDED = frozenset({"completed", "stopped"})


@dataclass(frozen=True, slots=True)
class Version:
    """A resource as it stands from an instant on; ``since`` of ``None`` means always."""

    since: datetime | None
    resource: Resource


def versions_of(resource: Resource) -> list[Version]:
    """Return the versions that a stored resource goes through, oldest first. Raises :class:`ValueError` for a
    time that is none.
    """
    since = visible_from(resource)
    period = resource.get("effectivePeriod")
    if (
        since is None
        or resource["resourceType"] != "MedicationAdministration"
        or resource.get("status") not in _ENDED
        or not isinstance(period, dict)
        or "end" not in period
    ):
        return [Version(since, resource)]
    end = date_span(period["end"])[0]
    if end <= since:
        return [Version(since, resource)]
    running = {name: value for name, value in period.items() if name not in ("end", "_end")}
    begun = {**resource, "status": "in-progress", "effectivePeriod": running}
    return [Version(since, begun), Version(end, resource)]


def visible_from(resource: Resource) -> datetime | None:
    """Return the instant from which a resource is seen; ``None`` for one without a time."""
    return max(
        (instant for name in _TIMES.get(resource["resourceType"], ()) for instant in _starts(resource, name)),
        default=None,
    )


def _starts(resource: Resource, name: str) -> Iterator[datetime]:
    value: Any = resource.get(name)
    if isinstance(value, dict):
        value = value.get("start")
    if isinstance(value, str):
        yield date_span(value)[0]
