"""Write ``docs/clinical-reference.md``: every clinical row of the product, for the clinician who signs it.

Run as ``python -m cart_cds.clinical_reference`` to write the document, with ``--check`` to compare only
(exit 1 when it is stale, 2 outside a checkout). The tables are read as the files they are, so a new file,
row or kind of row shows up without a change here; the examples under ``tests/spec`` follow as they stand.
"""

import argparse
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cart_cds.reference_rows import PROVENANCE, Cells, cells_of, code, escape

ROOT = Path(__file__).resolve().parent.parent
DOCUMENT = Path("docs/clinical-reference.md")
DONE, STALE, UNUSABLE = 0, 1, 2

_ROOMS = (
    ("Grading", Path("grading/tables")),
    ("Management", Path("management/tables")),
    ("Reading of charted values", Path("fhir_maps/tables")),
)
# The order in which a clinician reads; files that are not named here follow by name.
_ORDER = ("crs", "icans", "limits", "windows", "oxygen_devices", "vasoactive_agents")
_LAST = ("cross-cutting", "doses", "guards")
_FILE_TITLES = {
    "crs": "CRS",
    "icans": "ICANS",
    "limits": "Numbers of grading",
    "windows": "Windows of time",
    "oxygen_devices": "Oxygen devices",
    "vasoactive_agents": "Drugs that act on the circulation",
    "cross-cutting": "In every protocol",
    "doses": "Dose rules",
    "guards": "Guard rails",
    "reading": "What is taken for possible",
    "administrations": "Administrations",
    "unit_factors": "Units",
}
_KIND_TITLES = {
    "arousal": "RASS and GCS eye opening in place of a statement of consciousness",
    "cut": "Cuts",
    "limit": "Single numbers",
    "dose": "Dose rules",
    "row": "Rows",
}
_TIERS = {
    "A": "one of the two documents the project began from (the medical emergency team guide, S3, and the"
    " side-effect page, S0), or a published reproduction of the ASTCT table",
    "B": "a guideline or label as transcribed by someone else (pocket card, table in a paper)",
    "C": "a secondary summary, vendor or teaching page",
    "GK": "general knowledge, no document found",
    "RULE": "our own decision where the sources are silent",
}
_AXIS_TITLES = {
    "ice": "ICE",
    "capd": "CAPD, in place of ICE under 12 years",
    "arousal-scale": "RASS or GCS eye opening",
    "raised-icp": "Raised intracranial pressure and oedema",
}
_INTRODUCTION = """\
<!-- Written by `make docs` from the tables and the examples. Do not edit: change the table. -->
# Clinical reference

Every criterion, number, window of time, drug, device, protocol row, dose rule and guard rail that decides
what a card says, with its source. It is made from the tables that the program itself reads, so that what is
signed here is what runs. After the tables come the worked examples; each of their lines is run as a test.

**No clinician has signed any row yet.** The columns *reviewed by* and *reviewed on* are empty until a named
clinician has compared the row with its source. Before use in care, every row must be confirmed at the site.

| Tier | Where a row comes from |
|---|---|
{tiers}

*Verified* "yes" means that the row rests on a source of tier A or B; it does not mean that a clinician
signed it. "**no**" is everything else: a card that prints such a row says "not verified" beside it, and a
protocol whose treatment rests on one is refused if it words that treatment as a recommendation.

{counts}
"""
_EXAMPLES = """\
## Worked examples

Each line of the tables below is run as a test: the situation is turned into a chart, assessed, and the
answer is compared with what stands here.
"""


@dataclass(frozen=True, slots=True)
class TableFile:
    """One TOML file: its name without ending, the comment at its top, and what it holds."""

    name: str
    comment: str
    content: Mapping[str, Any]


def write_reference(root: Path = ROOT) -> str:
    """Return the whole document for the checkout at ``root``."""
    rooms = [(title, _read_room(root / folder)) for title, folder in _ROOMS]
    citations = {
        row["id"]: row["text"]
        for _, files in rooms
        for file in files
        for row in file.content.get("citation", ())
    }
    tiers = "\n".join(f"| {tier} | {words} |" for tier, words in _TIERS.items())
    parts = [
        _INTRODUCTION.format(tiers=tiers, counts=_count_rows(file for _, files in rooms for file in files))
    ]
    for title, files in rooms:
        sections = [text for file in files if (text := "\n".join(_write_file(file, citations)))]
        if sections:
            parts.append(f"## {title}\n\n" + "\n".join(sections))
    parts.append("## Sources\n\n" + write_table(_citation_rows(rooms)))
    if examples := [_write_examples(path, root) for path in sorted((root / "tests/spec").rglob("*.md"))]:
        parts += [_EXAMPLES, *examples]
    return "\n".join(parts)


def _read_room(folder: Path) -> list[TableFile]:
    files = [_read_file(path) for path in sorted(folder.glob("*.toml"))]
    return sorted(files, key=lambda file: _place(file.name))


