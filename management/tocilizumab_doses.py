"""Which tocilizumab doses count, and for what.

The limits of number and interval hold over the whole treatment: a dose given hours before the infusion is
as near as one given after it. How CRS answered is another question: a dose says nothing of a CRS that began
later, so it is judged within its own episode alone.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from grading.assessment import Assessment
from grading.chart import Chart, ChartGap, DrugDose, GapWhat, GapWhy
from grading.tables import shipped_tables
from management.protocol_rows import CutRow
from management.situation import GradeAt, Situation, not_retrieved, span_of
from management.vocabulary import Cut


def counted_doses(assessment: Assessment, chart: Chart, cuts: Mapping[Cut, CutRow]) -> tuple[DrugDose, ...]:
    """Doses that count towards the limits, oldest first, one dose once.

    Those from before the treatment are left out, and subcutaneous ones (arthritis). Records that start within
    the hour that an infusion takes are the same dose: charted by two systems, or in two rate segments.
    """
    start = _counted_from(assessment, chart, cuts)
    return tuple(
        dose
        for dose in _one_dose_once(assessment.evidence.tocilizumab, span_of(cuts, Cut.SAME_DOSE))
        if start is None or dose.at >= start
    )


def doses_of_episode(
    doses: tuple[DrugDose, ...], assessment: Assessment, chart: Chart, grade_at: GradeAt
) -> tuple[DrugDose, ...]:
    """Those of the doses that the present CRS may have answered to.

    An episode begins with the first infusion of the treatment, anew with a documented resolution, and with a
    later infusion where CRS was certainly none when it was given.
    """
    first = first_infusion_at(assessment, chart)
    latest = assessment.evidence.infusion
    if first is None or latest is None or latest.at is None:
        return doses
    starts = [first]
    starts += [
        condition.resolved_at
        for condition in chart.conditions
        if condition.kind == "crs"
        and condition.resolved_at is not None
        and first <= condition.resolved_at <= assessment.at
    ]
    if latest.at > first and _was_none(grade_at(min(latest.at, assessment.at))):
        starts.append(latest.at)
    return tuple(dose for dose in doses if dose.at >= max(starts))


def first_infusion_at(assessment: Assessment, chart: Chart) -> datetime | None:
    """The first infusion of the treatment that the latest one belongs to (split doses); ``None`` undated."""
    latest = assessment.evidence.infusion
    if latest is None or latest.at is None:
        return None
    earliest_possible = latest.at - shipped_tables().span("series")
    return min(
        infusion.at
        for infusion in chart.infusions
        if infusion.at is not None and earliest_possible <= infusion.at <= latest.at
    )


def doses_not_retrieved(assessment: Assessment) -> bool:
    """Whether administrations, and with them doses of tocilizumab, could not be (wholly) retrieved."""
    return not_retrieved(assessment, (GapWhat.TOCILIZUMAB, GapWhat.VASOPRESSORS))


def unread_doses(situation: Situation) -> tuple[ChartGap, ...]:
    """What is on record, may be a tocilizumab dose that counts, and could not be read.

    A pending order is no such gap: that nothing was charted as given is known.
    """
    start = _counted_from(situation.assessment, situation.chart, situation.cuts)
    return tuple(
        gap
        for gap in situation.evidence.chart_gaps
        if gap.what is GapWhat.TOCILIZUMAB
        and gap.why is not GapWhy.NOT_RETRIEVED
        and (start is None or gap.at is None or (gap.until or gap.at) >= start)
    )


def _counted_from(assessment: Assessment, chart: Chart, cuts: Mapping[Cut, CutRow]) -> datetime | None:
    first = first_infusion_at(assessment, chart)
    return None if first is None else first - span_of(cuts, Cut.COUNTED_BEFORE_INFUSION)


def _one_dose_once(doses: tuple[DrugDose, ...], same_within: timedelta) -> list[DrugDose]:
    once: list[DrugDose] = []
    for dose in sorted(doses, key=lambda dose: dose.at):
        if dose.subcutaneous or not dose.systemic:
            continue
        if not once or dose.at - once[-1].at > same_within:
            once.append(dose)
    return once


def _was_none(assessment: Assessment | None) -> bool:
    return assessment is not None and assessment.crs.highest == 0
