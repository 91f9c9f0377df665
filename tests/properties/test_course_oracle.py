"""The course, its peak and the trend against brute force: few instants are graded and none may be missed.

The oracle grades every time that the chart names, and the moments about the end of every window of each of
them, with the same functions that grade the present. Between those instants the evidence is constant.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from grading.assess import assess
from grading.assessment import GradeStep, Trend
from grading.chart import Chart
from grading.chart_index import ChartIndex
from grading.course import SyndromeCourse, course_of
from grading.crs import grade_crs
from grading.evidence_at import evidence_at
from grading.icans import grade_icans
from grading.looking_back import evidence_then, is_same, step_at
from grading.tables import shipped_tables
from tests.chart_builders import AT
from tests.properties.any_chart import charts, charts_of, patients, times_of

TABLES = shipped_tables()
MOMENT = timedelta(microseconds=1)
WINDOWS = {window.span for window in TABLES.windows.values()}

OXYGEN = charts_of(
    "oxygen_devices",
    "oxygen_flows",
    "inspired_oxygen",
    "saturations",
    "temperatures",
    "drug_doses",
    "attributions",
)

CIRCULATION = charts_of(
    "systolic_pressures",
    "hypotension_statements",
    "fluid_boluses",
    "vasoactives",
    "weights",
    "temperatures",
    "drug_doses",
    patient=patients,
)

NEUROLOGY = charts_of(
    "ice_scores",
    "capd_scores",
    "consciousness",
    "arousal_scores",
    "sedation",
    "seizures",
    "motor",
    "raised_icp",
    patient=patients,
)

UNREAD = charts_of(
    "gaps",
    "temperatures",
    "systolic_pressures",
    "oxygen_devices",
    "saturations",
    "ice_scores",
    "consciousness",
    "motor",
    "drug_doses",
)


def _lowest_at(index: ChartIndex, instant: datetime) -> tuple[int, int]:
    evidence = evidence_at(index, instant)
    return grade_crs(evidence, TABLES).syndrome.lowest, grade_icans(evidence, TABLES).syndrome.lowest


def _instants(chart: Chart) -> set[datetime]:
    named = times_of(chart)
    edges = (-MOMENT, MOMENT)
    stated = {row.at - window for row in chart.attributions for window in WINDOWS}
    return named | stated | {time + window + edge for time in named for window in WINDOWS for edge in edges}


def _check_against_every_instant(chart: Chart) -> None:
    assessment = assess(chart, AT)
    index = ChartIndex(chart, AT, TABLES)
    if assessment is None or index.series_start is None:
        return
    start = index.resolved_at or index.series_start
    crs, icans = assessment.crs.lowest, assessment.icans.lowest
    for instant in {*_instants(chart), index.series_start, start}:
        if index.series_start <= instant < AT:
            crs_there, icans_there = _lowest_at(index, instant)
            crs = max(crs, crs_there if instant >= start else 0)
            icans = max(icans, icans_there)
    assert (assessment.crs.episode_peak, assessment.icans.episode_peak) == (crs or None, icans or None)


def _crs_and_icans_at(index: ChartIndex, instant: datetime) -> tuple[GradeStep, GradeStep]:
    evidence = evidence_then(index, instant)
    return (
        step_at(instant, grade_crs(evidence, TABLES).syndrome),
        step_at(instant, grade_icans(evidence, TABLES).syndrome),
    )


def _steps_by_brute_force(chart: Chart, index: ChartIndex) -> tuple[list[GradeStep], list[GradeStep]]:
    """Every time, every end of a window and the moments about each, graded; equal neighbours are one step."""
    start, assessment = index.series_start, assess(chart, AT)
    assert start is not None and assessment is not None
    edges = {time + edge for time in _instants(chart) for edge in (-MOMENT, timedelta(0), MOMENT)}
    instants = sorted(time for time in {*edges, start} if start <= time < AT)
    graded = [_crs_and_icans_at(index, instant) for instant in instants]
    graded.append((step_at(AT, assessment.crs), step_at(AT, assessment.icans)))
    found: tuple[list[GradeStep], list[GradeStep]] = ([], [])
    for pair in graded:
        for steps, step in zip(found, pair, strict=True):
            if not steps or not is_same(steps[-1], step):
                steps.append(step)
    return found


def _trend_of(course: SyndromeCourse, start: datetime) -> Trend:
    """What the course says of the present, looking back to ``start``."""
    now = course.steps[-1]
    if now.at <= start:
        return Trend(start)
    before = course.steps[-2]
    if before.at >= start:
        return Trend(start, now.at, before)
    return Trend(start, now.at, replace(before, at=start, criteria=()))


def _check_course(chart: Chart) -> None:
    course, index = course_of(chart, AT), ChartIndex(chart, AT, TABLES)
    if course is None or index.series_start is None or index.series_start >= AT:
        return
    crs, icans = _steps_by_brute_force(chart, index)
    assert (list(course.crs.steps), list(course.icans.steps)) == (crs, icans)
    assessment = assess(chart, AT)
    assert assessment is not None
    peaks = tuple(each.peak.lowest if each.peak else None for each in (course.crs, course.icans))
    assert peaks == (assessment.crs.episode_peak, assessment.icans.episode_peak)
    start = max(index.series_start, AT - TABLES.span("trend"))
    for steps, grade in ((course.crs, assessment.crs), (course.icans, assessment.icans)):
        assert grade.trend is not None
        found, expected = grade.trend, _trend_of(steps, start)
        if found.previous is not None and expected.previous is not None and not expected.previous.criteria:
            # The course tells what met the step at its beginning, before the look-back.
            found = replace(found, previous=replace(found.previous, criteria=()))
        assert found == expected


@settings(max_examples=100, deadline=None)
@given(charts())
def test_the_peak_is_the_highest_bound_of_all_instants(chart: Chart) -> None:
    _check_against_every_instant(chart)


@settings(max_examples=150, deadline=None)
@given(OXYGEN)
def test_no_peak_of_oxygen_is_missed(chart: Chart) -> None:
    _check_against_every_instant(chart)


@settings(max_examples=150, deadline=None)
@given(CIRCULATION)
def test_no_peak_of_hypotension_is_missed(chart: Chart) -> None:
    _check_against_every_instant(chart)


@settings(max_examples=150, deadline=None)
@given(NEUROLOGY)
def test_no_peak_of_neurotoxicity_is_missed(chart: Chart) -> None:
    _check_against_every_instant(chart)


@settings(max_examples=100, deadline=None)
@given(charts(), st.lists(st.floats(0, 80), min_size=1, max_size=20))
def test_no_instant_whatever_lies_above_the_peak(chart: Chart, hours: list[float]) -> None:
    assessment = assess(chart, AT)
    index = ChartIndex(chart, AT, TABLES)
    if assessment is None or index.series_start is None:
        return
    for instant in (AT - timedelta(hours=value) for value in hours):
        if (index.resolved_at or index.series_start) <= instant < AT:
            crs, icans = _lowest_at(index, instant)
            assert crs <= (assessment.crs.episode_peak or 0)
            assert icans <= (assessment.icans.episode_peak or 0)


@settings(max_examples=100, deadline=None)
@given(charts())
def test_the_course_has_every_step_and_no_other(chart: Chart) -> None:
    _check_course(chart)


@settings(max_examples=100, deadline=None)
@given(OXYGEN)
def test_no_step_of_oxygen_is_missed(chart: Chart) -> None:
    _check_course(chart)


@settings(max_examples=100, deadline=None)
@given(CIRCULATION)
def test_no_step_of_hypotension_is_missed(chart: Chart) -> None:
    _check_course(chart)


@settings(max_examples=100, deadline=None)
@given(NEUROLOGY)
def test_no_step_of_neurotoxicity_is_missed(chart: Chart) -> None:
    _check_course(chart)


@settings(max_examples=100, deadline=None)
@given(UNREAD)
def test_no_step_of_what_could_not_be_read_is_missed(chart: Chart) -> None:
    _check_course(chart)
