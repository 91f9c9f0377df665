"""Attacks that only a real browser can show: script in the record, frames of another origin, the way back.

The policy of the pages would stop a script that came through. To see that none comes through, the record's
texts are looked at with that policy switched off.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Frame, Page, expect

import cart_cds.demo
from cart_cds.demo import RunningDemo, run_demo
from ehr_sandbox.patients import SamplePatient, load_patients
from ehr_sandbox.smart_server import LaunchContext

GINSTER = "demo-ginster"
# A script, ways out of an attribute, an address of a script, a picture of another host, a template, a word
# that turns round what follows it, and control characters.
ATTACK = (
    '<script>window.ran=1</script>"><img src=https://evil.example/a onerror=window.ran=2>'
    "'><svg/onload=window.ran=3></textarea></title></style><b>bold</b>{{7*7}}"
    "[link](javascript:window.ran=4)![picture](https://evil.example/b)<javascript:window.ran=5>"
    "https://evil.example/c \u202egnorw\u2066\u0007\u0085|`*_"
)
SEEN = "<script>window.ran=1</script>"
TURNING = re.compile("[\u202a-\u202e\u2066-\u2069\u0007\u0085]")
OWN = "https://cart-toxicity-cds.github.io/fhir/CodeSystem/immune-effector-cell-assessment"
_TEXTS = frozenset(
    ["text", "display", "unit", "conclusion", "family", "valueString", "gender", "name", "description"]
)
_WITHIN = frozenset(["given", "prefix", "suffix", "line"])


def hostile(value: Any, name: str = "") -> Any:
    """A resource with the attack in every text that a person would read."""
    if isinstance(value, dict):
        return {key: hostile(each, key) for key, each in value.items()}
    if isinstance(value, list):
        return [f"{each}{ATTACK}" if name in _WITHIN else hostile(each, name) for each in value]
    return f"{value}{ATTACK}" if isinstance(value, str) and name in _TEXTS else value


def hostile_patient(kind: SamplePatient) -> SamplePatient:
    """A patient whose every text is an attack, with statements, scores and drugs of every kind."""
    bundle = json.loads(json.dumps(kind.bundle))
    at = bundle["timestamp"]
    subject = {"reference": f"Patient/{kind.id}"}

    def own(code: str, name: str, **members: Any) -> dict[str, Any]:
        return {
            "resourceType": "Observation",
            "id": name,
            "status": "final",
            "code": {"coding": [{"system": OWN, "code": code, "display": "x"}], "text": code},
            "subject": subject,
            "effectiveDateTime": at,
            "issued": at,
            "performer": [{"reference": "Practitioner/demo-clinician", "display": "Dora"}],
            **members,
        }

    def coded(answer: str) -> dict[str, Any]:
        return {"coding": [{"system": OWN, "code": answer, "display": "x"}], "text": answer}

    def drug(name: str, code: str, **members: Any) -> dict[str, Any]:
        rxnorm = "http://www.nlm.nih.gov/research/umls/rxnorm"
        return {
            "resourceType": "MedicationAdministration",
            "id": name,
            "status": "completed",
            "medicationCodeableConcept": {"coding": [{"system": rxnorm, "code": code}], "text": "drug"},
            "subject": subject,
            "effectiveDateTime": at,
            "dosage": {
                "dose": {"value": 10, "unit": "mg", "system": "http://unitsofmeasure.org", "code": "mg"}
            },
            **members,
        }

    def vital(name: str, code: str, quantity: dict[str, Any]) -> dict[str, Any]:
        return {
            "resourceType": "Observation",
            "id": name,
            "status": "final",
            "code": {"coding": [{"system": "http://loinc.org", "code": code}], "text": "vital"},
            "subject": subject,
            "effectiveDateTime": at,
            "valueQuantity": quantity,
            "note": [{"text": "noted"}],
        }

    bundle["entry"][0]["resource"]["identifier"] = [
        {"type": {"coding": [{"code": "MR"}]}, "value": f"MRN{ATTACK}"}
    ]
    more = [
        own("attributed-elsewhere", "cause", valueCodeableConcept=coded("fever"), note=[{"text": "cause"}]),
        own("team-concern", "concern", valueCodeableConcept=coded("present")),
        own(
            "ice-total",
            "scored",
            identifier=[
                {
                    "system": "https://cart-toxicity-cds.github.io/fhir/identifier/bedside-assessment",
                    "value": "urn:uuid:0b1e42cf-8d3b-4f0f-a58c-2d6a7a3a9d55",
                }
            ],
            component=[
                {"code": coded("ice-year"), "valueInteger": 1},
                {"code": coded("ice-naming"), "dataAbsentReason": {"text": f"Other reason: {ATTACK}"}},
            ],
            note=[
                {"text": f"{wording}: {ATTACK}"}
                for wording in ("Sentence", "Sentence written", "Note", "Interpreter", "Year, modified")
            ],
        ),
        drug("toci", "612865"),
        drug("dexa", "3264"),
        drug("unknown-drug", f"none{ATTACK}"),
        vital("odd-unit", "8310-5", {"value": 39.5, "unit": "degrees", "code": f"odd{ATTACK}"}),
        vital("odd-device", "3151-8", {"value": 4, "unit": "L/min"}),
        vital(f"id{ATTACK}", "8310-5", {"value": 39.1, "unit": "Cel", "code": "Cel"}),
        {
            "resourceType": "Observation",
            "id": "odd-method",
            "status": "final",
            "code": {"coding": [{"system": "http://loinc.org", "code": "107117-4"}]},
            "subject": subject,
            "effectiveDateTime": at,
            "valueCodeableConcept": {"text": "mask"},
        },
        {
            "resourceType": "Condition",
            "id": "odd-condition",
            "clinicalStatus": {
                "coding": [
                    {"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active"}
                ]
            },
            "code": {"coding": [{"system": "http://snomed.info/sct", "code": "91302008"}], "text": "sepsis"},
            "subject": subject,
        },
    ]
    first = [entry["resource"] for entry in bundle["entry"]]
    bundle["entry"] = [{"resource": hostile(resource)} for resource in [*first, *more]]
    return SamplePatient(kind.id, f"{kind.name}{ATTACK}", f"{kind.story}{ATTACK}", bundle, kind.expected)


@pytest.fixture(scope="module")
def demo() -> Iterator[RunningDemo]:
    """The demonstration, with one hostile patient on its list."""

    def with_one_hostile(now: datetime) -> tuple[SamplePatient, ...]:
        return tuple(hostile_patient(one) if one.id == GINSTER else one for one in load_patients(now))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cart_cds.demo, "load_patients", with_one_hostile)
        with run_demo(sandbox_host="localhost", open_reads=False) as running:
            yield running


class Watched:
    """What a browser asked for and said while it looked at pages."""

    def __init__(self, context: BrowserContext) -> None:
        self.asked: list[str] = []
        self.said: list[str] = []
        context.on("request", lambda request: self.asked.append(request.url))
        context.on("dialog", lambda dialog: self.said.append(dialog.message))

    def hosts(self) -> set[str]:
        return {urlsplit(url).netloc for url in self.asked if urlsplit(url).scheme in ("http", "https")}


def inert(frame: Frame) -> None:
    """Nothing of the record's texts has become part of the page."""
    assert frame.evaluate("window.ran") is None, frame.url
    found = frame.evaluate(
        """() => [...document.querySelectorAll('*')].filter((element) =>
          element.tagName === 'IMG' || (element.tagName === 'B' && element.innerHTML === 'bold')
          || (element.tagName === 'SCRIPT' && !new URL(element.src || 'x:').pathname.includes('/static/'))
          || [...element.attributes].some((each) => /^on/i.test(each.name)
            || (['href', 'src', 'action', 'formaction', 'xlink:href'].includes(each.name)
                && /^\\s*(javascript|data|vbscript):|evil\\.example/i.test(each.value))))
          .map((element) => element.outerHTML.slice(0, 300))"""
    )
    assert found == [], frame.url


