"""Faults of scopes and token answers, one switch at a time."""

import json

import pytest

from ehr_sandbox.door import AccessRefusedError, Interaction
from ehr_sandbox.smart_faults import ScopeSpelling
from tests.unit.ehr_sandbox.smart_client import SCOPE, TOKEN, Site

PLAIN = "launch openid fhirUser online_access"


@pytest.fixture
def site() -> Site:
    return Site()


def may(site: Site, token: str, interaction: Interaction, kind: str) -> bool:
    try:
        site.server.admit(f"Bearer {token}", interaction, kind, {"adler"})
    except AccessRefusedError:
        return False
    return True


def test_all_switches_are_off_at_first(site: Site) -> None:
    assert site.tokens()["scope"] == SCOPE


@pytest.mark.parametrize(
    ("spelling", "told"),
    [
        (ScopeSpelling.V2, "patient/Patient.r patient/Observation.crus user/Practitioner.r"),
        (
            ScopeSpelling.V1,
            "patient/Patient.read patient/Observation.read patient/Observation.write user/Practitioner.read",
        ),
        (
            ScopeSpelling.SPLIT,
            "patient/Patient.r patient/Observation.c patient/Observation.r patient/Observation.u"
            " patient/Observation.s user/Practitioner.r",
        ),
        (ScopeSpelling.WILDCARD, "patient/*.crus user/*.r"),
        (
            ScopeSpelling.WITH_QUERY,
            "patient/Patient.r patient/Observation.crus?category=http://terminology.hl7.org/CodeSystem/"
            "observation-category|vital-signs user/Practitioner.r",
        ),
    ],
)
def test_granted_scopes_are_spelled_as_servers_do(site: Site, spelling: ScopeSpelling, told: str) -> None:
    site.faults.scope_spelling = spelling
    tokens = site.tokens()
    assert tokens["scope"] == f"{PLAIN} {told}"
    assert may(site, tokens["access_token"], Interaction.SEARCH, "Observation")
    assert may(site, tokens["access_token"], Interaction.CREATE, "Observation")
    assert site.refresh(tokens["refresh_token"]).json()["scope"] == tokens["scope"]


@pytest.mark.parametrize(
    ("withheld", "told"),
    [
        ("patient/Observation.c", "patient/Patient.r patient/Observation.rus user/Practitioner.r"),
        ("patient/Observation.cruds", "patient/Patient.r user/Practitioner.r"),
        ("patient/*.cu", "patient/Patient.r patient/Observation.rs user/Practitioner.r"),
        ("user/Practitioner.r", "patient/Patient.r patient/Observation.crus"),
    ],
)
def test_scopes_can_be_narrowed_and_the_door_knows(site: Site, withheld: str, told: str) -> None:
    site.faults.withheld_scopes = withheld
    tokens = site.tokens()
    assert tokens["scope"] == f"{PLAIN} {told}"
    assert may(site, tokens["access_token"], Interaction.CREATE, "Observation") is ("crus" in told)


def test_signing_in_can_be_withheld(site: Site) -> None:
    site.faults.withheld_scopes = "openid fhirUser online_access"
    assert not {"id_token", "refresh_token"} & site.tokens().keys()


def test_the_scope_can_be_left_untold(site: Site) -> None:
    site.faults.omits_scope = True
    assert "scope" not in site.tokens()


@pytest.mark.parametrize(
    ("switch", "member"),
    [
        ("no_patient", "patient"),
        ("no_refresh_token", "refresh_token"),
        ("no_expires_in", "expires_in"),
        ("no_id_token", "id_token"),
    ],
)
def test_a_member_can_be_left_out_of_the_answer(site: Site, switch: str, member: str) -> None:
    whole = site.tokens().keys()
    setattr(site.faults, switch, True)
    assert whole - site.tokens().keys() == {member}


def test_tokens_can_live_three_seconds(site: Site) -> None:
    site.faults.token_seconds = 3
    tokens = site.tokens()
    assert tokens["expires_in"] == 3
    assert may(site, tokens["access_token"], Interaction.READ, "Patient")
    site.clock.move(seconds=3)
    assert not may(site, tokens["access_token"], Interaction.READ, "Patient")
    assert site.refresh(tokens["refresh_token"]).json()["expires_in"] == 3


def test_the_token_endpoint_can_fail_and_nothing_is_done(site: Site) -> None:
    form = site.exchange_form(site.code())
    site.faults.token_status = 500
    assert site.http.post(TOKEN, data=form).status_code == 500
    site.faults.token_status = None
    assert site.http.post(TOKEN, data=form).status_code == 200


def test_the_token_endpoint_can_break_off_after_it_was_done(site: Site) -> None:
    code = site.code()
    site.faults.token_answer_cut = True
    answer = site.exchange(code)
    assert len(answer.content) < int(answer.headers["content-length"])
    with pytest.raises(json.JSONDecodeError):
        json.loads(answer.content)
    site.faults.token_answer_cut = False
    assert site.exchange(code).json()["error"] == "invalid_grant"
