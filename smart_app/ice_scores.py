"""What a bedside assessment is compared with, and what it makes of the grade.

The grade is never worked out here: the assessment is written as it would be sent, read by the reader of
Observations, put into the chart, and the chart is graded. Last score and baseline are those that grading
takes, with their items where the record holds them.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import Any

import msgspec

from fhir_maps import r4
from fhir_maps.chart_reader import FIELDS
from fhir_maps.ice_observation import BedsideAssessment, read_assessment
from fhir_maps.observations import read_observation
from fhir_maps.questionnaires import CAPD, ICE, BedsideQuestionnaire
from fhir_maps.terminology import Terminology, load_terminology
from grading.assess import assess
from grading.assessment import Assessment, SyndromeGrade
from grading.chart import BaselineIce, CapdScore, Chart, GapWhat, GapWhy, IceScore
from grading.chart_index import ChartIndex
from grading.evidence_at import evidence_at
from grading.gaps import INPUTS_OF_ICANS
from grading.icans import assessed_by_capd
from grading.tables import shipped_tables
from management.gap_words import describe_gap
from smart_app.page_room import Bedside, Resource


@dataclass(frozen=True, slots=True)
class EarlierScore:
    """A score of the record. ``entered`` are its items, where it is an Observation that lists them."""

    at: datetime
    lowest: int
    highest: int
    entered: BedsideAssessment | None


@dataclass(frozen=True, slots=True)
class GradePreview:
    """ICANS as it stands, and with the assessment in the chart: now, and at its own time where that differs.

    All ``None`` where nobody is to be graded: no infusion on record, or one too long ago. ``unknown`` is what
    leaves the grade with it open, in words.
    """

    before: SyndromeGrade | None
    after: SyndromeGrade | None
    then: SyndromeGrade | None
    unknown: tuple[str, ...] = ()


def instruments_for(bedside: Bedside) -> tuple[str, ...]:
    """The questionnaires that may be used at the patient's age, the one to open first.

    Under 12 years CAPD alone; up to 21 years, or at an unknown age, either; later ICE alone.
    """
    tables = shipped_tables()
    evidence = evidence_at(ChartIndex(bedside.chart, bedside.at, tables), bedside.at)
    age = evidence.age_years
    if age is not None and age < tables.limit("capd-under-years"):
        return (CAPD,)
    if age is not None and age > tables.limit("capd-delay-to-years"):
        return (ICE,)
    return (CAPD, ICE) if assessed_by_capd(evidence, tables) else (ICE, CAPD)


def last_score(
    bedside: Bedside,
    questionnaire: BedsideQuestionnaire,
    without: str | None,
    until: datetime | None = None,
) -> EarlierScore | None:
    """The newest score of the record, or the newest one ``until`` a time, leaving out the one of a reference
    (that which is corrected).
    """
    scores = _scores(bedside.chart, questionnaire)
    horizon = until or bedside.at + shipped_tables().span("clock-skew")
    known = [row for row in scores if row.at <= horizon and row.source.reference != without]
    return _earlier(known[-1], bedside) if known else None


def baseline_score(bedside: Bedside) -> EarlierScore | None:
    """The ICE that grading takes for the baseline, ``None`` where none is documented."""
    if bedside.review is None:
        return None
    documented = bedside.review.assessment.evidence.baseline.ice
    return _earlier(documented, bedside) if documented is not None else None


def scores_unread(bedside: Bedside, questionnaire: BedsideQuestionnaire) -> bool:
    """Whether there may be more scores in the record than could be read."""
    scored = GapWhat.CAPD if questionnaire.id == CAPD else GapWhat.ICE
    return any(gap.what is scored and gap.why is GapWhy.NOT_RETRIEVED for gap in bedside.chart.gaps)


def last_sentence(bedside: Bedside) -> str | None:
    """The sentence that was asked for last."""
    return last_context(bedside, "sentence")


def last_context(bedside: Bedside, name: str) -> str | None:
    """What was entered last under a name of the questionnaire's context."""
    entered = (read_assessment(resource) for resource in bedside.observations.values())
    told = [(item.assessed_at, item.context[name]) for item in entered if item and name in item.context]
    return max(told)[1] if told else None


