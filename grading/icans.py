"""ICANS by the ASTCT consensus: the worst of five domains that no other cause explains."""

from dataclasses import dataclass, replace
from datetime import datetime

from grading.assessment import CriterionMet, Gap, Status, SyndromeGrade
from grading.axis import Axis, gap, met
from grading.bedside_words import in_words
from grading.chart import (
    ArousalScale,
    ArousalScore,
    Attributable,
    Consciousness,
    ConsciousnessRow,
    GapWhat,
    GapWhy,
    IceScore,
    Motor,
    RaisedIcp,
    Seizure,
)
from grading.evidence import Evidence
from grading.gaps import INPUTS_OF_ICANS
from grading.tables import Tables


@dataclass(frozen=True, slots=True)
class IcansFinding:
    """An ICANS grade and the gaps found on the way."""

    syndrome: SyndromeGrade
    gaps: tuple[Gap, ...]


def grade_icans(evidence: Evidence, tables: Tables) -> IcansFinding:
    """Grade ICANS at the instant of the evidence.

    ICE (CAPD under 12 years), consciousness, seizure, motor findings and raised intracranial pressure; the
    worst domain decides. Items not done are unknown and leave a range. Under sedation ICE and consciousness
    say nothing. Tremor and myoclonus never count. RASS and GCS eye opening only stand in for a missing
    arousal statement and never make a grade alone; GCS verbal and total are never read.
    """
    if "icans" in evidence.death_from:
        death = tables.criteria["icans.death"]
        criterion = met(death, "confirmed by a clinician", None)
        return IcansFinding(
            SyndromeGrade(Status.GRADED, death.level, death.level, death.level, (criterion,)), ()
        )
    if evidence.deceased:
        return IcansFinding(
            _not_assessable(tables, "The patient is deceased; no confirmed cause names ICANS"), ()
        )
    if evidence.infusion is None or evidence.infusion.at is None:
        return IcansFinding(_not_assessable(tables, "The date of the CAR-T infusion is not known"), ())
    score_gap = GapWhat.CAPD if assessed_by_capd(evidence, tables) else GapWhat.ICE
    attribution = evidence.attribution_of(Attributable.NEUROLOGICAL)
    if attribution is not None:
        cause = attribution.cause or "cause not stated"
        note = f"Neurological findings attributed elsewhere by a clinician: {cause}"
        unread = (item for what in INPUTS_OF_ICANS for item in _chart_gaps(evidence, what))
        gaps = (gap(score_gap, GapWhy.ATTRIBUTED_ELSEWHERE, cause), *unread)
        return IcansFinding(_not_assessable(tables, note), gaps)
    events = _events(evidence, tables)
    if evidence.sedation is not None and evidence.sedation.sedated:
        return _under_sedation(evidence, tables, events)
    arousal = _arousal(evidence, tables)
    score = _capd(evidence, tables) if score_gap is GapWhat.CAPD else _ice(evidence, tables)
    events = _perhaps_sedated(evidence, tables, events)
    finding = _combine(tables, score, arousal, events)
    return replace(finding, gaps=(*finding.gaps, *_sedation_not_charted(evidence, score, arousal, tables)))


def assessed_by_capd(evidence: Evidence, tables: Tables) -> bool:
    """Whether CAPD takes the place of ICE: under 12 years, or charted in its place up to 21 years.

    With the age unknown the score that was charted is used.
    """
    age = evidence.age_years
    if age is not None and age < tables.limit("capd-under-years"):
        return True
    charted_instead = evidence.capd is not None and evidence.ice is None
    return charted_instead and (age is None or age <= tables.limit("capd-delay-to-years"))


def _combine(tables: Tables, score: Axis, arousal: Axis, events: Axis) -> IcansFinding:
    axes = (score, arousal, events)
    lowest, highest = max(axis.lowest for axis in axes), max(axis.highest for axis in axes)
    criteria = tuple(criterion for axis in axes for criterion in axis.criteria)
    notes = tuple(note for axis in axes for note in axis.notes)
    gaps = tuple(item for axis in axes for item in axis.gaps)
    if not score.known and not arousal.known and lowest == 0:
        note = "Neither ICE nor consciousness is known"
        return IcansFinding(_not_assessable(tables, note, notes), gaps)
    # A stand-in for arousal never makes a grade alone.
    by_stand_in = arousal.suspected and arousal.lowest > max(score.lowest, events.lowest)
    if lowest == highest and not by_stand_in:
        status = Status.GRADED if lowest else Status.NONE
        return IcansFinding(SyndromeGrade(status, lowest, lowest, lowest, criteria, notes), gaps)
    return IcansFinding(SyndromeGrade(Status.INDETERMINATE, None, lowest, highest, criteria, notes), gaps)


