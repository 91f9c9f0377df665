"""The chart: one patient's record as grading reads it, free of FHIR.

A chart is built once (by ``fhir_maps``) and never changed. Every row knows its time (always aware), and the
resource it came from. Rows are kept as charted: windows, pairing and priority belong to
:mod:`grading.evidence`. What could not be mapped is a :class:`ChartGap`, never a missing row.
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import Enum


class GapWhat(Enum):
    """The input that is needed and not known."""

    INFUSION = "infusion"
    TEMPERATURE = "temperature"
    BLOOD_PRESSURE = "blood-pressure"
    OXYGEN = "oxygen"
    OXYGEN_FLOW = "oxygen-flow"
    SPO2 = "spo2"
    VASOPRESSORS = "vasopressors"
    ICE = "ice"
    CAPD = "capd"
    CONSCIOUSNESS = "consciousness"
    SEIZURE = "seizure"
    MOTOR = "motor"
    RAISED_ICP = "raised-icp"
    SEDATION = "sedation"
    WEIGHT = "weight"
    TOCILIZUMAB = "tocilizumab"
    STEROIDS = "steroids"
    LABS = "labs"
    CONDITIONS = "conditions"
    AGE = "age"


class GapWhy(Enum):
    """Why an input is not known."""

    NOT_CHARTED = "not-charted"
    STALE = "stale"
    UNMAPPED = "unmapped"
    IMPLAUSIBLE = "implausible"
    NOT_RETRIEVED = "not-retrieved"
    AMBIGUOUS = "ambiguous"
    ATTRIBUTED_ELSEWHERE = "attributed-elsewhere"


@dataclass(frozen=True, slots=True)
class Source:
    """Where a row came from.

    ``reference`` is ``Type/id`` (or ``Type`` where the resource has no id). ``note`` says what a reader must
    know about how it was read, e.g. ``"read as °C: implausible in °F"`` or ``"matched on text"``.
    """

    reference: str
    note: str | None = None


@dataclass(frozen=True, slots=True)
class ChartGap:
    """Something the reader could not turn into a row.

    ``at`` is the time of the thing that could not be read, ``None`` when it holds for the whole chart (a
    search that failed). ``until`` is the end of a period, when it has one. ``running_rate`` marks an unknown
    drug given by a continuous rate: it might be a vasopressor, so it widens the hypotension axis while it
    runs.
    """

    what: GapWhat
    why: GapWhy
    detail: str | None = None
    at: datetime | None = None
    until: datetime | None = None
    running_rate: bool = False
    source: Source | None = None


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


@dataclass(frozen=True, slots=True)
class Temperature:
    """Body temperature in °C, converted without rounding."""

    at: datetime
    celsius: Decimal
    source: Source


@dataclass(frozen=True, slots=True)
class SystolicPressure:
    """Systolic blood pressure in mmHg."""

    at: datetime
    mmhg: Decimal
    source: Source


@dataclass(frozen=True, slots=True)
class HypotensionStatement:
    """A clinician's statement that hypotension is (not) present."""

    at: datetime
    present: bool
    source: Source


class OxygenDevice(Enum):
    """Respiratory support as charted. Which level a device means stands in ``tables/oxygen_devices.toml``."""

    ROOM_AIR = "room-air"
    NASAL_CANNULA = "nasal-cannula"
    BLOW_BY = "blow-by"
    SIMPLE_MASK = "simple-mask"
    VENTURI_MASK = "venturi-mask"
    PARTIAL_REBREATHER = "partial-rebreather"
    NON_REBREATHER = "non-rebreather"
    FACE_TENT = "face-tent"
    HIGH_FLOW_NASAL_CANNULA = "high-flow-nasal-cannula"
    CPAP = "cpap"
    BIPAP = "bipap"
    MECHANICAL_VENTILATION = "mechanical-ventilation"
    # Beyond the contract's list: charted in practice, graded by their own flagged rows.
    TRACHEOSTOMY_MASK = "tracheostomy-mask"
    T_PIECE = "t-piece"
    AEROSOL_MASK = "aerosol-mask"
    ECMO = "ecmo"
    # Kind not decidable from what was charted: a range.
    UNSPECIFIED_MASK = "unspecified-mask"
    UNSPECIFIED_NON_INVASIVE_VENTILATION = "unspecified-non-invasive-ventilation"
    UNSPECIFIED_OXYGEN = "unspecified-oxygen"


@dataclass(frozen=True, slots=True)
class OxygenDeviceRow:
    """An oxygen device charted at a time."""

    at: datetime
    device: OxygenDevice
    source: Source


@dataclass(frozen=True, slots=True)
class OxygenFlowRow:
    """An oxygen flow in litres per minute charted at a time."""

    at: datetime
    litres_per_minute: Decimal
    source: Source


@dataclass(frozen=True, slots=True)
class InspiredOxygenRow:
    """FiO2 as a fraction (0.21-1.0). Shown, never graded: FiO2 is not an ASTCT criterion."""

    at: datetime
    fraction: Decimal
    source: Source


@dataclass(frozen=True, slots=True)
class OxygenSaturation:
    """SpO2 in percent."""

    at: datetime
    percent: Decimal
    source: Source


class VasoactiveAgent(Enum):
    """Drugs that act on the circulation. Which of them count stands in ``tables/vasoactive_agents.toml``."""

    NOREPINEPHRINE = "norepinephrine"
    EPINEPHRINE = "epinephrine"
    PHENYLEPHRINE = "phenylephrine"
    DOPAMINE = "dopamine"
    ANGIOTENSIN_II = "angiotensin-ii"
    TERLIPRESSIN = "terlipressin"
    VASOPRESSIN = "vasopressin"
    EPHEDRINE = "ephedrine"
    DOBUTAMINE = "dobutamine"
    MILRINONE = "milrinone"
    LEVOSIMENDAN = "levosimendan"
    MIDODRINE = "midodrine"
    DROXIDOPA = "droxidopa"
    FLUDROCORTISONE = "fludrocortisone"
    METHYLENE_BLUE = "methylene-blue"
    HYDROXOCOBALAMIN = "hydroxocobalamin"


class AdministrationStatus(Enum):
    """Status of an administration that took place.

    ``not-done`` and ``entered-in-error`` never reach the chart.
    """

    IN_PROGRESS = "in-progress"
    ON_HOLD = "on-hold"
    STOPPED = "stopped"
    COMPLETED = "completed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class VasoactiveRow:
    """One administration record of a vasoactive drug by a systemic (or unknown) route.

    One record may be a whole infusion or one rate segment. ``end`` is ``None`` where none is charted.
    ``rate`` is the charted rate in ``rate_unit`` (0 means switched off), ``None`` when no rate is charted.
    ``has_dose`` tells a record with an amount from a bare product. ``intravenous`` is ``True`` (stated), or
    ``None`` (route not stated); other routes never reach the chart.
    """

    agent: VasoactiveAgent
    start: datetime
    end: datetime | None
    rate: Decimal | None
    rate_unit: str | None
    has_dose: bool
    intravenous: bool | None
    status: AdministrationStatus
    source: Source


@dataclass(frozen=True, slots=True)
class FluidBolus:
    """A crystalloid or colloid given as an instant or within an hour, in millilitres."""

    at: datetime
    millilitres: Decimal
    source: Source


class ImmuneDrug(Enum):
    """Anticytokine drugs, steroids and others whose doses the protocols count."""

    TOCILIZUMAB = "tocilizumab"
    SILTUXIMAB = "siltuximab"
    ANAKINRA = "anakinra"
    DEXAMETHASONE = "dexamethasone"
    METHYLPREDNISOLONE = "methylprednisolone"
    HYDROCORTISONE = "hydrocortisone"
    PREDNISONE = "prednisone"
    PREDNISOLONE = "prednisolone"
    ACETAMINOPHEN = "acetaminophen"
    IBUPROFEN = "ibuprofen"
    LEVETIRACETAM = "levetiracetam"


STEROIDS = frozenset(
    {
        ImmuneDrug.DEXAMETHASONE,
        ImmuneDrug.METHYLPREDNISOLONE,
        ImmuneDrug.HYDROCORTISONE,
        ImmuneDrug.PREDNISONE,
        ImmuneDrug.PREDNISOLONE,
    }
)
ANTIPYRETICS = frozenset({ImmuneDrug.ACETAMINOPHEN, ImmuneDrug.IBUPROFEN})
ANTICYTOKINES = frozenset({ImmuneDrug.TOCILIZUMAB, ImmuneDrug.SILTUXIMAB, ImmuneDrug.ANAKINRA})


@dataclass(frozen=True, slots=True)
class DrugDose:
    """One administered dose (never an order) of a drug that masks fever or treats the syndromes.

    ``at`` is the start. ``milligrams`` is ``None`` when not charted in a mass. ``systemic`` is ``False`` for
    drops, creams and inhaled forms, which do not mask fever. ``subcutaneous`` marks tocilizumab for
    arthritis, shown but not counted. ``name`` is the drug as charted (a biosimilar keeps its own name).
    """

    drug: ImmuneDrug
    at: datetime
    milligrams: Decimal | None
    source: Source
    name: str | None = None
    systemic: bool = True
    subcutaneous: bool = False


