"""The trend of the present: since when, what before, how far back was looked, and at what cost."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from grading import trend
from grading.assess import assess
from grading.assessment import GradeStep, Status, Trend
from grading.chart import CartInfusion, Chart
from grading.chart_index import ChartIndex
from grading.evidence import Evidence
from grading.looking_back import evidence_then
from tests import chart_builders as build
from tests.chart_builders import AT, ago, well_charted

HOURLY = range(6 * 24, -1, -1)
SIX_DAYS = well_charted(
    infusions=(build.infusion(6),),
    temperatures=tuple(build.temperature("37.0", hour) for hour in HOURLY),
    systolic_pressures=tuple(build.systolic(110 + hour % 7, hour) for hour in HOURLY),
    oxygen_devices=tuple(build.device("room-air", hour) for hour in HOURLY),
    saturations=tuple(build.saturation(93 + hour % 5, hour) for hour in HOURLY),
    ice_scores=tuple(build.ice(10, None, hour) for hour in HOURLY[::8]),
    consciousness=tuple(build.consciousness("alert", hour) for hour in HOURLY[::8]),
    seizures=tuple(build.seizure("none", hour) for hour in HOURLY[::8]),
    motor=tuple(build.motor("none", hour) for hour in HOURLY[::8]),
)


def _with_fevers(chart: Chart, *hours: float) -> Chart:
    readings = (*chart.temperatures, *(build.temperature("38.5", hour) for hour in hours))
    return replace(chart, temperatures=tuple(sorted(readings, key=lambda row: row.at)))


def _trends(chart: Chart) -> tuple[Trend | None, Trend | None]:
    assessment = assess(chart, AT)
    assert assessment is not None
    return assessment.crs.trend, assessment.icans.trend


@pytest.fixture
def evaluated(monkeypatch: pytest.MonkeyPatch) -> list[datetime]:
    """The instants of which evidence was taken for a trend."""
    instants: list[datetime] = []

    def noted(index: ChartIndex, instant: datetime) -> Evidence:
        instants.append(instant)
        return evidence_then(index, instant)

    monkeypatch.setattr(trend, "evidence_then", noted)
    return instants


def test_an_unchanged_grade_tells_how_far_back_it_was_looked() -> None:
    assert _trends(SIX_DAYS) == (Trend(ago(48)), Trend(ago(48)))


def test_the_look_back_ends_at_the_infusion() -> None:
    chart = replace(SIX_DAYS, infusions=(build.infusion(1),))
    assert _trends(chart) == (Trend(ago(24)), Trend(ago(24)))


def test_a_grade_stands_since_its_step_and_the_one_before_since_its_own() -> None:
    chart = replace(_with_fevers(SIX_DAYS, 30.5, 10.5), vasoactives=(build.drip("norepinephrine", 5),))
    before = GradeStep(ago(30.5), Status.GRADED, 1, 1, 1, ("crs.fever.present",))
    assert _trends(chart)[0] == Trend(ago(48), ago(5), before)


def test_a_step_from_before_the_look_back_begins_with_it() -> None:
    chart = replace(_with_fevers(SIX_DAYS, 60, 40, 20), vasoactives=(build.drip("norepinephrine", 5),))
    found = _trends(chart)[0]
    assert found is not None and found.previous is not None
    assert (found.since, found.previous.at, found.previous.grade) == (ago(5), ago(48), 1)


def test_a_change_from_before_the_look_back_is_none() -> None:
    assert _trends(_with_fevers(SIX_DAYS, 49, 30, 10))[0] == Trend(ago(48))


def test_a_change_at_the_very_start_of_the_look_back_is_none() -> None:
    assert _trends(_with_fevers(SIX_DAYS, 48, 30, 10))[0] == Trend(ago(48))


def test_what_is_charted_ahead_of_a_slow_clock_changes_the_grade_now() -> None:
    found = _trends(_with_fevers(SIX_DAYS, -0.05))[0]
    assert found is not None and found.previous is not None
    assert (found.since, found.previous.at, found.previous.grade) == (AT, ago(48), 0)


def test_without_a_date_of_the_infusion_there_is_no_trend() -> None:
    undated = CartInfusion(None, None, build.SOURCE)
    assert _trends(replace(SIX_DAYS, infusions=(undated,))) == (None, None)


def test_an_infusion_of_this_moment_has_no_trend() -> None:
    assert _trends(replace(SIX_DAYS, infusions=(build.infusion(0),))) == (None, None)


def test_a_quiet_chart_is_told_by_one_look_at_its_start(evaluated: list[datetime]) -> None:
    assert assess(SIX_DAYS, AT) is not None
    assert evaluated == []


def test_hourly_low_pressures_under_a_vasopressor_need_no_look_each(evaluated: list[datetime]) -> None:
    chart = replace(
        _with_fevers(SIX_DAYS, 60, 40, 20),
        systolic_pressures=tuple(build.systolic(85 + hour % 2 * 10, hour) for hour in HOURLY),
        saturations=tuple(build.saturation(88 + hour % 3, hour) for hour in HOURLY),
        oxygen_devices=tuple(build.device("simple-mask", hour) for hour in HOURLY),
        vasoactives=(build.drip("norepinephrine", 50),),
    )
    found = _trends(chart)[0]
    assert found == Trend(ago(48))
    assert len(evaluated) <= 2


def test_the_trend_walks_no_further_than_needed(evaluated: list[datetime]) -> None:
    icans = tuple(build.ice(10 - hour % 16 // 8 * 3, None, hour) for hour in HOURLY[::8])
    _trends(replace(SIX_DAYS, ice_scores=icans))
    assert min(evaluated) >= ago(24)
    assert timedelta(0) < AT - max(evaluated)
