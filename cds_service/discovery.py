"""The discovery document: which services there are, and which data they ask a client to send along."""

from collections.abc import Sequence
from typing import Any

from fhir_maps.data_requirements import Requirement

PATIENT_VIEW_ID = "cart-toxicity-patient-view"
PATIENT_VIEW_HOOK = "patient-view"
_SPECIFICATION_VERSION = "2.0.1"
_PATIENT_VIEW_VERSION = "1.0"

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


def discovery_document(requirements: Sequence[Requirement]) -> dict[str, Any]:
    """Build the answer to ``GET {base}/cds-services``."""
    return {
        "services": [
            {
                "hook": PATIENT_VIEW_HOOK,
                "id": PATIENT_VIEW_ID,
                "title": "CAR-T toxicity: CRS and ICANS",
                "description": _DESCRIPTION,
                "usageRequirements": _USAGE,
                "version": _SPECIFICATION_VERSION,
                "hookVersion": _PATIENT_VIEW_VERSION,
                "prefetch": {requirement.key: requirement.template for requirement in requirements},
            }
        ]
    }
