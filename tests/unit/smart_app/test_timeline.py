"""The timeline: what is on it, from when until when, and where it says that nothing is known."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from grading.chart import ArousalScale, ArousalScore, Chart, ChartGap, GapWhat, GapWhy, Patient, Source
from grading.course import course_of
from smart_app.timeline import Timeline, Window, draw_up_timeline
from smart_app.timeline_lanes import Bar, BarLane, Lane, LineLane, MarkLane, Style
from smart_app.timeline_rows import Kind, Row
from tests import chart_builders as build
from tests.chart_builders import ADULT, AT, ago, well_charted

WARD = timezone(timedelta(hours=1))
EVERY_2_H = range(72, -1, -2)
CHARTED = well_charted(
    temperatures=tuple(build.temperature("37.0", hour) for hour in EVERY_2_H),
    systolic_pressures=tuple(build.systolic(118, hour) for hour in EVERY_2_H),
    oxygen_devices=tuple(build.device("room-air", hour) for hour in EVERY_2_H),
    saturations=tuple(build.saturation(96, hour) for hour in EVERY_2_H),
    ice_scores=tuple(build.ice(10, None, hour) for hour in EVERY_2_H),
    consciousness=tuple(build.consciousness("alert", hour) for hour in EVERY_2_H),
)


def drawn_up(chart: Chart, window: Window = Window.THREE_DAYS, highlight: str | None = None) -> Timeline:
    return draw_up_timeline(chart, course_of(chart, AT), AT, WARD, window, highlight)


def lane(timeline: Timeline, name: str) -> Lane:
    (found,) = [each for each in timeline.lanes if each.name == name]
    return found


def line(timeline: Timeline, name: str) -> LineLane:
    found = lane(timeline, name)
    assert isinstance(found, LineLane)
    return found


def bars(timeline: Timeline, name: str) -> tuple[Bar, ...]:
    found = lane(timeline, name)
    assert isinstance(found, BarLane)
    return found.bars


def marks(timeline: Timeline, name: str) -> tuple[Row, ...]:
    return lane(timeline, name).marks


def hours(instant: datetime) -> float:
    """Hours ago, to the second: windows end a microsecond later."""
    return round((AT - instant) / timedelta(hours=1), 3)


def spans(found: tuple[Bar, ...]) -> list[tuple[float, float, str]]:
    return [(hours(bar.start), hours(bar.end), bar.labels[0]) for bar in found]


# -- the stretch of time -----------------------------------------------------------------------------------


def test_a_window_goes_back_from_now() -> None:
    assert hours(drawn_up(CHARTED, Window.DAY).start) == 24


def test_all_begins_with_the_day_of_the_infusion() -> None:
    # Infused three days before 10 March 08:00, so on 7 March; its day began at 00:00, 80 h ago.
    assert drawn_up(CHARTED, Window.ALL).start == datetime(2026, 3, 7, tzinfo=UTC)
    assert drawn_up(CHARTED, Window.WEEK).start == datetime(2026, 3, 7, tzinfo=UTC)


def test_minutes_after_an_infusion_at_midnight_an_hour_is_shown() -> None:
    just_now = replace(CHARTED, infusions=(replace(build.infusion(0), at=AT),))
    at = datetime(2026, 3, 10, 8, 5, tzinfo=UTC)
    timeline = draw_up_timeline(just_now, course_of(just_now, at), at, WARD, Window.ALL)
    assert timeline.start == datetime(2026, 3, 10, tzinfo=UTC)
    assert timeline.end - timeline.start >= timedelta(hours=1)


def test_without_a_date_of_the_infusion_there_are_values_and_no_grades() -> None:
    undated = replace(CHARTED, infusions=(replace(build.infusion(), at=None),))
    timeline = drawn_up(undated)
    assert timeline.infusion_at is None
    assert [each.name for each in timeline.lanes][:2] == ["Temperature", "Systolic"]
    assert hours(timeline.start) == 72


def test_what_is_charted_after_now_is_not_there() -> None:
    later = replace(CHARTED, temperatures=(*CHARTED.temperatures, build.temperature("41.0", -1)))
    assert "41.0 °C" not in {row.value for row in drawn_up(later).rows}


# -- lines and gaps ----------------------------------------------------------------------------------------


def test_a_line_is_broken_where_values_lie_further_apart_than_one_is_believed() -> None:
    # A pressure is believed for 4 h: from 30 to 20 h ago nothing is, from 34 to 30 h ago it just is.
    pressures = tuple(
        build.systolic(110, hour)
        for hour in (74, 70, 66, 62, 58, 54, 50, 46, 42, 38, 34, 30, 20, 17, 14, 11, 8, 5, 2)
    )
    found = line(drawn_up(replace(CHARTED, systolic_pressures=pressures)), "Systolic")
    assert [(hours(gap.start), hours(gap.end)) for gap in found.gaps] == [(30, 20)]
    assert [(hours(run[0].at), hours(run[-1].at)) for run in found.runs] == [(70, 30), (20, 2)]


def test_a_line_that_ends_long_ago_is_followed_by_a_gap_up_to_now() -> None:
    pressures = tuple(build.systolic(110, hour) for hour in range(74, 8, -2))
    found = line(drawn_up(replace(CHARTED, systolic_pressures=pressures)), "Systolic")
    assert [(hours(gap.start), hours(gap.end)) for gap in found.gaps] == [(10, 0)]


def test_a_value_from_before_the_window_closes_its_beginning() -> None:
    pressures = (
        build.systolic(110, 73),
        build.systolic(111, 70),
        *(build.systolic(110, h) for h in range(66, -1, -4)),
    )
    assert line(drawn_up(replace(CHARTED, systolic_pressures=pressures)), "Systolic").gaps == ()


def test_nothing_charted_is_one_gap() -> None:
    found = line(drawn_up(replace(CHARTED, saturations=())), "SpO2")
    assert found.runs == ()
    assert [(hours(gap.start), hours(gap.end)) for gap in found.gaps] == [(72, 0)]


def test_a_value_beyond_the_scale_widens_it() -> None:
    hot = replace(CHARTED, temperatures=(*CHARTED.temperatures, build.temperature("41.3", 0)))
    found = line(drawn_up(hot), "Temperature")
    assert (found.bottom, found.top) == (Decimal(36), Decimal("41.3"))


def test_the_limit_of_fever_is_drawn() -> None:
    assert line(drawn_up(CHARTED), "Temperature").limits == ((Decimal("38.0"), "38.0"),)


@pytest.mark.parametrize(("years", "cut"), [(40, "90"), (8, "86"), (0, "70")])
def test_the_limit_of_pressure_is_that_of_the_age(years: int, cut: str) -> None:
    # 70 mmHg in the first year, 70 + 2 x years up to 10, 90 from 11 on.
    born = AT.date().replace(year=AT.year - years, month=1)
    timeline = drawn_up(replace(CHARTED, patient=Patient(birth_date=born)))
    assert line(timeline, "Systolic").limits[0][1] == cut


def test_a_search_that_failed_is_told_in_its_lane() -> None:
    timeline = drawn_up(replace(CHARTED, gaps=(ChartGap(GapWhat.STEROIDS, GapWhy.NOT_RETRIEVED),)))
    assert lane(timeline, "Steroid").unread
    assert not lane(timeline, "Anticytokine").unread


# -- what holds the patient up -----------------------------------------------------------------------------


def test_rates_of_an_infusion_are_bars_one_after_the_other() -> None:
    drips = (
        build.drip("norepinephrine", 20, 12, rate="0.05"),
        build.drip("norepinephrine", 12, None, rate="0.1234"),
    )
    found = bars(drawn_up(replace(CHARTED, vasoactives=drips)), "Norepinephrine")
    assert spans(found) == [(20, 12, "0.05 mcg/kg/min"), (12, 0, "0.123 mcg/kg/min")]
    assert found[1].words == "0.123 mcg/kg/min (running)"


def test_each_agent_has_its_lane_and_an_inotrope_says_that_it_does_not_count() -> None:
    drips = (build.drip("norepinephrine", 20), build.drip("milrinone", 10))
    names = [each.name for each in drawn_up(replace(CHARTED, vasoactives=drips)).lanes]
    assert "Norepinephrine" in names
    assert "Milrinone (not counted)" in names


def test_between_two_runs_of_a_drug_no_bar_is_drawn() -> None:
    drips = (build.drip("norepinephrine", 30, 20), build.drip("norepinephrine", 10, 5))
    found = bars(drawn_up(replace(CHARTED, vasoactives=drips)), "Norepinephrine")
    assert [(start, end) for start, end, _ in spans(found)] == [(30, 20), (10, 5)]


def test_a_push_is_a_mark_and_no_bar() -> None:
    push = build.drip("phenylephrine", 6, 6, rate=None)
    timeline = drawn_up(replace(CHARTED, vasoactives=(push,)))
    assert bars(timeline, "Phenylephrine") == ()
    (row,) = marks(timeline, "Phenylephrine")
    assert row.remarks == ("given at once: not counted as an infusion",)


def test_an_infusion_that_nobody_charted_for_a_week_is_uncertain() -> None:
    old = replace(
        CHARTED, infusions=(build.infusion(10),), vasoactives=(build.drip("norepinephrine", 9 * 24),)
    )
    found = bars(drawn_up(old), "Norepinephrine")
    # Nine days open: believed for seven, which ended 48 h ago.
    assert [(hours(bar.start), hours(bar.end), bar.style) for bar in found] == [
        (72, 48, Style.RUNNING),
        (48, 0, Style.UNCERTAIN),
    ]


def test_no_vasopressor_is_an_empty_lane() -> None:
    assert bars(drawn_up(CHARTED), "Vasopressors") == ()


def test_a_device_holds_with_its_flow_until_the_next_one() -> None:
    devices = (
        build.device("room-air", 72),
        *(build.device("room-air", h) for h in (62, 52, 42)),
        build.device("nasal-cannula", 32),
    )
    flows = (build.flow(2, 32), build.flow(4, 25))
    found = lane(drawn_up(replace(CHARTED, oxygen_devices=devices, oxygen_flows=flows)), "Oxygen")
    assert isinstance(found, BarLane)
    # The cannula is believed for 12 h, the flow of 4 L/min for 12 h after 25 h ago: then nothing is known.
    assert spans(found.bars) == [
        (72, 32, "room air"),
        (32, 25, "nasal cannula, 2 L/min"),
        (25, 20, "nasal cannula, 4 L/min"),
        (20, 13, "device not charted, 4 L/min"),
    ]
    assert [(hours(gap.start), hours(gap.end)) for gap in found.gaps] == [(13, 0)]


def test_a_drug_nobody_can_read_is_an_uncertain_bar_while_it_runs() -> None:
    unknown = ChartGap(
        GapWhat.VASOPRESSORS, GapWhy.UNMAPPED, "Noradrenalin XY", ago(15), ago(12), running_rate=True
    )
    (bar,) = bars(drawn_up(replace(CHARTED, gaps=(unknown,))), "Not readable")
    assert (hours(bar.start), hours(bar.end), bar.style) == (15, 12, Style.UNCERTAIN)
    assert bar.labels[0] == "may be a vasopressor: Noradrenalin XY"


# -- grades ------------------------------------------------------------------------------------------------


def test_a_fever_is_a_step_to_one() -> None:
    fever = replace(
        CHARTED,
        temperatures=(*CHARTED.temperatures[:-5], build.temperature("38.5", 9), *CHARTED.temperatures[-5:]),
    )
    found = bars(drawn_up(fever), "CRS")
    assert spans(found) == [(72, 9, "0"), (9, 0, "1")]
    assert [bar.style for bar in found] == [Style.GRADE, Style.GRADE]


def test_what_is_not_decidable_is_a_range_and_never_a_grade() -> None:
    # A fever 15 h ago, and no pressure since 10 h ago, which is believed for 4 h: then 1 to 2.
    chart = replace(
        CHARTED,
        temperatures=tuple(
            sorted((*CHARTED.temperatures, build.temperature("38.5", 15)), key=lambda row: row.at)
        ),
        systolic_pressures=tuple(row for row in CHARTED.systolic_pressures if row.at <= ago(10)),
    )
    last = bars(drawn_up(chart), "CRS")[-1]
    assert (last.style, hours(last.start), last.lowest, last.highest) == (Style.RANGE, 6, 1, 2)
    assert last.labels == ("1–2?", "?")


def test_sedation_is_not_assessable_and_no_zero() -> None:
    sedated = replace(CHARTED, sedation=(build.sedated(True, 5),))
    last = bars(drawn_up(sedated), "ICANS")[-1]
    assert (last.style, last.words, hours(last.start)) == (Style.UNASSESSABLE, "not assessable", 5)


# -- marks -------------------------------------------------------------------------------------------------


def test_doses_stand_in_the_lane_of_their_class() -> None:
    doses = (
        build.dose("acetaminophen", 30, milligrams=Decimal(1000)),
        build.dose("tocilizumab", 20, milligrams=Decimal("576.00")),
        build.dose("dexamethasone", 10, milligrams=Decimal(10)),
    )
    timeline = drawn_up(replace(CHARTED, drug_doses=doses))
    assert [row.label for row in marks(timeline, "Anticytokine")] == ["576 mg"]
    assert [row.label for row in marks(timeline, "Steroid")] == ["10 mg"]
    (antipyretic,) = marks(timeline, "Temperature")
    assert (antipyretic.kind, antipyretic.remarks) == (Kind.ANTIPYRETIC, ("may mask fever",))


def test_a_dose_without_an_amount_says_so() -> None:
    timeline = drawn_up(replace(CHARTED, drug_doses=(build.dose("dexamethasone", 10),)))
    assert [row.value for row in marks(timeline, "Steroid")] == ["amount not charted"]


def test_a_cream_masks_no_fever() -> None:
    cream = build.dose("hydrocortisone", 5, systemic=False)
    (row,) = marks(drawn_up(replace(CHARTED, drug_doses=(cream,))), "Steroid")
    assert row.remarks == ("local form: masks no fever and treats neither syndrome",)


def test_fluid_stands_under_the_pressure() -> None:
    (row,) = marks(drawn_up(replace(CHARTED, fluid_boluses=(build.bolus(500, 3),))), "Systolic")
    assert (row.what, row.value, hours(row.at)) == ("Fluid bolus", "500 mL", 3)


def test_an_ice_with_items_not_done_is_a_range() -> None:
    (run,) = line(drawn_up(replace(CHARTED, ice_scores=(build.ice(6, 9, 3),))), "ICE").runs
    assert (run[0].label, run[0].lowest, run[0].number) == ("6–9", Decimal(6), Decimal(9))


def test_a_child_has_a_lane_of_capd_and_one_not_performed_is_not_zero() -> None:
    child = replace(
        CHARTED,
        patient=Patient(birth_date=AT.date().replace(year=AT.year - 5)),
        ice_scores=(),
        capd_scores=(build.capd(4, 20), build.capd(None, 10)),
    )
    timeline = drawn_up(child)
    found = line(timeline, "CAPD")
    assert "ICE" not in [each.name for each in timeline.lanes]
    assert [[row.value for row in run] for run in found.runs] == [["4"]]
    assert [row.value for row in found.marks] == ["could not be performed"]


def test_findings_charted_as_absent_differ_from_findings() -> None:
    timeline = drawn_up(
        replace(CHARTED, seizures=(build.seizure("none", 9), build.seizure("brief-resolved", 4)))
    )
    assert [(row.found, row.value) for row in marks(timeline, "Seizure")] == [
        (False, "none"),
        (True, "brief seizure, resolved"),
    ]


def test_rass_zero_is_no_finding_and_minus_two_is() -> None:
    scores = tuple(
        ArousalScore(ago(hour), ArousalScale.RASS, score, build.SOURCE) for score, hour in ((0, 9), (-2, 4))
    )
    timeline = drawn_up(replace(CHARTED, consciousness=(), arousal_scores=scores))
    assert [(row.found, row.value) for row in marks(timeline, "Arousal") if row.what == "RASS"] == [
        (False, "0"),
        (True, "-2"),
    ]


def test_a_fever_attributed_elsewhere_says_so_and_a_normal_temperature_does_not() -> None:
    chart = replace(
        CHARTED,
        temperatures=(build.temperature("38.4", 6), build.temperature("37.2", 3)),
        attributions=(build.elsewhere("fever", 5, cause="transfusion"),),
    )
    (run,) = line(drawn_up(chart), "Temperature").runs
    assert [(row.value, row.attributed) for row in run] == [("38.4 °C", True), ("37.2 °C", False)]
    assert run[0].remarks == ("attributed to another cause by a clinician: transfusion",)


def test_a_withdrawn_attribution_marks_nothing_and_is_told() -> None:
    chart = replace(
        CHARTED,
        temperatures=(build.temperature("38.4", 6),),
        attributions=(build.elsewhere("fever", 5), build.elsewhere("fever", 4, withdrawn=True)),
    )
    timeline = drawn_up(chart)
    assert not any(row.attributed for row in timeline.rows)
    told = [row.value for row in timeline.rows if row.kind is Kind.ATTRIBUTION]
    assert told == ["bacteraemia", "withdrawn"]
    assert [row.found for row in marks(timeline, "Attributions")] == [True, False]


def test_the_observation_looked_for_is_marked() -> None:
    wanted = replace(build.temperature("38.4", 6), source=Source("Observation/t7", "read as °C"))
    timeline = drawn_up(replace(CHARTED, temperatures=(wanted,)), highlight="Observation/t7")
    assert [(row.value, row.remarks) for row in timeline.rows if row.highlighted] == [
        ("38.4 °C", ("read as °C",))
    ]


def test_an_unreadable_value_is_a_mark_with_its_time() -> None:
    gap = ChartGap(GapWhat.TEMPERATURE, GapWhy.IMPLAUSIBLE, "83 °C", ago(7), source=Source("Observation/x"))
    (row,) = marks(drawn_up(replace(CHARTED, gaps=(gap,))), "Not readable")
    assert (hours(row.at), row.value, row.label) == (7, "83 °C", "?")


@pytest.mark.parametrize(
    ("celsius", "told"), [("38", "38.0 °C"), ("37.96", "37.96 °C"), ("38.10", "38.1 °C")]
)
def test_a_temperature_is_not_rounded_across_the_limit(celsius: str, told: str) -> None:
    chart = replace(CHARTED, patient=ADULT, temperatures=(build.temperature(celsius, 1),))
    assert [row.value for row in drawn_up(chart).rows if row.kind is Kind.TEMPERATURE] == [told]


def test_marks_and_lanes_are_of_known_types() -> None:
    assert {type(each) for each in drawn_up(CHARTED).lanes} == {BarLane, LineLane, MarkLane}
