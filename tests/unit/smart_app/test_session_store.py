"""The session store: what is kept, for how long, and who can open it."""

import hashlib
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from smart_app.session import GrantedScopes, SmartSession, View
from smart_app.session_store import Login, SessionStore, SessionStoreError, Tokens

KEY = bytes(range(32))
OTHER_KEY = bytes(range(1, 33))
START = datetime(2026, 3, 4, 8, 0, tzinfo=UTC)
SID, SECRET = "sid-0123456789abcdef", "secret-of-this-session-000000000000"


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def move(self, **time: float) -> None:
        self.now += timedelta(**time)


def a_login(state: str = "state-1", at: datetime = START) -> Login:
    return Login(
        state=state,
        iss="https://ehr.example/fhir",
        launch="opaque-launch",
        verifier="v" * 43,
        nonce="nonce-1",
        cookie_secret="secret-of-the-browser-that-began-it",  # noqa: S106
        begun_at=at,
    )


def a_session(sid: str = SID, patient_id: str = "patient-7") -> SmartSession:
    return SmartSession(
        sid=sid,
        iss="https://ehr.example/fhir",
        patient_id=patient_id,
        encounter_id="encounter-9",
        fhir_user="Practitioner/7",
        scopes=GrantedScopes("patient/Observation.crs"),
        shows_banner=True,
        view=View.ICE,
        form_token="form-token-of-this-session",  # noqa: S106
        opened_at=START,
        highlight="Observation/12",
    )


def some_tokens(access: str = "access-1") -> Tokens:
    return Tokens(access, "refresh-1", START + timedelta(minutes=5), "patient/Observation.crs", "user-7")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(clock: Clock) -> SessionStore:
    return SessionStore(None, KEY, clock)


def test_a_launch_under_way_is_taken_once(store: SessionStore) -> None:
    store.begin_login(a_login())
    assert store.take_login("state-1") == a_login()
    assert store.take_login("state-1") is None


def test_an_unknown_state_is_nothing(store: SessionStore) -> None:
    assert store.take_login("never-begun") is None


def test_launches_under_way_do_not_disturb_each_other(store: SessionStore) -> None:
    store.begin_login(a_login("state-1"))
    store.begin_login(a_login("state-2"))
    assert store.take_login("state-1") == a_login("state-1")
    assert store.take_login("state-2") == a_login("state-2")


@pytest.mark.parametrize(("minutes", "there"), [(10, True), (10.02, False)])
def test_a_launch_under_way_lasts_ten_minutes(
    store: SessionStore, clock: Clock, minutes: float, there: bool
) -> None:
    store.begin_login(a_login())
    clock.move(minutes=minutes)
    assert (store.take_login("state-1") is not None) is there


def test_a_session_is_found_by_its_id_and_secret(store: SessionStore) -> None:
    store.open_session(a_session(), some_tokens(), SECRET)
    assert store.find_session(SID, SECRET) == a_session()
    assert store.tokens_of(SID) == some_tokens()


def test_a_wrong_secret_and_an_unknown_id_find_nothing(store: SessionStore) -> None:
    store.open_session(a_session(), some_tokens(), SECRET)
    assert store.find_session(SID, SECRET + "x") is None
    assert store.find_session(SID, "") is None
    assert store.find_session("another-sid", SECRET) is None
    assert store.find_session(SID, SECRET) == a_session()


def test_the_secret_of_one_session_opens_no_other(store: SessionStore) -> None:
    store.open_session(a_session("sid-a", "patient-1"), some_tokens(), "secret-a")
    store.open_session(a_session("sid-b", "patient-2"), some_tokens(), "secret-b")
    assert store.find_session("sid-a", "secret-b") is None
    assert store.find_session("sid-b", "secret-b") == a_session("sid-b", "patient-2")


def test_a_session_unused_for_fifteen_minutes_has_ended(store: SessionStore, clock: Clock) -> None:
    store.open_session(a_session(), some_tokens(), SECRET)
    clock.move(minutes=15)
    assert store.find_session(SID, SECRET) is not None
    clock.move(minutes=15)
    assert store.find_session(SID, SECRET) is not None
    clock.move(minutes=15, seconds=1)
    assert store.tokens_of(SID) is None
    assert store.find_session(SID, SECRET) is None


def test_a_session_ends_after_twelve_hours_however_busy(store: SessionStore, clock: Clock) -> None:
    store.open_session(a_session(), some_tokens(), SECRET)
    for _ in range(72):
        clock.move(minutes=10)
        assert store.find_session(SID, SECRET) is not None
    clock.move(seconds=1)
    assert store.find_session(SID, SECRET) is None
    clock.now = START
    assert store.find_session(SID, SECRET) is None, "an ended session is gone, not hidden"


def test_the_times_can_be_set(clock: Clock) -> None:
    store = SessionStore(None, KEY, clock, idle=timedelta(minutes=2), absolute=timedelta(minutes=3))
    store.open_session(a_session(), some_tokens(), SECRET)
    clock.move(minutes=2)
    assert store.find_session(SID, SECRET) is not None
    clock.move(minutes=1, seconds=1)
    assert store.find_session(SID, SECRET) is None


def test_a_closed_session_has_no_tokens(store: SessionStore) -> None:
    store.open_session(a_session(), some_tokens(), SECRET)
    store.close_session(SID)
    assert store.find_session(SID, SECRET) is None
    assert store.tokens_of(SID) is None
    store.replace_tokens(SID, some_tokens("access-2"))
    assert store.tokens_of(SID) is None


