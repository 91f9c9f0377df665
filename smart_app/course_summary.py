"""What stands above the timeline: both grades with their reasons, what is not known, what is suggested now.

Words of the review alone: nothing is graded or dosed here. A range is never called a grade, and what a
clinician attributed elsewhere is told with the grade as it would be without that.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, tzinfo

from grading.assessment import CriterionMet, Status, SyndromeGrade
from grading.bedside_words import in_words
from grading.chart import GapWhy, ImmuneDrug
from grading.course import PatientCourse, SyndromeCourse, TreatmentDose
from management.gap_words import describe_gap
from management.lab_values import capitalised, exact
from management.review import Dose, IceSchedule, Recommendation, Review, Strength, Withheld
from smart_app.grade_words import describe_grade
from smart_app.timeline_lanes import describe_step
from smart_app.timeline_rows import write_clock

# Grading notes an attribution; the page tells it with its cause and time.
_TOLD_BELOW = " attributed elsewhere by a clinician"
_STRENGTH_WORDS = {Strength.RECOMMEND: "recommended", Strength.CONSIDER: "may be considered"}


@dataclass(frozen=True, slots=True)
class Reason:
    """A criterion met: its wording and the value that met it."""

    level: int
    wording: str
    value: str
    when: str
    citation: str
    verified: bool


@dataclass(frozen=True, slots=True)
class GradePanel:
    """One syndrome now. ``figure`` is the large sign, ``style`` its class; both are told in ``words`` too."""

    name: str
    figure: str
    style: str
    words: str
    history: tuple[str, ...]
    reasons: tuple[Reason, ...]
    notes: tuple[str, ...]
    without: str | None


@dataclass(frozen=True, slots=True)
class Advice:
    """One suggestion: ``amount`` is empty where no dose is computed."""

    title: str
    amount: str
    text: str
    strength: str
    is_recommended: bool
    urgent: bool
    verified: bool
    cautions: tuple[str, ...]
    details: tuple[str, ...]
    source: str


@dataclass(frozen=True, slots=True)
class TreatmentLine:
    """A dose with the grades around it."""

    when: str
    drug: str
    amount: str
    since: str
    crs: str
    icans: str
    until: str
    source: str


def grade_panels(review: Review, course: PatientCourse | None, zone: tzinfo) -> tuple[GradePanel, ...]:
    """CRS, then ICANS."""
    now, without = review.assessment, review.unattributed
    crs, icans = (None, None) if course is None else (course.crs, course.icans)
    return (
        _panel("CRS", now.crs, None if without is None else without.crs, crs, zone),
        _panel("ICANS", now.icans, None if without is None else without.icans, icans, zone),
    )


def _panel(
    name: str,
    grade: SyndromeGrade,
    without: SyndromeGrade | None,
    course: SyndromeCourse | None,
    zone: tzinfo,
) -> GradePanel:
    differs = without is not None and describe_grade(name, without) != describe_grade(name, grade)
    return GradePanel(
        name=name,
        figure=_figure(grade),
        style=f"{grade.status.value} g{grade.highest}",
        words=_said(name, grade),
        history=() if course is None else tuple(_history(course, zone)),
        reasons=tuple(_reason(item, zone) for item in sorted(grade.criteria, key=lambda met: -met.level)),
        notes=tuple(note for note in grade.notes if _TOLD_BELOW not in note),
        without=describe_grade(name, without) if without is not None and differs else None,
    )


def _said(name: str, grade: SyndromeGrade) -> str:
    assessed = ": assessed, no criterion met" if grade.status is Status.NONE else ""
    return describe_grade(name, grade) + assessed


def _figure(grade: SyndromeGrade) -> str:
    if grade.status is Status.NOT_ASSESSABLE:
        return "?"
    if grade.status is Status.INDETERMINATE:
        return f"{grade.lowest}–{grade.highest}?"
    return str(grade.lowest)


def _history(course: SyndromeCourse, zone: tzinfo) -> Iterable[str]:
    now = course.steps[-1]
    if len(course.steps) > 1:
        yield f"Since {write_clock(now.at, zone)}; before that {describe_step(course.steps[-2])}."
    else:
        yield "Unchanged since the infusion."
    if course.onset is not None:
        yield f"First above 0 in this episode: {write_clock(course.onset, zone)}."
    if course.peak is not None:
        proven = f"grade {course.peak.lowest}"
        at_least = "at least " if course.peak.highest > course.peak.lowest else ""
        yield f"Peak of this episode: {at_least}{proven}, from {write_clock(course.peak.at, zone)}."


def _reason(item: CriterionMet, zone: tzinfo) -> Reason:
    return Reason(
        level=item.level,
        wording=item.wording,
        value=item.value,
        when="" if item.at is None else write_clock(item.at, zone),
        citation=item.citation,
        verified=item.verified,
    )


def gap_lines(review: Review, unread: Iterable[str]) -> list[tuple[str, bool]]:
    """What is not known, and whether it leaves a grade open; those that do come first."""
    lines = [(f"Could not be read: {what}", False) for what in unread]
    gaps = sorted(review.assessment.gaps, key=lambda gap: not gap.widens_range)
    for gap in gaps:
        if gap.why is GapWhy.ATTRIBUTED_ELSEWHERE and not gap.widens_range:
            continue  # a clinician explained it: known, and told beside the grade
        detail = f": {gap.detail}" if gap.detail else ""
        lines.append((describe_gap(gap.what, gap.why) + detail, gap.widens_range))
    return sorted(dict.fromkeys(lines), key=lambda line: not line[1])


def advice_lines(recommendations: Iterable[Recommendation]) -> list[Advice]:
    """Urgent ones first, then by strength, those with a dose first."""
    ordered = sorted(
        recommendations,
        key=lambda item: (not item.urgent, item.strength is not Strength.RECOMMEND, item.dose is None),
    )
    return [_advice(item) for item in ordered]


def _advice(item: Recommendation) -> Advice:
    details = []
    # A dose of which one was just given is read without opening anything.
    because = [f"no draft order is offered: {item.no_draft_because}"] if item.no_draft_because else []
    if item.missing:
        details.append(f"Not known: {'; '.join(item.missing)}")
    if item.dose is None and item.dose_rule:
        details.append(f"Dose rule: {item.dose_rule} (not computed)")
    if item.dose is not None:
        details.append(f"Dose: {_arithmetic(item.dose)}")
    if item.reasons:
        details.append(f"Why: {'; '.join(item.reasons)}")
    return Advice(
        title=item.title,
        amount="" if item.dose is None else _amount(item.dose),
        text=item.text,
        strength=_STRENGTH_WORDS[item.strength],
        is_recommended=item.strength is Strength.RECOMMEND,
        urgent=item.urgent,
        verified=item.verified,
        cautions=(*item.cautions, *because),
        details=tuple(details),
        source=f"row {item.row}, {item.cite}, tier {item.tier}",
    )


def _amount(dose: Dose) -> str:
    parts = (f"{exact(dose.value)} {dose.unit}", dose.route, dose.interval)
    return " ".join(part for part in parts if part)


def _arithmetic(dose: Dose) -> str:
    text = dose.arithmetic
    if dose.capped and "cap" not in text:
        text += ", at the cap"
    if dose.weight_kg is not None:
        when = f" of {dose.weight_at:%Y-%m-%d}" if dose.weight_at else ""
        text += f"; weight {exact(dose.weight_kg)} kg{when}"
    return text


def withheld_lines(withheld: Iterable[Withheld]) -> list[tuple[str, str, str]]:
    """What is held back, by which guard, and why, in words."""
    return [(_words(item.id), item.because.value.replace("-", " "), item.text) for item in withheld]


def _words(name: str) -> str:
    return capitalised(name.replace(".", " ").replace("-", " "))


def ice_line(schedule: IceSchedule | None, zone: tzinfo) -> tuple[str, bool] | None:
    """When the next score is due, and whether it is overdue; ``None`` where none is to be taken."""
    if schedule is None:
        return None
    rhythm = f"every {schedule.every_hours} h: {schedule.why[:1].lower()}{schedule.why[1:]}"
    if not schedule.verified:
        rhythm += "; not verified"
    if schedule.last_at is None:
        return f"No {schedule.instrument} known since the infusion: due now ({rhythm})", True
    last = f"last {write_clock(schedule.last_at, zone)}; {rhythm}"
    due = write_clock(schedule.due_at, zone)
    if schedule.overdue:
        return f"{schedule.instrument} overdue since {due} ({last})", True
    return f"Next {schedule.instrument} due {due} ({last})", False


def treatment_lines(course: PatientCourse, zone: tzinfo) -> list[TreatmentLine]:
    """Doses against the syndromes, newest first, with the grades before and after each."""
    return [_treatment(item, zone, course.at) for item in reversed(course.treatments)]


def _treatment(item: TreatmentDose, zone: tzinfo, now: datetime) -> TreatmentLine:
    dose = item.dose
    hours = item.hours_since_previous
    name = dose.name or in_words(dose.drug)
    if dose.name and dose.drug is not ImmuneDrug.TOCILIZUMAB and dose.drug.value not in dose.name.lower():
        name = f"{dose.name} ({dose.drug.value})"
    return TreatmentLine(
        when=write_clock(dose.at, zone),
        drug=capitalised(name),
        amount="amount not charted" if dose.milligrams is None else f"{exact(dose.milligrams)} mg",
        since="first of this treatment" if hours is None else f"{hours:.1f} h",
        crs=f"{describe_step(item.crs_before)} → {describe_step(item.crs_after)}",
        icans=f"{describe_step(item.icans_before)} → {describe_step(item.icans_after)}",
        until="now" if item.after_at >= now else f"before the dose of {write_clock(item.after_at, zone)}",
        source=dose.source.reference,
    )
