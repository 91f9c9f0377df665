"""Draft orders: a computed dose as a valid R4 MedicationRequest, and nothing its source does not say."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from fhir.resources.R4B.medicationrequest import MedicationRequest

from fhir_maps.draft_orders import (
    DraftOrderError,
    _checked_concept,
    draft_order,
    is_orderable,
    validate_order,
    warm_validator,
)
from fhir_maps.terminology import load_terminology
from management.review import Dose, Recommendation, Strength

NOW = datetime(2026, 3, 4, 8, 0, tzinfo=UTC)
TERMINOLOGY = load_terminology()
DOSE = Dose(
    value=Decimal(576),
    unit="mg",
    arithmetic="8 mg/kg × 72 kg = 576 mg",
    route="IV over 1 h",
    interval="at most every 8 h",
    weight_kg=Decimal("72.0"),
    weight_at=datetime(2026, 3, 1, 6, 0, tzinfo=UTC),
)
TOCILIZUMAB = Recommendation(
    id="tocilizumab.dose",
    strength=Strength.RECOMMEND,
    title="Give tocilizumab",
    text="…",
    reasons=("CRS grade 3", "norepinephrine runs"),
    row="C4",
    cite="MET guide Fig. 1",
    tier="A",
    verified=True,
    dose=DOSE,
)


def order(recommendation: Recommendation, **options: Any) -> dict[str, Any]:
    written = draft_order(recommendation, "p1", terminology=TERMINOLOGY, authored_at=NOW, **options)
    MedicationRequest.model_validate(written)
    return written


def test_a_draft_is_a_proposal_for_the_patient_with_drug_dose_route_and_reason() -> None:
    assert order(TOCILIZUMAB) == {
        "resourceType": "MedicationRequest",
        "status": "draft",
        "intent": "proposal",
        "medicationCodeableConcept": {
            "text": "tocilizumab",
            "coding": [
                {
                    "system": "http://www.nlm.nih.gov/research/umls/rxnorm",
                    "code": "612865",
                    "display": "tocilizumab",
                }
            ],
        },
        "subject": {"reference": "Patient/p1"},
        "authoredOn": "2026-03-04T08:00:00+00:00",
        "reasonCode": [{"text": "CRS grade 3; norepinephrine runs"}],
        "note": [
            {
                "text": "Draft proposed by decision support for a clinician to check, change or discard."
                " Weight used: 72 kg measured 2026-03-01T06:00+00:00. Source: MET guide Fig. 1 (row C4)."
            }
        ],
        "dosageInstruction": [
            {
                "text": "576 mg IV over 1 h at most every 8 h (8 mg/kg × 72 kg = 576 mg)",
                "route": {
                    "text": "intravenous",
                    "coding": [
                        {
                            "system": "http://snomed.info/sct",
                            "code": "47625008",
                            "display": "Intravenous route",
                        }
                    ],
                },
                "doseAndRate": [
                    {
                        "doseQuantity": {
                            "value": 576,
                            "unit": "mg",
                            "system": "http://unitsofmeasure.org",
                            "code": "mg",
                        }
                    }
                ],
            }
        ],
    }


def test_no_interval_is_written_where_the_source_states_none() -> None:
    dosage = order(replace(TOCILIZUMAB, dose=replace(DOSE, interval=None)))["dosageInstruction"][0]
    assert dosage["text"] == "576 mg IV over 1 h (8 mg/kg × 72 kg = 576 mg)"
    assert "timing" not in dosage


def test_a_dose_per_day_is_the_most_per_day_and_never_one_administration() -> None:
    dose = Dose(Decimal(144), "mg/day", "2 mg/kg/day × 72 kg = 144 mg/day", route="IV")
    dosage = order(replace(TOCILIZUMAB, id="methylprednisolone.dose", dose=dose))["dosageInstruction"][0]
    assert "doseAndRate" not in dosage
    assert dosage["maxDosePerPeriod"]["numerator"]["value"] == 144
    assert dosage["maxDosePerPeriod"]["numerator"]["code"] == "mg"
    assert dosage["maxDosePerPeriod"]["denominator"]["code"] == "d"


def test_a_fraction_of_a_milligram_is_kept() -> None:
    dose = Dose(Decimal("7.5"), "mg", "0.5 mg/kg × 15 kg = 7.5 mg")
    dosage = order(replace(TOCILIZUMAB, id="dexamethasone.dose", dose=dose))["dosageInstruction"][0]
    assert dosage["doseAndRate"][0]["doseQuantity"]["value"] == 7.5
    assert "route" not in dosage


def test_an_oral_route_is_not_written_as_intravenous() -> None:
    dose = replace(DOSE, route="by mouth")
    assert order(replace(TOCILIZUMAB, dose=dose))["dosageInstruction"][0]["route"] == {"text": "by mouth"}


def test_a_row_that_is_not_verified_says_so_and_cautions_go_along() -> None:
    unverified = replace(TOCILIZUMAB, verified=False, cautions=("Active infection.",), reasons=())
    written = order(unverified)
    assert written["note"][0]["text"].endswith("This row is not verified. Active infection.")
    assert written["reasonCode"] == [{"text": "Give tocilizumab"}]


def test_the_encounter_of_the_hook_is_referred_to() -> None:
    assert order(TOCILIZUMAB, encounter_id="e1")["encounter"] == {"reference": "Encounter/e1"}


@pytest.mark.parametrize(
    "recommendation",
    [
        replace(TOCILIZUMAB, dose=None, dose_rule="8 mg/kg"),
        replace(TOCILIZUMAB, id="third-line.siltuximab"),
        replace(TOCILIZUMAB, id="steroid.escalate"),
    ],
)
def test_without_a_computed_dose_of_a_known_drug_there_is_no_draft(recommendation: Recommendation) -> None:
    assert not is_orderable(recommendation)
    with pytest.raises(DraftOrderError):
        order(recommendation)


def test_an_order_that_is_no_valid_fhir_is_refused_without_repeating_it() -> None:
    with pytest.raises(DraftOrderError) as refusal:
        validate_order({"resourceType": "MedicationRequest", "status": "draft", "subject": "Patient/secret"})
    assert "secret" not in str(refusal.value)
    warm_validator()


def test_an_order_that_is_changed_by_who_got_it_leaves_the_next_one_alone() -> None:
    first = order(TOCILIZUMAB)
    first["medicationCodeableConcept"]["coding"][0]["code"] = "changed"
    first["dosageInstruction"][0]["route"]["coding"].clear()
    second = order(TOCILIZUMAB)
    assert second["medicationCodeableConcept"]["coding"][0]["code"] == "612865"
    assert second["dosageInstruction"][0]["route"]["coding"][0]["code"] == "47625008"


def test_what_is_the_same_in_every_draft_is_checked_too() -> None:
    with pytest.raises(DraftOrderError, match="concept"):
        _checked_concept({"text": 7})


def test_a_text_that_varies_is_checked_in_every_draft() -> None:
    order(TOCILIZUMAB)
    with pytest.raises(DraftOrderError):
        order(replace(TOCILIZUMAB, dose=replace(DOSE, unit="")))
