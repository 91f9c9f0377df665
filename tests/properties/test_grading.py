"""What must hold of every chart: no grade falls by more support or rises by less evidence.

Two kinds of entries are not evidence of toxicity, and taking them away may raise a grade: what excuses a
finding (an attribution, a baseline, "sedated") and what denies one (room air, "alert", "no hypotension", a
full ICE).
"""

import random
from collections import Counter
from dataclasses import fields, replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from grading.assess import assess
from grading.assessment import Assessment, Status, SyndromeGrade
from grading.chart import Chart, VasoactiveAgent
from grading.tables import AgentKind, shipped_tables
from tests import chart_builders as build
from tests.chart_builders import AT
from tests.properties.any_chart import administrations, celsius, charts, charts_of, hours, percent

FEVERLESS = st.lists(
    st.builds(build.temperature, st.sampled_from(["36.5", "37.0", "37.9", "37.99"]), hours), max_size=4
).map(tuple)
ALWAYS_FEBRILE = tuple(build.temperature("38.8", since) for since in (70, 50, 30, 10, 1))
GOOD_SATURATIONS = st.lists(st.builds(build.saturation, st.just("96"), hours), max_size=3).map(tuple)
AGENTS = shipped_tables().agents
COUNTED = sorted(agent.value for agent, row in AGENTS.items() if row.kind is AgentKind.COUNTED)


def _assessed(chart: Chart) -> Assessment:
    assessment = assess(chart, AT)
    assume(assessment is not None)
    assert assessment is not None
    return assessment


def _answer(syndrome: SyndromeGrade) -> tuple[object, ...]:
    criteria = Counter((criterion.id, criterion.value) for criterion in syndrome.criteria)
    bounds = (syndrome.status, syndrome.grade, syndrome.lowest, syndrome.highest, syndrome.episode_peak)
    return (*bounds, criteria, Counter(syndrome.notes))


def _answers(assessment: Assessment | None) -> object:
    if assessment is None:
        return None
    return _answer(assessment.crs), _answer(assessment.icans), set(assessment.gaps)


@settings(max_examples=300, deadline=None)
@given(charts())
def test_the_range_holds_the_grade_and_the_status_fits(chart: Chart) -> None:
    assessment = _assessed(chart)
    for found in (assessment.crs, assessment.icans):
        assert 0 <= found.lowest <= found.highest <= 5
        assert (found.grade is not None) == (found.status in (Status.NONE, Status.GRADED))
        assert found.grade in (None, found.lowest) and (found.grade is None or found.lowest == found.highest)
        assert (found.status is Status.NONE) == (found.grade == 0)
        assert found.episode_peak != 0 and (found.episode_peak or 0) >= found.lowest
        assert all(criterion.level <= found.highest for criterion in found.criteria)
        if found.status is not Status.INDETERMINATE:
            assert found.status is not Status.NOT_ASSESSABLE or not found.criteria


@settings(max_examples=200, deadline=None)
@given(charts())
def test_an_unknown_range_shows_a_gap(chart: Chart) -> None:
    assessment = _assessed(chart)
    deceased = assessment.evidence.deceased
    for found in (assessment.crs, assessment.icans):
        if found.lowest < found.highest and not deceased and found.lowest > 0:
            assert assessment.gaps


@settings(max_examples=200, deadline=None)
@given(charts(temperatures=FEVERLESS, conditions=()))
def test_no_fever_ever_is_no_crs_above_a_range_from_0(chart: Chart) -> None:
    crs = _assessed(chart).crs
    assert crs.lowest == 0
    assert crs.episode_peak is None
    assert crs.grade in (None, 0)


@settings(max_examples=200, deadline=None)
@given(
    charts(temperatures=ALWAYS_FEBRILE),
    st.lists(st.tuples(st.sampled_from(["vasopressin", "terlipressin"]), hours), min_size=1, max_size=3),
)
def test_vasopressin_is_never_the_second_vasopressor(chart: Chart, added: list[tuple[str, float]]) -> None:
    rows = [row for row in chart.vasoactives if row.agent.value not in ("vasopressin", "terlipressin")]
    without = replace(chart, vasoactives=(*rows, build.drip("norepinephrine", 80)))
    drips = [build.drip(name, since) for name, since in added]
    before, after = (
        _assessed(without),
        _assessed(replace(without, vasoactives=(*without.vasoactives, *drips))),
    )
    assert before.crs.episode_peak == 4 or after.crs.episode_peak != 4
    assume(any(AGENTS[each.agent].kind is AgentKind.COUNTED for each in before.evidence.running))
    assert (before.crs.grade, before.crs.lowest, before.crs.highest) == (
        after.crs.grade,
        after.crs.lowest,
        after.crs.highest,
    )


