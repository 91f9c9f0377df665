"""The hook patient-view over HTTP: what is known, what is not, and what a client is told of it."""

import json
import logging
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient

from cds_service.settings import Mode
from fhir_maps.retrieve import FhirReader
from tests.prefetch_client import answer as search_answer
from tests.prefetch_client import discover
from tests.unit.cds_service.samples import (
    AT,
    EXTENSION,
    LOINC,
    SERVICE,
    Resource,
    bundle,
    crs_3,
    failed,
    infusion,
    neurology,
    norepinephrine,
    observation,
    patient,
    quantity,
    service,
    vital_signs,
    well,
)

FHIR = "http://127.0.0.1:9999/fhir"
RequestFor = Callable[..., dict[str, Any]]


def post(client: TestClient, request: Any) -> httpx.Response:
    return client.post(SERVICE, json=request)


def assessment(response: httpx.Response) -> dict[str, Any]:
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()["extension"][EXTENSION]
    return found


def gaps(response: httpx.Response) -> set[tuple[str, str]]:
    return {(gap["what"], gap["why"]) for gap in assessment(response).get("gaps", [])}


def silent(response: httpx.Response) -> bool:
    return response.status_code == 200 and response.json() == {"cards": []}


def refusal(response: httpx.Response) -> str:
    """The text of an OperationOutcome, checked for its shape."""
    body = response.json()
    assert body["resourceType"] == "OperationOutcome"
    (issue,) = body["issue"]
    assert issue["severity"] == "error" and issue["code"]
    text: str = issue["details"]["text"]
    return text


def without(request: dict[str, Any], *types: str) -> dict[str, Any]:
    """The request without the keys that hold resources of these types."""
    return with_all(request, {}, *types, drop=True)


def with_all(request: dict[str, Any], value: Any, *types: str, drop: bool = False) -> dict[str, Any]:
    """The request with another value under every key that asks for one of these types."""
    prefetch = {}
    for key, sent in request["prefetch"].items():
        if KEY_TYPES[key] not in types:
            prefetch[key] = sent
        elif not drop:
            prefetch[key] = value
    return request | {"prefetch": prefetch}


KEY_TYPES: dict[str, str] = {}


@pytest.fixture(autouse=True, scope="module")
def _key_types(client: TestClient) -> None:
    entry = discover(client, "cart-toxicity-patient-view")
    KEY_TYPES.update(
        {key: template.partition("?")[0].partition("/")[0] for key, template in entry["prefetch"].items()}
    )


INFUSION_TYPES = ("Procedure", "MedicationAdministration")


def test_a_recipient_with_nothing_wrong_gets_one_card_that_says_so(
    client: TestClient, request_for: RequestFor
) -> None:
    answered = post(client, request_for(well()))
    assert answered.headers["content-type"] == "application/json"
    found = assessment(answered)
    assert (found["crs"]["status"], found["crs"]["grade"]) == ("none", 0)
    assert (found["icans"]["status"], found["icans"]["grade"]) == ("none", 0)
    assert found["at"] == AT.isoformat().replace("+00:00", "Z")
    assert [card["indicator"] for card in answered.json()["cards"]] == ["info"]


def test_fever_and_a_vasopressor_are_graded_from_prefetch_alone(
    client: TestClient, request_for: RequestFor
) -> None:
    found = assessment(post(client, request_for(crs_3())))
    assert (found["crs"]["grade"], found["icans"]["grade"]) == (3, 2)
    assert found["inputs"]["vasopressors"] == ["norepinephrine"]
    assert found["protocol"] == "met-2021"


def test_no_infusion_on_record_is_silence(client: TestClient, request_for: RequestFor) -> None:
    others = [item for item in crs_3() if item["resourceType"] != "Procedure"]
    assert silent(post(client, request_for(others)))


def test_an_infusion_long_ago_is_silence(client: TestClient, request_for: RequestFor) -> None:
    assert silent(
        post(client, request_for([patient(), infusion("2025-12-01T10:00:00Z"), *vital_signs(38.6)]))
    )


