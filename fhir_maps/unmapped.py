"""What no map knows, kept so that it can be counted and shown to the site."""

from dataclasses import dataclass

# A name longer than this is free prose; what a reader needs of it is its beginning.
LONGEST_NAME = 120


@dataclass(frozen=True, slots=True)
class Unmapped:
    """A code or text that no map knows, or a record that could not be placed in time.

    ``kind`` says what it should have been: ``medication``, ``route``, ``method``, ``status``, ``time``,
    ``dose``, or what a reader of another resource type names. ``count`` is raised when equal ones are added
    up.
    """

    kind: str
    system: str | None = None
    code: str | None = None
    text: str | None = None
    count: int = 1


def shorten_name(text: str | None) -> str | None:
    """Cut a name to a length that fits a card; ``None`` stays ``None``, blanks become ``None``."""
    if text is None:
        return None
    shown = " ".join(text[: 4 * LONGEST_NAME].split())
    if len(shown) > LONGEST_NAME:
        shown = shown[: LONGEST_NAME - 1] + "…"
    return shown or None


def describe_unmapped(text: str | None, code: str | None) -> str:
    """Say an unknown thing by its text and code, for the ``detail`` of a gap."""
    text, code = shorten_name(text), shorten_name(code)
    if text and code and text != code:
        return f"{text} ({code})"
    return text or code or "without text and code"
