"""Which story runs in which disguise, and what an assessment must say to agree with its story.

The expectations are worked out by hand in the stories' own files; each story is held to its own protocol.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import pytest

from tests.builders import DISGUISES, PLAIN, Disguise, Story, load_stories, resources_of
from tests.builders.disguises import changes, named

EXTENSION: Final = "io.github.cart-toxicity-cds.assessment"
STORIES: Final = load_stories("stories.json")
MORE_STORIES: Final = load_stories("stories_more.json")
# Through HTTP, our further stories run plain and in the disguise that has everything; the rest runs in all.
HTTP_DISGUISES_OF_MORE: Final = (PLAIN, named("everything-at-once"))


def cases(stories: Iterable[Story], disguises: Iterable[Disguise]) -> list[Any]:
    """One case a story and disguise that changes it, named like ``CRS-15[in-fahrenheit]``."""
    wanted = tuple(disguises)
    return [
        pytest.param(story, disguise, id=f"{story.id}[{disguise.name}]")
        for story in stories
        for plain in [resources_of(story)]
        for disguise in wanted
        if changes(disguise, story, plain)
    ]


BUNDLE_CASES: Final = cases(STORIES + MORE_STORIES, DISGUISES)
HTTP_CASES: Final = cases(STORIES, (disguise for disguise in DISGUISES if disguise.over_http)) + cases(
    MORE_STORIES, HTTP_DISGUISES_OF_MORE
)
PROTOCOLS: Final = tuple(sorted({story.protocol for story in STORIES + MORE_STORIES}))
STORY_BY_ID: Final = {story.id: story for story in STORIES + MORE_STORIES}


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
    else:
        assert doses == [{"value": milligrams, "unit": "mg"}]


def management_as_expected(assessment: dict[str, Any], story: Story) -> None:
    tocilizumab_as_expected(assessment, story)
    ids = recommended(assessment)
    assert not set(story.expect.get("never", [])) & set(ids)
    assert not set(story.expect.get("suggest", [])) - set(ids)
    for withheld in story.expect.get("withheld", []):
        held = [{key: row[key] for key in ("id", "because")} for row in assessment.get("withheld", [])]
        assert withheld in held
