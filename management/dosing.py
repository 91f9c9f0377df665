"""Doses by weight: exact decimal arithmetic, the cap said in words, nothing rounded to vial sizes."""

from decimal import Decimal

from grading.chart import Weight
from management.protocol_rows import DoseBand, DoseRule
from management.review import Dose
from management.situation import plain


def compute_dose(rule: DoseRule, weight: Weight) -> Dose:
    """The dose of ``rule`` for a measured weight.

    A band holds strictly below its weight. Whether the weight is recent enough is a guard's question, not
    asked here.
    """
    band = _band(rule, weight.kilograms)
    product = band.per_kg * weight.kilograms
    capped = rule.most is not None and product > rule.most
    value = rule.most if rule.most is not None and capped else product
    amount, per = _amount_and_per(rule.unit)
    kilograms = f"{weight.kilograms.normalize():f}"
    arithmetic = f"{plain(band.per_kg)} {amount}/kg{per} × {kilograms} kg = {plain(product)} {rule.unit}"
    if capped:
        arithmetic += f", capped at {plain(value)} {rule.unit}"
    return Dose(
        value=value,
        unit=rule.unit,
        arithmetic=arithmetic,
        route=rule.route,
        interval=rule.interval,
        weight_kg=weight.kilograms,
        weight_at=weight.at,
        capped=capped,
    )


def fixed_dose(rule: DoseRule, amount: Decimal) -> Dose:
    """The dose of a rule that does not depend on the weight."""
    return Dose(
        value=amount,
        unit=rule.unit,
        arithmetic=f"{plain(amount)} {rule.unit}, the source's fixed dose for adults",
        route=rule.route,
        interval=rule.interval,
    )


def _band(rule: DoseRule, kilograms: Decimal) -> DoseBand:
    for band in rule.bands[:-1]:
        if band.below_kg is not None and kilograms < band.below_kg:
            return band
    return rule.bands[-1]


def _amount_and_per(unit: str) -> tuple[str, str]:
    """``mg/day`` is ``mg`` per kg and day."""
    amount, slash, per = unit.partition("/")
    return amount, slash + per
