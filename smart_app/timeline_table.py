"""The timeline as tables: what happened, newest first, and the vital signs of each time in one row.

Holds every row of the window, also those that the drawing joins or leaves out.
"""

from dataclasses import dataclass
from datetime import date, datetime

from smart_app.timeline import Timeline
from smart_app.timeline_rows import Kind, Row, write_local, write_span

_FINDINGS = frozenset({Kind.AROUSAL, Kind.SEIZURE, Kind.MOTOR, Kind.RAISED_ICP})
VITAL_COLUMNS = ("Temperature", "Systolic pressure", "SpO2", "Oxygen", "FiO2")
_BETWEEN = ", "
_COLUMN_OF = {
    Kind.TEMPERATURE: 0,
    Kind.SYSTOLIC: 1,
    Kind.SATURATION: 2,
    Kind.OXYGEN_DEVICE: 3,
    Kind.OXYGEN_FLOW: 3,
    Kind.INSPIRED_OXYGEN: 4,
}


@dataclass(frozen=True, slots=True)
class EventLine:
    """One row of the table of events. ``source`` is a reference, empty for a grade, which is ours."""

    key: str
    when: str
    what: str
    value: str
    source: str
    remarks: str
    highlighted: bool
    day: date
    at: datetime


@dataclass(frozen=True, slots=True)
class VitalsLine:
    """The vital signs of one instant, by :data:`VITAL_COLUMNS`; empty where not charted then."""

    key: str
    when: str
    cells: tuple[str, ...]
    sources: str
    remarks: str
    highlighted: bool
    day: date


def event_lines(timeline: Timeline) -> tuple[list[EventLine], list[EventLine]]:
    """All but the vital signs, newest first: what happened, and neurological findings charted as absent."""
    happened: list[EventLine] = []
    absent: list[EventLine] = []
    for row in timeline.events:
        lines = absent if row.kind in _FINDINGS and not row.found else happened
        lines.append(_event(row, timeline))
    return happened, absent


def _event(row: Row, timeline: Timeline) -> EventLine:
    return EventLine(
        key=row.key,
        when=write_span(row.at, row.until, timeline.zone),
        what=row.what,
        value=row.value,
        source="" if row.source is None else row.source.reference,
        remarks="; ".join(row.remarks),
        highlighted=row.highlighted,
        day=row.at.astimezone(timeline.zone).date(),
        at=row.at,
    )


def vitals_lines(timeline: Timeline) -> list[VitalsLine]:
    """The vital signs, newest first, one row an instant."""
    instants: dict[str, list[Row]] = {}
    for row in timeline.vitals:
        instants.setdefault(row.key, []).append(row)
    newest_first = sorted(instants.values(), key=lambda rows: rows[0].at, reverse=True)
    return [_vitals(rows, timeline) for rows in newest_first]


def _vitals(rows: list[Row], timeline: Timeline) -> VitalsLine:
    local = rows[0].at.astimezone(timeline.zone)
    cells = [""] * len(VITAL_COLUMNS)
    sources: dict[str, None] = {}
    remarks: dict[str, None] = {}
    highlighted = False
    for row in rows:
        column = _COLUMN_OF[row.kind]
        told = cells[column]
        if not told:
            cells[column] = row.value
        elif row.value not in told.split(_BETWEEN):
            cells[column] = f"{told}{_BETWEEN}{row.value}"
        if row.source is not None:
            sources[row.source.reference] = None
        for remark in row.remarks:
            remarks[remark] = None
        highlighted = highlighted or row.highlighted
    return VitalsLine(
        rows[0].key,
        write_local(local),
        tuple(cells),
        _BETWEEN.join(sources),
        "; ".join(remarks),
        highlighted,
        local.date(),
    )
