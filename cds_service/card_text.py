"""Text on cards: Markdown that is safe to render and that can be read as plain text too.

Whatever comes from the record is escaped for Markdown and for HTML: at least one client puts raw HTML of a
card into its page. Times are written in the offset of the infusion's own timestamp.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta, tzinfo
from decimal import Context, Decimal
from functools import lru_cache

LONGEST_SUMMARY = 139  # the standard says fewer than 140 characters
_LONGEST_VALUE = 240
_MARKDOWN = re.compile(r"([\\`*_\[\]|~])")
_ACTIVE = re.compile(r"[\\`*_\[\]|~&<>@]|://|www\.|^[#+-]|^\d+[.)]")
_OPENING = re.compile(r"^(#|>|\+|-|\d+[.)])")
# A text without any of the signs of a unit is not searched for it: most texts have none.
_WARD_UNITS = tuple(
    (signs, re.compile(pattern), words)
    for signs, pattern, words in (
        (("[Hg]",), r"mm\[Hg\]", "mmHg"),
        (("[degF]",), r"\[degF\]", "°F"),
        (("m[",), r"m\[[iI]U\]", "milliunits"),
        (("U]",), r"\[(?:[iI]U|USP'U)\]", "units"),
        (("Cel",), r"(?<![\w°])Cel(?!\w)", "°C"),
        (("ug", "µg", "μg"), r"(?<![A-Za-z])[uµμ]g(?![A-Za-z])", "mcg"),
        (("U/",), r"(?<![A-Za-z/])U(?=/(?:kg|min|h)\b)", "units"),
    )
)
_THREE_DIGITS = Context(prec=3)
_HTML = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def plain_text(text: str, longest: int = _LONGEST_VALUE) -> str:
    """One line of plain text: no control, direction or unpaired characters, cut at ``longest``."""
    if not text.isprintable():  # which covers all of them, and spares ordinary text the walk
        text = "".join(" " if character.isspace() else character for character in text)
        text = "".join(
            character
            for character in text
            if unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Co", "Cn")
        )
    text = " ".join(text.split())
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"


def escape_markdown(text: str, longest: int = _LONGEST_VALUE) -> str:
    """Make text inert in Markdown and HTML: no emphasis, link, table cell, heading or tag can come out of
    it.
    """
    line = plain_text(text, longest)
    if not _ACTIVE.search(line):
        return line
    line = line.translate(_HTML)
    line = _MARKDOWN.sub(r"\\\1", line)
    line = _OPENING.sub(r"\\\1" if not line[:1].isdigit() else r"\1", line)
    if line[:1].isdigit():
        line = re.sub(r"^(\d+)([.)])(\s|$)", r"\1\\\2\3", line)
    # Bare addresses become links in GitHub's Markdown: an invisible break keeps them text.
    return line.replace("://", ":\u200b//").replace("www.", "www\u200b.").replace("@", "@\u200b")


@lru_cache(maxsize=4096)
def escape_fixed(text: str, longest: int = _LONGEST_VALUE) -> str:
    """As :func:`escape_markdown`, remembered: only for words of our own tables, never for a record's text."""
    return escape_markdown(text, longest)


def fit_summary(head: str, drivers: Sequence[str], tail: Iterable[str] = ()) -> str:
    """Join ``head: driver + driver, tail`` below 140 characters: drivers go first, from the last one, then
    tails.
    """
    ends = [part for part in tail if part]
    named = list(drivers)
    while True:
        text = head + (": " + " + ".join(named) if named else "") + "".join(ends)
        more = len(drivers) - len(named)
        if named and more:
            text = head + ": " + " + ".join(named) + f" + {more} more" + "".join(ends)
        text = plain_text(text, 10_000)
        if len(text) <= LONGEST_SUMMARY:
            return text
        if len(named) > 1:
            named.pop()
        elif ends:
            ends.pop()
        else:
            return plain_text(text, LONGEST_SUMMARY)


def bullet_list(items: Iterable[str]) -> str:
    """A Markdown list of texts that are escaped already."""
    return "\n".join(f"- {item}" for item in items)


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A pipe table of cells that are escaped already; read as plain text it is one row a line."""
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    lines += ["| " + " | ".join(cell or "–" for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def write_time(at: datetime, zone: tzinfo | None) -> str:
    """Date and time to the minute with its offset, in the infusion's own offset where that is known."""
    local = in_zone(at, zone)
    return f"{local:%Y-%m-%d %H:%M} {_offset(local)}"


def write_hour(at: datetime, zone: tzinfo | None) -> str:
    """Month, day and time to the minute, where the offset stands elsewhere on the card."""
    return f"{in_zone(at, zone):%m-%d %H:%M}"


def in_zone(at: datetime, zone: tzinfo | None) -> datetime:
    """The instant in the zone; unchanged where the zone is unknown or the calendar ends."""
    if zone is None:
        return at
    try:
        return at.astimezone(zone)
    except (OverflowError, ValueError):
        return at


def _offset(local: datetime) -> str:
    offset = local.utcoffset() or timedelta()
    minutes = int(offset.total_seconds() // 60)
    sign = "-" if minutes < 0 else "+"
    return f"{sign}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"


def write_age(at: datetime, now: datetime) -> str:
    """How long ago, in the coarsest unit that keeps its meaning."""
    minutes = int((now - at).total_seconds() // 60)
    if minutes < 0:
        return "just now"
    if minutes < 120:
        return f"{minutes} min"
    if minutes < 48 * 60:
        return f"{minutes // 60} h"
    return f"{minutes // (24 * 60)} d"


def spell_units(text: str) -> str:
    """Units as they are read on a ward where a text has them in UCUM: mcg, units, °F, °C, mmHg."""
    for signs, pattern, words in _WARD_UNITS:
        for sign in signs:
            if sign in text:
                text = pattern.sub(words, text)
                break
    return text


def write_rate(rate: Decimal, unit: str | None) -> str:
    """A rate to three significant digits with its unit; nothing is graded by it."""
    return spell_units(f"{_THREE_DIGITS.plus(rate).normalize():f} {unit or ''}".rstrip())


def write_number(value: Decimal | int, places: int = 1) -> str:
    """A number as a reader writes it: at most ``places`` decimals and no zeros at the end."""
    number = round(Decimal(value), places)
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
