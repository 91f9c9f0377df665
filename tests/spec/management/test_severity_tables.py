"""Runs the pipe tables of severity, cytopenia, late effects and missing pieces: each line is one patient."""

from decimal import Decimal

import pytest

from grading.chart import GapWhat, GapWhy
from management.lab_gaps import lab_gaps
from management.late_effects import find_late_effects
from management.protocol import load_protocol
from management.review import Recommendation, Score, Strength
from management.reviewing import review, situate
from management.risk_factors import find_risk_factors
from management.severity import score_severity
from management.situation import Situation
from tests.spec.management.bedside import AT, chart_of
from tests.spec.management.spec_tables import read_rows

PROTOCOL = load_protocol("met-2021")
FILE = "severity.md"
NEEDED = " (needed to tell what else it could be)"
NOT_TOLD = "The chart does not tell: "


def lines_with(column: str) -> list[object]:
    return [pytest.param(line, id=line["when"]) for line in read_rows(FILE, column)]


def situation_of(phrases: str) -> Situation:
    situation = situate(chart_of(phrases), AT, PROTOCOL)
    assert situation is not None
    return situation


def advice_of(phrases: str, recommendation_id: str) -> Recommendation | None:
    answer = review(chart_of(phrases), AT, PROTOCOL)
    assert answer is not None
    return next((item for item in answer.recommendations if item.id == recommendation_id), None)


def score_of(line: dict[str, str]) -> Score:
    [score] = [one for one in score_severity(situation_of(line["when"])) if one.name == line["score"]]
    return score


@pytest.mark.parametrize("line", lines_with("score"))
def test_the_score_is_the_one_worked_out_by_hand(line: dict[str, str]) -> None:
    score = score_of(line)
    expected = [Decimal(point) for point in line["points"].split(";") if point.strip()]
    assert [point.value for point in score.points] == expected
    assert score.reading == (line["reading"] or None)
    assert "; ".join(score.missing) == line["missing"]
    assert [point.at for point in score.points] == sorted(point.at for point in score.points)


@pytest.mark.parametrize("line", lines_with("icaht"))
def test_early_icaht_is_graded_by_the_days_charted(line: dict[str, str]) -> None:
    advice = advice_of(line["when"], "cytopenia.review")
    if not line["icaht"]:
        assert advice is None
        return
    assert advice is not None
    assert (advice.strength, advice.row) == (Strength.CONSIDER, "S9")
    least, _, grade = line["icaht"].rpartition(" ")
    said = f"{least} grade {grade}" if least else f"grade {grade}"
    assert advice.reasons[0].startswith(f"Early ICAHT {said} ")
    assert advice.reasons[0].endswith(f"/µL or less {line['days']}")


@pytest.mark.parametrize("line", lines_with("late"))
def test_late_effects_are_told_after_the_monitoring_window(line: dict[str, str]) -> None:
    found = find_late_effects(chart_of(line["when"]), AT, PROTOCOL)
    expected = [part.strip() for part in line["late"].split(";") if part.strip()]
    if not expected:
        assert found is None
        return
    assert found is not None
    assert [item.id for item in found.recommendations] == expected
    assert found.recommendations[0].reasons[0].startswith(line["reasons"])
    assert all(item.strength is Strength.CONSIDER and item.cite for item in found.recommendations)


@pytest.mark.parametrize("line", lines_with("lab gaps"))
def test_a_value_that_a_screen_needs_is_a_gap(line: dict[str, str]) -> None:
    gaps = lab_gaps(situation_of(line["when"]))
    expected = [
        (why, line[column] + NEEDED)
        for why, column in ((GapWhy.NOT_CHARTED, "lab gaps"), (GapWhy.STALE, "stale"))
        if line[column]
    ]
    assert [(gap.why, gap.detail) for gap in gaps] == expected
    assert all(gap.what is GapWhat.LABS and not gap.widens_range for gap in gaps)


@pytest.mark.parametrize("line", lines_with("pieces"))
def test_a_screen_names_what_it_does_not_know(line: dict[str, str]) -> None:
    advice = advice_of(line["when"], line["screen"])
    assert advice is not None
    assert "; ".join(advice.missing) == line["pieces"]


@pytest.mark.parametrize("line", lines_with("risk factors"))
def test_risk_factors_are_told_as_far_as_the_chart_tells(line: dict[str, str]) -> None:
    found = find_risk_factors(situation_of(line["when"]))
    told = [factor.text for factor in found if not factor.text.startswith(NOT_TOLD)]
    assert "; ".join(told) == line["risk factors"]
    [silent] = [factor.text for factor in found if factor.text.startswith(NOT_TOLD)]
    assert "cell dose" in silent
    assert ("inflammation at baseline" in silent) == ("Inflammation" not in line["risk factors"])
