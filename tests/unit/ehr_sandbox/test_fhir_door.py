"""The door is asked before anything is done, and an id tells nothing about a patient whom one may not see."""

from collections.abc import Collection
from typing import Any

import pytest
from fhir.resources.R4B.capabilitystatement import CapabilityStatement

from ehr_sandbox.capability import SMART_SECURITY
from ehr_sandbox.door import AccessRefusedError, Interaction
from tests.small_ward import BASE, Ward, condition, ice, temperature

TOKEN = {"Authorization": "Bearer token-of-one"}
RECORD = [
    temperature("of-one", "2026-03-04T11:00:00Z", "one"),
    temperature("of-two", "2026-03-04T11:00:00Z", "two"),
]


class OnePatientsDoor:
    """Lets the holder of one token at the records of one patient, and at what is nobody's.

    ``admits_none`` says whether an interaction that names no patient is let through.
    """

    def __init__(self, *, admits_none: bool) -> None:
        self.admits_none = admits_none
        self.asked: list[tuple[Interaction, str, frozenset[str]]] = []

    def admit(
        self, authorization: str | None, interaction: Interaction, kind: str, patients: Collection[str]
    ) -> None:
        self.asked.append((interaction, kind, frozenset(patients)))
        if authorization != TOKEN["Authorization"]:
            raise AccessRefusedError(401, "no valid token")
        if set(patients) - {"one"} or not (patients or self.admits_none or kind == "Practitioner"):
            raise AccessRefusedError(403, "not permitted")


def guarded(*, admits_none: bool = False) -> tuple[Ward, OnePatientsDoor]:
    door = OnePatientsDoor(admits_none=admits_none)
    return Ward(list(RECORD), door=door), door


def kept(ward: Ward, patient: str) -> int:
    return len(ward.shelf.search("Observation", [("patient", patient)]))


def told(answer: Any) -> tuple[int, bytes]:
    return answer.status_code, answer.content


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("Patient/one", (Interaction.READ, "Patient", {"one"})),
        ("Patient/nobody", (Interaction.READ, "Patient", {"nobody"})),
        ("Observation/of-one", (Interaction.READ, "Observation", {"one"})),
        ("Observation/of-one/_history/1", (Interaction.READ, "Observation", {"one"})),
        ("Encounter/one-encounter", (Interaction.READ, "Encounter", {"one"})),
        ("Practitioner/demo-clinician", (Interaction.READ, "Practitioner", set())),
        ("Observation?patient=one", (Interaction.SEARCH, "Observation", {"one"})),
        ("Observation?patient=Patient/one", (Interaction.SEARCH, "Observation", {"one"})),
        (f"Observation?subject={BASE}/Patient/one", (Interaction.SEARCH, "Observation", {"one"})),
        ("Observation?patient=one,Patient/two", (Interaction.SEARCH, "Observation", {"one", "two"})),
        ("Observation?patient=one&subject=two", (Interaction.SEARCH, "Observation", {"one", "two"})),
        ("Observation?code=8310-5", (Interaction.SEARCH, "Observation", set())),
        ("Observation?_id=of-two", (Interaction.SEARCH, "Observation", set())),
        ("Patient?_id=two", (Interaction.SEARCH, "Patient", {"two"})),
        ("Patient", (Interaction.SEARCH, "Patient", set())),
    ],
)
def test_the_door_is_told_what_is_done_and_whose_record_it_touches(
    path: str, asked: tuple[Interaction, str, set[str]]
) -> None:
    ward, door = guarded()
    ward.get(path, **TOKEN)
    assert door.asked[0] == asked


