"""Whether the latest weight may be true: a slip of the pen moves every dose by weight, and its cap with it.

A weight that fits none of the last ones is not used, and neither is a child's weight in an adult. What is
refused is said with both weights; nothing is corrected, and no older weight stands in.
"""

from grading.assessment import Gap
from grading.chart import GapWhat, GapWhy, Weight
from management.situation import Situation, is_child_or_unknown, plain, write_instant
from management.vocabulary import Cut

_LOOKED_AT = 3


def doubt_about_weight(situation: Situation) -> str | None:
    """Why the latest weight is not believed; ``None`` where it is, or where there is none."""
    latest = situation.evidence.weight
    if latest is None:
        return None
    earlier = [weight for weight in situation.chart.weights if weight.at < latest.at][-_LOOKED_AT:]
    if earlier:
        if any(_fits(latest, weight, situation) for weight in earlier):
            return None
        return f"Latest weight {_told(latest)} does not fit {_told(earlier[-1])}: check it"
    least = situation.cut(Cut.ADULT_WEIGHT)
    if not is_child_or_unknown(situation) and latest.kilograms < least:
        return f"Weight {_told(latest)} is below {plain(least)} kg in an adult: check it"
    return None


def weight_gaps(situation: Situation) -> tuple[Gap, ...]:
    """The gap of a weight that is not believed. It never widens a range."""
    doubt = doubt_about_weight(situation)
    return () if doubt is None else (Gap(GapWhat.WEIGHT, GapWhy.IMPLAUSIBLE, doubt),)


def _fits(latest: Weight, earlier: Weight, situation: Situation) -> bool:
    change = abs(latest.kilograms - earlier.kilograms)
    return change <= situation.cut(Cut.WEIGHT_CHANGE) * earlier.kilograms


def _told(weight: Weight) -> str:
    return f"{plain(weight.kilograms)} kg of {write_instant(weight.at)}"
