"""The door of the FHIR endpoint: token, expiry, scope and patient, for reads, searches and writes."""

import pytest

from ehr_sandbox.door import AccessRefusedError, Door, Interaction
from ehr_sandbox.smart_scopes import KNOWN_KINDS
from ehr_sandbox.smart_server import LaunchContext
from fhir_maps.data_requirements import REQUIREMENTS
from tests.unit.ehr_sandbox.smart_client import Site

CREATE, READ, UPDATE, SEARCH = Interaction.CREATE, Interaction.READ, Interaction.UPDATE, Interaction.SEARCH
RECORD = (
    "launch online_access patient/Patient.r patient/Observation.crs patient/Medication.r user/Practitioner.r"
)


def asked(site: Site, authorization: str | None, interaction: Interaction, kind: str, *patients: str) -> int:
    """The status with which the door answers; 200 lets through."""
    door: Door = site.server
    try:
        door.admit(authorization, interaction, kind, patients)
    except AccessRefusedError as error:
        assert not any(patient in error.text for patient in patients)
        return error.status
    return 200


@pytest.fixture
def site() -> Site:
    return Site()


@pytest.mark.parametrize(
    ("interaction", "kind", "patients", "status"),
    [
        (READ, "Patient", ["adler"], 200),
        (READ, "Patient", ["brand"], 403),
        (SEARCH, "Patient", ["adler"], 403),  # patient/Patient.r reads and does not search
        (READ, "Observation", ["adler"], 200),
        (READ, "Observation", ["brand"], 403),
        (READ, "Observation", [], 403),
        (SEARCH, "Observation", ["adler"], 200),
        (SEARCH, "Observation", ["brand"], 403),
        (SEARCH, "Observation", ["adler", "brand"], 403),
        (SEARCH, "Observation", [], 403),
        (CREATE, "Observation", ["adler"], 200),
        (CREATE, "Observation", ["brand"], 403),
        (CREATE, "Observation", [], 403),
        (UPDATE, "Observation", ["adler"], 403),  # .crs corrects nothing
        (READ, "Procedure", ["adler"], 403),
        (CREATE, "Procedure", ["adler"], 403),
        (READ, "Practitioner", [], 200),
        (SEARCH, "Practitioner", [], 403),
        (READ, "Organization", [], 403),
        (READ, "Medication", [], 200),
        (SEARCH, "Medication", [], 403),
        (CREATE, "Medication", [], 403),
    ],
)
def test_scope_and_patient_are_enforced(
    site: Site, interaction: Interaction, kind: str, patients: list[str], status: int
) -> None:
    token = f"Bearer {site.tokens(scope=RECORD)['access_token']}"
    assert asked(site, token, interaction, kind, *patients) == status


def test_a_correction_needs_its_letter(site: Site) -> None:
    token = f"Bearer {site.tokens(scope='launch patient/Observation.u')['access_token']}"
    assert asked(site, token, UPDATE, "Observation", "adler") == 200
    assert asked(site, token, UPDATE, "Observation", "adler", "brand") == 403
    assert asked(site, token, CREATE, "Observation", "adler") == 403


def test_a_drug_is_read_with_the_patients_scopes_and_never_written(site: Site) -> None:
    token = f"Bearer {site.tokens(scope='launch patient/Medication.crs')['access_token']}"
    assert asked(site, token, SEARCH, "Medication") == 200
    assert asked(site, token, CREATE, "Medication") == 403


def test_a_clinician_level_scope_reaches_every_record(site: Site) -> None:
    token = f"Bearer {site.tokens(scope='launch user/Observation.s')['access_token']}"
    assert asked(site, token, SEARCH, "Observation", "brand") == 200
    assert asked(site, token, READ, "Observation", "brand") == 403


def test_scopes_of_the_first_version_are_understood(site: Site) -> None:
    token = f"Bearer {site.tokens(scope='launch patient/Observation.write')['access_token']}"
    assert asked(site, token, CREATE, "Observation", "adler") == 200
    assert asked(site, token, READ, "Observation", "adler") == 403


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer x", "Basic x", "x"])
def test_without_a_token_that_is_known_the_door_stays_shut(site: Site, header: str | None) -> None:
    for interaction in Interaction:
        assert asked(site, header, interaction, "Observation", "adler") == 401


def test_a_token_ends_with_its_time(site: Site) -> None:
    token = f"Bearer {site.tokens()['access_token']}"
    site.clock.move(seconds=899)
    assert asked(site, token, READ, "Patient", "adler") == 200
    site.clock.move(seconds=1)
    assert asked(site, token, READ, "Patient", "adler") == 401


def test_a_refresh_token_opens_nothing(site: Site) -> None:
    assert asked(site, f"Bearer {site.tokens()['refresh_token']}", READ, "Patient", "adler") == 401


def test_the_open_door_lets_reads_and_searches_through_and_never_writes() -> None:
    site = Site(open_reads=True)
    assert asked(site, None, READ, "Patient", "adler") == 200
    assert asked(site, None, SEARCH, "Observation") == 200
    assert asked(site, None, CREATE, "Observation", "adler") == 401
    assert asked(site, None, UPDATE, "Observation", "adler") == 401


def test_at_the_open_door_a_token_that_is_brought_counts() -> None:
    site = Site(open_reads=True)
    token = f"Bearer {site.tokens()['access_token']}"
    assert asked(site, token, READ, "Patient", "brand") == 403
    assert asked(site, "Bearer expired", READ, "Patient", "adler") == 401


def test_two_launches_have_two_patients(site: Site) -> None:
    one = f"Bearer {site.tokens(LaunchContext('adler'))['access_token']}"
    two = f"Bearer {site.tokens(LaunchContext('brand'))['access_token']}"
    assert asked(site, one, READ, "Patient", "adler") == 200
    assert asked(site, one, READ, "Patient", "brand") == 403
    assert asked(site, two, READ, "Patient", "brand") == 200


def test_a_cds_service_gets_a_token_for_one_patient(site: Site) -> None:
    given = site.server.issue_for_service("adler", "patient/Observation.rs patient/Patient.rs")
    token = given.pop("access_token")
    assert given == {
        "token_type": "Bearer",
        "expires_in": 300,
        "scope": "patient/Observation.rs patient/Patient.rs",
        "subject": "cart-toxicity-cds",
        "patient": "adler",
    }
    assert asked(site, f"Bearer {token}", SEARCH, "Observation", "adler") == 200
    assert asked(site, f"Bearer {token}", SEARCH, "Observation", "brand") == 403
    assert asked(site, f"Bearer {token}", CREATE, "Observation", "adler") == 403
    site.clock.move(seconds=300)
    assert asked(site, f"Bearer {token}", SEARCH, "Observation", "adler") == 401


@pytest.mark.parametrize("scope", ["", "system/Observation.rs", "launch", "patient/Observations.rs"])
def test_a_cds_service_gets_no_other_scopes(site: Site, scope: str) -> None:
    with pytest.raises(ValueError, match="service's scopes"):
        site.server.issue_for_service("adler", scope)


def test_every_type_that_the_record_is_read_from_can_be_named_in_a_scope() -> None:
    assert {requirement.resource_type for requirement in REQUIREMENTS} <= KNOWN_KINDS