@dataclass(frozen=True, slots=True)
class PendingOrder:
    """An active order (MedicationRequest). It never counts as given.

    ``drug`` is the value of a :class:`VasoactiveAgent` or :class:`ImmuneDrug`.
    """

    drug: VasoactiveAgent | ImmuneDrug
    authored_at: datetime | None
    source: Source


class IceItem(Enum):
    """The eight charted items of the ICE score."""

    YEAR = "ice-year"
    MONTH = "ice-month"
    CITY = "ice-city"
    HOSPITAL = "ice-hospital"
    NAMING = "ice-naming"
    COMMAND = "ice-command"
    WRITING = "ice-writing"
    ATTENTION = "ice-attention"


@dataclass(frozen=True, slots=True)
class IceScore:
    """One ICE assessment. Items not done leave a range: ``minimum`` <= ``maximum``, both 0-10."""

    at: datetime
    minimum: int
    maximum: int
    source: Source
    items_not_done: tuple[IceItem, ...] = ()


@dataclass(frozen=True, slots=True)
class CapdScore:
    """Cornell Assessment of Pediatric Delirium, 0-32; ``None`` when it could not be performed."""

    at: datetime
    total: int | None
    source: Source


class Consciousness(Enum):
    """Arousal as charted by a clinician."""

    ALERT = "alert"
    AWAKENS_SPONTANEOUSLY = "awakens-spontaneously"
    AWAKENS_TO_VOICE = "awakens-to-voice"
    AWAKENS_TO_TOUCH = "awakens-to-touch"
    UNAROUSABLE = "unarousable"


class Seizure(Enum):
    """Seizure finding."""

    NONE = "none"
    BRIEF_RESOLVED = "brief-resolved"
    EEG_RESOLVED_WITH_TREATMENT = "eeg-resolved-with-treatment"
    REPEATED_WITH_RECOVERY = "repeated-with-recovery"
    PROLONGED_OVER_5_MIN = "prolonged-over-5-min"
    REPETITIVE_WITHOUT_RECOVERY = "repetitive-without-recovery"


class Motor(Enum):
    """Motor finding."""

    NONE = "none"
    HEMIPARESIS = "hemiparesis"
    PARAPARESIS = "paraparesis"
    TREMOR_OR_MYOCLONUS = "tremor-or-myoclonus"


class RaisedIcp(Enum):
    """Sign of raised intracranial pressure or cerebral oedema."""

    NONE = "none"
    FOCAL_OEDEMA = "focal-oedema"
    DIFFUSE_OEDEMA = "diffuse-oedema"
    POSTURING = "posturing"
    CRANIAL_NERVE_VI_PALSY = "cranial-nerve-vi-palsy"
    PAPILLOEDEMA = "papilloedema"
    CUSHING_TRIAD = "cushing-triad"


@dataclass(frozen=True, slots=True)
class ConsciousnessRow:
    """Arousal charted at a time."""

    at: datetime
    level: Consciousness
    source: Source


@dataclass(frozen=True, slots=True)
class SeizureRow:
    """Seizure finding charted at a time."""

    at: datetime
    finding: Seizure
    source: Source


@dataclass(frozen=True, slots=True)
class MotorRow:
    """Motor finding charted at a time."""

    at: datetime
    finding: Motor
    source: Source


@dataclass(frozen=True, slots=True)
class RaisedIcpRow:
    """Raised-pressure finding charted at a time."""

    at: datetime
    finding: RaisedIcp
    source: Source


@dataclass(frozen=True, slots=True)
class SedationRow:
    """Whether the patient is sedated."""

    at: datetime
    sedated: bool
    source: Source


class ArousalScale(Enum):
    """Scales that may stand in for a missing arousal statement.

    GCS verbal and total never do (intubation).
    """

    RASS = "rass"
    GCS_EYE = "gcs-eye"


@dataclass(frozen=True, slots=True)
class ArousalScore:
    """RASS (-5 to +4) or GCS eye opening (1-4)."""

    at: datetime
    scale: ArousalScale
    score: int
    source: Source


@dataclass(frozen=True, slots=True)
class BaselineIce:
    """A stated baseline ICE, 0-10."""

    at: datetime
    total: int
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
    weights: tuple[Weight, ...] = ()
    labs: tuple[LabValue, ...] = ()
    conditions: tuple[Condition, ...] = ()
    imaging: tuple[ImagingReport, ...] = ()
    gaps: tuple[ChartGap, ...] = ()
