"""The bedside questionnaires (FHIR R4, SDC) as a form is made of them.

``tables/questionnaires/*.json`` are the one source of wording, order, points and ranges; they are published
as they stand. What the form needs and a Questionnaire does not say is not added here.

Deliberately absent: QuestionnaireResponse, expressions and conditions of display. A form of ours is written
back as one Observation.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

ICE = "ice-assessment"
CAPD = "capd-assessment"

_R4 = "http://hl7.org/fhir/StructureDefinition"
_EXTRACT = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-observationExtract"
_PREFIX = f"{_R4}/questionnaire-optionPrefix"
_ABSENT = f"{_R4}/data-absent-reason"
_CONTROL = f"{_R4}/questionnaire-itemControl"


@dataclass(frozen=True, slots=True)
class Option:
    """One answer to choose. ``absent_reason`` is the FHIR code that a reason for not testing stands for."""

    value: int | str
    label: str
    absent_reason: str | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """One item, with the items under it by the last part of their ``linkId`` (``reason``, ``modified``).

    ``code`` is its code in our CodeSystem where it is written into the record, else ``None``. ``lowest`` and
    ``highest`` are the points that its options or its range allow.
    """

    link_id: str
    code: str | None
    display: str
    text: str
    kind: str
    help: str
    options: tuple[Option, ...]
    lowest: int | None
    highest: int | None
    longest: int | None
    parts: Mapping[str, "Question"]

    def option_of(self, value: object) -> Option | None:
        """The option whose value, as text, is this."""
        return next((option for option in self.options if str(option.value) == str(value)), None)


@dataclass(frozen=True, slots=True)
class BedsideQuestionnaire:
    """A questionnaire of one Observation: ``total`` is its own value, ``items`` and ``findings`` components.

    ``items`` add up to the total; CAPD has none. ``findings`` are coded answers and the statement on
    sedation. ``context`` goes into the notes, and the time. ``resource`` must not be changed.
    """

    resource: Mapping[str, Any]
    total: Question
    items: tuple[Question, ...]
    findings: tuple[Question, ...]
    context: Mapping[str, Question]

    @property
    def id(self) -> str:
        """``ice-assessment`` or ``capd-assessment``."""
        return str(self.resource["id"])


def questionnaire_ids() -> tuple[str, ...]:
    """The ids of the shipped questionnaires."""
    return (ICE, CAPD)


@cache
def questionnaire_resource(questionnaire_id: str) -> Mapping[str, Any]:
    """The FHIR resource as shipped. The caller must not change it. Raises :class:`FileNotFoundError`."""
    folder = resources.files("fhir_maps").joinpath("tables", "questionnaires")
    resource: dict[str, Any] = json.loads(folder.joinpath(f"{questionnaire_id}.json").read_text("utf-8"))
    return resource


@cache
def bedside_questionnaire(questionnaire_id: str) -> BedsideQuestionnaire:
    """Read a shipped questionnaire. Raises :class:`ValueError` where it has no item to be extracted."""
    resource = questionnaire_resource(questionnaire_id)
    total = next((item for item in resource["item"] if _extension(item, _EXTRACT)), None)
    if total is None:
        raise ValueError(f"{questionnaire_id}: no item is extracted")
    components = [_question(item) for item in total["item"] if _extension(item, _EXTRACT)]
    return BedsideQuestionnaire(
        resource=resource,
        total=_question(total),
        items=tuple(question for question in components if question.kind == "integer"),
        findings=tuple(question for question in components if question.kind != "integer"),
        context={item["linkId"]: _question(item) for item in resource["item"] if item is not total},
    )


def _question(item: Mapping[str, Any]) -> Question:
    options = tuple(_options(item))
    points = [option.value for option in options if isinstance(option.value, int)]
    code = item.get("code", [{}])[0]
    return Question(
        link_id=item["linkId"],
        code=code.get("code"),
        display=code.get("display", ""),
        text=item["text"],
        kind=item["type"],
        help=" ".join(part["text"] for part in item.get("item", ()) if _is_help(part)),
        options=options,
        lowest=min(points) if points else _extension(item, f"{_R4}/minValue").get("valueInteger"),
        highest=max(points) if points else _extension(item, f"{_R4}/maxValue").get("valueInteger"),
        longest=item.get("maxLength"),
        parts={
            part["linkId"].rpartition(".")[2]: _question(part)
            for part in item.get("item", ())
            if part["type"] != "display" and not _extension(part, _EXTRACT)
        },
    )


def _options(item: Mapping[str, Any]) -> Iterator[Option]:
    for option in item.get("answerOption", ()):
        if "valueCoding" in option:
            yield Option(option["valueCoding"]["code"], option["valueCoding"]["display"])
        elif "valueInteger" in option:
            label = _extension(option, _PREFIX).get("valueString", str(option["valueInteger"]))
            yield Option(option["valueInteger"], label)
        else:
            text = option["valueString"]
            yield Option(text, text, _extension(option, _ABSENT).get("valueCode"))


def _extension(element: Mapping[str, Any], url: str) -> Mapping[str, Any]:
    return next((part for part in element.get("extension", ()) if part["url"] == url), {})


def _is_help(item: Mapping[str, Any]) -> bool:
    control = _extension(item, _CONTROL).get("valueCodeableConcept", {}).get("coding", [{}])[0]
    return bool(item["type"] == "display" and control.get("code") == "help")
