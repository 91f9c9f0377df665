"""Where a row of the chart came from, and what could not become one."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import NamedTuple


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


INPUTS_OF_CRS = (
    GapWhat.TEMPERATURE,
    GapWhat.BLOOD_PRESSURE,
    GapWhat.OXYGEN,
    GapWhat.OXYGEN_FLOW,
    GapWhat.SPO2,
    GapWhat.VASOPRESSORS,
)
"""What is graded for CRS, in the order in which gaps are told."""

INPUTS_OF_ICANS = (
    GapWhat.ICE,
    GapWhat.CAPD,
    GapWhat.CONSCIOUSNESS,
    GapWhat.SEIZURE,
    GapWhat.MOTOR,
    GapWhat.RAISED_ICP,
    GapWhat.SEDATION,
)
"""What is graded for ICANS, in the order in which gaps are told."""


class GapWhy(Enum):
    """Why an input is not known."""

    NOT_CHARTED = "not-charted"
    STALE = "stale"
    UNMAPPED = "unmapped"
    IMPLAUSIBLE = "implausible"
    NOT_RETRIEVED = "not-retrieved"
    AMBIGUOUS = "ambiguous"
    ATTRIBUTED_ELSEWHERE = "attributed-elsewhere"


class Source(NamedTuple):
    """Where a row came from.

    ``reference`` is ``Type/id`` (or ``Type`` where the resource has no id). ``note`` says what a reader must
    know about how it was read, e.g. ``"read as °C: implausible in °F"`` or ``"matched on text"``.

    A named tuple, as each resource of a chart makes one: it is built in a third of the time of a frozen
    dataclass.
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
