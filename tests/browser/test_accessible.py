"""Every page of the product as those need it who see little, press keys, or read on a phone.

At each page: no violation that axe finds (WCAG 2.2 AA and best practice), nothing to scroll sideways at 320 px
and at 200 % zoom, no animation where less motion is asked for, no complaint in the browser's console.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Frame, Page, expect

from cart_cds.demo import RunningDemo
from tests.browser.steps import Complaints, expect_saved, launch, overflow, take_ice

DESKTOP = {"width": 1024, "height": 768, "deviceScaleFactor": 1, "mobile": False}
PHONE = {"width": 320, "height": 640, "deviceScaleFactor": 1, "mobile": False}
# A browser's zoom of 200 % is half the width in CSS pixels, each drawn as two by two.
ZOOMED = {"width": 512, "height": 384, "deviceScaleFactor": 2, "mobile": False}

_AXE = Axe()
_RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
_MOVING = """() => [...document.querySelectorAll("*")].filter((each) => {
  const style = getComputedStyle(each);
  return style.animationName !== "none" || style.transitionDuration.split(", ").some((time) => time !== "0s");
}).map((each) => each.outerHTML.slice(0, 120))"""


class Inspection:
    """Looks at the page that is open, and keeps what is amiss."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.amiss: list[str] = []
        self.seen: list[str] = []
        self._complaints = Complaints(page.context, but_for=r"status of 4\d\d")
        self._devtools = page.context.new_cdp_session(page)
        page.emulate_media(reduced_motion="reduce")

    def size(self, metrics: dict[str, Any]) -> None:
        self._devtools.send("Emulation.setDeviceMetricsOverride", metrics)

    def look(self, name: str, heading: str, frame: Frame | None = None) -> None:
        """The page whose first heading is this one; ``frame`` is the app's, where one is open in it."""
        place = frame or self.page
        expect(place.get_by_role("heading", level=1)).to_have_text(heading)
        self.seen.append(name)
        places = [frame, self.page.main_frame] if frame else [self.page.main_frame]
        for each in places:
            self._examine(name, each)
        for words, metrics in (("320 px", PHONE), ("200 %", ZOOMED)):
            self.size(metrics)
            for each in places:
                if too_wide := overflow(each):
                    self.amiss.append(f"{name}: {words}: {too_wide} px too wide")
        self.size(DESKTOP)

    def _examine(self, name: str, frame: Frame) -> None:
        found = _AXE.run(frame, options=_RULES)  # type: ignore[arg-type]
        self.amiss += [
            f"{name}: {fault['id']}: {node['target']} {node['html'][:160]} {node['failureSummary'][:200]}"
            for fault in found.response["violations"]
            for node in fault["nodes"]
        ]
        self.amiss += [f"{name}: moves: {what}" for what in frame.evaluate(_MOVING)]

    def end(self) -> None:
        assert self.amiss + self._complaints.heard == []
        assert self.seen


@pytest.fixture
def inspection(page: Page) -> Iterator[Inspection]:
    page.set_default_timeout(10_000)
    begun = Inspection(page)
    yield begun
    begun.end()


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).first.click()


def test_the_pages_of_the_ehr(page: Page, demo: RunningDemo, inspection: Inspection) -> None:
    page.goto(f"{demo.sandbox_url}/")
    inspection.look("list", "Patients")
    demo.clock.advance(timedelta(hours=36))
    page.goto(f"{demo.sandbox_url}/patients/{demo.played.id}")
    expect(page.locator("article.card").first).to_be_visible()
    inspection.look("chart with cards", "Demo-Amsel")
    press(page, "Open the course")
    app = page.frame_locator("iframe")
    expect(app.get_by_role("heading", level=1)).to_have_text("Course after CAR-T")
    inspection.look("the app in its frame", "Course after CAR-T", page.frames[1])


def test_the_way_in_without_a_chart(page: Page, demo: RunningDemo, inspection: Inspection) -> None:
    page.goto(f"{demo.service_url}/smart/")
    inspection.look("list of EHRs", "CAR-T toxicity: the course, ICE and hand-over")
    page.locator(".choices a").first.click()
    inspection.look("choice of a patient", "Pick a patient")
    page.get_by_label("Demo-Esche").check()
    press(page, "Open the app")
    inspection.look("course, opened by itself", "Course after CAR-T")
    press(page, "Sign out")
    inspection.look("signed out", "Signed out")
