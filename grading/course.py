"""The course: the peak of an episode over time.

The peak is the highest grade, or proven lower bound, at any instant since the first infusion of the treatment
(or since a documented resolution). A grade can only rise when something is charted, so only those instants
are graded, with the same functions that grade the present.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from grading.assessment import SyndromeGrade
from grading.chart import Consciousness, Motor, OxygenDeviceRow, OxygenFlowRow, RaisedIcp, Seizure
from grading.chart_index import ChartIndex
from grading.crs import grade_crs
from grading.evidence_at import evidence_at
from grading.icans import grade_icans
from grading.tables import Tables

_Grade = Callable[[datetime], SyndromeGrade]


def with_peaks(
    index: ChartIndex, at: datetime, crs: SyndromeGrade, icans: SyndromeGrade
) -> tuple[SyndromeGrade, SyndromeGrade]:
    """Add the peak of the episode up to ``at`` to the grades of ``at``."""
    if index.series_start is None:
        return crs, icans
    tables = index.tables

    def crs_at(instant: datetime) -> SyndromeGrade:
        return grade_crs(evidence_at(index, instant), tables).syndrome

    def icans_at(instant: datetime) -> SyndromeGrade:
        return grade_icans(evidence_at(index, instant), tables).syndrome

    return (
        replace(crs, episode_peak=_peak(crs, _crs_instants(index, at), crs_at)),
        replace(icans, episode_peak=_peak(icans, _icans_instants(index, at), icans_at)),
    )


def _peak(now: SyndromeGrade, instants: Iterable[tuple[int, datetime]], grade_at: _Grade) -> int | None:
    """The highest lower bound; an instant that cannot exceed what was found is not graded."""
    peak = now.lowest
    for possible, instant in sorted(set(instants), reverse=True):
        if possible > peak:
            peak = max(peak, grade_at(instant).lowest)
    return peak or None


def _crs_instants(index: ChartIndex, at: datetime) -> list[tuple[int, datetime]]:
    """Instants at which CRS may rise, each with the highest grade that it may reach."""
    tables = index.tables
    start = index.resolved_at or index.series_start or at
    top = tables.criteria["crs.hypotension.multiple-vasopressors"].level
    untreated = tables.criteria["crs.hypotension.no-vasopressor"].level
    supported = [*_fever_onsets(index), *(run.start for run in index.history.runs)]
    supported += [row.at for row in _changes_of_device(index.devices.between(start, at))]
    supported += [row.at for row in _changes_of_flow(index.flows.between(start, at))]
    if index.first_masking is not None:
        supported.append(index.first_masking.at)
    highest_cut = max(cut.mmhg for cut in tables.pressure_cuts)
    low = [row.at for row in index.systolic_pressures.between(start, at) if row.mmhg < highest_cut]
    low += [row.at for row in index.boluses.between(start, at)] if low else []
    low += [row.at for row in index.hypotension_statements.between(start, at) if row.present]
    low += [row.start for row in index.history.pushes]
    desaturation = tables.limit("desaturation-percent")
    low += [row.at for row in index.saturations.between(start, at) if row.percent < desaturation]
    return [(top, instant) for instant in supported if start <= instant <= at] + [
        (untreated, instant) for instant in low if start <= instant <= at
    ]


def _fever_onsets(index: ChartIndex) -> list[datetime]:
    """Fevers with none in the window before them; until the window ends nothing changes."""
    window = index.tables.span("temperature")
    onsets: list[datetime] = []
    last: datetime | None = None
    for fever in index.fevers:
        if last is None or fever.at - last > window:
            onsets.append(fever.at)
        last = fever.at
    return onsets


def _changes_of_device(rows: Sequence[OxygenDeviceRow]) -> list[OxygenDeviceRow]:
    return [row for place, row in enumerate(rows) if place == 0 or row.device is not rows[place - 1].device]


def _changes_of_flow(rows: Sequence[OxygenFlowRow]) -> list[OxygenFlowRow]:
    return [
        row
        for place, row in enumerate(rows)
        if place == 0 or row.litres_per_minute != rows[place - 1].litres_per_minute
    ]


def _icans_instants(index: ChartIndex, at: datetime) -> list[tuple[int, datetime]]:
    """Instants at which ICANS may rise, each with the highest grade that it may reach."""
    tables = index.tables
    start = index.series_start or at
    top = tables.criteria["icans.consciousness.unarousable"].level
    unimpaired = tables.limit("ice-unimpaired")
    instants: list[tuple[int, datetime]] = []
    for ice in index.ice.between(start, at):
        if ice.maximum < unimpaired:
            instants.append((top if ice.minimum == 0 else _highest_of_ice(ice.minimum, tables), ice.at))
    capd_top = max(criterion.level for criterion in tables.axis("capd"))
    instants += [(capd_top, capd.at) for capd in index.capd.between(start, at) if capd.total]
    for axis, none, column in (
        (
            "consciousness",
            Consciousness.ALERT,
            ((row.level, row.at) for row in index.consciousness.between(start, at)),
        ),
        ("seizure", Seizure.NONE, ((row.finding, row.at) for row in index.seizures.between(start, at))),
        ("motor", Motor.NONE, ((row.finding, row.at) for row in index.motor.between(start, at))),
        (
            "raised-icp",
            RaisedIcp.NONE,
            ((row.finding, row.at) for row in index.raised_icp.between(start, at)),
        ),
    ):
        for finding, instant in column:
            criterion = tables.of_finding(axis, finding.value)
            if finding is not none and criterion is not None:
                instants.append((criterion.level, instant))
    instants += [(top, row.at) for row in index.arousal.between(start, at)]
    return instants


def _highest_of_ice(score: int, tables: Tables) -> int:
    return max(
        criterion.level
        for criterion in tables.axis("ice")
        if (criterion.lowest_score or 0) <= score <= (criterion.highest_score or 0)
    )
