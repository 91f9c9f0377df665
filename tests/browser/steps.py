"""What the tests of the app do in a browser again and again: launch it, take an ICE, see what is amiss."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields
from typing import Any
from urllib.parse import urlencode

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Frame, FrameLocator, Page, expect

from cart_cds.demo import RunningDemo
from ehr_sandbox.faults import FhirFaults
from ehr_sandbox.smart_faults import SmartFaults
from ehr_sandbox.smart_server import LaunchContext

Place = Page | Frame | FrameLocator

# The eight taps of ten points: right everywhere, three objects of three named.
TEN_POINTS: Mapping[str, int] = {
    "year": 1,
    "month": 1,
    "city": 1,
    "hospital": 1,
    "naming": 3,
    "command": 1,
    "writing": 1,
    "attention": 1,
}
# Year and month, two objects of three, and nothing else: 1 + 1 + 2 = 4. ICE 3 to 6 is ICANS grade 2.
FOUR_POINTS: Mapping[str, int] = {**dict.fromkeys(TEN_POINTS, 0), "year": 1, "month": 1, "naming": 2}
NOTHING_ELSE: Mapping[str, str] = {"consciousness": "alert", "seizure": "none", "motor": "none"}

_AXE = Axe()
_RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


def launch_address(demo: RunningDemo, patient_id: str, **context: Any) -> str:
    """What the chart puts into its frame: the app's launch address, to be used once."""
    value = demo.smart.begin_launch(LaunchContext(patient_id, f"{patient_id}-encounter", **context))
    return f"{demo.service_url}/smart/launch?{urlencode({'iss': demo.fhir_url, 'launch': value})}"


def launch(page: Page, demo: RunningDemo, patient_id: str, **context: Any) -> str:
    """Open the app in the page's own window; the address of its session."""
    page.goto(launch_address(demo, patient_id, **context))
    found = re.match(r".*/smart/s/[^/]+", page.url)
    assert found, page.content()
    return found[0]


def tap(place: Place, name: str, value: object) -> None:
    """Press one answer of the form, where a thumb would."""
    place.locator("label.choice", has=place.locator(f"input[name='{name}'][value='{value}']")).click()


def take_ice(
    place: Place, points: Mapping[str, int] = FOUR_POINTS, findings: Mapping[str, str] = NOTHING_ELSE
) -> None:
    """Eight taps for the ten points, and the findings; nothing is sent."""
    for item, value in points.items():
        tap(place, f"ice-{item}", value)
    for finding, answer in findings.items():
        tap(place, finding, answer)


def chosen(place: Place) -> dict[str, str]:
    """The answers of the ICE form as they stand in it."""
    found: dict[str, str] = {}
    for name in (*(f"ice-{item}" for item in TEN_POINTS), *NOTHING_ELSE):
        picked = place.locator(f"input[name='{name}']:checked, input[type=hidden][name='{name}']")
        found[name] = picked.first.get_attribute("value") or ""
    return found


def answers(
    points: Mapping[str, int] = FOUR_POINTS, findings: Mapping[str, str] = NOTHING_ELSE
) -> dict[str, str]:
    """What :func:`chosen` finds where :func:`take_ice` was done and nothing is lost."""
    return {**{f"ice-{item}": str(value) for item, value in points.items()}, **findings}


def expect_saved(place: Place) -> None:
    """The page after a save stands there."""
    expect(place.get_by_role("heading", level=1)).to_have_text("In the record")


def ice_of(demo: RunningDemo, patient_id: str) -> list[dict[str, Any]]:
    """The ICE scores of a patient that the FHIR server holds and the course did not: those entered."""
    scores = demo.shelf.search("Observation", [("patient", patient_id), ("code", "ice-total")])
    return [dict(score) for score in scores if score.get("identifier")]


def all_entered(demo: RunningDemo) -> list[dict[str, Any]]:
    """The scores that were entered, of all patients."""
    ids = [demo.played.id, *(patient.id for patient in demo.patients)]
    return [score for patient_id in ids for score in ice_of(demo, patient_id)]


def violations(page: Page) -> list[str]:
    """What axe finds: WCAG 2.2 A and AA and best practice; frames are looked into."""
    found = _AXE.run(page, options=_RULES)
    return [
        f"{page.url} {fault['id']}: {node['target']} {node['html'][:200]}"
        for fault in found.response["violations"]
        for node in fault["nodes"]
    ]


def overflow(page: Page | Frame) -> int:
    """By how many pixels the page is wider than its window, but for regions that scroll by themselves."""
    width = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert isinstance(width, int)
    return max(0, width)


class Complaints:
    """What the console of a browser says of errors and policies, on every page of a context."""

    def __init__(self, context: BrowserContext, *, but_for: str = "$^") -> None:
        self.heard: list[str] = []
        expected = re.compile(but_for)

        def note(kind: str, text: str) -> None:
            if kind in ("error", "warning") and not expected.search(text):
                self.heard.append(f"{kind}: {text}")

        context.on("console", lambda message: note(message.type, message.text))
        context.on("weberror", lambda error: note("error", str(error.error)))


def mend(demo: RunningDemo) -> None:
    """Turn every fault off, set the clock back and forget what was written."""
    for faults, plain in ((demo.fhir_faults, FhirFaults()), (demo.smart_faults, SmartFaults())):
        for each in fields(plain):
            setattr(faults, each.name, getattr(plain, each.name))
    demo.clock.reset()
    demo.shelf.reset()
