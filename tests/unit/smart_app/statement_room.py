"""A small PageRoom for the pages of statements: one session, one bedside, and a list of what was sent."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from html import unescape
from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.testclient import TestClient
from jinja2 import ChoiceLoader, DictLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.datastructures import FormData
from starlette.responses import HTMLResponse, PlainTextResponse

from fhir_maps.statement_observations import statements_read
from fhir_maps.terminology import load_terminology
from grading.chart import Attribution, Chart, TeamConcern
from grading.course import course_of
from management.protocol import load_protocol
from management.reviewing import review
from smart_app.errors import PageError, refused_form, wrong_patient
from smart_app.page_room import Banner, Bedside, Resource, Saved, Saving
from smart_app.rendering import born_words
from smart_app.session import GrantedScopes, SmartSession, View
from tests.chart_builders import AT

READS = "patient/Observation.rs"
WRITES = "patient/Observation.crs"
_BASE = (
    "<!doctype html><title>{% block title %}{% endblock %}</title>{% block head %}{% endblock %}"
    "<main>{% block main %}{% endblock %}</main>{% block scripts %}{% endblock %}</html>"
)


def session(**changes: Any) -> SmartSession:
    known = SmartSession(
        sid="s1",
        iss="https://ehr.example/r4",
        patient_id="p1",
        encounter_id="e1",
        fhir_user="Practitioner/7",
        scopes=GrantedScopes(WRITES),
        shows_banner=True,
        view=View.COURSE,
        form_token="form-token",  # noqa: S106 - stands for one
        opened_at=AT,
    )
    return replace(known, **changes)


@dataclass
class StatementRoom:
    """Answers as an EHR that takes what is sent, unless ``saving`` says otherwise."""

    chart: Chart
    session: SmartSession = field(default_factory=session)
    saving: Saving = Saving.SAVED
    can_be_reread: bool = True
    banner: Banner = field(
        default_factory=lambda: Banner("Ada Example", date(1968, 1, 1), "MRN-4711", "female")
    )
    unread: tuple[str, ...] = ()
    at: datetime = AT
    sent: list[Resource] = field(default_factory=list)
    record: dict[str, Resource] = field(default_factory=dict)

    def now(self) -> datetime:
        return self.at.astimezone(UTC)

    def path_of(self, session: SmartSession, page: str) -> str:
        return f"/s/{session.sid}/{page}"

    async def open(self, request: Request) -> SmartSession:
        assert request.path_params["sid"] == self.session.sid
        return self.session

    async def open_form(self, request: Request) -> tuple[SmartSession, FormData]:
        form = await request.form()
        if form.get("form_token") != self.session.form_token:
            raise refused_form()
        if form.get("patient") != self.session.patient_id:
            raise wrong_patient()
        return self.session, form

    async def read(self, _session: SmartSession) -> Bedside:
        protocol = load_protocol("met-2021")
        return Bedside(
            at=self.at,
            zone=UTC,
            banner=self.banner,
            chart=self.chart,
            review=review(self.chart, self.at, protocol),
            course=course_of(self.chart, self.at),
            protocol=protocol,
            unread=self.unread,
            observations=self.record,
        )

    async def create(self, _session: SmartSession, resource: Resource) -> Saved:
        self.sent.append(resource)
        if self.saving is not Saving.SAVED:
            return Saved(self.saving)
        kept = resource | {"id": f"new{len(self.sent)}"}
        self.record[f"Observation/{kept['id']}"] = kept
        for row in statements_read(kept, load_terminology()):
            if isinstance(row, Attribution):
                self.chart = replace(self.chart, attributions=(*self.chart.attributions, row))
            elif isinstance(row, TeamConcern):
                self.chart = replace(self.chart, team_concerns=(*self.chart.team_concerns, row))
        return Saved(self.saving, kept if self.can_be_reread else None)

    async def update(self, _session: SmartSession, _resource: Resource) -> Saved:
        raise AssertionError("these pages change nothing")

    def render(
        self, template: str, session: SmartSession, bedside: Bedside | None, status: int = 200, **values: Any
    ) -> Response:
        environment = Environment(
            loader=ChoiceLoader([DictLoader({"base.html": _BASE}), PackageLoader("smart_app")]),
            autoescape=True,
            undefined=StrictUndefined,
        )
        hidden = f'<input name="form_token" value="{session.form_token}"><input name="patient" value="p1">'
        page = environment.get_template(template).render(
            session=session,
            bedside=bedside,
            banner=self.banner,
            now=self.now(),
            born=born_words(self.banner, self.at.date()),
            path=lambda name: self.path_of(session, name),
            static=lambda name: f"/static/{name}",
            form_fields=lambda: Markup(hidden),  # noqa: S704 - of our own values
            **values,
        )
        return HTMLResponse(page, status)


def client_of(router: APIRouter) -> TestClient:
    """A browser that follows no redirect."""
    app = FastAPI()
    app.include_router(router)

    @app.exception_handler(PageError)
    async def told(_request: Request, error: PageError) -> Response:
        return PlainTextResponse(f"{error.title}: {error.text}", error.status)

    return TestClient(app, follow_redirects=False)


def words(html: str) -> str:
    """The text of a page, blanks joined."""
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def hidden_fields(html: str, action: str) -> dict[str, str]:
    """The hidden inputs of the form that goes to an address, as a browser would send them."""
    form = re.search(rf'<form method="post" action="[^"]*{action}".*?</form>', html, re.DOTALL)
    assert form is not None, "no such form"
    inputs = re.findall(r'<input (?:type="hidden" )?name="([^"]+)" value="([^"]*)">', form[0])
    return {name: unescape(value) for name, value in inputs}
