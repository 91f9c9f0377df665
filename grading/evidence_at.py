"""Taking evidence: from a chart to what holds at one instant."""

from bisect import bisect_right
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, TypeVar

from grading.chart import (
    STEROIDS,
    ChartGap,
    DrugDose,
    FluidBolus,
    GapWhat,
    ImmuneDrug,
    LabValue,
    Motor,
    MotorRow,
    PendingOrder,
    RaisedIcp,
    RaisedIcpRow,
    SeizureRow,
    Temperature,
    VasoactiveAgent,
    Verification,
)
from grading.chart_index import ChartIndex, pair_oxygen
from grading.evidence import Evidence, RunningInfusion
from grading.gap_spans import concerns
from grading.infusions import Run
from grading.tables import AgentKind

_COUNTING_KINDS = (AgentKind.COUNTED, AgentKind.VASOPRESSIN_LIKE)
_PUSHED_KINDS = (*_COUNTING_KINDS, AgentKind.PUSH_ONLY)
_TOCILIZUMAB = frozenset({ImmuneDrug.TOCILIZUMAB})
_Finding = TypeVar("_Finding", MotorRow, RaisedIcpRow)


def evidence_at(index: ChartIndex, at: datetime) -> Evidence:
    """Take the evidence at ``at`` (aware), which must not lie after the time the index was made for.

    Looking back to an instant before that time, the evidence holds what the grade rests on and leaves out
    what serves the reader and the dosing of the moment: gaps, doses, orders, laboratory values,
    and the team's concern.
    """
    tables = index.tables
    horizon = index.horizon_of(at)
    looking_back = at < index.at
    pressures = index.systolic_pressures.between(at - tables.span("blood-pressure"), horizon)
    temperatures = _episode_temperatures(index, at, horizon)
    established = index.established(horizon)
    return Evidence(
        at=at,
        infusion=index.infusion,
        day=_day(index, at),
        age_years=_age(index.chart.patient.birth_date, at),
        deceased=_deceased(index, at, horizon),
        latest_temperature=temperatures[-1] if temperatures else None,
        peak_temperature=max(temperatures, key=lambda reading: reading.celsius) if temperatures else None,
        established_at=established.at if established else None,
        established_by=established,
        masking=index.masking(horizon),
        systolic=pressures[-1] if pressures else None,
        systolic_in_window=tuple(pressures),
        hypotension_statement=index.hypotension_statements.latest(
            at - tables.span("blood-pressure"), horizon
        ),
        boluses=_boluses(index, at, horizon),
        pushes=tuple(
            row
            for row in index.history.pushes
            if at - tables.span("blood-pressure") <= row.start <= horizon
            and tables.agents[row.agent].kind in _PUSHED_KINDS
        ),
        running=(running := _running(index, at, horizon)),
        oxygen=pair_oxygen(index.devices, index.flows, at - tables.span("oxygen"), horizon, tables),
        inspired_oxygen=index.inspired_oxygen.latest(at - tables.span("oxygen"), horizon),
        saturation=index.saturations.latest(at - tables.span("spo2"), horizon),
        ice=index.ice.latest(at - tables.span("ice"), horizon),
        capd=index.capd.latest(at - tables.span("ice"), horizon),
        consciousness=index.consciousness.latest(at - tables.span("consciousness"), horizon),
        arousal=index.arousal.latest(at - tables.span("consciousness"), horizon),
        seizure=_worst_seizure(index, at, horizon),
        motor=_standing(index.motor.between(_since(index, at), horizon), Motor.NONE, "motor", index),
        raised_icp=_standing(
            index.raised_icp.between(_since(index, at), horizon), RaisedIcp.NONE, "raised-icp", index
        ),
        sedation=index.sedation.latest(at - tables.span("sedation"), horizon),
        baseline=index.baseline,
        attributions=tuple(
            attribution
            for what in index.attributions
            if (attribution := index.attribution_at(what, at)) is not None
        ),
        team_concern=None
        if looking_back
        else index.team_concerns.latest(at - tables.span("team-concern"), horizon),
        weight=index.weights.latest_before(horizon),
        tocilizumab=() if looking_back else _doses(index, _TOCILIZUMAB, at - tables.span("series"), horizon),
        steroids=() if looking_back else _doses(index, STEROIDS, _since(index, at), horizon),
        pending=() if looking_back else _pending(index, running, horizon),
        last_systolic_at=_at(index.systolic_pressures.latest_before(horizon)),
        last_temperature_at=_at(index.temperatures.latest_before(horizon)),
        last_oxygen=None
        if looking_back
        else pair_oxygen(index.devices, index.flows, _since(index, at), horizon, tables),
        last_saturation_at=_at(index.saturations.latest_before(horizon)),
        last_ice_at=_at(index.ice.latest_before(horizon)),
        last_capd_at=_at(index.capd.latest_before(horizon)),
        last_seizure_at=_at(index.seizures.latest(_since(index, at), horizon)),
        last_consciousness_at=_at(index.consciousness.latest_before(horizon)),
        bare_agents=() if looking_back else _bare_agents(index, at, horizon),
        overdue_infusions=tuple(run.agent for run in index.history.overdue if run.covers(at)),
        death_from=_death_from(index, at, horizon),
        labs=() if looking_back else _latest_labs(index, at, horizon),
        chart_gaps=()
        if looking_back
        else tuple(gap for gap in index.chart.gaps if concerns(gap, index, at, horizon)),
    )


