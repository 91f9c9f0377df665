"""Reading members of TOML tables one by one; a fault is noted with its line, and reading goes on.

A member that cannot be read leaves an empty stand-in, so that all faults of a file are found at once. What
was read beside a fault is never handed out: see :meth:`management.protocol_faults.FaultLog.refuse_any`.
"""

import re
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any, TypeVar

from management.protocol_faults import Fault, FaultLog, unknown
from management.protocol_lines import Lines, Path

_Kind = TypeVar("_Kind", str, bool, list[Any])
_Member = TypeVar("_Member", bound=Enum)
_KIND_WORDS: Mapping[type, str] = {str: "a text in quotes", bool: "true or false", list: "a list"}
_SYNTAX_ERROR = re.compile(r"(?P<fault>.*) \(at (?:line (?P<line>\d+), (?P<column>column \d+)|.*)\)")


@dataclass(frozen=True, slots=True)
class Entry:
    """One table of a TOML file: its members, the words to name it by, and where it stands."""

    file: str
    label: str
    path: Path
    members: Mapping[str, object]
    lines: Lines
    faults: FaultLog

    def fault(self, text: str, key: str | None = None) -> None:
        """Note a fault of a member, or of the entry as a whole."""
        line = self.lines.of(self.path if key is None else (*self.path, key))
        self.faults.note(Fault(self.file, line, self.label, text))

    def text(self, key: str) -> str:
        """A text that must be there and not be empty."""
        value = self._typed(key, str)
        if value is None:
            return ""
        if not value.strip():
            self.fault(f"{key} is empty", key)
        return value

    def optional_text(self, key: str) -> str | None:
        """A text that may be left out or empty (``None``)."""
        return self._typed(key, str) or None if key in self.members else None

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts with at least one member."""
        values = self._typed(key, list)
        if values is None:
            return ()
        if not values:
            self.fault(f"{key} is empty", key)
        if not all(isinstance(value, str) and value.strip() for value in values):
            self.fault(f"{key} must hold texts in quotes", key)
        return tuple(str(value) for value in values)

    def flag(self, key: str) -> bool:
        """A true or false that must be there."""
        return self._typed(key, bool) or False

    def number(self, key: str) -> Decimal:
        """An exact number, written as text so that no binary fraction comes in."""
        value = self._typed(key, str)
        if value is None:
            return Decimal(0)
        if not re.fullmatch(r"-?\d+(\.\d+)?", value):
            self.fault(f"{key} {value!r} is not a plain number", key)
            return Decimal(0)
        return Decimal(value)

    def day(self, key: str) -> date | None:
        """A calendar date, ``None`` where it is left out or empty."""
        value = self.members.get(key, "")
        if isinstance(value, date) and not isinstance(value, datetime):
            return value
        try:
            return date.fromisoformat(str(value)) if value != "" else None
        except ValueError:
            self.fault(f"{key} {str(value)!r} is not a date such as 2026-03-31", key)
            return None

    def choice(self, key: str, kind: type[_Member]) -> _Member | None:
        """A member of an enumeration by its value; ``None`` beside a fault."""
        value = self.text(key)
        for member in kind:
            if member.value == value:
                return member
        self.unless_known(key, value, [str(member.value) for member in kind], kind.__name__.lower())
        return None

    def unless_known(self, key: str, value: str, known: Collection[str], kind: str) -> None:
        """Note a value that is not known, with the nearest that is. An empty one is told of elsewhere."""
        if value.strip() and value not in known:
            self.fault(unknown(kind, value, known), key)

    def refuse_others(self, known: Collection[str]) -> None:
        """Note every member that no reader asks for: a misspelt one would otherwise have no effect."""
        for key in self.members:
            if key not in known:
                self.fault(unknown("member", key, known), key)

    def entries(self, key: str) -> tuple["Entry", ...]:
        """Sub-entries, none when the key is absent."""
        if key not in self.members:
            return ()
        found = []
        for index, member in enumerate(self._typed(key, list) or ()):
            if not isinstance(member, Mapping):
                self.fault(f"{key} must be written as tables [[{key}]]", key)
                continue
            name = f"{key} {member.get('id', index + 1)}"
            label = f"{self.label}, {name}" if self.label else name
            found.append(Entry(self.file, label, (*self.path, key, index), member, self.lines, self.faults))
        return tuple(found)

    def _typed(self, key: str, kind: type[_Kind]) -> _Kind | None:
        if key not in self.members:
            self.fault(f"{key} is missing")
            return None
        value = self.members[key]
        if not isinstance(value, kind):
            self.fault(f"{key} must be {_KIND_WORDS[kind]}", key)
            return None
        return value


def parse_table(file: str, text: str, faults: FaultLog) -> Entry:
    """Parse a TOML text into the entry of its top; a text that is no TOML leaves it empty beside a fault."""
    try:
        members = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        faults.note(_syntax_fault(file, text, str(error)))
        return Entry(file, "", (), {}, Lines(""), faults)
    return Entry(file, "", (), members, Lines(text), faults)


def _syntax_fault(file: str, text: str, message: str) -> Fault:
    match = _SYNTAX_ERROR.fullmatch(message)
    if match is None or match["line"] is None:
        return Fault(file, len(text.splitlines()) or 1, "", f"not valid TOML: {message}")
    return Fault(file, int(match["line"]), "", f"not valid TOML, {match['column']}: {match['fault']}")
