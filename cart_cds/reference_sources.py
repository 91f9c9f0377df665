"""Where rows come from: short names in the tables of the clinical reference, full citations once at its end.

``docs/bibliography.toml`` says of each document what it is and what of it was read, so that a pocket card
does not look like a guideline. A citation that no document claims is printed with a warning, never left out.
"""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cart_cds.reference_tables import Row, TableFile

BIBLIOGRAPHY = Path("docs/bibliography.toml")


@dataclass(frozen=True, slots=True)
class Document:
    """A document, what kind it is, what of it was read, and the short names it is cited by."""

    title: str
    kind: str
    seen: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sources:
    """The bibliography. ``short_names`` are by citation id."""

    short_names: Mapping[str, str]
    documents: tuple[Document, ...]
    reproductions: tuple[Row, ...]
    to_verify: tuple[str, ...]

    def of(self, row: Row) -> tuple[str, ...]:
        """The short names of a row's sources."""
        named = row.get("citation", row.get("cite", ()))
        ids = (named,) if isinstance(named, str) else named
        return tuple(dict.fromkeys(self.short_names.get(name, name) for name in ids))

    def cited(self, names: Iterable[str]) -> tuple[Document, ...]:
        """The documents of which one of the names is used, and one for each name that is in none."""
        used = dict.fromkeys(names)
        known = {name for document in self.documents for name in document.names}
        found = [document for document in self.documents if used.keys() & set(document.names)]
        return (*found, *(_unclaimed(name) for name in used if name not in known))


def read_sources(root: Path, files: Iterable[TableFile]) -> Sources:
    """Read the bibliography of the checkout at ``root``, with the citations of the tables beside it."""
    content: Mapping[str, Any] = tomllib.loads((root / BIBLIOGRAPHY).read_text("utf-8"))
    short_names: dict[str, str] = {}
    documents = []
    for entry in content["document"]:
        short_names.update(entry["names"])
        names = tuple(dict.fromkeys(entry["names"].values()))
        documents.append(Document(entry["title"], entry["kind"], entry["seen"], names))
    for file in files:
        for citation in file.content.get("citation", ()):
            if citation["id"] not in short_names:
                documents.append(_unclaimed(citation["id"], citation["text"]))
    return Sources(
        short_names,
        tuple(documents),
        tuple(content["reproduction"]),
        tuple(entry["what"] for entry in content["to_verify"]),
    )


def _unclaimed(name: str, text: str = "") -> Document:
    return Document(text or name, "not stated", "**Not stated what was read.**", (name,))
