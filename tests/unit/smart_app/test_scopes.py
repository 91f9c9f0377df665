"""The scopes: what we ask for is what we read, and no more."""

import pytest

from fhir_maps.data_requirements import REQUIREMENTS
from fhir_maps.retrieve import FhirAccess, Permission
from smart_app.scopes import can_work, not_granted, requested_scopes
from smart_app.session import GrantedScopes, Verb

EHR = requested_scopes(standalone=False)
ALONE = requested_scopes(standalone=True)


def test_everything_that_is_read_is_asked_for() -> None:
    access = FhirAccess("https://ehr.example", "token", EHR)
    assert {access.permission(requirement) for requirement in REQUIREMENTS} == {Permission.FULL}
    assert not_granted(GrantedScopes(EHR)) == ()


def test_the_scopes_are_these() -> None:
    assert EHR.split() == [
        "launch", "openid", "fhirUser", "online_access", "patient/Patient.r", "patient/Procedure.rs",
        "patient/MedicationAdministration.rs", "patient/Observation.crus", "patient/Condition.rs",
        "patient/MedicationRequest.rs", "patient/DiagnosticReport.rs", "patient/Encounter.r",
        "patient/Medication.rs", "user/Practitioner.r",
    ]  # fmt: skip


def test_standing_alone_only_the_launch_differs() -> None:
    assert ALONE.split()[:2] == ["launch/patient", "launch/encounter"]
    assert ALONE.split()[2:] == EHR.split()[1:]


def test_there_is_no_wildcard_and_only_observations_are_written() -> None:
    assert "*" not in EHR
    granted = GrantedScopes(EHR)
    for kind in ("Condition", "MedicationRequest", "Patient", "Encounter", "Procedure"):
        assert not granted.allows(Verb.CREATE, kind) and not granted.allows(Verb.UPDATE, kind)
    assert granted.allows(Verb.CREATE, "Observation") and granted.allows(Verb.UPDATE, "Observation")


def test_the_scopes_fit_into_an_address() -> None:
    assert len(EHR) < 400 and len(ALONE) < 400


def test_more_scopes_come_by_configuration_and_none_twice() -> None:
    more = requested_scopes(standalone=False, extra=("openid", "patient/Observation.rs?category=x"))
    assert more == EHR + " patient/Observation.rs?category=x"


@pytest.mark.parametrize(
    ("scope", "works"),
    [
        (EHR, True),
        ("patient/Observation.rs", True),
        ("patient/Observation.r user/Observation.s", True),
        ("patient/*.read", True),
        ("patient/Observation.*", True),
        ("patient/Observation.rs?category=laboratory", True),
        ("patient/Observation.r", False),
        ("patient/Observation.c", False),
        ("patient/Observation.write", False),
        ("patient/Observation.sr", False),
        ("system/Observation.rs", False),
        ("openid", False),
        ("", False),
    ],
)
def test_without_observations_there_is_nothing_to_do(scope: str, works: bool) -> None:
    assert can_work(GrantedScopes(scope)) is works


def test_what_was_not_granted_is_told() -> None:
    granted = GrantedScopes(
        "patient/Observation.rs patient/Patient.r patient/Condition.r patient/Procedure.rs"
    )
    assert not_granted(granted) == (
        "MedicationAdministration", "Condition", "MedicationRequest", "DiagnosticReport"
    )  # fmt: skip
