"""What stands on which card, and where on it: at most one card a syndrome, sections in one order."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise

from cds_service.cards import Topic
from grading.assessment import Gap, GradeStep, Status, SyndromeGrade, Trend
from grading.chart import Attributable, Attribution, Chart, GapWhat, GapWhy, Temperature
from management.review import (
    Guard,
    IceSchedule,
    Recommendation,
    Review,
    RiskFactor,
    Score,
    ScorePoint,
    Strength,
    Withheld,
)
from tests.unit.cds_service.samples import AT
from tests.unit.cds_service.test_cards import (
    DEXAMETHASONE,
    SOURCE,
    TOCILIZUMAB,
    card_about,
    cards_of,
    criterion,
    graded,
    open_grade,
    review_of,
)

ICU = replace(
    TOCILIZUMAB, id="icu.transfer", title="Transfer to intensive care", row="M-ICU", dose=None, urgent=True
)
SEPSIS = replace(
    TOCILIZUMAB,
    id="screen.sepsis",
    title="Think of sepsis",
    row="S1",
    dose=None,
    strength=Strength.CONSIDER,
    reasons=("Temperature 38.6 °C",),
    missing=("neutrophils not charted in 48 h",),
)
ASK = replace(
    TOCILIZUMAB,
    id="ask.missing-data",
    title="Chart what is missing",
    row="A3",
    dose=None,
    strength=Strength.CONSIDER,
)
HEADINGS = (
    "Do now",
    "Withheld",
    "Not known",
    "Consider",
    "What else it could be",
    "Why this grade",
    "Notes",
    "Beside the grade",
)


def topics(review: Review) -> list[str]:
    return [card["source"]["topic"]["code"] for card in cards_of(review)]


def section_of(detail: str, title: str) -> str:
    rest = detail.partition(f"**{title}**\n")[2]
    ends = [place for heading in HEADINGS if (place := rest.find(f"\n**{heading}**\n")) >= 0]
    return rest[: min(ends, default=len(rest))]


# --- which cards there are ---


def test_two_quiet_syndromes_are_one_card() -> None:
    assert topics(review_of()) == [Topic.MONITORING.value]


def test_a_quiet_syndrome_is_a_line_on_the_card_of_the_other() -> None:
    (card,) = cards_of(review_of(icans=graded(2)))
    assert card["source"]["topic"]["code"] == "icans"
    assert "**CRS grade 0: assessed, no criterion met**." in card["detail"]
    assert card["summary"].endswith("; CRS 0")


def test_a_syndrome_with_a_grade_a_range_or_something_to_do_has_its_own_card() -> None:
    resolved = replace(
        TOCILIZUMAB, id="crs.propose-resolution", row="F17", dose=None, strength=Strength.CONSIDER
    )
    assert topics(review_of(graded(1), graded(1))) == ["crs", "icans"]
    assert topics(review_of(open_grade(0, 1), graded(1))) == ["crs", "icans"]
    assert sorted(topics(review_of(icans=graded(1), recommendations=(resolved,)))) == ["crs", "icans"]


def test_the_most_urgent_card_comes_first() -> None:
    assert topics(review_of(graded(1), graded(3))) == ["icans", "crs"]


# --- what stands where ---


def test_what_belongs_to_neither_stands_with_the_worse_syndrome() -> None:
    icans, crs = cards_of(review_of(graded(1), graded(3), recommendations=(ICU, SEPSIS)))
    assert "Transfer to intensive care" in icans["detail"] and "Think of sepsis" in icans["detail"]
    assert "Transfer to intensive care" not in crs["detail"]
    crs, icans = cards_of(review_of(graded(2), graded(2), recommendations=(ICU,)))
    assert "Transfer to intensive care" in crs["detail"]
    assert "Transfer to intensive care" not in icans["detail"]


def test_no_card_with_something_urgent_is_mere_information() -> None:
    (card,) = cards_of(review_of(icans=graded(2), recommendations=(ICU,)))
    assert (card["indicator"], card["source"]["topic"]["code"]) == ("critical", "icans")


def test_a_steroid_of_icans_stands_with_icans_and_tocilizumab_with_crs() -> None:
    crs, icans = cards_of(review_of(graded(2), graded(2), recommendations=(TOCILIZUMAB, DEXAMETHASONE)))
    assert "Give tocilizumab" in crs["detail"] and "Give dexamethasone" not in crs["detail"]
    assert "Give dexamethasone" in icans["detail"] and "Give tocilizumab" not in icans["detail"]


def test_a_steroid_withheld_for_want_of_a_weight_stands_with_icans_where_there_is_icans() -> None:
    held = (Withheld("dexamethasone.dose", Guard.NO_WEIGHT, "No weight charted", "Our rule"),)
    _, icans = cards_of(review_of(graded(1), graded(1), withheld=held))
    assert "dexamethasone.dose" in icans["detail"]
    (crs,) = cards_of(review_of(graded(3), withheld=held))
    assert "dexamethasone.dose" in crs["detail"]


def test_each_card_asks_for_what_its_own_grade_needs() -> None:
    gaps = (
        Gap(GapWhat.TEMPERATURE, GapWhy.STALE, widens_range=True),
        Gap(GapWhat.ICE, GapWhy.NOT_CHARTED, widens_range=True),
    )
    cards = cards_of(review_of(open_grade(0, 1), open_grade(0, 3), gaps=gaps, recommendations=(ASK,)))
    assert "**Chart temperature.**" in card_about("crs", cards)["detail"]
    assert "**Chart ICE.**" in card_about("icans", cards)["detail"]
    (card,) = cards_of(review_of(graded(1), recommendations=(ASK,)))
    assert "**Chart what is missing.**" in section_of(card["detail"], "Not known")


def test_sedation_that_is_charted_is_not_asked_for() -> None:
    gaps = (
        Gap(GapWhat.SEDATION, GapWhy.AMBIGUOUS, "Observation/1", widens_range=True),
        Gap(GapWhat.ICE, GapWhy.STALE, widens_range=True),
    )
    (card,) = cards_of(review_of(icans=open_grade(0, 4), gaps=gaps, recommendations=(ASK,)))
    unknown = section_of(card["detail"], "Not known")
    assert "- sedated: consciousness and ICE say nothing: Observation/1" in unknown
    assert "**Chart ICE.**" in unknown


def test_criteria_for_intensive_care_stand_on_the_card_that_offers_it() -> None:
    icu = replace(ICU, reasons=("ICU criterion: ICE 2",))
    option = replace(icu, id="echocardiography", title="Consider echocardiography", urgent=False)
    icans, crs = cards_of(review_of(graded(1), graded(3), recommendations=(icu, option)))
    assert "ICU criteria met:** ICE 2" in icans["detail"]
    assert "Consider echocardiography" in crs["detail"] and "ICE 2" not in crs["detail"]


# --- the order on a card ---


def test_the_sections_stand_in_one_order_whatever_the_grade() -> None:
    held = (Withheld("tocilizumab.dose", Guard.INTERVAL_UNDER_8H, "Last dose 5.5 h ago", "MET guide"),)
    gaps = (Gap(GapWhat.SEIZURE, GapWhy.NOT_CHARTED),)
    option = replace(
        TOCILIZUMAB,
        id="echocardiography",
        title="Consider echocardiography",
        strength=Strength.CONSIDER,
        dose=None,
    )
    full = review_of(
        graded(3, criterion(3, "nasal cannula 8 L/min")),
        gaps=gaps,
        recommendations=(SEPSIS, option, ICU, DEXAMETHASONE),
        withheld=held,
    )
    for review in (full, review_of(), review_of(icans=graded(1))):
        detail = cards_of(review)[0]["detail"]
        found = [detail.find(f"**{heading}**\n") for heading in HEADINGS if f"**{heading}**\n" in detail]
        assert all(first < second for first, second in pairwise(found))
        assert "**Do now**\n" in detail and "**Not known**\n" in detail
    detail = cards_of(full)[0]["detail"]
    assert "Transfer to intensive care" in section_of(detail, "Do now")
    assert "Consider echocardiography" in section_of(detail, "Consider")
    assert "Think of sepsis" in section_of(detail, "What else it could be")


def test_urgent_comes_first_and_the_dose_first_of_all() -> None:
    urgent_dose = replace(TOCILIZUMAB, urgent=True)
    care = replace(TOCILIZUMAB, id="supportive-care", title="Supportive care", dose=None)
    detail = cards_of(review_of(graded(3), recommendations=(care, ICU, urgent_dose)))[0]["detail"]
    now = section_of(detail, "Do now")
    assert now.index("Give tocilizumab") < now.index("Transfer to") < now.index("Supportive care")


def test_a_reason_that_the_head_says_is_not_said_again() -> None:
    more = replace(ICU, reasons=("CRS grade 3", "ICU criterion: vasopressor running", "Platelets 9"))
    detail = cards_of(review_of(graded(3), recommendations=(TOCILIZUMAB, more)))[0]["detail"]
    assert "Why: Platelets 9." in detail
    assert "Why: CRS grade 3" not in detail


def test_the_criteria_for_intensive_care_are_told_once_at_the_top() -> None:
    criteria = ("ICU criterion: ICE 2", "ICU criterion: norepinephrine 8 ug/min running")
    transfer, imaging = (
        replace(item, reasons=criteria) for item in (ICU, replace(SEPSIS, id="eeg", row="I2"))
    )
    detail = cards_of(review_of(icans=graded(3), recommendations=(transfer, imaging)))[0]["detail"]
    assert detail.count("ICE 2") == 1
    head = detail.partition("**Do now**")[0]
    assert "**ICU criteria met:** ICE 2; norepinephrine 8 mcg/min running." in head


def test_a_screen_says_what_it_could_not_look_at() -> None:
    detail = cards_of(review_of(graded(2), recommendations=(SEPSIS,)))[0]["detail"]
    assert "Why: Temperature 38.6 °C. Not known: neutrophils not charted in 48 h." in detail


def test_sources_stand_once_each_with_their_rows() -> None:
    second = replace(DEXAMETHASONE, id="dexamethasone.consider", row="C5")
    detail = cards_of(review_of(graded(3), recommendations=(TOCILIZUMAB, second, SEPSIS)))[0]["detail"]
    assert "Sources by row. C4, C5, S1: MET guide Fig. 1 (tier A)." in detail
    assert detail.count("MET guide Fig. 1") == 1


def test_a_steroid_without_route_and_interval_says_that_the_prescriber_completes_it() -> None:
    (card,) = cards_of(review_of(icans=graded(2), recommendations=(DEXAMETHASONE,)))
    assert "The source states no route and no interval: the prescriber completes the order." in card["detail"]
    label = card["suggestions"][0]["label"]
    assert label == "Draft order for dexamethasone 10 mg; complete the route and interval"


# --- the course ---


def with_trend(grade: SyndromeGrade, hours: float | None, before: int | None = None) -> SyndromeGrade:
    since = None if hours is None else AT - timedelta(hours=hours)
    step = None
    if before is not None:
        step = GradeStep(AT - timedelta(hours=30), Status.GRADED, before, before, before)
    return replace(grade, trend=Trend(AT - timedelta(hours=48), since, step))


def test_a_change_is_told_as_news_for_six_hours_and_then_as_unchanged() -> None:
    # The infusion was charted in UTC, so that times on the card are in UTC: now is 08:00.
    news = cards_of(review_of(with_trend(graded(3, peak=3), 3.5, 2)))[0]
    assert news["summary"] == "CRS grade 3, day 3; was 2 until 04:30; ICANS 0"
    assert "Grade 3 since 03-04 04:30; before that 2." in news["detail"]
    old = cards_of(review_of(with_trend(graded(3, peak=3), 6, 2)))[0]
    assert old["summary"] == "CRS grade 3, day 3; unchanged since 02:00; ICANS 0"
    yesterday = cards_of(review_of(with_trend(graded(3, peak=3), 10, 2)))[0]
    assert yesterday["summary"] == "CRS grade 3, day 3; unchanged since 03-03 22:00; ICANS 0"


def test_an_unchanged_grade_says_how_far_was_looked_back() -> None:
    card = cards_of(review_of(with_trend(graded(2), None)))[0]
    assert "Unchanged since 03-02 08:00 or longer." in card["detail"]
    assert card["summary"] == "CRS grade 2, day 3; ICANS 0"


def test_a_peak_that_the_step_before_says_is_not_said_twice() -> None:
    fallen = cards_of(review_of(with_trend(graded(1, peak=3), 2, 3)))[0]["summary"]
    assert fallen == "CRS grade 1, day 3; was 3 until 06:00; ICANS 0"
    longer = cards_of(review_of(with_trend(graded(1, peak=4), 2, 3)))[0]["summary"]
    assert longer == "CRS grade 1, day 3; was 3 until 06:00; episode peak 4; ICANS 0"


def test_what_preceded_is_news_only_where_it_was_a_grade() -> None:
    lost = GradeStep(AT - timedelta(hours=9), Status.NOT_ASSESSABLE, None, 0, 4)
    open_before = replace(lost, status=Status.INDETERMINATE, highest=1)
    none = SyndromeGrade(Status.NONE, 0, 0, 0, ())
    for step in (lost, open_before):
        trend = Trend(AT - timedelta(hours=48), AT - timedelta(hours=1), step)
        (card,) = cards_of(review_of(replace(none, trend=trend)))
        assert card["summary"] == "CRS grade 0 and ICANS grade 0: no criterion met, day 3"
    fallen = with_trend(none, 1, 2)
    (card,) = cards_of(review_of(fallen))
    assert card["summary"].endswith("no criterion met, day 3; was 2 until 07:00")


def test_a_range_before_is_told_unless_the_present_grade_lay_in_it() -> None:
    open_before = GradeStep(AT - timedelta(hours=9), Status.INDETERMINATE, None, 0, 1)
    for step, told in ((open_before, "; was 0–1 until 07:00"), (replace(open_before, highest=3), "")):
        grade = replace(graded(2), trend=Trend(AT - timedelta(hours=48), AT - timedelta(hours=1), step))
        assert cards_of(review_of(grade))[0]["summary"] == f"CRS grade 2, day 3{told}; ICANS 0"


# --- attribution ---


def test_what_is_attributed_is_dated_and_the_grade_without_it_stands_beside() -> None:
    stated = Attribution(AT - timedelta(hours=2), Attributable.FEVER, False, "line sepsis", SOURCE)
    review = review_of(attributions=(stated,))
    without = replace(review.assessment, crs=graded(3))
    (card,) = cards_of(replace(review, unattributed=without))
    assert card["indicator"] == "warning"
    assert card["summary"] == "CRS grade 0 and ICANS grade 0: fever attributed elsewhere, day 3"
    assert "fever – line sepsis (stated 03-04 06:00, 2 h ago)" in card["detail"]
    assert "Without that: **CRS grade 3**." in card["detail"]


def test_an_attribution_without_a_cause_says_so_and_one_that_changes_nothing_adds_nothing() -> None:
    stated = Attribution(AT - timedelta(hours=2), Attributable.HYPOXIA, False, None, SOURCE)
    review = review_of(attributions=(stated,))
    (card,) = cards_of(replace(review, unattributed=review.assessment))
    assert "hypoxia – cause not stated" in card["detail"] and "Without that" not in card["detail"]
    assert card["indicator"] == "info"


def test_what_is_attributed_is_not_called_unknown() -> None:
    gaps = (
        Gap(GapWhat.TEMPERATURE, GapWhy.ATTRIBUTED_ELSEWHERE),
        Gap(GapWhat.BLOOD_PRESSURE, GapWhy.ATTRIBUTED_ELSEWHERE, widens_range=True),
    )
    (card,) = cards_of(review_of(open_grade(0, 2), gaps=gaps))
    unknown = section_of(card["detail"], "Not known")
    assert "temperature" not in unknown and "blood pressure attributed elsewhere" in unknown


# --- what stands beside the grade ---


def test_a_value_that_is_too_old_is_told_with_its_age() -> None:
    readings = tuple(
        Temperature(AT - timedelta(hours=hours), Decimal(value), SOURCE)
        for hours, value in ((40, "39.1"), (31, "37.9"))
    )
    gaps = (Gap(GapWhat.TEMPERATURE, GapWhy.STALE, widens_range=True),)
    later = Temperature(AT + timedelta(hours=1), Decimal("40.1"), SOURCE)
    (card,) = cards_of(review_of(open_grade(0, 1), gaps=gaps), chart=Chart(temperatures=(*readings, later)))
    assert "temperature no recent value (last 37.9 °C, 31 h ago)" in card["detail"]


def ice_due(hours: float, last: float | None, why: str = "on steroid") -> IceSchedule:
    due = AT + timedelta(hours=hours)
    taken = None if last is None else AT - timedelta(hours=last)
    return IceSchedule("ICE", taken, due, hours < 0, 8, why, "MET guide, text", "A", True)


def test_the_next_ice_is_told_and_an_overdue_one_stands_out() -> None:
    def told(schedule: IceSchedule) -> str:
        return str(cards_of(replace(review_of(icans=graded(1)), ice_schedule=schedule))[0]["detail"])

    assert "Next ICE due 03-04 14:00 (last 03-04 06:00, 2 h ago; every 8 h: on steroid)." in told(
        ice_due(6, 2)
    )
    assert "**ICE overdue** since 03-04 07:00 (last 03-03 23:00, 9 h ago; every 8 h: on steroid)." in told(
        ice_due(-1, 9)
    )
    assert "**No ICE taken since the infusion: due now** (every 8 h: on steroid)." in told(ice_due(0, None))


def test_the_next_ice_stands_on_the_card_that_tells_of_icans() -> None:
    crs, icans = cards_of(replace(review_of(graded(1), graded(1)), ice_schedule=ice_due(6, 2)))
    assert "Next ICE due" in icans["detail"] and "Next ICE due" not in crs["detail"]


def test_scores_and_risk_factors_stand_on_the_first_card_alone() -> None:
    points = (
        ScorePoint(AT - timedelta(hours=24), Decimal("10.5"), "210 × 5 ÷ 100"),
        ScorePoint(AT, Decimal("126.4"), "520 U/L × 18.8 mg/dL (CRP 188 mg/L ÷ 10) ÷ 41 = 238"),
    )
    scores = (
        Score("m-EASIX", points, (), None, "PMC8525234", "B", True),
        Score("CAR-HEMATOTOX", (), ("ferritin before the infusion",), None, "PMC8525234", "B", True),
    )
    factors = (RiskFactor("Infection at infusion: pneumonia", "Side-effect page", "A", True),)
    review = replace(review_of(graded(1), graded(3)), scores=scores, risk_factors=factors)
    icans, crs = cards_of(review)
    beside = section_of(icans["detail"], "Beside the grade")
    assert "m-EASIX: 10.5 (03-03 08:00) → 126.4 (03-04 08:00) = 520 U/L × 18.8 mg/dL" in beside
    assert "CAR-HEMATOTOX not computed: ferritin before the infusion" in beside
    assert "Infection at infusion: pneumonia" in beside
    assert "m-EASIX" not in crs["detail"]


def test_a_score_that_is_not_verified_is_marked_and_its_reading_is_told() -> None:
    score = Score(
        "CAR-HEMATOTOX", (ScorePoint(AT, Decimal(3), "1+1+1"),), (), "high", "PMC8525234", "RULE", False
    )
    (card,) = cards_of(replace(review_of(), scores=(score,)))
    assert (
        "CAR-HEMATOTOX: 3 (03-04 08:00) = 1+1+1 (high) (PMC8525234; tier RULE, **not verified**)"
        in card["detail"]
    )


def recommended(card_detail: str, items: tuple[Recommendation, ...]) -> list[str]:
    return [item.title for item in items if item.title in card_detail]


def test_nothing_that_is_suggested_is_lost_between_the_cards() -> None:
    items = (TOCILIZUMAB, DEXAMETHASONE, ICU, SEPSIS, ASK)
    for crs, icans in ((0, 0), (1, 0), (0, 2), (2, 3), (3, 1)):
        review = review_of(
            graded(crs) if crs else None, graded(icans) if icans else None, recommendations=items
        )
        text = "\n".join(card["detail"] for card in cards_of(review))
        assert recommended(text, items) == [item.title for item in items]
