"""Charts by Hypothesis: any rows at any of a few hundred times, so that ties, joints and expiries happen.

Times are mostly half hours, as windows are whole hours and edges are where faults live; some are minutes
around the time of grading.
"""

from dataclasses import fields, replace
from datetime import date, datetime
from typing import Any

from hypothesis import strategies as st

from grading.chart import (
    AdministrationStatus,
    ArousalScale,
    ArousalScore,
    Attributable,
    BaselineIce,
    CartInfusion,
    Chart,
    ChartGap,
    Condition,
    Consciousness,
    GapWhat,
    GapWhy,
    ImmuneDrug,
    Motor,
    OxygenDevice,
    Patient,
    PendingOrder,
    RaisedIcp,
    Seizure,
    VasoactiveAgent,
    VasoactiveRow,
    Verification,
)
from tests import chart_builders as build

half_hours = st.integers(0, 160).map(lambda count: count / 2)
hours = st.one_of(half_hours, half_hours, st.integers(-8, 90).map(lambda minutes: minutes / 60))
celsius = st.sampled_from(["36.5", "37.0", "37.9", "38.0", "38.5", "40.1"])
mmhg = st.sampled_from(["62", "75", "79", "84", "88", "89", "90", "99", "118"])
percent = st.sampled_from(["82", "89", "90", "96"])
litres = st.sampled_from(["0", "1", "2", "6", "6.5", "8", "40"])


def _rows(row: st.SearchStrategy[Any], most: int = 4) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(row, max_size=most).map(tuple)


def _names(kind: Any) -> st.SearchStrategy[str]:
    return st.sampled_from([member.value for member in kind])


half_hours_long = st.integers(0, 40).map(lambda count: count / 2)
birth_dates = (None, date(1968, 1, 1), date(2020, 6, 1), date(2011, 6, 1), date(2025, 9, 1))
ordered_drugs = (VasoactiveAgent.NOREPINEPHRINE, ImmuneDrug.TOCILIZUMAB, ImmuneDrug.DEXAMETHASONE)


@st.composite
def administrations(draw: st.DrawFn) -> VasoactiveRow:
    """Any record of a vasoactive drug: segments, open ones, pushes, bags, stops, reversed periods."""
    start = draw(hours)
    length = draw(st.one_of(st.none(), half_hours_long, half_hours_long, st.just(-1.0)))
    return build.drip(
        draw(_names(VasoactiveAgent)),
        start,
        None if length is None else start - length,
        rate=draw(st.sampled_from([None, "0", "0.05", "0.1"])),
        status=draw(_names(AdministrationStatus)),
        has_dose=draw(st.booleans()),
        intravenous=draw(st.sampled_from([True, None])),
    )


def _ice(bounds: tuple[int, int], when: float) -> Any:
    return build.ice(min(bounds), max(bounds), when)


def _baseline_ice(total: int, when: float) -> BaselineIce:
    return BaselineIce(build.ago(when), total, build.SOURCE)


chart_gaps = st.builds(
    ChartGap,
    what=st.sampled_from(GapWhat),
    why=st.sampled_from(GapWhy),
    detail=st.just("not read"),
    at=st.one_of(st.none(), hours.map(build.ago)),
    until=st.one_of(st.none(), hours.map(build.ago)),
    running_rate=st.booleans(),
)
conditions = st.builds(
    Condition,
    code=st.none(),
    text=st.none(),
    kind=st.sampled_from(["crs", "icans", None]),
    grade=st.sampled_from([None, 3, 5]),
    verification=st.sampled_from(Verification),
    at=hours.map(build.ago),
    resolved_at=st.one_of(st.none(), st.none(), hours.map(build.ago)),
    source=st.just(build.SOURCE),
)
patients = st.builds(
    Patient,
    birth_date=st.sampled_from(birth_dates),
    deceased=st.sampled_from([False, False, False, True]),
    deceased_at=st.one_of(st.none(), hours.map(build.ago)),
)
infusions = st.lists(
    st.sampled_from([12, 40, 72, 79, 200, 900, 2000]).map(
        lambda since: CartInfusion(build.ago(since), None, build.SOURCE)
    ),
    min_size=1,
    max_size=2,
).map(tuple)

