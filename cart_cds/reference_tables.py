"""The clinical tables of the rooms as the files they are, for the pages that a clinician reads.

Nothing here knows a kind of row by name: a file, kind or row that is new is found without a change. Reading
and checking for the program is done by each room itself.
"""

import csv
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Row = Mapping[str, Any]

ROOMS = ("grading", "management", "fhir_maps")
# Citations have a section of their own; the notices are legal texts that stand in NOTICE.
NO_ROWS = frozenset({"citation", "notice"})
# The members that may name a row, the first that it has.
_NAMES = ("id", "agent", "device", "code", "kind", "rule")


@dataclass(frozen=True, slots=True)
class TableFile:
    """One TOML file: its room, its path and name, the comment at its top, and what it holds."""

    room: str
    path: str
    name: str
    comment: str
    content: Mapping[str, Any]

    @property
    def key(self) -> str:
        """Room and name, by which sections ask for the file."""
        return f"{self.room}/{self.name}"

    @property
    def is_protocol(self) -> bool:
        """Whether the file is a protocol, which states its grading scale."""
        return "grading_scale" in self.content

    def kinds(self) -> Iterator[tuple[str, list[tuple[str, Row]]]]:
        """The kinds of rows with their rows, each with the name it has in the file or none: arrays of
        tables, and single tables under the kind "".
        """
        single = []
        for key, value in self.content.items():
            if key in NO_ROWS:
                continue
            if isinstance(value, Mapping):
                single.append((key, value))
            elif isinstance(value, list) and value and all(isinstance(row, Mapping) for row in value):
                yield key, [("", row) for row in value]
        if single:
            yield "", single


@dataclass(frozen=True, slots=True)
class CodeMap:
    """One CSV file of codes and texts: how many rows it has, in all and by confidence."""

    path: str
    rows: int
    confidences: Mapping[str, int]


def read_tables(root: Path) -> list[TableFile]:
    """Every TOML table of the checkout at ``root``, by room and name."""
    return [
        _read_file(root, room, path)
        for room in ROOMS
        for path in sorted((root / room / "tables").rglob("*.toml"))
    ]


def read_code_maps(root: Path) -> list[CodeMap]:
    """Every CSV map of codes of the checkout at ``root``."""
    maps = []
    for path in sorted((root / "fhir_maps/tables").glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as lines:
            found = Counter(row["confidence"] or "not stated" for row in csv.DictReader(lines))
        maps.append(CodeMap(path.relative_to(root).as_posix(), found.total(), dict(sorted(found.items()))))
    return maps


def name_of(name: str, row: Row) -> str:
    """The id of a row: its own, or the name it stands under; empty where it has neither."""
    return next((str(row[key]) for key in _NAMES if key in row), name)


def _read_file(root: Path, room: str, path: Path) -> TableFile:
    text = path.read_text("utf-8")
    comment = []
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        comment.append(line.removeprefix("#").strip())
    relative = path.relative_to(root).as_posix()
    return TableFile(room, relative, path.stem, " ".join(comment), tomllib.loads(text))
