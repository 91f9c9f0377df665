"""Conditions on CRS and its course, by the names that protocol rows use.

Rows act on the lower bound of a range: "CRS 2 or more" holds when grade 2 is proven.
"""

from collections.abc import Callable, Mapping

from grading.assessment import Status
from grading.bedside_words import in_words
from grading.chart import Attributable, GapWhat, OxygenDevice, VasoactiveAgent
from management.icu_criteria import (
    icu_criteria,
    low_pressure_now,
    persistent_hypotension,
)
from management.situation import (
    NOT_MET,
    Reasons,
    Situation,
    axis_criterion,
    axis_level,
    describe_grade,
    describe_hours,
    fever_reasons,
    is_attributed,
    plain,
    time_from_infusion,
)
from management.treatment_course import (
    has_improved,
    of_crs,
    of_icans,
    severe_crs_throughout,
    treated_with_steroid,
)
from management.vocabulary import Cut

Condition = Callable[[Situation], Reasons]

_SIGNS = ("crs.hypotension", "crs.hypoxia")
_INOTROPES = (VasoactiveAgent.DOBUTAMINE, VasoactiveAgent.MILRINONE, VasoactiveAgent.LEVOSIMENDAN)
_VENTILATED = (OxygenDevice.MECHANICAL_VENTILATION, OxygenDevice.ECMO)


def crs_1_or_more(situation: Situation) -> Reasons:
    """CRS of at least grade 1."""
    return (describe_grade("CRS", situation.crs),) if situation.crs.lowest >= 1 else NOT_MET


def crs_2_or_more(situation: Situation) -> Reasons:
    """CRS of at least grade 2."""
    return (describe_grade("CRS", situation.crs),) if situation.crs.lowest >= 2 else NOT_MET


def crs_3_or_more(situation: Situation) -> Reasons:
    """CRS of at least grade 3."""
    return (describe_grade("CRS", situation.crs),) if situation.crs.lowest >= 3 else NOT_MET


def crs_2_with_icu_criterion(situation: Situation) -> Reasons:
    """CRS 2 (lower bound) with any ICU criterion, a neurological one included."""
    criteria = icu_criteria(situation) if situation.crs.lowest == 2 else NOT_MET
    return (describe_grade("CRS", situation.crs), *criteria) if criteria else NOT_MET


def toxicity_with_icu_criterion(situation: Situation) -> Reasons:
    """CRS or ICANS of at least grade 1, and an ICU criterion."""
    return icu_criteria(situation) if is_toxic(situation) else NOT_MET


def crs_hypotensive_now(situation: Situation) -> Reasons:
    """CRS 2 or more with low pressure now and no vasopressor running."""
    met = axis_criterion(situation.crs, "crs.hypotension")
    if situation.crs.lowest < 2 or met is None or not low_pressure_now(situation):
        return NOT_MET
    return (f"Hypotension: {met.value}",)


def crs_hypotension_answered_to_fluid(situation: Situation) -> Reasons:
    """CRS 2 or more whose hypotension counts and has passed since."""
    met = axis_criterion(situation.crs, "crs.hypotension")
    if situation.crs.lowest < 2 or met is None or met.level != 2 or low_pressure_now(situation):
        return NOT_MET
    return (f"Hypotension within the window: {met.value}",)


def crs_hypotension_after_fluid(situation: Situation) -> Reasons:
    """CRS 2 or more, pressure still low after repeated fluid."""
    return persistent_hypotension(situation) if situation.crs.lowest >= 2 else NOT_MET


def crs_hypotension_on_vasopressor(situation: Situation) -> Reasons:
    """CRS 3 or more by a vasopressor, pressure still below the cut."""
    pressure = situation.evidence.systolic
    if situation.crs.lowest < 3 or axis_level(situation.crs, "crs.hypotension") < 3 or pressure is None:
        return NOT_MET
    if pressure.mmhg >= situation.cut(Cut.ICU_SYSTOLIC):
        return NOT_MET
    return (f"Systolic {plain(pressure.mmhg)} mmHg on a vasopressor",)


def respiratory_failure_in_crs(situation: Situation) -> Reasons:
    """CRS 3 or more by its hypoxia, in a patient who is not ventilated yet."""
    met = axis_criterion(situation.crs, "crs.hypoxia")
    if situation.crs.lowest < 3 or met is None or met.level < 3:
        return NOT_MET
    oxygen = situation.evidence.oxygen
    if oxygen is not None and oxygen.device is not None and oxygen.device.device in _VENTILATED:
        return NOT_MET
    return (f"Hypoxia: {met.value}",)


def severe_crs_over_72h(situation: Situation) -> Reasons:
    """CRS 3 or more now, and throughout the span for which the source asks for the heart to be looked at."""
    span = situation.span(Cut.SEVERE_CRS)
    if situation.crs.lowest < 3 or not severe_crs_throughout(situation, span):
        return NOT_MET
    return (f"CRS of grade 3 or more throughout the last {describe_hours(situation.cut(Cut.SEVERE_CRS))}",)


def crs_improving_on_steroid(situation: Situation) -> Reasons:
    """CRS certainly lower than at the first steroid given for it, while no ICANS needs the steroid."""
    treated = treated_with_steroid(situation, of_crs)
    if treated is None or not has_improved(treated[1], situation.crs):
        return NOT_MET
    neurological = treated_with_steroid(situation, of_icans)
    if situation.icans.highest >= 1 and not (neurological and has_improved(neurological[1], situation.icans)):
        return NOT_MET
    return (
        f"CRS at most grade {situation.crs.highest}, grade {treated[1].lowest} at the first steroid dose",
    )


