"""Every row of the course tables through ``course_of``: steps, onset, peak, resolution and doses.

The expected cells are worked out by hand from the rules and the windows.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from grading.assessment import GradeStep, Status
from grading.chart import Chart
from grading.course import PatientCourse, SyndromeCourse, TreatmentDose, course_of
from tests import chart_builders as build
from tests.spec.grading.situations import SpecRow, chart_of

TABLE = Path(__file__).parent / "course.md"
EXPECTED = ("rule", "steps", "onset", "peak", "resolution", "doses", "because")
MOMENT = timedelta(microseconds=1)
HOURS = range(0, 73, 2)
BASE: dict[str, tuple[str, tuple[Any, ...]]] = {
    "temperature": ("temperatures", tuple(build.temperature("37.0", hour) for hour in HOURS)),
    "pressure": ("systolic_pressures", tuple(build.systolic(118, hour) for hour in HOURS)),
    "oxygen": ("oxygen_devices", tuple(build.device("room-air", hour) for hour in HOURS)),
    "SpO2": ("saturations", tuple(build.saturation(96, hour) for hour in HOURS)),
    "ICE": ("ice_scores", tuple(build.ice(10, None, hour) for hour in HOURS)),
    "consciousness": ("consciousness", tuple(build.consciousness("alert", hour) for hour in HOURS)),
}


def _read() -> Iterator[SpecRow]:
    section, header = "", None
    for number, line in enumerate(TABLE.read_text("utf-8").splitlines(), 1):
        if line.startswith("## "):
            section, header = line.removeprefix("## "), None
        if not line.startswith("|") or set(line) <= set("|-"):
            continue
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if header is None:
            header = cells
        else:
            yield SpecRow(TABLE.name, number, section, dict(zip(header, cells, strict=True)))


def _chart(row: SpecRow) -> Chart:
    """The chart of a row on top of the regular charting."""
    named = {column: cell for column, cell in row.cells.items() if column not in EXPECTED and cell}
    only_base = {column: "; ".join(_but_base(cell)) or "none" for column, cell in named.items()}
    chart = chart_of(replace(row, cells=only_base))
    for column, (field, rows) in BASE.items():
        cell = named.get(column)
        if cell is None or "base" in cell.split("; "):
            own = () if cell is None else getattr(chart, field)
            chart = replace(chart, **{field: tuple(sorted((*rows, *own), key=lambda each: each.at))})
    return chart


def _but_base(cell: str) -> list[str]:
    return [entry for entry in cell.split("; ") if entry != "base"]


def _ago(instant: datetime | None) -> str:
    if instant is None:
        return ""
    edge = "+" if instant.microsecond else ""
    return f"{(build.AT - instant + (MOMENT if edge else timedelta(0))) / timedelta(hours=1):g}h{edge}"


def _grade(step: GradeStep) -> str:
    if step.status is Status.NOT_ASSESSABLE:
        return f"{step.lowest}-{step.highest} n/a"
    return f"{step.lowest}-{step.highest}" if step.status is Status.INDETERMINATE else str(step.grade)


def _step(step: GradeStep | None) -> str:
    return "" if step is None else f"{_grade(step)} @{_ago(step.at)}"


def _told(course: SyndromeCourse) -> dict[str, str]:
    steps = "; ".join(_step(step) for step in course.steps)
    return {"steps": steps, "onset": _ago(course.onset), "peak": _step(course.peak)}


def _told_dose(treatment: TreatmentDose) -> str:
    since = "" if treatment.hours_since_previous is None else f"{treatment.hours_since_previous:f} h later, "
    crs = f"CRS {_grade(treatment.crs_before)} to {_grade(treatment.crs_after)}"
    icans = f"ICANS {_grade(treatment.icans_before)} to {_grade(treatment.icans_after)}"
    by = "now" if treatment.after_at == build.AT else _ago(treatment.after_at)
    return f"{treatment.dose.drug.value} @{_ago(treatment.dose.at)}: {since}{crs}, {icans}, by {by}"


def _all(row: SpecRow, course: PatientCourse) -> dict[str, str]:
    if row.syndrome == "Doses":
        return {"doses": "; ".join(_told_dose(each) for each in course.treatments)}
    if row.syndrome == "ICANS":
        return _told(course.icans)
    return {**_told(course.crs), "resolution": _ago(course.resolution_proposed_at)}


@pytest.mark.parametrize(
    "row", list(_read()), ids=lambda row: f"{row.syndrome}:{row.line} {row.cells['rule']}"
)
def test_the_course_is_as_the_table_says(row: SpecRow) -> None:
    course = course_of(_chart(row), build.AT)
    assert course is not None
    told = _all(row, course)
    assert told == {name: row.cells[name] for name in told}
    assert row.cells["because"], "every row says why"
