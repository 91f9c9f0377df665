"""Doses show their arithmetic, and say what the source does not."""

from decimal import Decimal

from grading.chart import Weight
from management.dosing import compute_dose, fixed_dose
from management.protocol import load_protocol
from tests.spec.management.bedside import AT, CHARTED

DOSES = load_protocol("met-2021").doses


def weight(kilograms: str) -> Weight:
    return Weight(AT, Decimal(kilograms), CHARTED)


def test_the_arithmetic_can_be_checked_by_hand() -> None:
    dose = compute_dose(DOSES["tocilizumab"], weight("72"))
    assert dose.arithmetic == "8 mg/kg × 72 kg = 576 mg"
    assert (dose.weight_kg, dose.weight_at, dose.capped) == (Decimal(72), AT, False)


def test_below_30_kg_the_arithmetic_names_the_higher_rate() -> None:
    assert compute_dose(DOSES["tocilizumab"], weight("14")).arithmetic == "12 mg/kg × 14 kg = 168 mg"


def test_a_cap_is_said_in_the_arithmetic() -> None:
    dose = compute_dose(DOSES["tocilizumab"], weight("110.0"))
    assert dose.arithmetic == "8 mg/kg × 110 kg = 880 mg, capped at 800 mg"
    assert dose.capped


def test_a_daily_dose_is_per_kg_and_day() -> None:
    dose = compute_dose(DOSES["methylprednisolone"], weight("72.5"))
    assert dose.arithmetic == "2 mg/kg/day × 72.5 kg = 145 mg/day"


def test_dexamethasone_prints_no_interval_and_no_route_because_the_source_states_none() -> None:
    dose = compute_dose(DOSES["dexamethasone"], weight("72"))
    assert (dose.interval, dose.route) == (None, None)


def test_a_product_is_exact_and_only_shown_with_one_decimal() -> None:
    dose = compute_dose(DOSES["tocilizumab"], weight("72.333"))
    assert dose.value == Decimal("578.664")
    assert dose.arithmetic.endswith("= 578.7 mg")


def test_a_fixed_dose_is_said_to_be_one_and_names_no_weight() -> None:
    rule = load_protocol("asco-2021").doses["dexamethasone-q6h"]
    assert rule.fixed == 10
    dose = fixed_dose(rule, rule.fixed)
    assert (dose.value, dose.unit) == (Decimal(10), "mg")
    assert dose.arithmetic == "10 mg, the source's fixed dose for adults"
    assert dose.interval == "every 6 hours, rapid taper on improvement"
    assert dose.weight_kg is None
