"""Every page of the product as those need it who see little, press keys, or read on a phone.

At each page: no violation that axe finds (WCAG 2.2 AA and best practice), nothing to scroll sideways at
320 px wide and at 200 % zoom, no animation where less motion is asked for, no complaint in the console.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from io import BytesIO
from typing import Any, Literal
from urllib.parse import urlencode

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Browser, Frame, Page, expect

from cart_cds.demo import RunningDemo
from tests.browser.steps import (
    FOUR_POINTS,
    NOTHING_ELSE,
    Complaints,
    expect_saved,
    ice_of,
    launch,
    overflow,
    take_ice,
)

ADLER, KIEBITZ = "demo-adler", "demo-kiebitz"
# As high as a page is long: what stays in sight while scrolling would else lie over what is to be examined.
DESKTOP = {"width": 1024, "height": 5000, "deviceScaleFactor": 1, "mobile": False}
PHONE = {"width": 320, "height": 640, "deviceScaleFactor": 1, "mobile": False}
# A browser's zoom of 200 % is half the width in CSS pixels, each drawn as two by two.
ZOOMED = {"width": 512, "height": 384, "deviceScaleFactor": 2, "mobile": False}

_AXE = Axe()
_RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
_MOVING = """() => [...document.querySelectorAll("*")].filter((each) => {
  const style = getComputedStyle(each);
  return style.animationName !== "none" || style.transitionDuration.split(", ").some((time) => time !== "0s");
}).map((each) => each.outerHTML.slice(0, 120))"""
_WIDEST = """() => [...document.querySelectorAll("body *")].filter((each) =>
  each.getBoundingClientRect().right > document.documentElement.clientWidth
).map((each) => each.outerHTML.slice(0, 80)).slice(0, 5)"""


class Inspection:
    """Looks at the page that is open, and keeps what is amiss."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.amiss: list[str] = []
        self.seen: list[str] = []
        self._complaints = Complaints(page.context, but_for=r"status of 4\d\d")
        self._devtools = page.context.new_cdp_session(page)
        page.emulate_media(reduced_motion="reduce")
        self.size(DESKTOP)

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
                    self.amiss.append(f"{name}: {words}: {too_wide} px too wide: {each.evaluate(_WIDEST)}")
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
        amiss = "\n".join(self.amiss + self._complaints.heard)
        assert amiss == ""
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


def test_the_course_in_each_window(page: Page, demo: RunningDemo, inspection: Inspection) -> None:
    demo.clock.advance(timedelta(hours=120))
    session = launch(page, demo, demo.played.id)
    for window in ("24h", "72h", "7d", "all"):
        page.goto(f"{session}/course?window={window}")
        if window == "24h":
            page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
        inspection.look(f"course, {window}", "Course after CAR-T")
    page.locator("#after-timeline details.vitals summary").click()
    page.locator("details.vitals a[href*='course/day?date=']").first.click()
    heading = page.get_by_role("heading", level=1).inner_text()
    assert heading.startswith("Course on ")
    inspection.look("course of a day", heading)
    # Neither infused within the window nor graded: another page of the same name.
    for patient in ("demo-jasmin", "demo-otter"):
        launch(page, demo, patient)
        inspection.look(f"course of {patient}", "Course after CAR-T")


def test_the_ice_form_from_empty_to_corrected(page: Page, demo: RunningDemo, inspection: Inspection) -> None:
    page.goto(f"{launch(page, demo, ADLER)}/ice")
    inspection.look("ICE, empty", "ICE assessment")
    page.get_by_role("button", name="Check and save").click()
    expect(page.get_by_role("alert")).to_contain_text("Not taken yet")
    inspection.look("ICE, with faults", "ICE assessment")
    take_ice(page)
    page.locator("label.choice", has=page.locator("[name='ice-city'][value='not-tested']")).click()
    page.locator("#ice-city .why select").select_option(index=1)
    page.locator("#ice-month .modified summary").click()
    expect(page.locator("#ice-month .modified input")).to_be_visible()
    inspection.look("ICE, filled", "ICE assessment")
    page.get_by_role("button", name="Check and save").click()
    inspection.look("ICE, to check", "Save this assessment?")
    press(page, "Save")
    inspection.look("ICE, saved", "In the record")
    page.get_by_role("link", name="Correct (within the hour)").click()
    inspection.look("ICE, to correct", "Correct this ICE assessment")


def test_the_form_of_a_child(page: Page, demo: RunningDemo, inspection: Inspection) -> None:
    page.goto(f"{launch(page, demo, KIEBITZ)}/ice")
    inspection.look("CAPD, empty", "CAPD assessment")
    page.get_by_role("button", name="Check and save").click()
    inspection.look("CAPD, with faults", "CAPD assessment")


