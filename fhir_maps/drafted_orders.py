"""The drafts of an order hook: which of them are checked, and what each orders.

Only MedicationRequests are looked at, and of these the ones of a drug that is checked, those of another
patient, and those that cannot be read. A local form (eye drops, a cream, an inhaler) is not checked. A draft
that says ``stopped``, ``cancelled``, ``completed`` or ``on-hold`` ends its drug.

The JSON of a draft is kept as it came: a corrected draft is that JSON with another dose in it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from fhir_maps import r4
from fhir_maps.bundle_entries import resource_type_of
from fhir_maps.draft_elements import (
    CONCEPT,
    DOSAGE,
    DRAFTS,
    ENTRY,
    FLAG,
    MEDICATION,
    MEMBERS,
    PRODUCT,
    RAW_LIST,
    REFERENCE,
    TEXT,
    DraftBundle,
    DraftEntry,
    Members,
    Product,
    is_malformed,
    peek,
)
from fhir_maps.drafted_doses import read_step
from fhir_maps.drugs import DrugReading, find_by_reference, read_drug
from fhir_maps.medication_administrations import LOCAL_ROUTES
from fhir_maps.product_strength import Strength, read_strength
from fhir_maps.subjects import patient_id_of
from fhir_maps.terminology import Terminology
from fhir_maps.unmapped import shorten_name
from management.drafted_order import DosageStep, DraftedOrder, OrderChange, OrderDrug

_TYPE = "MedicationRequest"
_ENDED = frozenset({"stopped", "cancelled", "completed", "on-hold"})
_NO_ORDER = frozenset({"entered-in-error"})
_DRUGS = {drug.value: drug for drug in OrderDrug}
# Into a joint, the eye or the spinal fluid: a steroid so given is not the one the protocols speak of.
_NOT_SYSTEMIC = LOCAL_ROUTES | {"epidural", "other-route"}


class DraftsError(Exception):
    """What was sent as drafts is no Bundle. The message holds nothing of it."""


@dataclass(frozen=True, slots=True)
class Draft:
    """One draft that is to be looked at.

    ``order`` is ``None`` for one of another patient (``foreign``) and for one that cannot be read
    (``fault``). ``members`` is its JSON, element by element. ``names`` are the references that a selection
    may use for it.
    """

    order: DraftedOrder | None
    members: Members
    resource_id: str | None
    names: frozenset[str]
    foreign: bool = False
    fault: str | None = None

    def is_selected(self, selections: Sequence[str]) -> bool:
        """Whether one of the references names this draft, by its id, its relative or its absolute address."""
        whole = [reference.split("/_history/", 1)[0] for reference in selections]
        ends = ["/".join(reference.split("/")[-2:]) for reference in whole]
        return any(name in self.names for name in (*whole, *ends))


@dataclass(frozen=True, slots=True)
class _Beside:
    """What stands in the Bundle beside the drafts."""

    medications: Mapping[str, r4.Medication]
    products: Mapping[str, Product]
    patients: Mapping[str, str]


def read_drafts(bundle: msgspec.Raw, patient_id: str, terminology: Terminology) -> tuple[Draft, ...]:
    """Read the Bundle of drafts: those that are to be looked at, in their order.

    Raises :class:`DraftsError` for what is no Bundle; an entry that cannot be read is a draft with a fault.
    """
    drafts = peek(DRAFTS, bundle)
    if not isinstance(drafts, DraftBundle):
        raise DraftsError("draftOrders is no Bundle")
    entries = [_open(raw) for raw in drafts.entry]
    beside = _beside([entry for entry in entries if entry is not None])
    found: list[Draft] = []
    for entry in entries:
        if entry is None:
            found.append(Draft(None, {}, None, frozenset(), fault="an entry of the Bundle cannot be read"))
        elif resource_type_of(entry.resource) == _TYPE:
            found += _read_entry(entry, patient_id, beside, terminology)
    return tuple(found)


def _open(raw: msgspec.Raw) -> DraftEntry | None:
    """An entry; one of which only the URL is malformed keeps its resource."""
    if (entry := peek(ENTRY, raw)) is not None:
        return entry
    members = peek(MEMBERS, raw)
    return None if members is None or "resource" not in members else DraftEntry(None, members["resource"])


def reread(members: Members, draft: Draft, terminology: Terminology) -> DraftedOrder | None:
    """Read a draft again after its dose was changed, with the Medication it contains."""
    beside = _Beside({}, {}, {})
    reading = _read_drug_of(members, beside, terminology)
    if draft.order is None or reading is None:
        return None
    steps = _steps(members, draft.order.drug, reading, beside, terminology)
    return _order(members, draft.order.drug, steps, draft.order.doubt, names_patient=True)


def _beside(entries: Sequence[DraftEntry]) -> _Beside:
    medications: dict[str, r4.Medication] = {}
    products: dict[str, Product] = {}
    patients: dict[str, str] = {}
    for entry in entries:
        kind = resource_type_of(entry.resource)
        if kind == "Medication":
            medication, product = peek(MEDICATION, entry.resource), peek(PRODUCT, entry.resource)
            own = medication.id if medication is not None else None
            for key in (entry.fullUrl, own, f"Medication/{own}" if own else None):
                if key and medication is not None and product is not None:
                    medications[key], products[key] = medication, product
        elif kind == "Patient" and entry.fullUrl:
            members = peek(MEMBERS, entry.resource) or {}
            if own_id := peek(TEXT, members.get("id")):
                patients[entry.fullUrl] = own_id
    return _Beside(medications, products, patients)


def _read_entry(
    entry: DraftEntry, patient_id: str, beside: _Beside, terminology: Terminology
) -> Iterator[Draft]:
    members = peek(MEMBERS, entry.resource) or {}
    status = peek(TEXT, members.get("status"))
    if status in _NO_ORDER or peek(FLAG, members.get("doNotPerform")) is True:
        return
    resource_id = peek(TEXT, members.get("id"))
    names = frozenset(name for name in (f"{_TYPE}/{resource_id}", resource_id, entry.fullUrl) if name)

    def draft(order: DraftedOrder | None, *, foreign: bool = False, fault: str | None = None) -> Draft:
        return Draft(order, members, resource_id, names, foreign, fault)

    whose = _whose(members, beside)
    if whose is not None and whose != patient_id:
        yield draft(None, foreign=True)
        return
    if fault := _fault_of(members):
        yield draft(None, fault=fault)
        return
    reading = _read_drug_of(members, beside, terminology)
    if reading is None or not (reading.concepts or reading.unused or reading.name or reading.code):
        yield draft(None, fault="its drug cannot be told")
        return
    drug, doubt = _checked_drug(reading)
    if drug is None:
        return
    steps = _steps(members, drug, reading, beside, terminology)
    routes = {step.route for step in steps}
    if routes and routes <= _NOT_SYSTEMIC and drug is not OrderDrug.TOCILIZUMAB:
        return
    if doubt is not None and routes == {"subcutaneous"}:
        doubt = None  # the arthritis form: said by its route
    yield draft(_order(members, drug, steps, doubt, names_patient=whose is not None))


def _whose(members: Members, beside: _Beside) -> str | None:
    subject = peek(REFERENCE, members.get("subject"))
    reference = None if subject is None else subject.reference
    return beside.patients.get(reference or "") or patient_id_of(reference)


def _fault_of(members: Members) -> str | None:
    if not members:
        return "it cannot be read"
    malformed = {
        "medicationCodeableConcept": is_malformed(CONCEPT, members, "medicationCodeableConcept"),
        "medicationReference": is_malformed(REFERENCE, members, "medicationReference"),
        "dosageInstruction": is_malformed(RAW_LIST, members, "dosageInstruction"),
        "subject": is_malformed(REFERENCE, members, "subject"),
    }
    return next((f"its {name} cannot be read" for name, at_fault in malformed.items() if at_fault), None)


def _read_drug_of(members: Members, beside: _Beside, terminology: Terminology) -> DrugReading | None:
    concept = peek(CONCEPT, members.get("medicationCodeableConcept"))
    reference = peek(REFERENCE, members.get("medicationReference"))
    if concept is None and reference is None:
        return None
    contained = peek(RAW_LIST, members.get("contained")) or []
    return read_drug(concept, reference, contained, terminology, beside.medications)


def _checked_drug(reading: DrugReading) -> tuple[OrderDrug | None, str | None]:
    """The drug that is checked, and what is doubtful about its name."""
    name = shorten_name(reading.name or reading.code)
    known = [_DRUGS[concept] for concept in reading.concepts if concept in _DRUGS]
    if known:
        return known[0], None if len(reading.concepts) == 1 else f"several drugs in {name}"
    if reading.concepts:
        return None, None
    spoken = [_DRUGS[concept] for concept in reading.speaks_of if concept in _DRUGS]
    return (spoken[0], str(name)) if spoken else (None, None)


def _steps(
    members: Members, drug: OrderDrug, reading: DrugReading, beside: _Beside, terminology: Terminology
) -> tuple[DosageStep, ...]:
    dosages = [(raw, peek(DOSAGE, raw)) for raw in peek(RAW_LIST, members.get("dosageInstruction")) or []]
    strength = _strength(members, drug, beside, terminology)
    names = (reading.name or "",)
    ordered = sorted(dosages, key=lambda item: item[1].sequence or 0 if item[1] is not None else 0)
    return tuple(
        DosageStep(fault="a dosage instruction cannot be read")
        if dosage is None
        else read_step(dosage, strength, drug.value, terminology, names)
        for _, dosage in ordered
    )


def _strength(members: Members, drug: OrderDrug, beside: _Beside, terminology: Terminology) -> Strength:
    concept = peek(CONCEPT, members.get("medicationCodeableConcept"))
    reference = peek(REFERENCE, members.get("medicationReference"))
    target = None if reference is None else reference.reference
    product = None
    if target is not None and target.startswith("#"):
        contained = (peek(PRODUCT, raw) for raw in peek(RAW_LIST, members.get("contained")) or [])
        product = next((one for one in contained if one is not None and one.id == target[1:]), None)
    elif target is not None:
        product = find_by_reference(beside.products, target)
    concepts = [one for one in (concept, product.code if product is not None else None) if one is not None]
    names = [one.text for one in concepts]
    names += [coding.display for one in concepts for coding in one.coding]
    names.append(None if reference is None else reference.display)
    return read_strength(product, [name for name in names if name], drug.value, terminology)


def _order(
    members: Members,
    drug: OrderDrug,
    steps: tuple[DosageStep, ...],
    doubt: str | None,
    *,
    names_patient: bool,
) -> DraftedOrder:
    resource_id = peek(TEXT, members.get("id"))
    ended = (peek(TEXT, members.get("status")) or "") in _ENDED
    replaced = peek(REFERENCE, members.get("priorPrescription"))
    return DraftedOrder(
        drug=drug,
        steps=steps,
        reference=f"{_TYPE}/{resource_id}" if resource_id else None,
        change=OrderChange.STOP if ended else OrderChange.START,
        replaces=_relative(replaced.reference) if replaced is not None and replaced.reference else (),
        doubt=doubt,
        names_patient=names_patient,
    )


def _relative(reference: str) -> tuple[str, ...]:
    parts = reference.split("/_history/", 1)[0].split("/")
    return ("/".join(parts[-2:]),)
