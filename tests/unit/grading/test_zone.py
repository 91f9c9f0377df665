"""In whose clock times are told: the ward's newest round, unless it was charted at UTC."""

from dataclasses import replace
from datetime import UTC, timedelta, timezone, tzinfo

import pytest

from grading.assess import assess
from grading.chart import Chart
from tests import chart_builders as build

WINTER, SUMMER = timezone(timedelta(hours=1)), timezone(timedelta(hours=2))


def chart_at(infused: tzinfo, *charted: tuple[float, tzinfo]) -> Chart:
    """An infusion in one offset, and temperatures so many hours ago, each in an offset of its own."""
    cart = build.infusion()
    assert cart.at is not None
    readings = (
        replace(build.temperature("37.0", hours), at=build.ago(hours).astimezone(zone))
        for hours, zone in charted
    )
    return replace(
        Chart(),
        patient=build.ADULT,
        infusions=(replace(cart, at=cart.at.astimezone(infused)),),
        temperatures=tuple(sorted(readings, key=lambda row: row.at)),
    )


@pytest.mark.parametrize(
    ("charted", "told"),
    [
        (((5, WINTER), (1, SUMMER)), SUMMER),  # the clocks went forward during the stay
        (((1, WINTER), (5, SUMMER)), WINTER),
        (((5, SUMMER), (1, UTC)), WINTER),  # a device that charts at UTC tells nothing of the ward
        ((), WINTER),
    ],
)
def test_times_are_told_by_the_clock_of_the_newest_round(
    charted: tuple[tuple[float, tzinfo], ...], told: tzinfo
) -> None:
    answer = assess(chart_at(WINTER, *charted), build.AT)
    assert answer is not None
    assert answer.evidence.zone == told


def test_the_day_is_counted_in_the_offset_of_the_infusion_whatever_the_ward_charts_in() -> None:
    far = timezone(timedelta(hours=12))
    here, there = (
        assess(chart_at(WINTER, (1, WINTER)), build.AT),
        assess(chart_at(WINTER, (1, far)), build.AT),
    )
    assert here is not None and there is not None
    assert here.evidence.day == there.evidence.day


def test_without_a_dated_infusion_each_time_is_told_in_its_own_offset() -> None:
    chart = chart_at(WINTER, (1, SUMMER))
    answer = assess(replace(chart, infusions=(replace(chart.infusions[0], at=None),)), build.AT)
    assert answer is not None
    assert answer.evidence.zone is None
