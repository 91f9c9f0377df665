"""The table of requirements names a test that exists, or a reason, for every requirement."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

HERE = Path(__file__).parent
UNIT_TESTS = HERE.parent / "unit"
REASONS = ("later: ", "not offered: ", "not applicable: ", "by the site: ", "measured: ")
COUNTS = {
    "G": 7,
    "D": 14,
    "P": 9,
    "R": 14,
    "F": 8,
    "S": 7,
    "C": 10,
    "SRC": 5,
    "SUG": 5,
    "ACT": 6,
    "LNK": 6,
    "SYS": 1,
    "FB": 9,
    "SEC": 13,
    "CORS": 3,
    "EXT": 2,
    "HK": 5,
}
REQUIREMENTS = [f"{group}{number}" for group, count in COUNTS.items() for number in range(1, count + 1)] + [
    "CODING"
]
NAMED_TEST = re.compile(r"`([\w/]+\.py)::(test_\w+)`")


def table() -> list[tuple[str, str, str]]:
    lines = (HERE / "requirements.md").read_text("utf-8").splitlines()
    rows = [
        tuple(cell.strip() for cell in line.strip("|").split("|")) for line in lines if line.startswith("| ")
    ]
    return [(row[0], row[1], row[2]) for row in rows[1:]]


@cache
def names_in(path: Path) -> frozenset[str]:
    nodes = ast.walk(ast.parse(path.read_text("utf-8")))
    return frozenset(node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def test_every_requirement_stands_in_the_table_once() -> None:
    assert sorted(row[0] for row in table()) == sorted(REQUIREMENTS)


@pytest.mark.parametrize("row", table(), ids=lambda row: row[0])
def test_a_row_names_a_test_that_exists_or_says_why_there_is_none(row: tuple[str, str, str]) -> None:
    _, requirement, proof = row
    assert requirement
    named = NAMED_TEST.findall(proof)
    assert named or proof.startswith(REASONS)
    for file, name in named:
        assert name in names_in(UNIT_TESTS / file), f"{file} has no {name}"
