"""Every patient story on the pages of the app and on the cards: the same grades and the same advice.

Whoever opens the app from a card must find there what the card said, and whoever hands over what the page
showed. The pages are rendered and read as a person reads them; the cards come through the hook.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from fastapi.testclient import TestClient

from cart_cds.grade_bundle import grade_bundle
from cds_service.app import create_app
from cds_service.settings import Settings
from management.protocol import load_protocol
from smart_app.course_page import course_router
from smart_app.handover_page import handover_router
from smart_app.page_room import Resource
from smart_app.rendering import Rendering
from tests.builders import AT, Story, resources_of
from tests.builders.fhir import PATIENT, bundle, give_ids
from tests.prefetch_client import send_patient_view
from tests.unit.smart_app.ice_room import IceRoom, session_of, text_of
from tests.vignettes.expectations import EXTENSION, PROTOCOLS, STORIES

# Status, and the bounds of what is possible: as the answer, a card, a page and the hand-over say it.
Grade = tuple[str, int | None, int | None]
_NOT_ASSESSABLE: Grade = ("not-assessable", None, None)
_WORDS = (
    (re.compile(r"not assessable"), lambda _: _NOT_ASSESSABLE),
    (re.compile(r"not decidable: possible (\d) to (\d)"), lambda m: ("indeterminate", int(m[1]), int(m[2]))),
    (re.compile(r"(\d)–(\d), not decidable"), lambda m: ("indeterminate", int(m[1]), int(m[2]))),
    (re.compile(r"grade (\d)"), lambda m: ("grade", int(m[1]), int(m[1]))),
)
_STRENGTHS = {
    "RECOMMENDED NOW": "recommend",
    "RECOMMENDED": "recommend",
    "MAY BE CONSIDERED": "consider",
}
ASSESSED = [story for story in STORIES if story.is_assessed]
PARAMETERS = [pytest.param(story, id=story.id) for story in ASSESSED]


@dataclass
class StoryRoom(IceRoom):
    """A story as the record of the one session, with the course and the hand-over beside the ICE page."""

    person: Resource = field(default_factory=dict)

    def patient(self) -> Resource:
        return self.person

    def bundle(self) -> bytes:
        """The record as it is now."""
        return json.dumps(bundle([self.person, *self.record.values()])).encode()


def room_of(story: Story) -> StoryRoom:
    text = json.dumps(give_ids(resources_of(story))).replace(f'"Patient/{PATIENT}"', '"Patient/p1"')
    resources = {f"{each['resourceType']}/{each['id']}": each for each in json.loads(text)}
    person = resources.pop(f"Patient/{PATIENT}") | {"id": "p1"}
    room = StoryRoom(record=resources, person=person, now_is=AT, session=replace(session_of(), opened_at=AT))
    room.protocol = load_protocol(story.protocol)
    room.rendering = Rendering("https://cds.example/smart", room.now, room.protocol)
    room.app.include_router(course_router(room), prefix="/smart")
    room.app.include_router(handover_router(room), prefix="/smart")
    return room


@pytest.fixture(scope="module")
def services() -> Iterator[dict[str, TestClient]]:
    with ExitStack() as running:
        yield {
            name: running.enter_context(
                TestClient(
                    create_app(Settings.from_environment({"CART_CDS_PROTOCOL": name}), clock=lambda: AT),
                    base_url="http://127.0.0.1:8000",
                )
            )
            for name in PROTOCOLS
        }


def grade_in(words: str) -> Grade:
    """What a sentence says of one syndrome."""
    for pattern, meaning in _WORDS:
        if found := pattern.search(words):
            return meaning(found)
    raise AssertionError(f"no grade in {words!r}")


def answered(assessment: dict[str, Any], syndrome: str) -> Grade:
    found = assessment[syndrome.lower()]
    if found["status"] == "not-assessable":
        return _NOT_ASSESSABLE
    kind = "indeterminate" if found["status"] == "indeterminate" else "grade"
    return kind, *found["range"]


def page_of(room: IceRoom, page: str) -> str:
    answer = room.browser.get(f"/smart/s/s1/{page}")
    assert answer.status_code == 200, answer.text
    return answer.text


def handover_of(room: IceRoom) -> list[str]:
    text = re.search(r'<pre class="handover-text".*?>(.*?)</pre>', page_of(room, "handover"), re.S)
    assert text is not None
    return unescape(text[1]).splitlines()


def of_course(html: str, syndrome: str) -> Grade:
    heading = re.search(rf'<h2 id="h-{syndrome}">.*?</h2>', html, re.S)
    assert heading is not None
    words = re.sub(r"<span.*?</span>", "", heading[0])
    return grade_in(words)


def of_handover(lines: list[str], syndrome: str) -> Grade:
    line = next(line for line in lines if re.match(rf"- {syndrome} (grade|not|\d)", line))
    return grade_in(line.partition(", since ")[0].partition(", unchanged")[0])


def of_cards(cards: list[dict[str, Any]], syndrome: str) -> set[Grade]:
    """What the cards say of the syndrome; what it were without an attribution is not that."""
    found = set()
    for line in "\n".join(card["detail"] for card in cards).splitlines():
        if line.startswith(f"**{syndrome} "):
            found.add(grade_in(line.split("**")[1]))
        elif line.startswith("**CRS and ICANS not assessable**"):
            found.add(_NOT_ASSESSABLE)
    return found


def shown_advice(html: str) -> set[tuple[str, str, bool]]:
    """Title with its amount, strength, and whether it is marked as not verified."""
    found = set()
    for summary in re.findall(r"<li><details[^>]*><summary>(.*?)</summary>", html, re.S):
        title = re.search(r"<strong>(.*?)</strong>\s*<span class=\"strength\">(.*?)</span>", summary, re.S)
        assert title is not None
        found.add((unescape(title[1]), title[2], "not verified" in summary))
    return found


def ids_by_title(room: StoryRoom) -> dict[str, str]:
    """A reader sees titles, the answer holds ids."""
    current = asyncio.run(room.read(room.session)).review
    assert current is not None
    return {item.title: item.id for item in current.recommendations}


@pytest.mark.parametrize("story", PARAMETERS)
def test_course_and_handover_say_what_the_cards_say(services: dict[str, TestClient], story: Story) -> None:
    room = room_of(story)
    answer = send_patient_view(services[story.protocol], resources_of(story), patient_id=PATIENT).json()
    assessment, cards = answer["extension"][EXTENSION], answer["cards"]
    course, handover = page_of(room, "course"), handover_of(room)
    for syndrome in ("CRS", "ICANS"):
        grade = answered(assessment, syndrome)
        assert of_course(course, syndrome) == grade
        assert of_handover(handover, syndrome) == grade
        assert of_cards(cards, syndrome) == {grade}
    advice_agrees(assessment, course, handover, ids_by_title(room))


def advice_agrees(assessment: dict[str, Any], course: str, handover: list[str], ids: dict[str, str]) -> None:
    answered_ids = {
        (
            row["id"],
            row["strength"],
            f"{row['dose']['value']:g} {row['dose']['unit']}" if "dose" in row else "",
        )
        for row in assessment.get("recommendations", [])
    }
    shown = set()
    for told, strength, unverified in shown_advice(course):
        title, _, amount = told.partition(": ") if told not in ids else (told, "", "")
        number = re.match(r"[\d.]+ \S+", amount)
        kind = "recommend" if strength == "recommended" else "consider"
        shown.add((ids[title], kind, number[0] if number else ""))
        assert not (unverified and strength == "recommended"), told
    assert shown == answered_ids
    lines = [line for line in handover if line.startswith(tuple(f"- {words}: " for words in _STRENGTHS))]
    for found, strength, amount in answered_ids:
        wanted = [title for title, known in ids.items() if known == found]
        own = [line for line in lines if _STRENGTHS[line[2:].partition(": ")[0]] == strength]
        assert any(title in line and amount in line for title in wanted for line in own), (found, own)
    held = {(row["id"], row["because"]) for row in assessment.get("withheld", [])}
    for name, because in held:
        words = f"{name.replace('.', ' ').replace('-', ' ').capitalize()} ({because.replace('-', ' ')})"
        assert any(line.startswith(f"- HELD BACK: {words}") for line in handover)
        assert words in text_of(course)
    assert len([line for line in handover if line.startswith("- HELD BACK")]) == len(held)


@pytest.mark.parametrize("story", PARAMETERS)
def test_peak_and_resolution_are_the_same_in_the_course_and_in_the_answer(story: Story) -> None:
    room = room_of(story)
    assessment = grade_bundle(room.bundle(), at=AT, protocol=story.protocol)[EXTENSION]
    course = page_of(room, "course")
    for syndrome in ("CRS", "ICANS"):
        panel = re.search(
            rf'<section class="panel" aria-labelledby="h-{syndrome}">.*?</section>', course, re.S
        )
        assert panel is not None
        peak = re.search(r"Peak of this episode: (?:at least )?grade (\d)", panel[0])
        assert (int(peak[1]) if peak else 0) == assessment[syndrome.lower()].get("episodePeak", 0)
    proposed = "crs.propose-resolution" in [row["id"] for row in assessment.get("recommendations", [])]
    assert ("Resolution of CRS can be proposed" in text_of(course)) == proposed


@pytest.mark.parametrize("story", PARAMETERS)
def test_a_bedside_assessment_is_graded_on_its_pages_as_the_cards_will(story: Story) -> None:
    """An assessment of half an hour ago: before saving, after saving, and from the record by the service."""
    room = room_of(story)
    fields = hurried(room)
    confirmation = room.check(fields)
    assert confirmation.status_code == 200, text_of(confirmation.text)
    before = re.search(r'<p class="grade">(.*?)</p>', confirmation.text)
    saved = room.save(confirmation.text)
    assert saved.status_code == 303
    page = room.browser.get(saved.headers["location"]).text
    after = re.search(r'<p class="grade">(.*?)</p>', page)
    assert before is not None and after is not None
    assessment = grade_bundle(room.bundle(), at=AT, protocol=story.protocol)[EXTENSION]
    grade = answered(assessment, "ICANS")
    assert grade_in(before[1]) == grade
    assert grade_in(after[1]) == grade
    assert of_course(page_of(room, "course"), "ICANS") == grade
    assert of_handover(handover_of(room), "ICANS") == grade


def hurried(room: IceRoom) -> dict[str, str]:
    """ICE 8, or CAPD 4 where the age wants that; to voice; nothing else said; half an hour ago."""
    page = room.open_page()
    fields = room.filled({"consciousness": "awakens-to-voice", "ice-naming": "1"})
    if 'name="capd-total"' in page:
        fields = {name: value for name, value in fields.items() if not name.startswith("ice-")}
        fields["capd-total"] = "4"
    at = (AT - timedelta(minutes=30)).isoformat(timespec="minutes")[:16]
    return fields | {"assessed-at": at, "offset": "+00:00"}
