"""``python -m bench.against COMMIT``: the service of this tree beside that of an earlier commit.

Both run on the same machine, in the same environment and in the same minutes, one worker each, called in
turn; so the ratio says what a change costs, whatever else the machine does. The earlier commit is served from
a worktree that is removed afterwards. Writes ``bench/AGAINST.md``; takes under four minutes.

It measures one caller only, and not memory: for those see :mod:`bench`.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any, Final

from bench.__main__ import prefetch_templates
from bench.measuring import Measured, Plan, one_round
from bench.payloads import SIZES, hook_request
from bench.servers import OURS, ROOT, Peer, Worker, call_from_outside, started

REPORT: Final = Path(__file__).parent / "AGAINST.md"
MOST_TIMES_EARLIER: Final = 1.3
EARLIER, NOW = "earlier", "now"
_S, _M, _L = SIZES
PLANS: Final = (
    Plan(_S, 1, 15, 1.0, 0),
    Plan(_M, 1, 15, 1.5, 0),
    Plan(_L, 1, 9, 3.0, 0),
)
ROOMS: Final = ("grading", "management", "fhir_maps", "cds_service", "bench")


@dataclass(slots=True)
class Pair:
    """What both trees did with one payload."""

    earlier: Measured = field(default_factory=Measured)
    now: Measured = field(default_factory=Measured)

    @property
    def ratio(self) -> float:
        """The median over the rounds of how many times as long a request takes now. A round calls both one
        after the other, so a slow minute of the machine falls on both sides of its ratio.
        """
        return median(self.ratios)

    @property
    def ratios(self) -> list[float]:
        """The ratio of the median latencies of each round."""
        return [after / before for before, after in zip(self.earlier.medians, self.now.medians, strict=True)]

    @property
    def processor_ratio(self) -> float:
        """How many times as much processor time a request takes now."""
        return self.now.processor_milliseconds / self.earlier.processor_milliseconds


@dataclass(frozen=True, slots=True)
class Compared:
    """What was compared: the two trees in words, the answers, and the sizes of the bodies sent."""

    earlier: str
    now: str
    notes: tuple[str, ...]
    body_bytes: Mapping[str, int]


def compare(commit: str, now: str | None = None, plans: Sequence[Plan] = PLANS) -> str:
    """Measure this tree, or the commit ``now``, and return the report. Raises ``RuntimeError``."""
    begun = time.monotonic()
    with (
        worktree(commit) as tree,
        worktree(now) if now else nullcontext(ROOT) as own_tree,
        tempfile.TemporaryDirectory() as folder,
    ):
        peers = [replace(OURS, key=EARLIER, home=tree), replace(OURS, key=NOW, home=own_tree)]
        for peer in peers:
            check_code(peer)
        with started(*peers) as workers:
            templates = {key: prefetch_templates(worker.port) for key, worker in workers.items()}
            bodies = {size.name: Path(folder) / f"{size.name}.json" for size in SIZES}
            for size in SIZES:
                bodies[size.name].write_bytes(hook_request(size, templates[NOW]))
            notes = [*say_keys(templates), *check_answers(workers, bodies)]
            pairs = measure(workers, bodies, plans)
        compared = Compared(
            describe(commit),
            describe(now) if now else describe("HEAD") + say_dirty(),
            tuple(notes),
            {name: body.stat().st_size for name, body in bodies.items()},
        )
    return report(pairs, compared, seconds=time.monotonic() - begun)


@contextmanager
def worktree(commit: str) -> Iterator[Path]:
    """The tree of a commit in a temporary folder, removed afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        added = _git("worktree", "add", "--detach", "--quiet", str(tree), commit)
        if added.returncode:
            raise RuntimeError(f"no tree of {commit}: {added.stderr.strip()}")
        try:
            yield tree
        finally:
            _git("worktree", "remove", "--force", str(tree))


def check_code(peer: Peer) -> None:
    """Make sure that a peer runs the code of its own tree, and not what is installed beside it."""
    program = (
        f"import {', '.join(ROOMS)}; print(*(room.__file__ for room in ({', '.join(ROOMS)})), sep='\\n')"
    )
    asked = subprocess.run(
        [peer.python, "-c", program], cwd=peer.home, env=peer.environment(), capture_output=True, text=True
    )
    if asked.returncode:
        raise RuntimeError(f"{peer.key}: {asked.stderr.strip().splitlines()[-1]}")
    for file in asked.stdout.splitlines():
        if not Path(file).resolve().is_relative_to(peer.home.resolve()):
            raise RuntimeError(f"{peer.key}: runs {file}, which is not of its tree")


def check_answers(workers: Mapping[str, Worker], bodies: Mapping[str, Path]) -> list[str]:
    """Call both once with each payload: each must grade both syndromes. Says where the answers differ."""
    notes = []
    for name, body in bodies.items():
        found: dict[str, Any] = {}
        cards: dict[str, int] = {}
        for key, worker in workers.items():
            # A status other than 200 ends the caller with an error.
            called = call_from_outside(worker, body, connections=1, seconds=0, most_requests=1)
            answer = json.loads(called["answer"])
            assessment = answer.get("extension", {}).get("io.github.cart-toxicity-cds.assessment", {})
            for syndrome in ("crs", "icans"):
                if assessment.get(syndrome, {}).get("status") != "graded":
                    raise RuntimeError(f"{key}: {syndrome} is not graded at {name}")
            found[key] = {syndrome: assessment[syndrome]["grade"] for syndrome in ("crs", "icans")}
            cards[key] = len(answer["cards"])
        if found[EARLIER] != found[NOW]:
            notes.append(f"{name}: the grades differ, {found[EARLIER]} earlier and {found[NOW]} now.")
        if cards[EARLIER] != cards[NOW]:
            notes.append(f"{name}: {cards[EARLIER]} cards earlier, {cards[NOW]} now.")
    return notes


