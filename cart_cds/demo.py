"""The demonstration: the service and the EHR sandbox side by side on loopback, talking HTTP as in a hospital.

Both servers run in threads of this process on sockets bound beforehand, so that a taken port is noticed
at once and another is used. Nothing is left behind: feedback stays in memory, and both servers end with
the command.
"""

import os
import signal
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI

from cart_cds.patient_table import LEGEND, describe_patients
from cds_service.app import create_app
from cds_service.settings import Settings
from ehr_sandbox.app import create_sandbox
from ehr_sandbox.hook_client import HookClient, HookError, HookService, discover
from ehr_sandbox.patients import SamplePatient, load_patients

LOOPBACK = "127.0.0.1"
SERVICE_PORT, SANDBOX_PORT = 8000, 8001
_START_SECONDS = 20.0


class DemoError(Exception):
    """The demonstration could not be started, or the service refused a patient."""


@dataclass(frozen=True, slots=True)
class RunningDemo:
    """Both addresses, and what an EHR would call."""

    service_url: str
    sandbox_url: str
    patients: Sequence[SamplePatient]
    http: httpx.Client
    hook: HookService

    @property
    def fhir_url(self) -> str:
        """Base of the sandbox's FHIR endpoint."""
        return f"{self.sandbox_url}/fhir"

    def view(self, patient_id: str) -> Mapping[str, Any]:
        """Open one patient's chart in the sandbox and return the service's response."""
        return HookClient(self.http, self.hook, self.fhir_url).view(patient_id)

    def table(self) -> str:
        """Open every sample patient's chart and return the table. Raises :class:`DemoError`."""
        try:
            return describe_patients((patient.name, self.view(patient.id)) for patient in self.patients)
        except (HookError, httpx.HTTPError) as error:
            raise DemoError(str(error)) from error


def demonstrate(*, once: bool, port: int | None) -> None:
    """Run the demonstration: with ``once`` print the table and end, else stay until interrupted."""
    with run_demo(0 if once else SERVICE_PORT if port is None else port, 0 if once else SANDBOX_PORT) as demo:
        print(f"{demo.table()}\n\n{LEGEND}")
        if once:
            return
        print(_what_to_open(demo), flush=True)
        _wait_for_interrupt()
        print("\nstopped", flush=True)


@contextmanager
def run_demo(service_port: int = 0, sandbox_port: int = 0) -> Iterator[RunningDemo]:
    """Run both servers while the block lasts; port 0, or one that is taken, means any free port."""
    patients = load_patients(datetime.now(UTC))
    with _bind(service_port) as service_socket, _bind(sandbox_port) as sandbox_socket:
        service_url, sandbox_url = _url(service_socket), _url(sandbox_socket)
        # Only what concerns grading is taken from the environment: no database, no address, no silence.
        settings = Settings.from_environment(
            {name: value for name, value in os.environ.items() if name in _PASSED_ON}
        )
        running: list[RunningDemo] = []  # the pages ask through the client that is made below

        def view(patient_id: str) -> Mapping[str, Any]:
            return running[0].view(patient_id)

        with (
            _serve(create_app(settings), service_socket),
            _serve(create_sandbox(patients, view), sandbox_socket),
            # trust_env off: a proxy of the environment has no business on loopback.
            httpx.Client(timeout=30, trust_env=False) as http,
        ):
            try:
                hook = discover(http, service_url, "patient-view")
            except (HookError, httpx.HTTPError) as error:
                raise DemoError(str(error)) from error
            running.append(RunningDemo(service_url, sandbox_url, patients, http, hook))
            yield running[0]


_PASSED_ON = frozenset({"CART_CDS_PROTOCOL", "CART_CDS_PROTOCOLS", "CART_CDS_SITE_MAPS"})


def _bind(port: int) -> socket.socket:
    """Bind loopback; where the port is taken, any free one."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((LOOPBACK, port))
    except OSError:
        listener.bind((LOOPBACK, 0))
    return listener


def _url(listener: socket.socket) -> str:
    return f"http://{LOOPBACK}:{listener.getsockname()[1]}"


@contextmanager
def _serve(app: FastAPI, listener: socket.socket) -> Iterator[None]:
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", access_log=False))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        _wait_until_started(server, thread)
        yield
    finally:
        server.should_exit = True
        thread.join(_START_SECONDS)


def _wait_until_started(server: uvicorn.Server, thread: threading.Thread) -> None:
    pause = threading.Event()
    for _ in range(int(_START_SECONDS / 0.02)):
        if server.started:
            return
        if not thread.is_alive():
            break
        pause.wait(0.02)
    raise DemoError("a server of the demonstration did not start")


def _what_to_open(demo: RunningDemo) -> str:
    patient = demo.patients[0].id
    return f"""
Open
  {demo.sandbox_url}/    the sandbox: patients and their cards
  {demo.service_url}/cds-services    discovery of the CDS Hooks service
  {demo.fhir_url}/metadata    the sandbox's FHIR R4 endpoint

Ask it yourself
  curl -s '{demo.fhir_url}/Observation?patient={patient}&code=http://loinc.org%7C8310-5&_sort=-date&_count=1'
  curl -s {demo.service_url}/cds-services/cart-toxicity-patient-view -H 'Content-Type: application/json' \\
    -d '{{"hook": "patient-view", "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea", \
"fhirServer": "{demo.fhir_url}", \
"context": {{"userId": "Practitioner/demo-clinician", "patientId": "demo-dorn"}}}}'

All patients are synthetic. Ctrl-C ends it."""


def _wait_for_interrupt() -> None:
    """Block until Ctrl-C or SIGTERM."""
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    ended.wait()
