"""The sample patients as shipped: their records, their stories, and what must be found in them.

``expected.toml`` was worked out by hand from the stories and the rules, never copied from the product's
answers.
"""

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from importlib import resources
from typing import Any

from ehr_sandbox.record import CHART_CLOCK, Resource

_TIMES = re.compile(
    r'(?<=")(?:(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d))|(\d{4}-\d\d-\d\d))(?=")'
)
"""A JSON string that is an instant (first group) or a date (second), without its quotes."""


@dataclass(frozen=True, slots=True)
class ExpectedGrade:
    """What a clinician must find for one syndrome; ``peak`` and ``grade`` are ``None`` where there is
    none.
    """

    status: str
    lowest: int
    highest: int
    grade: int | None
    peak: int | None


@dataclass(frozen=True, slots=True)
class Expected:
    """The hand-worked answer for one patient. ``day``, ``crs`` and ``icans`` are ``None`` for no
    assessment at all.

    ``tocilizumab_mg`` is the dose the default protocol offers now (``None``: not stated), ``offered`` and
    ``never`` are recommendation ids.
    """

    because: str
    day: int | None = None
    crs: ExpectedGrade | None = None
    icans: ExpectedGrade | None = None
    tocilizumab_mg: float | None = None
    offered: tuple[str, ...] = ()
    never: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SamplePatient:
    """One synthetic patient. ``bundle`` is a collection Bundle that starts with the Patient."""

    id: str
    name: str
    story: str
    bundle: Resource
    expected: Expected

    def resources(self) -> list[Resource]:
        """Return the record's resources in the order of the file."""
        return [entry["resource"] for entry in self.bundle["entry"]]


def load_patients(now: datetime = CHART_CLOCK) -> tuple[SamplePatient, ...]:
    """Load all sample patients with their chart clock moved to ``now`` (aware), in the order of their names.

    All instants move by the same span and keep their offset; dates of birth move by whole days.
    """
    if now.tzinfo is None:
        raise ValueError("now must be aware")
    shift = now.replace(microsecond=0) - CHART_CLOCK
    folder = resources.files(__name__)
    expected = tomllib.loads(folder.joinpath("expected.toml").read_text("utf-8"))
    patients = []
    for id_, row in sorted(expected.items()):
        text = folder.joinpath(f"{id_}.json").read_text("utf-8")
        patients.append(
            SamplePatient(
                id=id_,
                name=row["name"],
                story=row["story"],
                bundle=json.loads(_move(text, shift) if shift else text),
                expected=_expected(row),
            )
        )
    return tuple(patients)


def moved_bundle(bundle: Resource, now: datetime) -> Resource:
    """Return a record written at the chart clock with that clock moved to ``now`` (aware)."""
    if now.tzinfo is None:
        raise ValueError("now must be aware")
    moved: Resource = json.loads(_move(json.dumps(bundle), now.replace(microsecond=0) - CHART_CLOCK))
    return moved


def _expected(row: Mapping[str, Any]) -> Expected:
    return Expected(
        because=row["because"],
        day=row.get("day"),
        crs=_grade(row.get("crs")),
        icans=_grade(row.get("icans")),
        tocilizumab_mg=row.get("tocilizumab_mg"),
        offered=tuple(row.get("offered", ())),
        never=tuple(row.get("never", ())),
    )


def _grade(row: Mapping[str, Any] | None) -> ExpectedGrade | None:
    if row is None:
        return None
    lowest, highest = row["range"]
    return ExpectedGrade(row["status"], lowest, highest, row.get("grade"), row.get("peak"))


def _move(text: str, shift: timedelta) -> str:
    def moved(found: re.Match[str]) -> str:
        if found[1]:
            return (datetime.fromisoformat(found[1]) + shift).isoformat()
        return (date.fromisoformat(found[2]) + timedelta(days=shift.days)).isoformat()

    return _TIMES.sub(moved, text)
