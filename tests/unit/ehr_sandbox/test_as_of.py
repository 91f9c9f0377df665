"""Nothing later than the sandbox's clock is in the chart; what runs now has no end yet."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ehr_sandbox.as_of import visible_from
from tests.small_ward import Ward, ice, resource, temperature

HOUR = timedelta(hours=1)


def seen(ward: Ward, kind: str) -> list[str]:
    return sorted(one["id"] for one in ward.shelf.search(kind, [("patient", "one")]))


def test_what_lies_ahead_is_neither_found_nor_read_until_the_clock_reaches_it() -> None:
    ward = Ward(
        [temperature("before", "2026-03-04T11:59:59Z"), temperature("after", "2026-03-04T14:00:00+01:00")]
    )
    assert seen(ward, "Observation") == ["before"]
    assert ward.get("Observation/after").status_code == 404
    ward.clock.advance(HOUR)  # 13:00 UTC is 14:00 +01:00: the very instant counts
    assert seen(ward, "Observation") == ["after", "before"]
    assert ward.get("Observation/after").status_code == 200
    ward.clock.reset()
    assert seen(ward, "Observation") == ["before"]


@pytest.mark.parametrize(
    ("kind", "members", "since"),
    [
        ("Observation", {"effectiveDateTime": "2026-03-04T10:00:00+02:00"}, "2026-03-04T08:00:00Z"),
        ("Observation", {"effectiveInstant": "2026-03-04T10:00:00Z"}, "2026-03-04T10:00:00Z"),
        ("Observation", {"effectivePeriod": {"start": "2026-03-04T09:00:00Z"}}, "2026-03-04T09:00:00Z"),
        (
            "Observation",
            {"effectiveDateTime": "2026-03-04T06:00:00Z", "issued": "2026-03-04T07:30:00Z"},
            "2026-03-04T07:30:00Z",
        ),
        (
            "MedicationAdministration",
            {"effectivePeriod": {"start": "2026-03-04T05:00:00Z"}},
            "2026-03-04T05:00:00Z",
        ),
        ("MedicationAdministration", {"effectiveDateTime": "2026-03-04T05:00:00Z"}, "2026-03-04T05:00:00Z"),
        ("Procedure", {"performedPeriod": {"start": "2026-03-01T10:00:00Z"}}, "2026-03-01T10:00:00Z"),
        ("Procedure", {"performedDateTime": "2026-03-01"}, "2026-03-01T00:00:00Z"),
        ("Condition", {"onsetDateTime": "2026-03-01"}, "2026-03-01T00:00:00Z"),
        ("Condition", {"onsetDateTime": "2026-03-01", "recordedDate": "2026-03-02"}, "2026-03-02T00:00:00Z"),
        ("DiagnosticReport", {"issued": "2026-03-02T09:00:00Z"}, "2026-03-02T09:00:00Z"),
        ("MedicationRequest", {"authoredOn": "2026-03-02T09:00:00Z"}, "2026-03-02T09:00:00Z"),
        ("Condition", {}, None),
        ("Observation", {"effectivePeriod": {"end": "2027-03-04T09:00:00Z"}}, None),
        ("Encounter", {"period": {"start": "2027-01-01"}}, None),
    ],
)
def test_each_type_tells_by_its_own_elements_when_it_happened(
    kind: str, members: dict[str, Any], since: str | None
) -> None:
    expected = None if since is None else datetime.fromisoformat(since)
    assert visible_from(resource(kind, "x", **members)) == expected


def test_an_administration_runs_until_its_end_is_reached() -> None:
    ward = Ward(
        [
            resource(
                "MedicationAdministration",
                "drip",
                status="completed",
                effectivePeriod={"start": "2026-03-04T11:30:00Z", "end": "2026-03-04T12:30:00Z"},
            )
        ]
    )
    running = ward.get("MedicationAdministration/drip").json()
    assert running["status"] == "in-progress"
    assert running["effectivePeriod"] == {"start": "2026-03-04T11:30:00Z"}
    assert running["meta"]["versionId"] == "1"
    assert running["meta"]["lastUpdated"] == "2026-03-04T11:30:00.000+00:00"
    # A search for what is running finds it, and one for what is completed does not.
    assert ward.get("MedicationAdministration?patient=one&status=in-progress").json()["total"] == 1
    assert ward.get("MedicationAdministration?patient=one&status=completed").json()["total"] == 0
    ward.clock.advance(HOUR)
    ended = ward.get("MedicationAdministration/drip").json()
    assert ended["status"] == "completed"
    assert ended["effectivePeriod"]["end"] == "2026-03-04T12:30:00Z"
    assert ended["meta"]["versionId"] == "2"


@pytest.mark.parametrize("status", ["entered-in-error", "not-done", "on-hold"])
def test_an_administration_that_never_ran_is_not_shown_as_running(status: str) -> None:
    period = {"start": "2026-03-04T11:30:00Z", "end": "2026-03-04T12:30:00Z"}
    ward = Ward([resource("MedicationAdministration", "drip", status=status, effectivePeriod=period)])
    assert ward.get("MedicationAdministration/drip").json()["status"] == status


def test_what_is_written_is_seen_at_once_and_keeps_its_times() -> None:
    ward = Ward()
    # The ward's computer runs three minutes ahead of the sandbox.
    ward.post("Observation", ice(effectiveDateTime="2026-03-04T12:03:00+00:00"))
    [found] = ward.shelf.search("Observation", [("patient", "one")])
    assert found["effectiveDateTime"] == "2026-03-04T12:03:00+00:00"


def test_what_was_in_store_for_a_corrected_resource_does_not_happen_any_more() -> None:
    period = {"start": "2026-03-04T11:30:00Z", "end": "2026-03-04T12:30:00Z"}
    drug = {"medicationCodeableConcept": {"text": "norepinephrine"}}
    drip = resource("MedicationAdministration", "drip", status="completed", effectivePeriod=period, **drug)
    del drip["code"]
    ward = Ward([drip])
    stopped = {**ward.get("MedicationAdministration/drip").json(), "status": "on-hold"}
    assert ward.put("MedicationAdministration/drip", stopped).status_code == 200
    ward.clock.advance(HOUR)
    assert ward.get("MedicationAdministration/drip").json()["status"] == "on-hold"


def test_a_reset_puts_back_what_the_shelf_began_with() -> None:
    ward = Ward([temperature("before", "2026-03-04T11:00:00Z")])
    ward.post("Observation", ice())
    assert ward.count() == 2
    ward.shelf.reset()
    assert seen(ward, "Observation") == ["before"]


def test_the_clock_is_that_of_the_sandbox() -> None:
    assert Ward().shelf.now() == datetime(2026, 3, 4, 12, tzinfo=UTC)
