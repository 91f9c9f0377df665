"""Consciousness, arousal scales, seizure, motor, raised pressure, sedation, and a clinician's statements."""

from typing import Any

import pytest

from grading.chart import (
    ArousalScale,
    ArousalScore,
    Attributable,
    Attribution,
    Consciousness,
    ConsciousnessRow,
    HypotensionStatement,
    Motor,
    MotorRow,
    RaisedIcp,
    RaisedIcpRow,
    SedationRow,
    Seizure,
    SeizureRow,
    TeamConcern,
)
from tests.unit.fhir_maps.reading import AT, LOINC, MIMIC, OWN, SNOMED, coded, gaps, own, quantity, read, rows

RASS = coded(SNOMED, "1345050000")
GLASGOW_EYE = coded(LOINC, "9267-6")
AVPU = coded(LOINC, "67775-7")


@pytest.mark.parametrize("level", list(Consciousness))
def test_every_level_of_consciousness_is_read_from_its_code(level: Consciousness) -> None:
    [row] = read(own("consciousness"), valueCodeableConcept=own(level.value))
    assert row == ConsciousnessRow(AT, level, row.source)
    assert row.source.note is None


@pytest.mark.parametrize("finding", list(Seizure))
def test_every_seizure_finding_is_read(finding: Seizure) -> None:
    assert (
        rows(read(own("seizure"), valueCodeableConcept=own(finding.value)), SeizureRow)[0].finding is finding
    )


@pytest.mark.parametrize("finding", list(Motor))
def test_every_motor_finding_is_read(finding: Motor) -> None:
    assert rows(read(own("motor"), valueCodeableConcept=own(finding.value)), MotorRow)[0].finding is finding


@pytest.mark.parametrize("finding", list(RaisedIcp))
def test_every_sign_of_raised_pressure_is_read(finding: RaisedIcp) -> None:
    found = read(own("raised-icp"), valueCodeableConcept=own(finding.value))
    assert rows(found, RaisedIcpRow)[0].finding is finding


def test_finding_in_words_is_read_and_marked() -> None:
    [row] = read(own("consciousness"), valueCodeableConcept={"text": "Awakens to voice"})
    assert (row.level, row.source.note) == (Consciousness.AWAKENS_TO_VOICE, "matched on text")
    [row] = read(own("consciousness"), valueString="unarousable")
    assert row.level is Consciousness.UNAROUSABLE


@pytest.mark.parametrize(
    ("code", "what"),
    [
        ("consciousness", "consciousness"),
        ("seizure", "seizure"),
        ("motor", "motor"),
        ("raised-icp", "raised-icp"),
        ("hypotension", "blood-pressure"),
        ("attributed-elsewhere", "conditions"),
    ],
)
@pytest.mark.parametrize(
    "members",
    [
        {"valueCodeableConcept": coded(OWN, "purple")},
        {"valueString": "purple"},
        {"valueInteger": 3},
        {"valueBoolean": True},
        {"valueQuantity": quantity(3, "{score}")},
    ],
)
def test_answer_that_no_map_knows_is_a_gap_of_its_input(
    code: str, what: str, members: dict[str, Any]
) -> None:
    assert gaps(read(own(code), **members)) == [(what, "unmapped")]


def test_code_of_another_finding_is_no_answer() -> None:
    found = read(own("seizure"), valueCodeableConcept=own("hemiparesis"))
    assert gaps(found) == [("seizure", "unmapped")]


@pytest.mark.parametrize("sedated", [True, False])
def test_sedation_is_a_boolean(sedated: bool) -> None:
    assert rows(read(own("sedated"), valueBoolean=sedated), SedationRow)[0].sedated is sedated


def test_sedation_in_words_is_a_gap() -> None:
    assert gaps(read(own("sedated"), valueString="yes")) == [("sedation", "unmapped")]


@pytest.mark.parametrize(("answer", "present"), [("none", False), ("present", True)])
def test_statement_on_hypotension_is_read(answer: str, present: bool) -> None:
    found = read(own("hypotension"), valueCodeableConcept=own(answer))
    assert rows(found, HypotensionStatement)[0].present is present


# AVPU


@pytest.mark.parametrize(
    ("code", "level"),
    [
        ("248234008", Consciousness.ALERT),
        ("300202002", Consciousness.AWAKENS_TO_VOICE),
        ("422768004", Consciousness.UNAROUSABLE),
    ],
)
def test_avpu_answers_are_read_as_consciousness(code: str, level: Consciousness) -> None:
    [row] = read(AVPU, valueCodeableConcept=coded(SNOMED, code))
    assert row.level is level
    assert row.source.note.startswith("AVPU")


def test_avpu_pain_is_touch_with_a_gap_that_it_may_be_more() -> None:
    found = read(AVPU, valueCodeableConcept=coded(SNOMED, "450847001"))
    assert rows(found, ConsciousnessRow)[0].level is Consciousness.AWAKENS_TO_TOUCH
    assert gaps(found) == [("consciousness", "ambiguous")]


@pytest.mark.parametrize("text", ["Confused", "Lethargic"])
def test_answer_that_tells_no_arousal_is_ambiguous(text: str) -> None:
    found = read(AVPU, valueString=text)
    assert rows(found, ConsciousnessRow) == []
    assert gaps(found) == [("consciousness", "ambiguous")]


# RASS


