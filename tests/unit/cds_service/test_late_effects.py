"""After the monitoring window: no grade, and a card only where there is a late effect to tell."""

from collections.abc import Callable
from typing import Any

from fastapi.testclient import TestClient

from tests.unit.cds_service.samples import (
    EXTENSION,
    LOINC,
    SERVICE,
    infusion,
    observation,
    patient,
    quantity,
    vital_signs,
)

RequestFor = Callable[..., dict[str, Any]]
# Day 0 on 2026-01-20 is 43 days before the hour of the tests, 2026-03-04 08:00 UTC.
LONG_AGO = "2026-01-20T10:00:00+01:00"
DAY = 24


def neutrophils(hours: float, per_microlitre: int) -> dict[str, Any]:
    return observation("751-8", hours, system=LOINC, **quantity(per_microlitre, "/uL"))


def answer_of(client: TestClient, request: dict[str, Any]) -> dict[str, Any]:
    answer = client.post(SERVICE, json=request)
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def test_two_low_counts_are_a_card_without_a_grade(client: TestClient, request_for: RequestFor) -> None:
    low = [neutrophils(1, 800), neutrophils(3 * DAY, 950)]
    answer = answer_of(client, request_for([patient(), infusion(LONG_AGO), *vital_signs(39.5), *low]))
    (card,) = answer["cards"]
    assert card["summary"].startswith("Day 43 after CAR-T: ")
    assert (card["indicator"], card["source"]["topic"]["code"]) == ("info", "late-effects")
    assert "CRS and ICANS are not graded any more." in card["detail"]
    assert "Late ICAHT grade 2" in card["detail"] and "S9b: ICAHT tables (tier B)" in card["detail"]
    document = answer["extension"][EXTENSION]
    assert sorted(document) == ["at", "infusion", "protocol", "recommendations"]
    assert document["infusion"]["day"] == 43
    assert [item["id"] for item in document["recommendations"]] == ["cytopenia.review"]


def test_one_low_count_is_silence(client: TestClient, request_for: RequestFor) -> None:
    alone = [patient(), infusion(LONG_AGO), *vital_signs(39.5), neutrophils(1, 800)]
    assert answer_of(client, request_for(alone)) == {"cards": []}
