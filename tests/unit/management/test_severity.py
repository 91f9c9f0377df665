"""Scores show their arithmetic, and units are never mixed: CRP in mg/L for mg/dL is a tenfold error."""

from dataclasses import replace
from decimal import Decimal

import pytest

from fhir_maps.reading_rules import RULES
from grading.chart import Chart, Lab, LabValue, Source
from management.lab_values import UNITS, list_names
from management.protocol import load_protocol
from management.review import Score
from management.reviewing import situate
from management.severity import score_severity
from tests.spec.management.bedside import AT, chart_of, hours_ago

PROTOCOL = load_protocol("met-2021")


def scores_of(chart: Chart) -> dict[str, Score]:
    situation = situate(chart, AT, PROTOCOL)
    assert situation is not None
    return {score.name: score for score in score_severity(situation)}


def test_m_easix_shows_the_conversion_of_crp() -> None:
    [point] = scores_of(chart_of("ldh 500 3h; crp 120 2h; platelets 50 4h"))["m-EASIX"].points
    assert point.arithmetic == ("LDH 500 U/L × CRP 12 mg/dL (120 mg/L ÷ 10) ÷ platelets 50 ×10⁹/L = 120")
    assert point.at == hours_ago(2)


def test_easix_converts_nothing() -> None:
    [point] = scores_of(chart_of("ldh 300; creatinine 1.2; platelets 60"))["EASIX"].points
    assert point.arithmetic == "LDH 300 U/L × creatinine 1.2 mg/dL ÷ platelets 60 ×10⁹/L = 6"


def test_car_hematotox_shows_each_point_and_the_conversion_of_crp() -> None:
    chart = chart_of("platelets 100 200h; anc 900 200h; haemoglobin 10 200h; crp 30 200h; ferritin 650 200h")
    score = scores_of(chart)["CAR-HEMATOTOX"]
    assert score.points[0].arithmetic == (
        "platelets 100 ×10⁹/L on day -5: 1; neutrophils 900 /µL on day -5: 1; "
        "haemoglobin 10 g/dL on day -5: 0; "
        "CRP 3 mg/dL (30 mg/L ÷ 10) on day -5: 1; ferritin 650 ng/mL on day -5: 1; 1 + 1 + 0 + 1 + 1 = 4"
    )
    assert (score.points[0].value, score.reading) == (4, "high")


def test_a_tenfold_crp_makes_a_tenfold_score_and_never_the_same() -> None:
    in_mg_per_litre = scores_of(chart_of("ldh 500; crp 120; platelets 50"))["m-EASIX"].points[0].value
    as_if_mg_per_decilitre = scores_of(chart_of("ldh 500; crp 12; platelets 50"))["m-EASIX"].points[0].value
    assert in_mg_per_litre == 10 * as_if_mg_per_decilitre


def test_a_value_that_is_a_bound_of_the_assay_is_said_to_be_one() -> None:
    chart = chart_of("ldh 500; platelets 50")
    noted = LabValue(Lab.CRP, hours_ago(1), Decimal(300), Source("Observation/1", "charted crp >300 mg/L"))
    other = replace(chart.labs[0], source=Source("Observation/2", "matched on text"))
    with_bound = replace(chart, labs=(other, *chart.labs[1:], noted))
    [point] = scores_of(with_bound)["m-EASIX"].points
    assert point.arithmetic.endswith("= 300 (charted crp >300 mg/L)")


@pytest.mark.parametrize("phrases", ["fever 38.8", "sodium 140", "day none; ldh 500; crp 120; platelets 50"])
def test_without_inputs_or_a_dated_infusion_there_is_no_score(phrases: str) -> None:
    assert scores_of(chart_of(phrases)) == {}


def test_scores_of_which_no_input_is_known_are_left_out() -> None:
    assert set(scores_of(chart_of("creatinine 1.2"))) == {"EASIX"}
    assert set(scores_of(chart_of("ferritin 900"))) == set()
    assert set(scores_of(chart_of("ferritin 900 100h"))) == {"CAR-HEMATOTOX"}


def test_each_score_names_its_source() -> None:
    for score in scores_of(
        chart_of("ldh 500; crp 120; platelets 50; creatinine 1; ferritin 9 100h")
    ).values():
        assert score.cite
        assert (score.tier, score.verified) == ("B", True)


def test_units_are_those_in_which_values_are_read() -> None:
    spelled = {"/uL": "/µL", "10*9/L": "×10⁹/L"}
    read = {lab: spelled.get(unit, unit) for lab, unit in RULES.laboratory_units.items()}
    assert {lab: unit for lab, unit in UNITS.items() if lab is not Lab.TROPONIN} == read
    assert set(UNITS) == set(Lab)


def test_names_are_joined_as_they_are_said() -> None:
    assert list_names([Lab.IGG]) == "IgG"
    assert list_names([Lab.ALT, Lab.AST, Lab.LDH]) == "ALT, AST and LDH"