def preview(bedside: Bedside, observation: Resource, at: datetime) -> GradePreview:
    """Grade the chart with an Observation in it, at ``at`` (the clinical present).

    An Observation with an id takes the place of the one that the chart was read from.
    """
    if bedside.review is None:
        return GradePreview(None, None, None)
    chart = _gradable(chart_with(bedside.chart, observation), bedside)
    effective = datetime.fromisoformat(observation["effectiveDateTime"])
    after = assess(chart, at)
    return GradePreview(
        bedside.review.assessment.icans,
        after.icans if after else None,
        _icans_at(chart, effective) if effective < at else None,
        unknown_of(after),
    )


def grade_then(bedside: Bedside, at: datetime) -> SyndromeGrade | None:
    """ICANS of the record at an earlier time; ``None`` where nobody was graded."""
    return None if bedside.review is None else _icans_at(_gradable(bedside.chart, bedside), at)


def unknown_of(assessment: Assessment | None) -> tuple[str, ...]:
    """What leaves ICANS open, in words."""
    gaps = assessment.gaps if assessment is not None else ()
    told = (
        describe_gap(gap.what, gap.why) + (f": {gap.detail}" if gap.detail else "")
        for gap in gaps
        if gap.widens_range and gap.what in INPUTS_OF_ICANS
    )
    return tuple(dict.fromkeys(told))


def _gradable(chart: Chart, bedside: Bedside) -> Chart:
    """The chart as the page grades it: where a newer infusion may be, the older one is not counted from."""
    unknown = bedside.review is not None and bedside.review.assessment.evidence.infusion is None
    return replace(chart, infusions=()) if unknown else chart


def _icans_at(chart: Chart, at: datetime) -> SyndromeGrade | None:
    found = assess(chart, at)
    return found.icans if found else None


def chart_with(chart: Chart, observation: Resource) -> Chart:
    """The chart with the rows of one Observation, read as everything else is read."""
    decoded = msgspec.json.decode(json.dumps(observation), type=r4.Observation)
    rows: list[Any] = list(read_observation(decoded, _own_codes()))
    columns: dict[str, Any] = {}
    if "id" in observation:
        replaced = f"Observation/{observation['id']}"
        columns = {name: _without(getattr(chart, name), replaced) for name in FIELDS.values()}
    for name in {FIELDS[type(row)] for row in rows}:
        new = [row for row in rows if FIELDS[type(row)] == name]
        columns[name] = tuple(sorted((*columns.get(name, getattr(chart, name)), *new), key=_time_of))
    return replace(chart, **columns)


def bands(bedside: Bedside) -> list[tuple[int, int, int]]:
    """The rows of the ICE table, as lowest score, highest score and level: for the running figure.

    None after a baseline that was not full: then the table alone does not tell the grade.
    """
    tables = shipped_tables()
    baseline = baseline_score(bedside)
    if baseline is not None and baseline.highest < tables.limit("ice-unimpaired"):
        return []
    return [(row.lowest_score or 0, row.highest_score or 0, row.level) for row in tables.axis("ice")]


def _without(rows: Iterable[object], reference: str) -> tuple[object, ...]:
    return tuple(row for row in rows if _reference(row) != reference)


@cache
def _own_codes() -> Terminology:
    """The shipped maps, loaded once: what the form writes has codes of ours alone."""
    return load_terminology()


def _time_of(row: Any) -> datetime:
    at: datetime = row.at
    return at


def _reference(row: object) -> str | None:
    source = getattr(row, "source", None)
    return source.reference if source is not None else None


def _scores(chart: Chart, questionnaire: BedsideQuestionnaire) -> tuple[IceScore | CapdScore, ...]:
    return chart.capd_scores if questionnaire.id == CAPD else chart.ice_scores


def _earlier(row: IceScore | CapdScore | BaselineIce, bedside: Bedside) -> EarlierScore:
    raw: Mapping[str, object] = bedside.observations.get(row.source.reference, {})
    if isinstance(row, IceScore):
        return EarlierScore(row.at, row.minimum, row.maximum, read_assessment(raw))
    total = row.total
    highest = 32 if total is None else total
    return EarlierScore(row.at, total or 0, highest, read_assessment(raw))
