"""What stands at the doors: CORS, errors as OperationOutcomes, health, metrics, published artefacts."""

import logging
from collections.abc import Callable
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from starlette.requests import ClientDisconnect

from cds_service.feedback import FeedbackStore
from cds_service.patient_view import PatientView
from tests.unit.cds_service.samples import SERVICE, crs_3, service

RequestFor = Callable[..., dict[str, Any]]
ORIGIN = {"Origin": "https://sandbox.example"}


def outcome(answer: Any) -> str:
    body = answer.json()
    assert body["resourceType"] == "OperationOutcome"
    text: str = body["issue"][0]["details"]["text"]
    return text


@pytest.mark.parametrize(
    ("address", "asked"),
    [
        ("/cds-services", "authorization"),
        (SERVICE, "authorization,content-type"),
        (f"{SERVICE}/feedback", "authorization,content-type"),
    ],
)
def test_a_preflight_is_answered_on_all_three_endpoints(client: TestClient, address: str, asked: str) -> None:
    headers = ORIGIN | {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": asked}
    answer = client.options(address, headers=headers, follow_redirects=False)
    assert answer.status_code in (200, 204)
    assert answer.headers["access-control-allow-origin"] == "*"
    assert {"GET", "POST", "OPTIONS"} <= set(answer.headers["access-control-allow-methods"].split(", "))
    assert {"Authorization", "Content-Type"} <= set(
        answer.headers["access-control-allow-headers"].split(", ")
    )
    assert "access-control-allow-credentials" not in answer.headers


def test_options_without_an_origin_says_what_is_allowed(client: TestClient) -> None:
    answer = client.options(SERVICE)
    assert answer.status_code == 204 and "POST" in answer.headers["allow"]


@pytest.mark.parametrize(
    ("method", "address", "body", "status"),
    [
        ("GET", "/cds-services", None, 200),
        ("POST", SERVICE, b"{", 400),
        ("POST", "/cds-services/nonsuch", b"{}", 404),
        ("GET", "/nonsuch", None, 404),
        ("GET", SERVICE, None, 405),
        ("PUT", "/cds-services", b"{}", 405),
    ],
)
def test_cors_headers_stand_on_errors_too(
    client: TestClient, method: str, address: str, body: bytes | None, status: int
) -> None:
    answer = client.request(method, address, content=body, headers=ORIGIN)
    assert answer.status_code == status
    assert answer.headers["access-control-allow-origin"] == "*"
    if status >= 400:
        assert outcome(answer)


def test_configured_origins_are_answered_by_name_and_others_not_at_all() -> None:
    with service(cors_origins=frozenset({"https://sandbox.example"})) as running:
        allowed = running.get("/cds-services", headers=ORIGIN)
        other = running.get("/cds-services", headers={"Origin": "https://attacker.example"})
        none = running.get("/cds-services")
    assert allowed.headers["access-control-allow-origin"] == "https://sandbox.example"
    assert "access-control-allow-origin" not in other.headers
    assert "access-control-allow-origin" not in none.headers
    assert {answer.headers["vary"] for answer in (allowed, other, none)} == {"Origin"}


def test_405_names_the_method_that_is_allowed(client: TestClient) -> None:
    assert "POST" in client.get(SERVICE).headers["allow"]


@pytest.mark.parametrize("ending", ["", "/"])
def test_a_slash_at_the_end_is_answered_and_never_redirected(
    client: TestClient, request_for: RequestFor, ending: str
) -> None:
    answer = client.post(SERVICE + ending, json=request_for(crs_3()), follow_redirects=False)
    assert answer.status_code == 200
    assert client.post(f"{SERVICE}/feedback{ending}", json={"feedback": []}).status_code == 200


def test_an_unexpected_fault_is_a_bare_500_with_cors_and_the_next_request_is_answered(
    client: TestClient,
    request_for: RequestFor,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def broken(self: PatientView, body: bytes) -> None:
        raise RuntimeError(f"Patient/p1 {len(body)} {id(self)}")

    with monkeypatch.context() as patched:
        patched.setattr(PatientView, "answer", broken)
        answer = client.post(SERVICE, json=request_for(crs_3()), headers=ORIGIN)
    assert answer.status_code == 500
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["x-request-id"] in outcome(answer)
    assert "RuntimeError" in caplog.text and "p1" not in caplog.text and "p1" not in answer.text
    assert "Traceback" not in answer.text
    assert client.post(SERVICE, json=request_for(crs_3())).status_code == 200


def test_a_client_that_went_away_is_no_fault(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def gone(self: PatientView, body: bytes) -> None:
        raise ClientDisconnect(f"{len(body)} {id(self)}")

    monkeypatch.setattr(PatientView, "answer", gone)
    with pytest.raises((AssertionError, RuntimeError)):  # the test client waits for an answer
        client.post(SERVICE, json={})
    assert "unhandled" not in caplog.text


@pytest.mark.parametrize(
    "media_type",
    [
        "application/json",
        "application/json; charset=utf-8",
        "application/fhir+json",
        "APPLICATION/JSON",
        None,
    ],
)
def test_json_media_types_are_accepted(client: TestClient, media_type: str | None) -> None:
    headers = {"content-type": media_type} if media_type else {}
    assert client.post(SERVICE, content=b"{}", headers=headers).status_code == 400  # read, and found wanting


@pytest.mark.parametrize("media_type", ["text/plain", "application/xml", "application/x-www-form-urlencoded"])
def test_any_other_media_type_is_415(client: TestClient, media_type: str) -> None:
    answer = client.post(SERVICE, content=b"{}", headers={"content-type": media_type})
    assert answer.status_code == 415 and outcome(answer)


def test_a_compressed_body_is_415(client: TestClient) -> None:
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    assert client.post(SERVICE, content=b"\x1f\x8b", headers=headers).status_code == 415


def test_a_body_beyond_the_limit_is_413_whether_declared_or_not() -> None:
    def endless() -> Any:
        for _ in range(20):
            yield b" " * 1000

    with service(max_body_bytes=10_000) as running:
        assert running.post(SERVICE, content=b" " * 10_001).status_code == 413
        streamed = running.post(SERVICE, content=endless())
        assert streamed.status_code == 413 and outcome(streamed)
        assert running.post(SERVICE, content=b" " * 10_000).status_code == 400


def test_health_is_live_and_ready(client: TestClient) -> None:
    assert client.get("/health/live").json() == {"status": "ok"}
    ready = client.get("/health/ready")
    assert ready.status_code == 200
    assert ready.json()["protocol"] == "met-2021" and "drugs.csv" in ready.json()["maps"]


def test_a_database_that_does_not_answer_is_not_ready(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: FeedbackStore) -> bool:
        raise RuntimeError(str(self))

    monkeypatch.setattr(FeedbackStore, "is_reachable", broken)
    assert client.get("/health/ready").status_code == 503
    assert client.get("/health/live").status_code == 200


def test_metrics_count_requests_stages_and_cards_without_a_patient(request_for: RequestFor) -> None:
    with service() as running:
        assert running.post(SERVICE, json=request_for(crs_3())).status_code == 200
        assert running.post(SERVICE, content=b"{").status_code == 400
        text = running.get("/metrics").text
    assert 'cart_cds_requests_total{service="cart-toxicity-patient-view",status="200"} 1.0' in text
    assert 'status="400"} 1.0' in text
    assert 'cart_cds_cards_total{indicator="critical",topic="crs"} 1.0' in text
    assert 'cart_cds_stage_seconds_count{stage="review"} 1.0' in text
    assert "p1" not in text


def test_our_code_system_is_published_and_what_is_not_is_404(client: TestClient) -> None:
    found = client.get("/fhir/CodeSystem/immune-effector-cell-assessment")
    assert found.status_code == 200
    assert found.headers["content-type"] == "application/fhir+json"
    assert found.json()["resourceType"] == "CodeSystem"
    for address in ("/fhir/CodeSystem/nonsuch", "/fhir/Patient/p1", "/fhir/ValueSet/..%2f..%2fetc"):
        answer = client.get(address)
        assert answer.status_code == 404 and outcome(answer)


def test_no_documentation_pages_of_the_framework_are_served(client: TestClient) -> None:
    for address in ("/docs", "/redoc", "/openapi.json"):
        assert client.get(address).status_code == 404


def test_open_development_mode_is_said_at_the_start(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with service() as running:
        assert isinstance(running.app, FastAPI)
    assert "OPEN DEVELOPMENT MODE" in caplog.text and "feedback is kept in memory" in caplog.text
