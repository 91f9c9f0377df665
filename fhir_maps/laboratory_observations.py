"""Laboratory values in the unit the protocols are written in.

Mass, number and activity convert exactly; mass and substance by the substance's own factor. A unit without a
known conversion is a gap. A text ("___", "UNABLE TO REPORT.") is no value, and no gap either: the laboratory
said so.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal

from fhir_maps.charted import (
    Charted,
    charted_quantity,
    describe_quantity,
    gap_of,
    noted,
    unmapped_unit,
)
from fhir_maps.reading_rules import RULES
from fhir_maps.units import canonical_unit, convert, divide, is_measurable
from grading.chart import GapWhat, GapWhy, Lab, LabValue

_CHARGE = "meq/L"
_SUBSTANCE = "mmol/L"
_MASS = "mg/dL"


def laboratory_reader(lab: Lab) -> Callable[[Charted], Sequence[object]]:
    """Make the reader of one laboratory value."""

    def read(charted: Charted) -> Sequence[object]:
        return _read(lab, charted)

    return read


def _read(lab: Lab, charted: Charted) -> Sequence[object]:
    quantity = charted_quantity(charted)
    if quantity is None or quantity.value is None:
        return ()
    described = f"{lab.value} {describe_quantity(quantity)}"
    if not is_measurable(quantity.value):
        return (gap_of(charted, GapWhat.LABS, GapWhy.IMPLAUSIBLE, described),)
    unit = canonical_unit(quantity, charted.terminology)
    value = _in_own_unit(lab, quantity.value, unit)
    if value is None:
        return gap_of(charted, GapWhat.LABS, GapWhy.UNMAPPED, described), unmapped_unit(quantity)
    if not RULES.laboratory.hold(value):
        return (gap_of(charted, GapWhat.LABS, GapWhy.IMPLAUSIBLE, described),)
    # A value beyond the assay's range is reported by its bound; the note keeps what it is.
    source = noted(charted.source, f"charted {described}") if quantity.comparator else charted.source
    return (LabValue(lab, charted.at, value, source, _upper_limit(lab, unit, charted)),)


def _in_own_unit(lab: Lab, value: Decimal, unit: str | None) -> Decimal | None:
    target = RULES.laboratory_units.get(lab)
    if target is None:
        return value
    if unit is None:
        return None
    if unit == _CHARGE and lab in RULES.monovalent:
        unit = _SUBSTANCE
    number = convert(value, unit, target)
    factor = RULES.mmol_per_litre_of_a_mg_per_decilitre.get(lab)
    if number is not None or factor is None:
        return number
    substance = convert(value, unit, _SUBSTANCE)
    if substance is not None:
        return convert(divide(substance, factor), _MASS, target)
    mass = convert(value, unit, _MASS)
    return None if mass is None else convert(mass * factor, _SUBSTANCE, target)


def _upper_limit(lab: Lab, unit: str | None, charted: Charted) -> Decimal | None:
    """The upper limit of normal; ``None`` when none is given, or several that differ (by age, by sex)."""
    limits = set()
    for reference in charted.resource.referenceRange:
        high = reference.high
        if high is None or high.value is None or charted.value is not charted.resource:
            continue
        own = canonical_unit(high, charted.terminology) if high.unit or high.code else unit
        limit = _in_own_unit(lab, high.value, own) if is_measurable(high.value) else None
        if lab not in RULES.laboratory_units and own != unit:
            limit = None
        if limit is not None and limit > 0:
            limits.add(limit)
    return limits.pop() if len(limits) == 1 else None