def test_without_a_token_nothing_is_answered_but_the_capabilities() -> None:
    ward, _ = guarded()
    for path in (
        "Patient/one",
        "Observation/of-one",
        "Observation/none",
        "Observation?patient=one",
        "Patient",
    ):
        answer = ward.get(path)
        assert answer.status_code == 401, path
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.json()["issue"][0]["code"] == "login"
    assert ward.post("Observation", ice()).status_code == 401
    assert ward.put("Observation/of-one", ice(id="of-one")).status_code == 401
    assert ward.client.post("/fhir/Observation/_search", data={"patient": "one"}).status_code == 401
    assert ward.get("metadata").status_code == 200
    assert [one["id"] for one in ward.shelf.search("Observation", [])] == ["of-one", "of-two"]


def test_with_a_token_ones_own_patients_record_is_answered() -> None:
    ward, _ = guarded()
    assert ward.get("Patient/one", **TOKEN).status_code == 200
    assert ward.get("Observation?patient=one", **TOKEN).json()["total"] == 1
    assert ward.post("Observation", ice(), {**TOKEN, **condition()}).status_code == 201


def test_another_patients_record_is_forbidden() -> None:
    ward, _ = guarded()
    for path in ("Patient/two", "Observation?patient=two", "Observation?patient=one,two", "Patient?_id=two"):
        assert ward.get(path, **TOKEN).status_code == 403, path
    assert ward.post("Observation", ice("two"), TOKEN).status_code == 403
    assert kept(ward, "two") == 1


@pytest.mark.parametrize("admits_none", [False, True])
@pytest.mark.parametrize("history", ["", "/_history/1", "/_history/9"])
def test_a_resource_of_another_patient_is_answered_like_one_that_is_not_there(
    history: str, admits_none: bool
) -> None:
    ward, _ = guarded(admits_none=admits_none)
    foreign = ward.get(f"Observation/of-two{history}", **TOKEN)
    missing = ward.get(f"Observation/nothing{history}", **TOKEN)
    assert told(foreign) == told(missing)
    assert foreign.status_code == (404 if admits_none else 403)


@pytest.mark.parametrize("admits_none", [False, True])
@pytest.mark.parametrize("subject", ["one", "two"])
def test_an_update_of_another_patients_resource_is_answered_like_one_that_is_not_there(
    subject: str, admits_none: bool
) -> None:
    ward, _ = guarded(admits_none=admits_none)
    before = ward.shelf.read("Observation", "of-two")
    foreign = ward.put("Observation/of-two", ice(subject, id="of-two"), TOKEN)
    missing = ward.put("Observation/nothing", ice(subject, id="nothing"), TOKEN)
    assert told(foreign) == told(missing)
    assert foreign.status_code == (404 if subject == "one" else 403)
    assert ward.shelf.read("Observation", "of-two") == before


def test_ones_own_resource_is_not_moved_to_another_patient() -> None:
    ward, _ = guarded()
    answer = ward.put("Observation/of-one", ice("two", id="of-one"), TOKEN)
    assert answer.status_code == 403
    assert kept(ward, "one") == 1


def test_every_entry_of_a_transaction_is_asked_for() -> None:
    ward, _ = guarded()
    create = {"method": "POST", "url": "Observation"}
    body = {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [
            {"request": create, "resource": ice("one")},
            {"request": create, "resource": ice("two")},
        ],
    }
    assert ward.post("", body).status_code == 401
    assert ward.post("", body, TOKEN).status_code == 403
    assert (kept(ward, "one"), kept(ward, "two")) == (1, 1)
    batch = ward.post("", {**body, "type": "batch"}, TOKEN).json()["entry"]
    assert [one["response"]["status"] for one in batch] == ["201 Created", "403 Forbidden"]


def test_the_capabilities_tell_of_the_authorization_server() -> None:
    rest = Ward(security=SMART_SECURITY).get("metadata").json()["rest"][0]
    assert rest["security"]["service"][0]["coding"][0]["code"] == "SMART-on-FHIR"
    open_statement = Ward().get("metadata").json()
    assert "service" not in open_statement["rest"][0]["security"]
    CapabilityStatement.model_validate(open_statement)
