"""Neurological findings and a clinician's statements: consciousness, scales, seizure, motor, raised pressure.

A finding is a coding of our CodeSystem (or of AVPU), or the same words as text. RASS and Glasgow eye opening
are kept as scores: whether they may stand in for a statement is grading's. Glasgow verbal, motor and total,
and the *goal* of a RASS, never come here.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from enum import Enum
from typing import Any

from fhir_maps.arousal_texts import Misread, score_of_text
from fhir_maps.charted import (
    Charted,
    charted_quantity,
    describe_concept,
    gap_of,
    not_understood,
    noted,
    shown,
)
from fhir_maps.reading_rules import RULES
from fhir_maps.terminology import Match
from fhir_maps.units import is_measurable
from grading.chart import (
    ArousalScale,
    ArousalScore,
    Attributable,
    Attribution,
    Consciousness,
    ConsciousnessRow,
    GapWhat,
    GapWhy,
    HypotensionStatement,
    Motor,
    MotorRow,
    RaisedIcp,
    RaisedIcpRow,
    SedationRow,
    Seizure,
    SeizureRow,
    Source,
    TeamConcern,
)

BY_TEXT = "matched on text"
_PAIN = "responds-to-pain"
_LONGEST_CAUSE = 200


def _match(charted: Charted, group: str) -> Match | None:
    value = charted.value
    if value.valueCodeableConcept is not None:
        return charted.terminology.of_concept(group, value.valueCodeableConcept)
    return charted.terminology.of_text(group, value.valueString)


def _words(charted: Charted) -> str:
    """The value's own words, for a detail or note."""
    if charted.value.valueCodeableConcept is not None:
        return describe_concept(charted.value.valueCodeableConcept)
    return shown(charted.value.valueString or "")


def _source(charted: Charted, match: Match) -> Source:
    return noted(charted.source, BY_TEXT) if match.by_text else charted.source


def _finding(
    group: str,
    what: GapWhat,
    findings: type[Enum],
    write_row: Callable[[datetime, Any, Source], object],
) -> Callable[[Charted], Sequence[object]]:
    """Make the reader of a finding whose answers are the values of an Enum."""
    known: Mapping[str, Enum] = {str(finding.value): finding for finding in findings}

    def read(charted: Charted) -> Sequence[object]:
        match = _match(charted, group)
        if match is None:
            return not_understood(charted, what, group)
        if match.unused:
            return (gap_of(charted, what, GapWhy.AMBIGUOUS, f"{_words(charted)}: {match.row.reason}"),)
        return (write_row(charted.at, known[match.concept], _source(charted, match)),)

    return read


read_consciousness = _finding("consciousness", GapWhat.CONSCIOUSNESS, Consciousness, ConsciousnessRow)
read_seizure = _finding("seizure", GapWhat.SEIZURE, Seizure, SeizureRow)
read_motor = _finding("motor", GapWhat.MOTOR, Motor, MotorRow)
read_raised_icp = _finding("raised_icp", GapWhat.RAISED_ICP, RaisedIcp, RaisedIcpRow)


def read_hypotension(charted: Charted) -> Sequence[object]:
    """Read a clinician's statement on hypotension: none or present."""
    match = _match(charted, "hypotension")
    if match is None:
        return not_understood(charted, GapWhat.BLOOD_PRESSURE, "hypotension")
    return (HypotensionStatement(charted.at, match.concept == "present", _source(charted, match)),)


def read_team_concern(charted: Charted) -> Sequence[object]:
    """Read the team's statement of concern: none or present."""
    match = _match(charted, "team_concern")
    if match is None:
        return not_understood(charted, GapWhat.CONDITIONS, "team_concern")
    return (TeamConcern(charted.at, match.concept == "present", _source(charted, match)),)


def read_sedated(charted: Charted) -> Sequence[object]:
    """Read whether the patient is sedated: a boolean and nothing else."""
    if charted.value.valueBoolean is None:
        return not_understood(charted, GapWhat.SEDATION, "sedated")
    return (SedationRow(charted.at, charted.value.valueBoolean, charted.source),)


