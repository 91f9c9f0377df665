"""Loading protocols: TOML tables in, a checked :class:`Protocol` out.

A protocol is one file ``NAME.toml``. What holds in every protocol (cross-cutting rows, cuts, dose rules,
guards, citations) ships beside it, and the protocol's file may replace a cut, dose rule, guard or citation
by its id. A file that ``extends`` a shipped protocol says only what differs from it. A folder given by a
site is looked through before ours.

Refused, with every fault by file and line: a missing, empty or unknown member, a row out of order or
standing twice, an unknown condition, recommendation, guard, drug, product, dose rule or citation, a
``recommend`` that rests on anything but a verified tier A or B, a guard made weaker by a rule of one's own, a
cut in another unit, and a grading scale other than the one we grade by.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib import resources
from pathlib import Path

from management.conditions import CONDITIONS
from management.protocol_entries import Entry, parse_table
from management.protocol_faults import Fault, FaultLog, ProtocolError
from management.protocol_layers import HEADER_MEMBERS, TABLE_KINDS, Layers
from management.protocol_rows import Protocol, ProtocolRow

__all__ = [
    "GRADING_SCALE",
    "Fault",
    "Protocol",
    "ProtocolError",
    "load_file",
    "load_protocol",
    "read_protocol",
    "shipped_protocols",
]

GRADING_SCALE = "ASTCT 2019"
_SHARED = ("citations", "cross-cutting", "doses", "guards")


def shipped_protocols() -> tuple[str, ...]:
    """Names of the protocols that come with this distribution, sorted."""
    return tuple(sorted(name for name, text in _shipped_texts().items() if "\ngrading_scale = " in text))


def load_protocol(name: str, folders: Sequence[Path] = ()) -> Protocol:
    """Load and check a protocol by name, from the first of ``folders`` that has it, else from ours.

    Raises :class:`ProtocolError`: for an unknown name (the message lists the known ones), for a folder or
    file that cannot be read, and for any fault.
    """
    for folder in folders:
        if not folder.is_dir():
            raise ProtocolError(f"{folder}: no such folder of protocols")
    own = {path.stem: path for folder in reversed(folders) for path in sorted(folder.glob("*.toml"))}
    shipped = shipped_protocols()
    known = sorted(set(shipped) | (set(own) - set(_SHARED)))
    if name not in known:
        raise ProtocolError(f"unknown protocol {name!r}; known are: {', '.join(known)}")
    return load_file(own[name]) if name in own else _load_shipped(name)


def load_file(path: Path) -> Protocol:
    """Load and check the protocol of one file. Raises :class:`ProtocolError`."""
    if path.stem in _SHARED:
        raise ProtocolError(f"{path}: {path.stem} is the name of a shared table; name the protocol otherwise")
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ProtocolError(f"{path}: cannot be read as UTF-8 text") from error
    return read_protocol(path.stem, text, _shared_texts(), str(path))


def read_protocol(name: str, text: str, shared: Mapping[str, str], file: str | None = None) -> Protocol:
    """Read a protocol from its TOML text and those of the shared tables.

    ``file`` is what faults are told of. Raises :class:`ProtocolError` with all of them.
    """
    faults = FaultLog()
    tables = {part: parse_table(f"{part}.toml (shipped)", shared[part], faults) for part in _SHARED}
    own = parse_table(file or f"{name}.toml", text, faults)
    faults.refuse_any()  # nothing more can be told of a text that is no TOML
    for table in tables.values():
        table.refuse_others(TABLE_KINDS)
    own.refuse_others(HEADER_MEMBERS | TABLE_KINDS)
    extends = _extended(own)
    base = None
    if extends is not None:
        base = parse_table(f"{extends}.toml (shipped)", _shipped_texts()[extends], faults)
    layers = Layers(tuple(tables.values()), base, own, CONDITIONS)
    rows = (*layers.protocol_rows(), *layers.shared_rows())
    layers.check_complete()
    protocol = _read_header(own, name, rows, layers, extends)
    faults.refuse_any()
    return protocol


def _extended(own: Entry) -> str | None:
    """The shipped protocol that a file starts from; ``None`` for a whole protocol."""
    name = own.optional_text("extends")
    if name is None:
        if "without" in own.members:
            own.fault(
                "without needs extends: only rows of a protocol that is extended can be left out", "without"
            )
        return None
    own.unless_known("extends", name, shipped_protocols(), "shipped protocol")
    return name if name in shipped_protocols() else None


def _read_header(
    own: Entry, name: str, rows: tuple[ProtocolRow, ...], layers: Layers, extends: str | None
) -> Protocol:
    scale = own.text("grading_scale")
    if scale.strip() and scale != GRADING_SCALE:
        own.fault(
            f"grading_scale {scale!r} is not {GRADING_SCALE!r}, the only scale that patients are graded by"
            f" here: rewrite the rows for grades of {GRADING_SCALE}, have that reviewed, then state it",
            "grading_scale",
        )
    stated = own.text("name")
    if stated.strip() and stated != name:
        own.fault(f"name {stated!r} is not the name of the file, {name!r}", "name")
    review_date = own.day("review_date")
    guards = layers.guards
    return Protocol(
        name=name,
        title=own.text("title"),
        owner=own.text("owner"),
        version=own.text("version"),
        review_date=None if review_date is None else review_date.isoformat(),
        population=own.text("population"),
        grading_scale=scale,
        sources=own.texts("sources"),
        rows=rows,
        cuts=layers.cuts,
        doses={id_: dose.rule for id_, dose in layers.doses.items()},
        guards=guards,
        limits={guard: row.value for guard, row in guards.items() if row.value is not None},
        extends=extends,
        citations=layers.citations,
    )


@lru_cache(maxsize=8)
def _load_shipped(name: str) -> Protocol:
    return read_protocol(name, _shipped_texts()[name], _shared_texts())


def _shared_texts() -> Mapping[str, str]:
    texts = _shipped_texts()
    return {part: texts[part] for part in _SHARED}


@lru_cache(maxsize=1)
def _shipped_texts() -> Mapping[str, str]:
    folder = resources.files("management").joinpath("tables")
    return {
        entry.name.removesuffix(".toml"): entry.read_text("utf-8")
        for entry in folder.iterdir()
        if entry.name.endswith(".toml")
    }