@settings(max_examples=200, deadline=None)
@given(charts(oxygen_devices=(), oxygen_flows=(), inspired_oxygen=(), vasoactives=()))
def test_more_support_never_lowers_a_grade(chart: Chart) -> None:
    rungs = (
        {"oxygen_devices": (build.device("room-air", 0),)},
        {"oxygen_devices": (build.device("nasal-cannula", 0),), "oxygen_flows": (build.flow("6", 0),)},
        {"oxygen_devices": (build.device("nasal-cannula", 0),), "oxygen_flows": (build.flow("7", 0),)},
        {"oxygen_devices": (build.device("non-rebreather", 0),)},
        {"oxygen_devices": (build.device("bipap", 0),)},
    )
    # Room air with a bad saturation needs support of an unknown level, low flow at least.
    bounds = [_assessed(replace(chart, **rung)).crs for rung in rungs]
    assert [found.lowest for found in bounds] == sorted(found.lowest for found in bounds)
    drips = [build.drip("norepinephrine", 1), build.drip("epinephrine", 1)]
    ladder = [_assessed(replace(chart, vasoactives=tuple(drips[:count]))).crs for count in range(3)]
    assert [found.lowest for found in ladder] == sorted(found.lowest for found in ladder)
    assert [found.highest for found in ladder] == sorted(found.highest for found in ladder)


@settings(max_examples=200, deadline=None)
@given(charts(capd_scores=(), baseline_ice=()))
def test_a_worse_patient_never_has_a_lower_icans(chart: Chart) -> None:
    for name, ladder in (
        ("ice_scores", [build.ice(total, hours=0) for total in (10, 9, 6, 2, 0)]),
        ("consciousness", [build.consciousness(level, 0) for level in ("alert", "awakens-to-voice")]),
        ("consciousness", [build.consciousness(level, 0) for level in ("awakens-to-touch", "unarousable")]),
        ("seizures", [build.seizure(name, 0) for name in ("none", "brief-resolved", "prolonged-over-5-min")]),
        ("raised_icp", [build.raised_icp(name, 0) for name in ("none", "focal-oedema", "posturing")]),
    ):
        rest = [row for row in getattr(chart, name) if row.at < AT]
        found = [_assessed(replace(chart, **{name: (*rest, rung)})).icans for rung in ladder]
        assert [grade.lowest for grade in found] == sorted(grade.lowest for grade in found), name


@settings(max_examples=200, deadline=None)
@given(charts(), st.randoms(use_true_random=False))
def test_the_order_of_rows_and_duplicates_do_not_matter(chart: Chart, chance: random.Random) -> None:
    changed: dict[str, Any] = {}
    for part in fields(Chart):
        rows = getattr(chart, part.name)
        if isinstance(rows, tuple):
            shuffled = [row for row in rows for _ in range(chance.choice((1, 1, 2)))]
            chance.shuffle(shuffled)
            changed[part.name] = tuple(shuffled)
    # Unreadable entries are counted one by one: two of them may be two drugs.
    changed["gaps"] = chart.gaps
    assert _answers(assess(replace(chart, **changed), AT)) == _answers(assess(chart, AT))


WELL = {
    "saturations": GOOD_SATURATIONS,
    "attributions": (),
    "baseline_ice": (),
    "gaps": (),
    "capd_scores": (),
    "arousal_scores": (),
    "sedation": (),
    "conditions": (),
    "patient": build.ADULT,
    "infusions": (build.infusion(),),
}


def _without_denials(chart: Chart) -> Chart:
    """Without what denies a finding, and without what was charted before the infusion and excuses one."""
    since = build.ago(24 * build.DAYS_SINCE_INFUSION)
    return replace(
        chart,
        hypotension_statements=tuple(row for row in chart.hypotension_statements if row.present),
        oxygen_devices=tuple(row for row in chart.oxygen_devices if row.at >= since),
        oxygen_flows=tuple(row for row in chart.oxygen_flows if row.at >= since),
        systolic_pressures=tuple(row for row in chart.systolic_pressures if row.at >= since),
        ice_scores=tuple(row for row in chart.ice_scores if row.at >= since and row.maximum < 10),
    )


