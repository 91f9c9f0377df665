"""The maps of drugs, routes, methods and procedures hold together."""

import re
from collections import Counter

import pytest

from fhir_maps.terminology import MapRow, fold_text, load_terminology
from grading.chart import ImmuneDrug, OxygenDevice, VasoactiveAgent

TERMINOLOGY = load_terminology()
PRODUCTS = {
    "axicabtagene-ciloleucel",
    "brexucabtagene-autoleucel",
    "tisagenlecleucel",
    "lisocabtagene-maraleucel",
    "idecabtagene-vicleucel",
    "ciltacabtagene-autoleucel",
    "obecabtagene-autoleucel",
}
AGENTS = {agent.value for agent in VasoactiveAgent}
CONCEPTS = {
    "drug": AGENTS
    | {drug.value for drug in ImmuneDrug}
    | {f"cart:{product}" for product in PRODUCTS}
    | {"fluid", "diluent", "other", "vasoactive-local-form", "gm-csf"},
    "route": {
        "intravenous",
        "oral",
        "ophthalmic",
        "nasal",
        "inhaled",
        "intramuscular",
        "subcutaneous",
        "topical",
        "epidural",
        "other-route",
    },
    "method": {"given", "not-given", "stopped", "unknown"},
    "cart_procedure": {f"cart:{product}" for product in PRODUCTS} | {"cart:unknown"},
    "support_procedure": {device.value for device in OxygenDevice},
}


def rows_of(group: str) -> list[MapRow]:
    return [row for row in TERMINOLOGY.rows if row.group == group]


@pytest.mark.parametrize("group", CONCEPTS)
def test_a_map_names_only_concepts_that_are_read(group: str) -> None:
    used = {row.concept for row in rows_of(group) if not row.deliberately_unused}
    assert used <= CONCEPTS[group]


@pytest.mark.parametrize("group", [*CONCEPTS, "condition"])
def test_a_code_or_text_stands_once_and_has_a_source(group: str) -> None:
    keys = Counter((row.system, row.code) if row.code else fold_text(row.text) for row in rows_of(group))
    assert [key for key, count in keys.items() if count > 1] == []
    assert all(row.source and row.confidence for row in rows_of(group))


def test_every_agent_and_drug_can_be_found_by_its_name() -> None:
    for agent in VasoactiveAgent:
        match = TERMINOLOGY.of_text("drug", agent.value)
        assert match is not None, agent
        assert match.concept == agent.value
    for drug in ImmuneDrug:
        match = TERMINOLOGY.of_text("drug", drug.value)
        assert match is not None, drug
        assert match.concept == drug.value


def test_a_local_form_and_a_drug_without_bearing_say_why() -> None:
    for row in rows_of("drug"):
        if row.concept in ("other", "diluent", "vasoactive-local-form"):
            assert row.reason, row


def test_a_text_that_names_one_vasopressor_is_not_mapped_to_another_agent() -> None:
    counted = {"norepinephrine", "epinephrine", "phenylephrine", "dopamine", "vasopressin", "dobutamine"}
    for row in rows_of("drug"):
        named = counted & set(re.split(r"[^a-z]+", row.text.casefold()))
        if named and row.concept in AGENTS:
            assert named == {row.concept}, row


def test_no_procedure_code_of_other_cells_is_used() -> None:
    used = {row.code for row in rows_of("cart_procedure") if row.code and not row.deliberately_unused}
    assert not used & {"38225", "38226", "38227", "XW033L7", "XW043L7", "Q2058"}
    assert {"38228", "0540T", "XW033H7", "XW043C3", "cart-infusion"} <= used


def test_no_drug_without_bearing_is_named_like_a_vasopressor() -> None:
    names = {
        "norepinephrine",
        "noradrenaline",
        "levophed",
        "epinephrine",
        "adrenaline",
        "phenylephrine",
        "vasopressin",
        "argipressin",
        "terlipressin",
        "angiotensin",
        "giapreza",
        "dopamine",
        "dobutamine",
        "milrinone",
        "ephedrine",
        "isoproterenol",
    }
    for row in rows_of("drug"):
        if row.concept == "other":
            assert not names & set(re.split(r"[^a-z]+", row.text.casefold())), row
