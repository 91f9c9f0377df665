"""The team's concern as evidence: the newest statement of a day, and no part of any grade."""

from dataclasses import replace

import pytest

from grading.assess import assess
from grading.chart import Chart, TeamConcern
from tests import chart_builders as build


def chart_with(*statements: tuple[float, bool]) -> Chart:
    concerns = tuple(TeamConcern(build.ago(hours), present, build.SOURCE) for hours, present in statements)
    return replace(Chart(), patient=build.ADULT, infusions=(build.infusion(),), team_concerns=concerns)


def concern_now(*statements: tuple[float, bool]) -> bool | None:
    answer = assess(chart_with(*statements), build.AT)
    assert answer is not None
    stated = answer.evidence.team_concern
    return None if stated is None else stated.present


def test_a_concern_holds_for_24_hours() -> None:
    assert concern_now((24, True)) is True
    assert concern_now((24.1, True)) is None


def test_a_later_statement_ends_it() -> None:
    assert concern_now((6, True), (2, False)) is False


def test_of_two_statements_of_one_time_the_concern_counts() -> None:
    assert concern_now((2, True), (2, False)) is True
    assert concern_now((2, False), (2, True)) is True


def test_a_concern_of_later_than_now_does_not_exist() -> None:
    assert concern_now((-1, True)) is None


@pytest.mark.parametrize("present", [True, False])
def test_a_concern_changes_no_grade(present: bool) -> None:
    with_it, without = assess(chart_with((1, present)), build.AT), assess(chart_with(), build.AT)
    assert with_it is not None and without is not None
    assert (with_it.crs, with_it.icans, with_it.gaps) == (without.crs, without.icans, without.gaps)
