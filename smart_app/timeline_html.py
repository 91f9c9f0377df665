"""The bodies of the timeline's tables as HTML, each row written at once: a fortnight has hundreds of them.

Of a short stretch every row has its source. Of a long one the rows stand day by day, and the page of the day,
to which each day's heading leads, has the source of each. Everything from a record is escaped here.
"""

import re
from collections.abc import Callable, Sequence
from datetime import date
from html import escape
from itertools import groupby
from typing import TypeVar

from markupsafe import Markup

from smart_app.timeline_rows import write_day
from smart_app.timeline_table import VITAL_COLUMNS, EventLine, VitalsLine

_EVENT_COLUMNS = 4
_SPECIAL = re.compile("[&<>\"']")
_VITAL_COLUMNS = len(VITAL_COLUMNS) + 2
DayPath = Callable[[date], str]
_Line = TypeVar("_Line", EventLine, VitalsLine)


def event_body(lines: Sequence[EventLine], day_path: DayPath | None = None) -> Markup:
    """The rows of events; with ``day_path`` (the page of a day) by days and without their sources."""
    if day_path is not None:
        return _by_days(lines, lambda line: _event_row(line, ""), _EVENT_COLUMNS, day_path)
    return _whole([_event_row(line, _source_cell(line.source)) for line in lines])


def vitals_body(lines: Sequence[VitalsLine], day_path: DayPath | None = None) -> Markup:
    """The rows of vital signs, as :func:`event_body`."""
    if day_path is not None:
        return _by_days(lines, lambda line: _vitals_row(line, ""), _VITAL_COLUMNS, day_path)
    return _whole([_vitals_row(line, _source_cell(line.sources)) for line in lines])


def _whole(rows: Sequence[str]) -> Markup:
    return Markup(f"<tbody>{''.join(rows)}</tbody>")  # noqa: S704 - escaped where it was written


def _by_days(
    lines: Sequence[_Line], write: Callable[[_Line], str], columns: int, day_path: DayPath
) -> Markup:
    bodies = []
    for day, own in groupby(lines, key=lambda line: line.day):
        link = f'<a href="{escape(day_path(day))}">{write_day(day)} with the source of each value</a>'
        heading = f'<tr><th class="of-day" scope="rowgroup" colspan="{columns}">{link}</th></tr>'
        bodies.append(f"<tbody>{heading}{''.join(map(write, own))}</tbody>")
    return Markup("".join(bodies))  # noqa: S704 - escaped where it was written


def _event_row(line: EventLine, source: str) -> str:
    what, value, remarks = _escaped((line.what, line.value, line.remarks))
    return f'{_head(line)}<td>{what}</td><td>{value}</td><td class="remarks">{remarks}</td>{source}</tr>'


def _vitals_row(line: VitalsLine, source: str) -> str:
    return f"{_head(line)}<td>{'</td><td>'.join(_escaped((*line.cells, line.remarks)))}</td>{source}</tr>"


def _head(line: EventLine | VitalsLine) -> str:
    marked = ' class="wanted"' if line.highlighted else ""
    return f'<tr id="{line.key}"{marked}><th scope="row">{line.when}</th>'


def _source_cell(source: str) -> str:
    return f'<td class="source">{_escaped((source,))[0]}</td>'


def _escaped(texts: Sequence[str]) -> Sequence[str]:
    """Texts for HTML; hardly any of them has something to be escaped, which is found out for all at once."""
    return [escape(text) for text in texts] if _SPECIAL.search("".join(texts)) else texts
