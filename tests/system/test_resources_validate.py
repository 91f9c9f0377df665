"""Every FHIR resource that we ship or send passes HL7's validator, unknown profiles being errors."""

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from cds_service.app import create_app
from cds_service.settings import Settings
from ehr_sandbox.patients import load_patients
from ehr_sandbox.record import CHART_CLOCK
from tests.builders import DISGUISES, load_stories
from tests.builders.disguises import one_of_each_shape
from tests.prefetch_client import send_patient_view
from tests.system.fhir_validator import FhirValidator

PATIENTS = load_patients()


@pytest.fixture(scope="module")
def service() -> Iterator[TestClient]:
    """The service with its clock at the sample patients' chart clock."""
    with TestClient(create_app(Settings.from_environment({}), clock=lambda: CHART_CLOCK)) as client:
        yield client


def without_errors(validator: FhirValidator, resources: list[tuple[str, dict[str, Any]]]) -> None:
    """Assert that no resource has an error, naming each that has."""
    assert resources, "nothing to validate"
    errors = {name: issues for name, issues in validator(resources).items() if issues}
    assert not errors, json.dumps(errors, indent=1)


def test_every_sample_record_is_valid(validator: FhirValidator) -> None:
    without_errors(
        validator,
        [
            (f"{patient.id}/{resource['resourceType']}/{resource['id']}", resource)
            for patient in PATIENTS
            for resource in patient.resources()
        ],
    )


def test_the_charts_of_the_stories_are_valid(validator: FhirValidator) -> None:
    within_profiles = [disguise for disguise in DISGUISES if disguise.in_base_profile]
    stories = [*load_stories("stories.json"), *load_stories("stories_more.json")]
    without_errors(validator, list(one_of_each_shape(stories, within_profiles).items()))


def test_every_published_artefact_is_valid(
    validator: FhirValidator, published_artefacts: list[dict[str, Any]]
) -> None:
    without_errors(
        validator,
        [(f"{resource['resourceType']}/{resource['id']}", resource) for resource in published_artefacts],
    )


def test_every_draft_order_on_a_card_is_valid(validator: FhirValidator, service: TestClient) -> None:
    drafts = []
    for patient in PATIENTS:
        answer = send_patient_view(service, patient.resources(), patient_id=patient.id).json()
        for card in answer["cards"]:
            for suggestion in card.get("suggestions", []):
                drafts += [
                    (f"{patient.id}/{action['description']}", action["resource"])
                    for action in suggestion.get("actions", [])
                    if "resource" in action
                ]
    without_errors(validator, drafts)


def test_every_error_is_a_valid_operation_outcome(validator: FhirValidator, service: TestClient) -> None:
    path = "/cds-services/cart-toxicity-patient-view"
    context = {"userId": "Practitioner/1"}
    request = {"hook": "patient-view", "hookInstance": str(uuid.uuid4()), "context": context}
    answers = {
        "not JSON": service.post(path, content=b"{", headers={"Content-Type": "application/json"}),
        "no patient": service.post(path, json=request),
        "wrong hook": service.post(path, json={**request, "hook": "order-sign"}),
        "unknown service": service.post("/cds-services/none", json=request),
        "no data": service.post(path, json={**request, "context": {**context, "patientId": "1"}}),
        "unknown path": service.get("/none"),
    }
    assert {name: answer.status_code for name, answer in answers.items()} == {
        "not JSON": 400,
        "no patient": 400,
        "wrong hook": 400,
        "unknown service": 404,
        "no data": 412,
        "unknown path": 404,
    }
    without_errors(validator, [(name, answer.json()) for name, answer in answers.items()])
