"""The JSON that every graded answer carries, member by member."""

import json
from dataclasses import replace
from decimal import Decimal

import pytest

from grading.chart import Chart, ChartGap, GapWhat, GapWhy, OxygenSaturation, Temperature, Weight
from management.assessment_document import EXTENSION_NAME, assessment_document, assessment_extension
from management.protocol import load_protocol
from management.review import Review
from management.reviewing import review
from tests.spec.management.bedside import AT, CHARTED, chart_of, hours_ago

PROTOCOL = load_protocol("met-2021")


def review_of(chart: Chart | str) -> Review:
    answer = review(chart_of(chart) if isinstance(chart, str) else chart, AT, PROTOCOL)
    assert answer is not None
    return answer


def document(chart: Chart | str) -> dict[str, object]:
    written = json.loads(json.dumps(assessment_document(review_of(chart)), allow_nan=False))
    assert isinstance(written, dict)
    return written


def inputs(chart: Chart | str) -> dict[str, object]:
    found = document(chart)["inputs"]
    assert isinstance(found, dict)
    return found


def test_the_extension_stands_under_its_own_name() -> None:
    answer = review_of("fever 38.8")
    assert assessment_extension(answer) == {EXTENSION_NAME: assessment_document(answer)}
    assert EXTENSION_NAME == "io.github.cart-toxicity-cds.assessment"


def test_a_whole_document() -> None:
    story = "fever 38.83; norepinephrine 4h; vasopressin 3h; systolic 95; tocilizumab 5.5h"
    neurological = "seizure none; motor none; icp none"
    assert document(f"{story}; {neurological}; gap labs not-retrieved") == {
        "at": "2026-03-10T12:00:00Z",
        "infusion": {"at": "2026-03-07T12:00:00Z", "day": 3, "product": "axicabtagene-ciloleucel"},
        "crs": {
            "status": "graded",
            "grade": 3,
            "range": [3, 3],
            "episodePeak": 3,
            "criteria": ["crs.fever.present", "crs.hypotension.one-vasopressor"],
        },
        "icans": {"status": "none", "grade": 0, "range": [0, 0]},
        "inputs": {
            "temperatureCelsius": 38.83,
            "systolicMmHg": 95,
            "vasopressors": ["norepinephrine"],
            "vasopressin": True,
            "oxygen": {"device": "room-air"},
            "spo2Percent": 96,
            "ice": 10,
            "consciousness": "alert",
            "weightKilograms": 72,
            "tocilizumabDoses": {"last24h": 1, "total": 1, "hoursSinceLast": 5.5},
        },
        "gaps": [{"what": "labs", "why": "not-retrieved"}],
        "recommendations": [
            {"id": "icu.transfer", "strength": "recommend", "cite": "MET guide, Fig. 1; MET guide, text"},
            {"id": "infection-workup", "strength": "recommend", "cite": "MET guide, Fig. 1"},
            {"id": "empiric-antibiotics", "strength": "recommend", "cite": "MET guide, Fig. 1"},
            {"id": "supportive-care", "strength": "recommend", "cite": "MET guide, Fig. 1"},
            {"id": "echocardiography", "strength": "consider", "cite": "MET guide, Fig. 1"},
            {"id": "screen.sepsis", "strength": "consider", "cite": "MET guide, text"},
        ],
        "withheld": [{"id": "tocilizumab.dose", "because": "interval-under-8h"}],
        "protocol": "met-2021",
    }


def test_a_dose_is_a_number_with_its_unit() -> None:
    given = document("fever 38.8; weight 72.35 72h; oxygen simple-mask 5")["recommendations"]
    assert isinstance(given, list)
    tocilizumab = next(entry for entry in given if entry["id"] == "tocilizumab.dose")
    assert tocilizumab == {
        "id": "tocilizumab.dose",
        "strength": "recommend",
        "dose": {"value": 578.8, "unit": "mg"},
        "cite": "MET guide, Fig. 1; ASCO card p.6; Kymriah label copy",
    }


def test_the_temperature_is_the_highest_of_the_window_even_when_attributed() -> None:
    assert (
        inputs("temperature 39.1 8h; temperature 36.9 1h; attributed fever line")["temperatureCelsius"]
        == 39.1
    )


def test_rounding_comes_after_grading() -> None:
    almost = document("temperature 37.996")
    assert almost["crs"] == {"status": "none", "grade": 0, "range": [0, 0]}
    assert inputs("temperature 37.996")["temperatureCelsius"] == 38.0
    assert inputs("temperature 37.9444")["temperatureCelsius"] == 37.94


