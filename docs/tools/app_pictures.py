"""The walk through the demonstration in pictures: ``python -m docs.tools.app_pictures``.

Starts the demonstration, walks through it in a real browser, and writes each step at a desktop's and an
upright tablet's width to ``docs/pictures/smart/``, with ``docs/smart-app-pictures.md`` to show them. The
walk itself is a test (``tests/browser/test_walk.py``); here it is only looked at. Times in the pictures are
those of the day on which they were drawn.
"""

import io
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlencode

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from cart_cds.demo import RunningDemo, run_demo
from docs.tools.sample_card import ROOT
from ehr_sandbox.smart_server import LaunchContext
from ehr_sandbox.ward import encounter_id

PICTURES = ROOT / "docs/pictures/smart"
PAGE = ROOT / "docs/smart-app-pictures.md"
DESKTOP, TABLET = (1280, 900), (768, 1024)
_COLOURS = 160
_QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
# Two of four for place and time, two objects of three, and nothing else: 4 of 10 is ICANS grade 2.
_FOUR_POINTS: Mapping[str, object] = {
    "ice-year": 1,
    "ice-month": 1,
    "ice-city": 0,
    "ice-hospital": 0,
    "ice-naming": 2,
    "ice-command": 0,
    "ice-writing": 0,
    "ice-attention": 0,
    "consciousness": "alert",
    "seizure": "none",
    "motor": "none",
}


@dataclass(frozen=True, slots=True)
class Step:
    """One picture of the walk: ``height`` is how much of the page is shown, from its top."""

    name: str
    caption: str
    go: Callable[[Page, RunningDemo], None]
    height: int | None = None


def _open_list(page: Page, demo: RunningDemo) -> None:
    page.goto(f"{demo.sandbox_url}/")


def _open_played_chart(page: Page, demo: RunningDemo) -> None:
    demo.clock.advance(timedelta(hours=36))
    page.goto(f"{demo.sandbox_url}/patients/{demo.played.id}")


def _open_course_in_frame(page: Page, _: RunningDemo) -> None:
    page.get_by_role("button", name="Open the course").first.click()
    page.frame_locator("iframe").get_by_role("heading", level=1).wait_for()


def _open_course(page: Page, demo: RunningDemo) -> None:
    demo.clock.advance(timedelta(hours=60))
    _launch(page, demo, demo.played.id)
    page.goto(page.url.partition("?")[0] + "?window=all")


def _fill_ice(page: Page, demo: RunningDemo) -> None:
    demo.clock.reset()
    _launch(page, demo, "demo-adler")
    page.get_by_role("link", name="ICE", exact=True).click()
    for name, value in _FOUR_POINTS.items():
        answer = page.locator(f"input[name='{name}'][value='{value}']")
        page.locator("label.choice", has=answer).click()
    page.evaluate("window.scrollTo(0, 0)")


def _check_ice(page: Page, _: RunningDemo) -> None:
    page.get_by_role("button", name="Check and save").click()


def _save_ice(page: Page, _: RunningDemo) -> None:
    page.get_by_role("button", name="Save", exact=True).click()


def _open_changed_chart(page: Page, demo: RunningDemo) -> None:
    page.goto(f"{demo.sandbox_url}/patients/demo-adler")


def _confirm_attribution(page: Page, demo: RunningDemo) -> None:
    _launch(page, demo, "demo-dorn")
    page.get_by_role("link", name="Attribution", exact=True).click()
    page.get_by_label("Low blood pressure").check()
    page.get_by_label("What is the cause?").fill("Septic shock, E. coli in two blood cultures")
    page.get_by_role("button", name="Show what follows").click()


def _open_handover(page: Page, demo: RunningDemo) -> None:
    _launch(page, demo, "demo-esche")
    page.get_by_role("link", name="Hand-over", exact=True).click()


def _launch(page: Page, demo: RunningDemo, patient_id: str) -> None:
    """Open the app in a window of its own, as an EHR that has no frames does."""
    launch = demo.smart.begin_launch(LaunchContext(patient_id, encounter_id(patient_id)))
    page.goto(f"{demo.service_url}/smart/launch?{urlencode({'iss': demo.fhir_url, 'launch': launch})}")


