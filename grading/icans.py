"""ICANS by the ASTCT consensus: the worst of five domains that no other cause explains."""

from dataclasses import dataclass

from grading.assessment import CriterionMet, Gap, Status, SyndromeGrade
from grading.axis import Axis, gap, met
from grading.chart import (
    Attributable,
    Consciousness,
    GapWhat,
    GapWhy,
    IceScore,
    Motor,
    RaisedIcp,
    Seizure,
)
from grading.evidence import Evidence
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
        gaps = (gap(score_gap, GapWhy.ATTRIBUTED_ELSEWHERE, cause),)
        return IcansFinding(_not_assessable(tables, note), gaps)
    events = _events(evidence, tables)
    if evidence.sedation is not None and evidence.sedation.sedated:
        return _under_sedation(evidence, tables, events)
    arousal = _arousal(evidence, tables)
    score = _capd(evidence, tables) if score_gap is GapWhat.CAPD else _ice(evidence, tables)
    return _combine(tables, score, arousal, events)


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
        note = "Neither ICE nor consciousness is charted"
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


def _not_assessable(tables: Tables, why: str, notes: tuple[str, ...] = ()) -> SyndromeGrade:
    highest = tables.criteria["icans.consciousness.unarousable"].level
    return SyndromeGrade(Status.NOT_ASSESSABLE, None, 0, highest, (), (why, *notes))


def _ice(evidence: Evidence, tables: Tables) -> Axis:
    """ICE by its table; 0 is 3 awake and 4 unarousable; missing, the arousal bounds it."""
    score = evidence.ice
    if score is None:
        return _missing_score(evidence, tables, GapWhat.ICE)
    gaps = list(_chart_gaps(evidence, GapWhat.ICE))
    if score.minimum != score.maximum:
        names = ", ".join(item.value.removeprefix("ice-") for item in score.items_not_done)
        gaps.append(
            gap(GapWhat.ICE, GapWhy.NOT_CHARTED, f"items not done: {names}" if names else None, widens=True)
        )
    notes: tuple[str, ...] = ()
    baseline = _baseline_ice(evidence)
    if baseline is not None and baseline < tables.limit("ice-unimpaired"):
        notes = (f"Baseline ICE is {baseline}; ICE counts only below it",)
        if score.minimum >= baseline:
            return Axis(gaps=tuple(gaps), notes=notes)
    lowest = _level_of_ice(score.maximum, evidence, tables)
    if baseline is not None and score.maximum >= baseline < tables.limit("ice-unimpaired"):
        lowest = (0, 0)
    highest = _level_of_ice(score.minimum, evidence, tables)
    if highest[0] != highest[1]:
        gaps.append(gap(GapWhat.CONSCIOUSNESS, GapWhy.NOT_CHARTED, widens=True))
    criteria = _ice_criteria(score, lowest[0], tables)
    return Axis(lowest[0], highest[1], criteria, notes, tuple(gaps))


def _baseline_ice(evidence: Evidence) -> int | None:
    baseline = evidence.baseline.ice
    if baseline is None:
        return None
    return baseline.maximum if isinstance(baseline, IceScore) else baseline.total


def _level_of_ice(score: int, evidence: Evidence, tables: Tables) -> tuple[int, int]:
    """Lowest and highest grade of one ICE total."""
    unarousable = tables.criteria["icans.ice.unarousable"]
    for criterion in tables.axis("ice"):
        low, high = criterion.lowest_score or 0, criterion.highest_score or 0
        if low <= score <= high and criterion.id != unarousable.id:
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
    gaps = _chart_gaps(evidence, GapWhat.CAPD)
    arousal_known = evidence.consciousness is not None or evidence.arousal is not None
    for criterion in tables.axis("capd"):
        if (criterion.lowest_score or 0) <= score.total <= (criterion.highest_score or 0):
            criteria = (met(criterion, f"CAPD {score.total}", score.at, score.source),)
            voice = tables.criteria["icans.consciousness.voice"].level
            highest = criterion.level if arousal_known else max(criterion.level, voice)
            return Axis(criterion.level, highest, criteria, gaps=gaps)
    voice = tables.criteria["icans.consciousness.voice"].level
    return Axis(0, 0 if arousal_known else voice, gaps=gaps)


