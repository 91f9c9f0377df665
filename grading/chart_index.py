"""An index over one chart: what every instant of it needs, worked out once.

Grading asks for evidence at many instants of one chart (the peak of an episode, the grade at each dose). The
index holds the time-sorted columns, the runs of infusions, the episode and the baseline, so that an instant
costs a few binary searches.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from enum import Enum
from operator import ge
from statistics import median
from typing import Any, Generic, Protocol, TypeVar

from grading.chart import (
    ANTICYTOKINES,
    ANTIPYRETICS,
    STEROIDS,
    ArousalScore,
    Attributable,
    Attribution,
    CartInfusion,
    Chart,
    Consciousness,
    DrugDose,
    GapWhat,
    Lab,
    Motor,
    OxygenDeviceRow,
    OxygenFlowRow,
    RaisedIcp,
    Temperature,
)
from grading.evidence import Baseline, Oxygen
from grading.infusions import InfusionHistory, read_history
from grading.tables import Tables

_MASKING_DRUGS = ANTIPYRETICS | ANTICYTOKINES | STEROIDS
_AROUSAL_ORDER = {level: place for place, level in enumerate(Consciousness)}


class _Timed(Protocol):
    @property
    def at(self) -> datetime: ...


Row = TypeVar("Row", bound=_Timed)


class Column(Generic[Row]):
    """Rows of one kind in order of time.

    ``severity`` orders rows of one time, the worst last: then the latest row is the worst of its time, in
    whatever order they were read.
    """

    __slots__ = ("_times", "rows")

    def __init__(self, rows: Sequence[Row], severity: Callable[[Row], Any]) -> None:
        times = [row.at.timestamp() for row in rows]
        self.rows: Sequence[Row] = rows
        if any(map(ge, times, times[1:])):
            order = sorted(range(len(rows)), key=lambda place: (times[place], severity(rows[place])))
            self.rows, times = [rows[place] for place in order], [times[place] for place in order]
        self._times = times

    def between(self, start: datetime, end: datetime) -> Sequence[Row]:
        """Rows with ``start <= at <= end``, oldest first."""
        low = bisect_left(self._times, start.timestamp())
        return self.rows[low : bisect_right(self._times, end.timestamp())]

    def latest(self, start: datetime, end: datetime) -> Row | None:
        """The newest row with ``start <= at <= end``."""
        high = bisect_right(self._times, end.timestamp())
        if high == 0 or self._times[high - 1] < start.timestamp():
            return None
        return self.rows[high - 1]

    def latest_before(self, end: datetime) -> Row | None:
        """The newest row with ``at <= end``, however old."""
        high = bisect_right(self._times, end.timestamp())
        return self.rows[high - 1] if high else None

    def at_same_time(self, row: Row) -> Sequence[Row]:
        """All rows with the time of ``row``."""
        moment = _time_of(row)
        return self.rows[bisect_left(self._times, moment) : bisect_right(self._times, moment)]


def _time_of(row: _Timed) -> float:
    return row.at.timestamp()


class ChartIndex:
    """A chart prepared for grading at any instant up to ``at``.

    ``at`` is the time of the assessment: what is charted later does not exist. Attributions are those in
    force at ``at``; they hold for earlier instants too, as they speak of the finding and not of the hour.
    """

    def __init__(self, chart: Chart, at: datetime, tables: Tables) -> None:
        self.chart = chart
        self.at = at
        self.tables = tables
        self.horizon = at + tables.span("clock-skew")
        self.temperatures = Column(chart.temperatures, lambda row: row.celsius)
        self.systolic_pressures = Column(chart.systolic_pressures, lambda row: -row.mmhg)
        self.hypotension_statements = Column(chart.hypotension_statements, lambda row: row.present)
        self.devices = Column(chart.oxygen_devices, lambda row: tables.devices[row.device].rank)
        self.flows = Column(chart.oxygen_flows, lambda row: row.litres_per_minute)
        self.inspired_oxygen = Column(chart.inspired_oxygen, lambda row: row.fraction)
        self.saturations = Column(chart.saturations, lambda row: -row.percent)
        self.boluses = Column(chart.fluid_boluses, lambda row: row.millilitres)
        self.doses = Column(chart.drug_doses, lambda row: (row.drug.value, row.name or ""))
        self.ice = Column(chart.ice_scores, lambda row: (-row.maximum, -row.minimum))
        self.capd = Column(chart.capd_scores, lambda row: -1 if row.total is None else row.total)
        self.consciousness = Column(chart.consciousness, lambda row: _AROUSAL_ORDER[row.level])
        self.arousal = Column(chart.arousal_scores, self.levels_of_arousal)
        self.seizures = Column(chart.seizures, lambda row: self.level_of("seizure", row.finding))
        self.motor = Column(chart.motor, lambda row: self.level_of("motor", row.finding))
        self.raised_icp = Column(chart.raised_icp, lambda row: self.level_of("raised-icp", row.finding))
        self.sedation = Column(chart.sedation, lambda row: row.sedated)
        self.weights = Column(chart.weights, lambda row: -row.kilograms)
        self.team_concerns = Column(chart.team_concerns, lambda row: row.present)
        self.labs = Column(chart.labs, lambda row: (row.lab.value, row.value))
        self.infusion = _latest_infusion(chart, at - tables.span("monitoring"), self.horizon)
        self.series_start = self._series_start()
        self.history: InfusionHistory = read_history(
            (row for row in chart.vasoactives if row.start <= self.horizon), tables
        )
        # Inputs of which the latest value alone counts: an unreadable one before it no longer matters.
        # Findings that stand until withdrawn are overtaken by a "none" alone.
        self.latest_counts: dict[GapWhat, Column[Any]] = {
            GapWhat.BLOOD_PRESSURE: self.systolic_pressures,
            GapWhat.OXYGEN: self.devices,
            GapWhat.OXYGEN_FLOW: self.flows,
            GapWhat.SPO2: self.saturations,
            GapWhat.ICE: self.ice,
            GapWhat.CAPD: self.capd,
            GapWhat.CONSCIOUSNESS: self.consciousness,
            GapWhat.SEDATION: self.sedation,
            GapWhat.MOTOR: self._denials(chart.motor, Motor.NONE),
            GapWhat.RAISED_ICP: self._denials(chart.raised_icp, RaisedIcp.NONE),
        }
        self.attributions = _in_force(chart.attributions, self.horizon)
        self.resolved_at = self._documented_resolution()
        self.fevers = self._episode_fevers()
        self.first_masking = self._first_masking()
        self.baseline = self._baseline()

    def horizon_of(self, at: datetime) -> datetime:
        """Until when rows count at ``at``.

        Clocks that run ahead are forgiven at the time of the assessment only: looking back, every row has its
        place, and a row of five minutes later must not hide the one before it.
        """
        return self.horizon if at >= self.at else at

    @staticmethod
    def _denials(rows: Sequence[Any], none: Enum) -> Column[Any]:
        return Column([row for row in rows if row.finding is none], lambda row: row.source.reference)

    def level_of(self, axis: str, finding: Enum) -> tuple[int, str]:
        """How bad a finding is: its level (0 when it is no criterion), and its name to tell equals apart.

        Sorts ``none`` before a finding that is no criterion: a tremor is not nothing.
        """
        criterion = self.tables.of_finding(axis, finding.value)
        return (criterion.level if criterion else 0, "" if finding.value == "none" else finding.value)

    def levels_of_arousal(self, row: ArousalScore) -> tuple[int, int]:
        """Lowest and highest level that a score of an arousal scale stands in for; none for a score outside
        the scale.
        """
        band = self.tables.band_of(row.scale, row.score)
        return (band.lowest, band.highest) if band else (0, 0)

    def attribution_at(self, what: Attributable, at: datetime) -> Attribution | None:
        """The attribution of ``what`` that covers an input charted at ``at``.

        A statement covers what was charted within the look-back window before it, and all after it.
        """
        attribution = self.attributions.get(what)
        if attribution is None or at < attribution.at - self._look_back(what):
            return None
        return attribution

    def established(self, horizon: datetime) -> Temperature | None:
        """The fever that established CRS in this episode by ``horizon``, or ``None``."""
        return self.fevers[0] if self.fevers and self.fevers[0].at <= horizon else None

    def masking(self, horizon: datetime) -> DrugDose | None:
        """The first antipyretic, anticytokine drug or steroid given since CRS was established, by
        ``horizon``.
        """
        first = self.first_masking
        return first if first is not None and first.at <= horizon else None

    def _look_back(self, what: Attributable) -> timedelta:
        windows = {
            Attributable.FEVER: "temperature",
            Attributable.HYPOTENSION: "blood-pressure",
            Attributable.HYPOXIA: "oxygen",
            Attributable.NEUROLOGICAL: "seizure",
        }
        return self.tables.span(windows[what])

    def _series_start(self) -> datetime | None:
        """The first infusion of the treatment that the latest one belongs to."""
        if self.infusion is None or self.infusion.at is None:
            return None
        earliest_possible = self.infusion.at - self.tables.span("series")
        return min(
            infusion.at
            for infusion in self.chart.infusions
            if infusion.at is not None and earliest_possible <= infusion.at <= self.infusion.at
        )

    def _documented_resolution(self) -> datetime | None:
        ends = [
            condition.resolved_at
            for condition in self.chart.conditions
            if condition.kind == "crs"
            and condition.resolved_at is not None
            and self.series_start is not None
            and self.series_start <= condition.resolved_at <= self.horizon
        ]
        return max(ends, default=None)

    def _episode_fevers(self) -> list[Temperature]:
        if self.series_start is None:
            return []
        start = self.resolved_at or self.series_start
        threshold = self.tables.limit("fever-celsius")
        return [
            reading
            for reading in self.temperatures.between(start, self.horizon)
            if reading.celsius >= threshold and self.attribution_at(Attributable.FEVER, reading.at) is None
        ]

    def _first_masking(self) -> DrugDose | None:
        if not self.fevers:
            return None
        for dose in self.doses.between(self.fevers[0].at, self.horizon):
            if dose.drug in _MASKING_DRUGS and dose.systemic:
                return dose
        return None

    def _baseline(self) -> Baseline:
        if self.series_start is None:
            return Baseline()
        before = self.series_start - timedelta(microseconds=1)
        week = self.series_start - self.tables.span("baseline")
        # One reading stored twice is one reading: it must not pull the median.
        readings = {(row.at, row.mmhg) for row in self.systolic_pressures.between(week, before)}
        pressures = [mmhg for _, mmhg in readings]
        earlier_ice = [row for row in self.chart.baseline_ice if row.at <= self.horizon]
        ferritin = [
            value
            for value in self.labs.between(self.series_start - self.tables.span("baseline-ferritin"), before)
            if value.lab is Lab.FERRITIN
        ]
        return Baseline(
            systolic=Decimal(median(pressures)) if pressures else None,
            oxygen=pair_oxygen(self.devices, self.flows, week, before, self.tables),
            ice=max(earlier_ice, key=lambda row: (_time_of(row), row.total))
            if earlier_ice
            else self.ice.latest_before(before),
            ferritin=ferritin[-1] if ferritin else None,
        )


def pair_oxygen(
    devices: Column[OxygenDeviceRow],
    flows: Column[OxygenFlowRow],
    start: datetime,
    end: datetime,
    tables: Tables,
) -> Oxygen | None:
    """Pair the latest device with the flow that belongs to it.

    That is the latest flow not older than the device, or up to an hour before it. A flow-only row later than
    the device updates it; with or after room air it contradicts it, and then the device is not known. Of
    several devices charted at one time the highest support holds. ``None`` when neither device nor flow was
    charted.
    """
    device = devices.latest(start, end)
    if device is None:
        flow = flows.latest(start, end)
        return Oxygen(None, flow) if flow is not None else None
    others = tuple(row for row in devices.at_same_time(device) if row.device is not device.device)
    flow = flows.latest(device.at - tables.span("oxygen-pairing"), end)
    if tables.devices[device.device].highest == 0:
        if flow is None or flow.at < device.at or flow.litres_per_minute == 0:
            return Oxygen(device, None, others)
        return Oxygen(None, flow, (device, *others))
    return Oxygen(device, flow, others)


def _latest_infusion(chart: Chart, monitored_from: datetime, horizon: datetime) -> CartInfusion | None:
    """The latest infusion that has taken place; one without a date only where no recent one is on record."""
    dated = [infusion for infusion in chart.infusions if infusion.at is not None and infusion.at <= horizon]
    undated = [infusion for infusion in chart.infusions if infusion.at is None]
    if dated and not (undated and all(infusion.at < monitored_from for infusion in dated if infusion.at)):
        latest = max(dated, key=lambda infusion: (infusion.at or horizon, infusion.product or ""))
        return _with_known_product(latest, dated)
    return undated[0] if undated else None


def _with_known_product(latest: CartInfusion, dated: Sequence[CartInfusion]) -> CartInfusion:
    """A procedure often names no product where the administration of the same day does."""
    if latest.product is not None or latest.at is None:
        return latest
    for infusion in sorted(dated, key=lambda each: each.product or ""):
        if infusion.product and infusion.at and abs(latest.at - infusion.at) <= timedelta(days=1):
            return CartInfusion(latest.at, infusion.product, latest.source)
    return latest


def _in_force(attributions: Sequence[Attribution], horizon: datetime) -> dict[Attributable, Attribution]:
    """The latest statement on each finding, where it is not a withdrawal (which wins at one time)."""
    latest: dict[Attributable, Attribution] = {}
    for attribution in sorted(attributions, key=lambda row: (_time_of(row), row.withdrawn)):
        if attribution.at <= horizon:
            latest[attribution.what] = attribution
    return {what: attribution for what, attribution in latest.items() if not attribution.withdrawn}
