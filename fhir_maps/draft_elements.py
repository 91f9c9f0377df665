"""Elements of a drafted MedicationRequest that only the order check reads.

A draft is taken apart element by element, so that one of a wrong type is said to be unreadable and costs
neither the order nor the request. Its JSON stays as it came, for the corrected draft.
"""
# ruff: noqa: N815 - the element names are those of FHIR

from collections.abc import Mapping
from decimal import Decimal
from typing import TypeVar

import msgspec

from fhir_maps import r4
from fhir_maps.bundle_entries import UNREADABLE

Part = TypeVar("Part")
Members = dict[str, msgspec.Raw]


class _Element(msgspec.Struct, frozen=True, gc=False):
    """Base: immutable and without cycles."""


class Range(_Element, frozen=True):
    low: r4.Quantity | None = None
    high: r4.Quantity | None = None


class Repeat(_Element, frozen=True):
    boundsDuration: r4.Quantity | None = None
    boundsPeriod: r4.Period | None = None
    boundsRange: Range | None = None
    count: int | None = None
    countMax: int | None = None
    duration: Decimal | None = None
    durationUnit: str | None = None
    frequency: int | None = None
    frequencyMax: int | None = None
    period: Decimal | None = None
    periodUnit: str | None = None
    timeOfDay: list[str] = []


class Timing(_Element, frozen=True):
    event: list[str] = []
    repeat: Repeat | None = None
    code: r4.CodeableConcept | None = None


class DraftedAmount(_Element, frozen=True):
    doseQuantity: r4.Quantity | None = None
    doseRange: Range | None = None
    rateQuantity: r4.Quantity | None = None
    rateRatio: r4.Ratio | None = None
    rateRange: msgspec.Raw = r4.NOT_SENT


class Dosage(_Element, frozen=True):
    text: str | None = None
    sequence: int | None = None
    timing: Timing | None = None
    route: r4.CodeableConcept | None = None
    additionalInstruction: list[r4.CodeableConcept] = []
    patientInstruction: str | None = None
    doseAndRate: list[DraftedAmount] = []
    maxDosePerPeriod: r4.Ratio | None = None


class ProductIngredient(_Element, frozen=True):
    itemCodeableConcept: r4.CodeableConcept | None = None
    strength: r4.Ratio | None = None


class Product(_Element, frozen=True):
    """A Medication with its strength."""

    id: str | None = None
    code: r4.CodeableConcept | None = None
    ingredient: list[ProductIngredient] = []


class DraftEntry(_Element, frozen=True):
    fullUrl: str | None = None
    resource: msgspec.Raw = r4.NOT_SENT


class DraftBundle(_Element, frozen=True, tag_field="resourceType", tag="Bundle"):
    """The Bundle of drafts; every entry stays raw."""

    entry: list[msgspec.Raw] = []


# A union, so that the type must be named.
DRAFTS = msgspec.json.Decoder(DraftBundle | r4.Patient)
ENTRY = msgspec.json.Decoder(DraftEntry)
MEMBERS = msgspec.json.Decoder(Members)
CONCEPT = msgspec.json.Decoder(r4.CodeableConcept)
REFERENCE = msgspec.json.Decoder(r4.Reference)
DOSAGE = msgspec.json.Decoder(Dosage)
PRODUCT = msgspec.json.Decoder(Product)
MEDICATION = msgspec.json.Decoder(r4.Medication)
RAW_LIST = msgspec.json.Decoder(list[msgspec.Raw])
TEXT = msgspec.json.Decoder(str)
FLAG = msgspec.json.Decoder(bool)


def peek(decoder: msgspec.json.Decoder[Part], raw: msgspec.Raw | None) -> Part | None:
    """Decode an element; ``None`` where it is not there or of another shape."""
    if raw is None or raw is r4.NOT_SENT:
        return None
    try:
        return decoder.decode(raw)
    except UNREADABLE:
        return None


def is_malformed(decoder: msgspec.json.Decoder[Part], members: Mapping[str, msgspec.Raw], name: str) -> bool:
    """Whether an element is there and cannot be read."""
    return name in members and peek(decoder, members[name]) is None
