"""Typed decoding of the FHIR R4 elements we read, and of nothing else.

Reading is tolerant and isolated: a Bundle is opened as an envelope of raw entries, and each resource is
decoded on its own, so that one unreadable resource is one gap. Unknown elements are skipped unbuilt. Choice
elements that we do not read (``valueRange`` and others) stay raw, so that it is known that something was
charted; those that nothing reads (``issued`` of an Observation, ``category``) are absent on purpose. A fault
in either costs no reading.

These structs say nothing about validity: a status outside its code set, a naive time or an implausible number
is judged by the module that reads it.
"""
# ruff: noqa: N815 - the element names are those of FHIR

from decimal import Decimal

import msgspec

# One object, so that "not sent" is told by identity: it is asked of several elements of each value.
NOT_SENT = msgspec.Raw()


class _Element(msgspec.Struct, frozen=True, gc=False):
    """Base of all elements: immutable, and not tracked by the cyclic collector (they hold no cycles)."""


class _Resource(_Element, frozen=True, tag_field="resourceType", tag=True):
    """Base of the resources: told apart by ``resourceType``, so that one pass both routes and decodes."""


class Coding(_Element, frozen=True):
    system: str | None = None
    code: str | None = None
    display: str | None = None


class CodeableConcept(_Element, frozen=True):
    coding: list[Coding] = []
    text: str | None = None


class Identifier(_Element, frozen=True):
    system: str | None = None
    value: str | None = None


class Reference(_Element, frozen=True):
    reference: str | None = None
    display: str | None = None


class Quantity(_Element, frozen=True):
    value: Decimal | None = None
    comparator: str | None = None
    unit: str | None = None
    system: str | None = None
    code: str | None = None


class Ratio(_Element, frozen=True):
    numerator: Quantity | None = None
    denominator: Quantity | None = None


class Period(_Element, frozen=True):
    start: str | None = None
    end: str | None = None


class Annotation(_Element, frozen=True):
    text: str | None = None


class ReferenceRange(_Element, frozen=True):
    high: Quantity | None = None


class ObservationComponent(_Element, frozen=True):
    code: CodeableConcept | None = None
    valueQuantity: Quantity | None = None
    valueCodeableConcept: CodeableConcept | None = None
    valueString: str | None = None
    valueInteger: int | None = None
    valueBoolean: bool | None = None
    valueRange: msgspec.Raw = NOT_SENT
    valueRatio: msgspec.Raw = NOT_SENT
    valueSampledData: msgspec.Raw = NOT_SENT
    valueTime: msgspec.Raw = NOT_SENT
    valueDateTime: msgspec.Raw = NOT_SENT
    valuePeriod: msgspec.Raw = NOT_SENT
    dataAbsentReason: CodeableConcept | None = None


class Observation(_Resource, frozen=True):
    id: str | None = None
    status: str | None = None
    code: CodeableConcept | None = None
    subject: Reference | None = None
    effectiveDateTime: str | None = None
    effectivePeriod: Period | None = None
    effectiveInstant: str | None = None
    valueQuantity: Quantity | None = None
    valueCodeableConcept: CodeableConcept | None = None
    valueString: str | None = None
    valueInteger: int | None = None
    valueBoolean: bool | None = None
    valueRange: msgspec.Raw = NOT_SENT
    valueRatio: msgspec.Raw = NOT_SENT
    valueSampledData: msgspec.Raw = NOT_SENT
    valueTime: msgspec.Raw = NOT_SENT
    valueDateTime: msgspec.Raw = NOT_SENT
    valuePeriod: msgspec.Raw = NOT_SENT
    dataAbsentReason: CodeableConcept | None = None
    component: list[ObservationComponent] = []
    referenceRange: list[ReferenceRange] = []
    note: list[Annotation] = []


class Ingredient(_Element, frozen=True):
    itemCodeableConcept: CodeableConcept | None = None
    itemReference: Reference | None = None


class Medication(_Resource, frozen=True):
    id: str | None = None
    code: CodeableConcept | None = None
    ingredient: list[Ingredient] = []


class AdministrationDosage(_Element, frozen=True):
    text: str | None = None
    route: CodeableConcept | None = None
    method: CodeableConcept | None = None
    dose: Quantity | None = None
    rateQuantity: Quantity | None = None
    rateRatio: Ratio | None = None


