"""What grading answers: criteria met, a grade or a range for each syndrome, and what was not known."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from grading.chart import GapWhat, GapWhy, Source
from grading.evidence import Evidence


class Status(Enum):
    """How far a syndrome could be graded."""

    NONE = "none"  # grade 0: assessed, and no criterion met
    GRADED = "graded"
    INDETERMINATE = "indeterminate"
    NOT_ASSESSABLE = "not-assessable"


@dataclass(frozen=True, slots=True)
class CriterionMet:
    """A row of the consensus that the evidence met.

    ``id`` is the row's id in ``tables/`` (``crs.hypotension.one-vasopressor``); ``wording`` and ``citation``
    are that row's; ``verified`` is ``False`` for our own readings, which are shown as such. ``sources`` are
    the rows of the chart that met it; ``at`` is the time of the deciding one; ``value`` is that value as a
    reader would say it.
    """

    id: str
    level: int
    wording: str
    citation: str
    tier: str
    verified: bool
    value: str
    at: datetime | None
    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class Gap:
    """An input that is needed and not known, at the time of the assessment."""

    what: GapWhat
    why: GapWhy
    detail: str | None = None
    widens_range: bool = False


@dataclass(frozen=True, slots=True)
class GradeStep:
    """The grade of one syndrome from ``at`` on, until the next step.

    ``criteria`` are the ids of the rows met. Two steps in a row differ in status, grade or range.
    """

    at: datetime
    status: Status
    grade: int | None
    lowest: int
    highest: int
    criteria: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Trend:
    """How the grade of now came about.

    ``since`` is the instant from which it stands unchanged; ``previous`` the step before it. Both are
    ``None`` where it did not change from ``looked_back_to`` on, which is as far as was looked.
    """

    looked_back_to: datetime
    since: datetime | None = None
    previous: GradeStep | None = None


@dataclass(frozen=True, slots=True)
class SyndromeGrade:
    """Grade of one syndrome at one time.

    ``grade`` is ``None`` unless ``status`` is ``NONE`` (0) or ``GRADED``. ``lowest``/``highest`` bound what
    is possible; ``episode_peak`` is the highest grade (or lower bound) since the infusion, ``None`` when
    never above 0. ``notes`` are sentences for the card (our readings, flags). ``trend`` is there for the
    present alone, not for the past.
    """

    status: Status
    grade: int | None
    lowest: int
    highest: int
    criteria: tuple[CriterionMet, ...]
    notes: tuple[str, ...] = ()
    episode_peak: int | None = None
    trend: Trend | None = None


@dataclass(frozen=True, slots=True)
class Assessment:
    """Both syndromes at ``at``, the evidence they rest on, and the gaps."""

    at: datetime
    evidence: Evidence
    crs: SyndromeGrade
    icans: SyndromeGrade
    gaps: tuple[Gap, ...]
