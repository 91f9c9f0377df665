"""Every sample patient gets the hand-worked grade, from the Bundle and through the demonstration."""

import json
from typing import Any

import pytest

from cart_cds.grade_bundle import grade_bundle
from ehr_sandbox.patients import ExpectedGrade, SamplePatient, load_patients
from ehr_sandbox.record import CHART_CLOCK

EXTENSION = "io.github.cart-toxicity-cds.assessment"
every_patient = pytest.mark.parametrize("patient", load_patients(), ids=lambda patient: patient.id)


def graded(patient: SamplePatient) -> dict[str, Any]:
    document: Any = grade_bundle(json.dumps(patient.bundle).encode(), at=CHART_CLOCK)
    return dict(document.get(EXTENSION, {}))


def check(found: dict[str, Any], expected: ExpectedGrade) -> None:
    assert found["status"] == expected.status
    assert found["range"] == [expected.lowest, expected.highest]
    assert found.get("grade") == expected.grade
    # An episode that never rose above 0 has no peak to tell.
    assert (found.get("episodePeak") or None) == expected.peak


@every_patient
def test_the_grades_are_those_worked_out_by_hand(patient: SamplePatient) -> None:
    found = graded(patient)
    expected = patient.expected
    if expected.crs is None or expected.icans is None:
        assert found == {}
        return
    check(found["crs"], expected.crs)
    check(found["icans"], expected.icans)
    assert found["infusion"]["day"] == expected.day


@every_patient
def test_the_suggestions_are_those_worked_out_by_hand(patient: SamplePatient) -> None:
    found = graded(patient)
    offers = {one["id"]: one for one in found.get("recommendations", [])}
    expected = patient.expected
    assert set(expected.offered) <= set(offers)
    assert not set(expected.never) & set(offers)
    doses = [one["dose"] for id_, one in offers.items() if id_.startswith("tocilizumab.") and "dose" in one]
    if expected.tocilizumab_mg is not None:
        assert doses == [{"value": expected.tocilizumab_mg, "unit": "mg"}]


def test_switched_pressors_in_rate_segments_are_one_at_a_time() -> None:
    [linde] = [patient for patient in load_patients() if patient.id == "demo-linde"]
    assert graded(linde)["inputs"]["vasopressors"] == ["norepinephrine"]


def test_the_drug_beside_its_diluent_in_a_contained_medication_is_found() -> None:
    [esche] = [patient for patient in load_patients() if patient.id == "demo-esche"]
    assert graded(esche)["inputs"]["vasopressors"] == ["epinephrine", "norepinephrine"]


def test_missing_inputs_are_named() -> None:
    [jasmin] = [patient for patient in load_patients() if patient.id == "demo-jasmin"]
    gaps = {(gap["what"], gap["why"]) for gap in graded(jasmin)["gaps"]}
    assert {what for what, _ in gaps} >= {"temperature", "ice"}
    assert ("ice", "stale") in gaps
