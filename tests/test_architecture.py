"""The walls that no linter sees: what the pure rooms may touch, and how long a module may be.

A deny list cannot name a package that nobody has thought of, so the imports of the pure rooms are compared
with the list of the standard library.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
# A pure room, and the rooms besides its own that it may import.
PURE_ROOMS = {"grading": {"grading"}, "management": {"grading", "management"}}
ROOMS = ("grading", "management", "fhir_maps", "cds_service", "smart_app", "ehr_sandbox", "cart_cds")
LONGEST_MODULE = 400
_CLOCKS = {"now", "today", "utcnow", "monotonic", "perf_counter", "time_ns"}


def _modules(room: str) -> list[Path]:
    return sorted((ROOT / room).rglob("*.py"))


def _imported(tree: ast.Module) -> Iterator[str]:
    """The top packages that a module imports, wherever in it; a relative import stays in its room."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name.split(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module.split(".")[0]


def _clocks_read(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            of_time = isinstance(node.func.value, ast.Name) and node.func.value.id == "time"
            if node.func.attr in _CLOCKS or (of_time and node.func.attr == "time"):
                yield node.func.attr
        elif isinstance(node, ast.ImportFrom) and node.module == "time":
            yield "time"


def _pure_modules() -> list[tuple[str, Path]]:
    return [(room, path) for room in PURE_ROOMS for path in _modules(room)]


def _name(value: object) -> str:
    return str(value.relative_to(ROOT)) if isinstance(value, Path) else str(value)


@pytest.mark.parametrize(("room", "path"), _pure_modules(), ids=_name)
def test_a_pure_room_imports_the_standard_library_alone(room: str, path: Path) -> None:
    foreign = set(_imported(ast.parse(path.read_text("utf-8")))) - sys.stdlib_module_names - PURE_ROOMS[room]
    assert not foreign


@pytest.mark.parametrize(("room", "path"), _pure_modules(), ids=_name)
def test_a_pure_room_reads_no_clock(room: str, path: Path) -> None:
    assert room in PURE_ROOMS
    assert not list(_clocks_read(ast.parse(path.read_text("utf-8"))))


@pytest.mark.parametrize("path", [path for room in ROOMS for path in _modules(room)], ids=_name)
def test_a_module_is_short_enough_to_read(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= LONGEST_MODULE


def test_the_pure_rooms_are_there() -> None:
    assert all(_modules(room) for room in ROOMS)


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("import time\ntime.time()", ["time"]),
        ("from time import time", ["time"]),
        ("import datetime\ndatetime.datetime.now()", ["now"]),
        ("datetime.utcnow()", ["utcnow"]),
        ("row.at.time()", []),
    ],
)
def test_a_clock_is_seen(code: str, found: list[str]) -> None:
    assert list(_clocks_read(ast.parse(code))) == found


def test_an_import_is_seen_wherever_it_stands() -> None:
    code = "import os.path\ndef f():\n    from msgspec import json\n    from . import chart\n"
    assert list(_imported(ast.parse(code))) == ["os", "msgspec"]
