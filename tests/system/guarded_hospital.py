"""A hospital whose FHIR server is HAPI, guarded by the sandbox's authorization server; and our service in it.

    with run_hospital(hapi) as hospital:
        patient_id = hospital.admit("demo-cedar", "a-name-of-its-own")
        page = hospital.launch(browser, patient_id)

The clock stands at that of the sample patients, until it is moved. Nothing of what is admitted is ever
taken away, so each test has a patient of its own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from starlette.types import ASGIApp

from cart_cds.demo_servers import address, bind, serve
from cart_cds.service import create_service
from cds_service.settings import Settings
from ehr_sandbox.clock import SandboxClock
from ehr_sandbox.hook_client import USER, HookClient, discover
from ehr_sandbox.patients import SamplePatient, load_patients
from ehr_sandbox.record import CHART_CLOCK
from ehr_sandbox.smart_server import LaunchContext, RegisteredClient, SmartServer
from ehr_sandbox.ward import encounter_id, ward_resources
from fhir_maps.artefacts import ASSESSMENT_SYSTEM
from fhir_maps.chart_reader import read_chart
from fhir_maps.data_requirements import data_requirements
from fhir_maps.terminology import load_terminology
from grading.chart import Chart
from smart_app.keys import SigningKeys
from smart_app.settings import EhrClient, SmartSettings
from tests.system.fhir_behind_smart import FhirBehindSmart, Upstream
from tests.system.hapi_server import REQUEST_TIMEOUT_SECONDS, HapiServer
from tests.system.page_browser import PageBrowser, ShownPage

CLIENT_ID = "cart-toxicity-cds"
EXTENSION = "io.github.cart-toxicity-cds.assessment"
SAMPLES = {patient.id: patient for patient in load_patients()}
TERMINOLOGY = load_terminology()


@dataclass(frozen=True, slots=True)
class Hospital:
    """HAPI behind the authorization server, our service, and the EHR that calls and launches it."""

    hapi: HapiServer
    upstream: Upstream
    upstream_base: str
    guarded: FhirBehindSmart
    base: str
    smart: SmartServer
    clock: SandboxClock
    app: SmartSettings
    cards: HookClient
    http: httpx.Client = field(repr=False)

    def admit(self, sample: str, name: str, *, whole_course: bool = False) -> str:
        """Bring a copy of a sample patient into HAPI, with the ward around; the copy's id.

        Of the course the last two days, which is quicker and decides the grade, or the whole of it.
        """
        patient_id = f"smart-{name}"
        record = json.loads(json.dumps(SAMPLES[sample].bundle).replace(sample, patient_id))
        if not whole_course:
            record["entry"] = [entry for entry in record["entry"] if _is_recent(entry["resource"])]
        copy = SamplePatient(patient_id, "", "", record, SAMPLES[sample].expected)
        record["entry"] += [{"resource": resource} for resource in ward_resources([copy])]
        self.hapi.load(record)
        return patient_id

    def launch(self, browser: PageBrowser, patient_id: str) -> ShownPage:
        """Launch the app from the patient's chart; the page that it opens with."""
        launch = self.smart.begin_launch(LaunchContext(patient_id, encounter_id(patient_id)))
        page = browser.open(str(httpx.URL(self.app.launch_uri, params={"iss": self.base, "launch": launch})))
        assert page.status == 200, page.words
        return page

    def own(self, patient_id: str, code: str = "ice-total") -> list[dict[str, Any]]:
        """The patient's Observations of one of our codes on HAPI that a form of ours has written."""
        query = {"patient": patient_id, "code": f"{ASSESSMENT_SYSTEM}|{code}", "_count": "1000"}
        found = self.search(query)
        return [resource for resource in found if "identifier" in resource]

    def with_identifier(self, observation: dict[str, Any]) -> list[dict[str, Any]]:
        """Every Observation on HAPI, of whomever, with the identifier of this one."""
        [identifier] = observation["identifier"]
        return self.search({"identifier": f"{identifier['system']}|{identifier['value']}"})

    def chart(self, patient_id: str, code: str) -> Chart:
        """What our own reading makes of HAPI's searchset of a patient's Observations of a code."""
        query = {"patient": patient_id, "code": f"{ASSESSMENT_SYSTEM}|{code}", "_count": "1000"}
        answer = self.hapi.get("Observation", query)
        assert answer.status_code == 200
        reading = read_chart([answer.content], terminology=TERMINOLOGY, patient_id=patient_id)
        assert not reading.chart.gaps
        return reading.chart

    def assessment(self, patient_id: str) -> dict[str, Any]:
        """What the CDS service answers to the next `patient-view`, with prefetch through the door."""
        extension: dict[str, Any] = self.cards.view(patient_id)["extension"][EXTENSION]
        return extension

    def assessment_by_retrieval(self, patient_id: str) -> dict[str, Any]:
        """The same with no prefetch: the service reads through the door by itself."""
        requirements = data_requirements(TERMINOLOGY)
        scope = " ".join(sorted({f"patient/{requirement.resource_type}.rs" for requirement in requirements}))
        request = {
            "hook": "patient-view",
            "hookInstance": "2f7f1c1c-3f5e-4a55-8f0a-6a3d6f1e9f10",
            "fhirServer": self.base,
            "fhirAuthorization": self.smart.issue_for_service(patient_id, scope),
            "context": {"userId": USER, "patientId": patient_id},
        }
        answer = self.http.post(self.cards.service.url, json=request)
        assert answer.status_code == 200, answer.text
        extension: dict[str, Any] = answer.json()["extension"][EXTENSION]
        return extension

    def token_for(self, patient_id: str, scope: str) -> dict[str, str]:
        """The header of a token for one patient."""
        return {"Authorization": f"Bearer {self.smart.issue_for_service(patient_id, scope)['access_token']}"}

    def search(self, query: dict[str, str]) -> list[dict[str, Any]]:
        answer = self.hapi.get("Observation", query)
        assert answer.status_code == 200, answer.text
        return [entry["resource"] for entry in answer.json().get("entry", ())]


