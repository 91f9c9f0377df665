"""Patient, CAR-T infusion, conditions and orders."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from tests.builders import codes
from tests.builders.fhir import PATIENT, Resource, coding, concept, instant, period, quantity, subject
from tests.builders.medications import DrugCoding, medication_choice, route_of

CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"
VERIFICATION = "http://terminology.hl7.org/CodeSystem/condition-ver-status"


def patient(*, born: date, died: datetime | None = None, patient_id: str = PATIENT) -> Resource:
    """The recipient. The name is invented, like everything here."""
    found: Resource = {
        "resourceType": "Patient",
        "id": patient_id,
        "name": [{"family": "Example", "given": ["Robin"]}],
        "gender": "unknown",
        "birthDate": born.isoformat(),
    }
    return found | {"deceasedDateTime": instant(died)} if died else found


def cart_infusion(
    product: str | None,
    *,
    at: datetime | None,
    status: str = "completed",
    code: tuple[str, str] | None = None,
    own_code: bool = False,
) -> Resource:
    """The infusion as a Procedure by ICD-10-PCS, by our own code, or by any other ``(system, code)``."""
    known = codes.PRODUCTS.get(product) if product else None
    if code is not None:
        said = concept(coding(*code))
    elif own_code or known is None or known.procedure is None:
        said = concept(coding(codes.OWN, "cart-infusion"), text=known.text if known else None)
    else:
        said = concept(coding(codes.ICD_10_PCS, known.procedure))
    found: Resource = {
        "resourceType": "Procedure",
        "status": status,
        "code": said,
        "subject": subject(),
    }
    return found | {"performedDateTime": instant(at)} if at else found


def cart_infusion_as_administration(product: str, *, at: datetime, status: str = "completed") -> Resource:
    """The infusion as a MedicationAdministration of the product."""
    known = codes.PRODUCTS[product]
    said = concept(coding(codes.RXNORM, known.rxnorm)) if known.rxnorm else concept(text=known.text)
    return {
        "resourceType": "MedicationAdministration",
        "status": status,
        "medicationCodeableConcept": said,
        "subject": subject(),
        "effectivePeriod": period(at, at + timedelta(minutes=30)),
        "dosage": route_of("intravenous") | {"dose": quantity(1, "{bag}")},
    }


def condition(
    code: str,
    text: str,
    *,
    recorded: datetime,
    verification: str = "confirmed",
    clinical: str = "active",
) -> Resource:
    """A diagnosis by ICD-10-CM. A condition entered in error carries no clinical status, as R4 demands."""
    found: Resource = {
        "resourceType": "Condition",
        "verificationStatus": concept(coding(VERIFICATION, verification)),
        "code": concept(coding(codes.ICD_10_CM, code), text=text),
        "subject": subject(),
        "onsetDateTime": instant(recorded),
        "recordedDate": instant(recorded),
    }
    if verification != "entered-in-error":
        found["clinicalStatus"] = concept(coding(CLINICAL, clinical))
    return found


def medication_request(
    agent: str,
    *,
    authored: datetime,
    milligrams: float | None = None,
    status: str = "active",
    intent: str = "order",
    route: str = "intravenous",
    way: DrugCoding = DrugCoding.RXNORM,
) -> list[Resource]:
    """An order, which is not an administration."""
    choice, beside = medication_choice(agent, way)
    found: Resource = {
        "resourceType": "MedicationRequest",
        "status": status,
        "intent": intent,
    }
    found |= choice | {"subject": subject(), "authoredOn": instant(authored)}
    dosage = route_of(route)
    if milligrams is not None:
        dosage["doseAndRate"] = [{"doseQuantity": quantity(milligrams, "mg")}]
    found["dosageInstruction"] = [dosage]
    return [*beside, found]
