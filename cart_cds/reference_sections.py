"""The sections of the clinical reference, each with its tables and a line to sign.

Every row of every table stands in one: a protocol and a table that nobody planned get sections of their own,
so that nothing ships unseen.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from cart_cds.reference_cells import Words
from cart_cds.reference_plan import (
    AFTER_PROTOCOLS,
    AXES,
    BEFORE_PROTOCOLS,
    FIRST_PROTOCOL,
    KINDS,
    LAST,
    ROW_GROUPS,
    Plan,
)
from cart_cds.reference_rows import lines_of
from cart_cds.reference_tables import CodeMap, Row, TableFile
from cart_cds.reference_text import Cells, code, escape, write_table

SIGNATURE = "Read by: ______________________________ &nbsp; Date: ______________\n"
_HEADER = ("version", "owner", "review_date", "population", "grading_scale")


@dataclass(frozen=True, slots=True)
class Part:
    """One table of a section, under a heading where the section has several; ``is_page`` when it is signed by
    itself.
    """

    heading: str
    lines: tuple[Cells, ...]
    is_page: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """A section with the rows it shows, as they stand in the tables."""

    title: str
    words: str
    parts: tuple[Part, ...]
    rows: tuple[Row, ...]


def plan_sections(files: Sequence[TableFile], words: Words) -> Iterator[Section]:
    """Every row of every file in a section."""
    by_key = {file.key: file for file in files}
    taken = {take for plan in (*BEFORE_PROTOCOLS, *AFTER_PROTOCOLS, *LAST) for take in plan.takes}
    unplanned = []
    for key, file in by_key.items():
        if not file.is_protocol and key not in taken:
            kinds = tuple(f"{key}:{kind}" for kind, _ in file.kinds())
            if left := tuple(take for take in kinds if take not in taken):
                title = file.name.replace("-", " ").replace("_", " ").capitalize()
                rest = title if left == kinds else f"{title}: further tables"
                unplanned.append(Plan(rest, left, escape(file.comment)))
    yield from _write_plans(BEFORE_PROTOCOLS, by_key, words)
    for file in sorted(files, key=lambda file: file.name != FIRST_PROTOCOL):
        if file.is_protocol:
            yield _write_protocol(file, words)
    yield from _write_plans((*AFTER_PROTOCOLS, *unplanned, *LAST), by_key, words)


def write_section(number: int, section: Section) -> str:
    """A section as text, with a line to sign at the end of each part that is a page, or of the whole."""
    text = [f"## {number}. {section.title}\n", section.words + "\n"]
    for part in section.parts:
        if part.heading:
            text.append(f"### {part.heading}\n")
        text.append(write_table(part.lines))
        if part.is_page:
            text.append(SIGNATURE)
    if not section.parts[-1].is_page:
        text.append(SIGNATURE)
    return "\n".join(text)


def write_code_maps(maps: Iterable[CodeMap]) -> str:
    """What the maps of codes hold; their rows stand in the files."""
    return write_table(
        [
            {
                "Map": f"[`{found.path.rpartition('/')[2]}`](../{found.path})",
                "Rows": f"{found.rows:,}",
                "By confidence": ", ".join(f"{name} {count:,}" for name, count in found.confidences.items()),
            }
            for found in maps
        ]
    )


def _write_plans(plans: Iterable[Plan], files: Mapping[str, TableFile], words: Words) -> Iterator[Section]:
    for plan in plans:
        parts: list[Part] = []
        rows: list[Row] = []
        paths: list[str] = []
        for take in plan.takes:
            key, _, only = take.partition(":")
            if (file := files.get(key)) is None:
                continue
            paths.append(code(file.path))
            for kind, found in file.kinds():
                if ":" not in take or kind == only:
                    rows += [row for _, row in found]
                    parts += _write_parts(file, kind, found, words)
        if len(parts) == 1:
            parts = [Part("", parts[0].lines)]
        if parts:
            stated = f"{plan.words}\n\nFrom {', '.join(dict.fromkeys(paths))}."
            yield Section(plan.title, stated.strip(), tuple(parts), tuple(rows))


def _write_protocol(file: TableFile, words: Words) -> Section:
    parts: list[Part] = []
    rows: list[Row] = []
    for kind, found in file.kinds():
        rows += [row for _, row in found]
        parts += _write_parts(file, kind, found, words, f"`{file.name}`: ")
    members = [
        f"- {key.replace('_', ' ').capitalize()}: {escape(str(file.content[key])) or '**none yet**'}"
        for key in _HEADER
        if key in file.content
    ]
    cited = "; ".join(words.sources.of({"citation": file.content.get("sources", ())}))
    stated = [
        escape(str(file.content.get("title", file.name))) + ".",
        "",
        *members,
        f"- Sources: {escape(cited)}",
        "",
        escape(file.comment),
        "",
        f"From {code(file.path)}.",
    ]
    return Section(f"Protocol `{file.name}`", "\n".join(stated), tuple(parts), tuple(rows))


def _write_parts(
    file: TableFile, kind: str, rows: list[tuple[str, Row]], words: Words, before: str = ""
) -> Iterator[Part]:
    if file.name == "unit_factors":
        yield Part("", tuple(_write_factors(rows, words)))
        return
    groups: dict[str, list[Cells]] = {}
    for name, row in rows:
        groups.setdefault(_heading_of(file, kind, row), []).extend(lines_of(kind, name, row, words))
    for heading, lines in groups.items():
        shown = before + heading if before else heading[:1].upper() + heading[1:]
        yield Part(shown, tuple(lines), is_page=kind == "row")


def _heading_of(file: TableFile, kind: str, row: Row) -> str:
    """The heading under which a row stands."""
    if kind == "row" and (letters := re.match(r"[A-Z]+", str(row.get("id", "")))):
        return ROW_GROUPS.get(letters[0], f"rows {letters[0]}")
    if "axis" in row:
        return f"{file.name.upper()}: {AXES.get(row['axis'], row['axis'])}"
    return KINDS.get(kind, kind.replace("_", " ") or file.name.replace("_", " "))


def _write_factors(rows: list[tuple[str, Row]], words: Words) -> Iterator[Cells]:
    """Conversion factors a dimension a line; the line with a tier is the source of all."""
    for name, row in rows:
        if "tier" in row:
            yield from lines_of("", name, {"wording": "The factors of every line below", **row}, words)
            continue
        factors = [f"{unit} = {over}" + f"/{under}" * (under != 1) for unit, (over, under) in row.items()]
        yield {"Id": code(name), "What it says": escape("; ".join(factors)), "Source": "as `source`"}
