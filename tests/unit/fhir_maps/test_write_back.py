"""Writing back: once, to the one server, and shown as that server gives it back."""

import asyncio
import json
import logging
from collections.abc import Coroutine, Iterator
from typing import Any

import httpx
import pytest
import respx

from fhir_maps.retrieve import FhirAccess
from fhir_maps.write_back import FhirWriter, InvalidResourceError, WriteAnswer, WriteOutcome

BASE = "https://ehr.example/r4"
TOKEN = "secret-token"  # noqa: S105 - stands for one
ACCESS = FhirAccess(BASE, TOKEN)
VALUE = "urn:uuid:0b1e42cf-8d3b-4f0f-a58c-2d6a7a3a9d55"
SENT: dict[str, Any] = {
    "resourceType": "Observation",
    "identifier": [{"system": "urn:ietf:rfc:3986", "value": VALUE}],
    "status": "final",
    "code": {"text": "ICE"},
    "subject": {"reference": "Patient/p1"},
    "effectiveDateTime": "2026-03-04T08:00:00Z",
    "valueInteger": 7,
}
KEPT = SENT | {"id": "o9", "meta": {"versionId": "1"}}
# urn:ietf:rfc:3986|urn:uuid:0b1e… with every reserved sign encoded
SEARCH = "identifier=urn%3Aietf%3Arfc%3A3986%7Curn%3Auuid%3A0b1e42cf-8d3b-4f0f-a58c-2d6a7a3a9d55"


def searchset(*resources: dict[str, Any]) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": one} for one in resources]}


def run(call: Coroutine[Any, Any, WriteAnswer]) -> WriteAnswer:
    return asyncio.run(call)


def create(sent: dict[str, Any] = SENT, access: FhirAccess = ACCESS, **options: Any) -> WriteAnswer:
    async def go() -> WriteAnswer:
        writer = FhirWriter([BASE], **options)
        try:
            return await writer.create(access, sent)
        finally:
            await writer.close()

    return run(go())


def update(sent: dict[str, Any], version: str | None = "1") -> WriteAnswer:
    async def go() -> WriteAnswer:
        writer = FhirWriter([BASE])
        try:
            return await writer.update(ACCESS, sent, version)
        finally:
            await writer.close()

    return run(go())


@pytest.fixture
def server() -> Iterator[respx.MockRouter]:
    with respx.mock(base_url=BASE, assert_all_called=False) as router:
        yield router


def test_a_cookie_of_the_server_is_not_kept_for_the_next_user(server: respx.MockRouter) -> None:
    cookie = {"set-cookie": "JSESSIONID=of-user-one", "Location": f"{BASE}/Observation/o9"}
    server.post("/Observation").respond(201, headers=cookie)
    server.get("/Observation/o9").respond(json=KEPT, headers=cookie)

    async def go() -> None:
        writer = FhirWriter([BASE])
        await writer.create(ACCESS, SENT)
        await writer.create(FhirAccess(BASE, "of-user-two"), SENT)
        await writer.close()

    asyncio.run(go())
    assert len(server.calls) == 4
    assert not any("cookie" in call.request.headers for call in server.calls)


def test_a_create_is_conditional_on_the_identifier_and_read_again(server: respx.MockRouter) -> None:
    post = server.post("/Observation").respond(201, headers={"Location": f"{BASE}/Observation/o9/_history/1"})
    read = server.get("/Observation/o9").respond(json=KEPT)
    assert create() == WriteAnswer(WriteOutcome.SAVED, KEPT, 201)
    request = post.calls.last.request
    assert request.headers["If-None-Exist"] == SEARCH
    assert request.headers["Prefer"] == "return=representation"
    assert request.headers["Content-Type"] == "application/fhir+json"
    assert request.headers["Authorization"] == f"Bearer {TOKEN}"
    assert json.loads(request.content) == SENT
    assert read.call_count == 1


def test_a_second_save_of_one_form_finds_the_first(server: respx.MockRouter) -> None:
    server.post("/Observation").respond(200, headers={"Location": f"{BASE}/Observation/o9/_history/1"})
    server.get("/Observation/o9").respond(json=KEPT)
    assert create() == WriteAnswer(WriteOutcome.ALREADY_THERE, KEPT, 200)


def test_a_location_on_another_server_gives_its_id_and_is_not_followed(server: respx.MockRouter) -> None:
    elsewhere = "https://upstream.example/internal/Observation/o9/_history/1"
    server.post("/Observation").respond(201, headers={"Location": elsewhere})
    read = server.get("/Observation/o9").respond(json=KEPT)
    foreign = server.route(host="upstream.example").respond(json=KEPT)
    assert create().resource == KEPT
    assert (read.call_count, foreign.call_count) == (1, 0)


