"""``python -m bench.course_page``: the course page over 14 days of hourly vital signs; writes ``COURSE.md``.

Everything is in one process: the whole SMART app, asked over ASGI, in front of a FHIR server that has every
answer ready. So no network is measured, and the server's own time is taken off. Peers read the same bytes:
one decodes them with our structs and does nothing else, one is a page as one would write it in an afternoon.
Under two minutes. ``--smoke`` prints two rounds and writes nothing.
"""

import argparse
import asyncio
import gc
import gzip
import json
import os
import platform
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median, quantiles
from typing import Any, Final

import httpx
import jinja2
import msgspec

from bench.course_chart import AT, DAYS, ISS, ServedChart, served_chart
from fhir_maps import r4
from fhir_maps.bundle_entries import Resource
from fhir_maps.data_requirements import data_requirements
from fhir_maps.retrieve import FhirAccess, FhirReader
from fhir_maps.terminology import load_terminology
from management.protocol import load_protocol
from smart_app.app import create_smart_app
from smart_app.bedside_reader import BedsideReader
from smart_app.bedside_record import gather
from smart_app.course_page import page_values
from smart_app.ehr_client import ClientAuth, EhrClient
from smart_app.page_room import Bedside
from smart_app.session import GrantedScopes, SmartSession, View
from smart_app.session_store import Tokens
from smart_app.settings import SmartSettings
from smart_app.smart_room import SmartRoom
from smart_app.timeline import Window
from tests.builders.fhir import PATIENT

REPORT: Final = Path(__file__).parent / "COURSE.md"
ROUNDS: Final = 25
MOST_PAGE_MILLISECONDS: Final = 15
MOST_KILOBYTES: Final = 30
DECODED, PLAIN_PAGE = "decoded", "plain page"
ASK, READ, PAGE_VALUES, TEMPLATE, COMPRESSION = "ask", "read and grade", "values", "template", "gzip"
_SID: Final = "sid-of-the-bench-0123456789"
_SECRET: Final = "secret-of-the-bench-0123456789"  # noqa: S105 - of a session that lives as long as this process
_SCOPES: Final = "openid fhirUser launch patient/*.rs"
_PATH: Final = f"/s/{_SID}/course"
# As the app's own middleware sends it.
_LEVEL: Final = 6
_PLAIN: Final = jinja2.Environment(autoescape=True).from_string(
    "<!doctype html><title>Observations</title><table>{% for row in rows %}<tr><td>{{ row.at }}</td>"
    "<td>{{ row.code }}</td><td>{{ row.value }}</td><td>{{ row.id }}</td></tr>{% endfor %}</table>"
)


@dataclass(slots=True)
class Spent:
    """Milliseconds of processor time, one entry a round."""

    milliseconds: list[float] = field(default_factory=list)

    def measure(self, work: Callable[[], Any]) -> Any:
        """Do the work once and add what it took."""
        begun = time.process_time()
        found = work()
        self.milliseconds.append((time.process_time() - begun) * 1000)
        return found

    @property
    def median(self) -> float:
        return median(self.milliseconds)

    def __str__(self) -> str:
        low, _, high = quantiles(self.milliseconds, n=4, method="inclusive")
        return f"{self.median:.1f} ({low:.1f}–{high:.1f})"


@dataclass(slots=True)
class Measured:
    """All figures: by peer, by window, by part and window; bytes raw and compressed by window."""

    peers: dict[str, Spent] = field(default_factory=lambda: defaultdict(Spent))
    whole: dict[str, Spent] = field(default_factory=lambda: defaultdict(Spent))
    parts: dict[tuple[str, str], Spent] = field(default_factory=lambda: defaultdict(Spent))
    raw: dict[str, int] = field(default_factory=dict)
    compressed: dict[str, int] = field(default_factory=dict)
    plain: tuple[int, int] = (0, 0)

    def own_page(self, window: str) -> float:
        """From the graded chart to the compressed page, in ms: the page's own work."""
        return sum(self.parts[part, window].median for part in (PAGE_VALUES, TEMPLATE, COMPRESSION))


