"""The situation a condition looks at: an assessment, the chart behind it, the course, and the cuts of the
protocol.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import ROUND_DOWN, Decimal

from grading.assessment import Assessment, CriterionMet, Status, SyndromeGrade
from grading.chart import (
    Attributable,
    Chart,
    Condition,
    DrugDose,
    GapWhat,
    GapWhy,
    Lab,
    LabValue,
)
from grading.evidence import Evidence
from grading.icans import assessed_by_capd
from grading.tables import shipped_tables
from management.protocol_rows import CutRow
from management.vocabulary import SPAN_UNITS, Cut

GradeAt = Callable[[datetime], Assessment | None]
"""Grades of the same chart at an earlier instant; ``None`` where there is no assessment."""

Reasons = tuple[str, ...]
"""Why a condition holds for this patient, in sentences; empty when it does not hold."""

NOT_MET: Reasons = ()

_ABBREVIATED_LABS = frozenset({Lab.ALT, Lab.AST, Lab.ANC, Lab.LDH, Lab.CRP, Lab.IGG})


@dataclass(frozen=True, slots=True)
class Situation:
    """Everything a condition may look at.

    ``tocilizumab`` are the doses that count towards the limits, oldest first; ``episode_tocilizumab`` those
    of them whose answer is judged, because they were given in this episode. ``weight_holds_for`` is how old
    a weight may be for a dose, ``most_tocilizumab`` the most doses that
    may be given in all.
    """

    assessment: Assessment
    chart: Chart
    grade_at: GradeAt
    cuts: Mapping[Cut, CutRow]
    weight_holds_for: timedelta
    most_tocilizumab: Decimal
    tocilizumab: tuple[DrugDose, ...] = ()
    episode_tocilizumab: tuple[DrugDose, ...] = ()

    @property
    def at(self) -> datetime:
        """The instant of the assessment."""
        return self.assessment.at

    @property
    def evidence(self) -> Evidence:
        """What holds at the instant."""
        return self.assessment.evidence

    @property
    def crs(self) -> SyndromeGrade:
        """CRS now."""
        return self.assessment.crs

    @property
    def icans(self) -> SyndromeGrade:
        """ICANS now."""
        return self.assessment.icans

    def cut(self, cut: Cut) -> Decimal:
        """The number of a cut."""
        return self.cuts[cut].value

    def span(self, cut: Cut) -> timedelta:
        """A cut that is a span of time."""
        return span_of(self.cuts, cut)

    def hours_since(self, instant: datetime) -> Decimal:
        """Hours from ``instant`` to now, exact to the second; 0 for what a fast clock put ahead."""
        return Decimal(max(0, int((self.at - instant).total_seconds()))) / 3600


def span_of(cuts: Mapping[Cut, CutRow], cut: Cut) -> timedelta:
    """A cut that is a span of time."""
    row = cuts[cut]
    return float(row.value) * SPAN_UNITS[row.unit]


def without_criterion(situation: Situation, criterion_id: str) -> Situation:
    """The same situation, as it would be had a criterion not been met: what the others prove stays proven."""
    assessment = situation.assessment
    bare = replace(
        assessment,
        crs=_unproven(assessment.crs, criterion_id),
        icans=_unproven(assessment.icans, criterion_id),
    )
    return replace(situation, assessment=bare)


def _unproven(syndrome: SyndromeGrade, criterion_id: str) -> SyndromeGrade:
    kept = tuple(criterion for criterion in syndrome.criteria if criterion.id != criterion_id)
    if len(kept) == len(syndrome.criteria):
        return syndrome
    lowest = min(syndrome.lowest, max((criterion.level for criterion in kept), default=0))
    return replace(syndrome, status=Status.INDETERMINATE, grade=None, lowest=lowest, criteria=kept)


def describe_grade(name: str, syndrome: SyndromeGrade) -> str:
    """``CRS grade 3``, or ``CRS at least grade 2 (up to 4 possible)`` where the grade is a range."""
    if syndrome.status is Status.INDETERMINATE:
        return f"{name} at least grade {syndrome.lowest} (up to {syndrome.highest} possible)"
    return f"{name} grade {syndrome.lowest}"


def describe_hours(hours: Decimal) -> str:
    """Hours as a reader says them: ``5 h``, ``5.5 h``. Never rounded up: 7 h 59 min are not yet 8 h."""
    return f"{plain(hours.quantize(Decimal('0.1'), ROUND_DOWN))} h"


def describe_instant(situation: Situation, instant: datetime) -> str:
    """Date and time to the minute with the offset, in the offset of the infusion where that is known."""
    return write_instant(instant.astimezone(situation.evidence.zone or instant.tzinfo))


def write_instant(instant: datetime) -> str:
    """Date and time to the minute with the offset: ``2026-03-04 08:00 +01:00``."""
    local = instant.isoformat(" ", "minutes")
    return f"{local[:16]} {local[16:]}"


def plain(number: Decimal) -> str:
    """A number with at most one decimal and no trailing zero."""
    return f"{number:.1f}".removesuffix(".0")


def axis_criterion(syndrome: SyndromeGrade, axis: str) -> CriterionMet | None:
    """The criterion met on an axis (``crs.hypoxia``), the highest when there are several."""
    met = [criterion for criterion in syndrome.criteria if criterion.id.startswith(f"{axis}.")]
    return max(met, key=lambda criterion: criterion.level, default=None)


def axis_level(syndrome: SyndromeGrade, axis: str) -> int:
    """The level met on an axis; 0 when no criterion of it is met."""
    criterion = axis_criterion(syndrome, axis)
    return 0 if criterion is None else criterion.level


def fever_reasons(situation: Situation) -> Reasons:
    """Any temperature at or above the fever limit in the window, attributed elsewhere or not."""
    peak = situation.evidence.peak_temperature
    if peak is None or peak.celsius < shipped_tables().limit("fever-celsius"):
        return NOT_MET
    return (f"Temperature {peak.celsius:.1f} °C",)


def is_attributed(situation: Situation, what: Attributable) -> bool:
    """Whether a clinician attributed the finding to another cause."""
    return situation.evidence.attribution_of(what) is not None


def is_child_or_unknown(situation: Situation) -> bool:
    """Under 18 years, or of unknown age."""
    age = situation.evidence.age_years
    return age is None or age < shipped_tables().limit("adult-years")


def is_scored_by_capd(situation: Situation) -> bool:
    """Whether CAPD is the score to take: as in grading, or where it was the last one charted (12-21 y)."""
    evidence, tables = situation.evidence, shipped_tables()
    if assessed_by_capd(evidence, tables):
        return True
    if evidence.age_years is not None and evidence.age_years > tables.limit("capd-delay-to-years"):
        return False
    capd_at, ice_at = evidence.last_capd_at, evidence.last_ice_at
    return capd_at is not None and (ice_at is None or ice_at < capd_at)


def is_sedated(situation: Situation) -> bool:
    """Whether the newest statement on sedation says yes."""
    sedation = situation.evidence.sedation
    return sedation is not None and sedation.sedated


def not_retrieved(assessment: Assessment, inputs: Collection[GapWhat]) -> bool:
    """Whether any of the inputs could not be (wholly) retrieved."""
    gaps = [(gap.what, gap.why) for gap in assessment.gaps]
    gaps += [(gap.what, gap.why) for gap in assessment.evidence.chart_gaps]
    return any((what, GapWhy.NOT_RETRIEVED) in gaps for what in inputs)


def name_lab(lab: Lab) -> str:
    """A laboratory test as a reader names it: ``ALT``, ``Potassium``."""
    return lab.value.upper() if lab in _ABBREVIATED_LABS else lab.value.capitalize()


def latest_lab(situation: Situation, lab: Lab) -> LabValue | None:
    """The newest value inside the window of laboratory values."""
    values = [value for value in situation.evidence.labs if value.lab is lab]
    return max(values, key=lambda value: value.at, default=None)


def earlier_labs(situation: Situation, than: LabValue) -> tuple[LabValue, ...]:
    """All values of the same laboratory test before ``than``, oldest first, those before the infusion
    included.
    """
    return tuple(value for value in situation.chart.labs if value.lab is than.lab and value.at < than.at)


def times_upper_limit(value: LabValue | None) -> Decimal | None:
    """How many times its own upper limit a value is; ``None`` when either is unknown."""
    if value is None or not value.upper_limit:
        return None
    return value.value / value.upper_limit


def current_conditions(situation: Situation, *kinds: str) -> tuple[Condition, ...]:
    """Diagnoses of these kinds on record now: begun (or of unknown date), and not resolved."""
    return tuple(
        condition
        for condition in situation.chart.conditions
        if condition.kind in kinds
        and (condition.at is None or condition.at <= situation.at)
        and (condition.resolved_at is None or condition.resolved_at > situation.at)
    )


def new_conditions(situation: Situation, *kinds: str) -> tuple[Condition, ...]:
    """As :func:`current_conditions`, without those that are known to be older than the infusion."""
    infusion = situation.evidence.infusion
    start = None if infusion is None else infusion.at
    return tuple(
        condition
        for condition in current_conditions(situation, *kinds)
        if start is None or condition.at is None or condition.at >= start
    )


def describe_conditions(conditions: tuple[Condition, ...]) -> Reasons:
    """One reason a diagnosis, by the name it was charted with."""
    return tuple(f"On record: {name_condition(condition)}" for condition in conditions)


def name_condition(condition: Condition) -> str:
    """A diagnosis by the name it was charted with, else by ours with its code."""
    if condition.text:
        return condition.text
    kind = (condition.kind or "diagnosis").replace("-", " ")
    return f"{kind} ({condition.code})" if condition.code else kind


def time_from_infusion(situation: Situation, instant: datetime) -> timedelta | None:
    """From the start of the latest infusion to ``instant``; ``None`` without a dated infusion."""
    infusion = situation.evidence.infusion
    if infusion is None or infusion.at is None:
        return None
    return instant - infusion.at
