"""The whole login against the sandbox's strict authorization server, and each of its faults.

Nothing between the two is doubled: what our app sends is what the server checks.
"""

import asyncio
import re
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from ehr_sandbox.door import AccessRefusedError, Interaction
from ehr_sandbox.smart_faults import CallbackIssuer, FhirUserForm, IdTokenFault, ScopeSpelling, SmartFaults
from ehr_sandbox.smart_server import LaunchContext, PatientChoice, RegisteredClient, SmartServer
from smart_app.ehr_client import ClientAuth
from smart_app.errors import PageError
from smart_app.keys import SigningKeys
from smart_app.scopes import requested_scopes
from smart_app.session import SmartSession, View
from tests.smart_site import APP, CLIENT_ID, OUR_KEYS, Clock, Site

ORIGIN = "https://sandbox.example"
BASE = f"{ORIGIN}/fhir"
ANNA = LaunchContext("anna", "visit-1")
BERT = LaunchContext("bert")
NO_FAULT = {name: getattr(SmartFaults(), name) for name in SmartFaults.__slots__}


class Hospital:
    """The sandbox's server and our app, each before a browser."""

    def __init__(self, secret: str | None = None, **ehr: Any) -> None:
        clock = Clock()
        self.faults = SmartFaults()
        client = RegisteredClient(
            CLIENT_ID,
            (f"{APP}/smart/callback",),
            f"{APP}/smart/launch",
            jwks=None if secret else OUR_KEYS.jwks,
            secret=secret,
            scopes=f"{requested_scopes(standalone=True)} launch",
        )
        self.server = SmartServer(
            BASE,
            (client,),
            clock=clock,
            faults=self.faults,
            patients=lambda: (PatientChoice("anna", "Anna A."), PatientChoice("bert", "Bert B.", "visit-2")),
        )
        app = FastAPI()
        app.include_router(self.server.router())
        self.site = Site(
            clock=clock,
            transport=httpx.ASGITransport(app),
            keys=SigningKeys() if secret else OUR_KEYS,
            ehr={"iss": BASE, "secret": secret, **ehr},
        )
        self.browser = TestClient(app, base_url=ORIGIN, follow_redirects=False)

    def authorize(self, context: LaunchContext = ANNA, launch: str | None = None) -> Any:
        """Launch, and let the server answer; its redirect back."""
        began = self.site.launch(iss=BASE, launch=launch or self.server.begin_launch(context))
        assert began.status_code == 303, began.text
        return self.browser.get(began.headers["location"])

    def come_back(self, authorized: Any) -> Any:
        """Follow the server's redirect to our callback."""
        location = authorized.headers["location"]
        assert location.startswith(f"{APP}/smart/callback?")
        return self.site.browser.get(location)

    def sign_in(self, context: LaunchContext = ANNA) -> Any:
        return self.come_back(self.authorize(context))

    def session(self, context: LaunchContext = ANNA) -> SmartSession:
        return self.site.session_of(self.sign_in(context))

    def token(self, session: SmartSession) -> str:
        """The access token that the session's calls would carry."""
        return asyncio.run(self.site.login.keeper.access(session)).token or ""

    def admits(self, session: SmartSession, patient: str, kind: str = "Observation") -> bool:
        try:
            self.server.admit(f"Bearer {self.token(session)}", Interaction.SEARCH, kind, (patient,))
        except AccessRefusedError:
            return False
        return True


@pytest.fixture(scope="module")
def shared() -> Hospital:
    return Hospital()


@pytest.fixture
def hospital(shared: Hospital) -> Hospital:
    """The same servers for all tests, as keys take time to make, without faults and cookies."""
    for name, value in NO_FAULT.items():
        setattr(shared.faults, name, value)
    shared.site.browser.cookies.clear()
    shared.site.clock.move(minutes=6)  # what was read before is read again
    return shared


@pytest.mark.parametrize("algorithm", ["RS384", "ES384"])
def test_a_launch_from_the_ehr_with_either_algorithm(algorithm: str) -> None:
    hospital = Hospital(algorithm=algorithm)
    session = hospital.session()
    assert (session.patient_id, session.encounter_id) == ("anna", "visit-1")
    assert session.fhir_user == "Practitioner/demo-clinician"
    assert session.can_save and session.can_correct and session.shows_banner
    assert hospital.admits(session, "anna") and not hospital.admits(session, "bert")


