"""The one sentence of a card: the grade, what drives it, the day and the trend, below 140 characters."""

from collections.abc import Iterable, Sequence
from datetime import timedelta

from cds_service.card_text import LONGEST_SUMMARY, fit_summary, spell_units, write_age
from cds_service.gap_text import Syndrome, gap_words, syndrome_of_gap
from grading.assessment import CriterionMet, Status, SyndromeGrade
from grading.chart import Attributable
from grading.evidence import Evidence
from grading.tables import shipped_tables
from management.review import Review

_OF_CRS = (Attributable.FEVER, Attributable.HYPOTENSION, Attributable.HYPOXIA)
# A fever is spoken of without its age while the latest reading is no older: from here on ages are in hours.
_STILL = timedelta(hours=2)


def write_summary(syndrome: Syndrome, grade: SyndromeGrade, review: Review) -> str:
    """Name the grade or what is possible, what drives it, the day, and the peak where it was higher.

    What is attributed elsewhere is added where there is room.
    """
    day = review.assessment.evidence.day
    day_words = "" if day is None else f", day {day}"
    peak = grade.episode_peak
    shown = grade.grade if grade.grade is not None else grade.lowest
    trend = f"; episode peak {peak}" if peak is not None and peak > shown else ""
    head, reasons = _head_and_reasons(syndrome, grade, review)
    summary = fit_summary(head, reasons, [day_words, trend])
    attributed = _attributed(syndrome, review.assessment.evidence)
    return summary + attributed if len(summary + attributed) <= LONGEST_SUMMARY else summary


def _head_and_reasons(syndrome: Syndrome, grade: SyndromeGrade, review: Review) -> tuple[str, list[str]]:
    name, drivers = syndrome.value, _drivers(grade.criteria, review.assessment.evidence)
    if grade.status is Status.GRADED:
        return f"{name} grade {grade.grade}", drivers
    if grade.status is Status.NONE:
        return f"{name} grade 0", ["no criterion met"]
    if grade.status is Status.NOT_ASSESSABLE:
        return f"{name} not assessable", list(grade.notes[:1])
    gaps = [
        gap_words(gap)
        for gap in review.assessment.gaps
        if gap.widens_range and syndrome_of_gap(gap) is syndrome
    ]
    return f"{name} {grade.lowest}–{grade.highest}, not decidable", gaps or drivers


def _drivers(criteria: Sequence[CriterionMet], evidence: Evidence) -> list[str]:
    """What decided, the highest level first. Fever is named only where nothing else drives the grade."""
    others = [item for item in deciding_first(criteria) if not item.id.startswith("crs.fever.")]
    if others:
        return [spell_units(item.value) for item in others]
    return [
        f"fever {spell_units(item.value)}{_age_of_fever(item, evidence)}"
        for item in criteria
        if item.id == "crs.fever.present"
    ]


def deciding_first(criteria: Iterable[CriterionMet]) -> list[CriterionMet]:
    """The criteria with the highest level first, else in the order of the consensus."""
    return sorted(criteria, key=lambda item: -item.level)


def _age_of_fever(fever: CriterionMet, evidence: Evidence) -> str:
    """How long ago the fever was, unless the patient is febrile still: the highest of a day decides."""
    latest = evidence.latest_temperature
    if fever.at is None or latest is None:
        return ""
    febrile = latest.celsius >= shipped_tables().limit("fever-celsius")
    if febrile and evidence.at - latest.at < _STILL:
        return ""
    return f" {write_age(fever.at, evidence.at)} ago"


def _attributed(syndrome: Syndrome, evidence: Evidence) -> str:
    """What a clinician explained otherwise and is therefore not graded."""
    if syndrome is Syndrome.ICANS:
        return ""  # then ICANS is not assessable, and says why
    names = [what.value for what in _OF_CRS if evidence.attribution_of(what) is not None]
    return f" ({' and '.join(names)} attributed elsewhere)" if names else ""