def test_the_statements_and_the_hand_over(page: Page, demo: RunningDemo, inspection: Inspection) -> None:
    session = launch(page, demo, "demo-esche")
    page.goto(f"{session}/attribution")
    inspection.look("attribution", "Attribution and concern")
    page.get_by_label("Fever").check()
    page.get_by_label("What is the cause?").fill("line infection")
    page.get_by_role("button", name="Show what follows …").click()
    inspection.look("attribution, to confirm", "Attribute a finding to another cause?")
    press(page, "Save")
    expect(page.get_by_role("status")).to_contain_text("In the record: Fever")
    inspection.look("attribution, saved", "Attribution and concern")
    page.goto(f"{session}/handover")
    inspection.look("hand-over", page.get_by_role("heading", level=1).inner_text())


def test_the_pages_that_say_that_something_cannot_be(
    page: Page, demo: RunningDemo, inspection: Inspection
) -> None:
    session = launch(page, demo, ADLER)
    for name, address in (
        ("no such day", f"{session}/course/day?date=1999-01-01"),
        ("ended", f"{demo.service_url}/smart/s/{'x' * 22}/course"),
        ("no such page", f"{demo.service_url}/smart/nothing"),
        ("no launch", f"{demo.service_url}/smart/launch?{urlencode({'iss': 'https://other.example'})}"),
        ("no such patient", f"{demo.sandbox_url}/patients/nobody"),
        ("no authorization", f"{demo.sandbox_url}/auth/authorize?client_id=nobody"),
    ):
        page.goto(address)
        heading = page.get_by_role("heading", level=1).inner_text()
        inspection.look(name, heading)


