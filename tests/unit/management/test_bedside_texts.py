"""What a tired reader is told: every text true of this patient, every reason a phrase of the ward."""

import re
from dataclasses import replace

import pytest

from management.protocol import load_protocol, shipped_protocols
from management.review import Recommendation, Review
from management.reviewing import review
from tests.spec.management.bedside import AT, chart_of
from tests.spec.management.spec_tables import read_rows

PROTOCOLS = {name: load_protocol(name) for name in shipped_protocols()}
CHILD = "age 6; weight 21 72h; no ice"


def review_of(phrases: str, protocol: str = "met-2021") -> Review:
    answer = review(chart_of(phrases), AT, PROTOCOLS[protocol])
    assert answer is not None
    return answer


def the(recommendation_id: str, phrases: str, protocol: str = "met-2021") -> Recommendation:
    [found] = [item for item in review_of(phrases, protocol).recommendations if item.id == recommendation_id]
    return found


# Tocilizumab: the text beside the dose


def test_on_the_ward_early_tocilizumab_is_an_option_without_an_icu_criterion() -> None:
    option = the("tocilizumab.consider", "fever 38.8")
    assert (option.row, option.cautions) == ("C1b", ())
    assert "without an ICU criterion" in option.text


def test_beside_an_icu_criterion_by_icans_the_option_says_what_it_is_not_for() -> None:
    option = the("tocilizumab.consider", "fever 38.8; ice 1")
    assert option.row == "C1c"
    assert "without an ICU criterion" not in option.text
    [caution] = option.cautions
    assert "does not treat ICANS" in caution


def test_a_recommendation_by_neurological_criteria_alone_says_so_with_icans() -> None:
    [caution] = the("tocilizumab.dose", "fever 38.8; oxygen nasal-cannula 3; ice 5").cautions
    assert caution == (
        "Every ICU criterion met is neurological: tocilizumab is for the CRS and does not treat ICANS "
        "(ICANS grade 2)"
    )


@pytest.mark.parametrize("somatic", ["oxygen nasal-cannula 6", "oxygen nasal-cannula 3; concern present"])
def test_a_criterion_that_is_not_neurological_needs_no_such_caution(somatic: str) -> None:
    assert the("tocilizumab.dose", f"fever 38.8; {somatic}; ice 5").cautions == ()


def test_the_first_dose_is_called_the_first_treatment_and_has_no_number() -> None:
    dose = the("tocilizumab.dose", "fever 38.8; oxygen simple-mask 5")
    assert dose.row == "C4b"
    assert "first treatment" in dose.text
    assert not any("dose" in reason for reason in dose.reasons)


def test_the_third_dose_is_called_a_further_one_with_its_number() -> None:
    story = "fever 39 30h; fever 38.8; norepinephrine 30h; tocilizumab 28h; tocilizumab 18h"
    dose = the("tocilizumab.dose", story)
    assert (dose.row, dose.title) == ("C5", "Give a further tocilizumab dose")
    assert "first" not in dose.text
    assert "It would be dose 3 of at most 4 in all" in dose.reasons


def test_a_dose_of_an_earlier_episode_is_in_the_number_of_the_next() -> None:
    story = "day 2; fever 39 20h; fever 38.8; oxygen nasal-cannula 6; tocilizumab 60h"
    dose = the("tocilizumab.dose", story)
    assert dose.row == "C3b"
    assert "It would be dose 2 of at most 4 in all" in dose.reasons


def test_a_steroid_beside_it_does_not_carry_the_number_of_the_dose() -> None:
    story = "fever 39 30h; fever 38.8; norepinephrine 30h; tocilizumab 28h; tocilizumab 18h"
    assert not any("of at most" in reason for reason in the("dexamethasone.consider", story).reasons)


def test_after_an_answer_a_further_dose_is_an_option_that_says_so() -> None:
    story = "fever 39 20h; fever 38.8; oxygen bipap 12h; tocilizumab 10h; oxygen simple-mask 5"
    option = the("tocilizumab.consider", story)
    assert option.row == "C1d"
    assert option.reasons == (
        "CRS grade 3, lower than at the tocilizumab dose 10 h ago",
        "It would be dose 2 of at most 4 in all",
    )


def test_late_crs_keeps_the_text_of_its_own_row() -> None:
    option = the("tocilizumab.consider", "day 24; fever 38.8 2h; norepinephrine 2h")
    assert option.row == "C4b"
    assert "without an ICU criterion" not in option.text


# ICE, in a child CAPD


@pytest.mark.parametrize(
    "phrases",
    [
        f"{CHILD}; capd 5",
        f"{CHILD}; day 6; capd 12 6h; dexamethasone 5h; capd 12",
        f"{CHILD}; capd 0; motor tremor-or-myoclonus",
    ],
)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_in_a_child_the_score_to_repeat_is_capd(phrases: str, protocol: str) -> None:
    repeated = the("ice.repeat", phrases, protocol)
    assert "CAPD" in repeated.title
    assert "ICE" not in repeated.title


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_in_an_adult_it_is_ice(protocol: str) -> None:
    assert "CAPD" not in the("ice.repeat", "ice 8", protocol).text


def test_on_steroid_the_interval_is_in_the_title() -> None:
    assert the("ice.repeat", "day 6; ice 5 6h; dexamethasone 5h; ice 5").title == "Repeat ICE every 8 h"
    assert the("ice.repeat", "ice 8").title == "Repeat ICE"


