"""The chart: one patient's record as grading reads it, free of FHIR.

A chart is built once (by ``fhir_maps``) and never changed. Every row knows its time (always aware), and the
resource it came from. Rows are kept as charted: windows, pairing and priority belong to
:mod:`grading.evidence`. What could not be mapped is a :class:`ChartGap`, never a missing row. The row types
of :mod:`grading.gaps`, :mod:`grading.circulation`, :mod:`grading.immune_drugs` and :mod:`grading.neurology`
are had from here.
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import Enum

from grading.circulation import (
    AdministrationStatus,
    FluidBolus,
    HypotensionStatement,
    InspiredOxygenRow,
    OxygenDevice,
    OxygenDeviceRow,
    OxygenFlowRow,
    OxygenSaturation,
    SystolicPressure,
    Temperature,
    VasoactiveAgent,
    VasoactiveRow,
)
from grading.gaps import ChartGap, GapWhat, GapWhy, Source
from grading.immune_drugs import ANTICYTOKINES, ANTIPYRETICS, STEROIDS, DrugDose, ImmuneDrug, PendingOrder
from grading.neurology import (
    ArousalScale,
    ArousalScore,
    BaselineIce,
    CapdScore,
    Consciousness,
    ConsciousnessRow,
    IceItem,
    IceScore,
    Motor,
    MotorRow,
    RaisedIcp,
    RaisedIcpRow,
    SedationRow,
    Seizure,
    SeizureRow,
)

__all__ = [
    "ANTICYTOKINES",
    "ANTIPYRETICS",
    "STEROIDS",
    "AdministrationStatus",
    "ArousalScale",
    "ArousalScore",
    "Attributable",
    "Attribution",
    "BaselineIce",
    "CapdScore",
    "CartInfusion",
    "Chart",
    "ChartGap",
    "Condition",
    "Consciousness",
    "ConsciousnessRow",
    "DrugDose",
    "FluidBolus",
    "GapWhat",
    "GapWhy",
    "HypotensionStatement",
    "IceItem",
    "IceScore",
    "ImagingReport",
    "ImmuneDrug",
    "InspiredOxygenRow",
    "Lab",
    "LabValue",
    "Motor",
    "MotorRow",
    "OxygenDevice",
    "OxygenDeviceRow",
    "OxygenFlowRow",
    "OxygenSaturation",
    "Patient",
    "PendingOrder",
    "RaisedIcp",
    "RaisedIcpRow",
    "SedationRow",
    "Seizure",
    "SeizureRow",
    "Source",
    "SystolicPressure",
    "TeamConcern",
    "Temperature",
    "VasoactiveAgent",
    "VasoactiveRow",
    "Verification",
    "Weight",
]


@dataclass(frozen=True, slots=True)
class Patient:
    """Demographics that grading needs.

    ``birth_date`` may be a year's or month's first day when only that is known.
    """

    birth_date: date | None = None
    deceased: bool = False
    deceased_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class CartInfusion:
    """One CAR-T infusion that took place. ``at`` is ``None`` when the record holds no usable date.

    ``product`` is one of the contract's product names, or ``None`` when unknown.
    """

    at: datetime | None
    product: str | None
    source: Source


class Attributable(Enum):
    """What a clinician may attribute to another cause."""

    FEVER = "fever"
    HYPOTENSION = "hypotension"
    HYPOXIA = "hypoxia"
    NEUROLOGICAL = "neurological"


@dataclass(frozen=True, slots=True)
class Attribution:
    """A clinician's statement that a finding is due to another cause, or its withdrawal."""

    at: datetime
    what: Attributable
    withdrawn: bool
    cause: str | None
    source: Source


@dataclass(frozen=True, slots=True)
class TeamConcern:
    """The team's statement that it is concerned about the patient, or (``present`` false) that it is not.

    A criterion for intensive care, never part of a grade.
    """

    at: datetime
    present: bool
    source: Source


@dataclass(frozen=True, slots=True)
class Weight:
    """Measured body weight in kilograms."""

    at: datetime
    kilograms: Decimal
    source: Source


