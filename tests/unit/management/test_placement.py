"""Where the patient is cared for: the ward is named only where nothing speaks against it and all is known."""

from dataclasses import replace
from decimal import Decimal

import pytest

from management.protocol import load_protocol
from management.review import Recommendation, Review
from management.reviewing import review
from management.vocabulary import Cut
from tests.spec.management.bedside import AT, chart_of

PROTOCOL = load_protocol("met-2021")


def review_of(phrases: str) -> Review:
    answer = review(chart_of(phrases), AT, PROTOCOL)
    assert answer is not None
    return answer


def names_the_ward(phrases: str) -> bool:
    return any("care on the ward" in note for note in review_of(phrases).notes)


def the(recommendation_id: str, phrases: str) -> Recommendation:
    [found] = [item for item in review_of(phrases).recommendations if item.id == recommendation_id]
    return found


@pytest.mark.parametrize(
    "phrases",
    [
        "fever 38.8",
        "ice 8",
        "fever 38.8; ice 8",
        "fever 38.8; oxygen nasal-cannula 3",
        "fever 38.8; oxygen blow-by 10",
        "fever 38.8; spo2 90",
        "fever 38.8; systolic 84 3h; bolus 500 2h; systolic 98",
        "fever 38.8; condition acute-coronary-syndrome; troponin 10 /14",
        "fever 38.8; ice 8; attributed fever pneumonia",
        "fever 38.8; oxygen nasal-cannula 2; attributed hypoxia fibrosis",
        "fever 38.8; midodrine 4h",
    ],
)
def test_the_ward_is_named_where_all_is_known_and_no_criterion_met(phrases: str) -> None:
    assert names_the_ward(phrases)


@pytest.mark.parametrize(
    "phrases",
    [
        "fever 38.8; oxygen nasal-cannula 6",
        "fever 38.8; oxygen bipap; attributed hypoxia pe",
        "fever 38.8; oxygen mechanical-ventilation; sedated; attributed hypoxia airway",
        "fever 38.8; norepinephrine 4h; epinephrine 3h; attributed hypotension bleeding",
        "fever 38.8; systolic 84; attributed hypotension bleeding",
        "fever 38.8; seizure prolonged-over-5-min; attributed neurological prior-epilepsy",
        "fever 38.8; consciousness awakens-to-voice; attributed neurological opioid",
        "fever 38.8; dobutamine 4h",
        "fever 38.8; systolic 60",
        "fever 38.8; systolic 84; bolus 500 2h",
        "fever 38.8; hypotension present 3h; bolus 500 2h; no systolic",
        "fever 38.8; spo2 80",
        "fever 38.8; oxygen nasal-cannula 4; spo2 82",
        "fever 38.8; oxygen nasal-cannula 4; spo2 82; attributed hypoxia fibrosis",
        "fever 38.8; condition acute-coronary-syndrome",
    ],
)
def test_the_ward_is_not_named_beside_support_low_values_or_an_open_question(phrases: str) -> None:
    assert not names_the_ward(phrases)


@pytest.mark.parametrize(
    "phrases",
    [
        "fever 38.8; gap vasopressors not-retrieved",
        "fever 38.8; gap conditions not-retrieved",
        "fever 38.8; gap raised-icp not-retrieved",
        "fever 38.8; gap oxygen unmapped",
        "fever 38.8; oxygen nasal-cannula",
        "fever 38.8; no ice",
        "fever 38.8; no ice; no consciousness",
        "fever 38.8; sedated",
        "fever 38.8; no systolic; no baseline-systolic; no oxygen; no spo2; no ice; no consciousness",
        "ice 8; no temperature",
    ],
)
def test_the_ward_is_not_named_while_a_grade_is_undecided(phrases: str) -> None:
    assert not names_the_ward(phrases)


def test_without_toxicity_the_ward_is_not_named() -> None:
    assert not names_the_ward("temperature 37.0")


# Intensive care as an option


def test_low_saturation_on_oxygen_is_told_with_the_support_it_was_measured_on() -> None:
    phrases = "fever 38.5; oxygen nasal-cannula 4; spo2 82"
    oxygen = the("oxygen.start", phrases)
    assert oxygen.title == "Raise the oxygen support"
    assert oxygen.urgent
    assert oxygen.reasons == ("SpO2 82 % on nasal cannula 4 L/min",)
    assert the("icu.consider", phrases).reasons == ("SpO2 82 % on nasal cannula 4 L/min",)


def test_low_saturation_without_oxygen_says_start() -> None:
    started = the("oxygen.start", "fever 38.5; spo2 82")
    assert (started.title, started.reasons) == ("Start oxygen", ("SpO2 82 % without oxygen",))


@pytest.mark.parametrize(
    ("phrases", "reason"),
    [
        (
            "fever 38.8; norepinephrine 4h; attributed hypotension bleeding",
            "Attributed elsewhere, and there: norepinephrine running since 2026-03-10 08:00 +00:00",
        ),
        (
            "fever 38.8; oxygen bipap; attributed hypoxia pe",
            "Attributed elsewhere, and there: ventilatory support (BiPAP)",
        ),
        (
            "fever 38.8; oxygen nasal-cannula 6; attributed hypoxia pe",
            "Attributed elsewhere, and there: oxygen at 6 L/min",
        ),
        ("ice 5; attributed neurological stroke", "Attributed elsewhere, and there: ICE 5"),
        ("icp papilloedema; attributed neurological bleed", "Attributed elsewhere, and there: papilloedema"),
        (
            "seizure brief-resolved; attributed neurological epilepsy",
            "Attributed elsewhere, and there: brief seizure, resolved",
        ),
    ],
)
def test_what_is_attributed_still_makes_intensive_care_an_option(phrases: str, reason: str) -> None:
    option = the("icu.consider", phrases)
    assert option.row == "A1b"
    assert reason in option.reasons
    assert not option.verified


def test_an_attribution_of_something_else_leaves_a_criterion_one() -> None:
    assert the("icu.transfer", "fever 38.8; norepinephrine 4h; attributed fever pneumonia").reasons == (
        "ICU criterion: norepinephrine running since 2026-03-10 08:00 +00:00",
    )


def test_what_is_attributed_moves_neither_grade_nor_drug() -> None:
    phrases = "fever 38.8; oxygen bipap; attributed hypoxia pe"
    answer = review_of(phrases)
    assert (answer.assessment.crs.grade, answer.assessment.icans.grade) == (1, 0)
    assert the("tocilizumab.consider", phrases).row == "C1b"


def test_after_one_bolus_it_says_that_two_are_our_rule() -> None:
    option = the("icu.consider", "fever 38.8; systolic 84; bolus 500 2h")
    assert option.reasons == (
        "Still hypotensive after 1 fluid bolus; called refractory from 2 on, by our rule",
    )


def test_where_a_site_calls_it_refractory_later_the_boluses_are_counted() -> None:

    row = PROTOCOL.cuts[Cut.REFRACTORY_BOLUSES]
    later = replace(PROTOCOL, cuts={**PROTOCOL.cuts, Cut.REFRACTORY_BOLUSES: replace(row, value=Decimal(3))})
    answer = review(chart_of("fever 38.8; systolic 84; bolus 500 3h; bolus 500 2h"), AT, later)
    assert answer is not None
    [option] = [item for item in answer.recommendations if item.id == "icu.consider"]
    assert option.reasons == (
        "Still hypotensive after 2 fluid boluses; called refractory from 3 on, by our rule",
    )
