"""Conditions on ICANS and its course, by the names that protocol rows use."""

import re
from collections.abc import Mapping
from datetime import timedelta
from itertools import chain

from grading.assessment import Status, SyndromeGrade
from grading.bedside_words import in_words
from grading.chart import Attributable, BaselineIce, DrugDose, Lab, Motor, RaisedIcp, Seizure
from grading.tables import shipped_tables
from management.crs_conditions import Condition
from management.icu_criteria import REDUCED_CONSCIOUSNESS
from management.situation import (
    NOT_MET,
    Reasons,
    Situation,
    describe_conditions,
    describe_grade,
    describe_hours,
    is_attributed,
    is_scored_by_capd,
    is_sedated,
    latest_lab,
    new_conditions,
    plain,
    time_from_infusion,
)
from management.treatment_course import (
    grade_then,
    has_improved,
    latest_steroid,
    of_crs,
    of_icans,
    treated_with_steroid,
)
from management.vocabulary import Cut

_BY_SCALE = "icans.consciousness.scale"
_RESOLVED_SEIZURES = (
    Seizure.BRIEF_RESOLVED,
    Seizure.EEG_RESOLVED_WITH_TREATMENT,
)
# Word stems that name a bleed in a clinician's free text; a coded diagnosis is looked at as well.
_BLEED_STEMS = ("haemorrh", "hemorrh", "bleed", "haematoma", "hematoma", "subdural", "subarachnoid")
_BLEED_ABBREVIATIONS = re.compile(r"\b(?:ICH|SDH|SAH|EDH)\b")


def icans_1_or_more(situation: Situation) -> Reasons:
    """ICANS of at least grade 1."""
    return (describe_grade("ICANS", situation.icans),) if situation.icans.lowest >= 1 else NOT_MET


def icans_2_or_more(situation: Situation) -> Reasons:
    """ICANS of at least grade 2."""
    return (describe_grade("ICANS", situation.icans),) if situation.icans.lowest >= 2 else NOT_MET


def icans_2_or_more_improving(situation: Situation) -> Reasons:
    """ICANS of at least grade 2, certainly lower than at the first steroid given for it."""
    return icans_improving_on_steroid(situation) if situation.icans.lowest >= 2 else NOT_MET


def icans_2_or_more_not_improving(situation: Situation) -> Reasons:
    """ICANS of at least grade 2 that is not certainly improving on a steroid."""
    return NOT_MET if icans_2_or_more_improving(situation) else icans_2_or_more(situation)


def icans_without_seizure_to_treat(situation: Situation) -> Reasons:
    """ICANS of at least grade 1 with no seizure, or with one that resolved: the next is to be prevented."""
    return NOT_MET if seizure_to_treat(situation) else icans_1_or_more(situation)


def icans_without_crs(situation: Situation) -> Reasons:
    """ICANS while CRS is assessed as none."""
    if situation.crs.status is not Status.NONE:
        return NOT_MET
    return icans_1_or_more(situation)


def icans_worse_on_steroid(situation: Situation) -> Reasons:
    """ICANS certainly above its grade at the first steroid dose, and worse already within the source's
    hours.
    """
    treated = treated_with_steroid(situation, of_icans)
    if treated is None or situation.icans.lowest <= treated[1].highest:
        return NOT_MET
    dose, then = treated
    early = dose.at + situation.span(Cut.ICANS_WORSE)
    if situation.at > early:
        grade_early = grade_then(situation, early, of_icans)
        if grade_early is None or grade_early.lowest <= then.highest:
            return NOT_MET
    return (_since_steroid(situation, treated, "worse than"),)


def icans_worse_later_on_steroid(situation: Situation) -> Reasons:
    """ICANS certainly above its grade at the first steroid dose, whenever it became so."""
    treated = treated_with_steroid(situation, of_icans)
    if treated is None or situation.icans.lowest <= treated[1].highest:
        return NOT_MET
    return (_since_steroid(situation, treated, "worse than"),)


