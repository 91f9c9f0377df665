"""The first lines of a card: the grade and since when, what decided it, the course, the day, the next ICE."""

from collections.abc import Iterable
from datetime import datetime, tzinfo

from cds_service.card_places import CardContent, attributed_of, grade_of, hidden_grade
from cds_service.card_summary import name_drivers, step_words
from cds_service.card_text import escape_markdown, write_age, write_hour, write_time
from cds_service.gap_text import Syndrome
from cds_service.severity_text import ice_line
from grading.assessment import CriterionMet, Status, SyndromeGrade, Trend
from grading.evidence import Evidence
from management.review import Review


def opening_lines(content: CardContent, review: Review, zone: tzinfo | None) -> list[str]:
    """Paragraphs for the top of a card, the grade first."""
    evidence = review.assessment.evidence
    grade = grade_of(content.syndrome, review.assessment)
    words = grade_words(content.syndrome, grade)
    first = [f"**{words}** (ASTCT), at {write_time(evidence.at, zone)}.", *_deciding(grade, evidence, zone)]
    first += _course(grade, zone)
    first.append(_day(evidence, zone))
    lines = [" ".join(part for part in first if part)]
    for syndrome in content.told[1:]:
        other = grade_of(syndrome, review.assessment)
        told = [f"**{grade_words(syndrome, other)}**.", *_course(other, zone)]
        lines.append(" ".join(told))
    for syndrome in content.told:
        lines += _attributed(syndrome, review, zone)
    if Syndrome.ICANS in content.told and (due := ice_line(review.ice_schedule, evidence.at, zone)):
        lines.append(due)
    return lines


def grade_words(syndrome: Syndrome, grade: SyndromeGrade) -> str:
    """The grade, or what is possible: a bound is never called a grade."""
    return {
        Status.GRADED: f"{syndrome.value} grade {grade.grade}",
        Status.NONE: f"{syndrome.value} grade 0: assessed, no criterion met",
        Status.INDETERMINATE: f"{syndrome.value} not decidable: possible {grade.lowest} to {grade.highest}",
        Status.NOT_ASSESSABLE: f"{syndrome.value} not assessable",
    }[grade.status]


def _deciding(grade: SyndromeGrade, evidence: Evidence, zone: tzinfo | None) -> Iterable[str]:
    deciding = [item for item in grade.criteria if item.level == grade.lowest and item.at is not None]
    if not deciding:
        return
    values = escape_markdown(" + ".join(name_drivers(deciding, evidence)))
    runs = [run for item in deciding if (run := _running_since(item, evidence)) is not None]
    if runs:
        when = f"running since {write_hour(min(runs), zone)}"
    else:
        when = f"charted {write_hour(max(item.at for item in deciding if item.at is not None), zone)}"
    yield f"Decided by {values}, {when}."


def _running_since(item: CriterionMet, evidence: Evidence) -> datetime | None:
    """The start of the run an infusion belongs to, not of its latest rate."""
    runs = [infusion.since for infusion in evidence.running if infusion.row.source in item.sources]
    return min(runs, default=None)


def _course(grade: SyndromeGrade, zone: tzinfo | None) -> list[str]:
    parts = [] if grade.trend is None else [_trend_words(grade, grade.trend, zone)]
    if grade.episode_peak is not None:
        parts.append(f"Peak of this episode: {grade.episode_peak}.")
    return parts


def _trend_words(grade: SyndromeGrade, trend: Trend, zone: tzinfo | None) -> str:
    now = step_words_of(grade)
    if trend.since is None:
        return f"Unchanged since {write_hour(trend.looked_back_to, zone)} or longer."
    before = f"; before that {step_words(trend.previous)}" if trend.previous is not None else ""
    return f"{now} since {write_hour(trend.since, zone)}{before}."


def step_words_of(grade: SyndromeGrade) -> str:
    """The present as the course says it."""
    if grade.status is Status.NOT_ASSESSABLE:
        return "Not assessable"
    if grade.lowest == grade.highest:
        return f"Grade {grade.lowest}"
    return f"Possible {grade.lowest}–{grade.highest}"


def _day(evidence: Evidence, zone: tzinfo | None) -> str:
    infusion = evidence.infusion
    if infusion is None or infusion.at is None:
        return ""
    product = infusion.product.replace("-", " ") if infusion.product else "product not known"
    return f"Day {evidence.day} after CAR-T ({product}, {write_time(infusion.at, zone)})."


def _attributed(syndrome: Syndrome, review: Review, zone: tzinfo | None) -> Iterable[str]:
    """What a clinician stated as due to another cause, and what the grade would be without that."""
    evidence = review.assessment.evidence
    stated = [found for what in attributed_of(syndrome) if (found := evidence.attribution_of(what))]
    if not stated:
        return
    items = [
        f"{item.what.value} – {escape_markdown(item.cause) if item.cause else 'cause not stated'}"
        f" (stated {write_hour(item.at, zone)}, {write_age(item.at, evidence.at)} ago)"
        for item in stated
    ]
    text = f"**Attributed elsewhere by a clinician**, until withdrawn: {'; '.join(items)}."
    without = hidden_grade(syndrome, review)
    if without is not None:
        text += f" Without that: **{grade_words(syndrome, without)}**."
    yield text
