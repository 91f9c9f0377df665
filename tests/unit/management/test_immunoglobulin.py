"""Low IgG: which infections stand beside it, and for how long a value holds."""

from dataclasses import replace
from datetime import datetime

from grading.chart import Chart, Condition, Verification
from management.immunoglobulin import low_igg
from management.protocol import load_protocol
from tests.spec.management.bedside import AT, CHARTED, chart_of, hours_ago

CUTS = load_protocol("met-2021").cuts
INFUSED = hours_ago(72)


def infection(at: datetime | None, resolved_at: datetime | None, text: str | None = "pneumonia") -> Condition:
    return Condition("J18.9", text, "infection", None, Verification.CONFIRMED, at, resolved_at, CHARTED)


def chart_with(*conditions: Condition) -> Chart:
    return replace(chart_of("igg 300 2h"), conditions=conditions)


def test_an_infection_since_the_infusion_counts_after_it_has_resolved() -> None:
    chart = chart_with(infection(hours_ago(60), hours_ago(10)))
    assert low_igg(chart, INFUSED, AT, CUTS) == ("IgG 300 mg/dL with an infection on record: pneumonia",)


def test_an_infection_resolved_before_the_infusion_does_not_count() -> None:
    assert low_igg(chart_with(infection(hours_ago(200), hours_ago(100))), INFUSED, AT, CUTS) == ()
    assert low_igg(chart_with(infection(None, hours_ago(100))), INFUSED, AT, CUTS) == ()


def test_without_a_dated_infusion_only_a_current_infection_counts() -> None:
    assert low_igg(chart_with(infection(hours_ago(60), hours_ago(10))), None, AT, CUTS) == ()
    assert low_igg(chart_with(infection(hours_ago(60), None)), None, AT, CUTS)


def test_an_infection_that_begins_later_does_not_count_yet() -> None:
    assert low_igg(chart_with(infection(hours_ago(-5), None)), INFUSED, AT, CUTS) == ()


def test_one_infection_charted_twice_is_named_once_and_without_text_by_its_code() -> None:
    chart = chart_with(infection(None, None, text=None), infection(hours_ago(5), None, text=None))
    assert low_igg(chart, INFUSED, AT, CUTS) == ("IgG 300 mg/dL with an infection on record: J18.9",)


def test_an_igg_of_yesterday_says_so() -> None:
    chart = replace(chart_of("igg 300 25h"), conditions=(infection(None, None),))
    [reason] = low_igg(chart, INFUSED, AT, CUTS)
    assert reason.startswith("IgG 300 mg/dL (1 day ago)")