def test_a_launch_with_a_secret() -> None:
    secret = "s:e/c r+ü"  # noqa: S105 - of a test
    hospital = Hospital(secret=secret, auth=ClientAuth.CLIENT_SECRET_BASIC)
    assert hospital.session().patient_id == "anna"


def test_a_launch_standing_alone_lets_the_patient_be_picked(hospital: Hospital) -> None:
    began = hospital.site.browser.get("/cds/smart/standalone")
    page = hospital.browser.get(began.headers["location"])
    assert page.status_code == 200 and "Bert B." in page.text
    request = unescape(re.search(r'name="request" value="([^"]+)"', page.text)[1])  # type: ignore[index]
    picked = hospital.browser.post(
        "/auth/patient",
        content=urlencode({"request": request, "patient": "bert"}),
        headers={"content-type": "application/x-www-form-urlencoded"},
    )
    session = hospital.site.session_of(hospital.come_back(picked))
    assert (session.patient_id, session.encounter_id) == ("bert", "visit-2")


def test_everything_of_the_context_arrives(hospital: Hospital) -> None:
    session = hospital.session(
        LaunchContext(
            "anna",
            intent="treatment-history",
            app_context='{"v":1,"view":"ice"}',
            fhir_context=({"reference": "Procedure/p"}, {"reference": f"{BASE}/Observation/o"}),
            tenant="north",
            need_patient_banner=False,
            smart_style_url=hospital.server.style_url,
        )
    )
    assert (session.view, session.highlight, session.shows_banner) == (View.ICE, "Observation/o", False)
    assert session.encounter_id is None
    assert "--ehr-color-text: #1a2b3c;" in session.style


def test_a_style_with_an_empty_colour_and_a_semicolon_is_taken_without_them(hospital: Hospital) -> None:
    hospital.faults.odd_style = True
    hospital.site.clock.move(hours=2)
    style = hospital.session(LaunchContext("anna", smart_style_url=hospital.server.style_url)).style
    assert "color-highlight" not in style and "--ehr-font-family-body: Georgia, serif;\n" in style


def test_two_launches_of_two_patients_interleave(hospital: Hospital) -> None:
    one, two = hospital.authorize(ANNA), hospital.authorize(BERT)
    bert = hospital.site.session_of(hospital.come_back(two))
    anna = hospital.site.session_of(hospital.come_back(one))
    assert (anna.patient_id, bert.patient_id) == ("anna", "bert")
    assert hospital.admits(anna, "anna") and not hospital.admits(anna, "bert")
    assert hospital.admits(bert, "bert") and not hospital.admits(bert, "anna")


def test_a_launch_value_is_good_once(hospital: Hospital) -> None:
    launch = hospital.server.begin_launch(ANNA)
    assert hospital.come_back(hospital.authorize(launch=launch)).status_code == 303
    assert hospital.come_back(hospital.authorize(launch=launch)).status_code == 400


def test_a_callback_that_is_loaded_again_is_refused(hospital: Hospital) -> None:
    authorized = hospital.authorize()
    cookies = dict(hospital.site.browser.cookies)
    session = hospital.site.session_of(hospital.come_back(authorized))
    hospital.site.browser.cookies.update(cookies)
    assert hospital.come_back(authorized).status_code == 400
    # The code was not sent a second time, or the server would have taken the tokens back.
    assert hospital.admits(session, "anna")


def test_a_code_of_another_login_is_refused_by_its_verifier(hospital: Hospital) -> None:
    first, second = hospital.authorize(ANNA), hospital.authorize(BERT)
    code = httpx.URL(first.headers["location"]).params["code"]
    state = httpx.URL(second.headers["location"]).params["state"]
    assert hospital.site.come_back(state=state, code=code).status_code == 502


