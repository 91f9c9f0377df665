"""Taking evidence: from a chart to what holds at one instant."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from grading.chart import (
    STEROIDS,
    Attributable,
    ChartGap,
    DrugDose,
    FluidBolus,
    GapWhat,
    ImmuneDrug,
    LabValue,
    PendingOrder,
    Seizure,
    SeizureRow,
    Temperature,
    VasoactiveAgent,
    Verification,
)
from grading.chart_index import ChartIndex, Column, pair_oxygen
from grading.evidence import Evidence, RunningInfusion
from grading.tables import AgentKind

# Which window an unreadable thing is forgotten after.
_WINDOW_OF_GAP = {
    GapWhat.TEMPERATURE: "temperature",
    GapWhat.BLOOD_PRESSURE: "blood-pressure",
    GapWhat.OXYGEN: "oxygen",
    GapWhat.OXYGEN_FLOW: "oxygen",
    GapWhat.SPO2: "spo2",
    GapWhat.VASOPRESSORS: "vasopressor-gap",
    GapWhat.ICE: "ice",
    GapWhat.CAPD: "ice",
    GapWhat.CONSCIOUSNESS: "consciousness",
    GapWhat.SEIZURE: "seizure",
    GapWhat.SEDATION: "sedation",
    GapWhat.WEIGHT: "weight",
    GapWhat.LABS: "labs",
}
_COUNTING_KINDS = (AgentKind.COUNTED, AgentKind.VASOPRESSIN_LIKE)
_PUSHED_KINDS = (*_COUNTING_KINDS, AgentKind.PUSH_ONLY)
_SEIZURE_SEVERITY = {finding: place for place, finding in enumerate(Seizure)}


def evidence_at(index: ChartIndex, at: datetime) -> Evidence:
    """Take the evidence at ``at`` (aware), which must not lie after the time the index was made for."""
    tables = index.tables
    horizon = min(at + tables.span("clock-skew"), index.horizon)
    pressures = index.systolic_pressures.between(at - tables.span("blood-pressure"), horizon)
    temperatures = _episode_temperatures(index, at, horizon)
    return Evidence(
        at=at,
        infusion=index.infusion,
        day=_day(index, at),
        age_years=_age(index.chart.patient.birth_date, at),
        deceased=_deceased(index, horizon),
        latest_temperature=temperatures[-1] if temperatures else None,
        peak_temperature=max(temperatures, key=lambda reading: reading.celsius) if temperatures else None,
        established_at=established.at if (established := index.established(at)) else None,
        established_by=established,
        masking=index.masking(at),
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
        running=_running(index, at),
        oxygen=pair_oxygen(index.devices, index.flows, at - tables.span("oxygen"), horizon, tables),
        inspired_oxygen=index.inspired_oxygen.latest(at - tables.span("oxygen"), horizon),
        saturation=index.saturations.latest(at - tables.span("spo2"), horizon),
        ice=index.ice.latest(at - tables.span("ice"), horizon),
        capd=index.capd.latest(at - tables.span("ice"), horizon),
        consciousness=index.consciousness.latest(at - tables.span("consciousness"), horizon),
        arousal=index.arousal.latest(at - tables.span("consciousness"), horizon),
        seizure=_worst_seizure(index.seizures.between(at - tables.span("seizure"), horizon)),
        motor=index.motor.latest(_since(index, at), horizon),
        raised_icp=index.raised_icp.latest(_since(index, at), horizon),
        sedation=index.sedation.latest(at - tables.span("sedation"), horizon),
        baseline=index.baseline,
        attributions=tuple(
            attribution
            for what in Attributable
            if (attribution := index.attribution_at(what, at)) is not None
        ),
        weight=index.weights.latest_before(horizon),
        tocilizumab=_doses(index, frozenset({ImmuneDrug.TOCILIZUMAB}), horizon),
        steroids=_doses(index, STEROIDS, horizon),
        pending=_pending(index, at, horizon),
        last_systolic_at=_at(index.systolic_pressures.latest_before(horizon)),
        last_temperature_at=_at(index.temperatures.latest_before(horizon)),
        last_oxygen=pair_oxygen(index.devices, index.flows, _since(index, at), horizon, tables),
        last_saturation_at=_at(index.saturations.latest_before(horizon)),
        last_ice_at=_at(index.ice.latest_before(horizon)) or _at(index.capd.latest_before(horizon)),
        last_consciousness_at=_at(index.consciousness.latest_before(horizon)),
        bare_agents=_bare_agents(index, at, horizon),
        overdue_infusions=tuple(
            row.agent for row in index.history.overdue if row.start + tables.span("open-infusion") <= at
        ),
        death_from=_death_from(index, horizon),
        labs=_latest_labs(index, at, horizon),
        chart_gaps=tuple(gap for gap in index.chart.gaps if _concerns(gap, index, at, horizon)),
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


def _death_from(index: ChartIndex, horizon: datetime) -> tuple[str, ...]:
    """Syndromes confirmed as cause of death: the patient is deceased, and a confirmed condition says grade
    5.
    """
    if not _deceased(index, horizon):
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


def _deceased(index: ChartIndex, horizon: datetime) -> bool:
    patient = index.chart.patient
    return patient.deceased and (patient.deceased_at is None or patient.deceased_at <= horizon)


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


def _running(index: ChartIndex, at: datetime) -> tuple[RunningInfusion, ...]:
    """The runs that cover ``at``, one an agent, by name."""
    running: dict[VasoactiveAgent, RunningInfusion] = {}
    skew = index.tables.span("clock-skew")
    for run in index.history.runs:
        if not (run.covers(at) or at < run.start <= at + skew):
            continue
        charted = [row for row in run.rows if row.start <= at + skew]
        covering = run.open_row if run.open_row in charted else charted[-1]
        newest = max(
            row.start for row in index.chart.vasoactives if row.agent is run.agent and row.start <= at + skew
        )
        running[run.agent] = RunningInfusion(run.agent, run.start, covering or charted[-1], newest)
    return tuple(running[agent] for agent in sorted(running, key=lambda agent: agent.value))


def _worst_seizure(rows: Sequence[SeizureRow]) -> SeizureRow | None:
    """The worst seizure of the window: a later "none" says that it has ended, not that it did not happen."""
    return max(rows, key=lambda row: _SEIZURE_SEVERITY[row.finding], default=None)


def _doses(index: ChartIndex, drugs: frozenset[ImmuneDrug], horizon: datetime) -> tuple[DrugDose, ...]:
    start = index.series_start
    return tuple(
        dose
        for dose in index.doses.rows
        if dose.drug in drugs and dose.at <= horizon and (start is None or dose.at >= start)
    )


def _pending(index: ChartIndex, at: datetime, horizon: datetime) -> tuple[PendingOrder, ...]:
    """Active orders after which nobody charted that the drug was given."""
    grace = index.tables.span("pending-order")
    running = {infusion.agent for infusion in _running(index, at)}
    given: dict[VasoactiveAgent | ImmuneDrug, datetime] = {}
    for row in index.chart.vasoactives:
        if row.start <= horizon:
            given[row.agent] = max(given.get(row.agent, row.start), row.start)
    for dose in index.doses.rows:
        if dose.at <= horizon:
            given[dose.drug] = max(given.get(dose.drug, dose.at), dose.at)
    pending = []
    for order in index.chart.pending_orders:
        if order.drug in running or (order.authored_at is not None and order.authored_at > horizon):
            continue
        last = given.get(order.drug)
        if last is None or (order.authored_at is not None and last < order.authored_at - grace):
            pending.append(order)
    return tuple(pending)


def _latest_labs(index: ChartIndex, at: datetime, horizon: datetime) -> tuple[LabValue, ...]:
    """The latest value of each laboratory test in the window."""
    latest = {value.lab: value for value in index.labs.between(at - index.tables.span("labs"), horizon)}
    return tuple(latest.values())


def _concerns(gap: ChartGap, index: ChartIndex, at: datetime, horizon: datetime) -> bool:
    """Whether something unreadable still matters: within its window, and not overtaken by a later reading."""
    if gap.at is None:
        return True
    if gap.at > horizon:
        return False
    window = _WINDOW_OF_GAP.get(gap.what)
    last_word = gap.until or gap.at
    if gap.running_rate and gap.until is None:
        return at - gap.at <= index.tables.span("open-infusion")
    if window is not None and last_word < at - index.tables.span(window):
        return False
    return not _overtaken(gap, index, horizon)


def _overtaken(gap: ChartGap, index: ChartIndex, horizon: datetime) -> bool:
    """A later readable value of an input of which only the latest counts."""
    columns: dict[GapWhat, Column[Any]] = {
        GapWhat.BLOOD_PRESSURE: index.systolic_pressures,
        GapWhat.OXYGEN: index.devices,
        GapWhat.OXYGEN_FLOW: index.flows,
        GapWhat.SPO2: index.saturations,
        GapWhat.ICE: index.ice,
        GapWhat.CAPD: index.capd,
        GapWhat.CONSCIOUSNESS: index.consciousness,
        GapWhat.SEDATION: index.sedation,
        GapWhat.MOTOR: index.motor,
        GapWhat.RAISED_ICP: index.raised_icp,
        GapWhat.WEIGHT: index.weights,
    }
    column = columns.get(gap.what)
    if column is None or gap.at is None:
        return False
    latest = column.latest_before(horizon)
    return latest is not None and latest.at > gap.at


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


def hours_between(earlier: datetime, later: datetime) -> Decimal:
    """Hours from ``earlier`` to ``later``, exact to the second."""
    return Decimal(int((later - earlier).total_seconds())) / Decimal(3600)
