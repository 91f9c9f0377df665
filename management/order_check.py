"""The check of one drafted order against the patient's situation, by the protocol.

Nothing is found where the order is fine. What could not be checked and would matter is found as that. The
findings come with the most severe first, otherwise in the order in which they are looked for.
"""

from collections.abc import Collection, Sequence
from datetime import datetime

from grading.chart import Lab
from management.drafted_order import (
    STANDS_AGAINST,
    DraftedOrder,
    OrderChange,
    OrderDrug,
    OrderFinding,
    OrderKind,
    Severity,
)
from management.order_doses import check_doses, escalates, write_mg
from management.order_table import OrderCut, find, order_table
from management.protocol_rows import Protocol
from management.situation import Situation, describe_hours, earlier_labs, latest_lab, write_instant
from management.steroid_orders import check_steroid_end
from management.steroid_rows import check_steroid_rows
from management.tocilizumab_orders import check_tocilizumab
from management.vocabulary import Cut

_ALTERNATIVES = frozenset({OrderDrug.DEXAMETHASONE, OrderDrug.METHYLPREDNISOLONE})


def check_order(
    order: DraftedOrder,
    situation: Situation,
    protocol: Protocol,
    beside: Sequence[DraftedOrder] = (),
    *,
    orders_known: bool = True,
) -> tuple[OrderFinding, ...]:
    """Check a drafted order. ``beside`` are the other drafts of the same request; ``orders_known`` says
    whether the active orders were all retrieved.

    Where it is not known whether CAR-T was infused, the one finding says so: the rules are for recipients.
    """
    if situation.evidence.infusion is None:
        text = f"{order.drug.title}: not checked, as it is not known whether CAR-T was infused"
        return (find(OrderKind.INFUSION_UNKNOWN, protocol, text),)
    found = [*_unclear(order, protocol), *_of_drug(order, situation, protocol, beside)]
    if order.change is OrderChange.START:
        found += _duplicate(order, situation, protocol, beside) or _unknown(order, protocol, orders_known)
    found.sort(key=lambda finding: finding.severity is not Severity.CRITICAL)
    return tuple(found)


def may_be_corrected(findings: Sequence[OrderFinding]) -> bool:
    """Whether a corrected dose may be offered: one is computed, and nothing else speaks against the order."""
    kinds = {finding.kind for finding in findings}
    return not kinds & STANDS_AGAINST and sum(finding.correct is not None for finding in findings) == 1


def _unclear(order: DraftedOrder, protocol: Protocol) -> list[OrderFinding]:
    found = []
    if not order.names_patient:
        text = f"{order.drug.title}: the draft does not say whose it is; checked as this patient's"
        found.append(find(OrderKind.NO_SUBJECT, protocol, text))
    if order.doubt is not None:
        text = (
            f"{order.drug.title}: the name of the drug was not read whole ({order.doubt}); check the product"
        )
        found.append(find(OrderKind.NAME_IN_DOUBT, protocol, text))
    return found


def _of_drug(
    order: DraftedOrder, situation: Situation, protocol: Protocol, beside: Sequence[DraftedOrder]
) -> list[OrderFinding]:
    found: list[OrderFinding] = []
    if order.drug.is_steroid:
        found += check_steroid_end(order, situation, protocol, beside)
    if order.change is OrderChange.STOP:
        return found
    if order.drug is OrderDrug.TOCILIZUMAB:
        others = [other for other in _same_drug(order, beside) if not _takes_place_of(order, other)]
        found += check_tocilizumab(order, situation, protocol, others)
    elif order.drug is OrderDrug.GM_CSF:
        text = "GM-CSF is not recommended in a recipient of CAR-T"
        found.append(find(OrderKind.GM_CSF, protocol, text))
    elif order.drug is OrderDrug.LEVETIRACETAM:
        found += _renal(situation, protocol)
    by_other_route = any(finding.kind is OrderKind.NOT_INTRAVENOUS for finding in found)
    if order.doubt is None and not by_other_route:
        found += check_doses(order, situation, protocol)
        if order.drug.is_steroid:
            known = {finding.kind for finding in found}
            rows = check_steroid_rows(order, situation, protocol)
            found += [finding for finding in rows if finding.kind not in known]
    return found