@pytest.mark.parametrize(
    ("members", "score"),
    [
        ({"valueInteger": -5}, -5),
        ({"valueInteger": 4}, 4),
        ({"valueQuantity": quantity(-3, "{score}")}, -3),
        ({"valueQuantity": quantity(0)}, 0),
        ({"valueCodeableConcept": coded(LOINC, "LA33966-5")}, -4),
        ({"valueCodeableConcept": {"text": "-1 Awakens to voice"}}, -1),
        ({"valueString": "-1 Awakens to voice"}, -1),
        ({"valueString": "-4 Deep sedation, no response to voice"}, -4),
        ({"valueString": "−2"}, -2),
        ({"valueString": "+1 Anxious"}, 1),
        ({"valueString": " 0  Alert and calm"}, 0),
        ({"valueString": "Drowsy -1"}, -1),
        ({"valueString": "Moderate sedation"}, -3),
        ({"valueString": "3"}, 3),
        ({"valueString": "1 Restless"}, 1),
    ],
)
def test_rass_is_read_from_number_code_or_words(members: dict[str, Any], score: int) -> None:
    found = read(RASS, **members)
    assert [(row.scale, row.score) for row in rows(found, ArousalScore)] == [(ArousalScale.RASS, score)]
    assert gaps(found) == []


@pytest.mark.parametrize("text", ["1 Awakens to voice", "-1 Alert and calm", "3 something", "2 - 3 sleepy"])
def test_rass_whose_words_contradict_or_lack_the_sign_is_ambiguous(text: str) -> None:
    found = read(RASS, valueString=text)
    assert rows(found, ArousalScore) == []
    assert gaps(found) == [("consciousness", "ambiguous")]


@pytest.mark.parametrize(
    "members",
    [
        {"valueInteger": 5},
        {"valueInteger": -6},
        {"valueQuantity": quantity(-1.5)},
        {"valueQuantity": quantity("NaN")},
        {"valueQuantity": quantity("1e999999999")},
    ],
)
def test_rass_that_cannot_be_is_implausible(members: dict[str, Any]) -> None:
    assert gaps(read(RASS, **members)) == [("consciousness", "implausible")]


@pytest.mark.parametrize("text", ["sleepy", "15", "-", "x" * 2_000_000])
def test_rass_in_unknown_words_is_a_gap(text: str) -> None:
    assert gaps(read(RASS, valueString=text)) == [("consciousness", "unmapped")]


@pytest.mark.parametrize(
    "code",
    [
        coded(MIMIC, "228299"),
        coded(SNOMED, "1345050000") | {"text": "Goal RASS"},
        {"text": "RASS goal"},
        coded(LOINC, "54632-5"),
    ],
)
def test_goal_of_a_rass_is_never_a_finding(code: dict[str, Any]) -> None:
    assert read(code, valueInteger=-4) == []


# Glasgow


@pytest.mark.parametrize(
    ("members", "score"),
    [
        ({"valueInteger": 3}, 3),
        ({"valueQuantity": quantity(4)}, 4),
        ({"valueString": "None"}, 1),
        ({"valueString": "To Pain"}, 2),
        ({"valueString": "To Speech"}, 3),
        ({"valueString": "Spontaneously"}, 4),
        ({"valueString": "3-To speech"}, 3),
    ],
)
def test_eye_opening_is_read(members: dict[str, Any], score: int) -> None:
    found = read(GLASGOW_EYE, **members)
    assert [(row.scale, row.score) for row in rows(found, ArousalScore)] == [(ArousalScale.GCS_EYE, score)]


@pytest.mark.parametrize("value", [0, 5])
def test_eye_opening_ends_at_one_and_four(value: int) -> None:
    assert gaps(read(GLASGOW_EYE, valueInteger=value)) == [("consciousness", "implausible")]


@pytest.mark.parametrize("code", ["9270-0", "9269-2", "9268-4"])
def test_glasgow_verbal_total_and_motor_never_count(code: str) -> None:
    assert read(coded(LOINC, code), valueInteger=1) == []


def test_eye_component_of_a_glasgow_panel_is_read_alone() -> None:
    found = read(
        coded(LOINC, "9269-2"),
        valueInteger=15,
        component=[
            {"code": GLASGOW_EYE, "valueInteger": 2},
            {"code": coded(LOINC, "9270-0"), "valueInteger": 1},
        ],
    )
    assert [row.score for row in found] == [2]


# Attribution


@pytest.mark.parametrize("what", list(Attributable))
def test_attribution_is_read_with_its_cause(what: Attributable) -> None:
    found = read(
        own("attributed-elsewhere"),
        valueCodeableConcept=own(what.value),
        note=[{"text": "E. coli bacteraemia"}, {"text": "cultures of 3 March"}],
    )
    [row] = found
    assert row == Attribution(AT, what, False, "E. coli bacteraemia; cultures of 3 March", row.source)


@pytest.mark.parametrize("status", ["entered-in-error", "cancelled"])
def test_attribution_taken_back_is_a_withdrawal(status: str) -> None:
    [row] = read(own("attributed-elsewhere"), status=status, valueCodeableConcept=own("fever"))
    assert (row.what, row.withdrawn) == (Attributable.FEVER, True)


def test_withdrawal_without_a_usable_time_is_a_gap() -> None:
    found = read(
        own("attributed-elsewhere"),
        status="cancelled",
        effectiveDateTime="2026-03-04",
        valueCodeableConcept=own("fever"),
    )
    assert gaps(found) == [("conditions", "implausible")]


# Team concern


@pytest.mark.parametrize(("answer", "present"), [("present", True), ("none", False)])
def test_the_concern_of_the_team_is_read_as_stated(answer: str, present: bool) -> None:
    [row] = read(own("team-concern"), valueCodeableConcept=own(answer))
    assert row == TeamConcern(AT, present, row.source)


def test_a_concern_in_other_words_is_a_gap_and_not_none() -> None:
    found = read(own("team-concern"), valueString="rather worried")
    assert gaps(found) == [("conditions", "unmapped")]


def test_a_concern_taken_back_is_no_statement() -> None:
    assert read(own("team-concern"), status="entered-in-error", valueCodeableConcept=own("present")) == []
