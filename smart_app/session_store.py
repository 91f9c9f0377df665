"""The sessions of all launches and the launches under way, in a database that several processes may share.

Each launch has its own session: its id is public (it stands in the path), its secret is in a cookie, and only
the SHA-256 of that secret is kept. The patient, the user and the tokens are encrypted (AES-256-GCM) with the
session's id as associated data, so that a row which was copied to another id cannot be opened; the session is
bound to the hash of its secret, so that whoever writes another hash there opens nothing. A row that cannot
be opened is a session that has ended: never an error, never half a session.

Times are real time, in seconds since 1970. The calls are synchronous; callers use ``asyncio.to_thread``.
"""

import hashlib
import hmac
import logging
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from typing import TypeVar

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import (
    Column,
    Connection,
    Double,
    Engine,
    LargeBinary,
    MetaData,
    RowMapping,
    String,
    Table,
    create_engine,
    delete,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.pool import StaticPool

from smart_app.session import SmartSession

logger = logging.getLogger(__name__)

LOGIN_LASTS = timedelta(minutes=10)
IDLE_AT_MOST = timedelta(minutes=15)
OPEN_AT_MOST = timedelta(hours=12)
_KEY_BYTES = 32
_NONCE_BYTES = 12

_METADATA = MetaData()
_LOGINS = Table(
    "smart_login",
    _METADATA,
    Column("state_hash", String(64), primary_key=True),
    Column("begun_at", Double, nullable=False, index=True),
    Column("content", LargeBinary, nullable=False),
)
_SESSIONS = Table(
    "smart_session",
    _METADATA,
    Column("sid", String(64), primary_key=True),
    Column("secret_hash", LargeBinary, nullable=False),
    Column("opened_at", Double, nullable=False, index=True),
    Column("used_at", Double, nullable=False, index=True),
    Column("content", LargeBinary, nullable=False),
    Column("tokens", LargeBinary, nullable=False),
)
Kept = TypeVar("Kept")


class SessionStoreError(Exception):
    """The database or the key cannot be used; the text holds neither a URL nor a key."""


@dataclass(frozen=True, slots=True)
class Login:
    """A launch under way, between the authorization request and its callback; used once.

    ``launch`` is the EHR's opaque value, ``None`` for a standalone launch. ``cookie_secret`` is what the
    browser that began it must show. ``begun_at`` is aware.
    """

    state: str = field(repr=False)
    iss: str
    launch: str | None = field(repr=False)
    verifier: str = field(repr=False)
    nonce: str = field(repr=False)
    cookie_secret: str = field(repr=False)
    begun_at: datetime


@dataclass(frozen=True, slots=True)
class Tokens:
    """What the authorization server gave for a session. ``expires_at`` is aware."""

    access_token: str = field(repr=False)
    refresh_token: str | None = field(repr=False)
    expires_at: datetime
    scope: str
    id_subject: str | None = field(repr=False)


class SessionStore:
    """Keeps launches under way and sessions.

    ``database_url`` of ``None`` is SQLite in memory: for one process, and gone with it. ``key`` has 32 bytes.
    ``clock`` tells real time (aware). A session ends ``idle`` after its last use and ``absolute`` after it
    was opened, whichever is first. Raises :class:`SessionStoreError` when the database or key is no good.
    """

    def __init__(
        self,
        database_url: str | None,
        key: bytes,
        clock: Callable[[], datetime],
        *,
        idle: timedelta = IDLE_AT_MOST,
        absolute: timedelta = OPEN_AT_MOST,
    ) -> None:
        if len(key) != _KEY_BYTES:
            raise SessionStoreError("the session key must have 32 bytes")
        self._cipher = AESGCM(key)
        self._clock = clock
        self._idle = idle.total_seconds()
        self._absolute = absolute.total_seconds()
        # One connection in memory is shared by all threads: they take turns.
        self._turn = Lock() if database_url is None else None
        self._engine = _open_engine(database_url)
        _create_tables(self._engine)

    def begin_login(self, login: Login) -> None:
        """Keep a launch until its callback, and sweep out what is too old."""
        now = self._now()
        content = msgspec.json.encode(login)
        state_hash = hash_of_state(login.state)
        with self._transaction() as connection:
            connection.execute(delete(_LOGINS).where(_LOGINS.c.begun_at < now - LOGIN_LASTS.total_seconds()))
            connection.execute(
                delete(_SESSIONS).where(
                    or_(_SESSIONS.c.used_at < now - self._idle, _SESSIONS.c.opened_at < now - self._absolute)
                )
            )
            connection.execute(
                insert(_LOGINS).values(
                    state_hash=state_hash,
                    begun_at=login.begun_at.timestamp(),
                    content=self._encrypt(content, "login", state_hash),
                )
            )

    def take_login(self, state: str) -> Login | None:
        """Take the launch of a state out of the store: the second call finds nothing.

        ``None`` also when it is more than ten minutes old.
        """
        state_hash = hash_of_state(state)
        statement = (
            delete(_LOGINS)
            .where(_LOGINS.c.state_hash == state_hash)
            .returning(_LOGINS.c.begun_at, _LOGINS.c.content)
        )
        with self._transaction() as connection:
            row = connection.execute(statement).one_or_none()
        if row is None or self._now() - row.begun_at > LOGIN_LASTS.total_seconds():
            return None
        return self._opened(row.content, "login", state_hash, Login)

    def open_session(self, session: SmartSession, tokens: Tokens, secret: str) -> None:
        """Keep a new session. Only the SHA-256 of ``secret`` is stored."""
        now = self._now()
        secret_hash = _hash_of_secret(secret)
        with self._transaction() as connection:
            connection.execute(
                insert(_SESSIONS).values(
                    sid=session.sid,
                    secret_hash=secret_hash,
                    opened_at=now,
                    used_at=now,
                    content=self._encrypt(
                        msgspec.json.encode(session), "session", _bound(session.sid, secret_hash)
                    ),
                    tokens=self._encrypt(msgspec.json.encode(tokens), "tokens", session.sid),
                )
            )

    def find_session(self, sid: str, secret: str) -> SmartSession | None:
        """The live session of this id, if ``secret`` is its own; this counts as a use of it.

        An unknown id, a wrong secret and an ended session are all ``None``.
        """
        row = self._row(sid)
        kept_hash = row["secret_hash"] if row is not None else secrets.token_bytes(32)
        if not hmac.compare_digest(_hash_of_secret(secret), kept_hash) or row is None:
            return None
        now = self._now()
        if not self._is_live(row, now):
            self.close_session(sid)
            return None
        session = self._opened(row["content"], "session", _bound(sid, kept_hash), SmartSession)
        if session is not None:
            with self._transaction() as connection:
                connection.execute(update(_SESSIONS).where(_SESSIONS.c.sid == sid).values(used_at=now))
        return session

    def tokens_of(self, sid: str) -> Tokens | None:
        """The tokens of a live session; ``None`` when it has ended."""
        row = self._row(sid)
        if row is None or not self._is_live(row, self._now()):
            return None
        return self._opened(row["tokens"], "tokens", sid, Tokens)

    def replace_tokens(self, sid: str, tokens: Tokens) -> None:
        """Keep renewed tokens in place of the old; nothing happens where the session has been closed."""
        content = self._encrypt(msgspec.json.encode(tokens), "tokens", sid)
        with self._transaction() as connection:
            connection.execute(update(_SESSIONS).where(_SESSIONS.c.sid == sid).values(tokens=content))

    def close_session(self, sid: str) -> None:
        """Forget a session."""
        with self._transaction() as connection:
            connection.execute(delete(_SESSIONS).where(_SESSIONS.c.sid == sid))

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()

    def _now(self) -> float:
        return self._clock().timestamp()

    def _is_live(self, row: RowMapping, now: float) -> bool:
        return bool(now - row["used_at"] <= self._idle and now - row["opened_at"] <= self._absolute)

    def _row(self, sid: str) -> RowMapping | None:
        with self._transaction() as connection:
            return (
                connection.execute(select(_SESSIONS).where(_SESSIONS.c.sid == sid)).mappings().one_or_none()
            )

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        if self._turn is None:
            with self._engine.begin() as connection:
                yield connection
            return
        with self._turn, self._engine.begin() as connection:
            yield connection

    def _encrypt(self, content: bytes, what: str, name: str) -> bytes:
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, content, _associated(what, name))

    def _opened(self, kept: bytes, what: str, name: str, kind: type[Kept]) -> Kept | None:
        """Decrypt and decode a row; ``None`` where the key is another, or the row was tampered with."""
        try:
            content = self._cipher.decrypt(kept[:_NONCE_BYTES], kept[_NONCE_BYTES:], _associated(what, name))
            return msgspec.json.decode(content, type=kind)
        except (InvalidTag, ValueError, msgspec.MsgspecError):
            logger.warning("a stored %s cannot be opened with this key: it is treated as ended", what)
            return None


