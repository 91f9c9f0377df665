"""The sandbox's FHIR endpoint answers reads and searches as the standard says, and refuses the rest."""

from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.capabilitystatement import CapabilityStatement
from fhir.resources.R4B.encounter import Encounter
from fhir.resources.R4B.operationoutcome import OperationOutcome
from fhir.resources.R4B.practitioner import Practitioner
from starlette.testclient import TestClient

from ehr_sandbox.app import create_sandbox
from ehr_sandbox.patients import load_patients

LOINC = "http://loinc.org"
OWN = "https://cart-toxicity-cds.github.io/fhir/CodeSystem/immune-effector-cell-assessment"


@pytest.fixture(scope="module")
def fhir() -> TestClient:
    return TestClient(create_sandbox(load_patients()))


def search(fhir: TestClient, kind: str, **parameters: Any) -> dict[str, Any]:
    named = {name.replace("_time", "-time").removesuffix("__"): value for name, value in parameters.items()}
    answer = fhir.get(f"/fhir/{kind}", params=named)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    Bundle.model_validate(body)
    return body


def resources(bundle: dict[str, Any]) -> list[dict[str, Any]]:
    return [entry["resource"] for entry in bundle.get("entry", [])]


def refusal(fhir: TestClient, path: str, status: int) -> str:
    answer = fhir.get(path)
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("application/fhir+json")
    OperationOutcome.model_validate(answer.json())
    return str(answer.json()["issue"][0]["details"]["text"])


def test_a_patient_is_read_by_id(fhir: TestClient) -> None:
    answer = fhir.get("/fhir/Patient/demo-adler")
    assert answer.status_code == 200
    assert answer.json()["name"][0]["family"] == "Demo-Adler"


def test_a_library_client_accept_header_is_no_reason_to_refuse(fhir: TestClient) -> None:
    for accept in ("application/fhir+json, */*; q=0.1", "application/json+fhir"):
        assert fhir.get("/fhir/Patient/demo-adler", headers={"Accept": accept}).status_code == 200


def test_a_resource_that_is_not_there_is_a_404(fhir: TestClient) -> None:
    refusal(fhir, "/fhir/Patient/nobody", 404)


def test_an_unknown_type_is_a_404(fhir: TestClient) -> None:
    refusal(fhir, "/fhir/Unicorn?patient=demo-adler", 404)


def test_an_unknown_parameter_is_a_400_that_names_it(fhir: TestClient) -> None:
    assert "colour" in refusal(fhir, "/fhir/Observation?patient=demo-adler&colour=red", 400)


@pytest.mark.parametrize("query", ["date=yesterday", "_count=-1", "_count=many", "_sort=colour", "date=ge"])
def test_a_value_that_is_not_understood_is_a_400(fhir: TestClient, query: str) -> None:
    refusal(fhir, f"/fhir/Observation?patient=demo-adler&{query}", 400)


@pytest.mark.parametrize("patient", ["demo-cedar", "Patient/demo-cedar"])
def test_the_newest_temperature_is_the_first_of_a_descending_sort(fhir: TestClient, patient: str) -> None:
    found = search(fhir, "Observation", patient=patient, code=f"{LOINC}|8310-5", _sort="-date", _count=1)
    [newest] = resources(found)
    assert newest["valueQuantity"] == {
        "value": 38.9,
        "unit": "°C",
        "system": "http://unitsofmeasure.org",
        "code": "Cel",
    }
    assert newest["effectiveDateTime"] == "2026-03-04T10:00:00+01:00"


def test_several_codes_are_joined_by_comma(fhir: TestClient) -> None:
    both = search(
        fhir, "Observation", patient="demo-cedar", code=f"{LOINC}|8310-5,{OWN}|ice-total", _count=500
    )
    texts = {one["code"]["text"] for one in resources(both)}
    assert texts == {"Body temperature", "ICE score"}


def test_a_code_of_another_system_is_not_found(fhir: TestClient) -> None:
    assert (
        search(fhir, "Observation", patient="demo-cedar", code="http://snomed.info/sct|8310-5")["total"] == 0
    )


def test_a_code_without_system_is_found_in_any(fhir: TestClient) -> None:
    assert search(fhir, "Observation", patient="demo-cedar", code="29463-7")["total"] == 1


