"""Patient stories in the chart notation (``tests/vignettes/README.md`` explains it)."""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

# The time of grading in every story; "hours ago" counts back from here.
AT: Final = datetime(2026, 3, 10, 8, 0, tzinfo=UTC)
FOLDER: Final = Path(__file__).parent.parent / "vignettes"
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Story:
    """One patient story: what is charted, what must come out, and why."""

    id: str
    title: str
    protocol: str
    chart: Json
    expect: Json
    because: str
    cite: tuple[str, ...]

    @property
    def is_assessed(self) -> bool:
        """Whether the story ends in an assessment at all; without an infusion on record it does not."""
        return not ("crs" in self.expect and self.expect["crs"] is None)

    @property
    def infusion_day(self) -> int | None:
        """The expected day since infusion, when the latest one was charted a whole number of days ago."""
        if "day" in self.expect:
            return int(self.expect["day"])
        days = [row["daysAgo"] for row in self.chart["infusions"] if _counts(row) and "daysAgo" in row]
        if not days or any("hoursAgo" in row for row in self.chart["infusions"]):
            return None
        return int(min(days))


def _counts(row: Json) -> bool:
    return row.get("status", "completed") == "completed" and "code" not in row


def hours_ago(hours: float) -> datetime:
    """A time of the story, to the second."""
    return AT - timedelta(seconds=round(hours * 3600))


def days_ago(days: float) -> datetime:
    """A time of the story, by days of 24 hours."""
    return hours_ago(days * 24)


def born(patient: Json) -> date:
    """A birth date that makes the stated age true at the time of grading, and well away from a birthday.

    ``birthdayInDays`` moves the next birthday to that many days from the grading date: 0 is "today".
    """
    today = AT.date()
    if "ageMonths" in patient:
        return today - timedelta(days=round(patient["ageMonths"] * 30.44) + 5)
    years = patient["ageYears"]
    in_days = patient.get("birthdayInDays")
    if in_days is None:
        return today.replace(year=today.year - years) - timedelta(days=40)
    birthday = today + timedelta(days=in_days)
    return birthday.replace(year=birthday.year - years - (1 if in_days > 0 else 0))


def _chart_of(row: Json, bases: dict[str, Json]) -> Json:
    if "base" not in row:
        return deepcopy(row["chart"])
    chart = deepcopy(bases[row["base"]])
    for key, value in row["chart"].items():
        if value is None:
            chart.pop(key, None)
        else:
            chart[key] = deepcopy(value)
    return chart


def load_stories(*names: str) -> list[Story]:
    """The stories of the named files of ``tests/vignettes``, in their written order."""
    found = []
    for name in names or ("stories.json", "stories_more.json"):
        content = json.loads((FOLDER / name).read_text(encoding="utf-8"))
        bases = content.get("bases", {})
        found += [
            Story(
                id=row["id"],
                title=row["title"],
                protocol=row.get("protocol", "met-2021"),
                chart=_chart_of(row, bases),
                expect=row["expect"],
                because=row["because"],
                cite=tuple(row["cite"]),
            )
            for row in content["stories"]
        ]
    return found
