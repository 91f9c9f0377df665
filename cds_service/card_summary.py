"""The one sentence of a card: the grade, what drives it, the day and the trend, below 140 characters."""

from collections.abc import Iterable, Sequence
from datetime import timedelta, tzinfo

from cds_service.card_places import CardContent, attributed_of, grade_of
from cds_service.card_text import LONGEST_SUMMARY, fit_summary, in_zone, spell_units, write_age, write_hour
from cds_service.gap_text import Syndrome, gap_words, syndrome_of_gap
from grading.assessment import CriterionMet, GradeStep, Status, SyndromeGrade, Trend
from grading.evidence import Evidence
from grading.tables import shipped_tables
from management.review import Review

# A fever is spoken of without its age while the latest reading is no older: from here on ages are in hours.
_STILL = timedelta(hours=2)
# A change is news for so long; after that the card says since when nothing has changed.
_NEWS = timedelta(hours=6)


def write_summary(content: CardContent, review: Review) -> str:
    """Name the grade or what is possible, what drives it, the day, and how it came about.

    A quiet syndrome told on the same card, and what is attributed elsewhere, are added where there is room.
    """
    assessment = review.assessment
    evidence, grade = assessment.evidence, grade_of(content.syndrome, assessment)
    zone = evidence.zone
    day = "" if evidence.day is None else f", day {evidence.day}"
    others = content.told[1:]
    head, reasons = _head_and_reasons(content.syndrome, grade, review)
    if grade.status is Status.NONE and others:
        head = " and ".join(f"{syndrome.value} grade 0" for syndrome in content.told)
        others = ()
    beside = "".join(f"; {syndrome.value} 0" for syndrome in others)
    summary = fit_summary(head, reasons, [day, _trend(grade, evidence, zone), beside])
    attributed = _attributed(content.syndrome, evidence)
    if not attributed or grade.status is Status.NONE:
        return summary  # grade 0 names it as its reason
    longer = f"{summary} ({attributed})"
    return longer if len(longer) <= LONGEST_SUMMARY else summary


def _trend(grade: SyndromeGrade, evidence: Evidence, zone: tzinfo | None) -> str:
    """``; was 2 until 04:30`` while that is news, then ``; unchanged since 04:30``; and a higher peak."""
    trend, told = grade.trend, ""
    shown = grade.grade if grade.grade is not None else grade.lowest
    peak = "" if grade.episode_peak is None or grade.episode_peak <= shown else str(grade.episode_peak)
    if trend is not None and trend.since is not None and _is_worth_telling(grade, trend):
        local, today = in_zone(trend.since, zone), in_zone(evidence.at, zone)
        when = f"{local:%H:%M}" if local.date() == today.date() else write_hour(trend.since, zone)
        if trend.previous is not None and evidence.at - trend.since < _NEWS:
            before = step_words(trend.previous)
            told = f"; was {before} until {when}"
            peak = "" if before == peak else peak
        elif grade.status is not Status.NONE:
            told = f"; unchanged since {when}"
    return told + (f"; episode peak {peak}" if peak else "")


def _is_worth_telling(grade: SyndromeGrade, trend: Trend) -> bool:
    """A grade that became another is news; one that was merely not known before is not."""
    before = trend.previous
    if before is None:
        return grade.status is not Status.NONE
    return not (before.lowest <= grade.lowest and grade.highest <= before.highest)


def step_words(step: GradeStep) -> str:
    """A step of the course in a word: ``2``, ``0–1``, ``not assessable``."""
    if step.status is Status.NOT_ASSESSABLE:
        return "not assessable"
    return str(step.lowest) if step.lowest == step.highest else f"{step.lowest}–{step.highest}"


def _head_and_reasons(syndrome: Syndrome, grade: SyndromeGrade, review: Review) -> tuple[str, list[str]]:
    name, drivers = syndrome.value, name_drivers(grade.criteria, review.assessment.evidence)
    if grade.status is Status.GRADED:
        return f"{name} grade {grade.grade}", drivers
    if grade.status is Status.NONE:
        return f"{name} grade 0", [_attributed(syndrome, review.assessment.evidence) or "no criterion met"]
    if grade.status is Status.NOT_ASSESSABLE:
        return f"{name} not assessable", list(grade.notes[:1])
    gaps = [
        gap_words(gap)
        for gap in review.assessment.gaps
        if gap.widens_range and syndrome_of_gap(gap) in (syndrome, None)
    ]
    return f"{name} {grade.lowest}–{grade.highest}, not decidable", gaps or drivers


def name_drivers(criteria: Sequence[CriterionMet], evidence: Evidence) -> list[str]:
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
    names = [what.value for what in attributed_of(syndrome) if evidence.attribution_of(what) is not None]
    return f"{' and '.join(names)} attributed elsewhere" if names else ""
