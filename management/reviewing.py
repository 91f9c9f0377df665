"""The review of a chart: grade it, and say what the protocol makes of the grade."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import partial

from grading.assess import assess_at, is_monitored
from grading.assessment import Assessment
from grading.chart import Chart
from grading.chart_index import ChartIndex
from grading.course import PatientCourse, course_of_index
from grading.crs import grade_crs
from grading.icans import grade_icans
from grading.looking_back import evidence_then
from grading.tables import shipped_tables
from management.attribution import grade_without_attributions
from management.guard_rails import count_tocilizumab, weight_holds_for
from management.ice_schedule import schedule_ice
from management.lab_gaps import lab_gaps
from management.protocol_rows import Protocol
from management.recommend import Outcome, recommend
from management.review import Guard, Review
from management.risk_factors import find_risk_factors
from management.severity import score_severity
from management.situation import GradeAt, Situation
from management.tocilizumab_doses import counted_doses, doses_of_episode
from management.weight_check import weight_gaps

_DEATH = 5


def review(chart: Chart, at: datetime, protocol: Protocol) -> Review | None:
    """Review ``chart`` at ``at`` (aware) by ``protocol``.

    ``None`` where there is no assessment: no CAR-T infusion on record inside the monitoring window.
    """
    situation = situate(chart, at, protocol)
    return None if situation is None else _review(situation, protocol)


def review_with_course(
    chart: Chart, at: datetime, protocol: Protocol
) -> tuple[Review | None, PatientCourse | None]:
    """As :func:`review`, with the course of the treatment: the chart is indexed and graded once for both."""
    index = ChartIndex(chart, at, shipped_tables())
    if not is_monitored(index):
        return None, None
    now = assess_at(index, at)
    situation = _situation(now, chart, protocol, partial(_grade_past, index))
    return _review(situation, protocol), course_of_index(index, now)


def situate(chart: Chart, at: datetime, protocol: Protocol) -> Situation | None:
    """Grade a chart and bring together what conditions and order checks look at.

    ``None`` where there is no assessment, as in :func:`review`.
    """
    index = ChartIndex(chart, at, shipped_tables())
    if not is_monitored(index):
        return None
    return _situation(assess_at(index, at), chart, protocol, partial(_grade_past, index))


def review_assessment(assessment: Assessment, chart: Chart, protocol: Protocol, grade_at: GradeAt) -> Review:
    """As :func:`review` for an assessment already made; ``grade_at`` grades the same chart at earlier
    instants.
    """
    return _review(_situation(assessment, chart, protocol, grade_at), protocol)


def _situation(assessment: Assessment, chart: Chart, protocol: Protocol, grade_at: GradeAt) -> Situation:
    remembered = _remembering(grade_at)
    doses = counted_doses(assessment, chart, protocol.cuts)
    return Situation(
        assessment=assessment,
        chart=chart,
        grade_at=remembered,
        cuts=protocol.cuts,
        weight_holds_for=weight_holds_for(protocol),
        tocilizumab=doses,
        episode_tocilizumab=doses_of_episode(doses, assessment, chart, remembered),
        most_tocilizumab=protocol.limit(Guard.FOUR_DOSES_IN_TOTAL),
    )


def _review(situation: Situation, protocol: Protocol) -> Review:
    died = _has_died(situation.assessment)
    assessment = situation.assessment
    if not died and (missing := (*weight_gaps(situation), *lab_gaps(situation))):
        assessment = replace(assessment, gaps=(*assessment.gaps, *missing))
    outcome = Outcome() if died else recommend(situation, protocol)
    return Review(
        assessment=assessment,
        protocol=protocol.name,
        protocol_version=protocol.version,
        tocilizumab=count_tocilizumab(situation),
        recommendations=outcome.recommendations,
        withheld=outcome.withheld,
        notes=outcome.notes,
        unattributed=grade_without_attributions(situation),
        scores=() if died else score_severity(situation),
        risk_factors=() if died else find_risk_factors(situation),
        ice_schedule=None if died else schedule_ice(situation),
    )


def _grade_past(index: ChartIndex, instant: datetime) -> Assessment | None:
    """Both syndromes at an earlier instant, without peaks and gaps; ``None`` before the infusion."""
    if index.series_start is None or instant < index.series_start:
        return None
    evidence, tables = evidence_then(index, instant), index.tables
    crs, icans = grade_crs(evidence, tables).syndrome, grade_icans(evidence, tables).syndrome
    return Assessment(instant, evidence, crs, icans, ())


def _has_died(assessment: Assessment) -> bool:
    """Death of any cause ends advice; grade 5 is death by the syndrome itself."""
    return assessment.evidence.deceased or _DEATH in (assessment.crs.grade, assessment.icans.grade)


def _remembering(grade_at: GradeAt) -> Callable[[datetime], Assessment | None]:
    """The same grades, each instant graded once."""
    known: dict[datetime, Assessment | None] = {}

    def graded(instant: datetime) -> Assessment | None:
        if instant not in known:
            known[instant] = grade_at(instant)
        return known[instant]

    return graded
