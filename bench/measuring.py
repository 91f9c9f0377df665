"""Who is called how often and in which order: every round visits every peer, so noise falls on all."""

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles
from typing import Any, Final

from bench.payloads import SIZES, Size, resources_in
from bench.servers import OURS, PEERS, Worker, call_from_outside, started

MEMORY_STEPS: Final = 5
MEMORY_REQUESTS_A_STEP: Final = 2000


@dataclass(frozen=True, slots=True)
class Plan:
    """One table: a payload, a number of callers, and how long each peer is called in each round."""

    size: Size
    connections: int
    rounds: int
    seconds: float
    slow_rounds: int
    slow_peers: bool = True


_S, _M, _L = SIZES
PLANS: Final = (
    Plan(_S, 1, 5, 1.0, 5),
    Plan(_S, 16, 3, 1.0, 3),
    Plan(_M, 1, 7, 1.0, 5),
    Plan(_M, 16, 3, 1.5, 1),
    Plan(_L, 1, 3, 2.0, 2),
    Plan(_L, 16, 2, 2.0, 0, slow_peers=False),
)


@dataclass(slots=True)
class Measured:
    """Everything one peer did under one plan."""

    milliseconds: list[float] = field(default_factory=list)
    medians: list[float] = field(default_factory=list)
    seconds: float = 0.0
    processor_seconds: float = 0.0

    @property
    def requests(self) -> int:
        return len(self.milliseconds)

    @property
    def requests_a_second(self) -> float:
        return self.requests / self.seconds

    @property
    def quiet_median(self) -> float:
        """The median latency of the quietest round: the ratios are taken from it, for every peer alike."""
        return min(self.medians)

    @property
    def processor_milliseconds(self) -> float:
        """Processor time of the worker for one request."""
        return 1000 * self.processor_seconds / self.requests

    def percentile(self, percent: int) -> float:
        """The latency that ``percent`` of the requests kept; of few requests, the worst for the 99th."""
        if self.requests == 1:
            return self.milliseconds[0]
        return quantiles(self.milliseconds, n=100, method="inclusive")[percent - 1]


Results = dict[tuple[str, int], dict[str, Measured]]


@dataclass(frozen=True, slots=True)
class Memory:
    """Resident memory of our worker in MiB: at rest, after each step of requests, and the most."""

    idle: float
    after_steps: tuple[float, ...]
    most: float


def check_answers(workers: Mapping[str, Worker], bodies: Mapping[str, Path]) -> str:
    """Call each peer once with each payload, and make sure that it did what it is measured for.

    Answers the summaries of our cards at M. Raises ``AssertionError`` for a peer that counted wrongly or a
    service of ours without a grade.
    """
    summaries = ""
    for size in SIZES:
        body = bodies[size.name]
        expected = f"{resources_in(body.read_bytes())} resources"
        answers: dict[str, Any] = {}
        for key, worker in workers.items():
            found = call_from_outside(worker, body, connections=1, seconds=0, most_requests=1)
            answers[key] = json.loads(found["answer"])
        for key in ("b", "d1", "d2"):
            told = answers[key]["cards"][0]["summary"]
            if told != expected:
                raise AssertionError(f"peer {key} told of {told} instead of {expected} at {size.name}")
        ours = answers["e"]
        if ours["extension"] != answers["c"]["extension"]:
            raise AssertionError("ours and ours behind fhir.resources answer differently")
        assessment = ours["extension"]["io.github.cart-toxicity-cds.assessment"]
        for syndrome in ("crs", "icans"):
            if assessment[syndrome]["status"] != "graded":
                raise AssertionError(f"{syndrome} is not graded at {size.name}: {assessment[syndrome]}")
        if size is _M:
            summaries = "; ".join(card["summary"] for card in ours["cards"])
    return summaries


def measure(workers: Mapping[str, Worker], bodies: Mapping[str, Path]) -> Results:
    """Go through the plans; within each, every round calls every peer in turn."""
    results: Results = {}
    for plan in PLANS:
        table: dict[str, Measured] = defaultdict(Measured)
        for current in range(plan.rounds):
            for peer in PEERS:
                if peer.slow and (not plan.slow_peers or current >= plan.slow_rounds):
                    continue
                one_round(plan, workers[peer.key], bodies[plan.size.name], table[peer.key])
        results[plan.size.name, plan.connections] = dict(table)
        print(f"{plan.size.name}, {plan.connections} caller(s): done", flush=True)
    return results


def one_round(plan: Plan, worker: Worker, body: Path, measured: Measured) -> None:
    """Call a worker for one round of a plan, and add what came of it."""
    used_before = worker.processor_seconds()
    found = call_from_outside(
        worker, body, connections=plan.connections, seconds=plan.seconds, most_requests=20_000
    )
    measured.processor_seconds += worker.processor_seconds() - used_before
    measured.milliseconds.extend(found["milliseconds"])
    measured.medians.append(median(found["milliseconds"]))
    measured.seconds += found["seconds"]


def measure_memory(body: Path) -> Memory:
    """Send 10,000 requests to a fresh worker of ours and watch its memory."""
    with started(OURS) as workers:
        worker = workers[OURS.key]
        call_from_outside(worker, body, connections=1, seconds=0, most_requests=1)
        idle, _ = worker.memory_mib()
        after = []
        for _ in range(MEMORY_STEPS):
            call_from_outside(worker, body, connections=16, seconds=240, most_requests=MEMORY_REQUESTS_A_STEP)
            after.append(worker.memory_mib()[0])
        return Memory(idle, tuple(after), worker.memory_mib()[1])
