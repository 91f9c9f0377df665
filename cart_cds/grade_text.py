"""A graded bundle as plain text for a terminal: grades, reasons, what is not known, what is suggested."""

from collections.abc import Iterator
from datetime import datetime

from cart_cds.grade_bundle import GradedBundle
from grading.assessment import CriterionMet, Status, SyndromeGrade
from grading.evidence import Evidence
from management.review import Recommendation, Review

DISCLAIMER = "Decision support; does not replace the local CAR-T protocol."


def describe_graded(graded: GradedBundle) -> str:
    """Return the text, lines joined, without a newline at its end.

    Control characters in texts of the record become ``?``: a terminal would obey them.
    """
    return "\n".join("".join(sign if sign.isprintable() else "?" for sign in line) for line in _lines(graded))


def _lines(graded: GradedBundle) -> Iterator[str]:
    if graded.review is None:
        yield "No CAR-T infusion on record inside the monitoring window: nothing to grade."
        if graded.late is not None:
            yield f"Late effects, day {graded.late.day} after the infusion"
            for item in graded.late.recommendations:
                yield f"  {item.title}: {'; '.join(item.reasons)} (row {item.row}; {item.cite})"
    else:
        yield from _review_lines(graded.review)
    reading = graded.reading
    if reading.refused:
        yield ""
        yield f"{reading.refused} of {reading.total} resources could not be read."
    if reading.unmapped:
        yield ""
        yield "Not known to any map"
        for unknown in sorted(reading.unmapped, key=lambda one: (-one.count, one.kind, one.text or "")):
            name = " ".join(part for part in (unknown.text, unknown.code, unknown.system) if part)
            yield f"  {unknown.count:>5} x {unknown.kind}: {name}"


def _review_lines(review: Review) -> Iterator[str]:
    assessment = review.assessment
    evidence = assessment.evidence
    if evidence.infusion is not None and evidence.infusion.at is not None:
        product = f", {evidence.infusion.product}" if evidence.infusion.product else ""
        yield f"CAR-T infusion {_clock(evidence.infusion.at)}{product}: day {evidence.day}"
    else:
        yield "CAR-T infusion: no date on record"
    yield f"Graded at {_clock(assessment.at)}, protocol {review.protocol} {review.protocol_version}"
    for name, grade in (("CRS", assessment.crs), ("ICANS", assessment.icans)):
        yield ""
        yield f"{name}: {describe_grade(grade)}"
        for criterion in grade.criteria:
            when = "".join(f", {words}" for words in _times(criterion, evidence))
            flag = "" if criterion.verified else " (our reading, not verified)"
            yield f"  {criterion.wording}: {criterion.value}{when} [{criterion.id}]{flag}"
        for note in grade.notes:
            yield f"  {note}"
    if assessment.gaps:
        yield ""
        yield "Not known"
        for gap in assessment.gaps:
            detail = f" ({gap.detail})" if gap.detail else ""
            yield f"  {gap.what.value}: {gap.why.value}{detail}"
    if review.recommendations:
        yield ""
        yield "Suggested"
        for recommendation in review.recommendations:
            yield f"  {recommendation.strength.value:<9} {_offer(recommendation)}"
    if review.withheld:
        yield ""
        yield "Withheld"
        for withheld in review.withheld:
            yield f"  {withheld.id}: {withheld.because.value}. {withheld.text}"
    yield ""
    yield from review.notes
    yield DISCLAIMER


def _times(criterion: CriterionMet, evidence: Evidence) -> Iterator[str]:
    """When the deciding value was charted and, of an infusion, since when it runs: cards name the latter."""
    if criterion.at is not None:
        yield f"charted {_clock(criterion.at)}"
    runs = [infusion.since for infusion in evidence.running if infusion.row.source in criterion.sources]
    if runs:
        yield f"running since {_clock(min(runs))}"


def describe_grade(grade: SyndromeGrade) -> str:
    """Say a grade or why there is none, with the peak of the episode."""
    if grade.status in (Status.NONE, Status.GRADED):
        said = f"grade {grade.grade}"
    elif grade.status is Status.INDETERMINATE:
        said = f"indeterminate, {grade.lowest} to {grade.highest}"
    else:
        said = "not assessable"
    return f"{said} (episode peak {grade.episode_peak})" if grade.episode_peak is not None else said


def _offer(recommendation: Recommendation) -> str:
    text = recommendation.title
    if recommendation.dose is not None:
        text += f": {recommendation.dose.arithmetic}"
    elif recommendation.dose_rule is not None:
        text += f": {recommendation.dose_rule}"
    text += f" [{recommendation.id}; {recommendation.cite}]"
    return text if recommendation.verified else f"{text} (not verified)"


def _clock(instant: datetime) -> str:
    return instant.isoformat(sep=" ", timespec="minutes")