def _at(row: Any) -> datetime | None:
    return row.at if row is not None else None


def _bare_agents(index: ChartIndex, at: datetime, horizon: datetime) -> tuple[VasoactiveAgent, ...]:
    start = at - index.tables.span("vasopressor-gap")
    agents = {row.agent for row in index.history.bare if start <= row.start <= horizon}
    return tuple(
        agent
        for agent in VasoactiveAgent
        if agent in agents and index.tables.agents[agent].kind in _COUNTING_KINDS
    )


def _death_from(index: ChartIndex, at: datetime, horizon: datetime) -> tuple[str, ...]:
    """Syndromes confirmed as cause of death: the patient is deceased, and a confirmed condition says grade
    5.
    """
    if not _deceased(index, at, horizon):
        return ()
    fatal_grade = index.tables.criteria["crs.death"].level
    fatal = {
        condition.kind
        for condition in index.chart.conditions
        if condition.grade == fatal_grade
        and condition.verification is Verification.CONFIRMED
        and (condition.at is None or condition.at <= horizon)
    }
    return tuple(kind for kind in ("crs", "icans") if kind in fatal)


def _since(index: ChartIndex, at: datetime) -> datetime:
    """Start of what counts until withdrawn: the infusion, or all time when it has no date."""
    return index.series_start or at - index.tables.span("monitoring")


def _day(index: ChartIndex, at: datetime) -> int | None:
    """Days since the infusion by calendar date, in the offset of the infusion's own timestamp."""
    if index.infusion is None or index.infusion.at is None:
        return None
    return (at.astimezone(index.infusion.at.tzinfo).date() - index.infusion.at.date()).days


def _age(birth_date: date | None, at: datetime) -> int | None:
    """Age in completed years."""
    if birth_date is None or birth_date > at.date():
        return None
    return at.year - birth_date.year - ((at.month, at.day) < (birth_date.month, birth_date.day))


def _deceased(index: ChartIndex, at: datetime, horizon: datetime) -> bool:
    """Whether the patient has died; without a time of death, now and not at any earlier instant."""
    patient = index.chart.patient
    if patient.deceased_at is None:
        return patient.deceased and at >= index.at
    return patient.deceased and patient.deceased_at <= horizon


def _episode_temperatures(index: ChartIndex, at: datetime, horizon: datetime) -> Sequence[Temperature]:
    """Readings of the window; those from before the first infusion say nothing of CRS."""
    start = at - index.tables.span("temperature")
    if index.series_start is not None:
        start = max(start, index.series_start)
    return index.temperatures.between(start, horizon)


def _boluses(index: ChartIndex, at: datetime, horizon: datetime) -> tuple[FluidBolus, ...]:
    """Fluid boluses in the window of the pressure; less than a bolus is a line kept open."""
    tables = index.tables
    smallest = tables.limit("bolus-millilitres")
    age, weight = _age(index.chart.patient.birth_date, at), index.weights.latest_before(horizon)
    if age is not None and age < tables.limit("adult-years") and weight is not None:
        smallest = min(smallest, tables.limit("child-bolus-ml-per-kg") * weight.kilograms)
    window = index.boluses.between(at - tables.span("blood-pressure"), horizon)
    # Two feeds of one bolus are one bolus: it is counted when pressure is judged to be refractory to fluid.
    distinct = {(bolus.at, bolus.millilitres): bolus for bolus in window if bolus.millilitres >= smallest}
    return tuple(distinct.values())


