"""Conditions for tocilizumab and what follows when CRS does not answer to it, by the names that rows use.

Every CRS that a dose is offered for falls under one of them: untreated, not better, better, or without an ICU
criterion; so that the text printed beside the dose is true of the patient.
"""

from collections.abc import Mapping

from management.crs_conditions import (
    Condition,
    crs_1_or_more,
    crs_2_or_more,
    crs_2_with_icu_criterion,
    crs_3_or_more,
)
from management.icu_criteria import icu_criteria, neurological_icu_criteria, somatic_icu_criteria
from management.situation import NOT_MET, Reasons, Situation, describe_grade, describe_hours
from management.treatment_course import (
    failed_tocilizumab_doses,
    improved_since_tocilizumab,
    next_tocilizumab_dose,
)
from management.vocabulary import Cut


def crs_2_with_icu_criterion_untreated(situation: Situation) -> Reasons:
    """CRS 2 (lower bound) with any ICU criterion, and no tocilizumab was given for this CRS yet."""
    reasons = NOT_MET if situation.episode_tocilizumab else crs_2_with_icu_criterion(situation)
    return (*reasons, *next_tocilizumab_dose(situation)) if reasons else NOT_MET


def crs_3_or_more_untreated(situation: Situation) -> Reasons:
    """CRS of at least grade 3, and no tocilizumab was given for it yet."""
    reasons = NOT_MET if situation.episode_tocilizumab else crs_3_or_more(situation)
    return (*reasons, *next_tocilizumab_dose(situation)) if reasons else NOT_MET


def further_tocilizumab(situation: Situation) -> Reasons:
    """CRS 2 or more, not certainly better since the latest tocilizumab dose, and either a dose has failed or
    an ICU criterion is met. Whether the interval has passed is a guard's question.
    """
    doses = situation.episode_tocilizumab
    if situation.crs.lowest < 2 or not doses or improved_since_tocilizumab(situation):
        return NOT_MET
    answer = no_improvement_after_one_dose(situation)
    if not answer and icu_criteria(situation):
        hours = describe_hours(situation.hours_since(doses[-1].at))
        answer = (f"{describe_grade('CRS', situation.crs)}, tocilizumab dose {len(doses)} given {hours} ago",)
    return (*answer, *next_tocilizumab_dose(situation)) if answer else NOT_MET


def crs_without_icu_criterion(situation: Situation) -> Reasons:
    """CRS of any grade without an ICU criterion."""
    reasons = crs_1_or_more(situation)
    if not reasons or icu_criteria(situation):
        return NOT_MET
    return (*reasons, *next_tocilizumab_dose(situation))


def crs_1_with_icu_criterion(situation: Situation) -> Reasons:
    """CRS 1 (lower bound) with any ICU criterion: of the nervous system, of the heart, or stated concern."""
    criteria = icu_criteria(situation) if situation.crs.lowest == 1 else NOT_MET
    if not criteria:
        return NOT_MET
    return (describe_grade("CRS", situation.crs), *criteria, *next_tocilizumab_dose(situation))


def crs_improved_with_icu_criterion(situation: Situation) -> Reasons:
    """CRS 2 or more with an ICU criterion, and certainly better since the latest tocilizumab dose."""
    reasons = crs_2_or_more_improved(situation)
    return reasons if reasons and icu_criteria(situation) else NOT_MET


def crs_2_or_more_improved(situation: Situation) -> Reasons:
    """CRS 2 or more, certainly better since the latest tocilizumab dose."""
    if situation.crs.lowest < 2 or not improved_since_tocilizumab(situation):
        return NOT_MET
    hours = describe_hours(situation.hours_since(situation.episode_tocilizumab[-1].at))
    since = f"{describe_grade('CRS', situation.crs)}, lower than at the tocilizumab dose {hours} ago"
    return (since, *next_tocilizumab_dose(situation))


def crs_2_or_more_unimproved(situation: Situation) -> Reasons:
    """CRS 2 or more, not certainly better since the latest tocilizumab dose, if any."""
    if improved_since_tocilizumab(situation):
        return NOT_MET
    reasons = crs_2_or_more(situation)
    return (*reasons, *next_tocilizumab_dose(situation)) if reasons else NOT_MET


def crs_with_neurological_criterion_alone(situation: Situation) -> Reasons:
    """CRS of any grade whose ICU criteria are all neurological."""
    criteria = neurological_icu_criteria(situation) if situation.crs.lowest >= 1 else NOT_MET
    if not criteria or somatic_icu_criteria(situation):
        return NOT_MET
    return (describe_grade("ICANS", situation.icans), *criteria)


def no_improvement_after_one_dose(situation: Situation) -> Reasons:
    """CRS 2 or more and not better once the first tocilizumab dose has had its time."""
    failed = failed_tocilizumab_doses(situation)
    return (_unanswered(situation, failed[-1]),) if failed else NOT_MET


def no_improvement_after_two_doses(situation: Situation) -> Reasons:
    """CRS 2 or more and not better once the second tocilizumab dose has had its time."""
    failed = failed_tocilizumab_doses(situation)
    return (_unanswered(situation, failed[-1]),) if len(failed) > 1 else NOT_MET


def crs_refractory(situation: Situation) -> Reasons:
    """No improvement after two doses, or CRS after as many doses as the guard rail allows in all."""
    if reasons := no_improvement_after_two_doses(situation):
        return reasons
    given = len(situation.episode_tocilizumab)
    if situation.crs.lowest >= 1 and given >= situation.cut(Cut.MANY_DOSES):
        return (f"CRS after {given} tocilizumab doses",)
    return NOT_MET


def _unanswered(situation: Situation, failed: int) -> str:
    dose = situation.episode_tocilizumab[failed - 1]
    hours = describe_hours(situation.hours_since(dose.at))
    return f"{describe_grade('CRS', situation.crs)}, not lower {hours} after tocilizumab dose {failed}"


TOCILIZUMAB_CONDITIONS: Mapping[str, Condition] = {
    "crs-2-with-icu-criterion-untreated": crs_2_with_icu_criterion_untreated,
    "crs-3-or-more-untreated": crs_3_or_more_untreated,
    "further-tocilizumab": further_tocilizumab,
    "crs-without-icu-criterion": crs_without_icu_criterion,
    "crs-1-with-icu-criterion": crs_1_with_icu_criterion,
    "crs-improved-with-icu-criterion": crs_improved_with_icu_criterion,
    "crs-2-or-more-improved": crs_2_or_more_improved,
    "crs-2-or-more-unimproved": crs_2_or_more_unimproved,
    "crs-with-neurological-criterion-alone": crs_with_neurological_criterion_alone,
    "no-improvement-after-one-dose": no_improvement_after_one_dose,
    "no-improvement-after-two-doses": no_improvement_after_two_doses,
    "crs-refractory": crs_refractory,
}