def _renal(situation: Situation, protocol: Protocol) -> list[OrderFinding]:
    """Kidney function that may be reduced, or is not known. No clearance is computed: no source has it.

    A creatinine that has not risen and comes without an upper limit is passed over: no number of ours says
    what is raised.
    """
    latest = latest_lab(situation, Lab.CREATININE)
    if latest is None:
        seen = "creatinine not charted in the last 48 h"
    else:
        earlier = [value.value for value in earlier_labs(situation, latest)]
        risen = bool(earlier) and latest.value - min(earlier) >= situation.cut(Cut.LYSIS_CREATININE_RISE)
        raised = latest.upper_limit is not None and latest.value > latest.upper_limit
        if not raised and not risen:
            return []
        seen = f"creatinine {write_mg(latest.value)} mg/dL at {write_instant(latest.at)}"
    cut = order_table().cuts[OrderCut.RENAL_CLEARANCE]
    text = (
        f"Levetiracetam: check creatinine clearance; adjusted below {write_mg(cut.value)} {cut.unit} ({seen})"
    )
    more = f"{text}. The clearance is not computed here"
    return [find(OrderKind.RENAL_DOSE, protocol, text, more, source=cut.provenance)]


def _duplicate(
    order: DraftedOrder, situation: Situation, protocol: Protocol, beside: Sequence[DraftedOrder]
) -> list[OrderFinding]:
    """The same drug on order and not charted as given, or drafted twice for the same time."""
    ended = {order.reference, *order.replaces}
    ended |= {other.reference for other in beside if other.change is OrderChange.STOP}
    ended |= {reference for other in beside for reference in other.replaces}
    for pending in situation.evidence.pending:
        if pending.drug.value == order.drug.value and pending.source.reference not in ended:
            when = f" at {write_instant(pending.authored_at)}" if pending.authored_at else ""
            text = f"{order.drug.title} is already ordered{when} and not charted as given"
            return [find(OrderKind.DUPLICATE, protocol, text)]
    if any(not _at_different_times(order, other) for other in _same_drug(order, beside)):
        return [find(OrderKind.DUPLICATE, protocol, f"{order.drug.title} is drafted twice")]
    return _alternative_beside(order, situation, protocol, beside, ended)


def _alternative_beside(
    order: DraftedOrder,
    situation: Situation,
    protocol: Protocol,
    beside: Sequence[DraftedOrder],
    ended: Collection[str | None],
) -> list[OrderFinding]:
    """The other of the two steroids drafted beside it, on order, or just given: each stands in place of the
    other. Just after a dose the step up to a higher one is no addition.
    """
    if order.drug not in _ALTERNATIVES:
        return []
    (other,) = _ALTERNATIVES - {order.drug}
    drafted = any(one.drug is other and one.change is OrderChange.START for one in beside)
    ordered = any(
        pending.drug.value == other.value and pending.source.reference not in ended
        for pending in situation.evidence.pending
    )
    given = max(
        (dose.at for dose in situation.evidence.steroids if dose.systemic and dose.drug.value == other.value),
        default=None,
    )
    if drafted:
        how = "drafted beside it"
    elif ordered:
        how = "already ordered and not charted as given"
    elif (
        given is not None
        and _first_start(order, situation) - given < situation.span(Cut.STEROID_DRAFT)
        and not escalates(situation, protocol)
    ):
        how = f"charted as given {describe_hours(situation.hours_since(given))} ago"
    else:
        return []
    text = f"{order.drug.title}: {other.value} is {how}; one is the alternative to the other, not an addition"
    return [find(OrderKind.DUPLICATE, protocol, text)]


def _first_start(order: DraftedOrder, situation: Situation) -> datetime:
    """When the first dose of an order would be given, now where that is not stated."""
    starts = [step.starts_at or situation.at for step in order.steps]
    return max(situation.at, min(starts, default=situation.at))


def _same_drug(order: DraftedOrder, beside: Sequence[DraftedOrder]) -> list[DraftedOrder]:
    """The other drafts that begin the same drug."""
    return [other for other in beside if other.drug is order.drug and other.change is OrderChange.START]


def _takes_place_of(one: DraftedOrder, other: DraftedOrder) -> bool:
    """Whether one of two drafts replaces the other."""
    return other.reference in one.replaces or one.reference in other.replaces


def _unknown(order: DraftedOrder, protocol: Protocol, orders_known: bool) -> list[OrderFinding]:
    """A duplicate cannot be excluded, of a drug whose active orders are looked at."""
    if orders_known or not (order.drug.is_steroid or order.drug is OrderDrug.TOCILIZUMAB):
        return []
    text = f"{order.drug.title}: whether it is ordered already was not checked, active orders not retrieved"
    return [find(OrderKind.DUPLICATE_UNKNOWN, protocol, text)]


def _at_different_times(one: DraftedOrder, other: DraftedOrder) -> bool:
    starts = [draft.steps[0].starts_at if draft.steps else None for draft in (one, other)]
    return None not in starts and starts[0] != starts[1]
