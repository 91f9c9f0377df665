"""Steroid orders that end abruptly: a stop, or a course without a taper, in a patient who is on steroid.

A single dose is no course. Another steroid that goes on (drafted beside it, or an active order) is no stop.
"""

from collections.abc import Sequence

from grading.chart import STEROIDS, GapWhat
from management.drafted_order import DosageStep, DraftedOrder, OrderChange, OrderFinding, OrderKind
from management.order_table import find
from management.protocol_rows import Protocol
from management.situation import Situation, describe_hours, not_retrieved
from management.treatment_course import latest_steroid

_TAPER = "The source tapers over 3–5 days on improvement, never an abrupt stop"


def check_steroid_end(
    order: DraftedOrder, situation: Situation, protocol: Protocol, beside: Sequence[DraftedOrder]
) -> list[OrderFinding]:
    """Check how an order of a steroid ends. ``beside`` are the other drafts."""
    stops = order.change is OrderChange.STOP
    if not (stops or _ends_without_taper(order)) or _goes_on(order, situation, beside):
        return []
    latest = latest_steroid(situation)
    title = order.drug.title
    if latest is None:
        if stops and not_retrieved(situation.assessment, (GapWhat.STEROIDS,)):
            text = f"{title} stopped: whether steroid was given could not be retrieved; taper if it was"
            return [find(OrderKind.STEROID_HISTORY_UNKNOWN, protocol, text, f"{text}. {_TAPER}")]
        return []
    last = f"{latest.drug.value} {describe_hours(situation.hours_since(latest.at))} ago"
    if stops:
        text = f"{title} would be stopped abruptly: the patient is on steroid ({last}); taper instead"
        return [find(OrderKind.ABRUPT_STOP, protocol, text, f"{text}. {_TAPER}")]
    text = f"{title}: the course ends without a taper, and the patient is on steroid ({last})"
    return [find(OrderKind.COURSE_WITHOUT_TAPER, protocol, text, f"{text}. {_TAPER}")]


def _ends_without_taper(order: DraftedOrder) -> bool:
    """A repeated course with an end of which the last step is no lower than the first."""
    if not order.steps or not all(_has_end(step) for step in order.steps):
        return False
    first, last = order.steps[0], order.steps[-1]
    if len(order.steps) == 1 or not first.doses or not last.doses:
        return len(order.steps) == 1
    return last.doses[0].high * last.times_per_day >= first.doses[0].high * first.times_per_day


def _has_end(step: DosageStep) -> bool:
    return step.is_repeated and (step.lasts is not None or step.count is not None)


def _goes_on(order: DraftedOrder, situation: Situation, beside: Sequence[DraftedOrder]) -> bool:
    drafted = any(other.drug.is_steroid and other.change is OrderChange.START for other in beside)
    stopped = {order.reference, *order.replaces}
    stopped |= {other.reference for other in beside if other.change is OrderChange.STOP}
    ordered = any(
        pending.drug in STEROIDS and pending.source.reference not in stopped
        for pending in situation.chart.pending_orders
    )
    return drafted or ordered
