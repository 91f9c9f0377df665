"""``bench/RESULTS.md``: what was run, the tables, and the acceptance lines with an honest PASS or FAIL."""

import os
import platform
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Final

from bench.measuring import MEMORY_REQUESTS_A_STEP, MEMORY_STEPS, PLANS, Measured, Memory, Plan, Results
from bench.payloads import SIZES
from bench.servers import DECODE_ONLY, HEALTHCHAIN_CONVERTING, HEALTHCHAIN_PYTHON, OURS, PEERS, VALIDATED

OUR_PACKAGES: Final = ("fastapi", "starlette", "uvicorn", "uvloop", "httptools", "msgspec", "pydantic",
                       "fhir.resources")  # fmt: skip
THEIR_PACKAGES: Final = ("healthchain", "fastapi", "starlette", "uvicorn", "uvloop", "pydantic",
                         "fhir.resources")  # fmt: skip
COLUMNS: Final = ("peer", "p50 ms", "p99 ms", "req/s", "quiet p50 ms", "to (b)", "to (e)", "CPU ms",
                  "CPU to (b)", "requests")  # fmt: skip
MOST_TIMES_DECODING: Final = 3
LEAST_TIMES_FASTER: Final = 30
MOST_WORKER_MIB: Final = 150


@dataclass(frozen=True, slots=True)
class Acceptance:
    """One line that must hold."""

    text: str
    value: str
    holds: bool

    def __str__(self) -> str:
        return f"| {self.text} | {self.value} | {'**PASS**' if self.holds else '**FAIL**'} |"


def acceptance_lines(results: Results, memory: Memory) -> tuple[Acceptance, ...]:
    """Judge what must hold at 600 resources and one caller, and the memory of a worker."""
    table = results["M", 1]
    ours = table[OURS.key].quiet_median
    over = ours / table[DECODE_ONLY.key].quiet_median
    converting = table[HEALTHCHAIN_CONVERTING.key].quiet_median / ours
    validated = table[VALIDATED.key].quiet_median / ours
    mib = memory.after_steps[-1]
    requests = MEMORY_STEPS * MEMORY_REQUESTS_A_STEP
    return (
        Acceptance(
            f"600 resources: our p50 is at most {MOST_TIMES_DECODING} × (b)",
            f"{over:.2f} ×",
            over <= MOST_TIMES_DECODING,
        ),
        Acceptance(
            f"600 resources: at least {LEAST_TIMES_FASTER} × faster than (d) with FHIR conversion",
            f"{converting:.1f} ×",
            converting >= LEAST_TIMES_FASTER,
        ),
        Acceptance(
            f"600 resources: at least {LEAST_TIMES_FASTER} × faster than (c)",
            f"{validated:.1f} ×",
            validated >= LEAST_TIMES_FASTER,
        ),
        Acceptance(
            f"memory of a worker after {requests:,} requests is under {MOST_WORKER_MIB} MiB",
            f"{mib:.0f} MiB",
            mib < MOST_WORKER_MIB,
        ),
    )


def results_document(
    results: Results,
    memory: Memory,
    worker_memory: Mapping[str, tuple[float, float]],
    *,
    cards: str,
    body_bytes: Mapping[str, int],
    seconds: float,
) -> str:
    """The whole of ``RESULTS.md``."""
    lines = [
        "# A patient-view request, side by side with peers",
        "",
        "Written by `make bench`. Read ratios, not absolute numbers: the machine is shared and noisy, but",
        "every round of a table visits every peer in turn, so what disturbs one disturbs all. Ratios are",
        "those of each peer's quietest round (its lowest median), and of the processor time of its worker,",
        "which other users of the machine change less.",
        "",
        "The course page of the SMART app is measured apart: see [COURSE.md](COURSE.md).",
        "",
        f"Run of {datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} shared cores ({platform.machine()}),"
        f" CPython {platform.python_version()}; the whole run took {seconds / 60:.1f} minutes.",
        "",
        *_versions(),
        "",
        "## What must hold",
        "",
        "| line | measured | |",
        "|---|--:|---|",
        *(str(line) for line in acceptance_lines(results, memory)),
        "",
        *_strictest(results),
        "",
        "## What is compared",
        "",
        "Each peer is one uvicorn worker process on loopback; the caller is another process on keep-alive",
        "connections. All get the same bytes: a recipient three days after infusion with fever, one",
        "vasopressor, low-flow oxygen and a falling ICE score, spread over the prefetch keys of our own",
        f"discovery document. Ours answers with (M): {cards}",
        "",
        "- (a) reads the body and answers a fixed card: what HTTP costs.",
        "- (b) the same FastAPI endpoint, the same structs, every resource decoded; no mapping, no grading.",
        "- (c) our service behind `fhir.resources` R4B `Bundle.model_validate` of every prefetch Bundle. It",
        "  is charged with the validation alone, not with a mapping from those models.",
        "- (d) HealthChain's CDS Hooks service with a handler that only counts what was sent: as installed",
        "  (h11 and asyncio), and with its own conversion of the prefetch to FHIR objects (given uvloop and",
        "  httptools). It grades nothing in either row.",
        "- (e) the service as it is shipped: mapping, grading, peak of the episode, recommendations, cards,",
        "  validated drafts.",
        "",
    ]
    for size in SIZES:
        lines += [
            f"## {size.name}: {size.resources:,} resources"
            f" ({size.observations:,} Observations + {size.administrations:,} MedicationAdministrations,"
            f" {body_bytes[size.name] / 1000:,.0f} kB)",
            "",
        ]
        for plan in PLANS:
            if plan.size is size:
                lines += [*_table(plan, results[size.name, plan.connections]), ""]
    lines += [*_memory(memory, worker_memory), ""]
    return "\n".join(lines)


