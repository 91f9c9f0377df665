"""The course page: what it says of both grades, of what is not known, and to whom nothing is graded."""

import re
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, cast

import pytest
from fastapi import FastAPI, Request, Response
from fastapi.testclient import TestClient

from grading.chart import Chart, ChartGap, GapWhat, GapWhy, Source
from grading.course import course_of
from management.protocol import load_protocol
from management.reviewing import review
from smart_app.course_page import course_router
from smart_app.errors import PageError
from smart_app.page_room import Banner, Bedside, PageRoom
from smart_app.rendering import Rendering
from smart_app.session import GrantedScopes, SmartSession, View
from tests import chart_builders as build
from tests.chart_builders import AT, ago, well_charted
from tests.unit.smart_app.test_timeline import CHARTED

PROTOCOL = load_protocol("met-2021")
WARD = timezone(timedelta(hours=1))
SESSION = SmartSession(
    sid="s1",
    iss="https://ehr.example/r4",
    patient_id="p1",
    encounter_id=None,
    fhir_user="Practitioner/7",
    scopes=GrantedScopes("patient/Observation.rs"),
    shows_banner=True,
    view=View.COURSE,
    form_token="form-token",  # noqa: S106 - stands for one
    opened_at=AT,
)
CRS_3 = replace(
    CHARTED,
    temperatures=(*CHARTED.temperatures[:26], build.temperature("38.6", 20), build.temperature("38.2", 1)),
    vasoactives=(build.drip("norepinephrine", 5, rate="0.08"),),
    drug_doses=(build.dose("tocilizumab", 10, milligrams=Decimal(576)),),
    ice_scores=(build.ice(10),),
)


@dataclass
class CourseRoom:
    """One session, one bedside, the real templates."""

    chart: Chart
    unread: tuple[str, ...] = ()
    session: SmartSession = SESSION
    closed: bool = False
    rendering: Rendering = field(
        default_factory=lambda: Rendering("https://cds.example/smart", lambda: AT, PROTOCOL)
    )

    def now(self) -> datetime:
        return AT

    def path_of(self, session: SmartSession, page: str) -> str:
        return f"/smart/s/{session.sid}/{page}"

    async def open(self, request: Request) -> SmartSession:
        if self.closed or request.path_params["sid"] != self.session.sid:
            raise PageError(401, "Ended", "Open it again.")
        return self.session

    async def read(self, session: SmartSession) -> Bedside:
        assert session is self.session
        return Bedside(
            at=AT,
            zone=WARD,
            banner=Banner("Muster, Anna", date(1968, 1, 1), "4711", "female"),
            chart=self.chart,
            review=review(self.chart, AT, PROTOCOL),
            course=course_of(self.chart, AT),
            protocol=PROTOCOL,
            unread=self.unread,
            observations={},
        )

    def render(
        self, template: str, session: SmartSession, bedside: Bedside | None, status: int = 200, **values: Any
    ) -> Response:
        return self.rendering.page(template, session, bedside, status, **values)


def get(room: CourseRoom, query: str = "", sid: str = "s1") -> Any:
    app = FastAPI()
    app.include_router(course_router(cast(PageRoom, room)))
    with TestClient(app, base_url="https://cds.example", follow_redirects=False) as client:
        return client.get(f"/s/{sid}/course{query}")


def page(chart: Chart, query: str = "", **known: Any) -> str:
    answer = get(CourseRoom(chart, **known), query)
    assert answer.status_code == 200
    return str(answer.text)