def test_terlipressin_is_listed_and_does_not_set_vasopressin() -> None:
    found = inputs("fever 38.8; terlipressin 2h")
    assert found["vasopressors"] == ["terlipressin"]
    assert "vasopressin" not in found


def test_inotropes_are_not_listed() -> None:
    assert "vasopressors" not in inputs("dobutamine 2h")


def test_a_flow_without_a_device_stands_alone() -> None:
    assert inputs("fever 38.8; oxygen flow 2.5")["oxygen"] == {"flowLitresPerMinute": 2.5}


@pytest.mark.parametrize(
    "device",
    ["tracheostomy-mask", "t-piece", "aerosol-mask", "ecmo", "unspecified-mask", "unspecified-oxygen"],
)
def test_a_device_that_readers_do_not_know_has_a_member_of_its_own(device: str) -> None:
    assert inputs(f"fever 38.8; oxygen {device} 8")["oxygen"] == {
        "chartedDevice": device,
        "flowLitresPerMinute": 8,
    }


@pytest.mark.parametrize(
    "device",
    [
        "room-air",
        "nasal-cannula",
        "blow-by",
        "simple-mask",
        "venturi-mask",
        "partial-rebreather",
        "non-rebreather",
        "face-tent",
        "high-flow-nasal-cannula",
        "cpap",
        "bipap",
        "mechanical-ventilation",
    ],
)
def test_a_device_that_readers_know_is_named(device: str) -> None:
    assert inputs(f"fever 38.8; oxygen {device}")["oxygen"] == {"device": device}


def test_fio2_is_a_fraction_beside_the_device() -> None:
    assert inputs("oxygen high-flow-nasal-cannula 40; fio2 0.4")["oxygen"] == {
        "device": "high-flow-nasal-cannula",
        "flowLitresPerMinute": 40,
        "fio2": 0.4,
    }


def test_ice_with_missing_items_is_a_range() -> None:
    assert inputs("ice 7 10")["ice"] == {"min": 7, "max": 10}


def test_ice_0_is_said() -> None:
    assert inputs("ice 0")["ice"] == 0


def test_capd_is_said_in_a_child() -> None:
    found = inputs("age 6; weight 21 72h; capd 12; no ice")
    assert found["capd"] == 12
    assert "ice" not in found


def test_no_dose_given_is_said_as_none_given() -> None:
    assert inputs("fever 38.8")["tocilizumabDoses"] == {"last24h": 0, "total": 0}


@pytest.mark.parametrize("why", ["not-retrieved", "unmapped", "ambiguous", "implausible"])
def test_doses_that_may_be_on_record_unread_are_not_said_to_be_none(why: str) -> None:
    assert "tocilizumabDoses" not in inputs(f"fever 38.8; gap tocilizumab {why}")


def test_what_could_not_be_read_from_before_the_treatment_leaves_no_doubt() -> None:
    chart = chart_of("fever 38.8; oxygen simple-mask 5")  # infused 72 h ago: doses count from 96 h ago on
    for hours, known in ((97, True), (95, False)):
        gap = ChartGap(GapWhat.TOCILIZUMAB, GapWhy.UNMAPPED, "tocilizumab", at=hours_ago(hours))
        found = document(replace(chart, gaps=(gap,)))
        given = {item["id"] for item in found["recommendations"]}  # type: ignore[attr-defined]
        assert ("tocilizumabDoses" in found["inputs"], "tocilizumab.dose" in given) == (known, known)  # type: ignore[operator]


def test_doses_count_from_a_day_before_the_first_infusion() -> None:
    found = inputs("day 1; fever 38.8; tocilizumab 60h; tocilizumab 47h; tocilizumab 3h")
    assert found["tocilizumabDoses"] == {"last24h": 1, "total": 2, "hoursSinceLast": 3.0}


def test_without_a_date_of_the_infusion_every_dose_counts() -> None:
    found = inputs("day none; tocilizumab 600h; tocilizumab 3h")
    assert found["tocilizumabDoses"] == {"last24h": 1, "total": 2, "hoursSinceLast": 3.0}


def test_an_order_that_nobody_charted_as_given_is_said_as_no_dose() -> None:
    assert inputs("fever 38.8; order tocilizumab 2h")["tocilizumabDoses"] == {"last24h": 0, "total": 0}


@pytest.mark.parametrize("why", ["not-retrieved", "unmapped"])
def test_known_doses_are_said_even_when_others_may_be_missing(why: str) -> None:
    found = inputs(f"fever 38.8; tocilizumab 10h; gap tocilizumab {why}")
    assert found["tocilizumabDoses"] == {"last24h": 1, "total": 1, "hoursSinceLast": 10.0}