def launch(page: Page, demo: RunningDemo, patient_id: str = GINSTER, **context: Any) -> str:
    """Open the app in a window of its own; the address of its session."""
    value = demo.smart.begin_launch(LaunchContext(patient_id, f"{patient_id}-encounter", **context))
    query = urlencode({"iss": demo.fhir_url, "launch": value})
    page.goto(f"{demo.service_url}/smart/launch?{query}")
    found = re.match(r"(.*/smart/s/[^/]+)/", page.url)
    assert found, page.content()
    return found[1]


@pytest.fixture
def unguarded(browser: Browser) -> Iterator[BrowserContext]:
    """A browser that does not hold pages to their policy: what came through would run."""
    context = browser.new_context(bypass_csp=True)
    yield context
    context.close()


def test_script_in_every_text_of_the_record_is_text_on_every_page_of_the_app(
    unguarded: BrowserContext, demo: RunningDemo
) -> None:
    watched, page = Watched(unguarded), unguarded.new_page()
    session = launch(
        page,
        demo,
        app_context=f'{{"v":1,"view":"{SEEN}"}}',
        intent=ATTACK,
        tenant=ATTACK,
        fhir_context=({"reference": f"Observation/{ATTACK}"}, {"reference": "Observation/scored"}),
        smart_style_url=f"{demo.sandbox_url}/{SEEN}",
    )
    form = "0b1e42cf-8d3b-4f0f-a58c-2d6a7a3a9d55"
    addresses = [
        *(f"course?window={window}" for window in ("24h", "72h", "7d", "all")),
        "ice",
        "ice?instrument=capd-assessment",
        f"ice/saved/{form}",
        f"ice/correct/{form}",
        "attribution",
        f"attribution?saved={form}",
        "handover",
    ]
    shown = 0
    for address in addresses:
        answer = page.goto(f"{session}/{address}")
        assert answer is not None
        assert answer.status == 200, address
        inert(page.main_frame)
        text = page.evaluate("document.documentElement.textContent")
        shown += SEEN in text
        assert SEEN in page.title(), address
        assert not TURNING.search(page.content()), address
        assert "bold</b>49" not in text, address
    assert shown == len(addresses)
    # What the record says of a drug, a cause and a score is there to be read.
    page.goto(f"{session}/course?window=all")
    assert page.locator("main").inner_text().count(SEEN) > 3
    page.goto(f"{session}/ice/saved/{form}")
    assert SEEN in page.locator("main").inner_text()

    # Entries of one's own, up to the step before saving and beyond it.
    page.goto(f"{session}/ice")
    for name in ("year", "month", "city", "hospital", "naming", "command", "writing", "attention"):
        page.locator(f"input[name='ice-{name}'][value='1']").check(force=True)
    for name, value in (("consciousness", "alert"), ("seizure", "none"), ("motor", "none")):
        page.locator(f"input[name='{name}'][value='{value}']").check(force=True)
    page.locator("#note").fill(ATTACK[:300])
    page.get_by_role("button", name="Check and save").click()
    inert(page.main_frame)
    assert SEEN in page.locator("main").inner_text()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("heading", name="In the record", exact=True)).to_be_visible()
    inert(page.main_frame)
    page.goto(f"{session}/attribution")
    page.get_by_label("Low oxygen").check()
    page.locator("#cause").fill(f'{SEEN}"><img src=x onerror=window.ran=6>')
    page.get_by_role("button", name="Show what follows").click()
    inert(page.main_frame)
    expect(page.get_by_role("heading", name="Attribute a finding to another cause?")).to_be_visible()
    assert SEEN in page.locator("main").inner_text()
    page.get_by_role("button", name="Save").click()
    inert(page.main_frame)
    page.get_by_role("button", name="Sign out").click()
    inert(page.main_frame)
    assert watched.hosts() == {urlsplit(demo.service_url).netloc, urlsplit(demo.sandbox_url).netloc}
    assert watched.said == []


