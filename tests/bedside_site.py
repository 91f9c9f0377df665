"""A double of an EHR with records, and our whole app before it with sessions that are open already.

The launch itself is proven elsewhere: here a session stands in the store, as a launch leaves it.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, parse_qsl

import httpx
from fastapi import FastAPI
from fastapi.testclient import TestClient

from fhir_maps.terminology import load_terminology
from management.protocol import load_protocol
from smart_app.app import create_smart_app
from smart_app.ehr_client import ClientAuth, EhrClient
from smart_app.session import GrantedScopes, SmartSession, View
from smart_app.session_store import Tokens
from smart_app.settings import SmartSettings
from tests.builders.events import cart_infusion, patient
from tests.builders.observations import blood_pressure, temperature

AT = datetime(2026, 3, 4, 8, 0, tzinfo=UTC)
ORIGIN = "https://cds.example"
PREFIX = "/base/smart"
EHR = "https://ehr.example"
ISS = f"{EHR}/r4"
OTHER_ISS = "https://other.example/fhir"
SCOPES = (
    "launch openid fhirUser patient/Patient.r patient/Encounter.r patient/Observation.crus "
    "patient/MedicationAdministration.rs patient/MedicationRequest.rs patient/Medication.rs "
    "patient/Procedure.rs patient/Condition.rs patient/DiagnosticReport.rs"
)
FROM_OUR_PAGE = {"Sec-Fetch-Site": "same-origin", "Origin": ORIGIN}
TERMINOLOGY = load_terminology()
PROTOCOL = load_protocol("met-2021")


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self, at: datetime = AT) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at

    def move(self, **span: float) -> None:
        self.at += timedelta(**span)


class RecordsDouble:
    """FHIR reads, searches and creates by patient, and a token endpoint. Members may be changed by a test."""

    def __init__(self) -> None:
        self.records: dict[str, list[dict[str, Any]]] = {}
        self.statuses: dict[str, int] = {}  # by resource type
        self.good_tokens = {"access-1"}
        self.renewed = "access-2"  # what a refresh gives; "" refuses
        self.down = False
        self.asked: list[httpx.Request] = []
        self.revoked: list[str] = []

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        if self.down:
            raise httpx.ConnectError("no connection")
        path = request.url.path
        if path.endswith("/.well-known/smart-configuration"):
            return httpx.Response(200, json=_CONFIGURATION)
        if path in ("/token", "/revoke"):
            return self._tokens(path, dict(parse_qsl(request.content.decode())))
        if request.headers.get("authorization", "").removeprefix("Bearer ") not in self.good_tokens:
            return httpx.Response(401, text="token expired")
        kind, _, resource_id = path.removeprefix("/r4/").partition("/")
        if kind in self.statuses:
            return httpx.Response(self.statuses[kind], text="refused")
        if request.method == "POST":
            return self._create(kind, json.loads(request.content))
        return self._read(kind, resource_id, request)

    def _read(self, kind: str, resource_id: str, request: httpx.Request) -> httpx.Response:
        every = [resource for record in self.records.values() for resource in record]
        if resource_id:
            found = [each for each in every if (each["resourceType"], each["id"]) == (kind, resource_id)]
            return httpx.Response(200, json=found[0]) if found else httpx.Response(404, json={})
        query = parse_qs(request.url.query.decode())
        record = self.records.get(query.get("patient", [""])[0], [])
        found = [each for each in record if each["resourceType"] == kind]
        if "identifier" in query:
            wanted = query["identifier"][0]
            found = [
                each for each in every if wanted.rpartition("|")[2] in json.dumps(each.get("identifier"))
            ]
        bundle = {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": r} for r in found]}
        return httpx.Response(200, json=bundle)

    def _create(self, kind: str, resource: dict[str, Any]) -> httpx.Response:
        patient_id = resource["subject"]["reference"].removeprefix("Patient/")
        kept = {**resource, "id": f"new-{len(self.records[patient_id])}"}
        self.records[patient_id].append(kept)
        return httpx.Response(201, json=kept, headers={"Location": f"{ISS}/{kind}/{kept['id']}"})

    def _tokens(self, path: str, form: Mapping[str, str]) -> httpx.Response:
        if path == "/revoke":
            self.revoked.append(form["token"])
            return httpx.Response(200)
        if not self.renewed:
            return httpx.Response(400, json={"error": "invalid_grant"})
        self.good_tokens = {self.renewed}
        return httpx.Response(
            200,
            json={"access_token": self.renewed, "token_type": "Bearer", "expires_in": 300, "scope": SCOPES},
        )


_CONFIGURATION = {
    "authorization_endpoint": f"{EHR}/authorize",
    "token_endpoint": f"{EHR}/token",
    "revocation_endpoint": f"{EHR}/revoke",
    "capabilities": ["launch-ehr"],
    "grant_types_supported": ["authorization_code"],
    "code_challenge_methods_supported": ["S256"],
}


class BedsideSite:
    """Our app, behind a public base with a path."""

    def __init__(self, origin: str = ORIGIN, **changes: Any) -> None:
        self.clock = Clock()
        self.ehr = RecordsDouble()
        self.ehr.records["patient-1"] = a_record("patient-1", "Ann", "Alder", 38.6)
        self.ehr.records["patient-2"] = a_record("patient-2", "Ben", "Birch", 36.8)
        self.settings = SmartSettings(
            base_url=f"{origin}/base",
            ehrs=(
                _client(ISS, "https://ehr.example"),
                _client(OTHER_ISS, "https://other.example"),
            ),
            **changes,
        )
        self.inner = create_smart_app(
            self.settings,
            clock=self.clock,
            protocol=PROTOCOL,
            terminology=TERMINOLOGY,
            transport=httpx.MockTransport(self.ehr),
            now=self.clock,
        )
        self.room = self.inner.state.room
        self.store = self.room.login.store
        self.app = FastAPI()
        self.app.mount(PREFIX, self.inner)

    def browser(self) -> TestClient:
        """A browser without cookies."""
        return TestClient(self.app, base_url=ORIGIN, follow_redirects=False)

    def open(
        self, browser: TestClient, patient_id: str = "patient-1", sid: str = "", **changes: Any
    ) -> SmartSession:
        """Open a session in a browser, as a launch leaves it."""
        sid = sid or f"sid-of-{patient_id}-0123456789"
        session = replace(
            SmartSession(
                sid=sid,
                iss=ISS,
                patient_id=patient_id,
                encounter_id=None,
                fhir_user="Practitioner/7",
                scopes=GrantedScopes(SCOPES),
                shows_banner=True,
                view=View.COURSE,
                form_token=f"form-token-of-{sid}",
                opened_at=self.clock(),
            ),
            **changes,
        )
        secret = f"secret-of-{sid}-0123456789"
        tokens = Tokens(
            "access-1", "refresh-1", self.clock() + timedelta(hours=1), session.scopes.text, "subject"
        )
        self.store.open_session(session, tokens, secret)
        browser.cookies.set(f"__Host-s-{sid}", secret, domain="cds.example", path="/")
        return session


def path_of(session: SmartSession, page: str = "") -> str:
    """The path of a page."""
    return f"{PREFIX}/s/{session.sid}/{page}"


def a_record(patient_id: str, given: str, family: str, celsius: float) -> list[dict[str, Any]]:
    """A patient three days after the infusion, with a temperature and a blood pressure."""
    who = patient(born=date(1961, 5, 4), patient_id=patient_id) | {
        "name": [{"use": "official", "family": family, "given": [given]}],
        "gender": "female",
        "identifier": [{"type": {"coding": [{"code": "MR"}]}, "value": f"MRN-{family}"}],
    }
    rows = [
        cart_infusion("axicabtagene-ciloleucel", at=AT - timedelta(days=3)),
        temperature(celsius, at=AT - timedelta(hours=1)),
        blood_pressure(120, at=AT - timedelta(hours=1)),
    ]
    subject = {"reference": f"Patient/{patient_id}"}
    return [who, *(row | {"id": f"{patient_id}-{n}", "subject": subject} for n, row in enumerate(rows))]


def _client(iss: str, framed_by: str) -> EhrClient:
    auth, secret = ClientAuth.CLIENT_SECRET_BASIC, "client-secret"
    return EhrClient(iss, "cart-app", auth, secret=secret, frame_ancestors=(framed_by,))
