"""Faults of protocol tables, each with file and line; a protocol with any is refused with all of them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

_LISTED_IN_FULL = 8


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing to change: ``file`` as the reader knows it, ``line`` from 1 (``None``: of no line),
    ``entry`` the table it stands in (``row C3, gives tocilizumab.dose``, empty for the file itself).
    """

    file: str
    line: int | None
    entry: str
    text: str

    def __str__(self) -> str:
        """``ward-7.toml:12: row W1: unknown condition 'crs-7'``."""
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        return ": ".join(part for part in (place, self.entry, self.text) if part)


class ProtocolError(Exception):
    """A protocol cannot be used. ``faults`` are those of its tables, in the order of file and line; none
    where the protocol itself could not be found or read.
    """

    def __init__(self, message: str, faults: Sequence[Fault] = ()) -> None:
        super().__init__(message)
        self.faults = tuple(faults)


class FaultLog:
    """Collects the faults of one reading, each once."""

    def __init__(self) -> None:
        self._faults: dict[Fault, None] = {}

    def note(self, fault: Fault) -> None:
        """Keep a fault and read on."""
        self._faults[fault] = None

    def sorted(self) -> tuple[Fault, ...]:
        """All faults by file and line."""
        return tuple(sorted(self._faults, key=lambda fault: (fault.file, fault.line or 0)))

    def refuse_any(self) -> None:
        """Raise :class:`ProtocolError` with every fault, if there is one."""
        if faults := self.sorted():
            raise ProtocolError("\n".join(map(str, faults)), faults)


def unknown(kind: str, word: str, known: Collection[str]) -> str:
    """Words for a name that is not known: with the nearest one, or with all where they are few."""
    said = f"unknown {kind} {word!r}"
    near = get_close_matches(word, sorted(known), n=1)
    if near:
        return f"{said}; did you mean {near[0]!r}?"
    if len(known) <= _LISTED_IN_FULL:
        return f"{said}; known are: {', '.join(sorted(known))}"
    return said