def test_script_in_every_text_of_the_record_is_text_on_every_page_of_the_sandbox(
    unguarded: BrowserContext, demo: RunningDemo
) -> None:
    watched, page = Watched(unguarded), unguarded.new_page()
    chart = f"{demo.sandbox_url}/patients/{GINSTER}"
    for address in (f"{demo.sandbox_url}/", chart):
        page.goto(address)
        inert(page.main_frame)
        assert SEEN in page.locator("main").inner_text()
    for detail in page.locator("details").all():
        detail.evaluate("(element) => { element.open = true; }")
    cards = page.locator("section.cards")
    assert SEEN in cards.inner_text()
    assert cards.locator("a[href*='evil'], img").count() == 0
    page.get_by_role("button", name="Open the course").first.click()
    expect(page.frame_locator("iframe").get_by_role("heading", level=1)).to_be_visible()
    for frame in page.frames:
        inert(frame)
    page.locator("summary", has_text="Not followed?").first.click()
    page.get_by_label("In words").first.fill(ATTACK[:400].replace("\u202e", ""))
    page.get_by_role("button", name="Override this card").first.click()
    expect(page.locator("#chart")).to_contain_text("Overridden at")
    for frame in page.frames:
        inert(frame)
    for name in ("answer.json", "record.json"):
        page.goto(f"{chart}/{name}")
        inert(page.main_frame)
    # The list of patients for an app that stands alone.
    page.goto(f"{demo.service_url}/smart/standalone")
    expect(page.get_by_role("heading", name="Pick a patient")).to_be_visible()
    inert(page.main_frame)
    assert SEEN in page.locator("form").inner_text()
    page.goto(f"{demo.sandbox_url}/auth/authorize?client_id={SEEN}")
    inert(page.main_frame)
    assert watched.hosts() == {urlsplit(demo.service_url).netloc, urlsplit(demo.sandbox_url).netloc}
    assert watched.said == []


