"""Guard rails: what holds a treatment back, each with its number and where it comes from.

Guards act on the recommend and the consider form of a drug alike. Only administrations count, never orders.
"""

from dataclasses import dataclass
from datetime import timedelta

from grading.chart import Weight
from management.protocol_rows import Protocol
from management.review import Guard, TocilizumabCount, Withheld
from management.situation import Situation, describe_hours, describe_instant, plain
from management.tocilizumab_doses import doses_not_retrieved, unread_doses
from management.weight_check import doubt_about_weight

_DAY = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class RefusedWeight:
    """Why no dose may rest on the charted weight."""

    because: Guard
    text: str


def count_tocilizumab(situation: Situation) -> TocilizumabCount:
    """Count the administrations at the instant; the 24 h are half-open, so a dose exactly a day old has left
    them.
    """
    doses = situation.tocilizumab
    return TocilizumabCount(
        last_24_h=sum(1 for dose in doses if situation.at - dose.at < _DAY),
        total=len(doses),
        hours_since_last=situation.hours_since(doses[-1].at) if doses else None,
        may_be_more=doses_not_retrieved(situation.assessment) or bool(unread_doses(situation)),
    )


def withhold_tocilizumab(situation: Situation, protocol: Protocol) -> tuple[Withheld, ...]:
    """Every limit of number and interval that tocilizumab meets now."""
    count = count_tocilizumab(situation)
    withheld: list[Withheld] = []
    interval = protocol.limit(Guard.INTERVAL_UNDER_8H)
    if count.hours_since_last is not None and count.hours_since_last < interval:
        possible = situation.tocilizumab[-1].at + timedelta(hours=float(interval))
        text = (
            f"Last dose {describe_hours(count.hours_since_last)} ago; at least {describe_hours(interval)} "
            f"are required, so not before {describe_instant(situation, possible)}"
        )
        withheld.append(_withheld(protocol, Guard.INTERVAL_UNDER_8H, text))
    if count.last_24_h >= protocol.limit(Guard.THREE_DOSES_IN_24H):
        text = f"{count.last_24_h} doses in the last 24 h"
        withheld.append(_withheld(protocol, Guard.THREE_DOSES_IN_24H, text))
    if count.total >= protocol.limit(Guard.FOUR_DOSES_IN_TOTAL):
        text = f"{count.total} doses given"
        withheld.append(_withheld(protocol, Guard.FOUR_DOSES_IN_TOTAL, text))
    return tuple(withheld)


def weight_holds_for(protocol: Protocol) -> timedelta:
    """How old a weight may be for a dose to rest on it."""
    return timedelta(days=float(protocol.limit(Guard.STALE_WEIGHT)))


def usable_weight(situation: Situation) -> Weight | RefusedWeight:
    """The weight that a dose may rest on, or why none may."""
    weight = situation.evidence.weight
    if weight is None:
        return RefusedWeight(Guard.NO_WEIGHT, "No weight charted, and none is ever assumed")
    if situation.at - weight.at > situation.weight_holds_for:
        return RefusedWeight(Guard.STALE_WEIGHT, _stale(weight, situation))
    doubt = doubt_about_weight(situation)
    return weight if doubt is None else RefusedWeight(Guard.NO_WEIGHT, doubt)


def _stale(weight: Weight, situation: Situation) -> str:
    days, most = (situation.at - weight.at).days, situation.weight_holds_for.days
    return f"Latest weight {plain(weight.kilograms)} kg is {days} days old; {most} at most"


def _withheld(protocol: Protocol, guard: Guard, text: str) -> Withheld:
    row = protocol.guards[guard]
    return Withheld(id="tocilizumab.dose", because=guard, text=text, cite=row.provenance.citation)
