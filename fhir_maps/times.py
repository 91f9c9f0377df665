"""FHIR times as aware datetimes, or nothing.

A time without an offset is no instant: two readers would place it hours apart, so it is never guessed. The
offset that was charted is kept, because the day count is taken in the offset of the infusion's own timestamp.
"""

from datetime import date, datetime

from fhir_maps.r4 import Period

# A FHIR instant with nanoseconds and offset has 35 characters; a longer text is no time and is not looked at.
LONGEST_TIME = 40
# Outside these years, arithmetic with offsets and windows would overflow; nothing in a chart lies there.
EARLIEST_YEAR = 1850
LATEST_YEAR = 9000
_YEAR_LENGTH, _MONTH_LENGTH = 4, 7


def parse_instant(text: str | None) -> datetime | None:
    """Parse a FHIR ``instant``, or a ``dateTime`` that has a time and an offset.

    ``None`` for anything else: nothing, a date alone, a time without offset, a year that cannot be meant.
    """
    if text is None or len(text) > LONGEST_TIME:
        return None
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        return None
    if instant.tzinfo is None or not EARLIEST_YEAR <= instant.year <= LATEST_YEAR:
        return None
    return instant


def parse_date(text: str | None) -> date | None:
    """Parse a FHIR ``date``; a year or a month alone is its first day. ``None`` for anything else."""
    if text is None or len(text) > LONGEST_TIME:
        return None
    if len(text) == _YEAR_LENGTH:
        text += "-01-01"
    elif len(text) == _MONTH_LENGTH:
        text += "-01"
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if EARLIEST_YEAR <= day.year <= LATEST_YEAR else None


def end_or_start(period: Period) -> str | None:
    """Return the time at which a period's value was complete: its end, else its start."""
    return period.end if period.end is not None else period.start
