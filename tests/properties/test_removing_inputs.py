"""Removing any one input from any story never silently removes a warning: it becomes a gap.

A **warning** is a recommendation of any id and strength, an entry among what is withheld, or a syndrome whose
lowest possible grade is 1 or more. A warning is **lost** when its id (with its guard, for what is withheld)
is no longer there, or when the lowest grade of a syndrome has fallen. Every loss must leave a gap that names
the input, whatever else has taken the warning's place.

Three kinds of inputs, and what each can promise:

(a) A *measured kind* of the chart, removed wholly: temperatures, pressures, devices, saturations, ICE, CAPD,
    consciousness, weights, laboratory values, statements of sedation, the birth date, the date of the
    infusion. Somebody measures these in every patient, so that none at all is known to be a gap.

(b) An *answer of the record system*, left out of a request or replaced by an error. The service knows what it
    asked for, so that whatever is lost is a gap ``not-retrieved``.

(c) *Events*: a dose, a running vasopressor, a bolus, a diagnosis, an attribution, a seizure. A chart in which
    one was never entered is the chart of a patient in whom it never happened; no reader can tell the two
    apart, and none is claimed to. Seizures, motor findings and signs of raised pressure have an answer
    "none", so that the absence of any answer is listed as not charted, whether or not anything was lost. For
    the others the promise is (b) alone: their absence is believed only where the system was asked and
    answered in full.

The expected names of the gaps are written out here by hand, not read from the list the service asks by.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import Any, Final

import pytest
from fastapi.testclient import TestClient

from cds_service.app import create_app
from cds_service.settings import Settings
from fhir_maps.chart_reader import read_chart
from fhir_maps.terminology import Terminology, load_terminology
from grading.chart import Chart
from management.assessment_document import assessment_document
from management.protocol import load_protocol
from management.reviewing import review
from tests.builders import AT, Story, bundle, load_stories, resources_of
from tests.builders.courses import load_courses
from tests.builders.fhir import PATIENT
from tests.prefetch_client import discover, hook_request

Document = Mapping[str, Any]
EXTENSION: Final = "io.github.cart-toxicity-cds.assessment"
SERVICE: Final = "cart-toxicity-patient-view"


@dataclass(frozen=True, slots=True)
class Look:
    """A story at one time; ``chart_id`` is shared by the looks at one course."""

    id: str
    chart_id: str
    story: Story
    at: datetime


DEV_LOOKS: Final = [Look(story.id, story.id, story, AT) for story in load_stories("stories.json")]
LOOKS: Final = [
    *DEV_LOOKS,
    *(Look(story.id, story.id, story, AT) for story in load_stories("stories_more.json")),
    *(
        Look(instant.story.id, course.id, instant.story, instant.at)
        for course in load_courses()
        for instant in course.instants
    ),
]
LOOK_BY_ID: Final = {look.id: look for look in LOOKS}

Removal = Callable[[Chart], Chart]


def _without(*names: str) -> Removal:
    return lambda chart: replace(chart, **dict.fromkeys(names, ()))


def _without_birth_date(chart: Chart) -> Chart:
    return replace(chart, patient=replace(chart.patient, birth_date=None))


def _without_infusion_dates(chart: Chart) -> Chart:
    return replace(chart, infusions=tuple(replace(infusion, at=None) for infusion in chart.infusions))


# What is removed, and the gaps of which one has to name it. A flow charted alone was all there was on oxygen.
MEASURED: Final[dict[str, tuple[Removal, set[str]]]] = {
    "temperatures": (_without("temperatures"), {"temperature"}),
    "pressures": (_without("systolic_pressures"), {"blood-pressure"}),
    "pressures-and-statements": (
        _without("systolic_pressures", "hypotension_statements"),
        {"blood-pressure"},
    ),
    "oxygen-devices": (_without("oxygen_devices"), {"oxygen"}),
    "oxygen-flows": (_without("oxygen_flows"), {"oxygen-flow", "oxygen"}),
    "oxygen": (_without("oxygen_devices", "oxygen_flows", "inspired_oxygen"), {"oxygen"}),
    "saturations": (_without("saturations"), {"spo2"}),
    "ice": (_without("ice_scores"), {"ice"}),
    "capd": (_without("capd_scores"), {"capd"}),
    "consciousness": (_without("consciousness", "arousal_scores"), {"consciousness"}),
    "sedation": (_without("sedation"), {"sedation"}),
    "weights": (_without("weights"), {"weight"}),
    "labs": (_without("labs"), {"labs"}),
    "birth-date": (_without_birth_date, {"age"}),
    "infusion-dates": (_without_infusion_dates, {"infusion"}),
}
ANSWERED_WITH_NONE: Final = {"seizures": "seizure", "motor": "motor", "raised_icp": "raised-icp"}


@cache
def _terminology() -> Terminology:
    return load_terminology()


@cache
def _chart(chart_id: str) -> Chart:
    look = next(look for look in LOOKS if look.chart_id == chart_id)
    content = json.dumps(bundle(resources_of(look.story))).encode()
    return read_chart([content], terminology=_terminology(), patient_id=None).chart


def _assessed(chart: Chart, look: Look) -> Document:
    reviewed = review(chart, look.at, load_protocol(look.story.protocol))
    return {} if reviewed is None else assessment_document(reviewed)


@cache
def _whole(look_id: str) -> Document:
    look = LOOK_BY_ID[look_id]
    return _assessed(_chart(look.chart_id), look)


def _warnings(document: Document) -> set[tuple[str, ...]]:
    recommended = {("recommended", row["id"]) for row in document.get("recommendations", [])}
    return recommended | {("withheld", row["id"], row["because"]) for row in document.get("withheld", [])}


def _lowest(document: Document, syndrome: str) -> int:
    return int(document[syndrome]["range"][0]) if syndrome in document else 0


def lost(before: Document, after: Document) -> list[str]:
    """Each warning that is there before and not after, in words."""
    fallen = [
        f"{syndrome} {_lowest(before, syndrome)} -> {_lowest(after, syndrome)}"
        for syndrome in ("crs", "icans")
        if _lowest(after, syndrome) < _lowest(before, syndrome)
    ]
    return fallen + sorted(" ".join(warning) for warning in _warnings(before) - _warnings(after))


def _gaps(document: Document) -> set[tuple[str, str]]:
    return {(row["what"], row["why"]) for row in document.get("gaps", [])}


def _lost_silently(look: Look, name: str) -> list[str]:
    """What is lost without a gap when the input is removed; nothing where the story does not hold it."""
    chart, (remove, names) = _chart(look.chart_id), MEASURED[name]
    rest = remove(chart)
    if rest == chart:
        return []
    after = _assessed(rest, look)
    gone = lost(_whole(look.id), after)
    return [] if names & {what for what, _ in _gaps(after)} else gone


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: look.id)
def test_a_measured_kind_that_is_removed_becomes_a_gap(look: Look) -> None:
    assert {name: gone for name in MEASURED if (gone := _lost_silently(look, name))} == {}


def test_every_measured_kind_is_in_some_story_and_its_loss_is_felt() -> None:
    """A kind whose removal loses nothing anywhere would prove nothing."""
    for name, (remove, _) in MEASURED.items():
        assert any(
            lost(_whole(look.id), _assessed(remove(_chart(look.chart_id)), look))
            for look in LOOKS
            if remove(_chart(look.chart_id)) != _chart(look.chart_id)
        ), name


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: look.id)
def test_a_finding_that_nobody_answered_is_listed_as_not_charted(look: Look) -> None:
    chart = _chart(look.chart_id)
    for name, what in ANSWERED_WITH_NONE.items():
        after = _assessed(_without(name)(chart), look)
        if after and after["icans"]["status"] in ("none", "graded", "indeterminate"):
            assert (what, "not-charted") in _gaps(after)


# Which gap a prefetch key must leave; several keys of one subject are numbered.
FED_BY: Final = {
    "patient": {"age"},
    "infusionProcedures": {"infusion"},
    "infusionProducts": {"infusion"},
    "temperature": {"temperature"},
    "bloodPressure": {"blood-pressure"},
    "oxygen": {"oxygen", "oxygen-flow", "spo2"},
    "ice": {"ice"},
    "neurology": {"capd", "consciousness", "seizure", "motor", "raised-icp", "sedation"},
    "attributions": {"conditions"},
    "weight": {"weight"},
    "labs": {"labs"},
    "medicationAdministrations": {"vasopressors", "tocilizumab", "steroids"},
    "countedDrugs": {"tocilizumab", "steroids"},
    "procedures": {"oxygen"},
    "conditions": {"conditions"},
    "medicationRequests": set(),
    "reports": {"conditions"},
}
OUTCOME: Final = {
    "resourceType": "OperationOutcome",
    "issue": [{"severity": "error", "code": "exception"}],
}


@pytest.fixture(scope="module")
def clients() -> Iterator[dict[str, TestClient]]:
    """The service once for each protocol."""
    with ExitStack() as running:
        yield {
            name: running.enter_context(
                TestClient(
                    create_app(Settings.from_environment({"CART_CDS_PROTOCOL": name}), clock=lambda: AT),
                    base_url="http://127.0.0.1:8000",
                )
            )
            for name in sorted({look.story.protocol for look in DEV_LOOKS})
        }


def _asked(client: TestClient, request: dict[str, Any]) -> Document:
    response = client.post(f"/cds-services/{SERVICE}", json=request)
    assert response.status_code == 200
    answer = response.json()
    found: dict[str, Any] = answer.get("extension", {}).get(EXTENSION, {})
    told = [card["detail"] for card in answer["cards"] if card["source"]["topic"]["code"] == "missing-data"]
    return found | {"told": " ".join(told)}


def _subject(key: str) -> str:
    return key.rstrip("0123456789")


def _promise_broken(whole: Document, after: Document, key: str) -> list[str]:
    gone = lost(whole, after)
    if _subject(key) == "medicationRequests":
        # An order counts as nothing given, so that no input is unknown without it: a card names what was not
        # had.
        return [] if "active medication orders" in after["told"] else gone
    unread = {what for what, why in _gaps(after) if why == "not-retrieved"}
    return [] if unread & FED_BY[_subject(key)] else gone


def _losses_over_http(client: TestClient, look: Look) -> dict[str, list[str]]:
    """By key, what its absence or its error loses without a gap."""
    request = hook_request(discover(client, SERVICE), resources_of(look.story), patient_id=PATIENT)
    whole, prefetch = _asked(client, request), request["prefetch"]
    broken = {}
    for key in prefetch:
        rest = {name: answer for name, answer in prefetch.items() if name != key}
        for answers in (rest, rest | {key: OUTCOME}):
            if gone := _promise_broken(whole, _asked(client, request | {"prefetch": answers}), key):
                broken[key] = gone
    return broken


@pytest.mark.parametrize("look", DEV_LOOKS, ids=lambda look: look.id)
def test_an_answer_that_is_missing_or_an_error_becomes_a_gap(
    clients: dict[str, TestClient], look: Look
) -> None:
    broken = _losses_over_http(clients[look.story.protocol], look)
    assert broken == {}


def test_every_key_that_is_asked_for_says_what_its_absence_means(clients: dict[str, TestClient]) -> None:
    service = discover(next(iter(clients.values())), SERVICE)
    assert {_subject(key) for key in service["prefetch"]} <= FED_BY.keys()