def measure(
    workers: Mapping[str, Worker], bodies: Mapping[str, Path], plans: Sequence[Plan]
) -> dict[str, Pair]:
    """Call earlier and now in turn, round by round, each payload after the other."""
    pairs = {}
    for plan in plans:
        pair = pairs[plan.size.name] = Pair()
        for _ in range(plan.rounds):
            for key, measured in ((EARLIER, pair.earlier), (NOW, pair.now)):
                one_round(plan, workers[key], bodies[plan.size.name], measured)
        print(f"{plan.size.name}: {pair.ratio:.2f} ×", file=sys.stderr, flush=True)
    return pairs


def report(pairs: Mapping[str, Pair], compared: Compared, *, seconds: float) -> str:
    """The whole of ``AGAINST.md``."""
    lines = [
        "# This tree beside an earlier commit",
        "",
        "Written by `make bench-against COMMIT=…`. Both trees are served in the same environment by one",
        "worker each and called in turn over one connection, with the same bytes. Read the ratios: the",
        "machine is shared. A ratio is the median over the rounds, each of which calls both one after the",
        "other; in brackets the quartiles of the rounds.",
        "",
        f"- Earlier: {compared.earlier}",
        f"- Now: {compared.now}",
        f"- Run of {datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores ({platform.machine()}),"
        f" CPython {platform.python_version()}; {seconds / 60:.1f} minutes.",
        *(f"- {note}" for note in compared.notes),
        "",
        "| payload | ratio (quartiles) | CPU ratio | earlier ms: median (quartiles)"
        " | now ms: median (quartiles) | CPU ms earlier, now | requests"
        f" | at most {MOST_TIMES_EARLIER} × |",
        "|---|--:|--:|--:|--:|--:|--:|---|",
    ]
    for name, pair in pairs.items():
        low, high = _quartiles(pair.ratios)
        verdict = "**PASS**" if pair.ratio <= MOST_TIMES_EARLIER else "**FAIL**"
        lines.append(
            f"| {name}, {compared.body_bytes[name] / 1000:,.0f} kB"
            f" | {pair.ratio:.2f} ({low:.2f}–{high:.2f}) | {pair.processor_ratio:.2f}"
            f" | {_spread(pair.earlier)} | {_spread(pair.now)}"
            f" | {pair.earlier.processor_milliseconds:.2f}, {pair.now.processor_milliseconds:.2f}"
            f" | {pair.earlier.requests:,} + {pair.now.requests:,} | {verdict} |"
        )
    return "\n".join(lines) + "\n"


def say_keys(templates: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Which prefetch keys only one of the trees asks for; the other reads past them or goes without."""
    more = sorted(set(templates[NOW]) - set(templates[EARLIER]))
    less = sorted(set(templates[EARLIER]) - set(templates[NOW]))
    said = []
    if more:
        said.append(f"Prefetch keys that only this tree asks for, sent to both: {', '.join(more)}.")
    if less:
        said.append(f"Prefetch keys that only the earlier one asks for, not sent: {', '.join(less)}.")
    return said


def describe(commit: str) -> str:
    """A commit by its short name, day and subject."""
    return _git("log", "-1", "--format=`%h` of %cs, %s", commit).stdout.strip()


def say_dirty() -> str:
    """What is not committed, which is measured as it stands; empty where all is."""
    changed = [line for line in _git("status", "--porcelain").stdout.splitlines() if line.strip()]
    return f"; and {len(changed)} files changed or added since, measured as they stand" if changed else ""


def _quartiles(values: Sequence[float]) -> tuple[float, float]:
    measured = Measured(milliseconds=list(values))
    return measured.percentile(25), measured.percentile(75)


def _spread(measured: Measured) -> str:
    low, high = _quartiles(measured.milliseconds)
    return f"{measured.percentile(50):.2f} ({low:.2f}–{high:.2f})"


def _git(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare and write the report; 2 where it cannot be made."""
    parser = argparse.ArgumentParser(prog="python -m bench.against", description=__doc__)
    parser.add_argument("commit", help="the earlier commit")
    parser.add_argument("--now", help="a commit to measure in place of this tree")
    parser.add_argument("--smoke", action="store_true", help="two short rounds, printed and not written")
    asked = parser.parse_args(arguments)
    plans = [replace(plan, rounds=2, seconds=0.5) for plan in PLANS] if asked.smoke else PLANS
    try:
        text = compare(asked.commit, asked.now, plans)
    except RuntimeError as refused:
        print(f"bench: {refused}", file=sys.stderr)
        return 2
    print(text)
    if not asked.smoke:
        REPORT.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
