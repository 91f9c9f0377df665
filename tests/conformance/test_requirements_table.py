"""The table of requirements names a test that exists, or a reason, for every requirement."""

import pytest

from tests.conformance.requirement_tables import TESTS, Row, check_row, read_table

UNIT_TESTS = TESTS / "unit"
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
ROWS = read_table("requirements.md")


def test_every_requirement_stands_in_the_table_once() -> None:
    assert sorted(row[0] for row in ROWS) == sorted(REQUIREMENTS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_a_row_names_a_test_that_exists_or_says_why_there_is_none(row: Row) -> None:
    check_row(row, UNIT_TESTS, REASONS)
