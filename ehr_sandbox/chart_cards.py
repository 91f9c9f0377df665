"""Cards as the chart page shows them, read from an answer of which nothing is trusted.

Every word is text; a member that is missing or of another type is left out, and a card is never dropped for
it. Cards are sorted critical, warning, info; an indicator of no standard counts as a warning.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from markupsafe import Markup

from ehr_sandbox.rendering import render_markdown

_ORDER = ("critical", "warning", "info")


@dataclass(frozen=True, slots=True)
class ShownSuggestion:
    """A suggestion. ``lines`` say what its actions would do and the orders they hold."""

    id: str | None
    label: str
    is_recommended: bool
    lines: tuple[str, ...]
    actions: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class ShownLink:
    """A link; ``url`` is ``None`` where it must not be opened. ``app_context`` goes with a launch."""

    label: str
    url: str | None
    launches: bool
    app_context: str | None


@dataclass(frozen=True, slots=True)
class OverrideReason:
    """A reason that the service offers for not following a card."""

    code: str
    system: str
    display: str


@dataclass(frozen=True, slots=True)
class ShownCard:
    """One card. ``id`` is ``None`` where the service gave none: then no feedback can be sent."""

    id: str | None
    indicator: str
    summary: str
    detail: Markup
    source: str
    suggestions: tuple[ShownSuggestion, ...]
    reasons: tuple[OverrideReason, ...]
    links: tuple[ShownLink, ...]

    def suggestion(self, id_: str) -> ShownSuggestion | None:
        """The suggestion of an id."""
        return next((one for one in self.suggestions if one.id == id_), None)


def read_cards(response: Mapping[str, Any]) -> tuple[ShownCard, ...]:
    """The cards of an answer, gravest first."""
    cards = [_card(card) for card in _objects(response.get("cards"))]
    return tuple(sorted(cards, key=lambda card: _ORDER.index(card.indicator)))


def _card(card: Mapping[str, Any]) -> ShownCard:
    indicator = card.get("indicator")
    source = card.get("source")
    return ShownCard(
        id=_text(card.get("uuid")) or None,
        indicator=indicator if indicator in _ORDER else "warning",
        summary=_text(card.get("summary")) or "A card without a summary",
        detail=render_markdown(_text(card.get("detail"))),
        source=(_text(source.get("label")) if isinstance(source, Mapping) else "") or "not named",
        suggestions=tuple(_suggestion(one) for one in _objects(card.get("suggestions"))),
        reasons=tuple(
            OverrideReason(
                _text(one.get("code")), _text(one.get("system")), _text(one.get("display") or one.get("code"))
            )
            for one in _objects(card.get("overrideReasons"))
        ),
        links=tuple(_link(one) for one in _objects(card.get("links"))),
    )


def _suggestion(suggestion: Mapping[str, Any]) -> ShownSuggestion:
    actions = tuple(_objects(suggestion.get("actions")))
    return ShownSuggestion(
        id=_text(suggestion.get("uuid")) or None,
        label=_text(suggestion.get("label")) or "A suggestion without a label",
        is_recommended=suggestion.get("isRecommended") is True,
        lines=tuple(line for action in actions for line in _action_lines(action)),
        actions=actions,
    )


def _action_lines(action: Mapping[str, Any]) -> Iterator[str]:
    """What an action would do, and the lines of the order that it holds."""
    resource = action.get("resource")
    resource = resource if isinstance(resource, Mapping) else {}
    does = " ".join(part for part in (_text(action.get("type")), _text(resource.get("resourceType"))) if part)
    yield f"{does}: {_text(action.get('description'))}".removesuffix(": ")
    concept = resource.get("medicationCodeableConcept")
    drug = _text(concept.get("text")) if isinstance(concept, Mapping) else ""
    for dosage in _objects(resource.get("dosageInstruction")):
        yield ": ".join(part for part in (drug, _text(dosage.get("text"))) if part)
    for note in _objects(resource.get("note")):
        yield _text(note.get("text"))


def _link(link: Mapping[str, Any]) -> ShownLink:
    url = _text(link.get("url"))
    try:
        opens = urlsplit(url).scheme in ("http", "https")
    except ValueError:
        opens = False
    kind = link.get("type")
    return ShownLink(
        label=_text(link.get("label")) or "A link without a label",
        url=url if opens and kind in ("absolute", "smart") else None,
        launches=kind == "smart",
        app_context=_text(link.get("appContext")) or None,
    )


def _objects(value: Any) -> Iterator[Mapping[str, Any]]:
    for one in value if isinstance(value, list) else ():
        if isinstance(one, Mapping):
            yield one


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