def icans_not_better_on_steroid(situation: Situation) -> Reasons:
    """ICANS not certainly below its grade at the first steroid dose once the source's hours have passed."""
    treated = treated_with_steroid(situation, of_icans)
    if treated is None or situation.icans.lowest < 1 or has_improved(treated[1], situation.icans):
        return NOT_MET
    if situation.at - treated[0].at < situation.span(Cut.ICANS_NOT_BETTER):
        return NOT_MET
    return (_since_steroid(situation, treated, "not better than"),)


def icans_improving_on_steroid(situation: Situation) -> Reasons:
    """ICANS certainly lower than at the first steroid given for it, while no CRS of grade 2 needs the
    steroid.

    An ICANS of grade 2 or more that has just risen is a flare, however high it was at first.
    """
    treated = treated_with_steroid(situation, of_icans)
    if treated is None or not has_improved(treated[1], situation.icans) or _has_flared(situation):
        return NOT_MET
    systemic = treated_with_steroid(situation, of_crs)
    if situation.crs.highest >= 2 and not (systemic and has_improved(systemic[1], situation.crs)):
        return NOT_MET
    return (_since_steroid(situation, treated, "lower than"),)


def on_steroid(situation: Situation) -> Reasons:
    """A steroid given as treatment of CRS or ICANS, the latest dose recent."""
    dose = latest_steroid(situation)
    if dose is None or not (
        treated_with_steroid(situation, of_icans) or treated_with_steroid(situation, of_crs)
    ):
        return NOT_MET
    return (f"{in_words(dose.drug)} {describe_hours(situation.hours_since(dose.at))} ago",)


def seizure_recorded(situation: Situation) -> Reasons:
    """A seizure in the window. It is treated whatever its cause, so an attribution does not end this."""
    seizure = situation.evidence.seizure
    if seizure is None or seizure.finding is Seizure.NONE:
        return NOT_MET
    return (f"Recorded: {in_words(seizure.finding)}",)


def seizure_to_treat(situation: Situation) -> Reasons:
    """A seizure that was long or came again: it is treated now."""
    return NOT_MET if resolved_seizure(situation) else seizure_recorded(situation)


def resolved_seizure(situation: Situation) -> Reasons:
    """A single seizure that resolved, by itself or with treatment."""
    seizure = situation.evidence.seizure
    if seizure is None or seizure.finding not in _RESOLVED_SEIZURES:
        return NOT_MET
    return seizure_recorded(situation)


def raised_icp_recorded(situation: Situation) -> Reasons:
    """A sign of raised pressure or oedema, whatever its cause."""
    row = situation.evidence.raised_icp
    if row is None or row.finding is RaisedIcp.NONE:
        return NOT_MET
    return (f"Recorded: {in_words(row.finding)}",)


def sedated(situation: Situation) -> Reasons:
    """The patient is sedated."""
    return ("Sedated: consciousness cannot be assessed",) if is_sedated(situation) else NOT_MET


def icans_by_arousal_scale(situation: Situation) -> Reasons:
    """RASS or GCS eye opening stands in for a statement on arousal and raises ICANS."""
    return tuple(
        f"Arousal read from {criterion.value} alone"
        for criterion in situation.icans.criteria
        if criterion.id == _BY_SCALE
    )


def tremor_or_myoclonus(situation: Situation) -> Reasons:
    """Tremor or myoclonus, which is not graded."""
    row = situation.evidence.motor
    return (
        ("Tremor or myoclonus",) if row is not None and row.finding is Motor.TREMOR_OR_MYOCLONUS else NOT_MET
    )


def new_focal_deficit(situation: Situation) -> Reasons:
    """Hemiparesis or paraparesis."""
    row = situation.evidence.motor
    if row is None or row.finding not in (Motor.HEMIPARESIS, Motor.PARAPARESIS):
        return NOT_MET
    return (f"Recorded: {in_words(row.finding)}",)


def unexplained_consciousness(situation: Situation) -> Reasons:
    """Reduced or fluctuating consciousness that neither sedation nor a clinician's attribution explains."""
    row = situation.evidence.consciousness
    if row is None or is_sedated(situation) or is_attributed(situation, Attributable.NEUROLOGICAL):
        return NOT_MET
    if row.level in REDUCED_CONSCIOUSNESS:
        return (f"Recorded: {in_words(row.level)}",)
    since = situation.at - shipped_tables().span("consciousness")
    reduced = [
        earlier
        for earlier in situation.chart.consciousness
        if since <= earlier.at <= row.at and earlier.level in REDUCED_CONSCIOUSNESS
    ]
    if not reduced:
        return NOT_MET
    ago = describe_hours(situation.hours_since(reduced[-1].at))
    return (f"Fluctuating: {in_words(reduced[-1].level)} {ago} ago, {in_words(row.level)} now",)