def _running(index: ChartIndex, at: datetime, horizon: datetime) -> tuple[RunningInfusion, ...]:
    """The runs that cover one instant, one an agent, by name.

    That is ``at``, or an instant up to the horizon at which more agents run: clocks that run ahead must not
    hide a new infusion, and must not make two infusions of one that took over from the other.
    """
    runs = index.history.runs
    starts = {run.start for run in runs if at < run.start <= horizon}
    covering = [[run for run in runs if run.covers(instant)] for instant in (at, *sorted(starts))]
    if at < index.at:
        covering[0] += [run for run in runs if run.start == run.end == at]
    most = max(covering, key=lambda together: _count_of(together, index))
    found = {run.agent: _as_running(run, index, horizon) for run in most}
    return tuple(found[agent] for agent in sorted(found, key=lambda agent: agent.value))


def _count_of(runs: Sequence[Run], index: ChartIndex) -> tuple[int, int]:
    """How many agents count among the runs, and how many support the circulation at all."""
    kinds = [index.tables.agents[run.agent].kind for run in runs]
    return kinds.count(AgentKind.COUNTED), len(kinds)


def _as_running(run: Run, index: ChartIndex, horizon: datetime) -> RunningInfusion:
    charted = [row for row in run.rows if row.start <= horizon]
    row = run.open_row if run.open_row in charted else charted[-1]
    times = index.history.charted[run.agent]
    return RunningInfusion(run.agent, run.start, row or charted[-1], times[bisect_right(times, horizon) - 1])


def _worst_seizure(index: ChartIndex, at: datetime, horizon: datetime) -> SeizureRow | None:
    """The worst seizure of the window: a later "none" says that it has ended, not that it did not happen."""
    rows = index.seizures.between(max(at - index.tables.span("seizure"), _since(index, at)), horizon)
    return max(rows, key=lambda row: index.level_of("seizure", row.finding), default=None)


def _standing(
    rows: Sequence[_Finding], none: Motor | RaisedIcp, axis: str, index: ChartIndex
) -> _Finding | None:
    """The worst finding since it was last charted that there is none.

    Findings stand until withdrawn: papilloedema is not gone because focal oedema was charted after it.
    """
    withdrawn_at = max((row.at for row in rows if row.finding is none), default=None)
    standing = [
        row for row in rows if row.finding is not none and (withdrawn_at is None or row.at >= withdrawn_at)
    ]
    if not standing:
        return rows[-1] if rows else None
    return max(standing, key=lambda row: (index.level_of(axis, row.finding), row.at))


def _doses(
    index: ChartIndex, drugs: frozenset[ImmuneDrug], start: datetime, horizon: datetime
) -> tuple[DrugDose, ...]:
    return tuple(dose for dose in index.doses.between(start, horizon) if dose.drug in drugs)


def _pending(
    index: ChartIndex, running: Sequence[RunningInfusion], horizon: datetime
) -> tuple[PendingOrder, ...]:
    """Active orders after which nobody charted that the drug was given."""
    grace = index.tables.span("pending-order")
    agents = {infusion.agent for infusion in running}
    given: dict[VasoactiveAgent | ImmuneDrug, datetime] = {
        agent: times[-1] for agent, times in index.history.charted.items()
    }
    for dose in index.doses.rows:
        if dose.at <= horizon:
            given[dose.drug] = dose.at
    pending = []
    for order in index.chart.pending_orders:
        if order.drug in agents or (order.authored_at is not None and order.authored_at > horizon):
            continue
        last = given.get(order.drug)
        if last is None or (order.authored_at is not None and last < order.authored_at - grace):
            pending.append(order)
    return tuple(pending)


def _latest_labs(index: ChartIndex, at: datetime, horizon: datetime) -> tuple[LabValue, ...]:
    """The latest value of each laboratory test in the window."""
    latest = {value.lab: value for value in index.labs.between(at - index.tables.span("labs"), horizon)}
    return tuple(latest.values())


def unmapped_running(gaps: Sequence[ChartGap], at: datetime) -> tuple[ChartGap, ...]:
    """Unknown drugs that run by a continuous rate at ``at``: any of them might be a vasopressor."""
    return tuple(
        gap
        for gap in gaps
        if gap.what is GapWhat.VASOPRESSORS
        and gap.running_rate
        and gap.at is not None
        and gap.at <= at
        and (gap.until is None or at < gap.until)
    )
