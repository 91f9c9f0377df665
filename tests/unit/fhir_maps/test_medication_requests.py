"""Which orders are pending."""

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from fhir_maps import r4
from fhir_maps.medication_requests import read_request
from fhir_maps.terminology import load_terminology
from fhir_maps.unmapped import Unmapped
from grading.chart import ImmuneDrug, PendingOrder, VasoactiveAgent

TERMINOLOGY = load_terminology()


def read(drug: Any = "tocilizumab", **members: Any) -> list[PendingOrder | Unmapped]:
    body: dict[str, Any] = {
        "resourceType": "MedicationRequest",
        "id": "r1",
        "status": "active",
        "intent": "order",
        "authoredOn": "2026-03-04T09:00:00Z",
        "medicationCodeableConcept": {"text": drug} if isinstance(drug, str) else drug,
    }
    body = {name: value for name, value in (body | members).items() if value is not None}
    resource = msgspec.json.decode(json.dumps(body), type=r4.MedicationRequest)
    return list(read_request(resource, TERMINOLOGY, {}))


def pending(drug: Any = "tocilizumab", **members: Any) -> list[PendingOrder]:
    return [order for order in read(drug, **members) if isinstance(order, PendingOrder)]


def test_an_active_order_is_pending_since_it_was_written() -> None:
    (order,) = pending()
    assert order.drug is ImmuneDrug.TOCILIZUMAB
    assert order.authored_at == datetime(2026, 3, 4, 9, tzinfo=UTC)
    assert (order.source.reference, order.source.note) == ("MedicationRequest/r1", "matched on text")


@pytest.mark.parametrize(
    ("drug", "expected"),
    [
        ("norepinephrine", VasoactiveAgent.NOREPINEPHRINE),
        ("midodrine", VasoactiveAgent.MIDODRINE),
        ("dexamethasone", ImmuneDrug.DEXAMETHASONE),
        ("Solu-Medrol", ImmuneDrug.METHYLPREDNISOLONE),
        (
            {"coding": [{"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "612865"}]},
            ImmuneDrug.TOCILIZUMAB,
        ),
    ],
)
def test_vasoactive_drugs_tocilizumab_and_steroids_are_watched(
    drug: Any, expected: VasoactiveAgent | ImmuneDrug
) -> None:
    assert [order.drug for order in pending(drug)] == [expected]


@pytest.mark.parametrize(
    "drug", ["acetaminophen", "propofol", "NaCl 0.9%", "levetiracetam", "EpiPen", "Yescarta"]
)
def test_other_known_drugs_are_not_watched(drug: str) -> None:
    assert read(drug) == []


@pytest.mark.parametrize(
    "status",
    ["draft", "on-hold", "cancelled", "completed", "stopped", "entered-in-error", "unknown", None, "ACTIVE"],
)
def test_an_order_that_is_not_active_is_none(status: str | None) -> None:
    assert read(status=status) == []


@pytest.mark.parametrize("intent", ["proposal", "plan", "option", None, "wish"])
def test_an_intent_short_of_an_order_is_none(intent: str | None) -> None:
    assert read(intent=intent) == []


@pytest.mark.parametrize(
    "intent", ["order", "original-order", "reflex-order", "filler-order", "instance-order"]
)
def test_every_kind_of_order_is_one(intent: str) -> None:
    assert len(pending(intent=intent)) == 1


def test_do_not_perform_is_no_order() -> None:
    assert read(doNotPerform=True) == []
    assert len(read(doNotPerform=False)) == 1


def test_eye_drops_and_creams_are_not_pending() -> None:
    eye = [{"route": {"text": "both eyes"}}]
    assert pending("phenylephrine", dosageInstruction=eye) == []
    assert pending("prednisolone", dosageInstruction=eye) == []
    assert len(pending("prednisolone", dosageInstruction=[{"route": {"text": "PO"}}])) == 1


def test_a_drug_that_no_map_knows_is_counted() -> None:
    assert read("mysterium") == [Unmapped("medication", None, None, "mysterium")]


@pytest.mark.parametrize("authored", [None, "2026-03-04T09:00:00", "0001-01-01T00:00:00Z", "x" * 10_000])
def test_an_unusable_time_of_writing_is_left_out(authored: str | None) -> None:
    (order,) = pending(authoredOn=authored)
    assert order.authored_at is None


@pytest.mark.parametrize("drug", [{}, {"coding": [{}]}, {"text": ""}, None])
def test_an_order_of_nothing_never_raises(drug: Any) -> None:
    assert pending(drug) == []
