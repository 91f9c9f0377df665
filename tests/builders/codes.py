"""The codes the test charts are written with.

Written out by hand from the published value sets and billing articles named in the clinical reference, and
deliberately not read from the product's tables: a test that borrows the table it tests proves nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

LOINC: Final = "http://loinc.org"
SNOMED: Final = "http://snomed.info/sct"
RXNORM: Final = "http://www.nlm.nih.gov/research/umls/rxnorm"
ATC: Final = "http://www.whocc.no/atc"
UCUM: Final = "http://unitsofmeasure.org"
ICD_10_CM: Final = "http://hl7.org/fhir/sid/icd-10-cm"
ICD_10_PCS: Final = "http://www.cms.gov/Medicare/Coding/ICD10"
CPT: Final = "http://www.ama-assn.org/go/cpt"
OWN: Final = "https://cart-toxicity-cds.github.io/fhir/CodeSystem/immune-effector-cell-assessment"
MIMIC_MEDICATION: Final = "http://mimic.mit.edu/fhir/mimic/CodeSystem/mimic-medication-icu"
MIMIC_CHARTED: Final = "http://mimic.mit.edu/fhir/mimic/CodeSystem/mimic-chartevents-d-items"
LOCAL_PHARMACY: Final = "http://hospital.example/pharmacy"
OBSERVATION_CATEGORY: Final = "http://terminology.hl7.org/CodeSystem/observation-category"
DATA_ABSENT_REASON: Final = "http://terminology.hl7.org/CodeSystem/data-absent-reason"

BODY_TEMPERATURE: Final = ("8310-5", "Body temperature")
TEMPERATURE_SITES: Final = {
    "oral": ("8331-1", "Oral temperature"),
    "axillary": ("8328-7", "Axillary temperature"),
    "core": ("8329-5", "Body temperature - Core"),
    "rectal": ("8332-9", "Rectal temperature"),
    "tympanic": ("8333-7", "Tympanic membrane temperature"),
}
BLOOD_PRESSURE_PANEL: Final = ("85354-9", "Blood pressure panel with all children optional")
SYSTOLIC: Final = ("8480-6", "Systolic blood pressure")
DIASTOLIC: Final = ("8462-4", "Diastolic blood pressure")
SPO2_PULSE_OXIMETRY: Final = ("59408-5", "Oxygen saturation in Arterial blood by Pulse oximetry")
SPO2_ARTERIAL: Final = ("2708-6", "Oxygen saturation in Arterial blood")
OXYGEN_FLOW: Final = ("3151-8", "Inhaled oxygen flow rate")
FIO2: Final = ("3150-0", "Inhaled oxygen concentration")
OXYGEN_DEVICE: Final = ("107117-4", "Method of oxygen delivery")
BODY_WEIGHT: Final = ("29463-7", "Body weight")
HEART_RATE: Final = ("8867-4", "Heart rate")
RESPIRATORY_RATE: Final = ("9279-1", "Respiratory rate")
GLASGOW_EYE: Final = ("9267-6", "Glasgow coma score eye opening")
GLASGOW_VERBAL: Final = ("9270-0", "Glasgow coma score verbal")
GLASGOW_TOTAL: Final = ("9269-2", "Glasgow coma score total")
RASS: Final = ("1345050000", "Richmond Agitation Sedation Scale score (observable entity)")
MIMIC_GOAL_RASS: Final = ("228299", "Goal Richmond-RAS Scale")

DEVICE_SNOMED: Final = {
    "room-air": ("722742002", "Breathing room air (finding)"),
    "nasal-cannula": ("336623009", "Oxygen nasal cannula (physical object)"),
    "blow-by": ("425478008", "Blow by oxygen mask (physical object)"),
    "simple-mask": ("336602003", "Oxygen mask (physical object)"),
    "venturi-mask": ("428285009", "Venturi mask (physical object)"),
    "partial-rebreather": ("425926003", "Partial rebreather oxygen mask (physical object)"),
    "non-rebreather": ("427591007", "Nonrebreather oxygen mask (physical object)"),
    "face-tent": ("426294006", "Face tent oxygen delivery device (physical object)"),
    "high-flow-nasal-cannula": ("426854004", "High flow oxygen nasal cannula (physical object)"),
    "cpap": ("47545007", "Continuous positive airway pressure ventilation treatment (regime/therapy)"),
    "bipap": ("1186618000", "Bilevel artificial ventilation (regime/therapy)"),
    "mechanical-ventilation": ("1258985005", "Invasive mechanical ventilation (regime/therapy)"),
}
# As nurses and interfaces write them: case, blanks, underscores and hyphens vary on purpose.
DEVICE_TEXT: Final = {
    "room-air": "None",
    "nasal-cannula": "Nasal cannula",
    "blow-by": "Blow by",
    "simple-mask": "SIMPLE MASK",
    "venturi-mask": "venturi_mask",
    "partial-rebreather": "Partial Rebreather",
    "non-rebreather": "Non-rebreather",
    "face-tent": "Face tent",
    "high-flow-nasal-cannula": "High flow nasal cannula",
    "cpap": "CPAP",
    "bipap": "BiPAP",
    "mechanical-ventilation": "Mechanical Ventilation",
}

ICE_ITEMS: Final = {
    "year": ("ice-year", 1),
    "month": ("ice-month", 1),
    "city": ("ice-city", 1),
    "hospital": ("ice-hospital", 1),
    "naming": ("ice-naming", 3),
    "command": ("ice-command", 1),
    "writing": ("ice-writing", 1),
    "attention": ("ice-attention", 1),
}


@dataclass(frozen=True, slots=True)
class Drug:
    """One agent and the codes it is known by; ``text`` is the generic name."""

    text: str
    rxnorm: str | None = None
    atc: str | None = None
    snomed: str | None = None
    mimic: str | None = None


DRUGS: Final = {
    "norepinephrine": Drug("norepinephrine", "7512", "C01CA03", "45555007", "221906"),
    "epinephrine": Drug("epinephrine", "3992", "C01CA24", "387362001", "221289"),
    "phenylephrine": Drug("phenylephrine", "8163", "C01CA06", None, "221749"),
    "dopamine": Drug("dopamine", "3628", "C01CA04", "412383006", "221662"),
    "angiotensin-ii": Drug("angiotensin II", "1999010", None, None, "229764"),
    "vasopressin": Drug("vasopressin", "11149", "H01BA01", "77671006", "222315"),
    "terlipressin": Drug("terlipressin", None, "H01BA04"),
    "dobutamine": Drug("dobutamine", "3616", None, None, "221653"),
    "milrinone": Drug("milrinone", "52769", None, None, "221986"),
    "levosimendan": Drug("levosimendan"),
    "midodrine": Drug("midodrine", "6963"),
    "ephedrine": Drug("ephedrine", "3966"),
    "methylene-blue": Drug("methylene blue"),
    "tocilizumab": Drug("tocilizumab", "612865", "L04AC07"),
    "tocilizumab-aazg": Drug("tocilizumab-aazg", None, "L04AC07"),
    "anakinra": Drug("anakinra", "72435", "L04AC03"),
    "siltuximab": Drug("siltuximab", "1535218"),
    "dexamethasone": Drug("dexamethasone", "3264"),
    "methylprednisolone": Drug("methylprednisolone", "6902"),
    "hydrocortisone": Drug("hydrocortisone", "5492"),
    "acetaminophen": Drug("acetaminophen", "161"),
    "ibuprofen": Drug("ibuprofen", "5640"),
    "levetiracetam": Drug("levetiracetam", "114477"),
    "sodium-chloride": Drug("sodium chloride 0.9 %", "1807628"),
}


@dataclass(frozen=True, slots=True)
class Product:
    """A CAR-T product: ICD-10-PCS of the infusion into a central vein, RxNorm ingredient, name."""

    text: str
    procedure: str | None = None
    rxnorm: str | None = None


PRODUCTS: Final = {
    "axicabtagene-ciloleucel": Product("axicabtagene ciloleucel", "XW043H7", "1987398"),
    "brexucabtagene-autoleucel": Product("brexucabtagene autoleucel", "XW043M7", "2387277"),
    "tisagenlecleucel": Product("tisagenlecleucel", "XW043J7", "1986438"),
    "lisocabtagene-maraleucel": Product("lisocabtagene maraleucel", "XW043N7", "2479136"),
    "idecabtagene-vicleucel": Product("idecabtagene vicleucel", "XW043K7", "2536430"),
    "ciltacabtagene-autoleucel": Product("ciltacabtagene autoleucel", "XW043A7", "2594775"),
    "obecabtagene-autoleucel": Product("obecabtagene autoleucel"),
}

ROUTES: Final = {
    "intravenous": ("47625008", "Intravenous route (qualifier value)"),
    "oral": ("26643006", "Oral route"),
    "subcutaneous": ("34206005", "Subcutaneous route (qualifier value)"),
    "ophthalmic": ("54485002", "Ophthalmic route"),
    "inhaled": ("447694001", "Respiratory tract route (qualifier value)"),
}


@dataclass(frozen=True, slots=True)
class Laboratory:
    """One laboratory quantity of the chart notation: LOINC code, unit, and the same in another usual unit."""

    code: str
    display: str
    unit: str
    other_unit: str | None = None
    other_factor: float = 1.0


LABORATORY: Final = {
    "ancPerMicrolitre": Laboratory(
        "751-8", "Neutrophils [#/volume] in Blood by Automated count", "/uL", "10*9/L", 0.001
    ),
    "platelets10e9PerLitre": Laboratory(
        "777-3", "Platelets [#/volume] in Blood by Automated count", "10*9/L", "10*3/uL", 1.0
    ),
    "ferritin": Laboratory("2276-4", "Ferritin [Mass/volume] in Serum or Plasma", "ng/mL", "ug/L", 1.0),
    "fibrinogenMgPerDl": Laboratory(
        "3255-7",
        "Fibrinogen [Mass/volume] in Platelet poor plasma by Coagulation assay",
        "mg/dL",
        "g/L",
        0.01,
    ),
    "altTimesUpperLimit": Laboratory(
        "1742-6", "Alanine aminotransferase [Enzymatic activity/volume] in Serum or Plasma", "U/L"
    ),
    "astTimesUpperLimit": Laboratory(
        "1920-8", "Aspartate aminotransferase [Enzymatic activity/volume] in Serum or Plasma", "U/L"
    ),
    "sodiumMmolPerLitre": Laboratory(
        "2951-2", "Sodium [Moles/volume] in Serum or Plasma", "mmol/L", "meq/L", 1.0
    ),
    "potassiumMmolPerLitre": Laboratory(
        "2823-3", "Potassium [Moles/volume] in Serum or Plasma", "mmol/L", "meq/L", 1.0
    ),
    "phosphateMgPerDl": Laboratory("2777-1", "Phosphate [Mass/volume] in Serum or Plasma", "mg/dL"),
    "urateMgPerDl": Laboratory("3084-1", "Urate [Mass/volume] in Serum or Plasma", "mg/dL"),
    "creatinineMgPerDl": Laboratory("2160-0", "Creatinine [Mass/volume] in Serum or Plasma", "mg/dL"),
    "glucoseMgPerDl": Laboratory("2345-7", "Glucose [Mass/volume] in Serum or Plasma", "mg/dL"),
}
# The usual upper limit that a "times the upper limit" value of the notation is written against.
UPPER_LIMIT_UNITS_PER_LITRE: Final = 40
