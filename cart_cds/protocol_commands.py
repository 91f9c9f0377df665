"""``cart-cds protocol check`` and ``cart-cds protocol show``."""

from collections.abc import Sequence
from pathlib import Path

from cart_cds.protocol_differences import Differences, find_differences
from cart_cds.protocol_text import describe_protocol
from management.protocol import Protocol, ProtocolError, load_file, load_protocol, shipped_protocols


class NothingToCheckError(Exception):
    """The path to check is no protocol and holds none."""


def check_protocols(path: Path) -> tuple[str, bool]:
    """Check a protocol's file, or every one of a folder: the report, and whether there is no fault.

    Raises :class:`NothingToCheckError`.
    """
    files = sorted(path.glob("*.toml")) if path.is_dir() else [path]
    if not path.exists():
        raise NothingToCheckError(f"{path}: no such file or folder")
    if not files:
        raise NothingToCheckError(f"{path}: no protocol in this folder (NAME.toml)")
    report: list[str] = []
    faults = 0
    for file in files:
        try:
            protocol = load_file(file)
        except ProtocolError as error:
            faults += len(error.faults) or 1
            report.append(str(error))
        else:
            report += _describe_checked(file, protocol)
    checked = "1 protocol" if len(files) == 1 else f"{len(files)} protocols"
    found = "no fault" if not faults else "1 fault" if faults == 1 else f"{faults} faults"
    report.append(f"{checked} checked, {found}")
    return "\n".join(report), not faults


def show_protocol(name: str, folders: Sequence[Path]) -> str:
    """A protocol as a clinician reads it. Raises :class:`ProtocolError`."""
    protocol = load_protocol(name, folders)
    shipped = [load_protocol(one) for one in shipped_protocols()]
    shared = set.intersection(*({row.id for row in one.rows} for one in shipped))
    return describe_protocol(protocol, _differences(protocol), sorted(shared))


def _describe_checked(file: Path, protocol: Protocol) -> list[str]:
    lines = [
        f"{file}: {protocol.title}",
        f"  {protocol.name} {protocol.version}, {protocol.owner};"
        f" {f'reviewed {protocol.review_date}' if protocol.review_date else 'not reviewed'}",
        f"  {len(protocol.rows)} rows, {len(protocol.doses)} dose rules, {len(protocol.guards)} guard rails,"
        f" {len(protocol.cuts)} numbers",
    ]
    if protocol.name in shipped_protocols():
        lines.append(f"  takes the place of the shipped {protocol.name}")
    differences = _differences(protocol)
    if differences is not None:
        lines.append(f"  extends {protocol.extends}:")
        lines += [f"    {word} {what}" for word, what in differences.lines()]
    return lines


def _differences(protocol: Protocol) -> Differences | None:
    return None if protocol.extends is None else find_differences(protocol, load_protocol(protocol.extends))