@pytest.mark.parametrize(
    ("kinds", "gap"),
    [
        (("temperatures",), "temperature"),
        (("systolic_pressures",), "blood-pressure"),
        (("systolic_pressures", "hypotension_statements", "fluid_boluses"), "blood-pressure"),
        (("vasoactives",), None),
        (("oxygen_devices", "oxygen_flows", "inspired_oxygen"), "oxygen"),
        (("oxygen_devices", "oxygen_flows", "inspired_oxygen", "saturations"), "oxygen"),
        (("drug_doses",), None),
        (("ice_scores",), "ice"),
        (("consciousness",), "consciousness"),
        (("ice_scores", "consciousness"), "ice"),
        (("seizures",), "seizure"),
        (("motor",), "motor"),
        (("raised_icp",), "raised-icp"),
    ],
)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_removing_evidence_never_raises_a_grade_and_shows_a_gap(
    kinds: tuple[str, ...], gap: str | None, data: st.DataObject
) -> None:
    chart = _without_denials(data.draw(charts(**WELL)))
    before, after = _assessed(chart), _assessed(replace(chart, **dict.fromkeys(kinds, ())))
    for one, other in ((before.crs, after.crs), (before.icans, after.icans)):
        assert other.lowest <= one.lowest
        assert one.grade is None or other.grade is None or other.grade <= one.grade
    running = any(AGENTS[each.agent].kind is not AgentKind.ORAL for each in after.evidence.running)
    held = running or after.evidence.pushes or after.evidence.hypotension_statement
    if gap is not None and not (gap == "blood-pressure" and held):
        assert gap in {item.what.value for item in after.gaps}


@st.composite
def _closed_infusions(draw: st.DrawFn) -> tuple[Any, ...]:
    """Closed records of counted drugs, a whole number of half hours long."""
    rows = []
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(2, 140)) / 2
        length = draw(st.integers(1, 60)) / 2
        rows.append(build.drip(draw(st.sampled_from(COUNTED)), start, start - length))
    return tuple(rows)


@settings(max_examples=200, deadline=None)
@given(
    charts_of("temperatures", "systolic_pressures", "drug_doses", vasoactives=_closed_infusions()), st.data()
)
def test_splitting_an_infusion_into_segments_does_not_matter(chart: Chart, data: st.DataObject) -> None:
    segments = []
    for row in chart.vasoactives:
        assert row.end is not None
        cuts = data.draw(st.lists(st.floats(0.05, 0.95), max_size=3))
        edges = sorted({row.start, row.end, *(row.start + (row.end - row.start) * cut for cut in cuts)})
        segments += [replace(row, start=start, end=end) for start, end in pairwise(edges)]
    whole, split = assess(chart, AT), assess(replace(chart, vasoactives=tuple(segments)), AT)
    assert _answers(whole) == _answers(split)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(COUNTED), st.integers(1, 12).map(lambda count: count / 2)),
        min_size=2,
        max_size=6,
    ),
    st.integers(-4, 4),
)
def test_a_joint_is_never_two_infusions(chain: list[tuple[str, float]], shift: int) -> None:
    end = shift / 60
    rows = []
    for agent, length in chain:
        rows.append(build.drip(agent, end + length, end))
        end += length
    chart = build.well_charted(temperatures=ALWAYS_FEBRILE, vasoactives=tuple(rows))
    crs = _assessed(chart).crs
    assert crs.highest <= 3
    assert crs.episode_peak == 3


@settings(max_examples=100, deadline=None)
@given(
    charts_of("temperatures", saturations=st.lists(st.builds(build.saturation, percent, hours)).map(tuple))
)
def test_without_infusions_and_oxygen_no_crs_is_proven_above_2(chart: Chart) -> None:
    assert _assessed(chart).crs.lowest <= 2


@settings(max_examples=100, deadline=None)
@given(administrations(), celsius)
def test_no_one_administration_makes_a_grade_above_3(row: Any, fever: str) -> None:
    chart = build.well_charted(temperatures=(build.temperature(fever),), vasoactives=(row,))
    crs = _assessed(chart).crs
    assert crs.highest <= 3
    if AGENTS[row.agent].kind not in (AgentKind.COUNTED, AgentKind.VASOPRESSIN_LIKE):
        assert crs.highest <= 2
    assert isinstance(row.agent, VasoactiveAgent)
