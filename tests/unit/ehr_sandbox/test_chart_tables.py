"""The chart's rows say what is charted, and nothing else: worked out by hand from the resources."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from ehr_sandbox.chart_tables import drugs, vitals, written

LOINC = "http://loinc.org"
OWN = "https://cart-toxicity-cds.github.io/fhir/CodeSystem/immune-effector-cell-assessment"
WARD = timezone(timedelta(hours=1))
NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


def observation(system: str, code: str, **members: Any) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": system, "code": code}], "text": code},
        "effectiveDateTime": "2026-03-04T10:00:30Z",
        **members,
    }


def cells(*resources: dict[str, Any]) -> dict[str, str]:
    [row] = vitals(resources, WARD)
    assert row.at == datetime(2026, 3, 4, 11, 0, tzinfo=WARD)
    return row.cells


def administration(**members: Any) -> dict[str, Any]:
    return {
        "resourceType": "MedicationAdministration",
        "status": "completed",
        "medicationCodeableConcept": {"text": "norepinephrine"},
        "dosage": {"rateQuantity": {"value": 0.1, "unit": "ug/kg/min"}},
        **members,
    }


def test_what_was_charted_at_one_minute_is_one_row() -> None:
    degrees = observation(LOINC, "8310-5", valueQuantity={"value": 38.9, "unit": "°C"})
    later = {
        **degrees,
        "effectiveDateTime": "2026-03-04T10:00:59Z",
        "valueQuantity": {"value": 102, "unit": "°F"},
    }
    assert cells(degrees, later) == {"Temp": "38.9, 102 °F"}


def test_an_observation_without_a_value_is_not_given() -> None:
    assert cells(observation(LOINC, "8310-5")) == {"Temp": "not given"}
    assert cells(observation(LOINC, "85354-9")) == {"Pressure": "not given"}


def test_a_score_without_a_total_is_incomplete_and_findings_beside_it_are_shown() -> None:
    def part(code: str, value: str) -> dict[str, Any]:
        concept = {"coding": [{"system": OWN, "code": value}], "text": value.replace("-", " ")}
        return {"code": {"coding": [{"system": OWN, "code": code}]}, "valueCodeableConcept": concept}

    parts = [part("consciousness", "awakens-to-voice"), part("seizure", "none"), part("motor", "hemiparesis")]
    shown = cells(observation(OWN, "ice-total", component=parts))
    assert shown == {"Neurology": "ICE incomplete, awakens to voice, motor: hemiparesis"}
    assert cells(observation(OWN, "ice-total", valueInteger=0)) == {"Neurology": "ICE 0"}


def test_errors_are_left_out_and_foreign_codes_are_not_guessed() -> None:
    temperature = observation(LOINC, "8310-5", valueQuantity={"value": 41, "unit": "°C"})
    assert vitals([{**temperature, "status": "entered-in-error"}], WARD) == []
    assert vitals([observation("http://local.example", "8310-5", valueString="x")], WARD) == []
    assert vitals([observation(LOINC, "8310-5", effectiveDateTime="2026-03-04")], WARD) == []


def test_the_newest_ten_rounds_are_shown_newest_first() -> None:
    rounds = [
        observation(LOINC, "8867-4", effectiveDateTime=f"2026-03-04T{hour:02}:00:00Z", valueInteger=hour)
        for hour in range(12)
    ]
    assert [row.cells["Pulse"] for row in vitals(rounds, WARD)] == [str(hour) for hour in range(11, 1, -1)]


def test_a_drug_runs_until_its_end_and_a_dose_was_given_at_once() -> None:
    begun = administration(status="in-progress", effectivePeriod={"start": "2026-03-04T02:00:00Z"})
    ended = administration(effectivePeriod={"start": "2026-03-04T09:00:00Z", "end": "2026-03-04T10:00:00Z"})
    dose = administration(
        effectiveDateTime="2026-03-04T11:00:00Z", dosage={"dose": {"value": 500, "unit": "mL"}}
    )
    void = administration(status="entered-in-error", effectiveDateTime="2026-03-04T11:30:00Z")
    undated = administration(effectiveDateTime="2026-03-04")
    found = drugs([ended, begun, void, undated, dose], WARD, NOW)
    assert [(row.amount, row.is_running, row.until) for row in found] == [
        ("0.1 ug/kg/min", True, None),
        ("500 mL", False, None),
        ("0.1 ug/kg/min", False, datetime(2026, 3, 4, 11, 0, tzinfo=WARD)),
    ]


def test_a_drip_is_named_with_its_diluent() -> None:
    drip = {
        "resourceType": "Medication",
        "id": "drip",
        "ingredient": [
            {"itemCodeableConcept": {"text": "sodium chloride 0.9 %"}},
            {"itemCodeableConcept": {"text": "epinephrine"}},
        ],
    }
    given = administration(contained=[drip], effectiveDateTime="2026-03-04T11:00:00Z")
    del given["medicationCodeableConcept"]
    given["medicationReference"] = {"reference": "#drip"}
    assert [row.drug for row in drugs([given], WARD, NOW)] == ["epinephrine in sodium chloride 0.9 %"]


def test_what_was_written_is_told_in_a_line() -> None:
    value = {"coding": [{"system": OWN, "code": "fever"}], "text": "fever"}
    note = observation(OWN, "attributed-elsewhere", valueCodeableConcept=value, note=[{"text": "E. coli"}])
    order = {
        "resourceType": "MedicationRequest",
        "status": "draft",
        "authoredOn": "2026-03-04T10:00:00Z",
        "medicationCodeableConcept": {"coding": [{"display": "tocilizumab"}]},
        "dosageInstruction": [{"text": "640 mg"}],
    }
    rows = written([note, order], WARD)
    assert [(row.kind, row.text, row.status) for row in rows] == [
        ("Observation", "attributed-elsewhere: fever: E. coli", "final"),
        ("MedicationRequest", "tocilizumab: 640 mg", "draft"),
    ]
    assert rows[1].at == datetime(2026, 3, 4, 11, 0, tzinfo=WARD)