class MedicationAdministration(_Resource, frozen=True):
    id: str | None = None
    status: str | None = None
    category: CodeableConcept | None = None
    medicationCodeableConcept: CodeableConcept | None = None
    medicationReference: Reference | None = None
    contained: list[msgspec.Raw] = []
    subject: Reference | None = None
    request: Reference | None = None
    effectiveDateTime: str | None = None
    effectivePeriod: Period | None = None
    dosage: AdministrationDosage | None = None
    note: list[Annotation] = []


class DoseAndRate(_Element, frozen=True):
    doseQuantity: Quantity | None = None


class OrderDosage(_Element, frozen=True):
    text: str | None = None
    route: CodeableConcept | None = None
    doseAndRate: list[DoseAndRate] = []


class MedicationRequest(_Resource, frozen=True):
    id: str | None = None
    status: str | None = None
    intent: str | None = None
    medicationCodeableConcept: CodeableConcept | None = None
    medicationReference: Reference | None = None
    contained: list[msgspec.Raw] = []
    subject: Reference | None = None
    authoredOn: str | None = None
    dosageInstruction: list[OrderDosage] = []
    doNotPerform: bool | None = None


class Procedure(_Resource, frozen=True):
    id: str | None = None
    status: str | None = None
    code: CodeableConcept | None = None
    subject: Reference | None = None
    performedDateTime: str | None = None
    performedPeriod: Period | None = None


class Condition(_Resource, frozen=True):
    id: str | None = None
    clinicalStatus: CodeableConcept | None = None
    verificationStatus: CodeableConcept | None = None
    code: CodeableConcept | None = None
    subject: Reference | None = None
    onsetDateTime: str | None = None
    onsetPeriod: Period | None = None
    recordedDate: str | None = None
    abatementDateTime: str | None = None


class Patient(_Resource, frozen=True):
    id: str | None = None
    birthDate: str | None = None
    deceasedBoolean: bool | None = None
    deceasedDateTime: str | None = None


class DiagnosticReport(_Resource, frozen=True):
    id: str | None = None
    status: str | None = None
    code: CodeableConcept | None = None
    category: list[CodeableConcept] = []
    subject: Reference | None = None
    effectiveDateTime: str | None = None
    effectivePeriod: Period | None = None
    issued: str | None = None
    conclusion: str | None = None


class ResourceHead(_Element, frozen=True):
    """Just enough of any resource to name it."""

    resourceType: str | None = None
    id: str | None = None


class TypeOnly(_Element, frozen=True):
    """The type of a resource that could not be decoded otherwise."""

    resourceType: str | None = None


class IdOnly(_Element, frozen=True):
    """The id of a resource that could not be decoded otherwise."""

    id: str | None = None


class ResourceVersion(_Element, frozen=True):
    """When the server last wrote a resource: needed only where two versions of one resource meet."""

    lastUpdated: str | None = None


class VersionedResource(_Element, frozen=True):
    meta: ResourceVersion | None = None


class SubjectOnly(_Element, frozen=True):
    """Whose resource it is, of one that could not be decoded otherwise."""

    subject: Reference | None = None


class CodeOnly(_Element, frozen=True):
    """What an Observation is about, when it could not be decoded otherwise."""

    code: CodeableConcept | None = None


class EffectiveOnly(_Element, frozen=True):
    """When an Observation holds, when it could not be decoded otherwise."""

    effectiveDateTime: str | None = None
    effectivePeriod: Period | None = None
    effectiveInstant: str | None = None


class EntrySearch(_Element, frozen=True):
    mode: str | None = None


class BundleEntry(_Element, frozen=True):
    """One entry; ``resource`` is empty where the entry has none (``Raw`` cannot stand in a union)."""

    resource: msgspec.Raw = msgspec.Raw()
    fullUrl: str | None = None
    search: EntrySearch | None = None


class BundleLink(_Element, frozen=True):
    relation: str | None = None
    url: str | None = None


class Bundle(_Resource, frozen=True):
    """The envelope of a searchset, collection or batch answer: its entries stay raw."""

    type: str | None = None
    total: int | None = None
    link: list[BundleLink] = []
    entry: list[BundleEntry] = []