def test_nothing_found_is_an_empty_bundle_without_entries(fhir: TestClient) -> None:
    empty = search(fhir, "Procedure", patient="demo-marder")
    assert empty["total"] == 0
    assert "entry" not in empty


def test_status_and_category_narrow_a_search(fhir: TestClient) -> None:
    running = search(fhir, "MedicationAdministration", patient="demo-dorn", status="in-progress")
    assert {one["medicationCodeableConcept"]["text"] for one in resources(running)} == {
        "norepinephrine",
        "vasopressin",
    }
    labs = search(fhir, "Observation", patient="demo-dorn", category="laboratory", _count=100)
    assert labs["total"] == 14  # two draws of seven values


def test_administrations_sort_by_their_start(fhir: TestClient) -> None:
    found = resources(search(fhir, "MedicationAdministration", patient="demo-dorn", _sort="-effective-time"))
    starts = [one.get("effectiveDateTime") or one["effectivePeriod"]["start"] for one in found]
    instants = [datetime.fromisoformat(text) for text in starts]
    assert instants == sorted(instants, reverse=True)


@pytest.mark.parametrize(
    ("date", "count"),
    [
        ("ge2026-03-04T06:00:00+01:00", 2),  # rounds at 06:00 and 10:00
        ("gt2026-03-04T06:00:00+01:00", 1),
        ("lt2026-03-04T06:00:00+01:00", 28),
        ("le2026-03-04T06:00:00+01:00", 29),
        ("eq2026-03-04T05:00:00Z", 1),
        ("2026-03-03", 6),
        ("2026-02", 9),  # 27 February 14:00, 18:00, 22:00, and six on the 28th
    ],
)
def test_dates_are_compared_as_instants_whatever_the_offset(fhir: TestClient, date: str, count: int) -> None:
    # Thirty four-hourly rounds, from 27 February 14:00 to 4 March 10:00 (+01:00).
    found = search(fhir, "Observation", patient="demo-cedar", code=f"{LOINC}|8310-5", date=date, _count=200)
    assert found["total"] == count


def test_a_running_infusion_reaches_into_the_future(fhir: TestClient) -> None:
    found = search(fhir, "MedicationAdministration", patient="demo-dorn", effective_time="gt2027-01-01")
    assert {one["status"] for one in resources(found)} == {"in-progress"}


def test_pages_follow_the_next_link_to_the_end(fhir: TestClient) -> None:
    page = search(fhir, "Observation", patient="demo-cedar", _sort="-date", _count=40)
    total, seen = page["total"], [one["id"] for one in resources(page)]
    while following := [link["url"] for link in page["link"] if link["relation"] == "next"]:
        url = urlsplit(following[0])
        answer = fhir.get(url.path, params=parse_qsl(url.query))
        page = answer.json()
        seen += [one["id"] for one in resources(page)]
    assert len(seen) == len(set(seen)) == total


def test_a_search_may_come_as_a_form(fhir: TestClient) -> None:
    answer = fhir.post(
        "/fhir/Observation/_search", data={"patient": "demo-adler", "code": f"{LOINC}|29463-7"}
    )
    assert answer.json()["total"] == 1


def test_metadata_lists_what_can_be_searched(fhir: TestClient) -> None:
    statement = fhir.get("/fhir/metadata").json()
    CapabilityStatement.model_validate(statement)
    by_type = {one["type"]: one for one in statement["rest"][0]["resource"]}
    named = {one["name"]: one["type"] for one in by_type["MedicationAdministration"]["searchParam"]}
    assert named["effective-time"] == "date"
    assert named["patient"] == "reference"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_a_patient_of_the_ward_cannot_be_changed(fhir: TestClient, method: str) -> None:
    before = fhir.get("/fhir/Patient/demo-adler").json()
    assert fhir.request(method, "/fhir/Patient/demo-adler").status_code == 405
    assert fhir.get("/fhir/Patient/demo-adler").json() == before


def test_the_ward_has_a_clinician_and_a_stay_of_each_patient(fhir: TestClient) -> None:
    clinician = fhir.get("/fhir/Practitioner/demo-clinician").json()
    Practitioner.model_validate(clinician)
    assert clinician["name"][0]["family"] == "Demo-Stieglitz"
    [stay] = resources(search(fhir, "Encounter", patient="demo-adler"))
    Encounter.model_validate(stay)
    assert stay["id"] == "demo-adler-encounter"
    assert stay["class"]["code"] == "IMP"