def _under_sedation(evidence: Evidence, tables: Tables, events: Axis) -> IcansFinding:
    """Seizure, motor and pressure findings stand under sedation; the rest cannot be told."""
    top = tables.criteria["icans.consciousness.unarousable"].level
    note = "Sedated: consciousness and ICE cannot be assessed"
    sedation = evidence.sedation.source.reference if evidence.sedation else None
    gaps = (*events.gaps, gap(GapWhat.SEDATION, GapWhy.AMBIGUOUS, sedation, widens=True))
    if events.lowest == top:
        grade = SyndromeGrade(Status.GRADED, top, top, top, events.criteria, (note, *events.notes))
        return IcansFinding(grade, gaps)
    if events.lowest > 0:
        grade = SyndromeGrade(
            Status.INDETERMINATE, None, events.lowest, top, events.criteria, (note, *events.notes)
        )
        return IcansFinding(grade, gaps)
    return IcansFinding(_not_assessable(tables, note, events.notes), gaps)


def _perhaps_sedated(evidence: Evidence, tables: Tables, events: Axis) -> Axis:
    """An entry on sedation that nobody could read: what ICE and consciousness say may be the sedative's."""
    unreadable = _chart_gaps(evidence, GapWhat.SEDATION, widens=True)
    if not unreadable:
        return events
    top = tables.criteria["icans.consciousness.unarousable"].level
    return replace(events, highest=top, gaps=(*events.gaps, *unreadable))


def _sedation_not_charted(evidence: Evidence, score: Axis, arousal: Axis, tables: Tables) -> tuple[Gap, ...]:
    """Nobody said whether a sedative explains what was found: listed where it may, as other answers are."""
    if evidence.sedation is not None or any(item.what is GapWhat.SEDATION for item in evidence.chart_gaps):
        return ()
    reduced = arousal.lowest >= tables.criteria["icans.consciousness.voice"].level
    nothing_known = not score.known and not arousal.known
    return (gap(GapWhat.SEDATION, GapWhy.NOT_CHARTED),) if reduced or nothing_known else ()


def _not_assessable(tables: Tables, why: str, notes: tuple[str, ...] = ()) -> SyndromeGrade:
    highest = tables.criteria["icans.consciousness.unarousable"].level
    return SyndromeGrade(Status.NOT_ASSESSABLE, None, 0, highest, (), (why, *notes))


def _ice(evidence: Evidence, tables: Tables) -> Axis:
    """ICE by its table; 0 is 3 awake and 4 unarousable; missing, the arousal bounds it."""
    score = evidence.ice
    if score is None:
        return _missing_score(evidence, tables, GapWhat.ICE)
    gaps: list[Gap] = []
    if score.minimum != score.maximum:
        names = ", ".join(item.value.removeprefix("ice-") for item in score.items_not_done)
        gaps.append(
            gap(GapWhat.ICE, GapWhy.NOT_CHARTED, f"items not done: {names}" if names else None, widens=True)
        )
    notes: tuple[str, ...] = ()
    baseline = _impaired_baseline(evidence, tables)
    if baseline is not None:
        notes = (f"Baseline ICE is {baseline}; ICE counts only below it",)
    lowest, highest = (
        (0, 0) if baseline is not None and total >= baseline else _level_of_ice(total, evidence, tables)
        for total in (score.maximum, score.minimum)
    )
    if highest[0] != highest[1]:
        gaps += _unknown_consciousness(evidence)
    beside = _capd_beside_ice(evidence, tables)
    if beside > highest[1]:
        gaps.append(gap(GapWhat.CAPD, GapWhy.AMBIGUOUS, "charted beside ICE and worse", widens=True))
    top = max(highest[1], beside)
    axis = Axis(lowest[0], top, _ice_criteria(score, lowest[0], tables), notes, tuple(gaps))
    return _beside_unreadable(axis, score.at, GapWhat.ICE, evidence, tables)


def _capd_beside_ice(evidence: Evidence, tables: Tables) -> int:
    """The level of a CAPD charted beside ICE at an age where either may be valid (developmental delay)."""
    age, score = evidence.age_years, evidence.capd
    if (
        score is None
        or score.total is None
        or (age is not None and age > tables.limit("capd-delay-to-years"))
    ):
        return 0
    return _capd_level(score.total, tables)


def _capd_level(total: int, tables: Tables) -> int:
    bands = (
        row for row in tables.axis("capd") if (row.lowest_score or 0) <= total <= (row.highest_score or 0)
    )
    return max((row.level for row in bands), default=0)


def _impaired_baseline(evidence: Evidence, tables: Tables) -> int | None:
    """The baseline where one is documented that is not full; of an incomplete one the most it can be."""
    documented = evidence.baseline.ice
    if documented is None:
        return None
    baseline = documented.maximum if isinstance(documented, IceScore) else documented.total
    return baseline if baseline < tables.limit("ice-unimpaired") else None


