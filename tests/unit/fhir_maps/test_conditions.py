"""Diagnoses as stated, and imaging conclusions."""

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from fhir_maps import r4
from fhir_maps.conditions import read_condition
from fhir_maps.imaging import LONGEST_CONCLUSION, read_report
from fhir_maps.terminology import load_terminology
from grading.chart import ChartGap, Condition, GapWhat, GapWhy, Verification

TERMINOLOGY = load_terminology()
CM = "http://hl7.org/fhir/sid/icd-10-cm"
SNOMED = "http://snomed.info/sct"
CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"
VERIFICATION = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
NINE = datetime(2026, 3, 4, 9, tzinfo=UTC)


def status(system: str, code: str) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code}]}


def read(code: Any = "D89.833", **members: Any) -> list[Condition | ChartGap]:
    body: dict[str, Any] = {
        "resourceType": "Condition",
        "id": "c1",
        "code": {"coding": [{"system": CM, "code": code}]} if isinstance(code, str) else code,
        "verificationStatus": status(VERIFICATION, "confirmed"),
        "recordedDate": "2026-03-04T09:00:00Z",
    }
    body = {name: value for name, value in (body | members).items() if value is not None}
    return list(read_condition(msgspec.json.decode(json.dumps(body), type=r4.Condition), TERMINOLOGY))


def only(code: Any = "D89.833", **members: Any) -> Condition:
    (row,) = read(code, **members)
    assert isinstance(row, Condition)
    return row


@pytest.mark.parametrize(
    ("code", "kind", "grade"),
    [
        ("D89.831", "crs", 1),
        ("D89.835", "crs", 5),
        ("D89.839", "crs", None),
        ("D89.83", "crs", None),
        ("G92.00", "icans", None),
        ("G92.0", "icans", None),
        ("G92.01", "icans", 1),
        ("G92.05", "icans", 5),
        ("A41.51", "infection", None),
        ("I62.9", "intracranial-haemorrhage", None),
        ("G51.0", "facial-palsy", None),
        ("D76.1", "haemophagocytic-lymphohistiocytosis", None),
        ("G93.6", "cerebral-oedema", None),
    ],
)
def test_a_code_tells_the_kind_and_grade(code: str, kind: str, grade: int | None) -> None:
    row = only(code)
    assert (row.code, row.kind, row.grade, row.source.note) == (code, kind, grade, None)


@pytest.mark.parametrize("code", ["G92", "G92.8", "G92.9"])
def test_toxic_encephalopathy_is_not_icans(code: str) -> None:
    assert only(code).kind is None


@pytest.mark.parametrize("code", ["C83.30", "D89.8331", "D89", "A41.5"])
def test_other_codes_have_no_bearing_and_no_prefix_matches(code: str) -> None:
    row = only(code)
    assert (row.code, row.kind, row.grade) == (code, None, None)


def test_a_text_tells_the_kind_and_is_marked() -> None:
    row = only({"text": "Acute Diverticulitis"})
    assert (row.code, row.text, row.kind, row.source.note) == (
        None,
        "Acute Diverticulitis",
        "diverticular-disease",
        "matched on text",
    )
    assert only({"text": "CRS"}).kind is None


@pytest.mark.parametrize("code", ["refuted", "entered-in-error"])
def test_what_was_taken_back_leaves_nothing(code: str) -> None:
    assert read(verificationStatus=status(VERIFICATION, code)) == []
    assert read(verificationStatus={"text": code.title()}) == []


@pytest.mark.parametrize("code", ["provisional", "differential", "unconfirmed"])
def test_what_is_not_confirmed_is_unconfirmed(code: str) -> None:
    assert only(verificationStatus=status(VERIFICATION, code)).verification is Verification.UNCONFIRMED
    assert only(verificationStatus=None).verification is Verification.UNCONFIRMED
    assert only().verification is Verification.CONFIRMED


def test_it_began_with_its_onset_else_when_it_was_recorded() -> None:
    assert only(onsetDateTime="2026-03-02T08:00:00Z").at == datetime(2026, 3, 2, 8, tzinfo=UTC)
    assert only(onsetPeriod={"start": "2026-03-02"}).at == datetime(2026, 3, 2, tzinfo=UTC)
    assert only().at == NINE
    assert only(recordedDate=None).at is None
    assert only(recordedDate="2026-03-04T09:00:00").at is None


@pytest.mark.parametrize("code", ["resolved", "inactive", "remission"])
def test_what_has_ended_carries_its_end(code: str) -> None:
    ended = {"clinicalStatus": status(CLINICAL, code)}
    assert only(**ended, abatementDateTime="2026-03-05T09:00:00Z").resolved_at == datetime(
        2026, 3, 5, 9, tzinfo=UTC
    )
    assert only("A41.51", **ended).resolved_at == NINE
    onset = only("A41.51", **ended, recordedDate=None, onsetDateTime="2026-03-02T08:00:00Z")
    assert onset.resolved_at is not None


