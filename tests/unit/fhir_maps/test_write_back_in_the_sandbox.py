"""Writing back to a real endpoint over a real connection, with the faults that real servers have."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from threading import Thread
from typing import Any
from uuid import UUID

import pytest
import uvicorn

from fhir_maps.retrieve import FhirAccess
from fhir_maps.statement_observations import Statement, attribution_observation
from fhir_maps.write_back import FhirWriter, WriteAnswer, WriteOutcome
from grading.chart import Attributable
from tests.small_ward import NOON, Ward

FORM = UUID("0b1e42cf-8d3b-4f0f-a58c-2d6a7a3a9d55")


def statement(cause: str = "sepsis") -> dict[str, Any]:
    # Before now: what the sandbox's clock has not reached, it does not show.
    who = Statement("one", "one-encounter", "Practitioner/demo-clinician", NOON - timedelta(minutes=5), FORM)
    return attribution_observation(Attributable.FEVER, cause, who)


@contextmanager
def served(ward: Ward) -> Iterator[str]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        server = uvicorn.Server(uvicorn.Config(ward.app, log_level="critical", lifespan="off"))
        thread = Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/fhir"
        finally:
            server.should_exit = True
            thread.join()


def create(base: str, *, times: int = 1, resource: dict[str, Any] | None = None) -> list[WriteAnswer]:
    async def go() -> list[WriteAnswer]:
        writer = FhirWriter(None)
        try:
            return [await writer.create(FhirAccess(base), resource or statement()) for _ in range(times)]
        finally:
            await writer.close()

    return asyncio.run(go())


def update(base: str, resource: dict[str, Any], version: str) -> WriteAnswer:
    async def go() -> WriteAnswer:
        writer = FhirWriter(None)
        try:
            return await writer.update(FhirAccess(base), resource, version)
        finally:
            await writer.close()

    return asyncio.run(go())


def test_a_statement_is_saved_once_and_read_again() -> None:
    ward = Ward()
    with served(ward) as base:
        first, second = create(base, times=2)
    assert (first.outcome, second.outcome) == (WriteOutcome.SAVED, WriteOutcome.ALREADY_THERE)
    assert first.resource is not None
    assert first.resource == second.resource
    assert first.resource["note"] == [{"text": "sepsis"}]
    assert ward.count() == 1


def test_an_answer_that_is_lost_is_made_up_for_by_looking() -> None:
    ward = Ward()
    ward.faults.lose_answer_of_create = 1
    with served(ward) as base:
        (answer,) = create(base)
    assert answer.outcome is WriteOutcome.SAVED
    assert answer.resource is not None
    assert answer.resource["valueCodeableConcept"]["coding"][0]["code"] == "fever"
    assert ward.count() == 1


def test_a_location_upstream_is_read_here() -> None:
    ward = Ward()
    ward.faults.foreign_location = "https://upstream.example/r4"
    with served(ward) as base:
        (answer,) = create(base)
    assert answer.outcome is WriteOutcome.SAVED
    assert answer.resource is not None


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(403, WriteOutcome.REFUSED), (422, WriteOutcome.REJECTED), (500, WriteOutcome.UNCERTAIN)],
)
def test_a_refusal_is_told_and_writes_nothing(status: int, outcome: WriteOutcome) -> None:
    ward = Ward()
    ward.faults.statuses["Observation"] = status
    with served(ward) as base:
        (answer,) = create(base)
    assert answer == WriteAnswer(outcome, None, status)
    ward.faults.statuses.clear()
    assert ward.count() == 0


def test_a_server_that_is_gone_is_uncertain() -> None:
    with served(Ward()) as base:
        pass
    (answer,) = create(base)
    assert answer == WriteAnswer(WriteOutcome.UNCERTAIN)


def test_a_correction_holds_to_its_version() -> None:
    ward = Ward()
    with served(ward) as base:
        (saved,) = create(base)
        assert saved.resource is not None
        version = saved.resource["meta"]["versionId"]
        corrected = saved.resource | {"status": "amended", "note": [{"text": "urosepsis"}]}
        done, stale = update(base, corrected, version), update(base, corrected, version)
    assert done.outcome is WriteOutcome.SAVED
    assert done.resource is not None
    assert done.resource["note"] == [{"text": "urosepsis"}]
    assert stale.outcome is WriteOutcome.CONFLICT
