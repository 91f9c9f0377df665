"""The pages of statements in a real browser: no fault of accessibility, usable by keyboard and on a phone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from fastapi import FastAPI, Request, Response
from fastapi.testclient import TestClient
from playwright.sync_api import BrowserContext, Page, Route
from starlette.datastructures import FormData

from management.protocol import load_protocol
from smart_app.attribution_page import attribution_router
from smart_app.form_door import check_form, read_form
from smart_app.handover_page import handover_router
from smart_app.page_room import Bedside
from smart_app.rendering import Rendering
from smart_app.security import SecurityHeaders
from smart_app.session import SmartSession
from tests.chart_builders import elsewhere, systolic, temperature, well_charted
from tests.unit.smart_app.statement_room import StatementRoom

SITE = "http://127.0.0.1:9"
PHONE = {"width": 320, "height": 640}
_AXE = Axe()


class ShownRoom(StatementRoom):
    """A room that renders as the app does."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.rendering = Rendering(SITE, self.now, load_protocol("met-2021"))

    async def open_form(self, request: Request) -> tuple[SmartSession, FormData]:
        form = await read_form(request)
        check_form(form, self.session)
        return self.session, form

    def render(
        self, template: str, session: SmartSession, bedside: Bedside | None, status: int = 200, **values: Any
    ) -> Response:
        return self.rendering.page(template, session, bedside, status, **values)


@pytest.fixture
def room() -> ShownRoom:
    chart = well_charted(
        temperatures=(temperature("38.9", 2),),
        systolic_pressures=(systolic(84),),
        attributions=(elsewhere("hypoxia", cause="pulmonary embolism"),),
    )
    return ShownRoom(chart)


@pytest.fixture
def shown(context: BrowserContext, room: ShownRoom) -> Iterator[Page]:
    """A page whose every request is answered here, by the app's own routes and headers."""
    app = FastAPI()
    app.add_middleware(SecurityHeaders, framed_by=(), base_url=SITE)
    app.include_router(attribution_router(room))
    app.include_router(handover_router(room))
    app.include_router(room.rendering.static_files.router())
    client = TestClient(app, base_url=SITE, follow_redirects=True)

    def answer(route: Route) -> None:
        request = route.request
        got = client.request(
            request.method, request.url, content=request.post_data_buffer, headers=request.headers
        )
        headers = {name: value for name, value in got.headers.items() if name != "content-encoding"}
        route.fulfill(status=got.status_code, headers=headers, body=got.content)

    context.route("**/*", answer)
    page = context.new_page()
    page.set_default_timeout(5000)
    faults: list[str] = []
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    yield page
    assert faults == []


def violations(page: Page) -> list[str]:
    found = _AXE.run(
        page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"]}
    )
    return [f"{fault['id']}: {fault['nodes'][0]['html']}" for fault in found.response["violations"]]


def fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"))


@pytest.mark.parametrize("name", ["attribution", "handover"])
def test_a_page_has_no_fault_of_accessibility_and_fits_a_phone(shown: Page, name: str) -> None:
    shown.goto(f"{SITE}/s/s1/{name}")
    assert violations(shown) == []
    shown.set_viewport_size(PHONE)  # type: ignore[arg-type]
    assert fits(shown)


def test_a_finding_is_attributed_by_keyboard_alone(shown: Page, room: ShownRoom) -> None:
    shown.goto(f"{SITE}/s/s1/attribution")
    shown.get_by_label("Fever").focus()
    shown.keyboard.press("Space")
    shown.get_by_label("What is the cause?").focus()
    shown.keyboard.type("line infection")
    shown.keyboard.press("Tab")
    shown.keyboard.press("Enter")
    shown.get_by_role("heading", name="Attribute a finding to another cause?").wait_for()
    assert violations(shown) == []
    assert room.sent == []
    shown.get_by_role("button", name="Save").focus()
    shown.keyboard.press("Enter")
    shown.get_by_role("status").filter(has_text="In the record: Fever").wait_for()
    assert len(room.sent) == 1


def test_what_is_pressed_is_large_enough_for_a_thumb(shown: Page) -> None:
    shown.set_viewport_size(PHONE)  # type: ignore[arg-type]
    shown.goto(f"{SITE}/s/s1/attribution")
    for button in shown.locator("main button").all():
        box = button.bounding_box()
        assert box is not None
        assert box["height"] >= 44
        assert box["width"] >= 44


def test_the_hand_over_can_be_copied_or_is_marked_to_be_copied(shown: Page) -> None:
    shown.goto(f"{SITE}/s/s1/handover")
    shown.get_by_role("button", name="Copy the text").click()
    shown.locator("#copied").filter(has_text="opied").or_(
        shown.locator("#copied").filter(has_text="The text is marked")
    ).wait_for()
