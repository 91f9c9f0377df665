"""The ICU criteria of the medical emergency team guide, each with the finding that met it.

Findings that a clinician attributed elsewhere, and support unchanged from before the infusion, are removed by
grading and so met here by nothing. The concern of the team is a criterion of its own, whatever was found.
What an attribution removed is still had from :func:`attributed_icu_findings`: who is ventilated for another
cause is ventilated.
"""

from dataclasses import replace

from grading.bedside_words import in_words
from grading.chart import Attributable, Consciousness, Lab, OxygenDevice, RaisedIcp, Seizure
from grading.crs import grade_crs
from grading.icans import grade_icans
from grading.tables import AgentKind, shipped_tables
from management.situation import (
    NOT_MET,
    Reasons,
    Situation,
    axis_criterion,
    axis_level,
    describe_grade,
    describe_hours,
    describe_instant,
    is_attributed,
    is_sedated,
    latest_lab,
    name_condition,
    new_conditions,
    plain,
    times_upper_limit,
)
from management.vocabulary import Cut

# How a reason of this module begins: what reads them may tell them together.
ICU_CRITERION = "ICU criterion: "

REDUCED_CONSCIOUSNESS = (
    Consciousness.AWAKENS_TO_VOICE,
    Consciousness.AWAKENS_TO_TOUCH,
    Consciousness.UNAROUSABLE,
)
_SUPPORTING = (AgentKind.COUNTED, AgentKind.VASOPRESSIN_LIKE)
# Awakening to voice is explained by many causes that a ward treats: attributed, it is left to the clinician.
_UNRESPONSIVE = (Consciousness.AWAKENS_TO_TOUCH, Consciousness.UNAROUSABLE)


def icu_criteria(situation: Situation) -> Reasons:
    """Any ICU criterion; each that is met is told."""
    return (*somatic_icu_criteria(situation), *neurological_icu_criteria(situation))


def somatic_icu_criteria(situation: Situation) -> Reasons:
    """Those of circulation, breathing and heart, CRS of grade 3 or more, and the concern of the team."""
    return (
        *_refractory_hypotension(situation),
        *_rising_oxygen(situation),
        *_cardiac(situation),
        *_severe("CRS", situation),
        *_team_concern(situation),
    )


def neurological_icu_criteria(situation: Situation) -> Reasons:
    """ICE, raised pressure, seizure, reduced consciousness, and ICANS of grade 3 or more."""
    attributed = is_attributed(situation, Attributable.NEUROLOGICAL)
    findings = NOT_MET if attributed else _neurological(situation, REDUCED_CONSCIOUSNESS)
    return (*findings, *_severe("ICANS", situation))


def without_attributions(situation: Situation) -> Situation:
    """The same situation graded as if nothing were attributed elsewhere."""
    evidence, tables = situation.evidence, shipped_tables()
    if not evidence.attributions:
        return situation
    bare = replace(evidence, attributions=())
    crs, icans = grade_crs(bare, tables).syndrome, grade_icans(bare, tables).syndrome
    return replace(situation, assessment=replace(situation.assessment, evidence=bare, crs=crs, icans=icans))


def attributed_icu_findings(situation: Situation) -> Reasons:
    """Support, seizure, raised pressure, low ICE or lost consciousness that is attributed elsewhere: a
    criterion, were it not.
    """
    if not situation.evidence.attributions:
        return NOT_MET
    bare, found = without_attributions(situation), list[str]()
    if is_attributed(situation, Attributable.HYPOTENSION):
        found += _vasopressors(bare)
    if is_attributed(situation, Attributable.HYPOXIA):
        found += _rising_oxygen(bare)
    if is_attributed(situation, Attributable.NEUROLOGICAL):
        found += _neurological(bare, _UNRESPONSIVE)
    return tuple(f"Attributed elsewhere, and there: {reason.removeprefix(ICU_CRITERION)}" for reason in found)


def low_pressure_now(situation: Situation) -> bool:
    """Hypotension without a vasopressor counts, and no newer pressure shows that it has passed."""
    met = axis_criterion(situation.crs, "crs.hypotension")
    if met is None or met.level != 2:
        return False
    latest = situation.evidence.systolic
    return latest is None or met.at is None or met.at >= latest.at


def boluses_before_pressure(situation: Situation) -> int:
    """How many fluid boluses were given before hypotension was last found, by a pressure or a statement."""
    met = axis_criterion(situation.crs, "crs.hypotension")
    if met is None or met.at is None:
        return 0
    found_at = met.at
    return sum(1 for bolus in situation.evidence.boluses if bolus.at <= found_at)


def persistent_hypotension(situation: Situation) -> Reasons:
    """Pressure still low after repeated fluid: a vasopressor is needed and not yet running."""
    boluses = boluses_before_pressure(situation)
    if not low_pressure_now(situation) or boluses < situation.cut(Cut.REFRACTORY_BOLUSES):
        return NOT_MET
    return (f"Hypotension after {boluses} fluid boluses",)