def words(text: str) -> str:
    """The page without its tags, blanks folded."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text))


def test_both_grades_stand_at_the_top_with_what_met_them() -> None:
    told = words(page(CRS_3))
    assert "CRS grade 3" in told
    assert "ICANS grade 0: assessed, no criterion met" in told
    # The agent's bag was hung 5 h ago: 04:00 on the ward; the grade stands since then.
    assert "Since 10 Mar 04:00; before that grade 1." in told
    assert "One vasopressor, with or without vasopressin – norepinephrine 0.08 mcg/kg/min" in told
    assert "Peak of this episode: grade 3, from 10 Mar 04:00." in told


def test_a_range_is_called_not_decidable_and_says_what_is_missing() -> None:
    text = page(replace(CRS_3, vasoactives=(), systolic_pressures=()))
    assert "CRS 1–2, not decidable" in words(text)
    assert re.search(r"<li>Blood pressure not charted – <strong>leaves the grade open</strong></li>", text)


def test_what_could_not_be_read_is_named() -> None:
    assert "Could not be read: steroid doses" in words(page(CRS_3, unread=("steroid doses",)))


def test_suggestions_have_their_strength_and_dose() -> None:
    text = page(CRS_3)
    advice = words(text.partition('id="h-advice"')[2].partition("</section>")[0])
    assert "recommended" in advice
    # 8 mg/kg x 72 kg = 576 mg, and a dose 10 h ago leaves more than 8 h between.
    assert "576 mg" in advice


def test_what_a_guard_holds_back_is_told_with_its_reason() -> None:
    early = replace(CRS_3, drug_doses=(build.dose("tocilizumab", 5, milligrams=Decimal(576)),))
    held = words(page(early).partition("Withheld</h3>")[2].partition("</ul>")[0])
    assert "Tocilizumab" in held
    assert "(interval under 8h)" in held


def test_what_is_not_verified_is_marked() -> None:
    text = page(replace(CRS_3, vasoactives=(build.drip("vasopressin", 5),)))
    reason = text.partition("Vasopressin (or terlipressin)")[2].partition("</li>")[0]
    assert "not verified" in reason


def test_an_attribution_is_told_with_the_grade_without_it() -> None:
    attributed = replace(CRS_3, attributions=(build.elsewhere("hypotension", 2, cause="sepsis"),))
    told = words(page(attributed))
    assert "hypotension – sepsis (stated 10 Mar 07:00)" in told
    assert "If what is attributed to another cause counted: CRS grade 3" in told


def test_the_next_ice_is_told() -> None:
    # Taken two hours ago, at 07:00 on the ward, without a steroid: every 12 h.
    assert "Next ICE due 10 Mar 19:00 (last 10 Mar 07:00; every 12 h" in words(page(CRS_3))


def test_a_dose_stands_with_the_grades_before_and_after_it() -> None:
    table = page(CRS_3).partition('id="treatments"')[2].partition("</section>")[0]
    assert "first of this treatment" in table
    assert "grade 1 → grade 3" in table
    assert 'scope="col"' in table
    assert "<caption>" in table


def test_without_a_treatment_the_section_says_so() -> None:
    assert "No anticytokine drug and no systemic steroid is charted" in page(well_charted())


def test_treatments_that_may_be_missing_are_not_denied() -> None:
    failed = well_charted(gaps=(ChartGap(GapWhat.TOCILIZUMAB, GapWhy.NOT_RETRIEVED),))
    section = words(page(failed).partition('id="treatments"')[2].partition("</section>")[0])
    assert "not all doses could be read" in section


def test_the_view_of_treatments_leads_to_their_place() -> None:
    answer = get(CourseRoom(CRS_3), "?view=treatments")
    assert (answer.status_code, answer.headers["location"]) == (303, "/smart/s/s1/course#treatments")


def test_nothing_is_shown_or_led_to_without_the_session() -> None:
    for query in ("", "?view=treatments"):
        with pytest.raises(PageError):
            get(CourseRoom(CRS_3, closed=True), query)


@pytest.mark.parametrize(
    ("query", "here"), [("", "72h"), ("?window=24h", "24h"), ("?window=all", "all"), ("?window=<x>", "72h")]
)
def test_the_window_is_the_one_asked_for_or_three_days(query: str, here: str) -> None:
    (current,) = re.findall(r'\?window=(\w+)#timeline" aria-current="true"', page(CRS_3, query))
    assert current == here


def test_without_an_infusion_nothing_is_graded_and_no_zero_is_shown() -> None:
    text = page(replace(CRS_3, infusions=()))
    assert "No CAR-T infusion that took place is on record." in text
    assert "That is not a grade 0." in text
    assert "<svg" not in text


def test_after_the_monitoring_window_the_day_is_told() -> None:
    told = words(page(replace(CRS_3, infusions=(build.infusion(40),))))
    assert "day 40 today. CRS and ICANS are graded for 30 days after an infusion." in told


def test_an_infusion_without_a_date_is_reviewed_without_a_course() -> None:
    told = words(page(replace(CRS_3, infusions=(replace(build.infusion(), at=None),))))
    assert "The infusion has no date" in told
    assert "CRS not assessable" in told


def test_the_observation_looked_for_has_a_frame_and_an_open_table() -> None:
    wanted = replace(build.temperature("38.2", 1), source=Source("Observation/t7"))
    room = CourseRoom(
        replace(CRS_3, temperatures=(wanted,)), session=replace(SESSION, highlight="Observation/t7")
    )
    text = get(room).text
    assert text.count('class="wanted"><th scope="row">') == 1
    assert '<details class="vitals" open>' in text


def test_an_observation_looked_for_that_is_not_shown_is_said_so() -> None:
    room = CourseRoom(CRS_3, session=replace(SESSION, highlight="Observation/other"))
    assert "is not in this stretch of time" in get(room).text


def test_script_in_the_record_stays_text() -> None:
    evil = "<script>alert(1)</script>"
    chart = replace(
        CRS_3,
        attributions=(build.elsewhere("hypoxia", 2, cause=evil),),
        drug_doses=(build.dose("tocilizumab", 10, name=evil, source=Source(evil)),),
        gaps=(ChartGap(GapWhat.OXYGEN, GapWhy.UNMAPPED, evil, ago(1)),),
    )
    text = page(chart, unread=(evil,))
    assert "<script>alert" not in text
    assert text.count("&lt;script&gt;alert(1)") >= 5


def test_no_style_and_no_handler_stands_in_the_page() -> None:
    text = page(CRS_3)
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", text)


def test_every_place_that_is_led_to_is_there_once() -> None:
    text = page(CRS_3)
    ids = re.findall(r'\sid="([^"]+)"', text)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="[^"]*#([^"]+)"', text)) <= set(ids)


def test_tables_have_captions_and_scopes() -> None:
    text = page(CRS_3)
    assert text.count("<table>") == text.count("<caption>") >= 3
    assert not re.search(r"<th>", text)


def test_days_after_a_fortnight_of_hourly_vitals_stay_small() -> None:
    hours = range(14 * 24 - 1, 0, -1)
    chart = well_charted(
        infusions=(build.infusion(14),),
        temperatures=tuple(build.temperature(f"37.{hour % 7}", hour) for hour in hours),
        systolic_pressures=tuple(build.systolic(110 + hour % 13, hour) for hour in hours),
        saturations=tuple(build.saturation(95 + hour % 4, hour) for hour in hours),
    )
    text = page(chart, "?window=all")
    assert text.count('<tr id="v') == 335
    assert len(text) < 400_000


def test_nothing_is_called_known_while_a_grade_cannot_be_told() -> None:
    """Unarousable, attributed to a bleed: every input is charted, and ICANS is not assessable."""
    bleeding = well_charted(
        ice_scores=(build.ice(0),),
        consciousness=(build.consciousness("unarousable"),),
        attributions=(build.elsewhere("neurological", cause="subdural bleed"),),
    )
    told = words(page(bleeding))
    assert "ICANS not assessable" in told
    assert "Nothing that the grades need." not in told
    assert "Why a grade cannot be told stands beside it." in told
    assert "Nothing that the grades need." in words(page(well_charted()))


def test_what_leaves_a_grade_open_stands_before_what_could_not_be_read() -> None:
    chart = well_charted(temperatures=(build.temperature("38.9", 2),), systolic_pressures=())
    told = words(page(chart, unread=("conditions (not permitted)",)))
    assert told.index("leaves the grade open") < told.index("Could not be read: conditions")


FORTNIGHT = well_charted(
    infusions=(build.infusion(14),),
    temperatures=tuple(build.temperature("37.1", hour) for hour in range(14 * 24 - 1, -1, -1)),
    motor=tuple(build.motor("none", hour) for hour in range(320, 0, -40)),
)


@pytest.mark.parametrize("window", ["24h", "72h"])
def test_every_row_of_a_short_stretch_has_its_source(window: str) -> None:
    text = page(FORTNIGHT, f"?window={window}")
    assert text.count('<td class="source">Observation/1</td>') >= 24
    assert "with the source of each value" not in text


@pytest.mark.parametrize(("window", "days"), [("7d", 8), ("all", 15)])
def test_a_long_stretch_leads_from_each_day_to_its_sources(window: str, days: int) -> None:
    vitals = page(FORTNIGHT, f"?window={window}").partition('<details class="vitals">')[2]
    # Now is 10 March 09:00 on the ward, the infusion was on 24 February.
    assert vitals.count("with the source of each value") == days
    assert '<a href="/smart/s/s1/course/day?date=2026-03-10">10 Mar with the source' in vitals
    assert vitals.count('class="source"') == 0


def test_the_page_of_a_day_has_every_value_of_it_with_its_source() -> None:
    answer = get(CourseRoom(FORTNIGHT), "/day?date=2026-03-08")
    assert answer.status_code == 200
    rows = re.findall(r'<tr id="v\d+"><th scope="row">([^<]+)</th><td>([^<]*)</td>', answer.text)
    assert (len(rows), rows[0], rows[-1]) == (
        24,
        ("8 Mar 23:00", "37.1 °C"),
        ("8 Mar 00:00", "37.1 °C"),
    )
    assert answer.text.count('<td class="source">Observation/1</td>') >= 24
    assert "Motor finding" in answer.text
    assert 'date=2026-03-07">Day before' in answer.text
    assert 'date=2026-03-09">Day after' in answer.text


def test_the_first_and_the_last_day_lead_nowhere_beyond() -> None:
    assert "Day after" not in get(CourseRoom(FORTNIGHT), "/day?date=2026-03-10").text
    assert "Day before" not in get(CourseRoom(FORTNIGHT), "/day?date=2026-02-24").text


@pytest.mark.parametrize("day", ["", "2026-03-11", "2026-02-23", "yesterday", "2026-13-01"])
def test_a_day_that_the_timeline_does_not_show_is_not_found(day: str) -> None:
    with pytest.raises(PageError, match="404"):
        get(CourseRoom(FORTNIGHT), f"/day?date={day}")


def test_the_page_of_a_day_is_not_shown_without_the_session() -> None:
    with pytest.raises(PageError, match="401"):
        get(CourseRoom(FORTNIGHT, closed=True), "/day?date=2026-03-08")


@pytest.mark.parametrize("query", ["?window=all", "/day?date=2026-03-10"])
def test_what_the_record_holds_stays_text_in_rows_written_at_once(query: str) -> None:
    evil = replace(build.temperature("38.5", 1), source=Source("Observation/<b>\"'&", "<i>note</i>"))
    text = get(CourseRoom(replace(FORTNIGHT, temperatures=(evil,))), query).text
    assert "<b>" not in text
    assert "<i>" not in text
    assert "&lt;i&gt;note&lt;/i&gt;" in text


def test_an_option_with_a_caution_says_so_before_it_is_opened() -> None:
    """Fever within 4 h of the infusion: tocilizumab is an option only, until the cause is stated (F19)."""
    early = well_charted(temperatures=(build.temperature("38.9"),), infusions=(build.infusion(0.12),))
    summary = page(early).partition('<details class="options">')[2].partition("</summary>")[0]
    assert "Consider early tocilizumab 576 mg" in summary
    assert "every 8 hours (caution);" in summary
    assert "(caution)" not in page(well_charted(temperatures=(build.temperature("38.9"),)))


def test_drugs_given_that_were_not_retrieved_are_not_told_as_none_given() -> None:
    gap = ChartGap(GapWhat.VASOPRESSORS, GapWhy.NOT_RETRIEVED, "drugs given: not permitted")
    assert "but not all doses could be read" in words(page(well_charted(gaps=(gap,))))


def test_a_dose_of_which_one_was_just_given_says_so_before_it_is_opened() -> None:
    # ICE 2 is ICANS 3: dexamethasone 10 mg is recommended, and 10 mg were given 4 h ago, less than 6 h.
    given = build.dose("dexamethasone", 4, milligrams=Decimal(10))
    chart = well_charted(ice_scores=(build.ice(2),), drug_doses=(given,))
    shown = re.sub(r"<details.*?</details>", "", page(chart), flags=re.DOTALL)
    assert "no draft order is offered: dexamethasone 10 mg, 4 h ago, which is less than 6 h" in words(shown)
