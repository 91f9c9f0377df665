"""The course that is played: what its words promise is what the record holds and what must be graded."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fhir.resources.R4B.bundle import Bundle

from ehr_sandbox.played_course import MILESTONES, guide_at, load_played_patient, played_record
from ehr_sandbox.record import CHART_CLOCK, parse_ago

START = datetime(2026, 5, 1, 20, 0, tzinfo=UTC)


def test_a_moment_ahead_of_the_chart_clock_is_told_with_a_plus() -> None:
    assert parse_ago("+8h") == timedelta(hours=-8)
    assert parse_ago("+1d30m") == -timedelta(days=1, minutes=30)
    assert parse_ago("2d4h") == timedelta(days=2, hours=4)
    for wrong in ("+", "", "8", "-8h", "+ 8h"):
        with pytest.raises(ValueError, match="span of time"):
            parse_ago(wrong)


def test_the_record_is_valid_and_begins_and_ends_as_told() -> None:
    patient = load_played_patient(START)
    Bundle.model_validate(patient.bundle)
    times = [
        datetime.fromisoformat(resource["effectiveDateTime"])
        for resource in patient.resources()
        if "effectiveDateTime" in resource
    ]
    # The first round lies 47 hours before the beginning, the last neurological one 198 hours after it.
    assert min(times) == START - timedelta(hours=48)
    assert max(times) == START + timedelta(hours=198)
    assert (
        patient.bundle["timestamp"]
        == (START + timedelta(hours=1)).replace(tzinfo=None).isoformat() + "+01:00"
    )


def test_the_infusion_was_the_day_before() -> None:
    [infusion] = [one for one in load_played_patient(START).resources() if one["resourceType"] == "Procedure"]
    assert datetime.fromisoformat(infusion["performedPeriod"]["start"]) == START - timedelta(days=1)


def test_the_record_needs_an_aware_moment() -> None:
    with pytest.raises(ValueError, match="aware"):
        load_played_patient(datetime(2026, 5, 1))  # noqa: DTZ001


def test_the_guide_tells_what_is_and_what_comes() -> None:
    begun = guide_at(MILESTONES, timedelta())
    assert begun is not None
    assert begun.now.startswith("The day after the infusion")
    assert (begun.since, begun.next, begun.hours) == (0, "the first fever", 12)
    # Six hours and a minute later nothing new was told, and just under six hours are left.
    later = guide_at(MILESTONES, timedelta(hours=6, minutes=1))
    assert later is not None
    assert (later.now, later.since, later.next, later.hours) == (begun.now, 6, "the first fever", 6)
    fever = guide_at(MILESTONES, timedelta(hours=12))
    assert fever is not None
    assert fever.now.startswith("38.9 °C")
    ended = guide_at(MILESTONES, timedelta(hours=400))
    assert ended is not None
    assert (ended.since, ended.next, ended.hours) == (400 - 192, None, 0)
    assert guide_at((), timedelta()) is None


def test_the_milestones_are_reached_by_the_steps_of_the_clock() -> None:
    assert all(one.hours % 12 == 0 for one in MILESTONES)
    assert [one.hours for one in MILESTONES] == sorted({one.hours for one in MILESTONES})


def test_the_course_is_the_same_at_every_writing() -> None:
    assert json.dumps(played_record().bundle()) == json.dumps(played_record().bundle())
    assert played_record().bundle()["timestamp"] == CHART_CLOCK.isoformat()


def test_the_words_name_values_that_stand_in_the_record() -> None:
    def value_at(hours: int, short: str) -> Any:
        at = (CHART_CLOCK + timedelta(hours=hours)).isoformat()
        [found] = [
            one["resource"]
            for one in played_record().bundle()["entry"]
            if one["resource"].get("effectiveDateTime") == at and f"-{short}-" in one["resource"]["id"]
        ]
        return found.get("valueInteger", found.get("valueQuantity", {}).get("value"))

    assert [value_at(hours, "ice-total") for hours in (70, 78, 94, 118, 142, 158)] == [8, 5, 2, 6, 9, 10]
    assert value_at(21, "o2-flow") == 2
    assert abs(value_at(9, "temp") - 38.9) <= 0.1
