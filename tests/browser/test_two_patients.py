"""Two patients in one browser: each page shows its own, whatever is done in which order.

Two frames of one page of the EHR, which is another site than the app, and two tabs of one browser. Both have
one store of cookies; a session that belonged to it would show the second patient in the first one's frame.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import pytest
from playwright.sync_api import Browser, BrowserContext, Frame, Page, expect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

import ehr_sandbox.smart_routes
from cart_cds.demo import RunningDemo
from tests.browser.conftest import QUIET, find_browser
from tests.browser.steps import (
    Complaints,
    all_entered,
    answers,
    chosen,
    expect_saved,
    launch,
    launch_address,
    take_ice,
)

CEDAR, DORN = "demo-cedar", "demo-dorn"
NAMES = {CEDAR: "Clara Demo-Cedar", DORN: "David Demo-Dorn"}
WAIT = 30.0


class Gate:
    """Holds the answers to authorization requests until each is let through: no callback comes before."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._held: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    def wait_for(self, count: int) -> None:
        """Until so many launches wait here."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self._held) >= count, WAIT), len(self._held)

    def let_through(self, number: int) -> None:
        """Answer the launch that came as this number, from 0 on."""
        loop, event = self._held[number]
        loop.call_soon_threadsafe(event.set)

    async def hold(self) -> None:
        event = asyncio.Event()
        with self._changed:
            self._held.append((asyncio.get_running_loop(), event))
            self._changed.notify_all()
        await event.wait()


class Held(Response):
    """A redirect to the app's callback that waits at the gate."""

    def __init__(self, answer: Response, gate: Gate) -> None:
        super().__init__(status_code=answer.status_code)
        self._answer, self._gate = answer, gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._gate.hold()
        await self._answer(scope, receive, send)


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Gate:
    gate, redirect = Gate(), ehr_sandbox.smart_routes._redirect
    monkeypatch.setattr(ehr_sandbox.smart_routes, "_redirect", lambda *told: Held(redirect(*told), gate))
    return gate


@dataclass
class Views:
    """Two places for a page each, as frames of one page or as tabs, both still empty."""

    frames: Sequence[Frame]
    is_framed: bool

    def go(self, number: int, address: str) -> None:
        """Send a place to an address, without waiting for what comes."""
        frame = self.frames[number]
        if self.is_framed:
            frame.page.evaluate(
                "([number, address]) => { document.querySelectorAll('iframe')[number].src = address; }",
                [number, address],
            )
        else:
            frame.evaluate("(address) => { location.href = address; }", address)


@pytest.fixture(params=["two frames", "two tabs"])
def views(request: pytest.FixtureRequest, context: BrowserContext, demo: RunningDemo) -> Views:
    if request.param == "two tabs":
        tabs = [context.new_page() for _ in range(2)]
        for tab in tabs:
            tab.goto(f"{demo.sandbox_url}/")
        return Views([tab.main_frame for tab in tabs], is_framed=False)
    # A page of the EHR, under its own policy, with two frames in place of what it shows.
    page = context.new_page()
    page.goto(f"{demo.sandbox_url}/patients/demo-marder")
    page.evaluate(
        """() => { document.body.innerHTML = [0, 1].map((n) =>
          `<iframe name="frame-${n}" width="1200" height="900"></iframe>`).join(""); }"""
    )
    found = [page.frame(name=f"frame-{number}") for number in range(2)]
    return Views([frame for frame in found if frame is not None], is_framed=True)


def expect_patient(frame: Frame, demo: RunningDemo, patient_id: str) -> None:
    """The page is of this patient: name, record number and birth date, in its head and in its title."""
    patient = demo.shelf.read("Patient", patient_id)
    assert patient is not None
    number = patient["identifier"][0]["value"]
    born = date.fromisoformat(patient["birthDate"])
    day = f"{born.day} {born:%b} {born.year}"
    banner = frame.locator("section[aria-label='Patient']")
    expect(banner.locator(".patient__name")).to_have_text(NAMES[patient_id])
    expect(banner).to_contain_text(number)
    expect(banner).to_contain_text(day)
    for part in (NAMES[patient_id], number, day):
        assert part in frame.title()
    [other] = NAMES.keys() - {patient_id}
    assert NAMES[other].split()[1] not in frame.content()
    assert other not in frame.content()


def reload(frame: Frame) -> None:
    """Load a frame anew, as its own menu does, and wait until it is there."""
    with frame.page.expect_event(
        "response", lambda answer: answer.request.is_navigation_request() and answer.frame == frame
    ):
        frame.evaluate("location.reload()")
    frame.wait_for_load_state()


def step(frame: Frame, to: str, address: str) -> None:
    """Back or forward in the history that a page has with its frames."""
    frame.page.evaluate(f"history.{to}()")
    # A page that was kept is shown without being loaded.
    frame.wait_for_url(address, wait_until="commit")


def follow(frame: Frame, link: str) -> None:
    frame.get_by_role("navigation", name="Pages").get_by_role("link", name=link, exact=True).click()
    expect(frame.locator("nav a[aria-current=page]")).to_have_text(link)


@pytest.fixture(autouse=True)
def _no_complaint(context: BrowserContext) -> Iterator[Complaints]:
    heard = Complaints(context)
    yield heard
    assert heard.heard == []


