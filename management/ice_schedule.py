"""When the next ICE is due.

Every 8 h while a steroid is given for CRS or ICANS, else every 12 h; the numbers are cuts of the protocol.
CAPD takes the place of ICE where it is the score that counts.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from grading.chart import Attributable, CapdScore, IceScore
from grading.tables import shipped_tables
from management.icans_conditions import on_steroid
from management.review import IceSchedule
from management.situation import Situation, is_attributed, is_scored_by_capd, is_sedated
from management.tocilizumab_doses import first_infusion_at
from management.vocabulary import Cut

_HOUR = timedelta(hours=1)


def schedule_ice(situation: Situation) -> IceSchedule | None:
    """When the next ICE (CAPD in a child) is due; ``None`` where none is to be taken.

    That is under sedation, where a score says nothing, after death, while the neurological findings are
    attributed to another cause, which nobody is asked about again, and where the infusion has no date, so
    that no score can be told to be of its time. A score of before the first infusion is a baseline and does
    not count as taken, nor does one of which no item was done.
    """
    evidence = situation.evidence
    since = first_infusion_at(situation.assessment, situation.chart)
    if since is None or evidence.deceased or is_sedated(situation):
        return None
    if is_attributed(situation, Attributable.NEUROLOGICAL):
        return None
    on = on_steroid(situation)
    row = situation.cuts[Cut.ICE_ON_STEROID if on else Cut.ICE_EVERY]
    every = situation.span(row.cut)
    by_capd = is_scored_by_capd(situation)
    scores = situation.chart.capd_scores if by_capd else situation.chart.ice_scores
    last_at = _last_taken(scores, since, situation)
    due_at = situation.at if last_at is None else last_at + every
    return IceSchedule(
        instrument="CAPD" if by_capd else "ICE",
        last_at=last_at,
        due_at=due_at,
        overdue=last_at is None or situation.at > due_at,
        every_hours=every // _HOUR,
        why=f"On steroid: {on[0]}" if on else row.wording,
        cite=row.provenance.citation,
        tier=row.provenance.tier,
        verified=row.provenance.verified,
    )


def _last_taken(
    scores: Sequence[IceScore | CapdScore], since: datetime, situation: Situation
) -> datetime | None:
    horizon = situation.at + shipped_tables().span("clock-skew")
    taken = [
        score.at for score in scores if since <= score.at <= horizon and _says_something(score, situation)
    ]
    return max(taken, default=None)


def _says_something(score: IceScore | CapdScore, situation: Situation) -> bool:
    """A CAPD that could not be performed was attempted; an ICE that leaves every total open was not done."""
    if isinstance(score, CapdScore):
        return True
    return score.maximum - score.minimum < situation.cut(Cut.UNIMPAIRED_ICE)
