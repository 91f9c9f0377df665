"""The course that is played gets at each of its milestones the grade worked out by hand."""

import json
from datetime import timedelta
from typing import Any

import pytest

from cart_cds.grade_bundle import grade_bundle
from ehr_sandbox.played_course import MILESTONES, played_record
from ehr_sandbox.record import CHART_CLOCK

EXTENSION = "io.github.cart-toxicity-cds.assessment"

# hours: day, CRS, ICANS, from the course as told. CRS: 38.9 °C alone is 1; low pressure with fluid, or 2 to
# 3 L/min by cannula, is 2; norepinephrine is 3, from 27 h to 50 h, and counts without fever since tocilizumab
# at 32 h. ICANS: ICE 7-9 is 1, 3-6 is 2, 0-2 is 3.
EXPECTED = {
    0: (1, 0, 0),
    12: (1, 1, 0),
    24: (2, 2, 0),
    36: (2, 3, 0),
    48: (3, 3, 0),
    60: (3, 0, 0),
    72: (4, 0, 1),
    84: (4, 0, 2),
    96: (5, 0, 3),
    120: (6, 0, 2),
    144: (7, 0, 1),
    168: (8, 0, 0),
    192: (9, 0, 0),
}


def assessed(hours: int) -> dict[str, Any]:
    bundle = json.dumps(played_record().bundle()).encode()
    document: Any = grade_bundle(bundle, at=CHART_CLOCK + timedelta(hours=hours))
    return dict(document[EXTENSION])


def test_every_milestone_has_its_answer_by_hand() -> None:
    assert [one.hours for one in MILESTONES] == list(EXPECTED)


@pytest.mark.parametrize("hours", EXPECTED)
def test_the_grades_of_a_milestone_are_those_worked_out_by_hand(hours: int) -> None:
    found = assessed(hours)
    assert (found["infusion"]["day"], found["crs"]["grade"], found["icans"]["grade"]) == EXPECTED[hours]


def test_what_the_milestones_promise_is_offered() -> None:
    def offered(hours: int) -> set[str]:
        return {one["id"] for one in assessed(hours).get("recommendations", ())}

    assert {"infection-workup", "empiric-antibiotics"} <= offered(12)
    assert assessed(36)["inputs"]["tocilizumabDoses"] == {"last24h": 1, "total": 1, "hoursSinceLast": 4.0}
    assert "dexamethasone.dose" in offered(84)
    assert "steroid.taper" in offered(144)
