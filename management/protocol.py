"""Loading protocols: TOML tables in, a checked :class:`Protocol` out.

A protocol is one file ``NAME.toml``. What holds in every protocol (cross-cutting rows, cuts, dose rules,
guards, citations) ships beside it, and the protocol's file may replace a cut, dose rule or guard by its id.
A folder given by a site is looked through before ours.

Refused, each with file, row and fault: a missing or empty member, a row out of order or standing twice, an
unknown condition, recommendation, guard, drug, dose rule or citation, a ``recommend`` that rests on
anything but a verified tier A or B, and a grading scale other than the one we grade by.
"""

import tomllib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib import resources
from pathlib import Path

from management.conditions import CONDITIONS
from management.protocol_reading import Table, TableReader, check_order
from management.protocol_rows import CutRow, DoseRule, GuardRow, Protocol, ProtocolError, ProtocolRow
from management.review import Guard
from management.vocabulary import Cut

__all__ = ["GRADING_SCALE", "Protocol", "ProtocolError", "load_protocol", "shipped_protocols"]

GRADING_SCALE = "ASTCT 2019"
_SHARED = ("citations", "cross-cutting", "doses", "guards")
_NUMBERED_GUARDS = (
    Guard.INTERVAL_UNDER_8H,
    Guard.THREE_DOSES_IN_24H,
    Guard.FOUR_DOSES_IN_TOTAL,
    Guard.STALE_WEIGHT,
)


def shipped_protocols() -> tuple[str, ...]:
    """Names of the protocols that come with this distribution, sorted."""
    return tuple(sorted(set(_shipped_texts()) - set(_SHARED)))


def load_protocol(name: str, folders: Sequence[Path] = ()) -> Protocol:
    """Load and check a protocol by name, from the first of ``folders`` that has it, else from ours.

    Raises :class:`ProtocolError`: for an unknown name (the message lists the known ones) and for any fault.
    """
    texts = _shipped_texts()
    own = {path.stem: path for folder in reversed(folders) for path in sorted(folder.glob("*.toml"))}
    known = sorted((set(texts) | set(own)) - set(_SHARED))
    if name not in known:
        raise ProtocolError(f"unknown protocol {name!r}; known are: {', '.join(known)}")
    text = own[name].read_text("utf-8") if name in own else texts[name]
    return read_protocol(name, text, {shared: texts[shared] for shared in _SHARED})


def read_protocol(name: str, text: str, shared: Mapping[str, str]) -> Protocol:
    """Read a protocol from its TOML text and those of the shared tables. Raises :class:`ProtocolError`."""
    tables = [_parse(file, shared[file]) for file in _SHARED] + [_parse(name, text)]
    citations: dict[str, str] = {}
    for table in tables:
        for entry in table.entries("citation"):
            citations[entry.text("id")] = entry.text("text")
    read = TableReader(citations, CONDITIONS)
    cuts: dict[Cut, CutRow] = {}
    doses: dict[str, DoseRule] = {}
    guards: dict[Guard, GuardRow] = {}
    for table in tables:
        cuts.update({row.cut: row for row in map(read.cut, table.entries("cut"))})
        doses.update({row.id: row for row in map(read.dose, table.entries("dose"))})
        guards.update({row.guard: row for row in map(read.guard, table.entries("guard"))})
    _check_complete(name, cuts, guards)
    rows: list[ProtocolRow] = []
    for table in (tables[-1], tables[_SHARED.index("cross-cutting")]):
        own_rows = [read.row(entry, doses) for entry in table.entries("row")]
        check_order(table.file, own_rows)
        rows += own_rows
    return _read_header(tables[-1], name, tuple(rows), cuts, doses, guards)


def _read_header(
    table: Table,
    name: str,
    rows: tuple[ProtocolRow, ...],
    cuts: Mapping[Cut, CutRow],
    doses: Mapping[str, DoseRule],
    guards: Mapping[Guard, GuardRow],
) -> Protocol:
    header = table.header()
    scale = header.text("grading_scale")
    if scale != GRADING_SCALE:
        raise ProtocolError(
            f"{table.file}: grading_scale {scale!r} is not {GRADING_SCALE!r}; "
            "grades of another scale must be converted first"
        )
    if header.text("name") != name:
        raise ProtocolError(f"{table.file}: name {header.text('name')!r} is not the name of the file")
    return Protocol(
        name=name,
        title=header.text("title"),
        owner=header.text("owner"),
        version=header.text("version"),
        review_date=header.optional_text("review_date"),
        population=header.text("population"),
        grading_scale=scale,
        sources=header.texts("sources"),
        rows=rows,
        cuts=cuts,
        doses=doses,
        guards=guards,
        limits={guard: row.value for guard, row in guards.items() if row.value is not None},
    )


def _check_complete(
    name: str,
    cuts: Mapping[Cut, CutRow],
    guards: Mapping[Guard, GuardRow],
) -> None:
    for cut in Cut:
        if cut not in cuts:
            raise ProtocolError(f"{name}: cut {cut.value} is missing")
    for guard in Guard:
        if guard not in guards:
            raise ProtocolError(f"{name}: guard {guard.value} is missing")
    for guard in _NUMBERED_GUARDS:
        if guards[guard].value is None:
            raise ProtocolError(f"{name}: guard {guard.value} has no value")


def _parse(name: str, text: str) -> Table:
    file = f"{name}.toml"
    try:
        return Table(file, tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise ProtocolError(f"{file}: {error}") from error


@lru_cache(maxsize=1)
def _shipped_texts() -> Mapping[str, str]:
    folder = resources.files("management").joinpath("tables")
    return {
        entry.name.removesuffix(".toml"): entry.read_text("utf-8")
        for entry in folder.iterdir()
        if entry.name.endswith(".toml")
    }
