"""The stories' own charts are checked first: a story in bad FHIR would prove nothing about grading."""

from __future__ import annotations

import json

import pytest
from fhir.resources.R4B import get_fhir_model_class

from tests.builders import DISGUISES, PLAIN, Disguise, bundle_of, load_stories, resources_of
from tests.builders.disguises import changes

STORIES = load_stories()


def disguise_id(disguise: Disguise) -> str:
    return disguise.name


@pytest.mark.parametrize("disguise", DISGUISES, ids=disguise_id)
def test_every_resource_is_valid_r4(disguise: Disguise) -> None:
    checked: set[str] = set()
    for story in STORIES:
        for resource in resources_of(story, disguise):
            text = json.dumps(resource, sort_keys=True)
            if text not in checked:
                checked.add(text)
                get_fhir_model_class(resource["resourceType"]).model_validate_json(text)
    assert checked


@pytest.mark.parametrize("disguise", DISGUISES, ids=disguise_id)
def test_a_disguise_changes_some_story(disguise: Disguise) -> None:
    assert any(changes(disguise, story) for story in STORIES)


@pytest.mark.parametrize("disguise", DISGUISES, ids=disguise_id)
def test_every_resource_has_its_own_id(disguise: Disguise) -> None:
    for story in STORIES:
        held = [(r["resourceType"], r["id"]) for r in resources_of(story, disguise)]
        assert len(set(held)) == len(held), story.id


def test_a_bundle_is_the_same_every_time() -> None:
    for story in STORIES[:5]:
        for disguise in DISGUISES:
            assert bundle_of(story, disguise) == bundle_of(story, disguise)


def test_a_bundle_is_valid_r4() -> None:
    get_fhir_model_class("Bundle").model_validate(bundle_of(STORIES[0], PLAIN))


def test_story_ids_are_unique_and_each_story_says_why() -> None:
    ids = [story.id for story in STORIES]
    assert len(set(ids)) == len(ids)
    assert all(story.because and story.cite and story.title for story in STORIES)
