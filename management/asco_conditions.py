"""Conditions that the rows of the ASCO protocol ask for beside the shared ones."""

from collections.abc import Mapping

from management.care_conditions import neutropenia
from management.crs_conditions import (
    Condition,
    crs_1_or_more,
    crs_3_or_more,
    crs_hypotension_after_fluid,
    crs_improving_on_steroid,
)
from management.icans_conditions import (
    by_capd,
    by_ice,
    icans_1_or_more,
    icans_2_or_more,
    icans_improving_on_steroid,
    icans_without_crs,
)
from management.lumbar_puncture import lumbar_puncture_possible
from management.situation import NOT_MET, Reasons, Situation, describe_grade, describe_hours, fever_reasons
from management.tocilizumab_conditions import no_improvement_after_one_dose
from management.treatment_course import grade_then, has_improved, of_crs, of_icans, treated_with_steroid
from management.vocabulary import Cut

# Products for which the guideline's authors advise an earlier steroid.
_EARLY_STEROID_PRODUCTS = ("axicabtagene-ciloleucel", "brexucabtagene-autoleucel")


def crs_1_with_long_fever(situation: Situation) -> Reasons:
    """CRS 1 whose fever began longer ago than the cut and is still there."""
    began = situation.evidence.established_at
    if situation.crs.lowest != 1 or began is None or not fever_reasons(situation):
        return NOT_MET
    if situation.at - began <= situation.span(Cut.LONG_FEVER):
        return NOT_MET
    return (f"Fever for {(situation.at - began).days} days",)


def crs_2_hypotension_after_fluid_and_tocilizumab(situation: Situation) -> Reasons:
    """CRS 2 with low pressure after repeated fluid and at least one tocilizumab dose."""
    if situation.crs.lowest != 2 or not situation.episode_tocilizumab:
        return NOT_MET
    return crs_hypotension_after_fluid(situation)


def crs_4_or_refractory_3(situation: Situation) -> Reasons:
    """CRS 4, or CRS 3 that answered neither to tocilizumab nor to a steroid that has had its time."""
    if situation.crs.lowest >= 4:
        return (describe_grade("CRS", situation.crs),)
    treated = treated_with_steroid(situation, of_crs)
    if situation.crs.lowest < 3 or treated is None or has_improved(treated[1], situation.crs):
        return NOT_MET
    if situation.at - treated[0].at < situation.span(Cut.RESPONSE):
        return NOT_MET
    return no_improvement_after_one_dose(situation)


def crs_3_not_refractory(situation: Situation) -> Reasons:
    """CRS 3 that is not refractory: answered to treatment, or the treatment has not had its time."""
    return NOT_MET if crs_4_or_refractory_3(situation) else crs_3_or_more(situation)


def steroid_for_crs(situation: Situation) -> Reasons:
    """A steroid is given for CRS, or CRS is at the grade at which the guideline gives one."""
    if treated_with_steroid(situation, of_crs) is not None:
        return ("On steroid for CRS",)
    return crs_3_or_more(situation)


def early_steroid_product(situation: Situation) -> Reasons:
    """CRS after a product for which an earlier steroid is advised."""
    infusion = situation.evidence.infusion
    if situation.crs.lowest < 1 or infusion is None or infusion.product not in _EARLY_STEROID_PRODUCTS:
        return NOT_MET
    return (infusion.product.replace("-", " "),)


def lumbar_puncture_possible_from_2(situation: Situation) -> Reasons:
    """ICANS 2 or more where a lumbar puncture is possible."""
    return lumbar_puncture_possible(situation) if icans_2_or_more(situation) else NOT_MET


def icans_with_crs(situation: Situation) -> Reasons:
    """ICANS and CRS, each at least grade 1."""
    if situation.crs.lowest < 1 or situation.icans.lowest < 1:
        return NOT_MET
    return (describe_grade("CRS", situation.crs), describe_grade("ICANS", situation.icans))


def icans_with_crs_after_tocilizumab(situation: Situation) -> Reasons:
    """ICANS and CRS after a first tocilizumab dose."""
    return icans_with_crs(situation) if situation.episode_tocilizumab else NOT_MET


def icans_2_without_crs(situation: Situation) -> Reasons:
    """ICANS 2 while CRS is none."""
    return icans_without_crs(situation) if situation.icans.lowest == 2 else NOT_MET


