"""The whole app and two EHRs with the strict authorization server, wired together in memory.

Every request that the app sends is noted by its address, so that a test can say that none was. The browsers
are clients with a jar of their own.
"""

import re
from html import unescape
from typing import Any
from urllib.parse import urlencode

import httpx
from fastapi.testclient import TestClient
from starlette.routing import Mount, Router

from ehr_sandbox.app import create_sandbox
from ehr_sandbox.clock import SandboxClock
from ehr_sandbox.patients import SamplePatient, load_patients
from ehr_sandbox.smart_server import LaunchContext, RegisteredClient, SmartFaults, SmartServer
from ehr_sandbox.ward import encounter_id
from fhir_maps.terminology import load_terminology
from management.protocol import load_protocol
from smart_app.app import create_smart_app
from smart_app.ehr_client import EhrClient
from smart_app.settings import SmartSettings
from tests.smart_site import OUR_KEYS, Clock

APP_ORIGIN = "https://cds.example"
APP = f"{APP_ORIGIN}/smart"
CLIENT_ID = "cart-app"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
FROM_OUR_PAGE = {**FORM, "Sec-Fetch-Site": "same-origin", "Origin": APP_ORIGIN}
_TERMINOLOGY = load_terminology()
_PROTOCOL = load_protocol("met-2021")


class Ehr:
    """A sandbox: FHIR endpoint, authorization server, and the browser's view of it."""

    def __init__(self, origin: str, patients: tuple[SamplePatient, ...], clock: Clock) -> None:
        self.origin, self.base = origin, f"{origin}/fhir"
        self.faults = SmartFaults()
        client = RegisteredClient(
            CLIENT_ID,
            (f"{APP}/callback",),
            f"{APP}/launch",
            jwks=OUR_KEYS.jwks,
            jwks_url=f"{APP}/.well-known/jwks.json",
        )
        self.server = SmartServer(self.base, (client,), clock=clock, faults=self.faults)
        self.app = create_sandbox(patients, clock=SandboxClock(clock), smart=self.server, base_url=origin)
        self.shelf = self.app.state.shelf
        self.http = TestClient(self.app, base_url=origin, follow_redirects=False)

    def launch(self, patient_id: str, **context: Any) -> str:
        """A ``launch`` value for a patient."""
        return self.server.begin_launch(LaunchContext(patient_id, encounter_id(patient_id), **context))

    def scores(self, patient_id: str) -> int:
        """How many ICE totals of ours a patient's record holds."""
        return len(self.shelf.search("Observation", [("patient", patient_id), ("code", "ice-total")]))


class Wires(httpx.AsyncBaseTransport):
    """What lies between the app and the EHRs; a host that is none of them cannot be reached."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.forms: list[str] = []
        self._hosts: dict[str, httpx.ASGITransport] = {}

    def connect(self, ehr: Ehr) -> None:
        """Make an EHR reachable."""
        self._hosts[httpx.URL(ehr.origin).host] = httpx.ASGITransport(ehr.app)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Note the request and pass it on."""
        self.sent.append(str(request.url))
        if request.method == "POST":
            self.forms.append(f"{request.url} {request.content.decode()}")
        if request.url.host not in self._hosts:
            raise httpx.ConnectError("no such host")
        return await self._hosts[request.url.host].handle_async_request(request)


class AttackedSite:
    """The app, registered at two EHRs of other patients. ``clock`` is real and clinical time."""

    def __init__(self) -> None:
        self.clock = Clock()
        everybody = {one.id: one for one in load_patients(self.clock())}
        self.ehr = Ehr("https://ehr.example", (everybody["demo-ginster"], everybody["demo-dorn"]), self.clock)
        self.other = Ehr("https://other.example", (everybody["demo-esche"],), self.clock)
        self.wires = Wires()
        for each in (self.ehr, self.other):
            self.wires.connect(each)
        settings = SmartSettings(
            base_url=APP_ORIGIN,
            ehrs=tuple(
                EhrClient(each.base, CLIENT_ID, frame_ancestors=(each.origin,))
                for each in (self.ehr, self.other)
            ),
            keys=OUR_KEYS,
        )
        self.app = create_smart_app(
            settings,
            clock=self.clock,
            protocol=_PROTOCOL,
            terminology=_TERMINOLOGY,
            transport=self.wires,
            now=self.clock,
        )
        self.service = Router([Mount("/smart", self.app)], redirect_slashes=False)

    def browser(self, **headers: str) -> TestClient:
        """A browser without cookies."""
        return TestClient(self.service, base_url=APP_ORIGIN, follow_redirects=False, headers=headers)

    def begin(self, browser: TestClient, launch: str | None = None, ehr: Ehr | None = None) -> str:
        """Hit the launch URL; the address of the authorization request."""
        ehr = ehr or self.ehr
        launch = launch or ehr.launch("demo-ginster")
        answer = browser.get("/smart/launch", params={"iss": ehr.base, "launch": launch})
        assert answer.status_code == 303, answer.text
        return str(answer.headers["location"])

    def authorize(self, request: str, ehr: Ehr | None = None) -> dict[str, str]:
        """Let an EHR answer an authorization request; what it brings to the callback."""
        answer = (ehr or self.ehr).http.get(request)
        location = httpx.URL(answer.headers["location"])
        assert str(location).startswith(f"{APP}/callback?"), location
        return dict(location.params)

    def come_back(self, browser: TestClient, values: dict[str, str]) -> Any:
        """Hit the redirect URI."""
        return browser.get("/smart/callback", params=values)

    def sign_in(
        self, browser: TestClient, patient_id: str = "demo-ginster", ehr: Ehr | None = None, **context: Any
    ) -> str:
        """A whole launch; the path of its session, with a slash at its end."""
        ehr = ehr or self.ehr
        request = self.begin(browser, ehr.launch(patient_id, **context), ehr)
        answer = self.come_back(browser, self.authorize(request, ehr))
        assert answer.status_code == 303, answer.text
        return str(httpx.URL(answer.headers["location"]).path.rpartition("/")[0]) + "/"


def opened(answer: Any) -> bool:
    """Whether an answer gives the browser a session."""
    return any(cookie.startswith("__Host-s-") for cookie in answer.headers.get_list("set-cookie"))


def fields_of(page: str, action: str) -> dict[str, str]:
    """The hidden fields of the form with that action."""
    forms = re.findall(rf'<form[^>]*action="{re.escape(action)}".*?</form>', page, re.DOTALL)
    assert forms, action
    return {
        unescape(name): unescape(value)
        for name, value in re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)"', forms[0])
    }


def ice_form(browser: TestClient, session: str, points: str = "1") -> dict[str, str]:
    """The ICE form of a session, filled in: every item with the same points; the patient is awake."""
    page = browser.get(f"{session}ice").text
    items = ["year", "month", "city", "hospital", "naming", "command", "writing", "attention"]
    at = re.search(r'name="assessed-at"[^>]* value="([^"]+)"', page)
    assert at
    return {
        **fields_of(page, f"{session}ice"),
        "assessed-at": at[1],
        **{f"ice-{item}": points for item in items},
        "consciousness": "alert",
        "do": "save",
    }


def post(browser: TestClient, address: str, form: Any, **headers: str) -> Any:
    """Post a form as our own page does, unless ``headers`` say otherwise."""
    content = form if isinstance(form, str | bytes) else urlencode(form)
    return browser.post(address, content=content, headers=headers or FROM_OUR_PAGE)
