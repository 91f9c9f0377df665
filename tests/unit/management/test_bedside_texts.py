"""What a tired reader is told: every text true of this patient, every reason a phrase of the ward."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest

from grading.chart import ChartGap, GapWhat, GapWhy
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


# Steroids: improving, or given before


IMPROVING = "day 6; ice 2 20h; dexamethasone 18h; dexamethasone 7h; ice 5"


def test_improving_on_steroid_a_dose_is_an_option_that_is_not_urgent_and_has_no_draft() -> None:
    option = the("dexamethasone.consider", IMPROVING)
    assert (option.row, option.urgent, option.verified) == ("I2c", False, False)
    assert option.no_draft_because == "ICANS is improving on steroid"
    [caution] = option.cautions
    assert caution.startswith(
        "Improving on steroid: continue or taper, no extra dose (ICANS grade 2, lower than"
    )
    assert the("methylprednisolone.dose", IMPROVING).cautions == option.cautions
    assert the("methylprednisolone.dose", IMPROVING).no_draft_because == "ICANS is improving on steroid"


def test_not_improving_the_dose_is_recommended_without_that_caution() -> None:
    dose = the("dexamethasone.dose", "day 6; ice 5 20h; dexamethasone 18h; dexamethasone 7h; ice 5")
    assert (dose.row, dose.urgent, dose.cautions, dose.no_draft_because) == ("I2b", True, (), None)


def test_a_source_that_doses_until_grade_1_keeps_its_dose_and_draft() -> None:
    story = (
        "day 6; ice 0 20h; consciousness unarousable 20h; dexamethasone 18h; dexamethasone 7h; ice 2;"
        " consciousness alert"
    )
    assert the("dexamethasone.dose", story, "asco-2021").no_draft_because is None


def test_after_a_flare_nobody_says_taper() -> None:
    flare = "day 6; ice 1 30h; dexamethasone 28h; dexamethasone 7h; ice 9 10h; ice 5"
    ids = {item.id for item in review_of(flare).recommendations}
    assert "steroid.taper" not in ids
    assert "dexamethasone.dose" in ids


@pytest.mark.parametrize("why", ["not-retrieved", "unmapped", "ambiguous", "implausible"])
@pytest.mark.parametrize("steroid", ["dexamethasone.dose", "methylprednisolone.dose"])
def test_steroid_doses_that_are_not_known_are_a_caution_and_leave_no_draft(steroid: str, why: str) -> None:
    dose = the(steroid, f"fever 38.5; gap steroids {why}; ice 5")
    assert dose.no_draft_because == "earlier steroid doses are not known"
    [caution] = dose.cautions
    assert caution.startswith("Earlier steroid doses unknown: check what was given before any steroid")


def test_a_steroid_record_from_before_the_infusion_is_no_unknown_dose() -> None:
    charted = chart_of("fever 38.5; ice 5")
    for at, cautions in ((AT - timedelta(days=4), 0), (AT - timedelta(days=2), 1)):
        gap = ChartGap(GapWhat.STEROIDS, GapWhy.UNMAPPED, "hydrocortisone, unit not known", at)
        answer = review(replace(charted, gaps=(gap,)), AT, PROTOCOLS["met-2021"])
        assert answer is not None
        [dose] = [item for item in answer.recommendations if item.id == "dexamethasone.dose"]
        assert len(dose.cautions) == cautions
        assert (dose.no_draft_because is None) == (cautions == 0)


def test_a_steroid_record_that_could_not_be_read_is_named() -> None:
    gap = ChartGap(GapWhat.STEROIDS, GapWhy.UNMAPPED, "prednisone, unit not known", AT - timedelta(days=1))
    answer = review(replace(chart_of("ice 5"), gaps=(gap,)), AT, PROTOCOLS["met-2021"])
    assert answer is not None
    [asked] = [item for item in answer.recommendations if item.id == "ask.missing-data"]
    assert "Unread: prednisone, unit not known" in asked.reasons


def test_a_given_dose_is_the_reason_before_an_unknown_one() -> None:
    story = "day 6; ice 5 3h; gap steroids not-retrieved; dexamethasone 2h; ice 5"
    assert "less than" in str(the("dexamethasone.dose", story).no_draft_because)


# Lumbar puncture


def notes_of(phrases: str) -> str:
    return " ".join(review_of(phrases).notes)


@pytest.mark.parametrize(
    ("phrases", "words"),
    [
        ("fever 38.5; platelets 15; ice 5", "platelets are very low"),
        ("gap raised-icp not-retrieved; ice 5", "raised intracranial pressure could not be had or read"),
        ("ice 5; motor hemiparesis", "image the brain first"),
        ("ice 0; consciousness unarousable", "image the brain first"),
    ],
)
def test_where_no_lumbar_puncture_is_offered_a_note_says_why(phrases: str, words: str) -> None:
    assert "No lumbar puncture is offered" in notes_of(phrases)
    assert words in notes_of(phrases)


@pytest.mark.parametrize(
    "phrases", ["fever 38.5; platelets 15; ice 5", "ice 5", "fever 38.8; norepinephrine 2h"]
)
def test_the_search_for_infection_names_no_lumbar_puncture(phrases: str) -> None:
    assert "lumbar" not in the("infection-workup", phrases).text.lower()


def test_where_one_is_offered_no_note_speaks_against_it() -> None:
    assert "lumbar" not in notes_of("ice 5; platelets 40").lower()


# Seizure


def test_a_seizure_that_resolved_is_not_treated_again_and_is_not_urgent() -> None:
    ready = the("seizure.treatment", "seizure brief-resolved 23h; ice 9")
    assert (ready.row, ready.urgent) == ("I6b", False)
    assert ready.text.startswith(
        "If it recurs or does not stop: benzodiazepine, then levetiracetam preferred"
    )


@pytest.mark.parametrize(
    "finding", ["prolonged-over-5-min", "repetitive-without-recovery", "repeated-with-recovery"]
)
def test_a_seizure_that_was_long_or_came_again_is_treated_now(finding: str) -> None:
    treated = the("seizure.treatment", f"seizure {finding}; ice 9")
    assert (treated.row, treated.urgent) == ("I6", True)


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