class Site:
    """The app with one open session, before a server whose answers are ready."""

    def __init__(self) -> None:
        terminology = load_terminology()
        self.requirements = data_requirements(terminology)
        self.chart = served_chart(self.requirements)
        self.server_seconds = 0.0
        self.transport = httpx.MockTransport(self._serve)
        self.protocol = load_protocol("met-2021")
        self.terminology = terminology
        client = EhrClient(ISS, "bench", ClientAuth.CLIENT_SECRET_BASIC, secret="secret")  # noqa: S106
        self.app = create_smart_app(
            SmartSettings(base_url="https://cds.example", ehrs=(client,)),
            clock=lambda: AT,
            protocol=self.protocol,
            terminology=terminology,
            transport=self.transport,
        )
        self.room: SmartRoom = self.app.state.room
        now = datetime.now(UTC)
        self.session = SmartSession(
            sid=_SID,
            iss=ISS,
            patient_id=PATIENT,
            encounter_id=None,
            fhir_user="Practitioner/7",
            scopes=GrantedScopes(_SCOPES),
            shows_banner=True,
            view=View.COURSE,
            form_token="form-token-of-the-bench",  # noqa: S106 - stands for one
            opened_at=now,
        )
        tokens = Tokens("access", None, now + timedelta(hours=1), _SCOPES, "subject")
        self.room.login.store.open_session(self.session, tokens, _SECRET)

    async def _serve(self, request: httpx.Request) -> httpx.Response:
        begun = time.process_time()
        answer = await self.chart(request)
        self.server_seconds += time.process_time() - begun
        return answer

    async def get(self, window: str) -> tuple[float, bytes]:
        """A whole request: milliseconds of our own, and the body as sent."""
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "https",
            "path": _PATH,
            "raw_path": _PATH.encode(),
            "root_path": "",
            "query_string": f"window={window}".encode(),
            "headers": [
                (b"host", b"cds.example"),
                (b"accept-encoding", b"gzip"),
                (b"cookie", f"__Host-s-{_SID}={_SECRET}".encode()),
            ],
            "server": ("cds.example", 443),
            "client": ("127.0.0.1", 1),
            "state": {},
        }
        sent: list[Any] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        self.server_seconds = 0.0
        begun = time.process_time()
        await self.app(scope, receive, send)
        spent = (time.process_time() - begun - self.server_seconds) * 1000
        if sent[0]["status"] != 200 or (b"content-encoding", b"gzip") not in sent[0]["headers"]:
            raise AssertionError(f"the page was not shown: {sent[0]}")
        return spent, b"".join(message.get("body", b"") for message in sent)


async def measure(site: Site, rounds: int) -> Measured:
    """Every round goes through the peers, the windows and the parts in turn, so that noise falls on all."""
    measured = Measured()
    reader = FhirReader([ISS], transport=site.transport)
    bedsides = BedsideReader(
        reader=reader,
        tokens=site.room.login.keeper,
        terminology=site.terminology,
        protocol=site.protocol,
        clock=lambda: AT,
    )
    check(await bedsides.read(site.session), site)
    gc.collect()
    gc.freeze()  # as the service does when it has started
    for current in range(-3, rounds):
        found = Measured() if current < 0 else measured  # the first rounds warm caches and are thrown away
        found.peers[DECODED].measure(lambda: decode(site.chart.bodies))
        plain = found.peers[PLAIN_PAGE].measure(lambda: plain_page(site.chart.bodies))
        found.plain = len(plain), len(gzip.compress(plain, _LEVEL))
        for window in Window:
            await one_window(window, site, reader, bedsides, found)
    await reader.close()
    return measured


async def one_window(
    window: Window, site: Site, reader: FhirReader, bedsides: BedsideReader, found: Measured
) -> None:
    """One request of a window, and its parts one after the other."""
    name = window.value
    spent, body = await site.get(name)
    found.whole[name].milliseconds.append(spent)
    found.raw[name], found.compressed[name] = len(gzip.decompress(body)), len(body)

    access = FhirAccess(ISS, token="access", scope=_SCOPES)  # noqa: S106 - stands for one
    site.server_seconds = 0.0
    begun = time.process_time()
    answers = await reader.retrieve(site.requirements, access, PATIENT, {})
    asked = time.process_time() - begun - site.server_seconds
    found.parts[ASK, name].milliseconds.append(asked * 1000)

    record = gather(answers, site.requirements)
    bedside: Bedside = found.parts[READ, name].measure(lambda: bedsides.grade(site.session, record, AT))
    values = found.parts[PAGE_VALUES, name].measure(lambda: page_values(bedside, window))
    page = found.parts[TEMPLATE, name].measure(
        lambda: site.room.render("course.html", site.session, bedside, **values)
    )
    found.parts[COMPRESSION, name].measure(lambda: gzip.compress(page.body, _LEVEL))


def check(bedside: Bedside, site: Site) -> None:
    """Both syndromes are graded, nothing is unread, and the server holds what this is about."""
    review, course = bedside.review, bedside.course
    if review is None or course is None or bedside.unread:
        raise AssertionError("nobody is graded")
    if course.crs.peak is None or course.icans.peak is None:
        raise AssertionError("the course has no peaks")
    if site.chart.resources < 4 * 24 * DAYS:
        raise AssertionError("the chart is too small")


_decode_bundle = msgspec.json.Decoder(r4.Bundle).decode
_decode_resource = msgspec.json.Decoder(Resource).decode
_decode_head = msgspec.json.Decoder(r4.ResourceHead).decode


def decode(bodies: Sequence[bytes]) -> int:
    """Every resource into the structs that our reader uses; nothing is read of them."""
    done = 0
    for body in bodies:
        if _decode_head(body).resourceType != "Bundle":
            _decode_resource(body)
            done += 1
            continue
        for entry in _decode_bundle(body).entry:
            _decode_resource(entry.resource)
            done += 1
    return done


