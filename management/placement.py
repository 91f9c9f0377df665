"""Where the patient is cared for, beyond the ICU criteria of the source: what makes intensive care an option,
and when the ward may be named at all.

The ward is named only where everything that decides it is known and nothing speaks against it. What is left
out here by rule of ours lowers nothing: an ICU criterion stays one.
"""

from collections.abc import Mapping

from grading.assessment import Status
from grading.tables import AgentKind, shipped_tables
from management.care_conditions import conditions_unknown, desaturation, desaturation_on_oxygen
from management.crs_conditions import Condition, is_toxic
from management.icu_criteria import (
    attributed_icu_findings,
    coronary_syndrome_of_unknown_troponin,
    hypotension_not_yet_refractory,
    icu_criteria,
    low_pressure_now,
    without_attributions,
)
from management.situation import NOT_MET, Reasons, Situation

_DECIDED = (Status.NONE, Status.GRADED)
_HEART_OR_VESSELS = (AgentKind.COUNTED, AgentKind.VASOPRESSIN_LIKE, AgentKind.INOTROPE)


def toxicity_on_the_ward(situation: Situation) -> Reasons:
    """CRS or ICANS of at least grade 1, both syndromes decided, no ICU criterion, and nothing charted or
    unknown that would make a statement on the ward false.
    """
    if not is_toxic(situation) or not _is_decided(situation) or _speaks_against_the_ward(situation):
        return NOT_MET
    return ("No ICU criterion among what is charted",)


def _is_decided(situation: Situation) -> bool:
    assessment = situation.assessment
    if assessment.crs.status not in _DECIDED or assessment.icans.status not in _DECIDED:
        return False
    return not any(gap.widens_range for gap in assessment.gaps)


def _speaks_against_the_ward(situation: Situation) -> bool:
    """A criterion, attributed or not; low pressure or saturation; support of the circulation; or a question
    of the heart that is open.
    """
    bare = without_attributions(situation)
    return bool(
        icu_criteria(situation)
        or icu_criteria(bare)
        or low_pressure_now(bare)
        or desaturation(situation)
        or _supported(situation)
        or coronary_syndrome_of_unknown_troponin(situation)
        or conditions_unknown(situation)
    )


def _supported(situation: Situation) -> bool:
    """A drug that holds the circulation runs, counted in CRS or not."""
    agents = shipped_tables().agents
    return any(agents[infusion.agent].kind in _HEART_OR_VESSELS for infusion in situation.evidence.running)


PLACEMENT_CONDITIONS: Mapping[str, Condition] = {
    "toxicity-on-the-ward": toxicity_on_the_ward,
    "attributed-icu-finding": attributed_icu_findings,
    "hypotension-not-yet-refractory": hypotension_not_yet_refractory,
    "desaturation-on-oxygen": desaturation_on_oxygen,
}
