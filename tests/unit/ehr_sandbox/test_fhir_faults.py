"""The faults that real servers have, on demand, and while the endpoint runs."""

from typing import Literal

import httpx
import pytest

from ehr_sandbox.door import AccessRefusedError
from tests.served_ward import served
from tests.small_ward import BASE, Ward, condition, ice, temperature


class ClosedDoor:
    def admit(self, *_: object) -> None:
        raise AccessRefusedError(401, "no valid token")


def bundle(*entries: object) -> object:
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


@pytest.mark.parametrize("status", [403, 404, 429, 500, 503])
def test_a_type_answers_with_the_status_that_is_set_and_others_do_not(status: int) -> None:
    ward = Ward([temperature("t", "2026-03-04T11:00:00Z")])
    ward.faults.statuses["Observation"] = status
    for answer in (
        ward.get("Observation/t"),
        ward.get("Observation?patient=one"),
        ward.post("Observation", ice()),
        ward.put("Observation/t", ice(id="t")),
        ward.post("", bundle({"request": {"method": "POST", "url": "Observation"}, "resource": ice()})),
    ):
        assert answer.status_code == status
        assert answer.json()["resourceType"] == "OperationOutcome"
    assert ward.get("Patient/one").status_code == 200
    ward.faults.statuses.clear()
    assert ward.get("Observation?patient=one").json()["total"] == 1


def test_a_401_on_demand_asks_for_a_token() -> None:
    ward = Ward()
    ward.faults.statuses["Patient"] = 401
    assert ward.get("Patient/one").headers["www-authenticate"] == "Bearer"


def test_a_refused_token_is_answered_in_plain_text() -> None:
    ward = Ward(door=ClosedDoor())
    ward.faults.plain_text_401 = True
    answer = ward.get("Patient/one")
    assert answer.status_code == 401
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.text == "no valid token"


def test_a_location_names_another_server() -> None:
    ward = Ward()
    ward.faults.foreign_location = "https://upstream.example/r4"
    answer = ward.post("Observation", ice())
    expected = f"https://upstream.example/r4/Observation/{answer.json()['id']}/_history/1"
    assert answer.headers["location"] == expected


def test_the_link_to_the_next_page_names_another_server() -> None:
    ward = Ward([temperature(f"t{hour}", f"2026-03-04T0{hour}:00:00Z") for hour in range(3)])
    ward.faults.foreign_next = "https://upstream.example/r4"
    links = ward.get("Observation?patient=one&_count=2").json()["link"]
    named = {link["relation"]: link["url"] for link in links}
    assert named["next"] == "https://upstream.example/r4/Observation?patient=one&_count=2&_offset=2"
    assert named["self"].startswith(BASE)


def test_an_answer_is_slow_after_the_work_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    ward = Ward()
    ward.faults.slow_seconds = 7.5
    slept: list[tuple[float, int]] = []

    async def sleep(seconds: float) -> None:
        slept.append((seconds, len(ward.shelf.search("Observation", []))))

    monkeypatch.setattr("ehr_sandbox.fhir_endpoint.asyncio.sleep", sleep)
    assert ward.post("Observation", ice()).status_code == 201
    assert slept == [(7.5, 1)]  # the create was written before


@pytest.mark.parametrize("http", ["httptools", "h11"])
def test_the_answer_to_a_create_is_lost_and_the_resource_is_there(http: Literal["h11", "httptools"]) -> None:
    ward = Ward()
    ward.faults.lose_answer_of_create = 1
    headers = {"Content-Type": "application/fhir+json", **condition()}
    with served(ward, http) as base, httpx.Client(trust_env=False) as client:
        with (
            pytest.raises(httpx.RemoteProtocolError),
            client.stream("POST", f"{base}/Observation", json=ice(), headers=headers),
        ):
            pass  # not even a status came
        found = client.get(f"{base}/Observation?patient=one").json()
        again = client.post(f"{base}/Observation", json=ice(), headers=headers)
    assert found["total"] == 1
    assert again.status_code == 200  # the one that is there, and only once lost
    assert again.json()["id"] == found["entry"][0]["resource"]["id"]
