"""Retrieval: only where allowed, under one deadline; a failure is a failure and never an empty answer."""

import asyncio
import json
import logging
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import httpx
import pytest
import respx
from fastapi import FastAPI, Request, Response

from fhir_maps.data_requirements import Kind, Requirement, Role
from fhir_maps.retrieve import FhirAccess, FhirReader, Permission, origin_of
from fhir_maps.search_answers import Answer, AnswerState, judge_answer

BASE = "http://127.0.0.1:9999/fhir"
TOKEN = "secret-token"  # noqa: S105 - stands for one
WEIGHT = Requirement(
    "weight",
    "Observation",
    Kind.SEARCH,
    Role.OBSERVATION,
    "weights",
    codes=("http://loinc.org|29463-7",),
    paging="&_sort=-date&_count=20",
)
PATIENT = Requirement("patient", "Patient", Kind.READ, Role.OTHER, "patient")
GIVEN = Requirement(
    "given", "MedicationAdministration", Kind.SEARCH, Role.OTHER, "administrations", paging="&_count=9"
)


def bundle(*resources: dict[str, Any], next_url: str | None = None) -> dict[str, Any]:
    found: dict[str, Any] = {"resourceType": "Bundle", "type": "searchset"}
    if resources:
        found["entry"] = [{"resource": resource} for resource in resources]
    if next_url:
        found["link"] = [{"relation": "next", "url": next_url}]
    return found


def observation(resource_id: str) -> dict[str, Any]:
    return {"resourceType": "Observation", "id": resource_id}


def retrieve(
    *requirements: Requirement,
    access: FhirAccess | None = None,
    begun: Mapping[str, Answer] | None = None,
    **options: Any,
) -> dict[str, Answer]:
    async def run() -> dict[str, Answer]:
        reader = FhirReader(None, **options)
        try:
            return await reader.retrieve(requirements, access or FhirAccess(BASE, TOKEN), "p1", begun or {})
        finally:
            await reader.close()

    return asyncio.run(run())


@pytest.fixture
def server() -> Iterator[respx.MockRouter]:
    with respx.mock(assert_all_called=False) as router:
        yield router


def state_of(answers: Mapping[str, Answer], key: str = "weight") -> AnswerState:
    return answers[key].state


def test_an_answer_of_a_real_endpoint_is_read_with_the_token_and_the_patient() -> None:
    endpoint, seen = FastAPI(), []

    @endpoint.get("/fhir/Observation")
    async def search(request: Request) -> Response:
        seen.append((request.headers["authorization"], dict(request.query_params)))
        return Response(json.dumps(bundle(observation("o1"))), media_type="application/fhir+json")

    @endpoint.get("/fhir/Patient/p1")
    async def read() -> Response:
        return Response(json.dumps({"resourceType": "Patient", "id": "p1"}))

    answers = retrieve(WEIGHT, PATIENT, transport=httpx.ASGITransport(app=endpoint))
    assert state_of(answers) is AnswerState.GIVEN
    assert state_of(answers, "patient") is AnswerState.GIVEN
    query = {"patient": "p1", "code": "http://loinc.org|29463-7", "_sort": "-date", "_count": "20"}
    assert seen == [(f"Bearer {TOKEN}", query)]


def test_an_empty_searchset_is_no_data(server: respx.MockRouter) -> None:
    server.get(path="/fhir/Observation").respond(json=bundle())
    assert state_of(retrieve(WEIGHT)) is AnswerState.EMPTY


def test_a_patient_that_is_not_there_is_empty_and_a_search_that_is_not_there_has_failed(
    server: respx.MockRouter,
) -> None:
    server.route().respond(404)
    answers = retrieve(WEIGHT, PATIENT)
    assert state_of(answers, "patient") is AnswerState.EMPTY
    assert state_of(answers) is AnswerState.FAILED


@pytest.mark.parametrize("status", [301, 302, 307, 400, 401, 403, 404, 410, 429, 500, 502, 503])
def test_any_other_status_has_failed(server: respx.MockRouter, status: int) -> None:
    server.route().respond(status, headers={"location": "http://127.0.0.1:9999/fhir/elsewhere"})
    assert state_of(retrieve(WEIGHT)) is AnswerState.FAILED


