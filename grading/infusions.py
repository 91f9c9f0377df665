"""Runs of vasoactive infusions: from administration records to the intervals in which a drug ran.

One record may be a whole infusion or one rate segment. A drug runs at *t* when *t* lies in the union of its
segments, each half-open, so that a joint of two segments is not two infusions. Records that do not show an
infusion (pushes, bags without rate or end) are kept apart.

Deliberately absent: any dose threshold. The consensus has no dose tier; 0.02 µg/kg/min is one vasopressor.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum

from grading.chart import AdministrationStatus, VasoactiveAgent, VasoactiveRow
from grading.tables import Tables

_ENDED = (AdministrationStatus.STOPPED, AdministrationStatus.ON_HOLD)
_NEVER = datetime.max.replace(tzinfo=UTC)


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

    ``open_row`` is the record without an end that it rests on. A run of no length rests on one instant at
    which the drug was charted as running or as stopped: it proves that the drug ran, for the peak of the
    episode, and never that it runs.
    """

    agent: VasoactiveAgent
    start: datetime
    end: datetime
    rows: tuple[VasoactiveRow, ...]
    open_row: VasoactiveRow | None = None

    def covers(self, at: datetime) -> bool:
        """Whether the drug runs at ``at``; a run of no length runs at no time."""
        return self.start <= at < self.end


@dataclass(frozen=True, slots=True)
class InfusionHistory:
    """All runs of all agents, and the records that show none.

    ``overdue`` spans the time in which an open record is believed no longer and nothing newer was charted of
    the drug (see the window ``open-infusion``). ``charted`` holds the times of all records of an agent.
    """

    runs: tuple[Run, ...] = ()
    pushes: tuple[VasoactiveRow, ...] = ()
    bare: tuple[VasoactiveRow, ...] = ()
    overdue: tuple[Run, ...] = ()
    charted: Mapping[VasoactiveAgent, Sequence[datetime]] = field(default_factory=dict)


def shape_of(row: VasoactiveRow, tables: Tables) -> RowShape:
    """Tell what a record shows.

    A rate of exactly 0 is off, except in a stopped record with a period: there it is the final state of an
    infusion that ran. ``completed`` without an end is an instant and shows no run. A period that ends before
    it begins is read as no period.
    """
    length = row.end - row.start if row.end is not None and row.end > row.start else None
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
    """Reduce administration records to runs."""
    by_agent: dict[VasoactiveAgent, list[VasoactiveRow]] = {}
    for row in sorted(rows, key=_in_order):
        by_agent.setdefault(row.agent, []).append(row)
    runs: list[Run] = []
    pushes: list[VasoactiveRow] = []
    bare: list[VasoactiveRow] = []
    overdue: list[Run] = []
    charted: dict[VasoactiveAgent, Sequence[datetime]] = {}
    for agent, agent_rows in by_agent.items():
        charted[agent] = [row.start for row in agent_rows]
        shaped = [(row, shape_of(row, tables)) for row in agent_rows]
        pushes += [row for row, shape in shaped if shape is RowShape.PUSH]
        bare += [row for row, shape in shaped if shape is RowShape.BARE]
        segments, late = _segments(agent, shaped, tables)
        overdue += late
        runs += _joined(segments, _stops(shaped), tables)
    return InfusionHistory(tuple(runs), tuple(pushes), tuple(bare), tuple(overdue), charted)


def _in_order(row: VasoactiveRow) -> tuple[datetime, datetime, Decimal]:
    """By start; of records with one start the longer and the faster last, so that the order read in is
    immaterial.
    """
    return row.start, row.end or row.start, row.rate or Decimal(0)


def _segments(
    agent: VasoactiveAgent, shaped: list[tuple[VasoactiveRow, RowShape]], tables: Tables
) -> tuple[list[Run], list[Run]]:
    """One run for each record that shows one; open records end at the next word on the drug."""
    words = _words(shaped)
    segments: list[Run] = []
    overdue: list[Run] = []
    for row, shape in shaped:
        if shape is RowShape.SEGMENT and row.end is not None:
            segments.append(Run(agent, row.start, row.end, (row,)))
        elif shape is RowShape.OPEN:
            limit = row.start + tables.span("open-infusion")
            later = next((word for word in words if word > row.start), None)
            if later is None or later > limit:
                overdue.append(Run(agent, limit, later or _NEVER, (row,)))
            segments.append(Run(agent, row.start, min(later or limit, limit), (row,), open_row=row))
        elif _ran_at_an_instant(row, shape) and not any(
            segment.start < row.start <= segment.end for segment in segments
        ):
            segments.append(Run(agent, row.start, row.start, (row,)))
    return segments, overdue


def _words(shaped: list[tuple[VasoactiveRow, RowShape]]) -> list[datetime]:
    """The times at which something newer is said of a drug: it began, was put off, or was stopped."""
    begun = [row.start for row, shape in shaped if shape in (RowShape.SEGMENT, RowShape.OPEN)]
    return sorted([*begun, *_stops(shaped)])


def _stops(shaped: list[tuple[VasoactiveRow, RowShape]]) -> list[datetime]:
    """The times at which a drug was put off, or a record of it was closed as stopped or on hold."""
    offs = [row.start for row, shape in shaped if shape is RowShape.OFF]
    return offs + [
        row.end
        for row, shape in shaped
        if shape is RowShape.SEGMENT and row.status in _ENDED and row.end is not None
    ]


def _ran_at_an_instant(row: VasoactiveRow, shape: RowShape) -> bool:
    """A stop with nothing before it on record, or a rate charted as given at one time: the drug did run,
    though nobody charted from when to when.
    """
    if shape is RowShape.OFF:
        return row.status in _ENDED
    return shape is RowShape.BARE and row.rate is not None


def _joined(segments: list[Run], stops: list[datetime], tables: Tables) -> list[Run]:
    """Join segments that abut, overlap or leave no more than the stated gap, unless the drug was stopped
    in it.
    """
    joined: list[Run] = []
    for segment in sorted(segments, key=lambda run: run.start):
        last = joined[-1] if joined else None
        if (
            last is None
            or segment.start > last.end + tables.span("segment-join")
            or any(last.end <= stop < segment.start for stop in stops)
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
