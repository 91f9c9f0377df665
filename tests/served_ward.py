"""The small ward behind a real HTTP server on loopback."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Literal

import uvicorn

from tests.small_ward import Ward


@contextmanager
def served(ward: Ward, http: Literal["auto", "h11", "httptools"] = "auto") -> Iterator[str]:
    """Serve the ward with one of uvicorn's HTTP parsers; yields its FHIR base."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()  # a client that comes before the server waits
        server = uvicorn.Server(uvicorn.Config(ward.app, http=http, log_level="critical", lifespan="off"))
        thread = Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/fhir"
        finally:
            server.should_exit = True
            thread.join()
