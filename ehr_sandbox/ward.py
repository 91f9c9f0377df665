"""What a ward has besides its patients' courses: the clinician on duty, and each patient's stay."""

from collections.abc import Iterable
from typing import Protocol

from ehr_sandbox import codes
from ehr_sandbox.record import Resource

CLINICIAN = "Practitioner/demo-clinician"
_ACT = "http://terminology.hl7.org/CodeSystem/v3-ActCode"


class HasId(Protocol):
    """A patient of the ward, by id."""

    @property
    def id(self) -> str: ...


def encounter_id(patient_id: str) -> str:
    """Return the id of a patient's stay."""
    return f"{patient_id}-encounter"


def ward_resources(patients: Iterable[HasId]) -> list[Resource]:
    """Return the Practitioner on duty, and one Encounter for each patient. None of them has a time."""
    clinician: Resource = {
        "resourceType": "Practitioner",
        "id": CLINICIAN.removeprefix("Practitioner/"),
        "meta": {"security": [codes.TEST_DATA]},
        "active": True,
        "name": [{"family": "Demo-Stieglitz", "given": ["Dora"], "prefix": ["Dr"]}],
    }
    return [clinician, *(_stay(patient.id) for patient in patients)]


def _stay(patient_id: str) -> Resource:
    return {
        "resourceType": "Encounter",
        "id": encounter_id(patient_id),
        "meta": {"security": [codes.TEST_DATA]},
        "status": "in-progress",
        "class": {"system": _ACT, "code": "IMP", "display": "inpatient encounter"},
        "subject": {"reference": f"Patient/{patient_id}"},
        "participant": [{"individual": {"reference": CLINICIAN}}],
    }
