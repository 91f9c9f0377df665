"""Runs the table of drafted orders through both order hooks, each draft in several shapes."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient
from fhir.resources.R4B.medicationrequest import MedicationRequest

from management.drafted_order import OrderKind
from management.review import Guard
from tests.prefetch_client import discover, hook_request
from tests.spec.management.orders.drafts import SHAPES, drafts_of, record_of
from tests.spec.management.spec_tables import read_rows
from tests.unit.cds_service.samples import failed, service

LINES = read_rows("orders/orders.md", "draft")
# Where these are said is told in tests of their own.
ELSEWHERE = {
    OrderKind.UNREADABLE_ORDER,
    OrderKind.NAME_IN_DOUBT,
    OrderKind.INFUSION_UNKNOWN,
    OrderKind.OVER_WHILE_ESCALATING,
    OrderKind.ADULT_RULE,
    OrderKind.STEROID_HISTORY_UNKNOWN,
}


@pytest.fixture(scope="module")
def clients() -> Iterator[dict[str, TestClient]]:
    with service() as met, service(protocol="asco-2021") as asco:
        yield {"met": met, "asco": asco}


def name_of(line: dict[str, str]) -> str:
    return f"{line['#']} {line['draft']}"


def ask(client: TestClient, line: dict[str, str], shape: str, hook: str) -> list[dict[str, Any]]:
    """The cards for a line."""
    entry = discover(client, f"cart-toxicity-{hook}")
    resources, not_retrieved = record_of(line["patient"])
    request = hook_request(entry, resources, patient_id="p1")
    request["prefetch"] |= dict.fromkeys(not_retrieved, failed())
    entries = [{"resource": resource} for resource in drafts_of(line["draft"], shape)]
    request["context"]["draftOrders"] = {"resourceType": "Bundle", "type": "collection", "entry": entries}
    if hook == "order-select":
        request["context"]["selections"] = ["MedicationRequest/draft-1", "MedicationRequest/not-there"]
    answer = client.post(f"/cds-services/cart-toxicity-{hook}", json=request)
    assert answer.status_code == 200, answer.text
    cards: list[dict[str, Any]] = answer.json()["cards"]
    return cards


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("line", LINES, ids=name_of)
def test_a_draft_gets_the_card_worked_out_by_hand(
    clients: dict[str, TestClient], line: dict[str, str], shape: str
) -> None:
    client = clients["asco" if "asco" in line["patient"] else "met"]
    drafts = [draft for draft in drafts_of(line["draft"], shape) if draft["resourceType"] != "Medication"]
    for hook in ("order-sign", "order-select"):
        if hook == "order-select" and "no id" in line["draft"]:
            continue
        cards = ask(client, line, shape, hook)
        if line["found"] == "-":
            assert cards == []
            continue
        if "stopped +" not in line["draft"]:
            assert len(cards) == (len(drafts) if hook == "order-sign" else 1)
        card = cards[0]
        kinds = re.findall(r"^- \*\*(?:Critical|Warning)\*\* \(([\w-]+)\)", card["detail"], re.MULTILINE)
        assert kinds == line["found"].split()
        assert card["indicator"] == line["says"]
        assert len(card["summary"]) < 140
        check_correction(card, drafts[0], line["right"])


def check_correction(card: dict[str, Any], draft: dict[str, Any], right: str) -> None:
    updates = [
        action
        for suggestion in card.get("suggestions", [])
        for action in suggestion["actions"]
        if action["type"] == "update"
    ]
    if right == "-":
        assert updates == []
        return
    (update,) = updates
    corrected = update["resource"]
    assert corrected["id"] == draft["id"]
    MedicationRequest.model_validate(corrected)
    (dosage,) = corrected["dosageInstruction"]
    (amount,) = dosage["doseAndRate"]
    assert amount["doseQuantity"] == {
        "value": float(right),
        "unit": "mg",
        "system": "http://unitsofmeasure.org",
        "code": "mg",
    }
    # All else is as it was drafted.
    assert {**corrected, "dosageInstruction": 0} == {**draft, "dosageInstruction": 0}
    changed = {"doseAndRate", "text"}
    (before,) = draft["dosageInstruction"]
    assert {name: part for name, part in dosage.items() if name not in changed} == {
        name: part for name, part in before.items() if name not in changed
    }


@pytest.mark.parametrize("line", [line for line in LINES if line["right"] != "-"], ids=name_of)
def test_a_corrected_draft_is_found_to_be_right(clients: dict[str, TestClient], line: dict[str, str]) -> None:
    client = clients["asco" if "asco" in line["patient"] else "met"]
    (card,) = ask(client, line, "text", "order-sign")
    corrected = card["suggestions"][0]["actions"][0]["resource"]
    entry = discover(client, "cart-toxicity-order-sign")
    request = hook_request(entry, record_of(line["patient"])[0], patient_id="p1")
    request["context"]["draftOrders"] = {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"resource": corrected}],
    }
    again = client.post("/cds-services/cart-toxicity-order-sign", json=request).json()["cards"]
    assert not any("over-maximum-dose" in card["detail"] or "below-rule" in card["detail"] for card in again)


def test_the_table_has_at_least_sixty_drafts() -> None:
    assert len(LINES) >= 60
    assert len({line["#"] for line in LINES}) == len(LINES)


def test_every_kind_of_finding_and_every_guard_fires_in_a_line() -> None:
    said = {kind for line in LINES for kind in line["found"].split()}
    assert {kind.value for kind in OrderKind} - {kind.value for kind in ELSEWHERE} <= said
    assert {guard.value for guard in Guard} <= said
