"""Maps from codes and texts to our concepts: CSV tables shipped with the product, and a site's own beside them.

Every table has the columns ``group,concept,system,code,text,source,confidence,reason``. A row maps either a code
(``system`` and ``code``) or an exact text (``text``, compared after folding case, blanks, ``_`` and ``-``). A row
whose concept starts with ``!`` was looked at and is deliberately not used; its ``reason`` says why.
A site's folder holds files of the same columns; its rows add to ours and win where they speak of the same code.

Matching never uses a prefix or a part of a code or text.
"""

import csv
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from fhir_maps.r4 import CodeableConcept

COLUMNS = ("group", "concept", "system", "code", "text", "source", "confidence", "reason")
_FOLDED = re.compile(r"[\s_\-]+")


class TerminologyError(Exception):
    """A map file cannot be used; the message names file, line and fault."""


def fold_text(text: str) -> str:
    """Fold case, blanks, ``_`` and ``-`` so that spelled-alike texts compare equal."""
    return _FOLDED.sub(" ", text.casefold()).strip()


@dataclass(frozen=True, slots=True)
class MapRow:
    """One row of a table, with the file it came from."""

    group: str
    concept: str
    system: str
    code: str
    text: str
    source: str
    confidence: str
    reason: str
    file: str

    @property
    def deliberately_unused(self) -> bool:
        """Whether the row says: known, and not used."""
        return self.concept.startswith("!")


@dataclass(frozen=True, slots=True)
class Match:
    """A concept found in a map. ``by_text`` marks the fallback; ``row`` tells the reason of an unused code."""

    concept: str
    by_text: bool
    row: MapRow


class Terminology:
    """All maps in memory, looked up by group. Immutable after loading."""

    def __init__(self, rows: Iterable[MapRow]) -> None:
        self.rows = tuple(rows)
        self._codes: dict[str, dict[tuple[str, str], MapRow]] = {}
        self._texts: dict[str, dict[str, MapRow]] = {}
        for row in self.rows:
            if row.code:
                self._codes.setdefault(row.group, {})[(row.system, row.code)] = row
            if row.text:
                self._texts.setdefault(row.group, {})[fold_text(row.text)] = row

    def of_code(self, group: str, system: str | None, code: str | None) -> Match | None:
        """Look up one code in a group; ``None`` when no map knows it."""
        if code is None:
            return None
        row = self._codes.get(group, {}).get((system or "", code))
        return Match(row.concept, by_text=False, row=row) if row else None

    def of_text(self, group: str, text: str | None) -> Match | None:
        """Look up a text in a group; ``None`` when no map knows it."""
        if not text:
            return None
        row = self._texts.get(group, {}).get(fold_text(text))
        return Match(row.concept, by_text=True, row=row) if row else None

    def of_concept(self, group: str, concept: CodeableConcept | None) -> Match | None:
        """Look up a CodeableConcept: its codings first, then displays and text as a marked fallback."""
        if concept is None:
            return None
        for coding in concept.coding:
            if match := self.of_code(group, coding.system, coding.code):
                return match
        if match := self.of_text(group, concept.text):
            return match
        for coding in concept.coding:
            if match := self.of_text(group, coding.display):
                return match
        return None

    def codes_of(self, group: str, *concepts: str) -> tuple[tuple[str, str], ...]:
        """All ``(system, code)`` pairs of a group (of the named concepts, if any) that are used."""
        return tuple(
            (row.system, row.code)
            for row in self.rows
            if row.group == group and row.code and not row.deliberately_unused and (not concepts or row.concept in concepts)
        )


def read_map_rows(lines: Iterable[str], file: str) -> list[MapRow]:
    """Read one table. Raises :class:`TerminologyError` naming the line of a fault."""
    reader = csv.DictReader(lines)
    if reader.fieldnames is None or tuple(reader.fieldnames) != COLUMNS:
        raise TerminologyError(f"{file}: line 1: the columns must be {','.join(COLUMNS)}")
    rows = []
    for number, cells in enumerate(reader, start=2):
        values = {column: (cells.get(column) or "").strip() for column in COLUMNS}
        if None in cells or any(cells.get(column) is None for column in COLUMNS):
            raise TerminologyError(f"{file}: line {number}: needs {len(COLUMNS)} cells")
        if not values["group"] or not values["concept"]:
            raise TerminologyError(f"{file}: line {number}: group and concept must not be empty")
        if not values["code"] and not values["text"]:
            raise TerminologyError(f"{file}: line {number}: either code or text must be given")
        if values["concept"].startswith("!") and not values["reason"]:
            raise TerminologyError(f"{file}: line {number}: a code that is not used needs its reason")
        rows.append(MapRow(**values, file=file))
    return rows


def load_terminology(site_folder: Path | None = None) -> Terminology:
    """Load the shipped tables, then the site's.

    Raises :class:`TerminologyError` when a file is unreadable, or a row names a group or concept that no shipped
    table has (a typing error would otherwise map to nothing in silence).
    """
    shipped: list[MapRow] = []
    for entry in sorted(resources.files("fhir_maps").joinpath("tables").iterdir(), key=lambda item: item.name):
        if entry.name.endswith(".csv"):
            shipped += read_map_rows(entry.read_text("utf-8").splitlines(), entry.name)
    if site_folder is None:
        return Terminology(shipped)
    known: Mapping[str, set[str]] = _concepts_by_group(shipped)
    local: list[MapRow] = []
    if not site_folder.is_dir():
        raise TerminologyError(f"{site_folder}: no such folder of site maps")
    for path in sorted(site_folder.glob("*.csv")):
        try:
            rows = read_map_rows(path.read_text("utf-8").splitlines(), path.name)
        except (OSError, UnicodeDecodeError) as error:
            raise TerminologyError(f"{path.name}: cannot be read") from error
        for row in rows:
            if row.group not in known:
                raise TerminologyError(f"{path.name}: unknown group {row.group!r}")
            if not row.deliberately_unused and row.concept not in known[row.group]:
                raise TerminologyError(f"{path.name}: unknown concept {row.concept!r} in group {row.group!r}")
        local += rows
    return Terminology([*shipped, *local])


def _concepts_by_group(rows: Iterable[MapRow]) -> dict[str, set[str]]:
    known: dict[str, set[str]] = {}
    for row in rows:
        known.setdefault(row.group, set()).add(row.concept)
    return known
