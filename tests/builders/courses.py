"""Stories over time: days of chart after an infusion, looked at from several instants.

``tests/vignettes/courses.json`` writes them in hours after the (first) infusion and in steps: a value holds
from its hour on and is charted again and again until the next one. Here they become charts of the ordinary
notation, so that every disguise fits. The last hour of the chart stands at ``AT``; an earlier instant is an
earlier clock over the same whole chart, whose later rows have not happened yet.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import pairwise
from typing import Any, Final

from tests.builders.stories import AT, FOLDER, Json, Story

SERIES: Final = ("temperature", "systolic", "spo2", "oxygen", "ice", "capd", "consciousness", "labs")
_STEADY: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Expected:
    """The course of one syndrome: onset and steps in hours after the infusion (``None``: never)."""

    onset: float | None
    peak: int
    steps: tuple[tuple[float, int], ...]


@dataclass(frozen=True, slots=True)
class Instant:
    """One look at the chart: the hour, the time of the clock, and the story as it must be answered then."""

    hour: float
    at: datetime
    story: Story


@dataclass(frozen=True, slots=True)
class Course:
    """One patient over days."""

    id: str
    title: str
    protocol: str
    until: float
    chart: Json
    course: dict[str, Expected]
    instants: tuple[Instant, ...]

    @property
    def story(self) -> Story:
        """The whole chart as a story without an answer, for the writers of FHIR."""
        return self.instants[0].story

    def time_of(self, hour: float) -> datetime:
        """The time of an hour after the first infusion."""
        return AT - timedelta(seconds=round((self.until - hour) * 3600))

    def hour_of(self, moment: datetime) -> float:
        """The hour after the first infusion of a time."""
        return self.until - (AT - moment) / timedelta(hours=1)


def charted(steps: list[list[Any]], every: float, until: float) -> Iterator[tuple[float, Any]]:
    """``(hour, value)`` of a series in steps.

    A step is charted at its own hour and at each round of the ward (``every`` hours from the first step)
    before the next step. Several values of one step take turns; ``None`` is charted by nobody.
    """
    first = steps[0][0]
    for (start, value), (end, _) in pairwise([*steps, [until + _STEADY, None]]):
        rounds = int((until - first) // every) + 1
        grid = (first + every * turn for turn in range(rounds))
        hours = [start, *(hour for hour in grid if start < hour < end)]
        values = value if isinstance(value, list) else [value]
        for turn, hour in enumerate(hours):
            if values[turn % len(values)] is not None:
                yield hour, values[turn % len(values)]


def _repeated(rows: list[Json]) -> Iterator[Json]:
    """Rows of single events; ``every``, ``from`` and ``to`` stand for a row at each of those hours."""
    for row in rows:
        if "every" not in row:
            yield row
            continue
        rest = {key: value for key, value in row.items() if key not in ("every", "from", "to")}
        for turn in range(int((row["to"] - row["from"]) // row["every"]) + 1):
            yield rest | {"hour": row["from"] + turn * row["every"]}


def _oxygen(text: str) -> Json:
    device, _, flow = text.partition(" ")
    return {"device": device} | ({"flowLitresPerMinute": float(flow)} if flow else {})


_ROW_OF: Final[dict[str, tuple[str, Callable[[Any], Json]]]] = {
    "temperature": ("temperatures", lambda value: {"value": value, "unit": "Cel"}),
    "systolic": ("bloodPressure", lambda value: {"systolic": value}),
    "spo2": ("spo2", lambda value: {"percent": value}),
    "oxygen": ("oxygenHistory", _oxygen),
    "ice": ("earlierNeuro", lambda value: {"ice": value}),
    "capd": ("earlierNeuro", lambda value: {"capd": value}),
    "consciousness": ("earlierNeuro", lambda value: {"consciousness": value}),
    "labs": ("labs", dict),
}
_EVENTS: Final[dict[str, tuple[str, dict[str, str]]]] = {
    # key of a course -> key of the chart, and the members that are called otherwise there
    "fluidBoluses": ("fluidBoluses", {}),
    "steroids": ("steroids", {}),
    "antipyretics": ("antipyretics", {}),
    "conditions": ("conditions", {}),
    "seizures": ("earlierNeuro", {"kind": "seizure"}),
    "motor": ("earlierNeuro", {"finding": "motor"}),
    "raisedIcp": ("earlierNeuro", {"finding": "raisedIcp"}),
    "sedated": ("earlierNeuro", {"value": "sedated"}),
    "attributedElsewhere": ("attributedElsewhere", {}),
    "tocilizumab": ("tocilizumab", {}),
    "infusions": ("infusions", {}),
}


def _chart(written: Json, until: float) -> Json:
    """The chart of the ordinary notation, counted back from the last hour."""
    known = {*SERIES, *_EVENTS, "every", "patient", "laterWeights", "infusedDrugs"}
    if unknown := written.keys() - known:
        raise ValueError(f"no such key in a course: {sorted(unknown)}")
    found: Json = {}
    for name in SERIES:
        key, row_of = _ROW_OF[name]
        for hour, value in charted(written[name], written["every"][name], until) if written.get(name) else ():
            found.setdefault(key, []).append(row_of(value) | {"hoursAgo": until - hour})
    for name, (key, renamed) in _EVENTS.items():
        for row in _repeated(written.get(name, [])):
            rest = {renamed.get(member, member): value for member, value in row.items() if member != "hour"}
            if "withdrawn" in rest:
                rest["withdrawnHoursAgo"] = until - rest.pop("withdrawn")
            if name == "tocilizumab":
                rest = {"status": "completed"} | rest
            found.setdefault(key, []).append(rest | {"hoursAgo": until - row["hour"]})
    if drugs := written.get("infusedDrugs"):
        found["infusedDrugs"] = [_infused(row, until) for row in drugs]
    weights = [written["patient"]["weight"], *written.get("laterWeights", [])]
    days_ago = [{"kg": row["kg"], "daysAgo": (until - row["hour"]) / 24} for row in weights]
    found["patient"] = written["patient"] | {"weight": days_ago[0], "laterWeights": days_ago[1:]}
    return found


def _infused(row: Json, until: float) -> Json:
    if "segments" not in row:
        rest = {key: value for key, value in row.items() if key != "started"}
        open_run = {"status": "in-progress", "asWritten": True, "startedHoursAgo": until - row["started"]}
        return rest | open_run
    segments = [
        {
            "fromMinutesAgo": (until - piece["from"]) * 60,
            "toMinutesAgo": (until - piece["to"]) * 60,
            "rate": piece["rate"],
        }
        for piece in row["segments"]
    ]
    return row | {"segments": segments}


def _answer(row: Json) -> Json:
    """What an instant expects; a bare number of a syndrome is that grade, of which nothing is uncertain."""
    expect = {key: value for key, value in row.items() if key not in ("hour", "because")}
    for syndrome in ("crs", "icans"):
        grade = expect[syndrome]
        if isinstance(grade, int):
            status = "graded" if grade else "none"
            expect[syndrome] = {"status": status, "grade": grade, "range": [grade, grade]}
    return expect


def _instant(row: Json, *, course: Json, chart: Json) -> Instant:
    hour: float = row["hour"]
    story = Story(
        id=f"{course['id']}@{hour:g}h",
        title=course["title"],
        protocol=course["protocol"],
        chart=chart,
        expect=_answer(row),
        because=row["because"],
        cite=tuple(course["cite"]),
    )
    return Instant(hour, AT - timedelta(seconds=round((course["until"] - hour) * 3600)), story)


def load_courses() -> list[Course]:
    """The stories of ``courses.json`` in their written order."""
    content = json.loads((FOLDER / "courses.json").read_text(encoding="utf-8"))
    quiet = content["quiet"]
    courses = []
    for row in content["courses"]:
        written = quiet | row["chart"] | {"every": quiet["every"] | row["chart"].get("every", {})}
        chart = _chart(written, row["until"])
        expected = {
            syndrome: Expected(
                said["onset"], said["peak"], tuple((hour, grade) for hour, grade in said["steps"])
            )
            for syndrome, said in row["course"].items()
        }
        instants = tuple(map(partial(_instant, course=row, chart=chart), row["instants"]))
        courses.append(
            Course(row["id"], row["title"], row["protocol"], row["until"], chart, expected, instants)
        )
    return courses
