"""ICAHT at the edges: an infusion without a date, and a monitoring window that reaches beyond early ICAHT."""

from dataclasses import replace

from grading.chart import CartInfusion, Source
from management.cytopenia import early_cytopenia, late_cytopenia, latest_count_is_low, uncharted_days
from management.protocol import load_protocol
from management.reviewing import situate
from management.situation import Situation
from tests.spec.management.bedside import AT, chart_of, hours_ago

PROTOCOL = load_protocol("met-2021")


def situation_of(phrases: str) -> Situation:
    situation = situate(chart_of(phrases), AT, PROTOCOL)
    assert situation is not None
    return situation


def test_without_a_dated_infusion_no_count_is_judged() -> None:
    situation = situation_of("day none; anc 300 100h; anc 300 1h")
    assert early_cytopenia(situation) == ()
    assert late_cytopenia(situation) == ()
    assert uncharted_days(situation) == ()
    assert not latest_count_is_low(situation)


def test_counts_before_the_infusion_are_not_those_of_icaht() -> None:
    assert early_cytopenia(situation_of("day 3; anc 300 80h")) == ()


def test_where_patients_are_monitored_for_longer_late_icaht_follows_early_icaht() -> None:
    monitored = situation_of("day 20; anc 900 100h; anc 400 1h")
    infusion = CartInfusion(hours_ago(40 * 24), None, Source("Procedure/infusion"))
    evidence = replace(monitored.evidence, infusion=infusion, day=40)
    later = replace(monitored, assessment=replace(monitored.assessment, evidence=evidence))
    assert early_cytopenia(monitored)
    assert late_cytopenia(monitored) == ()
    assert early_cytopenia(later) == ()
    assert late_cytopenia(later)[0] == "Late ICAHT grade 2: two counts at or below 1000/µL"


def test_a_day_with_a_higher_count_ends_a_run() -> None:
    situation = situation_of("day 10; anc 400 98h; anc 600 97h; anc 400 73h; anc 400 2h")
    assert early_cytopenia(situation)[0].endswith("for 4 days (day 7 to 10)")
