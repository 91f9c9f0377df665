"""A real browser for the tests of what only a browser can show: cookies, frames, focus, layout, contrast.

A browser that the machine lacks is a skip that names it; with `CI=true` it is a failure. Every test in this
folder carries the marker `system`, without having to say so.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from cart_cds.demo import RunningDemo, run_demo
from tests.browser.steps import mend

HERE = Path(__file__).resolve().parent
# Headless in a container as root, and quiet: no request but those of the page.
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # The hook sees every item of the session, not only those of this folder.
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.system)


def lack(reason: str) -> NoReturn:
    """Skips for a named lack of the machine; in CI, where the machine is ours to furnish, fails."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"in CI nothing may be missing: {reason}", pytrace=False)
    pytest.skip(reason)


def find_browser() -> str:
    """The path of Chromium, or a skip (a failure in CI)."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if (found := shutil.which(name)) is not None:
            return found
    lack("no Chromium on this machine")


# Of one module and no longer: while Playwright runs, `asyncio.run` fails in its thread, for every other test.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The browser; each test takes a context of its own from `context` or `browser.new_context`."""
    program = find_browser()
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=program, args=list(QUIET))
        yield running
        running.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A profile of this test's own: no cookie of another test is in it."""
    fresh = browser.new_context(viewport={"width": 1024, "height": 768}, locale="en-GB")
    yield fresh
    fresh.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    """A page in `context`."""
    return context.new_page()


@pytest.fixture(scope="module")
def running_demo() -> Iterator[RunningDemo]:
    """The demonstration: the sandbox is another site than the service, and reads need a token."""
    with run_demo(sandbox_host="localhost", open_reads=False) as running:
        yield running


@pytest.fixture
def demo(running_demo: RunningDemo) -> Iterator[RunningDemo]:
    """The demonstration as it begins: no fault, the clock at the present, nothing written."""
    yield running_demo
    mend(running_demo)
