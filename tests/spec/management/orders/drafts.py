"""Lines of the table of orders as FHIR: the patient's record, and the drafts in several shapes."""

import re
from datetime import timedelta
from typing import Any

from tests.unit.cds_service.samples import (
    AT,
    OWN,
    PATIENT,
    RXNORM,
    hours_ago,
    infusion,
    norepinephrine,
    observation,
    quantity,
)

Resource = dict[str, Any]
UCUM = "http://unitsofmeasure.org"
CODES = {
    "tocilizumab": "612865",
    "dexamethasone": "3264",
    "methylprednisolone": "6902",
    "levetiracetam": "114477",
    "siltuximab": "1535218",
    "anakinra": "72435",
}
SHAPES = ("text", "code", "reference")


def record_of(words: str) -> tuple[list[Resource], set[str]]:
    """The resources of a patient in words, and the prefetch keys that fail."""
    kilograms = float(match[1]) if (match := re.search(r"([\d.]+) kg", words)) else 72.0
    birth = "2016-01-01" if "child" in words else "1968-01-01"
    celsius, ice, pressor = 38.6, 6, True
    if "icans only" in words or "crs open" in words:
        celsius, pressor = 36.8, False
    resources: list[Resource] = [
        {"resourceType": "Patient", "id": "p1", "birthDate": birth},
        infusion(),
        observation("8480-6", 1, **quantity(118, "mm[Hg]")),
        observation("107117-4", 1, valueString="None"),
        observation("59408-5", 1, **quantity(97, "%")),
        observation("ice-total", 2, system=OWN, valueInteger=ice),
        observation("capd-total", 2, system=OWN, valueInteger=0),
        observation(
            "consciousness",
            2,
            system=OWN,
            valueCodeableConcept={"coding": [{"system": OWN, "code": "alert"}]},
        ),
    ]
    if "crs open" not in words:
        resources.append(observation("8310-5", 1, **quantity(celsius, "Cel")))
    if pressor:
        resources.append(norepinephrine())
    if "crs 4" in words:
        second = {"id": "epinephrine", "medicationCodeableConcept": {"text": "epinephrine"}}
        resources.append(norepinephrine() | second)
    if "no weight" not in words:
        resources.append(observation("29463-7", 480 if "stale" in words else 40, **quantity(kilograms, "kg")))
    if match := re.search(r"given (\w+)((?: \d+h)+)", words):
        resources += [_given(match[1], 576, float(hours[:-1])) for hours in match[2].split()]
    if match := re.search(r"steroid (\d+)h", words):
        resources.append(_given("dexamethasone", 10, float(match[1])))
    if match := re.search(r"ordered (\w+)", words):
        resources.append(
            _request("active-order", match[1]) | {"status": "active", "authoredOn": hours_ago(1)}
        )
    for text in (
        "sepsis" if "infection" in words else "",
        "diverticulitis" if "diverticular" in words else "",
    ):
        if text:
            resources.append(_condition(text))
    if match := re.search(r"creatinine ([\d.]+)", words):
        value = quantity(float(match[1]), "mg/dL")
        if "without limit" not in words:
            value |= {"referenceRange": [{"high": quantity(1.2, "mg/dL")["valueQuantity"]}]}
        resources.append(observation("2160-0", 4, **value))
    failed = set()
    if "no administrations" in words:
        failed |= {"medicationAdministrations", "countedDrugs"}
    if "no orders" in words:
        failed |= {"medicationRequests"}
    if "no conditions" in words:
        failed |= {"conditions"}
    return resources, failed


def _given(drug: str, milligrams: float, hours: float) -> Resource:
    return {
        "resourceType": "MedicationAdministration",
        "id": f"{drug}-{hours}",
        "status": "completed",
        "subject": PATIENT,
        "medicationCodeableConcept": {"coding": [{"system": RXNORM, "code": CODES[drug]}]},
        "effectiveDateTime": hours_ago(hours),
        "dosage": {"route": {"text": "IV"}, "dose": _amount(milligrams, "mg")},
    }


def _condition(text: str) -> Resource:
    return {
        "resourceType": "Condition",
        "id": text,
        "subject": PATIENT,
        "code": {"text": text},
        "clinicalStatus": {
            "coding": [
                {"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active"}
            ]
        },
    }


def _amount(value: float, unit: str) -> Resource:
    number = int(value) if value == int(value) else value
    return {"value": number, "unit": unit} | ({"system": UCUM, "code": unit} if unit in _UCUM else {})


_UCUM = {"mg", "g", "ug", "mg/kg", "mL"}


def _request(name: str, drug: str, shape: str = "text") -> Resource:
    request: Resource = {
        "resourceType": "MedicationRequest",
        "id": name,
        "status": "draft",
        "intent": "order",
        "subject": PATIENT,
        "authoredOn": hours_ago(0),
    }
    if shape == "code" and drug in CODES:
        return request | {"medicationCodeableConcept": {"coding": [{"system": RXNORM, "code": CODES[drug]}]}}
    if shape == "reference":
        return request | {"medicationReference": {"reference": "Medication/product"}}
    return request | {"medicationCodeableConcept": {"text": drug}}


