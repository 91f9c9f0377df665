"""The peak of an episode: its highest grade over time.

The peak is the highest grade, or proven lower bound, at any instant since the first infusion of the treatment
(or since a documented resolution). A grade rises only where something is charted, or where something that hid
a finding is no longer current (an alert statement of half a day ago hides a later RASS). So only those
instants are graded, with the same functions that grade the present, and of them only those that may exceed
what was found, in a chart that has anything to exceed it with. Deliberately absent: a birthday within the
episode, which may change a cut or a scale.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from grading.assessment import SyndromeGrade
from grading.ceilings import crs_ceiling, icans_ceiling
from grading.chart import Consciousness, OxygenDeviceRow, OxygenFlowRow
from grading.chart_index import ChartIndex, Column
from grading.crs import grade_crs
from grading.evidence_at import evidence_at
from grading.icans import grade_icans
from grading.infusions import Run
from grading.tables import AgentKind, DeviceRule

# An instant at which a grade may rise, after the highest lower bound that it may reach there.
_Rise = tuple[int, datetime]
_MOMENT = timedelta(microseconds=1)


def with_peaks(
    index: ChartIndex, at: datetime, crs: SyndromeGrade, icans: SyndromeGrade
) -> tuple[SyndromeGrade, SyndromeGrade]:
    """Add the peak of the episode up to ``at`` to the grades of ``at``."""
    if index.series_start is None:
        return crs, icans
    tables, start = index.tables, index.series_start

    def crs_at(instant: datetime) -> SyndromeGrade:
        return grade_crs(evidence_at(index, instant), tables).syndrome

    def icans_at(instant: datetime) -> SyndromeGrade:
        return grade_icans(evidence_at(index, instant), tables).syndrome

    crs_top, icans_top = crs_ceiling(index), icans_ceiling(index)
    crs_rises = _crs_rises(index, index.resolved_at or start, at, crs_top) if crs_top > crs.lowest else ()
    icans_rises = _icans_rises(index, start, at, icans_top) if icans_top > icans.lowest else ()
    return (
        replace(crs, episode_peak=_peak(crs, crs_rises, crs_at)),
        replace(icans, episode_peak=_peak(icans, icans_rises, icans_at)),
    )


def _peak(
    now: SyndromeGrade, rises: Iterable[_Rise], grade_at: Callable[[datetime], SyndromeGrade]
) -> int | None:
    """The highest lower bound; an instant that cannot exceed what was found is not graded."""
    peak = now.lowest
    for possible, instant in sorted({rise for rise in rises if rise[0] > peak}, reverse=True):
        if possible > peak:
            peak = max(peak, grade_at(instant).lowest)
    return peak or None


def _crs_rises(index: ChartIndex, start: datetime, at: datetime, top: int) -> list[_Rise]:
    """Instants at which CRS may rise, to ``top`` at most; without fever in the window and before it was
    masked it is at no grade.
    """
    window, fever = index.tables.span("temperature"), index.tables.limit("fever-celsius")
    readings = index.temperatures.between(index.series_start or start, at)
    febrile = [reading.at for reading in readings if reading.celsius >= fever]
    masked_at = index.first_masking.at if index.first_masking is not None else None
    rises = [(top, start), *((top, onset) for onset in _onsets(febrile, window))]
    if masked_at is not None:
        rises.append((top, masked_at))
    rises += _pressure_rises(index)
    rises += _oxygen_rises(index)

    def may_be_graded(instant: datetime) -> bool:
        if masked_at is not None and masked_at <= instant:
            return True
        place = bisect_left(febrile, instant - window)
        return place < len(febrile) and febrile[place] <= instant

    return [
        (min(possible, top), instant)
        for possible, instant in rises
        if start <= instant <= at and may_be_graded(instant)
    ]


def _onsets(fevers: list[datetime], window: timedelta) -> Iterator[datetime]:
    """Fevers with none in the window before them: from there on the fever holds until the window ends."""
    for place, fever in enumerate(fevers):
        if place == 0 or fever - fevers[place - 1] > window:
            yield fever


def _pressure_rises(index: ChartIndex) -> Iterator[_Rise]:
    """Starts of infusions, and what tells of hypotension without one."""
    tables = index.tables
    untreated = tables.criteria["crs.hypotension.no-vasopressor"].level
    runs = [run for run in index.history.runs if _counts(run, index)]
    for run in runs:
        together = {other.agent for other in runs if other.covers(run.start) or other.start == run.start}
        several = "multiple-vasopressors" if len(together) > 1 else "one-vasopressor"
        yield tables.criteria[f"crs.hypotension.{several}"].level, run.start
    highest_cut = max(cut.mmhg + cut.per_year * cut.to_years for cut in tables.pressure_cuts)
    low = [row.at for row in index.systolic_pressures.rows if row.mmhg < highest_cut]
    if low:
        # A weight may make a bolus of what was too little without it.
        low += [bolus.at for bolus in index.boluses.rows]
        low += [weight.at for weight in index.weights.rows]
    low += [row.at for row in index.hypotension_statements.rows if row.present]
    low += [row.start for row in index.history.pushes]
    low += [run.start for run in index.history.runs if tables.agents[run.agent].kind is AgentKind.PUSH_ONLY]
    for instant in low:
        yield untreated, instant


def _counts(run: Run, index: ChartIndex) -> bool:
    return index.tables.agents[run.agent].kind in (AgentKind.COUNTED, AgentKind.VASOPRESSIN_LIKE)


def _oxygen_rises(index: ChartIndex) -> Iterator[_Rise]:
    """Devices, flows, desaturations and FiO2; and the ends of devices and flows that hid one."""
    tables = index.tables
    low_flow = tables.criteria["crs.hypoxia.low-flow"].level
    limit = tables.limit("desaturation-percent")
    desaturations = [row.at for row in index.saturations.rows if row.percent < limit]
    inspired = [row.at for row in index.inspired_oxygen.rows]
    least = low_flow if desaturations or inspired else 0
    flow_reaches = [_reach_of_flow(row, index) for row in index.flows.rows]
    by_flow = max(flow_reaches, default=low_flow)

    def reach_of_device(row: OxygenDeviceRow) -> int:
        device = tables.devices[row.device]
        if device.rule is DeviceRule.NONE:
            return least
        return max(device.lowest, by_flow) if device.rule is DeviceRule.BY_FLOW else device.lowest

    for instant in (*desaturations, *inspired):
        yield low_flow, instant
    for device in index.devices.rows:
        yield reach_of_device(device), device.at
    for reach, flow in zip(flow_reaches, index.flows.rows, strict=True):
        yield max(reach, least), flow.at
    if index.flows.rows or least:
        for column in (index.devices, index.flows):
            for instant in _ends(column, tables.span("oxygen")):
                yield by_flow, instant


def _reach_of_flow(row: OxygenFlowRow, index: ChartIndex) -> int:
    """The level that a flow may bring about; where a device was on before the infusion, that of the device
    too, as a flow above its baseline makes it count.
    """
    tables = index.tables
    before = index.baseline.oxygen.device if index.baseline.oxygen else None
    if before is not None and tables.devices[before.device].rule is not DeviceRule.NONE:
        return tables.criteria["crs.hypoxia.positive-pressure"].level
    high = row.litres_per_minute > tables.limit("low-flow-l-per-min")
    return tables.criteria["crs.hypoxia.high-flow" if high else "crs.hypoxia.low-flow"].level


def _ends(column: Column[Any], window: timedelta) -> Iterator[datetime]:
    """The moments at which a row goes out of its window with no newer one of its kind."""
    rows = column.rows
    for place, row in enumerate(rows):
        end: datetime = row.at + window + _MOMENT
        if place + 1 == len(rows) or rows[place + 1].at > end:
            yield end


def _icans_rises(index: ChartIndex, start: datetime, at: datetime, top: int) -> list[_Rise]:
    """Instants at which ICANS may rise, to ``top`` at most."""
    rises = [(top, start), *_score_rises(index), *_arousal_rises(index)]
    for axis, column in (
        ("seizure", index.seizures),
        ("motor", index.motor),
        ("raised-icp", index.raised_icp),
    ):
        rises += [(index.level_of(axis, row.finding)[0], row.at) for row in column.rows]
    if any(row.sedated for row in index.sedation.rows):
        rises += [(top, row.at) for row in index.sedation.rows if not row.sedated]
        rises += [(top, end) for end in _ends(index.sedation, index.tables.span("sedation"))]
    return [(min(possible, top), instant) for possible, instant in rises if start <= instant <= at]


def _score_rises(index: ChartIndex) -> Iterator[_Rise]:
    """ICE and CAPD; and the ends of an ICE that hid a CAPD, or that showed an alert patient."""
    tables = index.tables
    capd_top = max(criterion.level for criterion in tables.axis("capd"))
    unarousable = tables.criteria["icans.ice.unarousable"]
    for ice in index.ice.rows:
        if ice.maximum <= (unarousable.highest_score or 0):
            yield unarousable.level, ice.at
        else:
            levels = [row.level for row in tables.axis("ice") if ice.maximum <= (row.highest_score or 0)]
            yield max(levels, default=0), ice.at
    for capd in index.capd.rows:
        yield capd_top, capd.at
    for end in _ends(index.ice, tables.span("ice")):
        yield capd_top, end


def _arousal_rises(index: ChartIndex) -> Iterator[_Rise]:
    """Stated levels and scales; and the ends of a statement that hid a scale."""
    tables = index.tables
    worst = 0
    for score in index.arousal.rows:
        lowest, _ = index.levels_of_arousal(score)
        worst = max(worst, lowest)
        yield lowest, score.at
    for stated in index.consciousness.rows:
        if stated.level is not Consciousness.ALERT:
            yield index.level_of("consciousness", stated.level)[0], stated.at
    for end in _ends(index.consciousness, tables.span("consciousness")):
        yield worst, end
