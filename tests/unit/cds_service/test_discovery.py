"""Discovery: three services, their data in prefetch templates, at exactly one address without redirects."""

import re
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.unit.cds_service.samples import service

SERVICES = {
    "cart-toxicity-patient-view": "patient-view",
    "cart-toxicity-order-select": "order-select",
    "cart-toxicity-order-sign": "order-sign",
}


def entries_of(client: TestClient) -> dict[str, Any]:
    return {entry["id"]: entry for entry in client.get("/cds-services").json()["services"]}


def test_discovery_answers_a_service_for_each_hook(client: TestClient) -> None:
    answer = client.get("/cds-services")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert list(answer.json()) == ["services"]
    assert {entry["id"]: entry["hook"] for entry in answer.json()["services"]} == SERVICES
    for entry in answer.json()["services"]:
        assert re.fullmatch(r"[A-Za-z0-9._~-]+", entry["id"])
        assert entry["title"] and entry["description"]
        assert (entry["version"], entry["hookVersion"]) == ("2.0.1", "1.0")


def test_the_order_hooks_ask_for_the_same_data_as_patient_view(client: TestClient) -> None:
    entries = entries_of(client)
    asked = entries["cart-toxicity-patient-view"]["prefetch"]
    assert all(entry["prefetch"] == asked for entry in entries.values())


@pytest.mark.parametrize("service_id", ["cart-toxicity-order-select", "cart-toxicity-order-sign"])
def test_usage_requirements_of_the_order_hooks_say_what_cannot_be_checked_without_data(
    client: TestClient, service_id: str
) -> None:
    usage = entries_of(client)[service_id]["usageRequirements"]
    for words in ("draftOrders", "weight", "interval", "412", "another patient", "no card"):
        assert words in usage


def test_every_service_has_an_id_of_its_own(client: TestClient) -> None:
    ids = [entry["id"] for entry in client.get("/cds-services").json()["services"]]
    assert len(ids) == len(set(ids))


def test_usage_requirements_say_what_is_needed_and_what_degrades(client: TestClient) -> None:
    entry = entries_of(client)["cart-toxicity-patient-view"]
    for words in ("CAR-T infusion", "prefetch", "Without FHIR access", "412", "no card"):
        assert words in entry["usageRequirements"]


def test_prefetch_maps_keys_to_query_strings_with_the_patient_token_alone(client: TestClient) -> None:
    entry = entries_of(client)["cart-toxicity-patient-view"]
    for template in entry["prefetch"].values():
        assert isinstance(template, str)
        assert re.findall(r"\{\{(.*?)\}\}", template) == ["context.patientId"]


def test_prefetch_uses_only_what_the_standard_allows(client: TestClient) -> None:
    entry = entries_of(client)["cart-toxicity-patient-view"]
    for template in entry["prefetch"].values():
        assert not re.search(r"_include|_revinclude|_has|_elements|_summary|today|%|:not|:missing", template)
        names = re.findall(r"[?&]([^=&]+)=", template)
        assert set(names) <= {"patient", "code", "status", "_sort", "_count"}
        assert len(names) == len(set(names))


@pytest.mark.parametrize("address", ["/cds-services", "/cds-services/"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_discovery_is_there_without_a_redirect(client: TestClient, address: str, method: str) -> None:
    assert client.request(method, address, follow_redirects=False).status_code == 200


@pytest.mark.parametrize(
    "accept", ["application/fhir+json, */*; q=0.1", "text/html", "*/*", "application/json"]
)
def test_no_accept_header_is_refused(client: TestClient, accept: str) -> None:
    assert client.get("/cds-services", headers={"accept": accept}).status_code == 200


def test_a_sites_codes_reach_the_discovery_document(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("maps")
    (folder / "site.csv").write_text(
        "group,concept,system,code,text,source,confidence,reason\n"
        "observation,temperature,http://hospital.example,TEMP-1,,site,verified,\n"
    )
    with service(site_maps=folder) as local:
        entry = entries_of(local)["cart-toxicity-patient-view"]
    assert "http://hospital.example|TEMP-1" in entry["prefetch"]["temperature"]
