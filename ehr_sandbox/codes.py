"""Codes that the synthetic records use, each as a real EHR would send it.

They are the sandbox's own small list on purpose: were they taken from the tables of ``fhir_maps``, a
wrong code there would be read back as right.
"""

from typing import Any

LOINC = "http://loinc.org"
SNOMED = "http://snomed.info/sct"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
ATC = "http://www.whocc.no/atc"
ICD_10_PCS = "http://www.cms.gov/Medicare/Coding/ICD10"
UCUM = "http://unitsofmeasure.org"
OWN = "https://cart-toxicity-cds.github.io/fhir/CodeSystem/immune-effector-cell-assessment"
OBSERVATION_CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
CONDITION_CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"
CONDITION_VERIFICATION = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
CONDITION_CATEGORY = "http://terminology.hl7.org/CodeSystem/condition-category"
DIAGNOSTIC_SECTION = "http://terminology.hl7.org/CodeSystem/v2-0074"
RECORD_NUMBER_TYPE = {"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MR"}
TEST_DATA = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "HTEST"}

_Concept = dict[str, Any]


def _concept(text: str, *codings: tuple[str, str]) -> _Concept:
    return {"coding": [{"system": system, "code": code} for system, code in codings], "text": text}


TEMPERATURE = _concept("Body temperature", (LOINC, "8310-5"))
BLOOD_PRESSURE = _concept("Blood pressure", (LOINC, "85354-9"))
SYSTOLIC = _concept("Systolic blood pressure", (LOINC, "8480-6"))
DIASTOLIC = _concept("Diastolic blood pressure", (LOINC, "8462-4"))
HEART_RATE = _concept("Heart rate", (LOINC, "8867-4"))
WEIGHT = _concept("Body weight", (LOINC, "29463-7"))
# The base vital-signs profile asks for 2708-6; US Core sends 59408-5 beside it.
SATURATION = _concept("Oxygen saturation", (LOINC, "2708-6"), (LOINC, "59408-5"))
OXYGEN_FLOW = _concept("Inhaled oxygen flow rate", (LOINC, "3151-8"))
OXYGEN_DEVICE = _concept("Method of oxygen delivery", (LOINC, "107117-4"))

DEVICES = {
    "room-air": _concept("Room air", (SNOMED, "722742002")),
    "nasal-cannula": _concept("Nasal cannula", (SNOMED, "336623009")),
    "simple-mask": _concept("Oxygen mask", (SNOMED, "336602003")),
    "bipap": _concept("BiPAP", (SNOMED, "1186618000")),
}

DRUGS = {
    "norepinephrine": _concept("norepinephrine", (RXNORM, "7512")),
    "epinephrine": _concept("epinephrine", (RXNORM, "3992")),
    "vasopressin": _concept("vasopressin", (RXNORM, "11149")),
    "phenylephrine-drops": _concept("phenylephrine 2.5 % eye drops", (RXNORM, "8163")),
    "saline": _concept("sodium chloride 9 MG/ML Injection", (RXNORM, "1807628")),
    "tocilizumab": _concept("tocilizumab", (RXNORM, "612865")),
    "dexamethasone": _concept("dexamethasone", (RXNORM, "3264")),
    "acetaminophen": _concept("acetaminophen", (RXNORM, "161")),
    "levetiracetam": _concept("levetiracetam", (RXNORM, "114477")),
}

ROUTES = {
    "intravenous": _concept("Intravenous", (SNOMED, "47625008")),
    "oral": _concept("Oral", (SNOMED, "26643006")),
    "ophthalmic": _concept("Ophthalmic", (SNOMED, "54485002")),
}

LABS = {
    "ferritin": ("2276-4", "Ferritin", "ng/mL"),
    "crp": ("1988-5", "C reactive protein", "mg/L"),
    "ldh": ("2532-0", "Lactate dehydrogenase", "U/L"),
    "anc": ("751-8", "Neutrophils", "10*3/uL"),
    "platelets": ("777-3", "Platelets", "10*3/uL"),
    "fibrinogen": ("3255-7", "Fibrinogen", "mg/dL"),
    "creatinine": ("2160-0", "Creatinine", "mg/dL"),
    "sodium": ("2951-2", "Sodium", "mmol/L"),
}