def _beside_unreadable(
    axis: Axis, scored_at: datetime, what: GapWhat, evidence: Evidence, tables: Tables
) -> Axis:
    """A score that an unreadable newer one follows says what was, not what is."""
    newer = any(
        item.what is what and item.at is not None and item.at > scored_at for item in evidence.chart_gaps
    )
    highest = max(axis.highest, _worst_unscored(evidence, tables)) if newer else axis.highest
    return replace(axis, highest=highest, gaps=(*axis.gaps, *_chart_gaps(evidence, what, widens=newer)))


def _worst_unscored(evidence: Evidence, tables: Tables) -> int:
    """The worst that a score may be which nobody knows: an alert patient may still have an ICE of 0."""
    stated = evidence.consciousness
    awake = evidence.arousal is not None if stated is None else stated.level is not Consciousness.UNAROUSABLE
    return tables.criteria["icans.ice.0-2" if awake else "icans.ice.unarousable"].level


def _level_of_ice(score: int, evidence: Evidence, tables: Tables) -> tuple[int, int]:
    """Lowest and highest grade of one ICE total; its lowest band comes before 0 for being unarousable."""
    unarousable = tables.criteria["icans.ice.unarousable"]
    for criterion in tables.axis("ice"):
        low, high = criterion.lowest_score or 0, criterion.highest_score or 0
        if low <= score <= high:
            if score > (unarousable.highest_score or 0):
                return criterion.level, criterion.level
            if evidence.consciousness is None:
                return criterion.level, unarousable.level
            if evidence.consciousness.level is Consciousness.UNAROUSABLE:
                return unarousable.level, unarousable.level
            return criterion.level, criterion.level
    return 0, 0


def _ice_criteria(score: IceScore, level: int, tables: Tables) -> tuple[CriterionMet, ...]:
    if level == 0:
        return ()
    criterion = next(row for row in tables.axis("ice") if row.level == level)
    text = (
        f"ICE {score.minimum}" if score.minimum == score.maximum else f"ICE {score.minimum}-{score.maximum}"
    )
    return (met(criterion, text, score.at, score.source),)


def _capd(evidence: Evidence, tables: Tables) -> Axis:
    """CAPD under 12 years: 0 with full alertness is 0, 1-8 is 1 (2 if to voice), 9 or more is 3."""
    score = evidence.capd
    if score is None or score.total is None:
        return _missing_score(evidence, tables, GapWhat.CAPD)
    level = 0
    criteria: tuple[CriterionMet, ...] = ()
    for criterion in tables.axis("capd"):
        if (criterion.lowest_score or 0) <= score.total <= (criterion.highest_score or 0):
            level = criterion.level
            criteria = (met(criterion, f"CAPD {score.total}", score.at, score.source),)
    highest = level
    gaps: tuple[Gap, ...] = ()
    if evidence.consciousness is None and evidence.arousal is None:
        highest = max(level, tables.criteria["icans.consciousness.voice"].level)
        gaps = _unknown_consciousness(evidence) if highest > level else ()
    axis = Axis(level, highest, criteria, gaps=gaps)
    return _beside_unreadable(axis, score.at, GapWhat.CAPD, evidence, tables)


def _missing_score(evidence: Evidence, tables: Tables, what: GapWhat) -> Axis:
    """Without a score the arousal bounds the grade."""
    unreadable = _chart_gaps(evidence, what, widens=True)
    if evidence.capd is not None and what is GapWhat.CAPD:
        missing = gap(what, GapWhy.NOT_CHARTED, "CAPD could not be performed", widens=True)
    else:
        last = evidence.last_capd_at if what is GapWhat.CAPD else evidence.last_ice_at
        instead = None
        if what is GapWhat.CAPD and evidence.ice is not None:
            instead = f"ICE {evidence.ice.minimum} was charted; at this age CAPD is scored"
        missing = gap(what, GapWhy.STALE if last is not None else GapWhy.NOT_CHARTED, instead, widens=True)
    return Axis(0, _worst_unscored(evidence, tables), gaps=unreadable or (missing,), known=False)


