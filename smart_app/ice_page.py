"""The bedside assessment: the form, the page on which it is confirmed, and what the record holds of it.

One address takes the form (``do``: ``check``, ``edit``, ``save``). Checking grades the chart with the
assessment in it and writes nothing. Saving writes one Observation under the form's own number, so that a form
that is sent twice is written once. After that the page shows the Observation and the grade as read again from
the record, never as they were typed.

Deliberately absent: keeping entries anywhere but in the form that comes back.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from starlette.datastructures import FormData

from fhir_maps.ice_observation import (
    AssessmentError,
    BedsideAssessment,
    form_id_of,
    read_assessment,
    write_assessment,
)
from fhir_maps.questionnaires import BedsideQuestionnaire, bedside_questionnaire
from fhir_maps.subjects import patient_id_of
from fhir_maps.times import parse_instant
from grading.tables import shipped_tables
from smart_app.attributing import who_of
from smart_app.errors import PageError
from smart_app.ice_form import CORRECTS, INSTRUMENT, VERSION, Entry, Fault, new_values, read_form, values_of
from smart_app.ice_scores import (
    bands,
    baseline_score,
    grade_then,
    instruments_for,
    last_score,
    last_sentence,
    preview,
    scores_unread,
    unknown_of,
)
from smart_app.ice_words import (
    PROBLEMS,
    SAVED_DIFFERENTLY,
    cautions,
    name_and_most,
    summary_line,
    tell_answer,
    tell_due,
    tell_findings,
    tell_grade,
    tell_newer,
    tell_points,
    tell_range,
    tell_score,
    why_not_saved,
)
from smart_app.page_room import Bedside, PageRoom, Resource, Saving
from smart_app.session import SmartSession
from smart_app.timeline_rows import write_clock

CORRECTABLE = timedelta(minutes=60)
_CORRECTABLE_STATUS = frozenset({"final", "corrected", "amended"})
_STATUS = {
    Saving.REFUSED: 403,
    Saving.REJECTED: 422,
    Saving.RENEWED: 409,
    Saving.ENDED: 401,
    Saving.CONFLICT: 409,
    Saving.UNCERTAIN: 502,
}
# After these, pressing the same button again may help.
_SAVE_AGAIN = frozenset({Saving.RENEWED, Saving.UNCERTAIN})
_NOT_CORRECTABLE = "This entry can no longer be corrected from here. Enter a new assessment."
_CHANGED_MEANWHILE = "This entry was changed meanwhile. Open the page again to see what is in the record now."


def ice_router(room: PageRoom) -> APIRouter:
    """The routes of the page, relative to the app."""
    router = APIRouter()
    page = _IcePage(room)

    @router.get("/s/{sid}/ice")
    async def show(request: Request) -> Response:
        session = await room.open(request)
        bedside = await room.read(session)
        return page.fresh(session, bedside, request.query_params.get(INSTRUMENT))

    @router.get("/s/{sid}/ice/correct/{form_id}")
    async def correct(request: Request, form_id: str) -> Response:
        session = await room.open(request)
        return page.correct(session, await room.read(session), form_id)

    @router.get("/s/{sid}/ice/saved/{form_id}")
    async def saved(request: Request, form_id: str) -> Response:
        session = await room.open(request)
        return page.saved(session, await room.read(session), form_id)

    @router.post("/s/{sid}/ice")
    async def take(request: Request) -> Response:
        session, form = await room.open_form(request)
        return await page.take(session, await room.read(session), form)

    return router


@dataclass(frozen=True, slots=True)
class _Taken:
    """A form without faults, as the Observation that it would be."""

    entry: Entry
    assessment: BedsideAssessment
    observation: Resource
    correcting: bool


class _IcePage:
    def __init__(self, room: PageRoom) -> None:
        self._room = room

    def fresh(self, session: SmartSession, bedside: Bedside, wanted: str | None) -> Response:
        questionnaire = _questionnaire(bedside, wanted)
        values = new_values(questionnaire, self._room.now(), bedside.zone, last_sentence(bedside))
        return self._form(session, bedside, Entry(questionnaire, values, (), None))

    def correct(self, session: SmartSession, bedside: Bedside, form_id: str) -> Response:
        found = _find(bedside, form_id)
        entered = read_assessment(found) if found is not None else None
        if found is None or entered is None or not _may_correct(session, found, self._room.now()):
            raise PageError(409, "Not to be corrected", _NOT_CORRECTABLE)
        values = values_of(entered, found["id"], _version(found), bedside.zone)
        entry = Entry(bedside_questionnaire(entered.questionnaire_id), values, (), None)
        return self._form(session, bedside, entry)

    async def take(self, session: SmartSession, bedside: Bedside, form: FormData) -> Response:
        posted = {name: value for name, value in form.items() if isinstance(value, str)}
        questionnaire = _questionnaire(bedside, posted.get(INSTRUMENT))
        entry = read_form(posted, questionnaire, self._room.now())
        if posted.get("do") == "edit":
            return self._form(session, bedside, Entry(questionnaire, entry.values, (), None))
        if entry.assessment is None:
            return self._form(session, bedside, entry, status=422)
        corrected = bedside.observations.get(f"Observation/{entry.values.get(CORRECTS, '')}")
        correcting = CORRECTS in entry.values
        if correcting and (fault := self._fault_of_correction(session, corrected, entry.values)):
            return self._form(
                session, bedside, Entry(questionnaire, entry.values, (fault,), None), status=409
            )
        try:
            observation = write_assessment(
                entry.assessment,
                patient_id=session.patient_id,
                encounter_id=session.encounter_id,
                performer=performer_of(session),
                entered_at=self._room.now().astimezone(bedside.zone),
                corrects=corrected if correcting else None,
            )
        except AssessmentError:
            raise PageError(500, "This assessment cannot be written", "Nothing was saved.") from None
        taken = _Taken(entry, entry.assessment, observation, correcting)
        if posted.get("do") == "save" and session.can_save:
            return await self._save(session, bedside, taken)
        return self._confirm(session, bedside, taken)

    def _fault_of_correction(
        self, session: SmartSession, corrected: Resource | None, values: Mapping[str, str]
    ) -> Fault | None:
        if corrected is None or not _may_correct(session, corrected, self._room.now()):
            return Fault("form", _NOT_CORRECTABLE)
        if _version(corrected) != values.get(VERSION, ""):
            return Fault("form", _CHANGED_MEANWHILE)
        return None

    async def _save(self, session: SmartSession, bedside: Bedside, taken: _Taken) -> Response:
        send = self._room.update if taken.correcting else self._room.create
        outcome = await send(session, taken.observation)
        if outcome.saving in (Saving.SAVED, Saving.ALREADY_THERE):
            held = outcome.resource
            if held is None and outcome.saving is Saving.ALREADY_THERE:
                held = _find(await self._room.read(session), taken.assessment.form_id)
            if held is not None and read_assessment(held) != taken.assessment:
                return self._confirm(session, bedside, taken, status=409, problem=SAVED_DIFFERENTLY)
            here = self._room.path_of(session, "ice")
            return RedirectResponse(f"{here}/saved/{taken.assessment.form_id}", 303)
        return self._confirm(
            session,
            bedside,
            taken,
            status=_STATUS[outcome.saving],
            problem=PROBLEMS[outcome.saving],
            save_again=outcome.saving in _SAVE_AGAIN,
        )

    def _form(self, session: SmartSession, bedside: Bedside, entry: Entry, status: int = 200) -> Response:
        questionnaire = entry.questionnaire
        instruments = instruments_for(bedside)
        name, most = name_and_most(questionnaire.id)
        return self._room.render(
            "ice.html",
            session,
            bedside,
            status,
            questionnaire=questionnaire,
            entry=entry,
            values=entry.values,
            faults=entry.fault_of,
            score_name=name,
            sentence=last_sentence(bedside),
            most=most,
            bands=bands(bedside),
            others=[(other, *name_and_most(other)) for other in instruments if other != questionnaire.id],
            only_capd=len(instruments) == 1 and not questionnaire.items,
            correcting=CORRECTS in entry.values,
            why_not_saved=why_not_saved(session),
            due=tell_due(bedside),
            **self._earlier(bedside, questionnaire, entry.values.get(CORRECTS)),
        )

    def _confirm(
        self,
        session: SmartSession,
        bedside: Bedside,
        taken: _Taken,
        *,
        status: int = 200,
        problem: tuple[str, str] | None = None,
        save_again: bool = False,
    ) -> Response:
        assessment, questionnaire = taken.assessment, taken.entry.questionnaire
        grades = preview(bedside, taken.observation, self._room.now())
        corrects = taken.entry.values.get(CORRECTS)
        newest = last_score(bedside, questionnaire, _reference(corrects))
        return self._room.render(
            "ice_confirm.html",
            session,
            bedside,
            status,
            values=taken.entry.values,
            problem=problem,
            may_save=session.can_save and (problem is None or save_again),
            settled=problem is SAVED_DIFFERENTLY,
            save_again=save_again,
            why_not_saved=why_not_saved(session),
            correcting=taken.correcting,
            unknown_performer=session.can_save and performer_of(session) is None,
            grade_before=tell_grade(grades.before),
            grade_after=tell_grade(grades.after),
            grade_then=tell_grade(grades.then) if _differs(grades.then, grades.after) else None,
            criteria_met=grades.after.criteria if grades.after else (),
            grade_notes=grades.after.notes if grades.after else (),
            grade_unknown=grades.unknown,
            cautions=cautions(assessment, grades, newest, bedside),
            unread=bedside.unread,
            **_told(assessment, bedside),
            **self._earlier(bedside, questionnaire, corrects, assessment.assessed_at),
        )

    def saved(self, session: SmartSession, bedside: Bedside, form_id: str) -> Response:
        found = _find(bedside, form_id)
        assessment = read_assessment(found) if found is not None else None
        if found is None or assessment is None:
            return self._room.render("ice_saved.html", session, bedside, found=False)
        now = bedside.review.assessment if bedside.review else None
        grade = now.icans if now else None
        questionnaire, at = bedside_questionnaire(assessment.questionnaire_id), assessment.assessed_at
        then = grade_then(bedside, at) if at < bedside.at else grade
        other = last_score(bedside, questionnaire, _reference(found.get("id")))
        entered_at = parse_instant(found.get("issued"))
        return self._room.render(
            "ice_saved.html",
            session,
            bedside,
            found=True,
            form_id=form_id,
            corrected=found.get("status") == "corrected",
            by=who_of(found),
            entered_at=write_clock(entered_at, bedside.zone) if entered_at else None,
            grade=tell_grade(grade),
            grade_then=tell_grade(then) if _differs(then, grade) else None,
            criteria_met=grade.criteria if grade else (),
            grade_notes=grade.notes if grade else (),
            grade_unknown=unknown_of(now),
            newer=tell_newer(assessment, other, bedside.zone),
            due=tell_due(bedside),
            summary=summary_line(assessment, then, grade, bedside),
            may_correct=_may_correct(session, found, self._room.now()),
            seizure_hours=shipped_tables().span("seizure") // timedelta(hours=1),
            **_told(assessment, bedside),
            **self._earlier(bedside, questionnaire, found.get("id"), at),
        )

    def _earlier(
        self,
        bedside: Bedside,
        questionnaire: BedsideQuestionnaire,
        without: str | None,
        until: datetime | None = None,
    ) -> dict[str, Any]:
        """Last score (the last one until a time) and baseline, as a whole and item by item."""
        last = last_score(bedside, questionnaire, _reference(without), until)
        baseline = baseline_score(bedside) if questionnaire.items else None
        return {
            "last": (tell_range(last.lowest, last.highest), write_clock(last.at, bedside.zone))
            if last
            else None,
            "scores_unread": scores_unread(bedside, questionnaire),
            "baseline": tell_range(baseline.lowest, baseline.highest) if baseline else None,
            "last_of": {item.link_id: tell_points(item, last) for item in questionnaire.items},
            "baseline_of": {item.link_id: tell_points(item, baseline) for item in questionnaire.items},
        }


def performer_of(session: SmartSession) -> str | None:
    """Who is signed in, as a reference that the record's own server knows; ``None`` for one of another."""
    reference = (session.fhir_user or "").strip()
    relative = reference.removeprefix(f"{session.iss}/")
    kind, _, logical_id = relative.partition("/")
    known = kind in ("Practitioner", "PractitionerRole") and logical_id and "/" not in logical_id
    return relative if known else None


