"""The sandbox's clock: the present, moved ahead as a course is played."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import Lock


def now_utc() -> datetime:
    """The present moment."""
    return datetime.now(UTC)


class SandboxClock:
    """Runs with real time; can be moved ahead, and set back to the present. Safe between threads."""

    def __init__(self, real: Callable[[], datetime] = now_utc) -> None:
        self._real = real
        self._ahead = timedelta()
        self._lock = Lock()

    def now(self) -> datetime:
        """The sandbox's present (aware)."""
        return self._real() + self._ahead

    @property
    def ahead(self) -> timedelta:
        """How far it stands ahead of real time."""
        return self._ahead

    def advance(self, span: timedelta) -> None:
        """Move ahead. Raises :class:`ValueError` for a span that is not positive."""
        if span <= timedelta():
            raise ValueError("the clock only moves ahead")
        with self._lock:
            self._ahead += span

    def reset(self) -> None:
        """Set the clock back to the present."""
        with self._lock:
            self._ahead = timedelta()
