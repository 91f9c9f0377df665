"""How the syndromes answered to treatment: grades at each dose against the grade now.

Lower bounds are compared with upper bounds, so that a response is only claimed when it is certain:
"improved" means that the highest possible grade now is below the lowest possible grade then; everything
else is "not improved". A steroid given before the syndrome began (prophylaxis, premedication) is no
treatment dose of it.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from grading.assessment import Assessment, SyndromeGrade
from grading.chart import DrugDose
from management.situation import NOT_MET, Reasons, Situation, plain
from management.vocabulary import Cut

Syndrome = Callable[[Assessment], SyndromeGrade]


def of_crs(assessment: Assessment) -> SyndromeGrade:
    """CRS of an assessment."""
    return assessment.crs


def of_icans(assessment: Assessment) -> SyndromeGrade:
    """ICANS of an assessment."""
    return assessment.icans


def grade_then(situation: Situation, instant: datetime, syndrome: Syndrome) -> SyndromeGrade | None:
    """The syndrome at an earlier instant, ``None`` where there was no assessment."""
    assessment = situation.grade_at(instant)
    return None if assessment is None else syndrome(assessment)


def has_improved(then: SyndromeGrade | None, now: SyndromeGrade) -> bool:
    """Certainly lower now than then."""
    return then is not None and now.highest < then.lowest


def failed_tocilizumab_doses(situation: Situation) -> tuple[int, ...]:
    """Numbers of the doses of the episode that CRS (grade 2 or more now) did not answer to, oldest first.

    A dose is judged once its response time has passed. A dose after which CRS fell has not failed, whatever
    became of the next.
    """
    if situation.crs.lowest < 2:
        return ()
    response = situation.span(Cut.RESPONSE)
    return tuple(
        number
        for number, dose in enumerate(situation.episode_tocilizumab, start=1)
        if situation.at - dose.at >= response
        and not has_improved(grade_then(situation, dose.at, of_crs), situation.crs)
    )


def improved_since_tocilizumab(situation: Situation) -> bool:
    """CRS is certainly lower than at the latest tocilizumab dose of the episode."""
    doses = situation.episode_tocilizumab
    return bool(doses) and has_improved(grade_then(situation, doses[-1].at, of_crs), situation.crs)


def next_tocilizumab_dose(situation: Situation) -> Reasons:
    """Which dose the next one would be, where any was given; those of an earlier episode count too."""
    given = len(situation.tocilizumab)
    if not given:
        return NOT_MET
    return (f"It would be dose {given + 1} of at most {plain(situation.most_tocilizumab)} in all",)


def first_treatment_steroid(
    situation: Situation, syndrome: Syndrome
) -> tuple[DrugDose, SyndromeGrade] | None:
    """The first steroid dose given while the syndrome was at least grade 1, and the grade at that dose."""
    for dose in sorted(situation.evidence.steroids, key=lambda dose: dose.at):
        then = grade_then(situation, dose.at, syndrome) if dose.systemic else None
        if then is not None and then.lowest >= 1:
            return dose, then
    return None


def latest_steroid(situation: Situation) -> DrugDose | None:
    """The newest systemic steroid dose that is recent enough to say "on steroid"."""
    recent = [
        dose
        for dose in situation.evidence.steroids
        if dose.systemic and situation.at - dose.at <= situation.span(Cut.ON_STEROID)
    ]
    return max(recent, key=lambda dose: dose.at, default=None)


def treated_with_steroid(situation: Situation, syndrome: Syndrome) -> tuple[DrugDose, SyndromeGrade] | None:
    """As :func:`first_treatment_steroid`, while the patient is still on steroid; else ``None``."""
    if latest_steroid(situation) is None:
        return None
    return first_treatment_steroid(situation, syndrome)


def severe_crs_throughout(situation: Situation, span: timedelta) -> bool:
    """CRS was at least grade 3 ``span`` ago and never certainly below since, looked at in even steps."""
    start = grade_then(situation, situation.at - span, of_crs)
    if start is None or start.lowest < 3:
        return False
    step = situation.span(Cut.COURSE_STEP)
    instant = situation.at - span + step
    while instant < situation.at:
        then = grade_then(situation, instant, of_crs)
        if then is None or then.highest < 3:
            return False
        instant += step
    return True
