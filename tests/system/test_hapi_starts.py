"""The FHIR server that other tests lean on is real, ours, strict and sorts by time."""

from __future__ import annotations

from typing import Any

import pytest

from tests.system.hapi_server import HapiServer

PATIENT = "hapi-starts"
TEMPERATURES = {
    "earliest": ("2026-03-04T06:00:00Z", 38.1),
    "latest": ("2026-03-04T10:00:00+01:00", 39.2),  # 09:00Z
    "middle": ("2026-03-04T08:30:00Z", 38.6),
}


def temperature(name: str) -> dict[str, Any]:
    taken_at, celsius = TEMPERATURES[name]
    return {
        "resourceType": "Observation",
        "id": f"{PATIENT}-{name}",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "8310-5"}]},
        "subject": {"reference": f"Patient/{PATIENT}"},
        "effectiveDateTime": taken_at,
        "valueQuantity": {
            "value": celsius,
            "unit": "°C",
            "system": "http://unitsofmeasure.org",
            "code": "Cel",
        },
    }


@pytest.fixture(scope="module")
def loaded(hapi: HapiServer) -> HapiServer:
    patient = {"resourceType": "Patient", "id": PATIENT}
    heart_rate = temperature("earliest") | {
        "id": f"{PATIENT}-pulse",
        "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]},
        "valueQuantity": {
            "value": 104,
            "unit": "/min",
            "system": "http://unitsofmeasure.org",
            "code": "/min",
        },
    }
    resources = [*map(temperature, TEMPERATURES), heart_rate, patient]
    hapi.load({"resourceType": "Bundle", "type": "collection", "entry": [{"resource": r} for r in resources]})
    return hapi


def ids(searchset: dict[str, Any]) -> list[str]:
    return [entry["resource"]["id"] for entry in searchset.get("entry", ())]


def test_the_server_speaks_fhir_r4_on_loopback(hapi: HapiServer) -> None:
    capabilities = hapi.get("metadata").json()
    assert capabilities["resourceType"] == "CapabilityStatement"
    assert capabilities["fhirVersion"] == "4.0.1"
    assert hapi.base_url.startswith("http://127.0.0.1:")


def test_a_code_search_sorted_by_date_gives_the_latest_by_instant_first(loaded: HapiServer) -> None:
    answer = loaded.get(f"Observation?patient={PATIENT}&code=http://loinc.org%7C8310-5&_sort=-date&_count=2")
    assert answer.status_code == 200
    assert ids(answer.json()) == [f"{PATIENT}-latest", f"{PATIENT}-middle"]


def test_what_the_count_cut_off_is_behind_the_next_link(loaded: HapiServer) -> None:
    first = loaded.get(
        "Observation",
        {"patient": PATIENT, "code": "http://loinc.org|8310-5", "_sort": "-date", "_count": "2"},
    ).json()
    [following] = [link["url"] for link in first["link"] if link["relation"] == "next"]
    assert ids(loaded.get(following).json()) == [f"{PATIENT}-earliest"]


def test_a_resource_is_read_back_under_the_id_it_was_loaded_with(loaded: HapiServer) -> None:
    observation = loaded.get(f"Observation/{PATIENT}-middle").json()
    assert observation["valueQuantity"]["value"] == 38.6


def test_an_unknown_search_parameter_is_refused(loaded: HapiServer) -> None:
    answer = loaded.get("Observation", {"patient": PATIENT, "dat": "2026"})
    assert answer.status_code == 400
    assert "HAPI-0524" in answer.json()["issue"][0]["diagnostics"]


def test_a_bundle_with_a_reference_to_nothing_is_refused_whole(loaded: HapiServer) -> None:
    stray = temperature("middle") | {"id": "stray", "subject": {"reference": "Patient/nobody-of-that-name"}}
    with pytest.raises(ValueError, match="nobody-of-that-name"):
        loaded.load({"resourceType": "Bundle", "type": "collection", "entry": [{"resource": stray}]})
    assert loaded.get("Observation/stray").status_code == 404