def _questionnaire(bedside: Bedside, wanted: str | None) -> BedsideQuestionnaire:
    """The one that was asked for, where the patient's age allows it; else the first that it allows."""
    allowed = instruments_for(bedside)
    return bedside_questionnaire(wanted if wanted in allowed else allowed[0])


def _find(bedside: Bedside, form_id: str) -> Resource | None:
    """The Observation of the record that a form was written as, unless it was taken back."""
    for resource in bedside.observations.values():
        if form_id_of(resource) == form_id and resource.get("status") in _CORRECTABLE_STATUS:
            return resource
    return None


def _may_correct(session: SmartSession, resource: Mapping[str, Any], now: datetime) -> bool:
    """Whether an Observation is this user's own, of a form of ours, and of the last hour."""
    issued = parse_instant(resource.get("issued"))
    mine = performer_of(session)
    subject = resource.get("subject")
    return (
        session.can_correct
        and mine is not None
        and form_id_of(resource) is not None
        and _performed_by(resource) in (mine, f"{session.iss}/{mine}")
        and isinstance(subject, dict)
        and patient_id_of(subject.get("reference")) == session.patient_id
        and resource.get("status") in _CORRECTABLE_STATUS
        and issued is not None
        and now - issued <= CORRECTABLE
    )


def _performed_by(resource: Mapping[str, Any]) -> object:
    match resource.get("performer"):
        case [{"reference": reference}]:
            return reference
    return None


