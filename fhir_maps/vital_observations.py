"""Temperature, systolic pressure, oxygen saturation, weight."""

from collections.abc import Sequence
from decimal import Decimal

from fhir_maps import r4
from fhir_maps.charted import (
    Charted,
    charted_quantity,
    describe_quantity,
    gap_of,
    not_understood,
    noted,
    read_measured,
    unmapped_unit,
)
from fhir_maps.reading_rules import RULES
from fhir_maps.units import canonical_unit, in_celsius
from grading.chart import GapWhat, GapWhy, OxygenSaturation, Source, SystolicPressure, Temperature, Weight

# Each unit with the other one it is mistaken for, as a note names it.
_SCALES = {"Cel": "°C", "[degF]": "°F"}
_OTHER = {"Cel": "[degF]", "[degF]": "Cel"}


def read_temperature(charted: Charted) -> Sequence[object]:
    """Read a body temperature in °C, without rounding.

    A value that is implausible in its unit, or has none, is read in the one unit that makes it plausible, and
    the row says so. Without such a unit it is a gap.
    """
    quantity = charted_quantity(charted)
    if quantity is None or quantity.value is None:
        return not_understood(charted, GapWhat.TEMPERATURE, "temperature")
    if quantity.comparator:
        return (gap_of(charted, GapWhat.TEMPERATURE, GapWhy.AMBIGUOUS, describe_quantity(quantity)),)
    if not quantity.unit and not quantity.code:
        return _read_in_one_of(tuple(_SCALES), quantity, charted, "no unit charted")
    unit = canonical_unit(quantity, charted.terminology)
    if unit not in _SCALES:
        gap = gap_of(charted, GapWhat.TEMPERATURE, GapWhy.UNMAPPED, describe_quantity(quantity))
        return gap, unmapped_unit(quantity)
    celsius = _plausible_celsius(quantity.value, unit)
    if celsius is not None:
        return (Temperature(charted.at, celsius, charted.source),)
    return _read_in_one_of((_OTHER[unit],), quantity, charted, f"implausible in {_SCALES[unit]}")


def _plausible_celsius(value: Decimal, unit: str) -> Decimal | None:
    celsius = in_celsius(value, unit)
    return celsius if celsius is not None and RULES.temperature.hold(celsius) else None


def _read_in_one_of(
    units: tuple[str, ...], quantity: r4.Quantity, charted: Charted, because: str
) -> Sequence[object]:
    value = quantity.value if quantity.value is not None else Decimal("NaN")
    readings = [(unit, celsius) for unit in units if (celsius := _plausible_celsius(value, unit)) is not None]
    if len(readings) != 1:
        return (gap_of(charted, GapWhat.TEMPERATURE, GapWhy.IMPLAUSIBLE, describe_quantity(quantity)),)
    unit, celsius = readings[0]
    note = f"charted {describe_quantity(quantity)}, read as {_SCALES[unit]}: {because}"
    return (Temperature(charted.at, celsius, noted(charted.source, note)),)


def read_systolic(charted: Charted) -> Sequence[object]:
    """Read a systolic pressure in mmHg."""

    def write_row(mmhg: Decimal, source: Source) -> SystolicPressure:
        return SystolicPressure(charted.at, mmhg, source)

    return read_measured(charted, GapWhat.BLOOD_PRESSURE, "mm[Hg]", RULES.systolic, write_row)


def read_saturation(charted: Charted) -> Sequence[object]:
    """Read an oxygen saturation in percent."""

    def write_row(percent: Decimal, source: Source) -> OxygenSaturation:
        return OxygenSaturation(charted.at, percent, source)

    return read_measured(charted, GapWhat.SPO2, "%", RULES.saturation, write_row)


def read_weight(charted: Charted) -> Sequence[object]:
    """Read a body weight in kilograms.

    Without a unit it is a gap: pounds are as plausible, and a dose hangs on it.
    """

    def write_row(kilograms: Decimal, source: Source) -> Weight:
        return Weight(charted.at, kilograms, source)

    return read_measured(charted, GapWhat.WEIGHT, "kg", RULES.weight, write_row, unit_may_be_missing=False)