def icans_3_without_crs(situation: Situation) -> Reasons:
    """ICANS 3 while CRS is none."""
    return icans_without_crs(situation) if situation.icans.lowest == 3 else NOT_MET


def icans_2_with_crs_2(situation: Situation) -> Reasons:
    """ICANS 2 with CRS of at least grade 2."""
    if situation.icans.lowest != 2 or situation.crs.lowest < 2:
        return NOT_MET
    return icans_with_crs(situation)


def icans_2_or_3_refractory_to_tocilizumab(situation: Situation) -> Reasons:
    """ICANS 2 or 3 with CRS, not certainly lower than at the first tocilizumab dose once that has had its
    time.
    """
    reasons = icans_with_crs_after_tocilizumab(situation)
    if situation.icans.lowest not in (2, 3) or not reasons:
        return NOT_MET
    first = situation.episode_tocilizumab[0]
    judged = situation.at - first.at >= situation.span(Cut.RESPONSE)
    if not judged or has_improved(grade_then(situation, first.at, of_icans), situation.icans):
        return NOT_MET
    return (*reasons, f"Not lower {describe_hours(situation.hours_since(first.at))} after tocilizumab")


def icans_3_or_more(situation: Situation) -> Reasons:
    """ICANS of at least grade 3."""
    return icans_1_or_more(situation) if situation.icans.lowest >= 3 else NOT_MET


def icans_4(situation: Situation) -> Reasons:
    """ICANS 4."""
    return icans_1_or_more(situation) if situation.icans.lowest >= 4 else NOT_MET


def improved_to_grade_1_on_steroid(situation: Situation) -> Reasons:
    """Both syndromes at most grade 1, one of them certainly lower than at its first steroid dose."""
    if max(situation.crs.highest, situation.icans.highest) > 1:
        return NOT_MET
    return (*icans_improving_on_steroid(situation), *crs_improving_on_steroid(situation))


def crs_with_neutropenia(situation: Situation) -> Reasons:
    """CRS of any grade with neutropenia, fever or not."""
    low = neutropenia(situation)
    return (*crs_1_or_more(situation), *low) if situation.crs.lowest >= 1 and low else NOT_MET


def _beside_lower_steroid(condition: Condition) -> Condition:
    """As the condition, unless CRS is at the high dose of a steroid: the stronger one is given alone."""

    def holds(situation: Situation) -> Reasons:
        reasons = condition(situation)
        return NOT_MET if reasons and crs_4_or_refractory_3(situation) else reasons

    return holds


ASCO_CONDITIONS: Mapping[str, Condition] = {
    "crs-1-with-long-fever": crs_1_with_long_fever,
    "crs-2-hypotension-after-fluid-and-tocilizumab": crs_2_hypotension_after_fluid_and_tocilizumab,
    "crs-4-or-refractory-3": crs_4_or_refractory_3,
    "crs-3-not-refractory": crs_3_not_refractory,
    "steroid-for-crs": steroid_for_crs,
    "early-steroid-product": early_steroid_product,
    "lumbar-puncture-possible-from-2": lumbar_puncture_possible_from_2,
    "icans-with-crs": icans_with_crs,
    "icans-with-crs-after-tocilizumab": _beside_lower_steroid(icans_with_crs_after_tocilizumab),
    "icans-2-without-crs": icans_2_without_crs,
    "icans-3-without-crs": icans_3_without_crs,
    "icans-2-with-crs-2": icans_2_with_crs_2,
    "icans-2-or-3-refractory-to-tocilizumab": _beside_lower_steroid(icans_2_or_3_refractory_to_tocilizumab),
    "icans-3-or-more": icans_3_or_more,
    "icans-4": icans_4,
    "icans-4-without-high-dose-for-crs": _beside_lower_steroid(icans_4),
    "improved-to-grade-1-on-steroid": improved_to_grade_1_on_steroid,
    "improved-to-grade-1-on-steroid-by-ice": by_ice(improved_to_grade_1_on_steroid),
    "improved-to-grade-1-on-steroid-by-capd": by_capd(improved_to_grade_1_on_steroid),
    "crs-with-neutropenia": crs_with_neutropenia,
}
