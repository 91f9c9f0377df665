"""The service before a real FHIR server: by prefetch and by retrieval it must find what is in the bundle.

Every sample patient is loaded into the server. One client resolves our prefetch templates against it, as an
EHR does; another sends no prefetch at all, so that the service retrieves everything. Both assessments must
equal the one graded from the patient's bundle.
"""

import json
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient

from cart_cds.grade_bundle import grade_bundle
from cds_service.app import create_app
from cds_service.settings import Settings
from ehr_sandbox.hook_client import resolve_prefetch
from ehr_sandbox.patients import SamplePatient, load_patients
from ehr_sandbox.record import CHART_CLOCK
from tests.system.hapi_server import HapiServer

PATIENTS = load_patients()
SERVICE = "/cds-services/cart-toxicity-patient-view"
each_patient = pytest.mark.parametrize("patient", PATIENTS, ids=lambda patient: patient.id)


@pytest.fixture(scope="module")
def loaded(hapi: HapiServer) -> HapiServer:
    """The FHIR server, holding all sample patients."""
    for patient in PATIENTS:
        hapi.load(patient.bundle)
    return hapi


@pytest.fixture(scope="module")
def service() -> Iterator[TestClient]:
    """The service with its clock at the sample patients' chart clock."""
    app = create_app(Settings.from_environment({}), clock=lambda: CHART_CLOCK)
    with TestClient(app) as client:
        yield client


def from_bundle(patient: SamplePatient) -> dict[str, Any]:
    """The assessment graded from the patient's own bundle."""
    return grade_bundle(json.dumps(patient.bundle).encode(), at=CHART_CLOCK)


def call(service: TestClient, patient: SamplePatient, **members: Any) -> dict[str, Any]:
    """Call patient-view and return its response-level extension (empty when there is none)."""
    request = {
        "hook": "patient-view",
        "hookInstance": str(uuid.uuid4()),
        "context": {"userId": "Practitioner/demo-clinician", "patientId": patient.id},
        **members,
    }
    answer = service.post(SERVICE, json=request)
    assert answer.status_code == 200, answer.text
    extension: dict[str, Any] = answer.json().get("extension", {})
    return extension


@each_patient
def test_prefetch_from_a_real_server_gives_the_assessment_of_the_bundle(
    patient: SamplePatient, loaded: HapiServer, service: TestClient
) -> None:
    templates = service.get("/cds-services").json()["services"][0]["prefetch"]
    with httpx.Client(timeout=60) as http:
        prefetch = resolve_prefetch(http, loaded.base_url, templates, {"patientId": patient.id})
    assert set(prefetch) == set(templates), "the server refused one of our own templates"
    assert call(service, patient, prefetch=prefetch) == from_bundle(patient)


@each_patient
def test_retrieval_from_a_real_server_gives_the_assessment_of_the_bundle(
    patient: SamplePatient, loaded: HapiServer, service: TestClient
) -> None:
    authorization = {
        "access_token": "not-checked-by-this-server",
        "token_type": "Bearer",
        "expires_in": 300,
        "scope": "patient/*.rs",
        "subject": "cart-toxicity-cds",
    }
    found = call(service, patient, fhirServer=loaded.base_url, fhirAuthorization=authorization)
    assert found == from_bundle(patient)


def test_a_patient_the_server_does_not_hold_is_412_and_never_silence(
    loaded: HapiServer, service: TestClient
) -> None:
    request = {
        "hook": "patient-view",
        "hookInstance": str(uuid.uuid4()),
        "context": {"userId": "Practitioner/demo-clinician", "patientId": "no-such-patient"},
        "fhirServer": loaded.base_url,
    }
    answer = service.post(SERVICE, json=request)
    assert answer.status_code == 412
    assert "knows no patient of this id" in answer.json()["issue"][0]["details"]["text"]
