"""The course beside its tables: who has none, fast clocks, birthdays, death, what could not be read."""

from dataclasses import replace
from datetime import date, timedelta

from grading.assessment import GradeStep, Status
from grading.chart import CartInfusion, Chart, ChartGap, GapWhat, GapWhy, Patient
from grading.course import PatientCourse, course_of
from tests import chart_builders as build
from tests.chart_builders import AT, ago, well_charted

MOMENT = timedelta(microseconds=1)
HOURS = range(72, -1, -2)
REGULAR = well_charted(
    temperatures=tuple(build.temperature("37.0", hour) for hour in HOURS),
    systolic_pressures=tuple(build.systolic(118, hour) for hour in HOURS),
    oxygen_devices=tuple(build.device("room-air", hour) for hour in HOURS),
    saturations=tuple(build.saturation(96, hour) for hour in HOURS),
    ice_scores=tuple(build.ice(10, None, hour) for hour in HOURS),
    consciousness=tuple(build.consciousness("alert", hour) for hour in HOURS),
)


def _with_fever(chart: Chart, hours: float = 10) -> Chart:
    readings = (*chart.temperatures, build.temperature("38.5", hours))
    return replace(chart, temperatures=tuple(sorted(readings, key=lambda row: row.at)))


def _course(chart: Chart) -> PatientCourse:
    course = course_of(chart, AT)
    assert course is not None
    return course


def _told(steps: tuple[GradeStep, ...]) -> list[tuple[float, int, int]]:
    """Hours ago to a few milliseconds, and the range."""
    return [(round((AT - step.at) / timedelta(hours=1), 6), step.lowest, step.highest) for step in steps]


def test_without_an_infusion_there_is_no_course() -> None:
    assert course_of(replace(REGULAR, infusions=()), AT) is None


def test_after_the_monitoring_window_there_is_no_course() -> None:
    assert course_of(replace(REGULAR, infusions=(build.infusion(31),)), AT) is None


def test_an_infusion_without_a_date_has_no_course() -> None:
    undated = CartInfusion(None, None, build.SOURCE)
    assert course_of(replace(REGULAR, infusions=(undated,)), AT) is None


def test_an_infusion_ahead_of_a_slow_clock_has_the_present_alone() -> None:
    infusion = CartInfusion(AT + timedelta(minutes=3), None, build.SOURCE)
    course = _course(replace(REGULAR, infusions=(infusion,), drug_doses=(build.dose("tocilizumab", -0.06),)))
    assert [step.at for step in course.crs.steps] == [AT]
    assert course.treatments[0].crs_before == course.crs.steps[0]
    assert course.crs.step_at(AT - MOMENT) is None


def test_what_is_charted_ahead_of_a_slow_clock_is_a_step_of_now() -> None:
    course = _course(_with_fever(REGULAR, -0.05))
    assert _told(course.crs.steps) == [(72, 0, 0), (0, 1, 1)]


def test_a_twelfth_birthday_changes_the_scale() -> None:
    born = (AT - timedelta(hours=20)).date().replace(year=AT.year - 12)
    chart = replace(REGULAR, patient=Patient(birth_date=born))
    midnight = (AT - AT.replace(day=9, hour=0)) / timedelta(hours=1)
    steps = _told(_course(chart).icans.steps)
    # Alert and without a CAPD a child of eleven may be anything up to 3; at twelve ICE 10 counts.
    assert steps == [(72, 0, 3), (midnight, 0, 0)]


def test_a_pressure_is_judged_by_the_age_of_its_day() -> None:
    born = (AT - timedelta(hours=20)).date().replace(year=AT.year - 8)
    pressures = tuple(build.systolic(85, hour) for hour in HOURS)
    chart = _with_fever(replace(REGULAR, patient=Patient(birth_date=born), systolic_pressures=pressures), 40)
    midnight = (AT - AT.replace(day=9, hour=0)) / timedelta(hours=1)
    # 85 mmHg is above 70 + 2 x 7 = 84 and below 70 + 2 x 8 = 86.
    steps = _told(_course(chart).crs.steps)
    assert steps[:3] == [(72, 0, 0), (40, 1, 1), (midnight, 2, 2)]


def test_a_birthday_on_a_leap_day_is_the_first_of_march_of_other_years() -> None:
    chart = replace(REGULAR, patient=Patient(birth_date=date(2016, 2, 29)), infusions=(build.infusion(20),))
    assert _course(chart).crs.steps[0].at == ago(20 * 24)


