"""The demonstration runs through real HTTP on loopback and leaves nothing behind."""

import json
import signal
import socket
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from cart_cds.command_line import main
from cart_cds.demo import EhrHttp, run_demo
from cart_cds.patient_table import LEGEND, describe_patients
from ehr_sandbox.hook_client import HookError
from ehr_sandbox.hook_signer import KEYS_PATH
from ehr_sandbox.patients import load_patients
from ehr_sandbox.smart_server import LaunchContext

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


def test_the_sandbox_calls_as_an_ehr_signed_and_with_a_token_for_one_patient() -> None:
    with run_demo(open_reads=False) as demo:
        # Without a token nothing is read, and yet the answer is whole: the sandbox brought one.
        assert httpx.get(f"{demo.fhir_url}/Patient/demo-dorn").status_code == 401
        cards = demo.view("demo-dorn")["cards"]
        assert cards[0]["summary"].startswith("CRS grade 3")
        [link] = [one for one in cards[0]["links"] if one["type"] == "smart"]
        assert link["url"] == f"{demo.service_url}/smart/launch"
        assert json.loads(link["appContext"])["view"] == "course"
        assert demo.cards.signer is not None and demo.cards.authorize is not None
        token = demo.cards.signer.sign(demo.hook.url).removeprefix("Bearer ")
        published = httpx.get(f"{demo.sandbox_url}{KEYS_PATH}").json()
        proven = jwt.decode(token, KeySet.import_key_set(published), algorithms=["ES384"])
        assert proven.claims["aud"] == demo.hook.url
        assert proven.header["jku"] == f"{demo.sandbox_url}{KEYS_PATH}"
        bearer = demo.cards.authorize("demo-dorn", demo.hook.scopes)["access_token"]
        allowed = {"Authorization": f"Bearer {bearer}"}
        assert httpx.get(f"{demo.fhir_url}/Patient/demo-dorn", headers=allowed).status_code == 200
        assert httpx.get(f"{demo.fhir_url}/Patient/demo-esche", headers=allowed).status_code != 200


def test_one_clock_is_told_by_the_endpoint_the_service_and_the_app() -> None:
    with run_demo() as demo:
        played = demo.played.id
        newest = f"{demo.fhir_url}/Observation?patient={played}&code=http://loinc.org%7C8310-5&_sort=-date&_count=1"
        before = httpx.get(newest).json()["entry"][0]["resource"]["effectiveDateTime"]
        assert demo.view(played)["cards"][0]["summary"].startswith("CRS grade 0")
        demo.clock.advance(timedelta(hours=36))
        after = httpx.get(newest).json()["entry"][0]["resource"]["effectiveDateTime"]
        assert after > before
        assert demo.view(played)["cards"][0]["summary"].startswith("CRS grade 3")


def test_a_launch_begins_at_the_sandbox_and_no_address_names_the_patient() -> None:
    with run_demo(open_reads=False) as demo, httpx.Client(follow_redirects=True, trust_env=False) as browser:
        launch = demo.smart.begin_launch(LaunchContext("demo-dorn"))
        at_app = browser.get(
            f"{demo.service_url}/smart/launch",
            params={"iss": demo.fhir_url, "launch": launch},
            follow_redirects=False,
        )
        asked = parse_qs(urlsplit(at_app.headers["location"]).query)
        assert asked["aud"] == [demo.fhir_url]
        assert "demo-dorn" not in at_app.headers["location"]


def test_an_answer_that_does_not_come_is_told_without_the_address() -> None:
    def lose(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    with run_demo() as demo, httpx.Client(transport=httpx.MockTransport(lose)) as lost:
        cut = replace(demo.cards, http=EhrHttp(lost))
        with pytest.raises(HookError, match="no answer") as caught:
            cut.view("demo-dorn")
        assert "demo-dorn" not in str(caught.value)
        with pytest.raises(HookError, match="did not answer"):
            cut.send_feedback([])


def test_faults_can_be_switched_on_while_it_runs() -> None:
    with run_demo() as demo:
        demo.fhir_faults.statuses["Patient"] = 503
        assert httpx.get(f"{demo.fhir_url}/Patient/demo-dorn").status_code == 503
        demo.smart_faults.discovery_status = 500
        assert httpx.get(f"{demo.fhir_url}/.well-known/smart-configuration").status_code == 500


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
