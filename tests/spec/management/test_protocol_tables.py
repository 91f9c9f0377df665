"""Runs the pipe tables of the protocol: each line is one patient."""

import pytest

from management.protocol import load_protocol
from management.review import Review, Strength
from management.reviewing import review
from tests.spec.management.bedside import AT, chart_of
from tests.spec.management.spec_tables import parts, read_rows

PROTOCOL = load_protocol("met-2021")
FILES = ("met-2021.md", "cross-cutting.md")
ROWS = [row for file in FILES for row in read_rows(file, "when")]
STRENGTHS = {"R": Strength.RECOMMEND, "C": Strength.CONSIDER}


def review_of(phrases: str) -> Review:
    answer = review(chart_of(phrases), AT, PROTOCOL)
    assert answer is not None
    return answer


@pytest.mark.parametrize("line", ROWS, ids=lambda line: f"{line['row']}: {line['when']}")
def test_the_line_of_the_table_holds(line: dict[str, str]) -> None:
    answer = review_of(line["when"])
    given = {item.id: item for item in answer.recommendations}
    assert len(given) == len(answer.recommendations), "an id stands twice"
    for recommendation_id, strength in parts(line["gives"]):
        assert recommendation_id in given, f"{sorted(given)}"
        assert given[recommendation_id].strength is STRENGTHS[strength], recommendation_id
    for (recommendation_id,) in parts(line["never"]):
        assert recommendation_id not in given
    withheld = [[item.id, item.because.value] for item in answer.withheld]
    assert sorted(withheld) == sorted(parts(line["withheld"]))
    for recommendation_id, value, unit in parts(line["dose"]):
        dose = given[recommendation_id].dose
        assert dose is not None
        assert (str(dose.value.normalize().__format__("f")), dose.unit) == (value, unit)


@pytest.mark.parametrize("line", ROWS, ids=lambda line: f"{line['row']}: {line['when']}")
def test_the_row_named_in_the_table_cites_its_source(line: dict[str, str]) -> None:
    rows = {row.id: row for row in PROTOCOL.rows}
    assert line["cite"] in rows[line["row"]].provenance.citation


def test_every_row_of_the_protocol_stands_in_a_table() -> None:
    assert {line["row"] for line in ROWS} == {row.id for row in PROTOCOL.rows}


def test_every_recommendation_that_the_protocol_can_give_is_given_by_a_line() -> None:
    offered = {advice.id for row in PROTOCOL.rows for advice in row.gives}
    reached = {item.id for line in ROWS for item in review_of(line["when"]).recommendations}
    assert offered - reached == set()


def test_nothing_unverified_is_ever_recommended() -> None:
    for line in ROWS:
        for item in review_of(line["when"]).recommendations:
            assert item.verified or item.strength is Strength.CONSIDER, item.id
            assert item.verified == (item.tier in ("A", "B")), item.id
