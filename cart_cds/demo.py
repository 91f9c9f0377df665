"""The demonstration: the service and the EHR sandbox side by side on loopback, talking HTTP as in a hospital.

The sandbox is the EHR: its chart page calls the service with a signed request and a token, and launches the
SMART app. Keys are made at the start and kept nowhere. Nothing is left behind: feedback and sessions stay in
memory, and both servers end with the command.
"""

import os
import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
from starlette.types import ASGIApp

from cart_cds.demo_servers import LOOPBACK, DemoError, address, bind, serve
from cart_cds.patient_table import LEGEND, describe_patients
from cart_cds.service import create_service
from cds_service.settings import Settings
from ehr_sandbox.app import create_sandbox
from ehr_sandbox.clock import SandboxClock
from ehr_sandbox.faults import FhirFaults
from ehr_sandbox.hook_client import HookClient, HookError, HookService, discover
from ehr_sandbox.hook_signer import HookSigner
from ehr_sandbox.patients import SamplePatient, load_patients
from ehr_sandbox.played_course import load_played_patient
from ehr_sandbox.shelf import Shelf
from ehr_sandbox.smart_server import PatientChoice, RegisteredClient, SmartFaults, SmartServer
from ehr_sandbox.ward import encounter_id
from smart_app.keys import SigningKeys
from smart_app.settings import EhrClient, SmartSettings

__all__ = ["DemoError", "EhrHttp", "RunningDemo", "demonstrate", "run_demo"]

SERVICE_PORT, SANDBOX_PORT = 8000, 8001
CLIENT_ID = "cart-toxicity-cds"
_PASSED_ON = frozenset({"CART_CDS_PROTOCOL", "CART_CDS_PROTOCOLS", "CART_CDS_SITE_MAPS"})


@dataclass(frozen=True, slots=True)
class RunningDemo:
    """Both addresses, what an EHR would call, and the sandbox's clock, records and faults.

    ``patients`` are the sample patients, ``played`` is the one whose course is played.
    """

    service_url: str
    sandbox_url: str
    patients: Sequence[SamplePatient]
    played: SamplePatient
    http: httpx.Client
    cards: HookClient
    clock: SandboxClock
    shelf: Shelf
    smart: SmartServer
    fhir_faults: FhirFaults

    @property
    def fhir_url(self) -> str:
        """Base of the sandbox's FHIR endpoint."""
        return f"{self.sandbox_url}/fhir"

    @property
    def hook(self) -> HookService:
        """The service that a chart asks."""
        return self.cards.service

    @property
    def smart_faults(self) -> SmartFaults:
        """The switches of the authorization server."""
        return self.smart.faults

    def view(self, patient_id: str) -> Mapping[str, Any]:
        """Open one patient's chart in the sandbox and return the service's response."""
        return self.cards.view(patient_id)

    def table(self) -> str:
        """Open every sample patient's chart and return the table. Raises :class:`DemoError`."""
        try:
            return describe_patients((patient.name, self.view(patient.id)) for patient in self.patients)
        except HookError as error:
            raise DemoError(str(error)) from error


def demonstrate(*, once: bool, port: int | None) -> None:
    """Run the demonstration: with ``once`` print the table and end, else stay until interrupted."""
    with run_demo(0 if once else SERVICE_PORT if port is None else port, 0 if once else SANDBOX_PORT) as demo:
        print(f"{demo.table()}\n\n{LEGEND}")
        if once:
            return
        ended = _interruption()  # before it is told: an interrupt may follow at once
        print(_what_to_open(demo), flush=True)
        ended.wait()
        print("\nstopped", flush=True)