@contextmanager
def foreign_page(address: str) -> Iterator[str]:
    """A page of another origin, on the same site as the app, that holds an address in a frame."""
    body = f'<!doctype html><title>A prize</title><iframe src="{address}"></iframe>'.encode()

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        server.server_close()


def framed(page: Page, address: str) -> tuple[str, list[str]]:
    """What a foreign page's frame shows of an address, and what the browser said."""
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    with foreign_page(address) as foreign:
        page.goto(foreign)
        page.wait_for_load_state("networkidle")
        return page.frames[1].content(), said


@pytest.mark.parametrize("name", ["course", "ice", "attribution", "handover", "style.css"])
def test_a_page_of_a_session_is_not_shown_in_a_frame_of_another_origin(
    page: Page, demo: RunningDemo, name: str
) -> None:
    session = launch(page, demo, "demo-dorn")
    # The attacker's page is of the same site: the session's cookie comes along, and the policy alone decides.
    shown, said = framed(page, f"{session}/{name}")
    assert "Dorn" not in shown
    assert any("frame-ancestors" in text for text in said), said


def test_the_choice_of_a_patient_is_not_shown_in_a_frame_of_another_origin(
    page: Page, demo: RunningDemo
) -> None:
    shown, said = framed(page, f"{demo.service_url}/smart/standalone")
    assert "Pick a patient" not in shown
    assert any("frame-ancestors" in text for text in said), said


@pytest.mark.parametrize("path", ["/", "/patients/demo-dorn"])
def test_the_chart_is_not_shown_in_a_frame_of_another_origin(
    page: Page, demo: RunningDemo, path: str
) -> None:
    shown, said = framed(page, demo.sandbox_url + path)
    assert "Dorn" not in shown
    assert any("frame-ancestors" in text for text in said), said


def test_a_form_of_another_origin_changes_nothing(page: Page, demo: RunningDemo) -> None:
    session = launch(page, demo, "demo-dorn")
    with foreign_page("about:blank") as foreign:
        page.goto(foreign)
        page.evaluate(
            """(address) => { const form = document.createElement('form'); form.method = 'post';
              form.action = address; document.body.append(form); form.submit(); }""",
            f"{session}/logout",
        )
        page.wait_for_url("**/logout")
        expect(page.get_by_role("heading", level=1)).to_have_text("This form was not accepted")
    page.goto(f"{session}/course")
    expect(page.locator("body")).to_contain_text("Dorn")


def test_a_foreign_page_reads_nothing_of_a_session(page: Page, demo: RunningDemo) -> None:
    session = launch(page, demo, "demo-dorn")
    with foreign_page("about:blank") as foreign:
        page.goto(foreign)
        for mode in ("cors", "no-cors"):
            read = page.evaluate(
                """([address, mode]) => fetch(address, {credentials: 'include', mode})
                  .then((answer) => answer.text(), () => 'refused')""",
                [f"{session}/course", mode],
            )
            assert "Dorn" not in read
        # Nor as a script, a style or a picture of its own.
        outcome = page.evaluate(
            """(address) => new Promise((done) => { const script = document.createElement('script');
              script.onload = () => done('loaded'); script.onerror = () => done('refused');
              script.src = address; document.body.append(script); })""",
            f"{session}/course",
        )
        assert outcome == "refused"


def test_after_signing_out_the_way_back_shows_nobody(page: Page, demo: RunningDemo) -> None:
    session = launch(page, demo, "demo-dorn")
    page.goto(f"{session}/handover")
    expect(page.locator("body")).to_contain_text("Dorn")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Signed out")
    for _ in range(2):
        page.go_back()
        expect(page.get_by_role("heading", level=1)).to_have_text("This page has closed")
        assert "Dorn" not in page.content()


def test_the_links_of_the_app_open_no_window_of_another_host(page: Page, demo: RunningDemo) -> None:
    session = launch(page, demo)
    for name in ("course", "ice", "attribution", "handover"):
        page.goto(f"{session}/{name}")
        links = page.eval_on_selector_all(
            "[href], [action], [src]",
            "(all) => all.map((e) => e.href?.baseVal ?? e.href ?? e.action ?? e.src)",
        )
        hosts = {urlsplit(link).netloc for link in links if not link.startswith("#")}
        assert hosts == {urlsplit(demo.service_url).netloc}
