"""Creates and updates: valid R4 of a patient who is here, once for each identifier, in versions."""

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from fhir.resources.R4B.observation import Observation
from fhir.resources.R4B.operationoutcome import OperationOutcome

from ehr_sandbox.shelf import Shelf
from ehr_sandbox.writes import create_resource
from tests.small_ward import BASE, FORMS, NOON, Ward, condition, ice


def refused(answer: Any, status: int) -> str:
    """The words of a refusal, which hold nothing of what was sent."""
    assert answer.status_code == status, answer.text
    OperationOutcome.model_validate(answer.json())
    text = str(answer.json()["issue"][0]["details"]["text"])
    assert not any(sent in text for sent in ("Patient/", "two", "nobody", "form-1", "ice-total", "eight"))
    return text


def test_an_assessment_with_components_is_created_and_read_as_it_was_sent() -> None:
    ward = Ward()
    answer = ward.post("Observation", ice())
    assert answer.status_code == 201
    saved = answer.json()
    Observation.model_validate(saved)
    assert answer.headers["location"] == f"{BASE}/Observation/{saved['id']}/_history/1"
    assert answer.headers["etag"] == 'W/"1"'
    assert saved["meta"] == {"versionId": "1", "lastUpdated": "2026-03-04T12:00:00.000+00:00"}
    again = ward.get(f"Observation/{saved['id']}").json()
    assert {name: again[name] for name in ice()} == ice()


def test_an_id_and_a_version_of_the_client_are_not_taken() -> None:
    ward = Ward()
    meta = {"versionId": "7", "lastUpdated": "2020-01-01T00:00:00Z", "profile": ["http://example.org/p"]}
    saved = ward.post("Observation", ice(id="mine", meta=meta)).json()
    assert saved["id"] != "mine"
    assert saved["meta"]["versionId"] == "1"
    assert saved["meta"]["lastUpdated"].startswith(NOON.date().isoformat())
    assert saved["meta"]["profile"] == ["http://example.org/p"]


@pytest.mark.parametrize(
    "body",
    [
        {
            "resourceType": "MedicationRequest",
            "status": "draft",
            "intent": "proposal",
            "medicationCodeableConcept": {"text": "tocilizumab"},
            "subject": {"reference": "Patient/one"},
            "dosageInstruction": [{"doseAndRate": [{"doseQuantity": {"value": 560, "unit": "mg"}}]}],
        },
        {
            "resourceType": "ServiceRequest",
            "status": "draft",
            "intent": "proposal",
            "code": {"text": "EEG"},
            "subject": {"reference": "Patient/one"},
        },
        {
            "resourceType": "CommunicationRequest",
            "status": "draft",
            "payload": [{"contentString": "Please see this patient."}],
            "subject": {"reference": "Patient/one"},
        },
    ],
    ids=lambda body: str(body["resourceType"]),
)
def test_an_accepted_suggestion_is_created_and_found(body: dict[str, Any]) -> None:
    ward = Ward()
    kind = body["resourceType"]
    assert ward.post(kind, body).status_code == 201
    assert ward.count(kind) == 1


def test_the_same_identifier_saves_once() -> None:
    ward = Ward()
    first = ward.post("Observation", ice(), condition())
    second = ward.post("Observation", ice(valueInteger=3), condition())
    assert (first.status_code, second.status_code) == (201, 200)
    assert second.json() == first.json()
    assert second.headers["location"] == first.headers["location"]
    assert ward.count() == 1
    assert ward.post("Observation", ice(identifier="form-2"), condition("form-2")).status_code == 201
    assert ward.count() == 2


def test_the_same_form_saved_by_many_at_once_is_saved_once(monkeypatch: pytest.MonkeyPatch) -> None:
    search = Shelf.search

    def search_and_let_others_run(shelf: Shelf, kind: str, parameters: Any) -> Any:
        found = search(shelf, kind, parameters)
        for _ in range(100):
            os.sched_yield()  # who may run now, between looking and saving, would save a second time
        return found

    monkeypatch.setattr(Shelf, "search", search_and_let_others_run)
    ward = Ward()
    query = condition()["If-None-Exist"]
    with ThreadPoolExecutor(8) as many:
        saved = list(many.map(lambda _: create_resource(ward.shelf, ice(), query), range(40)))
    assert sum(one.created for one in saved) == 1
    assert len({one.resource["id"] for one in saved}) == 1


def test_several_matches_of_a_condition_are_a_412() -> None:
    ward = Ward()
    for _ in range(2):
        assert ward.post("Observation", ice()).status_code == 201
    refused(ward.post("Observation", ice(), condition()), 412)
    assert ward.count() == 2


