"""Severity scores, shown as a trend only: EASIX and m-EASIX since the infusion, CAR-HEMATOTOX before it.

A score is never compared with a cut and never an input of a grade; CAR-HEMATOTOX alone has a word of its own
(high). CRP is kept in mg/L and these scores are written for mg/dL: each point shows the conversion. Values of
one point lie within a day of each other, and no value serves two points.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import lru_cache

from grading.chart import Lab, LabValue
from grading.tables import shipped_tables
from management.hematotox import score_hematotox
from management.lab_values import UNITS, exact, horizon_of, hours, lab_name, list_names, values_between
from management.review import Score, ScorePoint
from management.severity_table import Number, ScoreRow, SeverityTable, shipped_severity
from management.situation import Situation

_TENTH = Decimal("0.1")
_ByLab = Mapping[Lab, Sequence[LabValue]]


def score_severity(situation: Situation) -> tuple[Score, ...]:
    """The scores that the chart has any input for, each with what it lacks."""
    infusion = situation.evidence.infusion
    if infusion is None or infusion.at is None:
        return ()
    table = shipped_severity()
    start = infusion.at - table.span(Number.BASELINE_WITHIN)
    values = values_between(situation.chart.labs, start, horizon_of(situation.at), _labs_of_scores())
    since = infusion.at - shipped_tables().span("baseline")
    ratios = [_ratio(row, values, since, situation.at, table) for row in _ratios()]
    hematotox = score_hematotox(values, infusion.at, table)
    return tuple(score for score in (*ratios, hematotox) if score is not None)


@lru_cache(maxsize=1)
def _ratios() -> tuple[ScoreRow, ...]:
    return tuple(row for row in shipped_severity().scores.values() if row.over is not None)


@lru_cache(maxsize=1)
def _labs_of_scores() -> tuple[Lab, ...]:
    ratios = [lab for row in _ratios() for lab in _inputs(row)]
    return tuple(dict.fromkeys((*ratios, *shipped_severity().points)))


def _inputs(row: ScoreRow) -> tuple[Lab, ...]:
    return row.times if row.over is None else (*row.times, row.over)


def _ratio(
    row: ScoreRow, values: _ByLab, since: datetime, at: datetime, table: SeverityTable
) -> Score | None:
    """A product divided by platelets, at each time for which its values were charted; ``None`` without any
    value.
    """
    inputs = _inputs(row)
    columns = [[value for value in values[lab] if value.at >= since] for lab in inputs]
    if not any(columns):
        return None
    groups = _grouped(columns, table)
    points = [_point(group, table) for group in reversed(groups) if group[-1].value]
    return Score(
        name=row.name,
        points=tuple(points),
        missing=tuple(_missing(inputs, columns, groups, at, table)),
        reading=None,
        cite=row.provenance.citation,
        tier=row.provenance.tier,
        verified=row.provenance.verified,
    )


def _grouped(columns: Sequence[Sequence[LabValue]], table: SeverityTable) -> list[tuple[LabValue, ...]]:
    """One value of each column within the span of each other, newest group first, no value used twice."""
    span, most = table.span(Number.SCORE_PAIRING), int(table.number(Number.POINTS_SHOWN))
    left = [len(column) for column in columns]
    groups: list[tuple[LabValue, ...]] = []
    while all(left) and len(groups) < most:
        newest = tuple(column[place - 1] for column, place in zip(columns, left, strict=True))
        times = [value.at for value in newest]
        if max(times) - min(times) > span:
            left[times.index(max(times))] -= 1  # nothing of its day to pair it with
            continue
        groups.append(newest)
        left = [_place_before(column, min(times)) for column in columns]
    return groups


def _place_before(column: Sequence[LabValue], instant: datetime) -> int:
    """How many values of a column lie before an instant."""
    return sum(value.at < instant for value in column)


def _point(group: Sequence[LabValue], table: SeverityTable) -> ScorePoint:
    *factors, platelets = group
    product, shown = Decimal(1), []
    for value in factors:
        number, text = _converted(value, table)
        product *= number
        shown.append(text)
    result = (product / platelets.value).quantize(_TENTH)
    divisor = f"{lab_name(platelets.lab)} {exact(platelets.value)} {UNITS[platelets.lab]}"
    notes = [
        value.source.note for value in group if value.source.note and value.source.note.startswith("charted")
    ]
    bounds = f" ({'; '.join(notes)})" if notes else ""
    return ScorePoint(
        at=max(value.at for value in group),
        value=result,
        arithmetic=f"{' × '.join(shown)} ÷ {divisor} = {exact(result)}{bounds}",
    )


def _converted(value: LabValue, table: SeverityTable) -> tuple[Decimal, str]:
    """The number in the unit of the scores, and how it was come by."""
    name, charted = lab_name(value.lab), f"{exact(value.value)} {UNITS[value.lab]}"
    conversion = table.conversions.get(value.lab)
    if conversion is None:
        return value.value, f"{name} {charted}"
    number = value.value / conversion.divide_by
    return number, f"{name} {exact(number)} {conversion.to_unit} ({charted} ÷ {exact(conversion.divide_by)})"


def _missing(
    inputs: Sequence[Lab],
    columns: Sequence[Sequence[LabValue]],
    groups: Sequence[Sequence[LabValue]],
    at: datetime,
    table: SeverityTable,
) -> list[str]:
    window = shipped_tables().span("labs")
    if not groups:
        unknown = [lab for lab, column in zip(inputs, columns, strict=True) if not column]
        apart = hours(table.span(Number.SCORE_PAIRING))
        return [
            f"{list_names(unknown)} not charted"
            if unknown
            else f"{list_names(inputs)} not charted within {apart} h of each other"
        ]
    newest = groups[0]
    missing = []
    if at - max(value.at for value in newest) > window:
        missing.append(f"no newer {list_names(inputs)} of one day in the last {hours(window)} h")
    if not all(group[-1].value for group in groups):
        missing.append("platelets of 0: no division")
    return missing