def test_without_a_location_the_id_of_the_answer_is_read_again(server: respx.MockRouter) -> None:
    server.post("/Observation").respond(201, json=KEPT)
    corrected = KEPT | {"valueInteger": 8}
    server.get("/Observation/o9").respond(json=corrected)
    assert create().resource == corrected


def test_what_cannot_be_read_by_its_id_is_looked_for_by_its_identifier(server: respx.MockRouter) -> None:
    server.post("/Observation").respond(201, headers={"Location": "Observation/upstream-id"})
    server.get("/Observation/upstream-id").respond(404)
    search = server.get("/Observation").respond(json=searchset(KEPT))
    assert create() == WriteAnswer(WriteOutcome.SAVED, KEPT, 201)
    assert search.calls.last.request.url.query.decode() == f"{SEARCH}&patient=p1"


def test_saved_is_said_where_nothing_can_be_read_again(server: respx.MockRouter) -> None:
    server.post("/Observation").respond(201, headers={"Location": "Observation/o9"})
    server.get("/Observation/o9").respond(500)
    server.get("/Observation").respond(500)
    assert create() == WriteAnswer(WriteOutcome.SAVED, None, 201)


@pytest.mark.parametrize(
    "other",
    [
        KEPT | {"subject": {"reference": "Patient/p2"}},
        KEPT | {"identifier": [{"system": "urn:ietf:rfc:3986", "value": "urn:uuid:another"}]},
        {name: value for name, value in KEPT.items() if name != "subject"},
        KEPT | {"id": "o10"},
    ],
    ids=["another patient", "another identifier", "no patient", "another id"],
)
def test_another_resource_is_never_shown_as_the_one_saved(
    server: respx.MockRouter, other: dict[str, Any]
) -> None:
    server.post("/Observation").respond(201, headers={"Location": "Observation/o9"})
    server.get("/Observation/o9").respond(json=other)
    server.get("/Observation").respond(json=searchset())
    assert create() == WriteAnswer(WriteOutcome.SAVED, None, 201)


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (401, WriteOutcome.UNAUTHORIZED),
        (403, WriteOutcome.REFUSED),
        (400, WriteOutcome.REJECTED),
        (404, WriteOutcome.REJECTED),
        (422, WriteOutcome.REJECTED),
        (429, WriteOutcome.REJECTED),
    ],
)
def test_a_refusal_is_told_by_its_status_and_nothing_is_tried_again(
    server: respx.MockRouter, status: int, outcome: WriteOutcome
) -> None:
    post = server.post("/Observation").respond(status, text="Patient Jane Roe may not be written")
    search = server.get("/Observation").respond(json=searchset())
    assert create() == WriteAnswer(outcome, None, status)
    assert (post.call_count, search.call_count) == (1, 0)


@pytest.mark.parametrize("status", [409, 412])
def test_a_conflict_on_what_is_there_already_finds_it(server: respx.MockRouter, status: int) -> None:
    server.post("/Observation").respond(status)
    server.get("/Observation").respond(json=searchset(KEPT))
    assert create() == WriteAnswer(WriteOutcome.ALREADY_THERE, KEPT, status)


def test_another_conflict_is_a_conflict(server: respx.MockRouter) -> None:
    server.post("/Observation").respond(409)
    server.get("/Observation").respond(json=searchset())
    assert create() == WriteAnswer(WriteOutcome.CONFLICT, None, 409)


LOST = [httpx.ReadTimeout, httpx.RemoteProtocolError, httpx.ConnectError, httpx.WriteError]


@pytest.mark.parametrize("fault", LOST)
def test_a_write_whose_answer_was_lost_is_found_by_its_identifier(
    server: respx.MockRouter, fault: type[httpx.HTTPError]
) -> None:
    post = server.post("/Observation").mock(side_effect=fault)
    search = server.get("/Observation").respond(json=searchset(KEPT))
    assert create() == WriteAnswer(WriteOutcome.SAVED, KEPT, None)
    assert (post.call_count, search.call_count) == (1, 1)


@pytest.mark.parametrize("fault", LOST)
def test_a_write_that_is_not_found_stays_uncertain(
    server: respx.MockRouter, fault: type[httpx.HTTPError]
) -> None:
    post = server.post("/Observation").mock(side_effect=fault)
    search = server.get("/Observation").respond(json=searchset())
    assert create() == WriteAnswer(WriteOutcome.UNCERTAIN)
    assert (post.call_count, search.call_count) == (1, 1)


@pytest.mark.parametrize("status", [500, 502, 503, 504, 408, 302, 307, 204])
def test_an_answer_that_says_neither_yes_nor_no_is_uncertain(server: respx.MockRouter, status: int) -> None:
    server.post("/Observation").respond(status, headers={"Location": "https://elsewhere.example/Observation"})
    search = server.get("/Observation").mock(side_effect=httpx.ReadTimeout)
    elsewhere = server.route(host="elsewhere.example").respond(201)
    assert create() == WriteAnswer(WriteOutcome.UNCERTAIN, None, status)
    assert (search.call_count, elsewhere.call_count) == (1, 0)


