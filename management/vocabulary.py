"""Words that protocol tables may use: recommendation ids, cuts, and the two forms of a drug recommendation.

A table with any other word is refused. The numbers behind the cuts stand in the tables, never here.
"""

from collections.abc import Mapping
from datetime import timedelta
from enum import Enum

RECOMMENDATION_IDS = frozenset(
    {
        "supportive-care",
        "infection-workup",
        "empiric-antibiotics",
        "fluid-bolus",
        "vasopressor.norepinephrine",
        "oxygen.start",
        "recheck-vitals",
        "tocilizumab.dose",
        "tocilizumab.consider",
        "dexamethasone.dose",
        "dexamethasone.consider",
        "methylprednisolone.dose",
        "methylprednisolone.high-dose",
        "steroid.escalate",
        "steroid.taper",
        "third-line.siltuximab",
        "third-line.anakinra",
        "third-line.high-dose-methylprednisolone",
        "antifungal-prophylaxis",
        "icu.transfer",
        "icu.consider",
        "cardiac.assessment",
        "echocardiography",
        "ice.repeat",
        "seizure.prophylaxis",
        "seizure.treatment",
        "eeg",
        "neuroimaging",
        "lumbar-puncture.consider",
        "neurology.consult",
        "aspiration-precautions",
        "delirium.care",
        "icp.management",
        "neurosurgery.urgent",
        "screen.sepsis",
        "screen.tumour-lysis",
        "screen.iec-hs",
        "screen.haemorrhage",
        "screen.stroke",
        "screen.hypersensitivity",
        "screen.progression",
        "screen.nonconvulsive-seizure",
        "ask.missing-data",
        "ask.attribution",
        "ask.infusion-date",
        "crs.propose-resolution",
        "organ-toxicity.ctcae",
        "non-icans-neurotoxicity",
        "electrolytes.correct",
        "immunoglobulin.check",
        "cytopenia.review",
    }
)

# The recommend form of a recommendation and the consider form that stands for the same thing.
CONSIDER_FORMS: Mapping[str, str] = {
    "tocilizumab.dose": "tocilizumab.consider",
    "dexamethasone.dose": "dexamethasone.consider",
    "icu.transfer": "icu.consider",
}
RECOMMEND_FORMS: Mapping[str, str] = {weak: firm for firm, weak in CONSIDER_FORMS.items()}

# Drugs whose recommendations a row may attach a caution to.
DRUGS = frozenset({"tocilizumab", "dexamethasone", "methylprednisolone"})
# What a row may lower to "consider": the drugs, and intensive care.
LOWERABLE = DRUGS | {"icu"}

# Products that an infusion may be of, and that a row may be for.
PRODUCTS = frozenset(
    {
        "axicabtagene-ciloleucel",
        "brexucabtagene-autoleucel",
        "ciltacabtagene-autoleucel",
        "idecabtagene-vicleucel",
        "lisocabtagene-maraleucel",
        "obecabtagene-autoleucel",
        "tisagenlecleucel",
    }
)


def drug_of(recommendation_id: str) -> str:
    """The part of an id before the dot: the drug (or the thing) it is about."""
    return recommendation_id.partition(".")[0]


class Cut(Enum):
    """A number that a condition compares with. Each must stand in the tables exactly once."""

    ICU_SYSTOLIC = "icu-systolic-below"
    ICU_OXYGEN_FLOW = "icu-oxygen-flow-from"
    ICU_ICE = "icu-ice-up-to"
    ICE_ON_STEROID = "ice-on-steroid-every"
    ICE_EVERY = "ice-every"
    REFRACTORY_BOLUSES = "refractory-boluses-from"
    RESPONSE = "response-judged-after"
    MANY_DOSES = "refractory-doses-from"
    LONG_FEVER = "long-fever-over"
    SEVERE_CRS = "severe-crs-over"
    COURSE_STEP = "course-step"
    ICANS_WORSE = "icans-worse-within"
    ICANS_NOT_BETTER = "icans-not-better-at"
    ON_STEROID = "on-steroid-within"
    STEROID_DRAFT = "no-steroid-draft-within"
    SAME_DOSE = "same-dose-within"
    WEIGHT_CHANGE = "weight-change-over"
    ADULT_WEIGHT = "adult-weight-from"
    COUNTED_BEFORE_INFUSION = "doses-counted-before-infusion"
    LATE_ONSET = "late-onset-over"
    REACTION = "reaction-within"
    REACTION_UNTIL = "reaction-considered-until"
    NEUTROPENIA = "neutropenia-below"
    NEUTROPENIA_FALLING = "falling-neutrophils-below"
    HAEMORRHAGE_PLATELETS = "haemorrhage-platelets-below"
    HYPONATRAEMIA = "hyponatraemia-below"
    UNIMPAIRED_ICE = "unimpaired-ice"
    FERRITIN_TIMES = "ferritin-times-over"
    TRANSAMINASE_TIMES = "transaminase-times-over"
    LOW_FIBRINOGEN = "fibrinogen-below"
    GRADE_4_PLATELETS = "grade-4-platelets-below"
    GRADE_4_NEUTROPHILS = "grade-4-neutrophils-below"
    LYSIS_SPAN = "lysis-span"
    LYSIS_FIRST_DAY = "lysis-first-day"
    LYSIS_LAST_DAY = "lysis-last-day"
    LYSIS_COUNT = "lysis-findings-from"
    LYSIS_POTASSIUM = "lysis-potassium-from"
    LYSIS_PHOSPHATE = "lysis-phosphate-from"
    LYSIS_PHOSPHATE_CHILD = "lysis-phosphate-child-from"
    LYSIS_CALCIUM = "lysis-calcium-up-to"
    LYSIS_URATE = "lysis-urate-from"
    LYSIS_CREATININE_RISE = "lysis-creatinine-rise-from"
    CALCIUM_PER_ALBUMIN = "calcium-per-albumin"
    NORMAL_ALBUMIN = "normal-albumin"
    LOW_IGG = "low-igg-up-to"


# Cuts that are spans of time; their unit must be minutes, hours or days.
SPAN_CUTS = frozenset(
    {
        Cut.ICE_ON_STEROID,
        Cut.ICE_EVERY,
        Cut.RESPONSE,
        Cut.LONG_FEVER,
        Cut.SEVERE_CRS,
        Cut.COURSE_STEP,
        Cut.ICANS_WORSE,
        Cut.ICANS_NOT_BETTER,
        Cut.ON_STEROID,
        Cut.STEROID_DRAFT,
        Cut.SAME_DOSE,
        Cut.COUNTED_BEFORE_INFUSION,
        Cut.LATE_ONSET,
        Cut.REACTION,
        Cut.REACTION_UNTIL,
        Cut.LYSIS_SPAN,
    }
)
SPAN_UNITS: Mapping[str, timedelta] = {
    "minutes": timedelta(minutes=1),
    "hours": timedelta(hours=1),
    "days": timedelta(days=1),
}
