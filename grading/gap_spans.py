"""How long something unreadable matters: until its window ends, or a readable value overtakes it."""

from bisect import bisect_right
from datetime import UTC, datetime, timedelta

from grading.chart import ChartGap, GapWhat
from grading.chart_index import ChartIndex

# Which window an unreadable thing is forgotten after.
_WINDOW_OF_GAP = {
    GapWhat.TEMPERATURE: "temperature",
    GapWhat.BLOOD_PRESSURE: "blood-pressure",
    GapWhat.OXYGEN: "oxygen",
    GapWhat.OXYGEN_FLOW: "oxygen",
    GapWhat.SPO2: "spo2",
    GapWhat.VASOPRESSORS: "vasopressor-gap",
    GapWhat.ICE: "ice",
    GapWhat.CAPD: "ice",
    GapWhat.CONSCIOUSNESS: "consciousness",
    GapWhat.SEIZURE: "seizure",
    GapWhat.SEDATION: "sedation",
    GapWhat.WEIGHT: "weight",
    GapWhat.LABS: "labs",
}
_MOMENT = timedelta(microseconds=1)
_NEVER = datetime.max.replace(tzinfo=UTC)


def concerns(gap: ChartGap, index: ChartIndex, at: datetime, horizon: datetime) -> bool:
    """Whether something unreadable still matters: within its window, and not overtaken by a later reading."""
    if gap.at is None:
        return True
    if gap.at > horizon:
        return False
    window = _WINDOW_OF_GAP.get(gap.what)
    last_word = gap.until or gap.at
    if gap.running_rate and gap.until is None:
        return at - gap.at <= index.tables.span("open-infusion")
    if window is not None and last_word < at - index.tables.span(window):
        return False
    return not _overtaken(gap, index, horizon)


def _overtaken(gap: ChartGap, index: ChartIndex, horizon: datetime) -> bool:
    """A later readable value of an input of which only the latest counts."""
    column = index.latest_counts.get(gap.what)
    if column is None or gap.at is None:
        return False
    latest = column.latest_before(horizon)
    return latest is not None and latest.at > gap.at


def span_of_gap(gap: ChartGap, index: ChartIndex) -> tuple[datetime, datetime] | None:
    """From when until when (half-open) a gap concerns an instant; ``None`` for one that always does.

    The same answer as :func:`concerns` for all instants before that of the index, at once.
    """
    if gap.at is None:
        return None
    if gap.running_rate and gap.until is None:
        return gap.at, gap.at + index.tables.span("open-infusion") + _MOMENT
    window = _WINDOW_OF_GAP.get(gap.what)
    end = _NEVER if window is None else (gap.until or gap.at) + index.tables.span(window) + _MOMENT
    column = index.latest_counts.get(gap.what)
    if column is not None:
        later = bisect_right(column.rows, gap.at, key=lambda row: row.at)
        if later < len(column.rows):
            end = min(end, column.rows[later].at)
    return gap.at, end