def _is_recent(resource: dict[str, Any]) -> bool:
    # Times of the sample patients are all written with one offset, so they compare as text.
    return str(resource.get("effectiveDateTime", "later")) >= "2026-03-03"


@contextmanager
def run_hospital(hapi: HapiServer) -> Iterator[Hospital]:
    """Run all servers around HAPI while the block lasts."""
    clock = SandboxClock(lambda: CHART_CLOCK)
    with ExitStack() as running:
        sockets = [running.enter_context(bind(0)) for _ in range(3)]
        service_url, public, upstream_url = (address(one) for one in sockets)
        base, upstream_base = f"{public}/fhir", f"{upstream_url}/fhir"
        ehr = EhrClient(iss=base, client_id=CLIENT_ID, frame_ancestors=(public,))
        app = SmartSettings(service_url, (ehr,), SigningKeys.generate(), insecure_loopback=True)
        registered = RegisteredClient(
            CLIENT_ID, (app.redirect_uri,), app.launch_uri, jwks=app.keys.jwks(), jwks_url=app.jwks_uri
        )
        smart = SmartServer(base, [registered])
        upstream = Upstream(hapi.base_url, upstream_base)
        guarded = FhirBehindSmart(base, upstream_base, smart)
        # HAPI is slow at the first query of a kind: what is measured here is not time.
        settings = Settings(public_url=service_url, fhir_deadline_seconds=REQUEST_TIMEOUT_SECONDS)
        service = create_service(settings, app, clock=clock.now)
        apps: tuple[ASGIApp, ...] = (service, guarded.app, upstream.app)
        for served, socket in zip(apps, sockets, strict=True):
            running.enter_context(serve(served, socket))
        http = running.enter_context(httpx.Client(timeout=REQUEST_TIMEOUT_SECONDS, trust_env=False))
        hook = discover(http, service_url, "patient-view")
        cards = HookClient(http, hook, base, authorize=smart.issue_for_service, encounter_of=encounter_id)
        hospital = Hospital(hapi, upstream, upstream_base, guarded, base, smart, clock, app, cards, http)
        hospital.assessment(hospital.admit("demo-adler", "first-queries"))
        yield hospital
