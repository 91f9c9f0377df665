"""A drafted steroid against the rows of the protocol that apply to the patient now: interval and size.

Only where the source prints an interval ("every 6-12 hours": the shorter one counts). Whether a steroid is
indicated at all is not asked: where no row applies, the smallest dose of the protocol is compared with.
"""

import re
from datetime import timedelta
from decimal import Decimal

from management.conditions import CONDITIONS
from management.drafted_order import DosageStep, DraftedOrder, OrderDrug, OrderFinding, OrderKind
from management.guard_rails import RefusedWeight, usable_weight
from management.order_doses import Limit, dose_rules, highest_dose, limits_of, write_mg
from management.order_table import find
from management.protocol_rows import DoseRule, Protocol
from management.review import Guard
from management.situation import Situation, describe_hours
from management.vocabulary import Cut, drug_of

_EVERY = re.compile(r"every (\d+)(?:-\d+)? hours")


def check_steroid_rows(order: DraftedOrder, situation: Situation, protocol: Protocol) -> list[OrderFinding]:
    """Check the steps of a steroid order. Nothing where a rule of the drug prints no interval."""
    rules = dose_rules(protocol, order.drug)
    if not rules or not all(map(_least_interval, rules)):
        return []
    now = _applying(rules, order.drug, situation, protocol)
    found: dict[OrderKind, OrderFinding] = {}
    for step in order.steps:
        amount = highest_dose(step, situation)
        if amount is None:
            continue
        for finding in (
            _too_often(step, amount, order.drug, limits_of(now or rules, situation), protocol),
            _of_another_row(amount, order.drug, now, rules, situation, protocol),
        ):
            if finding is not None:
                found.setdefault(finding.kind, finding)
    return list(found.values())


def _least_interval(rule: DoseRule) -> timedelta:
    """The interval that the source prints, the shorter of two; zero where it prints none."""
    match = _EVERY.search(rule.interval or "")
    return timedelta(hours=int(match[1])) if match is not None else timedelta(0)


def _applying(
    rules: tuple[DoseRule, ...], drug: OrderDrug, situation: Situation, protocol: Protocol
) -> tuple[DoseRule, ...]:
    """The rules of the rows that hold now."""
    infusion = situation.evidence.infusion
    product = None if infusion is None else infusion.product
    ids = {
        advice.dose
        for row in protocol.rows
        if not row.products or product in row.products
        for advice in row.gives
        if advice.dose is not None and drug_of(advice.id) == drug.value and CONDITIONS[row.when](situation)
    }
    return tuple(rule for rule in rules if rule.id in ids)


def _too_often(
    step: DosageStep, amount: Decimal, drug: OrderDrug, limits: list[Limit], protocol: Protocol
) -> OrderFinding | None:
    """More within every printed interval than the dose printed for it. A smaller dose may come oftener."""
    interval = step.interval if step.is_repeated else None
    if not limits or interval is None:
        return None
    if not all(_given_within(limit, interval, step.count) * amount > limit.passes for limit in limits):
        return None
    limit = max(limits, key=lambda one: one.passes)
    number = _given_within(limit, interval, step.count)
    if number == 1:
        return None  # one dose is too much by itself, which is said of the dose
    within = _hours(_least_interval(limit.rule))
    text = (
        f"{drug.title} {write_mg(amount)} mg every {_hours(interval)}: {number} doses in {within}, and the "
        f"source prints {limit.rule.text}"
    )
    return find(OrderKind.INTERVAL_UNDER_RULE, protocol, text, source=limit.rule.provenance)


def _given_within(limit: Limit, interval: timedelta, count: int | None) -> int:
    """How many doses of a repetition fall within the interval of a rule."""
    number = max(1, -(-_least_interval(limit.rule) // interval))
    return number if count is None else min(number, count)


def _of_another_row(
    amount: Decimal,
    drug: OrderDrug,
    now: tuple[DoseRule, ...],
    rules: tuple[DoseRule, ...],
    situation: Situation,
    protocol: Protocol,
) -> OrderFinding | None:
    """A dose above what the rows that apply print, and not above every rule of the drug."""
    every = limits_of(rules, situation)
    if all(amount > limit.passes for limit in every) or _goes_on_from(amount, drug, situation):
        return None
    weight = usable_weight(situation)
    compared = limits_of(now or rules, situation)
    incomplete = len(compared) < len(now or rules) and not (now and compared)
    if isinstance(weight, RefusedWeight) and incomplete:
        kind = OrderKind.NO_WEIGHT if weight.because is Guard.NO_WEIGHT else OrderKind.STALE_WEIGHT
        text = f"{drug.title}: not compared with the rule by weight. {weight.text}"
        return find(kind, protocol, text)
    if not now:
        compared = [min(compared, key=lambda one: one.dose.value)]
    limit = max(compared, key=lambda one: one.passes)
    if amount <= limit.passes:
        return None
    which = "now" if now else "without a row that applies now at most"
    text = (
        f"{drug.title} {write_mg(amount)} mg is for a row that does not apply; the protocol gives {which} "
        f"{limit.dose.arithmetic}"
    )
    more = f"{text}. The rules: {'; '.join(dict.fromkeys(rule.text for rule in rules))}"
    return find(OrderKind.OVER_CURRENT_RULE, protocol, text, more, source=limit.rule.provenance)


def _goes_on_from(amount: Decimal, drug: OrderDrug, situation: Situation) -> bool:
    """A dose no higher than one given lately is a course that goes on, and falls."""
    since = situation.at - situation.span(Cut.ON_STEROID)
    return any(
        dose.milligrams is not None and dose.milligrams >= amount
        for dose in situation.evidence.steroids
        if dose.systemic and dose.drug.value == drug.value and dose.at >= since
    )


def _hours(span: timedelta) -> str:
    return describe_hours(Decimal(int(span.total_seconds())) / 3600)
