"""The pocket EHR in a real browser: a launch into a cross-site frame, and the chart renewed beside it.

The sandbox is ``localhost`` and the service ``127.0.0.1``, so that the app in the frame is another site.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from cart_cds.demo import RunningDemo, run_demo

PLAYED = "/patients/demo-amsel"
WCAG = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


@pytest.fixture(scope="module")
def demo() -> Iterator[RunningDemo]:
    with run_demo(sandbox_host="localhost", open_reads=False) as running:
        yield running


@pytest.fixture(autouse=True)
def _at_present(demo: RunningDemo) -> Iterator[None]:
    yield
    demo.clock.reset()
    demo.shelf.reset()


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).first.click()


def test_the_course_is_played_by_clicking(page: Page, demo: RunningDemo) -> None:
    page.goto(f"{demo.sandbox_url}/")
    page.get_by_role("link", name="Open Demo-Amsel").click()
    gravest = page.locator("article.card").first
    expect(gravest).to_contain_text("CRS grade 0")
    for hours, said in (("12 h", "CRS grade 1"), ("12 h", "CRS grade 2"), ("12 h", "CRS grade 3")):
        press(page, hours)
        expect(gravest).to_contain_text(said)
    for _ in range(5):
        press(page, "12 h")
    expect(gravest).to_contain_text("ICANS grade 3")
    press(page, "24 h")
    press(page, "24 h")
    expect(page.locator("#chart")).to_contain_text("tapered")
    press(page, "Start again")
    expect(gravest).to_contain_text("CRS grade 0")


def test_the_app_stays_as_it_is_while_the_chart_beside_it_is_renewed(page: Page, demo: RunningDemo) -> None:
    demo.clock.advance(timedelta(hours=36))
    page.goto(demo.sandbox_url + PLAYED)
    press(page, "Open the course")
    frame = page.frame_locator("iframe")
    expect(frame.get_by_role("heading", level=1)).to_be_visible()
    session = page.frames[1].url
    assert session.startswith(f"{demo.service_url}/smart/s/")
    address = page.url
    press(page, "12 h")
    expect(page.locator("#chart")).to_contain_text("48 h ahead of the present")
    press(page, "Reload cards")
    press(page, "Draft order for tocilizumab 600 mg intravenous")
    expect(page.get_by_role("status")).to_contain_text("The service was told")
    expect(page.locator(".written")).to_contain_text("tocilizumab")
    assert page.frames[1].url == session
    assert page.url == address
    page.get_by_role("link", name="Close the app").click()
    expect(page.locator("iframe")).to_have_count(0)
    expect(page.locator(".written")).to_contain_text("tocilizumab")


def test_a_launch_of_one_patient_is_not_shown_in_the_chart_of_another(page: Page, demo: RunningDemo) -> None:
    page.goto(f"{demo.sandbox_url}/patients/demo-dorn")
    press(page, "Open the course")
    number = page.url.partition("?app=")[2]
    page.goto(f"{demo.sandbox_url}/patients/demo-esche?app={number}")
    expect(page.locator("iframe")).to_have_count(0)


def test_without_scripts_every_button_still_works(browser: Browser, demo: RunningDemo) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    demo.clock.advance(timedelta(hours=24))
    page.goto(demo.sandbox_url + PLAYED)
    press(page, "Open the course")
    expect(page.frame_locator("iframe").get_by_role("heading", level=1)).to_be_visible()
    press(page, "12 h")
    expect(page.locator("#chart")).to_contain_text("36 h ahead of the present")
    expect(page.frame_locator("iframe").get_by_role("heading", level=1)).to_be_visible()
    page.locator("summary", has_text="Not followed?").first.click()
    page.get_by_label("In words").first.fill("on its way already")
    press(page, "Override this card")
    expect(page.locator("#chart")).to_contain_text("Overridden at")
    context.close()


@pytest.mark.parametrize("width", [1280, 768, 320])
@pytest.mark.parametrize("path", ["/", PLAYED, "/patients/demo-ginster", "/patients/nobody"])
def test_a_page_is_accessible_and_needs_no_scrolling_sideways(
    page: Page, demo: RunningDemo, path: str, width: int
) -> None:
    told: list[str] = []
    page.on("console", lambda message: told.append(message.text))
    page.set_viewport_size({"width": width, "height": 900})
    demo.clock.advance(timedelta(hours=36))
    page.goto(demo.sandbox_url + path)
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
    found = Axe().run(page, options=WCAG)
    assert found.violations_count == 0, found.generate_report()
    assert [text for text in told if "404" not in text] == []


def test_the_chart_beside_the_app_is_accessible(page: Page, demo: RunningDemo) -> None:
    page.goto(f"{demo.sandbox_url}/patients/demo-ginster")
    press(page, "Open the ICE form")
    expect(page.frame_locator("iframe").get_by_role("heading", level=1)).to_be_visible()
    found = Axe().run(page, context="#chart", options=WCAG)
    assert found.violations_count == 0, found.generate_report()
