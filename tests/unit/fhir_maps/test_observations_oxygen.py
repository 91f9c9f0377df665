"""Oxygen: device, flow and FiO2, apart or as components, coded or in words."""

from decimal import Decimal
from typing import Any

import pytest

from fhir_maps.unmapped import Unmapped
from grading.chart import ChartGap, InspiredOxygenRow, OxygenDeviceRow, OxygenFlowRow, OxygenSaturation
from tests.unit.fhir_maps.reading import LOINC, MIMIC, SNOMED, coded, gaps, own, quantity, read, rows

DEVICE = coded(LOINC, "107117-4")
MIMIC_DEVICE = coded(MIMIC, "226732")
FLOW = coded(LOINC, "3151-8")
FIO2 = coded(LOINC, "3150-0")
SATURATION = coded(LOINC, "59408-5")


def devices(found: list[Any]) -> list[str]:
    return [row.device.value for row in rows(found, OxygenDeviceRow)]


@pytest.mark.parametrize(
    ("text", "device"),
    [
        ("Endotracheal tube", "mechanical-ventilation"),
        ("Nasal cannula", "nasal-cannula"),
        ("Aerosol-cool", "aerosol-mask"),
        ("Face tent", "face-tent"),
        ("Tracheostomy tube", "tracheostomy-mask"),
        ("High flow nasal cannula", "high-flow-nasal-cannula"),
        ("High flow neb", "unspecified-oxygen"),
        ("Bipap mask", "bipap"),
        ("Non-rebreather", "non-rebreather"),
        ("Medium conc mask", "simple-mask"),
        ("Venti mask", "venturi-mask"),
        ("CPAP mask", "cpap"),
        ("None", "room-air"),
        ("None (Room air)", "room-air"),
        ("Room air", "room-air"),
        ("room-air", "room-air"),
        ("RA", "room-air"),
        ("NC", "nasal-cannula"),
        ("HFNC", "high-flow-nasal-cannula"),
        ("NRB", "non-rebreather"),
        ("SIMPLE_MASK", "simple-mask"),
        ("Face mask", "simple-mask"),
        ("Mask", "unspecified-mask"),
        ("Ventilator", "mechanical-ventilation"),
        ("Trach collar", "tracheostomy-mask"),
        ("blow by", "blow-by"),
        ("BiPAP", "bipap"),
        ("NIV", "unspecified-non-invasive-ventilation"),
    ],
)
def test_device_is_read_from_words(text: str, device: str) -> None:
    assert devices(read(MIMIC_DEVICE, valueString=text)) == [device]
    assert devices(read(DEVICE, valueCodeableConcept={"text": text})) == [device]


@pytest.mark.parametrize(
    ("code", "device"),
    [
        ("722742002", "room-air"),
        ("371907003", "nasal-cannula"),
        ("426854004", "high-flow-nasal-cannula"),
        ("428311008", "unspecified-non-invasive-ventilation"),
        ("371908008", "unspecified-mask"),
        ("57485005", "unspecified-oxygen"),
        ("47545007", "cpap"),
        ("129121000", "tracheostomy-mask"),
        ("40617009", "mechanical-ventilation"),
    ],
)
def test_device_is_read_from_a_code(code: str, device: str) -> None:
    assert devices(read(DEVICE, valueCodeableConcept=coded(SNOMED, code))) == [device]


@pytest.mark.parametrize(
    "text", ["7", "Other", "Other (Comment)", "Turbo mask", "no cannula", "None of these"]
)
def test_unknown_device_is_a_gap_and_never_room_air(text: str) -> None:
    found = read(MIMIC_DEVICE, valueString=text)
    assert devices(found) == []
    assert gaps(found) == [("oxygen", "unmapped")]
    assert rows(found, ChartGap)[0].detail == text


def test_unknown_device_is_listed_for_the_site_with_text_and_code() -> None:
    value = coded("urn:local", "D9", "Turbo mask")
    found = read(DEVICE, valueCodeableConcept=value)
    assert rows(found, ChartGap)[0].detail == "Turbo mask (D9)"
    assert rows(found, Unmapped) == [Unmapped("oxygen_device", "urn:local", "D9", "Turbo mask")]


@pytest.mark.parametrize("code", ["702172008", "112798008", "371785003", "427594004"])
def test_code_that_tells_no_support_is_ambiguous(code: str) -> None:
    found = read(DEVICE, valueCodeableConcept=coded(SNOMED, code))
    assert devices(found) == []
    assert gaps(found) == [("oxygen", "ambiguous")]


def test_several_devices_in_one_text_are_each_read() -> None:
    assert devices(read(DEVICE, valueString="Face tent; Nasal cannula")) == ["face-tent", "nasal-cannula"]
    assert devices(read(DEVICE, valueString="Nasal cannula, CPAP")) == ["nasal-cannula", "cpap"]


def test_unknown_part_of_several_devices_is_a_gap_beside_the_known() -> None:
    found = read(DEVICE, valueString="Nasal cannula; Turbo")
    assert devices(found) == ["nasal-cannula"]
    assert gaps(found) == [("oxygen", "unmapped")]


