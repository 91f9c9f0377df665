"""Gaps that leave the grade as it is and are said all the same: something else rests on what is missing."""

from dataclasses import replace
from typing import Any

import pytest

from grading.assess import assess
from grading.assessment import Gap
from grading.chart import Chart, ChartGap, GapWhat, GapWhy
from tests import chart_builders as build
from tests.chart_builders import AT, well_charted

FEVER = (build.temperature("38.8"),)


def gaps_of(chart: Chart, *what: GapWhat) -> list[Gap]:
    found = assess(chart, AT)
    assert found is not None
    return [gap for gap in found.gaps if gap.what in what]


@pytest.mark.parametrize(
    "changes",
    [
        {"vasoactives": (build.drip("norepinephrine", 5),)},
        {"hypotension_statements": (build.hypotension(True),)},
    ],
    ids=["on a vasopressor", "as stated"],
)
def test_no_pressure_is_said_where_the_grade_does_not_need_it(changes: dict[str, Any]) -> None:
    chart = well_charted(temperatures=FEVER, systolic_pressures=(), **changes)
    assert gaps_of(chart, GapWhat.BLOOD_PRESSURE) == [Gap(GapWhat.BLOOD_PRESSURE, GapWhy.NOT_CHARTED)]
    old = replace(chart, systolic_pressures=(build.systolic(84, 5),))
    assert gaps_of(old, GapWhat.BLOOD_PRESSURE) == [Gap(GapWhat.BLOOD_PRESSURE, GapWhy.STALE)]


def test_a_pressure_that_could_not_be_read_under_a_vasopressor_is_said_as_that() -> None:
    unread = ChartGap(GapWhat.BLOOD_PRESSURE, GapWhy.IMPLAUSIBLE, "20 mmHg", AT)
    chart = well_charted(
        temperatures=FEVER,
        systolic_pressures=(),
        vasoactives=(build.drip("norepinephrine", 5),),
        gaps=(unread,),
    )
    (found,) = gaps_of(chart, GapWhat.BLOOD_PRESSURE)
    assert (found.why, found.detail) == (GapWhy.IMPLAUSIBLE, "20 mmHg")


def test_room_air_without_any_saturation_is_no_hypoxia_and_says_so() -> None:
    chart = well_charted(temperatures=FEVER, saturations=())
    assert gaps_of(chart, GapWhat.SPO2) == [Gap(GapWhat.SPO2, GapWhy.NOT_CHARTED)]
    assert gaps_of(replace(chart, saturations=(build.saturation(88, 13),)), GapWhat.SPO2) == [
        Gap(GapWhat.SPO2, GapWhy.STALE)
    ]
    unread = ChartGap(GapWhat.SPO2, GapWhy.IMPLAUSIBLE, "300 %", AT)
    (found,) = gaps_of(replace(chart, gaps=(unread,)), GapWhat.SPO2)
    assert found.why is GapWhy.IMPLAUSIBLE


def test_nobody_said_whether_a_sedative_explains_what_was_found() -> None:
    listed = [Gap(GapWhat.SEDATION, GapWhy.NOT_CHARTED)]
    roused = well_charted(sedation=(), consciousness=(build.consciousness("awakens-to-voice"),))
    assert gaps_of(roused, GapWhat.SEDATION) == listed
    unknown = well_charted(sedation=(), consciousness=(), ice_scores=())
    assert gaps_of(unknown, GapWhat.SEDATION) == listed
    assert gaps_of(well_charted(sedation=()), GapWhat.SEDATION) == []
    assert gaps_of(replace(roused, sedation=(build.sedated(False),)), GapWhat.SEDATION) == []


def test_an_entry_on_sedation_that_nobody_could_read_is_said_once() -> None:
    unread = ChartGap(GapWhat.SEDATION, GapWhy.UNMAPPED, "deep", AT)
    roused = well_charted(
        sedation=(), consciousness=(build.consciousness("awakens-to-voice"),), gaps=(unread,)
    )
    assert [gap.why for gap in gaps_of(roused, GapWhat.SEDATION)] == [GapWhy.UNMAPPED]


def test_without_a_date_of_the_infusion_a_missing_temperature_is_said_too() -> None:
    chart = well_charted(infusions=(replace(build.infusion(), at=None),))
    assert gaps_of(chart, GapWhat.TEMPERATURE) == []
    assert gaps_of(replace(chart, temperatures=()), GapWhat.TEMPERATURE) == [
        Gap(GapWhat.TEMPERATURE, GapWhy.NOT_CHARTED)
    ]


def test_an_attribution_hides_no_search_that_failed() -> None:
    failed = ChartGap(GapWhat.RAISED_ICP, GapWhy.NOT_RETRIEVED, "neurology", None)
    chart = well_charted(attributions=(build.elsewhere("neurological"),), gaps=(failed,))
    (found,) = gaps_of(chart, GapWhat.RAISED_ICP)
    assert found.why is GapWhy.NOT_RETRIEVED


def test_an_ice_charted_under_12_years_is_told_beside_the_missing_capd() -> None:
    child = replace(well_charted().patient, birth_date=AT.date().replace(year=AT.year - 11))
    chart = well_charted(patient=child, ice_scores=(build.ice(5),), temperatures=FEVER)
    (found,) = gaps_of(chart, GapWhat.CAPD)
    assert found.detail == "ICE 5 was charted; at this age CAPD is scored"
    assert found.widens_range
