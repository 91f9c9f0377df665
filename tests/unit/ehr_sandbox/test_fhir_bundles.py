"""Transactions are done as a whole or not at all; a batch answers for each entry."""

from typing import Any

import pytest
from fhir.resources.R4B.bundle import Bundle

from tests.small_ward import BASE, Ward, ice

URN = "urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0"


def bundle(*entries: dict[str, Any], kind: str = "transaction") -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": kind, "entry": list(entries)}


def entry(method: str, url: str, resource: Any = None, **more: str) -> dict[str, Any]:
    full_url = {"fullUrl": more.pop("fullUrl")} if "fullUrl" in more else {}
    sent: dict[str, Any] = {**full_url, "request": {"method": method, "url": url, **more}}
    if resource is not None:
        sent["resource"] = resource
    return sent


def statuses(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.text
    Bundle.model_validate(answer.json())
    return [one["response"]["status"] for one in answer.json()["entry"]]


@pytest.mark.parametrize("place", ["", "/"])
def test_a_transaction_creates_updates_and_reads_and_answers_in_the_order_of_its_entries(place: str) -> None:
    ward = Ward()
    saved = ward.post("Observation", ice(identifier="a")).json()
    sent = bundle(
        entry("GET", "Observation?patient=one"),
        entry("PUT", f"Observation/{saved['id']}", {**saved, "valueInteger": 2}, ifMatch='W/"1"'),
        entry("POST", "Observation", ice(identifier="b")),
        entry("GET", "Patient/one"),
    )
    answer = ward.client.post(f"/fhir{place}", json=sent)
    assert statuses(answer) == ["200 OK", "200 OK", "201 Created", "200 OK"]
    found, changed, created, patient = answer.json()["entry"]
    assert found["resource"]["total"] == 2  # reads come last
    assert changed["response"]["etag"] == 'W/"2"'
    assert created["response"]["location"] == f"Observation/{created['resource']['id']}/_history/1"
    assert patient["resource"]["id"] == "one"


@pytest.mark.parametrize(
    ("bad", "status"),
    [
        (entry("POST", "Observation", ice("nobody")), 422),
        (entry("POST", "Observation", {"resourceType": "Observation"}), 422),
        (entry("POST", "Observation"), 400),
        (entry("PUT", "Observation/none", ice(id="none")), 404),
        (entry("GET", "Observation/none"), 404),
        (entry("GET", "Observation?colour=red"), 400),
        (entry("DELETE", "Observation/x"), 405),
        (entry("POST", "Patient", {"resourceType": "Patient"}), 405),
        (entry("POST", "Observation/x", ice()), 400),
        ({"resource": ice()}, 400),
        ({"request": {"method": "POST", "url": 5}}, 400),
        ([], 400),
    ],
    ids=str,
)
def test_a_transaction_with_one_bad_entry_does_nothing(bad: Any, status: int) -> None:
    ward = Ward()
    kept = ward.post("Observation", ice(identifier="kept")).json()
    answer = ward.post(
        "",
        bundle(
            entry("POST", "Observation", ice(identifier="new")),
            entry("PUT", f"Observation/{kept['id']}", {**kept, "valueInteger": 1}),
            bad,
        ),
    )
    assert answer.status_code == status, answer.text
    assert "entry 3" in answer.json()["issue"][0]["details"]["text"]
    assert ward.count() == 1
    assert ward.get(f"Observation/{kept['id']}").json() == kept


def test_a_batch_does_what_it_can() -> None:
    ward = Ward()
    answer = ward.post(
        "",
        bundle(
            entry("POST", "Observation", ice("nobody")),
            entry("POST", "Observation", ice()),
            entry("GET", "Observation/none"),
            {},
            kind="batch",
        ),
    )
    assert statuses(answer) == ["422 Unprocessable Entity", "201 Created", "404 Not Found", "400 Bad Request"]
    assert answer.json()["entry"][0]["response"]["outcome"]["resourceType"] == "OperationOutcome"
    assert ward.count() == 1


def test_a_conditional_create_in_a_bundle_saves_once() -> None:
    ward = Ward()
    sent = bundle(entry("POST", "Observation", ice(), ifNoneExist="identifier=urn:example:forms|form-1"))
    assert statuses(ward.post("", sent)) == ["201 Created"]
    assert statuses(ward.post("", sent)) == ["200 OK"]
    assert ward.count() == 1


def test_entries_refer_to_each_other_in_any_order() -> None:
    ward = Ward()
    answer = ward.post(
        "",
        bundle(
            entry("POST", "Observation", ice(identifier="b", derivedFrom=[{"reference": URN}])),
            entry("POST", f"{BASE}/Observation", ice(identifier="a"), fullUrl=URN),
        ),
    )
    assert statuses(answer) == ["201 Created", "201 Created"]
    later, earlier = (one["resource"] for one in answer.json()["entry"])
    assert later["derivedFrom"] == [{"reference": f"Observation/{earlier['id']}"}]


def test_entries_that_refer_to_each_other_in_a_circle_are_refused() -> None:
    ward = Ward()
    own = ice(derivedFrom=[{"reference": URN}])
    assert ward.post("", bundle(entry("POST", "Observation", own, fullUrl=URN))).status_code == 422
    assert ward.count() == 0


def test_saved_resources_are_left_out_where_the_client_prefers() -> None:
    ward = Ward()
    sent = bundle(entry("POST", "Observation", ice()), entry("GET", "Patient/one"))
    created, read = ward.post("", sent, {"Prefer": "return=minimal"}).json()["entry"]
    assert "resource" not in created
    assert read["resource"]["id"] == "one"


@pytest.mark.parametrize(
    "body", [{"resourceType": "Bundle", "type": "collection"}, {"resourceType": "Bundle"}, ice(), [], None]
)
def test_what_is_neither_transaction_nor_batch_is_a_400(body: object) -> None:
    assert Ward().post("", body).status_code == 400


def test_an_empty_transaction_has_an_answer_without_entries() -> None:
    answer = Ward().post("", bundle())
    assert answer.json() == {"resourceType": "Bundle", "type": "transaction-response"}
