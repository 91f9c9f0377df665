"""Temperature, systolic pressure, saturation and weight; status and time of every Observation."""

from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from fhir_maps.unmapped import Unmapped
from grading.chart import ChartGap, OxygenSaturation, SystolicPressure, Temperature, Weight
from tests.unit.fhir_maps.reading import AT, LOINC, MIMIC, coded, gaps, own, quantity, read, rows

TEMPERATURE = coded(LOINC, "8310-5")
SYSTOLIC = coded(LOINC, "8480-6")
PANEL = coded(LOINC, "85354-9")
WEIGHT = coded(LOINC, "29463-7")
SATURATION = coded(LOINC, "59408-5")


def celsius_of(value: object, unit: str | None, **members: object) -> tuple[Decimal, str | None] | list[Any]:
    found = read(TEMPERATURE, valueQuantity=quantity(value, unit), **members)
    if temperatures := rows(found, Temperature):
        assert len(found) == 1
        return temperatures[0].celsius, temperatures[0].source.note
    return gaps(found)


def test_celsius_is_read_as_it_stands() -> None:
    [row] = read(TEMPERATURE, valueQuantity=quantity(38.6, "Cel"))
    assert row == Temperature(AT, Decimal("38.6"), row.source)
    assert (row.source.reference, row.source.note) == ("Observation/o1", None)


@pytest.mark.parametrize(
    ("value", "unit", "celsius"),
    [
        (100.4, "[degF]", "38"),
        (100.4, "F", "38"),
        (100.4, "°F", "38"),
        (38.6, "°C", "38.6"),
        (38.6, "C", "38.6"),
    ],
)
def test_spelled_units_are_understood(value: float, unit: str, celsius: str) -> None:
    found = read(TEMPERATURE, valueQuantity={"value": value, "unit": unit})
    assert rows(found, Temperature)[0].celsius == Decimal(celsius)


def test_celsius_typed_as_fahrenheit_is_read_as_celsius_and_says_so() -> None:
    read_as = celsius_of(37.2, "[degF]")
    assert read_as == (Decimal("37.2"), "charted 37.2 [degF], read as °C: implausible in °F")


def test_fahrenheit_typed_as_celsius_is_read_as_fahrenheit_and_says_so() -> None:
    celsius, note = celsius_of(98.6, "Cel")
    assert celsius == 37
    assert note == "charted 98.6 Cel, read as °F: implausible in °C"


def test_temperature_without_unit_is_read_in_the_one_plausible_unit() -> None:
    assert celsius_of(38.6, None) == (
        Decimal("38.6"),
        "charted 38.6 without unit, read as °C: no unit charted",
    )
    celsius, _ = celsius_of(100.4, None)
    assert celsius == 38


@pytest.mark.parametrize(
    ("value", "unit"), [(0, "Cel"), (50, "Cel"), (60, None), (25, "[degF]"), (-5, "Cel")]
)
def test_temperature_plausible_in_no_unit_is_a_gap(value: float, unit: str | None) -> None:
    assert celsius_of(value, unit) == [("temperature", "implausible")]


@pytest.mark.parametrize(("value", "plausible"), [(33, True), (43, True), (32.9, False), (43.1, False)])
def test_plausible_temperatures_end_at_33_and_43_inclusive(value: float, plausible: bool) -> None:
    found = celsius_of(value, "Cel")
    assert (found == [("temperature", "implausible")]) is not plausible


def test_unknown_unit_is_a_gap_and_is_listed_for_the_site() -> None:
    found = read(
        TEMPERATURE, valueQuantity={"value": 38.6, "unit": "Grad", "system": "urn:local", "code": "G"}
    )
    assert gaps(found) == [("temperature", "unmapped")]
    assert rows(found, Unmapped) == [Unmapped("unit", "urn:local", "G", "Grad")]


@pytest.mark.parametrize(
    "absurd", ["NaN", "sNaN", "Infinity", "-Infinity", "1e400", "1e999999999", "-1e-999999999", "9" * 5000]
)
@pytest.mark.parametrize("unit", ["Cel", "[degF]", None])
def test_number_that_cannot_be_is_implausible(absurd: str, unit: str | None) -> None:
    assert celsius_of(absurd, unit) == [("temperature", "implausible")]


