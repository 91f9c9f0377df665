"""Both syndromes at an earlier instant, with all that was not known then.

The peak needs proven bounds alone and can leave gaps out. A course cannot: support that went out of its
window and was not charted again, or a device nobody could read, is not "no oxygen" then either.
"""

from dataclasses import replace
from datetime import datetime

from grading.assessment import GradeStep, SyndromeGrade
from grading.chart_index import ChartIndex, pair_oxygen
from grading.evidence import Evidence
from grading.evidence_at import evidence_at
from grading.gap_spans import concerns


def evidence_then(index: ChartIndex, instant: datetime) -> Evidence:
    """The evidence at ``instant``, before the time of the index, with what the bounds rest on.

    Of :func:`grading.evidence_at.evidence_at` it adds the gaps that concern the instant and the support
    charted last. Deliberately absent: orders, doses, laboratory values, which grade nothing.
    """
    evidence = evidence_at(index, instant.astimezone(index.at.tzinfo))
    gaps = tuple(item for item in index.chart.gaps if concerns(item, index, instant, instant))
    oxygen = evidence.oxygen
    if not gaps and oxygen is not None and oxygen.device is not None:
        return evidence
    since = index.series_start or instant - index.tables.span("monitoring")
    last = pair_oxygen(index.devices, index.flows, since, instant, index.tables)
    return replace(evidence, chart_gaps=gaps, last_oxygen=last)


def step_at(at: datetime, syndrome: SyndromeGrade) -> GradeStep:
    """A grade as a step that begins at ``at``."""
    return GradeStep(
        at=at,
        status=syndrome.status,
        grade=syndrome.grade,
        lowest=syndrome.lowest,
        highest=syndrome.highest,
        criteria=tuple(criterion.id for criterion in syndrome.criteria),
    )


def is_same(one: GradeStep, other: GradeStep) -> bool:
    """Whether two steps say the same of the syndrome: status, grade and range."""
    return (one.status, one.lowest, one.highest) == (other.status, other.lowest, other.highest)
