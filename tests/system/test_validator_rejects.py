"""The validator that other tests lean on accepts what is right and refuses what is wrong, and says where."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.system.fhir_validator import FhirValidator

OWN_SYSTEM = "https://example.org/fhir/CodeSystem/bedside"
OWN_QUESTIONNAIRE = "https://example.org/fhir/Questionnaire/bedside"


def temperature(**changes: Any) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "status": "final",
        "category": [
            {
                "coding": [
                    {
                        "system": "http://terminology.hl7.org/CodeSystem/observation-category",
                        "code": "vital-signs",
                    }
                ]
            }
        ],
        "code": {"coding": [{"system": "http://loinc.org", "code": "8310-5", "display": "Body temperature"}]},
        "subject": {"reference": "Patient/p1"},
        "effectiveDateTime": "2026-03-04T08:00:00Z",
        "valueQuantity": {"value": 38.6, "unit": "°C", "system": "http://unitsofmeasure.org", "code": "Cel"},
    } | changes


KELVIN = {"value": 311.75, "unit": "K", "system": "http://unitsofmeasure.org", "code": "K"}
BODY_TEMPERATURE_PROFILE = {"profile": ["http://hl7.org/fhir/StructureDefinition/bodytemp"]}


def test_a_right_temperature_is_accepted(validator: FhirValidator) -> None:
    named = temperature(meta=BODY_TEMPERATURE_PROFILE)
    assert validator([("plain", temperature()), ("named", named)]) == {"plain": [], "named": []}


def test_an_extension_of_our_own_is_allowed(validator: FhirValidator) -> None:
    extended = temperature(extension=[{"url": "https://example.org/fhir/reason", "valueString": "rounds"}])
    assert validator([("extended", extended)])["extended"] == []


def test_a_profile_that_nobody_loaded_is_an_error(validator: FhirValidator) -> None:
    stranger = temperature(meta={"profile": ["https://example.org/fhir/StructureDefinition/stranger"]})
    [first, *_] = validator([("stranger", stranger)])["stranger"]
    assert "StructureDefinition/stranger" in first["message"]


@pytest.mark.parametrize(
    "meta", [{"meta": BODY_TEMPERATURE_PROFILE}, {}], ids=["profile named", "profile implied"]
)
def test_a_body_temperature_in_kelvin_is_an_error(validator: FhirValidator, meta: dict[str, Any]) -> None:
    [issue] = validator([("kelvin", temperature(valueQuantity=KELVIN, **meta))])["kelvin"]
    assert issue["location"] == "Observation.value.ofType(Quantity).code"
    assert "('K') was not found in the value set 'Body Temperature Units'" in issue["message"]


def test_a_body_temperature_in_kelvin_inside_a_bundle_is_an_error(validator: FhirValidator) -> None:
    entry = {
        "fullUrl": "urn:uuid:8e1c2c2e-7d8c-4c0e-9d0a-6d1f6a4f7b11",
        "resource": temperature(valueQuantity=KELVIN),
    }
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [entry]}
    messages = [issue["message"] for issue in validator([("bundle", bundle)])["bundle"]]
    assert any("'Body Temperature Units'" in message for message in messages)


def test_a_status_outside_the_standard_is_an_error(validator: FhirValidator) -> None:
    issues = validator([("finished", temperature(status="finished"))])["finished"]
    assert {issue["location"] for issue in issues} == {"Observation.status"}


def test_an_element_that_the_standard_does_not_know_is_an_error(validator: FhirValidator) -> None:
    issues = validator([("typo", temperature(vlaueQuantity=KELVIN))])["typo"]
    assert any("vlaueQuantity" in issue["message"] for issue in issues)


def test_something_that_is_no_resource_is_an_error_and_the_next_is_validated(
    validator: FhirValidator,
) -> None:
    found = validator([("nonsense", {"resourceType": "Observatoin"}), ("right", temperature())])
    assert [issue["severity"] for issue in found["nonsense"]] == ["fatal"]
    assert found["right"] == []


def test_a_name_given_twice_is_refused(validator: FhirValidator) -> None:
    with pytest.raises(ValueError, match="two resources are named 'same'"):
        validator([("same", temperature()), ("same", temperature())])


@pytest.fixture(scope="module")
def informed_validator(start_validator: Callable[[list[dict[str, Any]]], FhirValidator]) -> FhirValidator:
    artefacts: list[dict[str, Any]] = [
        {
            "resourceType": "CodeSystem",
            "url": OWN_SYSTEM,
            "status": "active",
            "content": "complete",
            "concept": [{"code": "ice-total", "display": "ICE total"}],
        },
        {
            "resourceType": "Questionnaire",
            "url": OWN_QUESTIONNAIRE,
            "status": "active",
            "item": [{"linkId": "total", "type": "integer", "required": True}],
        },
        {
            "resourceType": "ConceptMap",
            "url": "https://example.org/fhir/ConceptMap/bedside",
            "status": "active",
        },
    ]
    return start_validator(artefacts)


def test_a_code_missing_from_our_own_code_system_is_an_error(informed_validator: FhirValidator) -> None:
    def coded(code: str) -> dict[str, Any]:
        return temperature(code={"coding": [{"system": OWN_SYSTEM, "code": code}]})

    found = informed_validator([("known", coded("ice-total")), ("unknown", coded("ice-totl"))])
    assert found["known"] == []
    assert [issue["message"] for issue in found["unknown"]] == [f"Unknown code '{OWN_SYSTEM}#ice-totl'"]


def test_an_answer_that_our_own_questionnaire_does_not_ask_is_an_error(
    informed_validator: FhirValidator,
) -> None:
    def response(link: str) -> dict[str, Any]:
        return {
            "resourceType": "QuestionnaireResponse",
            "questionnaire": OWN_QUESTIONNAIRE,
            "status": "completed",
            "item": [{"linkId": link, "answer": [{"valueInteger": 7}]}],
        }

    found = informed_validator([("asked", response("total")), ("not asked", response("totl"))])
    assert found["asked"] == []
    assert any("'totl' not found" in issue["message"] for issue in found["not asked"])
