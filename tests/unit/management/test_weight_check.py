"""A weight that may be a slip of the pen moves no dose, and is said with the one it does not fit."""

import pytest

from grading.assessment import Gap
from grading.chart import GapWhat, GapWhy
from management.guard_rails import RefusedWeight, usable_weight
from management.protocol import load_protocol
from management.review import Guard, Review
from management.reviewing import review, situate
from tests.spec.management.bedside import AT, chart_of

PROTOCOL = load_protocol("met-2021")


def reviewed(phrases: str) -> Review:
    found = review(chart_of(phrases), AT, PROTOCOL)
    assert found is not None
    return found


def is_used(phrases: str) -> bool:
    situation = situate(chart_of(phrases), AT, PROTOCOL)
    assert situation is not None
    return not isinstance(usable_weight(situation), RefusedWeight)


@pytest.mark.parametrize(
    ("phrases", "used"),
    [
        ("no weight; weight 72 60h; weight 7.2 3h", False),  # a tenth
        ("no weight; weight 72 60h; weight 159 3h", False),  # pounds charted as kilograms
        ("no weight; weight 72 60h; weight 90 3h", True),  # exactly a quarter more
        ("no weight; weight 72 60h; weight 90.1 3h", False),
        ("no weight; weight 72 60h; weight 54 3h", True),  # exactly a quarter less
        ("no weight; weight 72 60h; weight 53.9 3h", False),
        ("no weight; weight 72 60h; weight 7.2 30h; weight 72.5 3h", True),  # the slip was before
        (
            "no weight; weight 50 200h; weight 7 90h; weight 7 80h; weight 7 70h; weight 50 3h",
            False,
        ),
        ("no weight; weight 29.9 3h", False),  # an adult's only weight
        ("no weight; weight 30 3h", True),
        ("no weight; age 9; weight 24 3h", True),  # a child's
        ("no weight; age unknown; weight 24 3h", True),
    ],
)
def test_a_weight_is_used_where_it_fits_one_of_the_last_three(phrases: str, used: bool) -> None:
    assert is_used(phrases) is used


def test_no_dose_rests_on_a_weight_that_does_not_fit() -> None:
    found = reviewed("fever 38.8; norepinephrine 4h; no weight; weight 72 60h; weight 7.2 3h")
    assert not any(item.dose and item.dose.weight_kg for item in found.recommendations)
    (held,) = (item for item in found.withheld if item.id == "tocilizumab.dose")
    assert held.because is Guard.NO_WEIGHT
    assert held.text.startswith(
        "Latest weight 7.2 kg of 2026-03-10 09:00 +00:00 does not fit"
        " 72 kg of 2026-03-08 00:00 +00:00: check it"
    )
    assert "ask.missing-data" in {item.id for item in found.recommendations}


def test_a_weight_that_does_not_fit_is_a_gap_that_widens_no_range() -> None:
    found = reviewed("fever 38.8; no weight; weight 29 3h")
    gaps = [gap for gap in found.assessment.gaps if gap.what is GapWhat.WEIGHT]
    text = "Weight 29 kg of 2026-03-10 09:00 +00:00 is below 30 kg in an adult: check it"
    assert gaps == [Gap(GapWhat.WEIGHT, GapWhy.IMPLAUSIBLE, text)]
    assert found.assessment.crs.grade == 1