def test_nothing_is_null_and_nothing_is_empty() -> None:
    def check(value: object) -> None:
        assert value is not None
        assert value not in ("", [], {})
        for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else []:
            check(part)

    stories = (
        "",
        "day unknown",
        "day none; no temperature; no systolic; no oxygen; no spo2; no ice; no weight",
    )
    for phrases in (*stories, "fever 38.8; ice 5; no weight", "no consciousness; no ice"):
        check(document(phrases))


def test_an_undated_infusion_has_neither_time_nor_day() -> None:
    assert document("day none")["infusion"] == {"product": "axicabtagene-ciloleucel"}


def test_an_unknown_infusion_is_left_out() -> None:
    assert "infusion" not in document("day unknown; fever 38.8")


def test_a_gap_stands_once() -> None:
    gaps = document("no temperature; no ice; no consciousness")["gaps"]
    assert isinstance(gaps, list)
    assert {"what": "temperature", "why": "not-charted"} in gaps
    assert len({json.dumps(gap, sort_keys=True) for gap in gaps}) == len(gaps)


def test_a_time_is_written_in_utc() -> None:
    chart = chart_of("fever 38.8")
    assert document(chart)["at"] == "2026-03-10T12:00:00Z"


def test_whole_numbers_are_written_as_integers_and_others_as_they_are() -> None:
    chart = replace(
        chart_of("fever 38.8; no weight; no spo2"),
        weights=(Weight(hours_ago(24), Decimal("72.4"), CHARTED),),
        saturations=(OxygenSaturation(hours_ago(1), Decimal("96.0"), CHARTED),),
    )
    assert inputs(chart)["weightKilograms"] == 72.4
    assert json.dumps(inputs(chart)["spo2Percent"]) == "96"


def test_the_criteria_keep_the_order_of_the_consensus() -> None:
    crs = document("fever 38.8; norepinephrine 2h; oxygen nasal-cannula 2")["crs"]
    assert isinstance(crs, dict)
    assert crs["criteria"] == [
        "crs.fever.present",
        "crs.hypotension.one-vasopressor",
        "crs.hypoxia.low-flow",
    ]


def test_a_temperature_of_many_digits_has_two_decimals() -> None:
    chart = replace(
        chart_of("no temperature"),
        temperatures=(Temperature(hours_ago(1), Decimal("38.3333333333"), CHARTED),),
    )
    assert inputs(chart)["temperatureCelsius"] == 38.33


def test_an_attribution_stands_among_the_inputs_and_the_grade_without_it_beside_the_grade() -> None:
    written = document("fever 38.8; attributed fever pneumonia; norepinephrine 4h")
    crs, found = written["crs"], written["inputs"]
    assert isinstance(crs, dict) and isinstance(found, dict)
    assert crs["status"] == "indeterminate"
    assert crs["range"] == [0, 3]
    assert crs["withoutAttribution"] == {"range": [3, 3], "grade": 3}
    assert found["attributions"] == [{"what": "fever", "cause": "pneumonia", "at": "2026-03-10T11:00:00Z"}]
    assert written["icans"] == {"status": "none", "grade": 0, "range": [0, 0]}


def test_a_grade_of_0_without_attribution_is_told_and_a_cause_that_nobody_stated_is_left_out() -> None:
    written = document("ice 10; attributed neurological")
    icans, found = written["icans"], written["inputs"]
    assert isinstance(icans, dict) and isinstance(found, dict)
    assert (icans["status"], icans["range"]) == ("not-assessable", [0, 4])
    assert icans["withoutAttribution"] == {"range": [0, 0], "grade": 0}
    assert found["attributions"] == [{"what": "neurological", "at": "2026-03-10T11:00:00Z"}]


def test_a_range_without_attribution_has_no_grade() -> None:
    crs = document("fever 38.8; oxygen nasal-cannula; attributed hypoxia embolism")["crs"]
    assert isinstance(crs, dict)
    assert (crs["grade"], crs["withoutAttribution"]) == (1, {"range": [2, 3]})


def test_the_same_grade_without_attribution_is_not_told() -> None:
    written = document("fever 38.8; norepinephrine 4h; oxygen nasal-cannula 2; attributed hypoxia embolism")
    assert isinstance(written["crs"], dict)
    assert written["crs"]["grade"] == 3
    assert "withoutAttribution" not in written["crs"]
    assert "attributions" not in inputs("fever 38.8")