def test_comparator_is_no_measurement() -> None:
    found = read(TEMPERATURE, valueQuantity=quantity(38, "Cel") | {"comparator": ">"})
    assert gaps(found) == [("temperature", "ambiguous")]


def test_text_as_temperature_is_a_gap() -> None:
    found = read(TEMPERATURE, valueString="hot to touch")
    assert gaps(found) == [("temperature", "unmapped")]
    assert rows(found, ChartGap)[0].detail == "hot to touch"


@pytest.mark.parametrize(
    "members", [{}, {"valueQuantity": {"unit": "Cel"}}, {"dataAbsentReason": coded("x", "unknown")}]
)
def test_temperature_without_value_is_neither_row_nor_gap(members: dict[str, Any]) -> None:
    assert read(TEMPERATURE, **members) == []


@pytest.mark.parametrize("code", ["8331-1", "8328-7", "8332-9", "8333-7", "76011-6", "75539-7", "8329-5"])
def test_every_site_of_temperature_counts(code: str) -> None:
    found = read(coded(LOINC, code), valueQuantity=quantity(39, "Cel"))
    assert rows(found, Temperature)[0].celsius == 39


def test_site_of_measurement_is_no_temperature() -> None:
    assert read(coded(MIMIC, "224642"), valueString="Oral") == []


def test_local_code_with_known_text_is_read_and_marked() -> None:
    code = coded("urn:local", "T") | {"text": "Body Temperature"}
    [row] = read(code, valueQuantity=quantity(39, "Cel"))
    assert row.source.note == "matched on text"


def test_panel_gives_its_systolic_component_and_not_the_diastolic() -> None:
    found = read(
        PANEL,
        component=[
            {"code": coded(LOINC, "8462-4"), "valueQuantity": quantity(50, "mm[Hg]")},
            {"code": coded(LOINC, "8480-6"), "valueQuantity": quantity(84, "mm[Hg]")},
        ],
    )
    assert [(row.mmhg, row.at) for row in found] == [(84, AT)]
    assert isinstance(found[0], SystolicPressure)


def test_panel_reads_the_cuff_code_too() -> None:
    found = read(PANEL, component=[{"code": coded(LOINC, "76534-7"), "valueQuantity": quantity(91, "mmHg")}])
    assert rows(found, SystolicPressure)[0].mmhg == 91


@pytest.mark.parametrize(("value", "why"), [(0, "implausible"), (29, "implausible"), (301, "implausible")])
def test_impossible_pressure_is_a_gap(value: float, why: str) -> None:
    assert gaps(read(SYSTOLIC, valueQuantity=quantity(value, "mm[Hg]"))) == [("blood-pressure", why)]


def test_kilopascals_are_not_guessed() -> None:
    assert gaps(read(SYSTOLIC, valueQuantity=quantity(11.2, "kPa"))) == [("blood-pressure", "unmapped")]
    assert gaps(read(SYSTOLIC, valueQuantity={"value": 11.2})) == [("blood-pressure", "implausible")]


def test_pressure_without_unit_is_read_and_says_so() -> None:
    [row] = read(SYSTOLIC, valueQuantity={"value": 84})
    assert (row.mmhg, row.source.note) == (84, "no unit charted, read as mm[Hg]")


def test_mean_pressure_and_heart_rate_are_known_and_not_used() -> None:
    assert read(coded(LOINC, "8478-0"), valueQuantity=quantity(55, "mm[Hg]")) == []
    assert read(coded(LOINC, "8867-4"), valueQuantity=quantity(130, "/min")) == []


def test_saturation_is_read_in_percent() -> None:
    [row] = read(SATURATION, valueQuantity=quantity(88, "%"))
    assert row == OxygenSaturation(AT, Decimal(88), row.source)
    assert gaps(read(SATURATION, valueQuantity=quantity(0, "%"))) == [("spo2", "implausible")]
    assert gaps(read(SATURATION, valueQuantity={"value": 0.95})) == [("spo2", "implausible")]


