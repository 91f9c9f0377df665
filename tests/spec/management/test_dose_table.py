"""Runs the dose table: every cell was worked out by hand."""

from decimal import Decimal

import pytest

from grading.chart import Weight
from management.dosing import compute_dose, fixed_dose
from management.protocol import load_protocol
from tests.spec.management.bedside import AT, CHARTED
from tests.spec.management.spec_tables import read_rows

DOSES = load_protocol("met-2021").doses
ROWS = read_rows("doses.md", "kg")
RULES = [column for column in ROWS[0] if column not in ("kg", "capped")]
ASCO_DOSES = load_protocol("asco-2021").doses
ASCO_ROWS = read_rows("doses.md", "weight kg")
ASCO_RULES = [column for column in ASCO_ROWS[0] if column != "weight kg"]


@pytest.mark.parametrize("column", RULES)
@pytest.mark.parametrize("line", ROWS, ids=lambda line: f"{line['kg']} kg")
def test_the_dose_is_the_one_worked_out_by_hand(line: dict[str, str], column: str) -> None:
    rule, unit = column.split()
    dose = compute_dose(DOSES[rule], Weight(AT, Decimal(line["kg"]), CHARTED))
    assert (dose.value, dose.unit) == (Decimal(line[column]), unit)
    assert dose.capped == (rule in line["capped"].split())


@pytest.mark.parametrize("column", ASCO_RULES)
@pytest.mark.parametrize("line", ASCO_ROWS, ids=lambda line: f"{line['weight kg']} kg")
def test_the_dose_of_the_second_protocol_is_the_one_worked_out_by_hand(
    line: dict[str, str], column: str
) -> None:
    name, unit = column.split()
    rule, weight = ASCO_DOSES[name], Weight(AT, Decimal(line["weight kg"]), CHARTED)
    dose = compute_dose(rule, weight) if rule.fixed is None else fixed_dose(rule, rule.fixed)
    assert (dose.value, dose.unit, dose.capped) == (Decimal(line[column]), unit, False)


def test_every_dose_rule_has_a_column() -> None:
    shared = {column.split()[0] for column in RULES}
    assert shared == set(DOSES)
    assert shared | {column.split()[0] for column in ASCO_RULES} == set(ASCO_DOSES)


def test_the_rules_of_both_protocols_are_the_same_where_they_share_them() -> None:
    assert all(ASCO_DOSES[name] == rule for name, rule in DOSES.items())


def test_the_table_reaches_from_the_lightest_to_the_heaviest_patient_and_both_sides_of_30_kg() -> None:
    weights = [Decimal(line["kg"]) for line in ROWS]
    assert [min(weights), max(weights)] == [Decimal(3), Decimal(180)]
    assert {Decimal("29.99"), Decimal(30), Decimal("30.1")} <= set(weights)


def test_no_dose_is_above_its_cap_at_any_weight() -> None:
    for rule in DOSES.values():
        for tenths in range(10, 2500, 7):
            dose = compute_dose(rule, Weight(AT, Decimal(tenths) / 10, CHARTED))
            assert rule.most is None or dose.value <= rule.most
