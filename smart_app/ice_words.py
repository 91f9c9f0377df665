"""What the ICE page says: scores, items and grades in words, and what became of a save."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import tzinfo

from fhir_maps.ice_observation import Answer, BedsideAssessment
from fhir_maps.questionnaires import ICE, Question, bedside_questionnaire
from grading.assessment import SyndromeGrade
from grading.evidence import Evidence
from grading.tables import shipped_tables
from smart_app.course_summary import ice_line
from smart_app.grade_words import describe_grade
from smart_app.ice_scores import EarlierScore, GradePreview
from smart_app.page_room import Bedside, Saving
from smart_app.session import SmartSession
from smart_app.timeline_rows import write_clock

NOT_TESTED = "not tested"

PROBLEMS: Mapping[Saving, tuple[str, str]] = {
    Saving.REFUSED: (
        "Not saved: the EHR does not permit it",
        "You may read this chart, but not write this. Chart the assessment in the EHR itself.",
    ),
    Saving.REJECTED: (
        "Not saved: the EHR did not accept it",
        "Nothing was written. Check the entries; if they are right, chart the assessment in the EHR itself.",
    ),
    Saving.RENEWED: (
        "Not saved yet: the sign-in was renewed",
        "Nothing was written, and all entries are still here. Press Save again.",
    ),
    Saving.ENDED: (
        "Not saved: the sign-in has ended",
        "Nothing was written. Note the entries below, open the app again from the patient's chart and enter "
        "them there.",
    ),
    Saving.CONFLICT: (
        "Not saved: the record was changed by somebody else",
        "Nothing was written. Open the page again to see what is in the record now.",
    ),
    Saving.UNCERTAIN: (
        "Perhaps saved: the EHR did not answer",
        "It may or may not be in the record. Press Save again without changing anything: if it is there "
        "already, nothing is written twice.",
    ),
}
SAVED_DIFFERENTLY = (
    "Look at the record: it does not hold what you entered",
    "Something from this form is in the record, but not as it stands below: an earlier save with other "
    "entries, or the EHR changed it. Compare the two, then correct it or enter a new assessment.",
)


def why_not_saved(session: SmartSession) -> str | None:
    """Why this session cannot save, in a sentence; ``None`` when it can."""
    if session.can_save:
        return None
    if not session.user_may_assess:
        return "The EHR did not say that you are a clinician, so nothing can be saved from here."
    return "The EHR did not allow this app to write Observations, so nothing can be saved from here."


def tell_range(lowest: int, highest: int) -> str:
    """``8`` or ``7–9``."""
    return str(lowest) if lowest == highest else f"{lowest}–{highest}"


def tell_score(assessment: BedsideAssessment) -> str:
    """``ICE 8 of 10``, ``ICE 7–9 of 10`` or ``CAPD could not be performed``."""
    name, most = name_and_most(assessment.questionnaire_id)
    if not assessment.items and not assessment.is_complete:
        return f"{name} could not be performed"
    return f"{name} {tell_range(*assessment.points)} of {most}"


def name_and_most(questionnaire_id: str) -> tuple[str, int]:
    """The short name of the score, and its highest total."""
    name = "ICE" if questionnaire_id == ICE else "CAPD"
    return name, bedside_questionnaire(questionnaire_id).total.highest or 0


def tell_answer(question: Question, answer: Answer) -> str:
    """``2 of 3 (Two)``, or ``not tested: Declined``, with how it was modified."""
    if answer.points is None:
        told = ": ".join(part for part in (NOT_TESTED, answer.reason, answer.words) if part)
    else:
        option = question.option_of(answer.points)
        told = f"{answer.points} of {question.highest}" + (f" ({option.label})" if option else "")
    return f"{told}; modified: {answer.modified}" if answer.modified else told


def tell_points(question: Question, earlier: EarlierScore | None) -> str | None:
    """The points of an item in an earlier score, ``None`` where the record does not list it."""
    if earlier is None or earlier.entered is None or question.link_id not in earlier.entered.items:
        return None
    points = earlier.entered.items[question.link_id].points
    return NOT_TESTED if points is None else str(points)


def tell_findings(assessment: BedsideAssessment) -> Iterator[tuple[str, str]]:
    """Each finding by its question, with its answer; what was left open is said to be open."""
    for question in bedside_questionnaire(assessment.questionnaire_id).findings:
        if question.kind == "boolean":
            told = {True: "Yes", False: "No", None: "not said"}[assessment.sedated]
        else:
            option = question.option_of(assessment.findings.get(question.link_id))
            told = option.label if option else "not said"
        yield question.text, told


def tell_grade(grade: SyndromeGrade | None) -> str:
    """ICANS in words."""
    return "ICANS is not graded" if grade is None else describe_grade("ICANS", grade)


def cautions(
    assessment: BedsideAssessment, grades: GradePreview, newest: EarlierScore | None, bedside: Bedside
) -> list[str]:
    """What to think of before saving; none of it stops anybody. ``newest`` is the newest other score."""
    told = []
    unarousable = assessment.findings.get("consciousness") == "unarousable"
    if unarousable and not assessment.items and assessment.is_complete:
        told.append("Unarousable, but CAPD was scored: check both.")
    if assessment.sedated:
        told.append("Under sedation neither the score nor arousal is graded.")
    if bedside.review is not None:
        told += _of_earlier_findings(assessment, bedside.review.assessment.evidence, bedside.zone)
    if grades.after is None:
        told.append(_why_not_graded(bedside))
    elif bedside.course is not None and assessment.assessed_at < bedside.course.started_at:
        told.append("This is before the infusion: it is kept as a baseline.")
    if (newer := tell_newer(assessment, newest, bedside.zone)) is not None:
        told.append(newer)
    return told


def tell_due(bedside: Bedside) -> tuple[str, bool] | None:
    """When the next score is due, and whether it is overdue."""
    return ice_line(bedside.review.ice_schedule if bedside.review else None, bedside.zone)


def tell_newer(assessment: BedsideAssessment, newest: EarlierScore | None, zone: tzinfo) -> str | None:
    """That another score counts in place of this one or beside it; ``None`` where none does."""
    if newest is None or newest.at < assessment.assessed_at:
        return None
    other = write_clock(newest.at, zone)
    if newest.at == assessment.assessed_at:
        return f"The record holds another score of the same time, {other}: the worse of the two counts."
    return f"The record holds a newer score, of {other}: that one counts for the present."


def _of_earlier_findings(assessment: BedsideAssessment, evidence: Evidence, zone: tzinfo) -> Iterator[str]:
    """What stands in the record and is withdrawn, or is not, by what was entered."""
    at = assessment.assessed_at
    sedation = evidence.sedation
    if assessment.sedated is None and sedation is not None and sedation.sedated:
        charted = write_clock(sedation.at, zone)
        yield f"The record says “sedated”, of {charted}. If that is over, answer No under Sedated."
    motor, raised = evidence.motor, evidence.raised_icp
    standing = [
        ("motor", "Motor", motor and (motor.at, motor.finding.value)),
        ("raised-icp", "Raised intracranial pressure", raised and (raised.at, raised.finding.value)),
    ]
    for name, words, row in standing:
        if assessment.findings.get(name) == "none" and row and row[1] != "none" and row[0] < at:
            question = next(q for q in _findings_of(assessment) if q.link_id == name)
            option = question.option_of(row[1])
            found = option.label.lower() if option else row[1]
            yield f"{words}: “None” ends the {found} charted {write_clock(row[0], zone)}. Is it really gone?"


def _findings_of(assessment: BedsideAssessment) -> Sequence[Question]:
    return bedside_questionnaire(assessment.questionnaire_id).findings


def _why_not_graded(bedside: Bedside) -> str:
    if any(each.at is not None and each.at <= bedside.at for each in bedside.chart.infusions):
        days = shipped_tables().span("monitoring").days
        return f"The last infusion was more than {days} days ago: ICANS is not graded any more."
    return "No infusion in the last days to grade after: this is kept as a baseline."


def summary_line(
    assessment: BedsideAssessment, then: SyndromeGrade | None, now: SyndromeGrade | None, bedside: Bedside
) -> str:
    """One line to copy: what was lost, arousal, and the grade of its time, without the patient's name.

    Where the grade is another one by now, that follows with its own time.
    """
    zone = bedside.zone
    questionnaire = bedside_questionnaire(assessment.questionnaire_id)
    lost = [
        f"{item.text.lower()} {NOT_TESTED if answer.points is None else f'{answer.points}/{item.highest}'}"
        for item in questionnaire.items
        if (answer := assessment.items.get(item.link_id, Answer())).points != item.highest
    ]
    score = tell_score(assessment) + (f" ({', '.join(lost)})" if lost else "")
    found = [
        f"{question.lower()}: {told.lower()}"
        for question, told in tell_findings(assessment)
        if told not in ("not said", "None")
    ]
    parts = [score, *found, *([describe_grade("ICANS", then) + " (ASTCT 2019)"] if then else [])]
    line = f"{'; '.join(parts)}; {write_clock(assessment.assessed_at, zone)}"
    if now is None or (then is not None and describe_grade("ICANS", then) == describe_grade("ICANS", now)):
        return line
    return f"{line}. At {write_clock(bedside.at, zone)}: {describe_grade('ICANS', now)} (ASTCT 2019)"
