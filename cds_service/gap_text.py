"""Gaps in words: what is not known, why, and where it belongs."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from enum import Enum
from typing import Any

from cds_service.card_text import escape_markdown, spell_units, write_age, write_number
from grading.assessment import Gap
from grading.bedside_words import in_words
from grading.chart import Chart, GapWhat, GapWhy
from grading.gaps import INPUTS_OF_CRS, INPUTS_OF_ICANS


class Syndrome(Enum):
    """The two syndromes, as they are written on cards."""

    CRS = "CRS"
    ICANS = "ICANS"


WHAT_WORDS = {
    GapWhat.INFUSION: "CAR-T infusion",
    GapWhat.TEMPERATURE: "temperature",
    GapWhat.BLOOD_PRESSURE: "blood pressure",
    GapWhat.OXYGEN: "oxygen device",
    GapWhat.OXYGEN_FLOW: "oxygen flow",
    GapWhat.SPO2: "SpO2",
    GapWhat.VASOPRESSORS: "vasopressors",
    GapWhat.ICE: "ICE",
    GapWhat.CAPD: "CAPD",
    GapWhat.CONSCIOUSNESS: "consciousness",
    GapWhat.SEIZURE: "seizure",
    GapWhat.MOTOR: "motor findings",
    GapWhat.RAISED_ICP: "signs of raised intracranial pressure",
    GapWhat.SEDATION: "sedation",
    GapWhat.WEIGHT: "weight",
    GapWhat.TOCILIZUMAB: "tocilizumab doses",
    GapWhat.STEROIDS: "steroid doses",
    GapWhat.LABS: "laboratory values",
    GapWhat.CONDITIONS: "conditions",
    GapWhat.AGE: "age",
}
WHY_WORDS = {
    GapWhy.NOT_CHARTED: "not charted",
    GapWhy.STALE: "no recent value",
    GapWhy.UNMAPPED: "charted in a way no map knows",
    GapWhy.IMPLAUSIBLE: "implausible value",
    GapWhy.NOT_RETRIEVED: "not retrieved",
    GapWhy.AMBIGUOUS: "ambiguous",
    GapWhy.ATTRIBUTED_ELSEWHERE: "attributed elsewhere",
}
# By what is missing: the rows that were charted of it, and the words for one of them.
_LAST: Mapping[GapWhat, tuple[Callable[[Chart], tuple[Any, ...]], Callable[[Any], str]]] = {
    GapWhat.TEMPERATURE: (lambda chart: chart.temperatures, lambda row: f"{write_number(row.celsius, 2)} °C"),
    GapWhat.BLOOD_PRESSURE: (
        lambda chart: chart.systolic_pressures,
        lambda row: f"systolic {write_number(row.mmhg)} mmHg",
    ),
    GapWhat.OXYGEN: (lambda chart: chart.oxygen_devices, lambda row: in_words(row.device)),
    GapWhat.SPO2: (lambda chart: chart.saturations, lambda row: f"{write_number(row.percent)} %"),
    GapWhat.ICE: (
        lambda chart: chart.ice_scores,
        lambda row: str(row.minimum) if row.minimum == row.maximum else f"{row.minimum}–{row.maximum}",
    ),
    GapWhat.CAPD: (
        lambda chart: chart.capd_scores,
        lambda row: "not performed" if row.total is None else str(row.total),
    ),
    GapWhat.CONSCIOUSNESS: (
        lambda chart: chart.consciousness,
        lambda row: in_words(row.level),
    ),
    GapWhat.WEIGHT: (lambda chart: chart.weights, lambda row: f"{write_number(row.kilograms, 2)} kg"),
}


def syndrome_of_gap(gap: Gap) -> Syndrome | None:
    """The syndrome whose card names the gap; ``None`` for what belongs to neither."""
    if gap.what in INPUTS_OF_ICANS:
        return Syndrome.ICANS
    return Syndrome.CRS if gap.what in INPUTS_OF_CRS else None


def is_sedated_now(gap: Gap) -> bool:
    """Whether the gap is sedation that is charted: nothing is to be charted, it hides what is looked for."""
    return gap.what is GapWhat.SEDATION and gap.why is GapWhy.AMBIGUOUS


def gap_words(gap: Gap) -> str:
    """A gap in a few words, for a summary: ``temperature not charted``."""
    if is_sedated_now(gap):
        return "sedated: consciousness and ICE say nothing"
    return f"{WHAT_WORDS[gap.what]} {WHY_WORDS[gap.why]}"


def gap_lines(gaps: Iterable[Gap], chart: Chart | None = None, now: datetime | None = None) -> list[str]:
    """Gaps as Markdown list items; those that leave the grade open come first and say so.

    With the chart, a value that is too old is told with its age: history, never current.
    """
    ordered = sorted(gaps, key=lambda gap: not gap.widens_range)
    return [
        gap_words(gap)
        + _last_known(gap, chart, now)
        + (f": {escape_markdown(spell_units(gap.detail))}" if gap.detail else "")
        + (" – **leaves the grade open**" if gap.widens_range else "")
        for gap in ordered
    ]


def _last_known(gap: Gap, chart: Chart | None, now: datetime | None) -> str:
    if gap.why is not GapWhy.STALE or chart is None or now is None or gap.what not in _LAST:
        return ""
    rows_of, words = _LAST[gap.what]
    rows = [row for row in rows_of(chart) if row.at <= now]
    return f" (last {words(rows[-1])}, {write_age(rows[-1].at, now)} ago)" if rows else ""
