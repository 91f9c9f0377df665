"""One Observation as a server sends it, read: what the tests of reading share."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import msgspec

from fhir_maps import r4
from fhir_maps.observations import read_observation
from fhir_maps.terminology import load_terminology
from grading.chart import ChartGap

LOINC = "http://loinc.org"
SNOMED = "http://snomed.info/sct"
UCUM = "http://unitsofmeasure.org"
MIMIC = "http://mimic.mit.edu/fhir/mimic/CodeSystem/mimic-chartevents-d-items"
OWN = "https://cart-toxicity-cds.github.io/fhir/CodeSystem/immune-effector-cell-assessment"
AT = datetime(2026, 3, 4, 8, 0, tzinfo=UTC)
TERMINOLOGY = load_terminology()


def coded(system: str, code: str, display: str | None = None) -> dict[str, Any]:
    coding = {"system": system, "code": code}
    return {"coding": [coding | ({"display": display} if display else {})]}


def own(code: str) -> dict[str, Any]:
    return coded(OWN, code)


def quantity(value: object, unit: str | None = None) -> dict[str, Any]:
    known = {"unit": unit, "code": unit, "system": UCUM} if unit else {}
    return {"value": value} | known


def observation(code: dict[str, Any], **members: object) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": "o1",
        "status": "final",
        "code": code,
        "subject": {"reference": "Patient/p1"},
        "effectiveDateTime": "2026-03-04T08:00:00Z",
    } | members


def read(code: dict[str, Any], **members: object) -> list[Any]:
    """Everything that comes of one Observation."""
    resource = msgspec.json.decode(json.dumps(observation(code, **members)), type=r4.Observation)
    return list(read_observation(resource, TERMINOLOGY))


def rows(found: list[Any], kind: type) -> list[Any]:
    return [row for row in found if isinstance(row, kind)]


def gaps(found: list[Any]) -> list[tuple[str, str]]:
    return [(row.what.value, row.why.value) for row in found if isinstance(row, ChartGap)]