def read_responsiveness(charted: Charted) -> Sequence[object]:
    """Read an AVPU answer.

    Pain is more than touch and may be the next level: it is read as touch, with a gap that says so.
    """
    match = _match(charted, "avpu_answer")
    if match is None:
        return not_understood(charted, GapWhat.CONSCIOUSNESS, "avpu_answer")
    if match.unused:
        detail = f"{_words(charted)}: {match.row.reason}"
        return (gap_of(charted, GapWhat.CONSCIOUSNESS, GapWhy.AMBIGUOUS, detail),)
    source = noted(charted.source, f"AVPU: {_words(charted)}")
    if match.concept != _PAIN:
        return (ConsciousnessRow(charted.at, Consciousness(match.concept), source),)
    detail = "responds to pain: touch, or only a vigorous stimulus (the next level)"
    return (
        ConsciousnessRow(charted.at, Consciousness.AWAKENS_TO_TOUCH, source),
        gap_of(charted, GapWhat.CONSCIOUSNESS, GapWhy.AMBIGUOUS, detail),
    )


def _score(scale: ArousalScale, answer_group: str) -> Callable[[Charted], Sequence[object]]:
    """Make the reader of an arousal scale: an integer, an answer code, or a text that carries the score."""
    lowest, highest = RULES.scores[scale.value]

    def read(charted: Charted) -> Sequence[object]:
        score = _score_of(charted, answer_group)
        if score is None:
            return not_understood(charted, GapWhat.CONSCIOUSNESS, scale.value)
        if isinstance(score, Misread):
            why = GapWhy.IMPLAUSIBLE if score is Misread.NO_WHOLE_NUMBER else GapWhy.AMBIGUOUS
            return (gap_of(charted, GapWhat.CONSCIOUSNESS, why, f"{scale.value}: {score.value}"),)
        if not lowest <= score <= highest:
            return (gap_of(charted, GapWhat.CONSCIOUSNESS, GapWhy.IMPLAUSIBLE, f"{scale.value} {score}"),)
        return (ArousalScore(charted.at, scale, score, charted.source),)

    return read


def _score_of(charted: Charted, answer_group: str) -> int | Misread | None:
    value, terminology = charted.value, charted.terminology
    quantity = charted_quantity(charted)
    if quantity is not None and quantity.value is not None:
        whole = is_measurable(quantity.value) and quantity.value == quantity.value.to_integral_value()
        return int(quantity.value) if whole and not quantity.comparator else Misread.NO_WHOLE_NUMBER
    concept = value.valueCodeableConcept
    if concept is None:
        return score_of_text(value.valueString, answer_group, terminology)
    for coding in concept.coding:
        if match := terminology.of_code(answer_group, coding.system, coding.code):
            return int(match.concept)
    for text in (concept.text, *(coding.display for coding in concept.coding)):
        if (score := score_of_text(text, answer_group, terminology)) is not None:
            return score
    return None


read_rass = _score(ArousalScale.RASS, "rass_answer")
read_glasgow_eye = _score(ArousalScale.GCS_EYE, "gcs_eye_answer")


def read_attribution(charted: Charted) -> Sequence[object]:
    """Read a clinician's attribution of a finding to another cause; the note holds the cause."""
    return _attribution(charted, withdrawn=False)


def read_withdrawal(charted: Charted) -> Sequence[object]:
    """Read the withdrawal of an attribution (a cancelled one, or one entered in error)."""
    return _attribution(charted, withdrawn=True)


def _attribution(charted: Charted, *, withdrawn: bool) -> Sequence[object]:
    match = _match(charted, "attributed_elsewhere")
    if match is None:
        return not_understood(charted, GapWhat.CONDITIONS, "attributed_elsewhere")
    notes = [note.text for note in charted.resource.note if note.text]
    cause = "; ".join(shown(text) for text in notes)[:_LONGEST_CAUSE] or None
    row = Attribution(charted.at, Attributable(match.concept), withdrawn, cause, _source(charted, match))
    return (row,)
