"""The table of severity is refused where it could mislead, and the row is named."""

from importlib import resources

import pytest

from grading.chart import Lab
from management.severity_table import Number, SeverityTableError, read_severity, shipped_severity

FOLDER = resources.files("management").joinpath("tables")
SHIPPED = FOLDER.joinpath("severity.toml").read_text("utf-8")
CITATIONS = FOLDER.joinpath("citations.toml").read_text("utf-8")
HIGH_FERRITIN = '[[points]]\nid = "ferritin-high"\ntest = "ferritin"\nover = "2000"\npoints = 2\n'


def refused(old: str, new: str) -> str:
    assert SHIPPED.count(old) >= 1
    with pytest.raises(SeverityTableError) as caught:
        read_severity(SHIPPED.replace(old, new, 1), CITATIONS)
    return str(caught.value)


def test_the_shipped_table_is_read() -> None:
    table = shipped_severity()
    assert table.span(Number.SCORE_PAIRING).days == 1
    assert table.conversions[Lab.CRP].divide_by == 10
    assert [row.grade for row in table.late_icaht] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ('id = "score-pairing"', 'id = "pairing"', "number pairing: nothing asks for this number"),
        ('value = "24"', 'value = "a day"', "number score-pairing: value is no number"),
        ('value = "24"', "value = 24", "number score-pairing: value is missing"),
        ('citation = ["Our rule"]', 'citation = ["A dream"]', "score-pairing: unknown citation 'A dream'"),
        ('citation = ["Our rule"]', "citation = []", "score-pairing: unknown citation ''"),
        ('tier = "RULE"', 'tier = "Z"', "score-pairing: unknown tier 'Z'"),
        ("verified = false", "verified = true", "score-pairing: tier RULE cannot be verified = True"),
        ("verified = false", 'verified = "no"', "score-pairing: tier RULE cannot be verified = no"),
        ('divide_by = "10"', 'divide_by = "0"', "conversion crp: divide_by is nothing"),
        ('id = "easix"', 'id = "easy"', "score easix is missing"),
        ('over = "platelets"', 'over = "plates"', "score m-easix: unknown laboratory test 'plates'"),
        ("points = 2", 'points = "2"', "points platelets-low: points is no whole number"),
        ("points = 2", "points = true", "points platelets-low: points is no whole number"),
        ('below = "75"', 'below = "74"', "points platelets-low: hole or overlap after this band"),
        ('below = "75"', 'up_to = "75"', "points platelets-low: hole or overlap after this band"),
        ('below = "75"', "", "points platelets-low: hole or overlap after this band"),
        (HIGH_FERRITIN, f'{HIGH_FERRITIN}below = "9000"\n', "ferritin-low: the lowest and the highest band"),
        ("[[late_icaht]]", "[[later]]", ""),
        ("grade = 1", 'grade = "1"', "early_icaht early-1: grade is no whole number"),
    ],
)
def test_a_fault_is_refused_by_its_row(old: str, new: str, fault: str) -> None:
    if not fault:
        with pytest.raises(SeverityTableError, match="no late_icaht row"):
            read_severity(SHIPPED.replace(old, new), CITATIONS)
        return
    assert fault in refused(old, new)


def test_a_number_that_is_asked_for_may_not_be_left_out() -> None:
    start = SHIPPED.index('[[number]]\nid = "late-effects-until"')
    end = SHIPPED.index("# CRP is kept in mg/L")
    with pytest.raises(SeverityTableError, match="number late-effects-until is missing"):
        read_severity(SHIPPED[:start] + SHIPPED[end:], CITATIONS)
