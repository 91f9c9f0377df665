"""What was charted, as rows that can be drawn and read: time, what, value in words, source and remarks.

A row is made of one row of the chart; nothing is interpolated or carried forward here. Every row has the
``key`` of the table row in which it stands, so that a mark of the drawing can lead there; vital signs of one
instant share a row of their table.
"""

from collections.abc import Iterator
from datetime import date, datetime, tzinfo
from decimal import Decimal
from enum import Enum
from typing import NamedTuple

from grading.chart import Source

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class Kind(Enum):
    """What a row is of; its lane and its shape follow from it."""

    TEMPERATURE = "temperature"
    SYSTOLIC = "systolic"
    SATURATION = "saturation"
    OXYGEN_DEVICE = "oxygen-device"
    OXYGEN_FLOW = "oxygen-flow"
    INSPIRED_OXYGEN = "inspired-oxygen"
    ANTIPYRETIC = "antipyretic"
    FLUID = "fluid"
    HYPOTENSION = "hypotension"
    VASOACTIVE = "vasoactive"
    ICE = "ice"
    CAPD = "capd"
    AROUSAL = "arousal"
    SEIZURE = "seizure"
    MOTOR = "motor"
    RAISED_ICP = "raised-icp"
    ANTICYTOKINE = "anticytokine"
    STEROID = "steroid"
    OTHER_DRUG = "other-drug"
    ATTRIBUTION = "attribution"
    STATEMENT = "statement"
    INFUSION = "infusion"
    UNREADABLE = "unreadable"
    CRS = "crs"
    ICANS = "icans"

    # Each row is looked up by its kind several times: the hash of the name would be computed in Python.
    __hash__ = object.__hash__


VITALS = frozenset(
    {
        Kind.TEMPERATURE,
        Kind.SYSTOLIC,
        Kind.SATURATION,
        Kind.OXYGEN_DEVICE,
        Kind.OXYGEN_FLOW,
        Kind.INSPIRED_OXYGEN,
    }
)


class Row(NamedTuple):
    """One thing charted. ``number`` is the value drawn (``lowest`` the other end of a range).

    ``label`` is the short text beside a mark. ``found`` is ``False`` for a finding charted as absent
    ("seizure: none"). ``attributed`` says that a clinician attributed it to another cause. ``until`` is the
    end of what lasts, ``None`` where none is charted.
    """

    key: str
    kind: Kind
    at: datetime
    what: str
    value: str
    source: Source | None
    remarks: tuple[str, ...] = ()
    number: Decimal | None = None
    lowest: Decimal | None = None
    label: str | None = None
    until: datetime | None = None
    found: bool = True
    attributed: bool = False
    highlighted: bool = False


class RowBook:
    """The rows of one page, numbered as they are added.

    ``highlight`` is the reference of the Observation that the EHR asked to look at.
    """

    def __init__(self, highlight: str | None = None) -> None:
        self.rows: list[Row] = []
        self._highlight = highlight
        self._of_kind: dict[Kind, list[Row]] = {kind: [] for kind in Kind}
        self._instants: dict[datetime, str] = {}
        self._events = 0

    def add(
        self,
        kind: Kind,
        at: datetime,
        what: str,
        value: str,
        source: Source | None,
        *,
        remarks: tuple[str, ...] = (),
        number: Decimal | None = None,
        lowest: Decimal | None = None,
        label: str | None = None,
        until: datetime | None = None,
        found: bool = True,
        attributed: str | None = None,
    ) -> Row:
        """Write a row. ``attributed`` is the cause a clinician stated, which becomes a remark."""
        if attributed is not None:
            remarks = (*remarks, f"attributed to another cause by a clinician: {attributed}")
        if source is not None and source.note is not None:
            remarks = (*remarks, source.note)
        row = Row(
            self._key(kind, at),
            kind,
            at,
            what,
            value,
            source,
            remarks,
            number,
            lowest,
            label,
            until,
            found,
            attributed is not None,
            source is not None and self._highlight is not None and source.reference == self._highlight,
        )
        self.rows.append(row)
        self._of_kind[kind].append(row)
        return row

    def of(self, *kinds: Kind) -> Iterator[Row]:
        """The rows of some kinds, each kind in the order in which it was added."""
        return (row for kind in kinds for row in self._of_kind[kind])

    def _key(self, kind: Kind, at: datetime) -> str:
        if kind in VITALS:
            return self._instants.setdefault(at, f"v{len(self._instants) + 1}")
        self._events += 1
        return f"e{self._events}"


def write_clock(at: datetime, zone: tzinfo) -> str:
    """Date and time to the minute in the ward's zone: ``8 Mar 14:05``."""
    return write_local(at.astimezone(zone))


def write_local(local: datetime) -> str:
    """As :func:`write_clock`, of a time that is in the ward's zone already."""
    return f"{local.day} {_MONTHS[local.month - 1]} {local.hour:02d}:{local.minute:02d}"


def write_date(at: datetime, zone: tzinfo) -> str:
    """The date in the ward's zone: ``8 Mar``."""
    return write_day(at.astimezone(zone))


def write_day(day: date) -> str:
    """A date: ``8 Mar``."""
    return f"{day.day} {_MONTHS[day.month - 1]}"


def write_span(start: datetime, until: datetime | None, zone: tzinfo) -> str:
    """From when until when; the date is said once where it is one."""
    if until is None or until <= start:
        return write_clock(start, zone)
    same_day = start.astimezone(zone).date() == until.astimezone(zone).date()
    end = f"{until.astimezone(zone):%H:%M}" if same_day else write_clock(until, zone)
    return f"{write_clock(start, zone)} to {end}"
