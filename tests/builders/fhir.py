"""The small change of FHIR JSON: instants, codings, quantities, periods, and the bundle around it all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from tests.builders import codes

Resource = dict[str, Any]
PATIENT: Final = "recipient"


def instant(moment: datetime) -> str:
    """An aware time as FHIR writes it; a naive one is an error, as nobody knows which hour it means."""
    if moment.tzinfo is None:
        raise ValueError("a FHIR instant needs an offset")
    return moment.isoformat(timespec="seconds")


def coding(system: str, code: str, display: str | None = None) -> Resource:
    """One Coding."""
    found = {"system": system, "code": code}
    return found | {"display": display} if display else found


def concept(*codings: Resource, text: str | None = None) -> Resource:
    """A CodeableConcept of any number of codings and, perhaps, a text."""
    found: Resource = {}
    if codings:
        found["coding"] = list(codings)
    if text is not None:
        found["text"] = text
    return found


def quantity(value: float, unit: str, *, shown: str | None = None) -> Resource:
    """A Quantity in a UCUM unit."""
    return {"value": value, "unit": shown or unit, "system": codes.UCUM, "code": unit}


def period(start: datetime | None, end: datetime | None = None) -> Resource:
    """A Period, with what is known of it."""
    found = {}
    if start is not None:
        found["start"] = instant(start)
    if end is not None:
        found["end"] = instant(end)
    return found


def subject(patient_id: str = PATIENT) -> Resource:
    """The Reference to the patient."""
    return {"reference": f"Patient/{patient_id}"}


def data_absent(reason: str = "not-performed") -> Resource:
    """The dataAbsentReason of something that was not done."""
    return concept(coding(codes.DATA_ABSENT_REASON, reason))


def give_ids(resources: Iterable[Resource]) -> list[Resource]:
    """The resources, each with an id; those without one are numbered by type."""
    numbers: Counter[str] = Counter()
    named = []
    for resource in resources:
        kind = resource["resourceType"]
        numbers[kind] += 1
        given = {"resourceType": kind, "id": f"{kind.lower()}-{numbers[kind]}"}
        named.append(given | resource)
    return named


def bundle(resources: Iterable[Resource]) -> Resource:
    """A collection Bundle holding the resources, each under its own full URL."""
    return {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [
            {
                "fullUrl": f"https://ehr.example/fhir/{resource['resourceType']}/{resource['id']}",
                "resource": resource,
            }
            for resource in give_ids(resources)
        ],
    }