def test_an_infusion_without_a_date_is_one_card_that_asks_for_it(
    client: TestClient, request_for: RequestFor
) -> None:
    answered = post(client, request_for([patient(), infusion(None), *vital_signs(38.6)]))
    found = assessment(answered)
    assert (found["crs"]["status"], found["icans"]["status"]) == ("not-assessable", "not-assessable")
    (card,) = answered.json()["cards"]
    assert card["indicator"] == "warning" and "date" in card["summary"]


def test_null_for_every_infusion_key_without_a_server_means_not_on_record(
    client: TestClient, request_for: RequestFor
) -> None:
    assert silent(post(client, with_all(request_for(well()), None, *INFUSION_TYPES)))


def test_an_empty_bundle_for_every_infusion_key_means_not_on_record(
    client: TestClient, request_for: RequestFor
) -> None:
    assert silent(post(client, with_all(request_for(well()), bundle(), *INFUSION_TYPES)))


@pytest.mark.parametrize(
    "value",
    ["absent", failed(), bundle(failed()), failed("warning"), "text", 5, [], {"resourceType": "Patient"}],
)
def test_an_infusion_that_could_not_be_looked_up_is_a_warning_and_never_silence(
    client: TestClient, request_for: RequestFor, value: Any
) -> None:
    request = with_all(request_for(well()), value, *INFUSION_TYPES, drop=value == "absent")
    answered = post(client, request)
    found = assessment(answered)
    assert (found["crs"]["status"], found["icans"]["status"]) == ("not-assessable", "not-assessable")
    assert "infusion" not in found
    assert ("infusion", "not-retrieved") in gaps(answered)
    (card,) = answered.json()["cards"]
    assert card["indicator"] == "warning" and "Not known" in card["summary"]


def test_an_infusion_on_record_that_cannot_be_read_is_said_to_be_just_that(
    client: TestClient, request_for: RequestFor
) -> None:
    broken = infusion() | {"status": 5}
    request = request_for([patient(), *vital_signs(), *neurology()])
    (key, *_) = infusion_keys(request)
    answered = post(client, request | {"prefetch": request["prefetch"] | {key: bundle(broken)}})
    assert "infusion" not in assessment(answered)
    (card,) = answered.json()["cards"]
    assert card["indicator"] == "warning" and "a record of it could not be read" in card["summary"]


def test_an_old_infusion_is_no_proof_that_there_is_no_newer_one(
    client: TestClient, request_for: RequestFor
) -> None:
    request = request_for([patient(), infusion("2025-12-01T10:00:00Z"), *vital_signs()])
    answered = post(client, without(request, "MedicationAdministration"))
    assert ("infusion", "not-retrieved") in gaps(answered)
    assert assessment(answered)["crs"]["status"] == "not-assessable"


def test_nothing_required_is_412_and_says_what_is_missing(
    client: TestClient, request_for: RequestFor
) -> None:
    request = request_for(well())
    for prefetch in (None, {}, {"patient": request["prefetch"]["patient"]}):
        answered = post(client, request | {"prefetch": prefetch})
        assert answered.status_code == 412
        assert "infusion" in refusal(answered)
    only_outcomes = {key: failed() for key in request["prefetch"]}
    assert post(client, request | {"prefetch": only_outcomes}).status_code == 412


def test_an_infusion_with_no_observation_readable_is_200_with_gaps_and_no_grade(
    client: TestClient, request_for: RequestFor
) -> None:
    answered = post(client, without(request_for(well()), "Observation"))
    found = assessment(answered)
    assert "grade" not in found["crs"] and "grade" not in found["icans"]
    assert {("temperature", "not-retrieved"), ("ice", "not-retrieved")} <= gaps(answered)


@pytest.mark.parametrize("value", ["absent", None, failed(), bundle(failed())])
def test_data_that_are_partly_missing_are_named_on_a_warning_card(
    client: TestClient, request_for: RequestFor, value: Any
) -> None:
    request = request_for(well())
    prefetch = dict(request["prefetch"])
    del prefetch["temperature"]
    if value != "absent":
        prefetch["temperature"] = value
    answered = post(client, request | {"prefetch": prefetch})
    assert ("temperature", "not-retrieved") in gaps(answered)
    assert assessment(answered)["crs"]["status"] != "none"
    missing = answered.json()["cards"][-1]
    assert missing["indicator"] == "warning" and "temperature" in missing["summary"]


