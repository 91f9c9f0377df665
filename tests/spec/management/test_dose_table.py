"""Runs the dose table: every cell was worked out by hand."""

from decimal import Decimal

import pytest

from grading.chart import Weight
from management.dosing import compute_dose
from management.protocol import load_protocol
from tests.spec.management.bedside import AT, CHARTED
from tests.spec.management.spec_tables import read_rows

DOSES = load_protocol("met-2021").doses
ROWS = read_rows("doses.md", "kg")
RULES = [column for column in ROWS[0] if column not in ("kg", "capped")]


@pytest.mark.parametrize("column", RULES)
@pytest.mark.parametrize("line", ROWS, ids=lambda line: f"{line['kg']} kg")
def test_the_dose_is_the_one_worked_out_by_hand(line: dict[str, str], column: str) -> None:
    rule, unit = column.split()
    dose = compute_dose(DOSES[rule], Weight(AT, Decimal(line["kg"]), CHARTED))
    assert (dose.value, dose.unit) == (Decimal(line[column]), unit)
    assert dose.capped == (rule in line["capped"].split())


def test_every_dose_rule_has_a_column() -> None:
    assert {column.split()[0] for column in RULES} == set(DOSES)


def test_no_dose_is_above_its_cap_at_any_weight() -> None:
    for rule in DOSES.values():
        for tenths in range(10, 2500, 7):
            dose = compute_dose(rule, Weight(AT, Decimal(tenths) / 10, CHARTED))
            assert rule.most is None or dose.value <= rule.most