@pytest.mark.parametrize("status", [401, 403, 500])
def test_the_status_of_a_refusal_is_told(server: respx.MockRouter, status: int) -> None:
    server.get(path="/fhir/Observation").respond(status)
    server.get(path="/fhir/Patient/p1").respond(json={"resourceType": "Patient", "id": "p1"})
    answers = retrieve(WEIGHT, PATIENT)
    assert answers["weight"].refused == status
    assert answers["patient"].refused is None


def test_the_status_of_a_refused_later_page_is_told_and_the_page_can_be_asked_for_again(
    server: respx.MockRouter,
) -> None:
    first = bundle(observation("o1"), next_url=f"{BASE}/page-2")
    server.get(path="/fhir/Observation").respond(json=first)
    later = server.get(path="/fhir/page-2").respond(401)
    begun = retrieve(WEIGHT)
    assert (state_of(begun), begun["weight"].refused) == (AnswerState.PARTIAL, 401)
    later.respond(json=bundle(observation("o2")))
    again = retrieve(WEIGHT, begun=begun)
    assert (state_of(again), len(again["weight"].documents)) == (AnswerState.GIVEN, 2)
    assert again["weight"].refused is None


def test_a_network_fault_has_no_status(server: respx.MockRouter) -> None:
    server.route().mock(side_effect=httpx.ConnectError("fault"))
    assert retrieve(WEIGHT)["weight"].refused is None


@pytest.mark.parametrize(
    "fault",
    [httpx.ConnectError, httpx.ReadTimeout, httpx.RemoteProtocolError, httpx.ConnectTimeout, httpx.ReadError],
)
def test_a_network_fault_has_failed(server: respx.MockRouter, fault: Callable[[str], Exception]) -> None:
    server.route().mock(side_effect=fault("fault"))
    assert state_of(retrieve(WEIGHT)) is AnswerState.FAILED


@pytest.mark.parametrize("body", [b"", b"<html>", b"{", b"[]", b'{"resourceType":"OperationOutcome"}'])
def test_an_answer_that_is_no_data_has_failed(server: respx.MockRouter, body: bytes) -> None:
    server.route().respond(200, content=body)
    assert state_of(retrieve(WEIGHT)) is AnswerState.FAILED


def test_a_redirect_is_never_followed_so_the_token_stays_where_it_is(server: respx.MockRouter) -> None:
    elsewhere = server.get(host="attacker.example").respond(json=bundle(observation("o1")))
    server.get(host="127.0.0.1").respond(
        302, headers={"location": "https://attacker.example/fhir/Observation"}
    )
    assert state_of(retrieve(WEIGHT)) is AnswerState.FAILED
    assert not elsewhere.called


def test_pages_are_followed_on_the_same_origin_and_joined(server: respx.MockRouter) -> None:
    server.get(f"{BASE}/page2").respond(json=bundle(observation("o2"), next_url="page3"))
    server.get(f"{BASE}/page3").respond(json=bundle(observation("o3")))
    server.get(path="/fhir/Observation").respond(json=bundle(observation("o1"), next_url=f"{BASE}/page2"))
    answer = retrieve(WEIGHT)["weight"]
    assert (answer.state, len(answer.documents)) == (AnswerState.GIVEN, 3)
    assert all(call.request.headers["authorization"] == f"Bearer {TOKEN}" for call in server.calls)


def test_a_page_on_another_origin_is_not_followed_and_the_answer_stays_partial(
    server: respx.MockRouter,
) -> None:
    elsewhere = server.get(host="attacker.example").respond(json=bundle(observation("o2")))
    first = bundle(observation("o1"), next_url="https://attacker.example/fhir?page=2")
    server.get(path="/fhir/Observation").respond(json=first)
    answer = retrieve(WEIGHT)["weight"]
    assert (answer.state, len(answer.documents)) == (AnswerState.PARTIAL, 1)
    assert not elsewhere.called


@pytest.mark.parametrize(
    "link",
    [
        "http://127.0.0.1:9999/other/Observation?page=2",
        "http://127.0.0.1:9999/fhirs?page=2",
        "/fhir/../other?page=2",
        "http://127.0.0.1:9999/fhir/%2e%2e/other?page=2",
        "http://127.0.0.1:9999@attacker.example/fhir?page=2",
        "//attacker.example/fhir?page=2",
        "file:///etc/passwd",
        "http://[",
        "http://127.0.0.1:99999999/fhir",
    ],
)
def test_a_page_outside_the_fhir_base_is_not_followed(server: respx.MockRouter, link: str) -> None:
    server.get(path="/fhir/Observation").respond(json=bundle(observation("o1"), next_url=link))
    assert state_of(retrieve(WEIGHT)) is AnswerState.PARTIAL
    assert len(server.calls) == 1