@pytest.mark.parametrize(
    ("value", "unit", "kilograms"), [(72, "kg", "72"), (3400, "g", "3.4"), (154, "[lb_av]", "69.85322498")]
)
def test_weight_is_read_in_kilograms(value: float, unit: str, kilograms: str) -> None:
    found = read(WEIGHT, valueQuantity=quantity(value, unit))
    assert rows(found, Weight)[0].kilograms == Decimal(kilograms)


def test_weight_without_unit_is_never_guessed() -> None:
    assert gaps(read(WEIGHT, valueQuantity={"value": 154})) == [("weight", "ambiguous")]


# Status


@pytest.mark.parametrize("status", ["final", "amended", "corrected"])
def test_valid_status_is_read(status: str) -> None:
    assert len(rows(read(TEMPERATURE, status=status, valueQuantity=quantity(39, "Cel")), Temperature)) == 1


def test_preliminary_value_is_read_and_marked() -> None:
    [row] = read(TEMPERATURE, status="preliminary", valueQuantity=quantity(39, "Cel"))
    assert row.source.note == "preliminary"


@pytest.mark.parametrize("status", ["entered-in-error", "cancelled", "registered"])
def test_withdrawn_or_announced_value_is_ignored(status: str) -> None:
    assert read(TEMPERATURE, status=status, valueQuantity=quantity(39, "Cel")) == []


@pytest.mark.parametrize("status", [None, "unknown", "done", ""])
def test_status_that_says_nothing_is_a_gap_and_no_value(status: str | None) -> None:
    found = read(TEMPERATURE, status=status, valueQuantity=quantity(39, "Cel"))
    assert gaps(found) == [("temperature", "unmapped")]
    assert rows(found, ChartGap)[0].at == AT


# Time


def test_period_counts_by_its_end() -> None:
    period = {"start": "2026-03-04T07:00:00Z", "end": "2026-03-04T07:30:00Z"}
    [row] = read(
        TEMPERATURE, effectiveDateTime=None, effectivePeriod=period, valueQuantity=quantity(39, "Cel")
    )
    assert row.at == datetime.fromisoformat("2026-03-04T07:30:00+00:00")


def test_instant_is_read() -> None:
    [row] = read(
        TEMPERATURE,
        effectiveDateTime=None,
        effectiveInstant="2026-03-04T09:00:00+01:00",
        valueQuantity=quantity(39, "Cel"),
    )
    assert row.at == AT


@pytest.mark.parametrize(
    "when", ["2026-03-04T08:00:00", "2026-03-04", "0001-01-01T00:00:00+14:00", "now", None]
)
def test_time_without_offset_is_a_gap_and_issued_never_stands_in(when: str | None) -> None:
    found = read(
        TEMPERATURE,
        effectiveDateTime=when,
        issued="2026-03-04T08:00:00Z",
        valueQuantity=quantity(39, "Cel"),
    )
    assert gaps(found) == [("temperature", "implausible")]
    assert rows(found, ChartGap)[0].detail == "time missing or without offset"


def test_time_that_cannot_be_read_costs_nothing_where_nothing_was_charted() -> None:
    assert read(TEMPERATURE, effectiveDateTime="2026-03-04", dataAbsentReason=coded("x", "unknown")) == []


# What is not ours


def test_unknown_code_is_counted_and_no_gap() -> None:
    found = read(coded("urn:local", "4711", "Shoe size"), valueQuantity=quantity(43, "Cel"))
    assert found == [Unmapped("observation", "urn:local", "4711", "Shoe size")]


def test_observation_without_code_is_counted() -> None:
    assert read({}, valueQuantity=quantity(43, "Cel")) == [Unmapped("observation")]


def test_known_component_of_an_unknown_panel_is_read() -> None:
    component = {"code": TEMPERATURE, "valueQuantity": quantity(39, "Cel")}
    assert len(rows(read(coded("urn:local", "vitals"), component=[component]), Temperature)) == 1


def test_detail_of_a_gap_is_short_and_clean() -> None:
    found = read(TEMPERATURE, valueString="\x00<b>\n" + "x" * 2_000_000)
    detail = rows(found, ChartGap)[0].detail
    assert len(detail) == 80
    assert detail.isprintable()


