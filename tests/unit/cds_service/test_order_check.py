"""The order hooks through HTTP: what is required, what is checked, the cards, and the ways out they offer."""

import json
from typing import Any

import pytest
from fastapi.testclient import TestClient
from fhir.resources.R4B.medicationrequest import MedicationRequest

from cds_service.settings import Mode
from tests.prefetch_client import discover, hook_request
from tests.unit.cds_service.samples import PATIENT, Resource, crs_3, failed, infusion, patient, service, well

SIGN, SELECT = "order-sign", "order-select"
UCUM = "http://unitsofmeasure.org"


def draft(milligrams: float | None = 960, drug: str = "tocilizumab", **members: Any) -> Resource:
    found: Resource = {
        "resourceType": "MedicationRequest",
        "id": "d1",
        "status": "draft",
        "intent": "order",
        "medicationCodeableConcept": {"text": drug},
        "subject": PATIENT,
    }
    if milligrams is not None:
        quantity = {"value": milligrams, "unit": "mg", "system": UCUM, "code": "mg"}
        found["dosageInstruction"] = [{"doseAndRate": [{"doseQuantity": quantity}]}]
    return found | members


def request(
    client: TestClient, *drafts: Resource, hook: str = SIGN, chart: list[Resource] | None = None
) -> Resource:
    entry = discover(client, f"cart-toxicity-{hook}")
    found = hook_request(entry, crs_3() if chart is None else chart, patient_id="p1")
    found["context"]["draftOrders"] = {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"resource": resource} for resource in drafts],
    }
    return found


def send(client: TestClient, body: Resource, hook: str = SIGN) -> Any:
    return client.post(f"/cds-services/cart-toxicity-{hook}", json=body)


def cards(client: TestClient, *drafts: Resource, **options: Any) -> list[Resource]:
    answer = send(client, request(client, *drafts, **options))
    assert answer.status_code == 200, answer.text
    assert "extension" not in answer.json()
    found: list[Resource] = answer.json()["cards"]
    return found


@pytest.mark.parametrize("hook", [SIGN, SELECT])
def test_an_order_that_is_fine_gets_no_card(client: TestClient, hook: str) -> None:
    answer = send(client, request(client, draft(576), hook=hook), hook)
    assert (answer.status_code, answer.json()) == (200, {"cards": []})


@pytest.mark.parametrize("hook", [SIGN, SELECT])
def test_an_order_above_the_rule_gets_one_critical_card(client: TestClient, hook: str) -> None:
    (card,) = send(client, request(client, draft(), hook=hook), hook).json()["cards"]
    assert card["indicator"] == "critical"
    assert card["summary"] == "Tocilizumab 960 mg is above the rule's 576 mg (8 mg/kg × 72 kg = 576 mg)"
    assert card["source"]["topic"]["code"] == "order-check"
    for words in ("8 mg/kg × 72 kg", "Weight 72 kg of 2026-03-02", "tier B", "CRS grade 3", "given: 0"):
        assert words in card["detail"]
    assert {reason["code"] for reason in card["overrideReasons"]} >= {"other", "local-protocol"}


def test_an_update_carries_the_whole_corrected_draft(client: TestClient) -> None:
    before = draft(
        extension=[{"url": "https://ehr.example/x", "valueBoolean": True}], note=[{"text": "discussed"}]
    )
    (card,) = cards(client, before)
    (suggestion,) = card["suggestions"]
    assert card["selectionBehavior"] == "at-most-one"
    assert suggestion["isRecommended"] is True
    assert suggestion["label"] == "Change this draft to tocilizumab 576 mg"
    (action,) = suggestion["actions"]
    assert (action["type"], action["resource"]["id"]) == ("update", "d1")
    assert action["description"]
    MedicationRequest.model_validate(action["resource"])
    (dosage,) = action["resource"]["dosageInstruction"]
    assert dosage["doseAndRate"][0]["doseQuantity"]["value"] == 576
    unchanged = {name: value for name, value in before.items() if name != "dosageInstruction"}
    assert {name: action["resource"][name] for name in unchanged} == unchanged
    assert cards(client, action["resource"]) == []


def test_an_update_tells_what_becomes_of_the_text(client: TestClient) -> None:
    quantity = {"value": 960, "unit": "mg", "system": UCUM, "code": "mg"}
    text = "Give 960 mg (8 mg/kg x 120 kg) IV over 1 h, max 960 mg"
    dosage = {"text": text, "doseAndRate": [{"doseQuantity": quantity}]}
    (card,) = cards(client, draft(None, dosageInstruction=[dosage]))
    (action,) = card["suggestions"][0]["actions"]
    assert f'its text "{text}" becomes "Give 576 mg IV over 1 h"' in action["description"]
    assert action["resource"]["dosageInstruction"][0]["text"] == "Give 576 mg IV over 1 h"


def test_a_draft_without_an_id_is_told_the_right_dose_and_not_updated(client: TestClient) -> None:
    nameless = draft()
    del nameless["id"]
    (card,) = cards(client, nameless)
    assert "suggestions" not in card
    assert "576 mg" in card["detail"]


