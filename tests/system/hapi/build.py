"""Builds the two Java test peers once a checkout, and says how to start them.

The peers are the real FHIR server (`peer.FhirServer`) and HL7's validator (`peer.Validate`), compiled here
from about 400 lines and some 250 published libraries (240 MB, fetched by Maven on the first build and kept in
its own cache). `target/` is rebuilt only when `pom.xml` or a source changed; a second process that wants to
build waits for the first.
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
from pathlib import Path

PROJECT = Path(__file__).resolve().parent
TARGET = PROJECT / "target"
STAMP = TARGET / "built-from"
BUILD_TIMEOUT_SECONDS = 1200

# Small heap and no optimising compiler: both programs live for a minute, beside a test run on two cores.
JVM_OPTIONS = ("-Xmx1g", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dfile.encoding=UTF-8")


class LibrariesUnreachableError(RuntimeError):
    """Maven could not download what the peers are built from; the code itself was not judged."""


def build_peers() -> None:
    """Compiles the peers unless `target/` is already of these sources.

    Raises `LibrariesUnreachableError` without a network, `RuntimeError` with Maven's output when it fails.
    """
    with (PROJECT / "pom.xml").open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        sources = _digest_of_sources()
        if STAMP.is_file() and STAMP.read_text() == sources:
            return
        shutil.rmtree(TARGET, ignore_errors=True)
        # Plain HTTP failures of a busy mirror are worth three tries before the whole run is lost.
        maven = subprocess.run(
            ["mvn", "-B", "-q", "-Dmaven.wagon.http.retryHandler.count=3", "compile"],
            cwd=PROJECT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=BUILD_TIMEOUT_SECONDS,
        )
        if maven.returncode != 0:
            output = maven.stdout[-4000:]
            unreachable = "Could not transfer" in output or "Could not resolve" in output
            raise (LibrariesUnreachableError if unreachable else RuntimeError)(
                f"mvn compile failed:\n{output}"
            )
        STAMP.write_text(sources)


def java_command(main_class: str, *arguments: str) -> list[str]:
    """The command line of one peer; call `build_peers` first."""
    class_path = f"{TARGET / 'classes'}:{TARGET / 'lib'}/*"
    return ["java", *JVM_OPTIONS, "-cp", class_path, main_class, *arguments]


def _digest_of_sources() -> str:
    # Contents, not times: a fresh clone and a restored cache have times that say nothing.
    digest = hashlib.sha256()
    for file in [PROJECT / "pom.xml", *sorted((PROJECT / "src").rglob("*"))]:
        if file.is_file():
            digest.update(str(file.relative_to(PROJECT)).encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()