def plain_page(bodies: Sequence[bytes]) -> bytes:
    """All Observations in one table: parsed by the standard library, no mapping, no grade, no drawing."""
    rows = []
    for body in bodies:
        for entry in json.loads(body).get("entry", ()):
            resource = entry["resource"]
            if resource["resourceType"] != "Observation":
                continue
            coding = resource["code"]["coding"][0]
            quantity = resource.get("valueQuantity", {})
            rows.append(
                {
                    "at": resource["effectiveDateTime"],
                    "code": coding.get("display", coding["code"]),
                    "value": f"{quantity.get('value', '')} {quantity.get('unit', '')}",
                    "id": resource["id"],
                }
            )
    rows.sort(key=lambda row: str(row["at"]), reverse=True)
    return _PLAIN.render(rows=rows).encode()


def report(measured: Measured, chart: ServedChart, *, rounds: int, seconds: float) -> str:
    """The whole of ``COURSE.md``."""
    received = sum(map(len, chart.bodies))
    decoded, plain = measured.peers[DECODED], measured.peers[PLAIN_PAGE]
    lines = [
        "# The course page over 14 days of hourly vital signs",
        "",
        "Written by `make bench-course`. Milliseconds are processor time of our process, median and (in",
        "brackets) quartiles of the rounds; every round visits every window and peer in turn. The machine is",
        "shared: read the ratios to the peers, which read the same bytes in the same minutes.",
        "",
        f"Run of {datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} shared cores ({platform.machine()}),"
        f" CPython {platform.python_version()}; {rounds} rounds in {seconds / 60:.1f} minutes.",
        "",
        f"The server holds {chart.held:,} resources and answers {len(chart.answers)} queries with"
        f" {chart.resources:,} resources, {received / 1000:,.0f} kB.",
        "",
        "- *whole request*: session, queries, reading, grading, drawing, tables, compression; without what",
        "  the FHIR server takes and without a network.",
        "- *page*: from the graded chart to the compressed page.",
        "",
        "| window | whole request, ms | to (a) | to (b) | page, ms | page kB | compressed kB |"
        f" page under {MOST_PAGE_MILLISECONDS} ms | under {MOST_KILOBYTES} kB |",
        "|---|--:|--:|--:|--:|--:|--:|---|---|",
        *(_row(measured, window.value) for window in Window),
        f"| (a) decoding alone | {decoded} | 1.0 | {decoded.median / plain.median:.2f} | | | | | |",
        f"| (b) a plain page | {plain} | {plain.median / decoded.median:.1f} | 1.0 | |"
        f" {measured.plain[0] / 1000:.0f} | {measured.plain[1] / 1000:.1f} | | |",
        "",
        "- (a) decodes the answers into the structs of our reader and looks at nothing.",
        "- (b) parses them with `json.loads` and renders one table of all Observations of all 14 days:",
        "  time, code, value, id. No mapping, no grade, no drawing, not compressed.",
        "",
        "## Parts",
        "",
        "Milliseconds of each part on its own. Asking is the HTTP client without a network; values are the",
        "words, the drawing and the tables.",
        "",
        f"| window | {ASK} | {READ} | {PAGE_VALUES} | {TEMPLATE} | {COMPRESSION} |",
        "|---|--:|--:|--:|--:|--:|",
        *(_parts_row(measured.parts, window.value) for window in Window),
    ]
    return "\n".join(lines) + "\n"


def _row(measured: Measured, window: str) -> str:
    whole, page = measured.whole[window], measured.own_page(window)
    decoded, plain = measured.peers[DECODED].median, measured.peers[PLAIN_PAGE].median
    kilobytes = measured.compressed[window] / 1000
    return (
        f"| {window} | {whole} | {whole.median / decoded:.1f} | {whole.median / plain:.2f} | {page:.1f}"
        f" | {measured.raw[window] / 1000:.0f} | {kilobytes:.1f}"
        f" | {_verdict(page < MOST_PAGE_MILLISECONDS)} | {_verdict(kilobytes < MOST_KILOBYTES)} |"
    )


def _parts_row(parts: Mapping[tuple[str, str], Spent], window: str) -> str:
    cells = " | ".join(str(parts[part, window]) for part in (ASK, READ, PAGE_VALUES, TEMPLATE, COMPRESSION))
    return f"| {window} | {cells} |"


def _verdict(holds: bool) -> str:
    return "**PASS**" if holds else "**FAIL**"


async def run(rounds: int) -> str:
    """Build, check, measure, and tell."""
    begun = time.monotonic()
    site = Site()
    measured = await measure(site, rounds)
    await site.room.close()
    return report(measured, site.chart, rounds=rounds, seconds=time.monotonic() - begun)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and write the report."""
    parser = argparse.ArgumentParser(prog="python -m bench.course_page", description=__doc__)
    parser.add_argument("--smoke", action="store_true", help="two rounds, printed and not written")
    asked = parser.parse_args(arguments)
    text = asyncio.run(run(2 if asked.smoke else ROUNDS))
    print(text)
    if not asked.smoke:
        REPORT.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