def test_a_page_that_is_the_fhir_base_itself_with_a_query_is_followed(server: respx.MockRouter) -> None:
    server.get(path="/fhir", params={"_getpages": "x"}).respond(json=bundle(observation("o2")))
    server.get(path="/fhir/Observation").respond(
        json=bundle(observation("o1"), next_url=f"{BASE}?_getpages=x")
    )
    assert state_of(retrieve(WEIGHT)) is AnswerState.GIVEN


def test_a_cookie_of_the_server_does_not_go_along_with_another_token(server: respx.MockRouter) -> None:
    server.route().respond(json=bundle(observation("o1")), headers={"set-cookie": "JSESSIONID=of-user-one"})

    async def run() -> None:
        reader = FhirReader(None)
        for token in ("of-user-one", "of-user-two"):
            await reader.retrieve([WEIGHT], FhirAccess(BASE, token), "p1", {})
        await reader.close()

    asyncio.run(run())
    assert len(server.calls) == 2
    assert not any("cookie" in call.request.headers for call in server.calls)


def test_a_later_page_that_fails_leaves_the_answer_partial(server: respx.MockRouter) -> None:
    server.get(f"{BASE}/page2").respond(500)
    server.get(path="/fhir/Observation").respond(json=bundle(observation("o1"), next_url=f"{BASE}/page2"))
    assert state_of(retrieve(WEIGHT)) is AnswerState.PARTIAL


def test_endless_pages_end(server: respx.MockRouter) -> None:
    server.route().respond(json=bundle(observation("o1"), next_url=f"{BASE}/again"))
    assert state_of(retrieve(WEIGHT)) is AnswerState.PARTIAL
    assert len(server.calls) == 21


def test_the_pages_of_a_prefetched_answer_are_continued_not_begun_again(server: respx.MockRouter) -> None:
    server.get(f"{BASE}/page2").respond(json=bundle(observation("o2")))
    first = judge_answer(
        json.dumps(bundle(observation("o1"), next_url=f"{BASE}/page2")).encode(), "Observation"
    )
    answer = retrieve(WEIGHT, begun={"weight": first})["weight"]
    assert (answer.state, len(answer.documents)) == (AnswerState.GIVEN, 2)
    assert len(server.calls) == 1


def test_a_server_that_refuses_to_sort_is_asked_without(server: respx.MockRouter) -> None:
    server.get(path="/fhir/Observation", params__contains={"_sort": "-date"}).respond(400)
    server.get(path="/fhir/Observation").respond(json=bundle(observation("o1")))
    assert state_of(retrieve(WEIGHT)) is AnswerState.GIVEN
    assert dict(server.calls.last.request.url.params) == {
        "patient": "p1",
        "code": "http://loinc.org|29463-7",
        "_count": "20",
    }


def test_answers_beyond_the_cap_are_not_read_on(server: respx.MockRouter) -> None:
    server.route().respond(json=bundle(observation("o" * 5000)))
    assert state_of(retrieve(WEIGHT, cap_bytes=1000)) is AnswerState.FAILED