@pytest.mark.parametrize(
    "drafts",
    [[draft(None, "sargramostim")], [draft(576), draft(576, id="d2")]],
    ids=["gm-csf", "duplicate"],
)
def test_a_removal_names_the_draft_and_is_never_the_recommended_choice(
    client: TestClient, drafts: list[Resource]
) -> None:
    found = cards(client, *drafts)
    assert len(found) == len(drafts)
    for card, resource in zip(found, drafts, strict=True):
        (suggestion,) = card["suggestions"]
        assert suggestion["isRecommended"] is False
        (action,) = suggestion["actions"]
        assert (action["type"], action["resourceId"]) == ("delete", f"MedicationRequest/{resource['id']}")
        assert "resource" not in action


def test_a_draft_for_another_patient_is_critical_and_tells_nothing_of_the_other(client: TestClient) -> None:
    other = draft(
        subject={"reference": "Patient/other-77", "display": "Jane Roe"}, note=[{"text": "private"}]
    )
    (card,) = cards(client, other)
    assert card["indicator"] == "critical"
    assert "another patient" in card["summary"]
    assert not any(words in json.dumps(card) for words in ("other-77", "Jane Roe", "private", "960"))


def test_prefetch_of_another_patient_is_refused_as_on_patient_view(client: TestClient) -> None:
    body = request(client, draft())
    body["prefetch"]["patient"] = patient() | {"id": "someone-else"}
    answer = send(client, body)
    assert (answer.status_code, answer.json()["issue"][0]["code"]) == (400, "security")


def test_only_selected_drafts_are_checked_on_select(client: TestClient) -> None:
    body = request(client, draft(), draft(40, "dexamethasone", id="d2"), hook=SELECT)
    body["context"]["selections"] = ["MedicationRequest/d2", "MedicationRequest/none", "NutritionOrder/d1"]
    (card,) = send(client, body, SELECT).json()["cards"]
    assert card["summary"].startswith("Dexamethasone 40 mg")
    body["context"]["selections"] = ["MedicationRequest/none"]
    assert send(client, body, SELECT).json() == {"cards": []}
    del body["context"]["selections"]
    assert len(send(client, body, SELECT).json()["cards"]) == 2


def test_selections_play_no_part_when_signing(client: TestClient) -> None:
    body = request(client, draft())
    body["context"]["selections"] = []
    assert len(send(client, body).json()["cards"]) == 1


@pytest.mark.parametrize("selections", ["MedicationRequest/d1", [5], {"a": 1}])
def test_selections_of_another_shape_are_400(client: TestClient, selections: object) -> None:
    body = request(client, draft(), hook=SELECT)
    body["context"]["selections"] = selections
    assert send(client, body, SELECT).status_code == 400


@pytest.mark.parametrize("hook", [SIGN, SELECT])
@pytest.mark.parametrize("drafts", ["absent", None, [], "text", {"resourceType": "Patient", "id": "p1"}])
def test_draft_orders_must_be_there_and_a_bundle(client: TestClient, hook: str, drafts: object) -> None:
    body = request(client, draft(), hook=hook)
    if drafts == "absent":
        del body["context"]["draftOrders"]
    else:
        body["context"]["draftOrders"] = drafts
    answer = send(client, body, hook)
    assert answer.status_code == 400
    assert "draftOrders" in answer.json()["issue"][0]["details"]["text"]


@pytest.mark.parametrize(("hook", "sent"), [(SIGN, "patient-view"), (SELECT, SIGN), (SIGN, SELECT)])
def test_another_hook_is_400(client: TestClient, hook: str, sent: str) -> None:
    assert send(client, request(client, draft(), hook=hook) | {"hook": sent}, hook).status_code == 400


@pytest.mark.parametrize("hook", [SIGN, SELECT])
def test_feedback_is_taken_for_every_service(client: TestClient, hook: str) -> None:
    (card,) = send(client, request(client, draft(), hook=hook), hook).json()["cards"]
    suggestion = card["suggestions"][0]["uuid"]
    item = {
        "card": card["uuid"],
        "outcome": "accepted",
        "acceptedSuggestions": [{"id": suggestion}],
        "outcomeTimestamp": "2026-03-04T08:01:00Z",
    }
    answer = client.post(f"/cds-services/cart-toxicity-{hook}/feedback", json={"feedback": [item]})
    assert answer.status_code == 200


def test_orders_that_are_not_checked_need_no_data(client: TestClient) -> None:
    body = request(client, draft(100, "aspirin"), {"resourceType": "ServiceRequest", "id": "s"})
    del body["prefetch"]
    assert send(client, body).json() == {"cards": []}


def test_nothing_required_is_412_where_there_is_something_to_check(client: TestClient) -> None:
    body = request(client, draft())
    del body["prefetch"]
    assert send(client, body).status_code == 412


def test_a_patient_without_an_infusion_gets_no_card(client: TestClient) -> None:
    without = [resource for resource in crs_3() if resource["resourceType"] != "Procedure"]
    assert cards(client, draft(), chart=without) == []
    late = [*without, infusion("2026-01-05T10:00:00+01:00")]
    assert cards(client, draft(), chart=late) == []


