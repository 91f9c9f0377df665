"""Typed decoding of the FHIR R4 elements we read, and of nothing else.

Reading is tolerant and isolated: a Bundle is opened as an envelope of raw entries, and each resource is decoded on
its own, so that one unreadable resource is one gap. Unknown elements are skipped without being built. Choice
elements that we do not read (``valueSampledData`` and others) are absent on purpose.

These structs say nothing about validity: a status outside its code set, a naive time or an implausible number is
judged by the module that reads it.
"""

from decimal import Decimal

import msgspec


class _Element(msgspec.Struct, frozen=True, gc=False):
    """Base of all elements: immutable, and not tracked by the cyclic collector (they hold no cycles)."""


class Coding(_Element):
    system: str | None = None
    code: str | None = None
    display: str | None = None


class CodeableConcept(_Element):
    coding: list[Coding] = []
    text: str | None = None


class Identifier(_Element):
    system: str | None = None
    value: str | None = None


class Reference(_Element):
    reference: str | None = None
    display: str | None = None


class Quantity(_Element):
    value: Decimal | None = None
    comparator: str | None = None
    unit: str | None = None
    system: str | None = None
    code: str | None = None


class Ratio(_Element):
    numerator: Quantity | None = None
    denominator: Quantity | None = None


class Period(_Element):
    start: str | None = None
    end: str | None = None


class Annotation(_Element):
    text: str | None = None


class ReferenceRange(_Element):
    high: Quantity | None = None


class ObservationComponent(_Element):
    code: CodeableConcept | None = None
    valueQuantity: Quantity | None = None
    valueCodeableConcept: CodeableConcept | None = None
    valueString: str | None = None
    valueInteger: int | None = None
    valueBoolean: bool | None = None
    dataAbsentReason: CodeableConcept | None = None


class Observation(_Element):
    id: str | None = None
    status: str | None = None
    code: CodeableConcept | None = None
    subject: Reference | None = None
    effectiveDateTime: str | None = None
    effectivePeriod: Period | None = None
    effectiveInstant: str | None = None
    issued: str | None = None
    valueQuantity: Quantity | None = None
    valueCodeableConcept: CodeableConcept | None = None
    valueString: str | None = None
    valueInteger: int | None = None
    valueBoolean: bool | None = None
    dataAbsentReason: CodeableConcept | None = None
    component: list[ObservationComponent] = []
    referenceRange: list[ReferenceRange] = []
    note: list[Annotation] = []


class Ingredient(_Element):
    itemCodeableConcept: CodeableConcept | None = None
    itemReference: Reference | None = None


class Medication(_Element):
    id: str | None = None
    code: CodeableConcept | None = None
    ingredient: list[Ingredient] = []


class AdministrationDosage(_Element):
    text: str | None = None
    route: CodeableConcept | None = None
    method: CodeableConcept | None = None
    dose: Quantity | None = None
    rateQuantity: Quantity | None = None
    rateRatio: Ratio | None = None


class MedicationAdministration(_Element):
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


class DoseAndRate(_Element):
    doseQuantity: Quantity | None = None


class OrderDosage(_Element):
    text: str | None = None
    route: CodeableConcept | None = None
    doseAndRate: list[DoseAndRate] = []


class MedicationRequest(_Element):
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


class Procedure(_Element):
    id: str | None = None
    status: str | None = None
    code: CodeableConcept | None = None
    subject: Reference | None = None
    performedDateTime: str | None = None
    performedPeriod: Period | None = None


class Condition(_Element):
    id: str | None = None
    clinicalStatus: CodeableConcept | None = None
    verificationStatus: CodeableConcept | None = None
    code: CodeableConcept | None = None
    subject: Reference | None = None
    onsetDateTime: str | None = None
    onsetPeriod: Period | None = None
    recordedDate: str | None = None
    abatementDateTime: str | None = None


class Patient(_Element):
    id: str | None = None
    birthDate: str | None = None
    deceasedBoolean: bool | None = None
    deceasedDateTime: str | None = None


class DiagnosticReport(_Element):
    id: str | None = None
    status: str | None = None
    code: CodeableConcept | None = None
    category: list[CodeableConcept] = []
    subject: Reference | None = None
    effectiveDateTime: str | None = None
    effectivePeriod: Period | None = None
    issued: str | None = None
    conclusion: str | None = None


class ResourceHead(_Element):
    """Just enough of any resource to route it."""

    resourceType: str | None = None
    id: str | None = None


class EntrySearch(_Element):
    mode: str | None = None


class BundleEntry(_Element):
    resource: msgspec.Raw | None = None
    fullUrl: str | None = None
    search: EntrySearch | None = None


class BundleLink(_Element):
    relation: str | None = None
    url: str | None = None


class Bundle(_Element):
    """The envelope of a searchset, collection or batch answer: its entries stay raw."""

    resourceType: str | None = None
    type: str | None = None
    total: int | None = None
    link: list[BundleLink] = []
    entry: list[BundleEntry] = []
