"""What was entered in a form, while the record cannot be read: it stays on the page that says so.

A form is taken further only with the record at hand, so the pages of the app raise where it cannot be had.
The answer to a form then carries all that was entered, to be sent again or to be noted; nothing is stored.
Only forms that were found to be of the session and patient are kept (:mod:`smart_app.form_door`).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from fastapi import Request
from starlette.datastructures import FormData

from fhir_maps.questionnaires import CAPD, ICE, BedsideQuestionnaire, Question, bedside_questionnaire
from smart_app.errors import PageError
from smart_app.form_door import PATIENT_FIELD, SID_FIELD, TOKEN_FIELD
from smart_app.ice_form import INSTRUMENT, NOT_TESTED, OFFSET
from smart_app.session import SmartSession

_KEPT = "smart_app.kept_form"
# The sign-in ended, the record may not be read, or the server does not answer: it may be noted, and after the
# last be sent again. After any other error what was entered is not to be shown with the patient.
_STATUSES = frozenset({401, 403, 503})
_ALWAYS_THERE = frozenset({TOKEN_FIELD, SID_FIELD, PATIENT_FIELD})


@dataclass(frozen=True, slots=True)
class KeptForm:
    """A form as it came, without what every form carries; ``page`` is the page of the app that it is of."""

    session: SmartSession
    page: str
    values: Mapping[str, str]

    def words(self) -> list[tuple[str, str]]:
        """What was entered, as questions with their answers."""
        instrument = self.values.get(INSTRUMENT)
        if instrument in (ICE, CAPD):
            return list(_answers(bedside_questionnaire(instrument), self.values))
        told = {"what": "Finding", "cause": "Cause", "concern": "Concern of the team"}
        return [(words, value) for name, words in told.items() if (value := self.values.get(name, ""))]


def keep_form(request: Request, session: SmartSession, form: FormData) -> None:
    """Remember a form for the time of its request."""
    values = {name: text for name, text in form.items() if isinstance(text, str)}
    values = {name: text for name, text in values.items() if name not in _ALWAYS_THERE}
    page = request.url.path.partition(f"/{session.sid}/")[2].partition("/")[0]
    request.scope[_KEPT] = KeptForm(session, page, values)


def kept_form(request: Request, error: PageError) -> KeptForm | None:
    """The form to show beside an error, where there is one."""
    kept: KeptForm | None = request.scope.get(_KEPT)
    return kept if kept is not None and kept.values and error.status in _STATUSES else None


def _answers(questionnaire: BedsideQuestionnaire, values: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    scored = questionnaire.items or (questionnaire.total,)
    for question in (*scored, *questionnaire.findings, *questionnaire.context.values()):
        parts = [_answer(question, values), *(_answer(part, values) for part in question.parts.values())]
        if told := "; ".join(part for part in parts if part):
            yield question.text, told


def _answer(question: Question, values: Mapping[str, str]) -> str:
    value = values.get(question.link_id, "")
    if value == NOT_TESTED:
        return "not tested"
    option = question.option_of(value)
    if question.kind == "dateTime" and value:
        return f"{value.replace('T', ' ')} ({values.get(OFFSET, '')})"
    if option is None:
        return value
    return f"{option.value} ({option.label})" if isinstance(option.value, int) else option.label