def crs_resolved(situation: Situation) -> Reasons:
    """Established CRS with fever, hypotension and hypoxia all gone, each known and none merely attributed."""
    evidence = situation.evidence
    if evidence.established_at is None or situation.crs.status is not Status.NONE:
        return NOT_MET
    known = (evidence.peak_temperature, evidence.systolic, evidence.oxygen)
    if None in known or fever_reasons(situation) or evidence.attributions:
        return NOT_MET
    return ("No fever in the temperature window, no hypotension, no hypoxia",)


def late_crs(situation: Situation) -> Reasons:
    """Signs of CRS that first appeared late after the infusion, or after a documented resolution."""
    if situation.crs.highest < 1:
        return NOT_MET
    first = situation.evidence.established_at or situation.at
    if not (situation.crs.criteria or situation.evidence.established_at):
        return NOT_MET
    elapsed = time_from_infusion(situation, first)
    if elapsed is not None and elapsed > situation.span(Cut.LATE_ONSET):
        return (f"First signs {elapsed.days} days after the infusion",)
    resolved = [
        condition
        for condition in situation.chart.conditions
        if condition.kind == "crs" and condition.resolved_at is not None and condition.resolved_at <= first
    ]
    return ("First signs after a documented resolution of CRS",) if resolved else NOT_MET


def crs_indeterminate_from_0(situation: Situation) -> Reasons:
    """CRS that may be none: signs without fever, or fever not known."""
    if situation.crs.status is not Status.INDETERMINATE or situation.crs.lowest > 0:
        return NOT_MET
    return (f"CRS undecided between grade 0 and {situation.crs.highest}",)


def crs_signs_undecided(situation: Situation) -> Reasons:
    """CRS that may be none, by hypotension or hypoxia that was found."""
    return crs_indeterminate_from_0(situation) if _has_signs(situation) else NOT_MET


def crs_undecided_without_signs(situation: Situation) -> Reasons:
    """CRS that may be none because something is not known; neither hypotension nor hypoxia was found."""
    return NOT_MET if _has_signs(situation) else crs_indeterminate_from_0(situation)


def crs_signs_without_fever(situation: Situation) -> Reasons:
    """Hypotension or hypoxia that may not be CRS, while it is known that there is no fever."""
    if is_attributed(situation, Attributable.FEVER) or not _temperature_known(situation):
        return NOT_MET
    return crs_signs_undecided(situation)


def crs_signs_beside_attributed_fever(situation: Situation) -> Reasons:
    """Hypotension or hypoxia that may not be CRS, while the fever is attributed elsewhere."""
    if not is_attributed(situation, Attributable.FEVER) or not _temperature_known(situation):
        return NOT_MET
    return crs_signs_undecided(situation)


def crs_signs_without_temperature(situation: Situation) -> Reasons:
    """CRS that may be none, while fever is not known: not charted, or not all of it could be had."""
    return NOT_MET if _temperature_known(situation) else crs_indeterminate_from_0(situation)


def new_inotrope(situation: Situation) -> Reasons:
    """An inotrope runs that did not run before the infusion; it counts as no vasopressor and points at the
    heart.
    """
    given = situation.evidence.infusion
    start = None if given is None else given.at
    return tuple(
        f"{in_words(infusion.agent)} running"
        for infusion in situation.evidence.running
        if infusion.agent in _INOTROPES and (start is None or infusion.since >= start)
    )


def is_toxic(situation: Situation) -> bool:
    """CRS or ICANS of at least grade 1."""
    return max(situation.crs.lowest, situation.icans.lowest) >= 1


def _has_signs(situation: Situation) -> bool:
    return any(axis_level(situation.crs, axis) for axis in _SIGNS)


def _temperature_known(situation: Situation) -> bool:
    """A temperature is charted, and none is missing that could show a fever."""
    if situation.evidence.peak_temperature is None:
        return False
    return not any(gap.what is GapWhat.TEMPERATURE and gap.widens_range for gap in situation.assessment.gaps)


CRS_CONDITIONS: Mapping[str, Condition] = {
    "crs-1-or-more": crs_1_or_more,
    "crs-3-or-more": crs_3_or_more,
    "crs-2-with-icu-criterion": crs_2_with_icu_criterion,
    "toxicity-with-icu-criterion": toxicity_with_icu_criterion,
    "crs-hypotensive-now": crs_hypotensive_now,
    "crs-hypotension-answered-to-fluid": crs_hypotension_answered_to_fluid,
    "crs-hypotension-after-fluid": crs_hypotension_after_fluid,
    "crs-hypotension-on-vasopressor": crs_hypotension_on_vasopressor,
    "respiratory-failure-in-crs": respiratory_failure_in_crs,
    "severe-crs-over-72h": severe_crs_over_72h,
    "crs-improving-on-steroid": crs_improving_on_steroid,
    "crs-resolved": crs_resolved,
    "late-crs": late_crs,
    "crs-signs-undecided": crs_signs_undecided,
    "crs-undecided-without-signs": crs_undecided_without_signs,
    "crs-signs-beside-attributed-fever": crs_signs_beside_attributed_fever,
    "crs-signs-without-fever": crs_signs_without_fever,
    "crs-signs-without-temperature": crs_signs_without_temperature,
    "new-inotrope": new_inotrope,
}