# Content that no reader reads


SYSTOLIC_LOCAL = coded("urn:local", "sys")


@pytest.mark.parametrize(
    ("members", "detail"),
    [
        ({"valueString": "82/40"}, "82/40"),
        ({"valueString": "82/40", "component": [{"code": SYSTOLIC}]}, "82/40"),
        ({"valueQuantity": quantity(82, "mm[Hg]")}, "82 mm[Hg]"),
        ({"component": [{"code": SYSTOLIC_LOCAL, "valueQuantity": quantity(82, "mm[Hg]")}]}, "82 mm[Hg]"),
        ({"component": [{"valueQuantity": quantity(82, "mm[Hg]")}]}, "82 mm[Hg]"),
        ({"component": [{"code": SYSTOLIC_LOCAL, "valueString": "low"}]}, "low"),
    ],
)
def test_panel_of_which_nothing_is_read_is_a_gap_of_the_pressure(
    members: dict[str, Any], detail: str
) -> None:
    [gap] = read(PANEL, **members)
    assert gaps([gap]) == [("blood-pressure", "unmapped")]
    assert (gap.detail, gap.at, gap.source.reference) == (detail, AT, "Observation/o1")


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"valueString": ""},
        {"component": []},
        {"component": [{"code": SYSTOLIC_LOCAL}]},
        {"component": [{"code": coded(LOINC, "8462-4"), "valueQuantity": quantity(40, "mm[Hg]")}]},
        {"status": "cancelled", "valueString": "82/40"},
    ],
)
def test_panel_of_which_nothing_is_lost_is_no_gap(members: dict[str, Any]) -> None:
    assert read(PANEL, **members) == []


def test_what_stands_beside_a_pressure_that_was_read_is_no_gap() -> None:
    known = {"code": SYSTOLIC, "valueQuantity": quantity(120, "mm[Hg]")}
    cuff = {"code": coded("urn:local", "cuff"), "valueString": "left arm"}
    [row] = read(PANEL, component=[known, cuff], valueString="120/80")
    assert isinstance(row, SystolicPressure)


def test_unread_panel_of_unusable_status_or_time_is_a_gap_too() -> None:
    assert gaps(read(PANEL, valueString="82/40", status="unknown")) == [("blood-pressure", "unmapped")]
    undated = read(PANEL, valueString="82/40", effectiveDateTime=None)
    assert gaps(undated) == [("blood-pressure", "implausible")]


def test_unknown_component_under_a_saturation_without_value_is_a_gap() -> None:
    component = {"code": coded("urn:local", "sat"), "valueQuantity": quantity(84, "%")}
    assert gaps(read(SATURATION, component=[component])) == [("spo2", "unmapped")]


@pytest.mark.parametrize(
    ("code", "value", "what"),
    [
        (TEMPERATURE, {"valueString": "39.2 C"}, "temperature"),
        (SATURATION, {"valueString": "85%"}, "spo2"),
        (SYSTOLIC, {"valueString": "82/40"}, "blood-pressure"),
        (SYSTOLIC, {"valueRange": {"low": {"value": 80}, "high": {"value": 90}}}, "blood-pressure"),
        (TEMPERATURE, {"valueRatio": {"numerator": {"value": 39}}}, "temperature"),
        (SATURATION, {"valueSampledData": {"period": 1}}, "spo2"),
        (own("sedated"), {"valueString": "Yes"}, "sedation"),
        (own("sedated"), {"valueDateTime": "2026-03-04T08:00:00Z"}, "sedation"),
        (own("ice-total"), {"valueRange": {"low": {"value": 3}}}, "ice"),
    ],
)
def test_value_of_a_kind_that_is_not_read_is_a_gap_with_its_time(
    code: dict[str, Any], value: dict[str, Any], what: str
) -> None:
    [gap] = rows(read(code, **value), ChartGap)
    assert (gap.what.value, gap.why.value, gap.at) == (what, "unmapped", AT)


def test_null_is_no_value() -> None:
    assert read(TEMPERATURE, valueRange=None, valueTime=None) == []
