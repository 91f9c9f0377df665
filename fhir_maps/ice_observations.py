"""ICE as a total, with components, or item by item; the stated baseline; CAPD.

An item that was not done is unknown and never 0: it leaves a range. A total that its own components
contradict becomes a range over both, with a gap.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from fhir_maps.charted import (
    Charted,
    charted_quantity,
    describe_number,
    gap_of,
    is_empty,
    not_understood,
    noted,
)
from fhir_maps.reading_rules import RULES
from fhir_maps.units import is_measurable
from grading.chart import BaselineIce, CapdScore, ChartGap, GapWhat, GapWhy, IceItem, IceScore, Source

ITEMS = {item.value: item for item in IceItem}
NOT_PERFORMED = "not-performed"
_TOTAL = "ice-total"


@dataclass(frozen=True, slots=True)
class IceItemRow:
    """One ICE item charted in an Observation of its own. ``points`` is ``None`` when it was not done."""

    at: datetime
    item: IceItem
    points: int | None
    source: Source


@dataclass(slots=True)
class _Assessment:
    """Items charted together; two values for one item at one time are a range."""

    first_at: datetime
    last_at: datetime
    source: Source
    points: dict[IceItem, set[int | None]] = field(default_factory=dict)
    times: dict[IceItem, datetime] = field(default_factory=dict)

    def add(self, row: IceItemRow) -> None:
        self.last_at, self.source = row.at, row.source
        self.points.setdefault(row.item, set()).add(row.points)
        self.times[row.item] = row.at

    def takes(self, row: IceItemRow) -> bool:
        """Whether the row belongs here: near the first item, and no second round of the same item."""
        near = row.at - self.first_at <= RULES.ice_items_within
        return near and self.times.get(row.item, row.at) == row.at


def read_ice_total(charted: Charted) -> Sequence[object]:
    """Read an ICE score, from its total, its components, or both."""
    points: dict[IceItem, int | None] = {}
    out: list[object] = []
    terminology = charted.terminology
    for component in charted.resource.component:
        match = terminology.of_concept("observation", component.code)
        if match is None or match.concept not in ITEMS:
            continue
        part = Charted(component, charted.at, charted.source, charted.resource, terminology)
        points[ITEMS[match.concept]], gaps = _points(part, match.concept)
        out += gaps
    total: int | None = None
    if not is_empty(charted.value):
        total, gaps = _points(charted, _TOTAL)
        out += gaps
    done = [score for score in points.values() if score is not None]
    if len(done) == len(ITEMS) and total in (None, sum(done)):
        # All items, and their sum if any total: most assessments are so, and need no range.
        out.append(IceScore(charted.at, sum(done), sum(done), charted.source))
    elif points:
        out += _from_items(
            {item: {score} for item, score in points.items()}, total, charted.at, charted.source
        )
    elif total is not None:
        out.append(IceScore(charted.at, total, total, charted.source))
    return out


def read_ice_item(charted: Charted, item: IceItem) -> Sequence[object]:
    """Read one item of its own Observation; :func:`group_ice_items` makes assessments of them."""
    points, gaps = _points(charted, item.value)
    return (IceItemRow(charted.at, item, points, charted.source), *gaps)


def read_baseline_ice(charted: Charted) -> Sequence[object]:
    """Read a stated baseline ICE."""
    if is_empty(charted.value):
        return ()
    total, gaps = _points(charted, "baseline-ice")
    return gaps if total is None else (BaselineIce(charted.at, total, charted.source),)


def read_capd(charted: Charted) -> Sequence[object]:
    """Read a CAPD total. One that could not be performed is a score of its own; a missing one is nothing."""
    if is_empty(charted.value):
        reason = charted.value.dataAbsentReason
        match = charted.terminology.of_concept("absent_reason", reason)
        if match is not None and match.concept == NOT_PERFORMED:
            return (CapdScore(charted.at, None, charted.source),)
        return ()
    total, gaps = _points(charted, "capd-total", GapWhat.CAPD)
    return gaps if total is None else (CapdScore(charted.at, total, charted.source),)


def _points(charted: Charted, name: str, what: GapWhat = GapWhat.ICE) -> tuple[int | None, Sequence[object]]:
    """The points of an item or total, and the gaps of a value that has none. Both empty: it was not done."""
    lowest, highest = RULES.scores[name]
    integer = charted.value.valueInteger
    if integer is not None and charted.value.valueQuantity is None and lowest <= integer <= highest:
        return integer, ()
    if is_empty(charted.value):
        return None, ()
    quantity = charted_quantity(charted)
    if quantity is None or quantity.value is None:
        if isinstance(charted.value.valueBoolean, bool) and (lowest, highest) == (0, 1):
            return int(charted.value.valueBoolean), ()
        return None, not_understood(charted, what, name)
    value = quantity.value
    plausible = (
        not quantity.comparator
        and is_measurable(value)
        and value == value.to_integral_value()
        and lowest <= value <= highest
    )
    if plausible:
        return int(value), ()
    detail = f"{name} {describe_number(quantity)}"
    return None, (gap_of(charted, what, GapWhy.IMPLAUSIBLE, detail),)


def _from_items(
    points: Mapping[IceItem, set[int | None]], total: int | None, at: datetime, source: Source
) -> Iterable[object]:
    """Add the items up; what was not done spans 0 to its most. Compare with the total, if one was charted."""
    minimum = maximum = 0
    not_done: list[IceItem] = []
    disagree = False
    for name, item in ITEMS.items():
        done = {score for score in points.get(item, ()) if score is not None}
        lowest, highest = RULES.scores[name]
        if not done:
            not_done.append(item)
        minimum += min(done, default=lowest)
        maximum += max(done, default=highest)
        disagree |= len(done) > 1
    stated_as_not_done = any(item in points for item in not_done)
    if total is not None and total != minimum:
        if minimum < total <= maximum and not stated_as_not_done and not disagree:
            # Items are merely unlisted, and the total tells what they came to.
            minimum = maximum = total
            not_done = []
        else:
            disagree = True
            minimum, maximum = min(minimum, total), max(maximum, total)
    yield IceScore(at, minimum, maximum, source, tuple(not_done))
    if disagree:
        detail = f"ICE items and total disagree: between {minimum} and {maximum}"
        yield ChartGap(GapWhat.ICE, GapWhy.AMBIGUOUS, detail, at, source=source)


def group_ice_items(rows: Iterable[IceItemRow], scores: Iterable[IceScore]) -> list[object]:
    """Make assessments of single items, and join each with a bare total charted during it.

    Returns all scores (those given and those made) and gaps. An assessment holds from its last item on.
    """
    assessments: list[_Assessment] = []
    for row in sorted(rows, key=lambda item: item.at):
        if not assessments or not assessments[-1].takes(row):
            assessments.append(_Assessment(row.at, row.at, row.source))
        assessments[-1].add(row)
    remaining = list(scores)
    out: list[object] = []
    for assessment in assessments:
        during = [score for score in remaining if _is_total_of(score, assessment)]
        remaining = [score for score in remaining if score not in during]
        source = noted(assessment.source, f"from {len(assessment.points)} single items")
        totals: Sequence[int | None] = sorted({score.minimum for score in during}) or [None]
        for total in totals:
            out += _from_items(assessment.points, total, assessment.last_at, source)
    return [*remaining, *out]


def _is_total_of(score: IceScore, assessment: _Assessment) -> bool:
    bare = score.minimum == score.maximum
    return bare and assessment.first_at <= score.at <= assessment.last_at