def test_an_infusion_that_could_not_be_looked_up_is_said_and_nothing_is_checked(client: TestClient) -> None:
    without = [resource for resource in crs_3() if resource["resourceType"] != "Procedure"]
    body = request(client, draft(), chart=[*without, infusion("2026-01-05T10:00:00+01:00")])
    body["prefetch"] |= {"infusionProducts": failed()}
    (card,) = send(client, body).json()["cards"]
    assert card["indicator"] == "warning"
    assert "not known whether CAR-T was infused" in card["summary"]
    assert "suggestions" not in card


def test_a_draft_that_cannot_be_read_is_said_by_what_of_it(client: TestClient) -> None:
    (card,) = cards(client, draft(medicationCodeableConcept={}))
    assert card["summary"] == ("A draft order could not be read and was not checked: its drug cannot be told")


def test_text_of_the_order_is_inert_on_the_card(client: TestClient) -> None:
    nasty = {"value": 5, "unit": "<img src=x> [a](http://x) units"}
    (card,) = cards(client, draft(dosageInstruction=[{"doseAndRate": [{"doseQuantity": nasty}]}]))
    assert "<img" not in card["detail"] + card["summary"]
    assert "[a](http" not in card["detail"]
    assert len(card["summary"]) < 140


def test_several_findings_stand_on_one_card_the_most_severe_first(client: TestClient) -> None:
    sepsis = {"resourceType": "Condition", "id": "c", "subject": PATIENT, "code": {"text": "sepsis"}}
    (card,) = cards(client, draft(), chart=[*crs_3(), sepsis])
    assert card["indicator"] == "critical"
    assert card["summary"].endswith("(+1 more)")
    assert "active-infection-caution" in card["detail"]


def test_steps_schedule_and_last_steroid_are_shown(client: TestClient) -> None:
    dose = {"doseQuantity": {"value": 20, "unit": "mg", "system": UCUM, "code": "mg"}}
    every = {"frequency": 1, "period": 6, "periodUnit": "h", "boundsDuration": {"value": 2, "code": "d"}}
    steps = [
        {"sequence": number, "timing": {"repeat": every}, "doseAndRate": [dose], "route": {"text": "IV"}}
        for number in (1, 2)
    ]
    steps[1] |= {"timing": {"repeat": {"count": 1, "boundsPeriod": {"start": "2026-03-06T08:00:00Z"}}}}
    (card,) = cards(client, draft(None, "dexamethasone", dosageInstruction=steps), chart=[*well(), given()])
    for words in (
        "step 1: 20 mg, intravenous, every 6 h, for 48 h",
        "step 2: 20 mg, intravenous, once, from 2026-03-06 09:00",
        "Last steroid: dexamethasone",
    ):
        assert words in card["detail"]


def given() -> Resource:
    return {
        "resourceType": "MedicationAdministration",
        "id": "dexamethasone",
        "status": "completed",
        "subject": PATIENT,
        "medicationCodeableConcept": {"text": "dexamethasone"},
        "effectiveDateTime": "2026-03-04T02:00:00Z",
        "dosage": {"dose": {"value": 10, "unit": "mg", "system": UCUM, "code": "mg"}},
    }


def test_a_drug_without_a_dose_in_the_source_says_so_beside_what_else_is_said(client: TestClient) -> None:
    unnamed = draft(700, "siltuximab")
    del unnamed["subject"]
    (card,) = cards(client, unnamed)
    assert "no dose to check against" in card["detail"]
    assert cards(client, draft(700, "siltuximab")) == []


def test_the_weight_that_is_missing_is_named(client: TestClient) -> None:
    without = [resource for resource in crs_3() if not resource["id"].startswith("29463-7")]
    (card,) = cards(client, draft(576), chart=without)
    assert "No weight charted" in card["detail"]
    assert card["indicator"] == "warning"


def test_our_own_drafts_pass_our_own_check(client: TestClient) -> None:
    entry = discover(client, "cart-toxicity-patient-view")
    view = client.post(
        "/cds-services/cart-toxicity-patient-view", json=hook_request(entry, crs_3(), patient_id="p1")
    )
    orders = [
        action["resource"] | {"id": f"own-{number}"}
        for number, action in enumerate(
            action
            for card in view.json()["cards"]
            for suggestion in card.get("suggestions", [])
            for action in suggestion["actions"]
        )
    ]
    assert orders
    for order in orders:
        assert cards(client, order) == []


def test_silent_mode_says_nothing() -> None:
    with service(mode=Mode.SILENT) as silent:
        assert cards(silent, draft()) == []


def test_metrics_count_each_service_by_its_id(client: TestClient) -> None:
    cards(client, draft())
    text = client.get("/metrics").text
    assert 'cart_cds_requests_total{service="cart-toxicity-order-sign",status="200"}' in text
    assert 'cart_cds_cards_total{indicator="critical",topic="order-check"}' in text
