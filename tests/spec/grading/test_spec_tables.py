"""Every row of the spec tables of grading, through ``assess``; and that the tables leave nothing out.

The expected cells are worked out by hand from the consensus and the rules. ``gaps`` lists exactly the gaps of
the assessment, a star marking one that widens the range; ``criteria`` exactly the criteria met.
"""

import pytest

from grading.assess import assess
from grading.assessment import Assessment, SyndromeGrade
from grading.chart import OxygenDevice, VasoactiveAgent
from grading.tables import shipped_tables
from tests.chart_builders import AT, well_charted
from tests.spec.grading.situations import SpecRow, chart_of, read_table, read_tables

ROWS = list(read_tables())
# Rules that the grade itself does not decide: advice, presentation, or another scale.
DECIDED_ELSEWHERE = {"F9", "F17", "F18", "F19", "N13", "N14"}


def _words(cell: str) -> list[str]:
    return sorted(part.strip() for part in cell.split(";") if part.strip())


def _syndrome(assessment: Assessment, row: SpecRow) -> SyndromeGrade:
    return assessment.icans if row.syndrome == "icans" else assessment.crs


def _gaps(assessment: Assessment) -> list[str]:
    return sorted(
        {f"{gap.what.value} {gap.why.value}{'*' if gap.widens_range else ''}" for gap in assessment.gaps}
    )


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_the_situation_is_graded_as_the_table_says(row: SpecRow) -> None:
    assessment = assess(chart_of(row), AT)
    if row.expected("status") == "no assessment":
        assert assessment is None
        return
    assert assessment is not None
    found = _syndrome(assessment, row)
    answer = {
        "status": found.status.value,
        "grade": "" if found.grade is None else str(found.grade),
        "range": f"{found.lowest}-{found.highest}" if found.lowest != found.highest else str(found.lowest),
        "peak": "" if found.episode_peak is None else str(found.episode_peak),
    }
    expected = {what: cell for what in answer if (cell := row.expected(what)) is not None}
    assert {what: answer[what] for what in expected} == expected
    if (criteria := row.expected("criteria")) is not None:
        assert sorted(criterion.id for criterion in found.criteria) == _words(criteria)
    if (gaps := row.expected("gaps")) is not None:
        assert _gaps(assessment) == _words(gaps)
    assert row.expected("because"), "every row says why"


def test_a_well_charted_adult_has_no_grade_and_no_gap() -> None:
    assessment = assess(well_charted(), AT)
    assert assessment is not None
    assert (assessment.crs.grade, assessment.icans.grade, assessment.gaps) == (0, 0, ())
    assert (assessment.crs.episode_peak, assessment.icans.episode_peak) == (None, None)


@pytest.mark.parametrize("criterion", sorted(shipped_tables().criteria))
def test_every_criterion_is_met_in_a_row(criterion: str) -> None:
    assert any(criterion in _words(row.expected("criteria") or "") for row in ROWS)


@pytest.mark.parametrize("agent", [agent.value for agent in VasoactiveAgent])
def test_every_vasoactive_drug_has_a_row(agent: str) -> None:
    assert any(agent in row.cells.get("infusions", "") for row in ROWS)


@pytest.mark.parametrize("device", [device.value for device in OxygenDevice])
def test_every_oxygen_device_has_a_row(device: str) -> None:
    assert any(device in row.cells.get("oxygen", "") for row in ROWS)


@pytest.mark.parametrize(
    "rule", sorted({f"F{n}" for n in range(1, 20)} | {f"N{n}" for n in range(1, 15)} - DECIDED_ELSEWHERE)
)
def test_every_rule_that_grading_decides_has_a_row(rule: str) -> None:
    if rule not in DECIDED_ELSEWHERE:
        assert any(rule in row.cells["rule"].split() for row in ROWS)


def test_a_column_that_nobody_knows_is_refused() -> None:
    with pytest.raises(AssertionError, match="unknown columns"):
        list(read_table("x.md", "# CRS\n| rule | shoe size |\n|---|---|\n| F1 | 43 |\n"))