def test_what_arrived_before_the_deadline_is_kept_and_the_rest_has_failed(server: respx.MockRouter) -> None:
    async def never(_: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError

    server.get(path="/fhir/Observation").mock(side_effect=never)
    server.get(path="/fhir/Patient/p1").respond(json={"resourceType": "Patient", "id": "p1"})
    answers = retrieve(WEIGHT, PATIENT, deadline_seconds=0.1)
    assert state_of(answers) is AnswerState.FAILED
    assert state_of(answers, "patient") is AnswerState.GIVEN


def test_medications_that_are_referred_to_are_read_once(server: respx.MockRouter) -> None:
    def given(number: int, reference: str) -> dict[str, Any]:
        return {
            "resourceType": "MedicationAdministration",
            "id": str(number),
            "medicationReference": {"reference": reference},
        }

    administrations = [
        given(1, "Medication/m1"),
        given(2, f"{BASE}/Medication/m1"),
        given(3, "https://x/Medication/m2"),
    ]
    server.get(path="/fhir/MedicationAdministration").respond(json=bundle(*administrations))
    medications = server.get(path="/fhir/Medication").respond(
        json=bundle({"resourceType": "Medication", "id": "m1"})
    )
    answers = retrieve(GIVEN)
    assert len(answers["medications"].documents) == 1
    assert medications.call_count == 1
    assert medications.calls.last.request.url.params["_id"] == "m1"


def test_medications_that_came_along_are_not_read_again(server: respx.MockRouter) -> None:
    administration = {
        "resourceType": "MedicationAdministration",
        "medicationReference": {"reference": "Medication/m1"},
    }
    answer = bundle(administration, {"resourceType": "Medication", "id": "m1"})
    server.get(path="/fhir/MedicationAdministration").respond(json=answer)
    assert "medications" not in retrieve(GIVEN)


@pytest.mark.parametrize(
    ("scope", "permission"),
    [
        (None, Permission.FULL),
        ("", Permission.FULL),
        ("patient/Observation.read", Permission.FULL),
        ("launch patient/*.read", Permission.FULL),
        ("user/Observation.*", Permission.FULL),
        ("system/Observation.rs", Permission.FULL),
        ("patient/*.cruds", Permission.FULL),
        ("patient/Observation.s", Permission.FULL),
        ("patient/Observation.rs?category=laboratory", Permission.LIMITED),
        ("patient/Observation.rs?category=laboratory patient/Observation.rs", Permission.FULL),
        ("patient/Observation.r", Permission.NONE),
        ("patient/Observation.write", Permission.NONE),
        ("patient/Patient.read openid fhirUser", Permission.NONE),
        ("patient/Observation", Permission.NONE),
    ],
)
def test_scopes_of_both_versions_are_understood(scope: str | None, permission: Permission) -> None:
    assert FhirAccess(BASE, TOKEN, scope).permission(WEIGHT) is permission


def test_a_read_needs_the_r_of_a_version_2_scope() -> None:
    assert FhirAccess(BASE, TOKEN, "patient/Patient.r").permission(PATIENT) is Permission.FULL
    assert FhirAccess(BASE, TOKEN, "patient/Patient.s").permission(PATIENT) is Permission.NONE


def test_without_the_scope_the_server_is_not_called(server: respx.MockRouter) -> None:
    assert retrieve(WEIGHT, access=FhirAccess(BASE, TOKEN, "patient/Patient.read")) == {}
    assert not server.calls


def test_an_empty_answer_under_a_limited_scope_proves_nothing(server: respx.MockRouter) -> None:
    server.route().respond(json=bundle())
    access = FhirAccess(BASE, TOKEN, "patient/Observation.rs?category=laboratory")
    assert state_of(retrieve(WEIGHT, access=access)) is AnswerState.FAILED


@pytest.mark.parametrize(
    ("allowed", "url", "may"),
    [
        (None, "http://localhost:8080/fhir", True),
        (None, "http://127.0.0.1/fhir", True),
        (None, "http://[::1]:8080/fhir", True),
        (None, "https://ehr.example/fhir", False),
        (None, "http://127.0.0.1.attacker.example/fhir", False),
        (None, "http://127.0.0.1@attacker.example/fhir", False),
        (None, "file:///etc/passwd", False),
        (None, "http://127.0.0.1/fhir?x=1", False),
        (None, "http://127.0.0.1:port/fhir", False),
        (None, "", False),
        (["https://ehr.example"], "https://ehr.example:443/r4/tenant", True),
        (["https://ehr.example"], "https://EHR.example/r4", True),
        (["https://ehr.example"], "http://ehr.example/r4", False),
        (["https://ehr.example"], "https://ehr.example:8443/r4", False),
        (["https://ehr.example"], "https://ehr.example.attacker.example/r4", False),
        (["https://ehr.example"], "http://127.0.0.1/fhir", False),
    ],
)
def test_only_servers_on_the_allow_list_may_be_called(allowed: list[str] | None, url: str, may: bool) -> None:
    assert FhirReader(allowed).may_call(url) is may


def test_origins_compare_in_one_spelling() -> None:
    assert origin_of("HTTPS://Ehr.Example:443/x") == "https://ehr.example"
    assert origin_of("http://[::1]:80/") == "http://[::1]"


def test_neither_token_nor_patient_nor_url_is_logged_or_shown(
    server: respx.MockRouter, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server.route().respond(500)
    retrieve(WEIGHT)
    assert "p1" not in caplog.text and TOKEN not in caplog.text and "29463" not in caplog.text
    assert TOKEN not in repr(FhirAccess(BASE, TOKEN))
