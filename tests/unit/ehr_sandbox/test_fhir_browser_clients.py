"""Browser clients of other origins: CORS on every answer, media types old and new, searches by form, HEAD."""

import asyncio
from typing import Any

import pytest

from ehr_sandbox.cross_origin import CrossOrigin
from ehr_sandbox.door import AccessRefusedError
from tests.small_ward import Ward, ice, temperature

ORIGIN = {"Origin": "https://sandbox.example"}


class ClosedDoor:
    def admit(self, *_: object) -> None:
        raise AccessRefusedError(401, "no valid token")


class BrokenDoor:
    def admit(self, *_: object) -> None:
        raise RuntimeError("Bearer token-of-one")


def open_to_any_origin(answer: Any) -> bool:
    return (
        answer.headers.get("access-control-allow-origin") == "*"
        and "access-control-allow-credentials" not in answer.headers
    )


@pytest.mark.parametrize(
    "path", ["/fhir", "/fhir/Observation", "/fhir/Observation/_search", "/fhir/metadata"]
)
def test_a_preflight_is_answered_without_a_token_and_names_each_header(path: str) -> None:
    ward = Ward(door=ClosedDoor())
    asked = {**ORIGIN, "Access-Control-Request-Method": "POST"}
    answer = ward.client.options(path, headers=asked)
    assert answer.status_code == 204
    assert open_to_any_origin(answer)
    allowed = answer.headers["access-control-allow-headers"]
    for name in (
        "Authorization",
        "Content-Type",
        "Accept",
        "If-None-Exist",
        "If-Match",
        "Prefer",
        "X-Requested-With",
    ):
        assert name in allowed
    assert {"GET", "HEAD", "POST", "PUT"} <= set(answer.headers["access-control-allow-methods"].split(", "))


def test_every_answer_is_open_to_any_origin_errors_too() -> None:
    ward = Ward([temperature("t", "2026-03-04T11:00:00Z")])
    answers = {
        200: ward.get("Observation/t", **ORIGIN),
        201: ward.post("Observation", ice(), ORIGIN),
        400: ward.get("Observation?colour=red", **ORIGIN),
        404: ward.get("Observation/none", **ORIGIN),
        405: ward.client.delete("/fhir/Observation/t", headers=ORIGIN),
        406: ward.get("Patient/one", Accept="application/fhir+xml"),
        415: ward.post("Observation", ice(), {"Content-Type": "text/plain"}),
        422: ward.post("Observation", ice("nobody"), ORIGIN),
        401: Ward(door=ClosedDoor()).get("Patient/one", **ORIGIN),
    }
    for status, answer in answers.items():
        assert answer.status_code == status
        assert open_to_any_origin(answer), status
        assert "Location" in answer.headers["access-control-expose-headers"]
    nowhere = ward.client.get("/fhir/.well-known/nothing", headers=ORIGIN)
    assert nowhere.status_code == 404
    assert open_to_any_origin(nowhere)


def test_an_unforeseen_fault_is_a_bare_500_that_repeats_nothing(caplog: pytest.LogCaptureFixture) -> None:
    answer = Ward(door=BrokenDoor()).get("Patient/one", **ORIGIN)
    assert answer.status_code == 500
    assert open_to_any_origin(answer)
    assert answer.json()["resourceType"] == "OperationOutcome"
    assert "token-of-one" not in answer.text + caplog.text


def test_an_answer_that_breaks_off_is_not_begun_again() -> None:
    async def breaks_off(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise RuntimeError

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message["type"])

    scope = {"type": "http", "method": "GET", "path": "/fhir/metadata"}
    with pytest.raises(RuntimeError):
        asyncio.run(CrossOrigin(breaks_off)(scope, send, send))
    assert sent == ["http.response.start"]


def test_other_paths_of_the_sandbox_stay_closed_to_other_origins() -> None:
    ward = Ward()
    for path in ("/", "/patients/one", "/fhirx"):
        assert not open_to_any_origin(ward.client.get(path, headers=ORIGIN))


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        (None, "application/fhir+json"),
        ("*/*", "application/fhir+json"),
        ("application/*", "application/fhir+json"),
        ("application/fhir+json, */*; q=0.1", "application/fhir+json"),
        ("application/fhir+json;fhirVersion=4.0", "application/fhir+json"),
        ("application/json+fhir", "application/json+fhir"),
        ("application/json", "application/json"),
        ("application/json;q=0.9, application/fhir+json", "application/fhir+json"),
        ("application/fhir+json;q=0.5, application/json", "application/json"),
        ("APPLICATION/JSON", "application/json"),
        ("application/fhir+xml, application/json;q=0.1", "application/json"),
        # A browser that opens an address shows JSON; it would save the FHIR type as a file.
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "application/json"),
    ],
)
def test_the_answer_has_the_type_that_was_asked_for(accept: str | None, media_type: str) -> None:
    ward = Ward()
    if accept is None:
        del ward.client.headers["accept"]
    answer = ward.get("Patient/one", **({"Accept": accept} if accept else {}))
    assert answer.status_code == 200
    assert answer.headers["content-type"] == f"{media_type}; charset=utf-8"


@pytest.mark.parametrize("accept", ["application/fhir+xml", "text/turtle", "application/json;q=0"])
def test_a_client_that_takes_no_json_is_told_so(accept: str) -> None:
    ward = Ward()
    answer = ward.get("Patient/one", Accept=accept)
    assert answer.status_code == 406
    assert answer.json()["resourceType"] == "OperationOutcome"
    assert ward.get("Patient/one?_format=json", Accept=accept).status_code == 200


def test_a_form_search_of_a_browser_client_is_answered_in_its_type() -> None:
    ward = Ward([temperature("t", "2026-03-04T11:00:00Z")])
    answer = ward.client.post(
        "/fhir/Observation/_search",
        data={"patient": "one", "_sort": "-date"},
        headers={**ORIGIN, "Accept": "application/json+fhir"},
    )
    assert answer.json()["total"] == 1
    assert answer.headers["content-type"].startswith("application/json+fhir")
    assert ward.client.post("/fhir/Observation/_search?patient=two").json()["total"] == 0
    not_a_form = ward.client.post("/fhir/Observation/_search", json={"patient": "one"})
    assert not_a_form.status_code == 415


@pytest.mark.parametrize("path", ["Patient/one", "Observation?patient=one", "metadata", "Patient/none"])
def test_head_is_get_without_the_body(path: str) -> None:
    ward = Ward()
    whole, head = ward.get(path), ward.client.head(f"/fhir/{path}")
    assert head.status_code == whole.status_code
    assert head.content == b""
    same = ("content-type", "content-length", "etag", "access-control-allow-origin")
    assert [head.headers.get(name) for name in same] == [whole.headers.get(name) for name in same]


def test_answers_are_kept_in_no_cache() -> None:
    assert Ward().get("Patient/one").headers["cache-control"] == "no-store"


def test_addresses_are_those_of_the_public_base() -> None:
    ward = Ward(base_url="https://ehr.example/r4/fhir/")
    assert ward.get("Patient").json()["entry"][0]["fullUrl"] == "https://ehr.example/r4/fhir/Patient/one"
    assert ward.post("Observation", ice()).headers["location"].startswith("https://ehr.example/r4/fhir/Obs")
    assert ward.get("metadata").json()["implementation"]["url"] == "https://ehr.example/r4/fhir"
