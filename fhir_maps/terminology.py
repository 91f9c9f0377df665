"""Maps from codes and texts to our concepts: CSV tables shipped with the product, and a site's own.

Every table has the columns ``group,concept,system,code,text,source,confidence,reason``. A row maps a code
(``system`` and ``code``), an exact text (compared after folding case, blanks, ``_`` and ``-``) or both. A row
whose concept starts with ``!`` was looked at and is deliberately not used; its ``reason`` says why.
A site's folder holds files of the same columns; its rows add to ours and win where they name the same code.

Matching never uses a prefix or a part of a code or text.
"""

import csv
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from importlib import resources
from pathlib import Path

from fhir_maps.r4 import CodeableConcept

COLUMNS = ("group", "concept", "system", "code", "text", "source", "confidence", "reason")
# Nothing that a map lists is longer; a longer text is not folded at all (it may be megabytes).
LONGEST_TEXT = 200
_MOST_SPELLINGS = 4096
_MOST_SUGGESTIONS = 3
_DASHES = str.maketrans(dict.fromkeys("_-\u2010\u2011\u2012\u2013\u2014\u2212", " "))


class TerminologyError(Exception):
    """A map file cannot be used; the message names file, line and fault."""


def fold_text(text: str) -> str:
    """Fold case, blanks, ``_`` and every kind of dash, so that texts spelled alike compare equal."""
    return " ".join(text.casefold().translate(_DASHES).split())


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
    """A concept found in a map. ``by_text`` marks the fallback; ``row`` tells why a code is unused.

    ``from_longer_text``: the text of the row stood in a longer one (see :mod:`fhir_maps.drug_names`).
    """

    concept: str
    by_text: bool
    row: MapRow
    from_longer_text: bool = False
    # Whether the code or text is known and deliberately not used; asked a thousand times a request.
    unused: bool = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "unused", self.concept.startswith("!"))


_NO_CODES: Mapping[tuple[str, str], Match] = {}
_NO_TEXTS: Mapping[str, Match] = {}


class Terminology:
    """All maps in memory, looked up by group. Immutable after loading.

    ``site_files`` names the files of the site's own maps. ``units`` remembers the unit strings met so far
    (see :mod:`fhir_maps.units`), and known texts are remembered as they were spelled: they are few, and each
    is looked up thousands of times.
    """

    def __init__(self, rows: Iterable[MapRow], site_files: Iterable[str] = ()) -> None:
        self.rows = tuple(rows)
        self.site_files = tuple(site_files)
        self.units: dict[tuple[str | None, str | None, str | None], str | None] = {}
        self._codes: dict[str, dict[tuple[str, str], Match]] = {}
        self._texts: dict[str, dict[str, Match]] = {}
        self._spellings: dict[tuple[str, str], Match] = {}
        for row in self.rows:
            if row.code:
                found = Match(row.concept, by_text=False, row=row)
                self._codes.setdefault(row.group, {})[(row.system, row.code)] = found
            if row.text:
                found = Match(row.concept, by_text=True, row=row)
                self._texts.setdefault(row.group, {})[fold_text(row.text)] = found

    def of_code(self, group: str, system: str | None, code: str | None) -> Match | None:
        """Look up one code in a group; ``None`` when no map knows it."""
        if code is None:
            return None
        return self._codes.get(group, _NO_CODES).get((system or "", code))

    def of_text(self, group: str, text: str | None) -> Match | None:
        """Look up a text in a group; ``None`` when no map knows it."""
        if not text or len(text) > LONGEST_TEXT:
            return None
        if known := self._spellings.get((group, text)):
            return known
        match = self._texts.get(group, _NO_TEXTS).get(fold_text(text))
        # Only a spelling of what a map lists is remembered: nothing else of a record is ever kept.
        if match is not None and len(self._spellings) < _MOST_SPELLINGS:
            self._spellings[group, text] = match
        return match

    def of_concept(self, group: str, concept: CodeableConcept | None) -> Match | None:
        """Look up a CodeableConcept: its codings first, then text and displays as a marked fallback.

        A coding that is used goes before one that is deliberately unused; an unused one goes before any text.
        """
        if concept is None:
            return None
        codes = self._codes.get(group, _NO_CODES)
        unused = None
        for coding in concept.coding:
            match = codes.get((coding.system or "", coding.code or ""))
            if match is not None:
                if not match.unused:
                    return match
                unused = unused or match
        if unused is not None:
            return unused
        if match := self.of_text(group, concept.text):
            return match
        for coding in concept.coding:
            if match := self.of_text(group, coding.display):
                return match
        return None

    def all_of_concept(self, group: str, concept: CodeableConcept) -> list[Match]:
        """Look up every coding, the text and the displays: all matches, codes first, each concept once."""
        found: dict[str, Match] = {}
        for coding in concept.coding:
            if match := self.of_code(group, coding.system, coding.code):
                found.setdefault(match.concept, match)
        for text in (concept.text, *(coding.display for coding in concept.coding)):
            if match := self.of_text(group, text):
                found.setdefault(match.concept, match)
        return list(found.values())

    def codes_of(self, group: str, *concepts: str) -> tuple[tuple[str, str], ...]:
        """All ``(system, code)`` pairs of a group (of the named concepts, if any) that are used."""
        return tuple(
            (row.system, row.code)
            for row in self.rows
            if row.group == group
            and row.code
            and not row.deliberately_unused
            and (not concepts or row.concept in concepts)
        )


