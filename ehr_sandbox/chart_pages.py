"""The pages of the pocket EHR: the list of patients, and a chart that behaves as a CDS Hooks client.

Opening a chart calls ``patient-view`` and shows the cards beside the chart, so a page tells what holds now.
What a button does is in :mod:`ehr_sandbox.chart_actions`; each answers with a redirect that opens the chart
anew. There is no login: a form is taken from the sandbox's own pages only, and that is all its protection.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta, tzinfo
from typing import Annotated, Any, Protocol
from urllib.parse import urlencode, urlsplit

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from ehr_sandbox.chart_actions import ActionRefusedError, CardDesk, LaunchedApp
from ehr_sandbox.chart_cards import ShownCard
from ehr_sandbox.chart_heading import CLOCK_STEPS, ClockReading, Heading, clock_reading, heading, moment
from ehr_sandbox.chart_tables import COLUMNS, drugs, vitals, written
from ehr_sandbox.clock import SandboxClock
from ehr_sandbox.hook_client import HookError
from ehr_sandbox.patients import SamplePatient
from ehr_sandbox.played_course import Milestone, guide_at
from ehr_sandbox.record import CHART_CLOCK, Resource
from ehr_sandbox.rendering import render_page

_SEE_OTHER = 303
_Field = Annotated[str, Form()]


class ReadableRecord(Protocol):
    """The records as they stand at the sandbox's clock."""

    def of_patient(self, patient_id: str) -> list[Resource]:
        """All resources of a patient, the Patient first."""
        ...

    def written(self, patient_id: str) -> list[Resource]:
        """Those of them that were written while the sandbox ran, newest first."""
        ...

    def clear(self) -> None:
        """Forget what was written while the sandbox ran."""
        ...


class AppLauncher(Protocol):
    """Begins a SMART launch."""

    def begin(self, app: LaunchedApp) -> str:
        """The address for the frame: the app's launch URL with ``launch`` and ``iss``."""
        ...


@dataclass(frozen=True, slots=True)
class ChartRoom:
    """What the pages are built on. ``played`` is the patient whose course is played, with its milestones."""

    patients: Sequence[SamplePatient]
    record: ReadableRecord
    desk: CardDesk
    view: Callable[[str], Mapping[str, Any]]
    clock: SandboxClock
    played: SamplePatient | None = None
    milestones: Sequence[Milestone] = ()
    launcher: AppLauncher | None = None
    app_origins: Sequence[str] = ()

    def find(self, patient_id: str) -> SamplePatient | None:
        """The patient of an id."""
        everybody = [*self.patients, *([self.played] if self.played else [])]
        return next((patient for patient in everybody if patient.id == patient_id), None)

    def reading(self, zone: tzinfo) -> ClockReading:
        """The clock in words."""
        return clock_reading(self.clock.now(), self.clock.ahead, zone)


