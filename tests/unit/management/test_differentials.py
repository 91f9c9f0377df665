"""Screens: what was found is said with its unit, and by the cut of the right age."""

from management.conditions import CONDITIONS
from management.differentials import SCREENS
from management.protocol import load_protocol
from management.review import Recommendation
from management.reviewing import review, situate
from management.screen_pieces import PIECES_OF_SCREEN
from management.vocabulary import RECOMMENDATION_IDS
from tests.spec.management.bedside import AT, chart_of

PROTOCOL = load_protocol("met-2021")


def the(recommendation_id: str, phrases: str) -> Recommendation:
    answer = review(chart_of(phrases), AT, PROTOCOL)
    assert answer is not None
    return next(item for item in answer.recommendations if item.id == recommendation_id)


def test_tumour_lysis_says_what_was_found_with_its_unit() -> None:
    advice = the("screen.tumour-lysis", "potassium 6.2 20h; potassium 4.8 3h; urate 8.5 4h")
    assert advice.reasons == ("Potassium 6.2 mmol/L", "Urate 8.5 mg/dL")


def test_creatinine_is_judged_against_the_lowest_value_of_two_days_before() -> None:
    advice = the(
        "screen.tumour-lysis", "phosphate 4.5; creatinine 1.0 41h; creatinine 1.2 20h; creatinine 1.3"
    )
    assert "Creatinine risen from 1 to 1.3 mg/dL in 40 h" in advice.reasons


def test_creatinine_is_judged_against_an_old_value_where_there_is_no_other() -> None:
    advice = the("screen.tumour-lysis", "phosphate 4.5; creatinine 0.8 101h; creatinine 1.3")
    assert "Creatinine risen from 0.8 to 1.3 mg/dL in 100 h" in advice.reasons


def test_the_newest_findings_of_lysis_are_those_of_the_most_tests() -> None:
    advice = the("screen.tumour-lysis", "potassium 6.5 40h; phosphate 5 38h; urate 9 36h; urate 8.4 2h")
    assert advice.reasons == ("Potassium 6.5 mmol/L", "Phosphate 5 mg/dL", "Urate 9 mg/dL")


def test_new_cytopenia_is_said_with_its_value() -> None:
    advice = the("screen.iec-hs", "ferritin 18000 /300; platelets 60 30h; platelets 20")
    assert "New grade 4 cytopenia (platelets 20 ×10⁹/L)" in advice.reasons


def test_a_screen_for_refractory_crs_names_its_missing_pieces_too() -> None:
    given = "; ".join(f"tocilizumab {hours}h" for hours in (50, 40, 30, 20))
    advice = the("screen.iec-hs", f"fever 39 60h; fever 38.8; {given}")
    assert advice.row == "T3"
    assert any("ferritin" in piece for piece in advice.missing)


def test_a_reaction_to_the_infusion_has_signs_that_the_chart_does_not_tell() -> None:
    situation = situate(chart_of("day 0.1; fever 38.8"), AT, PROTOCOL)
    assert situation is not None
    pieces = PIECES_OF_SCREEN["screen.hypersensitivity"](situation)
    assert pieces == ("skin, airway and gut signs are not read from the chart",)


def test_without_a_dated_infusion_any_imaging_report_counts() -> None:
    situation = situate(chart_of("day none; motor hemiparesis; imaging 900h"), AT, PROTOCOL)
    assert situation is not None
    assert PIECES_OF_SCREEN["screen.stroke"](situation) == ("platelets not charted in 48 h",)


def test_every_screen_is_a_condition_and_every_piece_belongs_to_a_recommendation() -> None:
    assert set(SCREENS) <= set(CONDITIONS)
    assert set(PIECES_OF_SCREEN) <= RECOMMENDATION_IDS