def test_a_toxicity_that_ended_at_no_known_time_is_a_gap_and_not_dated_by_its_entry() -> None:
    (gap,) = read("D89.833", clinicalStatus=status(CLINICAL, "resolved"))
    assert isinstance(gap, ChartGap)
    assert (gap.what, gap.why) == (GapWhat.CONDITIONS, GapWhy.AMBIGUOUS)


def test_an_end_of_which_nothing_is_dated_is_a_gap() -> None:
    (gap,) = read(clinicalStatus=status(CLINICAL, "resolved"), recordedDate=None)
    assert isinstance(gap, ChartGap)
    assert (gap.what, gap.why) == (GapWhat.CONDITIONS, GapWhy.AMBIGUOUS)
    assert read("C83.30", clinicalStatus=status(CLINICAL, "resolved"), recordedDate=None) == []


@pytest.mark.parametrize("code", ["active", "recurrence", "relapse"])
def test_what_goes_on_has_no_end(code: str) -> None:
    assert only(clinicalStatus=status(CLINICAL, code)).resolved_at is None


@pytest.mark.parametrize("code", [{}, {"coding": [{}]}, {"text": ""}, {"text": "x" * 2_000_000}, None])
def test_odd_codes_never_raise(code: Any) -> None:
    assert only(code).kind is None


def report(**members: Any) -> Any:
    body: dict[str, Any] = {
        "resourceType": "DiagnosticReport",
        "id": "d1",
        "status": "final",
        "effectiveDateTime": "2026-03-04T09:00:00Z",
        "conclusion": "No acute intracranial finding.",
    }
    body = {name: value for name, value in (body | members).items() if value is not None}
    return list(read_report(msgspec.json.decode(json.dumps(body), type=r4.DiagnosticReport)))


def test_a_conclusion_is_shown_with_its_time() -> None:
    (row,) = report()
    assert (row.at, row.conclusion, row.source.reference) == (
        NINE,
        "No acute intracranial finding.",
        "DiagnosticReport/d1",
    )


@pytest.mark.parametrize(
    "members",
    [
        {"conclusion": None},
        {"conclusion": "  "},
        {"status": "entered-in-error"},
        {"status": "cancelled"},
        {"status": "registered"},
        {"status": None},
        {"effectiveDateTime": None},
        {"effectiveDateTime": "2026-03-04T09:00:00"},
        {"category": [{"coding": [{"code": "LAB"}]}]},
        {"category": [{"text": "Laboratory"}]},
    ],
)
def test_a_report_that_says_nothing_is_left_out(members: dict[str, Any]) -> None:
    assert report(**members) == []


def test_the_time_of_a_report_may_be_a_period_or_its_issue() -> None:
    period = {"start": "2026-03-04T08:00:00Z", "end": "2026-03-04T09:00:00Z"}
    assert report(effectiveDateTime=None, effectivePeriod=period)[0].at == NINE
    assert report(effectiveDateTime=None, issued="2026-03-04T09:00:00Z")[0].at == NINE


def test_a_long_conclusion_is_cut() -> None:
    assert len(report(conclusion="word " * 100_000)[0].conclusion) <= LONGEST_CONCLUSION


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("ECG changes", "ecg-change"),
        ("Abnormal electrocardiogram [ECG] [EKG]", "ecg-change"),
        ("Ventricular tachycardia, unspecified", "arrhythmia"),
        ("Unspecified atrial fibrillation", "arrhythmia"),
        ("Paroxysmal atrial fibrillation", "arrhythmia"),
        ("Supraventricular tachycardia, unspecified", "arrhythmia"),
        ("Torsades de pointes", "arrhythmia"),
        ("Atrial fibrillation (disorder)", "arrhythmia"),
        ("Non-ST elevation (NSTEMI) myocardial infarction", "acute-coronary-syndrome"),
        ("ST elevation (STEMI) myocardial infarction of unspecified site", "acute-coronary-syndrome"),
        ("Unstable angina", "acute-coronary-syndrome"),
        ("Ventricular premature depolarization", None),
        ("Inappropriate sinus tachycardia, so stated", None),
        ("Permanent atrial fibrillation", None),
        ("Old myocardial infarction", None),
        ("Dressler's syndrome", None),
    ],
)
def test_heart_diagnoses_are_known_by_the_names_of_the_classification(text: str, kind: str | None) -> None:
    uncoded = {"coding": [{"system": CM, "code": "I99.9", "display": text}]}
    for code in (uncoded, {"text": text}):
        assert only(code).kind == kind
