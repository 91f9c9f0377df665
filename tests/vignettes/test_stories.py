"""Every patient story, in every disguise, through both doors of the product: a FHIR bundle and a CDS hook.

The expectations are worked out by hand in the stories' own files. A story of a protocol that is not shipped
is checked for its grades, and its tocilizumab dose where one is offered.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from typing import Any, Final

import pytest
from fastapi.testclient import TestClient

from cart_cds.grade_bundle import grade_bundle
from cds_service.app import create_app
from cds_service.settings import Settings
from tests.builders import AT, DISGUISES, PLAIN, Disguise, Story, bundle_of, load_stories, resources_of
from tests.builders.disguises import changes, named
from tests.builders.fhir import PATIENT
from tests.prefetch_client import send_patient_view

EXTENSION: Final = "io.github.cart-toxicity-cds.assessment"
SHIPPED_PROTOCOLS: Final = ("met-2021",)
STORIES: Final = load_stories("stories.json")
MORE_STORIES: Final = load_stories("stories_more.json")
# Stories whose whole `suggest` list is asserted: every story of a shipped protocol.
SUGGEST_COMPLETE: Final = frozenset(
    story.id for story in STORIES + MORE_STORIES if story.protocol in SHIPPED_PROTOCOLS
)
# Through HTTP, our further stories run plain and in the disguise that has everything; the rest runs in all.
HTTP_DISGUISES_OF_MORE: Final = (PLAIN, named("everything-at-once"))

Case = tuple[Story, Disguise]


def cases(stories: list[Story], disguises: tuple[Disguise, ...]) -> list[Any]:
    """One case a story and disguise that changes it, named like ``CRS-15[in-fahrenheit]``."""
    return [
        pytest.param(story, disguise, id=f"{story.id}[{disguise.name}]")
        for story in stories
        for disguise in disguises
        if changes(disguise, story)
    ]


BUNDLE_CASES: Final = cases(STORIES + MORE_STORIES, DISGUISES)
HTTP_CASES: Final = cases(STORIES, tuple(d for d in DISGUISES if d.over_http)) + cases(
    MORE_STORIES, HTTP_DISGUISES_OF_MORE
)
STORY_BY_ID: Final = {story.id: story for story in STORIES + MORE_STORIES}


def protocol_for(story: Story) -> str:
    return story.protocol if story.protocol in SHIPPED_PROTOCOLS else "met-2021"


@cache
def graded_bundle(story_id: str, disguise_name: str) -> dict[str, Any]:
    story = STORY_BY_ID[story_id]
    bundle = bundle_of(story, named(disguise_name))
    return grade_bundle(json.dumps(bundle).encode(), at=AT, protocol=protocol_for(story))


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    settings = Settings.from_environment({})
    with TestClient(create_app(settings, clock=lambda: AT), base_url="http://127.0.0.1:8000") as test_client:
        yield test_client


def syndrome_as_expected(found: dict[str, Any], expected: dict[str, Any]) -> None:
    for member in ("status", "range", "episodePeak"):
        if member in expected:
            assert found[member] == expected[member], member
    if "grade" in expected:
        if expected["grade"] is None:
            assert "grade" not in found
        else:
            assert found["grade"] == expected["grade"]


def grades_as_expected(assessment: dict[str, Any], story: Story) -> None:
    for syndrome in ("crs", "icans"):
        if syndrome in story.expect:
            syndrome_as_expected(assessment[syndrome], story.expect[syndrome])
    if story.infusion_day is not None:
        assert assessment["infusion"]["day"] == story.infusion_day
    for gap in story.expect.get("gaps", []):
        held = [{key: row[key] for key in ("what", "why")} for row in assessment.get("gaps", [])]
        assert gap in held
    for name, value in story.expect.get("inputs", {}).items():
        found = assessment["inputs"].get(name)
        assert found == value if value is not None else found is None, name


def recommended(assessment: dict[str, Any]) -> list[str]:
    return [row["id"] for row in assessment.get("recommendations", [])]


def tocilizumab_as_expected(assessment: dict[str, Any], story: Story) -> None:
    offered = [
        row
        for row in assessment.get("recommendations", [])
        if row["id"] in ("tocilizumab.dose", "tocilizumab.consider")
    ]
    assert len(offered) <= 1
    if "tocilizumabMg" not in story.expect:
        return
    milligrams = story.expect["tocilizumabMg"]
    doses = [row["dose"] for row in offered if "dose" in row]
    if milligrams is None:
        assert not doses
    elif story.protocol in SHIPPED_PROTOCOLS or doses:
        assert doses == [{"value": milligrams, "unit": "mg"}]


def management_as_expected(assessment: dict[str, Any], story: Story) -> None:
    tocilizumab_as_expected(assessment, story)
    if story.protocol not in SHIPPED_PROTOCOLS:
        return
    ids = recommended(assessment)
    assert not set(story.expect.get("never", [])) & set(ids)
    if story.id in SUGGEST_COMPLETE:
        assert not set(story.expect.get("suggest", [])) - set(ids)
    for withheld in story.expect.get("withheld", []):
        held = [{key: row[key] for key in ("id", "because")} for row in assessment.get("withheld", [])]
        assert withheld in held


@pytest.mark.parametrize(("story", "disguise"), BUNDLE_CASES)
def test_bundle_is_graded_as_the_story_says(story: Story, disguise: Disguise) -> None:
    answer = graded_bundle(story.id, disguise.name)
    if not story.is_assessed:
        assert answer == {}
        return
    grades_as_expected(answer[EXTENSION], story)


@pytest.mark.parametrize(("story", "disguise"), [c for c in BUNDLE_CASES if c.values[0].is_assessed])
def test_bundle_is_managed_as_the_story_says(story: Story, disguise: Disguise) -> None:
    management_as_expected(graded_bundle(story.id, disguise.name)[EXTENSION], story)


@pytest.mark.parametrize(
    ("story", "disguise"),
    [c for c in BUNDLE_CASES if c.values[0].is_assessed and c.values[1] is not PLAIN],
)
def test_disguise_changes_neither_grade_nor_recommendation(story: Story, disguise: Disguise) -> None:
    plain = graded_bundle(story.id, PLAIN.name)[EXTENSION]
    disguised = graded_bundle(story.id, disguise.name)[EXTENSION]
    for syndrome in ("crs", "icans"):
        assert disguised[syndrome] == plain[syndrome]
    assert recommended(disguised) == recommended(plain)


@pytest.mark.parametrize(("story", "disguise"), HTTP_CASES)
def test_hook_answers_as_the_story_says(client: TestClient, story: Story, disguise: Disguise) -> None:
    response = send_patient_view(client, resources_of(story, disguise), patient_id=PATIENT)
    assert response.status_code == 200
    answer = response.json()
    if not story.is_assessed:
        assert answer["cards"] == []
        assert "extension" not in answer
        return
    assert answer["cards"], "a recipient inside the monitoring window always gets a card"
    assessment = answer["extension"][EXTENSION]
    grades_as_expected(assessment, story)
    if protocol_for(story) == "met-2021":
        management_as_expected(assessment, story)
