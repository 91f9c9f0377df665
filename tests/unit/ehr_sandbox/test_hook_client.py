"""The sandbox's side of CDS Hooks: prefetch templates filled from its own endpoint, and the call."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet
from starlette.testclient import TestClient

from ehr_sandbox.app import create_sandbox
from ehr_sandbox.hook_client import (
    HookClient,
    HookError,
    HookService,
    discover,
    fill_template,
    resolve_prefetch,
)
from ehr_sandbox.hook_signer import KEYS_PATH, HookSigner
from ehr_sandbox.patients import load_patients

CONTEXT = {"patientId": "demo-adler", "userId": "Practitioner/demo-clinician"}
TEMPLATES = {
    "patient": "Patient/{{context.patientId}}",
    "temperature": "Observation?patient={{context.patientId}}&code=http://loinc.org|8310-5&_sort=-date&_count=3",
    "encounter": "Observation?patient={{context.patientId}}&encounter={{context.encounterId}}",
    "unknown": "Unicorn?patient={{context.patientId}}",
}


class ServiceAnswer:
    def __init__(self, status_code: int, body: Any) -> None:
        self.status_code = status_code
        self._body = body

    def json(self) -> Any:
        return self._body


class Wire:
    """FHIR calls go to the sandbox, everything else to a scripted service."""

    def __init__(self, status: int = 200, body: Any = None) -> None:
        self.fhir = TestClient(create_sandbox(load_patients()))
        self.status = status
        self.body = {"cards": []} if body is None else body
        self.sent: list[tuple[str, Any]] = []
        self.headers: list[tuple[str, Mapping[str, str]]] = []

    def get(self, url: str, *, headers: Mapping[str, str]) -> Any:
        self.headers.append((url, headers))
        if url.startswith("http://ehr/fhir"):
            return self.fhir.get(url.removeprefix("http://ehr"))
        services = [{"hook": "patient-view", "id": "view", "prefetch": TEMPLATES}]
        return ServiceAnswer(self.status, {"services": services})

    def post(self, url: str, *, json: Any, headers: Mapping[str, str]) -> ServiceAnswer:
        self.sent.append((url, json))
        self.headers.append((url, headers))
        return ServiceAnswer(self.status, self.body)


def test_a_token_is_replaced_and_a_bar_is_encoded() -> None:
    filled = fill_template(TEMPLATES["temperature"], CONTEXT)
    assert filled == "Observation?patient=demo-adler&code=http://loinc.org%7C8310-5&_sort=-date&_count=3"


def test_a_template_with_an_unknown_token_is_skipped() -> None:
    assert fill_template(TEMPLATES["encounter"], CONTEXT) is None


def test_what_can_be_read_is_sent_and_the_rest_is_left_out() -> None:
    prefetch = resolve_prefetch(Wire(), "http://ehr/fhir", TEMPLATES, CONTEXT)
    assert set(prefetch) == {"patient", "temperature"}
    assert prefetch["patient"]["id"] == "demo-adler"
    assert len(prefetch["temperature"]["entry"]) == 3


def client(wire: Wire, **members: Any) -> HookClient:
    return HookClient(
        wire, HookService("http://service/cds-services/view", TEMPLATES), "http://ehr/fhir", **members
    )


def claims_of(headers: Mapping[str, str], signer: HookSigner) -> tuple[dict[str, Any], dict[str, Any]]:
    token = headers["Authorization"].removeprefix("Bearer ")
    proven = jwt.decode(token, KeySet.import_key_set(signer.public_keys()), algorithms=["ES384"])
    return proven.header, proven.claims


def test_without_means_the_request_is_that_of_a_client_without_authorization() -> None:
    wire = Wire()
    service = discover(wire, "http://service", "patient-view")
    assert service == HookService("http://service/cds-services/view", TEMPLATES)
    assert client(wire).view("demo-adler") == {"cards": []}
    [(url, request)] = wire.sent
    assert url == "http://service/cds-services/view"
    assert set(request) == {"hook", "hookInstance", "fhirServer", "context", "prefetch"}
    assert request["context"] == CONTEXT
    assert not any(headers for _, headers in wire.headers)


def test_a_call_is_signed_for_exactly_the_address_called() -> None:
    signer = HookSigner("http://ehr", lambda: datetime(2026, 3, 4, 10, 30, tzinfo=UTC))
    wire = Wire()
    discover(wire, "http://service", "patient-view", signer)
    client(wire, signer=signer).view("demo-adler")
    client(wire, signer=signer).send_feedback([{"card": "a"}])
    signed = [
        (url, *claims_of(headers, signer)) for url, headers in wire.headers if "Authorization" in headers
    ]
    assert [url for url, _, _ in signed] == [
        "http://service/cds-services",
        "http://service/cds-services/view",
        "http://service/cds-services/view/feedback",
    ]
    for url, header, claims in signed:
        assert (header["alg"], header["typ"]) == ("ES384", "JWT")
        assert header["jku"] == f"http://ehr{KEYS_PATH}"
        assert header["kid"] == signer.public_keys()["keys"][0]["kid"]
        # 10:30 of that day, and five minutes later
        assert (claims["iss"], claims["aud"], claims["iat"], claims["exp"]) == (
            "http://ehr",
            url,
            1772620200,
            1772620500,
        )
    assert len({claims["jti"] for _, _, claims in signed}) == 3


def test_the_published_key_is_the_public_half_alone() -> None:
    [key] = HookSigner("http://ehr").public_keys()["keys"]
    assert (key["kty"], key["crv"], key["alg"], key["use"]) == ("EC", "P-384", "ES384", "sig")
    assert "d" not in key


def test_a_token_is_sent_along_and_used_for_our_own_prefetch() -> None:
    asked = []

    def authorize(patient_id: str, scopes: str) -> dict[str, Any]:
        asked.append((patient_id, scopes))
        return {"access_token": "for-one-patient", "token_type": "Bearer", "patient": patient_id}

    wire = Wire()
    client(wire, authorize=authorize, encounter_of=lambda patient: f"{patient}-stay").view("demo-adler")
    assert asked == [("demo-adler", "patient/Observation.rs patient/Patient.rs patient/Unicorn.rs")]
    [(_, request)] = wire.sent
    assert request["fhirAuthorization"] == authorize("demo-adler", "")
    assert request["context"]["encounterId"] == "demo-adler-stay"
    to_fhir = [headers for url, headers in wire.headers if url.startswith("http://ehr/")]
    assert to_fhir and all(headers == {"Authorization": "Bearer for-one-patient"} for headers in to_fhir)


def test_feedback_goes_below_the_service_and_a_refusal_is_an_error() -> None:
    wire = Wire()
    client(wire).send_feedback([{"card": "a", "outcome": "accepted"}])
    assert wire.sent == [
        ("http://service/cds-services/view/feedback", {"feedback": [{"card": "a", "outcome": "accepted"}]})
    ]
    with pytest.raises(HookError, match="feedback answered 503"):
        client(Wire(503)).send_feedback([])


@pytest.mark.parametrize("body", [{}, {"cards": None}, ["cards"]])
def test_an_answer_without_cards_is_no_answer(body: Any) -> None:
    with pytest.raises(HookError, match="without cards"):
        client(Wire(body=body)).view("demo-adler")


def test_a_refusal_is_an_error_with_the_status_and_no_patient() -> None:
    with pytest.raises(HookError, match="412") as caught:
        client(Wire(412)).view("demo-adler")
    assert "demo-adler" not in str(caught.value)


def test_a_service_without_the_hook_is_an_error() -> None:
    with pytest.raises(HookError, match="order-sign"):
        discover(Wire(), "http://service", "order-sign")
