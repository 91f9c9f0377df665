"""The table of SMART requirements names a test that exists, or a reason, for every requirement."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

HERE = Path(__file__).parent
TESTS = HERE.parent
REASONS = ("later: ", "not offered: ", "not applicable: ", "by the site: ")
REQUIREMENTS = [str(number) for number in range(1, 58)]
NAMED_TEST = re.compile(r"`([\w/]+\.py)::(test_\w+)`")


def table() -> list[tuple[str, str, str]]:
    lines = (HERE / "smart_requirements.md").read_text("utf-8").splitlines()
    rows = [
        tuple(cell.strip() for cell in line.strip("|").split("|")) for line in lines if line.startswith("| ")
    ]
    return [(row[0], row[1], row[2]) for row in rows[1:]]


@cache
def names_in(path: Path) -> frozenset[str]:
    nodes = ast.walk(ast.parse(path.read_text("utf-8")))
    return frozenset(node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def test_every_requirement_stands_in_the_table_once() -> None:
    assert [row[0] for row in table()] == REQUIREMENTS


@pytest.mark.parametrize("row", table(), ids=lambda row: row[0])
def test_a_row_names_a_test_that_exists_or_says_why_there_is_none(row: tuple[str, str, str]) -> None:
    _, requirement, proof = row
    assert requirement
    named = NAMED_TEST.findall(proof)
    assert named or proof.startswith(REASONS)
    assert not named or len(named) == proof.count("`") // 2, "a proof is spelled in another way"
    for file, name in named:
        assert name in names_in(TESTS / file), f"{file} has no {name}"