def test_what_another_patient_has_is_not_what_was_lost(server: respx.MockRouter) -> None:
    server.post("/Observation").mock(side_effect=httpx.ReadTimeout)
    server.get("/Observation").respond(json=searchset(KEPT | {"subject": {"reference": "Patient/p2"}}))
    assert create() == WriteAnswer(WriteOutcome.UNCERTAIN)


def test_the_deadline_ends_a_write_that_hangs() -> None:
    async def hang(_request: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError

    answer = create(transport=httpx.MockTransport(hang), deadline_seconds=0.01)
    assert answer == WriteAnswer(WriteOutcome.UNCERTAIN)


def test_a_status_without_the_rest_of_the_answer_counts(server: respx.MockRouter) -> None:
    async def broken() -> Any:
        yield b'{"resourceType":'
        raise httpx.ReadError("gone")

    server.post("/Observation").mock(
        return_value=httpx.Response(201, headers={"Location": "Observation/o9"}, content=broken())
    )
    server.get("/Observation/o9").respond(json=KEPT)
    assert create() == WriteAnswer(WriteOutcome.SAVED, KEPT, 201)


def test_a_server_that_is_not_allowed_is_not_called(server: respx.MockRouter) -> None:
    other = server.route(host="other.example").respond(201)
    answer = create(access=FhirAccess("https://other.example/r4", TOKEN))
    assert answer == WriteAnswer(WriteOutcome.REFUSED)
    assert other.call_count == 0


def test_an_open_server_gets_no_token(server: respx.MockRouter) -> None:
    post = server.post("/Observation").respond(403)
    create(access=FhirAccess(BASE))
    assert "Authorization" not in post.calls.last.request.headers


@pytest.mark.parametrize(
    "change",
    [
        {"status": None},
        {"valueInteger": "seven"},
        {"identifier": []},
        {"identifier": [{"value": VALUE}]},
        {"identifier": [{"system": "urn:x", "value": "a|b"}]},
        {"identifier": [{"system": "urn:x", "value": "a\r\nX-Header: 1"}]},
        {"resourceType": "Nothing"},
        {"unknownElement": 1},
    ],
    ids=str,
)
def test_what_is_not_valid_does_not_leave(server: respx.MockRouter, change: dict[str, Any]) -> None:
    post = server.post("/Observation").respond(201)
    sent = {name: value for name, value in (SENT | change).items() if value is not None}
    with pytest.raises(InvalidResourceError) as caught:
        create(sent)
    assert post.call_count == 0
    assert "seven" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_an_update_holds_to_the_version_it_was_made_from(server: respx.MockRouter) -> None:
    changed = KEPT | {"status": "amended", "valueInteger": 8}
    put = server.put("/Observation/o9").respond(200)
    server.get("/Observation/o9").respond(json=changed | {"meta": {"versionId": "2"}})
    answer = update(changed)
    assert put.calls.last.request.headers["If-Match"] == 'W/"1"'
    assert answer == WriteAnswer(WriteOutcome.SAVED, changed | {"meta": {"versionId": "2"}}, 200)


@pytest.mark.parametrize("status", [409, 412])
def test_an_update_of_what_somebody_else_changed_is_a_conflict(server: respx.MockRouter, status: int) -> None:
    server.put("/Observation/o9").respond(status)
    assert update(KEPT) == WriteAnswer(WriteOutcome.CONFLICT, None, status)


def test_an_update_whose_answer_was_lost_is_saved_where_the_server_has_it(server: respx.MockRouter) -> None:
    changed = KEPT | {"valueInteger": 8}
    server.put("/Observation/o9").mock(side_effect=httpx.ReadTimeout)
    server.get("/Observation/o9").respond(json=changed | {"meta": {"versionId": "2"}})
    assert update(changed).outcome is WriteOutcome.SAVED


def test_an_update_that_the_server_does_not_have_is_uncertain(server: respx.MockRouter) -> None:
    server.put("/Observation/o9").mock(side_effect=httpx.ReadTimeout)
    server.get("/Observation/o9").respond(json=KEPT)
    assert update(KEPT | {"valueInteger": 8}) == WriteAnswer(WriteOutcome.UNCERTAIN)


def test_nothing_of_a_write_is_logged(server: respx.MockRouter, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    server.post("/Observation").respond(201, headers={"Location": "Observation/o9"})
    server.get("/Observation/o9").respond(json=KEPT)
    create()
    for secret in (TOKEN, VALUE, "Patient/p1", "o9"):
        assert secret not in caplog.text