def intracranial_haemorrhage(situation: Situation) -> Reasons:
    """A bleed on record since the infusion, or named as the cause of the neurological findings."""
    reasons = list(describe_conditions(new_conditions(situation, "intracranial-haemorrhage")))
    attribution = situation.evidence.attribution_of(Attributable.NEUROLOGICAL)
    if attribution is not None and _names_bleed(attribution.cause or ""):
        reasons.append("Neurological findings attributed to a bleed")
    return tuple(reasons)


def _names_bleed(cause: str) -> bool:
    """Whether a cause in free text names a bleed, written out or as wards abbreviate it."""
    stems = any(stem in cause.casefold() for stem in _BLEED_STEMS)
    return stems or _BLEED_ABBREVIATIONS.search(cause) is not None


def haemorrhage_not_attributed(situation: Situation) -> Reasons:
    """A bleed on record while the neurological findings still count as ICANS."""
    if is_attributed(situation, Attributable.NEUROLOGICAL) or not icans_1_or_more(situation):
        return NOT_MET
    return intracranial_haemorrhage(situation)


def haemorrhage_possible(situation: Situation) -> Reasons:
    """Signs of ICANS with very low platelets."""
    platelets = latest_lab(situation, Lab.PLATELETS)
    if situation.icans.lowest < 1 or platelets is None:
        return NOT_MET
    if platelets.value >= situation.cut(Cut.HAEMORRHAGE_PLATELETS):
        return NOT_MET
    return (f"Platelets {plain(platelets.value)} ×10⁹/L with {describe_grade('ICANS', situation.icans)}",)


def other_neurotoxicity(situation: Situation) -> Reasons:
    """Facial palsy, parkinsonism or Guillain-Barré syndrome since the infusion."""
    return describe_conditions(new_conditions(situation, "facial-palsy", "parkinsonism", "guillain-barre"))


def reduced_baseline_ice(situation: Situation) -> Reasons:
    """A documented baseline ICE below full marks while the score is below full marks now."""
    baseline, ice = situation.evidence.baseline.ice, situation.evidence.ice
    if baseline is None or ice is None or is_attributed(situation, Attributable.NEUROLOGICAL):
        return NOT_MET
    before = baseline.total if isinstance(baseline, BaselineIce) else baseline.maximum
    full = situation.cut(Cut.UNIMPAIRED_ICE)
    if before >= full or ice.maximum >= full:
        return NOT_MET
    return (f"ICE {before} before the infusion",)


def late_icans(situation: Situation) -> Reasons:
    """ICANS now, with no sign of it in the usual time after the infusion."""
    elapsed = time_from_infusion(situation, situation.at)
    usual = situation.span(Cut.LATE_ONSET)
    if situation.icans.lowest < 1 or elapsed is None or elapsed <= usual:
        return NOT_MET
    if any(_had_icans(situation, ago) for ago in _neurological_ages(situation, elapsed, usual)):
        return NOT_MET
    return (f"No ICANS recorded in the first {usual.days} days",)


def severe_hyponatraemia(situation: Situation) -> Reasons:
    """Sodium below the cut."""
    sodium = latest_lab(situation, Lab.SODIUM)
    if sodium is None or sodium.value >= situation.cut(Cut.HYPONATRAEMIA):
        return NOT_MET
    return (f"Sodium {plain(sodium.value)} mmol/L",)


def icans_with_severe_hyponatraemia(situation: Situation) -> Reasons:
    """Sodium below the cut while ICANS is graded."""
    return severe_hyponatraemia(situation) if situation.icans.lowest >= 1 else NOT_MET


