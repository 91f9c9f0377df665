"""Assessing a chart at an instant: both syndromes, the peak of the episode, and what was not known."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from grading.assessment import Assessment, Gap, Status, SyndromeGrade
from grading.axis import gap, without_repeats
from grading.chart import STEROIDS, Chart, GapWhat, GapWhy, ImmuneDrug
from grading.chart_index import ChartIndex
from grading.crs import grade_crs
from grading.evidence import Evidence
from grading.evidence_at import evidence_at
from grading.icans import grade_icans
from grading.peak import with_peaks
from grading.tables import Tables, shipped_tables
from grading.trend import with_trends


def assess(chart: Chart, at: datetime, tables: Tables | None = None) -> Assessment | None:
    """Grade CRS and ICANS of ``chart`` at ``at`` (aware).

    Returns ``None`` when nobody is to be graded: no CAR-T infusion on record that has taken place, or the
    latest one longer ago than the monitoring window. An infusion without a date gives an assessment in which
    neither syndrome is assessable. What is charted after ``at`` does not exist.
    """
    tables = tables or shipped_tables()
    index = ChartIndex(chart, at, tables)
    if not is_monitored(index):
        return None
    return assess_at(index, at)


def is_monitored(index: ChartIndex) -> bool:
    """Whether there is an infusion to grade after: on record, and inside the monitoring window."""
    if index.infusion is None:
        return infusion_unknown(index)
    return index.infusion.at is None or index.at - index.infusion.at <= index.tables.span("monitoring")


def infusion_unknown(index: ChartIndex) -> bool:
    """Whether an infusion could not be looked up, or is on record and cannot be read.

    Neither is the same as not being on record. What is dated outside the monitoring window does not matter.
    """
    oldest = index.at - index.tables.span("monitoring")
    return any(
        item.what is GapWhat.INFUSION and (item.at is None or oldest <= item.at <= index.horizon_of(index.at))
        for item in index.chart.gaps
    )


def assess_at(index: ChartIndex, at: datetime) -> Assessment:
    """Assess an indexed chart at the time of the index, with peaks of the episode and trends."""
    evidence = evidence_at(index, at)
    crs, icans = grade_crs(evidence, index.tables), grade_icans(evidence, index.tables)
    crs_grade, icans_grade = with_peaks(index, at, crs.syndrome, icans.syndrome)
    crs_grade, icans_grade = with_trends(index, crs_grade, icans_grade)
    gaps = (
        *_infusion_gaps(evidence),
        *_of_range(crs.syndrome, crs.gaps),
        *_of_range(icans.syndrome, icans.gaps),
        *_treatment_gaps(evidence, index.tables),
    )
    return Assessment(at=at, evidence=evidence, crs=crs_grade, icans=icans_grade, gaps=without_repeats(gaps))


def _of_range(syndrome: SyndromeGrade, gaps: Sequence[Gap]) -> Sequence[Gap]:
    """A gap widens a range only where there is one; it is told all the same."""
    if syndrome.status in (Status.INDETERMINATE, Status.NOT_ASSESSABLE):
        return gaps
    return [replace(item, widens_range=False) for item in gaps]


def _infusion_gaps(evidence: Evidence) -> list[Gap]:
    unreadable = [
        gap(item.what, item.why, item.detail)
        for item in evidence.chart_gaps
        if item.what in (GapWhat.INFUSION, GapWhat.AGE, GapWhat.CONDITIONS, GapWhat.LABS)
    ]
    if evidence.infusion is not None and evidence.infusion.at is None:
        unreadable.append(gap(GapWhat.INFUSION, GapWhy.NOT_CHARTED, "date of the infusion"))
    if evidence.age_years is None and not any(item.what is GapWhat.AGE for item in unreadable):
        unreadable.append(gap(GapWhat.AGE, GapWhy.NOT_CHARTED))
    return unreadable


def _treatment_gaps(evidence: Evidence, tables: Tables) -> list[Gap]:
    """What dosing needs: the weight, and the doses already given."""
    needed = (GapWhat.TOCILIZUMAB, GapWhat.STEROIDS, GapWhat.WEIGHT)
    gaps = [gap(item.what, item.why, item.detail) for item in evidence.chart_gaps if item.what in needed]
    if evidence.weight is None:
        if not any(item.what is GapWhat.WEIGHT for item in gaps):
            gaps.append(gap(GapWhat.WEIGHT, GapWhy.NOT_CHARTED))
    elif evidence.at - evidence.weight.at > tables.span("weight"):
        gaps.append(gap(GapWhat.WEIGHT, GapWhy.STALE))
    for order in evidence.pending:
        if isinstance(order.drug, ImmuneDrug):
            what = GapWhat.STEROIDS if order.drug in STEROIDS else GapWhat.TOCILIZUMAB
            if order.drug in STEROIDS or order.drug is ImmuneDrug.TOCILIZUMAB:
                text = f"{order.drug.value}: ordered, no administration charted"
                gaps.append(gap(what, GapWhy.NOT_CHARTED, text))
    return gaps
