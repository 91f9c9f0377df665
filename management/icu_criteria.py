"""The ICU criteria of the medical emergency team guide, each with the finding that met it.

Findings that a clinician attributed elsewhere, and support unchanged from before the infusion, are removed by
grading and so met here by nothing. "Team concern" is no charted finding and therefore no criterion here.
"""

from grading.chart import Attributable, Consciousness, Lab, RaisedIcp, Seizure
from management.situation import (
    NOT_MET,
    Reasons,
    Situation,
    axis_criterion,
    axis_level,
    describe_conditions,
    describe_grade,
    is_attributed,
    is_sedated,
    latest_lab,
    new_conditions,
    plain,
    times_upper_limit,
)
from management.vocabulary import Cut

REDUCED_CONSCIOUSNESS = (
    Consciousness.AWAKENS_TO_VOICE,
    Consciousness.AWAKENS_TO_TOUCH,
    Consciousness.UNAROUSABLE,
)


def icu_criteria(situation: Situation) -> Reasons:
    """All ICU criteria that are met, as reasons."""
    return (
        *_refractory_hypotension(situation),
        *_rising_oxygen(situation),
        *_cardiac(situation),
        *_neurological(situation),
        *_severe_toxicity(situation),
    )


def low_pressure_now(situation: Situation) -> bool:
    """Hypotension without a vasopressor counts, and no newer pressure shows that it has passed."""
    met = axis_criterion(situation.crs, "crs.hypotension")
    if met is None or met.level != 2:
        return False
    latest = situation.evidence.systolic
    return latest is None or met.at is None or met.at >= latest.at


def boluses_before_pressure(situation: Situation) -> int:
    """How many fluid boluses were given before the latest pressure of the window was taken."""
    latest = situation.evidence.systolic
    if latest is None:
        return 0
    return sum(1 for bolus in situation.evidence.boluses if bolus.at <= latest.at)


def persistent_hypotension(situation: Situation) -> Reasons:
    """Pressure still low after repeated fluid: a vasopressor is needed and not yet running."""
    boluses = boluses_before_pressure(situation)
    if not low_pressure_now(situation) or boluses < situation.cut(Cut.REFRACTORY_BOLUSES):
        return NOT_MET
    return (f"Hypotension after {boluses} fluid boluses",)


def _refractory_hypotension(situation: Situation) -> Reasons:
    met = axis_criterion(situation.crs, "crs.hypotension")
    if met is not None and met.level >= 3:
        return (f"ICU criterion: vasopressor running ({met.value})",)
    return tuple(f"ICU criterion: {reason.lower()}" for reason in persistent_hypotension(situation))


def _rising_oxygen(situation: Situation) -> Reasons:
    met = axis_criterion(situation.crs, "crs.hypoxia")
    if met is None:
        return NOT_MET
    if met.level >= 4:
        return (f"ICU criterion: ventilatory support ({met.value})",)
    oxygen = situation.evidence.oxygen
    if oxygen is None or oxygen.flow is None:
        return NOT_MET
    flow = oxygen.flow.litres_per_minute
    if flow < situation.cut(Cut.ICU_OXYGEN_FLOW):
        return NOT_MET
    return (f"ICU criterion: oxygen at {plain(flow)} L/min",)


def _cardiac(situation: Situation) -> Reasons:
    arrhythmia = describe_conditions(new_conditions(situation, "arrhythmia"))
    coronary = describe_conditions(new_conditions(situation, "acute-coronary-syndrome"))
    troponin = times_upper_limit(latest_lab(situation, Lab.TROPONIN))
    if coronary and troponin is not None and troponin > 1:
        coronary = (*coronary, "Troponin above its upper limit")
    elif coronary:
        coronary = NOT_MET
    return tuple(f"ICU criterion: {reason}" for reason in (*arrhythmia, *coronary))


def _neurological(situation: Situation) -> Reasons:
    if is_attributed(situation, Attributable.NEUROLOGICAL):
        return NOT_MET
    evidence = situation.evidence
    reasons: list[str] = []
    ice = evidence.ice
    # Grading has already compared with a reduced baseline: without an ICE criterion the score does not count.
    if (
        ice is not None
        and ice.maximum <= situation.cut(Cut.ICU_ICE)
        and axis_level(situation.icans, "icans.ice")
    ):
        reasons.append(f"ICU criterion: ICE {ice.maximum}")
    if evidence.raised_icp is not None and evidence.raised_icp.finding is not RaisedIcp.NONE:
        reasons.append(f"ICU criterion: {evidence.raised_icp.finding.value.replace('-', ' ')}")
    if evidence.seizure is not None and evidence.seizure.finding is not Seizure.NONE:
        reasons.append(f"ICU criterion: seizure ({evidence.seizure.finding.value.replace('-', ' ')})")
    consciousness = evidence.consciousness
    if (
        consciousness is not None
        and consciousness.level in REDUCED_CONSCIOUSNESS
        and not is_sedated(situation)
    ):
        reasons.append(f"ICU criterion: {consciousness.level.value.replace('-', ' ')}")
    return tuple(reasons)


def _severe_toxicity(situation: Situation) -> Reasons:
    return tuple(
        f"ICU criterion: {describe_grade(name, syndrome)}"
        for name, syndrome in (("CRS", situation.crs), ("ICANS", situation.icans))
        if syndrome.lowest >= 3
    )
