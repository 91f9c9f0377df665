"""The page on which a clinician attributes a finding to another cause, withdraws that, or states concern.

Three steps: the list and the forms, a page that names the patient and the grade before and after, and the
saving. Nothing is saved that was not confirmed against the record as it is then: where the grades have become
others, they are shown again. After saving, the list is read anew from the record.

Deliberately absent: proposing a cause, and changing a statement of somebody else.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID, uuid4

from fastapi import APIRouter, Request, Response
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse

from fhir_maps.statement_observations import (
    LONGEST_CAUSE,
    CauseError,
    Statement,
    attribution_observation,
    clean_cause,
    concern_observation,
    withdrawal_observation,
)
from fhir_maps.times import parse_instant
from grading.chart import Attributable
from smart_app.attributing import (
    NAMES,
    Preview,
    attribution_in_force,
    cause_of,
    choices_of,
    follows_of,
    hours_of_concern,
    in_force,
    latest_concern,
    preview,
    statements_unread,
    who_of,
)
from smart_app.errors import PageError
from smart_app.page_room import Bedside, PageRoom, Resource, Saving
from smart_app.session import SmartSession
from smart_app.timeline_rows import write_clock

_CHANGED = "The record has changed since this was shown. Compare again, and save if it still holds."
_OUTCOMES: Mapping[Saving, tuple[int, str]] = {
    Saving.REFUSED: (403, "The EHR does not permit you to save this. Nothing was saved."),
    Saving.REJECTED: (
        422,
        "The EHR did not take this statement. Nothing was saved. Chart it in the EHR itself.",
    ),
    Saving.RENEWED: (409, "The sign-in had run out and was renewed. Nothing was saved yet: save again."),
    Saving.ENDED: (
        401,
        "The sign-in has ended. Nothing was saved. Copy your text, and open this app again from the EHR.",
    ),
    Saving.CONFLICT: (
        409,
        "The record was changed by somebody else meanwhile. Nothing was saved: look again.",
    ),
    Saving.UNCERTAIN: (
        502,
        "The EHR did not answer. It may have been saved or not. Save again: nothing is saved twice.",
    ),
}
_ENDED = frozenset({Saving.ENDED})


class _EntryError(Exception):
    """An entry that cannot be taken; the text is for the page."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """What somebody wants to state; ``form`` is the number under which it is saved once."""

    act: str  # "attribute", "withdraw", "concern"
    what: Attributable | None
    cause: str
    reference: str
    present: bool
    form: UUID

    def resource(self, session: SmartSession, bedside: Bedside, room: PageRoom) -> Resource:
        """The Observation to be sent. Raises :class:`_EntryError`."""
        statement = Statement(
            session.patient_id,
            session.encounter_id,
            session.fhir_user,
            room.now().astimezone(bedside.zone),
            self.form,
        )
        if self.act == "concern":
            return concern_observation(self.present, statement)
        if self.act == "withdraw":
            attribution = attribution_in_force(bedside, self.reference)
            if attribution is None:
                raise _EntryError("That statement no longer holds: it was withdrawn or replaced.")
            return withdrawal_observation(attribution, statement)
        assert self.what is not None  # noqa: S101 - the form was read so
        if any(held.what is self.what for held in in_force(bedside)):
            raise _EntryError(f"{NAMES[self.what]} is attributed already. Withdraw that statement first.")
        return attribution_observation(self.what, self.cause, statement)


def attribution_router(room: PageRoom) -> APIRouter:
    """The routes of the page, relative to the app."""
    router = APIRouter()

    @router.get("/s/{sid}/attribution")
    async def show(request: Request) -> Response:
        session = await room.open(request)
        bedside = await room.read(session)
        return _list_page(room, session, bedside, saved=request.query_params.get("saved"))

    @router.post("/s/{sid}/attribution/confirm")
    async def confirm(request: Request) -> Response:
        session, form = await room.open_form(request)
        _check_may_save(session)
        bedside = await room.read(session)
        _check_graded(bedside)
        try:
            entry = _read_entry(form, uuid4())
            resource = entry.resource(session, bedside, room)
        except (_EntryError, CauseError) as error:
            return _list_page(room, session, bedside, status=422, problem=str(error), form=form)
        return _confirm_page(room, session, bedside, entry, preview(bedside, resource))

    @router.post("/s/{sid}/attribution/save")
    async def save(request: Request) -> Response:
        session, form = await room.open_form(request)
        _check_may_save(session)
        bedside = await room.read(session)
        _check_graded(bedside)
        here = room.path_of(session, "attribution")
        try:
            entry = _read_entry(form, _form_number(form))
            if _saved_as(bedside, entry.form) is not None:  # saved by an earlier press of the same button
                return RedirectResponse(f"{here}?saved={entry.form}", 303)
            resource = entry.resource(session, bedside, room)
        except (_EntryError, CauseError) as error:
            return _list_page(room, session, bedside, status=409, problem=str(error), form=form)
        found = preview(bedside, resource)
        if form.get("confirmed") != found.fingerprint:
            return _confirm_page(room, session, bedside, entry, found, status=409, problem=_CHANGED)
        outcome = await room.create(session, resource)
        if outcome.saving in (Saving.SAVED, Saving.ALREADY_THERE):
            if outcome.resource is None or _is_same(outcome.resource, resource):
                return RedirectResponse(f"{here}?saved={entry.form}", 303)
            status, problem = _OUTCOMES[Saving.CONFLICT]
        else:
            status, problem = _OUTCOMES[outcome.saving]
        ended = outcome.saving in _ENDED
        return _confirm_page(
            room, session, bedside, entry, found, status=status, problem=problem, can_save=not ended
        )

    return router


def _check_may_save(session: SmartSession) -> None:
    if not session.can_save:
        raise PageError(403, "Nothing can be saved here", why_read_only(session))


def _check_graded(bedside: Bedside) -> None:
    if bedside.review is None:
        raise PageError(
            409,
            "Nothing to attribute",
            "This patient is not graded now, so no finding counts. Nothing was saved.",
        )


def why_read_only(session: SmartSession) -> str:
    """Why nothing can be saved in this session."""
    if not session.user_may_assess:
        return "The EHR did not say that you are a clinician, so nothing can be saved under your name."
    return "The EHR allows this app to read the record but not to write into it. Chart it in the EHR itself."


def _read_entry(form: FormData, number: UUID) -> _Entry:
    act = _text(form, "act")
    what = next((each for each in Attributable if each.value == _text(form, "what")), None)
    present = {"present": True, "none": False}.get(_text(form, "concern"))
    if act == "attribute":
        if what is None:
            raise _EntryError("Choose the finding that has another cause.")
        return _Entry(act, what, clean_cause(_text(form, "cause")), "", False, number)
    if act == "withdraw":
        return _Entry(act, None, "", _text(form, "reference"), False, number)
    if act == "concern" and present is not None:
        return _Entry(act, None, "", "", present, number)
    raise _EntryError("Choose what to state.")


def _text(form: FormData, name: str) -> str:
    value = form.get(name)
    return value if isinstance(value, str) else ""


def _form_number(form: FormData) -> UUID:
    try:
        return UUID(_text(form, "form"))
    except ValueError:
        raise _EntryError("This form was not complete. Begin again.") from None


def _saved_as(bedside: Bedside, number: UUID) -> Resource | None:
    """The Observation in the record that this form has written."""
    for resource in bedside.observations.values():
        identifiers = resource.get("identifier")
        for identifier in identifiers if isinstance(identifiers, list) else ():
            if isinstance(identifier, dict) and identifier.get("value") == number.urn:
                return resource
    return None


def _is_same(found: Resource, sent: Resource) -> bool:
    """Whether the record holds the statement that was sent, whatever else the server wrote into it."""
    return all(_meaning(found, name) == _meaning(sent, name) for name in ("status", "value", "note"))


def _meaning(resource: Resource, name: str) -> object:
    if name == "value":
        concept = resource.get("valueCodeableConcept")
        codings = concept.get("coding") if isinstance(concept, dict) else None
        first = codings[0] if isinstance(codings, list) and codings else None
        return first.get("code") if isinstance(first, dict) else None
    return cause_of(resource) if name == "note" else resource.get(name)


def _list_page(
    room: PageRoom,
    session: SmartSession,
    bedside: Bedside,
    *,
    saved: str | None = None,
    status: int = 200,
    problem: str | None = None,
    form: FormData | None = None,
) -> Response:
    graded = bedside.review is not None
    concern = latest_concern(bedside) if graded else None
    return room.render(
        "attribution.html",
        session,
        bedside,
        status,
        step="list",
        graded=graded,
        held=in_force(bedside) if graded else [],
        statements_unread=statements_unread(bedside),
        choices=choices_of(bedside) if graded else [],
        concern=None if concern is None else (concern[0], write_clock(concern[1], bedside.zone)),
        can_save=session.can_save,
        why_read_only=None if session.can_save else why_read_only(session),
        problem=problem,
        saved=None if saved is None else _told_saved(bedside, saved),
        entered_what=_text(form, "what") if form is not None else "",
        entered_cause=_text(form, "cause") if form is not None else "",
        longest_cause=LONGEST_CAUSE,
        concern_hours=hours_of_concern(),
    )


def _told_saved(bedside: Bedside, saved: str) -> Mapping[str, str | None]:
    """What the record says of a statement just saved; ``found`` is ``None`` where it does not show it."""
    try:
        resource = _saved_as(bedside, UUID(saved))
    except ValueError:
        resource = None
    if resource is None:
        return {"found": None}
    at = parse_instant(resource.get("effectiveDateTime"))
    return {
        "found": _title_of(resource),
        "cause": cause_of(resource),
        "at": write_clock(at, bedside.zone) if at is not None else "an unknown time",
        "by": who_of(resource),
    }


def _title_of(resource: Resource) -> str:
    """A statement of the record in words."""
    answer = _meaning(resource, "value")
    what = next((each for each in Attributable if each.value == answer), None)
    if what is None:
        return "The team is concerned" if answer == "present" else "The team is not concerned"
    if resource.get("status") == "cancelled":
        return f"{NAMES[what]}: the attribution is withdrawn"
    return f"{NAMES[what]} attributed to another cause"


def _confirm_page(
    room: PageRoom,
    session: SmartSession,
    bedside: Bedside,
    entry: _Entry,
    found: Preview,
    *,
    status: int = 200,
    problem: str | None = None,
    can_save: bool = True,
) -> Response:
    held = next((each for each in in_force(bedside) if each.reference == entry.reference), None)
    return room.render(
        "attribution.html",
        session,
        bedside,
        status,
        step="confirm",
        entry=entry,
        name=NAMES[entry.what] if entry.what is not None else (held.name if held is not None else None),
        choice=next((each for each in choices_of(bedside) if each.what is entry.what), None),
        held=held,
        follows=follows_of(entry.what) if entry.what is not None else None,
        preview=found,
        problem=problem,
        can_save=can_save,
        concern_hours=hours_of_concern(),
        you=session.fhir_user,
    )
