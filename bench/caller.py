"""The calling EHR, in a process of its own: N keep-alive connections that send one request after another.

Run as ``python -m bench.caller PORT PATH BODY_FILE CONNECTIONS SECONDS MOST_REQUESTS``; prints JSON with the
latencies in milliseconds of every request it began, so that slow peers are not flattered by a deadline.

One thread and one blocking socket a connection: sending and receiving are then almost all C, and the caller
takes little of what is measured.
"""

import gc
import json
import socket
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Calls:
    """What came of one measurement; ``answer`` is the body of one of the answers."""

    seconds: float
    milliseconds: list[float]
    answer: str


@dataclass(frozen=True, slots=True)
class Caller:
    """A request to be sent over and over until the time or the number is used up."""

    port: int
    request: bytes
    seconds: float
    most_requests: int

    def call(self, connections: int) -> Calls:
        """Send it over several connections at once. Any status but 200 raises ``RuntimeError``."""
        numbers = count(1)
        started = time.perf_counter()
        with ThreadPoolExecutor(connections) as pool:
            done = list(pool.map(lambda _: self._one_connection(numbers, started), range(connections)))
        return Calls(
            time.perf_counter() - started,
            [latency for latencies, _ in done for latency in latencies],
            max(answer for _, answer in done),
        )

    def _one_connection(self, numbers: Iterator[int], started: float) -> tuple[list[float], str]:
        latencies: list[float] = []
        answer = b""
        with socket.create_connection(("127.0.0.1", self.port)) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while next(numbers) <= self.most_requests:
                if latencies and time.perf_counter() - started >= self.seconds:
                    break
                sent = time.perf_counter()
                connection.sendall(self.request)
                answer = _receive(connection)
                latencies.append((time.perf_counter() - sent) * 1000)
        return latencies, answer.decode()


def _receive(connection: socket.socket) -> bytes:
    received = b""
    while b"\r\n\r\n" not in received:
        received += _some(connection)
    head, _, content = received.partition(b"\r\n\r\n")
    status, *lines = head.decode("latin-1").split("\r\n")
    if " 200 " not in status:
        raise RuntimeError(f"the peer answered {status}: {content[:500]!r}")
    headers = {name.casefold(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    missing = int(headers["content-length"]) - len(content)
    while missing > 0:
        chunk = _some(connection)
        content += chunk
        missing -= len(chunk)
    return content


def _some(connection: socket.socket) -> bytes:
    chunk = connection.recv(1 << 18)
    if not chunk:
        raise RuntimeError("the peer closed the connection")
    return chunk


def main(arguments: list[str]) -> None:
    port, path, body_file, connections, seconds, most_requests = arguments
    body = Path(body_file).read_bytes()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
        f"Accept: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    gc.disable()
    caller = Caller(int(port), head.encode() + body, float(seconds), int(most_requests))
    json.dump(asdict(caller.call(int(connections))), sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1:])
