"""Screens for what else it could be: simple triggers with what was found. A screen is never a diagnosis.

What a screen looks at and does not know stands beside it (:mod:`management.screen_pieces`). Deliberately
absent: reading imaging reports (free text is shown, never graded) and oliguria (not charted).
"""

from collections.abc import Mapping

from grading.chart import Lab, LabValue
from grading.tables import shipped_tables
from management.crs_conditions import Condition
from management.cytopenia import early_cytopenia, late_cytopenia
from management.icans_conditions import seizure_recorded
from management.immunoglobulin import low_igg
from management.lab_values import capitalised, exact, horizon_of, hours, values_between, with_unit
from management.situation import (
    NOT_MET,
    Reasons,
    Situation,
    earlier_labs,
    fever_reasons,
    latest_lab,
    name_lab,
    new_conditions,
    plain,
    times_upper_limit,
)
from management.vocabulary import Cut

_LYSIS_LABS = (Lab.POTASSIUM, Lab.PHOSPHATE, Lab.CALCIUM, Lab.URATE)


def tumour_lysis_possible(situation: Situation) -> Reasons:
    """Enough findings of tumour lysis close together around the infusion, one of them a laboratory value.

    A value that has been corrected since still counts while it is inside the window of laboratory values.
    """
    if not in_days_of_lysis(situation):
        return NOT_MET
    together = abnormal_together(situation)
    if not together:
        return NOT_MET
    found = (*(capitalised(with_unit(value)) for value in together), *clinical_lysis(situation))
    return found if len(found) >= situation.cut(Cut.LYSIS_COUNT) else NOT_MET


def in_days_of_lysis(situation: Situation) -> bool:
    """Whether tumour lysis is looked for on this day."""
    day = situation.evidence.day
    return day is not None and situation.cut(Cut.LYSIS_FIRST_DAY) <= day <= situation.cut(Cut.LYSIS_LAST_DAY)


def iec_hs_possible(situation: Situation) -> Reasons:
    """High and rising ferritin with one further finding; a rise that cannot be judged does not end the
    screen.
    """
    ferritin = latest_lab(situation, Lab.FERRITIN)
    if ferritin is None:
        return NOT_MET
    high = high_ferritin(situation, ferritin)
    with_it = beside_ferritin(situation)
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
    infusion = situation.evidence.infusion
    return low_igg(situation.chart, infusion.at if infusion else None, situation.at, situation.cuts)


def abnormal_together(situation: Situation) -> list[LabValue]:
    """Abnormal values within the span of each other, one a test: of the most tests, then the newest."""
    end = horizon_of(situation.at)
    start = situation.at - shipped_tables().span("labs")
    values = values_between(situation.chart.labs, start, end, _LYSIS_LABS)
    albumin = latest_lab(situation, Lab.ALBUMIN)
    abnormal = sorted(
        (
            value
            for of_lab in values.values()
            for value in of_lab
            if _points_at_lysis(situation, value, albumin)
        ),
        key=lambda value: value.at,
    )
    best: dict[Lab, LabValue] = {}
    for newest in abnormal:
        earliest = newest.at - situation.span(Cut.LYSIS_SPAN)
        near = {value.lab: value for value in abnormal if earliest <= value.at <= newest.at}
        best = near if len(near) >= len(best) else best
    return [best[lab] for lab in _LYSIS_LABS if lab in best]


def _points_at_lysis(situation: Situation, value: LabValue, albumin: LabValue | None) -> bool:
    """Whether one value is a finding of tumour lysis. Age unknown: by the cut of an adult, which is lower."""
    if value.lab is Lab.POTASSIUM:
        return value.value >= situation.cut(Cut.LYSIS_POTASSIUM)
    if value.lab is Lab.PHOSPHATE:
        age = situation.evidence.age_years
        child = age is not None and age < shipped_tables().limit("adult-years")
        return value.value >= situation.cut(Cut.LYSIS_PHOSPHATE_CHILD if child else Cut.LYSIS_PHOSPHATE)
    if value.lab is Lab.URATE:
        return value.value >= situation.cut(Cut.LYSIS_URATE)
    if albumin is None:
        return False  # total calcium says nothing without the albumin it is bound to
    missing = situation.cut(Cut.NORMAL_ALBUMIN) - albumin.value
    corrected = value.value + situation.cut(Cut.CALCIUM_PER_ALBUMIN) * missing
    return corrected <= situation.cut(Cut.LYSIS_CALCIUM)


