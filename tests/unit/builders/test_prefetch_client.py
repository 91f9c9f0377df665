"""The tests' own client is checked: a search that finds too much would hide a template asking too little."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.builders import AT, blood_pressure, fio2, patient, pulse_oximetry, temperature
from tests.builders.fhir import give_ids
from tests.prefetch_client import UnsupportedSearchError, answer, resolve_templates, search

HOUR = timedelta(hours=1)
RESOURCES = give_ids(
    [
        patient(born=AT.date()),
        temperature(38.5, at=AT - 3 * HOUR),
        temperature(39.5, at=AT - HOUR),
        temperature(37.5, at=AT - 2 * HOUR),
        blood_pressure(110, at=AT - HOUR),
        pulse_oximetry(95, at=AT, flow=2),
        fio2(0.4, at=AT),
    ]
)


def values(bundle: dict[str, Any]) -> list[float]:
    return [entry["resource"]["valueQuantity"]["value"] for entry in bundle["entry"]]


def test_newest_rows_come_first_and_a_further_page_is_announced() -> None:
    found = search(
        "Observation?patient=recipient&code=http://loinc.org|8310-5&_sort=-date&_count=2", RESOURCES
    )
    assert values(found) == [39.5, 37.5]
    assert found["total"] == 3
    assert [link["relation"] for link in found["link"]] == ["self", "next"]


def test_codes_joined_by_a_comma_are_alternatives() -> None:
    query = "Observation?subject=Patient/recipient&code=http://loinc.org|8310-5,http://loinc.org|85354-9"
    assert search(query, RESOURCES)["total"] == 4


def test_code_does_not_look_into_components() -> None:
    assert "entry" not in search("Observation?patient=recipient&code=http://loinc.org|3151-8", RESOURCES)


def test_category_and_status_are_tokens() -> None:
    query = "Observation?patient=recipient&category=vital-signs&status=final"
    assert search(query, RESOURCES)["total"] == 6


def test_another_patient_finds_nothing() -> None:
    assert search("Observation?patient=somebody-else", RESOURCES)["total"] == 0


def test_templates_are_filled_and_a_read_answers_the_resource_itself() -> None:
    found = resolve_templates(
        {"patient": "Patient/{{context.patientId}}", "none": "Patient/{{context.userId}}x"},
        RESOURCES,
        {"patientId": "recipient", "userId": "nobody"},
    )
    assert found["patient"] is not None
    assert found["patient"]["resourceType"] == "Patient"
    assert found["none"] is None


@pytest.mark.parametrize(
    "query",
    [
        "Observation?code=http://loinc.org|8310-5",
        "Observation?patient=recipient&_include=Observation:subject",
        "Observation?patient=recipient&code:in=http://example.org/vs",
        "Observation?patient=recipient&date=ge2026-01-01&date=le2026-02-01",
        "Observation?patient=recipient&_sort=effective",
        "Patient/recipient/$everything?patient=recipient",
    ],
)
def test_what_an_ordinary_server_may_refuse_is_refused_here(query: str) -> None:
    with pytest.raises(UnsupportedSearchError):
        answer(query, RESOURCES)


def test_unknown_token_is_refused() -> None:
    with pytest.raises(UnsupportedSearchError):
        resolve_templates({"x": "Patient/{{context.encounterId}}"}, RESOURCES, {"patientId": "recipient"})
