"""What steroid was given lately: told beside every steroid that is suggested, so that no dose is given twice.

The sources of this protocol state no interval for some doses, so nothing is withheld here; a draft order is
not offered so soon after a dose that it may be that very one.
"""

from grading.bedside_words import in_words
from grading.chart import DrugDose
from management.situation import Reasons, Situation, describe_hours, plain
from management.vocabulary import Cut, drug_of

_NAMED = ("dexamethasone", "methylprednisolone")
# Either steroid stands for the other, except where the high dose is the step up from what was given.
_STANDS_ALONE = "methylprednisolone.high-dose"


def last_steroid_doses(recommendation_id: str, situation: Situation) -> Reasons:
    """The latest dose of each steroid given lately, newest first; nothing beside what is no steroid."""
    if not any(name in recommendation_id for name in _NAMED):
        return ()
    since = situation.at - situation.span(Cut.ON_STEROID)
    latest = {dose.drug: dose for dose in _given(situation) if dose.at >= since}
    newest_first = sorted(latest.values(), key=lambda dose: dose.at, reverse=True)
    return tuple(f"Last dose: {_describe(dose, situation)}" for dose in newest_first)


def why_no_draft(recommendation_id: str, situation: Situation) -> str | None:
    """Why no draft order is offered for a steroid now; ``None`` where nothing speaks against one."""
    drug = drug_of(recommendation_id)
    if drug not in _NAMED:
        return None
    counting = {drug} if recommendation_id == _STANDS_ALONE else set(_NAMED)
    span = situation.span(Cut.STEROID_DRAFT)
    recent = [
        dose for dose in _given(situation) if dose.drug.value in counting and situation.at - dose.at < span
    ]
    if not recent:
        return None
    least = describe_hours(situation.cut(Cut.STEROID_DRAFT))
    return f"{_describe(recent[-1], situation)}, which is less than {least}"


def _given(situation: Situation) -> list[DrugDose]:
    return sorted((dose for dose in situation.evidence.steroids if dose.systemic), key=lambda dose: dose.at)


def _describe(dose: DrugDose, situation: Situation) -> str:
    amount = "" if dose.milligrams is None else f" {plain(dose.milligrams)} mg"
    return f"{in_words(dose.drug)}{amount}, {describe_hours(situation.hours_since(dose.at))} ago"