def chart_router(room: ChartRoom) -> APIRouter:
    """Build the pages."""
    router = APIRouter(default_response_class=HTMLResponse)
    notices: defaultdict[str, list[str]] = defaultdict(list)

    @router.get("/")
    def show_list() -> Response:
        now = room.clock.now()
        zone = CHART_CLOCK.tzinfo
        assert zone is not None  # noqa: S101 - the chart clock is aware
        return render_page(
            "patients.html",
            patients=[heading(patient, now) for patient in room.patients],
            played=heading(room.played, now) if room.played else None,
            clock=room.reading(zone),
        )

    @router.get("/patients/{patient_id}")
    def show_chart(patient_id: str, app: str = "") -> Response:
        patient = room.find(patient_id)
        if patient is None:
            return not_found()
        error = ""
        cards: tuple[ShownCard, ...] = ()
        try:
            cards = room.desk.open(patient_id)
        except HookError as refusal:
            error = str(refusal)
        head = heading(patient, room.clock.now())
        return render_page(
            "chart.html",
            frame_origins=room.app_origins,
            patient=head,
            clock=room.reading(head.zone),
            guide=guide_at(room.milestones, room.clock.ahead) if patient is room.played else None,
            notices=notices.pop(patient_id, []),
            error=error,
            cards=cards,
            can_launch=room.desk.can_launch if room.launcher else lambda _: False,
            overriding=lambda card: _overriding(room, head, card),
            columns=COLUMNS,
            app=_frame(room, patient_id, app),
            **_tables(room, head),
        )

    @router.post("/patients/{patient_id}/accept")
    def accept(
        request: Request, patient_id: str, card: _Field = "", suggestion: _Field = "", app: _Field = ""
    ) -> Response:
        return act(request, patient_id, app, lambda: room.desk.accept(patient_id, card, suggestion))

    @router.post("/patients/{patient_id}/override")
    def override(
        request: Request,
        patient_id: str,
        card: _Field = "",
        reason: _Field = "",
        comment: _Field = "",
        app: _Field = "",
    ) -> Response:
        return act(request, patient_id, app, lambda: room.desk.override(patient_id, card, reason, comment))

    def act(request: Request, patient_id: str, app: str, does: Callable[[], str]) -> Response:
        if not _is_own(request):
            return _foreign()
        if room.find(patient_id) is None:
            return not_found()
        try:
            notices[patient_id].append(does())
        except ActionRefusedError as error:
            notices[patient_id].append(str(error))
        return _to_chart(patient_id, app)

    @router.post("/patients/{patient_id}/launch")
    def launch(request: Request, patient_id: str, card: _Field = "", link: _Field = "") -> Response:
        if not _is_own(request):
            return _foreign()
        if room.find(patient_id) is None:
            return not_found()
        number = ""
        try:
            position = int(link) if link.isdecimal() and len(link) < 4 else -1
            number = str(room.desk.launch(patient_id, card, position).number)
        except ActionRefusedError as error:
            notices[patient_id].append(str(error))
        return _to_chart(patient_id, number)

    @router.post("/clock")
    def advance(request: Request, hours: _Field = "", back: _Field = "", app: _Field = "") -> Response:
        if not _is_own(request):
            return _foreign()
        if hours == "0":
            room.clock.reset()
            room.record.clear()
        elif hours in map(str, CLOCK_STEPS):
            room.clock.advance(timedelta(hours=int(hours)))
        if room.find(back) is None:
            return RedirectResponse("/", _SEE_OTHER)
        return _to_chart(back, app)

    @router.get("/patients/{patient_id}/answer.json")
    def show_answer(patient_id: str) -> Response:
        if room.find(patient_id) is None:
            return not_found()
        try:
            return _indented(room.view(patient_id))
        except HookError as error:
            return _indented({"error": str(error)}, 502)

    @router.get("/patients/{patient_id}/record.json")
    def show_record(patient_id: str) -> Response:
        if room.find(patient_id) is None:
            return not_found()
        entries = [{"resource": resource} for resource in room.record.of_patient(patient_id)]
        return _indented({"resourceType": "Bundle", "type": "collection", "entry": entries})

    return router


def not_found() -> Response:
    """The page for an address that is none, with a way back."""
    return render_page(
        "nothing.html",
        status=404,
        title="There is nothing at this address",
        text="It may have been mistyped.",
    )


def _foreign() -> Response:
    return render_page(
        "nothing.html",
        status=403,
        title="Not from this page",
        text="This was sent from another site. Nothing was done.",
    )


def _is_own(request: Request) -> bool:
    """Whether a form came from one of our own pages, or from a program that is no browser."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = request.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == request.url.netloc


def _to_chart(patient_id: str, app: str) -> Response:
    query = f"?{urlencode({'app': app})}" if app.isdecimal() else ""
    return RedirectResponse(f"/patients/{patient_id}{query}", _SEE_OTHER)


def _frame(room: ChartRoom, patient_id: str, number: str) -> dict[str, Any] | None:
    """The app of the frame, launched for this page: a launch is used once, so a reload is a new one."""
    if room.launcher is None or not number.isdecimal() or len(number) > 6:
        return None
    app = room.desk.app(patient_id, int(number))
    if app is None:
        return None
    return {"number": app.number, "label": app.label, "src": room.launcher.begin(app)}


def _overriding(room: ChartRoom, head: Heading, card: ShownCard) -> dict[str, str] | None:
    found = room.desk.overriding(head.id, card)
    return None if found is None else {"at": moment(found.at.astimezone(head.zone)), "reason": found.reason}


def _tables(room: ChartRoom, head: Heading) -> dict[str, Any]:
    """The rows of the chart's tables, with their instants in words."""
    resources = room.record.of_patient(head.id)
    return {
        "vitals": [{"at": moment(row.at), "cells": row.cells} for row in vitals(resources, head.zone)],
        "drugs": [
            {
                "at": moment(row.at),
                "drug": row.drug,
                "amount": row.amount,
                "until": "running" if row.is_running else moment(row.until) or "given at once",
                "is_running": row.is_running,
            }
            for row in drugs(resources, head.zone, room.clock.now())
        ],
        "written": [
            {"kind": row.kind, "text": row.text, "status": row.status, "at": moment(row.at)}
            for row in written(room.record.written(head.id), head.zone)
        ],
    }


def _indented(content: Mapping[str, Any], status: int = 200) -> Response:
    text = json.dumps(content, indent=2, ensure_ascii=False, default=str)
    return Response(text, status, media_type="application/json")
