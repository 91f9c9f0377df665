"""Servers on loopback that run in threads of this process, on sockets bound beforehand.

A taken port is noticed at once and another is used; every server ends with its block.
"""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

LOOPBACK = "127.0.0.1"
_START_SECONDS = 20.0


class DemoError(Exception):
    """The demonstration could not be started, or the service refused a patient."""


def bind(port: int) -> socket.socket:
    """Bind loopback; where the port is taken, any free one."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((LOOPBACK, port))
    except OSError:
        listener.bind((LOOPBACK, 0))
    return listener


def address(listener: socket.socket, host: str = LOOPBACK) -> str:
    """The URL of a bound socket, by an address or name of this machine."""
    return f"http://{host}:{listener.getsockname()[1]}"


@contextmanager
def serve(app: ASGIApp, listener: socket.socket) -> Iterator[None]:
    """Run an application while the block lasts. Raises :class:`DemoError` where it does not start."""
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
