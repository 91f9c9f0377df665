"""A drafted tocilizumab order against what was given, what is graded, and what is on record.

Only administrations count as given, by the same rules as everywhere. A repeated order is laid out in time
and counted on top of them. A count that may be a lower bound is said to be unchecked, never taken as fine.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from grading.assessment import Status, SyndromeGrade
from grading.chart import Attributable
from management.care_conditions import CARE_CONDITIONS
from management.drafted_order import DosageStep, DraftedOrder, OrderFinding, OrderKind
from management.order_table import find
from management.protocol_rows import Protocol
from management.review import Guard
from management.situation import Situation, describe_grade, describe_hours, write_instant
from management.tocilizumab_doses import doses_not_retrieved, unread_doses

_DAY = timedelta(hours=24)
_INTRAVENOUS = "intravenous"
_CAUTIONS = ("active-infection", "diverticular-disease")


def check_tocilizumab(
    order: DraftedOrder,
    situation: Situation,
    protocol: Protocol,
    others: Sequence[DraftedOrder] = (),
) -> list[OrderFinding]:
    """Everything about a tocilizumab order but its amount. ``others`` are the drafts of tocilizumab that
    the same request would give beside it: interval and number are those of all of them together.
    """
    if elsewhere := sorted(order.routes - {_INTRAVENOUS}):
        text = f"Tocilizumab {elsewhere[0]}: not a dose for CRS, which is treated by vein"
        return [
            find(OrderKind.NOT_INTRAVENOUS, protocol, text),
            *_isolated(situation, protocol),
            *_cautions(situation, protocol),
        ]
    return [
        *_isolated(situation, protocol),
        *_timing(order, situation, protocol, others),
        *_history(situation, protocol),
        *_cautions(situation, protocol),
    ]


def _isolated(situation: Situation, protocol: Protocol) -> list[OrderFinding]:
    crs, icans = situation.crs, situation.icans
    if crs.lowest > 0 or icans.highest == 0:
        return []
    if crs.status is Status.NONE and icans.lowest > 0:
        text = (
            f"Tocilizumab while CRS is grade 0: {describe_grade('ICANS', icans)} alone is not treated with it"
        )
        more = f"{text}. It does not help isolated ICANS and may aggravate it"
        return [find(OrderKind.ISOLATED_ICANS, protocol, text, more)]
    unknown = " and ".join(
        _possible(name, grade)
        for name, grade in (("CRS", crs), ("ICANS", icans))
        if grade.highest > grade.lowest
    )
    text = f"Tocilizumab: isolated ICANS cannot be excluded ({unknown})"
    more = f"{text}. Without CRS tocilizumab does not help ICANS and may aggravate it"
    return [find(OrderKind.ISOLATION_UNKNOWN, protocol, text, more)]


def _possible(name: str, grade: SyndromeGrade) -> str:
    if grade.status is Status.NOT_ASSESSABLE:
        return f"{name} not assessable"
    return f"{name} {grade.lowest} to {grade.highest} possible"


def planned_starts(order: DraftedOrder, situation: Situation, most: int) -> list[datetime]:
    """When the doses of an order would be given from now on, at most ``most`` of them."""
    starts: list[datetime] = []
    after = situation.at
    for step in order.steps:
        first = after if step.starts_at is None else max(situation.at, step.starts_at)
        interval = step.interval if step.is_repeated else None
        if interval is None or interval <= timedelta(0):
            starts.append(first)
            after = max(after, first)
            continue
        number = min(most, _number_of(step, interval) or most)
        starts += [first + place * interval for place in range(number)]
        after = max(after, first + number * interval)
    return sorted(starts)[:most]


def _number_of(step: DosageStep, interval: timedelta) -> int | None:
    """How many doses a repeated step orders; ``None`` where it has no end."""
    if step.count is not None:
        return step.count
    return None if step.lasts is None else max(1, -(-step.lasts // interval))


def _timing(
    order: DraftedOrder, situation: Situation, protocol: Protocol, others: Sequence[DraftedOrder]
) -> list[OrderFinding]:
    found: list[OrderFinding] = []
    if fault := next((step.timing_fault for step in order.steps if step.timing_fault), None):
        text = f"Tocilizumab: the timing could not be read ({fault}) and was not checked"
        found.append(find(OrderKind.UNREADABLE_TIMING, protocol, text))
    most_in_all = int(protocol.limit(Guard.FOUR_DOSES_IN_TOTAL))
    starts = planned_starts(order, situation, most_in_all + 1) or [situation.at]
    given = [dose.at for dose in situation.tocilizumab]
    told = _given_in_words(given)
    drafted = [
        start
        for other in others
        if other.routes <= {_INTRAVENOUS}
        for start in planned_starts(other, situation, most_in_all + 1)
    ]
    found += _interval(order, starts[0], given, protocol) or _close_together(starts, drafted, protocol)
    found += _three_in_24_h(starts, [*given, *drafted], told, protocol)
    total = len(given) + len(starts) + len(drafted)
    if total > most_in_all:
        found.append(_too_many(order, len(given), most_in_all, total, told, protocol))
    return found


def _interval(
    order: DraftedOrder, first: datetime, given: list[datetime], protocol: Protocol
) -> list[OrderFinding]:
    hours = protocol.limit(Guard.INTERVAL_UNDER_8H)
    span = timedelta(hours=float(hours))
    found = []
    if given and first - given[-1] < span:
        earliest = write_instant(given[-1] + span)
        since = Decimal(max(0, int((first - given[-1]).total_seconds()))) / 3600
        text = (
            f"Tocilizumab {describe_hours(since)} after the last dose; at least {describe_hours(hours)} are "
            f"required: not before {earliest}"
        )
        more = f"{text}. Last dose at {write_instant(given[-1])}"
        found.append(find(OrderKind.INTERVAL, protocol, text, more))
    shortest = min(
        (step.interval for step in order.steps if step.is_repeated and step.interval), default=span
    )
    if shortest < span:
        every = describe_hours(Decimal(int(shortest.total_seconds())) / 3600)
        text = f"Tocilizumab every {every}: at least {describe_hours(hours)} are required between two doses"
        found.append(find(OrderKind.SCHEDULE_UNDER_INTERVAL, protocol, text))
    return found


def _close_together(
    starts: list[datetime], drafted: list[datetime], protocol: Protocol
) -> list[OrderFinding]:
    """Doses of this signing that lie too close: in steps of one order, or in orders side by side.

    Two instructions without a time would be given at once.
    """
    hours = protocol.limit(Guard.INTERVAL_UNDER_8H)
    gaps = [later - earlier for earlier, later in pairwise(starts)]
    gaps += [abs(start - other) for start in starts for other in drafted]
    shortest = min(gaps, default=None)
    if shortest is None or shortest >= timedelta(hours=float(hours)):
        return []
    apart = f"{describe_hours(Decimal(int(shortest.total_seconds())) / 3600)} apart"
    if not shortest:
        apart = "for the same time, as far as it is stated, and add up"
    text = (
        f"Tocilizumab: two doses of this signing are {apart}; at least {describe_hours(hours)} are required"
    )
    return [find(OrderKind.INTERVAL, protocol, text)]


def _three_in_24_h(
    starts: list[datetime], given: list[datetime], told: str, protocol: Protocol
) -> list[OrderFinding]:
    """The 24 h are half-open: a dose exactly a day old has left them."""
    most = int(protocol.limit(Guard.THREE_DOSES_IN_24H))
    instants = [*given, *starts]
    for start in starts:
        number = sum(1 for instant in instants if timedelta(0) <= start - instant < _DAY)
        if number > most:
            text = f"Tocilizumab: this would be dose {number} within 24 h, at most {most} are allowed"
            return [find(OrderKind.THREE_IN_24H, protocol, text, f"{text}. {told}")]
    return []


def _too_many(
    order: DraftedOrder, given: int, most: int, total: int, told: str, protocol: Protocol
) -> OrderFinding:
    open_ended = any(step.is_repeated and step.count is None and step.lasts is None for step in order.steps)
    if given < most and open_ended:
        text = f"Tocilizumab repeated without an end would pass {most} doses in all: state how many"
        return find(OrderKind.OPEN_SCHEDULE, protocol, text, f"{text}. {told}")
    number = given + 1 if given >= most else total
    text = f"Tocilizumab: this would be dose {number} in all, at most {most} are allowed"
    return find(OrderKind.FOUR_IN_TOTAL, protocol, text, f"{text}. {told}")


def _given_in_words(given: list[datetime]) -> str:
    times = ", ".join(write_instant(instant) for instant in given)
    return f"Given so far: {len(given)}" + (f" ({times})" if times else "")


def _history(situation: Situation, protocol: Protocol) -> list[OrderFinding]:
    if doses_not_retrieved(situation.assessment):
        why = "administrations could not be retrieved"
    elif unread := unread_doses(situation):
        why = f"a record could not be read: {unread[0].detail or unread[0].why.value}"
    else:
        return []
    number = len(situation.tocilizumab)
    text = f"Tocilizumab: interval and number cannot be checked, {why}"
    more = f"{text}. Known so far: {number}, which is a lower bound. Find out what was given"
    return [find(OrderKind.HISTORY_UNKNOWN, protocol, text, more)]


def _cautions(situation: Situation, protocol: Protocol) -> list[OrderFinding]:
    on_record = [reason for name in _CAUTIONS for reason in CARE_CONDITIONS[name](situation)]
    on_record += [
        f"{stated.what.value} attributed to another cause: {stated.cause or 'not stated'}"
        for stated in situation.evidence.attributions
        if stated.what is not Attributable.NEUROLOGICAL
    ]
    if on_record:
        text = f"Tocilizumab: weigh it against what is on record ({'; '.join(dict.fromkeys(on_record))})"
        more = f"{text}. A caution; tocilizumab stays an option"
        return [find(OrderKind.INFECTION, protocol, text, more)]
    if CARE_CONDITIONS["conditions-unknown"](situation):
        text = (
            "Tocilizumab: infection and diverticular disease not checked, conditions could not be retrieved"
        )
        return [find(OrderKind.INFECTION_UNKNOWN, protocol, text)]
    return []