STEPS = (
    Step(
        "list",
        "The pocket EHR: one course to be played, and sixteen patients at one moment each.",
        _open_list,
    ),
    Step(
        "chart",
        "A chart fires `patient-view`: the cards beside vital signs and drugs. The clock was moved 36 hours"
        " on; norepinephrine runs, and tocilizumab was given.",
        _open_played_chart,
    ),
    Step(
        "frame",
        "The card's link opens the app in a frame, for the patient of the chart.",
        _open_course_in_frame,
    ),
    Step(
        "course",
        "The course, here with all since the infusion: both grades with their reasons, then every lane on one"
        " axis of time. A grade is a number as well as a colour and a height; each mark leads to its row.",
        _open_course,
        1900,
    ),
    Step(
        "ice",
        "ICE on one screen: eight taps for ten points, what came of it last time and before the infusion,"
        " and a running total.",
        _fill_ice,
    ),
    Step(
        "check",
        "Before anything is written: who it is for, every answer, and the grade that the record then has.",
        _check_ice,
    ),
    Step("saved", "What the record holds now, as read again from it, and a line to copy.", _save_ice),
    Step("card", "The next `patient-view`: the card says ICANS grade 2.", _open_changed_chart),
    Step(
        "attribution",
        "A finding due to another cause: the grade before and after, as graded, before it is saved.",
        _confirm_attribution,
    ),
    Step("handover", "The hand-over as text to copy.", _open_handover),
)


def draw_walk(demo: RunningDemo, browser: Browser, size: tuple[int, int], suffix: str) -> None:
    """Walk once in a window of a size and write a picture of each step."""
    width, height = size
    page = browser.new_page(viewport={"width": width, "height": height}, locale="en-GB")
    for step in STEPS:
        step.go(page, demo)
        page.wait_for_load_state("networkidle")
        if step.height is None:
            drawn = page.screenshot()
        else:
            clip = {"x": 0, "y": 0, "width": width, "height": step.height}
            drawn = page.screenshot(full_page=True, clip=clip)  # type: ignore[arg-type]
        (PICTURES / f"{step.name}-{suffix}.png").write_bytes(_with_few_colours(drawn))
    page.close()
    demo.clock.reset()
    demo.shelf.reset()


def index() -> str:
    """The document that shows the pictures."""
    parts = [
        "# The SMART app in pictures",
        "The walk of `make demo`, drawn by `python -m docs.tools.app_pictures`: left at a desktop's width,\n"
        "right on an upright tablet. All patients are invented. What each page does:\n"
        "[the SMART app](smart-app.md).",
    ]
    for number, step in enumerate(STEPS, 1):
        pictures = " ".join(
            f'<img src="pictures/smart/{step.name}-{suffix}.png" alt="{step.name}, {words}" width="{width}">'
            for suffix, words, width in (("desktop", "desktop", 560), ("tablet", "tablet", 336))
        )
        parts.append(f"## {number}. {step.name.capitalize()}\n\n{step.caption}\n\n{pictures}")
    return "\n\n".join(parts) + "\n"


def _with_few_colours(drawn: bytes) -> bytes:
    with Image.open(io.BytesIO(drawn)) as picture:
        # Rare flat colours stay what they are: by the median, the colours of two grades become one.
        small = picture.convert("RGB").quantize(
            _COLOURS, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE
        )
    written = io.BytesIO()
    small.save(written, "PNG", optimize=True)
    return written.getvalue()


def main() -> int:
    """Draw all and write the document; without a Chromium nothing is changed, and the lack is said."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        print("no Chromium on this machine: the pictures are as they were", file=sys.stderr)  # noqa: T201
        return 0
    PICTURES.mkdir(parents=True, exist_ok=True)
    with run_demo(sandbox_host="localhost") as demo, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(_QUIET))
        draw_walk(demo, browser, DESKTOP, "desktop")
        draw_walk(demo, browser, TABLET, "tablet")
        browser.close()
    Path(PAGE).write_text(index(), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
