"""The discovery document: which services there are, and which data they ask a client to send along."""

from collections.abc import Sequence
from typing import Any

from fhir_maps.data_requirements import Requirement

PATIENT_VIEW_ID = "cart-toxicity-patient-view"
PATIENT_VIEW_HOOK = "patient-view"
ORDER_SELECT_ID = "cart-toxicity-order-select"
ORDER_SELECT_HOOK = "order-select"
ORDER_SIGN_ID = "cart-toxicity-order-sign"
ORDER_SIGN_HOOK = "order-sign"
_SPECIFICATION_VERSION = "2.0.1"
_HOOK_VERSION = "1.0"

_DESCRIPTION = (
    "Grades cytokine release syndrome (CRS) and neurotoxicity (ICANS) after CAR-T infusion by the ASTCT 2019"
    " consensus from charted data, and shows the evidence, what is not known, and what the configured"
    " protocol suggests. Answers a range where an input is missing. For clinicians; it orders nothing."
)
_USAGE = (
    "Needs the CAR-T infusion (Procedure or MedicationAdministration) and Observations, by prefetch or by a"
    " FHIR server that may be called (SMART scopes for the resource types of the prefetch templates). Without"
    " FHIR access, whatever is not prefetched is named on a card and leaves the grade open; pages of a"
    " prefetch answer that are not sent count as missing; if neither the infusion nor any Observation key can"
    " be read the answer is 412. A patient without a CAR-T infusion on record gets no card, whatever else"
    " hints at one (a diagnosis, a tocilizumab dose); a recipient within 30 days of infusion always gets"
    " cards, grade 0 included."
)


_ORDER_DESCRIPTION = (
    "Checks a drafted order of tocilizumab, a systemic steroid, siltuximab, anakinra, levetiracetam or GM-CSF"
    " for a CAR-T recipient against the patient's assessment: dose by weight and cap, interval, number of"
    " doses, isolated ICANS, duplicates, infection, abrupt steroid stop. Answers nothing when the order is"
    " fine; otherwise one card a draft, with the corrected draft where the protocol prints the dose."
)
_ORDER_USAGE = (
    "Needs context.draftOrders, and the same data as cart-toxicity-patient-view by prefetch or by a FHIR"
    " server that may be called: without the drug administrations the interval and number of doses, without"
    " the weight the dose, without observations the grade, and without the conditions infection cannot be"
    " checked, and the card says so. If neither the CAR-T infusion nor any Observation key can be read the"
    " answer is 412. Reads MedicationRequest drafts only; a Medication that a draft refers to must stand in"
    " the same Bundle or be contained. A draft for another patient gets a critical card. A patient without"
    " a CAR-T infusion on record within 30 days gets no card."
)
_SERVICES = (
    (PATIENT_VIEW_ID, PATIENT_VIEW_HOOK, "CAR-T toxicity: CRS and ICANS", _DESCRIPTION, _USAGE),
    (ORDER_SELECT_ID, ORDER_SELECT_HOOK, "CAR-T order check: selected", _ORDER_DESCRIPTION, _ORDER_USAGE),
    (ORDER_SIGN_ID, ORDER_SIGN_HOOK, "CAR-T order check: signing", _ORDER_DESCRIPTION, _ORDER_USAGE),
)


def discovery_document(requirements: Sequence[Requirement]) -> dict[str, Any]:
    """Build the answer to ``GET {base}/cds-services``: every service asks for the same prefetch."""
    prefetch = {requirement.key: requirement.template for requirement in requirements}
    return {
        "services": [
            {
                "hook": hook,
                "id": service_id,
                "title": title,
                "description": description,
                "usageRequirements": usage,
                "version": _SPECIFICATION_VERSION,
                "hookVersion": _HOOK_VERSION,
                "prefetch": prefetch,
            }
            for service_id, hook, title, description, usage in _SERVICES
        ]
    }
