"""Sweeps over a column: the instants at which what holds of it becomes another.

Windows are inclusive: a row holds up to its time plus the window, and is gone a microsecond after.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import zip_longest
from typing import Any

MOMENT = timedelta(microseconds=1)


def latest_changes(
    rows: Sequence[Any], window: timedelta, key: Callable[[Any], object]
) -> Iterator[tuple[datetime, object]]:
    """The instants at which the key of the newest row in the window changes, each with the key from then on.

    ``rows`` in order of time, of one time the one that holds last. ``None`` is the key where no row is
    in the window.
    """
    last: datetime | None = None
    current: object = None
    for row, upcoming in zip_longest(rows, rows[1:]):
        if upcoming is not None and upcoming.at == row.at:
            continue
        found = key(row)
        if last is not None and row.at - last > window:
            yield last + window + MOMENT, None
            yield row.at, found
        elif last is None or found != current:
            yield row.at, found
        last, current = row.at, found
    if last is not None:
        yield last + window + MOMENT, None


def coverage_changes(times: Iterable[datetime], window: timedelta) -> Iterator[datetime]:
    """The instants from which on some time, or no time any more, lies in the window; ``times`` in order."""
    last: datetime | None = None
    for instant in times:
        if last is None:
            yield instant
        elif instant - last > window:
            yield last + window + MOMENT
            yield instant
        last = instant
    if last is not None:
        yield last + window + MOMENT


def coverage_by_kind(rows: Iterable[tuple[datetime, object]], window: timedelta) -> Iterator[datetime]:
    """As :func:`coverage_changes` for each kind of row apart; kind ``None`` is left out."""
    kinds: dict[object, list[datetime]] = {}
    for instant, kind in rows:
        if kind is not None:
            kinds.setdefault(kind, []).append(instant)
    for times in kinds.values():
        yield from coverage_changes(times, window)
