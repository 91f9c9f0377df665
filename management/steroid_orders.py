"""Steroid orders that end abruptly: a stop, or a course without a taper, in a patient who is on steroid.

A single dose is no course. Another steroid that goes on (drafted beside it at no small part of the last dose,
or an active order) is no stop.
"""

from collections.abc import Sequence
from decimal import Decimal

from grading.chart import STEROIDS, GapWhat
from management.drafted_order import DosageStep, DraftedOrder, OrderChange, OrderFinding, OrderKind
from management.order_doses import highest_dose
from management.order_table import OrderCut, find, order_table
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
    drafted = any(
        other.drug.is_steroid and other.change is OrderChange.START and _is_enough(other, situation)
        for other in beside
    )
    stopped = {order.reference, *order.replaces}
    stopped |= {other.reference for other in beside if other.change is OrderChange.STOP}
    ordered = any(
        pending.drug in STEROIDS and pending.source.reference not in stopped
        for pending in situation.chart.pending_orders
    )
    return drafted or ordered


def _is_enough(other: DraftedOrder, situation: Situation) -> bool:
    """Whether a drafted steroid carries on what was given: no single dose, and not a small part of the last.

    Where the two cannot be compared (no amount charted, a steroid whose potency no source of ours states),
    its size is not judged.
    """
    if not other.steps or (len(other.steps) == 1 and other.steps[0].count == 1):
        return False
    first = other.steps[0]
    a_day = max((dose.high for dose in first.doses if dose.per_day and not dose.by_weight), default=None)
    drafted = highest_dose(first, situation) or a_day
    latest = latest_steroid(situation)
    if drafted is None:
        return False
    if latest is None or latest.milligrams is None:
        return True
    potency, of_latest = _potency(other.drug.value), _potency(latest.drug.value)
    if other.drug.value == latest.drug.value:
        potency = of_latest = Decimal(1)
    if potency is None or of_latest is None:
        return True
    least = order_table().fraction(OrderCut.STEROID_GOES_ON)
    return drafted * potency >= latest.milligrams * of_latest * least


def _potency(drug: str) -> Decimal | None:
    """Prednisone equivalent of a milligram; ``None`` where no source of ours states it."""
    cuts = order_table().cuts
    return {
        "prednisone": Decimal(1),
        "dexamethasone": cuts[OrderCut.DEXAMETHASONE_IN_PREDNISONE].value,
        "methylprednisolone": cuts[OrderCut.METHYLPREDNISOLONE_IN_PREDNISONE].value,
    }.get(drug)
