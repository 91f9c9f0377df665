"""What a user does with a card: take a suggestion, override it, launch an app; and what the service is told.

Nothing here signs or sends an order: a suggestion's drafts are put into the record as they are. All actions
of a suggestion are carried out, or none. A suggestion is taken once, and only for the patient whose chart
showed it.
"""

import logging
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Lock
from typing import Any, Protocol

from ehr_sandbox.chart_cards import OverrideReason, ShownCard, ShownSuggestion, read_cards
from ehr_sandbox.hook_client import HookError
from ehr_sandbox.record import Resource

logger = logging.getLogger(__name__)

_MOST_CARDS = 500
_LONGEST_COMMENT = 2000


class CardService(Protocol):
    """The service behind the cards (:class:`ehr_sandbox.hook_client.HookClient` fits)."""

    def view(self, patient_id: str) -> Mapping[str, Any]: ...

    def send_feedback(self, items: Sequence[Mapping[str, Any]]) -> None: ...


class WritableRecord(Protocol):
    """Where accepted drafts go."""

    def save(self, steps: Sequence[tuple[str, Resource]]) -> None:
        """Create or update each resource, or none of them. Raises :class:`RecordRefusedError`."""
        ...


class RecordRefusedError(Exception):
    """The record does not take a resource; the text holds nothing of a patient."""


class ActionRefusedError(Exception):
    """What was asked cannot be done; the text says why and holds nothing of a patient."""


@dataclass(frozen=True, slots=True)
class Overriding:
    """That a card with this summary was overridden."""

    at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class LaunchedApp:
    """An app that was launched from a card of a patient."""

    number: int
    patient_id: str
    label: str
    url: str
    app_context: str | None


class CardDesk:
    """Opens charts and remembers the cards that were shown, so that a button can be acted upon."""

    def __init__(
        self,
        service: CardService,
        record: WritableRecord,
        clock: Callable[[], datetime],
        launch_urls: Iterable[str] = (),
    ) -> None:
        self._service = service
        self._record = record
        self._clock = clock
        self._launch_urls = frozenset(launch_urls)
        self._shown: OrderedDict[str, tuple[str, ShownCard]] = OrderedDict()
        self._taken: set[str] = set()
        self._overridden: dict[tuple[str, str], Overriding] = {}
        self._apps: dict[int, LaunchedApp] = {}
        self._lock = Lock()

    def open(self, patient_id: str) -> tuple[ShownCard, ...]:
        """Call ``patient-view`` and return the cards. Raises :class:`HookError`."""
        cards = read_cards(self._service.view(patient_id))
        with self._lock:
            for card in cards:
                if card.id is not None:
                    self._shown[card.id] = (patient_id, card)
            while len(self._shown) > _MOST_CARDS:
                self._shown.popitem(last=False)
        return cards

    def can_launch(self, url: str | None) -> bool:
        """Whether an app of this launch URL is registered here."""
        return url in self._launch_urls

    def overriding(self, patient_id: str, card: ShownCard) -> Overriding | None:
        """Whether a card that said the same was overridden for this patient."""
        return self._overridden.get((patient_id, card.summary))

    def accept(self, patient_id: str, card_id: str, suggestion_id: str) -> str:
        """Carry out a suggestion and tell the service; returns what was done.

        Raises :class:`ActionRefusedError`; then nothing was written.
        """
        card = self._card(patient_id, card_id)
        suggestion = card.suggestion(suggestion_id)
        if suggestion is None:
            raise ActionRefusedError("This card has no such suggestion.")
        steps = _steps(suggestion, patient_id)
        with self._lock:
            if suggestion_id in self._taken:
                raise ActionRefusedError("This suggestion was taken already. Nothing was written twice.")
            self._taken.add(suggestion_id)
        try:
            self._record.save(steps)
        except RecordRefusedError as error:
            self._taken.discard(suggestion_id)
            raise ActionRefusedError(f"The record did not take it: {error}. Nothing was written.") from error
        told = self._tell(
            {
                "card": card_id,
                "outcome": "accepted",
                "acceptedSuggestions": [{"id": suggestion_id}],
            }
        )
        return f"Put into the chart: {suggestion.label}. {told}"

    def override(self, patient_id: str, card_id: str, code: str, comment: str) -> str:
        """Record that a card is not followed and tell the service; returns what was done.

        Raises :class:`ActionRefusedError` without a reason that the card offers, or a comment.
        """
        card = self._card(patient_id, card_id)
        comment = comment.strip()[:_LONGEST_COMMENT]
        reason = next((one for one in card.reasons if code and one.code == code), None)
        if reason is None and not comment:
            raise ActionRefusedError("Choose a reason, or write one.")
        told: dict[str, Any] = {}
        if reason is not None:
            told["reason"] = _coding(reason)
        if comment:
            told["userComment"] = comment
        words = ": ".join(part for part in (reason.display if reason else "", comment) if part)
        self._overridden[(patient_id, card.summary)] = Overriding(self._clock(), words)
        answer = self._tell({"card": card_id, "outcome": "overridden", "overrideReason": told})
        return f"Overridden: {words}. {answer}"

    def launch(self, patient_id: str, card_id: str, position: int) -> LaunchedApp:
        """Register the launch of a card's link. Raises :class:`ActionRefusedError`."""
        card = self._card(patient_id, card_id)
        link = card.links[position] if 0 <= position < len(card.links) else None
        if link is None or not link.launches or link.url is None or not self.can_launch(link.url):
            raise ActionRefusedError("This link launches no app that is registered here.")
        with self._lock:
            number = len(self._apps) + 1
            app = LaunchedApp(number, patient_id, link.label, link.url, link.app_context)
            self._apps[number] = app
        return app

    def app(self, patient_id: str, number: int) -> LaunchedApp | None:
        """The app of a number, where it was launched for this patient."""
        app = self._apps.get(number)
        return app if app is not None and app.patient_id == patient_id else None

    def _card(self, patient_id: str, card_id: str) -> ShownCard:
        of_patient, card = self._shown.get(card_id, ("", None))
        if card is None or of_patient != patient_id:
            raise ActionRefusedError("This card is no longer known here. The chart was opened anew.")
        return card

    def _tell(self, item: Mapping[str, Any]) -> str:
        # Feedback is of the real world: its time is the real one, whatever the sandbox's clock plays.
        stamped = {**item, "outcomeTimestamp": datetime.now(UTC).isoformat(timespec="seconds")}
        try:
            self._service.send_feedback([stamped])
        except HookError as error:
            logger.warning("feedback was not taken")
            return f"The service could not be told ({error})."
        return "The service was told."


def _steps(suggestion: ShownSuggestion, patient_id: str) -> list[tuple[str, Resource]]:
    """The resources to write. Raises :class:`ActionRefusedError` where any action cannot be carried out."""
    steps = []
    for action in suggestion.actions:
        kind, resource = action.get("type"), action.get("resource")
        if kind not in ("create", "update") or not isinstance(resource, dict):
            raise ActionRefusedError(
                "This suggestion asks for something the sandbox does not do. Nothing was written."
            )
        subject = resource.get("subject")
        if not isinstance(subject, dict) or subject.get("reference") != f"Patient/{patient_id}":
            raise ActionRefusedError("This suggestion is for another patient. Nothing was written.")
        steps.append((kind, dict(resource)))
    if not steps:
        raise ActionRefusedError("This suggestion holds nothing to write.")
    return steps


def _coding(reason: OverrideReason) -> dict[str, str]:
    parts = {"code": reason.code, "system": reason.system, "display": reason.display}
    return {name: value for name, value in parts.items() if value}
