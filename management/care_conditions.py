"""Conditions that cut across both syndromes: fever, vital signs, attribution, missing data, and cautions for
drugs.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from grading.bedside_words import in_words
from grading.chart import Attributable, GapWhat, GapWhy, ImmuneDrug, Lab, OxygenDevice
from grading.evidence import Oxygen
from grading.hypoxia import describe_oxygen
from grading.tables import DeviceRule, shipped_tables
from management.crs_conditions import Condition, crs_hypotensive_now
from management.gap_words import describe_gap
from management.situation import (
    NOT_MET,
    Reasons,
    Situation,
    axis_criterion,
    current_conditions,
    describe_conditions,
    describe_hours,
    earlier_labs,
    fever_reasons,
    is_attributed,
    is_child_or_unknown,
    latest_lab,
    name_lab,
    new_conditions,
    plain,
    time_from_infusion,
    times_upper_limit,
)
from management.tocilizumab_doses import doses_not_retrieved, unread_doses
from management.vocabulary import Cut
from management.weight_check import doubt_about_weight

_ORGAN_LABS = (Lab.ALT, Lab.AST, Lab.BILIRUBIN, Lab.CREATININE)


def fever(situation: Situation) -> Reasons:
    """Any temperature at or above the limit, attributed elsewhere or not."""
    return fever_reasons(situation)


def neutropenia(situation: Situation) -> Reasons:
    """Neutrophils below the cut, or below the higher cut and falling."""
    neutrophils = latest_lab(situation, Lab.ANC)
    if neutrophils is None:
        return NOT_MET
    reason = f"Neutrophils {plain(neutrophils.value)}/µL"
    if neutrophils.value < situation.cut(Cut.NEUTROPENIA):
        return (reason,)
    earlier = earlier_labs(situation, neutrophils)
    if neutrophils.value < situation.cut(Cut.NEUTROPENIA_FALLING) and earlier:
        return (f"{reason} and falling",) if earlier[-1].value > neutrophils.value else NOT_MET
    return NOT_MET


def neutropenic_fever(situation: Situation) -> Reasons:
    """Fever with neutropenia."""
    hot, low = fever_reasons(situation), neutropenia(situation)
    return (*hot, *low) if hot and low else NOT_MET


def sepsis_possible(situation: Situation) -> Reasons:
    """Fever with hypotension, or fever with neutropenia."""
    hot = fever_reasons(situation)
    met = axis_criterion(situation.crs, "crs.hypotension")
    pressure: Reasons = () if met is None else (f"Hypotension: {met.value}",)
    if is_attributed(situation, Attributable.HYPOTENSION):
        pressure = ("Hypotension attributed elsewhere",)
    with_fever = (*pressure, *neutropenia(situation))
    return (*hot, *with_fever) if hot and with_fever else NOT_MET


def desaturation(situation: Situation) -> Reasons:
    """SpO2 below the limit, with or without oxygen, whatever the cause."""
    saturation = situation.evidence.saturation
    if saturation is None or saturation.percent >= shipped_tables().limit("desaturation-percent"):
        return NOT_MET
    return (f"SpO2 {plain(saturation.percent)} %",)


def unsupported_desaturation(situation: Situation) -> Reasons:
    """SpO2 below the limit on room air, with a flow of 0 or with no device charted, whatever the cause."""
    if _gives_oxygen(situation.evidence.oxygen):
        return NOT_MET
    return tuple(f"{reason} without oxygen" for reason in desaturation(situation))


def desaturation_on_oxygen(situation: Situation) -> Reasons:
    """SpO2 below the limit on oxygen that is charted, not attributed elsewhere: the support does not
    suffice.
    """
    oxygen = situation.evidence.oxygen
    if oxygen is None or not _gives_oxygen(oxygen) or is_attributed(situation, Attributable.HYPOXIA):
        return NOT_MET
    return tuple(f"{reason} on {describe_oxygen(oxygen)}" for reason in desaturation(situation))


def unsupported_desaturation_open(situation: Situation) -> Reasons:
    """SpO2 below the limit without oxygen, not attributed elsewhere: the support needed must be charted."""
    return NOT_MET if is_attributed(situation, Attributable.HYPOXIA) else unsupported_desaturation(situation)


def untreated_hypotension(situation: Situation) -> Reasons:
    """Low pressure now with neither fluid nor a vasopressor charted."""
    return NOT_MET if situation.evidence.boluses else crs_hypotensive_now(situation)


def hypotension_without_crs(situation: Situation) -> Reasons:
    """Low pressure that cannot be called CRS yet."""
    met = axis_criterion(situation.crs, "crs.hypotension")
    if met is None or situation.crs.lowest > 0:
        return NOT_MET
    return (f"Hypotension: {met.value}",)


def vital_sign_attributed(situation: Situation) -> Reasons:
    """Hypotension or hypoxia attributed to another cause."""
    return tuple(
        f"{what.value.capitalize()} attributed elsewhere"
        for what in (Attributable.HYPOTENSION, Attributable.HYPOXIA)
        if is_attributed(situation, what)
    )


def organ_toxicity(situation: Situation) -> Reasons:
    """CRS with a liver or kidney value above its own upper limit, or an arrhythmia on record."""
    if situation.crs.lowest < 1:
        return NOT_MET
    above = []
    for lab in _ORGAN_LABS:
        times = times_upper_limit(latest_lab(situation, lab))
        if times is not None and times > 1:
            above.append(f"{name_lab(lab)} {plain(times)} × upper limit")
    return (*above, *describe_conditions(new_conditions(situation, "arrhythmia")))


def reaction_near_infusion(situation: Situation) -> Reasons:
    """Fever or hypotension that began soon after the start of the infusion, or urticaria or anaphylaxis on
    day 0.
    """
    met = axis_criterion(situation.crs, "crs.hypotension")
    signs = [
        ("Fever", situation.evidence.established_at),
        ("Hypotension", None if met is None else met.at),
    ]
    early = tuple(
        reason for name, began in signs if began is not None for reason in _soon_after(situation, name, began)
    )
    if situation.evidence.day == 0:
        early += describe_conditions(new_conditions(situation, "hypersensitivity"))
    return early


def range_widened(situation: Situation) -> Reasons:
    """A gap that widens the range of a grade."""
    gaps = [gap for gap in situation.assessment.gaps if gap.widens_range]
    named = dict.fromkeys(describe_gap(gap.what, gap.why) for gap in gaps)
    return tuple(named)


def infusion_unknown(situation: Situation) -> Reasons:
    """The infusion could not be looked up or read, which is not the same as none on record."""
    return (
        ("The CAR-T infusion could not be retrieved or read",)
        if situation.evidence.infusion is None
        else NOT_MET
    )


def newer_infusion_possible(situation: Situation) -> Reasons:
    """An infusion was found, and not every place that may hold a newer one could be looked up or read."""
    if situation.evidence.infusion is None:
        return NOT_MET
    gaps = [gap for gap in situation.evidence.chart_gaps if gap.what is GapWhat.INFUSION]
    return tuple(gap.detail or describe_gap(gap.what, gap.why) for gap in gaps)


def order_pending(situation: Situation) -> Reasons:
    """An active order of a drug that counts, without an administration."""
    return tuple(
        f"{in_words(order.drug)} ordered, not charted as given" for order in situation.evidence.pending
    )


def tocilizumab_order_pending(situation: Situation) -> Reasons:
    """An active tocilizumab order without an administration."""
    return tuple(
        "Tocilizumab ordered, not charted as given"
        for order in situation.evidence.pending
        if order.drug is ImmuneDrug.TOCILIZUMAB
    )


def infusion_undated(situation: Situation) -> Reasons:
    """An infusion on record that has no usable date."""
    infusion = situation.evidence.infusion
    return ("Infusion on record without a date",) if infusion is not None and infusion.at is None else NOT_MET


def tocilizumab_history_unknown(situation: Situation) -> Reasons:
    """Administrations were not (wholly) retrieved, so that earlier tocilizumab doses may exist."""
    if doses_not_retrieved(situation.assessment):
        return ("Administrations could not be retrieved: earlier tocilizumab doses are unknown",)
    return NOT_MET


def tocilizumab_record_unreadable(situation: Situation) -> Reasons:
    """Something on record may be a tocilizumab dose and could not be read."""
    return tuple(
        f"Unread: {gap.detail}" if gap.detail else describe_gap(gap.what, gap.why)
        for gap in unread_doses(situation)
    )


def conditions_unknown(situation: Situation) -> Reasons:
    """The problem list, or what clinicians attributed to another cause, was not (wholly) retrieved."""
    return tuple(
        f"Not retrieved: {gap.detail}" if gap.detail else describe_gap(gap.what, gap.why)
        for gap in situation.evidence.chart_gaps
        if gap.what is GapWhat.CONDITIONS and gap.why is GapWhy.NOT_RETRIEVED
    )


def weight_missing(situation: Situation) -> Reasons:
    """CRS or ICANS without a weight that a dose may rest on. How old is too old is the guard's to say."""
    weight = situation.evidence.weight
    if max(situation.crs.lowest, situation.icans.lowest) < 1:
        return NOT_MET
    if weight is None:
        return ("No weight charted",)
    if situation.at - weight.at > situation.weight_holds_for:
        return (f"Weight of {plain(weight.kilograms)} kg is {(situation.at - weight.at).days} days old",)
    doubt = doubt_about_weight(situation)
    return NOT_MET if doubt is None else (doubt,)


