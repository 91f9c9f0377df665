"""Change points: the instants at which the grade of a syndrome may change, in either direction.

The evidence of an instant is a function of what is charted up to it and of the windows that end before it. So
a grade changes only where a row is charted, where one leaves its window (a microsecond after, as windows are
inclusive), where an infusion starts or ends, or where something unreadable begins or ceases to matter. Most
of these change nothing: a normal pressure after a normal pressure, a device charted anew. Each input here
gives only the instants at which what grading takes from it is another: the same side of every cut, the same
device and flow, the same score. Where that could not be shown, all its instants are kept.

Deliberately absent: any grading. What a change point does to a grade is found by grading it.
"""

from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator
from datetime import datetime, timedelta
from operator import attrgetter

from grading.changes_of_crs import circulation_changes, fever_changes, oxygen_changes
from grading.changes_of_icans import neurology_changes
from grading.chart import Attributable, GapWhat
from grading.chart_index import ChartIndex
from grading.gap_spans import span_of_gap
from grading.gaps import INPUTS_OF_CRS, INPUTS_OF_ICANS

# One of these is the look-back of each attribution.
_LOOK_BACKS = ("temperature", "blood-pressure", "oxygen", "seizure")
# Whether these are newer than the last value makes a difference: each counts for itself.
_COMPARED_WITH_ROWS = frozenset({GapWhat.TEMPERATURE, GapWhat.ICE, GapWhat.CAPD})


def crs_change_points(index: ChartIndex, start: datetime, end: datetime) -> list[datetime]:
    """The instants in ``(start, end]`` at which CRS may change, oldest first."""
    found = {
        *_of_patient(index, start, end),
        *_of_attributions(index, (Attributable.FEVER, Attributable.HYPOTENSION, Attributable.HYPOXIA)),
        *_of_gaps(index, INPUTS_OF_CRS, start, end),
        *fever_changes(index, start, end),
        *circulation_changes(index, start, end),
        *oxygen_changes(index, start, end),
    }
    return sorted(instant for instant in found if start < instant <= end)


def icans_change_points(index: ChartIndex, start: datetime, end: datetime) -> list[datetime]:
    """The instants in ``(start, end]`` at which ICANS may change, oldest first."""
    found = {
        *_of_patient(index, start, end),
        *_of_attributions(index, (Attributable.NEUROLOGICAL,)),
        *_of_gaps(index, INPUTS_OF_ICANS, start, end),
        *neurology_changes(index, start, end),
    }
    return sorted(instant for instant in found if start < instant <= end)


def _of_patient(index: ChartIndex, start: datetime, end: datetime) -> Iterator[datetime]:
    """Death, and birthdays: a year more may mean another cut or another scale."""
    patient = index.chart.patient
    if patient.deceased:
        yield patient.deceased_at or index.at
        yield from (condition.at for condition in index.chart.conditions if condition.at is not None)
    if patient.birth_date is not None:
        first, last = start.astimezone(index.at.tzinfo), end.astimezone(index.at.tzinfo)
        for year in range(first.year, last.year + 1):
            birthday = datetime(year, patient.birth_date.month, 1, tzinfo=index.at.tzinfo)
            yield birthday + timedelta(days=patient.birth_date.day - 1)


def _of_attributions(index: ChartIndex, kinds: Collection[Attributable]) -> Iterator[datetime]:
    """From when on an attribution in force covers an instant: one look-back window before it was stated."""
    for what in kinds:
        if (attribution := index.attributions.get(what)) is not None:
            yield from (attribution.at - index.tables.span(window) for window in _LOOK_BACKS)


def _of_gaps(
    index: ChartIndex, kinds: Collection[GapWhat], start: datetime, end: datetime
) -> Iterator[datetime]:
    """When something unreadable begins or ceases to matter.

    Several of one kind at once are as good as one, but for those that are compared with the newest row, and
    for unknown drugs that run, of which two are more than one.
    """
    spans: dict[object, list[tuple[datetime, datetime]]] = {}
    for place, item in enumerate(index.chart.gaps):
        span = span_of_gap(item, index) if item.what in kinds else None
        if span is None or span[0] > end or span[1] < start:
            continue
        alone = item.running_rate or item.what in _COMPARED_WITH_ROWS
        spans.setdefault(place if alone else (item.what, item.why), []).append(span)
        if item.running_rate and item.until is not None:
            yield item.until
        if item.what is GapWhat.TEMPERATURE:
            # A newer temperature shows what the unreadable one might have hidden.
            later = bisect_right(index.temperatures.rows, span[0], key=attrgetter("at"))
            yield from (row.at for row in index.temperatures.rows[later : later + 1])
    for group in spans.values():
        yield from _joints(sorted(group))


def _joints(spans: Iterable[tuple[datetime, datetime]]) -> Iterator[datetime]:
    """Starts and ends of the union of half-open spans, which come in order."""
    until: datetime | None = None
    for start, end in spans:
        if end <= start:
            continue
        if until is None:
            yield start
        elif start > until:
            yield until
            yield start
        until = end if until is None else max(until, end)
    if until is not None:
        yield until