@pytest.mark.parametrize("value", ["absent", failed()])
def test_attributions_that_were_not_had_are_a_gap_and_a_caution(
    client: TestClient, request_for: RequestFor, value: Any
) -> None:
    request = request_for(crs_3())
    prefetch = {key: sent for key, sent in request["prefetch"].items() if key != "attributions"}
    if value != "absent":
        prefetch["attributions"] = value
    answered = post(client, request | {"prefetch": prefetch})
    (gap,) = [item for item in assessment(answered)["gaps"] if item["what"] == "conditions"]
    assert gap["why"] == "not-retrieved" and "attributions to another cause" in gap["detail"]
    given = {item["id"]: item["strength"] for item in assessment(answered)["recommendations"]}
    assert given["tocilizumab.dose"] == "recommend" and "ask.missing-data" in given
    assert "check before any tocilizumab" in answered.json()["cards"][0]["detail"]


def test_an_empty_bundle_is_no_data_and_not_a_failed_query(
    client: TestClient, request_for: RequestFor
) -> None:
    request = request_for(well())
    answered = post(client, request | {"prefetch": request["prefetch"] | {"temperature": bundle()}})
    assert ("temperature", "not-charted") in gaps(answered)


def test_an_absent_key_is_no_gap_where_a_wider_key_is_complete(
    client: TestClient, request_for: RequestFor
) -> None:
    request = request_for(well())
    kept = {key: value for key, value in request["prefetch"].items() if not key.startswith("countedDrugs")}
    answered = post(client, request | {"prefetch": kept})
    assert assessment(answered)["crs"]["status"] == "none"
    assert "not-retrieved" not in {why for _, why in gaps(answered)}


def infusion_keys(request: dict[str, Any]) -> list[str]:
    return [key for key in request["prefetch"] if key.startswith(("infusionProcedures", "infusionProducts"))]


@pytest.mark.parametrize("value", ["absent", failed(), bundle(failed())])
def test_each_infusion_key_must_be_answered_before_none_is_said_to_be_on_record(
    client: TestClient, request_for: RequestFor, value: Any
) -> None:
    without_infusion = [item for item in crs_3() if item["resourceType"] != "Procedure"]
    request = request_for(without_infusion)
    keys = infusion_keys(request)
    assert len(keys) > 1
    for key in keys:
        prefetch = {name: sent for name, sent in request["prefetch"].items() if name != key}
        answered = post(
            client, request | {"prefetch": prefetch | ({} if value == "absent" else {key: value})}
        )
        assert ("infusion", "not-retrieved") in gaps(answered), key
        (card,) = answered.json()["cards"]
        assert card["indicator"] == "warning" and "Not known" in card["summary"]


def test_an_infusion_found_under_another_key_is_graded_and_the_gap_is_told(
    client: TestClient, request_for: RequestFor
) -> None:
    request = request_for(crs_3())
    keys = infusion_keys(request)
    prefetch = {name: sent for name, sent in request["prefetch"].items() if name not in keys}
    answered = post(client, request | {"prefetch": prefetch})
    found = assessment(answered)
    assert (found["crs"]["grade"], found["infusion"]["day"]) == (3, 3)
    assert ("infusion", "not-retrieved") in gaps(answered)
    assert {"id": "ask.missing-data", "strength": "consider", "cite": "Our rule"} in found["recommendations"]
    assert "CAR-T infusion" in answered.json()["cards"][-1]["summary"]


def test_an_infusion_alone_is_enough_not_to_be_412_wherever_it_is_found(
    client: TestClient, request_for: RequestFor
) -> None:
    sent = request_for(well())["prefetch"]
    wide = {key: sent[key] for key in ("patient", "procedures", "medicationAdministrations")}
    answered = post(client, request_for(well()) | {"prefetch": wide})
    assert assessment(answered)["infusion"]["day"] == 3
    nothing = {"procedures": bundle(), "medicationAdministrations": bundle()}
    assert post(client, request_for(well()) | {"prefetch": wide | nothing}).status_code == 412


