"""The sandbox's side of CDS Hooks: prefetch templates filled from its own endpoint, and the call."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from ehr_sandbox.app import create_sandbox
from ehr_sandbox.hook_client import (
    HookError,
    HookService,
    discover,
    fill_template,
    resolve_prefetch,
    view_patient,
)
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

    def __init__(self, status: int = 200) -> None:
        self.fhir = TestClient(create_sandbox(load_patients()))
        self.status = status
        self.sent: list[tuple[str, Any]] = []

    def get(self, url: str) -> Any:
        if url.startswith("http://ehr/fhir"):
            return self.fhir.get(url.removeprefix("http://ehr"))
        services = [{"hook": "patient-view", "id": "view", "prefetch": TEMPLATES}]
        return ServiceAnswer(self.status, {"services": services})

    def post(self, url: str, *, json: Any) -> ServiceAnswer:
        self.sent.append((url, json))
        return ServiceAnswer(self.status, {"cards": []})


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


def test_the_request_is_that_of_a_client_without_authorization() -> None:
    wire = Wire()
    service = discover(wire, "http://service", "patient-view")
    assert service == HookService("http://service/cds-services/view", TEMPLATES)
    assert view_patient(wire, service, "http://ehr/fhir", "demo-adler") == {"cards": []}
    [(url, request)] = wire.sent
    assert url == "http://service/cds-services/view"
    assert set(request) == {"hook", "hookInstance", "fhirServer", "context", "prefetch"}
    assert request["context"] == CONTEXT


def test_a_refusal_is_an_error_with_the_status_and_no_patient() -> None:
    with pytest.raises(HookError, match="412") as caught:
        view_patient(
            Wire(412), HookService("http://service/cds-services/view", {}), "http://ehr/fhir", "demo-adler"
        )
    assert "demo-adler" not in str(caught.value)


def test_a_service_without_the_hook_is_an_error() -> None:
    with pytest.raises(HookError, match="order-sign"):
        discover(Wire(), "http://service", "order-sign")
