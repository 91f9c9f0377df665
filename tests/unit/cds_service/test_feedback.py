"""Feedback in every shape of the standard: kept, capped, never logged, not lost for an unknown card."""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from cds_service.feedback import FeedbackStore, IssuedCards
from cds_service.settings import SettingsError
from tests.unit.cds_service.samples import SERVICE, crs_3, service

FEEDBACK = f"{SERVICE}/feedback"
RequestFor = Callable[..., dict[str, Any]]
TIME = "2026-03-04T08:05:00Z"


@pytest.fixture
def running() -> Iterator[TestClient]:
    with service() as client:
        yield client


def item(**members: Any) -> dict[str, Any]:
    return {"card": "c1", "outcome": "overridden", "outcomeTimestamp": TIME} | members


def send(client: TestClient, *items: dict[str, Any]) -> int:
    answered = client.post(FEEDBACK, json={"feedback": list(items)})
    if answered.status_code != 200:
        assert answered.json()["resourceType"] == "OperationOutcome"
    return answered.status_code


def kept(client: TestClient) -> list[dict[str, Any]]:
    app = client.app
    assert isinstance(app, FastAPI)
    rows: list[dict[str, Any]] = app.state.feedback_store.rows()
    return rows


def test_an_accepted_suggestion_is_kept(running: TestClient) -> None:
    accepted = item(outcome="accepted", acceptedSuggestions=[{"id": "s1"}, {"id": "s2"}])
    assert send(running, accepted) == 200
    (row,) = kept(running)
    assert (row["card"], row["outcome"], row["accepted_suggestions"]) == ("c1", "accepted", ["s1", "s2"])
    assert row["service"] == "cart-toxicity-patient-view"
    assert row["outcome_at"].isoformat().startswith("2026-03-04T08:05:00")


def test_an_override_is_kept_with_reason_and_comment_or_either_or_neither(running: TestClient) -> None:
    reason = {"code": "other-cause", "system": "https://x"}
    shapes = [
        {"reason": reason | {"display": "Other cause"}, "userComment": "seen"},
        {"reason": reason},
        {"userComment": "only words"},
        {},
    ]
    assert send(running, *(item(overrideReason=shape) for shape in shapes), item()) == 200
    rows = kept(running)
    assert [row["reason_code"] for row in rows] == ["other-cause", "other-cause", None, None, None]
    assert [row["reason_display"] for row in rows] == ["Other cause", None, None, None, None]
    assert [row["user_comment"] for row in rows] == ["seen", None, "only words", None, None]


def test_many_items_and_repeats_for_one_card_are_all_kept_in_order(running: TestClient) -> None:
    assert (
        send(running, item(outcome="accepted", acceptedSuggestions=[{"id": "s"}]), item(), item(card="c2"))
        == 200
    )
    assert [(row["card"], row["outcome"]) for row in kept(running)] == [
        ("c1", "accepted"),
        ("c1", "overridden"),
        ("c2", "overridden"),
    ]


def test_no_item_is_no_fault(running: TestClient) -> None:
    assert send(running) == 200
    assert kept(running) == []


def test_a_card_we_issued_is_known_and_any_other_is_flagged(
    running: TestClient, request_for: RequestFor
) -> None:
    card = running.post(SERVICE, json=request_for(crs_3())).json()["cards"][0]
    assert send(running, item(card=card["uuid"]), item(card="someone else's")) == 200
    assert [row["card_known"] for row in kept(running)] == [True, False]


@pytest.mark.parametrize(
    "time",
    [
        "2026-03-04T08:05:00.123Z",
        "2026-03-04T08:05:00.123456789Z",
        "2026-03-04T09:05:00+01:00",
        "2026-03-04T08:05",
    ],
)
def test_times_with_fractions_and_offsets_are_understood_as_utc(running: TestClient, time: str) -> None:
    assert send(running, item(outcomeTimestamp=time)) == 200
    assert kept(running)[0]["outcome_at"].isoformat().startswith("2026-03-04T08:05:00")


@pytest.mark.parametrize(
    "members",
    [
        {"card": ""},
        {"card": None},
        {"card": 5},
        {"outcome": "ignored"},
        {"outcome": None},
        {"outcomeTimestamp": "yesterday"},
        {"outcomeTimestamp": "0001-01-01T00:00:00+14:00"},
        {"outcomeTimestamp": 5},
        {"acceptedSuggestions": [{"id": "s1"}]},
        {"outcome": "accepted", "acceptedSuggestions": [{}]},
        {"outcome": "accepted", "acceptedSuggestions": "s1"},
        {"overrideReason": "because"},
        {"overrideReason": {"userComment": 5}},
    ],
)
def test_an_item_of_another_shape_is_400_and_nothing_is_kept(
    running: TestClient, members: dict[str, Any]
) -> None:
    assert send(running, item(), item(**members)) == 400
    assert kept(running) == []


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"feedback": {}}', b'{"feedback": null}', b"{"])
def test_a_body_of_another_shape_is_400(running: TestClient, body: bytes) -> None:
    assert running.post(FEEDBACK, content=body).status_code == 400


def test_unknown_members_are_no_fault(running: TestClient) -> None:
    assert send(running, item(vendor={"a": 1})) == 200


def test_feedback_for_an_unknown_service_is_404(running: TestClient) -> None:
    answered = running.post("/cds-services/nonsuch/feedback", json={"feedback": [item()]})
    assert answered.status_code == 404
    assert answered.json()["resourceType"] == "OperationOutcome"


def test_a_comment_is_capped_and_never_logged(running: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    assert send(running, item(overrideReason={"userComment": "Mrs Doe " * 10_000})) == 200
    assert len(kept(running)[0]["user_comment"]) == 2000
    assert "Doe" not in caplog.text


def test_a_body_beyond_a_mebibyte_is_413(running: TestClient) -> None:
    assert running.post(FEEDBACK, content=b" " * (1024 * 1024 + 1)).status_code == 413


def test_feedback_outlives_the_process_in_a_file(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'feedback.db'}"
    with service(database_url=url) as client:
        assert send(client, item()) == 200
    store = FeedbackStore(url)
    assert [row["card"] for row in store.rows()] == ["c1"]
    store.close()


def test_a_database_that_fails_is_an_error_without_the_comment(
    running: TestClient, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = running.app
    assert isinstance(app, FastAPI)
    app.state.feedback_store.close()

    def broken(*_: object) -> None:
        raise RuntimeError("INSERT ... 'Mrs Doe'")

    monkeypatch.setattr(FeedbackStore, "keep", broken)
    answered = running.post(FEEDBACK, json={"feedback": [item(overrideReason={"userComment": "Mrs Doe"})]})
    assert answered.status_code == 500
    assert "Doe" not in answered.text and "Doe" not in caplog.text


def test_only_the_newest_cards_are_remembered() -> None:
    issued = IssuedCards(most=2)
    issued.remember(["a", "b", "c"])
    assert "a" not in issued and "b" in issued and "c" in issued


def test_a_database_that_cannot_be_opened_refuses_to_start_without_telling_its_address(
    tmp_path: Path,
) -> None:
    url = f"sqlite:///{tmp_path / 'no-such-folder' / 'feedback.db'}"
    with pytest.raises(SettingsError, match="the database cannot be opened") as refused:
        FeedbackStore(url)
    assert "no-such-folder" not in str(refused.value)
