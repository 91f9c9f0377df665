"""Rows of the chart for CRS: temperature, pressure, oxygen, and what holds the circulation."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import Enum

from grading.gaps import Source


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
