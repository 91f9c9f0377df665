"""Laboratory values: every one in the unit its rules are written in, or a gap."""

from decimal import Decimal
from typing import Any

import pytest

from grading.chart import Lab, LabValue
from tests.unit.fhir_maps.reading import LOINC, coded, gaps, quantity, read, rows


def value_of(code: str, value: object, unit: str) -> Decimal:
    [row] = rows(read(coded(LOINC, code), valueQuantity={"value": value, "unit": unit}), LabValue)
    assert isinstance(row.value, Decimal)
    return row.value


@pytest.mark.parametrize(
    ("code", "value", "unit", "expected"),
    [
        ("1988-5", 5, "mg/dL", "50"),  # CRP, mg/L
        ("1988-5", 50, "mg/L", "50"),
        ("2276-4", 18000, "ug/L", "18000"),  # ferritin, ng/mL
        ("2276-4", 18, "mg/L", "18000"),
        ("777-3", 9, "10*3/uL", "9"),  # platelets, 10*9/L
        ("777-3", 9000, "/uL", "9"),
        ("777-3", 9, "K/uL", "9"),
        ("751-8", 0.3, "10*9/L", "300"),  # ANC, /uL
        ("751-8", 300, "/uL", "300"),
        ("3255-7", 0.9, "g/L", "90"),  # fibrinogen, mg/dL
        ("718-7", 92, "g/L", "9.2"),  # haemoglobin, g/dL
        ("1751-7", 31, "g/L", "3.1"),  # albumin, g/dL
        ("2951-2", 118, "mEq/L", "118"),  # sodium, mmol/L
        ("2823-3", 6.1, "mmol/L", "6.1"),
        ("2465-3", 3.5, "g/L", "350"),  # IgG, mg/dL
        ("2532-0", 2, "ukat/L", "120"),  # LDH, U/L
        ("1742-6", 320, "IU/L", "320"),
        ("2160-0", 88.4, "umol/L", "1"),  # creatinine, mg/dL
        ("1975-2", 17.1, "umol/L", "1"),  # bilirubin
        ("3084-1", 59.48, "umol/L", "1"),  # urate
        ("17861-6", 2.495, "mmol/L", "10"),  # calcium
        ("2777-1", 1.6145, "mmol/L", "5"),  # phosphate
        ("2524-7", 9, "mg/dL", "0.999"),  # lactate, mmol/L
    ],
)
def test_value_is_converted_to_the_unit_of_its_rules(
    code: str, value: float, unit: str, expected: str
) -> None:
    assert value_of(code, value, unit) == Decimal(expected)


@pytest.mark.parametrize(
    ("code", "unit"),
    [
        ("1988-5", "nmol/L"),
        ("718-7", "mmol/L"),
        ("777-3", "mg/dL"),
        ("2951-2", "furlong"),
        ("1742-6", "U/mL"),
    ],
)
def test_unit_without_a_known_conversion_is_a_gap(code: str, unit: str) -> None:
    found = read(coded(LOINC, code), valueQuantity={"value": 5, "unit": unit})
    assert rows(found, LabValue) == []
    assert gaps(found) == [("labs", "unmapped")]


def test_value_without_unit_is_a_gap() -> None:
    assert gaps(read(coded(LOINC, "777-3"), valueQuantity={"value": 9})) == [("labs", "unmapped")]
    assert gaps(read(coded(LOINC, "777-3"), valueInteger=9)) == [("labs", "unmapped")]


@pytest.mark.parametrize("text", ["___", "UNABLE TO REPORT.", "HEMOLYZED"])
def test_text_is_no_value_and_no_gap(text: str) -> None:
    assert read(coded(LOINC, "777-3"), valueString=text) == []


@pytest.mark.parametrize("value", [-1, "NaN", "1e400", "1e999999999"])
def test_value_that_cannot_be_is_implausible(value: object) -> None:
    assert gaps(read(coded(LOINC, "777-3"), valueQuantity=quantity(value, "10*9/L"))) == [
        ("labs", "implausible")
    ]


def test_value_beyond_the_assay_keeps_its_bound_and_says_so() -> None:
    found = read(coded(LOINC, "2276-4"), valueQuantity=quantity(40000, "ng/mL") | {"comparator": ">"})
    [row] = rows(found, LabValue)
    assert (row.value, row.source.note) == (40000, "charted ferritin >40000 ng/mL")


def upper_limit(high: list[dict[str, Any]], unit: str = "U/L") -> Decimal | None:
    found = read(
        coded(LOINC, "1742-6"),
        valueQuantity=quantity(320, unit),
        referenceRange=[{"high": one} for one in high],
    )
    [row] = rows(found, LabValue)
    assert row.lab is Lab.ALT
    assert row.upper_limit is None or isinstance(row.upper_limit, Decimal)
    return row.upper_limit


def test_upper_limit_of_normal_comes_in_the_same_unit() -> None:
    assert upper_limit([quantity(40, "U/L")]) == 40
    assert upper_limit([quantity(0.5, "ukat/L")]) == 30
    assert upper_limit([{"value": 40}]) == 40


@pytest.mark.parametrize(
    "high", [[], [{"value": "NaN"}], [{"value": 0}], [quantity(40, "U/L"), quantity(55, "U/L")], [{}]]
)
def test_upper_limit_that_is_missing_absurd_or_manifold_is_none(high: list[dict[str, Any]]) -> None:
    assert upper_limit(high) is None


def test_troponin_stays_as_charted_with_its_own_limit() -> None:
    found = read(
        coded(LOINC, "6598-7"),
        valueQuantity=quantity(0.2, "ng/mL"),
        referenceRange=[{"high": quantity(0.01, "ng/mL")}],
    )
    [row] = rows(found, LabValue)
    assert (row.value, row.upper_limit) == (Decimal("0.2"), Decimal("0.01"))


def test_troponin_limit_in_another_unit_is_not_used() -> None:
    found = read(
        coded(LOINC, "6598-7"),
        valueQuantity=quantity(200, "ng/L"),
        referenceRange=[{"high": quantity(0.01, "ng/mL")}],
    )
    assert rows(found, LabValue)[0].upper_limit is None


@pytest.mark.parametrize("code", ["26881-3", "6301-6", "1994-3", "2345-7", "2571-8"])
def test_laboratory_value_that_no_rule_uses_is_known_and_not_used(code: str) -> None:
    assert read(coded(LOINC, code), valueQuantity=quantity(5, "mg/dL")) == []
