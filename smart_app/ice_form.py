"""The posted form of a bedside assessment, read against the Questionnaire it was made from.

Strict: a value that the Questionnaire does not offer, an item without an answer, an item without points and
without a reason are faults, each with its field and a sentence that says what to do. What was typed is kept
as it was, so that the form comes back with it.

Deliberately absent: the grade, and whether the assessment may be saved.
"""

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from fhir_maps.ice_observation import Answer, BedsideAssessment
from fhir_maps.questionnaires import CAPD, BedsideQuestionnaire, Question, bedside_questionnaire
from grading.tables import shipped_tables

NOT_TESTED = "not-tested"
SEDATED = {"yes": True, "no": False}
OTHER_REASON = "Other reason"
REASON_SEDATED = "Sedated"
REASON_UNAROUSABLE, UNAROUSABLE = "Unarousable", "unarousable"
# An assessment of yesterday is entered late; an older one is more likely a slip of the date.
OLDEST = timedelta(hours=24)
# Parts of the form that are no answers.
INSTRUMENT, FORM_ID, OFFSET, CORRECTS, VERSION = "instrument", "form", "offset", "corrects", "version"
_OFFSET = re.compile(r"[+-](?:0\d|1[0-4]):[0-5]\d")
_LOCAL = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::00)?")
_LONGEST_VALUE = 2000


