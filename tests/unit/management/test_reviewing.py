"""The review as a whole: who is reviewed, what is said to whom, and what is withheld why."""

from dataclasses import replace
from datetime import datetime
from decimal import Decimal

import pytest

from grading.assess import assess
from grading.assessment import Assessment, Status
from grading.chart import Chart, Condition, DrugDose, ImmuneDrug, Patient, Verification
from grading.course import course_of
from management.assessment_document import assessment_document
from management.protocol import load_protocol
from management.protocol_rows import Protocol
from management.review import Guard, Recommendation, Review, Strength
from management.reviewing import review, review_assessment, review_with_course
from tests.spec.management.bedside import AT, CHARTED, chart_of, hours_ago

PROTOCOL = load_protocol("met-2021")


def review_of(phrases: str) -> Review:
    answer = review(chart_of(phrases), AT, PROTOCOL)
    assert answer is not None
    return answer


def the(recommendation_id: str, answer: Review) -> Recommendation:
    return next(item for item in answer.recommendations if item.id == recommendation_id)


def test_nobody_without_an_infusion_is_reviewed() -> None:
    assert review(Chart(), AT, PROTOCOL) is None


def test_nobody_is_reviewed_after_the_monitoring_window() -> None:
    assert review(chart_of("day 31; fever 38.8"), AT, PROTOCOL) is None


@pytest.mark.parametrize(
    "phrases",
    ["fever 39 40h; fever 38.8; norepinephrine 2h; tocilizumab 10h", "ice 2 20h; ice 5 1h", "day 31"],
)
def test_a_review_with_its_course_is_what_both_are_apart(phrases: str) -> None:
    chart = chart_of(phrases)
    both = review_with_course(chart, AT, PROTOCOL)
    assert both == (review(chart, AT, PROTOCOL), course_of(chart, AT))


def test_a_review_names_its_protocol_and_counts_doses() -> None:
    answer = review_of("fever 39 40h; fever 38.8; tocilizumab 30h; tocilizumab 10h")
    assert (answer.protocol, answer.protocol_version) == ("met-2021", "1.0.0")
    assert (answer.tocilizumab.last_24_h, answer.tocilizumab.total) == (1, 2)
    assert answer.tocilizumab.hours_since_last == 10


def test_death_ends_advice() -> None:
    answer = review_of("fever 38.8; norepinephrine 2h; deceased")
    assert answer.recommendations == ()
    assert answer.withheld == ()


def test_grade_5_has_no_recommendation() -> None:
    death = Condition(
        code="D89.835",
        text="CRS, grade 5",
        kind="crs",
        grade=5,
        verification=Verification.CONFIRMED,
        at=hours_ago(1),
        resolved_at=None,
        source=CHARTED,
    )
    chart = replace(
        chart_of("fever 38.8; norepinephrine 2h"),
        patient=Patient(None, deceased=True, deceased_at=hours_ago(1)),
        conditions=(death,),
    )
    answer = review(chart, AT, PROTOCOL)
    assert answer is not None
    assert answer.assessment.crs.grade == 5
    assert answer.recommendations == ()


def test_each_instant_of_the_past_is_graded_once() -> None:
    chart = chart_of("fever 39 40h; fever 38.8; norepinephrine 40h; tocilizumab 30h; dexamethasone 30h")
    asked: list[datetime] = []

    def grade_at(instant: datetime) -> Assessment | None:
        asked.append(instant)
        return assess(chart, instant)

    assessment = assess(chart, AT)
    assert assessment is not None
    review_assessment(assessment, chart, PROTOCOL, grade_at)
    assert asked
    assert len(asked) == len(set(asked))


def test_a_dose_from_before_any_assessment_counts_as_not_answered_to() -> None:
    chart = chart_of("fever 38.8; oxygen nasal-cannula 3; tocilizumab 10h")
    assessment = assess(chart, AT)
    assert assessment is not None
    answer = review_assessment(assessment, chart, PROTOCOL, lambda _instant: None)
    assert the("tocilizumab.dose", answer).strength is Strength.RECOMMEND


def test_severe_crs_is_not_said_to_last_where_the_past_is_unknown() -> None:
    chart = chart_of("fever 38.8; norepinephrine 2h")
    assessment = assess(chart, AT)
    assert assessment is not None

    def grade_at(instant: datetime) -> Assessment | None:
        return assessment if instant == hours_ago(72) else None

    answer = review_assessment(assessment, chart, PROTOCOL, grade_at)
    assert "cardiac.assessment" not in {item.id for item in answer.recommendations}


def test_worse_within_12_h_is_not_said_where_the_twelfth_hour_is_unknown() -> None:
    chart = chart_of("ice 5 21h; dexamethasone 20h; ice 1")
    assessment, at_dose = assess(chart, AT), assess(chart, hours_ago(20))
    assert assessment is not None

    def grade_at(instant: datetime) -> Assessment | None:
        return at_dose if instant == hours_ago(20) else None

    answer = review_assessment(assessment, chart, PROTOCOL, grade_at)
    assert the("steroid.escalate", answer).strength is Strength.CONSIDER


