"""Every patient story through HTTP: our templates resolved by a client, the hook called, the answer read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from fastapi.testclient import TestClient

from cds_service.app import create_app
from cds_service.settings import Settings
from tests.builders import AT, Disguise, Story, resources_of
from tests.builders.fhir import PATIENT
from tests.prefetch_client import send_patient_view
from tests.vignettes.expectations import (
    EXTENSION,
    HTTP_CASES,
    PROTOCOLS,
    grades_as_expected,
    management_as_expected,
)


@pytest.fixture(scope="module")
def clients() -> Iterator[dict[str, TestClient]]:
    """The service once for each protocol that the stories are written for."""
    with ExitStack() as running:
        yield {
            name: running.enter_context(
                TestClient(
                    create_app(Settings.from_environment({"CART_CDS_PROTOCOL": name}), clock=lambda: AT),
                    base_url="http://127.0.0.1:8000",
                )
            )
            for name in PROTOCOLS
        }


@pytest.mark.parametrize(("story", "disguise"), HTTP_CASES)
def test_hook_answers_as_the_story_says(
    clients: dict[str, TestClient], story: Story, disguise: Disguise
) -> None:
    response = send_patient_view(clients[story.protocol], resources_of(story, disguise), patient_id=PATIENT)
    assert response.status_code == 200
    answer = response.json()
    if not story.is_assessed:
        assert answer["cards"] == []
        assert "extension" not in answer
        return
    assert answer["cards"], "a recipient inside the monitoring window always gets a card"
    assessment = answer["extension"][EXTENSION]
    grades_as_expected(assessment, story)
    assert assessment["protocol"] == story.protocol
    management_as_expected(assessment, story)
