"""Whether a lumbar puncture may be offered in ICANS, and what holds it back.

The sources offer it and name raised pressure alone as a reason against. What else could make it dangerous is
held against it by rules of ours, each told on the card.
"""

from collections.abc import Mapping

from grading.chart import Consciousness, GapWhat, GapWhy
from management.crs_conditions import Condition
from management.gap_words import describe_gap
from management.icans_conditions import (
    haemorrhage_possible,
    icans_1_or_more,
    intracranial_haemorrhage,
    new_focal_deficit,
    raised_icp_recorded,
)
from management.situation import NOT_MET, Reasons, Situation

_UNREAD = (GapWhy.NOT_RETRIEVED, GapWhy.UNMAPPED, GapWhy.IMPLAUSIBLE, GapWhy.AMBIGUOUS)


def lumbar_puncture_possible(situation: Situation) -> Reasons:
    """ICANS with nothing on record, and nothing unread, that would make a lumbar puncture dangerous."""
    held_back = (
        raised_icp_recorded(situation)
        or intracranial_haemorrhage(situation)
        or haemorrhage_possible(situation)
        or puncture_with_pressure_unknown(situation)
        or puncture_before_imaging(situation)
    )
    return NOT_MET if held_back else icans_1_or_more(situation)


def puncture_with_pressure_unknown(situation: Situation) -> Reasons:
    """ICANS while the record of raised intracranial pressure could not be had or read."""
    if situation.icans.lowest < 1:
        return NOT_MET
    return tuple(
        describe_gap(gap.what, gap.why)
        for gap in situation.evidence.chart_gaps
        if gap.what is GapWhat.RAISED_ICP and gap.why in _UNREAD
    )


def puncture_before_imaging(situation: Situation) -> Reasons:
    """ICANS with a focal deficit, or in a patient who cannot be roused: a mass or a bleed comes first."""
    if situation.icans.lowest < 1:
        return NOT_MET
    consciousness = situation.evidence.consciousness
    lost = consciousness is not None and consciousness.level is Consciousness.UNAROUSABLE
    return (*new_focal_deficit(situation), *(("Recorded: unarousable",) if lost else ()))


LUMBAR_PUNCTURE_CONDITIONS: Mapping[str, Condition] = {
    "lumbar-puncture-possible": lumbar_puncture_possible,
    "puncture-with-pressure-unknown": puncture_with_pressure_unknown,
    "puncture-before-imaging": puncture_before_imaging,
}
