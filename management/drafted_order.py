"""A drafted medication order as it is checked, and what a check finds. Free of FHIR.

Amounts are milligrams, or milligrams per kilogram where the order says so; nothing is converted with a
weight before the check. What could not be read keeps its reason: it is said, never guessed.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import Enum

from grading.chart import STEROIDS
from management.review import Guard


class OrderDrug(Enum):
    """Drugs whose orders are checked; the names are those of the drug maps."""

    TOCILIZUMAB = "tocilizumab"
    SILTUXIMAB = "siltuximab"
    ANAKINRA = "anakinra"
    DEXAMETHASONE = "dexamethasone"
    METHYLPREDNISOLONE = "methylprednisolone"
    HYDROCORTISONE = "hydrocortisone"
    PREDNISONE = "prednisone"
    PREDNISOLONE = "prednisolone"
    LEVETIRACETAM = "levetiracetam"
    GM_CSF = "gm-csf"

    @property
    def is_steroid(self) -> bool:
        """Whether it is one of the steroids that the protocols count."""
        return self.value in _STEROID_NAMES

    @property
    def title(self) -> str:
        """The name at the head of a sentence."""
        return "GM-CSF" if self is OrderDrug.GM_CSF else self.value.capitalize()


_STEROID_NAMES = frozenset(drug.value for drug in STEROIDS)


class OrderChange(Enum):
    """What a draft does: it begins (or goes on with) a drug, or it ends one."""

    START = "start"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class DraftedDose:
    """An amount for one administration (``per_day``: for a day), the same twice where it is no range.

    In mg, or in mg/kg where ``by_weight``. ``written`` is the amount as the order words it ("2 vials").
    """

    low: Decimal
    high: Decimal
    written: str
    by_weight: bool = False
    per_day: bool = False


@dataclass(frozen=True, slots=True)
class DosageStep:
    """One dosage instruction; several in a row are the steps of a taper.

    ``doses`` are the amounts stated for one administration: several are the same amount said in several ways
    (8 mg/kg, 576 mg). ``fault`` says why the amount could not be read, ``timing_fault`` the same of the
    timing. ``interval`` is the time between two administrations, ``None`` where none is stated; ``count``
    how many are ordered in all; ``lasts`` for how long. ``starts_at`` is the stated first time.
    """

    doses: tuple[DraftedDose, ...] = ()
    fault: str | None = None
    interval: timedelta | None = None
    count: int | None = None
    lasts: timedelta | None = None
    starts_at: datetime | None = None
    timing_fault: str | None = None
    route: str | None = None

    @property
    def is_repeated(self) -> bool:
        """Whether more than one administration is ordered."""
        return self.interval is not None and self.count != 1

    @property
    def times_per_day(self) -> Decimal:
        """Administrations in a day as far as stated, at least one."""
        if self.interval is None or not self.is_repeated:
            return Decimal(1)
        return max(Decimal(1), Decimal(86400) / Decimal(str(self.interval.total_seconds())))


@dataclass(frozen=True, slots=True)
class DraftedOrder:
    """One drafted order of a drug that is checked.

    ``reference`` is ``MedicationRequest/id``, ``None`` for a draft without an id. ``replaces`` are orders
    that it takes the place of. ``doubt`` says what of the drug's name was not read, ``names_patient``
    whether the draft says whose it is.
    """

    drug: OrderDrug
    steps: tuple[DosageStep, ...] = ()
    reference: str | None = None
    name: str | None = None
    change: OrderChange = OrderChange.START
    replaces: tuple[str, ...] = ()
    doubt: str | None = None
    names_patient: bool = True

    @property
    def routes(self) -> frozenset[str]:
        """The routes stated."""
        return frozenset(step.route for step in self.steps if step.route is not None)


class Severity(Enum):
    """How loud a finding is."""

    CRITICAL = "critical"
    WARNING = "warning"


class OrderKind(Enum):
    """What may be found. The rows are in ``tables/orders/order-checks.toml``."""

    WRONG_PATIENT = "wrong-patient"
    UNREADABLE_ORDER = "unreadable-order"
    NO_SUBJECT = "no-subject"
    NAME_IN_DOUBT = "name-in-doubt"
    INFUSION_UNKNOWN = "infusion-unknown"
    ISOLATED_ICANS = "isolated-icans"
    ISOLATION_UNKNOWN = "isolation-unknown"
    INTERVAL = "interval-under-8h"
    SCHEDULE_UNDER_INTERVAL = "schedule-under-8h"
    THREE_IN_24H = "three-doses-in-24h"
    FOUR_IN_TOTAL = "four-doses-in-total"
    OPEN_SCHEDULE = "open-schedule"
    HISTORY_UNKNOWN = "history-unknown"
    OVER_MAXIMUM = "over-maximum-dose"
    ROUNDED_UP = "rounded-up"
    OVER_DAILY_RULE = "over-daily-rule"
    OVER_WHILE_ESCALATING = "over-while-escalating"
    INTERVAL_UNDER_RULE = "interval-under-rule"
    OVER_CURRENT_RULE = "over-current-rule"
    BELOW_RULE = "below-rule"
    UNREADABLE_DOSE = "unreadable-dose"
    UNREADABLE_TIMING = "unreadable-timing"
    NO_WEIGHT = "no-weight"
    STALE_WEIGHT = "stale-weight"
    ADULT_RULE = "adult-rule"
    INFECTION = "active-infection-caution"
    INFECTION_UNKNOWN = "infection-unknown"
    DUPLICATE = "duplicate-order"
    DUPLICATE_UNKNOWN = "duplicate-unknown"
    GM_CSF = "gm-csf"
    NOT_INTRAVENOUS = "not-intravenous"
    RENAL_DOSE = "renal-dose"
    ABRUPT_STOP = "abrupt-steroid-stop"
    COURSE_WITHOUT_TAPER = "course-without-taper"
    STEROID_HISTORY_UNKNOWN = "steroid-history-unknown"


DOSE_KINDS = frozenset(
    {
        OrderKind.OVER_MAXIMUM,
        OrderKind.ROUNDED_UP,
        OrderKind.OVER_DAILY_RULE,
        OrderKind.OVER_WHILE_ESCALATING,
        OrderKind.BELOW_RULE,
        OrderKind.UNREADABLE_DOSE,
        OrderKind.NO_WEIGHT,
        OrderKind.STALE_WEIGHT,
        OrderKind.ADULT_RULE,
    }
)
# Beside one of these a corrected dose would invite what should not be given now.
STANDS_AGAINST = frozenset(
    {
        OrderKind.ISOLATED_ICANS,
        OrderKind.INTERVAL,
        OrderKind.SCHEDULE_UNDER_INTERVAL,
        OrderKind.THREE_IN_24H,
        OrderKind.FOUR_IN_TOTAL,
        OrderKind.INTERVAL_UNDER_RULE,
        OrderKind.DUPLICATE,
        OrderKind.GM_CSF,
        OrderKind.NOT_INTRAVENOUS,
        OrderKind.NAME_IN_DOUBT,
        OrderKind.NO_SUBJECT,
    }
)


@dataclass(frozen=True, slots=True)
class CorrectDose:
    """The dose by the protocol's rule: ``milligrams`` for one administration (``per_day``: for a day).

    ``recommended`` is false where the rule is not verified, or was not written for this patient.
    """

    milligrams: Decimal
    arithmetic: str
    per_day: bool
    recommended: bool


@dataclass(frozen=True, slots=True)
class OrderFinding:
    """One thing to say about an order.

    ``guard`` is the guard rail that it is, ``None`` for a finding that is none of them. ``summary`` is one
    sentence, ``text`` the whole of it. ``correct`` is the right dose where the rule computes one.
    """

    kind: OrderKind
    severity: Severity
    guard: Guard | None
    summary: str
    text: str
    cite: str
    tier: str
    verified: bool
    correct: CorrectDose | None = None