# Under 18 years


def test_what_is_lowered_under_18_years_is_what_the_population_says() -> None:
    child = review_of("age 9; weight 30 72h; no ice; capd 12; fever 38.8; systolic 70; baseline-systolic 100")
    strong = {item.id for item in child.recommendations if item.strength.value == "recommend"}
    assert not {name.partition(".")[0] for name in strong} & {
        "tocilizumab",
        "dexamethasone",
        "methylprednisolone",
    }
    assert {"fluid-bolus", "seizure.prophylaxis", "icu.transfer", "empiric-antibiotics"} <= strong
    for protocol in PROTOCOLS.values():
        assert "tocilizumab, dexamethasone and methylprednisolone are options only" in protocol.population


def test_levetiracetam_has_no_dose() -> None:
    prophylaxis = the("seizure.prophylaxis", "ice 8")
    assert (prophylaxis.dose, prophylaxis.dose_rule) == (None, None)


# Signs that may not be CRS


def test_signs_are_spoken_of_only_where_there_are_some() -> None:
    assert "Hypotension or hypoxia" in the("infection-workup", "systolic 84; bolus 500 2h").text
    assert "Hypotension" not in the("infection-workup", "gap oxygen unmapped").text


def test_beside_an_attributed_fever_nobody_says_that_there_is_none() -> None:
    asked = the("ask.attribution", "fever 38.8; attributed fever pneumonia; norepinephrine 4h")
    assert "without fever" not in asked.text
    checked = the("recheck-vitals", "fever 38.8; attributed fever pneumonia; systolic 84")
    assert "without fever" not in checked.text


# Reasons


@pytest.mark.parametrize(
    ("phrases", "reason"),
    [
        (
            "fever 38.8; norepinephrine 4h",
            "ICU criterion: norepinephrine running since 2026-03-10 08:00 +00:00",
        ),
        ("fever 38.8; oxygen bipap", "ICU criterion: ventilatory support (BiPAP)"),
        ("fever 38.8; oxygen nasal-cannula 6", "ICU criterion: oxygen at 6 L/min"),
        ("seizure brief-resolved", "ICU criterion: brief seizure, resolved"),
        ("icp cushing-triad", "ICU criterion: Cushing's triad"),
        ("consciousness awakens-to-touch", "ICU criterion: awakens only to touch"),
        ("condition arrhythmia", "ICU criterion: arrhythmia on record"),
        (
            "condition acute-coronary-syndrome; troponin 60 /20",
            "ICU criterion: acute coronary syndrome on record, troponin 3 × upper limit",
        ),
        (
            "concern present 3h",
            "ICU criterion: concern of the team, stated 2026-03-10 09:00 +00:00 (3 h ago)",
        ),
    ],
)
def test_an_icu_criterion_is_said_as_on_a_ward(phrases: str, reason: str) -> None:
    assert reason in the("icu.transfer", phrases).reasons


def test_each_of_two_vasopressors_is_named_with_its_start() -> None:
    reasons = the("icu.transfer", "fever 38.8; norepinephrine 4h; vasopressin 2h").reasons
    assert [reason for reason in reasons if "running" in reason] == [
        "ICU criterion: norepinephrine running since 2026-03-10 08:00 +00:00",
        "ICU criterion: vasopressin running since 2026-03-10 10:00 +00:00",
    ]


@pytest.mark.parametrize(
    ("phrases", "reason"),
    [
        ("no temperature", "Temperature not charted"),
        ("day 8; fever 38.5 40h; no temperature; fever 38.5 40h", "No recent temperature"),
        ("ice 7 10", "ICE not charted"),
        ("gap oxygen unmapped", "Oxygen device charted in words or codes that are not known here"),
        ("order norepinephrine 2h", "norepinephrine ordered, not charted as given"),
    ],
)
def test_what_is_asked_for_is_said_as_on_a_ward(phrases: str, reason: str) -> None:
    assert reason in the("ask.missing-data", phrases).reasons


@pytest.mark.parametrize("file", ["met-2021.md", "cross-cutting.md", "asco-2021.md"])
def test_no_reason_holds_a_code(file: str) -> None:
    protocol = "asco-2021" if file.startswith("asco") else "met-2021"
    kept = re.compile(r"non-(rebreather|invasive)|high-flow|T-piece|\d{4}-\d\d-\d\d|CAR-T|Guillain-Barré")
    for line in read_rows(file, "when"):
        for item in review_of(line["when"], protocol).recommendations:
            for reason in item.reasons:
                assert not re.search(r"[a-z]-[a-z]", kept.sub("", reason)), (line["when"], reason)


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("Paroxysmal atrial fibrillation", "I48.0", "Paroxysmal atrial fibrillation"),
        (None, "I48.0", "arrhythmia (I48.0)"),
        (None, None, "arrhythmia"),
    ],
)
def test_a_diagnosis_is_named_as_it_was_charted_else_by_our_word(
    text: str | None, code: str | None, words: str
) -> None:
    charted = chart_of("condition arrhythmia")
    renamed = replace(charted, conditions=(replace(charted.conditions[0], text=text, code=code),))
    answer = review(renamed, AT, PROTOCOLS["met-2021"])
    assert answer is not None
    [transfer] = [item for item in answer.recommendations if item.id == "icu.transfer"]
    assert transfer.reasons == (f"ICU criterion: {words} on record",)