def hash_of_state(state: str) -> str:
    """The SHA-256 of a state in hexadecimal: what the database and the cookie's name know of it."""
    return hashlib.sha256(state.encode()).hexdigest()


def _hash_of_secret(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def _bound(sid: str, secret_hash: bytes) -> str:
    return f"{sid}:{secret_hash.hex()}"


def _associated(what: str, name: str) -> bytes:
    return f"{what}:{name}".encode()


def _open_engine(database_url: str | None) -> Engine:
    # Parameters are hidden: an exception's text would show them.
    if database_url is None:
        return create_engine(
            "sqlite://",
            connect_args={"check_same_thread": False},
            poolclass=StaticPool,
            hide_parameters=True,
        )
    try:
        url = make_url(database_url)
        if url.drivername in ("postgresql", "postgres"):
            url = url.set(drivername="postgresql+psycopg")
        return create_engine(url, hide_parameters=True, pool_pre_ping=True)
    except (ArgumentError, NoSuchModuleError, ImportError):  # their texts may repeat the URL
        raise SessionStoreError("the database URL is not one that can be used") from None


def _create_tables(engine: Engine) -> None:
    try:
        _METADATA.create_all(engine)
    except DBAPIError:
        try:  # two processes that start at once both create them: the second finds them
            _METADATA.create_all(engine)
        except DBAPIError:
            raise SessionStoreError("the database for sessions cannot be used") from None
