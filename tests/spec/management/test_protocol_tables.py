"""Runs the pipe tables of the protocols: each line is one patient."""

import pytest

from management.protocol import load_protocol, shipped_protocols
from management.review import Review, Strength
from management.reviewing import review
from tests.spec.management.bedside import AT, chart_of
from tests.spec.management.spec_tables import parts, read_rows

PROTOCOL_OF_FILE = {
    "met-2021.md": "met-2021",
    "cross-cutting.md": "met-2021",
    "asco-2021.md": "asco-2021",
}
PROTOCOLS = {name: load_protocol(name) for name in shipped_protocols()}
LINES = [
    pytest.param(name, line, id=f"{name} {line['row']}: {line['when']}")
    for file, name in PROTOCOL_OF_FILE.items()
    for line in read_rows(file, "when")
]
STRENGTHS = {"R": Strength.RECOMMEND, "C": Strength.CONSIDER}


def review_of(name: str, phrases: str) -> Review:
    answer = review(chart_of(phrases), AT, PROTOCOLS[name])
    assert answer is not None
    return answer


@pytest.mark.parametrize(("name", "line"), LINES)
def test_the_line_of_the_table_holds(name: str, line: dict[str, str]) -> None:
    answer = review_of(name, line["when"])
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
        assert (f"{dose.value.normalize():f}", dose.unit) == (value, unit)


@pytest.mark.parametrize(("name", "line"), LINES)
def test_nothing_unverified_is_recommended_and_every_source_is_named(name: str, line: dict[str, str]) -> None:
    rows = {row.id: row for row in PROTOCOLS[name].rows}
    assert line["cite"] in rows[line["row"]].provenance.citation
    for item in review_of(name, line["when"]).recommendations:
        assert item.cite
        assert item.verified or item.strength is Strength.CONSIDER, item.id
        assert item.verified == (item.tier in ("A", "B")), item.id


def lines_of(name: str) -> list[dict[str, str]]:
    return [line for file, of in PROTOCOL_OF_FILE.items() if of == name for line in read_rows(file, "when")]


@pytest.mark.parametrize("name", PROTOCOLS)
def test_every_row_of_a_protocol_stands_in_a_table(name: str) -> None:
    shared = {line["row"] for line in read_rows("cross-cutting.md", "when")}
    assert {row.id for row in PROTOCOLS[name].rows} <= shared | {line["row"] for line in lines_of(name)}