def test_renewed_tokens_replace_the_old(store: SessionStore) -> None:
    store.open_session(a_session(), some_tokens(), SECRET)
    store.replace_tokens(SID, some_tokens("access-2"))
    assert store.tokens_of(SID) == some_tokens("access-2")


def test_a_new_launch_sweeps_out_what_has_ended(tmp_path: Path, clock: Clock) -> None:
    store = SessionStore(f"sqlite:///{tmp_path}/s.sqlite3", KEY, clock)
    store.begin_login(a_login("left-behind"))
    store.open_session(a_session(), some_tokens(), SECRET)
    clock.move(minutes=16)
    store.begin_login(a_login("new", clock.now))
    with sqlite3.connect(tmp_path / "s.sqlite3") as database:
        assert database.execute("select count(*) from smart_session").fetchone() == (0,)
        assert database.execute("select count(*) from smart_login").fetchone() == (1,)
    store.close()


def test_another_process_on_the_database_sees_the_session(tmp_path: Path, clock: Clock) -> None:
    url = f"sqlite:///{tmp_path}/s.sqlite3"
    one, other = SessionStore(url, KEY, clock), SessionStore(url, KEY, clock)
    one.open_session(a_session(), some_tokens(), SECRET)
    assert other.find_session(SID, SECRET) == a_session()
    other.close_session(SID)
    assert one.find_session(SID, SECRET) is None
    one.close()
    other.close()


def test_the_database_holds_no_token_no_patient_and_no_secret(tmp_path: Path, clock: Clock) -> None:
    store = SessionStore(f"sqlite:///{tmp_path}/s.sqlite3", KEY, clock)
    store.begin_login(a_login())
    store.open_session(a_session(), some_tokens(), SECRET)
    store.close()
    content = (tmp_path / "s.sqlite3").read_bytes()
    assert SID.encode() in content
    for secret in (
        "access-1",
        "refresh-1",
        "patient-7",
        "encounter-9",
        "Practitioner/7",
        "form-token-of-this-session",
        "user-7",
        SECRET,
        "state-1",
        "v" * 43,
        "opaque-launch",
        "secret-of-the-browser",
    ):
        assert secret.encode() not in content, secret


def test_with_another_key_a_session_has_ended(tmp_path: Path, clock: Clock) -> None:
    url = f"sqlite:///{tmp_path}/s.sqlite3"
    store = SessionStore(url, KEY, clock)
    store.begin_login(a_login())
    store.open_session(a_session(), some_tokens(), SECRET)
    store.close()
    other = SessionStore(url, OTHER_KEY, clock)
    assert other.find_session(SID, SECRET) is None
    assert other.tokens_of(SID) is None
    assert other.take_login("state-1") is None
    other.close()


def test_a_row_copied_to_another_session_cannot_be_opened(tmp_path: Path, clock: Clock) -> None:
    store = SessionStore(f"sqlite:///{tmp_path}/s.sqlite3", KEY, clock)
    store.open_session(a_session("sid-a", "patient-1"), some_tokens("access-a"), "secret-a")
    store.open_session(a_session("sid-b", "patient-2"), some_tokens("access-b"), "secret-b")
    with sqlite3.connect(tmp_path / "s.sqlite3") as database:
        database.execute(
            "update smart_session set (content, tokens) ="
            " (select content, tokens from smart_session where sid = 'sid-b') where sid = 'sid-a'"
        )
    assert store.find_session("sid-a", "secret-a") is None
    assert store.tokens_of("sid-a") is None
    store.close()


def test_a_secret_written_into_the_database_opens_nothing(tmp_path: Path, clock: Clock) -> None:
    store = SessionStore(f"sqlite:///{tmp_path}/s.sqlite3", KEY, clock)
    store.open_session(a_session("sid-a", "patient-1"), some_tokens("access-a"), "secret-a")
    with sqlite3.connect(tmp_path / "s.sqlite3") as database:
        mine = hashlib.sha256(b"secret-of-the-attacker").digest()
        database.execute("update smart_session set secret_hash = ?", (mine,))
    assert store.find_session("sid-a", "secret-of-the-attacker") is None
    store.close()


def test_tokens_put_in_the_place_of_the_session_cannot_be_opened(tmp_path: Path, clock: Clock) -> None:
    store = SessionStore(f"sqlite:///{tmp_path}/s.sqlite3", KEY, clock)
    store.open_session(a_session(), some_tokens(), SECRET)
    with sqlite3.connect(tmp_path / "s.sqlite3") as database:
        database.execute("update smart_session set content = tokens")
    assert store.find_session(SID, SECRET) is None
    store.close()


@pytest.mark.parametrize(
    "url", ["no database", "oracle+none://u:pass-word@h/d", "sqlite:////no/such/dir/x.db"]
)
def test_a_database_that_cannot_be_used_is_said_without_its_url(clock: Clock, url: str) -> None:
    with pytest.raises(SessionStoreError) as raised:
        SessionStore(url, KEY, clock)
    assert url not in str(raised.value)
    assert raised.value.__cause__ is None


def test_a_short_key_is_refused(clock: Clock) -> None:
    with pytest.raises(SessionStoreError, match="32 bytes"):
        SessionStore(None, b"short", clock)


def test_secrets_do_not_stand_in_the_text_of_a_login_of_tokens_or_of_a_session() -> None:
    text = repr(a_login()) + repr(some_tokens()) + repr(a_session())
    assert "patient-7" not in text and "encounter-9" not in text and "form-token" not in text
    for secret in ("state-1", "opaque", "vvvv", "nonce-1", "secret-of", "access-1", "refresh-1", "user-7"):
        assert secret not in text
