"""Times of FHIR: an instant has an offset, or it is none."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from fhir_maps.r4 import Period
from fhir_maps.times import end_or_start, parse_date, parse_instant


def test_time_in_utc_is_an_instant() -> None:
    assert parse_instant("2026-03-04T08:00:00Z") == datetime(2026, 3, 4, 8, tzinfo=UTC)


def test_offset_of_the_record_is_kept() -> None:
    instant = parse_instant("2026-03-04T23:30:00-05:00")
    assert instant == datetime(2026, 3, 5, 4, 30, tzinfo=UTC)
    assert instant is not None
    assert instant.date() == date(2026, 3, 4)
    assert instant.tzinfo == timezone(timedelta(hours=-5))


def test_fractions_of_a_second_are_read() -> None:
    assert parse_instant("2026-03-04T08:00:00.123456789Z") == datetime(2026, 3, 4, 8, 0, 0, 123456, UTC)


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "2026-03-04T08:00:00",
        "2026-03-04",
        "2026-03",
        "2026",
        "yesterday",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "10000-01-01T00:00:00Z",
        "2026-02-30T08:00:00Z",
        "2026-03-04T25:00:00Z",
        "2026-03-04T08:00:00+99:00",
        "2" * 2_000_000,
    ],
)
def test_time_that_is_no_instant_is_none(text: str | None) -> None:
    assert parse_instant(text) is None


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("1968-05-07", date(1968, 5, 7)),
        ("1968-05", date(1968, 5, 1)),
        ("1968", date(1968, 1, 1)),
        ("0001-01-01", None),
        ("1968-13", None),
        ("sixty", None),
        ("", None),
        (None, None),
        ("9" * 2_000_000, None),
    ],
)
def test_date_may_be_a_year_or_a_month_alone(text: str | None, day: date | None) -> None:
    assert parse_date(text) == day


def test_period_counts_by_its_end_and_else_by_its_start() -> None:
    assert end_or_start(Period(start="a", end="b")) == "b"
    assert end_or_start(Period(start="a")) == "a"
    assert end_or_start(Period()) is None
