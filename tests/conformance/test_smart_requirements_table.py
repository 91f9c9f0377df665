"""The table of SMART requirements names a test that exists, or a reason, for every requirement."""

import pytest

from tests.conformance.requirement_tables import TESTS, Row, check_row, count_spelled_tests, read_table

REASONS = ("later: ", "not offered: ", "not applicable: ", "by the site: ")
REQUIREMENTS = [str(number) for number in range(1, 58)]
ROWS = read_table("smart_requirements.md")


def test_every_requirement_stands_in_the_table_once() -> None:
    assert [row[0] for row in ROWS] == REQUIREMENTS


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_a_row_names_a_test_that_exists_or_says_why_there_is_none(row: Row) -> None:
    check_row(row, TESTS, REASONS)
    named, spelled = count_spelled_tests(row)
    assert not named or named == spelled, "a proof is spelled in another way"
