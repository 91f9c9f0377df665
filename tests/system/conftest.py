"""Fixtures of the tests that need a real peer: a FHIR server, HL7's validator, a browser.

A peer that the machine lacks is a skip that names it, so that `make test` runs anywhere; with `CI=true` it is
a failure, so that nothing is skipped unnoticed where everything must run. Every test in this folder carries
the marker `system`, without having to say so.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest

from cds_service.code_systems import CARD_TOPIC_ID, OVERRIDE_REASON_ID, card_code_system
from fhir_maps.artefacts import artefact, artefact_ids
from tests.system.fhir_validator import FhirValidator
from tests.system.hapi.build import LibrariesUnreachableError, build_peers
from tests.system.hapi_server import HapiServer
from tests.system.postgres_server import PostgresServer, find_programs

HERE = Path(__file__).resolve().parent
OLDEST_JDK = 17

Require = Callable[[str, str], str]
StartValidator = Callable[[list[dict[str, Any]]], FhirValidator]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # The hook sees every item of the session, not only those of this folder.
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.system)


def lack(reason: str) -> NoReturn:
    """Skips for a named lack of the machine; in CI, where the machine is ours to furnish, fails."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"in CI nothing may be missing: {reason}", pytrace=False)
    pytest.skip(reason)


def require_tool(tool: str, reason: str) -> str:
    """The path of a program, or a skip (a failure in CI) for `reason`."""
    found = shutil.which(tool)
    if found is None:
        lack(reason)
    return found


@pytest.fixture(scope="session")
def require() -> Require:
    """`require("chromium", "no Chromium on this machine")`: the program's path, or a skip (CI: a failure)."""
    return require_tool


def require_java_peers() -> None:
    """The Java peers are built, or what needs them is skipped by name."""
    compiler = require_tool("javac", "no JDK on this machine")
    require_tool("mvn", "no Maven on this machine")
    version = subprocess.run([compiler, "-version"], capture_output=True, text=True)
    major = re.search(r"\d+", version.stdout + version.stderr)
    if version.returncode != 0 or major is None or int(major[0]) < OLDEST_JDK:
        lack(f"no JDK {OLDEST_JDK} or later on this machine")
    try:
        build_peers()
    except LibrariesUnreachableError as unreachable:
        lack(f"Maven could not download the FHIR server's libraries: {unreachable}")


@pytest.fixture(scope="session")
def hapi(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HapiServer]:
    """The session's FHIR R4 server: `.base_url`, `.load(bundle)`, `.get(path, params)`; see `hapi_server`.

    One server for all tests, never emptied: give each test's patients ids of their own.
    """
    require_java_peers()
    with HapiServer.start(tmp_path_factory.mktemp("hapi")) as server:
        yield server


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """The session's PostgreSQL; see `postgres_server`."""
    programs = find_programs()
    if programs is None:
        lack("no PostgreSQL server on this machine (initdb)")
    with PostgresServer.start(programs) as server:
        yield server


@pytest.fixture
def postgres_url(postgres: PostgresServer) -> str:
    """The URL of an empty PostgreSQL database of this test's own."""
    return postgres.new_database()


@pytest.fixture(scope="session")
def start_validator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartValidator]:
    """`start_validator(artefacts)` gives a validator that knows these conformance resources."""
    require_java_peers()
    with contextlib.ExitStack() as running:
        yield lambda artefacts: running.enter_context(
            FhirValidator.start(tmp_path_factory.mktemp("validator"), artefacts)
        )


@pytest.fixture(scope="session")
def published_artefacts() -> list[dict[str, Any]]:
    """Our own CodeSystems, ValueSets, ConceptMaps and Questionnaires, which `validator` knows."""
    of_maps = [artefact(kind, id_) for kind, id_ in artefact_ids()]
    of_cards = [card_code_system("CodeSystem", id_) for id_ in (OVERRIDE_REASON_ID, CARD_TOPIC_ID)]
    return [resource for resource in (*of_maps, *of_cards) if resource is not None]


@pytest.fixture(scope="session")
def validator(start_validator: StartValidator, published_artefacts: list[dict[str, Any]]) -> FhirValidator:
    """The session's HL7 validator: `validator([(name, resource), ...])` gives the errors by name.

    It knows our published artefacts, so a code of ours that is not in our CodeSystem is an error.
    See `fhir_validator` for what it checks and what it cannot.
    """
    return start_validator(published_artefacts)
