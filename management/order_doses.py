"""The dose of a drafted order against the dose rules of the protocol, in exact arithmetic.

A dose is above the rules when it is above every rule that the protocol has for the drug. Where a protocol
prints one dose, that is the correct one; where it prints several, none is singled out. Deliberately absent:
drugs without a dose in the source, and any interval that the source does not state.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal

from grading.chart import GapWhat, Weight
from management.dosing import compute_dose, fixed_dose
from management.drafted_order import (
    CorrectDose,
    DosageStep,
    DraftedDose,
    DraftedOrder,
    OrderDrug,
    OrderFinding,
    OrderKind,
)
from management.guard_rails import RefusedWeight, usable_weight
from management.order_table import OrderCut, find, order_table
from management.protocol_rows import DoseRule, Protocol
from management.recommend import recommend
from management.review import Dose, Guard
from management.situation import Situation, is_child_or_unknown, not_retrieved
from management.treatment_course import latest_steroid
from management.vocabulary import drug_of

_ESCALATION = frozenset(
    {"steroid.escalate", "methylprednisolone.high-dose", "third-line.high-dose-methylprednisolone"}
)
_FINEST = Decimal("0.01")
_PER_DAY = "/day"


@dataclass(frozen=True, slots=True)
class Limit:
    """A dose rule for this patient: its dose, the most that passes, and the most that passes in any case."""

    rule: DoseRule
    dose: Dose
    passes: Decimal

    @property
    def per_day(self) -> bool:
        return self.rule.unit.endswith(_PER_DAY)


@dataclass(frozen=True, slots=True)
class _Ordered:
    """The amount of a step in mg for one administration and for a day, low and high where it is a range."""

    low: Decimal
    high: Decimal
    times: Decimal
    words: str
    per_day: bool

    def high_for(self, limit: Limit) -> Decimal:
        return self.high if self.per_day or not limit.per_day else self.high * self.times

    def low_for(self, limit: Limit) -> Decimal:
        return self.low if self.per_day or not limit.per_day else self.low * self.times


def dose_rules(protocol: Protocol, drug: OrderDrug) -> tuple[DoseRule, ...]:
    """The dose rules that the rows of the protocol give for the drug, each once."""
    named = {
        advice.dose: protocol.doses[advice.dose]
        for row in protocol.rows
        for advice in row.gives
        if advice.dose is not None and drug_of(advice.id) == drug.value
    }
    return tuple(named.values())


def check_doses(order: DraftedOrder, situation: Situation, protocol: Protocol) -> list[OrderFinding]:
    """Check the amounts of all steps. Nothing for a drug that the protocol prints no dose of."""
    rules = dose_rules(protocol, order.drug)
    if not rules:
        return []
    weight = usable_weight(situation)
    limits = limits_of(rules, situation)
    found: list[OrderFinding] = []
    for step in order.steps or (DosageStep(fault="no dosage instruction"),):
        finding = _check_step(step, order, rules, limits, weight, situation, protocol)
        if finding is not None and finding.kind not in {known.kind for known in found}:
            found.append(finding)
    return found


def limits_of(rules: Iterable[DoseRule], situation: Situation) -> list[Limit]:
    """The rules that a dose of this patient can be computed by: with a usable weight, or fixed for adults."""
    weight, adult = usable_weight(situation), not is_child_or_unknown(situation)
    return [limit for rule in rules if (limit := _limit(rule, weight, adult=adult)) is not None]


def highest_dose(step: DosageStep, situation: Situation) -> Decimal | None:
    """The most that a step gives at one time in mg; ``None`` where that is not known."""
    weight = usable_weight(situation)
    kilograms = weight.kilograms if isinstance(weight, Weight) else None
    single = [dose for dose in step.doses if not dose.per_day and not (dose.by_weight and kilograms is None)]
    return max((_ordered(dose, step, kilograms).high for dose in single), default=None)


def _limit(rule: DoseRule, weight: Weight | RefusedWeight, *, adult: bool) -> Limit | None:
    printed = order_table().printed.get(rule.id)
    if rule.fixed is not None:
        if not adult:
            return None
        return Limit(rule, fixed_dose(rule, rule.fixed), rule.fixed if printed is None else printed.value)
    if isinstance(weight, RefusedWeight):
        return None
    dose = compute_dose(rule, weight)
    room = dose.value * (1 + order_table().fraction(OrderCut.ABOVE_RULE))
    return Limit(rule, dose, room if rule.most is None else min(room, rule.most))


def _check_step(
    step: DosageStep,
    order: DraftedOrder,
    rules: tuple[DoseRule, ...],
    limits: list[Limit],
    weight: Weight | RefusedWeight,
    situation: Situation,
    protocol: Protocol,
) -> OrderFinding | None:
    if step.fault is not None or not step.doses:
        return _unreadable(step.fault or "no dose is stated", order, rules, limits, protocol)
    if all(dose.per_day for dose in step.doses) and not any(rule.unit.endswith(_PER_DAY) for rule in rules):
        why = f"{step.doses[0].written} a day is stated, and no dose for one administration"
        return _unreadable(why, order, rules, limits, protocol)
    if not limits and (slip := _slip_at_any_weight(step, order, rules, protocol)) is not None:
        return slip
    if not limits and all(rule.fixed is not None for rule in rules):
        text = (
            f"{order.drug.title}: the protocol prints a dose for adults only ({rules[0].text}); "
            "none to check this patient's against"
        )
        return find(OrderKind.ADULT_RULE, protocol, text)
    if isinstance(weight, RefusedWeight) and (not limits or any(dose.by_weight for dose in step.doses)):
        return _without_weight(step, order, rules, weight, protocol)
    kilograms = weight.kilograms if isinstance(weight, Weight) else None
    said = [_ordered(dose, step, kilograms) for dose in step.doses]
    if conflict := _conflict(said):
        return _unreadable(conflict, order, rules, limits, protocol)
    ordered = max(said, key=lambda one: one.high)
    if all(ordered.high_for(limit) > limit.passes for limit in limits):
        return _over(ordered, order, limits, situation, protocol)
    if len(order.steps) == 1 and _is_far_below(ordered, order, limits, situation):
        return _below(ordered, order, limits, situation, protocol)
    return None


def _ordered(dose: DraftedDose, step: DosageStep, kilograms: Decimal | None) -> _Ordered:
    factor = kilograms if dose.by_weight and kilograms is not None else Decimal(1)
    low, high = dose.low * factor, dose.high * factor
    amount = f"{write_mg(high)} mg" if low == high else f"{write_mg(low)} to {write_mg(high)} mg"
    words = dose.written if dose.written == amount else f"{dose.written} (= {amount})"
    times = step.times_per_day
    return _Ordered(low, high, times, words + (" a day" if dose.per_day else ""), dose.per_day)


def _conflict(said: list[_Ordered]) -> str | None:
    """Two statements of one dose that do not agree; what is stated for a day is not compared."""
    single = [one for one in said if not one.per_day]
    if not single:
        return None
    room = 1 + order_table().fraction(OrderCut.ABOVE_RULE)
    least, most = min(single, key=lambda one: one.high), max(single, key=lambda one: one.high)
    if most.high <= least.high * room:
        return None
    return f"two different doses are stated, {least.words} and {most.words}"


def _over(
    ordered: _Ordered, order: DraftedOrder, limits: list[Limit], situation: Situation, protocol: Protocol
) -> OrderFinding:
    limit = max(limits, key=lambda one: one.passes)
    slip = _is_a_slip(ordered, limits)
    kind = OrderKind.OVER_MAXIMUM
    if not slip and order.drug.is_steroid and escalates(situation, protocol):
        kind = OrderKind.OVER_WHILE_ESCALATING
    elif not slip and limit.per_day and limit.rule.most is None:
        kind = OrderKind.OVER_DAILY_RULE
    elif _may_be_rounded(ordered, limit):
        kind = OrderKind.ROUNDED_UP
    per_day = limit.per_day and not ordered.per_day and ordered.times > 1
    words = ordered.words
    if per_day:
        words += f" × {write_mg(ordered.times)} a day = {write_mg(ordered.high * ordered.times)} mg a day"
    what = "the maximum of" if limit.dose.capped or limit.rule.fixed is not None else "the rule's"
    amount = f"{write_mg(limit.dose.value)} {_unit(limit)}"
    summary = f"{order.drug.title} {words} is above {what} {amount} ({limit.dose.arithmetic})"
    text = f"{summary}. The rule: {_rules_in_words(limits)}"
    if kind is OrderKind.OVER_WHILE_ESCALATING:
        text += ". The protocol suggests escalating the steroid now and prints no dose for it"
    elif kind is OrderKind.OVER_DAILY_RULE:
        text += ". High-dose steroid is an option the protocol names without a dose, if that is what is meant"
    elif kind is OrderKind.ROUNDED_UP:
        text += ". It may have been rounded up to whole vials"
    if slip:
        text += ". So far above every rule that the decimal point or the unit may be wrong: check it"
    # A dose a day without a cap may be meant as a high dose: then the lower one is offered, not recommended.
    firm = kind is OrderKind.OVER_MAXIMUM
    correct = None
    if kind is not OrderKind.OVER_WHILE_ESCALATING:
        correct = _correct(ordered, limits, situation, recommended=firm)
    return find(kind, protocol, summary, text, source=limit.rule.provenance, correct=correct)


def _may_be_rounded(ordered: _Ordered, limit: Limit) -> bool:
    """A little above the rule by weight, and not above its cap."""
    rule, most = limit.rule, limit.dose.value * (1 + order_table().fraction(OrderCut.ROUNDED_UP))
    return rule.fixed is None and ordered.high_for(limit) <= (
        most if rule.most is None else min(most, rule.most)
    )


def _is_a_slip(ordered: _Ordered, limits: list[Limit]) -> bool:
    """So many times every rule that no protocol means it; escalation names no dose, but not any dose."""
    cuts = order_table().cuts
    return all(
        ordered.high_for(limit)
        >= limit.dose.value
        * cuts[OrderCut.OUTER_BOUND_WITHOUT_CAP if _has_no_most(limit.rule) else OrderCut.OUTER_BOUND].value
        for limit in limits
    )


def _has_no_most(rule: DoseRule) -> bool:
    return rule.most is None and rule.fixed is None


def _slip_at_any_weight(
    step: DosageStep, order: DraftedOrder, rules: tuple[DoseRule, ...], protocol: Protocol
) -> OrderFinding | None:
    """An amount that is a slip whatever the patient weighs, where there is no rule to compute."""
    cuts = order_table().cuts
    printed = [most for rule in rules if (most := rule.most or rule.fixed) is not None]
    bound = cuts[OrderCut.OUTER_BOUND_WITHOUT_WEIGHT].value
    if printed:
        bound = max(printed) * cuts[OrderCut.OUTER_BOUND].value
    for dose in step.doses:
        if not dose.by_weight and dose.high >= bound:
            summary = f"{order.drug.title} {dose.written}: no dose of {write_mg(bound)} mg or more is printed"
            text = f"{summary}, by far: the decimal point or the unit may be wrong: check it"
            return find(OrderKind.OVER_MAXIMUM, protocol, summary, f"{text}. The rule: {rules[0].text}")
    return None


def escalates(situation: Situation, protocol: Protocol) -> bool:
    """Whether the protocol suggests a higher steroid dose now, or the high-dose one."""
    outcome = recommend(situation, protocol)
    return any(item.id in _ESCALATION for item in outcome.recommendations)


def _is_far_below(ordered: _Ordered, order: DraftedOrder, limits: list[Limit], situation: Situation) -> bool:
    """Clearly below every rule. A steroid only as a first dose: lower ones are usual in a taper."""
    cut = OrderCut.BELOW_RULE
    if order.drug.is_steroid:
        if latest_steroid(situation) is not None or not_retrieved(situation.assessment, (GapWhat.STEROIDS,)):
            return False
        cut = OrderCut.STEROID_FAR_BELOW_RULE
    least = 1 - order_table().fraction(cut)
    return all(ordered.low_for(limit) < limit.dose.value * least for limit in limits)


def _below(
    ordered: _Ordered, order: DraftedOrder, limits: list[Limit], situation: Situation, protocol: Protocol
) -> OrderFinding:
    limit = min(limits, key=lambda one: one.dose.value)
    amount = f"{write_mg(limit.dose.value)} {_unit(limit)}"
    summary = f"{order.drug.title} {ordered.words} differs from the rule: {amount} ({limit.dose.arithmetic})"
    text = f"{summary}. Check unit and decimal point. The rule: {_rules_in_words(limits)}"
    correct = _correct(ordered, limits, situation, recommended=False)
    return find(OrderKind.BELOW_RULE, protocol, summary, text, correct=correct)


def _correct(
    ordered: _Ordered, limits: list[Limit], situation: Situation, *, recommended: bool = True
) -> CorrectDose | None:
    """The dose of the one rule there is; ``None`` where the protocol prints several different ones."""
    if len({(limit.dose.value, limit.per_day) for limit in limits}) > 1:
        return None
    limit = limits[0]
    value, arithmetic = limit.dose.value, limit.dose.arithmetic
    if limit.per_day and not ordered.per_day and ordered.times > 1:
        value = (value / ordered.times).quantize(_FINEST, ROUND_DOWN)
        arithmetic += f", in {write_mg(ordered.times)} parts"
    firm = recommended and limit.rule.provenance.verified and not is_child_or_unknown(situation)
    return CorrectDose(value, arithmetic, ordered.per_day, firm)


def _without_weight(
    step: DosageStep,
    order: DraftedOrder,
    rules: tuple[DoseRule, ...],
    weight: RefusedWeight,
    protocol: Protocol,
) -> OrderFinding:
    """What can be said without a weight: that a dose is above a cap, or above the highest rule per kg."""
    for rule in rules:
        per_kg = max((band.per_kg for band in rule.bands), default=None)
        for dose in step.doses:
            most = per_kg if dose.by_weight else rule.most
            unit = "mg/kg" if dose.by_weight else "mg"
            if most is not None and dose.high > most:
                summary = f"{order.drug.title} {dose.written} is above {write_mg(most)} {unit}, at any weight"
                text = f"{summary}. {weight.text}. The rule: {rule.text}"
                return find(OrderKind.OVER_MAXIMUM, protocol, summary, text, source=rule.provenance)
    kind = OrderKind.NO_WEIGHT if weight.because is Guard.NO_WEIGHT else OrderKind.STALE_WEIGHT
    summary = f"{order.drug.title}: dose not checked. {weight.text}"
    return find(kind, protocol, summary, f"{summary}. The rule: {'; '.join(rule.text for rule in rules)}")


def _unreadable(
    why: str,
    order: DraftedOrder,
    rules: tuple[DoseRule, ...],
    limits: Iterable[Limit],
    protocol: Protocol,
) -> OrderFinding:
    summary = f"{order.drug.title}: the dose could not be read and was not checked ({why})"
    computed = "; ".join(limit.dose.arithmetic for limit in limits)
    text = f"{summary}. The rule: {'; '.join(rule.text for rule in rules)}"
    if computed:
        text += f". For this patient: {computed}"
    return find(OrderKind.UNREADABLE_DOSE, protocol, summary, text)


def _rules_in_words(limits: list[Limit]) -> str:
    return "; ".join(dict.fromkeys(limit.rule.text for limit in limits))


def _unit(limit: Limit) -> str:
    return limit.rule.unit.replace(_PER_DAY, " a day")


def write_mg(amount: Decimal) -> str:
    """An amount to at most three decimals, without zeros at the end."""
    text = f"{amount.quantize(Decimal('0.001'), ROUND_DOWN):f}" if abs(amount) < 10**9 else f"{amount:.3E}"
    return text.rstrip("0").rstrip(".") if "." in text and "E" not in text else text