@contextmanager
def run_demo(
    service_port: int = 0,
    sandbox_port: int = 0,
    *,
    sandbox_host: str = LOOPBACK,
    open_reads: bool = True,
) -> Iterator[RunningDemo]:
    """Run both servers while the block lasts; port 0, or one that is taken, means any free port.

    ``sandbox_host`` names the sandbox in its addresses: ``localhost`` makes the SMART app's frame cross-site.
    ``open_reads`` lets the FHIR endpoint be read without a token.
    """
    now = datetime.now(UTC)
    clock = SandboxClock()
    patients, played = load_patients(now), load_played_patient(now)
    fhir_faults = FhirFaults()
    with bind(service_port) as service_socket, bind(sandbox_port) as sandbox_socket:
        service_url, sandbox_url = address(service_socket), address(sandbox_socket, sandbox_host)
        app_settings = _app_settings(service_url, sandbox_url)
        signer, cards = HookSigner(sandbox_url), _LateCards()
        smart = SmartServer(
            f"{sandbox_url}/fhir",
            [_registration(app_settings)],
            open_reads=open_reads,
            patients=lambda: [
                PatientChoice(one.id, f"{one.name}: {one.story}", encounter_id(one.id))
                for one in (played, *patients)
            ],
        )
        sandbox = create_sandbox(
            patients,
            played=played,
            clock=clock,
            cards=cards,
            signer=signer,
            smart=smart,
            fhir_faults=fhir_faults,
            base_url=sandbox_url,
        )
        with (
            serve(_service(service_url, app_settings, clock), service_socket),
            serve(sandbox, sandbox_socket),
            # trust_env off: a proxy of the environment has no business on loopback.
            httpx.Client(timeout=30, trust_env=False) as http,
        ):
            caller = EhrHttp(http)
            try:
                hook = discover(caller, service_url, "patient-view", signer)
            except HookError as error:
                raise DemoError(str(error)) from error
            cards.client = HookClient(
                caller, hook, f"{sandbox_url}/fhir", signer, smart.issue_for_service, encounter_id
            )
            yield RunningDemo(
                service_url,
                sandbox_url,
                patients,
                played,
                http,
                cards.client,
                clock,
                sandbox.state.shelf,
                smart,
                fhir_faults,
            )


def _service(service_url: str, app_settings: SmartSettings, clock: SandboxClock) -> ASGIApp:
    # Only what concerns grading is taken from the environment: no database, no address, no silence.
    passed_on = {name: value for name, value in os.environ.items() if name in _PASSED_ON}
    settings = Settings.from_environment({**passed_on, "CART_CDS_PUBLIC_URL": service_url})
    return create_service(settings, app_settings, clock=clock.now)


def _app_settings(service_url: str, sandbox_url: str) -> SmartSettings:
    ehr = EhrClient(
        iss=f"{sandbox_url}/fhir",
        client_id=CLIENT_ID,
        frame_ancestors=(sandbox_url,),
        name="the EHR sandbox",
    )
    return SmartSettings(service_url, (ehr,), SigningKeys.generate(), insecure_loopback=True)


def _registration(app: SmartSettings) -> RegisteredClient:
    return RegisteredClient(
        CLIENT_ID, (app.redirect_uri,), app.launch_uri, jwks=app.keys.jwks(), jwks_url=app.jwks_uri
    )


class EhrHttp:
    """The sandbox's calls. An answer that does not come is a :class:`HookError`, without the address."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http

    def get(self, url: str, *, headers: Mapping[str, str]) -> httpx.Response:
        try:
            return self._http.get(url, headers=headers)
        except httpx.HTTPError as error:
            raise HookError("no answer") from error

    def post(self, url: str, *, json: Any, headers: Mapping[str, str]) -> httpx.Response:
        try:
            return self._http.post(url, json=json, headers=headers)
        except httpx.HTTPError as error:
            raise HookError("the service did not answer") from error


@dataclass(slots=True)
class _LateCards:
    """The service behind the chart pages, known once both servers run."""

    client: HookClient | None = field(default=None)

    def view(self, patient_id: str) -> Mapping[str, Any]:
        return self._running().view(patient_id)

    def send_feedback(self, items: Sequence[Mapping[str, Any]]) -> None:
        self._running().send_feedback(items)

    def _running(self) -> HookClient:
        if self.client is None:
            raise HookError("the service is still starting")
        return self.client


def _what_to_open(demo: RunningDemo) -> str:
    patient = demo.patients[0].id
    return f"""
Open
  {demo.sandbox_url}/    the EHR sandbox: patients, charts with cards, and the SMART app

More
  {demo.service_url}/cds-services    discovery of the CDS Hooks service
  {demo.service_url}/smart/    the SMART app on its own (standalone launch)
  {demo.fhir_url}/metadata    the sandbox's FHIR R4 endpoint

Ask it yourself
  curl -s '{demo.fhir_url}/Observation?patient={patient}&code=http://loinc.org%7C8310-5&_sort=-date&_count=1'
  curl -s {demo.service_url}/cds-services/cart-toxicity-patient-view -H 'Content-Type: application/json' \\
    -d '{{"hook": "patient-view", "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea", \
"fhirServer": "{demo.fhir_url}", \
"context": {{"userId": "Practitioner/demo-clinician", "patientId": "demo-dorn"}}}}'

All patients are synthetic. Ctrl-C ends it."""


def _interruption() -> threading.Event:
    """What Ctrl-C and SIGTERM set from now on."""
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    return ended
