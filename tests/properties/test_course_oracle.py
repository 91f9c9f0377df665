"""The peak of an episode against brute force: the course grades few instants and must miss none.

The oracle grades every time that the chart names, and the moments about the end of every window of each of
them, with the same functions that grade the present. Between those instants the evidence is constant.
"""

from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from grading.assess import assess
from grading.chart import Chart
from grading.chart_index import ChartIndex
from grading.crs import grade_crs
from grading.evidence_at import evidence_at
from grading.icans import grade_icans
from grading.tables import shipped_tables
from tests.chart_builders import AT
from tests.properties.any_chart import charts, charts_of, patients, times_of

TABLES = shipped_tables()
MOMENT = timedelta(microseconds=1)
WINDOWS = {window.span for window in TABLES.windows.values()}


def _lowest_at(index: ChartIndex, instant: datetime) -> tuple[int, int]:
    evidence = evidence_at(index, instant)
    return grade_crs(evidence, TABLES).syndrome.lowest, grade_icans(evidence, TABLES).syndrome.lowest


def _instants(chart: Chart) -> set[datetime]:
    named = times_of(chart)
    edges = (-MOMENT, MOMENT)
    return named | {time + window + edge for time in named for window in WINDOWS for edge in edges}


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


@settings(max_examples=100, deadline=None)
@given(charts())
def test_the_peak_is_the_highest_bound_of_all_instants(chart: Chart) -> None:
    _check_against_every_instant(chart)


@settings(max_examples=150, deadline=None)
@given(
    charts_of(
        "oxygen_devices",
        "oxygen_flows",
        "inspired_oxygen",
        "saturations",
        "temperatures",
        "drug_doses",
        "attributions",
    )
)
def test_no_peak_of_oxygen_is_missed(chart: Chart) -> None:
    _check_against_every_instant(chart)


@settings(max_examples=150, deadline=None)
@given(
    charts_of(
        "systolic_pressures",
        "hypotension_statements",
        "fluid_boluses",
        "vasoactives",
        "weights",
        "temperatures",
        "drug_doses",
        patient=patients,
    )
)
def test_no_peak_of_hypotension_is_missed(chart: Chart) -> None:
    _check_against_every_instant(chart)


@settings(max_examples=150, deadline=None)
@given(
    charts_of(
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
)
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
