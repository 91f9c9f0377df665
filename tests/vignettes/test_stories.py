"""Every patient story in every disguise, graded from a FHIR bundle as the command line does it."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import pytest

from cart_cds.grade_bundle import grade_bundle
from tests.builders import AT, PLAIN, Disguise, Story, bundle_of
from tests.builders.disguises import named
from tests.vignettes.expectations import (
    BUNDLE_CASES,
    EXTENSION,
    STORY_BY_ID,
    grades_as_expected,
    management_as_expected,
    recommended,
)


@cache
def graded_bundle(story_id: str, disguise_name: str) -> dict[str, Any]:
    story = STORY_BY_ID[story_id]
    bundle = bundle_of(story, named(disguise_name))
    return grade_bundle(json.dumps(bundle).encode(), at=AT, protocol=story.protocol)


@pytest.mark.parametrize(("story", "disguise"), BUNDLE_CASES)
def test_bundle_is_answered_as_the_story_says(story: Story, disguise: Disguise) -> None:
    """Graded and managed as the story says, and in a disguise exactly as without it."""
    answer = graded_bundle(story.id, disguise.name)
    if not story.is_assessed:
        assert answer == {}
        return
    assessment = answer[EXTENSION]
    grades_as_expected(assessment, story)
    management_as_expected(assessment, story)
    plain = graded_bundle(story.id, PLAIN.name)[EXTENSION]
    for syndrome in ("crs", "icans"):
        assert assessment[syndrome] == plain[syndrome]
    assert recommended(assessment) == recommended(plain)
