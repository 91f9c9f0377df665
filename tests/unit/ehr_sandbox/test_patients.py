"""The sample patients are what their module writes, are valid FHIR, and move in time as a whole."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from fhir.resources.R4B.bundle import Bundle

from ehr_sandbox.patients import SamplePatient, load_patients
from ehr_sandbox.record import CHART_CLOCK, parse_ago
from ehr_sandbox.write_patients import FOLDER, written_files

PATIENTS = load_patients()
every_patient = pytest.mark.parametrize("patient", PATIENTS, ids=lambda patient: patient.id)


def effective_times(patient: SamplePatient) -> list[str]:
    return [one["effectiveDateTime"] for one in patient.resources() if "effectiveDateTime" in one]


def test_the_committed_files_are_what_the_courses_write() -> None:
    committed = {path.name: path.read_text("utf-8") for path in FOLDER.glob("*.json")}
    assert committed == written_files()


def test_every_patient_has_a_hand_worked_answer() -> None:
    assert sorted(patient.id for patient in PATIENTS) == sorted(path.stem for path in FOLDER.glob("*.json"))
    assert all(patient.expected.because for patient in PATIENTS)


def test_there_are_at_least_fourteen_patients_and_they_cover_every_grade() -> None:
    assert len(PATIENTS) >= 14
    crs = {one.expected.crs.grade for one in PATIENTS if one.expected.crs}
    assert crs >= {0, 1, 2, 3, 4, None}
    assert sum(one.expected.crs is None for one in PATIENTS) == 1


@every_patient
def test_the_bundle_is_valid_r4(patient: SamplePatient) -> None:
    Bundle.model_validate(patient.bundle)


@every_patient
def test_all_names_are_plainly_invented_and_marked_as_test_data(patient: SamplePatient) -> None:
    first = patient.resources()[0]
    assert first["name"][0]["family"].startswith("Demo-")
    assert first["meta"]["security"][0]["code"] == "HTEST"


@every_patient
def test_ids_are_unique_and_everything_belongs_to_the_patient(patient: SamplePatient) -> None:
    counted = Counter((one["resourceType"], one["id"]) for one in patient.resources())
    assert set(counted.values()) == {1}
    subjects = {one["subject"]["reference"] for one in patient.resources() if "subject" in one}
    assert subjects == {f"Patient/{patient.id}"}


@every_patient
def test_nothing_is_charted_after_the_chart_clock(patient: SamplePatient) -> None:
    assert all(datetime.fromisoformat(text) <= CHART_CLOCK for text in effective_times(patient))


@every_patient
def test_vital_signs_are_charted_every_four_hours_up_to_half_an_hour_ago(patient: SamplePatient) -> None:
    pressures = sorted(
        datetime.fromisoformat(one["effectiveDateTime"])
        for one in patient.resources()
        if one["resourceType"] == "Observation" and one["code"]["text"] == "Blood pressure"
    )
    assert CHART_CLOCK - pressures[-1] == timedelta(minutes=30)
    assert pressures[-1] - pressures[-2] == timedelta(hours=4)
    assert pressures[-1] - pressures[0] >= timedelta(days=2)


def test_the_chart_clock_moves_to_now_and_offsets_stay() -> None:
    now = datetime(2030, 7, 1, 23, 15, 9, 500, tzinfo=UTC)
    before = {patient.id: effective_times(patient) for patient in PATIENTS}
    for patient in load_patients(now):
        for old, new in zip(before[patient.id], effective_times(patient), strict=True):
            moved = datetime.fromisoformat(new)
            assert moved - datetime.fromisoformat(old) == now.replace(microsecond=0) - CHART_CLOCK
            assert moved.utcoffset() == datetime.fromisoformat(old).utcoffset()


def test_the_day_since_infusion_does_not_depend_on_the_hour_of_the_demonstration() -> None:
    for hour in (0, 11, 23):
        now = datetime(2030, 7, 1, hour, 59, tzinfo=UTC)
        [cedar] = [patient for patient in load_patients(now) if patient.id == "demo-cedar"]
        [start] = [
            datetime.fromisoformat(one["performedPeriod"]["start"])
            for one in cedar.resources()
            if one["resourceType"] == "Procedure"
        ]
        assert (now.astimezone(start.tzinfo).date() - start.date()).days == 4


def test_a_clock_without_offset_is_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        load_patients(datetime(2030, 1, 1))  # noqa: DTZ001 - the point of the test


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("6d", timedelta(days=6)),
        ("2d4h", timedelta(days=2, hours=4)),
        ("7h40m", timedelta(hours=7, minutes=40)),
        ("30m", timedelta(minutes=30)),
    ],
)
def test_spans_read_as_written(text: str, span: timedelta) -> None:
    assert parse_ago(text) == span


@pytest.mark.parametrize("text", ["", "4", "h", "4h2d"])
def test_a_span_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="span"):
        parse_ago(text)
