"""One running service for the tests that change no setting, and requests as a client would send them."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.prefetch_client import discover, hook_request
from tests.unit.cds_service.samples import Resource, service

RequestFor = Callable[..., dict[str, Any]]


@pytest.fixture(scope="session")
def client() -> Iterator[TestClient]:
    with service() as running:
        yield running


@pytest.fixture(scope="session")
def request_for(client: TestClient) -> RequestFor:
    """Builds a complete request for a list of resources, every template of discovery resolved."""
    entry = discover(client, "cart-toxicity-patient-view")

    def build(resources: list[Resource], **members: Any) -> dict[str, Any]:
        return hook_request(entry, resources, patient_id="p1", **members)

    return build