def hypotension_not_yet_refractory(situation: Situation) -> Reasons:
    """Pressure still too low for the ward after fluid, and fewer boluses than make it refractory by our
    rule.
    """
    boluses, refractory = boluses_before_pressure(situation), situation.cut(Cut.REFRACTORY_BOLUSES)
    pressure = situation.evidence.systolic
    if not low_pressure_now(situation) or not 1 <= boluses < refractory:
        return NOT_MET
    if pressure is not None and pressure.mmhg >= situation.cut(Cut.ICU_SYSTOLIC):
        return NOT_MET
    given = "1 fluid bolus" if boluses == 1 else f"{boluses} fluid boluses"
    return (f"Still hypotensive after {given}; called refractory from {plain(refractory)} on, by our rule",)


def _refractory_hypotension(situation: Situation) -> Reasons:
    if axis_level(situation.crs, "crs.hypotension") >= 3:
        return _vasopressors(situation)
    return tuple(f"{ICU_CRITERION}{reason.lower()}" for reason in persistent_hypotension(situation))


def _vasopressors(situation: Situation) -> Reasons:
    """Vasopressors that run and count."""
    if axis_level(situation.crs, "crs.hypotension") < 3:
        return NOT_MET
    return tuple(
        f"{ICU_CRITERION}{in_words(infusion.agent)} running"
        f" since {describe_instant(situation, infusion.since)}"
        for infusion in situation.evidence.running
        if shipped_tables().agents[infusion.agent].kind in _SUPPORTING
    )


def _rising_oxygen(situation: Situation) -> Reasons:
    met = axis_criterion(situation.crs, "crs.hypoxia")
    if met is None:
        return NOT_MET
    if met.level >= 4:
        return (f"{ICU_CRITERION}ventilatory support ({met.value})",)
    oxygen = situation.evidence.oxygen
    if oxygen is None or oxygen.flow is None:
        return NOT_MET
    if oxygen.device is not None and oxygen.device.device is OxygenDevice.BLOW_BY:
        return NOT_MET  # held beside the face: low flow whatever is set
    flow = oxygen.flow.litres_per_minute
    if flow < situation.cut(Cut.ICU_OXYGEN_FLOW):
        return NOT_MET
    return (f"{ICU_CRITERION}oxygen at {plain(flow)} L/min",)


def _cardiac(situation: Situation) -> Reasons:
    found = [*new_conditions(situation, "arrhythmia", "ecg-change")]
    coronary = new_conditions(situation, "acute-coronary-syndrome")
    troponin = times_upper_limit(latest_lab(situation, Lab.TROPONIN))
    reasons = [f"{ICU_CRITERION}{name_condition(condition)} on record" for condition in found]
    if troponin is not None and troponin > 1:
        reasons += [
            f"{ICU_CRITERION}{name_condition(condition)} on record, troponin {plain(troponin)} × upper limit"
            for condition in coronary
        ]
    return tuple(reasons)


def coronary_syndrome_of_unknown_troponin(situation: Situation) -> Reasons:
    """An acute coronary syndrome on record, and no troponin that tells whether it is a criterion."""
    if times_upper_limit(latest_lab(situation, Lab.TROPONIN)) is not None:
        return NOT_MET
    return tuple(
        f"{name_condition(condition)} on record, troponin not known"
        for condition in new_conditions(situation, "acute-coronary-syndrome")
    )


def _team_concern(situation: Situation) -> Reasons:
    concern = situation.evidence.team_concern
    if concern is None or not concern.present:
        return NOT_MET
    stated, hours = describe_instant(situation, concern.at), describe_hours(situation.hours_since(concern.at))
    return (f"{ICU_CRITERION}concern of the team, stated {stated} ({hours} ago)",)


def _neurological(situation: Situation, levels: tuple[Consciousness, ...]) -> Reasons:
    """Findings of the nervous system; consciousness is one at these levels."""
    evidence = situation.evidence
    reasons: list[str] = []
    ice = evidence.ice
    # Grading has already compared with a reduced baseline: without an ICE criterion the score does not count.
    if (
        ice is not None
        and ice.maximum <= situation.cut(Cut.ICU_ICE)
        and axis_level(situation.icans, "icans.ice")
    ):
        reasons.append(f"{ICU_CRITERION}ICE {ice.maximum}")
    if evidence.raised_icp is not None and evidence.raised_icp.finding is not RaisedIcp.NONE:
        reasons.append(f"{ICU_CRITERION}{in_words(evidence.raised_icp.finding)}")
    if evidence.seizure is not None and evidence.seizure.finding is not Seizure.NONE:
        reasons.append(f"{ICU_CRITERION}{in_words(evidence.seizure.finding)}")
    consciousness = evidence.consciousness
    if consciousness is not None and consciousness.level in levels and not is_sedated(situation):
        reasons.append(f"{ICU_CRITERION}{in_words(consciousness.level)}")
    return tuple(reasons)


def _severe(name: str, situation: Situation) -> Reasons:
    syndrome = situation.crs if name == "CRS" else situation.icans
    return (f"{ICU_CRITERION}{describe_grade(name, syndrome)}",) if syndrome.lowest >= 3 else NOT_MET
