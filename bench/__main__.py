"""``python -m bench``: start every peer, call them in turn, print the ratios, write ``bench/RESULTS.md``.

Bounded: under ten minutes, all of it on loopback. The first run also installs HealthChain, from the locked
versions of ``requirements-bench.lock``, in an environment of its own under ``.cache``.
"""

import json
import tempfile
import time
import urllib.request
from pathlib import Path

from bench.measuring import check_answers, measure, measure_memory
from bench.payloads import SIZES, hook_request
from bench.report import acceptance_lines, results_document
from bench.servers import OURS, PEERS, SERVICE, install_healthchain, started

RESULTS = Path(__file__).parent / "RESULTS.md"


def prefetch_templates(port: int) -> dict[str, str]:
    """The prefetch templates of our own discovery document."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/cds-services") as answer:
        services = json.load(answer)["services"]
    found: dict[str, str] = next(service["prefetch"] for service in services if service["id"] == SERVICE)
    return found


def main() -> None:
    """Run everything."""
    begun = time.monotonic()
    install_healthchain()
    with tempfile.TemporaryDirectory() as folder:
        bodies = {size.name: Path(folder) / f"{size.name}.json" for size in SIZES}
        with started(*PEERS) as workers:
            templates = prefetch_templates(workers[OURS.key].port)
            for size in SIZES:
                bodies[size.name].write_bytes(hook_request(size, templates))
            cards = check_answers(workers, bodies)
            results = measure(workers, bodies)
            worker_memory = {key: worker.memory_mib() for key, worker in workers.items()}
        memory = measure_memory(bodies["S"])
        body_bytes = {name: body.stat().st_size for name, body in bodies.items()}
    document = results_document(
        results,
        memory,
        worker_memory,
        cards=cards,
        body_bytes=body_bytes,
        seconds=time.monotonic() - begun,
    )
    RESULTS.write_text(document)
    print(document)
    for line in acceptance_lines(results, memory):
        print(line)


if __name__ == "__main__":
    main()
