"""Gaps in a doctor's words: what is not known, and why."""

from collections.abc import Mapping

from grading.chart import GapWhat, GapWhy

_WHAT: Mapping[GapWhat, str] = {
    GapWhat.INFUSION: "CAR-T infusion",
    GapWhat.OXYGEN: "oxygen device",
    GapWhat.SPO2: "SpO2",
    GapWhat.ICE: "ICE",
    GapWhat.CAPD: "CAPD",
    GapWhat.MOTOR: "motor finding",
    GapWhat.RAISED_ICP: "sign of raised intracranial pressure",
    GapWhat.TOCILIZUMAB: "tocilizumab dose",
    GapWhat.STEROIDS: "steroid dose",
    GapWhat.LABS: "laboratory value",
    GapWhat.CONDITIONS: "problem list or attribution",
}
_SENTENCES: Mapping[GapWhy, str] = {
    GapWhy.NOT_CHARTED: "{} not charted",
    GapWhy.STALE: "no recent {}",
    GapWhy.UNMAPPED: "{} charted in words or codes that are not known here",
    GapWhy.IMPLAUSIBLE: "{} charted with an implausible value or time",
    GapWhy.NOT_RETRIEVED: "{} not retrieved",
    GapWhy.AMBIGUOUS: "{} charted so that it can be read in two ways",
    GapWhy.ATTRIBUTED_ELSEWHERE: "{} attributed to another cause",
}


def describe_gap(what: GapWhat, why: GapWhy) -> str:
    """What is not known and why, as the beginning of a sentence: ``Temperature not charted``."""
    text = _SENTENCES[why].format(_WHAT.get(what) or what.value.replace("-", " "))
    return text[0].upper() + text[1:]