def test_tokens_are_renewed_each_time_with_the_newest_refresh_token(hospital: Hospital) -> None:
    hospital.faults.token_seconds = 3
    session = hospital.session()
    seen = {hospital.token(session) for _ in range(4)}
    assert len(seen) == 4 and hospital.admits(session, "anna")


def test_pages_that_load_at_once_do_not_use_a_refresh_token_twice(hospital: Hospital) -> None:
    hospital.faults.token_seconds = 3
    session = hospital.session()
    keeper = hospital.site.login.keeper

    async def load_at_once() -> list[bool]:
        used = hospital.site.tokens_of(session).access_token
        return await asyncio.gather(*(keeper.renew(session, used) for _ in range(6)))

    assert asyncio.run(load_at_once()) == [True] * 6
    assert hospital.admits(session, "anna")  # a second use would have revoked the family


def test_an_id_token_on_refresh_is_ignored(hospital: Hospital) -> None:
    hospital.faults.token_seconds, hospital.faults.id_token_on_refresh = 3, True
    session = hospital.session()
    before = hospital.site.tokens_of(session).id_subject
    assert hospital.admits(session, "anna")
    assert hospital.site.tokens_of(session).id_subject == before


def test_at_the_end_the_tokens_are_worth_nothing(hospital: Hospital) -> None:
    session = hospital.session()
    token = hospital.token(session)
    asyncio.run(hospital.site.login.keeper.end(session))
    with pytest.raises(AccessRefusedError):
        hospital.server.admit(f"Bearer {token}", Interaction.SEARCH, "Observation", ("anna",))


def test_a_server_that_revokes_nothing_does_not_keep_a_session_open(hospital: Hospital) -> None:
    hospital.faults.no_revocation = True
    session = hospital.session()
    asyncio.run(hospital.site.login.keeper.end(session))
    assert hospital.site.store.tokens_of(session.sid) is None


@pytest.mark.parametrize(
    "faults",
    [
        {"relative_endpoints": True},
        {"lists_authorize_post": True},
        {"no_refresh_token": True},
        {"no_expires_in": True},
        {"jwks_without_alg": True},
        {"id_token_algorithm": "ES256"},
        {"id_token_algorithm": "ES384"},
        {"id_token": IdTokenFault.NO_KID},
        {"id_token": IdTokenFault.NO_KID, "jwks_without_alg": True, "id_token_algorithm": "ES384"},
        {"callback_issuer": CallbackIssuer.RIGHT},
        {"fhir_user": FhirUserForm.RELATIVE},
        {"scope_spelling": ScopeSpelling.V1},
        {"scope_spelling": ScopeSpelling.SPLIT},
        {"scope_spelling": ScopeSpelling.WILDCARD},
        {"scope_spelling": ScopeSpelling.WITH_QUERY},
    ],
    ids=str,
)
def test_oddities_that_are_allowed_open_the_app(hospital: Hospital, faults: dict[str, Any]) -> None:
    for name, value in faults.items():
        setattr(hospital.faults, name, value)
    session = hospital.session()
    assert session.patient_id == "anna" and session.fhir_user == "Practitioner/demo-clinician"
    assert hospital.admits(session, "anna")


@pytest.mark.parametrize(
    ("faults", "status"),
    [
        ({"hides_s256": True}, 502),
        ({"discovery_status": 500}, 502),
        ({"discovery_oversized": True}, 502),
        ({"discovery_location": "https://evil.example/"}, 502),
        ({"discovery_location": f"{BASE}/elsewhere"}, 502),
    ],
    ids=str,
)
def test_discovery_that_cannot_be_used_stops_the_launch(
    hospital: Hospital, faults: dict[str, Any], status: int
) -> None:
    for name, value in faults.items():
        setattr(hospital.faults, name, value)
    answer = hospital.site.launch(iss=BASE, launch=hospital.server.begin_launch(ANNA))
    assert answer.status_code == status and "location" not in answer.headers


