"""CRS by the ASTCT consensus: fever, and the higher of hypotension and hypoxia."""

from dataclasses import dataclass, replace
from datetime import datetime

from grading.assessment import CriterionMet, Gap, Status, SyndromeGrade
from grading.axis import Axis, gap, met
from grading.chart import Attributable, ChartGap, GapWhat, GapWhy
from grading.evidence import Evidence
from grading.hypotension import grade_hypotension
from grading.hypoxia import grade_hypoxia
from grading.tables import Tables


@dataclass(frozen=True, slots=True)
class CrsFinding:
    """A CRS grade and the gaps found on the way."""

    syndrome: SyndromeGrade
    gaps: tuple[Gap, ...]


def grade_crs(evidence: Evidence, tables: Tables) -> CrsFinding:
    """Grade CRS at the instant of the evidence.

    With fever the grade is the higher axis, at least 1. Fever is waived only for an established CRS that has
    been given an antipyretic, an anticytokine drug or a steroid since. Without either, hypotension or hypoxia
    is not decidable: status ``INDETERMINATE`` with a range from 0. Organ toxicity never counts.
    """
    if "crs" in evidence.death_from:
        death = tables.criteria["crs.death"]
        return CrsFinding(_certain(death.level, (met(death, "confirmed by a clinician", None),), ()), ())
    if evidence.deceased:
        return CrsFinding(
            _not_assessable(tables, "The patient is deceased; no confirmed cause names CRS"), ()
        )
    if evidence.infusion is None or evidence.infusion.at is None:
        gaps = tuple(replace(item, widens_range=False) for item in _fever_gaps(evidence))
        return CrsFinding(_not_assessable(tables, "The date of the CAR-T infusion is not known"), gaps)
    hypotension, hypoxia = grade_hypotension(evidence, tables), grade_hypoxia(evidence, tables)
    fever_gaps = _fever_gaps(evidence)
    gaps = (*fever_gaps, *hypotension.gaps, *hypoxia.gaps)
    return CrsFinding(_combine(evidence, tables, hypotension, hypoxia), gaps)


def has_fever(evidence: Evidence, tables: Tables) -> bool:
    """Whether the highest plausible temperature of the window is fever that nobody attributed elsewhere."""
    peak = evidence.peak_temperature
    return (
        peak is not None
        and peak.celsius >= tables.limit("fever-celsius")
        and evidence.attribution_of(Attributable.FEVER) is None
    )


def is_waived(evidence: Evidence) -> bool:
    """Whether fever is no longer needed: CRS is established, and something that masks fever was given
    since.
    """
    return evidence.established_by is not None and evidence.masking is not None


def _combine(evidence: Evidence, tables: Tables, hypotension: Axis, hypoxia: Axis) -> SyndromeGrade:
    lowest = max(hypotension.lowest, hypoxia.lowest)
    highest = max(hypotension.highest, hypoxia.highest)
    criteria = (*hypotension.criteria, *hypoxia.criteria)
    notes = (*_fever_notes(evidence, tables), *hypotension.notes, *hypoxia.notes)
    fever = tables.criteria["crs.fever.present"]
    if has_fever(evidence, tables) and evidence.peak_temperature is not None:
        peak = evidence.peak_temperature
        criterion = met(fever, f"{peak.celsius:.1f} °C", peak.at, peak.source, note=peak.source.note)
        return _between(max(fever.level, lowest), max(fever.level, highest), (criterion, *criteria), notes)
    if is_waived(evidence) and evidence.masking is not None and evidence.established_by is not None:
        if highest == 0 and not _temperature_known(evidence):
            return _between(0, fever.level, (), notes)
        waiver: tuple[CriterionMet, ...] = ()
        if highest > 0:
            value = f"{evidence.masking.name or evidence.masking.drug.value} given after fever"
            waived = tables.criteria["crs.fever.waived"]
            waiver = (
                met(
                    waived,
                    value,
                    evidence.masking.at,
                    evidence.masking.source,
                    evidence.established_by.source,
                ),
            )
        return _between(lowest, highest, (*waiver, *criteria), notes)
    if lowest > 0 or hypotension.suspected or hypoxia.suspected:
        return _indeterminate(0, highest, criteria, notes)
    if _temperature_known(evidence):
        return _between(0, 0, (), notes)
    if evidence.peak_temperature is None and not hypotension.known and not hypoxia.known:
        return _not_assessable(tables, "Neither temperature, blood pressure nor oxygen is charted", notes)
    return _indeterminate(0, max(fever.level, highest), (), notes)


def _between(
    lowest: int, highest: int, criteria: tuple[CriterionMet, ...], notes: tuple[str, ...]
) -> SyndromeGrade:
    if lowest == highest:
        return _certain(lowest, criteria, notes)
    return _indeterminate(lowest, highest, criteria, notes)


def _certain(grade: int, criteria: tuple[CriterionMet, ...], notes: tuple[str, ...]) -> SyndromeGrade:
    status = Status.GRADED if grade else Status.NONE
    return SyndromeGrade(status, grade, grade, grade, criteria, notes)


def _indeterminate(
    lowest: int, highest: int, criteria: tuple[CriterionMet, ...], notes: tuple[str, ...]
) -> SyndromeGrade:
    return SyndromeGrade(Status.INDETERMINATE, None, lowest, highest, criteria, notes)


def _not_assessable(tables: Tables, why: str, notes: tuple[str, ...] = ()) -> SyndromeGrade:
    highest = tables.criteria["crs.hypotension.multiple-vasopressors"].level
    return SyndromeGrade(Status.NOT_ASSESSABLE, None, 0, highest, (), (why, *notes))


def _fever_notes(evidence: Evidence, tables: Tables) -> tuple[str, ...]:
    attribution = evidence.attribution_of(Attributable.FEVER)
    peak = evidence.peak_temperature
    if attribution is None or peak is None or peak.celsius < tables.limit("fever-celsius"):
        return ()
    return (f"Fever attributed elsewhere by a clinician: {attribution.cause or 'cause not stated'}",)


def _temperature_known(evidence: Evidence) -> bool:
    """Whether fever can be told: a temperature is charted, and none that is newer could hide one."""
    latest = evidence.latest_temperature
    return latest is not None and not any(_may_hide_fever(item, latest.at) for item in evidence.chart_gaps)


def _may_hide_fever(item: ChartGap, latest_at: datetime) -> bool:
    """A search that failed, or a newer entry nobody could read; an implausible one was no temperature."""
    if item.what is not GapWhat.TEMPERATURE:
        return False
    unread = item.why is GapWhy.UNMAPPED and (item.at is None or item.at > latest_at)
    return item.why is GapWhy.NOT_RETRIEVED or unread


def _fever_gaps(evidence: Evidence) -> tuple[Gap, ...]:
    missing = evidence.latest_temperature is None
    latest_at = evidence.latest_temperature.at if evidence.latest_temperature else evidence.at
    unreadable = [
        gap(item.what, item.why, item.detail, widens=missing or _may_hide_fever(item, latest_at))
        for item in evidence.chart_gaps
        if item.what is GapWhat.TEMPERATURE
    ]
    if missing and not unreadable:
        stale = evidence.last_temperature_at is not None
        unreadable.append(
            gap(GapWhat.TEMPERATURE, GapWhy.STALE if stale else GapWhy.NOT_CHARTED, widens=True)
        )
    attribution = evidence.attribution_of(Attributable.FEVER)
    if attribution is not None:
        unreadable.append(gap(GapWhat.TEMPERATURE, GapWhy.ATTRIBUTED_ELSEWHERE, attribution.cause))
    return tuple(unreadable)