@pytest.mark.parametrize("first_back", [0, 1])
def test_two_launches_at_once_stay_apart(
    views: Views, demo: RunningDemo, gate: Gate, first_back: int
) -> None:
    patients = (CEDAR, DORN)
    for number, patient_id in enumerate(patients):
        views.go(number, launch_address(demo, patient_id))
        gate.wait_for(number + 1)
    # Both launches are under way, and neither has come back.
    for number in (first_back, 1 - first_back):
        gate.let_through(number)
        views.frames[number].wait_for_url(f"{demo.service_url}/smart/s/*/course")
        expect_patient(views.frames[number], demo, patients[number])
    cedar, dorn = views.frames
    assert cedar.url != dorn.url

    for _ in range(2):
        for frame, patient_id in zip(views.frames, patients, strict=True):
            reload(frame)
            expect_patient(frame, demo, patient_id)

    # Pages in turn, and the way back and forward again through what both have opened.
    courses = cedar.url, dorn.url
    follow(cedar, "ICE")
    follow(dorn, "Hand-over")
    pages = cedar.url, dorn.url
    expect(dorn.locator("#handover-text")).to_contain_text("Dorn")
    for frame, to, address in (
        (dorn, "back", courses[1]),
        (cedar, "back", courses[0]),
        (cedar, "forward", pages[0]),
        (dorn, "forward", pages[1]),
    ):
        step(frame, to, address)
        for each, patient_id in zip(views.frames, patients, strict=True):
            expect_patient(each, demo, patient_id)


def test_an_ice_of_the_first_patient_is_saved_for_the_first_after_the_second_was_opened(
    views: Views, demo: RunningDemo
) -> None:
    cedar, dorn = views.frames
    views.go(0, launch_address(demo, CEDAR, intent="ice-assessment"))
    cedar.wait_for_url(f"{demo.service_url}/smart/s/*/ice*")
    cedar.page.bring_to_front()  # a tab behind another is drawn slowly
    take_ice(cedar)

    views.go(1, launch_address(demo, DORN))
    dorn.wait_for_url(f"{demo.service_url}/smart/s/*/course")
    expect_patient(dorn, demo, DORN)
    expect_patient(cedar, demo, CEDAR)
    assert chosen(cedar) == answers()

    cedar.page.bring_to_front()
    cedar.get_by_role("button", name="Check and save").click()
    expect(cedar.get_by_role("heading", name="Save this assessment?")).to_be_visible()
    expect(cedar.locator("section.who")).to_contain_text("Clara Demo-Cedar")
    reload(dorn)
    cedar.get_by_role("button", name="Save", exact=True).click()
    expect_saved(cedar)
    expect_patient(cedar, demo, CEDAR)
    expect_patient(dorn, demo, DORN)

    [held] = all_entered(demo)
    assert held["subject"]["reference"] == "Patient/demo-cedar"
    assert held["encounter"]["reference"] == "Encounter/demo-cedar-encounter"
    assert held["valueInteger"] == 4
    # And the second one's, afterwards, is the second one's.
    dorn.page.bring_to_front()
    follow(dorn, "ICE")
    take_ice(dorn)
    dorn.get_by_role("button", name="Check and save").click()
    dorn.get_by_role("button", name="Save", exact=True).click()
    expect_saved(dorn)
    assert sorted(each["subject"]["reference"] for each in all_entered(demo)) == [
        "Patient/demo-cedar",
        "Patient/demo-dorn",
    ]


def test_signing_out_of_one_patient_leaves_the_other_open(views: Views, demo: RunningDemo) -> None:
    for number, patient_id in enumerate((CEDAR, DORN)):
        views.go(number, launch_address(demo, patient_id))
        views.frames[number].wait_for_url(f"{demo.service_url}/smart/s/*/course")
    cedar, dorn = views.frames
    cedar.get_by_role("button", name="Sign out").click()
    expect(cedar.get_by_role("heading", level=1)).to_have_text("Signed out")
    assert "Cedar" not in cedar.content()
    reload(dorn)
    expect_patient(dorn, demo, DORN)


def test_a_page_that_the_browser_kept_is_still_of_its_own_patient(
    browser: Browser, demo: RunningDemo
) -> None:
    # Playwright turns the cache of pages off, real browsers do not.
    program = browser.browser_type.launch(
        executable_path=find_browser(),
        args=list(QUIET),
        ignore_default_args=["--disable-back-forward-cache"],
    )
    try:
        context = program.new_context()
        context.add_init_script("addEventListener('pageshow', (e) => e.persisted && console.log('kept'))")
        tab = context.new_page()
        kept: list[str] = []
        tab.on("console", lambda message: kept.append(message.text))
        _back_and_forward(tab, demo)
        assert "kept" in kept
    finally:
        program.close()


def _back_and_forward(tab: Page, demo: RunningDemo) -> None:
    cedar = launch(tab, demo, CEDAR)
    tab.goto(f"{cedar}/ice")
    dorn = launch(tab, demo, DORN)
    tab.goto(f"{dorn}/ice")
    for address, patient_id in (
        (f"{dorn}/course", DORN),
        (f"{cedar}/ice", CEDAR),
        (f"{cedar}/course", CEDAR),
    ):
        step(tab.main_frame, "back", address)
        expect_patient(tab.main_frame, demo, patient_id)
    for address, patient_id in (
        (f"{cedar}/ice", CEDAR),
        (f"{dorn}/course", DORN),
        (f"{dorn}/ice", DORN),
    ):
        step(tab.main_frame, "forward", address)
        expect_patient(tab.main_frame, demo, patient_id)
    # What was entered before the way back is not sent for the other one.
    tab.goto(f"{cedar}/ice")
    take_ice(tab)
    tab.goto(f"{dorn}/course")
    step(tab.main_frame, "back", f"{cedar}/ice")
    expect_patient(tab.main_frame, demo, CEDAR)
    take_ice(tab)
    tab.get_by_role("button", name="Check and save").click()
    tab.get_by_role("button", name="Save", exact=True).click()
    expect_saved(tab)
    [held] = all_entered(demo)
    assert held["subject"]["reference"] == "Patient/demo-cedar"