def test_death_is_a_step() -> None:
    chart = replace(REGULAR, patient=replace(build.ADULT, deceased=True, deceased_at=ago(5)))
    assert _course(chart).crs.steps[-1] == GradeStep(ago(5), Status.NOT_ASSESSABLE, None, 0, 4)


def test_a_death_without_a_time_is_a_step_of_now() -> None:
    chart = replace(REGULAR, patient=replace(build.ADULT, deceased=True))
    assert _told(_course(chart).crs.steps) == [(72, 0, 0), (0, 0, 4)]


def test_unknown_drugs_by_a_running_rate_widen_the_range_while_they_run() -> None:
    def unknown(start: float, end: float | None) -> ChartGap:
        until = None if end is None else ago(end)
        return ChartGap(GapWhat.VASOPRESSORS, GapWhy.UNMAPPED, "x", ago(start), until, running_rate=True)

    chart = replace(_with_fever(REGULAR, 20), gaps=(unknown(16, 10), unknown(12, None)))
    steps = _told(_course(chart).crs.steps)
    assert steps == [(72, 0, 0), (20, 1, 1), (16, 1, 3), (12, 1, 4), (10, 1, 3)]


def test_a_search_that_failed_leaves_a_range_throughout() -> None:
    failed = ChartGap(GapWhat.OXYGEN, GapWhy.NOT_RETRIEVED)
    steps = _told(_course(replace(_with_fever(REGULAR), gaps=(failed,))).crs.steps)
    assert steps == [(72, 0, 4), (10, 1, 4)]


def test_an_unreadable_temperature_may_hide_a_fever_until_the_next_reading() -> None:
    unread = ChartGap(GapWhat.TEMPERATURE, GapWhy.UNMAPPED, "x", ago(11))
    steps = _told(_course(replace(REGULAR, gaps=(unread,))).crs.steps)
    assert steps == [(72, 0, 0), (11, 0, 1), (10, 0, 0)]


def test_several_unreadable_devices_are_one_range() -> None:
    unread = tuple(ChartGap(GapWhat.OXYGEN, GapWhy.UNMAPPED, "x", ago(hour)) for hour in (35, 34, 30, 10))
    devices = (build.device("room-air", 48), build.device("room-air", 36), build.device("room-air", 12))
    chart = replace(_with_fever(REGULAR, 40), oxygen_devices=devices, gaps=unread)
    # Each holds for 12 hours or until the next device; the saturation then tells that no support is needed.
    # The fever leaves its window 16 hours ago; the last unreadable device is without one.
    assert _told(_course(chart).crs.steps) == [
        (72, 0, 0),
        (40, 1, 1),
        (35, 1, 4),
        (18, 1, 1),
        (16, 0, 0),
        (10, 0, 4),
    ]


def test_a_gap_that_ends_before_it_begins_is_none() -> None:
    odd = ChartGap(GapWhat.SPO2, GapWhy.UNMAPPED, "x", ago(11), ago(60))
    assert _told(_course(replace(REGULAR, gaps=(odd,))).crs.steps) == [(72, 0, 0)]


def test_an_unreadable_entry_outside_the_course_is_no_step() -> None:
    gaps = tuple(ChartGap(GapWhat.ICE, GapWhy.UNMAPPED, "x", ago(hour)) for hour in (200, -30))
    assert _told(_course(replace(REGULAR, gaps=gaps)).icans.steps) == [(72, 0, 0)]


def test_the_hours_between_doses_are_exact() -> None:
    doses = (build.dose("tocilizumab", 12), build.dose("tocilizumab", 4.25))
    first, second = _course(replace(REGULAR, drug_doses=doses)).treatments
    assert (first.hours_since_previous, str(second.hours_since_previous)) == (None, "7.75")
    assert (first.after_at, second.after_at) == (ago(4.25), AT)


def test_a_device_charted_by_two_systems_is_a_change_all_the_same() -> None:
    twice = (build.device("simple-mask", 9), build.device("simple-mask", 9), build.device("simple-mask", 8))
    devices = (*(row for row in REGULAR.oxygen_devices if row.at < ago(9)), *twice)
    steps = _told(_course(replace(_with_fever(REGULAR), oxygen_devices=devices)).crs.steps)
    assert steps == [(72, 0, 0), (10, 1, 1), (9, 3, 3)]
