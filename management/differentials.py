"""Screens for what else it could be: simple triggers with what was found. A screen is never a diagnosis.

Deliberately absent: reading imaging reports (free text is shown, never graded), oliguria (not charted), and
late cytopenia beyond the monitoring window.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from decimal import Decimal

from grading.chart import Lab, LabValue
from management.crs_conditions import Condition
from management.icans_conditions import seizure_recorded
from management.situation import (
    NOT_MET,
    Reasons,
    Situation,
    current_conditions,
    earlier_labs,
    fever_reasons,
    is_child_or_unknown,
    latest_lab,
    name_lab,
    new_conditions,
    plain,
    times_upper_limit,
)
from management.vocabulary import Cut


def tumour_lysis_possible(situation: Situation) -> Reasons:
    """Enough findings of tumour lysis close together around the infusion, one of them a laboratory value."""
    day = situation.evidence.day
    if day is None or not situation.cut(Cut.LYSIS_FIRST_DAY) <= day <= situation.cut(Cut.LYSIS_LAST_DAY):
        return NOT_MET
    newest = {lab: value for lab in _LYSIS_LABS if (value := latest_lab(situation, lab)) is not None}
    abnormal = {lab: value for lab, value in newest.items() if _points_at_lysis(situation, lab, value)}
    if not abnormal:
        return NOT_MET
    latest = max(value.at for value in abnormal.values())
    together = [
        f"{name_lab(lab)} {plain(value.value)}"
        for lab, value in abnormal.items()
        if latest - value.at <= situation.span(Cut.LYSIS_SPAN)
    ]
    found = (*together, *_clinical_lysis(situation))
    return found if len(found) >= situation.cut(Cut.LYSIS_COUNT) else NOT_MET


def iec_hs_possible(situation: Situation) -> Reasons:
    """High and rising ferritin with one further finding; a rise that cannot be judged does not end the
    screen.
    """
    ferritin = latest_lab(situation, Lab.FERRITIN)
    if ferritin is None:
        return NOT_MET
    high = _high_ferritin(situation, ferritin)
    with_it = _beside_ferritin(situation)
    return (*high, *with_it) if high and with_it else NOT_MET


def progression_possible(situation: Situation) -> Reasons:
    """Fever, LDH above its own upper limit, and an imaging report since the infusion for a person to read."""
    infusion = situation.evidence.infusion
    lactate_dehydrogenase = times_upper_limit(latest_lab(situation, Lab.LDH))
    hot = fever_reasons(situation)
    if infusion is None or infusion.at is None or not hot:
        return NOT_MET
    if lactate_dehydrogenase is None or lactate_dehydrogenase <= 1:
        return NOT_MET
    if not any(infusion.at <= report.at <= situation.at for report in situation.chart.imaging):
        return NOT_MET
    return (*hot, f"LDH {plain(lactate_dehydrogenase)} × upper limit", "An imaging report is on record")


def low_immunoglobulin(situation: Situation) -> Reasons:
    """IgG at or below the cut with an infection on record."""
    immunoglobulin = latest_lab(situation, Lab.IGG)
    if immunoglobulin is None or immunoglobulin.value > situation.cut(Cut.LOW_IGG):
        return NOT_MET
    if not current_conditions(situation, "infection"):
        return NOT_MET
    return (f"IgG {plain(immunoglobulin.value)} mg/dL with an infection on record",)


def long_neutropenia(situation: Situation) -> Reasons:
    """Neutrophils at or below the cut on every latest value, over at least the days of the cut."""
    infusion = situation.evidence.infusion
    if infusion is None or infusion.at is None:
        return NOT_MET
    values = [
        value
        for value in situation.chart.labs
        if value.lab is Lab.ANC and infusion.at <= value.at <= situation.at
    ]
    run: list[LabValue] = []
    for value in values:
        run = [*run, value] if value.value <= situation.cut(Cut.LONG_NEUTROPENIA) else []
    if not run or run[-1].at - run[0].at < situation.span(Cut.LONG_NEUTROPENIA_DAYS):
        return NOT_MET
    return (f"Neutrophils at or below {plain(situation.cut(Cut.LONG_NEUTROPENIA))}/µL for {_days(run)} days",)


_LYSIS_LABS = (Lab.POTASSIUM, Lab.PHOSPHATE, Lab.CALCIUM, Lab.URATE)


def _points_at_lysis(situation: Situation, lab: Lab, value: LabValue) -> bool:
    if lab is Lab.POTASSIUM:
        return value.value >= situation.cut(Cut.LYSIS_POTASSIUM)
    if lab is Lab.PHOSPHATE:
        child = is_child_or_unknown(situation)
        return value.value >= situation.cut(Cut.LYSIS_PHOSPHATE_CHILD if child else Cut.LYSIS_PHOSPHATE)
    if lab is Lab.URATE:
        return value.value >= situation.cut(Cut.LYSIS_URATE)
    albumin = latest_lab(situation, Lab.ALBUMIN)
    if albumin is None:
        return False  # total calcium says nothing without the albumin it is bound to
    missing = situation.cut(Cut.NORMAL_ALBUMIN) - albumin.value
    corrected = value.value + situation.cut(Cut.CALCIUM_PER_ALBUMIN) * missing
    return corrected <= situation.cut(Cut.LYSIS_CALCIUM)


def _clinical_lysis(situation: Situation) -> Reasons:
    reasons = list(seizure_recorded(situation))
    creatinine = latest_lab(situation, Lab.CREATININE)
    if creatinine is not None and (earlier := earlier_labs(situation, creatinine)):
        rise = creatinine.value - earlier[-1].value
        if rise >= situation.cut(Cut.LYSIS_CREATININE_RISE):
            reasons.append(f"Creatinine risen by {plain(rise)} mg/dL")
    if new_conditions(situation, "arrhythmia"):
        reasons.append("Arrhythmia on record")
    return tuple(reasons)


def _high_ferritin(situation: Situation, ferritin: LabValue) -> Reasons:
    times = situation.cut(Cut.FERRITIN_TIMES)
    of_limit = times_upper_limit(ferritin)
    baseline = situation.evidence.baseline.ferritin
    earlier = [value.value for value in earlier_labs(situation, ferritin)]
    above_limit = of_limit is not None and of_limit > times
    above_baseline = baseline is not None and ferritin.value > times * baseline.value
    if not (above_limit or above_baseline) or (earlier and ferritin.value <= earlier[-1]):
        return NOT_MET
    if not earlier:
        return (f"Ferritin {plain(ferritin.value)} ng/mL; no earlier value to judge the rise by",)
    return (f"Ferritin {plain(ferritin.value)} ng/mL, risen from {plain(earlier[-1])}",)


def _beside_ferritin(situation: Situation) -> Reasons:
    reasons: list[str] = []
    for lab in (Lab.ALT, Lab.AST):
        times = times_upper_limit(latest_lab(situation, lab))
        if times is not None and times > situation.cut(Cut.TRANSAMINASE_TIMES):
            reasons.append(f"{name_lab(lab)} {plain(times)} × upper limit")
    fibrinogen = latest_lab(situation, Lab.FIBRINOGEN)
    if fibrinogen is not None and fibrinogen.value < situation.cut(Cut.LOW_FIBRINOGEN):
        reasons.append(f"Fibrinogen {plain(fibrinogen.value)} mg/dL")
    dehydrogenase = times_upper_limit(latest_lab(situation, Lab.LDH))
    if dehydrogenase is not None and dehydrogenase > 1:
        reasons.append(f"LDH {plain(dehydrogenase)} × upper limit")
    for lab, cut in ((Lab.PLATELETS, Cut.GRADE_4_PLATELETS), (Lab.ANC, Cut.GRADE_4_NEUTROPHILS)):
        if _newly_below(situation, lab, situation.cut(cut)):
            reasons.append(f"New grade 4 cytopenia ({name_lab(lab)})")
    return tuple(reasons)


def _newly_below(situation: Situation, lab: Lab, cut: Decimal) -> bool:
    """Below the cut now, with an earlier value that was not."""
    now = latest_lab(situation, lab)
    if now is None or now.value >= cut:
        return False
    return any(value.value >= cut for value in earlier_labs(situation, now))


def _days(run: list[LabValue]) -> int:
    return (run[-1].at - run[0].at) // timedelta(days=1)


SCREENS: Mapping[str, Condition] = {
    "tumour-lysis-possible": tumour_lysis_possible,
    "iec-hs-possible": iec_hs_possible,
    "progression-possible": progression_possible,
    "low-immunoglobulin": low_immunoglobulin,
    "long-neutropenia": long_neutropenia,
}

MISSING_PIECES: Mapping[str, Callable[[Situation], tuple[str, ...]]] = {}
"""By the name of a screen's condition: the inputs that it would look at and that are not known."""
