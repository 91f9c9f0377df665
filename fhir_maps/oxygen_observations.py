"""Oxygen: device, flow and inspired fraction, each charted for itself or as a component.

A device is a coding, a text, or a string; its name alone tells the device, never the flow. "None" is room air
only here. Which support a device means, and which of several holds, is grading's.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from fhir_maps.charted import (
    Charted,
    charted_quantity,
    describe_concept,
    describe_quantity,
    gap_of,
    is_empty,
    not_understood,
    noted,
    read_measured,
    shown,
    unmapped_concept,
)
from fhir_maps.reading_rules import RULES
from fhir_maps.terminology import Match, fold_text
from fhir_maps.units import is_measurable
from fhir_maps.unmapped import Unmapped
from grading.chart import (
    ChartGap,
    GapWhat,
    GapWhy,
    InspiredOxygenRow,
    OxygenDevice,
    OxygenDeviceRow,
    OxygenFlowRow,
    Source,
)

DEVICE_GROUP = "oxygen_device"
_DEVICES = {device.value: device for device in OxygenDevice}
_FOLDED_NAMES = {name: fold_text(name) for name in _DEVICES}
_UNSPECIFIED = "unspecified-"
# "Other" is a device we cannot name; every other unused row is one that we can name, and do not grade.
_NOT_NAMED = "!other"
_SEVERAL = ";,"
_MOST_PARTS = 6


def read_oxygen_device(charted: Charted) -> Sequence[object]:
    """Read the oxygen device or devices; what no map knows is a gap, never "no oxygen"."""
    concept = charted.value.valueCodeableConcept
    if concept is not None and not is_empty(charted.value):
        matches = charted.terminology.all_of_concept(DEVICE_GROUP, concept)
        if not matches and concept.text:
            return _read_device_text(concept.text, charted)
        if not matches:
            gap = gap_of(charted, GapWhat.OXYGEN, GapWhy.UNMAPPED, describe_concept(concept))
            return gap, unmapped_concept(DEVICE_GROUP, concept)
        return _rows_of(matches, describe_concept(concept), charted)
    if charted.value.valueString:
        return _read_device_text(charted.value.valueString, charted)
    return not_understood(charted, GapWhat.OXYGEN, DEVICE_GROUP)


def _read_device_text(text: str, charted: Charted) -> Sequence[object]:
    """Look the whole text up first; only an unknown one is taken apart into several devices."""
    whole = charted.terminology.of_text(DEVICE_GROUP, text)
    if whole is not None:
        return _rows_of([whole], text, charted)
    parts = _parts_of(text)
    if len(parts) < 2:
        return _unknown_text(text, charted)
    rows: list[object] = []
    for part in parts:
        match = charted.terminology.of_text(DEVICE_GROUP, part)
        rows += _rows_of([match], part, charted) if match else _unknown_text(part, charted)
    return rows


def _parts_of(text: str) -> list[str]:
    """The devices of a text that lists several; a text of more parts than anyone wears is left whole."""
    for sign in _SEVERAL:
        text = text.replace(sign, ";")
    parts = [part.strip() for part in text.split(";", _MOST_PARTS) if part.strip()]
    return parts if len(parts) <= _MOST_PARTS else []


def _unknown_text(text: str, charted: Charted) -> Sequence[object]:
    if not text.strip():
        return ()
    return gap_of(charted, GapWhat.OXYGEN, GapWhy.UNMAPPED, text), Unmapped(DEVICE_GROUP, text=shown(text))


def _rows_of(matches: Iterable[Match], text: str, charted: Charted) -> Sequence[object]:
    """Rows of one value's devices: a specific one outweighs an unspecified one, and both an unused one."""
    used = [match for match in matches if not match.unused]
    if not used:
        return [_unusable(match, text, charted) for match in matches]
    specific = [match for match in used if not match.concept.startswith(_UNSPECIFIED)]
    return [
        OxygenDeviceRow(charted.at, _DEVICES[match.concept], _source_of(match, text, charted.source))
        for match in specific or used
    ]


def _unusable(match: Match, text: str, charted: Charted) -> ChartGap:
    if match.concept == _NOT_NAMED:
        return gap_of(charted, GapWhat.OXYGEN, GapWhy.UNMAPPED, text)
    return gap_of(charted, GapWhat.OXYGEN, GapWhy.AMBIGUOUS, f"{shown(text)}: {match.row.reason}")


def _source_of(match: Match, text: str, source: Source) -> Source:
    """Tell a reader the charted words where they are not simply the device's own name."""
    if match.by_text and text != match.concept and fold_text(text) != _FOLDED_NAMES[match.concept]:
        return noted(source, f'charted as "{shown(text)}"')
    return source


def read_oxygen_flow(charted: Charted) -> Sequence[object]:
    """Read an oxygen flow in litres per minute."""

    def write_row(litres: Decimal, source: Source) -> OxygenFlowRow:
        return OxygenFlowRow(charted.at, litres, source)

    return read_measured(charted, GapWhat.OXYGEN_FLOW, "L/min", RULES.oxygen_flow, write_row)


def read_additional_flow(charted: Charted) -> Sequence[object]:
    """Answer for the flow of a second cannula: it is there, and whose it is cannot be told."""
    if is_empty(charted.value):
        return ()
    quantity = charted_quantity(charted)
    amount = describe_quantity(quantity) if quantity else "flow not readable"
    detail = f"{amount} through an additional cannula"
    return (gap_of(charted, GapWhat.OXYGEN_FLOW, GapWhy.AMBIGUOUS, detail),)


def read_inspired_oxygen(charted: Charted) -> Sequence[object]:
    """Read FiO2 as a fraction; percent and fraction are told apart by size, whatever the unit says.

    An implausible value is dropped without a gap: FiO2 is no criterion, and nothing is graded by it.
    """
    quantity = charted_quantity(charted)
    if quantity is None or quantity.value is None or quantity.comparator or not is_measurable(quantity.value):
        return ()
    for fraction in (quantity.value, quantity.value.scaleb(-2)):
        if RULES.inspired_oxygen.hold(fraction):
            return (InspiredOxygenRow(charted.at, fraction, charted.source),)
    return ()
