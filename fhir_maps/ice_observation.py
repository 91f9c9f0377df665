"""One bedside assessment (ICE, or CAPD for a child) as one Observation: written strictly, and read back.

The total is the Observation's own value; each item and each finding is a component. An item that was not
tested carries ``dataAbsentReason``, never 0, and then the total has no value either: whoever reads it finds a
range. What has no code (how an item was modified, the interpreter, the sentence) stands in notes, each with
the wording of its question before it, and is found again by it. :mod:`fhir_maps.ice_observations` reads
scores of any origin into the chart; what it makes of an Observation from here is what was entered.

Deliberately absent: ``interpretation`` and a grade. A grade depends on the rest of the chart and is made anew
each time.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from fhir_maps.artefacts import ASSESSMENT_SYSTEM, CANONICAL
from fhir_maps.questionnaires import BedsideQuestionnaire, Question, bedside_questionnaire, questionnaire_ids
from fhir_maps.times import parse_instant

Resource = dict[str, Any]
# The id of the form that an Observation came from: whoever saves the same form twice writes once.
FORM_SYSTEM = f"{CANONICAL}/identifier/bedside-assessment"
_ABSENT_SYSTEM = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
_CATEGORY_SYSTEM = "http://terminology.hl7.org/CodeSystem/observation-category"
_ABSENT_DISPLAYS = {
    "not-performed": "Not Performed",
    "asked-declined": "Asked But Declined",
    "not-asked": "Not Asked",
}
_NOT_PERFORMED = "not-performed"
_MODIFIED = "modified"
_BETWEEN = ": "


class AssessmentError(Exception):
    """An assessment cannot be written as valid FHIR. The message holds nothing of the patient."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to an item or to the total of CAPD: points, or why there are none; and how it was modified.

    ``reason`` is the value of one of the question's options, ``words`` what was added to it. An item without
    points and without a reason was not charted.
    """

    points: int | None = None
    reason: str | None = None
    words: str | None = None
    modified: str | None = None


@dataclass(frozen=True, slots=True)
class BedsideAssessment:
    """What was entered at the bedside. Everything is by the ``linkId`` of the questionnaire.

    ``total`` is that of CAPD, and empty for ICE, whose items add up. ``findings`` holds codes of our
    CodeSystem, ``context`` what goes into the notes. ``form_id`` is a UUID. ``assessed_at`` is aware.
    """

    questionnaire_id: str
    form_id: str
    assessed_at: datetime
    items: Mapping[str, Answer] = field(default_factory=dict)
    total: Answer = Answer()
    findings: Mapping[str, str] = field(default_factory=dict)
    sedated: bool | None = None
    context: Mapping[str, str] = field(default_factory=dict)

    @property
    def points(self) -> tuple[int, int]:
        """The least and the most that the total can be; what was not tested spans its whole range."""
        questionnaire = bedside_questionnaire(self.questionnaire_id)
        if not questionnaire.items:
            known = self.total.points
            total = questionnaire.total
            return (known, known) if known is not None else (total.lowest or 0, total.highest or 0)
        lowest = highest = 0
        for question in questionnaire.items:
            points = self.items.get(question.link_id, Answer()).points
            lowest += (question.lowest or 0) if points is None else points
            highest += (question.highest or 0) if points is None else points
        return lowest, highest

    @property
    def is_complete(self) -> bool:
        """Whether the total is known: every item has points."""
        questionnaire = bedside_questionnaire(self.questionnaire_id)
        answers = [self.items.get(item.link_id, Answer()) for item in questionnaire.items] or [self.total]
        return all(answer.points is not None for answer in answers)


def write_assessment(
    assessment: BedsideAssessment,
    *,
    patient_id: str,
    encounter_id: str | None,
    performer: str | None,
    entered_at: datetime,
    corrects: Mapping[str, Any] | None = None,
) -> Resource:
    """Write an assessment as an Observation, validated as R4.

    ``performer`` is a reference (``Practitioner/7``) that the record's own server knows, or ``None``.
    ``corrects`` is the Observation, as read from the server, that this one replaces: it keeps its id and
    identifier and becomes ``corrected``. Raises :class:`AssessmentError`.
    """
    questionnaire = bedside_questionnaire(assessment.questionnaire_id)
    total = questionnaire.total
    observation: Resource = {
        "resourceType": "Observation",
        "identifier": [{"system": FORM_SYSTEM, "value": f"urn:uuid:{assessment.form_id}"}],
        "status": "final" if corrects is None else "corrected",
        "category": [
            {"coding": [{"system": _CATEGORY_SYSTEM, "code": "survey", "display": "Survey"}]},
        ],
        "code": _concept(total) | {"text": total.display},
        "subject": {"reference": f"Patient/{patient_id}"},
        "effectiveDateTime": assessment.assessed_at.isoformat(timespec="seconds"),
        "issued": entered_at.isoformat(timespec="seconds"),
        **_value_of_total(assessment, questionnaire),
    }
    if encounter_id:
        observation["encounter"] = {"reference": f"Encounter/{encounter_id}"}
    if performer:
        observation["performer"] = [{"reference": performer}]
    if notes := list(_notes(assessment, questionnaire)):
        observation["note"] = [{"text": text} for text in notes]
    if components := list(_components(assessment, questionnaire)):
        observation["component"] = components
    if corrects is not None:
        observation |= {name: corrects[name] for name in ("id", "meta", "identifier") if name in corrects}
    _validate(observation)
    return observation


def read_assessment(observation: Mapping[str, Any]) -> BedsideAssessment | None:
    """Read an Observation of one of our codes back into what was entered, item by item.

    For showing a score, and for correcting one of ours. ``None`` for another code, or without a time. What is
    not as we write it is left out, not guessed; a number outside its range is left out as well.
    """
    code = _own_code(observation.get("code"))
    at = parse_instant(_text(observation.get("effectiveDateTime")))
    questionnaire = next(
        (known for known in map(bedside_questionnaire, questionnaire_ids()) if known.total.code == code), None
    )
    if questionnaire is None or at is None:
        return None
    notes = _notes_of(observation)
    components = {_own_code(part.get("code")): part for part in _dicts(observation.get("component"))}
    items = {
        item.link_id: _answer(item, components[item.code], notes)
        for item in questionnaire.items
        if item.code in components
    }
    findings = {
        question.link_id: answer
        for question in questionnaire.findings
        if (answer := _own_code(components.get(question.code, {}).get("valueCodeableConcept")))
        and question.option_of(answer)
    }
    sedated = components.get("sedated", {}).get("valueBoolean")
    return BedsideAssessment(
        questionnaire_id=questionnaire.id,
        form_id=form_id_of(observation) or "",
        assessed_at=at,
        items=items,
        total=Answer() if questionnaire.items else _answer(questionnaire.total, observation, notes),
        findings=findings,
        sedated=sedated if isinstance(sedated, bool) else None,
        context={
            name: notes[question.text]
            for name, question in questionnaire.context.items()
            if question.text in notes
        },
    )


def form_id_of(observation: Mapping[str, Any]) -> str | None:
    """The UUID of the form that an Observation was written from; ``None`` when it is none of ours."""
    for identifier in _dicts(observation.get("identifier")):
        value = _text(identifier.get("value")) or ""
        if identifier.get("system") == FORM_SYSTEM and value.startswith("urn:uuid:"):
            return value.removeprefix("urn:uuid:")
    return None


def _value_of_total(assessment: BedsideAssessment, questionnaire: BedsideQuestionnaire) -> Resource:
    if assessment.is_complete:
        return {"valueInteger": assessment.points[0]}
    if not questionnaire.items:
        return {"dataAbsentReason": _absent(questionnaire.total, assessment.total)}
    return {"dataAbsentReason": _absence(_NOT_PERFORMED, "Not all items were tested")}


def _components(assessment: BedsideAssessment, questionnaire: BedsideQuestionnaire) -> Iterator[Resource]:
    for item in questionnaire.items:
        answer = assessment.items.get(item.link_id, Answer())
        if answer.points is None:
            yield {"code": _concept(item), "dataAbsentReason": _absent(item, answer)}
        else:
            yield {"code": _concept(item), "valueInteger": answer.points}
    for question in questionnaire.findings:
        if question.kind == "boolean":
            if assessment.sedated is not None:
                yield {"code": _concept(question), "valueBoolean": assessment.sedated}
        elif (code := assessment.findings.get(question.link_id)) is not None:
            option = question.option_of(code)
            if option is None:
                raise AssessmentError(f"no such answer to {question.link_id}")
            coding = {"system": ASSESSMENT_SYSTEM, "code": code, "display": option.label}
            yield {"code": _concept(question), "valueCodeableConcept": {"coding": [coding]}}


def _absent(question: Question, answer: Answer) -> Resource:
    """Why there are no points: the code of the reason chosen, and its words."""
    option = question.parts["reason"].option_of(answer.reason) if answer.reason else None
    code = (option.absent_reason if option else None) or _NOT_PERFORMED
    return _absence(code, _BETWEEN.join(part for part in (answer.reason, answer.words) if part))


def _absence(code: str, text: str) -> Resource:
    coding = {"system": _ABSENT_SYSTEM, "code": code, "display": _ABSENT_DISPLAYS[code]}
    return {"coding": [coding], **({"text": text} if text else {})}


def _notes(assessment: BedsideAssessment, questionnaire: BedsideQuestionnaire) -> Iterator[str]:
    for item in questionnaire.items:
        modified = assessment.items.get(item.link_id, Answer()).modified
        if modified:
            yield f"{item.text}, {_MODIFIED}{_BETWEEN}{modified}"
    for name, question in questionnaire.context.items():
        if text := assessment.context.get(name):
            yield f"{question.text}{_BETWEEN}{text}"


def _concept(question: Question) -> Resource:
    coding = {"system": ASSESSMENT_SYSTEM, "code": question.code, "display": question.display}
    return {"coding": [coding]}


def _answer(question: Question, value: Mapping[str, Any], notes: Mapping[str, str]) -> Answer:
    modified = notes.get(f"{question.text}, {_MODIFIED}")
    points = value.get("valueInteger")
    if type(points) is int and (question.lowest or 0) <= points <= (question.highest or 0):
        return Answer(points, modified=modified)
    reason = value.get("dataAbsentReason")
    text = _text(reason.get("text")) if isinstance(reason, dict) else None
    for option in question.parts["reason"].options:
        if text is not None and (text == option.value or text.startswith(f"{option.value}{_BETWEEN}")):
            words = text.removeprefix(str(option.value)).removeprefix(_BETWEEN)
            return Answer(None, str(option.value), words or None, modified)
    return Answer(None, None, text, modified)


def _notes_of(observation: Mapping[str, Any]) -> dict[str, str]:
    """The notes by the wording that each begins with."""
    texts = (_text(note.get("text")) or "" for note in _dicts(observation.get("note")))
    parts = (text.partition(_BETWEEN) for text in texts)
    return {wording: text for wording, between, text in parts if between and text}


def _own_code(concept: object) -> str | None:
    codings = _dicts(concept.get("coding")) if isinstance(concept, dict) else []
    return next(
        (_text(coding.get("code")) for coding in codings if coding.get("system") == ASSESSMENT_SYSTEM), None
    )


def _dicts(value: object) -> list[dict[str, Any]]:
    return [part for part in value if isinstance(part, dict)] if isinstance(value, list) else []


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _validate(observation: Resource) -> None:
    from fhir.resources.R4B.observation import Observation  # 100 ms to load, and wanted for writing alone

    try:
        Observation.model_validate(observation)
    except ValueError as error:  # pydantic's ValidationError is one; its text would repeat the values
        raise AssessmentError("the assessment is not a valid R4 Observation") from error
