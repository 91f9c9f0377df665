"""Rows of the chart for ICANS: scores, arousal, seizure, motor findings and raised intracranial pressure."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from grading.gaps import Source


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
