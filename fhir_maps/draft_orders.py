"""Draft orders: a recommendation with a computed dose, written as an R4 MedicationRequest.

A draft is offered only where the protocol's source prints a dose and the patient's inputs make it
computable. It is a proposal: nothing here signs, sends or schedules. Where the source states no interval
none is written; a dose per day is written as the most per day, never as one administration. Every draft is
validated before it leaves.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from fhir_maps.terminology import Terminology
from grading.chart import ImmuneDrug
from management.review import Dose, Recommendation

RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
SNOMED_CT = "http://snomed.info/sct"
UCUM = "http://unitsofmeasure.org"

# Which drug a recommendation orders. Third-line drugs are left out: their source prints no dose.
ORDERED_DRUGS: Mapping[str, ImmuneDrug] = {
    "tocilizumab.dose": ImmuneDrug.TOCILIZUMAB,
    "tocilizumab.consider": ImmuneDrug.TOCILIZUMAB,
    "dexamethasone.dose": ImmuneDrug.DEXAMETHASONE,
    "dexamethasone.consider": ImmuneDrug.DEXAMETHASONE,
    "methylprednisolone.dose": ImmuneDrug.METHYLPREDNISOLONE,
    "methylprednisolone.high-dose": ImmuneDrug.METHYLPREDNISOLONE,
}
_PER_DAY = {"mg/day": "mg", "mL/day": "mL"}
_INTRAVENOUS_WORDS = frozenset({"iv", "intravenous"})


class DraftOrderError(Exception):
    """A draft cannot be written or would not be valid FHIR. The message holds nothing of the patient."""


def is_orderable(recommendation: Recommendation) -> bool:
    """Whether a draft may be offered: a drug we order, with a computed dose, and nothing against a draft."""
    computed = recommendation.dose is not None and recommendation.id in ORDERED_DRUGS
    return computed and recommendation.no_draft_because is None


def draft_order(
    recommendation: Recommendation,
    patient_id: str,
    *,
    terminology: Terminology,
    authored_at: datetime,
    encounter_id: str | None = None,
) -> dict[str, Any]:
    """Write the draft MedicationRequest of an orderable recommendation.

    Raises :class:`DraftOrderError` when it is not orderable, or when what was written is not valid R4.
    """
    dose = recommendation.dose
    if dose is None or recommendation.id not in ORDERED_DRUGS:
        raise DraftOrderError(f"{recommendation.id}: no draft can be written without a computed dose")
    drug = ORDERED_DRUGS[recommendation.id]
    order: dict[str, Any] = {
        "resourceType": "MedicationRequest",
        "status": "draft",
        "intent": "proposal",
        "medicationCodeableConcept": _medication(drug, terminology),
        "subject": {"reference": f"Patient/{patient_id}"},
        "authoredOn": authored_at.isoformat(timespec="seconds"),
        "reasonCode": [{"text": _reason(recommendation)}],
        "note": [{"text": _note(recommendation, dose)}],
        "dosageInstruction": [_dosage(dose, terminology)],
    }
    if encounter_id:
        order["encounter"] = {"reference": f"Encounter/{encounter_id}"}
    validate_order({**order, **_checked_members(order, drug, terminology)})
    return order


def validate_order(order: Mapping[str, Any]) -> None:
    """Check an order with ``fhir.resources`` for R4B. Raises :class:`DraftOrderError` naming no values."""
    # Loading takes 100 ms and is wanted here alone: reading never uses it.
    from fhir.resources.R4B.medicationrequest import MedicationRequest

    try:
        MedicationRequest.model_validate(order)
    except ValueError as error:  # pydantic's ValidationError is one; its text would repeat the values
        raise DraftOrderError("the draft order is not a valid R4 MedicationRequest") from error


def warm_validator() -> None:
    """Load the validator now, so that the first card does not wait for it."""
    validate_order(
        {
            "resourceType": "MedicationRequest",
            "status": "draft",
            "intent": "proposal",
            "medicationCodeableConcept": {"text": "any"},
            "subject": {"reference": "Patient/any"},
        }
    )


def _checked_members(order: Mapping[str, Any], drug: ImmuneDrug, terminology: Terminology) -> dict[str, Any]:
    """The members of an order that hold the same words in every draft, as models that were validated before.

    Validating them anew takes more than half of the time of a draft. Nothing of a patient or a dose is here.
    """
    dosage = order["dosageInstruction"][0]
    checked: dict[str, Any] = {"medicationCodeableConcept": _checked_medication(drug, terminology)}
    if dosage.get("route") == _intravenous(terminology):
        checked["dosageInstruction"] = [{**dosage, "route": _checked_intravenous(terminology)}]
    return checked


@lru_cache(maxsize=64)
def _checked_medication(drug: ImmuneDrug, terminology: Terminology) -> object:
    return _checked_concept(_medication(drug, terminology))


@lru_cache(maxsize=8)
def _checked_intravenous(terminology: Terminology) -> object:
    return _checked_concept(_intravenous(terminology))


def _checked_concept(concept: Mapping[str, Any]) -> object:
    from fhir.resources.R4B.codeableconcept import CodeableConcept

    try:
        return CodeableConcept.model_validate(concept)
    except ValueError as error:
        raise DraftOrderError("a concept of the draft order is not valid R4") from error


def _medication(drug: ImmuneDrug, terminology: Terminology) -> dict[str, Any]:
    return _concept(drug.value, _code(terminology, "drug", drug.value, RXNORM), drug.value)


def _intravenous(terminology: Terminology) -> dict[str, Any]:
    return _concept("intravenous", _code(terminology, "route", "intravenous", SNOMED_CT), "Intravenous route")


@lru_cache(maxsize=64)
def _code(terminology: Terminology, group: str, concept: str, system: str) -> Mapping[str, str]:
    """System and code of a concept in one code system; empty where the map has none."""
    return next(
        (
            {"system": found, "code": code}
            for found, code in terminology.codes_of(group, concept)
            if found == system
        ),
        {},
    )


def _concept(text: str, code: Mapping[str, str], display: str) -> dict[str, Any]:
    """A concept of its own for each order: who gets the order may change it."""
    return {"text": text, "coding": [{**code, "display": display}]} if code else {"text": text}


def _dosage(dose: Dose, terminology: Terminology) -> dict[str, Any]:
    words = [f"{_number(dose.value)} {dose.unit}"]
    if dose.route:
        words.append(dose.route)
    if dose.interval:
        words.append(dose.interval)
    dosage: dict[str, Any] = {"text": f"{' '.join(words)} ({dose.arithmetic})"}
    if dose.route and dose.route.split()[0].casefold() in _INTRAVENOUS_WORDS:
        dosage["route"] = _intravenous(terminology)
    elif dose.route:
        dosage["route"] = {"text": dose.route}
    unit = _PER_DAY.get(dose.unit)
    if unit is None:
        dosage["doseAndRate"] = [{"doseQuantity": _quantity(dose.value, dose.unit)}]
    else:
        dosage["maxDosePerPeriod"] = {
            "numerator": _quantity(dose.value, unit),
            "denominator": {"value": 1, "unit": "day", "system": UCUM, "code": "d"},
        }
    return dosage


def _quantity(value: Decimal, unit: str) -> dict[str, Any]:
    return {"value": _number(value), "unit": unit, "system": UCUM, "code": unit}


def _number(value: Decimal) -> int | float:
    return int(value) if value == value.to_integral_value() else float(value)


def _reason(recommendation: Recommendation) -> str:
    return "; ".join(recommendation.reasons) or recommendation.title


def _note(recommendation: Recommendation, dose: Dose) -> str:
    parts = ["Draft proposed by decision support for a clinician to check, change or discard."]
    if dose.weight_kg is not None:
        when = f" measured {dose.weight_at.isoformat(timespec='minutes')}" if dose.weight_at else ""
        parts.append(f"Weight used: {_number(dose.weight_kg)} kg{when}.")
    parts.append(f"Source: {recommendation.cite} (row {recommendation.row}).")
    if not recommendation.verified:
        parts.append("This row is not verified.")
    parts += recommendation.cautions
    return " ".join(parts)
