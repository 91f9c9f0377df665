"""Early and late ICAHT (neutropenia after CAR-T) from the neutrophil counts that were charted.

Days are calendar dates where the infusion was given. Counts are often days apart, so the days of neutropenia
are those of a *run*: low counts with none higher between them, each at most a few days after the one before
(``neutropenia-bridge``). A run lasts from its first to its last low count, both dates included, and never
longer than what is charted. Deliberately absent: growth factors, transfusions, the other cell lines.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import groupby, pairwise

from grading.chart import Lab, LabValue
from management.lab_values import day_of, exact, horizon_of, newest_between, values_between
from management.severity_table import IcahtRow, Number, SeverityTable, shipped_severity
from management.situation import NOT_MET, Reasons, Situation

_MOST_COUNTS = 8


@dataclass(frozen=True, slots=True)
class Count:
    """A neutrophil count per µL on a day after the infusion."""

    day: int
    value: Decimal
    at: datetime


@dataclass(frozen=True, slots=True)
class _Run:
    """Low counts that belong together; ``first`` and ``last`` are days."""

    first: int
    last: int

    @property
    def days(self) -> int:
        return self.last - self.first + 1


def early_cytopenia(situation: Situation) -> Reasons:
    """Early ICAHT of any grade while the newest count is low, up to its last day."""
    table, day = shipped_severity(), situation.evidence.day
    if day is None or day > table.number(Number.EARLY_UNTIL) or not latest_count_is_low(situation):
        return NOT_MET
    return _grade_early(_counts_of(situation), day, table)


def late_cytopenia(situation: Situation) -> Reasons:
    """Late ICAHT, where patients are still monitored on its first day."""
    infusion, day = situation.evidence.infusion, situation.evidence.day
    if infusion is None or infusion.at is None or day is None:
        return NOT_MET
    if day <= shipped_severity().number(Number.EARLY_UNTIL):
        return NOT_MET
    return late_icaht(situation.chart.labs, infusion.at, situation.at)


def late_icaht(labs: Sequence[LabValue], infusion_at: datetime, at: datetime) -> Reasons:
    """Late ICAHT by the newest counts of the two latest days that have one; empty where it is not met.

    Both lie after early ICAHT and are not too old (``late-counts-within``).
    """
    table = shipped_severity()
    oldest = at - table.span(Number.LATE_COUNTS_WITHIN)
    counts = [
        count
        for count in counts_between(labs, max(oldest, infusion_at), at, infusion_at)
        if count.day > table.number(Number.EARLY_UNTIL)
    ]
    latest = [list(of_day)[-1] for _, of_day in groupby(counts, key=lambda count: count.day)][-2:]
    if len(latest) < 2:
        return NOT_MET
    highest = max(count.value for count in latest)
    met = [row for row in table.late_icaht if highest <= row.up_to]
    if not met:
        return NOT_MET
    worst = max(met, key=lambda row: row.grade)
    return (f"Late ICAHT grade {worst.grade}: two counts at or below {exact(worst.up_to)}/µL", _show(latest))


def counts_between(
    labs: Sequence[LabValue], start: datetime, at: datetime, infusion_at: datetime
) -> list[Count]:
    """Neutrophil counts from ``start`` up to now, oldest first."""
    values = values_between(labs, start, horizon_of(at), (Lab.ANC,))[Lab.ANC]
    return [Count(day_of(value.at, infusion_at), value.value, value.at) for value in values]


def uncharted_days(situation: Situation) -> tuple[str, ...]:
    """Spans within a row of low counts that are too long to be counted as low."""
    counts = _counts_of(situation)
    table = shipped_severity()
    bridge, cut = table.number(Number.BRIDGE), max(row.up_to for row in table.early_icaht)
    return tuple(
        f"no neutrophil count between day {before.day} and day {after.day}: not counted as low"
        for before, after in pairwise(counts)
        if before.value <= cut >= after.value and after.day - before.day > bridge
    )


def latest_count_is_low(situation: Situation) -> bool:
    """Whether the newest count since the infusion, however old, is one of early ICAHT."""
    infusion = situation.evidence.infusion
    if infusion is None or infusion.at is None:
        return False
    newest = newest_between(situation.chart.labs, infusion.at, horizon_of(situation.at), Lab.ANC)
    return newest is not None and newest.value <= max(row.up_to for row in shipped_severity().early_icaht)


def _counts_of(situation: Situation) -> list[Count]:
    infusion = situation.evidence.infusion
    if infusion is None or infusion.at is None:
        return []
    return counts_between(situation.chart.labs, infusion.at, situation.at, infusion.at)


def _grade_early(counts: Sequence[Count], day: int, table: SeverityTable) -> Reasons:
    runs = {cut: _longest_run(counts, cut, table) for cut in {row.up_to for row in table.early_icaht}}
    met = [
        (row, run)
        for row in table.early_icaht
        if (run := runs[row.up_to]) is not None and _is_met(row, run, counts, day, table)
    ]
    worst, run = max(met, key=lambda one: one[0].grade)
    how_long = (
        f"for {run.days} day{'s' if run.days > 1 else ''} (day {run.first} to {run.last})"
        if worst.days_from is not None
        else "on every count from the infusion on"
    )
    low = [count for count in counts if run.first <= count.day <= run.last and count.value <= worst.up_to]
    least = "at least " if _days_may_be_missing(counts, worst.up_to, table) else ""
    grade = f"Early ICAHT {least}grade {worst.grade} by the counts charted"
    return (f"{grade}: {exact(worst.up_to)}/µL or less {how_long}", _show(low))


def _days_may_be_missing(counts: Sequence[Count], cut: Decimal, table: SeverityTable) -> bool:
    """Whether low counts lie so far apart that the days between were not counted as low."""
    bridge = table.number(Number.BRIDGE)
    return any(
        before.value <= cut >= after.value and after.day - before.day > bridge
        for before, after in pairwise(counts)
    )


def _is_met(row: IcahtRow, run: _Run, counts: Sequence[Count], day: int, table: SeverityTable) -> bool:
    if row.days_from is not None:
        return run.days >= row.days_from
    # "Never above" is said on the last day alone, of one run that reaches from the first days to now.
    bridge = table.number(Number.BRIDGE)
    whole = (
        run.first <= bridge and day - run.last <= bridge and all(count.value <= row.up_to for count in counts)
    )
    return whole and day >= table.number(Number.EARLY_UNTIL)


def _longest_run(counts: Sequence[Count], cut: Decimal, table: SeverityTable) -> _Run | None:
    """The longest run of counts at or below the cut, the newest of equals."""
    bridge, runs = table.number(Number.BRIDGE), list[_Run]()
    before: Count | None = None
    for count in counts:
        if count.value <= cut:
            joins = before is not None and before.value <= cut and count.day - before.day <= bridge
            first = runs.pop().first if joins else count.day
            runs.append(_Run(first, count.day))
        before = count
    return max(reversed(runs), key=lambda run: run.days, default=None)


def _show(counts: Sequence[Count]) -> str:
    """The lowest count of each day, the newest of many days."""
    lowest: dict[int, Decimal] = {}
    for count in counts:
        lowest[count.day] = min(count.value, lowest.get(count.day, count.value))
    shown = list(lowest.items())[-_MOST_COUNTS:]
    written = ", ".join(f"{exact(value)} (day {day})" for day, value in shown)
    earlier = len(lowest) - len(shown)
    return f"Neutrophils per µL: {written}" + (f"; and {earlier} earlier" if earlier else "")