def read_map_rows(
    lines: Iterable[str], file: str, known: Mapping[str, Collection[str]] | None = None
) -> list[MapRow]:
    """Read one table. Raises :class:`TerminologyError` naming the line of a fault.

    ``known``: the concepts by group that a row may name; without it any may be named.
    """
    reader = csv.DictReader(lines)
    if reader.fieldnames is None or tuple(reader.fieldnames) != COLUMNS:
        semicolons = any(";" in name for name in reader.fieldnames or ())
        hint = "; save it with commas, not semicolons" if semicolons else ""
        raise TerminologyError(f"{file}: line 1: the columns must be {','.join(COLUMNS)}{hint}")
    rows = []
    for cells in reader:
        place = f"{file}: line {reader.line_num}"
        values = {column: (cells.get(column) or "").strip() for column in COLUMNS}
        if None in cells or any(cells.get(column) is None for column in COLUMNS):
            raise TerminologyError(f"{place}: needs {len(COLUMNS)} cells")
        if not values["group"] or not values["concept"]:
            raise TerminologyError(f"{place}: group and concept must not be empty")
        if not values["code"] and not values["text"]:
            raise TerminologyError(f"{place}: either code or text must be given")
        if values["concept"].startswith("!") and not values["reason"]:
            raise TerminologyError(f"{place}: a code that is not used needs its reason")
        row = MapRow(**values, file=file)
        if known is not None:
            _check_names(row, known, place)
        rows.append(row)
    return rows


def _check_names(row: MapRow, known: Mapping[str, Collection[str]], place: str) -> None:
    """Refuse a group or concept that no shipped table has, with the nearest name or all of them."""
    if row.group not in known:
        raise TerminologyError(f"{place}: unknown group {row.group!r}{_instead(row.group, known, 'groups')}")
    concepts = [concept for concept in known[row.group] if not concept.startswith("!")]
    if not row.deliberately_unused and row.concept not in concepts:
        raise TerminologyError(
            f"{place}: unknown concept {row.concept!r} in group {row.group!r}"
            f"{_instead(row.concept, concepts, 'concepts of this group')}"
        )


def _instead(word: str, known: Iterable[str], kind: str) -> str:
    names = sorted(known)
    near = [name for name in names if word and word in name] or get_close_matches(word, names, n=3)
    if 0 < len(near) <= _MOST_SUGGESTIONS:
        return f"; did you mean {' or '.join(map(repr, near))}?"
    return f"; {kind}: {', '.join(names)}"


def load_terminology(site_folder: Path | None = None) -> Terminology:
    """Load the shipped tables, then the site's.

    Raises :class:`TerminologyError` when a file is unreadable, or a row names a group or concept that no
    shipped table has (a typing error would otherwise map to nothing in silence).
    """
    shipped: list[MapRow] = []
    for entry in sorted(
        resources.files("fhir_maps").joinpath("tables").iterdir(), key=lambda item: item.name
    ):
        if entry.name.endswith(".csv"):
            shipped += read_map_rows(entry.read_text("utf-8").splitlines(), entry.name)
    if site_folder is None:
        return Terminology(shipped)
    known: Mapping[str, set[str]] = _concepts_by_group(shipped)
    local: list[MapRow] = []
    files: list[str] = []
    if not site_folder.is_dir():
        raise TerminologyError(f"{site_folder}: no such folder of site maps")
    for path in sorted(site_folder.glob("*.csv")):
        try:
            # With or without a byte order mark: spreadsheets write one.
            text = path.read_text("utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise TerminologyError(f"{path.name}: cannot be read as UTF-8 text") from error
        local += read_map_rows(text.splitlines(), path.name, known)
        files.append(path.name)
    return Terminology([*shipped, *local], files)


def _concepts_by_group(rows: Iterable[MapRow]) -> dict[str, set[str]]:
    known: dict[str, set[str]] = {}
    for row in rows:
        known.setdefault(row.group, set()).add(row.concept)
    return known
