"""One charted value on its way into the chart, and how a reader says what it cannot read.

A reader takes a :class:`Charted` and answers with rows of the chart, gaps, and what no map knows.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal

import msgspec

from fhir_maps import r4
from fhir_maps.reading_rules import Limits
from fhir_maps.terminology import Terminology
from fhir_maps.units import canonical_unit, convert, is_measurable
from fhir_maps.unmapped import Unmapped
from grading.chart import ChartGap, GapWhat, GapWhy, Source

# A gap's detail and a row's note stand on a card; what a reader needs of a long text is its beginning.
LONGEST_SHOWN = 80
_NULL = b"null"


class Charted(msgspec.Struct, frozen=True, gc=False):
    """A value (of an Observation or of one of its components), its time and where it came from."""

    value: r4.Observation | r4.ObservationComponent
    at: datetime
    source: Source
    resource: r4.Observation
    terminology: Terminology


Reader = Callable[[Charted], Sequence[object]]


def shown(text: str) -> str:
    """Cut a text to what fits a card, without control characters and with single blanks."""
    if len(text) <= LONGEST_SHOWN and text.isprintable():
        return text
    kept = "".join(sign if sign.isprintable() else " " for sign in text[: 4 * LONGEST_SHOWN])
    short = " ".join(kept.split())
    return short if len(short) <= LONGEST_SHOWN else short[: LONGEST_SHOWN - 1] + "…"


def noted(source: Source, note: str) -> Source:
    """The same source with one more note."""
    return Source(source.reference, f"{source.note}; {note}" if source.note else note)


def gap_of(charted: Charted, what: GapWhat, why: GapWhy, detail: str) -> ChartGap:
    """A gap at the time of a value that could not be read."""
    return ChartGap(what, why, shown(detail), charted.at, source=charted.source)


def is_empty(value: r4.Observation | r4.ObservationComponent) -> bool:
    """Whether nothing was charted: no value, or only the reason for its absence."""
    return (
        (value.valueQuantity is None or value.valueQuantity.value is None)
        and value.valueInteger is None
        and value.valueBoolean is None
        and not value.valueString
        and not _says_something(value.valueCodeableConcept)
        and not _has_another_form(value)
    )


def _has_another_form(value: r4.Observation | r4.ObservationComponent) -> bool:
    """Whether a value is charted in a form that no reader reads: a range, a ratio, a time."""
    forms = (
        value.valueRange,
        value.valueRatio,
        value.valueSampledData,
        value.valueTime,
        value.valueDateTime,
        value.valuePeriod,
    )
    return any(
        bytes(memoryview(form)[: len(_NULL) + 1]) != _NULL for form in forms if form is not r4.NOT_SENT
    )


def _says_something(concept: r4.CodeableConcept | None) -> bool:
    return concept is not None and bool(
        concept.text or any(coding.code or coding.display for coding in concept.coding)
    )


def describe_number(quantity: r4.Quantity) -> str:
    """The number as charted, for the detail of a gap."""
    if quantity.value is None:
        return "no number"
    number = f"{quantity.value:f}" if is_measurable(quantity.value) else "a number that cannot be"
    return f"{quantity.comparator or ''}{number}"


def describe_quantity(quantity: r4.Quantity) -> str:
    """Number and unit as charted, for the detail of a gap."""
    return f"{describe_number(quantity)} {quantity.unit or quantity.code or 'without unit'}"


def describe_concept(concept: r4.CodeableConcept) -> str:
    """Text and code as charted, for the detail of a gap."""
    first = concept.coding[0] if concept.coding else r4.Coding()
    text, code = concept.text or first.display, first.code
    if text and code and text != code:
        return f"{shown(text)} ({shown(code)})"
    return text or code or "without text and code"


def unmapped_concept(kind: str, concept: r4.CodeableConcept) -> Unmapped:
    """An unknown concept as an item for the list of what no map knows."""
    first = concept.coding[0] if concept.coding else r4.Coding()
    text = concept.text or first.display
    return Unmapped(
        kind,
        shown(first.system) if first.system else None,
        shown(first.code) if first.code else None,
        shown(text) if text else None,
    )


def describe_value(value: r4.Observation | r4.ObservationComponent) -> str:
    """A value of any kind as charted, for the detail of a gap."""
    if _says_something(value.valueCodeableConcept) and value.valueCodeableConcept is not None:
        return describe_concept(value.valueCodeableConcept)
    if value.valueString:
        return shown(value.valueString)
    if value.valueQuantity is not None:
        return describe_quantity(value.valueQuantity)
    return "a value of another kind"


def not_understood(charted: Charted, what: GapWhat, kind: str) -> Sequence[object]:
    """Answer for a value of a kind that the concept does not have; nothing when there is no value at all."""
    value = charted.value
    if is_empty(value):
        return ()
    if value.valueCodeableConcept is not None:
        concept = value.valueCodeableConcept
        return (
            gap_of(charted, what, GapWhy.UNMAPPED, describe_concept(concept)),
            unmapped_concept(kind, concept),
        )
    if value.valueString:
        text = shown(value.valueString)
        return gap_of(charted, what, GapWhy.UNMAPPED, text), Unmapped(kind, text=text)
    return (gap_of(charted, what, GapWhy.UNMAPPED, describe_value(value)),)


def charted_quantity(charted: Charted) -> r4.Quantity | None:
    """The value as a quantity: a bare integer is a quantity without unit. ``None`` when it is no number."""
    quantity = charted.value.valueQuantity
    if quantity is not None and quantity.value is not None:
        return quantity
    if charted.value.valueInteger is not None:
        return r4.Quantity(value=Decimal(charted.value.valueInteger))
    return None


def read_measured(
    charted: Charted,
    what: GapWhat,
    unit: str,
    limits: Limits,
    write_row: Callable[[Decimal, Source], object],
    *,
    unit_may_be_missing: bool = True,
) -> Sequence[object]:
    """Read a number in ``unit`` and write its row, or answer with the gap.

    A number without unit is read in ``unit`` when it is plausible so, and says that it was; with
    ``unit_may_be_missing=False`` it is a gap ``ambiguous``. A number with a comparator is no measurement.
    """
    quantity = charted_quantity(charted)
    if quantity is None or quantity.value is None:
        return not_understood(charted, what, what.value)
    if quantity.comparator:
        return (gap_of(charted, what, GapWhy.AMBIGUOUS, describe_quantity(quantity)),)
    if not is_measurable(quantity.value):
        return (gap_of(charted, what, GapWhy.IMPLAUSIBLE, describe_quantity(quantity)),)
    source = charted.source
    number: Decimal | None
    if quantity.unit or quantity.code:
        own_unit = canonical_unit(quantity, charted.terminology)
        if own_unit == unit:
            number = quantity.value
        else:
            number = convert(quantity.value, own_unit, unit) if own_unit else None
    elif unit_may_be_missing:
        number = quantity.value
        source = noted(source, f"no unit charted, read as {unit}")
    else:
        return (gap_of(charted, what, GapWhy.AMBIGUOUS, describe_quantity(quantity)),)
    if number is None:
        gap = gap_of(charted, what, GapWhy.UNMAPPED, describe_quantity(quantity))
        return gap, unmapped_unit(quantity)
    if not limits.hold(number):
        return (gap_of(charted, what, GapWhy.IMPLAUSIBLE, describe_quantity(quantity)),)
    return (write_row(number, source),)


def unmapped_unit(quantity: r4.Quantity) -> Unmapped:
    """A unit that no map knows, as an item for the site's list."""
    return Unmapped(
        "unit",
        shown(quantity.system) if quantity.system else None,
        shown(quantity.code) if quantity.code else None,
        shown(quantity.unit) if quantity.unit else None,
    )
