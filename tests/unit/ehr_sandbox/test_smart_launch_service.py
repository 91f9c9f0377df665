"""The launch service that the public CDS Hooks sandbox asks before it shows a SMART link."""

import json
from typing import Any

import pytest

from tests.unit.ehr_sandbox.smart_client import LAUNCH, Site

PATH = "/fhir/_services/smart/Launch"
HINT = '{"v":1,"view":"ice"}'


def body(patient: Any = "adler", launch_url: Any = LAUNCH, **more: Any) -> dict[str, Any]:
    return {"launchUrl": launch_url, "parameters": {"patient": patient, **more}}


def test_a_link_of_a_card_is_given_a_launch_value_that_works() -> None:
    site = Site(open_reads=True)
    answer = site.http.post(PATH, json=body(appContext=HINT), headers={"Origin": "https://sandbox.example"})
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "*"
    launch = answer.json()["launch_id"]
    tokens = site.exchange(site.authorize(launch=launch)["code"]).json()
    assert (tokens["patient"], tokens["appContext"]) == ("adler", HINT)


def test_a_browser_of_another_origin_may_ask() -> None:
    answer = Site().http.options(PATH, headers={"Access-Control-Request-Method": "POST"})
    assert answer.status_code == 204
    assert "content-type" in answer.headers["access-control-allow-headers"]
    assert "POST" in answer.headers["access-control-allow-methods"]


@pytest.mark.parametrize(
    ("document", "text"),
    [
        (None, "parameters are missing"),
        ([], "parameters are missing"),
        ({"launchUrl": LAUNCH}, "parameters are missing"),
        (body(patient=None), "parameters.patient"),
        (body(patient="a/b"), "parameters.patient"),
        (body(patient="conrad"), "there is no such patient"),
        (body(encounter=7), "parameters.encounter"),
        (body(appContext={"v": 1}), "parameters.appContext"),
        (body(appContext="x" * 4097), "parameters.appContext"),
        (body(appContext="ä" * 2049), "parameters.appContext"),
        (body(appContext="\ud800"), "parameters.appContext"),
        (body(launch_url="https://evil.example/launch"), "launchUrl"),
        (body(launch_url=None), "launchUrl"),
        (body(launch_url=["x"]), "launchUrl"),
    ],
)
def test_what_cannot_be_launched_is_refused(document: Any, text: str) -> None:
    answer = Site(open_reads=True).http.post(PATH, content=json.dumps(document))
    assert answer.status_code == 400
    assert text in answer.json()["error"]
    assert "conrad" not in answer.text


def test_where_reads_need_a_token_a_launch_needs_one_for_its_patient() -> None:
    site = Site()
    given = site.server.issue_for_service("adler", "patient/Patient.r")["access_token"]
    token = {"Authorization": f"Bearer {given}"}
    assert site.http.post(PATH, json=body()).status_code == 401
    assert site.http.post(PATH, json=body(), headers=token).status_code == 200
    assert site.http.post(PATH, json=body(patient="brand"), headers=token).status_code == 403
