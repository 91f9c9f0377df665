"""From times and values to places on the drawing, and which points of a line must be drawn."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from itertools import pairwise

from smart_app.timeline_rows import Row

PLOT_WIDTH = 860
LEFT = 20
RIGHT = 840
# A label of a clock time and of a day need so much room.
_ROOM_FOR_CLOCK = 56
_ROOM_FOR_DAY = 76
_CLOCK_STEPS = (1, 2, 3, 6, 12)
# Longer stretches are drawn in less detail, and their tables leave the sources to the pages of the days.
FINE = timedelta(hours=72)


class TimeScale:
    """Instants to x: ``start`` lies at :data:`LEFT`, ``end`` at :data:`RIGHT`, both in px."""

    def __init__(self, start: datetime, end: datetime) -> None:
        self.start = start
        self.end = end
        self._zero = start.timestamp()
        self._pixels_a_second = (RIGHT - LEFT) / (end.timestamp() - self._zero)
        # A day may be drawn to a tenth of a pixel; where weeks are, that is more text and nothing to be seen.
        self.decimals = None if end - start > FINE else 1

    def x(self, at: datetime) -> float:
        """The place of an instant, kept inside the plot."""
        place = LEFT + (at.timestamp() - self._zero) * self._pixels_a_second
        return round(LEFT if place < LEFT else RIGHT if place > RIGHT else place, self.decimals)

    def width_of(self, span: timedelta) -> float:
        """How wide a span of time is."""
        return (RIGHT - LEFT) * (span / (self.end - self.start))

    def clocks(self, zone: tzinfo) -> Iterator[datetime]:
        """Whole hours to be marked, as close as their labels allow; none where a day is too narrow."""
        steps = (each for each in _CLOCK_STEPS if self.width_of(timedelta(hours=each)) >= _ROOM_FOR_CLOCK)
        step = next(steps, None)
        if step is None:
            return
        local = self.start.astimezone(zone)
        begin = datetime.combine(local.date(), time(), local.tzinfo)
        instant = begin
        while instant <= self.end:
            if instant >= self.start:
                yield instant
            instant += timedelta(hours=step)

    def days(self, infusion_at: datetime | None, zone: tzinfo) -> Iterator[tuple[datetime, int | None, bool]]:
        """Each day's first instant in the plot, its number since the infusion, and whether to label it."""
        tz = zone if infusion_at is None else infusion_at.tzinfo
        day: date = self.start.astimezone(tz).date()
        every = max(1, -(-_ROOM_FOR_DAY // max(1, int(self.width_of(timedelta(days=1))))))
        while (midnight := datetime.combine(day, time(), tz)) <= self.end:
            number = None if infusion_at is None else (day - infusion_at.date()).days
            yield max(midnight, self.start), number, (number or 0) % every == 0
            day += timedelta(days=1)


class ValueScale:
    """Values to y: ``bottom`` lies at ``low_y`` px, ``top`` at ``high_y`` px (above it, so the smaller)."""

    def __init__(
        self, bottom: Decimal, top: Decimal, low_y: float, high_y: float, decimals: int | None = 1
    ) -> None:
        self._low_y = low_y
        self._bottom = float(bottom)
        self._pixels = (high_y - low_y) / float(top - bottom)
        self._decimals = decimals

    def y(self, value: Decimal) -> float:
        """The place of a value."""
        return round(self._low_y + (float(value) - self._bottom) * self._pixels, self._decimals)


def crossings(numbers: Sequence[Decimal], limits: Sequence[Decimal]) -> Iterator[int]:
    """The points on another side of a limit than the one before; a value on a limit is on its upper side."""
    for limit in limits:
        above = [number >= limit for number in numbers]
        for point, (before, now) in enumerate(pairwise(above), 1):
            if before is not now:
                yield point


def thin_points(rows: Sequence[Row], scale: TimeScale, pixels: float, limits: Sequence[Decimal]) -> list[Row]:
    """The points to draw: the first and the last, of every column of so many px both extremes, and both sides
    of every crossing of a limit. ``rows`` are in the order of time.
    """
    places = [scale.x(row.at) for row in rows]
    numbers = [_number(row) for row in rows]
    return [rows[place] for place in thin_places(places, numbers, pixels, limits)]


def thin_places(
    places: Sequence[float], numbers: Sequence[Decimal], pixels: float, limits: Sequence[Decimal]
) -> list[int]:
    """As :func:`thin_points`, for points by their x: which of them to draw."""
    if len(places) <= 2:
        return list(range(len(places)))
    kept: set[int] = {0, len(places) - 1}
    column, lowest, highest = None, 0, 0
    for point, x in enumerate(places):
        if (own := x // pixels) != column:
            kept |= {lowest, highest}
            column, lowest, highest = own, point, point
            continue
        if numbers[point] < numbers[lowest]:
            lowest = point
        if numbers[point] > numbers[highest]:
            highest = point
    kept |= {lowest, highest}
    kept.update(point + side for point in crossings(numbers, limits) for side in (-1, 0))
    return sorted(kept)


def notable_points(rows: Sequence[Row], limits: Sequence[Decimal]) -> set[str]:
    """Keys of the points to stop at with the keyboard: extremes, crossings, the newest, and marked ones."""
    if not rows:
        return set()
    numbers = [_number(row) for row in rows]
    found = {rows[numbers.index(extreme)].key for extreme in (min(numbers), max(numbers))}
    found.add(rows[-1].key)
    found.update(row.key for row in rows if row.highlighted or row.attributed)
    found.update(rows[point].key for point in crossings(numbers, limits))
    return found


def _number(row: Row) -> Decimal:
    """The value of a row of a line; only such rows come here."""
    return Decimal() if row.number is None else row.number
