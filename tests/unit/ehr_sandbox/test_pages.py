"""The sandbox's pages render cards and let no markup of the record through."""

from collections.abc import Mapping
from typing import Any

from starlette.testclient import TestClient

from ehr_sandbox.app import create_sandbox
from ehr_sandbox.hook_client import HookError
from ehr_sandbox.patients import load_patients

CARD = {
    "summary": "CRS grade 3 <b>now</b>",
    "indicator": "critical",
    "detail": "| Input | Value |\n|---|---|\n| temperature | 39.1 |\n\n<script>alert(1)</script>",
    "source": {"label": "cart-toxicity-cds"},
    "suggestions": [
        {
            "label": "Tocilizumab 640 mg",
            "isRecommended": True,
            "actions": [
                {
                    "type": "create",
                    "description": "Create a draft order",
                    "resource": {
                        "resourceType": "MedicationRequest",
                        "medicationCodeableConcept": {"text": "tocilizumab"},
                        "dosageInstruction": [{"text": "640 mg over 1 hour <b>now</b>"}],
                        "note": [{"text": "Weight used: 80 kg."}],
                    },
                }
            ],
        },
        {"label": "Recheck", "actions": [{"type": "create", "resource": {"resourceType": "ServiceRequest"}}]},
    ],
    "links": [
        {"label": "The source", "url": "https://example.org/a?b=1&c=2", "type": "absolute"},
        {"label": "An app", "url": "https://example.org/launch", "type": "smart"},
        {"label": "A trick", "url": "javascript:alert(1)", "type": "absolute"},
    ],
}


def answer(patient_id: str) -> Mapping[str, Any]:
    if patient_id == "demo-birke":
        raise HookError("patient-view answered 412")
    return {"cards": [] if patient_id == "demo-marder" else [CARD]}


PAGES = TestClient(create_sandbox(load_patients(), answer))


def test_the_list_names_every_patient_and_what_was_said() -> None:
    page = PAGES.get("/").text
    assert all(patient.name in page for patient in load_patients())
    assert "CRS grade 3" in page
    assert "no cards" in page
    assert "answered 412" in page


def test_every_page_says_that_it_is_a_sandbox() -> None:
    for path in ("/", "/patients/demo-dorn", "/patients/nobody"):
        assert "Sandbox, synthetic patients" in PAGES.get(path).text


def test_a_card_is_rendered_with_its_table_and_suggestions() -> None:
    page = PAGES.get("/patients/demo-dorn").text
    assert "<td>39.1</td>" in page
    assert "<li>Tocilizumab 640 mg <strong>(recommended)</strong>" in page


def test_the_lines_of_a_draft_order_are_shown() -> None:
    page = PAGES.get("/patients/demo-dorn").text
    assert "create MedicationRequest: Create a draft order" in page
    assert "tocilizumab: 640 mg over 1 hour" in page
    assert "Weight used: 80 kg." in page


def test_a_link_opens_a_page_and_nothing_else() -> None:
    page = PAGES.get("/patients/demo-dorn").text
    assert 'href="https://example.org/a?b=1&amp;c=2"' in page
    assert "<li>An app</li>" in page
    assert "javascript:" not in page


def test_long_names_wrap() -> None:
    assert "overflow-wrap: anywhere" in PAGES.get("/").text


def test_the_json_behind_a_page_is_linked_and_indented() -> None:
    page = PAGES.get("/patients/demo-dorn").text
    for name in ("answer.json", "record.json"):
        assert f'href="/patients/demo-dorn/{name}"' in page
        answered = PAGES.get(f"/patients/demo-dorn/{name}")
        assert answered.headers["content-type"] == "application/json"
        assert "\n  " in answered.text
        assert PAGES.get(f"/patients/nobody/{name}").status_code == 404
    assert PAGES.get("/patients/demo-dorn/answer.json").json() == {"cards": [CARD]}
    record = PAGES.get("/patients/demo-dorn/record.json").json()
    assert {entry["resource"]["resourceType"] for entry in record["entry"]} >= {"Patient", "Observation"}
    assert PAGES.get("/patients/demo-birke/answer.json").status_code == 502


def test_an_address_that_is_none_is_a_page_for_a_browser_and_json_for_a_program() -> None:
    browser = PAGES.get("/nowhere/at/all", headers={"accept": "text/html,*/*"})
    assert (browser.status_code, browser.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert 'href="/"' in browser.text
    program = PAGES.get("/nowhere/at/all", headers={"accept": "application/json"})
    assert (program.status_code, program.headers["content-type"]) == (404, "application/json")
    assert PAGES.delete("/", headers={"accept": "text/html"}).status_code == 405


def test_markup_in_a_card_is_shown_as_text() -> None:
    page = PAGES.get("/patients/demo-dorn").text
    assert "<script>" not in page
    assert "<b>now</b>" not in page


def test_a_refused_call_is_shown_and_not_a_failure_of_the_page() -> None:
    page = PAGES.get("/patients/demo-birke")
    assert page.status_code == 200
    assert "answered 412" in page.text


def test_an_unknown_patient_is_a_404() -> None:
    assert PAGES.get("/patients/nobody").status_code == 404
