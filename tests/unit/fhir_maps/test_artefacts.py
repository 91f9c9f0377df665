"""The published artefacts say what the maps say, and are valid R4."""

from typing import Any

import pytest
from fhir.resources.R4B import get_fhir_model_class

from fhir_maps.artefacts import ASSESSMENT_SYSTEM, CANONICAL, artefact, artefact_ids
from fhir_maps.terminology import fold_text, load_terminology

ROWS = load_terminology().rows


def found(kind: str, artefact_id: str) -> dict[str, Any]:
    resource = artefact(kind, artefact_id)
    assert resource is not None
    return resource


def elements(group: str) -> dict[tuple[str, str], dict[str, Any]]:
    return {
        (part.get("source", ""), element["code"]): element["target"][0]
        for part in found("ConceptMap", group)["group"]
        for element in part["element"]
    }


@pytest.mark.parametrize(("kind", "artefact_id"), artefact_ids())
def test_each_is_valid_r4_under_its_own_address(kind: str, artefact_id: str) -> None:
    resource = found(kind, artefact_id)
    get_fhir_model_class(kind).model_validate(resource)
    assert resource["url"] == f"{CANONICAL}/{kind}/{artefact_id}"


def test_what_is_not_there_is_none() -> None:
    assert artefact("CodeSystem", "no-such") is None
    assert artefact("Patient", "drug") is None


def test_every_code_of_ours_in_the_maps_is_in_the_code_system() -> None:
    codes = {concept["code"] for concept in found("CodeSystem", "immune-effector-cell-assessment")["concept"]}
    assert {row.code for row in ROWS if row.system == ASSESSMENT_SYSTEM} <= codes
    assert {
        "ice-total",
        "ice-naming",
        "unarousable",
        "cushing-triad",
        "cart-infusion",
        "not-performed",
    } <= codes
    assert len(codes) == found("CodeSystem", "immune-effector-cell-assessment")["count"]


def test_every_row_of_the_maps_stands_in_a_concept_map() -> None:
    for group in {row.group for row in ROWS}:
        mapped = elements(group.replace("_", "-"))
        for row in ROWS:
            if row.group != group:
                continue
            if row.code:
                assert (row.system, row.code) in mapped
            if row.text:
                assert (f"{CANONICAL}/CodeSystem/charted-text", fold_text(row.text)) in mapped


def test_a_code_that_is_read_names_its_concept() -> None:
    rxnorm = "http://www.nlm.nih.gov/research/umls/rxnorm"
    target = elements("drug")[(rxnorm, "7512")]
    assert (target["code"], target["equivalence"]) == ("norepinephrine", "wider")


def test_a_code_that_is_not_used_is_unmatched_with_the_reason() -> None:
    target = elements("cart-procedure")[("http://www.ama-assn.org/go/cpt", "38225")]
    assert target["equivalence"] == "unmatched"
    assert "harvest" in target["comment"]
    assert "code" not in target


def test_every_target_is_a_concept_of_its_code_system() -> None:
    for kind, artefact_id in artefact_ids():
        if kind != "ConceptMap" or artefact_id == "unit":
            continue
        known = {concept["code"] for concept in found("CodeSystem", f"{artefact_id}-concepts")["concept"]}
        assert {target["code"] for target in elements(artefact_id).values() if "code" in target} <= known


def test_a_value_set_holds_no_code_that_is_not_used() -> None:
    for kind, artefact_id in artefact_ids():
        if kind != "ValueSet":
            continue
        held = {
            (part["system"], concept["code"])
            for part in found(kind, artefact_id)["compose"]["include"]
            for concept in part["concept"]
        }
        unused = {
            key for key, target in elements(artefact_id).items() if target["equivalence"] == "unmatched"
        }
        assert held
        assert not held & unused


def test_loinc_carries_its_notice_and_cpt_no_descriptor() -> None:
    assert "LOINC® is a registered" in found("ValueSet", "observation")["copyright"]
    procedures = found("ValueSet", "cart-procedure")
    cpt = next(part for part in procedures["compose"]["include"] if "ama-assn" in part["system"])
    assert cpt["concept"] == [{"code": "38228"}, {"code": "0540T"}]
    assert "American Medical Association" in procedures["copyright"]


def test_the_concern_of_the_team_is_published_with_its_two_answers() -> None:
    concepts = {
        concept["code"] for concept in found("CodeSystem", "immune-effector-cell-assessment")["concept"]
    }
    assert {"team-concern", "present", "none"} <= concepts
    [include] = found("ValueSet", "team-concern")["compose"]["include"]
    assert include == {"system": ASSESSMENT_SYSTEM, "concept": [{"code": "none"}, {"code": "present"}]}
