"""The service and the SMART app side by side: each under its path, with its own headers, both ended."""

import logging
from datetime import UTC, datetime

import pytest
from fastapi.testclient import TestClient

from cart_cds.command_line import main
from cart_cds.service import create_service
from cds_service.settings import Settings
from smart_app.keys import SigningKeys
from smart_app.settings import EhrClient, SmartSettings

NOW = datetime(2026, 3, 4, 10, 30, tzinfo=UTC)
KEYS = SigningKeys.generate()
SMART = SmartSettings(
    "http://127.0.0.1:8000",
    (EhrClient("http://127.0.0.1:8001/fhir", "an-app", frame_ancestors=("http://127.0.0.1:8001",)),),
    KEYS,
    insecure_loopback=True,
)


@pytest.fixture
def both() -> TestClient:
    return TestClient(create_service(Settings(), SMART, clock=lambda: NOW))


def test_each_answers_under_its_path(both: TestClient) -> None:
    assert both.get("/cds-services").json()["services"]
    assert both.get("/health/live").json() == {"status": "ok"}
    assert both.get("/smart/.well-known/jwks.json").json() == KEYS.jwks()
    assert both.get("/smartest").status_code == 404
    assert both.get("/smart/cds-services").status_code == 404


def test_the_open_door_for_browser_origins_does_not_reach_the_app(both: TestClient) -> None:
    foreign = {"Origin": "https://elsewhere.example", "Access-Control-Request-Method": "GET"}
    assert both.get("/cds-services", headers=foreign).headers["access-control-allow-origin"] == "*"
    for answer in (
        both.get("/smart/launch", headers=foreign),
        both.options("/smart/launch", headers=foreign),
    ):
        assert "access-control-allow-origin" not in answer.headers
        assert "frame-ancestors http://127.0.0.1:8001" in answer.headers["content-security-policy"]
    assert "content-security-policy" not in both.get("/cds-services").headers


def test_no_request_of_the_app_is_in_the_access_log(
    both: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        both.get("/smart/launch?launch=a-secret&iss=x")
        both.get("/health/live")
    lines = [record.getMessage() for record in caplog.records if record.name == "cds_service.access_log"]
    assert [line.rsplit(" ", 3)[0] for line in lines] == ["GET /health/live"]
    assert "a-secret" not in caplog.text


def test_both_begin_and_end_with_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = []

    async def close(_: object) -> None:
        closed.append("room")

    monkeypatch.setattr("smart_app.smart_room.SmartRoom.close", close)
    with TestClient(create_service(Settings(), SMART)) as both:
        assert both.get("/health/ready").json()["status"] == "ok"
        assert closed == []
    assert closed == ["room"]


def test_without_an_ehr_there_is_no_app() -> None:
    alone = TestClient(create_service(Settings(), SmartSettings()))
    assert alone.get("/health/live").status_code == 200
    assert alone.get("/smart/launch").status_code == 404


def test_a_setting_of_the_app_that_cannot_be_used_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CART_CDS_SMART_EHRS", "/nowhere/at/all.toml")
    assert main(["serve", "--port", "0"]) == 2
    assert "CART_CDS_SMART_EHRS" in capsys.readouterr().err


def test_without_an_ehr_the_app_says_that_it_is_not_set_up() -> None:
    service = TestClient(create_service(Settings(), SmartSettings(), clock=lambda: NOW))
    answer = service.get("/smart/launch?iss=https://ehr.example/fhir&launch=x")
    assert answer.status_code == 404
    assert "CART_CDS_SMART_EHRS" in answer.text
    assert service.get("/smart/.well-known/jwks.json").json() == {"keys": []}
    assert service.get("/cds-services").status_code == 200
