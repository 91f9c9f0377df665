"""A PageRoom for the ICE page: the real templates, one session, and an EHR that keeps what it is sent.

The chart is read anew from what is kept, as in the app; ``saving`` makes the next writes fail.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, timezone
from html import unescape
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.testclient import TestClient
from starlette.datastructures import FormData

from fhir_maps.chart_reader import read_chart
from fhir_maps.terminology import load_terminology
from grading.course import course_of
from management.protocol import load_protocol
from management.reviewing import review
from smart_app.banner import banner_of
from smart_app.bedside_reader import zone_of
from smart_app.errors import PageError
from smart_app.form_door import check_form, read_form
from smart_app.ice_page import ice_router
from smart_app.page_room import Bedside, Resource, Saved, Saving
from smart_app.rendering import Rendering
from smart_app.session import GrantedScopes, SmartSession, View

CET = timezone(timedelta(hours=1))
NOW = datetime(2026, 3, 4, 9, 0, tzinfo=CET)
OWN = "https://cart-toxicity-cds.github.io/fhir/CodeSystem/immune-effector-cell-assessment"
WRITES = "patient/Patient.r patient/Observation.crs"
CORRECTS = "patient/Patient.r patient/Observation.crus"
READS = "patient/Patient.r patient/Observation.rs"
_TERMINOLOGY = load_terminology()
_PROTOCOL = load_protocol("met-2021")


def infusion(at: str = "2026-03-01T10:00:00+01:00") -> Resource:
    return {
        "resourceType": "Procedure",
        "id": "infusion",
        "status": "completed",
        "code": {"coding": [{"system": OWN, "code": "cart-infusion"}]},
        "subject": {"reference": "Patient/p1"},
        "performedDateTime": at,
    }


def observation(code: str, observation_id: str, at: str, **members: Any) -> Resource:
    return {
        "resourceType": "Observation",
        "id": observation_id,
        "status": "final",
        "code": {"coding": [{"system": OWN, "code": code}]},
        "subject": {"reference": "Patient/p1"},
        "effectiveDateTime": at,
    } | members


def session_of(scopes: str = WRITES, user: str | None = "Practitioner/7") -> SmartSession:
    return SmartSession(
        sid="s1",
        iss="https://ehr.example/r4",
        patient_id="p1",
        encounter_id="e1",
        fhir_user=user,
        scopes=GrantedScopes(scopes),
        shows_banner=True,
        view=View.ICE,
        form_token="a-form-token",  # noqa: S106 - stands for one
        opened_at=NOW,
    )


@dataclass
class IceRoom:
    """The room, and the browser at ``browser``."""

    record: dict[str, Resource] = field(default_factory=lambda: {"Procedure/infusion": infusion()})
    birth_date: str | None = "1968-01-01"
    session: SmartSession = field(default_factory=session_of)
    now_is: datetime = NOW
    saving: Saving | None = None
    keeps: bool = True
    writes: list[Resource] = field(default_factory=list)
    unread: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.protocol = _PROTOCOL
        self.rendering = Rendering("https://cds.example/smart", self.now, self.protocol)
        self.router = ice_router(self)
        app = FastAPI()
        app.include_router(self.router, prefix="/smart")

        @app.exception_handler(PageError)
        async def told(_request: Request, error: PageError) -> Response:
            return self.rendering.error(error, may_retry=False)

        self.app = app
        self.browser = TestClient(app, base_url="https://cds.example", follow_redirects=False)

    def now(self) -> datetime:
        return self.now_is.astimezone(UTC)

    def path_of(self, session: SmartSession, page: str) -> str:
        return self.rendering.path_of(session.sid, page)

    async def open(self, request: Request) -> SmartSession:
        assert request.path_params["sid"] == self.session.sid
        return self.session

    async def open_form(self, request: Request) -> tuple[SmartSession, FormData]:
        form = await read_form(request)
        check_form(form, self.session)
        return self.session, form

    def patient(self) -> Resource:
        known = {"birthDate": self.birth_date} if self.birth_date else {}
        return {
            "resourceType": "Patient",
            "id": "p1",
            "name": [{"given": ["Ada"], "family": "O'Hara <Test>"}],
            "identifier": [
                {"type": {"coding": [{"code": "MR"}]}, "system": "http://ehr.example", "value": "MRN-4711"}
            ],
            **known,
        }

    async def read(self, _session: SmartSession) -> Bedside:
        resources = [self.patient(), *self.record.values()]
        reading = read_chart(
            [json.dumps(resource).encode() for resource in resources],
            terminology=_TERMINOLOGY,
            patient_id="p1",
        )
        at = self.now()
        return Bedside(
            at=at,
            zone=zone_of(reading.chart),
            banner=banner_of(self.patient()),
            chart=reading.chart,
            review=review(reading.chart, at, self.protocol),
            course=course_of(reading.chart, at),
            protocol=self.protocol,
            unread=self.unread,
            observations={name: kept for name, kept in self.record.items() if name.startswith("Observation")},
        )

    async def create(self, _session: SmartSession, resource: Resource) -> Saved:
        if self.saving is Saving.UNCERTAIN and self.keeps:
            self._keep(resource)  # the answer is lost, not the Observation
        if self.saving is not None:
            return Saved(self.saving)
        there = [kept for kept in self.record.values() if _same_identifier(kept, resource)]
        if there:
            return Saved(Saving.ALREADY_THERE, there[0])
        return Saved(Saving.SAVED, self._keep(resource))

    async def update(self, _session: SmartSession, resource: Resource) -> Saved:
        if self.saving is not None:
            return Saved(self.saving)
        return Saved(Saving.SAVED, self._keep(resource))

    def _keep(self, resource: Resource) -> Resource:
        self.writes.append(resource)
        observation_id = resource.get("id", f"o{len(self.writes)}")
        kept = resource | {"id": observation_id, "meta": {"versionId": str(len(self.writes))}}
        self.record[f"Observation/{observation_id}"] = kept
        return kept

    def render(
        self, template: str, session: SmartSession, bedside: Bedside | None, status: int = 200, **values: Any
    ) -> Response:
        return self.rendering.page(template, session, bedside, status, **values)

    # What a person does

    def open_page(self, query: str = "") -> str:
        answer = self.browser.get(f"/smart/s/s1/ice{query}")
        assert answer.status_code == 200, answer.text
        return answer.text

    def post(self, fields: Mapping[str, str]) -> Any:
        return self.browser.post("/smart/s/s1/ice", data=dict(fields))

    def filled(self, changes: Mapping[str, str | None] | None = None, query: str = "") -> dict[str, str]:
        """The fields of the fresh form with every ICE item right, and the changes (``None``: left out)."""
        right = {
            "ice-year": "1",
            "ice-month": "1",
            "ice-city": "1",
            "ice-hospital": "1",
            "ice-naming": "3",
            "ice-command": "1",
            "ice-writing": "1",
            "ice-attention": "1",
        }
        page = self.open_page(query)
        fields = hidden_fields(page) | typed_fields(page) | right
        for name, value in (changes or {}).items():
            if value is None:
                fields.pop(name, None)
            else:
                fields[name] = value
        return fields

    def check(self, fields: Mapping[str, str]) -> Any:
        return self.post({**fields, "do": "check"})

    def save(self, confirmation: str) -> Any:
        """Press Save on a page of confirmation."""
        return self.post(hidden_fields(confirmation) | {"do": "save"})

    def changed(self, **members: Any) -> IceRoom:
        return replace(self, **members)


def _same_identifier(kept: Resource, resource: Resource) -> bool:
    return kept.get("identifier", [0])[0] == resource["identifier"][0]


def hidden_fields(html: str) -> dict[str, str]:
    """The hidden fields of the page's own form, as a browser sends them."""
    form = re.search(
        r'<form (?:class="ice"|method="post" action="[^"]*/ice" class="ice-act).*?</form>', html, re.S
    )
    assert form is not None, "no such form"
    found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', form[0])
    return {name: unescape(value) for name, value in found}


def typed_fields(html: str) -> dict[str, str]:
    """The text fields of the form with what stands in them."""
    inputs = re.findall(r"<input (?![^>]*type=\"(?:hidden|radio)\")[^>]*>", html)
    found = ((re.search(r'name="([^"]+)"', tag), re.search(r'value="([^"]*)"', tag)) for tag in inputs)
    return {name[1]: unescape(value[1]) for name, value in found if name and value}


def checked(html: str) -> dict[str, str]:
    """The radio buttons that are chosen."""
    tags = [tag for tag in re.findall(r'<input type="radio"[^>]*>', html) if " checked" in tag]
    return {re.findall(r'name="([^"]*)"', tag)[0]: re.findall(r'value="([^"]*)"', tag)[0] for tag in tags}


def text_of(html: str) -> str:
    """What a reader sees in the main part, blanks joined."""
    main = html.partition("<main")[2]
    return unescape(" ".join(re.sub(r"<[^>]+>", " ", main).split()))
