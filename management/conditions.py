"""All named conditions that a protocol row may use. There is no expression language: a new condition is a
function.
"""

from collections.abc import Mapping

from management.asco_conditions import ASCO_CONDITIONS
from management.care_conditions import CARE_CONDITIONS
from management.crs_conditions import CRS_CONDITIONS, Condition
from management.differentials import SCREENS
from management.icans_conditions import ICANS_CONDITIONS
from management.icu_criteria import coronary_syndrome_of_unknown_troponin, icu_criteria
from management.lumbar_puncture import LUMBAR_PUNCTURE_CONDITIONS
from management.placement import PLACEMENT_CONDITIONS
from management.situation import Reasons, Situation
from management.steroid_doses import STEROID_CONDITIONS
from management.tocilizumab_conditions import TOCILIZUMAB_CONDITIONS

__all__ = ["CONDITIONS", "Condition", "Reasons", "Situation"]

CONDITIONS: Mapping[str, Condition] = {
    "icu-criterion": icu_criteria,
    "coronary-syndrome-of-unknown-troponin": coronary_syndrome_of_unknown_troponin,
    **CRS_CONDITIONS,
    **TOCILIZUMAB_CONDITIONS,
    **ICANS_CONDITIONS,
    **LUMBAR_PUNCTURE_CONDITIONS,
    **PLACEMENT_CONDITIONS,
    **STEROID_CONDITIONS,
    **CARE_CONDITIONS,
    **SCREENS,
    **ASCO_CONDITIONS,
}
"""Condition by name. The names are unique over the modules, which a test holds."""
