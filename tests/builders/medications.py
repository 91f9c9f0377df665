"""MedicationAdministrations: infusions whole or in rate segments, pushes, boluses, single doses.

The same drug can be said in eight ways (:class:`DrugCoding`); the way never changes what it is.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import Enum

from tests.builders import codes
from tests.builders.fhir import Resource, coding, concept, instant, period, quantity, subject


class DrugCoding(Enum):
    """How a chart names a drug. Where an agent has no code of a kind, its plain text stands in."""

    RXNORM = "rxnorm"
    ATC = "atc"
    SNOMED = "snomed"
    MIMIC_LOCAL = "mimic-local"
    LOCAL_WITH_TEXT = "local-with-text"
    TEXT = "text"
    CONTAINED = "contained"
    REFERENCED = "referenced"


def _standard_concept(agent: str, way: DrugCoding) -> Resource:
    drug = codes.DRUGS[agent]
    system, code = {
        DrugCoding.ATC: (codes.ATC, drug.atc),
        DrugCoding.SNOMED: (codes.SNOMED, drug.snomed),
        DrugCoding.MIMIC_LOCAL: (codes.MIMIC_MEDICATION, drug.mimic),
    }.get(way, (codes.RXNORM, drug.rxnorm))
    if code is None and way is not DrugCoding.RXNORM and drug.rxnorm is not None:
        system, code = codes.RXNORM, drug.rxnorm
    return concept(text=drug.text) if code is None else concept(coding(system, code))


def _drip(agent: str, medication_id: str) -> Resource:
    """A mixed bag: the drug is an ingredient beside its diluent, and the name of the whole is free text."""
    drug = codes.DRUGS[agent]
    return {
        "resourceType": "Medication",
        "id": medication_id,
        "code": concept(text=f"{drug.text} + diluent, premixed"),
        "ingredient": [
            {
                "itemCodeableConcept": concept(text="Sodium Chloride 0.9% intravenous solution"),
                "strength": {"numerator": quantity(250, "mL"), "denominator": quantity(250, "mL")},
            },
            {
                "itemCodeableConcept": _standard_concept(agent, DrugCoding.RXNORM),
                "isActive": True,
                "strength": {"numerator": quantity(8, "mg"), "denominator": quantity(250, "mL")},
            },
        ],
    }


def medication_choice(agent: str, way: DrugCoding) -> tuple[Resource, list[Resource]]:
    """The ``medication[x]`` members for a drug, and the Medication that must stand beside it, if any."""
    drug = codes.DRUGS[agent]
    if way is DrugCoding.TEXT:
        return {"medicationCodeableConcept": concept(text=drug.text.capitalize())}, []
    if way is DrugCoding.LOCAL_WITH_TEXT:
        local = coding(codes.LOCAL_PHARMACY, f"{agent[:4].upper()}-250-BAG")
        return {"medicationCodeableConcept": concept(local, text=drug.text.upper())}, []
    if way is DrugCoding.CONTAINED:
        return {
            "contained": [_drip(agent, "drip")],
            "medicationReference": {"reference": "#drip"},
        }, []
    if way is DrugCoding.REFERENCED:
        beside = {
            "resourceType": "Medication",
            "id": f"medication-{agent}",
            "code": _standard_concept(agent, DrugCoding.RXNORM),
        }
        return {"medicationReference": {"reference": f"Medication/{beside['id']}"}}, [beside]
    return {"medicationCodeableConcept": _standard_concept(agent, way)}, []


def medication_administration(
    agent: str,
    *,
    status: str,
    at: datetime | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
    dosage: Resource | None = None,
    way: DrugCoding = DrugCoding.RXNORM,
    **members: object,
) -> list[Resource]:
    """One administration at an instant (``at``) or over a period, and the Medication it refers to, if any."""
    choice, beside = medication_choice(agent, way)
    effective: Resource = (
        {"effectiveDateTime": instant(at)} if at is not None else {"effectivePeriod": period(start, end)}
    )
    found: Resource = {"resourceType": "MedicationAdministration", "status": status}
    found |= choice | {"subject": subject()} | effective | members
    if dosage:
        found["dosage"] = dosage
    return [*beside, found]


def route_of(name: str | None) -> Resource:
    """The ``route`` member of a dosage; ``None`` leaves the route unsaid, as most real feeds do."""
    return {} if name is None else {"route": concept(coding(codes.SNOMED, *codes.ROUTES[name]))}


def drug_run(
    agent: str,
    *,
    start: datetime,
    rate: float,
    unit: str,
    end: datetime | None = None,
    status: str = "in-progress",
    route: str | None = "intravenous",
    method: str | None = None,
    way: DrugCoding = DrugCoding.RXNORM,
) -> list[Resource]:
    """A continuous infusion, or one rate segment of it, at one rate.

    A contained drip is written at a pump rate in mL/h, the way such feeds write it.
    """
    shown = quantity(12.0 if rate else 0, "mL/h") if way is DrugCoding.CONTAINED else quantity(rate, unit)
    dosage: Resource = route_of(route) | {"rateQuantity": shown}
    if method:
        dosage["method"] = concept(text=method)
    return medication_administration(agent, status=status, start=start, end=end, dosage=dosage, way=way)


def rate_segments(
    agent: str,
    *,
    start: datetime,
    end: datetime,
    rate: float,
    unit: str,
    route: str | None = "intravenous",
    way: DrugCoding = DrugCoding.RXNORM,
) -> list[Resource]:
    """The same infusion as abutting ``completed`` segments; the last one runs at the given rate."""
    whole_hours = int((end - start) / timedelta(hours=1))
    pieces = max(2, min(8, whole_hours))
    joints = [start + (end - start) * step / pieces for step in range(pieces + 1)]
    joints = [joint.replace(microsecond=0) for joint in joints]
    steps = [1.0 if piece == pieces - 1 else 0.5 + 0.25 * (piece % 3) for piece in range(pieces)]
    return [
        resource
        for earlier, later, factor in zip(joints[:-1], joints[1:], steps, strict=True)
        for resource in drug_run(
            agent,
            start=earlier,
            end=later,
            rate=round(rate * factor, 4),
            unit=unit,
            status="completed",
            route=route,
            way=way,
        )
    ]


def bag_hung(agent: str, *, at: datetime) -> list[Resource]:
    """A bag in the medication record: the drug was there; no dose, no rate, no end."""
    return medication_administration(agent, status="completed", at=at, way=DrugCoding.LOCAL_WITH_TEXT)


def drug_instant(
    agent: str,
    *,
    at: datetime,
    dose: float | None = None,
    unit: str = "mg",
    route: str | None = None,
    status: str = "completed",
    method: str | None = None,
    reason: str | None = None,
    way: DrugCoding = DrugCoding.RXNORM,
) -> list[Resource]:
    """One dose at an instant: a push, a tablet, an eye drop, an injection."""
    dosage = route_of(route)
    if dose is not None:
        dosage["dose"] = quantity(dose, unit)
    if method:
        dosage["method"] = concept(text=method)
    members: Resource = {"reasonCode": [concept(text=reason)]} if reason else {}
    return medication_administration(agent, status=status, at=at, dosage=dosage, way=way, **members)


def fluid_bolus(
    millilitres: float,
    *,
    at: datetime,
    minutes: int = 30,
    way: DrugCoding = DrugCoding.RXNORM,
) -> list[Resource]:
    """A crystalloid bolus that starts at ``at``."""
    return medication_administration(
        "sodium-chloride",
        status="completed",
        start=at,
        end=at + timedelta(minutes=minutes),
        dosage=route_of("intravenous") | {"dose": quantity(millilitres, "mL")},
        way=way,
    )


def tocilizumab(
    milligrams: float,
    *,
    at: datetime,
    status: str = "completed",
    route: str = "intravenous",
    agent: str = "tocilizumab",
    way: DrugCoding = DrugCoding.RXNORM,
) -> list[Resource]:
    """A tocilizumab dose; by vein it runs for one hour from ``at``."""
    dosage = route_of(route) | {"dose": quantity(milligrams, "mg")}
    if route != "intravenous":
        return medication_administration(agent, status=status, at=at, dosage=dosage, way=way)
    return medication_administration(
        agent, status=status, start=at, end=at + timedelta(hours=1), dosage=dosage, way=way
    )


def steroid(
    agent: str,
    milligrams: float,
    *,
    at: datetime,
    purpose: str | None = None,
    way: DrugCoding = DrugCoding.RXNORM,
) -> list[Resource]:
    """One intravenous steroid dose, with its purpose as the reason where it is known."""
    return drug_instant(agent, at=at, dose=milligrams, route="intravenous", reason=purpose, way=way)


def antipyretic(
    agent: str, *, at: datetime, milligrams: float = 1000, way: DrugCoding = DrugCoding.RXNORM
) -> list[Resource]:
    """One oral dose of an antipyretic."""
    return drug_instant(agent, at=at, dose=milligrams, route="oral", way=way)