def child_or_age_unknown(situation: Situation) -> Reasons:
    """Under 18 years, or no birth date."""
    if not is_child_or_unknown(situation):
        return NOT_MET
    age = situation.evidence.age_years
    return ("Age unknown",) if age is None else (f"Age {age} years",)


def active_infection(situation: Situation) -> Reasons:
    """An infection on record and not resolved."""
    return describe_conditions(current_conditions(situation, "infection"))


def diverticular_disease(situation: Situation) -> Reasons:
    """Diverticular disease or a bowel perforation on record and not resolved."""
    return describe_conditions(current_conditions(situation, "diverticular-disease", "bowel-perforation"))


def _gives_oxygen(oxygen: Oxygen | None) -> bool:
    """Support beyond room air. A flow of 0 gives none, except where the device does not live by its flow."""
    if oxygen is None or (oxygen.device is not None and oxygen.device.device is OxygenDevice.ROOM_AIR):
        return False
    if oxygen.flow is None or oxygen.flow.litres_per_minute > 0:
        return True
    if oxygen.device is None or oxygen.device.device is OxygenDevice.HIGH_FLOW_NASAL_CANNULA:
        return oxygen.device is not None
    return shipped_tables().devices[oxygen.device.device].rule is not DeviceRule.BY_FLOW


