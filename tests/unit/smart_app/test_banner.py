"""The banner: who the patient is, from whatever a Patient resource holds."""

from datetime import date
from typing import Any

import pytest

from smart_app.banner import age_in_years, banner_of


def name_of(*names: Any) -> str | None:
    return banner_of({"name": list(names)}).name


def test_the_official_name_comes_first() -> None:
    maiden = {"use": "maiden", "family": "Before"}
    official = {"use": "official", "family": "Alder", "given": ["Ann", "Mary"]}
    assert name_of({"family": "Other"}, maiden, official) == "Ann Mary Alder"
    assert name_of({"family": "Other"}, maiden) == "Other"


def test_a_name_out_of_use_is_no_name() -> None:
    assert name_of({"use": "old", "family": "Before"}, {"use": "maiden", "family": "Before"}) is None


def test_a_name_that_is_text_alone_is_taken() -> None:
    assert name_of({"text": "Ann Alder"}) == "Ann Alder"


def test_signs_that_turn_text_around_are_left_out() -> None:
    assert name_of({"family": "Al\u202eder\x00", "given": ["A\nnn"]}) == "A nn Al der"


def test_a_name_without_end_is_cut() -> None:
    found = name_of({"family": "x" * 5000})
    assert found is not None and len(found) == 120 and found.endswith("…")


def test_the_record_number_is_the_one_that_says_so() -> None:
    other = {"system": "urn:x", "value": "111"}
    typed = {"type": {"coding": [{"code": "XX"}, {"code": "MR"}]}, "value": "222"}
    assert banner_of({"identifier": [other, typed]}).record_number == "222"
    assert banner_of({"identifier": [other]}).record_number == "111"
    assert banner_of({"identifier": [{**typed, "use": "old"}, other]}).record_number == "111"
    assert banner_of({"identifier": [{"type": typed["type"]}]}).record_number is None


@pytest.mark.parametrize(
    ("text", "day", "born"),
    [
        ("1961-05-04", date(1961, 5, 4), None),
        ("1961-05", None, "1961-05"),
        ("1961", None, "1961"),
        ("1961-13-40", None, None),
        ("unknown", None, None),
        (None, None, None),
        (1961, None, None),
    ],
)
def test_a_birth_date_is_never_completed(text: Any, day: date | None, born: str | None) -> None:
    found = banner_of({"birthDate": text})
    assert (found.birth_date, found.born) == (day, born)


def test_anything_may_be_in_a_patient() -> None:
    for odd in (None, {}, {"name": "x", "identifier": 7}, {"name": [None, 7, {"given": "x", "family": 3}]}):
        found = banner_of(odd)
        assert (found.name, found.record_number, found.sex) == (None, None, None)


@pytest.mark.parametrize(
    ("today", "years"), [(date(2026, 5, 3), 64), (date(2026, 5, 4), 65), (date(1961, 5, 4), 0)]
)
def test_age_is_in_completed_years(today: date, years: int) -> None:
    assert age_in_years(date(1961, 5, 4), today) == years