@dataclass(frozen=True, slots=True)
class Fault:
    """Something to mend: the ``name`` of the field, and a sentence."""

    field: str
    text: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A form as it came: the values as typed, and the assessment, which is ``None`` while faults remain."""

    questionnaire: BedsideQuestionnaire
    values: Mapping[str, str]
    faults: tuple[Fault, ...]
    assessment: BedsideAssessment | None

    @property
    def fault_of(self) -> Mapping[str, str]:
        """The sentence of each field that has one."""
        return {fault.field: fault.text for fault in self.faults}


def field_names(questionnaire: BedsideQuestionnaire) -> tuple[str, ...]:
    """All fields of the form of a questionnaire, in its order."""
    names = [INSTRUMENT, FORM_ID, OFFSET, CORRECTS, VERSION]
    for question in (questionnaire.total, *questionnaire.items):
        names += [question.link_id, *(f"{question.link_id}.{part}" for part in question.parts)]
    names += [question.link_id for question in questionnaire.findings]
    return tuple(dict.fromkeys([*names, *questionnaire.context]))


def new_values(
    questionnaire: BedsideQuestionnaire, now: datetime, zone: tzinfo, sentence: str | None
) -> dict[str, str]:
    """The values of a fresh form: the present, and the sentence of last time; nothing is answered in it."""
    known = {"sentence": sentence} if sentence and "sentence" in questionnaire.context else {}
    return {INSTRUMENT: questionnaire.id, FORM_ID: str(uuid.uuid4()), **_time_values(now, zone), **known}


def values_of(
    assessment: BedsideAssessment, observation_id: str, version: str, zone: tzinfo
) -> dict[str, str]:
    """The values of a form that corrects an assessment."""
    values = {
        INSTRUMENT: assessment.questionnaire_id,
        FORM_ID: assessment.form_id,
        CORRECTS: observation_id,
        VERSION: version,
        **_time_values(assessment.assessed_at, zone),
        **assessment.findings,
        **{name: text for name, text in assessment.context.items() if name != "assessed-at"},
    }
    if assessment.sedated is not None:
        values["sedated"] = "yes" if assessment.sedated else "no"
    questionnaire = bedside_questionnaire(assessment.questionnaire_id)
    answers = dict(assessment.items) or {questionnaire.total.link_id: assessment.total}
    for link_id, answer in answers.items():
        untested = NOT_TESTED if questionnaire.items else ""
        values[link_id] = untested if answer.points is None else str(answer.points)
        parts = {"reason": answer.reason, "reason-words": answer.words, "modified": answer.modified}
        values |= {f"{link_id}.{part}": text for part, text in parts.items() if text}
    return values


def read_form(posted: Mapping[str, object], questionnaire: BedsideQuestionnaire, now: datetime) -> Entry:
    """Read a posted form. ``now`` is the clinical present (aware)."""
    values = {
        name: _clean(value)
        for name in field_names(questionnaire)
        if isinstance(value := posted.get(name), str) and value.strip()
    }
    reading = _Reading(values, now)
    answers = {item.link_id: reading.item(item) for item in questionnaire.items}
    total = Answer() if questionnaire.items else reading.total(questionnaire.total)
    findings = {
        question.link_id: answer
        for question in questionnaire.findings
        if question.kind == "choice" and (answer := reading.choice(question))
    }
    sedated = reading.sedated()
    context = {
        name: text
        for name, question in questionnaire.context.items()
        if question.kind != "dateTime" and (text := reading.context(question))
    }
    at = reading.time()
    form_id = reading.form_id()
    if not reading.faults:
        reading.check_together(
            questionnaire, answers or {questionnaire.total.link_id: total}, findings, sedated
        )
    if reading.faults or at is None or form_id is None:
        return Entry(questionnaire, values, tuple(reading.faults), None)
    assessment = BedsideAssessment(questionnaire.id, form_id, at, answers, total, findings, sedated, context)
    return Entry(questionnaire, values, (), assessment)


class _Reading:
    """A form while it is read; faults in the order of the form."""

    def __init__(self, values: Mapping[str, str], now: datetime) -> None:
        self.faults: list[Fault] = []
        self._values = values
        self._now = now

    def fault(self, field: str, text: str) -> None:
        self.faults.append(Fault(field, text))

    def item(self, question: Question) -> Answer:
        chosen = self._values.get(question.link_id)
        modified = self._words(question.parts["modified"])
        if chosen is None:
            self.fault(
                question.link_id, f"{question.text}: choose an answer, or “Not tested” with the reason."
            )
            return Answer()
        if chosen == NOT_TESTED:
            return self._without_points(question, modified)
        option = question.option_of(chosen)
        if option is None:
            self.fault(question.link_id, f"{question.text}: choose one of the answers.")
            return Answer()
        return Answer(int(option.value), modified=modified)

    def total(self, question: Question) -> Answer:
        typed, reason = self._values.get(question.link_id), self._values.get(f"{question.link_id}.reason")
        span = f"a whole number from {question.lowest} to {question.highest}"
        if typed is None and reason is None:
            self.fault(question.link_id, f"{question.text}: enter {span}, or why it could not be performed.")
            return Answer()
        if typed is None:
            return self._without_points(question, None)
        if reason is not None:
            self.fault(question.link_id, f"{question.text}: enter the total or a reason, not both.")
            return Answer()
        points = int(typed) if re.fullmatch(r"[0-9]{1,2}", typed) else None
        if points is None or not (question.lowest or 0) <= points <= (question.highest or 0):
            self.fault(question.link_id, f"{question.text}: enter {span}.")
            return Answer()
        return Answer(points)

    def _without_points(self, question: Question, modified: str | None) -> Answer:
        asked = question.parts["reason"]
        reason = asked.option_of(self._values.get(asked.link_id))
        words = self._words(question.parts["reason-words"])
        if reason is None:
            self.fault(asked.link_id, f"{question.text}: say why. What was not tested never counts as 0.")
        elif reason.value == OTHER_REASON and not words:
            self.fault(question.parts["reason-words"].link_id, f"{question.text}: say the reason in words.")
        return Answer(None, str(reason.value) if reason else None, words, modified)

    def choice(self, question: Question) -> str | None:
        chosen = self._values.get(question.link_id)
        if chosen is not None and question.option_of(chosen) is None:
            self.fault(question.link_id, f"{question.text}: choose one of the answers.")
        return chosen

    def sedated(self) -> bool | None:
        chosen = self._values.get("sedated")
        if chosen is not None and chosen not in SEDATED:
            self.fault("sedated", "Sedated: choose yes or no, or leave it open.")
        return SEDATED.get(chosen or "")

    def context(self, question: Question) -> str | None:
        chosen = self._values.get(question.link_id)
        if chosen is not None and question.options and question.option_of(chosen) is None:
            self.fault(question.link_id, f"{question.text}: choose one of the answers.")
        return self._words(question)

    def _words(self, question: Question) -> str | None:
        text = self._values.get(question.link_id)
        if text is not None and question.longest is not None and len(text) > question.longest:
            self.fault(question.link_id, f"{question.text}: at most {question.longest} characters.")
        return text

    def time(self) -> datetime | None:
        local, offset = self._values.get("assessed-at", ""), self._values.get(OFFSET, "")
        at = None
        if _LOCAL.fullmatch(local) and _OFFSET.fullmatch(offset):
            try:
                at = datetime.fromisoformat(local + offset)
            except ValueError:
                at = None
        if at is None:
            self.fault("assessed-at", "Time of the assessment: enter date and time.")
        elif at > self._now + shipped_tables().span("clock-skew"):
            self.fault("assessed-at", "Time of the assessment: it lies in the future.")
        elif at < self._now - OLDEST:
            self.fault("assessed-at", "Time of the assessment: it is more than 24 hours ago.")
        else:
            return at
        return None

    def form_id(self) -> str | None:
        try:
            return str(uuid.UUID(self._values.get(FORM_ID, "")))
        except ValueError:
            self.fault(FORM_ID, "This form has no number of its own. Open the page again.")
            return None

    def check_together(
        self,
        questionnaire: BedsideQuestionnaire,
        answers: Mapping[str, Answer],
        findings: Mapping[str, str],
        sedated: bool | None,
    ) -> None:
        """What one answer asks of another: a reason that was named, and arousal where it decides."""
        if sedated is not True and any(answer.reason == REASON_SEDATED for answer in answers.values()):
            self.fault("sedated", "Sedated is given as a reason: say here that the patient is sedated.")
        unarousable = any(answer.reason == REASON_UNAROUSABLE for answer in answers.values())
        if unarousable and findings.get("consciousness", UNAROUSABLE) != UNAROUSABLE:
            self.fault("consciousness", "Arousal: “Unarousable” is given as a reason. Mend one of the two.")
            return
        scored = sum(answer.points or 0 for answer in answers.values())
        by_capd = questionnaire.id == CAPD
        if scored and not by_capd and findings.get("consciousness") == UNAROUSABLE:
            self.fault("consciousness", "Arousal: who is unarousable answers no item. Mend one of the two.")
            return
        unscored = not any(answer.points is not None for answer in answers.values())
        decides = unscored if by_capd else scored == 0
        if decides and "consciousness" not in findings and sedated is not True:
            why = (
                "without a score, arousal bounds the grade."
                if unscored
                else "awake with a score of 0 is grade 3, unarousable is grade 4."
            )
            self.fault("consciousness", f"Arousal: say what wakes the patient; {why}")


def _time_values(at: datetime, zone: tzinfo) -> dict[str, str]:
    local = at.astimezone(zone)
    return {"assessed-at": local.strftime("%Y-%m-%dT%H:%M"), OFFSET: local.isoformat()[-6:]}


def _clean(value: str) -> str:
    """Without signs that FHIR forbids and with one kind of line end; cut where nobody types so much."""
    lines = value.replace("\r\n", "\n").replace("\r", "\n")[:_LONGEST_VALUE]
    return "".join(sign for sign in lines if sign in "\n\t" or sign.isprintable()).strip()