def test_text_of_a_thousand_parts_is_one_unknown_text() -> None:
    found = read(DEVICE, valueString="RA;" * 1000)
    assert devices(found) == []
    assert gaps(found) == [("oxygen", "unmapped")]


def test_words_tell_the_device_where_the_code_is_unspecified() -> None:
    value = coded(SNOMED, "57485005") | {"text": "Nasal cannula"}
    assert devices(read(DEVICE, valueCodeableConcept=value)) == ["nasal-cannula"]


def test_code_and_words_of_two_devices_are_both_read() -> None:
    value = coded(SNOMED, "371907003") | {"text": "HFNC"}
    assert devices(read(DEVICE, valueCodeableConcept=value)) == ["nasal-cannula", "high-flow-nasal-cannula"]


def test_charted_words_are_kept_where_they_differ_from_the_device() -> None:
    [row] = read(DEVICE, valueString="Medium conc mask")
    assert row.source.note == 'charted as "Medium conc mask"'
    [row] = read(DEVICE, valueString="Nasal cannula")
    assert row.source.note is None


@pytest.mark.parametrize(
    "members",
    [{}, {"dataAbsentReason": coded("x", "unknown")}, {"valueString": ""}, {"valueCodeableConcept": {}}],
)
def test_device_without_value_is_neither_row_nor_gap(members: dict[str, Any]) -> None:
    assert read(DEVICE, **members) == []


@pytest.mark.parametrize(
    "members", [{"valueQuantity": quantity(4, "L/min")}, {"valueInteger": 7}, {"valueBoolean": True}]
)
def test_device_is_never_a_number(members: dict[str, Any]) -> None:
    assert gaps(read(DEVICE, **members)) == [("oxygen", "unmapped")]


def test_none_is_room_air_only_for_an_oxygen_device() -> None:
    assert devices(read(coded(MIMIC, "220739"), valueString="None")) == []
    assert devices(read(own("seizure"), valueCodeableConcept=own("none"))) == []


def test_device_flow_and_fio2_are_read_as_components_of_a_saturation() -> None:
    found = read(
        SATURATION,
        valueQuantity=quantity(93, "%"),
        component=[
            {"code": FLOW, "valueQuantity": quantity(4, "L/min")},
            {"code": FIO2, "valueQuantity": quantity(36, "%")},
            {"code": DEVICE, "valueString": "Nasal cannula"},
        ],
    )
    assert [row.percent for row in rows(found, OxygenSaturation)] == [93]
    assert [row.litres_per_minute for row in rows(found, OxygenFlowRow)] == [4]
    assert [row.fraction for row in rows(found, InspiredOxygenRow)] == [Decimal("0.36")]
    assert devices(found) == ["nasal-cannula"]
    assert gaps(found) == []


def test_device_is_read_from_a_component_of_a_flow_without_value() -> None:
    found = read(FLOW, component=[{"code": DEVICE, "valueString": "HFNC"}])
    assert devices(found) == ["high-flow-nasal-cannula"]
    assert len(found) == 1


@pytest.mark.parametrize(
    ("value", "unit", "litres"), [(6, "L/min", "6"), (6, "lpm", "6"), (500, "mL/min", "0.5"), (6, None, "6")]
)
def test_flow_is_read_in_litres_per_minute(value: float, unit: str | None, litres: str) -> None:
    members = {"value": value} | ({"unit": unit} if unit else {})
    found = read(FLOW, valueQuantity=members)
    assert rows(found, OxygenFlowRow)[0].litres_per_minute == Decimal(litres)


def test_flow_beyond_any_device_is_a_gap() -> None:
    assert gaps(read(FLOW, valueQuantity=quantity(600, "L/min"))) == [("oxygen-flow", "implausible")]
    assert gaps(read(FLOW, valueQuantity=quantity(-1, "L/min"))) == [("oxygen-flow", "implausible")]


def test_flow_of_an_additional_cannula_is_ambiguous() -> None:
    found = read(coded(MIMIC, "227287"), valueQuantity=quantity(3, "L/min"))
    assert rows(found, OxygenFlowRow) == []
    assert gaps(found) == [("oxygen-flow", "ambiguous")]


@pytest.mark.parametrize(
    ("value", "unit", "fraction"),
    [
        (40, "%", "0.4"),
        (0.4, "torr", "0.4"),
        (40, None, "0.4"),
        (21, "%", "0.21"),
        (1, "1", "1"),
        (100, "%", "1"),
    ],
)
def test_inspired_oxygen_is_told_apart_by_size(value: float, unit: str | None, fraction: str) -> None:
    members = {"value": value} | ({"unit": unit} if unit else {})
    found = read(FIO2, valueQuantity=members)
    assert rows(found, InspiredOxygenRow)[0].fraction == Decimal(fraction)


@pytest.mark.parametrize("value", [0, 4, 10, 101, "NaN", "1e999999999"])
def test_implausible_inspired_oxygen_is_dropped_without_a_gap(value: object) -> None:
    assert read(FIO2, valueQuantity=quantity(value, "%")) == []


def test_peak_flow_is_never_inspired_oxygen() -> None:
    assert read(coded(LOINC, "19935-6"), valueQuantity=quantity(40, "%")) == []
