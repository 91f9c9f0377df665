"""The review: an assessment with what the protocol suggests, and what it withholds and why."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import Enum

from grading.assessment import Assessment


class Strength(Enum):
    """How firmly the source speaks: ``recommend`` (give, do) or ``consider`` (may)."""

    RECOMMEND = "recommend"
    CONSIDER = "consider"


class Guard(Enum):
    """Why a treatment is withheld."""

    ISOLATED_ICANS = "isolated-icans"
    INTERVAL_UNDER_8H = "interval-under-8h"
    THREE_DOSES_IN_24H = "three-doses-in-24h"
    FOUR_DOSES_IN_TOTAL = "four-doses-in-total"
    NO_WEIGHT = "no-weight"
    STALE_WEIGHT = "stale-weight"
    OVER_MAXIMUM_DOSE = "over-maximum-dose"
    ACTIVE_INFECTION_CAUTION = "active-infection-caution"
    GM_CSF = "gm-csf"
    DUPLICATE_ORDER = "duplicate-order"


@dataclass(frozen=True, slots=True)
class Dose:
    """A computed dose.

    ``value`` in ``unit`` (``mg``, ``mL`` or ``mg/day``). ``arithmetic`` shows weight, rule and cap as a
    reader would check them by hand ("8 mg/kg × 72 kg = 576 mg"). ``interval`` is the source's own words,
    ``None`` where the source states none. ``weight_kg``/``weight_at`` is the weight used.
    """

    value: Decimal
    unit: str
    arithmetic: str
    route: str | None = None
    interval: str | None = None
    weight_kg: Decimal | None = None
    weight_at: datetime | None = None
    capped: bool = False


@dataclass(frozen=True, slots=True)
class Recommendation:
    """One thing the protocol suggests now.

    ``id`` is one of the contract's ids. ``title`` is the short imperative on the card, ``text`` the sentence
    with the source's wording in our own words, ``reasons`` why the row fired for this patient. ``row`` is the
    protocol row (``C3``). ``verified`` is ``False`` for anything not of tier A or B, which is never a
    ``recommend``. ``no_draft_because`` says why no draft order is to be offered although a dose is computed.
    ``missing`` names the inputs of a screen that are not known, so that it may not have been judged whole.
    """

    id: str
    strength: Strength
    title: str
    text: str
    reasons: tuple[str, ...]
    row: str
    cite: str
    tier: str
    verified: bool
    dose: Dose | None = None
    dose_rule: str | None = (
        None  # printed where the dose cannot be computed ("8 mg/kg IV over 1 h, at most 800 mg")
    )
    urgent: bool = False
    cautions: tuple[str, ...] = ()
    no_draft_because: str | None = None
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Withheld:
    """A treatment the protocol would suggest and a guard holds back. ``text`` says why, with the numbers."""

    id: str
    because: Guard
    text: str
    cite: str


@dataclass(frozen=True, slots=True)
class TocilizumabCount:
    """Administrations counted at the time of the review (``None`` hours: none given).

    ``may_be_more`` says that the count is a lower bound: administrations were not all retrieved, or one could
    not be read.
    """

    last_24_h: int
    total: int
    hours_since_last: Decimal | None
    may_be_more: bool = False


@dataclass(frozen=True, slots=True)
class ScorePoint:
    """A score at one time, with the arithmetic as a reader would check it, conversions of units included."""

    at: datetime
    value: Decimal
    arithmetic: str


@dataclass(frozen=True, slots=True)
class Score:
    """A severity score: shown as a trend, never compared with a cut, never an input of a grade.

    ``points`` are oldest first; none where an input is missing, which ``missing`` names. ``reading`` is the
    source's own word for the newest point ("grade 2", "high"), ``None`` where it has none.
    """

    name: str
    points: tuple[ScorePoint, ...]
    missing: tuple[str, ...]
    reading: str | None
    cite: str
    tier: str
    verified: bool


@dataclass(frozen=True, slots=True)
class RiskFactor:
    """Something known of this patient that the sources name as a risk for severe toxicity."""

    text: str
    cite: str
    tier: str
    verified: bool


@dataclass(frozen=True, slots=True)
class IceSchedule:
    """When the next ICE (or CAPD in a child) is due: ``overdue`` once ``due_at`` has passed.

    ``last_at`` is ``None`` where none was taken since the infusion; it is then due now. ``every_hours`` is
    the interval that applies and ``why`` the reason for it.
    """

    instrument: str
    last_at: datetime | None
    due_at: datetime
    overdue: bool
    every_hours: int
    why: str
    cite: str
    tier: str
    verified: bool


@dataclass(frozen=True, slots=True)
class LateEffects:
    """What there is to tell of a recipient after the monitoring window, when nothing is graded any more."""

    at: datetime
    infusion_at: datetime
    product: str | None
    day: int
    protocol: str
    protocol_version: str
    recommendations: tuple[Recommendation, ...]


@dataclass(frozen=True, slots=True)
class Review:
    """An assessment, and what the protocol makes of it.

    ``unattributed`` is the same chart graded as if nothing were attributed elsewhere, ``None`` where nothing
    is.
    """

    assessment: Assessment
    protocol: str
    protocol_version: str
    tocilizumab: TocilizumabCount
    recommendations: tuple[Recommendation, ...] = ()
    withheld: tuple[Withheld, ...] = ()
    notes: tuple[str, ...] = field(default=())  # protocol-level remarks for the card
    unattributed: Assessment | None = None
    scores: tuple[Score, ...] = ()
    risk_factors: tuple[RiskFactor, ...] = ()
    ice_schedule: IceSchedule | None = None