def _version(resource: Mapping[str, Any]) -> str:
    meta = resource.get("meta")
    return str(meta.get("versionId", "")) if isinstance(meta, dict) else ""


def _reference(observation_id: str | None) -> str | None:
    return f"Observation/{observation_id}" if observation_id else None


def _differs(then: Any, after: Any) -> bool:
    told = [(grade.status, grade.lowest, grade.highest) for grade in (then, after) if grade is not None]
    return len(told) == 2 and told[0] != told[1]


def _told(assessment: BedsideAssessment, bedside: Bedside) -> dict[str, Any]:
    """An assessment in words, for the confirmation and for what is in the record."""
    questionnaire = bedside_questionnaire(assessment.questionnaire_id)
    return {
        "score": tell_score(assessment),
        "assessed_at": write_clock(assessment.assessed_at, bedside.zone),
        "items": [
            (item, tell_answer(item, assessment.items[item.link_id]))
            for item in questionnaire.items
            if item.link_id in assessment.items
        ],
        "total_reason": tell_answer(questionnaire.total, assessment.total)
        if not questionnaire.items
        else None,
        "findings": list(tell_findings(assessment)),
        "context": [
            (question.text, assessment.context[name])
            for name, question in questionnaire.context.items()
            if name in assessment.context
        ],
    }
