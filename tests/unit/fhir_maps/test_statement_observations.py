"""Statements as they are written, and that the reader reads back what was meant."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
from fhir.resources.R4B.observation import Observation

from fhir_maps.chart_reader import read_chart
from fhir_maps.statement_observations import (
    LONGEST_CAUSE,
    CauseError,
    Statement,
    attribution_observation,
    clean_cause,
    concern_observation,
    statements_read,
    withdrawal_observation,
)
from fhir_maps.terminology import load_terminology
from grading.assess import assess
from grading.chart import Attributable, Attribution, Chart, Source, TeamConcern
from tests.builders import cart_infusion, patient, temperature

OWN = "https://cart-toxicity-cds.github.io/fhir/CodeSystem/immune-effector-cell-assessment"
AT = datetime(2026, 3, 4, 10, 0, tzinfo=timezone(timedelta(hours=1)))
FORM = UUID("0b1e42cf-8d3b-4f0f-a58c-2d6a7a3a9d55")
TERMINOLOGY = load_terminology()


def statement(at: datetime = AT, form: UUID = FORM) -> Statement:
    return Statement("recipient", "e1", "Practitioner/7", at, form)


def test_an_attribution_is_written_whole() -> None:
    assert attribution_observation(Attributable.FEVER, "line infection, E. coli", statement()) == {
        "resourceType": "Observation",
        "identifier": [
            {"system": "urn:ietf:rfc:3986", "value": "urn:uuid:0b1e42cf-8d3b-4f0f-a58c-2d6a7a3a9d55"}
        ],
        "status": "final",
        "category": [
            {
                "coding": [
                    {
                        "system": "http://terminology.hl7.org/CodeSystem/observation-category",
                        "code": "exam",
                        "display": "Exam",
                    }
                ]
            }
        ],
        "code": {
            "coding": [
                {
                    "system": OWN,
                    "code": "attributed-elsewhere",
                    "display": "Finding attributed to another cause",
                }
            ],
            "text": "Finding attributed to another cause",
        },
        "subject": {"reference": "Patient/recipient"},
        "encounter": {"reference": "Encounter/e1"},
        "performer": [{"reference": "Practitioner/7"}],
        "effectiveDateTime": "2026-03-04T10:00:00.000+01:00",
        "valueCodeableConcept": {
            "coding": [{"system": OWN, "code": "fever", "display": "Fever"}],
            "text": "Fever",
        },
        "note": [{"text": "line infection, E. coli"}],
    }


@pytest.mark.parametrize("what", Attributable)
def test_every_attribution_is_valid_and_read_as_it_was_meant(what: Attributable) -> None:
    written = attribution_observation(what, "sepsis", statement()) | {"id": "a1"}
    Observation.model_validate(written)
    assert statements_read(written, TERMINOLOGY) == [
        Attribution(AT, what, withdrawn=False, cause="sepsis", source=Source("Observation/a1"))
    ]


@pytest.mark.parametrize("what", Attributable)
def test_every_withdrawal_is_valid_and_read_as_one(what: Attributable) -> None:
    stated = Attribution(AT, what, withdrawn=False, cause="sepsis", source=Source("Observation/a1"))
    written = withdrawal_observation(stated, statement(AT + timedelta(hours=2)))
    Observation.model_validate(written)
    assert written["status"] == "cancelled"
    (read,) = statements_read(written, TERMINOLOGY)
    assert isinstance(read, Attribution)
    assert (read.what, read.withdrawn, read.at) == (what, True, AT + timedelta(hours=2))


def test_a_withdrawal_is_never_earlier_than_what_it_withdraws() -> None:
    # Charted by a clock that runs two minutes ahead, and withdrawn at once.
    stated = Attribution(AT + timedelta(minutes=2), Attributable.FEVER, False, "sepsis", Source("x"))
    written = withdrawal_observation(stated, statement())
    assert written["effectiveDateTime"] == "2026-03-04T10:02:00.000+01:00"


def test_two_statements_within_one_second_keep_their_order() -> None:
    stated_at = datetime(2026, 3, 4, 9, 0, 0, 700_400, tzinfo=UTC)
    stated = Attribution(stated_at, Attributable.FEVER, False, "sepsis", Source("x"))
    (read,) = statements_read(withdrawal_observation(stated, statement(stated_at)), TERMINOLOGY)
    assert stated_at <= read.at < stated_at + timedelta(milliseconds=1)


@pytest.mark.parametrize("present", [True, False])
def test_concern_is_valid_and_read_as_it_was_meant(present: bool) -> None:
    written = concern_observation(present, statement())
    Observation.model_validate(written)
    assert statements_read(written, TERMINOLOGY) == [TeamConcern(AT, present, Source("Observation"))]


def test_who_and_encounter_are_left_out_where_the_ehr_did_not_tell_them() -> None:
    written = concern_observation(True, Statement("recipient", None, None, AT, FORM))
    assert "encounter" not in written
    assert "performer" not in written


def test_a_statement_without_an_offset_is_not_written() -> None:
    with pytest.raises(ValueError, match="aware"):
        concern_observation(True, statement(datetime(2026, 3, 4, 10, 0)))  # noqa: DTZ001 - naive on purpose


@pytest.mark.parametrize(
    ("typed", "written"),
    [
        ("  line infection ", "line infection"),
        ("urosepsis,\r\nE. coli\tin urine", "urosepsis, E. coli in urine"),
        ("fièvre médicamenteuse – pipéracilline", "fièvre médicamenteuse – pipéracilline"),
        ("<b>not</b> markup", "<b>not</b> markup"),
        ("x" * LONGEST_CAUSE, "x" * 500),
    ],
)
def test_a_cause_is_written_in_one_line(typed: str, written: str) -> None:
    assert clean_cause(typed) == written


@pytest.mark.parametrize(
    "typed", ["", "   \n ", "x" * 501, "a\x00b", "a\x1bb", "a\x85b", "a\u202eb", "a\u200bb", "a\ud800b"]
)
def test_a_cause_that_cannot_be_shown_is_refused(typed: str) -> None:
    with pytest.raises(CauseError) as caught:
        clean_cause(typed)
    assert "xx" not in str(caught.value)


def chart_of(*resources: dict[str, Any]) -> Chart:
    bundle = {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"resource": resource} for resource in resources],
    }
    reading = read_chart([json.dumps(bundle).encode()], terminology=TERMINOLOGY, patient_id="recipient")
    return reading.chart


def test_attributing_and_withdrawing_takes_a_fever_out_of_the_grade_and_puts_it_back() -> None:
    record = [
        patient(born=date(1960, 5, 17)),
        cart_infusion("axicabtagene-ciloleucel", at=AT - timedelta(days=3)),
        temperature(38.9, at=AT - timedelta(hours=4)) | {"id": "t1"},
    ]
    attributed = attribution_observation(Attributable.FEVER, "sepsis", statement()) | {"id": "a1"}
    later = AT + timedelta(hours=1)
    stated = Attribution(AT, Attributable.FEVER, False, "sepsis", Source("Observation/a1"))
    withdrawn = withdrawal_observation(stated, statement(later)) | {"id": "a2"}

    def lowest(*resources: dict[str, Any]) -> int:
        assessed = assess(chart_of(*record, *resources), later)
        assert assessed is not None
        return assessed.crs.lowest

    # A fever of 38.9 °C within 24 h, and nothing else charted: at least grade 1.
    assert lowest() == 1
    assert lowest(attributed) == 0
    assert lowest(attributed, withdrawn) == 1
