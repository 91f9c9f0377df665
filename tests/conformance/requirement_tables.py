"""Tables of a standard's requirements: read from Markdown, and held to tests that exist."""

import ast
import re
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent
TESTS = HERE.parent
NAMED_TEST = re.compile(r"`([\w/]+\.py)::(test_\w+)`")
Row = tuple[str, str, str]


def read_table(name: str) -> list[Row]:
    """Id, requirement and proof of every row."""
    lines = (HERE / name).read_text("utf-8").splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| ")]
    return [(row[0], row[1], row[2]) for row in rows[1:]]


def check_row(row: Row, folder: Path, reasons: tuple[str, ...]) -> None:
    """Assert that a row names tests that exist below a folder, or a reason why there is none."""
    _, requirement, proof = row
    assert requirement
    named = NAMED_TEST.findall(proof)
    assert named or proof.startswith(reasons)
    for file, name in named:
        assert name in _names_in(folder / file), f"{file} has no {name}"


def count_spelled_tests(row: Row) -> tuple[int, int]:
    """How many tests a proof names, and how many pieces of it are set as code."""
    return len(NAMED_TEST.findall(row[2])), row[2].count("`") // 2


@cache
def _names_in(path: Path) -> frozenset[str]:
    nodes = ast.walk(ast.parse(path.read_text("utf-8")))
    return frozenset(node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