def test_the_identifier_of_another_patients_form_is_a_412() -> None:
    ward = Ward()
    ward.post("Observation", ice("two"), condition())
    refused(ward.post("Observation", ice("one"), condition()), 412)
    assert ward.count() == 0


@pytest.mark.parametrize("query", ["", "patient=one", "identifier=", "identifier=a&colour=red"])
def test_a_condition_without_an_identifier_or_not_understood_is_a_400(query: str) -> None:
    refused(Ward().post("Observation", ice(), {"If-None-Exist": query}), 400)


def test_an_observation_is_found_by_its_identifier() -> None:
    ward = Ward()
    saved = ward.post("Observation", ice()).json()
    for wanted in (f"{FORMS}|form-1", "form-1", f"{FORMS}|"):
        found = ward.client.get("/fhir/Observation", params={"patient": "one", "identifier": wanted}).json()
        assert [entry["resource"]["id"] for entry in found["entry"]] == [saved["id"]], wanted
    for wanted in ("urn:example:other|form-1", "|form-1", "form-2", "form-1|"):
        found = ward.client.get("/fhir/Observation", params={"identifier": wanted}).json()
        assert found["total"] == 0, wanted


def test_an_escaped_separator_belongs_to_the_value() -> None:
    ward = Ward()
    ward.post("Observation", ice(identifier="a,b|c"))
    escaped = {"identifier": FORMS + r"|a\,b\|c"}
    assert ward.client.get("/fhir/Observation", params=escaped).json()["total"] == 1
    assert ward.client.get("/fhir/Observation", params={"identifier": FORMS + "|a,b"}).json()["total"] == 0


@pytest.mark.parametrize(
    "members",
    [
        {"code": None},
        {"valueInteger": "8"},
        {"valueInteger": True},
        {"valueInteger": 8.5},
        {"valueString": "eight"},  # beside valueInteger
        {"effectiveDateTime": 1772625300},
        {"effectiveDateTime": "2026-03-04T11:55"},  # no seconds, no offset
        {"effectiveDateTime": "2026-03-04T11:55:60Z"},  # a leap second that no search could compare
        {"effectiveDateTime": "9999-12-31"},
        {"status": "finished"},
        {"note": []},
        {"note": None},
        {"colour": "red"},
        {"component": [{"valueInteger": 1}]},
        {"subject": '{"reference": "Patient/one"}'},
        {"category": {"text": "survey"}},
    ],
    ids=str,
)
def test_what_is_not_valid_r4_is_a_422(members: dict[str, Any]) -> None:
    ward = Ward()
    refused(ward.post("Observation", ice(**members)), 422)
    assert ward.count() == 0


@pytest.mark.parametrize(
    "reference",
    [
        "Patient/nobody",
        "Group/one",
        "http://other.example/fhir/Patient/one",
        "Patient/one/_history/1",
        "Practitioner/demo-clinician",
        "one",
        "Patient/",
    ],
)
def test_a_subject_who_is_not_here_is_a_422(reference: str) -> None:
    refused(Ward().post("Observation", ice(subject={"reference": reference})), 422)


def test_no_subject_is_a_422() -> None:
    body = ice()
    del body["subject"]
    refused(Ward().post("Observation", body), 422)


def test_the_address_of_a_patient_here_becomes_a_relative_reference() -> None:
    ward = Ward()
    saved = ward.post("Observation", ice(subject={"reference": f"{BASE}/Patient/one"})).json()
    assert saved["subject"] == {"reference": "Patient/one"}
    assert ward.count() == 1


def test_the_encounter_of_another_patient_is_a_422() -> None:
    refused(Ward().post("Observation", ice(encounter={"reference": "Encounter/two-encounter"})), 422)


@pytest.mark.parametrize("kind", ["Patient", "Practitioner", "Encounter"])
def test_what_the_ward_has_cannot_be_written(kind: str) -> None:
    ward = Ward()
    refused(ward.post(kind, {"resourceType": kind}), 405)
    refused(ward.put(f"{kind}/one", {"resourceType": kind, "id": "one"}), 405)