def drafts_of(words: str, shape: str) -> list[Resource]:
    """The entries of the Bundle of drafts; the first MedicationRequest is the one that is checked."""
    words, _, said = words.partition(" says ")
    words, *others = words.split(" + ")
    words, *instructions = words.split(" & ")
    drug = words.split()[0]
    request = _request("draft-1", drug, shape)
    beside: list[Resource] = []
    if shape == "reference":
        medication: Resource = {"resourceType": "Medication", "id": "product", "code": {"text": drug}}
        beside.append(medication)
    rest = words.removeprefix(drug).strip()
    dosage: Resource = {}
    if " text" in words:
        dosage["text"] = rest.removesuffix("text").strip()
    elif amount := re.match(r"([\d.]+)(?: to ([\d.]+))? (\S+)", rest):
        dosage = _dosage(rest, amount)
    if "contained" in words:
        per, each = ({"value": 20}, "mL") if " mL" in words else ({"value": 80}, "vial")
        strength = {
            "numerator": _amount(per["value"], "mg"),
            "denominator": _amount(1, each),
        }
        ingredient = {"itemCodeableConcept": {"text": drug}, "strength": strength}
        request = {name: value for name, value in request.items() if not name.startswith("medication")} | {
            "contained": [{"resourceType": "Medication", "id": "m", "ingredient": [ingredient]}],
            "medicationReference": {"reference": "#m"},
        }
    if said:
        dosage["additionalInstruction"] = [{"text": said}]
    request["dosageInstruction"] = [dosage, *map(_instruction, instructions)]
    if "taper" in words:
        repeat = {"frequency": 1, "period": 6, "periodUnit": "h", "count": 4}
        request["dosageInstruction"] = [
            {
                "sequence": number,
                "timing": {"repeat": repeat},
                "doseAndRate": [{"doseQuantity": _amount(milligrams, "mg")}],
            }
            for number, milligrams in ((1, 10), (2, 5))
        ]
    if "stopped" in words:
        request["status"] = "stopped"
    if "other patient" in words:
        request["subject"] = {"reference": "Patient/someone-else"}
    if "no subject" in words:
        del request["subject"]
    if "no id" in words:
        del request["id"]
    more = [
        _named(request, other, shape) | {"id": f"draft-{place}", "dosageInstruction": [_instruction(other)]}
        for place, other in enumerate(others, start=2)
    ]
    again = [request | {"id": "draft-2"}] if "twice" in words else []
    return [*beside, request, *again, *more]


def _named(request: Resource, words: str, shape: str) -> Resource:
    """A draft as new: of the same drug, or of the one that the words begin with."""
    name = words.split()[0]
    if not name.isalpha():
        return request | {"status": "draft"}
    return _request("", name, "text" if shape == "reference" else shape)


def _instruction(words: str) -> Resource:
    words = re.sub(r"^[a-z]+ ", "", words)
    amount = re.match(r"([\d.]+)(?: to ([\d.]+))? (\S+)", words)
    assert amount is not None, words
    return _dosage(words, amount)


def _dosage(rest: str, amount: re.Match[str]) -> Resource:
    value, upper, unit = float(amount[1]), amount[2], amount[3]
    dosage: Resource = {}
    if upper:
        dosage["doseAndRate"] = [
            {"doseRange": {"low": _amount(value, unit), "high": _amount(float(upper), unit)}}
        ]
    elif "rate" in rest:
        rate = {"value": int(value), "unit": "mg/h", "system": UCUM, "code": "mg/h"}
        dosage["doseAndRate"] = [{"rateQuantity": rate}]
        dosage["timing"] = {"repeat": {"duration": 1, "durationUnit": "h"}}
    elif "daily" in rest:
        dosage["maxDosePerPeriod"] = {"numerator": _amount(value, unit), "denominator": _per_day()}
    else:
        dosage["doseAndRate"] = [{"doseQuantity": _amount(value, unit)}]
    repeat: Resource = {}
    if every := re.search(r"q(\d+)h", rest):
        repeat |= {"frequency": 1, "period": int(every[1]), "periodUnit": "h"}
    if count := re.search(r"x(\d+)", rest):
        repeat |= {"count": int(count[1])}
    if later := re.search(r"in (\d+)h", rest):
        start = (AT + timedelta(hours=int(later[1]))).isoformat()
        dosage["timing"] = {"event": [start]}
    elif repeat:
        dosage["timing"] = {"repeat": repeat}
    for route in ("subcutaneous", "ophthalmic"):
        if route in rest:
            dosage["route"] = {"text": route}
    return dosage


def _per_day() -> Resource:
    return {"value": 1, "unit": "day", "system": UCUM, "code": "d"}