PARTS: dict[str, st.SearchStrategy[Any]] = {
    "patient": patients,
    "infusions": infusions,
    "temperatures": _rows(st.builds(build.temperature, celsius, hours), 5),
    "systolic_pressures": _rows(st.builds(build.systolic, mmhg, hours), 5),
    "hypotension_statements": _rows(st.builds(build.hypotension, st.booleans(), hours), 2),
    "fluid_boluses": _rows(st.builds(build.bolus, st.sampled_from(["60", "99", "100", "500"]), hours), 2),
    "oxygen_devices": _rows(st.builds(build.device, _names(OxygenDevice), hours)),
    "oxygen_flows": _rows(st.builds(build.flow, litres, hours)),
    "inspired_oxygen": _rows(st.builds(build.inspired_oxygen, st.sampled_from(["0.21", "0.4"]), hours), 2),
    "saturations": _rows(st.builds(build.saturation, percent, hours), 3),
    "vasoactives": _rows(administrations(), 5),
    "drug_doses": _rows(
        st.builds(build.dose, _names(ImmuneDrug), hours, systemic=st.sampled_from([True, True, False])), 3
    ),
    "pending_orders": _rows(
        st.builds(
            PendingOrder,
            st.sampled_from(ordered_drugs),
            st.one_of(st.none(), hours.map(build.ago)),
            st.just(build.SOURCE),
        ),
        2,
    ),
    "ice_scores": _rows(st.builds(_ice, st.tuples(st.integers(0, 10), st.integers(0, 10)), hours)),
    "capd_scores": _rows(st.builds(build.capd, st.one_of(st.none(), st.integers(0, 32)), hours), 2),
    "consciousness": _rows(st.builds(build.consciousness, _names(Consciousness), hours), 3),
    "seizures": _rows(st.builds(build.seizure, _names(Seizure), hours), 3),
    "motor": _rows(st.builds(build.motor, _names(Motor), hours), 3),
    "raised_icp": _rows(st.builds(build.raised_icp, _names(RaisedIcp), hours), 3),
    "sedation": _rows(st.builds(build.sedated, st.booleans(), hours), 3),
    "arousal_scores": _rows(
        st.builds(
            lambda when, scale, score: ArousalScore(build.ago(when), scale, score, build.SOURCE),
            hours,
            st.sampled_from(ArousalScale),
            st.integers(-6, 4),
        ),
        3,
    ),
    "baseline_ice": _rows(
        st.builds(_baseline_ice, st.integers(0, 10), hours),
        1,
    ),
    "attributions": _rows(
        st.builds(build.elsewhere, _names(Attributable), hours, withdrawn=st.booleans()), 2
    ),
    "weights": _rows(st.builds(build.weight, st.sampled_from(["4", "18", "72"]), hours), 2),
    "conditions": _rows(conditions, 2),
    "gaps": _rows(chart_gaps, 2),
}


@st.composite
def charts(draw: st.DrawFn, **fixed: Any) -> Chart:
    """A chart in which each input is empty half of the time; ``fixed`` inputs are as given."""
    parts: dict[str, Any] = {}
    for name, strategy in PARTS.items():
        if name in fixed:
            parts[name] = draw(fixed[name]) if isinstance(fixed[name], st.SearchStrategy) else fixed[name]
        elif name in ("patient", "infusions") or draw(st.booleans()):
            parts[name] = draw(strategy)
    return replace(Chart(), **parts)


def charts_of(*names: str, **fixed: Any) -> st.SearchStrategy[Chart]:
    """A chart of an adult in which only the named inputs are charted, and ``fixed`` ones as given."""
    others = {name: () for name in PARTS if name not in names and name not in fixed}
    known = {"patient": build.ADULT, "infusions": (build.infusion(),)}
    return charts(**{**others, **known, **fixed})


def times_of(chart: Chart) -> set[datetime]:
    """Every time that the chart names."""
    found: set[datetime] = set()
    for part in fields(Chart):
        rows = getattr(chart, part.name)
        for row in rows if isinstance(rows, tuple) else (rows,):
            for name in ("at", "start", "end", "resolved_at", "until", "authored_at", "deceased_at"):
                if isinstance(moment := getattr(row, name, None), datetime):
                    found.add(moment)
    return found
