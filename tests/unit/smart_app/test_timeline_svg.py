"""The drawing: places worked out by hand, what must be drawn, and what can be focused."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from xml.etree import ElementTree

import pytest

from grading.chart import Chart, ChartGap, GapWhat, GapWhy, Source
from grading.course import course_of
from smart_app.timeline import Timeline, Window, draw_up_timeline
from smart_app.timeline_rows import Kind, Row
from smart_app.timeline_scale import TimeScale, ValueScale, notable_points, thin_points
from smart_app.timeline_svg import Drawing, draw_timeline
from smart_app.timeline_table import event_lines, vitals_lines
from tests import chart_builders as build
from tests.chart_builders import AT, ago, well_charted
from tests.unit.smart_app.test_timeline import CHARTED, WARD

SVG = "{http://www.w3.org/2000/svg}"
SCALE = TimeScale(ago(72), AT)


def timeline_of(chart: Chart, window: Window = Window.THREE_DAYS) -> Timeline:
    return draw_up_timeline(chart, course_of(chart, AT), AT, WARD, window)


def drawn(chart: Chart, window: Window = Window.THREE_DAYS) -> Drawing:
    return draw_timeline(timeline_of(chart, window))


def parsed(svg: str) -> ElementTree.Element:
    """As XML, where the namespace that HTML implies is written out."""
    return ElementTree.fromstring(str(svg).replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1))  # noqa: S314


def reading(number: str, hours: float, key: str = "v1") -> Row:
    return Row(key, Kind.TEMPERATURE, ago(hours), "Temperature", number, None, number=Decimal(number))


# -- places ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("hours", "x"), [(72, 20), (36, 430), (0, 840), (18, 635), (80, 20), (-1, 840)])
def test_an_instant_has_its_place(hours: float, x: float) -> None:
    # 72 h from 20 to 840 px: 11.39 px an hour; what lies outside stays at the edge.
    assert SCALE.x(ago(hours)) == x


@pytest.mark.parametrize(("value", "y"), [("36", 100), ("40", 20), ("38.0", 60), ("38.5", 50)])
def test_a_value_has_its_place(value: str, y: float) -> None:
    assert ValueScale(Decimal(36), Decimal(40), 100, 20).y(Decimal(value)) == y


def test_days_count_from_the_infusion_in_its_own_offset() -> None:
    # Infused on 7 March 08:00 UTC. The window begins on that day, and midnights are those of UTC.
    days = [(begun, number) for begun, number, _ in SCALE.days(ago(72), WARD)]
    assert days == [(ago(72), 0)] + [(datetime(2026, 3, day, tzinfo=UTC), day - 7) for day in (8, 9, 10)]


def test_clock_times_are_those_of_the_ward() -> None:
    # 68 px hold six hours; the ward is an hour ahead of UTC, so that its noon is 11:00 UTC.
    clocks = list(SCALE.clocks(WARD))
    assert (clocks[0].hour, clocks[0].utcoffset()) == (12, timedelta(hours=1))
    assert clocks[1] - clocks[0] == timedelta(hours=6)


def test_a_date_stands_under_its_day_where_both_have_no_room_in_one_line() -> None:
    fortnight = replace(CHARTED, infusions=(build.infusion(14),))
    plot = drawn(fortnight, Window.ALL).plot
    days = dict(re.findall(r'<text class="day" x="([\d.]+)" y="16">(Day \d+)</text>', plot))
    dates = dict(re.findall(r'<text class="date" x="([\d.]+)" y="32">([^<]+)</text>', plot))
    assert set(days) == set(dates)
    assert (days["24"], dates["24"]) == ("Day 0", "24 Feb")


@pytest.mark.parametrize(
    ("offset", "day", "dated"),
    [(0, True, True), (10, True, False), (12, False, False)],  # 16 h, 6 h, 4 h: 182, 68 and 46 px of Day 0
)
def test_a_first_day_too_narrow_for_its_words_does_not_run_into_the_next(
    offset: int, day: bool, dated: bool
) -> None:
    cart = CHARTED.infusions[0]
    assert cart.at is not None
    ward = timezone(timedelta(hours=offset))
    plot = drawn(replace(CHARTED, infusions=(replace(cart, at=ago(72).astimezone(ward)),))).plot
    assert ('<text class="day" x="24" y="16">' in plot) is day
    assert ('<text class="date" x="80" y="16">' in plot) is dated


def test_a_month_shows_days_and_no_clock() -> None:
    month = TimeScale(ago(30 * 24), AT)
    assert list(month.clocks(WARD)) == []
    # 27.3 px a day: every third day is named.
    labelled = [number for _, number, named in month.days(ago(30 * 24), WARD) if named]
    assert labelled[:3] == [0, 3, 6]


# -- which points are drawn --------------------------------------------------------------------------------


def test_extremes_and_crossings_survive_where_many_points_share_a_pixel() -> None:
    # One pixel is 5.27 min of 72 h: twenty readings within two minutes.
    values = ["37.1"] * 5 + ["39.9"] + ["37.2"] * 5 + ["35.0"] + ["37.3"] * 7 + ["38.0"]
    rows = [reading(value, 36 - place / 600, f"v{place}") for place, value in enumerate(values)]
    kept = [row.key for row in thin_points(rows, SCALE, 10, [Decimal("38.0")])]
    # First, before and at the first crossing, after it, the lowest, before the last crossing, the last.
    assert kept == ["v0", "v4", "v5", "v6", "v11", "v18", "v19"]


def test_few_points_are_all_drawn() -> None:
    rows = [reading("37.0", hour, f"v{hour}") for hour in range(72, 0, -1)]
    assert thin_points(rows, SCALE, 1, []) == rows


def test_the_keyboard_stops_at_extremes_crossings_and_the_newest() -> None:
    values = ["37.0", "37.1", "38.2", "38.9", "38.4", "37.4", "36.8", "37.0", "37.1"]
    rows = [reading(value, 20 - place, f"v{place}") for place, value in enumerate(values)]
    assert notable_points(rows, [Decimal("38.0")]) == {"v2", "v3", "v5", "v6", "v8"}


# -- the drawing -------------------------------------------------------------------------------------------

TREATED = replace(
    CHARTED,
    vasoactives=(build.drip("norepinephrine", 20, 12, rate="0.05"), build.drip("vasopressin", 6)),
    drug_doses=(
        build.dose("acetaminophen", 30, milligrams=Decimal(1000)),
        build.dose("tocilizumab", 20, milligrams=Decimal(576)),
    ),
    seizures=(build.seizure("brief-resolved", 10),),
    fluid_boluses=(build.bolus(500, 22),),
    sedation=(build.sedated(True, 3),),
)


@pytest.mark.parametrize("window", list(Window))
def test_both_drawings_are_well_formed_and_have_no_style_of_their_own(window: Window) -> None:
    drawing = drawn(TREATED, window)
    for svg in (drawing.plot, drawing.names):
        root = parsed(svg)
        assert not [each for each in root.iter() if "style" in each.attrib or each.tag == f"{SVG}style"]
        assert not [name for each in root.iter() for name in each.attrib if name.startswith("on")]


def test_the_drawing_is_an_image_with_title_and_description_beside_its_links() -> None:
    root = parsed(drawn(TREATED).plot)
    (image,) = [each for each in root.iter() if each.get("role") == "img"]
    assert image.get("aria-labelledby") == "tl-title tl-desc"
    assert image.find(f"{SVG}title") is not None
    assert "Norepinephrine" in (image.findtext(f"{SVG}desc") or "")
    # An image has no children for a screen reader: nothing to be focused lies in it.
    assert list(image.iter(f"{SVG}a")) == []


@pytest.mark.parametrize("window", list(Window))
def test_every_mark_leads_to_a_row_of_the_tables_and_has_a_name(window: Window) -> None:
    timeline = timeline_of(TREATED, window)
    happened, absent = event_lines(timeline)
    rows = {line.key for line in (*happened, *absent, *vitals_lines(timeline))}
    links = list(parsed(draw_timeline(timeline).plot).iter(f"{SVG}a"))
    assert len(links) > 20
    for link in links:
        assert link.get("href", "").removeprefix("#") in rows
        assert link.findtext(f"{SVG}title")


def test_a_mark_tells_value_time_and_source() -> None:
    titles = [each.text or "" for each in parsed(drawn(TREATED).plot).iter(f"{SVG}title")]
    # 20 h before 08:00 UTC on 10 March is 13:00 on the ward, on 9 March.
    assert "Tocilizumab 576 mg; 9 Mar 13:00; MedicationAdministration/dose" in titles
    assert (
        "Norepinephrine: 0.05 mcg/kg/min; 9 Mar 13:00 to 21:00; MedicationAdministration/norepinephrine"
        in titles
    )


def test_a_focused_mark_shows_its_text_in_the_plot() -> None:
    for link in parsed(drawn(TREATED).plot).iter(f"{SVG}a"):
        if link.get("tabindex") == "-1":
            continue
        (tip,) = [each for each in link if each.get("class") == "tip"]
        box = tip.find(f"{SVG}rect")
        assert box is not None
        left, width = float(box.get("x", "")), float(box.get("width", ""))
        assert left >= 0
        assert left + width <= 860


def test_a_dose_is_drawn_at_its_time_with_the_shape_of_its_class() -> None:
    uses = {(each.get("href"), each.get("x")) for each in parsed(drawn(TREATED).plot).iter(f"{SVG}use")}
    # 20 h of 72 h before the right edge: 840 - 820 x 20 / 72 = 612.2; 30 h: 498.3; 22 h: 589.4.
    assert {("#s-dose-a", "612.2"), ("#s-fever", "498.3"), ("#s-fluid", "589.4")} <= uses


def test_the_number_of_a_grade_is_written_and_not_only_coloured() -> None:
    # Grade 3 by norepinephrine needs a fever first; without one it stays 0.
    fever = replace(TREATED, temperatures=(build.temperature("38.5", 21), build.temperature("38.1", 2)))
    plot = drawn(fever).plot
    numbers = re.findall(r'<text class="number"[^>]*>([^<]*)</text>', plot)
    assert "3" in numbers


def test_a_grade_that_is_new_has_its_number_behind_the_present() -> None:
    # One hour of 72 is 11 px: no room for a number above the step, which ends at 840.
    fever = replace(CHARTED, temperatures=(build.temperature("36.8", 5), build.temperature("38.5", 1)))
    assert re.search(r'<text class="number" x="844"[^>]*>1</text>', drawn(fever).plot)


def test_what_cannot_be_assessed_is_crossed_and_named() -> None:
    plot = drawn(replace(CHARTED, sedation=(build.sedated(True, 12),))).plot
    assert plot.count('class="cross"') == 1
    # Twelve hours are 137 px: room for the words.
    assert re.search(r'<text class="number"[^>]*>not assessable</text>', plot)


def test_a_range_is_hatched_from_its_lowest_to_its_highest() -> None:
    open_oxygen = replace(
        CHARTED, temperatures=(build.temperature("38.5", 3),), systolic_pressures=(build.systolic(110, 10),)
    )
    plot = drawn(open_oxygen).plot
    assert 'class="possible"' in plot
    assert re.search(r'<text class="number"[^>]*>\d–\d\?</text>', plot)


def test_a_gap_says_that_nothing_is_charted_and_no_line_runs_through_it() -> None:
    pressures = (
        build.systolic(110, 71),
        build.systolic(112, 69),
        build.systolic(90, 3),
        build.systolic(91, 1),
    )
    plot = drawn(replace(CHARTED, systolic_pressures=pressures)).plot
    assert "not charted" in plot
    # 71 h and 69 h ago lie at 31.4 and 54.2; 3 h and 1 h ago at 805.8 and 828.6.
    assert not re.search(r'class="line" d="M31\.4 [^"]*828\.6', plot)
    assert re.search(r'class="line" d="M31\.4 [\d.]+ 54\.2 [\d.]+"', plot)


def test_a_line_does_not_run_through_a_range() -> None:
    scores = (build.ice(10, None, 40), build.ice(10, None, 32), build.ice(3, 9, 24), build.ice(8, None, 16))
    root = parsed(drawn(well_charted(ice_scores=scores, temperatures=(build.temperature("37.0", 9),))).plot)
    through = [each for each in root.iter() if each.get("class") == "line" and " 566.7 " in each.get("d", "")]
    assert through == []  # 24 h ago lies at 566.7


def test_script_in_the_record_stays_text() -> None:
    evil = '<script>alert("x")</script>\x07'
    chart = replace(
        TREATED,
        drug_doses=(
            build.dose("tocilizumab", 20, name=evil, source=Source(f"MedicationAdministration/{evil}")),
        ),
        attributions=(build.elsewhere("neurological", 12, cause=evil),),
        gaps=(
            ChartGap(GapWhat.OXYGEN, GapWhy.UNMAPPED, evil, ago(5)),
            ChartGap(GapWhat.VASOPRESSORS, GapWhy.UNMAPPED, evil, ago(5), running_rate=True),
        ),
    )
    drawing = drawn(chart)
    assert "<script" not in (drawing.plot + drawing.names).lower()
    assert "&lt;script&gt;" in drawing.plot
    parsed(drawing.plot)


def test_an_attributed_value_has_a_ring_of_its_own() -> None:
    chart = replace(
        CHARTED,
        temperatures=(build.temperature("38.4", 6),),
        attributions=(build.elsewhere("fever", 5, cause="transfusion"),),
    )
    assert drawn(chart).plot.count('class="elsewhere"') == 1


def test_a_lane_of_which_a_part_could_not_be_read_says_so() -> None:
    chart = replace(CHARTED, gaps=(ChartGap(GapWhat.TOCILIZUMAB, GapWhy.NOT_RETRIEVED),))
    drawing = drawn(chart)
    assert "not all read" in drawing.names
    assert "none charted, but not all read" in drawing.plot


# -- weeks -------------------------------------------------------------------------------------------------

WEEKS = replace(
    TREATED,
    infusions=(build.infusion(14),),
    temperatures=tuple(
        build.temperature("38.4" if hour == 100 else "37.0", hour) for hour in range(300, 0, -1)
    ),
    seizures=(build.seizure("none", 200), build.seizure("brief-resolved", 10)),
)


def test_a_fever_of_one_hour_is_drawn_within_weeks() -> None:
    titles = [each.text or "" for each in parsed(drawn(WEEKS, Window.ALL).plot).iter(f"{SVG}title")]
    # 100 h before 08:00 UTC on 10 March is 05:00 on the ward, on 6 March.
    assert "Temperature 38.4 °C; 6 Mar 05:00; Observation/1" in titles


def test_weeks_are_drawn_between_whole_pixels() -> None:
    lines = re.findall(r'class="line" d="([^"]+)"', drawn(WEEKS, Window.ALL).plot)
    assert lines
    assert all(re.fullmatch(r"M\d+ \d+l[-\d ]+", line) for line in lines)
    # 14 days and 8 h, from the midnight before the infusion, on 820 px: 300 h ago lies at 840 - 715 = 125.
    (curve,) = [line for line in lines if line.startswith("M125 ")]
    steps = [int(step) for step in curve.partition("l")[2].split()]
    assert (sum(steps[::2]), sum(steps[1::2])) == (838 - 125, 0)


def test_among_weeks_a_finding_charted_as_absent_is_told_in_short_and_a_finding_in_full() -> None:
    links = {
        each.findtext(f"{SVG}title"): each for each in parsed(drawn(WEEKS, Window.ALL).plot).iter(f"{SVG}a")
    }
    assert links["none; 2 Mar 01:00"].get("tabindex") == "-1"
    assert "Seizure brief seizure, resolved; 9 Mar 23:00; Observation/1" in links


def test_of_a_long_id_a_mark_tells_the_end_and_the_row_all() -> None:
    long = Source("MedicationAdministration/0b0fcd1e-5d2f-4f0e-9d3f-1f2e3d4c5b6a")
    timeline = timeline_of(replace(TREATED, drug_doses=(build.dose("tocilizumab", 20, source=long),)))
    assert "MedicationAdministration/…3d4c5b6a" in draw_timeline(timeline).plot
    assert long.reference in {line.source for line in event_lines(timeline)[0]}


# -- the tables --------------------------------------------------------------------------------------------


def test_vital_signs_of_one_time_stand_in_one_row_newest_first() -> None:
    chart = well_charted(
        temperatures=(build.temperature("37.0", 5), build.temperature("38.1", 1)),
        systolic_pressures=(build.systolic(118, 1),),
        oxygen_devices=(build.device("nasal-cannula", 1),),
        oxygen_flows=(build.flow(2, 1),),
        saturations=(),
    )
    lines = vitals_lines(timeline_of(chart))
    assert [(line.when, line.cells) for line in lines] == [
        ("10 Mar 08:00", ("38.1 °C", "118 mmHg", "", "nasal cannula, 2 L/min", "")),
        ("10 Mar 04:00", ("37.0 °C", "", "", "", "")),
    ]
    assert lines[0].sources == "Observation/1"


def test_the_table_holds_every_value_that_the_drawing_thins_out() -> None:
    minutes = tuple(build.temperature("37.0", minute / 60) for minute in range(600, 0, -1))
    timeline = timeline_of(replace(CHARTED, temperatures=minutes))
    assert sum(bool(line.cells[0]) for line in vitals_lines(timeline)) == 600
    assert draw_timeline(timeline).plot.count('href="#v') < 400


def test_events_are_newest_first_with_time_value_and_source() -> None:
    happened, absent = event_lines(timeline_of(TREATED))
    whens = [(line.what, line.when) for line in happened if line.what in ("Tocilizumab", "Fluid bolus")]
    assert whens == [("Tocilizumab", "9 Mar 13:00"), ("Fluid bolus", "9 Mar 11:00")]
    (drip,) = [line for line in happened if line.what == "Norepinephrine"]
    assert (drip.when, drip.value, drip.source) == (
        "9 Mar 13:00 to 21:00",
        "0.05 mcg/kg/min",
        "MedicationAdministration/norepinephrine",
    )
    assert {line.what for line in absent} == {
        "Consciousness",
        "Motor finding",
        "Raised intracranial pressure",
    }


def test_a_step_of_a_grade_is_an_event_with_the_wording_of_its_criteria() -> None:
    fever = replace(CHARTED, temperatures=(*CHARTED.temperatures[:-1], build.temperature("38.5", 0)))
    happened, _ = event_lines(timeline_of(fever))
    step = next(line for line in happened if line.what == "CRS")
    assert (step.value, step.remarks) == (
        "grade 1",
        "Temperature 38.0 °C or higher, not due to another cause",
    )
