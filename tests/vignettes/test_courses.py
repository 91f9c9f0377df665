"""Twenty patients over days, looked at from several instants; what is charted later has not happened yet.

Every instant runs from a FHIR bundle of the whole chart, plain and in some disguises, and through the CDS
Hooks service with its clock at that instant.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final

import pytest
from fastapi.testclient import TestClient
from fhir.resources.R4B import get_fhir_model_class

from cds_service.app import create_app
from cds_service.settings import Settings
from fhir_maps.chart_reader import read_chart
from fhir_maps.terminology import Terminology, load_terminology
from grading.chart import Chart
from grading.course import SyndromeCourse, course_of
from management.assessment_document import assessment_extension
from management.protocol import load_protocol
from management.reviewing import review
from tests.builders import AT, PLAIN, Resource, bundle, resources_of
from tests.builders.courses import Course, Expected, Instant, load_courses
from tests.builders.disguises import named, one_of_each_shape
from tests.builders.fhir import PATIENT
from tests.prefetch_client import discover, hook_request
from tests.vignettes.expectations import EXTENSION, grades_as_expected, management_as_expected

COURSES: Final = load_courses()
COURSE_BY_ID: Final = {course.id: course for course in COURSES}
DISGUISE_NAMES: Final = (PLAIN.name, "in-fahrenheit", "shuffled", "duplicated", "everything-at-once")
SERVICE: Final = "cart-toxicity-patient-view"
A_MINUTE: Final = 1 / 60  # in hours; a window ends a moment after its last instant
SIX_DAYS: Final = 144  # hours of chart that a course must have at least


LOOKS: Final = [(course, instant) for course in COURSES for instant in course.instants]
INSTANTS: Final = [pytest.param(*look, id=look[1].story.id) for look in LOOKS]


@cache
def _terminology() -> Terminology:
    return load_terminology()


@cache
def _resources(course_id: str, disguise_name: str) -> list[Resource]:
    return resources_of(COURSE_BY_ID[course_id].story, named(disguise_name))


@cache
def _chart(course_id: str, disguise_name: str) -> Chart:
    content = json.dumps(bundle(_resources(course_id, disguise_name))).encode()
    return read_chart([content], terminology=_terminology(), patient_id=None).chart


@cache
def _assessment(course_id: str, disguise_name: str, at: datetime) -> dict[str, Any]:
    protocol = load_protocol(COURSE_BY_ID[course_id].protocol)
    reviewed = review(_chart(course_id, disguise_name), at, protocol)
    assert reviewed is not None
    found: Any = assessment_extension(reviewed)[EXTENSION]
    return dict(found)


@pytest.mark.parametrize("disguise_name", DISGUISE_NAMES)
@pytest.mark.parametrize(("course", "instant"), INSTANTS)
def test_instant_is_answered_as_the_story_says(course: Course, instant: Instant, disguise_name: str) -> None:
    assessment = _assessment(course.id, disguise_name, instant.at)
    grades_as_expected(assessment, instant.story)
    management_as_expected(assessment, instant.story)


@pytest.mark.parametrize(("course", "instant"), INSTANTS)
def test_what_is_charted_later_changes_nothing(course: Course, instant: Instant) -> None:
    """The chart cut off at the instant is answered as the whole chart is."""
    known = [held for held in _resources(course.id, PLAIN.name) if _began(held) <= instant.at]
    assert len(known) < len(_resources(course.id, PLAIN.name)) or instant.at == AT
    content = json.dumps(bundle(known)).encode()
    chart = read_chart([content], terminology=_terminology(), patient_id=None).chart
    reviewed = review(chart, instant.at, load_protocol(course.protocol))
    assert reviewed is not None
    assert assessment_extension(reviewed)[EXTENSION] == _assessment(course.id, PLAIN.name, instant.at)


def _began(resource: Resource) -> datetime:
    period = resource.get("effectivePeriod") or {}
    for said in (
        resource.get("effectiveDateTime"),
        period.get("start"),
        resource.get("performedDateTime"),
        resource.get("recordedDate"),
    ):
        if said:
            return datetime.fromisoformat(said)
    return AT - timedelta(days=365)


def _as_expected(found: SyndromeCourse, expected: Expected, course: Course) -> None:
    onset = None if found.onset is None else course.hour_of(found.onset)
    assert onset == (None if expected.onset is None else pytest.approx(expected.onset, abs=A_MINUTE))
    assert (found.peak.grade if found.peak else 0) == expected.peak
    steps = [(course.hour_of(step.at), step.grade) for step in found.steps]
    for hour, grade in expected.steps:
        assert (pytest.approx(hour, abs=A_MINUTE), grade) in steps


@pytest.mark.parametrize("disguise_name", DISGUISE_NAMES)
@pytest.mark.parametrize("course", COURSES, ids=lambda course: course.id)
def test_course_runs_as_the_story_says(course: Course, disguise_name: str) -> None:
    """Onset, peak and the steps that matter, looked back on from the end of the chart."""
    found = course_of(_chart(course.id, disguise_name), AT)
    assert found is not None
    _as_expected(found.crs, course.course["crs"], course)
    _as_expected(found.icans, course.course["icans"], course)


@pytest.mark.parametrize(("course", "instant"), INSTANTS)
def test_course_seen_at_an_instant_ends_in_the_grade_of_that_instant(
    course: Course, instant: Instant
) -> None:
    """The course up to an instant is the beginning of the course seen from the end."""
    found = course_of(_chart(course.id, PLAIN.name), instant.at)
    assert found is not None
    for syndrome, steps in (("crs", found.crs.steps), ("icans", found.icans.steps)):
        expected = instant.story.expect[syndrome]
        assert (steps[-1].grade, [steps[-1].lowest, steps[-1].highest]) == (
            expected["grade"],
            expected["range"],
        )


class Clock:
    """The time of the service, set by each test."""

    now = AT

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture(scope="module")
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def clients(clock: Clock) -> Iterator[dict[str, TestClient]]:
    """The service once for each protocol, all with the same clock."""
    with ExitStack() as running:
        yield {
            name: running.enter_context(
                TestClient(
                    create_app(Settings.from_environment({"CART_CDS_PROTOCOL": name}), clock=clock),
                    base_url="http://127.0.0.1:8000",
                )
            )
            for name in sorted({course.protocol for course in COURSES})
        }


@pytest.mark.parametrize(("course", "instant"), INSTANTS)
def test_hook_answers_as_the_story_says(
    clients: dict[str, TestClient], clock: Clock, course: Course, instant: Instant
) -> None:
    client = clients[course.protocol]
    clock.now = instant.at
    request = hook_request(discover(client, SERVICE), _resources(course.id, PLAIN.name), patient_id=PATIENT)
    response = client.post(f"/cds-services/{SERVICE}", json=request)
    assert response.status_code == 200
    answer = response.json()
    assert answer["cards"], "a recipient inside the monitoring window always gets a card"
    assessment = answer["extension"][EXTENSION]
    assert assessment["protocol"] == course.protocol
    grades_as_expected(assessment, instant.story)
    management_as_expected(assessment, instant.story)


@pytest.mark.parametrize("course", COURSES, ids=lambda course: course.id)
def test_a_course_is_days_of_chart_seen_at_three_instants(course: Course) -> None:
    assert course.until >= SIX_DAYS
    assert len(course.instants) >= 3
    assert all(0 <= instant.hour <= course.until for instant in course.instants)
    assert len(_resources(course.id, PLAIN.name)) > 150


def test_there_are_twenty_courses_and_both_protocols_have_five() -> None:
    assert len(COURSE_BY_ID) == len(COURSES) == 20
    for name in ("met-2021", "asco-2021"):
        assert sum(course.protocol == name for course in COURSES) >= 5


def test_the_charts_of_courses_are_valid_r4() -> None:
    """One of each shape: the rest differs in times and values alone."""
    shapes = one_of_each_shape((course.story for course in COURSES), [PLAIN])
    assert shapes
    for resource in shapes.values():
        get_fhir_model_class(resource["resourceType"]).model_validate(resource)