def test_discovery_that_is_slow_is_given_up(hospital: Hospital, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("smart_app.authorization_server.DEADLINE_SECONDS", 0.0)
    hospital.faults.discovery_seconds = 3600.0
    answer = hospital.site.launch(iss=BASE, launch=hospital.server.begin_launch(ANNA))
    assert answer.status_code == 502


@pytest.mark.parametrize(
    ("faults", "status"),
    [
        ({"no_patient": True}, 400),
        ({"omits_scope": True}, 403),
        ({"withheld_scopes": "patient/Observation.rs"}, 403),
        ({"withheld_scopes": "patient/Observation.s"}, 403),
        ({"token_status": 500}, 502),
        ({"token_answer_cut": True}, 502),
        ({"callback_error": "access_denied"}, 400),
        ({"callback_error": "server_error", "errors_without_state": True}, 400),
        ({"callback_issuer": CallbackIssuer.WRONG}, 400),
        ({"callback_issuer": CallbackIssuer.MISSING}, 400),
        *(({"id_token": fault}, 400) for fault in IdTokenFault if fault is not IdTokenFault.NO_KID),
    ],
    ids=str,
)
def test_an_answer_that_cannot_be_trusted_opens_nothing(
    hospital: Hospital, faults: dict[str, Any], status: int
) -> None:
    for name, value in faults.items():
        setattr(hospital.faults, name, value)
    answer = hospital.sign_in()
    assert answer.status_code == status
    assert not any("__Host-s-" in cookie for cookie in answer.headers.get_list("set-cookie"))


def test_a_token_endpoint_that_is_slow_is_given_up_and_not_asked_again(
    hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    authorized = hospital.authorize()
    monkeypatch.setattr("smart_app.authorization_server.DEADLINE_SECONDS", 0.0)
    hospital.faults.token_delay_seconds = 3600.0
    assert hospital.come_back(authorized).status_code == 502


def test_without_the_right_to_create_the_form_is_a_calculator(hospital: Hospital) -> None:
    hospital.faults.withheld_scopes = "patient/Observation.c"
    session = hospital.session()
    assert not session.can_save and session.user_may_assess


def test_without_an_id_token_nothing_can_be_saved(hospital: Hospital) -> None:
    hospital.faults.no_id_token = True
    session = hospital.session()
    assert session.fhir_user is None and not session.can_save


def test_a_user_of_another_server_is_kept_as_a_name(hospital: Hospital) -> None:
    hospital.faults.fhir_user = FhirUserForm.FOREIGN
    session = hospital.session()
    assert session.fhir_user == "https://directory.example/fhir/Practitioner/demo-clinician"


def test_a_patient_who_signs_in_may_look_and_not_write(hospital: Hospital) -> None:
    assert not hospital.session(LaunchContext("anna", user="Patient/anna")).can_save


def test_keys_that_are_rotated_are_found(hospital: Hospital) -> None:
    hospital.session()
    hospital.site.clock.move(seconds=31)
    hospital.server.rotate_keys()
    assert hospital.session().patient_id == "anna"


def test_a_token_without_an_end_lasts_five_minutes_and_is_renewed(hospital: Hospital) -> None:
    hospital.faults.no_expires_in = True
    session = hospital.session()
    first = hospital.token(session)
    hospital.site.clock.move(minutes=5)
    assert hospital.token(session) != first


def test_a_session_without_a_refresh_token_ends_with_its_token(hospital: Hospital) -> None:
    hospital.faults.no_refresh_token = True
    session = hospital.session()
    hospital.site.clock.move(seconds=899)
    assert hospital.token(session)
    hospital.site.clock.move(seconds=1)
    with pytest.raises(PageError):
        hospital.token(session)


def test_a_renewal_whose_answer_is_cut_is_not_tried_again(hospital: Hospital) -> None:
    session = hospital.session()
    used = hospital.site.tokens_of(session).access_token
    hospital.faults.token_answer_cut = True
    assert not asyncio.run(hospital.site.login.keeper.renew(session, used))
    hospital.faults.token_answer_cut = False
    assert not asyncio.run(hospital.site.login.keeper.renew(session, used))
    assert hospital.admits(session, "anna")  # no reuse: the family is still good


def test_every_fault_of_the_server_is_met_here() -> None:
    text = Path(__file__).read_text("utf-8")
    assert [name for name in SmartFaults.__slots__ if name not in text] == []
