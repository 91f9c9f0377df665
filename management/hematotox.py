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
from management.severity_table import HEMATOTOX, Number, PointBand, SeverityTable

HIGH = "high"


def score_hematotox(
    values: Mapping[Lab, Sequence[LabValue]], infusion_at: datetime, table: SeverityTable
) -> Score | None:
    """The score from the values before the infusion, each column oldest first; ``None`` without any value."""
    depleted_from = infusion_at - table.span(Number.LYMPHODEPLETION)
    taken = [(bands, _taken(values[lab], depleted_from, infusion_at)) for lab, bands in table.points.items()]
    known = [(value, points_of(value, bands, table)) for bands, value in taken if value is not None]
    if not known:
        return None
    total = sum(points for _, points in known)
    highest = total + sum(max(band.points for band in bands) for bands, value in taken if value is None)
    unknown = [lab for lab, (_, value) in zip(table.points, taken, strict=True) if value is None]
    late = [value for value, _ in known if value.at >= depleted_from]
    row = table.scores[HEMATOTOX]
    return Score(
        name=row.name,
        points=() if unknown else (_point(known, total, infusion_at, table),),
        missing=(*_unknown(unknown, total, highest, table), *_late(late, infusion_at)),
        reading=_reading(total, bool(late), table) if not unknown else None,
        cite=row.provenance.citation,
        tier=row.provenance.tier,
        verified=row.provenance.verified,
    )


def points_of(value: LabValue, bands: Sequence[PointBand], table: SeverityTable) -> int:
    """Points of one value; the bands have no hole, so that each value lies in one."""
    number = _in_unit_of_score(value, table)
    return next(band.points for band in bands if band.holds(number))


def _taken(values: Sequence[LabValue], depleted_from: datetime, infusion_at: datetime) -> LabValue | None:
    """The newest value from before lymphodepletion, else the newest before the infusion."""
    before = [value for value in values if value.at < infusion_at]
    usable = [value for value in before if value.at < depleted_from] or before
    return usable[-1] if usable else None


def _in_unit_of_score(value: LabValue, table: SeverityTable) -> Decimal:
    conversion = table.conversions.get(value.lab)
    return value.value if conversion is None else value.value / conversion.divide_by


def _point(
    known: Sequence[tuple[LabValue, int]], total: int, infusion_at: datetime, table: SeverityTable
) -> ScorePoint:
    terms = [
        f"{_term(value, table)} on day {day_of(value.at, infusion_at)}: {points}" for value, points in known
    ]
    sum_of = " + ".join(str(points) for _, points in known)
    return ScorePoint(
        at=max(value.at for value, _ in known),
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
