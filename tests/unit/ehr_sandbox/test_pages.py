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
    "suggestions": [{"label": "Tocilizumab 640 mg"}],
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
    assert "<li>Tocilizumab 640 mg</li>" in page


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
