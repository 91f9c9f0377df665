"""The timeline as SVG: a plot that scrolls, and the names of its lanes beside it.

Two drawings of one height: the names stay while the plot scrolls on a narrow screen. Nothing has an inline
style: classes are coloured by ``course.css``. What can be focused lies outside of the part that is an image
to a screen reader, as an image has no links in it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

from markupsafe import Markup

from smart_app.timeline import Timeline
from smart_app.timeline_bars import LEVEL, draw_bar, draw_step
from smart_app.timeline_lanes import BarLane, Lane, LineLane, MarkLane, Stretch
from smart_app.timeline_marks import (
    cut_source,
    define_shapes,
    describe,
    escape,
    link,
    mark,
    rings,
    short_link,
    text_width,
    tip,
    use_shape,
)
from smart_app.timeline_rows import Kind, Row, write_clock, write_date, write_span
from smart_app.timeline_scale import (
    LEFT,
    PLOT_WIDTH,
    RIGHT,
    TimeScale,
    ValueScale,
    notable_points,
    thin_places,
)

NAMES_WIDTH = 132
_HEADER = 46
_FOOTER = 24
# Clock labels further right would run into that of now.
# px that "Day 12" takes, and with "19 Nov" beside it.
_DAY_ALONE, _DAY_AND_DATE = 54, 112
_LAST_CLOCK = 772
_BETWEEN = 8
_NAMED = frozenset({Kind.ANTICYTOKINE, Kind.STEROID, Kind.ANTIPYRETIC, Kind.VASOACTIVE})
_TALL = frozenset({"Temperature", "Systolic"})
# Points closer than this are drawn as a line alone, their extremes apart.
_DOT_COLUMN = 11
_WIDE_DOT_COLUMN = 16
_NOT_CHARTED = "not charted"
_UNREAD = "not all read"


@dataclass(frozen=True, slots=True)
class Drawing:
    """The two SVG elements, to be laid side by side; both are ``height`` px high."""

    names: Markup
    plot: Markup
    height: int


LEGEND = (
    ("cart", "CAR-T infusion"),
    ("dose-a", "anticytokine dose"),
    ("dose-s", "steroid dose"),
    ("fever", "antipyretic: may mask fever"),
    ("fluid", "fluid bolus"),
    ("push", "vasoactive drug, no infusion"),
    ("flag", "attribution stated or withdrawn"),
    ("said", "hypotension as stated"),
    ("found", "finding"),
    ("none", "charted as absent"),
    ("unread", "not readable"),
)


def draw_timeline(timeline: Timeline) -> Drawing:
    """Draw a timeline."""
    return _Drawer(timeline).draw()


def height_of(lane: Lane) -> int:
    """How high a lane is, in px."""
    if isinstance(lane, LineLane):
        return 82 if lane.name in _TALL else 58
    if isinstance(lane, BarLane):
        return 16 + 5 * LEVEL + 3 if lane.is_grade else 24
    return 24


class _Drawer:
    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self._scale = TimeScale(timeline.start, timeline.end)
        self._fine = self._scale.decimals is not None
        self._places: dict[str, float] = {}
        self._clocks: dict[str, str] = {}
        self._static: list[str] = []
        self._links: list[str] = []
        self._names: list[str] = []

    def draw(self) -> Drawing:
        y = _HEADER
        for lane in self._timeline.lanes:
            height = height_of(lane)
            self._draw_lane(lane, y, height)
            y += height + _BETWEEN
        total = y + _FOOTER
        axis = "".join(self._axis(total))
        title, desc = self._words()
        plot = (
            f'<svg class="plot" viewBox="0 0 {PLOT_WIDTH} {total}" role="group" aria-labelledby="tl-title">'
            f"{define_shapes()}"
            f'<g role="img" aria-labelledby="tl-title tl-desc"><title id="tl-title">{escape(title)}</title>'
            f'<desc id="tl-desc">{escape(desc)}</desc>{axis}{"".join(self._static)}</g>'
            f"{''.join(self._links)}</svg>"
        )
        names = (
            f'<svg class="names" viewBox="0 0 {NAMES_WIDTH} {total}" aria-hidden="true">'
            f"{''.join(self._names)}</svg>"
        )
        return Drawing(Markup(names), Markup(plot), total)  # noqa: S704 - escaped where it was written

    def _words(self) -> tuple[str, str]:
        shown = write_span(self._timeline.start, self._timeline.end, self._timeline.zone)
        names = ", ".join(lane.name for lane in self._timeline.lanes)
        return (
            f"Timeline, {shown}",
            f"Lanes from above: {names}. Every value stands in the tables below.",
        )

    def _axis(self, total: int) -> list[str]:
        timeline, scale = self._timeline, self._scale
        drawn = []
        clocks = list(scale.clocks(timeline.zone))
        days = list(scale.days(timeline.infusion_at, timeline.zone))
        ends = [*(scale.x(begun) for begun, _, _ in days[1:]), RIGHT]
        for (begun, number, labelled), end in zip(days, ends, strict=True):
            x = scale.x(begun)
            if begun > timeline.start:
                drawn.append(f'<path class="midnight" d="M{x:g} 4V{total - _FOOTER}"/>')
            # Of the first day the plot may show an hour or two: no room for its number, or for that alone.
            cut = end - x if begun == timeline.start else PLOT_WIDTH
            if labelled and x < RIGHT - 50 and cut >= _DAY_ALONE:
                day = "" if number is None else f"Day {number}"
                drawn.append(f'<text class="day" x="{x + 4:g}" y="16">{day}</text>')
                # Days too narrow for clock times are too narrow for both: the date takes their line.
                beside, line = (56, 16) if day and clocks else (0, 32 if day else 16)
                if not beside or cut >= _DAY_AND_DATE:
                    dated = write_date(begun, timeline.zone)
                    drawn.append(f'<text class="date" x="{x + 4 + beside:g}" y="{line}">{dated}</text>')
        for instant in clocks:
            x, clock = scale.x(instant), f"{instant.astimezone(timeline.zone):%H:%M}"
            drawn.append(f'<path class="tick" d="M{x:g} {_HEADER - 8}V{total - _FOOTER}"/>')
            if x < _LAST_CLOCK:
                for y in (_HEADER - 12, total - 8):
                    drawn.append(f'<text class="clock" x="{x:g}" y="{y}" text-anchor="middle">{clock}</text>')
        now = f"{timeline.end.astimezone(timeline.zone):%H:%M}"
        drawn.append(f'<path class="now" d="M{RIGHT} {_HEADER - 8}V{total - _FOOTER}"/>')
        for y in (_HEADER - 12, total - 8):
            drawn.append(f'<text class="now" x="{PLOT_WIDTH - 2}" y="{y}" text-anchor="end">now {now}</text>')
        return drawn

    def _draw_lane(self, lane: Lane, y: int, height: int) -> None:
        words = "".join(self._name(lane, y))
        self._names.append(f'<path class="rule" d="M0 {y - 4}H{NAMES_WIDTH}"/>{words}')
        self._static.append(f'<path class="rule" d="M0 {y - 4}H{PLOT_WIDTH}"/>')
        if isinstance(lane, LineLane):
            self._draw_line(lane, y, height)
        elif isinstance(lane, BarLane):
            self._draw_bars(lane, y, height)
        else:
            self._draw_marks(lane.marks, y + height / 2, y)
            self._say_empty(lane, y + height / 2, bool(lane.marks))

    @staticmethod
    def _name(lane: Lane, y: int) -> list[str]:
        """The name of a lane, and below it its unit or what else there is to say of it."""
        name, _, beside = lane.name.partition(" (")
        below = lane.unit if isinstance(lane, LineLane) else f"({beside}" if beside else ""
        tall = isinstance(lane, LineLane) or getattr(lane, "is_grade", False)
        first = y + 15 if tall or not (below or lane.unread) else y + 10
        told = [f'<text class="lane" x="2" y="{first}">{escape(name)}</text>']
        if below:
            told.append(f'<text class="unit" x="2" y="{first + (16 if tall else 13)}">{escape(below)}</text>')
        if lane.unread:
            place = f'x="{2 if not below or tall else 66}" y="{first + (32 if below and tall else 13)}"'
            told.append(f'<text class="unread" {place}>{_UNREAD}</text>')
        return told

    def _say_empty(self, lane: BarLane | MarkLane, y: float, drawn: bool) -> None:
        if drawn:
            return
        text = f"{lane.empty}, but {_UNREAD}" if lane.unread else lane.empty
        self._static.append(
            f'<text class="empty" x="{RIGHT - 6}" y="{y + 4:g}" text-anchor="end">{escape(text)}</text>'
        )

    def _draw_line(self, lane: LineLane, y: int, height: int) -> None:
        foot = 18 if lane.marks else 4
        values = ValueScale(lane.bottom, lane.top, y + height - foot, y + 8, self._scale.decimals)
        limits = [limit for limit, _ in lane.limits]
        for limit, label in lane.limits:
            at = values.y(limit)
            self._static.append(f'<path class="limit" d="M{LEFT} {at:g}H{RIGHT}"/>')
            self._names.append(_scale_text(label, at, "limit"))
        for value in (lane.bottom, lane.top):
            if all(abs(values.y(value) - values.y(limit)) > 11 for limit in limits):
                self._names.append(_scale_text(f"{value:f}", values.y(value), "scale"))
        self._draw_gaps(lane.gaps, y, height)
        notable = notable_points([row for run in lane.runs for row in run], limits)
        for run in lane.runs:
            self._draw_run(run, values, limits, notable, y)
        self._draw_marks(lane.marks, y + height - 8, y)

    def _draw_run(
        self, run: Sequence[Row], values: ValueScale, limits: list[Decimal], notable: set[str], lane_y: int
    ) -> None:
        numbers = [Decimal() if row.number is None else row.number for row in run]
        places = [self._x(row) for row in run]
        points = [(x, values.y(number)) for x, number in zip(places, numbers, strict=True)]
        drawn = thin_places(places, numbers, 1, limits)
        for piece in _exact_pieces(run, drawn):
            self._static.append(_polyline([points[place] for place in piece]))
        column = _DOT_COLUMN if self._fine else _WIDE_DOT_COLUMN
        for place in thin_places(places, numbers, column, limits):
            row, (x, y) = run[place], points[place]
            if row.number is not None:
                self._draw_dot(row, x, y, values, row.key in notable, lane_y)

    def _draw_dot(self, row: Row, x: float, y: float, values: ValueScale, notable: bool, lane_y: int) -> None:
        drawn = f'<circle cx="{x:g}" cy="{y:g}" r="3"/>'
        if row.lowest is not None and row.lowest != row.number:
            foot = values.y(row.lowest)
            drawn = f'<path class="span" d="M{x:g} {y:g}V{foot:g}M{x - 4:g} {y:g}h8M{x - 4:g} {foot:g}h8"/>'
        if not notable and row.label is None:
            self._links.append(short_link(row, self._when(row), drawn))
            return
        first, second = describe(row, self._when(row))
        drawn += rings(row, x, y)
        if row.label is not None:
            beside = y + 16 if y < lane_y + 26 else y - 7
            drawn += f'<text x="{x:g}" y="{beside:g}" text-anchor="middle">{escape(row.label)}</text>'
        self._links.append(link(row, first, second, drawn + tip(first, second, x, lane_y), "mark dot"))

    def _draw_gaps(self, gaps: Sequence[Stretch], y: int, height: int) -> None:
        for gap in gaps:
            x, end = self._scale.x(gap.start), self._scale.x(gap.end)
            self._static.append(
                f'<rect class="gap" x="{x:g}" y="{y}" width="{end - x:.1f}" height="{height}"/>'
            )
            if end - x > text_width(_NOT_CHARTED) + 6:
                middle = (x + end) / 2
                self._static.append(
                    f'<text class="empty" x="{middle:g}" y="{y + height / 2 + 4:g}" text-anchor="middle">'
                    f"{_NOT_CHARTED}</text>"
                )

    def _draw_bars(self, lane: BarLane, y: int, height: int) -> None:
        self._draw_gaps(lane.gaps, y, height)
        for bar in lane.bars:
            x, end = self._scale.x(bar.start), self._scale.x(bar.end)
            width = max(end - x, 1)
            drawn = (
                draw_step(bar, x, width, y, is_last=bar is lane.bars[-1])
                if lane.is_grade
                else draw_bar(bar, x, width, y)
            )
            classes = f"bar {bar.style.value} g{bar.highest}"
            if bar.row is None:
                title = f"{lane.name}: {bar.words}"
                self._static.append(f'<g class="{classes}"><title>{escape(title)}</title>{drawn}</g>')
                continue
            when = write_span(bar.start, bar.end, self._timeline.zone)
            first = f"{lane.name}: {bar.words}"
            second = "; ".join(part for part in (when, cut_source(bar.row), *bar.row.remarks) if part)
            drawn += tip(first, second, x + width / 2, y)
            self._links.append(link(bar.row, first, second, drawn, classes))
        self._draw_marks(lane.marks, y + height / 2, y)
        self._say_empty(lane, y + height / 2, bool(lane.bars or lane.marks or lane.gaps))

    def _draw_marks(self, rows: Sequence[Row], y: float, lane_y: float) -> None:
        ordered = sorted(rows, key=lambda row: row.at)
        for place, row in enumerate(ordered):
            x, when = self._x(row), self._when(row)
            if not (self._fine or row.found or row.attributed or row.highlighted):
                # Of weeks there are many findings charted as absent.
                self._links.append(short_link(row, when, use_shape(row, x, y)))
                continue
            room = (self._x(ordered[place + 1]) - 9 if place + 1 < len(ordered) else PLOT_WIDTH) - x
            label = next((each for each in _labels(row) if text_width(each) + 14 <= room), None)
            self._links.append(mark(row, when, x, y, lane_y, label))

    def _x(self, row: Row) -> float:
        """The place of a row; those of one key are of one instant."""
        x = self._places.get(row.key)
        if x is None:
            x = self._places[row.key] = self._scale.x(row.at)
        return x

    def _when(self, row: Row) -> str:
        if row.until:
            return write_span(row.at, row.until, self._timeline.zone)
        clock = self._clocks.get(row.key)
        if clock is None:
            clock = self._clocks[row.key] = write_clock(row.at, self._timeline.zone)
        return clock


def _exact_pieces(rows: Sequence[Row], places: Sequence[int]) -> Iterator[list[int]]:
    """Points to be joined: a line does not run through a range, of which no value is known."""
    piece: list[int] = []
    for place in places:
        row = rows[place]
        if row.number is not None and row.lowest in (None, row.number):
            piece.append(place)
            continue
        if len(piece) > 1:
            yield piece
        piece = []
    if len(piece) > 1:
        yield piece


def _polyline(points: Sequence[tuple[float, float]]) -> str:
    """A line through points: between whole pixels by steps, which is less text."""
    x, y = points[0]
    if isinstance(x, int):
        steps = " ".join(f"{b[0] - a[0]} {b[1] - a[1]}" for a, b in pairwise(points))
        return f'<path class="line" d="M{x} {y}l{steps}"/>'
    path = " ".join(f"{x:g} {y:g}" for x, y in points)
    return f'<path class="line" d="M{path}"/>'


def _labels(row: Row) -> Sequence[str]:
    """Texts beside a mark, the longest first: a dose with its drug, else alone."""
    if row.label is None or row.kind is Kind.UNREADABLE:
        return ()
    return (f"{row.what} {row.label}", row.label) if row.kind in _NAMED else (row.label,)


def _scale_text(text: str, y: float, kind: str) -> str:
    return f'<text class="{kind}" x="{NAMES_WIDTH - 3}" y="{y + 4:g}" text-anchor="end">{escape(text)}</text>'
