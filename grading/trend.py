"""The trend of the present: since when a grade stands unchanged, and what it was before.

Told by walking back from now over the instants at which the grade may have changed, as far as the window
``trend``, and no further than needed. It says the same as the course, whose later end it is.

Deliberately absent: whether a change is for better or worse, where one of the two is a range.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import pairwise

from grading.assessment import GradeStep, SyndromeGrade, Trend
from grading.change_points import crs_change_points, icans_change_points
from grading.chart_index import ChartIndex
from grading.crs import grade_crs
from grading.evidence import Evidence
from grading.icans import grade_icans
from grading.looking_back import evidence_then, is_same, step_at


def with_trends(
    index: ChartIndex, crs: SyndromeGrade, icans: SyndromeGrade
) -> tuple[SyndromeGrade, SyndromeGrade]:
    """Add the trends to the grades of the time of the index; none where the infusion has no date."""
    begun = index.series_start
    if begun is None or begun >= index.at:
        return crs, icans
    start = max(begun, index.at - index.tables.span("trend"))
    taken: dict[datetime, Evidence] = {}

    def evidence(begin: datetime, end: datetime) -> Evidence:
        """That of any instant between two change points, as all are alike: one already taken, if there is."""
        for instant, known in taken.items():
            if begin <= instant < end:
                return known
        taken[begin] = evidence_then(index, begin)
        return taken[begin]

    def crs_between(begin: datetime, end: datetime) -> GradeStep:
        return step_at(begin, grade_crs(evidence(begin, end), index.tables).syndrome)

    def icans_between(begin: datetime, end: datetime) -> GradeStep:
        return step_at(begin, grade_icans(evidence(begin, end), index.tables).syndrome)

    of_crs = _boundaries(crs_change_points(index, start, index.horizon), start, index.at)
    of_icans = _boundaries(icans_change_points(index, start, index.horizon), start, index.at)
    return (
        replace(crs, trend=_trend(step_at(index.at, crs), of_crs, crs_between)),
        replace(icans, trend=_trend(step_at(index.at, icans), of_icans, icans_between)),
    )


def _boundaries(points: Sequence[datetime], start: datetime, at: datetime) -> list[datetime]:
    """The instants from which on another grade may hold, newest first, the start of the look-back last.

    What is charted ahead of a slow clock counts now and not before: such a point lies at ``at``.
    """
    past = [point for point in points if point < at]
    return [*([at] if len(past) < len(points) else []), *reversed(past), start]


def _trend(
    now: GradeStep, boundaries: Sequence[datetime], grade_between: Callable[[datetime, datetime], GradeStep]
) -> Trend:
    """Walk back to the first step that differs from now, and on to where that one began."""
    looked_back_to = boundaries[-1]
    since = boundaries[0]
    previous: GradeStep | None = None
    # Up to the first boundary nothing could have changed.
    for end, begin in pairwise(boundaries):
        found = grade_between(begin, end)
        if previous is None:
            if is_same(found, now):
                continue
            since, previous = end, found
        elif is_same(found, previous):
            previous = found
        else:
            break
    if previous is None:
        return Trend(looked_back_to)
    return Trend(looked_back_to, since, previous)
