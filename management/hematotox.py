"""CAR-HEMATOTOX: points for blood count and inflammation before lymphodepletion.

The chart does not tell the day of lymphodepletion. The newest value from before the days on which it is
usually given is taken; where there is none, the newest before the infusion, and then it is said that it may
be from after lymphodepletion. A missing value leaves a range of what is possible, never a total.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from grading.chart import Lab, LabValue
from management.lab_values import UNITS, day_of, exact, lab_name, list_names
from management.review import Score, ScorePoint
from management.severity_table import HEMATOTOX, Number, SeverityTable

HIGH = "high"


def score_hematotox(
    before: Mapping[Lab, Sequence[LabValue]], infusion_at: datetime, table: SeverityTable
) -> Score | None:
    """The score from values before the infusion, each column oldest first; ``None`` without any value."""
    depleted_from = infusion_at - table.span(Number.LYMPHODEPLETION)
    taken = {lab: _taken(before[lab], depleted_from) for lab in table.points}
    known = {lab: value for lab, value in taken.items() if value is not None}
    if not known:
        return None
    points = {lab: points_of(value, table) for lab, value in known.items()}
    unknown = [lab for lab in taken if lab not in known]
    late = [value for value in known.values() if value.at >= depleted_from]
    total = sum(points.values())
    highest = total + sum(max(band.points for band in table.points[lab]) for lab in unknown)
    row = table.scores[HEMATOTOX]
    return Score(
        name=row.name,
        points=() if unknown else (_point(known, points, infusion_at, table),),
        missing=(*_unknown(unknown, total, highest, table), *_late(late, infusion_at)),
        reading=_reading(total, bool(late), table) if not unknown else None,
        cite=row.provenance.citation,
        tier=row.provenance.tier,
        verified=row.provenance.verified,
    )


def points_of(value: LabValue, table: SeverityTable) -> int:
    """Points of one value; the bands have no hole, so that each value lies in one."""
    number = _in_unit_of_score(value, table)
    return next(band.points for band in table.points[value.lab] if band.holds(number))


def _taken(values: Sequence[LabValue], depleted_from: datetime) -> LabValue | None:
    earlier = [value for value in values if value.at < depleted_from]
    usable = earlier or values
    return usable[-1] if usable else None


def _in_unit_of_score(value: LabValue, table: SeverityTable) -> Decimal:
    conversion = table.conversions.get(value.lab)
    return value.value if conversion is None else value.value / conversion.divide_by


def _point(
    known: Mapping[Lab, LabValue], points: Mapping[Lab, int], infusion_at: datetime, table: SeverityTable
) -> ScorePoint:
    terms = [
        f"{_term(value, table)} on day {day_of(value.at, infusion_at)}: {points[lab]}"
        for lab, value in known.items()
    ]
    total = sum(points.values())
    sum_of = " + ".join(str(each) for each in points.values())
    return ScorePoint(
        at=max(value.at for value in known.values()),
        value=Decimal(total),
        arithmetic=f"{'; '.join(terms)}; {sum_of} = {total}",
    )


def _term(value: LabValue, table: SeverityTable) -> str:
    charted = f"{exact(value.value)} {UNITS[value.lab]}"
    conversion = table.conversions.get(value.lab)
    if conversion is None:
        return f"{lab_name(value.lab)} {charted}"
    number = _in_unit_of_score(value, table)
    return (
        f"{lab_name(value.lab)} {exact(number)} {conversion.to_unit}"
        f" ({charted} ÷ {exact(conversion.divide_by)})"
    )


def _unknown(unknown: Sequence[Lab], lowest: int, highest: int, table: SeverityTable) -> tuple[str, ...]:
    if not unknown:
        return ()
    high = ", high either way" if lowest >= table.number(Number.HEMATOTOX_HIGH) else ""
    return (
        f"{list_names(unknown)} before the infusion not charted: between {lowest} and {highest} points{high}",
    )


def _late(late: Sequence[LabValue], infusion_at: datetime) -> tuple[str, ...]:
    if not late:
        return ()
    named = ", ".join(f"{lab_name(value.lab)} (day {day_of(value.at, infusion_at)})" for value in late)
    return (f"may be from after lymphodepletion, whose day is not read from the chart: {named}",)


def _reading(total: int, uncertain: bool, table: SeverityTable) -> str | None:
    if total < table.number(Number.HEMATOTOX_HIGH):
        return None
    return f"{HIGH}, if these values are from before lymphodepletion" if uncertain else HIGH
