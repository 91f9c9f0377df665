"""Units and exact conversion: hand-worked values, and numbers that cannot be."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_maps.r4 import Quantity
from fhir_maps.terminology import Terminology, load_terminology
from fhir_maps.units import UCUM, canonical_unit, convert, in_celsius, is_measurable, quantity_in

TERMINOLOGY = load_terminology()


def test_a_hundred_point_four_fahrenheit_is_exactly_thirty_eight() -> None:
    assert in_celsius(Decimal("100.4"), "[degF]") == Decimal(38)


def test_a_hundred_point_three_fahrenheit_stays_below_thirty_eight() -> None:
    celsius = in_celsius(Decimal("100.3"), "[degF]")
    assert celsius is not None
    assert Decimal("37.94") < celsius < Decimal("37.95")


def test_thirty_seven_point_999_celsius_is_not_rounded_up() -> None:
    assert in_celsius(Decimal("37.99999999999999999999999999999999"), "Cel") == Decimal(
        "37.99999999999999999999999999999999"
    )


@given(st.decimals(min_value=60, max_value=120, places=2))
def test_fahrenheit_is_fever_exactly_when_the_exact_fraction_is(fahrenheit: Decimal) -> None:
    celsius = in_celsius(fahrenheit, "[degF]")
    assert celsius is not None
    assert (celsius >= 38) == ((Fraction(fahrenheit) - 32) * 5 / 9 >= 38)


@pytest.mark.parametrize(
    ("value", "unit", "to", "expected"),
    [
        ("72000", "g", "kg", "72"),
        ("154", "[lb_av]", "kg", "69.85322498"),
        ("0.5", "mg/dL", "mg/L", "5"),
        ("1.2", "g/L", "mg/dL", "120"),
        ("500", "ug/L", "ng/mL", "500"),
        ("0.3", "10*3/uL", "/uL", "300"),
        ("9", "10*9/L", "10*3/uL", "9"),
        ("8000", "/uL", "10*9/L", "8"),
        ("2000", "mL/min", "L/min", "2"),
        ("0.95", "1", "%", "95"),
        ("2", "ukat/L", "U/L", "120"),
        ("2.4", "U/h", "U/min", "0.04"),
        ("60", "ug/h", "ug/min", "1"),
        ("13.5", "g/dL", "g/L", "135"),
    ],
)
def test_conversion_is_exact(value: str, unit: str, to: str, expected: str) -> None:
    assert convert(Decimal(value), unit, to) == Decimal(expected)


@pytest.mark.parametrize(
    ("unit", "to"),
    [("mg", "mL"), ("ug/kg/min", "ug/min"), ("mmol/L", "mg/dL"), ("Cel", "[degF]"), ("kg", "stone")],
)
def test_conversion_across_dimensions_is_refused(unit: str, to: str) -> None:
    assert convert(Decimal(1), unit, to) is None


@pytest.mark.parametrize(
    "absurd",
    ["NaN", "sNaN", "Infinity", "-Infinity", "1e400", "1e-400", "1E+999999999", "0." + "3" * 100_000],
)
def test_absurd_number_converts_to_nothing_and_soon(absurd: str) -> None:
    value = Decimal(absurd)
    assert not is_measurable(value)
    assert convert(value, "kg", "g") is None
    assert in_celsius(value, "[degF]") is None


@pytest.mark.parametrize(
    ("quantity", "unit"),
    [
        (Quantity(code="Cel", system=UCUM, unit="C"), "Cel"),
        (Quantity(code="[degF]", system=UCUM, unit="F"), "[degF]"),
        (Quantity(unit="°F"), "[degF]"),
        (Quantity(unit="° F"), None),
        (Quantity(code="degF", system=UCUM), "[degF]"),
        (Quantity(unit="mmHg"), "mm[Hg]"),
        (Quantity(unit="mm Hg"), "mm[Hg]"),
        (Quantity(unit="MCG/KG/MIN"), "ug/kg/min"),
        (Quantity(code="mcg/kg/min", system="http://hospital.example/units"), "ug/kg/min"),
        (Quantity(code="[U]/min", system=UCUM, unit="units/min"), None),
        (Quantity(code="mg/L", system=UCUM, unit="mg/dL"), None),
        (Quantity(code="10*3/uL", system=UCUM, unit="K/uL"), "10*3/uL"),
        (Quantity(unit="torr"), None),
        (Quantity(), None),
        (Quantity(unit="x" * 2_000_000), None),
    ],
)
def test_unit_is_known_by_code_or_text(quantity: Quantity, unit: str | None) -> None:
    assert canonical_unit(quantity, TERMINOLOGY) == unit
    assert canonical_unit(quantity, TERMINOLOGY) == unit  # remembered, and the same


def test_memory_of_units_is_bounded() -> None:
    terminology = Terminology([])
    for number in range(3000):
        canonical_unit(Quantity(unit=f"unit {number}"), terminology)
    assert len(terminology.units) == 2000


def test_quantity_without_value_or_unit_is_nothing() -> None:
    assert quantity_in(Quantity(value=Decimal(2)), "mg", TERMINOLOGY) is None
    assert quantity_in(Quantity(unit="mg"), "mg", TERMINOLOGY) is None
    assert quantity_in(None, "mg", TERMINOLOGY) is None
    assert quantity_in(Quantity(value=Decimal(2), unit="g"), "mg", TERMINOLOGY) == 2000


def test_a_local_unit_system_with_a_long_address_is_read_by_its_code() -> None:
    local = Quantity(
        value=Decimal("98.6"),
        system="http://hospital.example/fhir/department/CodeSystem/flowsheet-units",
        code="degF",
        unit="degF",
    )
    assert canonical_unit(local, TERMINOLOGY) == "[degF]"
