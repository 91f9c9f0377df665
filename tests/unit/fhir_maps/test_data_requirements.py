"""The one list of what is read: what its templates may hold, and what they must reach."""

import re
from urllib.parse import quote

import pytest

from fhir_maps.data_requirements import (
    LONGEST_ENCODED_URL,
    REQUIREMENTS,
    Kind,
    Requirement,
    Role,
    data_requirements,
)
from fhir_maps.terminology import MapRow, Terminology, load_terminology
from grading.chart import GapWhat

TERMINOLOGY = load_terminology()
ASKED = data_requirements(TERMINOLOGY)
ALLOWED_PARAMETERS = {"patient", "code", "status", "_sort", "_count"}


def row(group: str, concept: str, code: str, system: str = "http://local") -> MapRow:
    return MapRow(group, concept, system, code, "", "site", "verified", "", "site.csv")


def by_key(key: str, requirements: tuple[Requirement, ...] = ASKED) -> Requirement:
    return next(item for item in requirements if item.key == key)


@pytest.mark.parametrize("requirement", ASKED, ids=lambda item: item.key)
def test_a_template_uses_only_the_patient_token_and_plain_search(requirement: Requirement) -> None:
    template = requirement.template
    assert re.findall(r"\{\{.*?\}\}", template) == ["{{context.patientId}}"]
    _, _, query = template.partition("?")
    names = [part.partition("=")[0] for part in query.split("&")] if query else []
    assert set(names) <= ALLOWED_PARAMETERS
    assert len(names) == len(set(names)), "a repeated parameter is merged by some clients"
    assert "%" not in template and ":" not in query.partition("&code=")[0]


@pytest.mark.parametrize("requirement", ASKED, ids=lambda item: item.key)
def test_every_search_is_bounded_and_short_enough_for_a_url(requirement: Requirement) -> None:
    if requirement.kind is Kind.SEARCH:
        assert re.search(r"&_count=\d+$", requirement.template)
    assert len(quote(requirement.template)) <= LONGEST_ENCODED_URL


def test_the_patient_is_the_only_read_as_a_404_on_a_read_aborts_a_client() -> None:
    assert [item.template for item in ASKED if item.kind is Kind.READ] == ["Patient/{{context.patientId}}"]


def test_vital_signs_are_never_asked_for_without_codes() -> None:
    for requirement in ASKED:
        if requirement.resource_type == "Observation":
            assert requirement.codes
            assert "category" not in requirement.template


def test_oxygen_is_asked_for_by_saturation_flow_concentration_and_device() -> None:
    codes = set(by_key("oxygen").codes)
    assert {
        f"http://loinc.org|{code}" for code in ("59408-5", "2708-6", "3151-8", "3150-0", "107117-4")
    } <= codes


def test_every_concept_that_is_read_from_observations_is_asked_for() -> None:
    read = {
        row.concept
        for row in TERMINOLOGY.rows
        if row.group == "observation" and row.code and not row.deliberately_unused
    }
    asked = {code for item in ASKED for code in item.codes}
    for item in TERMINOLOGY.rows:
        if (
            item.group == "observation"
            and item.concept in read
            and item.code
            and not item.deliberately_unused
        ):
            assert f"{item.system}|{item.code}" in asked, item.concept


def test_every_input_that_can_be_missing_is_fed_by_some_key() -> None:
    fed = set().union(*(item.feeds for item in REQUIREMENTS))
    assert fed == set(GapWhat)


def test_infusion_products_have_a_key_of_their_own_beside_all_administrations() -> None:
    products = by_key("infusionProducts")
    assert products.role is Role.INFUSION
    assert "http://www.nlm.nih.gov/research/umls/rxnorm|1987398" in products.codes
    assert by_key("medicationAdministrations").template == (
        "MedicationAdministration?patient={{context.patientId}}&_sort=-effective-time&_count=1000"
    )


def test_the_infusion_and_observations_are_required_and_nothing_else() -> None:
    required = {item.resource_type for item in ASKED if item.required}
    assert required == {"Procedure", "MedicationAdministration", "Observation"}
    assert not by_key("conditions").required


def test_no_wider_key_stands_for_one_of_the_infusion() -> None:
    assert {item.covered_by for item in ASKED if item.role is Role.INFUSION} == {None}
    assert by_key("countedDrugs").covered_by == "medicationAdministrations"


def test_a_sites_own_codes_stand_in_the_templates() -> None:
    site = Terminology([*TERMINOLOGY.rows, row("observation", "temperature", "TEMP-LOCAL")])
    assert "http://local|TEMP-LOCAL" in by_key("temperature", data_requirements(site)).template


def test_a_list_of_codes_too_long_for_one_url_becomes_several_keys() -> None:
    rows = [row("observation", "temperature", f"LOCAL-TEMPERATURE-{number:04}") for number in range(120)]
    parts = [item for item in data_requirements(Terminology(rows)) if item.key.startswith("temperature")]
    assert [item.key for item in parts] == [
        f"temperature{number or ''}" for number in (0, *range(2, len(parts) + 1))
    ]
    assert sum(len(item.codes) for item in parts) == 120
    assert all(len(quote(item.template)) <= LONGEST_ENCODED_URL for item in parts)


def test_a_coded_key_without_any_code_is_left_out_instead_of_asking_for_everything() -> None:
    assert not [item for item in data_requirements(Terminology([])) if item.resource_type == "Observation"]


def test_deliberately_unused_codes_are_not_asked_for() -> None:
    rows = [row("observation", "!goal-rass", "228299"), row("observation", "rass", "228096")]
    assert by_key("neurology", data_requirements(Terminology(rows))).codes == ("http://local|228096",)


def test_a_code_that_would_need_escaping_is_not_asked_for() -> None:
    rows = [row("observation", "temperature", "a,b"), row("observation", "temperature", "c")]
    assert by_key("temperature", data_requirements(Terminology(rows))).codes == ("http://local|c",)


def test_a_url_for_a_patient_encodes_the_bar_and_the_id() -> None:
    url = by_key("weight").url_for("a b")
    assert url == "Observation?patient=a%20b&code=http://loinc.org%7C29463-7&_sort=-date&_count=20"
    assert by_key("patient").url_for("p-1") == "Patient/p-1"


def test_the_concern_of_the_team_is_asked_for_with_the_attributions() -> None:
    own = "https://cart-toxicity-cds.github.io/fhir/CodeSystem/immune-effector-cell-assessment"
    assert f"{own}|team-concern" in by_key("attributions").codes


def test_the_findings_under_an_ice_total_are_asked_for_with_the_neurological_findings() -> None:
    """Without ICE scores, a seizure that was charted beside one must still be found."""
    own = "https://cart-toxicity-cds.github.io/fhir/CodeSystem/immune-effector-cell-assessment"
    [neurology] = [row for row in data_requirements(load_terminology()) if row.key == "neurology"]
    assert {f"{own}|ice-total", f"{own}|capd-total", f"{own}|seizure"} <= set(neurology.codes)
