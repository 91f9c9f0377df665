"""Low IgG beside a serious or recurrent infection."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from grading.chart import Chart, Condition, Lab, LabValue
from management.lab_values import exact, horizon_of, newest_between
from management.protocol_rows import CutRow
from management.severity_table import Number, shipped_severity
from management.situation import NOT_MET, Reasons
from management.vocabulary import Cut

_KIND = "infection"


def low_igg(chart: Chart, infusion_at: datetime | None, at: datetime, cuts: Mapping[Cut, CutRow]) -> Reasons:
    """IgG at or below the cut, with an infection on record; empty where it is not met.

    The diagnoses known as infections are serious ones. One that began after the infusion counts after it has
    resolved as well: another would be a recurrence.
    """
    found = infections_on_record(chart.conditions, infusion_at, at)
    immunoglobulin = current_igg(chart.labs, at) if found else None
    if immunoglobulin is None or immunoglobulin.value > cuts[Cut.LOW_IGG].value:
        return NOT_MET
    days = (at - immunoglobulin.at).days
    age = f" ({days} day{'s' if days > 1 else ''} ago)" if days > 0 else ""
    named = ", ".join(dict.fromkeys(row.text or row.code or _KIND for row in found))
    return (f"IgG {exact(immunoglobulin.value)} mg/dL{age} with an infection on record: {named}",)


def current_igg(labs: Sequence[LabValue], at: datetime) -> LabValue | None:
    """The newest IgG that is not older than a month."""
    start = at - shipped_severity().span(Number.IGG_HOLDS)
    return newest_between(labs, start, horizon_of(at), Lab.IGG)


def infections_on_record(
    conditions: Sequence[Condition], infusion_at: datetime | None, at: datetime
) -> tuple[Condition, ...]:
    """Infections that are current, or that began since the infusion."""
    return tuple(
        row
        for row in conditions
        if row.kind == _KIND
        and (row.at is None or row.at <= at)
        and (_is_current(row, at) or _began_since(row, infusion_at))
    )


def _is_current(row: Condition, at: datetime) -> bool:
    return row.resolved_at is None or row.resolved_at > at


def _began_since(row: Condition, infusion_at: datetime | None) -> bool:
    return row.at is not None and infusion_at is not None and row.at >= infusion_at
