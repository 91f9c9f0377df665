"""How many cards are shown: at most one a syndrome and one for warnings, two on average at most."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, Final

import pytest
from fastapi.testclient import TestClient

from cds_service.app import create_app
from cds_service.settings import Settings
from tests.builders import AT, load_stories, resources_of
from tests.builders.fhir import PATIENT
from tests.prefetch_client import discover, hook_request

SERVICE: Final = "cart-toxicity-patient-view"
STORIES: Final = [*load_stories("stories.json"), *load_stories("stories_more.json")]
Card = dict[str, Any]


@pytest.fixture(scope="module")
def shown() -> Iterator[dict[str, list[Card]]]:
    """The cards of every story, by its id."""
    with ExitStack() as running:
        clients = {
            name: running.enter_context(
                TestClient(
                    create_app(Settings.from_environment({"CART_CDS_PROTOCOL": name}), clock=lambda: AT),
                    base_url="http://127.0.0.1:8000",
                )
            )
            for name in {story.protocol for story in STORIES}
        }
        found: dict[str, list[Card]] = {}
        for story in STORIES:
            client = clients[story.protocol]
            request = hook_request(discover(client, SERVICE), resources_of(story), patient_id=PATIENT)
            found[story.id] = client.post(f"/cds-services/{SERVICE}", json=request).json()["cards"]
        yield found


def test_a_view_shows_at_most_one_card_a_topic_and_three_in_all(shown: dict[str, list[Card]]) -> None:
    for cards in shown.values():
        topics = [card["source"]["topic"]["code"] for card in cards]
        assert len(topics) == len(set(topics)) <= 3


def test_a_view_shows_two_cards_on_average_at_most(shown: dict[str, list[Card]]) -> None:
    graded = [len(cards) for cards in shown.values() if cards]
    assert len(graded) > 190
    assert sum(graded) / len(graded) <= 2


def test_the_most_urgent_card_stands_first(shown: dict[str, list[Card]]) -> None:
    order = ("critical", "warning", "info")
    for cards in shown.values():
        ranks = [order.index(card["indicator"]) for card in cards]
        assert ranks == sorted(ranks)