def test_the_parts_of_a_split_key_are_named_once(client: TestClient, request_for: RequestFor) -> None:
    answered = post(client, without(request_for(well()), *INFUSION_TYPES))
    (gap,) = [gap for gap in assessment(answered)["gaps"] if gap["what"] == "infusion"]
    assert gap["detail"].count("CAR-T infusion procedures") == 1
    (card,) = answered.json()["cards"]
    assert card["detail"].count("CAR-T product administrations: not sent and not retrieved") == 2


def test_pages_that_were_not_sent_are_a_gap_for_what_the_key_feeds(
    client: TestClient, request_for: RequestFor
) -> None:
    request = request_for(well())
    first_page = request["prefetch"]["oxygen"] | {
        "link": [{"relation": "next", "url": "https://ehr.example/2"}]
    }
    answered = post(client, request | {"prefetch": request["prefetch"] | {"oxygen": first_page}})
    assert {("oxygen", "not-retrieved"), ("spo2", "not-retrieved")} <= gaps(answered)


def test_one_unreadable_resource_is_a_gap_and_the_rest_is_graded(
    client: TestClient, request_for: RequestFor
) -> None:
    request = request_for(crs_3())
    request["prefetch"]["temperature"]["entry"].append({"resource": observation("8310-5", 1) | {"status": 5}})
    request["prefetch"]["temperature"]["total"] += 1
    answered = post(client, request)
    found = assessment(answered)
    assert found["crs"]["range"][0] == 3, "what was read still counts"
    assert ("temperature", "unmapped") in gaps(answered), found["gaps"]
    assert "resources" in answered.json()["cards"][-1]["detail"]


@pytest.mark.parametrize("reference", ["Patient/p2", "https://ehr.example/fhir/Patient/p2", "urn:uuid:p2"])
def test_a_resource_of_another_patient_is_refused(
    client: TestClient, request_for: RequestFor, reference: str
) -> None:
    request = request_for(well())
    other = observation("8310-5", 1, **quantity(39, "Cel")) | {"subject": {"reference": reference}}
    request["prefetch"]["temperature"]["entry"].append({"resource": other})
    request["prefetch"]["temperature"]["total"] += 1
    answered = post(client, request)
    assert answered.status_code == 400
    assert "another patient" in refusal(answered) and "p2" not in answered.text


def test_a_patient_resource_of_another_patient_is_refused(
    client: TestClient, request_for: RequestFor
) -> None:
    request = request_for(well())
    request["prefetch"]["patient"] = patient() | {"id": "p2"}
    assert post(client, request).status_code == 400


def test_an_absolute_reference_to_the_same_patient_is_accepted(
    client: TestClient, request_for: RequestFor
) -> None:
    resources = [
        item | ({"subject": {"reference": f"{FHIR}/Patient/p1"}} if "subject" in item else {})
        for item in well()
    ]
    assert assessment(post(client, request_for(resources)))["crs"]["status"] == "none"


def test_unknown_members_are_no_reason_to_refuse(client: TestClient, request_for: RequestFor) -> None:
    request = request_for(well(), extension={"com.vendor": 1}, vendorExtra=[1, {"a": None}])
    request["context"]["vendor"] = {"deep": [True]}
    request["prefetch"]["unknownKey"] = {
        "resourceType": "Observation",
        "subject": {"reference": "Patient/p2"},
    }
    assert assessment(post(client, request))["crs"]["status"] == "none"


def test_null_for_an_optional_member_is_as_if_it_were_absent(
    client: TestClient, request_for: RequestFor
) -> None:
    request = request_for(well(), fhirServer=None, fhirAuthorization=None, extension=None)
    request["context"]["encounterId"] = None
    assert post(client, request).status_code == 200


