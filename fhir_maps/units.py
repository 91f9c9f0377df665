"""Units as charted, and exact conversion between them.

A unit is known by its UCUM code, or by a text of the ``unit`` maps. A conversion happens only within a
dimension, by the fractions of ``tables/unit_factors.toml``; across dimensions (mass to substance, absolute to
weight-based) nothing is converted here. Only endless quotients are rounded, at the fiftieth digit.
"""

import tomllib
from decimal import ROUND_FLOOR, Context, Decimal
from functools import cache
from importlib import resources

from fhir_maps.r4 import Quantity
from fhir_maps.terminology import Terminology

UCUM = "http://unitsofmeasure.org"
# No trap: an absurd number becomes infinite or not a number, and is then found implausible.
_EXACT = Context(prec=50, rounding=ROUND_FLOOR, traps=[])
# Larger or finer than any measurement; keeps an exponent of a milliard from being expanded.
_LARGEST_EXPONENT = 15
_SENSIBLE = Context(prec=40, traps=[])
# Unit strings are short and few; a hostile feed must not fill the memory with others.
_LONGEST_UNIT = 40
_LONGEST_SYSTEM = 400
_MOST_UNITS = 2000
_CELSIUS = "Cel"
_FAHRENHEIT = "[degF]"


def is_measurable(value: Decimal) -> bool:
    """Whether a number is finite and of a size and precision that a measurement can have."""
    return value.is_finite() and abs(value.adjusted()) <= _LARGEST_EXPONENT and _SENSIBLE.plus(value) == value


def canonical_unit(quantity: Quantity, terminology: Terminology) -> str | None:
    """Return the UCUM code of a quantity's unit; ``None`` when it has none, or none that a map knows.

    ``None`` as well when its code and its unit text name two units of different size.
    """
    key = (quantity.system, quantity.code, quantity.unit)
    known = terminology.units
    try:
        return known[key]
    except KeyError:
        pass
    if any(part is not None and len(part) > _LONGEST_UNIT for part in key[1:]):
        return None
    if quantity.system is not None and len(quantity.system) > _LONGEST_SYSTEM:
        return None
    unit = _look_up(quantity, terminology)
    if len(known) < _MOST_UNITS:
        known[key] = unit
    return unit


def _look_up(quantity: Quantity, terminology: Terminology) -> str | None:
    coded = terminology.of_code("unit", quantity.system or UCUM, quantity.code)
    if coded is None:
        # A spelled unit ("degF", "mcg/min") is often sent as the code, and even as one of UCUM.
        coded = terminology.of_text("unit", quantity.code)
    written = terminology.of_text("unit", quantity.unit)
    if written is not None and written.unused:
        written = None
    if coded is None:
        return written.concept if written else None
    if coded.unused or (written is not None and not _same_size(coded.concept, written.concept)):
        return None
    return coded.concept


def _same_size(one: str, other: str) -> bool:
    return one == other or convert(Decimal(1), one, other) == 1


def convert(value: Decimal, unit: str, to: str) -> Decimal | None:
    """Convert between two canonical units; ``None`` across dimensions, or when the number is absurd."""
    if not is_measurable(value):
        return None
    if unit == to:
        return value
    fraction = _fraction(unit, to)
    if fraction is None:
        return None
    numerator, denominator = fraction
    return _EXACT.divide(_EXACT.multiply(value, numerator), denominator)


def divide(value: Decimal, divisor: Decimal) -> Decimal:
    """Divide as conversions do: fifty digits, downwards."""
    return _EXACT.divide(value, divisor)


def quantity_in(quantity: Quantity | None, to: str, terminology: Terminology) -> Decimal | None:
    """Return a quantity's value in the canonical unit ``to``.

    ``None`` when there is no value, its unit is absent or unknown, or it does not convert. A comparator
    (``<``, ``>``) is the caller's to look at.
    """
    if quantity is None or quantity.value is None:
        return None
    unit = canonical_unit(quantity, terminology)
    return None if unit is None else convert(quantity.value, unit, to)


def in_celsius(value: Decimal, unit: str) -> Decimal | None:
    """Convert ``Cel`` or ``[degF]`` to °C: 100.4 °F is exactly 38. ``None`` for other units."""
    if not is_measurable(value):
        return None
    if unit == _CELSIUS:
        return value
    if unit == _FAHRENHEIT:
        return _EXACT.divide(_EXACT.multiply(_EXACT.subtract(value, Decimal(32)), Decimal(5)), Decimal(9))
    return None


@cache
def _fraction(unit: str, to: str) -> tuple[Decimal, Decimal] | None:
    factors = _factors()
    if unit not in factors or to not in factors:
        return None
    dimension, numerator, denominator = factors[unit]
    to_dimension, to_numerator, to_denominator = factors[to]
    if dimension != to_dimension:
        return None
    return Decimal(numerator * to_denominator), Decimal(denominator * to_numerator)


@cache
def _factors() -> dict[str, tuple[str, int, int]]:
    text = resources.files("fhir_maps").joinpath("tables", "unit_factors.toml").read_text("utf-8")
    return {
        unit: (dimension, numerator, denominator)
        for dimension, units in tomllib.loads(text).items()
        if dimension != "source"
        for unit, (numerator, denominator) in units.items()
    }