def _neurological_ages(situation: Situation, elapsed: timedelta, usual: timedelta) -> list[timedelta]:
    """How long ago neurological findings were charted in the usual time, oldest first."""
    chart = situation.chart
    times = chain(
        (row.at for row in chart.ice_scores),
        (row.at for row in chart.capd_scores),
        (row.at for row in chart.consciousness),
        (row.at for row in chart.seizures),
        (row.at for row in chart.motor),
        (row.at for row in chart.raised_icp),
    )
    ages = {situation.at - time for time in times}
    return sorted((age for age in ages if elapsed - usual <= age <= elapsed), reverse=True)


def _had_icans(situation: Situation, ago: timedelta) -> bool:
    then = grade_then(situation, situation.at - ago, of_icans)
    return then is not None and then.lowest >= 1


def _has_flared(situation: Situation) -> bool:
    """ICANS of grade 2 or more, certainly higher than at the step before."""
    trend = situation.icans.trend
    before = None if trend is None else trend.previous
    return before is not None and situation.icans.lowest >= 2 and situation.icans.lowest > before.highest


def _since_steroid(situation: Situation, treated: tuple[DrugDose, SyndromeGrade], comparison: str) -> str:
    hours = describe_hours(situation.hours_since(treated[0].at))
    return (
        f"{describe_grade('ICANS', situation.icans)}, {comparison} grade {treated[1].lowest} "
        f"at the first steroid dose {hours} ago"
    )


def _off_steroid(condition: Condition) -> Condition:
    """As the condition, while no steroid is given as treatment."""

    def holds(situation: Situation) -> Reasons:
        reasons = condition(situation)
        return NOT_MET if reasons and on_steroid(situation) else reasons

    return holds


def by_ice(condition: Condition) -> Condition:
    """As the condition, in a patient whose score is ICE."""

    def holds(situation: Situation) -> Reasons:
        return NOT_MET if is_scored_by_capd(situation) else condition(situation)

    return holds


def by_capd(condition: Condition) -> Condition:
    """As the condition, in a patient whose score is CAPD."""

    def holds(situation: Situation) -> Reasons:
        return condition(situation) if is_scored_by_capd(situation) else NOT_MET

    return holds


ICANS_CONDITIONS: Mapping[str, Condition] = {
    "icans-1-or-more": icans_1_or_more,
    "icans-2-or-more": icans_2_or_more,
    "icans-without-crs": icans_without_crs,
    "icans-2-or-more-improving": icans_2_or_more_improving,
    "icans-2-or-more-not-improving": icans_2_or_more_not_improving,
    "icans-without-seizure-to-treat": icans_without_seizure_to_treat,
    "icans-off-steroid-by-ice": by_ice(_off_steroid(icans_1_or_more)),
    "icans-off-steroid-by-capd": by_capd(_off_steroid(icans_1_or_more)),
    "icans-1-or-more-by-ice": by_ice(icans_1_or_more),
    "icans-1-or-more-by-capd": by_capd(icans_1_or_more),
    "icans-worse-on-steroid": icans_worse_on_steroid,
    "icans-worse-later-on-steroid": icans_worse_later_on_steroid,
    "icans-not-better-on-steroid": icans_not_better_on_steroid,
    "icans-improving-on-steroid": icans_improving_on_steroid,
    "on-steroid-by-ice": by_ice(on_steroid),
    "on-steroid-by-capd": by_capd(on_steroid),
    "seizure-to-treat": seizure_to_treat,
    "resolved-seizure": resolved_seizure,
    "raised-icp-recorded": raised_icp_recorded,
    "sedated": sedated,
    "icans-by-arousal-scale": icans_by_arousal_scale,
    "tremor-or-myoclonus-by-ice": by_ice(tremor_or_myoclonus),
    "tremor-or-myoclonus-by-capd": by_capd(tremor_or_myoclonus),
    "new-focal-deficit": new_focal_deficit,
    "unexplained-consciousness": unexplained_consciousness,
    "intracranial-haemorrhage": intracranial_haemorrhage,
    "haemorrhage-not-attributed": haemorrhage_not_attributed,
    "haemorrhage-possible": haemorrhage_possible,
    "other-neurotoxicity": other_neurotoxicity,
    "reduced-baseline-ice": reduced_baseline_ice,
    "late-icans": late_icans,
    "severe-hyponatraemia": severe_hyponatraemia,
    "icans-with-severe-hyponatraemia": icans_with_severe_hyponatraemia,
}
