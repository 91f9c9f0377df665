"""The timeline as tables: what happened, newest first, and the vital signs of each time in one row.

Holds every row of the window, also those that the drawing joins or leaves out.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from smart_app.timeline import Timeline
from smart_app.timeline_rows import Kind, Row, write_clock, write_span

_FINDINGS = frozenset({Kind.AROUSAL, Kind.SEIZURE, Kind.MOTOR, Kind.RAISED_ICP})
VITAL_COLUMNS = ("Temperature", "Systolic pressure", "SpO2", "Oxygen", "FiO2")
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
    attributed: bool
    highlighted: bool


@dataclass(frozen=True, slots=True)
class VitalsLine:
    """The vital signs of one instant, by :data:`VITAL_COLUMNS`; empty where not charted then."""

    key: str
    when: str
    cells: tuple[str, ...]
    sources: str
    remarks: str
    attributed: bool
    highlighted: bool


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
        attributed=row.attributed,
        highlighted=row.highlighted,
    )


def vitals_lines(timeline: Timeline) -> list[VitalsLine]:
    """The vital signs, newest first, one row an instant."""
    instants: dict[datetime, list[Row]] = {}
    for row in timeline.vitals:
        instants.setdefault(row.at, []).append(row)
    return [_vitals(instants[at], at, timeline) for at in sorted(instants, reverse=True)]


def _vitals(rows: list[Row], at: datetime, timeline: Timeline) -> VitalsLine:
    cells: list[list[str]] = [[] for _ in VITAL_COLUMNS]
    for row in rows:
        cell = cells[_COLUMN_OF[row.kind]]
        if row.value not in cell:
            cell.append(row.value)
    return VitalsLine(
        key=rows[0].key,
        when=write_clock(at, timeline.zone),
        cells=tuple(", ".join(cell) for cell in cells),
        sources=", ".join(_once(row.source.reference for row in rows if row.source is not None)),
        remarks="; ".join(_once(remark for row in rows for remark in row.remarks)),
        attributed=any(row.attributed for row in rows),
        highlighted=any(row.highlighted for row in rows),
    )


def _once(texts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(texts))
