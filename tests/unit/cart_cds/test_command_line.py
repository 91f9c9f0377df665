"""The ``cart-cds`` command, as a user and a script meet it."""

import io
import json
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from cart_cds.command_line import main
from cds_service.settings import Settings
from ehr_sandbox.record import CHART_CLOCK
from ehr_sandbox.write_patients import FOLDER

COMMAND = Path(sys.executable).parent / "cart-cds"
AT = CHART_CLOCK.isoformat()
EXTENSION = "io.github.cart-toxicity-cds.assessment"


def run(*arguments: str | Path, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([COMMAND, *arguments], input=stdin, capture_output=True, timeout=60)


def exit_code(arguments: Sequence[str]) -> int:
    """Run in process; ``argparse`` leaves by SystemExit."""
    try:
        return main(arguments)
    except SystemExit as left:
        return int(left.code or 0)


def sample(name: str) -> str:
    return str(FOLDER / f"{name}.json")


def has_nothing_empty(value: Any) -> bool:
    if isinstance(value, dict):
        return bool(value) and all(has_nothing_empty(member) for member in value.values())
    if isinstance(value, list):
        return bool(value) and all(has_nothing_empty(member) for member in value)
    return value is not None and value != ""


def test_grade_json_prints_the_wrapper_and_nothing_else() -> None:
    done = run("grade", sample("demo-dorn"), "--at", AT, "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert set(document) == {EXTENSION}
    assert document[EXTENSION]["crs"]["grade"] == 3
    assert document[EXTENSION]["protocol"] == "met-2021"
    assert has_nothing_empty(document)
    assert done.stderr == b""


def test_the_bundle_may_come_on_standard_input() -> None:
    done = run("grade", "-", "--at", AT, "--json", stdin=Path(sample("demo-dorn")).read_bytes())
    assert json.loads(done.stdout)[EXTENSION]["crs"]["grade"] == 3


def test_no_infusion_on_record_is_an_empty_object_and_success(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(["grade", sample("demo-marder"), "--at", AT, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {}


def test_no_infusion_on_record_is_said_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(["grade", sample("demo-marder"), "--at", AT]) == 0
    assert "No CAR-T infusion on record" in capsys.readouterr().out


def test_an_infusion_given_on_the_command_line_is_graded(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [
        "grade",
        sample("demo-marder"),
        "--at",
        AT,
        "--infusion-at",
        "2026-03-02T10:30:00+01:00",
        "--json",
    ]
    assert exit_code(arguments) == 0
    document = json.loads(capsys.readouterr().out)[EXTENSION]
    assert document["infusion"]["day"] == 2
    assert document["crs"]["grade"] == 2  # 38.9 °C with 2 L/min by nasal cannula


def test_at_defaults_to_now_so_an_old_infusion_is_silence(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(["grade", sample("demo-dorn"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {}


def test_the_text_gives_grade_reason_gap_and_suggestion(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(["grade", sample("demo-nessel"), "--at", AT]) == 0
    text = capsys.readouterr().out
    assert "CRS: grade 1 (episode peak 1)" in text
    assert "ICANS: indeterminate, 3 to 4" in text
    assert "consciousness: " in text
    assert "[dexamethasone.dose; " in text
    assert "does not replace the local CAR-T protocol" in text


def test_a_late_effect_is_told_without_a_grade(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    bundle = json.loads(Path(sample("demo-dorn")).read_text("utf-8"))
    patient = {"reference": "Patient/demo-dorn"}
    for day, count in (("10", 950), ("13", 800)):  # days 40 and 43 after the infusion of 2026-03-01
        anc = {
            "resourceType": "Observation",
            "id": f"anc-{day}",
            "status": "final",
            "code": {"coding": [{"system": "http://loinc.org", "code": "751-8"}]},
            "subject": patient,
            "effectiveDateTime": f"2026-04-{day}T08:00:00+01:00",
            "valueQuantity": {"value": count, "system": "http://unitsofmeasure.org", "code": "/uL"},
        }
        bundle["entry"].append({"resource": anc})
    path = tmp_path / "bundle.json"
    path.write_text(json.dumps(bundle), "utf-8")
    later = ["grade", str(path), "--at", "2026-04-13T10:00:00+01:00"]
    assert exit_code(later) == 0
    text = capsys.readouterr().out
    assert "nothing to grade" in text and "Late effects, day 43 after the infusion" in text
    assert "Late ICAHT grade 2" in text
    assert exit_code([*later, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)["io.github.cart-toxicity-cds.assessment"]
    assert "crs" not in document and "icans" not in document
    assert [item["id"] for item in document["recommendations"]] == ["cytopenia.review"]


def test_the_text_lists_what_no_map_knows(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    bundle = json.loads(Path(sample("demo-dorn")).read_text("utf-8"))
    for entry in bundle["entry"]:
        if entry["resource"]["id"].startswith("demo-dorn-o2-device"):
            entry["resource"]["valueCodeableConcept"] = {"text": "Zephyr bubble hood \x1b[2J"}
    path = tmp_path / "bundle.json"
    path.write_text(json.dumps(bundle), "utf-8")
    assert exit_code(["grade", str(path), "--at", AT]) == 0
    text = capsys.readouterr().out
    assert "Zephyr bubble hood" in text.split("Not known to any map")[1]
    assert "\x1b" not in text


@pytest.mark.parametrize(
    "instant", ["2026-03-04T08:00:00", "2026-03-04", "now", "", "0001-01-01T00:00:00+14:00"]
)
@pytest.mark.parametrize("option", ["--at", "--infusion-at"])
def test_an_instant_without_offset_is_refused(
    option: str, instant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code(["grade", sample("demo-dorn"), option, instant]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "offset" in captured.err


def test_an_unknown_protocol_is_refused_with_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(["grade", sample("demo-dorn"), "--at", AT, "--protocol", "nowhere"]) == 2
    assert "met-2021" in capsys.readouterr().err


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"Demo-Adler has a fever",
        b"[]",
        b"null",
        b'"Bundle"',
        b"{}",
        b'{"resourceType": "Patient", "id": "demo-adler"}',
        b'{"resourceType": 7}',
        b'{"resourceType": "Bundle", "entry": [',
        b'{"resourceType":"Bundle","entry":' + b"[" * 100_000,
        b"\xff\xfe{}",
    ],
)
def test_a_file_that_is_no_bundle_is_refused_without_repeating_it(
    content: bytes, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "Demo-Adler-1963-05-14.json"
    path.write_bytes(content)
    assert exit_code(["grade", str(path), "--at", AT, "--json"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("cart-cds: ")
    assert "Adler" not in captured.err


def test_a_file_that_is_not_there_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert exit_code(["grade", str(tmp_path / "Demo-Adler.json")]) == 2
    assert "no such file" in capsys.readouterr().err


def test_a_folder_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert exit_code(["grade", str(tmp_path)]) == 2
    assert "cannot be read" in capsys.readouterr().err


def test_two_patients_in_one_bundle_are_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    both = json.loads(Path(sample("demo-dorn")).read_text("utf-8"))
    both["entry"] += json.loads(Path(sample("demo-cedar")).read_text("utf-8"))["entry"]
    path = tmp_path / "both.json"
    path.write_text(json.dumps(both), "utf-8")
    assert exit_code(["grade", str(path), "--at", AT, "--json"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "demo" not in captured.err


def test_a_byte_order_mark_does_not_matter(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    content = b"\xef\xbb\xbf" + Path(sample("demo-dorn")).read_bytes()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    assert exit_code(["grade", "-", "--at", AT, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[EXTENSION]["crs"]["grade"] == 3


@pytest.mark.parametrize(
    "arguments", [[], ["grade"], ["fly"], ["serve", "--port", "70000"], ["demo", "--port", "x"]]
)
def test_unusable_arguments_exit_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(arguments) == 2
    assert "usage: cart-cds" in capsys.readouterr().err


def test_serve_refuses_an_open_address_without_client_authentication(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert exit_code(["serve", "--host", "0.0.0.0"]) == 2  # noqa: S104 - the point of the test
    assert "client authentication" in capsys.readouterr().err


def test_serve_names_a_port_that_is_in_use_and_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        assert exit_code(["serve", "--port", str(port)]) == 2
    told = capsys.readouterr()
    assert f"port {port} of 127.0.0.1 is in use" in told.err
    assert "--port" in told.err
    assert told.out == ""


def test_serve_refuses_an_address_that_is_not_of_this_machine(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Settings, "check_binding", lambda *_: None)
    assert exit_code(["serve", "--host", "192.0.2.1", "--port", "0"]) == 2
    assert "cannot listen on 192.0.2.1" in capsys.readouterr().err


def test_a_service_that_was_started_answers_and_ends_on_an_interrupt() -> None:
    with subprocess.Popen(
        [COMMAND, "serve", "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        assert running.stderr is not None
        address = ""
        for line in running.stderr:
            if found := re.search(r"listening on (http://\S+)", line):
                address = found[1]
            if "startup complete" in line:
                break
        assert httpx.get(f"{address}/health/live", timeout=10).json() == {"status": "ok"}
        running.send_signal(signal.SIGINT)
        assert running.wait(30) == 0
        told = running.stderr.read()
    assert "GET /health/live 200" in told
    assert "Traceback" not in told


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(["--version"]) == 0
    assert re.fullmatch(r"cart-cds \d+\.\d+\.\d+\n", capsys.readouterr().out)


def test_the_text_says_charted_and_running_since(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(["grade", sample("demo-dorn"), "--at", AT]) == 0
    text = capsys.readouterr().out
    [pressor] = [line for line in text.splitlines() if "[crs.hypotension.one-vasopressor]" in line]
    assert ", charted 20" in pressor
    assert ", running since 20" in pressor
    [fever] = [line for line in text.splitlines() if "[crs.fever.present]" in line]
    assert ", charted 20" in fever
    assert "running since" not in fever


def test_serve_refuses_an_unknown_protocol(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CART_CDS_PROTOCOL", "nowhere")
    assert exit_code(["serve"]) == 2
    assert "met-2021" in capsys.readouterr().err