def _strictest(results: Results) -> Iterator[str]:
    """What the lines against the slow peers ask for, told in the measure of the first line."""
    table = results["M", 1]
    base, ours = table[DECODE_ONLY.key].quiet_median, table[OURS.key].quiet_median
    converting = table[HEALTHCHAIN_CONVERTING.key].quiet_median / base
    # (c) is validation and ours: ours may be a 29th of the validation for the whole to be 30 times ours.
    validation = (table[VALIDATED.key].quiet_median - ours) / base
    yield (
        f"In this run (d) with FHIR conversion takes {converting:.0f} × (b) and the validation in (c)"
        f" {validation:.0f} × (b). To be {LEAST_TIMES_FASTER} × faster than they are, ours would have to take"
    )
    yield (
        f"{converting / LEAST_TIMES_FASTER:.1f} × and {validation / (LEAST_TIMES_FASTER - 1):.1f} × (b):"
        f" mapping, grading and cards together in what decoding alone takes."
    )


def _table(plan: Plan, table: Mapping[str, Measured]) -> Iterator[str]:
    callers = "one caller" if plan.connections == 1 else f"{plan.connections} callers at once"
    yield f"{callers.capitalize()}:"
    yield ""
    yield "| " + " | ".join(COLUMNS) + " |"
    yield "|---|" + "--:|" * (len(COLUMNS) - 1)
    base, base_processor = table[DECODE_ONLY.key].quiet_median, table[DECODE_ONLY.key].processor_milliseconds
    ours = table[OURS.key].quiet_median
    for peer in PEERS:
        if peer.key not in table:
            missing = " | ".join("–" * (len(COLUMNS) - 2))
            yield f"| {peer.title} | {missing} | not run: {plan.connections} × seconds a wave |"
            continue
        found = table[peer.key]
        middle, processor = found.quiet_median, found.processor_milliseconds
        yield (
            f"| {peer.title} | {_short(found.percentile(50))} | {_short(found.percentile(99))}"
            f" | {_short(found.requests_a_second)} | {_short(middle)} | {_short(middle / base)}"
            f" | {_short(middle / ours)} | {_short(processor)} | {_short(processor / base_processor)}"
            f" | {found.requests:,} |"
        )
    if any(found.requests < 100 for found in table.values()):
        yield ""
        yield "p99 of fewer than 100 requests is near the slowest of them."


def _memory(memory: Memory, worker_memory: Mapping[str, tuple[float, float]]) -> Iterator[str]:
    yield "## Memory"
    yield ""
    steps = ", ".join(f"{mib:.0f}" for mib in memory.after_steps)
    yield (
        f"A fresh worker of ours, 16 callers at S: {memory.idle:.0f} MiB after the first request, then after"
        f" every {MEMORY_REQUESTS_A_STEP:,} requests {steps} MiB; most at any time {memory.most:.0f} MiB."
    )
    yield ""
    yield "The workers of the tables above, after everything they were sent (L included):"
    yield ""
    yield "| peer | resident MiB | most MiB |"
    yield "|---|--:|--:|"
    for peer in PEERS:
        now, most = worker_memory[peer.key]
        yield f"| {peer.title} | {now:.0f} | {most:.0f} |"


def _versions() -> Iterator[str]:
    yield "Ours and (a) to (c): " + ", ".join(f"{name} {version(name)}" for name in OUR_PACKAGES) + "."
    program = "import sys; from importlib.metadata import version; print(*map(version, sys.argv[1:]))"
    told = subprocess.run(
        [HEALTHCHAIN_PYTHON, "-c", program, *THEIR_PACKAGES], check=True, capture_output=True, text=True
    ).stdout.split()
    pairs = zip(THEIR_PACKAGES, told, strict=True)
    yield "(d): " + ", ".join(f"{name} {number}" for name, number in pairs) + "."


def _short(value: float) -> str:
    """Three digits that mean something."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"
