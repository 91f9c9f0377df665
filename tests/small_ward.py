"""A ward of two patients in the sandbox's FHIR endpoint, with a clock that stands still until it is moved."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from fastapi import FastAPI
from starlette.testclient import TestClient

from ehr_sandbox.clock import SandboxClock
from ehr_sandbox.cross_origin import CrossOrigin
from ehr_sandbox.door import Door
from ehr_sandbox.faults import FhirFaults
from ehr_sandbox.fhir_endpoint import fhir_router
from ehr_sandbox.shelf import Shelf
from ehr_sandbox.ward import ward_resources

NOON = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
BASE = "http://testserver/fhir"
OWN = "https://cart-toxicity-cds.github.io/fhir/CodeSystem/immune-effector-cell-assessment"
FORMS = "urn:example:forms"
ABSENT = "http://terminology.hl7.org/CodeSystem/data-absent-reason"

Resource = dict[str, Any]


@dataclass(frozen=True)
class SmallPatient:
    id: str


ONE, TWO = SmallPatient("one"), SmallPatient("two")


def resource(kind: str, id_: str, patient: str = "one", **members: Any) -> Resource:
    return {
        "resourceType": kind,
        "id": id_,
        "subject": {"reference": f"Patient/{patient}"},
        "code": {"text": "something"},
        **members,
    }


def temperature(id_: str, at: str, patient: str = "one") -> Resource:
    return resource("Observation", id_, patient, status="final", effectiveDateTime=at)


def ice(patient: str = "one", identifier: str | None = "form-1", **members: Any) -> Resource:
    """An ICE assessment as the SMART app writes it: a total, items, and an item that was not done."""
    absent = {"coding": [{"system": ABSENT, "code": "unknown"}]}
    written: Resource = {
        "resourceType": "Observation",
        "status": "final",
        "code": _own("ice-total"),
        "subject": {"reference": f"Patient/{patient}"},
        "encounter": {"reference": f"Encounter/{patient}-encounter"},
        "performer": [{"reference": "Practitioner/demo-clinician"}],
        "effectiveDateTime": "2026-03-04T11:55:00+00:00",
        "valueInteger": 8,
        "component": [
            {"code": _own("ice-year"), "valueInteger": 1},
            {"code": _own("ice-naming"), "valueInteger": 3},
            {"code": _own("ice-writing"), "dataAbsentReason": absent},
        ],
        **members,
    }
    if identifier is not None:
        written["identifier"] = [{"system": FORMS, "value": identifier}]
    return written


def _own(code: str) -> Resource:
    return {"coding": [{"system": OWN, "code": code}]}


def condition(identifier: str = "form-1") -> dict[str, str]:
    return {"If-None-Exist": f"identifier=urn%3Aexample%3Aforms%7C{identifier}"}


@dataclass
class Ward:
    """The endpoint, and everything behind it that a test may want to move."""

    resources: list[Resource] = field(default_factory=list)
    door: Door | None = None
    security: Resource | None = None
    base_url: str | None = None

    def __post_init__(self) -> None:
        patients = [{"resourceType": "Patient", "id": one.id} for one in (ONE, TWO)]
        self.clock = SandboxClock(lambda: NOON)
        self.faults = FhirFaults()
        self.shelf = Shelf([*patients, *ward_resources((ONE, TWO)), *self.resources], self.clock)
        self.app = FastAPI()
        router = fhir_router(
            self.shelf, door=self.door, faults=self.faults, base_url=self.base_url, security=self.security
        )
        self.app.include_router(router, prefix="/fhir")
        self.app.add_middleware(CrossOrigin)
        self.client = TestClient(self.app, raise_server_exceptions=False)

    def get(self, path: str, **headers: str) -> Any:
        return self.client.get(f"/fhir/{path}", headers=headers)

    def post(self, path: str, body: object, headers: Mapping[str, str] | None = None) -> Any:
        sent = {"Content-Type": "application/fhir+json", **(headers or {})}
        return self.client.request("POST", f"/fhir/{path}", json=body, headers=sent)

    def put(self, path: str, body: object, headers: Mapping[str, str] | None = None) -> Any:
        sent = {"Content-Type": "application/fhir+json", **(headers or {})}
        return self.client.request("PUT", f"/fhir/{path}", json=body, headers=sent)

    def count(self, kind: str = "Observation", patient: str = "one") -> int:
        return int(self.get(f"{kind}?patient={patient}&_count=0").json()["total"])
