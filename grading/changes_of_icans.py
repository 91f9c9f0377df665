"""Instants at which scores, arousal, sedation or neurological findings are other for the grade of ICANS.

See :mod:`grading.change_points` for what is left out and why that changes nothing.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial
from operator import attrgetter
from typing import Any

from grading.chart import ArousalScore
from grading.chart_index import ChartIndex
from grading.sweeps import coverage_by_kind, latest_changes


def neurology_changes(index: ChartIndex, start: datetime, end: datetime) -> Iterator[datetime]:
    """Findings; sedation; and, while the patient is not sedated, scores and arousal."""
    yield from _event_changes(index, start, end)
    window = index.tables.span("sedation")
    rows = index.sedation.between(start - window, end)
    if not any(row.sedated for row in rows):
        rows = rows[:0]  # that nobody was sedated is what no entry says, too
    sedation = list(latest_changes(rows, window, lambda row: row.sedated))
    times = [instant for instant, _ in sedation]
    yield from times
    for instant in _awake_changes(index, start, end):
        place = bisect_right(times, instant)
        if not place or not sedation[place - 1][1]:
            yield instant


def _event_changes(index: ChartIndex, start: datetime, end: datetime) -> Iterator[datetime]:
    """A seizure counts for its window, a motor finding or a raised pressure until withdrawn."""
    since = index.series_start or start
    window = index.tables.span("seizure")
    seizures = index.seizures.between(max(since, start - window), end)
    kinds = ((row.at, row.finding if index.level_of("seizure", row.finding)[0] else None) for row in seizures)
    yield from coverage_by_kind(kinds, window)
    for column in (index.motor, index.raised_icp):
        yield from _other_than_before(column.between(since, end))


def _other_than_before(rows: Sequence[Any]) -> Iterator[datetime]:
    """The rows that say another thing than the one before; nothing charted is as good as none."""
    said = "none"
    for row in rows:
        if row.finding.value != said:
            yield row.at
        said = row.finding.value


def _awake_changes(index: ChartIndex, start: datetime, end: datetime) -> Iterator[datetime]:
    tables = index.tables
    window = tables.span("ice")
    ice = index.ice.between(start - window, end)
    capd = index.capd.between(start - window, end)
    yield from (instant for instant, _ in latest_changes(ice, window, lambda row: (row.minimum, row.maximum)))
    yield from (instant for instant, _ in latest_changes(capd, window, lambda row: (row.total,)))
    window = tables.span("consciousness")
    stated = index.consciousness.between(start - window, end)
    changes = list(latest_changes(stated, window, lambda row: row.level))
    yield from (instant for instant, _ in changes)
    scores = index.arousal.between(start - window, end)
    yield from _scale_changes(index, scores, changes)
    if any(index.levels_of_arousal(row)[0] > 0 for row in scores):
        # A score that is newer than the statement, and worse, opens the grade upwards.
        for row in stated:
            yield row.at
            later = bisect_right(scores, row.at, key=attrgetter("at"))
            if later < len(scores):
                yield scores[later].at


def _scale_changes(
    index: ChartIndex, scores: Sequence[ArousalScore], stated: Sequence[tuple[datetime, object]]
) -> Iterator[datetime]:
    """Changes of the newest score of a scale.

    While a level is stated a score matters only where it may be worse: changes between scores that prove no
    level are left out then.
    """
    times = [instant for instant, _ in stated]
    proven = 0
    for instant, band in latest_changes(scores, index.tables.span("consciousness"), partial(_band, index)):
        before, proven = proven, band[0] if isinstance(band, tuple) else 0
        place = bisect_right(times, instant)
        if before or proven or not place or stated[place - 1][1] is None:
            yield instant


def _band(index: ChartIndex, row: ArousalScore) -> tuple[int, int] | str:
    band = index.tables.band_of(row.scale, row.score)
    return "outside the scale" if band is None else (band.lowest, band.highest)
