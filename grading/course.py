"""The course: the grades of both syndromes over the treatment, and the doses between them.

Every instant at which a grade may rise or fall is graded (see :mod:`grading.change_points`) by the functions
that grade the present, from the first infusion of the treatment up to now. What was not known at an instant
leaves a range there as it does now.

Deliberately absent: what a change of the grade means for treatment, which belongs to management. A documented
resolution begins a new episode of CRS; the grades before it are of the earlier one, in which only a fever in
its window opens CRS.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from operator import attrgetter

from grading.assess import assess_at, is_monitored
from grading.assessment import Assessment, GradeStep, Status, SyndromeGrade
from grading.change_points import crs_change_points, icans_change_points
from grading.chart import ANTICYTOKINES, STEROIDS, Attributable, Chart, DrugDose, ImmuneDrug
from grading.chart_index import ChartIndex
from grading.crs import grade_crs
from grading.evidence import Evidence
from grading.hypotension import grade_hypotension
from grading.hypoxia import grade_hypoxia
from grading.icans import grade_icans
from grading.looking_back import evidence_then, is_same, step_at
from grading.tables import Tables, shipped_tables

_MOMENT = timedelta(microseconds=1)
_TREATMENTS = ANTICYTOKINES | STEROIDS
_OF_CRS = frozenset({Attributable.FEVER, Attributable.HYPOTENSION, Attributable.HYPOXIA})


@dataclass(frozen=True, slots=True)
class SyndromeCourse:
    """The grades of one syndrome.

    ``steps`` are in order of time; the first begins with the treatment, the last holds now, and two in a row
    differ in status, grade or range. ``onset`` is the first instant of the episode at which grade 1 or more
    was proven; ``peak`` the first of its steps with the highest lower bound, ``None`` when never above 0.
    """

    steps: tuple[GradeStep, ...]
    onset: datetime | None
    peak: GradeStep | None

    def step_at(self, instant: datetime) -> GradeStep | None:
        """The step in force at an instant, ``None`` before the treatment."""
        place = bisect_right(self.steps, instant, key=attrgetter("at"))
        return self.steps[place - 1] if place else None


@dataclass(frozen=True, slots=True)
class TreatmentDose:
    """A dose against the syndromes, and the grades around it.

    ``crs_before`` and ``icans_before`` are in force at the dose; ``crs_after`` and ``icans_after`` just
    before ``after_at``, which is the next dose of the same drug, or now. ``hours_since_previous`` counts
    from the previous dose of the same drug of this treatment, exact; ``None`` for the first.
    """

    dose: DrugDose
    hours_since_previous: Decimal | None
    crs_before: GradeStep
    icans_before: GradeStep
    after_at: datetime
    crs_after: GradeStep
    icans_after: GradeStep


@dataclass(frozen=True, slots=True)
class PatientCourse:
    """The course of one treatment, from its first infusion up to ``at``.

    ``resolution_proposed_at`` is the instant since which the resolution of CRS can be proposed (F17): a
    CRS of this episode of which fever (in its whole window), hypotension and hypoxia are gone, each known
    and none merely attributed elsewhere. ``None`` otherwise. ``treatments`` are tocilizumab (not
    subcutaneous), other anticytokine drugs and systemic steroids since ``started_at``, oldest first.
    """

    at: datetime
    started_at: datetime
    crs: SyndromeCourse
    icans: SyndromeCourse
    resolution_proposed_at: datetime | None
    treatments: tuple[TreatmentDose, ...]


def course_of(chart: Chart, at: datetime, tables: Tables | None = None) -> PatientCourse | None:
    """The course of ``chart`` up to ``at`` (aware).

    ``None`` where nobody is to be graded (see :func:`grading.assess.assess`), or where the infusion has no
    date to begin with.
    """
    index = ChartIndex(chart, at, tables or shipped_tables())
    return course_of_index(index) if is_monitored(index) else None


def course_of_index(index: ChartIndex, now: Assessment | None = None) -> PatientCourse | None:
    """As :func:`course_of` for an indexed chart, up to the time of the index; ``now`` is the assessment of
    that time where it has been made.
    """
    started_at = index.series_start
    if started_at is None:
        return None
    now = now or assess_at(index, index.at)
    graded_crs, resolved_since = _crs_steps(index, started_at, now.crs, now.evidence)
    episode = index.resolved_at or started_at
    crs = _course(graded_crs, min(episode, index.at))
    icans = _course(_icans_steps(index, started_at, now.icans), min(started_at, index.at))
    return PatientCourse(
        at=index.at,
        started_at=started_at,
        crs=crs,
        icans=icans,
        resolution_proposed_at=resolved_since,
        treatments=tuple(_treatments(index, started_at, crs, icans)),
    )


def _instants(points: Iterable[datetime], start: datetime, at: datetime) -> list[datetime]:
    """The instants before now to be graded: the start, and the change points after it."""
    if start >= at:
        return []
    return [start, *(point for point in points if point < at)]


def _crs_steps(
    index: ChartIndex, start: datetime, now: SyndromeGrade, evidence_now: Evidence
) -> tuple[list[GradeStep], datetime | None]:
    """Every step of CRS, and since when its resolution can be proposed without a break."""
    tables = index.tables
    steps: list[GradeStep] = []
    since: datetime | None = None

    def add(instant: datetime, evidence: Evidence, syndrome: SyndromeGrade) -> None:
        nonlocal since
        steps.append(step_at(instant, syndrome))
        gone = _is_gone(evidence, syndrome, tables)
        since = (since or instant) if gone else None

    for instant in _instants(crs_change_points(index, start, index.at), start, index.at):
        evidence = evidence_then(index, instant)
        add(instant, evidence, grade_crs(evidence, tables).syndrome)
    add(index.at, evidence_now, now)
    return steps, since


def _is_gone(evidence: Evidence, crs: SyndromeGrade, tables: Tables) -> bool:
    """An established CRS that is none now, known in every part and attributed in none."""
    peak = evidence.peak_temperature
    if evidence.established_by is None or crs.status is not Status.NONE or peak is None:
        return False
    if peak.celsius >= tables.limit("fever-celsius") or evidence.systolic is None or evidence.oxygen is None:
        return False
    if any(attribution.what in _OF_CRS for attribution in evidence.attributions):
        return False
    return grade_hypotension(evidence, tables).highest == 0 and grade_hypoxia(evidence, tables).highest == 0


def _icans_steps(index: ChartIndex, start: datetime, now: SyndromeGrade) -> list[GradeStep]:
    points = icans_change_points(index, start, index.at)
    past = [
        step_at(instant, grade_icans(evidence_then(index, instant), index.tables).syndrome)
        for instant in _instants(points, start, index.at)
    ]
    return [*past, step_at(index.at, now)]


def _course(graded: Sequence[GradeStep], episode: datetime) -> SyndromeCourse:
    """The steps of what was graded; onset and peak are those of the episode, whose first step may have begun
    before it.
    """
    steps: list[GradeStep] = []
    for step in graded:
        if not steps or not is_same(steps[-1], step):
            steps.append(step)
    begun = bisect_right(steps, episode, key=attrgetter("at"))
    within = [replace(steps[begun - 1], at=episode), *steps[begun:]]
    proven = [step for step in within if step.lowest > 0]
    peak = max(proven, key=lambda step: step.lowest, default=None)
    return SyndromeCourse(tuple(steps), proven[0].at if proven else None, peak)


def _treatments(
    index: ChartIndex, start: datetime, crs: SyndromeCourse, icans: SyndromeCourse
) -> Iterator[TreatmentDose]:
    doses = _doses(index, start)
    for place, dose in enumerate(doses):
        earlier = [each for each in doses[:place] if each.drug is dose.drug]
        later = next((each for each in doses[place + 1 :] if each.drug is dose.drug), None)
        after_at = index.at if later is None else min(later.at, index.at)
        just_before = after_at if later is None else after_at - _MOMENT
        yield TreatmentDose(
            dose=dose,
            hours_since_previous=_hours(dose.at - earlier[-1].at) if earlier else None,
            crs_before=_in_force(crs, dose.at),
            icans_before=_in_force(icans, dose.at),
            after_at=after_at,
            crs_after=_in_force(crs, just_before),
            icans_after=_in_force(icans, just_before),
        )


def _in_force(course: SyndromeCourse, instant: datetime) -> GradeStep:
    """The step in force; the first where a clock that runs ahead puts the instant before it."""
    return course.step_at(instant) or course.steps[0]


def _doses(index: ChartIndex, start: datetime) -> list[DrugDose]:
    """Treatment doses, one record of a drug at one time; rate segments of one dose are not joined."""
    found: dict[tuple[ImmuneDrug, datetime], DrugDose] = {}
    for dose in index.doses.between(start, index.horizon):
        if dose.drug in _TREATMENTS and dose.systemic and not dose.subcutaneous:
            found.setdefault((dose.drug, dose.at), dose)
    return list(found.values())


def _hours(span: timedelta) -> Decimal:
    return Decimal(span // timedelta(microseconds=1)) / Decimal(3_600_000_000)