def test_an_update_makes_the_next_version_and_the_earlier_one_stays_readable() -> None:
    ward = Ward()
    saved = ward.post("Observation", ice()).json()
    place = f"Observation/{saved['id']}"
    answer = ward.put(place, {**saved, "valueInteger": 7, "status": "amended"}, {"If-Match": 'W/"1"'})
    assert answer.status_code == 200
    assert answer.headers["etag"] == 'W/"2"'
    assert answer.headers["location"] == f"{BASE}/{place}/_history/2"
    assert ward.get(place).json()["valueInteger"] == 7
    assert ward.get(f"{place}/_history/1").json()["valueInteger"] == 8
    assert ward.get(f"{place}/_history/3").status_code == 404
    assert ward.count() == 1


def test_an_update_of_a_version_that_is_no_more_is_a_412() -> None:
    ward = Ward()
    saved = ward.post("Observation", ice()).json()
    place = f"Observation/{saved['id']}"
    ward.put(place, {**saved, "valueInteger": 7}, {"If-Match": 'W/"1"'})
    refused(ward.put(place, {**saved, "valueInteger": 2}, {"If-Match": 'W/"1"'}), 412)
    assert ward.get(place).json()["valueInteger"] == 7
    refused(ward.put(place, saved, {"If-Match": "1"}), 400)


def test_an_update_does_not_create() -> None:
    ward = Ward()
    refused(ward.put("Observation/new", ice(id="new")), 404)
    assert ward.count() == 0


def test_an_update_keeps_its_patient() -> None:
    ward = Ward()
    saved = ward.post("Observation", ice()).json()
    moved = {**ice("two"), "id": saved["id"]}
    refused(ward.put(f"Observation/{saved['id']}", moved), 422)
    assert (ward.count(patient="one"), ward.count(patient="two")) == (1, 0)


def test_an_update_under_another_id_is_a_400() -> None:
    ward = Ward()
    saved = ward.post("Observation", ice()).json()
    refused(ward.put(f"Observation/{saved['id']}", ice(id="other")), 400)
    refused(ward.put(f"Observation/{saved['id']}", ice()), 400)


def test_a_preference_decides_what_comes_back() -> None:
    ward = Ward()
    minimal = ward.post("Observation", ice(), {"Prefer": "return=minimal"})
    assert minimal.status_code == 201
    assert minimal.content == b""
    assert "/_history/1" in minimal.headers["location"]
    done = ward.post("Observation", ice(), {"Prefer": "return=OperationOutcome"})
    OperationOutcome.model_validate(done.json())
    shown = ward.post("Observation", ice(), {"Prefer": "handling=strict; return=representation"})
    assert shown.json()["resourceType"] == "Observation"


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b'{"valueInteger": NaN}', b"[" * 200_000])
def test_a_body_that_is_not_json_is_a_400(content: bytes) -> None:
    answer = Ward().client.post(
        "/fhir/Observation", content=content, headers={"Content-Type": "application/fhir+json"}
    )
    refused(answer, 400)


@pytest.mark.parametrize("body", [[], "Observation", None, 5, {}, {"resourceType": "Condition"}])
def test_a_body_of_another_type_is_a_400(body: object) -> None:
    refused(Ward().post("Observation", body), 400)


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", "application/fhir+xml", ""])
def test_a_body_of_another_media_type_is_a_415(content_type: str) -> None:
    refused(Ward().post("Observation", ice(), {"Content-Type": content_type}), 415)


@pytest.mark.parametrize(
    "content_type", ["application/json", "application/json+fhir", "application/fhir+json; charset=UTF-8"]
)
def test_json_is_taken_under_each_of_its_names(content_type: str) -> None:
    assert Ward().post("Observation", ice(), {"Content-Type": content_type}).status_code == 201


def test_a_body_of_more_than_8_mib_is_a_413() -> None:
    ward = Ward()
    headers = {"Content-Type": "application/fhir+json"}
    largest = b" " * (8 * 1024 * 1024)
    assert ward.client.post("/fhir/Observation", content=largest, headers=headers).status_code == 400
    refused(ward.client.post("/fhir/Observation", content=largest + b" ", headers=headers), 413)


def test_an_unknown_parameter_of_a_write_is_a_400() -> None:
    ward = Ward()
    refused(ward.post("Observation?colour=red", ice()), 400)
    assert ward.count() == 0


def test_an_id_that_is_none_is_a_400() -> None:
    ward = Ward()
    refused(ward.get("Observation/a_b"), 400)
    refused(ward.get(f"Observation/{'a' * 65}"), 400)


@pytest.mark.parametrize("method", ["DELETE", "PATCH"])
def test_nothing_is_deleted_or_patched(method: str) -> None:
    ward = Ward()
    saved = ward.post("Observation", ice()).json()
    refused(ward.client.request(method, f"/fhir/Observation/{saved['id']}"), 405)
    assert ward.count() == 1
