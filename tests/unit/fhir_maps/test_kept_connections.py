"""A connection that the server closes just as it is asked on: reads are put again, writes never meet one."""

import asyncio
import json
from collections.abc import Awaitable, Callable

import pytest

from fhir_maps.data_requirements import Kind, Requirement, Role
from fhir_maps.retrieve import FhirAccess, FhirReader
from fhir_maps.search_answers import AnswerState
from fhir_maps.write_back import FhirWriter

PATIENT = Requirement("patient", "Patient", Kind.READ, Role.OTHER, "patient")


class Closing:
    """A server that answers so many requests of each connection, and closes it on the next one."""

    def __init__(self, answered: int) -> None:
        self.connections = 0
        self.questions = 0
        self._answered = answered

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        body = json.dumps({"resourceType": "Patient", "id": "p1"}).encode()
        for number in range(self._answered + 1):
            try:
                await reader.readuntil(b"\r\n\r\n")
            except asyncio.IncompleteReadError:
                break
            self.questions += 1
            if number < self._answered:
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
                await writer.drain()
        writer.close()


def beside(server: Closing, work: Callable[[FhirAccess], Awaitable[None]]) -> None:
    async def run() -> None:
        listening = await asyncio.start_server(server.talk, "127.0.0.1", 0)
        async with listening:
            port = listening.sockets[0].getsockname()[1]
            await work(FhirAccess(f"http://127.0.0.1:{port}/fhir"))

    asyncio.run(run())


@pytest.mark.parametrize(
    ("answered", "states", "questions"),
    [
        (1, [AnswerState.GIVEN, AnswerState.GIVEN], 3),  # the second is closed on, and put again
        (0, [AnswerState.FAILED, AnswerState.FAILED], 4),  # each is put twice, and no third time
    ],
)
def test_a_read_on_a_closed_connection_is_put_once_more(
    answered: int, states: list[AnswerState], questions: int
) -> None:
    server, found = Closing(answered), []

    async def work(access: FhirAccess) -> None:
        reader = FhirReader(None)
        for _ in states:
            found.append((await reader.retrieve([PATIENT], access, "p1", {}))["patient"].state)
        await reader.close()

    beside(server, work)
    assert found == states
    assert server.questions == questions


def test_a_writer_keeps_no_connection() -> None:
    server = Closing(1)

    async def work(access: FhirAccess) -> None:
        writer = FhirWriter(None)
        for _ in range(3):
            assert await writer.read(access, "Patient/p1") is not None
        await writer.close()

    beside(server, work)
    assert server.connections == 3