@pytest.mark.parametrize("member", ["hook", "hookInstance", "context"])
def test_a_required_member_that_is_missing_is_400_and_named(
    client: TestClient, request_for: RequestFor, member: str
) -> None:
    request = request_for(well())
    del request[member]
    answered = post(client, request)
    assert answered.status_code == 400 and member in refusal(answered)


def test_a_context_without_the_patient_is_400(client: TestClient, request_for: RequestFor) -> None:
    for context in (
        {"userId": "Practitioner/1"},
        {"patientId": ""},
        {"patientId": "Patient/p1"},
        {"patientId": "a b"},
    ):
        answered = post(client, request_for(well(), context=context))
        assert answered.status_code == 400 and "patientId" in refusal(answered)


@pytest.mark.parametrize("hook", ["order-sign", "Patient-View", "", "x" * 10_000])
def test_a_hook_that_this_id_does_not_serve_is_400(
    client: TestClient, request_for: RequestFor, hook: str
) -> None:
    answered = post(client, request_for(well(), hook=hook))
    assert answered.status_code == 400 and "patient-view" in refusal(answered)
    assert len(answered.text) < 400


def test_the_same_request_may_come_again_with_another_instance(
    client: TestClient, request_for: RequestFor
) -> None:
    first = post(client, request_for(crs_3(), hookInstance="a"))
    second = post(client, request_for(crs_3(), hookInstance="b"))
    assert first.json()["extension"] == second.json()["extension"]
    uuids = {card["uuid"] for answered in (first, second) for card in answered.json()["cards"]}
    assert len(uuids) == len(first.json()["cards"]) + len(second.json()["cards"])


def test_silent_mode_answers_no_card_and_no_extension(request_for: RequestFor) -> None:
    with service(mode=Mode.SILENT) as quiet:
        assert silent(post(quiet, request_for(crs_3())))
        assert post(quiet, {}).status_code == 400


# --- FHIR access ---


class Ehr:
    """A FHIR server in memory behind an HTTP transport; it counts what is asked and with which token."""

    def __init__(self, resources: list[Resource], status: int = 200) -> None:
        self.resources = resources
        self.status = status
        self.seen: list[tuple[str, str | None]] = []

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.seen.append((request.url.path, request.headers.get("authorization")))
        if self.status != 200:
            return httpx.Response(self.status)
        query = str(request.url).removeprefix(FHIR + "/")
        found = search_answer(query, self.resources)
        return httpx.Response(404) if found is None else httpx.Response(200, json=found)

    def reader(self, allowed: list[str] | None = None) -> FhirReader:
        return FhirReader(allowed, transport=httpx.MockTransport(self.answer), deadline_seconds=2)


def authorization(**members: Any) -> dict[str, Any]:
    return {
        "access_token": "secret-token",
        "token_type": "Bearer",
        "expires_in": 300,
        "scope": "patient/*.read",
        "subject": "cds-service",
    } | members


def bare_request(**members: Any) -> dict[str, Any]:
    return {
        "hook": "patient-view",
        "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
        "context": {"userId": "Practitioner/1", "patientId": "p1"},
        "fhirServer": FHIR,
    } | members


def test_without_prefetch_everything_is_retrieved_and_graded_alike(request_for: RequestFor) -> None:
    ehr = Ehr(crs_3())
    with service(reader=ehr.reader()) as running:
        retrieved = post(running, bare_request(fhirAuthorization=authorization()))
        prefetched = post(running, request_for(crs_3()))
    assert assessment(retrieved) == assessment(prefetched)
    assert {token for _, token in ehr.seen} == {"Bearer secret-token"}


def test_an_open_server_is_asked_without_a_token() -> None:
    ehr = Ehr(well())
    with service(reader=ehr.reader()) as running:
        assert assessment(post(running, bare_request()))["crs"]["status"] == "none"
    assert {token for _, token in ehr.seen} == {None}


def test_only_what_prefetch_lacks_is_retrieved(request_for: RequestFor) -> None:
    ehr = Ehr(well())
    request = request_for(well(), fhirServer=FHIR, fhirAuthorization=authorization())
    del request["prefetch"]["temperature"]
    with service(reader=ehr.reader()) as running:
        assert assessment(post(running, request))["crs"]["status"] == "none"
    assert [path for path, _ in ehr.seen] == ["/fhir/Observation"]