class Lab(Enum):
    """Laboratory values the protocols look at, each in the unit named."""

    ANC = "anc"  # per microlitre
    PLATELETS = "platelets"  # 10^9/L
    HAEMOGLOBIN = "haemoglobin"  # g/dL
    FERRITIN = "ferritin"  # ng/mL
    CRP = "crp"  # mg/L
    LDH = "ldh"  # U/L
    FIBRINOGEN = "fibrinogen"  # mg/dL
    ALT = "alt"  # U/L
    AST = "ast"  # U/L
    BILIRUBIN = "bilirubin"  # mg/dL
    CREATININE = "creatinine"  # mg/dL
    SODIUM = "sodium"  # mmol/L
    POTASSIUM = "potassium"  # mmol/L
    PHOSPHATE = "phosphate"  # mg/dL
    CALCIUM = "calcium"  # mg/dL
    ALBUMIN = "albumin"  # g/dL
    URATE = "urate"  # mg/dL
    TROPONIN = "troponin"  # as charted, with its own upper limit
    IGG = "igg"  # mg/dL
    LACTATE = "lactate"  # mmol/L


@dataclass(frozen=True, slots=True)
class LabValue:
    """A laboratory value in the unit of its :class:`Lab`, with the upper limit of normal where the report
    gives it.
    """

    lab: Lab
    at: datetime
    value: Decimal
    source: Source
    upper_limit: Decimal | None = None


class Verification(Enum):
    """Verification of a condition; ``refuted`` and ``entered-in-error`` never reach the chart."""

    CONFIRMED = "confirmed"
    UNCONFIRMED = "unconfirmed"


@dataclass(frozen=True, slots=True)
class Condition:
    """A diagnosis on the problem list.

    ``kind`` is one of our condition concepts (``crs``, ``icans``, ``intracranial-haemorrhage``,
    ``infection``, ``diverticular-disease``, ``facial-palsy`` ...) or ``None`` when the code has no bearing
    here. ``grade`` is that of the code for CRS and ICANS. ``resolved_at`` is the documented end.
    """

    code: str | None
    text: str | None
    kind: str | None
    grade: int | None
    verification: Verification
    at: datetime | None
    resolved_at: datetime | None
    source: Source


@dataclass(frozen=True, slots=True)
class ImagingReport:
    """Conclusion of an imaging report: shown, never graded."""

    at: datetime
    conclusion: str
    source: Source


@dataclass(frozen=True, slots=True)
class Chart:
    """One patient's record.

    Each tuple is sorted by time; duplicates of one measurement may occur and are harmless.
    """

    patient: Patient = field(default_factory=Patient)
    infusions: tuple[CartInfusion, ...] = ()
    temperatures: tuple[Temperature, ...] = ()
    systolic_pressures: tuple[SystolicPressure, ...] = ()
    hypotension_statements: tuple[HypotensionStatement, ...] = ()
    oxygen_devices: tuple[OxygenDeviceRow, ...] = ()
    oxygen_flows: tuple[OxygenFlowRow, ...] = ()
    inspired_oxygen: tuple[InspiredOxygenRow, ...] = ()
    saturations: tuple[OxygenSaturation, ...] = ()
    vasoactives: tuple[VasoactiveRow, ...] = ()
    fluid_boluses: tuple[FluidBolus, ...] = ()
    drug_doses: tuple[DrugDose, ...] = ()
    pending_orders: tuple[PendingOrder, ...] = ()
    ice_scores: tuple[IceScore, ...] = ()
    capd_scores: tuple[CapdScore, ...] = ()
    consciousness: tuple[ConsciousnessRow, ...] = ()
    seizures: tuple[SeizureRow, ...] = ()
    motor: tuple[MotorRow, ...] = ()
    raised_icp: tuple[RaisedIcpRow, ...] = ()
    sedation: tuple[SedationRow, ...] = ()
    arousal_scores: tuple[ArousalScore, ...] = ()
    baseline_ice: tuple[BaselineIce, ...] = ()
    attributions: tuple[Attribution, ...] = ()
    team_concerns: tuple[TeamConcern, ...] = ()
    weights: tuple[Weight, ...] = ()
    labs: tuple[LabValue, ...] = ()
    conditions: tuple[Condition, ...] = ()
    imaging: tuple[ImagingReport, ...] = ()
    gaps: tuple[ChartGap, ...] = ()
