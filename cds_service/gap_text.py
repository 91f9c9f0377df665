"""Gaps in words: what is not known, why, and where it belongs."""

from collections.abc import Iterable
from enum import Enum

from cds_service.card_text import escape_markdown, spell_units
from grading.assessment import Gap
from grading.chart import GapWhat, GapWhy


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
    GapWhat.RAISED_ICP: "signs of raised pressure",
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
_OF_ICANS = frozenset(
    {
        GapWhat.ICE,
        GapWhat.CAPD,
        GapWhat.CONSCIOUSNESS,
        GapWhat.SEIZURE,
        GapWhat.MOTOR,
        GapWhat.RAISED_ICP,
        GapWhat.SEDATION,
    }
)


def syndrome_of_gap(gap: Gap) -> Syndrome:
    """The syndrome whose card names the gap; what concerns both stands with CRS."""
    return Syndrome.ICANS if gap.what in _OF_ICANS else Syndrome.CRS


def gap_words(gap: Gap) -> str:
    """A gap in a few words, for a summary: ``temperature not charted``."""
    return f"{WHAT_WORDS[gap.what]} {WHY_WORDS[gap.why]}"


def gap_lines(gaps: Iterable[Gap]) -> list[str]:
    """Gaps as Markdown list items; those that leave the grade open come first and say so."""
    ordered = sorted(gaps, key=lambda gap: not gap.widens_range)
    return [
        gap_words(gap)
        + (f": {escape_markdown(spell_units(gap.detail))}" if gap.detail else "")
        + (" – **leaves the grade open**" if gap.widens_range else "")
        for gap in ordered
    ]