def _place(name: str) -> tuple[int, str]:
    if name in _ORDER:
        return _ORDER.index(name), name
    return (len(_ORDER) + 1 + _LAST.index(name) if name in _LAST else len(_ORDER)), name


def _read_file(path: Path) -> TableFile:
    text = path.read_text("utf-8")
    comment = []
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        comment.append(line.removeprefix("#").strip())
    return TableFile(path.stem, " ".join(comment), tomllib.loads(text))


def _rows_by_kind(file: TableFile) -> Iterator[tuple[str, list[tuple[str, Mapping[str, Any]]]]]:
    """The kinds of rows of a file: arrays of tables beside a row that states a tier, and single tables
    with one.
    """
    arrays = {
        key: [("", row) for row in value]
        for key, value in file.content.items()
        if key != "citation" and isinstance(value, list) and all(isinstance(row, Mapping) for row in value)
    }
    if any("tier" in row for rows in arrays.values() for _, row in rows):
        yield from arrays.items()
    single = [
        (key, value) for key, value in file.content.items() if isinstance(value, Mapping) and "tier" in value
    ]
    if single:
        yield "", single


def _write_file(file: TableFile, citations: Mapping[str, str]) -> Iterator[str]:
    kinds = list(_rows_by_kind(file))
    if not kinds:
        return
    title = file.content.get("title")
    yield f"### {f'Protocol `{file.name}`: {title}' if title else _FILE_TITLES.get(file.name, file.name)}\n"
    if file.comment:
        yield file.comment.replace("<", "&lt;") + "\n"
    yield from _write_header(file.content, citations)
    for kind, rows in kinds:
        groups: dict[str, list[Cells]] = {}
        for name, row in rows:
            groups.setdefault(str(row.get("axis", "")), []).append(cells_of(kind, name, row, citations))
        for axis, cells in groups.items():
            heading = _AXIS_TITLES.get(axis, axis.capitalize()) or (
                len(kinds) > 1 and _KIND_TITLES.get(kind, kind)
            )
            if heading:
                yield f"#### {heading}\n"
            yield write_table(cells)


def _write_header(content: Mapping[str, Any], citations: Mapping[str, str]) -> Iterator[str]:
    """What a protocol says of itself."""
    members = [(key, value) for key, value in content.items() if isinstance(value, str) and key != "title"]
    if "sources" in content:
        members.append(("sources", "; ".join(citations.get(name, name) for name in content["sources"])))
    lines = [
        f"- {key.replace('_', ' ').capitalize()}: {escape(value) or '**none yet**'}" for key, value in members
    ]
    if lines:
        yield "\n".join(lines) + "\n"


def _citation_rows(rooms: Iterable[tuple[str, Sequence[TableFile]]]) -> list[Cells]:
    return [
        {"Short name": escape(row["id"]), "Source": escape(row["text"]), "Used in": room.lower()}
        for room, files in rooms
        for file in files
        for row in file.content.get("citation", ())
    ]


def _count_rows(files: Iterable[TableFile]) -> str:
    tiers = dict.fromkeys(_TIERS, 0)
    for file in files:
        for _, rows in _rows_by_kind(file):
            for _, row in rows:
                if "tier" in row:
                    tiers[row["tier"]] += 1
    counted = ", ".join(f"{count} of tier {tier}" for tier, count in tiers.items() if count)
    return f"The tables hold {sum(tiers.values())} rows: {counted}."


def write_table(rows: Sequence[Cells]) -> str:
    """A pipe table; columns in the order in which rows bring them, those of provenance last."""
    columns = list(dict.fromkeys(column for row in rows for column in row))
    columns = [name for name in columns if name not in PROVENANCE] + [n for n in PROVENANCE if n in columns]
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    lines += ["| " + " | ".join(row.get(column, "") for column in columns) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def _write_examples(path: Path, root: Path) -> str:
    """A file of examples as it stands, its headings two levels down."""
    lines = []
    fenced = False
    for line in path.read_text("utf-8").splitlines():
        fenced ^= line.startswith("```")
        lines.append(f"##{line}" if line.startswith("#") and not fenced else line)
    return "\n".join(lines).strip() + f"\n\nFrom {code(path.relative_to(root).as_posix())}.\n"


def main(argv: Sequence[str] | None = None) -> int:
    """Write the document, or compare it with ``--check``; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m cart_cds.clinical_reference", description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="compare only; exit 1 when the document is stale"
    )
    arguments = parser.parse_args(argv)
    path = ROOT / DOCUMENT
    if not path.parent.is_dir():
        print("cart-cds: the reference is made in a checkout of the project", file=sys.stderr)
        return UNUSABLE
    text = write_reference()
    if not arguments.check:
        path.write_text(text, "utf-8")
        return DONE
    if path.is_file() and path.read_text("utf-8") == text:
        return DONE
    print(f"{DOCUMENT} is stale: run make docs", file=sys.stderr)
    return STALE


if __name__ == "__main__":
    sys.exit(main())
