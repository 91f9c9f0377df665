"""The codes on cards can be looked up where their system says, as valid R4."""

from typing import Any

import pytest
from fastapi.testclient import TestClient
from fhir.resources.R4B.codesystem import CodeSystem

from cds_service.cards import Topic
from cds_service.code_systems import CARD_TOPIC_WORDS, OVERRIDE_REASON_WORDS, card_code_system
from tests.unit.cds_service.conftest import RequestFor
from tests.unit.cds_service.samples import SERVICE, crs_3

BASE = "https://cart-toxicity-cds.github.io/fhir/"


def displays(client: TestClient, system: str) -> dict[str, str]:
    """The codes of a published system, by its own address."""
    assert system.startswith(BASE)
    found = client.get("/fhir/" + system.removeprefix(BASE))
    assert (found.status_code, found.headers["content-type"]) == (200, "application/fhir+json")
    resource: dict[str, Any] = found.json()
    assert resource["url"] == system
    return {concept["code"]: concept["display"] for concept in resource["concept"]}


@pytest.mark.parametrize("artefact_id", ["override-reason", "card-topic"])
def test_a_code_system_is_valid_r4_and_complete(client: TestClient, artefact_id: str) -> None:
    resource = client.get(f"/fhir/CodeSystem/{artefact_id}").json()
    read = CodeSystem.model_validate(resource)
    assert (read.id, read.content, read.count) == (artefact_id, "complete", len(read.concept))
    assert all(concept.display for concept in read.concept)


def test_every_code_on_a_card_stands_in_its_system(client: TestClient, request_for: RequestFor) -> None:
    cards = client.post(SERVICE, json=request_for(crs_3())).json()["cards"]
    codings = [card["source"]["topic"] for card in cards]
    codings += [reason for card in cards for reason in card["overrideReasons"]]
    for coding in codings:
        assert displays(client, coding["system"])[coding["code"]] == coding["display"]


def test_every_topic_has_its_words() -> None:
    assert {topic.value for topic in Topic} == set(CARD_TOPIC_WORDS)
    assert "other" in OVERRIDE_REASON_WORDS


@pytest.mark.parametrize(
    ("kind", "artefact_id"), [("ValueSet", "card-topic"), ("CodeSystem", "charted-text"), ("CodeSystem", "")]
)
def test_what_is_not_of_a_card_is_not_here(kind: str, artefact_id: str) -> None:
    assert card_code_system(kind, artefact_id) is None
