"""When something was given, done or found: ``effective[x]``, ``performed[x]``, ``onset[x]``.

A time that cannot be used keeps its reason, and what could be read stays beside it.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from fhir_maps import r4
from fhir_maps.times import parse_date, parse_instant

NO_TIME = "no time"
NO_OFFSET = "time without offset"
DATE_WITHOUT_TIME = "date without a time"
END_BEFORE_START = "end before start"
DATE_ONLY = "date only"
_FULL_DATE = len("2026-03-01")


@dataclass(frozen=True, slots=True)
class Timing:
    """``fault`` says why the time cannot be used. ``instant``: charted as a point in time, not as a period.

    ``day`` is the first instant of the day, in UTC, where only a date is charted.
    """

    start: datetime | None
    end: datetime | None = None
    fault: str | None = None
    instant: bool = False
    day: datetime | None = None


def read_timing(when: str | None, period: r4.Period | None) -> Timing:
    """Read a dateTime or else a Period: a dateTime is an instant and has no end."""
    if when is not None or period is None:
        start = parse_instant(when)
        return Timing(start, None, None if start else _fault_of(when), instant=True, day=start_of_day(when))
    start, end = parse_instant(period.start), parse_instant(period.end)
    if start is None:
        return Timing(None, end, _fault_of(period.start), day=start_of_day(period.start))
    if period.end is not None and end is None:
        return Timing(start, None, f"end: {_fault_of(period.end)}")
    if end is not None and end < start:
        return Timing(start, None, END_BEFORE_START)
    return Timing(start, end)


def start_of_day(text: str | None) -> datetime | None:
    """A full date as the first instant of that day in UTC, for what has a date and no time.

    Counting days from it is right, counting hours is not: whoever uses it says ``date only`` in the note.
    ``None`` for a month or a year alone, and for anything that is no date.
    """
    if text is None or len(text) != _FULL_DATE:
        return None
    day = parse_date(text)
    return datetime(day.year, day.month, day.day, tzinfo=UTC) if day else None


def _fault_of(text: str | None) -> str:
    if not text:
        return NO_TIME
    return DATE_WITHOUT_TIME if parse_date(text) else NO_OFFSET