def test_what_is_withheld_says_when_it_becomes_possible() -> None:
    (held,) = review_of("fever 39 20h; fever 38.8; oxygen nasal-cannula 3; tocilizumab 5h").withheld
    assert held.because is Guard.INTERVAL_UNDER_8H
    assert held.text == (
        "Last dose 5 h ago; at least 8 h are required, so not before 2026-03-10 15:00 +00:00"
    )
    assert held.cite == "MET guide, Fig. 1"


def test_a_second_short_of_8_h_is_not_said_to_be_8_h() -> None:
    answer = review_of(f"fever 39 20h; fever 38.8; oxygen nasal-cannula 3; tocilizumab {8 - 1 / 3600}h")
    (held,) = answer.withheld
    assert held.text.startswith("Last dose 7.9 h ago; at least 8 h are required")
    doses = assessment_document(answer)["inputs"]["tocilizumabDoses"]  # type: ignore[index]
    assert doses["hoursSinceLast"] == 7.99


def test_without_a_weight_the_rule_is_still_printed() -> None:
    (held,) = review_of("fever 38.8; no weight").withheld
    assert held.because is Guard.NO_WEIGHT
    assert "8 mg/kg IV over 1 h (12 mg/kg below 30 kg), at most 800 mg per dose" in held.text


def test_a_stale_weight_is_named_with_its_age() -> None:
    (held,) = review_of("fever 38.8; weight 72 480h").withheld
    assert held.because is Guard.STALE_WEIGHT
    assert held.text.startswith("Latest weight 72 kg is 20 days old; 14 at most")


def test_fluid_without_a_weight_keeps_its_rule_in_words() -> None:
    bolus = the("fluid-bolus", review_of("fever 38.8; systolic 84; no weight"))
    assert bolus.dose is None
    assert bolus.dose_rule is not None
    assert bolus.dose_rule.startswith("4 mL/kg")


@pytest.mark.parametrize(
    ("phrases", "words"),
    [
        ("condition infection", "Active infection: weigh tocilizumab against it"),
        ("condition diverticular-disease", "Diverticular disease: risk of perforation"),
        ("condition bowel-perforation", "Diverticular disease: risk of perforation"),
        ("order tocilizumab 2h", "Check whether the ordered dose was given"),
        ("gap tocilizumab not-retrieved", "Earlier doses unknown"),
        ("gap tocilizumab unmapped", "A dose is on record that could not be read: check what was given"),
        ("gap conditions not-retrieved", "An infection, a bowel disease or another cause"),
        ("age 9; capd 0", "This protocol was written for adults"),
        ("age unknown", "This protocol was written for adults"),
    ],
)
def test_a_caution_stands_beside_the_option_and_never_hides_it(phrases: str, words: str) -> None:
    option = the("tocilizumab.consider", review_of(f"fever 38.8; {phrases}"))
    assert any(caution.startswith(words) for caution in option.cautions)
    assert option.dose is not None


def test_what_rests_on_an_arousal_scale_alone_says_so_and_nothing_else_does() -> None:
    answer = review_of("no ice; no consciousness; rass -4; fever 38.8; norepinephrine 2h")
    (caution,) = the("dexamethasone.consider", answer).cautions
    assert caution.startswith("Rests on an arousal scale")
    assert "(Arousal read from RASS -4 alone)" in caution
    assert the("methylprednisolone.dose", answer).cautions == (caution,)
    assert the("icu.transfer", answer).cautions == ()
    assert the("tocilizumab.dose", answer).cautions == ()


def given(drug: ImmuneDrug, hours: float, milligrams: str | None, *, systemic: bool = True) -> DrugDose:
    amount = None if milligrams is None else Decimal(milligrams)
    return DrugDose(drug, hours_ago(hours), amount, CHARTED, systemic=systemic)


def review_after(*doses: DrugDose, phrases: str = "ice 5", protocol: Protocol = PROTOCOL) -> Review:
    answer = review(replace(chart_of(phrases), drug_doses=doses), AT, protocol)
    assert answer is not None
    return answer


def test_a_suggested_steroid_tells_the_steroids_given_lately_newest_first() -> None:
    doses = (
        given(ImmuneDrug.HYDROCORTISONE, 20, None),
        given(ImmuneDrug.DEXAMETHASONE, 7, "10"),
        given(ImmuneDrug.DEXAMETHASONE, 1, "10"),
        given(ImmuneDrug.METHYLPREDNISOLONE, 40, "80"),
        given(ImmuneDrug.PREDNISOLONE, 2, None, systemic=False),
    )
    for recommendation_id in ("dexamethasone.dose", "methylprednisolone.dose"):
        reasons = the(recommendation_id, review_after(*doses)).reasons
        assert [reason for reason in reasons if reason.startswith("Last dose")] == [
            "Last dose: dexamethasone 10 mg, 1 h ago",
            "Last dose: hydrocortisone, 20 h ago",
        ]
    assert not any("Last dose" in reason for reason in the("icu.transfer", review_after(*doses)).reasons)


