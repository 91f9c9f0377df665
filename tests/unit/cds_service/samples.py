"""Resources and requests for the tests of the service, and a client with a fixed clock."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi.testclient import TestClient

from cds_service.app import create_app
from cds_service.settings import Settings
from fhir_maps.retrieve import FhirReader

AT = datetime(2026, 3, 4, 8, 0, tzinfo=UTC)
SERVICE = "/cds-services/cart-toxicity-patient-view"
EXTENSION = "io.github.cart-toxicity-cds.assessment"
OWN = "https://cart-toxicity-cds.github.io/fhir/CodeSystem/immune-effector-cell-assessment"
LOINC = "http://loinc.org"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
PATIENT = {"reference": "Patient/p1"}
Resource = dict[str, Any]


def hours_ago(hours: float) -> str:
    return (AT - timedelta(hours=hours)).isoformat()


def observation(code: str, hours: float, *, system: str = LOINC, **value: Any) -> Resource:
    return {
        "resourceType": "Observation",
        "id": f"{code}-{hours}",
        "status": "final",
        "code": {"coding": [{"system": system, "code": code}]},
        "subject": PATIENT,
        "effectiveDateTime": hours_ago(hours),
    } | value


def quantity(value: float, unit: str) -> Resource:
    return {
        "valueQuantity": {"value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit}
    }


def patient() -> Resource:
    return {"resourceType": "Patient", "id": "p1", "birthDate": "1968-01-01"}


def infusion(at: str | None = "2026-03-01T10:00:00+01:00", code: str = "XW033H7") -> Resource:
    procedure: Resource = {
        "resourceType": "Procedure",
        "id": "infusion",
        "status": "completed",
        "subject": PATIENT,
        "code": {"coding": [{"system": "http://www.cms.gov/Medicare/Coding/ICD10", "code": code}]},
    }
    return procedure | ({"performedDateTime": at} if at else {})


def norepinephrine() -> Resource:
    return {
        "resourceType": "MedicationAdministration",
        "id": "norepinephrine",
        "status": "in-progress",
        "subject": PATIENT,
        "medicationCodeableConcept": {"coding": [{"system": RXNORM, "code": "7512"}]},
        "effectivePeriod": {"start": hours_ago(3)},
        "dosage": {"rateQuantity": quantity(0.05, "ug/kg/min")["valueQuantity"]},
    }


def vital_signs(celsius: float = 36.8) -> list[Resource]:
    return [
        observation("8310-5", 1, **quantity(celsius, "Cel")),
        observation("8480-6", 1, **quantity(118, "mm[Hg]")),
        observation("107117-4", 1, valueString="None"),
        observation("59408-5", 1, **quantity(97, "%")),
        observation("29463-7", 40, **quantity(72, "kg")),
    ]


def neurology(ice: int = 10) -> list[Resource]:
    alert = {"coding": [{"system": OWN, "code": "alert"}]}
    return [
        observation("ice-total", 2, system=OWN, valueInteger=ice),
        observation("consciousness", 2, system=OWN, valueCodeableConcept=alert),
    ]


def well() -> list[Resource]:
    """A recipient on day 3 with nothing wrong: grade 0 of both."""
    return [patient(), infusion(), *vital_signs(), *neurology()]


def crs_3() -> list[Resource]:
    """Fever and norepinephrine on day 3: CRS 3; ICE 6: ICANS 2."""
    return [patient(), infusion(), *vital_signs(38.6), *neurology(6), norepinephrine()]


def bundle(*resources: Resource, **members: Any) -> Resource:
    entries = [{"resource": resource, "search": {"mode": "match"}} for resource in resources]
    found: Resource = {"resourceType": "Bundle", "type": "searchset", "total": len(entries)}
    return found | ({"entry": entries} if entries else {}) | members


def failed(severity: str = "error") -> Resource:
    return {"resourceType": "OperationOutcome", "issue": [{"severity": severity, "code": "exception"}]}


@contextmanager
def service(reader: FhirReader | None = None, **settings: Any) -> Iterator[TestClient]:
    app = create_app(Settings(**settings), clock=lambda: AT, reader=reader)
    with TestClient(app, base_url="http://127.0.0.1:8000") as client:
        yield client
