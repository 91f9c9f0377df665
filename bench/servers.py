"""The peers as processes: one uvicorn worker each, on loopback, started and ended here."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

ROOT: Final = Path(__file__).parent.parent
HEALTHCHAIN_HOME: Final = ROOT / ".cache" / "bench-healthchain"
HEALTHCHAIN_PYTHON: Final = HEALTHCHAIN_HOME / "bin" / "python"
SERVICE: Final = "cart-toxicity-patient-view"
START_SECONDS: Final = 60


@dataclass(frozen=True, slots=True)
class Peer:
    """What is measured. ``slow`` peers get few repetitions, and none where 16 callers would wait minutes.
    ``home`` is the tree whose code is served.
    """

    key: str
    title: str
    application: str
    path: str = f"/cds-services/{SERVICE}"
    python: Path = Path(sys.executable)
    options: tuple[str, ...] = ()
    slow: bool = False
    home: Path = ROOT

    def environment(self) -> dict[str, str]:
        """The environment of its process: of another tree, its own code comes before what is installed."""
        own = {} if self.home == ROOT else {"PYTHONPATH": str(self.home)}
        return os.environ | own


FLOOR: Final = Peer("a", "(a) reads the body, fixed card", "bench.peers.floor:app")
DECODE_ONLY: Final = Peer("b", "(b) decode only, fixed card", "bench.peers.decode_only:app")
VALIDATED: Final = Peer("c", "(c) ours behind fhir.resources", "bench.peers.validated:app", slow=True)
HEALTHCHAIN: Final = Peer(
    "d1",
    "(d) HealthChain as installed",
    "bench.peers.healthchain_service:app",
    f"/cds/cds-services/{SERVICE}",
    HEALTHCHAIN_PYTHON,
    ("--loop", "asyncio", "--http", "h11"),
)
HEALTHCHAIN_CONVERTING: Final = Peer(
    "d2",
    "(d) HealthChain with FHIR conversion",
    "bench.peers.healthchain_service:converting_app",
    f"/cds/cds-services/{SERVICE}",
    HEALTHCHAIN_PYTHON,
    slow=True,
)
OURS: Final = Peer("e", "**(e) ours**", "bench.peers.ours:app")
PEERS: Final = (FLOOR, DECODE_ONLY, VALIDATED, HEALTHCHAIN, HEALTHCHAIN_CONVERTING, OURS)


@dataclass(frozen=True, slots=True)
class Worker:
    """A running peer."""

    peer: Peer
    port: int
    process: subprocess.Popen[bytes]

    def processor_seconds(self) -> float:
        """Processor time the worker has used so far: what it costs, whoever else uses the machine."""
        # The name of the program, in brackets, may hold blanks; user and system time are fields 14 and 15.
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory_mib(self) -> tuple[float, float]:
        """Resident memory now, and the most there ever was."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        kib = {
            name: int(value.split()[0])
            for name, _, value in (line.partition(":") for line in lines)
            if name in ("VmRSS", "VmHWM")
        }
        return kib["VmRSS"] / 1024, kib["VmHWM"] / 1024


def install_healthchain() -> None:
    """Make HealthChain's own environment from its lock; an environment of the same lock is kept."""
    lock = ROOT / "requirements-bench.lock"
    stamp = HEALTHCHAIN_HOME / "installed-from.lock"
    if stamp.exists() and stamp.read_bytes() == lock.read_bytes():
        return
    subprocess.run([sys.executable, "-m", "venv", "--clear", HEALTHCHAIN_HOME], check=True)
    quiet = ("--quiet", "--disable-pip-version-check")
    subprocess.run(
        [HEALTHCHAIN_PYTHON, "-m", "pip", "install", *quiet, "--require-hashes", "-r", lock], check=True
    )
    stamp.write_bytes(lock.read_bytes())


@contextmanager
def started(*peers: Peer) -> Iterator[dict[str, Worker]]:
    """Start the peers, wait until each listens, and end them afterwards."""
    with ExitStack() as stack:
        yield {peer.key: stack.enter_context(_started(peer)) for peer in peers}


@contextmanager
def _started(peer: Peer) -> Iterator[Worker]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    log_file = ROOT / ".cache" / f"bench-{peer.key}.log"
    log_file.parent.mkdir(exist_ok=True)
    with log_file.open("wb") as log, _process(peer, port, log) as process:
        try:
            _wait_until_listening(process, port, log_file)
            yield Worker(peer, port, process)
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


def _process(peer: Peer, port: int, log: IO[bytes]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [
            peer.python,
            "-m",
            "uvicorn",
            peer.application,
            "--host",
            "127.0.0.1",
            "--port",
            str(port),
            "--log-level",
            "warning",
            "--no-access-log",
            *peer.options,
        ],
        cwd=peer.home,
        env=peer.environment(),
        stdout=log,
        stderr=log,
    )


def _wait_until_listening(process: subprocess.Popen[bytes], port: int, log_file: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"a peer did not start: {log_file.read_text(errors='replace')[-2000:]}")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("a peer does not listen")


def call_from_outside(
    worker: Worker, body_file: Path, *, connections: int, seconds: float, most_requests: int
) -> dict[str, Any]:
    """Run :mod:`bench.caller` against a worker in a process of its own; answers what it printed."""
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "bench.caller",
            str(worker.port),
            worker.peer.path,
            body_file,
            str(connections),
            str(seconds),
            str(most_requests),
        ],
        cwd=ROOT,
        capture_output=True,
        timeout=300,
    )
    if done.returncode:
        raise RuntimeError(f"calling {worker.peer.title} failed: {done.stderr.decode()[-500:]}")
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer
