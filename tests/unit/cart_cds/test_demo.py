"""The demonstration runs through real HTTP on loopback and leaves nothing behind."""

import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from cart_cds.command_line import main
from cart_cds.demo import run_demo
from cart_cds.patient_table import LEGEND, describe_patients
from ehr_sandbox.patients import load_patients

COMMAND = Path(sys.executable).parent / "cart-cds"


def row_of(table: str, name: str) -> list[str]:
    [line] = [line for line in table.splitlines() if line.startswith(name)]
    return line.split()


def test_demo_once_prints_every_sample_patient_with_grade_and_ends(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["demo", "--once"]) == 0
    table, _, legend = capsys.readouterr().out.partition("\n\n")
    assert legend == f"{LEGEND}\n"
    assert len(LEGEND) <= 120
    assert len(table.splitlines()) == 2 + len(load_patients())
    assert max(len(line) for line in table.splitlines()) <= 120
    for patient in load_patients():
        name, day, crs, icans, *_ = row_of(table, patient.name)
        expected = patient.expected
        assert name == patient.name
        if expected.crs is None or expected.icans is None:
            assert (day, crs, icans) == ("-", "-", "-")
            continue
        for shown, grade in ((crs, expected.crs), (icans, expected.icans)):
            assert shown == (f"{grade.lowest}-{grade.highest}?" if grade.grade is None else str(grade.grade))


def test_the_pages_and_the_fhir_endpoint_answer_while_it_runs_and_not_afterwards() -> None:
    with run_demo() as demo:
        listed = httpx.get(f"{demo.sandbox_url}/", timeout=30)
        assert listed.status_code == 200
        assert "Demo-Dorn" in listed.text
        shown = httpx.get(f"{demo.sandbox_url}/patients/demo-dorn", timeout=30)
        assert "norepinephrine" in shown.text
        assert httpx.get(f"{demo.fhir_url}/metadata").json()["fhirVersion"] == "4.0.1"
        service_url = demo.service_url
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{service_url}/cds-services")


def test_a_taken_port_is_no_obstacle() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        with run_demo(service_port=taken) as demo:
            assert demo.service_url != f"http://127.0.0.1:{taken}"
            assert httpx.get(f"{demo.service_url}/cds-services").status_code == 200


def test_the_demonstration_says_what_to_open_and_ends_on_an_interrupt() -> None:
    with subprocess.Popen(
        [COMMAND, "demo", "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None and running.stderr is not None
        said = []
        for line in running.stdout:
            said.append(line)
            if "Ctrl-C" in line:
                break
        running.send_signal(signal.SIGINT)
        assert running.wait(30) == 0
        assert running.stderr.read() == ""
    text = "".join(said)
    assert "/cds-services" in text
    assert "/fhir/metadata" in text
    assert "curl" in text


def test_what_does_not_fit_a_line_is_counted() -> None:
    document = {
        "infusion": {"day": 3},
        "crs": {"status": "not-assessable", "range": [0, 5]},
        "icans": {"status": "indeterminate", "range": [3, 4], "criteria": ["icans.ice.0-2"]},
        "recommendations": [
            {"id": "supportive-care", "strength": "recommend"},
            {"id": "icu.transfer", "strength": "recommend"},
            {"id": "tocilizumab.dose", "strength": "recommend", "dose": {"value": 640, "unit": "mg"}},
            {"id": "dexamethasone.dose", "strength": "recommend", "dose": {"value": 10, "unit": "mg"}},
        ],
    }
    response = {"extension": {"io.github.cart-toxicity-cds.assessment": document}}
    line = describe_patients([("Demo-Long", response)]).splitlines()[-1]
    assert line.startswith("Demo-Long     3    n/a   3-4?   ice.0-2")
    assert line.endswith("tocilizumab.dose 640 mg, dexamethasone.dose 10 mg +2")
    assert len(line) <= 120
