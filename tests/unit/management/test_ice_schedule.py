"""When the next ICE is due: every 8 h on steroid, else every 12 h; never from a baseline."""

from dataclasses import replace
from datetime import timedelta

import pytest

from grading.chart import CartInfusion, IceScore, Source
from management.protocol import load_protocol
from management.review import IceSchedule, Review
from management.reviewing import review
from tests.spec.management.bedside import AT, CHARTED, chart_of, hours_ago

PROTOCOL = load_protocol("met-2021")
ON_STEROID = "day 6; ice 5 6h; dexamethasone 5h"


def reviewed(phrases: str) -> Review:
    answer = review(chart_of(phrases), AT, PROTOCOL)
    assert answer is not None
    return answer


def schedule(phrases: str) -> IceSchedule:
    found = reviewed(phrases).ice_schedule
    assert found is not None
    return found


def test_off_steroid_it_is_due_every_12_hours_by_a_rule_of_ours() -> None:
    found = schedule("ice 10 2h")
    assert (found.instrument, found.every_hours) == ("ICE", 12)
    assert (found.last_at, found.due_at, found.overdue) == (hours_ago(2), hours_ago(-10), False)
    assert (found.tier, found.verified, found.why) == ("RULE", False, "At least twice a day")


def test_on_steroid_it_is_due_every_8_hours_by_the_figure() -> None:
    found = schedule(f"{ON_STEROID}; ice 5 3h")
    assert (found.every_hours, found.due_at, found.overdue) == (8, hours_ago(-5), False)
    assert (found.tier, found.verified, found.cite) == ("A", True, "MET guide, Fig. 1")
    assert found.why == "On steroid: dexamethasone 5 h ago"


@pytest.mark.parametrize(("hours", "overdue"), [(11.9, False), (12, False), (12.1, True)])
def test_it_is_overdue_once_the_time_has_passed(hours: float, overdue: bool) -> None:
    assert schedule(f"ice 10 {hours}h").overdue is overdue


@pytest.mark.parametrize(("hours", "overdue"), [(8, False), (8.1, True)])
def test_on_steroid_it_is_overdue_after_8_hours(hours: float, overdue: bool) -> None:
    assert schedule(f"day 6; ice 5 {hours}h; dexamethasone 5h; seizure brief-resolved 6h").overdue is overdue


def test_prophylactic_dexamethasone_is_no_steroid_for_a_toxicity() -> None:
    assert schedule("dexamethasone 5h; ice 10 2h").every_hours == 12


def test_without_any_since_the_infusion_it_is_due_now() -> None:
    found = schedule("no ice")
    assert (found.last_at, found.due_at, found.overdue) == (None, AT, True)


@pytest.mark.parametrize("before", ["earlier-ice 10", "baseline-ice 9"])
def test_a_baseline_is_not_one(before: str) -> None:
    found = schedule(f"{before}; no ice")
    assert (found.last_at, found.overdue) == (None, True)


def test_one_taken_between_split_doses_counts() -> None:
    split = chart_of("day 3; ice 10 5h")
    second = CartInfusion(hours_ago(2), None, Source("Procedure/second"))
    answer = review(replace(split, infusions=(*split.infusions, second)), AT, PROTOCOL)
    assert answer is not None and answer.ice_schedule is not None
    assert answer.ice_schedule.last_at == hours_ago(5)


def test_one_with_items_missing_was_taken_and_one_without_any_item_was_not() -> None:
    assert schedule("ice 7 10 2h").last_at == hours_ago(2)
    assert schedule("ice 0 10 2h").last_at is None


def test_a_score_of_a_clock_that_runs_ahead_was_taken() -> None:
    assert schedule("ice 10 -0.05h").last_at == AT + timedelta(minutes=3)
    late = replace(chart_of("no ice"), ice_scores=(IceScore(AT + timedelta(minutes=6), 10, 10, CHARTED),))
    answer = review(late, AT, PROTOCOL)
    assert answer is not None and answer.ice_schedule is not None
    assert answer.ice_schedule.last_at is None


def test_under_12_years_it_is_capd() -> None:
    found = schedule("age 11; weight 30 72h; capd 0 3h; ice 10 1h")
    assert (found.instrument, found.last_at) == ("CAPD", hours_ago(3))


def test_a_capd_that_could_not_be_performed_was_attempted() -> None:
    assert schedule("age 6; weight 21 72h; capd not-performed 3h; no ice").last_at == hours_ago(3)


def test_from_12_to_21_years_it_is_the_score_that_was_charted_last() -> None:
    assert schedule("age 15; no ice").instrument == "ICE"
    assert schedule("age 15; capd 3 2h; no ice").instrument == "CAPD"
    assert schedule("age 15; capd 3 14h; ice 10 20h").instrument == "CAPD"
    assert schedule("age 15; capd 3 20h; ice 10 14h").instrument == "ICE"
    assert schedule("age 15; capd 3 14h; no ice").instrument == "CAPD"


def test_in_an_adult_it_is_ice_whatever_was_charted() -> None:
    assert schedule("age 22; capd 3 14h; no ice").instrument == "ICE"


def test_of_unknown_age_it_is_the_score_that_was_charted_last() -> None:
    assert schedule("age unknown; capd 3 14h; no ice").instrument == "CAPD"
    assert schedule("age unknown; ice 10 2h").instrument == "ICE"


@pytest.mark.parametrize(
    "phrases",
    [
        "sedated; ice 5",
        "ice 2; attributed neurological intracranial haemorrhage",
        "day none; ice 5",
        "day unknown; ice 5",
        "deceased; ice 5",
    ],
)
def test_none_is_due_where_a_score_would_say_nothing(phrases: str) -> None:
    assert reviewed(phrases).ice_schedule is None


def test_once_sedation_has_ended_it_is_due_again() -> None:
    assert schedule("sedated 5h; sedated no 1h; ice 10 14h").overdue
