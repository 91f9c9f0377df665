"""The chart itself in a few rows: vital signs, drugs given, and what was written while the sandbox ran.

Values are shown as charted, in the units of the record: nothing is converted, graded or rounded, and nothing
is filled in. Entries made in error are left out.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Any

from ehr_sandbox import codes
from ehr_sandbox.record import Resource

COLUMNS = {
    "Temp": "°C",
    "Pressure": "mmHg",
    "Pulse": "/min",
    "SpO2": "%",
    "Oxygen": "",
    "Neurology": "",
}
"""The columns and the unit in which most is charted; a value in another unit is shown with its own."""

_NEWEST = 10
_VOID = frozenset({"entered-in-error", "cancelled", "not-done", "unknown"})
_COLUMN_OF = {
    "8310-5": "Temp",
    "85354-9": "Pressure",
    "8867-4": "Pulse",
    "2708-6": "SpO2",
    "59408-5": "SpO2",
    "3151-8": "Oxygen",
    "107117-4": "Oxygen",
}
_SCORES = {"ice-total": "ICE", "capd-total": "CAPD"}
_FINDINGS = {"consciousness": "", "seizure": "seizure: ", "motor": "motor: ", "raised-icp": "raised ICP: "}
_UNREMARKABLE = frozenset({"alert", "none"})


@dataclass(slots=True)
class VitalsRow:
    """What was charted at one minute, by column; a column without an entry is not there."""

    at: datetime
    cells: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DrugRow:
    """One administration. ``until`` is ``None`` for a dose given at once, and for an infusion that runs."""

    at: datetime
    drug: str
    amount: str
    until: datetime | None
    is_running: bool


@dataclass(frozen=True, slots=True)
class WrittenRow:
    """A resource that was written while the sandbox ran."""

    kind: str
    text: str
    status: str
    at: datetime | None


def vitals(resources: Iterable[Resource], zone: tzinfo) -> list[VitalsRow]:
    """The newest rounds, newest first."""
    rows: dict[datetime, VitalsRow] = {}
    for resource in resources:
        at = _instant(resource.get("effectiveDateTime"), zone)
        if resource["resourceType"] != "Observation" or at is None or resource.get("status") in _VOID:
            continue
        minute = at.replace(second=0, microsecond=0)
        for column, text in _cells(resource):
            cells = rows.setdefault(minute, VitalsRow(minute)).cells
            cells[column] = f"{cells[column]}, {text}" if column in cells else text
    return sorted(rows.values(), key=lambda row: row.at, reverse=True)[:_NEWEST]


def drugs(resources: Iterable[Resource], zone: tzinfo, now: datetime) -> list[DrugRow]:
    """The newest administrations, what runs first, then newest first."""
    rows = []
    for resource in resources:
        if resource["resourceType"] != "MedicationAdministration" or resource.get("status") in _VOID:
            continue
        period = resource.get("effectivePeriod", {})
        at = _instant(period.get("start") or resource.get("effectiveDateTime"), zone)
        if at is None:
            continue
        end = _instant(period.get("end"), zone)
        runs = bool(period) and (end > now if end else resource.get("status") == "in-progress")
        dosage = resource.get("dosage", {})
        amount = dosage.get("rateQuantity") or dosage.get("dose")
        rows.append(DrugRow(at, _drug(resource), _quantity(amount), None if runs else end, runs))
    return sorted(rows, key=lambda row: (row.is_running, row.at), reverse=True)[:_NEWEST]


def written(resources: Iterable[Resource], zone: tzinfo) -> list[WrittenRow]:
    """What was written, in the order given."""
    return [
        WrittenRow(
            resource["resourceType"],
            _words(resource),
            str(resource.get("status", "")),
            _instant(resource.get("effectiveDateTime") or resource.get("authoredOn"), zone),
        )
        for resource in resources
    ]


def _cells(resource: Resource) -> Iterator[tuple[str, str]]:
    """The columns that an Observation fills, with its components where it has any."""
    parts = resource.get("component", [])
    for code in _codes(resource):
        column = _COLUMN_OF.get(code)
        if column == "Pressure":
            yield column, "/".join(_in_unit(_value(part), column) for part in parts) or "not given"
            return
        if column is not None:
            shown = [_in_unit(_value(resource), column)] + [_value(part) for part in parts]
            yield column, ", ".join(text for text in shown if text) or "not given"
            return
        if code in _SCORES:
            yield "Neurology", f"{_SCORES[code]} {_value(resource) or 'incomplete'}"
    for finding in (resource, *parts):
        for code in _codes(finding) & _FINDINGS.keys():
            text = _value(finding)
            if text and not _UNREMARKABLE & {text, *_codes(finding, "valueCodeableConcept")}:
                yield "Neurology", f"{_FINDINGS[code]}{text}"


def _in_unit(text: str, column: str) -> str:
    """A value without the unit that stands in the head of its column."""
    unit = COLUMNS[column]
    return text.removesuffix(f" {unit}") if unit else text


def _words(resource: Resource) -> str:
    """What a written resource says, in a line."""
    if resource["resourceType"] == "Observation":
        parts = [_text_of(resource.get("code")), _value(resource), *_notes(resource)]
        return ": ".join(part for part in parts if part)
    drug = _drug(resource)
    doses = [str(one.get("text", "")) for one in resource.get("dosageInstruction", ())]
    return ": ".join(part for part in (drug or _text_of(resource.get("code")), *doses) if part)


def _notes(resource: Resource) -> list[str]:
    return [str(note.get("text", "")) for note in resource.get("note", ())]


def _drug(resource: Resource) -> str:
    concept = resource.get("medicationCodeableConcept")
    if concept is not None:
        return _text_of(concept)
    reference = str(resource.get("medicationReference", {}).get("reference", ""))
    for contained in resource.get("contained", ()):
        if reference == f"#{contained.get('id')}":
            parts = [_text_of(one.get("itemCodeableConcept")) for one in contained.get("ingredient", ())]
            return " in ".join(parts[::-1])
    return ""


def _value(part: Mapping[str, Any]) -> str:
    if "valueQuantity" in part:
        return _quantity(part["valueQuantity"])
    if "valueCodeableConcept" in part:
        return _text_of(part["valueCodeableConcept"])
    for name in ("valueString", "valueInteger", "valueBoolean"):
        if name in part:
            return str(part[name])
    return ""


def _quantity(value: Mapping[str, Any] | None) -> str:
    if not value:
        return ""
    return f"{value.get('value', '?')} {value.get('unit') or value.get('code') or ''}".strip()


def _text_of(concept: Mapping[str, Any] | None) -> str:
    """The words of a concept: its text, else the first display or code."""
    if not concept:
        return ""
    for coding in ({"display": concept.get("text")}, *concept.get("coding", ())):
        words = coding.get("display") or coding.get("code")
        if words:
            return str(words)
    return ""


def _codes(part: Mapping[str, Any], member: str = "code") -> set[str]:
    """The codes of LOINC and of our own of a concept."""
    codings = part.get(member, {}).get("coding", ())
    return {str(one.get("code")) for one in codings if one.get("system") in (codes.LOINC, codes.OWN)}


def _instant(text: Any, zone: tzinfo) -> datetime | None:
    try:
        instant = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return None if instant.tzinfo is None else instant.astimezone(zone)
