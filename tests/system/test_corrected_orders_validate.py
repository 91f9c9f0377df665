"""Every corrected draft that the order check offers passes HL7's validator."""

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.prefetch_client import discover, hook_request
from tests.spec.management.orders.drafts import SHAPES, drafts_of, record_of
from tests.spec.management.spec_tables import read_rows
from tests.system.fhir_validator import FhirValidator
from tests.unit.cds_service.samples import service

LINES = [line for line in read_rows("orders/orders.md", "draft") if line["right"] != "-"]


@pytest.fixture(scope="module")
def clients() -> Iterator[dict[str, TestClient]]:
    with service() as met, service(protocol="asco-2021") as asco:
        yield {"met": met, "asco": asco}


def corrected(client: TestClient, line: dict[str, str], shape: str) -> list[dict[str, Any]]:
    """The resources of the updates for a line."""
    entry = discover(client, "cart-toxicity-order-sign")
    request = hook_request(entry, record_of(line["patient"])[0], patient_id="p1")
    entries = [{"resource": resource} for resource in drafts_of(line["draft"], shape)]
    request["context"]["draftOrders"] = {"resourceType": "Bundle", "type": "collection", "entry": entries}
    answer = client.post("/cds-services/cart-toxicity-order-sign", json=request).json()
    return [
        action["resource"]
        for card in answer["cards"]
        for suggestion in card.get("suggestions", [])
        for action in suggestion["actions"]
        if action["type"] == "update"
    ]


def test_every_corrected_draft_is_valid(validator: FhirValidator, clients: dict[str, TestClient]) -> None:
    offered = [
        (f"{line['#']} {shape}", resource)
        for line in LINES
        for shape in SHAPES
        for resource in corrected(clients["asco" if "asco" in line["patient"] else "met"], line, shape)
    ]
    assert len(offered) >= len(LINES)
    errors = {name: issues for name, issues in validator(offered).items() if issues}
    assert not errors