def test_a_null_key_is_confirmed_with_the_server(request_for: RequestFor) -> None:
    ehr = Ehr(crs_3())
    request = request_for(crs_3(), fhirServer=FHIR, fhirAuthorization=authorization())
    request["prefetch"] = dict.fromkeys(request["prefetch"])
    with service(reader=ehr.reader()) as running:
        assert assessment(post(running, request))["crs"]["grade"] == 3


def test_a_null_infusion_that_the_server_cannot_confirm_is_unknown(request_for: RequestFor) -> None:
    request = request_for(well(), fhirServer=FHIR, fhirAuthorization=authorization())
    request = with_all(request, None, *INFUSION_TYPES)
    with service(reader=Ehr(well(), status=500).reader()) as running:
        answered = post(running, request)
    assert ("infusion", "not-retrieved") in gaps(answered)


@pytest.mark.parametrize("status", [401, 403, 404, 500, 503])
def test_a_server_that_refuses_everything_is_412(status: int) -> None:
    with service(reader=Ehr(well(), status).reader()) as running:
        answered = post(running, bare_request(fhirAuthorization=authorization()))
    assert answered.status_code == 412
    assert "secret-token" not in answered.text and "p1" not in answered.text


@pytest.mark.parametrize(
    "members",
    [{"scope": "patient/Patient.read"}, {"expires_in": 0}, {"expires_in": -5}, {"token_type": "mac"}],
)
def test_without_a_usable_grant_the_server_is_not_asked_for_the_record(members: dict[str, Any]) -> None:
    ehr = Ehr(well())
    with service(reader=ehr.reader()) as running:
        answered = post(running, bare_request(fhirAuthorization=authorization(**members)))
    assert answered.status_code == 412
    assert {path for path, _ in ehr.seen} <= {"/fhir/Patient/p1"}


def missing_data(response: httpx.Response) -> str:
    """The text of the card on what could not be had."""
    [card] = [one for one in response.json()["cards"] if one["source"]["topic"]["code"] == "missing-data"]
    return str(card["detail"])


NOT_LISTED = "the FHIR server named in the request is not on this service's list"
UNKNOWN_PATIENT = "the FHIR server named in the request knows no patient of this id"


def test_a_server_that_is_not_on_the_list_is_named_as_the_reason(
    caplog: pytest.LogCaptureFixture, request_for: RequestFor
) -> None:
    elsewhere = "https://fhir.hospital.example/p1/fhir?patient=p1"
    request = request_for(well(), fhirServer=elsewhere)
    del request["prefetch"]["temperature"]
    with caplog.at_level(logging.WARNING), service(reader=Ehr(well()).reader()) as running:
        assert NOT_LISTED in missing_data(post(running, request))
        refused = post(running, bare_request(fhirServer=elsewhere))
        post(running, bare_request(fhirServer="file:///p1"))
    assert refused.status_code == 412
    assert NOT_LISTED in refusal(refused)
    told = [record.getMessage() for record in caplog.records if record.name == "cds_service.prefetch"]
    assert "https://fhir.hospital.example named" in told[0]
    assert "of no http(s) origin named" in told[2]
    assert "p1" not in "".join(told)


def test_a_server_that_is_not_needed_is_not_a_fault(request_for: RequestFor) -> None:
    with service(reader=Ehr(well()).reader()) as running:
        answered = post(running, request_for(well(), fhirServer="https://fhir.hospital.example"))
    assert NOT_LISTED not in answered.text


def test_an_authorization_that_has_expired_is_named_as_the_reason() -> None:
    with service(reader=Ehr(well()).reader()) as running:
        refused = post(running, bare_request(fhirAuthorization=authorization(expires_in=0)))
    assert "has expired or is of another type than Bearer" in refusal(refused)


