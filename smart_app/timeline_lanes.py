"""The lanes of the timeline: lines, bars and marks over one stretch of time, with every gap as a gap.

A line is broken where two values lie further apart than the window in which grading believes a value; the
stretch between is a :class:`Stretch` that says so. A bar is what held from an instant to another. What
grading cannot tell is a bar of its own style, never the absence of one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import Enum

from grading.assessment import GradeStep, Status, SyndromeGrade
from grading.course import SyndromeCourse
from smart_app.timeline_rows import Row


class Style(Enum):
    """How a bar is drawn; each differs by more than its colour."""

    GRADE = "grade"  # proven: filled up to the grade, with its number
    RANGE = "range"  # a bound of what is possible: hatched from the lowest to the highest, with "?"
    UNASSESSABLE = "unassessable"  # nothing can be said: crossed, no height
    RUNNING = "running"  # a drug runs
    UNCERTAIN = "uncertain"  # a drug that may run: hatched
    ROOM_AIR = "room-air"
    OXYGEN = "oxygen"


@dataclass(frozen=True, slots=True)
class Bar:
    """What held from ``start`` to ``end``.

    ``labels`` are texts to draw in it, the longest first; ``words`` say it in full. ``lowest`` and
    ``highest`` are levels of a grade. ``row`` is where the table tells it, ``None`` where it does not.
    """

    start: datetime
    end: datetime
    style: Style
    labels: tuple[str, ...]
    words: str
    row: Row | None = None
    lowest: int = 0
    highest: int = 0


@dataclass(frozen=True, slots=True)
class Stretch:
    """A span of a lane about which nothing is charted."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class LineLane:
    """Values over time with the limits that matter.

    ``runs`` are the points of the line in pieces, each of which may be joined. ``marks`` stand in the same
    lane without a value of its scale. ``unread`` says that part could not be had.
    """

    name: str
    unit: str
    bottom: Decimal
    top: Decimal
    limits: tuple[tuple[Decimal, str], ...]
    runs: tuple[tuple[Row, ...], ...]
    gaps: tuple[Stretch, ...]
    marks: tuple[Row, ...] = ()
    unread: bool = False


@dataclass(frozen=True, slots=True)
class BarLane:
    """Bars over time; ``empty`` is what stands there when there is none, ``is_grade`` gives bars a height."""

    name: str
    bars: tuple[Bar, ...]
    gaps: tuple[Stretch, ...] = ()
    marks: tuple[Row, ...] = ()
    empty: str = "none charted"
    is_grade: bool = False
    unread: bool = False


@dataclass(frozen=True, slots=True)
class MarkLane:
    """Marks alone."""

    name: str
    marks: tuple[Row, ...]
    empty: str = "none charted"
    unread: bool = False


Lane = LineLane | BarLane | MarkLane


def split_line(
    rows: Sequence[Row], believed: timedelta, start: datetime, end: datetime, earlier: datetime | None
) -> tuple[tuple[tuple[Row, ...], ...], tuple[Stretch, ...]]:
    """The pieces of a line, and the stretches between, before and after without a value.

    ``believed`` is how long a value is believed, ``earlier`` the time of the last value before ``start``.
    """
    runs: list[tuple[Row, ...]] = []
    gaps: list[Stretch] = []
    piece: list[Row] = []
    last = earlier
    for row in rows:
        if last is None or row.at - last > believed:
            if row.at > start:
                gaps.append(Stretch(start if last is None else max(last, start), row.at))
            if piece:
                runs.append(tuple(piece))
            piece = []
        piece.append(row)
        last = row.at
    if piece:
        runs.append(tuple(piece))
    if last is None or end - last > believed:
        gaps.append(Stretch(start if last is None else max(last, start), end))
    return tuple(runs), tuple(gap for gap in gaps if gap.end > gap.start)


def grade_bars(
    course: SyndromeCourse, rows: Iterable[Row], start: datetime, end: datetime
) -> tuple[Bar, ...]:
    """The grade over time as bars. ``rows`` are those of the steps, by their time."""
    by_time = {row.at: row for row in rows}
    bars = []
    steps = course.steps
    for place, step in enumerate(steps):
        until = steps[place + 1].at if place + 1 < len(steps) else end
        begun = max(step.at, start)
        if until < start or (until == begun and place + 1 < len(steps)):
            continue
        bars.append(_grade_bar(step, begun, until, by_time.get(step.at)))
    return tuple(bars)


def _grade_bar(step: GradeStep, start: datetime, end: datetime, row: Row | None) -> Bar:
    words = describe_step(step)
    if step.status is Status.NOT_ASSESSABLE:
        return Bar(start, end, Style.UNASSESSABLE, (words, "n/a", "×"), words, row)
    if step.status is Status.INDETERMINATE:
        label = f"{step.lowest}–{step.highest}?" if step.lowest != step.highest else f"{step.lowest}?"
        return Bar(start, end, Style.RANGE, (label, "?"), words, row, step.lowest, step.highest)
    return Bar(start, end, Style.GRADE, (str(step.lowest),), words, row, step.lowest, step.lowest)


def describe_step(step: GradeStep | SyndromeGrade) -> str:
    """A step, or a grade, in words: ``grade 2``, ``not decidable: possible 0 to 3``, ``not assessable``."""
    if step.status is Status.NOT_ASSESSABLE:
        return "not assessable"
    if step.status is Status.INDETERMINATE:
        return f"not decidable: possible {step.lowest} to {step.highest}"
    return f"grade {step.lowest}"
