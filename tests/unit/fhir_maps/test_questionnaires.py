"""The Questionnaires agree with our codes, with what is read, and with the table of the consensus."""

import pytest
from fhir.resources.R4B.questionnaire import Questionnaire

from fhir_maps.artefacts import ASSESSMENT_SYSTEM, CANONICAL, artefact
from fhir_maps.questionnaires import bedside_questionnaire, questionnaire_ids, questionnaire_resource
from fhir_maps.reading_rules import RULES
from fhir_maps.terminology import load_terminology

ICE = bedside_questionnaire("ice-assessment")
CAPD = bedside_questionnaire("capd-assessment")


@pytest.mark.parametrize("questionnaire_id", questionnaire_ids())
def test_each_is_published_as_a_draft_under_its_own_address(questionnaire_id: str) -> None:
    resource = artefact("Questionnaire", questionnaire_id)
    assert resource is not None
    Questionnaire.model_validate(resource)
    assert resource["url"] == f"{CANONICAL}/Questionnaire/{questionnaire_id}"
    assert resource["status"] == "draft"
    assert "derivedFrom" not in resource


def test_ice_has_eight_items_in_the_order_of_the_bedside_and_ten_points() -> None:
    assert [(item.code, item.lowest, item.highest) for item in ICE.items] == [
        ("ice-year", 0, 1),
        ("ice-month", 0, 1),
        ("ice-city", 0, 1),
        ("ice-hospital", 0, 1),
        ("ice-naming", 0, 3),
        ("ice-command", 0, 1),
        ("ice-writing", 0, 1),
        ("ice-attention", 0, 1),
    ]
    assert (ICE.total.code, ICE.total.lowest, ICE.total.highest) == ("ice-total", 0, 10)
    assert (CAPD.total.code, CAPD.total.lowest, CAPD.total.highest, CAPD.items) == ("capd-total", 0, 32, ())


@pytest.mark.parametrize("question", [*ICE.items, ICE.total, CAPD.total], ids=lambda item: item.link_id)
def test_ranges_are_those_of_reading(question) -> None:  # type: ignore[no-untyped-def]
    assert (question.lowest, question.highest) == RULES.scores[question.code]


@pytest.mark.parametrize("item", ICE.items, ids=lambda item: item.link_id)
def test_every_whole_number_of_an_item_is_offered_best_first(item) -> None:  # type: ignore[no-untyped-def]
    assert [option.value for option in item.options] == list(range(item.highest, -1, -1))


@pytest.mark.parametrize("questionnaire", [ICE, CAPD], ids=lambda item: item.id)
def test_findings_offer_every_answer_that_is_read_and_no_other(questionnaire) -> None:  # type: ignore[no-untyped-def]
    rows = load_terminology().rows
    for question in questionnaire.findings:
        if question.kind == "boolean":
            continue
        group = question.code.replace("-", "_")
        read = {row.code for row in rows if row.group == group and row.system == ASSESSMENT_SYSTEM}
        assert {option.value for option in question.options} == read
    assert [question.code for question in questionnaire.findings] == [
        "consciousness",
        "seizure",
        "motor",
        "raised-icp",
        "sedated",
    ]


def test_codes_and_displays_are_those_of_our_code_system() -> None:
    system = artefact("CodeSystem", "immune-effector-cell-assessment")
    assert system is not None
    displays = {concept["code"]: concept["display"] for concept in system["concept"]}
    for questionnaire in (ICE, CAPD):
        for question in (questionnaire.total, *questionnaire.items, *questionnaire.findings):
            assert displays[question.code or ""] == question.display
            if question.kind == "choice":
                assert {option.value: option.label for option in question.options} == {
                    option.value: displays[str(option.value)] for option in question.options
                }


def test_points_of_an_option_are_its_ordinal_value() -> None:
    ordinal = "http://hl7.org/fhir/StructureDefinition/ordinalValue"
    [total] = [item for item in questionnaire_resource("ice-assessment")["item"] if "code" in item]
    for item in total["item"]:
        for option in item.get("answerOption", []):
            if "valueInteger" in option:
                [value] = [part["valueDecimal"] for part in option["extension"] if part["url"] == ordinal]
                assert value == option["valueInteger"]


def test_every_reason_for_not_testing_stands_for_a_code_of_absence() -> None:
    questions = [*ICE.items, CAPD.total]
    for question in questions:
        reasons = {option.value: option.absent_reason for option in question.parts["reason"].options}
        assert set(reasons.values()) <= {"not-performed", "asked-declined", "not-asked"}
        assert None not in reasons.values()
    # A CAPD that could not be performed is read by this one code alone.
    assert {option.absent_reason for option in CAPD.total.parts["reason"].options} == {"not-performed"}


def test_every_item_and_finding_has_its_help() -> None:
    for questionnaire in (ICE, CAPD):
        assert all(question.help for question in (*questionnaire.items, *questionnaire.findings))
