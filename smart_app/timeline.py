"""The timeline: the course of one patient over a stretch of time, lane under lane, free of any drawing.

Made of the chart, read by the same index as grading, and of the course of grades. Days count from the
infusion by calendar date in the infusion's own offset; clock times are of the ward's zone.
"""

from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta, tzinfo
from enum import Enum

from grading.chart import Chart
from grading.chart_index import ChartIndex
from grading.course import PatientCourse, SyndromeCourse
from grading.tables import shipped_tables
from smart_app.timeline_events import (
    add_doses,
    add_findings,
    add_scores,
    add_statements,
    add_unreadable,
)
from smart_app.timeline_lanes import BarLane, Lane, MarkLane, describe_step, grade_bars
from smart_app.timeline_plan import plan_lanes
from smart_app.timeline_rows import VITALS, Kind, Row, RowBook
from smart_app.timeline_scale import FINE
from smart_app.timeline_vitals import add_circulation, add_oxygen, add_vitals

_SHORTEST = timedelta(hours=1)
_LONGEST_WITHOUT_COURSE = timedelta(days=14)


class Window(Enum):
    """How far back the timeline shows."""

    DAY = "24h"
    THREE_DAYS = "72h"
    WEEK = "7d"
    ALL = "all"

    @property
    def span(self) -> timedelta | None:
        """Its length; ``None`` for all since the infusion."""
        return _SPANS[self]


_SPANS = {
    Window.DAY: timedelta(hours=24),
    Window.THREE_DAYS: timedelta(hours=72),
    Window.WEEK: timedelta(days=7),
    Window.ALL: None,
}


@dataclass(frozen=True, slots=True)
class Timeline:
    """What is drawn and told of ``start`` to ``end`` (now).

    ``infusion_at`` is the infusion from which days count, ``None`` where it has no date. ``rows`` are all
    rows of the stretch, in no order.
    """

    window: Window
    start: datetime
    end: datetime
    zone: tzinfo
    infusion_at: datetime | None
    lanes: tuple[Lane, ...]
    rows: tuple[Row, ...]

    @property
    def is_wide(self) -> bool:
        """Whether it is longer than what is drawn and told in all detail."""
        return self.end - self.start > FINE

    def of_day(self, day: date) -> "Timeline":
        """The same with the rows of one day of the ward alone: what began on it, or lasted into it."""
        rows = []
        for row in self.rows:
            begun = row.at.astimezone(self.zone).date()
            if begun <= day <= (begun if row.until is None else row.until.astimezone(self.zone).date()):
                rows.append(row)
        return replace(self, rows=tuple(rows))

    @property
    def vitals(self) -> list[Row]:
        """Vital signs, as they were added."""
        return [row for row in self.rows if row.kind in VITALS]

    @property
    def events(self) -> list[Row]:
        """All else, newest first."""
        events = [row for row in self.rows if row.kind not in VITALS]
        return sorted(events, key=lambda row: row.at, reverse=True)


def draw_up_timeline(
    chart: Chart,
    course: PatientCourse | None,
    at: datetime,
    zone: tzinfo,
    window: Window = Window.THREE_DAYS,
    highlight: str | None = None,
) -> Timeline:
    """The timeline of ``chart`` up to ``at`` (aware). Without a course there are no bands of grades."""
    index = ChartIndex(chart, at, shipped_tables())
    infusion_at = index.infusion.at if index.infusion is not None else None
    start = _start(window, at, course)
    book = RowBook(highlight)
    add_vitals(book, index, start)
    add_oxygen(book, index, start)
    add_circulation(book, index, start)
    add_scores(book, index, start)
    add_findings(book, index, start)
    add_doses(book, index, start)
    add_statements(book, index, start)
    add_unreadable(book, chart.gaps, start, index.horizon)
    infused = tuple(book.of(Kind.INFUSION))
    lanes: list[Lane] = [MarkLane("CAR-T", infused)] if infused else []
    if course is not None:
        lanes += [
            _grade_lane("CRS", Kind.CRS, course.crs, book, start, at),
            _grade_lane("ICANS", Kind.ICANS, course.icans, book, start, at),
        ]
    lanes += plan_lanes(index, book, start, at)
    return Timeline(window, start, at, zone, infusion_at, tuple(lanes), tuple(book.rows))


def _start(window: Window, at: datetime, course: PatientCourse | None) -> datetime:
    """The window, but not before the infusion's day; an hour at least."""
    span = window.span or _LONGEST_WITHOUT_COURSE
    if course is None:
        return at - span
    begun = course.started_at
    infusion_day = datetime.combine(begun.date(), time(), begun.tzinfo)
    start = infusion_day if window.span is None else max(at - span, infusion_day)
    return min(start, at - _SHORTEST)


def _grade_lane(
    syndrome: str, kind: Kind, course: SyndromeCourse, book: RowBook, start: datetime, at: datetime
) -> BarLane:
    criteria = shipped_tables().criteria
    rows = []
    for place, step in enumerate(course.steps):
        until = course.steps[place + 1].at if place + 1 < len(course.steps) else at
        if until < start:
            continue
        met = tuple(criteria[name].wording for name in step.criteria if name in criteria)
        rows.append(book.add(kind, step.at, syndrome, describe_step(step), None, remarks=met))
    return BarLane(syndrome, grade_bars(course, rows, start, at), is_grade=True, empty="not graded")