@pytest.mark.parametrize(("hours", "drafted"), [(1, False), (5.99, False), (6, True)])
def test_no_draft_is_offered_within_6_h_of_a_dose(hours: float, drafted: bool) -> None:
    answer = review_after(given(ImmuneDrug.DEXAMETHASONE, hours, "10"))
    for recommendation_id in ("dexamethasone.dose", "methylprednisolone.dose"):
        option = the(recommendation_id, answer)
        assert option.dose is not None
        assert (option.no_draft_because is None) == drafted


def test_why_no_draft_is_offered_is_said() -> None:
    option = the("dexamethasone.dose", review_after(given(ImmuneDrug.DEXAMETHASONE, 5.99, "10")))
    assert option.no_draft_because == "dexamethasone 10 mg, 5.9 h ago, which is less than 6 h"


def test_a_high_dose_is_the_step_up_from_another_steroid_and_stays_drafted() -> None:
    asco = load_protocol("asco-2021")
    story = "fever 38.8; oxygen bipap"
    after_dexamethasone = review_after(given(ImmuneDrug.DEXAMETHASONE, 1, "10"), phrases=story, protocol=asco)
    assert the("methylprednisolone.high-dose", after_dexamethasone).no_draft_because is None
    after_itself = review_after(given(ImmuneDrug.METHYLPREDNISOLONE, 1, "500"), phrases=story, protocol=asco)
    assert the("methylprednisolone.high-dose", after_itself).no_draft_because is not None


def test_two_cautions_both_stand() -> None:
    option = the("tocilizumab.consider", review_of("fever 38.8; age 17; condition infection"))
    assert len(option.cautions) == 2


def test_without_a_reason_for_caution_there_is_none() -> None:
    assert the("tocilizumab.consider", review_of("fever 38.8")).cautions == ()


def test_urgent_advice_comes_first_and_options_last() -> None:
    given = review_of("fever 38.8; oxygen simple-mask 5; ice 5").recommendations
    keys = [(not item.urgent, item.strength is Strength.CONSIDER) for item in given]
    assert keys == sorted(keys)
    assert given[0].urgent


def test_reasons_of_all_rows_are_kept_once() -> None:
    reasons = the("icu.transfer", review_of("fever 38.8; oxygen simple-mask 5; ice 5")).reasons
    assert len(reasons) == len(set(reasons))
    assert "ICU criterion: ICE 5" in reasons
    assert "CRS grade 3" in reasons


def test_a_range_is_said_as_a_range() -> None:
    answer = review_of("fever 38.8; oxygen nasal-cannula")
    assert answer.assessment.crs.status is Status.INDETERMINATE
    assert "CRS at least grade 2 (up to 3 possible)" in the("supportive-care", answer).reasons


def test_respiratory_failure_is_answered_with_a_note() -> None:
    notes = review_of("fever 38.8; oxygen high-flow-nasal-cannula 40").notes
    assert len(notes) == 1
    assert "non-invasive ventilation before intubation" in notes[0]


@pytest.mark.parametrize("device", ["mechanical-ventilation", "ecmo"])
def test_who_is_ventilated_is_past_a_trial_of_non_invasive_ventilation(device: str) -> None:
    assert review_of(f"fever 38.8; oxygen {device}").notes == ()


def test_without_an_icu_criterion_care_on_the_ward_is_noted() -> None:
    [note] = review_of("fever 38.8").notes
    assert "care on the ward" in note


def test_without_toxicity_nothing_is_noted() -> None:
    assert review_of("temperature 37.0").notes == ()


def test_a_recommendation_says_where_its_dose_comes_from() -> None:
    assert the("tocilizumab.consider", review_of("fever 38.8")).cite == (
        "MET guide, Fig. 1; ASCO card p.6; Kymriah label copy"
    )


def test_a_dose_that_a_fast_clock_put_ahead_of_now_was_given_just_now() -> None:
    answer = review_of("fever 38.8; tocilizumab -0.05h")
    assert answer.tocilizumab.hours_since_last == 0
    assert [held.because for held in answer.withheld] == [Guard.INTERVAL_UNDER_8H]


def test_a_child_gets_the_rule_of_a_fixed_dose_in_words_and_not_its_number() -> None:
    child = chart_of("age 9; weight 30 72h; capd 0; no ice; fever 38.8; oxygen simple-mask 5")
    answer = review(child, AT, load_protocol("asco-2021"))
    assert answer is not None
    option = the("dexamethasone.consider", answer)
    assert option.dose is None
    assert option.dose_rule == "10 mg IV every 6 h"


def test_icans_4_says_that_its_cell_of_the_source_was_not_available() -> None:
    answer = review(chart_of("ice 0; consciousness unarousable"), AT, load_protocol("asco-2021"))
    assert answer is not None
    option = the("dexamethasone.consider", answer)
    assert not option.verified
    assert "ASCO grade 4 cell not available here" in option.text


def test_an_early_steroid_product_is_noted() -> None:
    answer = review(chart_of("fever 38.8"), AT, load_protocol("asco-2021"))
    assert answer is not None
    assert any("earlier steroid" in note for note in answer.notes)
    assert any("GM-CSF is not recommended" in note for note in answer.notes)