def clinical_lysis(situation: Situation) -> Reasons:
    """Findings at the bedside that count beside a laboratory value: seizure, kidneys, rhythm."""
    rhythm = ("Arrhythmia on record",) if new_conditions(situation, "arrhythmia") else ()
    return (*seizure_recorded(situation), *_risen_creatinine(situation), *rhythm)


def _risen_creatinine(situation: Situation) -> Reasons:
    """Creatinine above the lowest value of two days before it, or the newest one where there is none."""
    now = latest_lab(situation, Lab.CREATININE)
    if now is None or not (earlier := earlier_labs(situation, now)):
        return NOT_MET
    recent = [value for value in earlier if now.at - value.at <= shipped_tables().span("labs")]
    before = min(recent, key=lambda value: value.value) if recent else earlier[-1]
    if now.value - before.value < situation.cut(Cut.LYSIS_CREATININE_RISE):
        return NOT_MET
    apart = hours(now.at - before.at)
    return (f"Creatinine risen from {exact(before.value)} to {exact(now.value)} mg/dL in {apart} h",)


def high_ferritin(situation: Situation, ferritin: LabValue) -> Reasons:
    """Ferritin high against its upper limit or its baseline, and not known to be falling."""
    times = situation.cut(Cut.FERRITIN_TIMES)
    of_limit = times_upper_limit(ferritin)
    baseline = situation.evidence.baseline.ferritin
    earlier = earlier_labs(situation, ferritin)
    above_limit = of_limit is not None and of_limit > times
    above_baseline = baseline is not None and ferritin.value > times * baseline.value
    if not (above_limit or above_baseline) or (earlier and ferritin.value <= earlier[-1].value):
        return NOT_MET
    if not earlier:
        return (f"Ferritin {exact(ferritin.value)} ng/mL; no earlier value to judge the rise by",)
    return (f"Ferritin {exact(ferritin.value)} ng/mL, risen from {exact(earlier[-1].value)}",)


def beside_ferritin(situation: Situation) -> Reasons:
    """Findings of liver, coagulation, LDH and blood count that count beside ferritin."""
    reasons: list[str] = []
    for lab in (Lab.ALT, Lab.AST):
        times = times_upper_limit(latest_lab(situation, lab))
        if times is not None and times > situation.cut(Cut.TRANSAMINASE_TIMES):
            reasons.append(f"{name_lab(lab)} {plain(times)} × upper limit")
    fibrinogen = latest_lab(situation, Lab.FIBRINOGEN)
    if fibrinogen is not None and fibrinogen.value < situation.cut(Cut.LOW_FIBRINOGEN):
        reasons.append(capitalised(with_unit(fibrinogen)))
    dehydrogenase = times_upper_limit(latest_lab(situation, Lab.LDH))
    if dehydrogenase is not None and dehydrogenase > 1:
        reasons.append(f"LDH {plain(dehydrogenase)} × upper limit")
    for lab, cut in ((Lab.PLATELETS, Cut.GRADE_4_PLATELETS), (Lab.ANC, Cut.GRADE_4_NEUTROPHILS)):
        now = latest_lab(situation, lab)
        if now is not None and _newly_below(situation, now, cut):
            reasons.append(f"New grade 4 cytopenia ({with_unit(now)})")
    return tuple(reasons)


def _newly_below(situation: Situation, now: LabValue, cut: Cut) -> bool:
    """Below the cut now, with an earlier value that was not."""
    lowest = situation.cut(cut)
    return now.value < lowest and any(value.value >= lowest for value in earlier_labs(situation, now))


SCREENS: Mapping[str, Condition] = {
    "tumour-lysis-possible": tumour_lysis_possible,
    "iec-hs-possible": iec_hs_possible,
    "progression-possible": progression_possible,
    "low-immunoglobulin": low_immunoglobulin,
    "early-icaht": early_cytopenia,
    "late-icaht": late_cytopenia,
}
