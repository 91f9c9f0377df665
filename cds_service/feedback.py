"""Feedback: what clinicians did with our cards, in every shape the standard knows, kept in a database.

Clients report a card more than once (accepted, then overridden) and do not report ignored cards: silence is
no acceptance. A comment may hold patient data: it is capped, stored, and never logged.
"""

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from enum import Enum

import msgspec
from sqlalchemy import JSON, DateTime, Engine, String, Text, create_engine, insert, select
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.pool import StaticPool

from cds_service.outcome import HookError, IssueCode
from cds_service.settings import SettingsError
from cds_service.wire import decode_body

_LONGEST_ID = 200
_LONGEST_COMMENT = 2000
_MOST_CARDS_REMEMBERED = 100_000


class Outcome(Enum):
    """What was done with a card."""

    ACCEPTED = "accepted"
    OVERRIDDEN = "overridden"


class AcceptedSuggestion(msgspec.Struct, frozen=True):
    """A suggestion that was taken."""

    id: str


class ReasonCoding(msgspec.Struct, frozen=True):
    """A reason for an override; real clients leave ``display`` out."""

    code: str | None = None
    system: str | None = None
    display: str | None = None


class OverrideReason(msgspec.Struct, frozen=True, rename="camel"):
    """Why a card was overridden: a coded reason, a comment, or both."""

    reason: ReasonCoding | None = None
    user_comment: str | None = None


class FeedbackItem(msgspec.Struct, frozen=True, rename="camel"):
    """One card's feedback."""

    card: str
    outcome: Outcome
    outcome_timestamp: str
    accepted_suggestions: list[AcceptedSuggestion] | None = None
    override_reason: OverrideReason | None = None


class FeedbackRequest(msgspec.Struct, frozen=True):
    """The body of a feedback request."""

    feedback: list[FeedbackItem]


_decode_feedback = msgspec.json.Decoder(FeedbackRequest).decode


def read_feedback(body: bytes) -> Sequence[tuple[FeedbackItem, datetime]]:
    """Decode and check feedback: each item with its time in UTC. Raises :class:`HookError` (400), echoing
    nothing.
    """
    request: FeedbackRequest = decode_body(body, _decode_feedback)
    items = []
    for item in request.feedback:
        if not item.card:
            raise HookError(400, IssueCode.REQUIRED, "feedback.card must not be empty")
        if item.outcome is Outcome.OVERRIDDEN and item.accepted_suggestions:
            raise HookError(400, IssueCode.INVALID, "acceptedSuggestions belong to the outcome accepted")
        items.append((item, _instant(item.outcome_timestamp)))
    return items


def _instant(text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
        if instant.tzinfo is None:
            instant = instant.replace(tzinfo=UTC)  # the standard says UTC
        return instant.astimezone(UTC)
    except (ValueError, OverflowError):
        raise HookError(400, IssueCode.INVALID, "feedback.outcomeTimestamp must be a date and time") from None


class IssuedCards:
    """Ids of the cards this process has issued, the newest hundred thousand.

    In memory on purpose: writing each card would cost a database call in the hot path. After a restart, or
    from another worker, a card counts as not known, which is flagged and never refused.
    """

    def __init__(self, most: int = _MOST_CARDS_REMEMBERED) -> None:
        self._most = most
        self._ids: OrderedDict[str, None] = OrderedDict()

    def remember(self, ids: Iterable[str]) -> None:
        """Remember issued ids and forget the oldest beyond the limit."""
        for card_id in ids:
            self._ids[card_id] = None
        while len(self._ids) > self._most:
            self._ids.popitem(last=False)

    def __contains__(self, card_id: str) -> bool:
        return card_id in self._ids


class _Table(DeclarativeBase):
    pass


class FeedbackRow(_Table):
    """One item of feedback as kept."""

    __tablename__ = "feedback"

    id: Mapped[int] = mapped_column(primary_key=True)
    service: Mapped[str] = mapped_column(String(100))
    card: Mapped[str] = mapped_column(String(_LONGEST_ID), index=True)
    card_known: Mapped[bool]
    outcome: Mapped[str] = mapped_column(String(20))
    outcome_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    received_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    accepted_suggestions: Mapped[list[str]] = mapped_column(JSON)
    reason_code: Mapped[str | None] = mapped_column(String(_LONGEST_ID))
    reason_system: Mapped[str | None] = mapped_column(String(_LONGEST_ID))
    reason_display: Mapped[str | None] = mapped_column(String(_LONGEST_ID))
    user_comment: Mapped[str | None] = mapped_column(Text)


class FeedbackStore:
    """Keeps feedback. Its calls block: run them off the event loop."""

    def __init__(self, database_url: str | None) -> None:
        """Open the database and make the table; ``None`` keeps everything in memory.

        Raises :class:`SettingsError` for a URL that names no database we have a driver for, or one
        that cannot be opened.
        """
        try:
            self._engine = _engine(database_url)
        except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
            raise SettingsError(
                "CART_CDS_DATABASE_URL: not a database URL with an installed driver"
            ) from error
        try:
            self._make_table()
        except DBAPIError as error:  # its text would repeat the address, which may hold a password
            raise SettingsError("CART_CDS_DATABASE_URL: the database cannot be opened") from error

    def _make_table(self) -> None:
        try:
            _Table.metadata.create_all(self._engine)
        except DBAPIError:  # two processes that start at once both make it: the second finds it made
            _Table.metadata.create_all(self._engine)

    def keep(
        self, service: str, items: Sequence[tuple[FeedbackItem, datetime]], known: IssuedCards, now: datetime
    ) -> None:
        """Store all items of one request in one transaction."""
        rows = [_row(service, item, at, item.card in known, now) for item, at in items]
        if rows:
            with self._engine.begin() as connection:
                connection.execute(insert(FeedbackRow), rows)

    def is_reachable(self) -> bool:
        """Whether the database answers."""
        with self._engine.connect() as connection:
            return connection.execute(select(1)).scalar() == 1

    def rows(self) -> list[dict[str, object]]:
        """Everything kept, oldest first."""
        with self._engine.connect() as connection:
            query = select(FeedbackRow.__table__).order_by(FeedbackRow.id)
            return [dict(row) for row in connection.execute(query).mappings()]

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()


def _engine(database_url: str | None) -> Engine:
    # hide_parameters: an error's text must not repeat a comment.
    if database_url is None:
        return create_engine(
            "sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False}, hide_parameters=True
        )
    return create_engine(database_url, hide_parameters=True, pool_pre_ping=True)


def _row(service: str, item: FeedbackItem, at: datetime, known: bool, now: datetime) -> dict[str, object]:
    override = item.override_reason or OverrideReason()
    reason = override.reason or ReasonCoding()
    return {
        "service": service,
        "card": _capped(item.card),
        "card_known": known,
        "outcome": item.outcome.value,
        "outcome_at": at,
        "received_at": now,
        "accepted_suggestions": [
            suggestion.id[:_LONGEST_ID] for suggestion in item.accepted_suggestions or ()
        ],
        "reason_code": _capped(reason.code),
        "reason_system": _capped(reason.system),
        "reason_display": _capped(reason.display),
        "user_comment": _capped(override.user_comment, _LONGEST_COMMENT),
    }


def _capped(text: str | None, longest: int = _LONGEST_ID) -> str | None:
    return text[:longest].replace("\x00", "") if text else None
