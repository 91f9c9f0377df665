"""What steroid was given lately: told beside every steroid that is suggested, so that no dose is given twice.

The sources of this protocol state no interval for some doses, so nothing is withheld here; a draft order is
not offered so soon after a dose that it may be that very one.
"""

from collections.abc import Mapping

from grading.bedside_words import in_words
from grading.chart import DrugDose, GapWhat
from management.crs_conditions import Condition, is_toxic
from management.gap_words import describe_gap
from management.icans_conditions import icans_improving_on_steroid
from management.situation import NOT_MET, Reasons, Situation, describe_hours, plain
from management.tocilizumab_doses import first_infusion_at
from management.vocabulary import Cut, drug_of

_NAMED = ("dexamethasone", "methylprednisolone")
# Either steroid stands for the other, except where the high dose is the step up from what was given.
_STANDS_ALONE = "methylprednisolone.high-dose"
# What a protocol gives as an option beside a taper; a dose that it recommends is the course itself.
_OPTIONS = ("dexamethasone.consider", "methylprednisolone.dose")


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
        return _why_no_draft_without_a_dose(recommendation_id, situation)
    least = describe_hours(situation.cut(Cut.STEROID_DRAFT))
    return f"{_describe(recent[-1], situation)}, which is less than {least}"


def unknown_steroid_history(situation: Situation) -> Reasons:
    """CRS or ICANS, and administrations since the infusion that may be a steroid were not (wholly) retrieved
    or could not be read.

    A pending order is no such gap: that nothing was charted as given is known.
    """
    if not is_toxic(situation):
        return NOT_MET
    start = first_infusion_at(situation.assessment, situation.chart)
    return tuple(
        dict.fromkeys(
            f"Unread: {gap.detail}" if gap.detail else describe_gap(gap.what, gap.why)
            for gap in situation.evidence.chart_gaps
            if gap.what is GapWhat.STEROIDS
            and (start is None or gap.at is None or (gap.until or gap.at) >= start)
        )
    )


def _why_no_draft_without_a_dose(recommendation_id: str, situation: Situation) -> str | None:
    if unknown_steroid_history(situation):
        return "earlier steroid doses are not known"
    if recommendation_id in _OPTIONS and icans_improving_on_steroid(situation):
        return "ICANS is improving on steroid"
    return None


def _given(situation: Situation) -> list[DrugDose]:
    return sorted((dose for dose in situation.evidence.steroids if dose.systemic), key=lambda dose: dose.at)


def _describe(dose: DrugDose, situation: Situation) -> str:
    amount = "" if dose.milligrams is None else f" {plain(dose.milligrams)} mg"
    return f"{in_words(dose.drug)}{amount}, {describe_hours(situation.hours_since(dose.at))} ago"


STEROID_CONDITIONS: Mapping[str, Condition] = {"unknown-steroid-history": unknown_steroid_history}
