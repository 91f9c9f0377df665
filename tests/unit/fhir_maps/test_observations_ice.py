"""ICE and CAPD: totals, components, single items, and what was not done."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from fhir_maps.ice_observations import IceItemRow, group_ice_items
from grading.chart import (
    BaselineIce,
    CapdScore,
    ChartGap,
    Consciousness,
    ConsciousnessRow,
    IceItem,
    IceScore,
    Motor,
    MotorRow,
    RaisedIcp,
    RaisedIcpRow,
    SedationRow,
    Seizure,
    SeizureRow,
    Source,
)
from tests.unit.fhir_maps.reading import AT, coded, gaps, own, quantity, read, rows

ABSENT = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
ALL_RIGHT = {
    "ice-year": 1,
    "ice-month": 1,
    "ice-city": 1,
    "ice-hospital": 1,
    "ice-naming": 3,
    "ice-command": 1,
    "ice-writing": 1,
    "ice-attention": 1,
}


def components(items: dict[str, int | None]) -> list[dict[str, Any]]:
    return [
        {"code": own(item)}
        | (
            {"dataAbsentReason": coded(ABSENT, "not-performed")}
            if points is None
            else {"valueInteger": points}
        )
        for item, points in items.items()
    ]


def ice(items: dict[str, int | None], total: int | None = None) -> tuple[int, int, list[tuple[str, str]]]:
    members: dict[str, Any] = {"component": components(items)}
    if total is not None:
        members["valueInteger"] = total
    found = read(own("ice-total"), **members)
    [score] = rows(found, IceScore)
    return score.minimum, score.maximum, gaps(found)


@pytest.mark.parametrize("total", range(11))
def test_total_alone_is_the_score(total: int) -> None:
    [row] = read(own("ice-total"), valueInteger=total)
    assert row == IceScore(AT, total, total, row.source)
    [row] = read(own("ice-total"), valueQuantity=quantity(total, "{score}"))
    assert (row.minimum, row.maximum) == (total, total)


@pytest.mark.parametrize(
    "members", [{"valueInteger": 11}, {"valueInteger": -1}, {"valueQuantity": quantity(7.5)}]
)
def test_total_that_cannot_be_is_implausible(members: dict[str, Any]) -> None:
    assert gaps(read(own("ice-total"), **members)) == [("ice", "implausible")]


@pytest.mark.parametrize("members", [{"valueString": "eight"}, {"valueBoolean": True}])
def test_total_that_is_no_number_is_unmapped(members: dict[str, Any]) -> None:
    assert gaps(read(own("ice-total"), **members)) == [("ice", "unmapped")]


def test_total_that_was_not_done_is_neither_score_nor_gap() -> None:
    assert read(own("ice-total"), dataAbsentReason=coded(ABSENT, "not-performed")) == []


def test_components_are_added_up() -> None:
    assert ice(ALL_RIGHT) == (10, 10, [])
    assert ice(ALL_RIGHT | {"ice-naming": 2, "ice-attention": 0}) == (8, 8, [])


def test_items_not_done_leave_a_range_and_are_named() -> None:
    found = read(
        own("ice-total"),
        component=components(ALL_RIGHT | {"ice-command": None, "ice-writing": None, "ice-attention": None}),
    )
    [score] = found
    assert (score.minimum, score.maximum) == (7, 10)
    assert score.items_not_done == (IceItem.COMMAND, IceItem.WRITING, IceItem.ATTENTION)


def test_items_missing_from_the_list_are_not_done_either() -> None:
    assert ice({"ice-year": 1, "ice-month": 0}) == (1, 9, [])


def test_nothing_done_is_a_score_of_which_nothing_is_known() -> None:
    assert ice(dict.fromkeys(ALL_RIGHT, None)) == (0, 10, [])


def test_total_that_its_components_make_up_is_the_score() -> None:
    assert ice(ALL_RIGHT, total=10) == (10, 10, [])


def test_total_that_adds_only_what_was_done_stays_a_range() -> None:
    assert ice(ALL_RIGHT | {"ice-naming": None}, total=7) == (7, 10, [])


def test_total_tells_what_unlisted_items_came_to() -> None:
    assert ice({"ice-naming": 3}, total=9) == (9, 9, [])


def test_total_that_contradicts_its_components_is_a_range_over_both_with_a_gap() -> None:
    assert ice(ALL_RIGHT, total=4) == (4, 10, [("ice", "ambiguous")])
    assert ice(ALL_RIGHT | {"ice-naming": None}, total=9) == (7, 10, [("ice", "ambiguous")])


@pytest.mark.parametrize(("item", "points"), [("ice-year", 2), ("ice-naming", 4), ("ice-city", -1)])
def test_item_that_cannot_be_is_implausible_and_not_done(item: str, points: int) -> None:
    minimum, maximum, found = ice(ALL_RIGHT | {item: points})
    assert (minimum, maximum) == (10 - ALL_RIGHT[item], 10)
    assert found == [("ice", "implausible")]


def test_item_may_be_a_boolean_but_naming_may_not() -> None:
    found = read(own("ice-year"), valueBoolean=True)
    assert [row.points for row in rows(found, IceItemRow)] == [1]
    found = read(own("ice-naming"), valueBoolean=True)
    assert [row.points for row in rows(found, IceItemRow)] == [None]
    assert gaps(found) == [("ice", "unmapped")]


def test_single_item_that_was_not_done_says_so() -> None:
    [row] = read(own("ice-year"), dataAbsentReason=coded(ABSENT, "not-performed"))
    assert row == IceItemRow(AT, IceItem.YEAR, None, row.source)


def test_baseline_is_read_for_itself() -> None:
    assert rows(read(own("baseline-ice"), valueInteger=8), BaselineIce)[0].total == 8
    assert gaps(read(own("baseline-ice"), valueInteger=12)) == [("ice", "implausible")]
    assert read(own("baseline-ice"), dataAbsentReason=coded(ABSENT, "unknown")) == []


@pytest.mark.parametrize("total", [0, 9, 32])
def test_capd_total_is_read(total: int) -> None:
    assert rows(read(own("capd-total"), valueInteger=total), CapdScore)[0].total == total


def test_capd_beyond_its_scale_is_implausible() -> None:
    assert gaps(read(own("capd-total"), valueInteger=33)) == [("capd", "implausible")]


def test_capd_that_could_not_be_performed_is_a_score_of_its_own() -> None:
    [row] = read(own("capd-total"), dataAbsentReason=coded(ABSENT, "not-performed"))
    assert row == CapdScore(AT, None, row.source)
    assert read(own("capd-total"), dataAbsentReason=coded(ABSENT, "unknown")) == []


# Findings under a total: one bedside assessment is one Observation

FINDINGS = [
    {"code": own("consciousness"), "valueCodeableConcept": own("unarousable")},
    {"code": own("seizure"), "valueCodeableConcept": own("brief-resolved")},
    {"code": own("motor"), "valueCodeableConcept": own("none")},
    {"code": own("raised-icp"), "valueCodeableConcept": own("papilloedema")},
    {"code": own("sedated"), "valueBoolean": False},
]


@pytest.mark.parametrize("code", ["ice-total", "capd-total"])
def test_findings_beside_the_items_are_read_with_the_score(code: str) -> None:
    items = components(ALL_RIGHT) if code == "ice-total" else []
    total = {"valueInteger": 10 if code == "ice-total" else 4}
    found = read(own(code), component=[*items, *FINDINGS], **total)
    score, *others = found
    assert isinstance(score, IceScore | CapdScore)
    assert others == [
        ConsciousnessRow(AT, Consciousness.UNAROUSABLE, score.source),
        SeizureRow(AT, Seizure.BRIEF_RESOLVED, score.source),
        MotorRow(AT, Motor.NONE, score.source),
        RaisedIcpRow(AT, RaisedIcp.PAPILLOEDEMA, score.source),
        SedationRow(AT, False, score.source),
    ]


def test_items_under_a_total_are_read_once_and_not_as_single_items() -> None:
    found = read(own("ice-total"), component=[*components(ALL_RIGHT), FINDINGS[0]], valueInteger=10)
    assert [type(row) for row in found] == [IceScore, ConsciousnessRow]


def test_a_finding_that_was_not_charted_under_a_total_is_nothing() -> None:
    absent = {"code": own("seizure"), "dataAbsentReason": coded(ABSENT, "not-asked")}
    assert [type(row) for row in read(own("ice-total"), component=[absent], valueInteger=10)] == [IceScore]


def test_a_finding_under_a_total_that_no_map_knows_is_a_gap() -> None:
    strange = {"code": own("seizure"), "valueCodeableConcept": {"text": "funny turn"}}
    found = read(own("ice-total"), component=[strange], valueInteger=10)
    assert gaps(found) == [("seizure", "unmapped")]


def test_an_assessment_without_a_time_loses_its_findings_as_well() -> None:
    found = read(own("ice-total"), component=FINDINGS, valueInteger=10, effectiveDateTime=None)
    assert [what for what, _ in gaps(found)] == [
        "ice",
        "consciousness",
        "seizure",
        "motor",
        "raised-icp",
        "sedation",
    ]


def test_a_withdrawn_assessment_takes_its_findings_back() -> None:
    assert read(own("ice-total"), component=FINDINGS, valueInteger=10, status="entered-in-error") == []


# Single items


def item_rows(items: dict[str, int | None], at: datetime = AT, minutes_apart: int = 0) -> list[IceItemRow]:
    return [
        IceItemRow(
            at + number * timedelta(minutes=minutes_apart),
            IceItem(item),
            points,
            Source(f"Observation/{item}"),
        )
        for number, (item, points) in enumerate(items.items())
    ]


def spans(found: list[object]) -> list[tuple[int, int]]:
    return [(row.minimum, row.maximum) for row in found if isinstance(row, IceScore)]


def test_single_items_within_an_hour_are_one_assessment_that_holds_from_the_last() -> None:
    [score] = group_ice_items(reversed(item_rows(ALL_RIGHT, minutes_apart=5)), [])
    assert isinstance(score, IceScore)
    assert (score.minimum, score.maximum, score.at) == (10, 10, AT + timedelta(minutes=35))
    assert score.source.note == "from 8 single items"


def test_item_more_than_an_hour_after_the_first_begins_another_assessment() -> None:
    found = group_ice_items(item_rows({"ice-year": 1, "ice-month": 1}, minutes_apart=61), [])
    assert spans(found) == [(1, 10), (1, 10)]
    found = group_ice_items(item_rows({"ice-year": 1, "ice-month": 1}, minutes_apart=60), [])
    assert spans(found) == [(2, 10)]


def test_second_round_of_items_within_the_hour_is_an_assessment_of_its_own() -> None:
    later = AT + timedelta(minutes=30)
    rounds = [*item_rows(ALL_RIGHT), *item_rows(ALL_RIGHT | {"ice-naming": 0}, at=later)]
    assert spans(group_ice_items(rounds, [])) == [(10, 10), (7, 7)]


def test_same_items_twice_from_two_feeds_are_one_assessment() -> None:
    assert spans(group_ice_items([*item_rows(ALL_RIGHT), *item_rows(ALL_RIGHT)], [])) == [(10, 10)]


def test_two_values_of_one_item_at_one_time_are_a_range_with_a_gap() -> None:
    found = group_ice_items([*item_rows(ALL_RIGHT), *item_rows({"ice-naming": 1})], [])
    assert spans(found) == [(8, 10)]
    assert [row.why.value for row in found if isinstance(row, ChartGap)] == ["ambiguous"]


def test_total_charted_with_its_items_is_joined_with_them() -> None:
    total = IceScore(AT, 10, 10, Source("Observation/total"))
    assert spans(group_ice_items(item_rows(ALL_RIGHT), [total])) == [(10, 10)]
    total = IceScore(AT, 3, 3, Source("Observation/total"))
    assert spans(group_ice_items(item_rows(ALL_RIGHT), [total])) == [(3, 10)]


def test_total_of_another_time_stays_for_itself() -> None:
    total = IceScore(AT + timedelta(minutes=1), 3, 3, Source("Observation/total"))
    assert spans(group_ice_items(item_rows(ALL_RIGHT), [total])) == [(3, 3), (10, 10)]