class Keys:
    """A user without a mouse. Keeps the stops at which the focus could not be seen."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.unseen: list[str] = []

    def tab_to(self, wanted: str) -> None:
        """Press Tab until an element matches this CSS selector; at most once through the page."""
        for _ in range(150):
            self.page.keyboard.press("Tab")
            if hidden := self.page.evaluate(_UNSEEN):
                self.unseen.append(hidden)
            if self.page.evaluate("(wanted) => document.activeElement.matches(wanted)", wanted):
                return
        pytest.fail(f"Tab does not reach {wanted}")

    def choose(self, name: str, value: object) -> None:
        """Go to a group of radio buttons and on with the arrow until this one is chosen."""
        self.tab_to(f"input[name='{name}']")
        self.page.keyboard.press("Space")
        chosen = self.page.locator(f"input[name='{name}']:checked")
        for _ in range(12):
            if chosen.get_attribute("value") == str(value):
                return
            self.page.keyboard.press("ArrowDown")
        pytest.fail(f"the arrow does not reach {value} of {name}")


# Where the focus is: an outline around it or around its label, and something of it not covered by anything.
_UNSEEN = """() => {
  const at = document.activeElement;
  if (at === document.body) return "";
  const shown = at.closest("label") ?? at;
  const box = shown.getBoundingClientRect();
  const drawn = at instanceof SVGElement
    ? [...at.children].some((part) => part.matches(".tip") && getComputedStyle(part).visibility === "visible")
    : [at, shown].some((each) => {
        const style = getComputedStyle(each);
        return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
      });
  const inside = [0.1, 0.5, 0.9].flatMap((x) => [0.1, 0.5, 0.9].map((y) =>
    document.elementFromPoint(box.left + x * box.width, box.top + y * box.height)));
  const uncovered = inside.some((each) => each && (shown.contains(each) || each.contains(at)));
  if (drawn && uncovered) return "";
  return `${drawn ? "covered" : "no outline"}: ${at.outerHTML.slice(0, 120)}`;
}"""


def test_an_ice_is_taken_and_saved_by_keyboard_alone(page: Page, demo: RunningDemo) -> None:
    page.goto(f"{launch(page, demo, ADLER)}/ice")
    keys = Keys(page)
    for item, points in FOUR_POINTS.items():
        keys.choose(f"ice-{item}", points)
    expect(page.locator(".ice-live")).to_have_text("ICE 4 of 10; by ICE alone ICANS 2")
    for finding, answer in NOTHING_ELSE.items():
        keys.choose(finding, answer)
    keys.tab_to("button[value='check']")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Save this assessment?")
    assert ice_of(demo, ADLER) == []
    keys.tab_to("button[value='save']")
    page.keyboard.press("Enter")
    expect_saved(page)
    [held] = ice_of(demo, ADLER)
    assert held["valueInteger"] == 4
    keys.tab_to("a[href*='/ice/correct/']")
    assert keys.unseen == []


def test_what_is_to_be_mended_is_reached_by_keyboard(page: Page, demo: RunningDemo) -> None:
    page.goto(f"{launch(page, demo, ADLER)}/ice")
    keys = Keys(page)
    keys.choose("ice-year", "not-tested")
    keys.tab_to("button[value='check']")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_be_focused()
    keys.tab_to("[role=alert] a")
    page.keyboard.press("Enter")
    fault = page.locator(":target")
    expect(fault).to_be_focused()
    expect(fault).to_be_in_viewport()
    keys.tab_to("#ice-year select")
    page.keyboard.press("ArrowDown")
    expect(page.locator("#ice-year select")).not_to_have_value("")
    assert keys.unseen == []


def test_each_mark_of_the_timeline_tells_value_time_and_source_on_focus(
    page: Page, demo: RunningDemo
) -> None:
    demo.clock.advance(timedelta(hours=72))
    page.goto(f"{launch(page, demo, demo.played.id)}/course?window=all")
    marks = page.locator(".plot a:not([tabindex='-1'])")
    count = marks.count()
    assert count > 10
    keys = Keys(page)
    keys.tab_to(".scroller")
    told: list[str] = []
    for number in range(count):
        page.keyboard.press("Tab")
        mark = marks.nth(number)
        expect(mark).to_be_focused()
        assert page.evaluate(_UNSEEN) == ""
        tip = mark.locator(".tip")
        expect(tip).to_be_in_viewport(ratio=0.95)
        told.append(" | ".join(tip.locator("text").all_text_contents()))
    for each in told:
        assert re.search(r"\d\d:\d\d", each), each
        # A grade is nobody's entry: it has a time, and what it was reached by.
        assert each.startswith(("CRS: ", "ICANS: ")) or re.search(r"[A-Z]\w+/\S+", each), each
    # Tocilizumab, as it was charted: 8 mg/kg of 75 kg.
    assert any("tocilizumab 600 mg" in text.lower() for text in told), told
    # From the mark to its row of the table.
    row = marks.last.get_attribute("href") or ""
    page.keyboard.press("Enter")
    expect(page.locator(row)).to_be_in_viewport()
    assert keys.unseen == []


def test_without_scripts_an_ice_is_saved_and_its_grade_shown(browser: Browser, demo: RunningDemo) -> None:
    context = browser.new_context(java_script_enabled=False)
    complaints = Complaints(context)
    page = context.new_page()
    page.goto(f"{launch(page, demo, ADLER)}/ice")
    take_ice(page)
    page.get_by_role("button", name="Check and save").click()
    expect(page.locator("main")).to_contain_text("ICANS grade 2")
    press(page, "Save")
    expect_saved(page)
    expect(page.get_by_role("status")).to_contain_text("ICE 4 of 10")
    expect(page.locator("main .grade")).to_contain_text("ICANS grade 2")
    assert len(ice_of(demo, ADLER)) == 1
    page.get_by_role("link", name="Course", exact=True).first.click()
    expect(page.locator(".panels")).to_contain_text("ICANS grade 2")
    assert complaints.heard == []
    context.close()


def _lightness(colour: tuple[int, ...]) -> float:
    parts = [value / 255 for value in colour[:3]]
    red, green, blue = (v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(picture: Image.Image) -> float:
    """Of the lightest to the darkest point of a picture, as WCAG counts it: 1 to 21."""
    points = [_lightness(colour) for _, colour in picture.getcolors(picture.width * picture.height) or ()]
    return (max(points) + 0.05) / (min(points) + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_in_forced_colours_marks_grades_and_focus_are_seen(
    browser: Browser, demo: RunningDemo, scheme: Literal["light", "dark"]
) -> None:
    context = browser.new_context(
        forced_colors="active", color_scheme=scheme, viewport={"width": 1280, "height": 3000}
    )
    page = context.new_page()
    demo.clock.advance(timedelta(hours=72))
    session = launch(page, demo, demo.played.id)
    page.goto(f"{session}/course?window=all")
    shot = Image.open(BytesIO(page.screenshot())).convert("RGB")

    def seen(selector: str) -> list[float]:
        boxes = page.locator(selector).evaluate_all(_BOXES)
        return [contrast(shot.crop(tuple(box))) for box in boxes]

    for selector in (
        ".plot a.mark > use",
        ".plot .dot circle",
        ".plot .number",
        ".plot .bar text",
        ".figure",
    ):
        found = seen(selector)
        assert found, selector
        assert min(found) >= 3, (selector, found)

    keys = Keys(page)
    for wanted in (".sign-out button", ".onwards a", ".scroller", "a.mark", "summary"):
        keys.tab_to(wanted)
        assert page.evaluate(_OUTLINE_SEEN), wanted
    assert keys.unseen == []
    context.close()


_BOXES = """(all) => all.map((each) => each.getBoundingClientRect()).map((box) =>
  [Math.floor(box.left), Math.floor(box.top), Math.ceil(box.right), Math.ceil(box.bottom)])"""
_OUTLINE_SEEN = """() => {
  const probe = document.body.appendChild(document.createElement("p"));
  probe.style.color = "Canvas";
  const canvas = getComputedStyle(probe).color;
  probe.remove();
  const at = document.activeElement;
  const tip = at.querySelector(":scope > .tip rect");
  return (tip ? getComputedStyle(tip).stroke : getComputedStyle(at).outlineColor) !== canvas;
}"""
