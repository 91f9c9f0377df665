"""Runs of vasoactive infusions: from administration records to the intervals in which a drug ran.

One record may be a whole infusion or one rate segment. A drug runs at *t* when *t* lies in the union of its
segments, each half-open, so that a joint of two segments is not two infusions. Records that do not show an
infusion (pushes, bags without rate or end) are kept apart.

Deliberately absent: any dose threshold. The consensus has no dose tier; 0.02 µg/kg/min is one vasopressor.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from grading.chart import AdministrationStatus, VasoactiveAgent, VasoactiveRow
from grading.tables import Tables

_ENDED = (AdministrationStatus.STOPPED, AdministrationStatus.ON_HOLD)


class RowShape(Enum):
    """What one administration record shows."""

    SEGMENT = "segment"  # ran from start to end
    OPEN = "open"  # runs from start, no end known
    OFF = "off"  # the drug is off from start on
    PUSH = "push"  # a dose at once: hypotension, but no infusion
    BARE = "bare"  # the drug was there; whether it ran is not told


@dataclass(frozen=True, slots=True)
class Run:
    """An uninterrupted run of one agent, half-open.

    ``open_row`` is the record without an end that it rests on.
    """

    agent: VasoactiveAgent
    start: datetime
    end: datetime
    rows: tuple[VasoactiveRow, ...]
    open_row: VasoactiveRow | None = None

    def covers(self, at: datetime) -> bool:
        """Whether the drug runs at ``at`` (a run of no length covers its own start)."""
        return self.start <= at < self.end or at == self.start


@dataclass(frozen=True, slots=True)
class InfusionHistory:
    """All runs of all agents, and the records that show none."""

    runs: tuple[Run, ...] = ()
    pushes: tuple[VasoactiveRow, ...] = ()
    bare: tuple[VasoactiveRow, ...] = ()
    overdue: tuple[VasoactiveRow, ...] = ()  # open records believed no longer (see the window open-infusion)


def shape_of(row: VasoactiveRow, tables: Tables) -> RowShape:
    """Tell what a record shows.

    A rate of exactly 0 is off, except in a stopped record with a period: there it is the final state of an
    infusion that ran. ``completed`` without an end is an instant and shows no run.
    """
    length = row.end - row.start if row.end is not None else None
    instantaneous = length is None or length <= tables.span("push")
    running = row.status is AdministrationStatus.IN_PROGRESS
    if row.status in _ENDED and length is None:
        return RowShape.OFF
    if row.rate == 0 and not (row.status in _ENDED and length is not None):
        return RowShape.OFF
    if row.rate is None and row.has_dose and instantaneous and not running:
        return RowShape.PUSH
    bare = row.rate is None and not row.has_dose and row.intravenous is None
    if bare and tables.agents[row.agent].bare_is_ambiguous:
        return RowShape.BARE
    if length is not None:
        return RowShape.SEGMENT
    return RowShape.OPEN if running else RowShape.BARE


def read_history(rows: Iterable[VasoactiveRow], tables: Tables) -> InfusionHistory:
    """Reduce administration records to runs. ``rows`` are sorted by start."""
    by_agent: dict[VasoactiveAgent, list[VasoactiveRow]] = {}
    for row in rows:
        by_agent.setdefault(row.agent, []).append(row)
    runs: list[Run] = []
    pushes: list[VasoactiveRow] = []
    bare: list[VasoactiveRow] = []
    overdue: list[VasoactiveRow] = []
    for agent, agent_rows in by_agent.items():
        shaped = [(row, shape_of(row, tables)) for row in agent_rows]
        pushes += [row for row, shape in shaped if shape is RowShape.PUSH]
        bare += [row for row, shape in shaped if shape is RowShape.BARE]
        segments, late = _segments(agent, shaped, tables)
        overdue += late
        runs += _joined(segments, [row.start for row, shape in shaped if shape is RowShape.OFF], tables)
    return InfusionHistory(tuple(runs), tuple(pushes), tuple(bare), tuple(overdue))


def _segments(
    agent: VasoactiveAgent, shaped: list[tuple[VasoactiveRow, RowShape]], tables: Tables
) -> tuple[list[Run], list[VasoactiveRow]]:
    """One run for each record that shows one; open records end at the next word on the drug."""
    words = [row.start for row, shape in shaped if shape in (RowShape.SEGMENT, RowShape.OPEN, RowShape.OFF)]
    segments: list[Run] = []
    overdue: list[VasoactiveRow] = []
    for row, shape in shaped:
        if shape is RowShape.SEGMENT and row.end is not None:
            segments.append(Run(agent, row.start, row.end, (row,)))
        elif shape is RowShape.OPEN:
            limit = row.start + tables.span("open-infusion")
            later = min((start for start in words if start > row.start), default=limit)
            if later >= limit:
                overdue.append(row)
            segments.append(Run(agent, row.start, min(later, limit), (row,), open_row=row))
        elif (
            shape is RowShape.OFF
            and row.status in _ENDED
            and not any(segment.start < row.start <= segment.end for segment in segments)
        ):
            # A stop with nothing before it on record: the drug did run, at a time nobody charted.
            segments.append(Run(agent, row.start, row.start, (row,)))
    return segments, overdue


def _joined(segments: list[Run], offs: list[datetime], tables: Tables) -> list[Run]:
    """Join segments that abut, overlap or leave no more than the stated gap, unless the drug was put off
    in it.
    """
    joined: list[Run] = []
    for segment in sorted(segments, key=lambda run: run.start):
        last = joined[-1] if joined else None
        if (
            last is None
            or segment.start > last.end + tables.span("segment-join")
            or any(last.end <= off < segment.start for off in offs)
        ):
            joined.append(segment)
            continue
        later_end = segment.end >= last.end
        joined[-1] = Run(
            last.agent,
            last.start,
            max(last.end, segment.end),
            (*last.rows, *segment.rows),
            open_row=segment.open_row if later_end else last.open_row,
        )
    return joined
