"""Cards over HTTP and from reviews made by hand: shape by the standard, and text a clinician can rely on."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from fastapi.testclient import TestClient
from fhir.resources.R4B.medicationrequest import MedicationRequest

from cds_service.cards import CardContext, write_cards
from cds_service.suggestions import OrderContext
from fhir_maps.terminology import load_terminology
from grading.assess import assess
from grading.assessment import CriterionMet, Gap, Status, SyndromeGrade
from grading.chart import (
    AdministrationStatus,
    Attributable,
    Attribution,
    CartInfusion,
    Chart,
    GapWhat,
    GapWhy,
    ImagingReport,
    Source,
    Temperature,
    VasoactiveAgent,
    VasoactiveRow,
)
from management.review import Dose, Guard, Recommendation, Review, Strength, TocilizumabCount, Withheld
from tests.unit.cds_service.samples import AT, SERVICE, crs_3, patient, service, vital_signs, well

RequestFor = Callable[..., dict[str, Any]]
Card = dict[str, Any]
SOURCE = Source("Observation/1")
ORDER = OrderContext("p1", None, AT, load_terminology())
TOCILIZUMAB = Recommendation(
    id="tocilizumab.dose",
    strength=Strength.RECOMMEND,
    title="Give tocilizumab",
    text="First treatment.",
    reasons=("CRS grade 3",),
    row="C4",
    cite="MET guide Fig. 1",
    tier="A",
    verified=True,
    dose=Dose(Decimal(576), "mg", "8 mg/kg × 72 kg = 576 mg", "intravenous", None, Decimal(72), AT),
)
DEXAMETHASONE = replace(
    TOCILIZUMAB,
    id="dexamethasone.dose",
    title="Give dexamethasone",
    row="I2",
    dose=Dose(Decimal(10), "mg", "0.5 mg/kg × 72 kg = 36 mg, capped at 10 mg"),
)
METHYLPREDNISOLONE = replace(
    DEXAMETHASONE,
    id="methylprednisolone.dose",
    strength=Strength.CONSIDER,
    title="Methylprednisolone instead",
    dose=Dose(Decimal(144), "mg/day", "2 mg/kg/day × 72 kg = 144 mg/day"),
)


def review_of(
    crs: SyndromeGrade | None = None,
    icans: SyndromeGrade | None = None,
    gaps: tuple[Gap, ...] = (),
    recommendations: tuple[Recommendation, ...] = (),
    withheld: tuple[Withheld, ...] = (),
    **chart: Any,
) -> Review:
    infusion = CartInfusion(datetime(2026, 3, 1, 9, tzinfo=UTC), None, Source("Procedure/1"))
    assessed = assess(Chart(infusions=(infusion,), **chart), AT)
    assert assessed is not None
    none = SyndromeGrade(Status.NONE, 0, 0, 0, ())
    return Review(
        assessment=replace(assessed, crs=crs or none, icans=icans or none, gaps=gaps),
        protocol="met-2021",
        protocol_version="1.0.0",
        tocilizumab=TocilizumabCount(0, 0, None),
        recommendations=recommendations,
        withheld=withheld,
    )


def cards_of(review: Review, **context: Any) -> list[Card]:
    return write_cards(review, CardContext(order=ORDER, **context))


def card_about(topic: str, cards: list[Card]) -> Card:
    (found,) = (card for card in cards if card["source"]["topic"]["code"] == topic)
    return found


def criterion(
    level: int, value: str, criterion_id: str = "crs.hypoxia.low-flow", verified: bool = True
) -> CriterionMet:
    return CriterionMet(criterion_id, level, "Low flow", "ASTCT-2019", "A", verified, value, AT, (SOURCE,))


def graded(grade: int, *criteria: CriterionMet, peak: int | None = None) -> SyndromeGrade:
    return SyndromeGrade(Status.GRADED, grade, grade, grade, criteria, episode_peak=peak)


def open_grade(lowest: int, highest: int, *criteria: CriterionMet) -> SyndromeGrade:
    return SyndromeGrade(Status.INDETERMINATE, None, lowest, highest, criteria)


@pytest.fixture(scope="module")
def answered(client: TestClient, request_for: RequestFor) -> dict[str, Any]:
    """The answer for a patient with CRS 3 and ICANS 2."""
    answer: dict[str, Any] = client.post(SERVICE, json=request_for(crs_3())).json()
    return answer


def walk(value: Any, path: str = "$") -> list[tuple[str, Any]]:
    found = [(path, value)]
    if isinstance(value, dict):
        for name, member in value.items():
            found += walk(member, f"{path}.{name}")
    elif isinstance(value, list):
        for number, item in enumerate(value):
            found += walk(item, f"{path}[{number}]")
    return found


def test_nothing_is_null_and_nothing_is_empty(answered: dict[str, Any]) -> None:
    for path, value in walk(answered):
        assert value is not None and value not in ("", [], {}), path


def test_an_answer_has_cards_and_an_extension_that_is_an_object(answered: dict[str, Any]) -> None:
    assert set(answered) == {"cards", "extension"}
    assert isinstance(answered["cards"], list)
    assert list(answered["extension"]) == ["io.github.cart-toxicity-cds.assessment"]


def test_a_card_has_only_members_of_the_standard(answered: dict[str, Any]) -> None:
    for card in answered["cards"]:
        assert set(card) <= {
            "uuid",
            "summary",
            "detail",
            "indicator",
            "source",
            "suggestions",
            "selectionBehavior",
            "overrideReasons",
            "links",
        }
        assert len(card["summary"]) < 140 and "\n" not in card["summary"]
        assert card["indicator"] in ("info", "warning", "critical")
        UUID(card["uuid"])


def test_no_system_action_and_no_autolaunch_is_sent(answered: dict[str, Any]) -> None:
    text = json.dumps(answered)
    for name in ("systemActions", "actionSelectionBehavior", "autolaunchable", "icon"):
        assert name not in text


def test_a_source_has_a_label_an_absolute_url_without_patient_and_a_topic_coding(
    answered: dict[str, Any],
) -> None:
    topics = []
    for card in answered["cards"]:
        source = card["source"]
        assert "ASTCT" in source["label"] and "met-2021" in source["label"]
        assert re.fullmatch(r"https://[^?#]+", source["url"]) and "p1" not in source["url"]
        assert set(source["topic"]) == {"system", "code", "display"}
        topics.append(source["topic"]["code"])
    assert topics == ["crs", "icans"]


def test_a_suggestion_is_one_draft_order_that_is_valid_r4(answered: dict[str, Any]) -> None:
    crs, icans = answered["cards"]
    (tocilizumab,) = crs["suggestions"]
    assert (crs["selectionBehavior"], tocilizumab["isRecommended"]) == ("at-most-one", True)
    assert "tocilizumab 576 mg" in tocilizumab["label"]
    UUID(tocilizumab["uuid"])
    for card in (crs, icans):
        for suggestion in card["suggestions"]:
            (action,) = suggestion["actions"]
            assert action["type"] == "create" and action["description"]
            assert isinstance(action["resource"], dict) and "id" not in action["resource"]
            order = MedicationRequest.model_validate(action["resource"])
            assert (order.status, order.intent, order.subject.reference) == (
                "draft",
                "proposal",
                "Patient/p1",
            )
            assert "urn:uuid" not in json.dumps(action)


def test_override_reasons_have_code_system_and_display(answered: dict[str, Any]) -> None:
    for card in answered["cards"]:
        assert card["overrideReasons"]
        for reason in card["overrideReasons"]:
            assert set(reason) == {"code", "system", "display"}


def test_a_recommended_suggestion_is_single_where_at_most_one_may_be_taken(answered: dict[str, Any]) -> None:
    for card in answered["cards"]:
        recommended = [item for item in card["suggestions"] if item["isRecommended"]]
        assert len(recommended) <= 1 or card["selectionBehavior"] == "any"


def test_no_dose_is_offered_without_a_weight(client: TestClient, request_for: RequestFor) -> None:
    weightless = [item for item in crs_3() if item.get("id") != "29463-7-40"]
    cards = client.post(SERVICE, json=request_for(weightless)).json()["cards"]
    assert not any("suggestions" in card or "selectionBehavior" in card for card in cards)
    assert "Withheld: tocilizumab.dose** because of no weight (no-weight)" in cards[0]["detail"]


def test_the_detail_stands_alone(answered: dict[str, Any]) -> None:
    detail = answered["cards"][0]["detail"]
    lines = detail.split("\n")
    assert lines[0].startswith("**CRS grade 3** (ASTCT), at 2026-03-04 09:00 +01:00.")
    assert "Decided by norepinephrine 0.05 mcg/kg/min, running since 03-04 06:00." in lines[0]
    assert "Day 3 after CAR-T (axicabtagene ciloleucel, 2026-03-01 10:00 +01:00)." in lines[0]
    assert "| Finding | Value | Time | Age | Source |" in lines
    assert "| Temperature | 38.6 °C | 03-04 08:00 | 60 min | Observation/8310-5-1 |" in lines
    for words in (
        "**Give tocilizumab: 576 mg intravenous over 1 hour; at most every 8 hours.**",
        "Dose: 8 mg/kg × 72 kg = 576 mg; weight 72 kg of 2026-03-02.",
        "(row C4b)",
        "C4b: MET guide, Fig. 1; ASCO card p.6; Kymriah label copy (tier A)",
        "Protocol met-2021, version",
        "does not replace examination or the local CAR-T protocol",
    ):
        assert words in detail, words


def test_gaps_stand_in_the_card_of_their_syndrome(answered: dict[str, Any]) -> None:
    crs, icans = (card["detail"] for card in answered["cards"])
    assert "seizure not charted" in icans and "seizure" not in crs


def test_grade_0_in_the_window_is_said_and_not_left_out(client: TestClient, request_for: RequestFor) -> None:
    (card,) = client.post(SERVICE, json=request_for(well())).json()["cards"]
    assert card["summary"] == "CRS grade 0 and ICANS grade 0: no criterion met, day 3"
    assert (card["indicator"], card["source"]["topic"]["code"]) == ("info", "monitoring")


def test_text_of_the_record_is_escaped_wherever_it_comes_through(
    client: TestClient, request_for: RequestFor
) -> None:
    hostile = '<img src=x onerror="alert(1)"> **bold** [a](http://attacker.example) | cell'
    resources = crs_3()
    for item in resources:
        if item["resourceType"] == "Observation" and "valueString" in item:
            item["valueString"] = hostile
    answer = client.post(SERVICE, json=request_for(resources))
    for card in answer.json()["cards"]:
        assert (
            "<img" not in card["detail"]
            and "[a](" not in card["detail"]
            and "http://attacker" not in card["detail"]
        )
        assert "<img" not in card["summary"]


# --- reviews made by hand ---


def test_a_summary_names_the_grade_what_drives_it_the_day_and_a_higher_peak() -> None:
    fever = criterion(1, "38.6 °C", "crs.fever.present")
    crs = graded(2, fever, criterion(2, "nasal cannula 2 L/min"), peak=3)
    assert (
        cards_of(review_of(crs))[0]["summary"]
        == "CRS grade 2: nasal cannula 2 L/min, day 3; episode peak 3; ICANS 0"
    )


def test_fever_alone_is_named_as_the_driver() -> None:
    crs = graded(1, criterion(1, "38.6 °C", "crs.fever.present"), peak=1)
    card = cards_of(review_of(crs))[0]
    assert (card["summary"], card["indicator"]) == ("CRS grade 1: fever 38.6 °C, day 3; ICANS 0", "warning")


def temperatures(*readings: tuple[float, str]) -> tuple[Temperature, ...]:
    return tuple(
        Temperature(AT - timedelta(hours=hours), Decimal(value), SOURCE) for hours, value in readings
    )


def fever_at(hours: float, value: str) -> CriterionMet:
    return replace(criterion(1, value, "crs.fever.present"), at=AT - timedelta(hours=hours))


@pytest.mark.parametrize(
    ("readings", "words"),
    [
        (((23, "39.0"), (1, "36.9")), "fever 39.0 °C 23 h ago"),
        (((1.5, "39.0"), (1, "37.9")), "fever 39.0 °C 90 min ago"),
        (((23, "39.0"), (1, "38.0")), "fever 39.0 °C"),
        (((23, "39.0"),), "fever 39.0 °C 23 h ago"),
        (((1, "39.0"),), "fever 39.0 °C"),
    ],
)
def test_a_fever_that_has_gone_is_named_with_its_age(
    readings: tuple[tuple[float, str], ...], words: str
) -> None:
    crs = graded(1, fever_at(readings[0][0], "39.0 °C"))
    card = cards_of(review_of(crs, temperatures=temperatures(*readings)))[0]
    assert card["summary"] == f"CRS grade 1: {words}, day 3; ICANS 0"


def test_what_is_attributed_elsewhere_is_named_where_it_fits() -> None:
    stated = tuple(
        Attribution(AT - timedelta(hours=2), what, False, "bleeding", SOURCE)
        for what in (Attributable.HYPOTENSION, Attributable.HYPOXIA, Attributable.NEUROLOGICAL)
    )
    crs = graded(1, fever_at(1, "38.6 °C"))
    (told,) = cards_of(review_of(crs, attributions=stated))
    assert told["summary"] == (
        "CRS grade 1: fever 38.6 °C, day 3; ICANS 0 (hypotension and hypoxia attributed elsewhere)"
    )
    (none,) = cards_of(review_of(attributions=stated[:1]))
    assert none["summary"] == "CRS grade 0 and ICANS grade 0: hypotension attributed elsewhere, day 3"
    long = graded(3, criterion(3, "norepinephrine and a driver with very many words in it " * 2))
    assert "attributed" not in cards_of(review_of(long, attributions=stated))[0]["summary"]


def test_units_of_gaps_sources_and_infusions_are_those_of_the_ward() -> None:
    noted = Temperature(AT, Decimal("38.2"), Source("Observation/2", "no unit charted, read as Cel"))
    running = VasoactiveRow(
        agent=VasoactiveAgent.VASOPRESSIN,
        start=AT - timedelta(hours=2),
        end=None,
        rate=Decimal("0.0366667"),
        rate_unit="[iU]/min",
        has_dose=False,
        intravenous=True,
        status=AdministrationStatus.IN_PROGRESS,
        source=SOURCE,
    )
    gaps = (Gap(GapWhat.BLOOD_PRESSURE, GapWhy.IMPLAUSIBLE, "20 mm[Hg]"),)
    detail = cards_of(review_of(gaps=gaps, temperatures=(noted,), vasoactives=(running,)))[0]["detail"]
    assert "blood pressure implausible value: 20 mmHg" in detail
    assert "Observation/2 (no unit charted, read as °C)" in detail
    assert "| vasopressin, 0.0367 units/min |" in detail


def test_the_criterion_that_decides_stands_first() -> None:
    crs = graded(3, criterion(1, "38.6 °C", "crs.fever.present"), criterion(3, "norepinephrine 8 ug/min"))
    card = cards_of(review_of(crs))[0]
    listed = card["detail"].partition("**Why this grade**")[2].strip().split("\n")
    assert listed[0].startswith("- Grade 3: ") and "8 mcg/min" in listed[0]
    assert listed[1].startswith("- Grade 1: ")
    assert card["summary"] == "CRS grade 3: norepinephrine 8 mcg/min, day 3; ICANS 0"


def test_a_bound_is_never_called_a_grade() -> None:
    gaps = (Gap(GapWhat.TEMPERATURE, GapWhy.NOT_CHARTED, widens_range=True),)
    review = review_of(open_grade(0, 3, criterion(3, "norepinephrine")), gaps=gaps)
    crs = cards_of(review)[0]
    assert crs["summary"] == "CRS 0–3, not decidable: temperature not charted, day 3; ICANS 0"
    first = crs["detail"].partition("\n")[0]
    assert "grade 3" not in first and "grade 0" not in first
    assert "possible 0 to 3" in crs["detail"]


@pytest.mark.parametrize(
    ("grade", "indicator"),
    [
        (graded(1), "warning"),
        (graded(2), "warning"),
        (graded(3), "critical"),
        (graded(5), "critical"),
        (open_grade(0, 4), "warning"),
        (open_grade(3, 4), "critical"),
        (SyndromeGrade(Status.NOT_ASSESSABLE, None, 0, 4, (), ("Sedated",)), "warning"),
    ],
)
def test_the_indicator_follows_what_is_certain(grade: SyndromeGrade, indicator: str) -> None:
    assert card_about("icans", cards_of(review_of(icans=grade)))["indicator"] == indicator


def test_an_urgent_recommendation_makes_its_card_critical() -> None:
    urgent = replace(TOCILIZUMAB, id="icu.transfer", dose=None, urgent=True)
    crs, icans = cards_of(review_of(graded(2), graded(1), recommendations=(urgent,)))
    assert (crs["indicator"], icans["indicator"]) == ("critical", "warning")


def test_not_assessable_says_why() -> None:
    sedated = SyndromeGrade(Status.NOT_ASSESSABLE, None, 0, 4, (), ("Sedated: cannot be assessed",))
    (card,) = cards_of(review_of(icans=sedated))
    assert card["summary"] == "ICANS not assessable: Sedated: cannot be assessed, day 3; CRS 0"


def test_what_is_not_verified_is_marked() -> None:
    shaky = replace(TOCILIZUMAB, verified=False, tier="RULE", strength=Strength.CONSIDER)
    crs = graded(3, criterion(3, "vasopressin", "crs.hypotension.vasopressin-only", verified=False))
    detail = cards_of(review_of(crs, recommendations=(shaky,)))[0]["detail"]
    assert detail.count("**not verified**") == 2


def test_a_dose_that_cannot_be_computed_is_printed_as_its_rule_without_a_draft() -> None:
    ruled = replace(TOCILIZUMAB, dose=None, dose_rule="8 mg/kg, at most 800 mg")
    card = cards_of(review_of(graded(3), recommendations=(ruled,)))[0]
    assert "Dose rule: 8 mg/kg, at most 800 mg (not computed)" in card["detail"]
    assert "suggestions" not in card and "overrideReasons" not in card


def test_what_is_withheld_says_why_and_isolated_icans_stands_with_icans() -> None:
    withheld = (
        Withheld("tocilizumab.dose", Guard.INTERVAL_UNDER_8H, "Last dose 5.5 h ago", "MET guide"),
        Withheld("tocilizumab.dose", Guard.ISOLATED_ICANS, "No CRS", "MET guide"),
    )
    crs, icans = (card["detail"] for card in cards_of(review_of(graded(2), graded(1), withheld=withheld)))
    assert "because of less than 8 h since the last dose (interval-under-8h): Last dose 5.5 h ago" in crs
    assert "because of ICANS without CRS (isolated-icans): No CRS" in icans and "isolated-icans" not in crs


def test_two_steroids_alone_are_alternatives() -> None:
    (icans,) = cards_of(review_of(icans=graded(2), recommendations=(DEXAMETHASONE, METHYLPREDNISOLONE)))
    assert icans["selectionBehavior"] == "at-most-one"
    assert [item["isRecommended"] for item in icans["suggestions"]] == [True, False]


def test_beside_tocilizumab_only_the_first_steroid_is_drafted() -> None:
    both = (replace(item, row="C5") for item in (DEXAMETHASONE, METHYLPREDNISOLONE))
    crs = cards_of(review_of(graded(3), recommendations=(TOCILIZUMAB, *both)))[0]
    assert crs["selectionBehavior"] == "any"
    labels = [item["label"] for item in crs["suggestions"]]
    assert len(labels) == 2 and "tocilizumab" in labels[0] and "dexamethasone" in labels[1]
    assert "Methylprednisolone instead" in crs["detail"]


def test_no_draft_is_offered_so_soon_after_a_dose_and_the_card_says_why() -> None:
    lately = replace(DEXAMETHASONE, no_draft_because="dexamethasone 10 mg, 1 h ago, which is less than 6 h")
    (card,) = cards_of(review_of(icans=graded(2), recommendations=(lately,)))
    assert "suggestions" not in card
    assert (
        "No draft order is offered: dexamethasone 10 mg, 1 h ago, which is less than 6 h." in card["detail"]
    )


def test_data_not_retrieved_and_resources_unreadable_make_a_card_of_warnings() -> None:
    gaps = (Gap(GapWhat.WEIGHT, GapWhy.NOT_RETRIEVED),)
    cards = cards_of(review_of(gaps=gaps), missing=["weights: the query failed"], refused=2, total=600)
    warning = card_about("missing-data", cards)
    assert warning["summary"] == "Missing data: not retrieved: weight"
    assert "2 of 600 resources could not be read" in warning["detail"]
    few = card_about("missing-data", cards_of(review_of(), refused=1, total=9))
    assert few["summary"] == "Missing data: 1 of 9 resources unreadable"


def test_what_was_not_charted_is_said_on_the_card_of_its_syndrome_and_not_again() -> None:
    gaps = (
        Gap(GapWhat.TEMPERATURE, GapWhy.NOT_CHARTED, widens_range=True),
        Gap(GapWhat.ICE, GapWhy.STALE, widens_range=True),
    )
    crs, icans = cards_of(review_of(open_grade(0, 1), open_grade(0, 3), gaps=gaps))
    assert "temperature not charted – **leaves the grade open**" in crs["detail"]
    assert "ICE no recent value – **leaves the grade open**" in icans["detail"]


def test_what_was_not_received_is_named_with_what_leaves_a_grade_open() -> None:
    gaps = (Gap(GapWhat.TEMPERATURE, GapWhy.NOT_CHARTED, widens_range=True),)
    cards = cards_of(review_of(open_grade(0, 1), gaps=gaps), missing=["reports: not sent"])
    missing = card_about("missing-data", cards)
    assert missing["summary"] == "Missing data: needed for the grade: temperature"
    assert "reports: not sent" in missing["detail"]


def test_a_gap_that_leaves_no_grade_open_makes_no_card_of_its_own() -> None:
    gaps = (Gap(GapWhat.SEIZURE, GapWhy.NOT_CHARTED), Gap(GapWhat.WEIGHT, GapWhy.STALE))
    (card,) = cards_of(review_of(gaps=gaps))
    assert "seizure not charted" in card["detail"] and "weight no recent value" in card["detail"]


def test_imaging_since_the_infusion_is_shown_and_never_graded() -> None:
    reports = (
        ImagingReport(datetime(2026, 2, 1, tzinfo=UTC), "before the infusion", SOURCE),
        ImagingReport(datetime(2026, 3, 3, tzinfo=UTC), "diffuse <b>oedema</b>", SOURCE),
    )
    (card,) = cards_of(review_of(), chart=Chart(imaging=reports))
    assert "Report (not graded) | diffuse &lt;b&gt;oedema&lt;/b&gt;" in card["detail"]
    assert "before the infusion" not in card["detail"]


def test_every_card_links_to_the_publication_it_grades_by(answered: dict[str, Any]) -> None:
    for card in answered["cards"]:
        (link,) = card["links"]
        assert link == {
            "label": "ASTCT consensus grading (Lee et al. 2019)",
            "url": "https://doi.org/10.1016/j.bbmt.2018.12.758",
            "type": "absolute",
        }


def test_a_smart_link_leads_to_the_page_of_its_syndrome_and_is_there_only_with_a_public_url() -> None:
    review = review_of(graded(2), graded(1))
    assert all(link["type"] == "absolute" for card in cards_of(review) for link in card["links"])
    crs, icans = cards_of(review, public_url="https://cds.example/base")
    for card, view in ((crs, "course"), (icans, "ice")):
        link = card["links"][0]
        assert link["url"] == "https://cds.example/base/smart/launch"
        assert link["type"] == "smart" and link["label"]
        assert json.loads(link["appContext"]) == {"v": 1, "view": view}


def test_the_public_url_of_the_settings_reaches_the_links(request_for: RequestFor) -> None:
    with service(public_url="https://cds.example") as running:
        cards = running.post(SERVICE, json=request_for(well())).json()["cards"]
    assert {card["links"][0]["url"] for card in cards} == {"https://cds.example/smart/launch"}


def test_an_infusion_without_a_date_has_one_card(client: TestClient, request_for: RequestFor) -> None:
    undated = {
        "resourceType": "Procedure",
        "id": "x",
        "status": "completed",
        "subject": {"reference": "Patient/p1"},
        "code": {"coding": [{"system": "http://www.cms.gov/Medicare/Coding/ICD10", "code": "XW033H7"}]},
    }
    (card,) = client.post(SERVICE, json=request_for([patient(), undated, *vital_signs()])).json()["cards"]
    assert card["source"]["topic"]["code"] == "infusion"