def test_a_patient_whom_the_server_does_not_know_is_412_and_not_silence() -> None:
    ehr = Ehr([])  # every search finds nothing, and the patient is a 404
    with service(reader=ehr.reader()) as running:
        refused = post(running, bare_request(fhirAuthorization=authorization()))
    assert refused.status_code == 412
    assert UNKNOWN_PATIENT in refusal(refused)
    assert "p1" not in refused.text


def test_a_null_infusion_is_not_confirmed_by_a_server_that_does_not_know_the_patient(
    request_for: RequestFor,
) -> None:
    request = request_for(well(), fhirServer=FHIR, fhirAuthorization=authorization())
    request = with_all(request, None, *INFUSION_TYPES)
    request["prefetch"]["patient"] = None
    with service(reader=Ehr([]).reader()) as running:
        answered = post(running, request)
    assert ("infusion", "not-retrieved") in gaps(answered)
    assert UNKNOWN_PATIENT in answered.text


def test_a_patient_without_a_record_is_silence() -> None:
    with service(reader=Ehr([patient()]).reader()) as running:
        assert silent(post(running, bare_request(fhirAuthorization=authorization())))


def test_scopes_of_version_2_are_enough() -> None:
    ehr = Ehr(crs_3())
    with service(reader=ehr.reader()) as running:
        request = bare_request(fhirAuthorization=authorization(scope="launch patient/*.rs"))
        assert assessment(post(running, request))["crs"]["grade"] == 3


@pytest.mark.parametrize(
    "url",
    ["https://attacker.example/fhir", "http://169.254.169.254/latest", "file:///etc/passwd", "not a url", ""],
)
def test_a_server_that_is_not_on_the_allow_list_is_never_called(request_for: RequestFor, url: str) -> None:
    ehr = Ehr(well())
    with service(reader=ehr.reader()) as running:
        answered = post(running, bare_request(fhirServer=url, fhirAuthorization=authorization()))
        assert answered.status_code == 412
        assert assessment(post(running, request_for(well(), fhirServer=url)))["crs"]["status"] == "none"
    assert not ehr.seen


def test_authorization_for_another_patient_is_refused(client: TestClient) -> None:
    answered = post(client, bare_request(fhirAuthorization=authorization(patient="p2")))
    assert answered.status_code == 400 and "another patient" in refusal(answered)


def test_authorization_without_a_server_is_refused(client: TestClient) -> None:
    answered = post(client, bare_request(fhirServer=None, fhirAuthorization=authorization()))
    assert answered.status_code == 400


def test_neither_patient_nor_token_is_ever_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    marked = json.loads(json.dumps(crs_3()).replace("p1", "mrn-4711"))
    with service(reader=Ehr(marked).reader()) as running:
        context = {"userId": "Practitioner/1", "patientId": "mrn-4711"}
        found = post(running, bare_request(context=context, fhirAuthorization=authorization()))
        assert assessment(found)["crs"]["grade"] == 3
        metrics = running.get("/metrics").text
        ours = [record for record in caplog.records if not record.name.startswith(("asyncio", "httpx"))]
    text = " ".join(record.getMessage() for record in ours) + metrics
    assert "mrn-4711" not in text and "secret-token" not in text


def test_administrations_of_infusion_products_date_day_0_as_well(
    client: TestClient, request_for: RequestFor
) -> None:
    product = norepinephrine() | {
        "id": "product",
        "status": "completed",
        "medicationCodeableConcept": {
            "coding": [{"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "1986438"}]
        },
        "effectivePeriod": {"start": "2026-03-02T09:00:00Z", "end": "2026-03-02T09:30:00Z"},
    }
    found = assessment(post(client, request_for([patient(), product, *vital_signs(), *neurology()])))
    assert found["infusion"] == {"at": "2026-03-02T09:00:00Z", "day": 2, "product": "tisagenlecleucel"}


def test_evidence_after_the_hour_of_the_call_is_ignored(client: TestClient, request_for: RequestFor) -> None:
    later = observation("8310-5", -2, system=LOINC, **quantity(39.5, "Cel"))
    assert assessment(post(client, request_for([*well(), later])))["crs"]["status"] == "none"
