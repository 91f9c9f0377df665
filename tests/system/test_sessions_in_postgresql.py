"""Sessions, launches under way and feedback in the database that several processes share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any

import psycopg
import pytest
from psycopg import sql
from sqlalchemy.engine import make_url

from cds_service.feedback import (
    AcceptedSuggestion,
    FeedbackItem,
    FeedbackStore,
    IssuedCards,
    Outcome,
    OverrideReason,
)
from smart_app.session import GrantedScopes, SmartSession, View
from smart_app.session_store import Login, SessionStore, SessionStoreError, Tokens

KEY = bytes(range(32))
START = datetime(2026, 3, 4, 8, 0, tzinfo=UTC)
SECRET = "secret-of-this-session-000000000000"  # noqa: S105 - stands for one
ACCESS, REFRESH = "access-token-5f1d", "refresh-token-77aa"
OpenStore = Callable[[], SessionStore]


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def open_store(postgres_url: str, clock: Clock) -> Iterator[OpenStore]:
    """Opens another store on the same database, as another process would."""
    opened: list[SessionStore] = []

    def another() -> SessionStore:
        opened.append(SessionStore(postgres_url, KEY, clock))
        return opened[-1]

    yield another
    for store in opened:
        store.close()


def a_login(state: str) -> Login:
    return Login(
        state=state,
        iss="https://ehr.example/fhir",
        launch="opaque-launch",
        verifier="v" * 43,
        nonce="nonce-1",
        cookie_secret="secret-of-the-browser",  # noqa: S106 - stands for one
        begun_at=START,
    )


def a_session(sid: str = "sid-1") -> SmartSession:
    return SmartSession(
        sid=sid,
        iss="https://ehr.example/fhir",
        patient_id="patient-4711",
        encounter_id="encounter-9",
        fhir_user="Practitioner/7",
        scopes=GrantedScopes("patient/Observation.crs"),
        shows_banner=True,
        view=View.ICE,
        form_token="form-token-e0c2",  # noqa: S106 - stands for one
        opened_at=START,
    )


def some_tokens(access: str = ACCESS) -> Tokens:
    return Tokens(access, REFRESH, START + timedelta(minutes=5), "patient/Observation.crs", "user-7")


def everything_stored(url: str) -> bytes:
    """All bytes of all rows of all tables."""
    where = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    stored = b""
    with psycopg.connect(where) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        assert tables, "no table to look into"
        for (table,) in tables:
            for row in connection.execute(
                sql.SQL("SELECT * FROM {}").format(sql.Identifier(table))
            ).fetchall():
                stored += b"\n".join(_as_bytes(value) for value in row)
    return stored


def _as_bytes(value: Any) -> bytes:
    return bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode()


def test_a_session_survives_the_process_that_opened_it(open_store: OpenStore) -> None:
    first = open_store()
    first.open_session(a_session(), some_tokens(), SECRET)
    first.close()
    second = open_store()
    assert second.find_session("sid-1", SECRET) == a_session()
    assert second.tokens_of("sid-1") == some_tokens()


def test_two_processes_see_each_others_sessions_renewals_and_ends(open_store: OpenStore) -> None:
    one, other = open_store(), open_store()
    one.open_session(a_session(), some_tokens(), SECRET)
    other.replace_tokens("sid-1", some_tokens("renewed"))
    assert one.tokens_of("sid-1") == some_tokens("renewed")
    one.close_session("sid-1")
    assert other.find_session("sid-1", SECRET) is None
    assert other.tokens_of("sid-1") is None


def test_a_wrong_secret_opens_nothing(open_store: OpenStore) -> None:
    store = open_store()
    store.open_session(a_session(), some_tokens(), SECRET)
    assert store.find_session("sid-1", "another-secret") is None
    assert store.find_session("sid-1", SECRET) == a_session()


@pytest.mark.parametrize("attempt", range(5))
def test_of_two_callbacks_at_once_exactly_one_gets_the_launch(open_store: OpenStore, attempt: int) -> None:
    one, other = open_store(), open_store()
    one.begin_login(a_login(f"state-{attempt}"))
    together = Barrier(2)

    def take(store: SessionStore) -> Login | None:
        together.wait(timeout=30)
        return store.take_login(f"state-{attempt}")

    with ThreadPoolExecutor(2) as threads:
        taken = list(threads.map(take, (one, other)))
    assert sorted(taken, key=lambda login: login is None) == [a_login(f"state-{attempt}"), None]


def test_two_processes_that_start_at_once_both_come_up(postgres_url: str, clock: Clock) -> None:
    together = Barrier(2)

    def start(_number: int) -> SessionStore:
        together.wait(timeout=30)
        return SessionStore(postgres_url, KEY, clock)

    with ThreadPoolExecutor(2) as threads:
        one, other = threads.map(start, range(2))
    one.open_session(a_session(), some_tokens(), SECRET)
    assert other.find_session("sid-1", SECRET) == a_session()
    one.close()
    other.close()


def test_nothing_secret_can_be_read_in_the_tables(open_store: OpenStore, postgres_url: str) -> None:
    store = open_store()
    store.begin_login(a_login("state-secret-9c"))
    store.open_session(a_session(), some_tokens(), SECRET)
    stored = everything_stored(postgres_url)
    assert b"sid-1" in stored  # that it was looked for where it would be
    for secret in (
        ACCESS,
        REFRESH,
        SECRET,
        "patient-4711",
        "form-token-e0c2",
        "state-secret-9c",
        "v" * 43,
        "opaque-launch",
        "nonce-1",
        "secret-of-the-browser",
    ):
        assert secret.encode() not in stored


def test_another_key_opens_nothing(open_store: OpenStore, postgres_url: str, clock: Clock) -> None:
    open_store().open_session(a_session(), some_tokens(), SECRET)
    stranger = SessionStore(postgres_url, bytes(32), clock)
    assert stranger.find_session("sid-1", SECRET) is None
    assert stranger.tokens_of("sid-1") is None
    stranger.close()


def test_a_session_ends_after_a_quarter_of_an_hour_without_use(open_store: OpenStore, clock: Clock) -> None:
    store = open_store()
    store.open_session(a_session(), some_tokens(), SECRET)
    clock.now += timedelta(minutes=14)
    assert open_store().find_session("sid-1", SECRET) == a_session()  # which is a use, in another process
    clock.now += timedelta(minutes=14)
    assert store.find_session("sid-1", SECRET) == a_session()
    clock.now += timedelta(minutes=16)
    assert store.find_session("sid-1", SECRET) is None


def test_a_launch_is_forgotten_after_ten_minutes(open_store: OpenStore, clock: Clock) -> None:
    store = open_store()
    store.begin_login(a_login("slow"))
    clock.now += timedelta(minutes=11)
    assert store.take_login("slow") is None


def test_what_has_ended_is_swept_out_of_the_tables(
    open_store: OpenStore, postgres_url: str, clock: Clock
) -> None:
    store = open_store()
    store.open_session(a_session(), some_tokens(), SECRET)
    clock.now += timedelta(hours=13)
    store.begin_login(a_login("next"))
    assert b"sid-1" not in everything_stored(postgres_url)


def test_a_url_as_other_programs_write_it_will_do(postgres_url: str, clock: Clock) -> None:
    plain = postgres_url.replace("postgresql+psycopg://", "postgresql://")
    store = SessionStore(plain, KEY, clock)
    store.open_session(a_session(), some_tokens(), SECRET)
    store.close()


def test_a_server_that_is_not_there_is_told_without_its_address(clock: Clock) -> None:
    with pytest.raises(SessionStoreError) as caught:
        SessionStore("postgresql+psycopg://someone:hidden@127.0.0.1:1/nothing", KEY, clock)
    assert "hidden" not in str(caught.value)
    assert "127.0.0.1" not in str(caught.value)


def feedback(card: str) -> tuple[FeedbackItem, datetime]:
    item = FeedbackItem(
        card,
        Outcome.OVERRIDDEN,
        "2026-03-04T08:05:00Z",
        [AcceptedSuggestion("s1")],
        OverrideReason(user_comment="fièvre de la ligne – vu"),
    )
    return item, START


def test_feedback_is_kept_and_seen_by_every_process(postgres_url: str) -> None:
    one, other = FeedbackStore(postgres_url), FeedbackStore(postgres_url)
    known = IssuedCards()
    known.remember(["c1"])
    one.keep("cart-toxicity-patient-view", [feedback("c1"), feedback("c2")], known, START)
    rows = other.rows()
    assert [(row["card"], row["card_known"], row["outcome_at"]) for row in rows] == [
        ("c1", True, START),
        ("c2", False, START),
    ]
    assert rows[0]["accepted_suggestions"] == ["s1"]
    assert rows[0]["user_comment"] == "fièvre de la ligne – vu"
    assert other.is_reachable()
    one.close()
    other.close()


def test_feedback_holds_no_sign_that_the_database_cannot_keep(postgres_url: str) -> None:
    store = FeedbackStore(postgres_url)
    store.keep("cart-toxicity-patient-view", [feedback("c\x001")], IssuedCards(), START)
    assert [row["card"] for row in store.rows()] == ["c1"]
    store.close()


@pytest.mark.parametrize("attempt", range(3))
def test_feedback_of_processes_that_start_at_once_has_one_table(postgres_url: str, attempt: int) -> None:
    together = Barrier(4)

    def start(_number: int) -> FeedbackStore:
        together.wait(timeout=30)
        return FeedbackStore(postgres_url)

    with ThreadPoolExecutor(4) as threads:
        stores = list(threads.map(start, range(4)))
    stores[0].keep("cart-toxicity-order-sign", [feedback(f"c{attempt}")], IssuedCards(), START)
    assert [len(store.rows()) for store in stores] == [1, 1, 1, 1]
    for store in stores:
        store.close()


def test_sessions_and_feedback_share_one_database(postgres_url: str, clock: Clock) -> None:
    feedback_store, sessions = FeedbackStore(postgres_url), SessionStore(postgres_url, KEY, clock)
    sessions.open_session(a_session(), some_tokens(), SECRET)
    feedback_store.keep("cart-toxicity-order-sign", [feedback("c1")], IssuedCards(), START)
    assert sessions.find_session("sid-1", SECRET) == a_session()
    assert len(feedback_store.rows()) == 1
    sessions.close()
    feedback_store.close()
