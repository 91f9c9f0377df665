"""A card launches the registered app and no other: for the patient of the chart, anew for each page."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from starlette.testclient import TestClient

from ehr_sandbox.app import create_sandbox
from ehr_sandbox.app_launcher import SmartLauncher
from ehr_sandbox.chart_actions import LaunchedApp
from ehr_sandbox.clock import SandboxClock
from ehr_sandbox.patients import load_patients
from ehr_sandbox.smart_server import LaunchContext, RegisteredClient, SmartServer

NOW = datetime(2026, 5, 4, 9, 0, tzinfo=UTC)
FHIR = "http://ehr.example/fhir"
LAUNCH_URL = "https://app.example/smart/launch"
CARD = {
    "uuid": "card",
    "summary": "CRS grade 3",
    "indicator": "critical",
    "source": {"label": "s"},
    "links": [
        {"label": "The course", "url": LAUNCH_URL, "type": "smart", "appContext": '{"v":1,"view":"course"}'},
        {"label": "A stranger", "url": "https://stranger.example/launch", "type": "smart"},
        {"label": "A page", "url": LAUNCH_URL, "type": "absolute"},
    ],
}


class Cards:
    def view(self, patient_id: str) -> Mapping[str, Any]:
        return {"cards": [CARD | {"uuid": f"card-{patient_id}"}]}

    def send_feedback(self, items: Sequence[Mapping[str, Any]]) -> None:
        assert not items, "a launch is nothing to tell the service"


class Recording(SmartServer):
    """Keeps what launches were begun for."""

    def __init__(self) -> None:
        callback = "https://app.example/smart/callback"
        client = RegisteredClient("an-app", (callback,), LAUNCH_URL, jwks={"keys": []})
        super().__init__(FHIR, [client])
        self.begun: list[LaunchContext] = []

    def begin_launch(self, context: LaunchContext) -> str:
        self.begun.append(context)
        return super().begin_launch(context)


@pytest.fixture
def smart() -> Recording:
    return Recording()


@pytest.fixture
def http(smart: Recording) -> TestClient:
    return TestClient(
        create_sandbox(
            load_patients(NOW),
            clock=SandboxClock(lambda: NOW),
            cards=Cards(),
            smart=smart,
            base_url="http://ehr.example",
        )
    )


def launch(http: TestClient, patient: str, link: str) -> Any:
    http.get(f"/patients/{patient}")
    form = {"card": f"card-{patient}", "link": link}
    return http.post(f"/patients/{patient}/launch", data=form, follow_redirects=False)


def frame_of(page: str) -> str | None:
    found = re.search(r'<iframe [^>]*src="([^"]*)"', page)
    return unescape(found[1]) if found else None


def test_the_frame_opens_the_app_for_the_patient_of_the_chart(http: TestClient, smart: Recording) -> None:
    redirect = launch(http, "demo-dorn", "0")
    assert (redirect.status_code, redirect.headers["location"]) == (303, "/patients/demo-dorn?app=1")
    answer = http.get("/patients/demo-dorn?app=1")
    address = frame_of(answer.text)
    assert address is not None
    assert address.partition("?")[0] == LAUNCH_URL
    told = parse_qs(urlsplit(address).query)
    assert told["iss"] == [FHIR]
    assert set(told) == {"iss", "launch"}
    assert "demo-dorn" not in address
    [context] = smart.begun
    assert (context.patient_id, context.encounter_id) == ("demo-dorn", "demo-dorn-encounter")
    assert context.app_context == '{"v":1,"view":"course"}'
    assert "frame-src 'self' https://app.example;" in answer.headers["content-security-policy"]


def test_every_page_is_a_launch_of_its_own(http: TestClient, smart: Recording) -> None:
    launch(http, "demo-dorn", "0")
    frames = {frame_of(http.get("/patients/demo-dorn?app=1").text) for _ in range(2)}
    assert len(frames) == 2
    assert len(smart.begun) == 2


def test_an_app_of_one_patient_is_never_opened_in_the_chart_of_another(
    http: TestClient, smart: Recording
) -> None:
    launch(http, "demo-dorn", "0")
    assert frame_of(http.get("/patients/demo-esche?app=1").text) is None
    assert smart.begun == []


@pytest.mark.parametrize("number", ["", "0", "2", "-1", "x", "1e3", "99999999999999"])
def test_a_number_of_no_launch_opens_nothing(http: TestClient, smart: Recording, number: str) -> None:
    launch(http, "demo-dorn", "0")
    assert frame_of(http.get("/patients/demo-dorn", params={"app": number}).text) is None
    assert smart.begun == []


@pytest.mark.parametrize("link", ["1", "2", "3", "-1", "", "x"])
def test_only_a_registered_app_is_launched(http: TestClient, smart: Recording, link: str) -> None:
    redirect = launch(http, "demo-dorn", link)
    assert redirect.headers["location"] == "/patients/demo-dorn"
    assert "launches no app that is registered here" in http.get("/patients/demo-dorn").text
    assert smart.begun == []


def test_a_link_of_a_strangers_app_is_no_button(http: TestClient) -> None:
    page = http.get("/patients/demo-dorn").text
    assert "<button>The course</button>" in page
    assert "A stranger <small>(an app that is not registered here)</small>" in page
    assert "stranger.example" not in page


def test_a_launch_address_with_a_query_keeps_it(smart: Recording) -> None:
    app = LaunchedApp(1, "demo-dorn", "x", f"{LAUNCH_URL}?site=north", None)
    told = parse_qs(urlsplit(SmartLauncher(smart, FHIR).begin(app)).query)
    assert told["site"] == ["north"]
    assert told["iss"] == [FHIR]