def _soon_after(situation: Situation, name: str, began: datetime) -> Reasons:
    elapsed, now = time_from_infusion(situation, began), time_from_infusion(situation, situation.at)
    if elapsed is None or now is None or now > situation.span(Cut.REACTION_UNTIL):
        return NOT_MET
    if not timedelta(0) <= elapsed <= situation.span(Cut.REACTION):
        return NOT_MET
    return (f"{name} within {describe_hours(situation.cut(Cut.REACTION))} of the start of the infusion",)


CARE_CONDITIONS: Mapping[str, Condition] = {
    "fever": fever,
    "neutropenic-fever": neutropenic_fever,
    "sepsis-possible": sepsis_possible,
    "unsupported-desaturation": unsupported_desaturation,
    "unsupported-desaturation-open": unsupported_desaturation_open,
    "untreated-hypotension": untreated_hypotension,
    "hypotension-without-crs": hypotension_without_crs,
    "vital-sign-attributed": vital_sign_attributed,
    "organ-toxicity": organ_toxicity,
    "reaction-near-infusion": reaction_near_infusion,
    "range-widened": range_widened,
    "infusion-unknown": infusion_unknown,
    "newer-infusion-possible": newer_infusion_possible,
    "order-pending": order_pending,
    "tocilizumab-order-pending": tocilizumab_order_pending,
    "infusion-undated": infusion_undated,
    "tocilizumab-history-unknown": tocilizumab_history_unknown,
    "tocilizumab-record-unreadable": tocilizumab_record_unreadable,
    "conditions-unknown": conditions_unknown,
    "weight-missing": weight_missing,
    "child-or-age-unknown": child_or_age_unknown,
    "active-infection": active_infection,
    "diverticular-disease": diverticular_disease,
}