def _arousal(evidence: Evidence, tables: Tables) -> Axis:
    """Consciousness as stated by a clinician, else a proposal from RASS or GCS eye opening.

    A newer entry that nobody could read, or a search that failed, may mean any level. A newer score that is
    worse than the statement leaves the grade open upwards: the patient may have changed since.
    """
    axis = _stated(evidence, evidence.consciousness, tables) if evidence.consciousness else None
    proposed = _stand_in(evidence.arousal, tables) if evidence.arousal else None
    if axis is None:
        axis = proposed
    elif proposed is not None and _is_newer_and_worse(proposed, axis, evidence):
        axis = replace(axis, highest=proposed.highest, gaps=(*axis.gaps, *proposed.gaps))
    unreadable = _chart_gaps(evidence, GapWhat.CONSCIOUSNESS, widens=True)
    if axis is None:
        axis = Axis(gaps=() if unreadable else _unknown_consciousness(evidence, widens=False), known=False)
    top = tables.criteria["icans.consciousness.unarousable"].level
    return replace(axis, highest=top if unreadable else axis.highest, gaps=(*axis.gaps, *unreadable))


def _is_newer_and_worse(proposed: Axis, stated: Axis, evidence: Evidence) -> bool:
    statement, score = evidence.consciousness, evidence.arousal
    newer = statement is not None and score is not None and score.at > statement.at
    return newer and proposed.lowest > stated.highest


def _stated(evidence: Evidence, stated: ConsciousnessRow, tables: Tables) -> Axis:
    """The level that a clinician stated; alert is none."""
    if stated.level is Consciousness.AWAKENS_SPONTANEOUSLY and _unimpaired(evidence, tables):
        note = "ICE 10: 'awakens spontaneously' describes an alert patient and does not count (our reading)"
        return Axis(notes=(note,))
    criterion = tables.of_finding("consciousness", stated.level.value)
    if criterion is None:
        return Axis()
    value = met(criterion, in_words(stated.level), stated.at, stated.source)
    return Axis(criterion.level, criterion.level, (value,))


def _stand_in(score: ArousalScore, tables: Tables) -> Axis | None:
    """What RASS or GCS eye opening proposes; ``None`` for a score outside the scale."""
    band = tables.band_of(score.scale, score.score)
    if band is None:
        return None
    text = f"RASS {score.score:+d}" if score.scale is ArousalScale.RASS else f"GCS eye opening {score.score}"
    missing = gap(GapWhat.CONSCIOUSNESS, GapWhy.AMBIGUOUS, f"read from {text}", widens=True)
    value = met(tables.criteria["icans.consciousness.scale"], text, score.at, score.source)
    criteria = (value,) if band.lowest else ()
    return Axis(band.lowest, band.highest, criteria, gaps=(missing,), suspected=True)


def _unknown_consciousness(evidence: Evidence, *, widens: bool = True) -> tuple[Gap, ...]:
    """The gap of a consciousness that nobody charted in its window."""
    stale = evidence.last_consciousness_at is not None
    why = GapWhy.STALE if stale else GapWhy.NOT_CHARTED
    return (gap(GapWhat.CONSCIOUSNESS, why, widens=widens),)


def _unimpaired(evidence: Evidence, tables: Tables) -> bool:
    return evidence.ice is not None and evidence.ice.minimum == tables.limit("ice-unimpaired")


def _events(evidence: Evidence, tables: Tables) -> Axis:
    """Seizure, motor and raised pressure: no entry means that no event was recorded, and is listed.

    An entry that could not be read, or a search that failed, is not that: it may be the worst of its kind.
    """
    highest = 0
    criteria: list[CriterionMet] = []
    gaps: list[Gap] = []
    notes: list[str] = []
    rows = (
        ("seizure", GapWhat.SEIZURE, evidence.seizure, Seizure.NONE),
        ("motor", GapWhat.MOTOR, evidence.motor, Motor.NONE),
        ("raised-icp", GapWhat.RAISED_ICP, evidence.raised_icp, RaisedIcp.NONE),
    )
    for axis, what, row, none in rows:
        unreadable = _chart_gaps(evidence, what, widens=True)
        gaps += unreadable
        if unreadable:
            highest = max(highest, *(criterion.level for criterion in tables.axis(axis)))
        if row is None:
            why = GapWhy.STALE if axis == "seizure" and evidence.last_seizure_at else GapWhy.NOT_CHARTED
            gaps += [] if unreadable else [gap(what, why)]
            continue
        criterion = tables.of_finding(axis, row.finding.value)
        if criterion is not None:
            criteria.append(met(criterion, in_words(row.finding), row.at, row.source))
        elif row.finding is not none:
            notes.append(
                "Tremor and myoclonus are graded by CTCAE and never as ICANS; an early sign to watch"
            )
    level = max((criterion.level for criterion in criteria), default=0)
    return Axis(level, max(level, highest), tuple(criteria), tuple(notes), tuple(gaps))


def _chart_gaps(evidence: Evidence, what: GapWhat, *, widens: bool = False) -> tuple[Gap, ...]:
    return tuple(
        gap(item.what, item.why, item.detail, widens=widens)
        for item in evidence.chart_gaps
        if item.what is what
    )