def _missing_score(evidence: Evidence, tables: Tables, what: GapWhat) -> Axis:
    """Without a score the arousal bounds the grade: an alert patient may still have an ICE of 0 (grade 3)."""
    top = tables.criteria["icans.consciousness.unarousable"].level
    awake_worst = tables.criteria["icans.ice.0-2"].level
    unreadable = _chart_gaps(evidence, what, widens=True)
    if evidence.capd is not None and what is GapWhat.CAPD:
        missing = gap(what, GapWhy.NOT_CHARTED, "CAPD could not be performed", widens=True)
    else:
        why = GapWhy.STALE if evidence.last_ice_at is not None else GapWhy.NOT_CHARTED
        missing = gap(what, why, widens=True)
    gaps = unreadable or (missing,)
    if evidence.consciousness is not None:
        unarousable = evidence.consciousness.level is Consciousness.UNAROUSABLE
        return Axis(0, top if unarousable else awake_worst, gaps=gaps, known=False)
    if evidence.arousal is not None:
        return Axis(0, awake_worst, gaps=gaps, known=False)
    return Axis(0, top, gaps=gaps, known=False)


def _arousal(evidence: Evidence, tables: Tables) -> Axis:
    """Consciousness as stated by a clinician, else a proposal from RASS or GCS eye opening."""
    gaps = list(_chart_gaps(evidence, GapWhat.CONSCIOUSNESS))
    stated = evidence.consciousness
    if stated is not None:
        if stated.level is Consciousness.AWAKENS_SPONTANEOUSLY and _unimpaired(evidence, tables):
            note = (
                "ICE 10: 'awakens spontaneously' describes an alert patient and does not count (our reading)"
            )
            return Axis(notes=(note,), gaps=tuple(gaps))
        criterion = tables.of_finding("consciousness", stated.level.value)
        if criterion is None:  # alert
            return Axis(gaps=tuple(gaps))
        value = met(criterion, stated.level.value.replace("-", " "), stated.at, stated.source)
        return Axis(criterion.level, criterion.level, (value,), gaps=tuple(gaps))
    proposal = evidence.arousal
    if proposal is not None:
        for band in tables.arousal_bands:
            if band.scale is proposal.scale and band.from_score <= proposal.score <= band.to_score:
                name = "RASS" if proposal.scale.value == "rass" else "GCS eye opening"
                text = f"{name} {proposal.score:+d}" if name == "RASS" else f"{name} {proposal.score}"
                gaps.append(gap(GapWhat.CONSCIOUSNESS, GapWhy.AMBIGUOUS, f"read from {text}", widens=True))
                criterion = tables.criteria["icans.consciousness.scale"]
                value = met(criterion, text, proposal.at, proposal.source)
                criteria = (value,) if band.lowest else ()
                return Axis(band.lowest, band.highest, criteria, gaps=tuple(gaps), suspected=True)
    if not gaps:
        stale = evidence.last_consciousness_at is not None
        gaps.append(gap(GapWhat.CONSCIOUSNESS, GapWhy.STALE if stale else GapWhy.NOT_CHARTED))
    return Axis(gaps=tuple(gaps), known=False)


def _unimpaired(evidence: Evidence, tables: Tables) -> bool:
    return evidence.ice is not None and evidence.ice.minimum == tables.limit("ice-unimpaired")


def _events(evidence: Evidence, tables: Tables) -> Axis:
    """Seizure, motor and raised pressure: no entry means that no event was recorded, and is listed."""
    criteria: list[CriterionMet] = []
    gaps: list[Gap] = []
    notes: list[str] = []
    rows = (
        ("seizure", GapWhat.SEIZURE, evidence.seizure, Seizure.NONE),
        ("motor", GapWhat.MOTOR, evidence.motor, Motor.NONE),
        ("raised-icp", GapWhat.RAISED_ICP, evidence.raised_icp, RaisedIcp.NONE),
    )
    for axis, what, row, none in rows:
        unreadable = _chart_gaps(evidence, what)
        gaps += unreadable
        if row is None:
            gaps += [] if unreadable else [gap(what, GapWhy.NOT_CHARTED)]
            continue
        criterion = tables.of_finding(axis, row.finding.value)
        if criterion is not None:
            criteria.append(met(criterion, row.finding.value.replace("-", " "), row.at, row.source))
        elif row.finding is not none:
            notes.append(
                "Tremor and myoclonus are graded by CTCAE and never as ICANS; an early sign to watch"
            )
    level = max((criterion.level for criterion in criteria), default=0)
    return Axis(level, level, tuple(criteria), tuple(notes), tuple(gaps))


def _chart_gaps(evidence: Evidence, what: GapWhat, *, widens: bool = False) -> tuple[Gap, ...]:
    return tuple(
        gap(item.what, item.why, item.detail, widens=widens)
        for item in evidence.chart_gaps
        if item.what is what
    )
