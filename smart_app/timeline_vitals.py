"""Rows of the circulation and of breathing: vital signs, fluids, vasoactive drugs, oxygen.

Values are told as charted, with no rounding across a limit. A finding that a clinician attributed to another
cause keeps its place and says so.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from grading.bedside_words import in_words
from grading.chart import AdministrationStatus, Attributable, VasoactiveRow
from grading.chart_index import ChartIndex
from grading.hypotension import describe_rate, spell_unit
from grading.infusions import RowShape, shape_of
from grading.table_rows import AgentKind
from management.lab_values import exact
from smart_app.timeline_rows import Kind, RowBook

_COUNTED = (AgentKind.COUNTED, AgentKind.VASOPRESSIN_LIKE)
_SHAPE_REMARKS = {
    RowShape.PUSH: "given at once: not counted as an infusion",
    RowShape.BARE: "charted, but nothing shows that it runs",
    RowShape.OFF: "off",
}


def cause_at(index: ChartIndex, what: Attributable, at: datetime) -> str | None:
    """The cause to which a clinician attributed a finding of that time; ``None`` where nobody did."""
    stated = index.attribution_at(what, at) if index.attributions else None
    return None if stated is None else stated.cause or "cause not stated"


def write_celsius(celsius: Decimal) -> str:
    """A temperature with one decimal at least, two where it has them: ``38.0``, ``37.96``."""
    text = exact(celsius)
    return text if "." in text else f"{text}.0"


def add_vitals(book: RowBook, index: ChartIndex, start: datetime) -> None:
    """Temperatures, systolic pressures and saturations from ``start`` on."""
    fever = index.tables.limit("fever-celsius")
    for reading in index.temperatures.between(start, index.horizon):
        cause = cause_at(index, Attributable.FEVER, reading.at) if reading.celsius >= fever else None
        text = f"{write_celsius(reading.celsius)} °C"
        book.add(
            Kind.TEMPERATURE,
            reading.at,
            "Temperature",
            text,
            reading.source,
            number=reading.celsius,
            attributed=cause,
        )
    cut = pressure_cut(index)
    for pressure in index.systolic_pressures.between(start, index.horizon):
        low = pressure.mmhg < cut
        cause = cause_at(index, Attributable.HYPOTENSION, pressure.at) if low else None
        text = f"{exact(pressure.mmhg)} mmHg"
        book.add(
            Kind.SYSTOLIC,
            pressure.at,
            "Systolic pressure",
            text,
            pressure.source,
            number=pressure.mmhg,
            attributed=cause,
        )
    desaturation = index.tables.limit("desaturation-percent")
    for saturation in index.saturations.between(start, index.horizon):
        low = saturation.percent < desaturation
        cause = cause_at(index, Attributable.HYPOXIA, saturation.at) if low else None
        text = f"{exact(saturation.percent)} %"
        book.add(
            Kind.SATURATION,
            saturation.at,
            "SpO2",
            text,
            saturation.source,
            number=saturation.percent,
            attributed=cause,
        )


def pressure_cut(index: ChartIndex) -> Decimal:
    """The systolic pressure below which hypotension may be derived, for the age of today; that of an adult
    where the age is not known. The patient's own baseline is not in it.
    """
    born, at = index.chart.patient.birth_date, index.at
    cuts = index.tables.pressure_cuts
    if born is None or born > at.date():
        return cuts[-1].mmhg
    years = at.year - born.year - ((at.month, at.day) < (born.month, born.day))
    cut = next((row for row in cuts if years <= row.to_years), cuts[-1])
    return cut.mmhg + cut.per_year * years


def add_oxygen(book: RowBook, index: ChartIndex, start: datetime) -> None:
    """Devices, flows and inspired oxygen as charted; what holds between is the lane's to say."""
    for row in index.devices.between(start, index.horizon):
        supported = index.tables.devices[row.device].highest > 0
        cause = cause_at(index, Attributable.HYPOXIA, row.at) if supported else None
        book.add(
            Kind.OXYGEN_DEVICE, row.at, "Oxygen device", in_words(row.device), row.source, attributed=cause
        )
    for flow in index.flows.between(start, index.horizon):
        text = f"{exact(flow.litres_per_minute)} L/min"
        book.add(Kind.OXYGEN_FLOW, flow.at, "Oxygen flow", text, flow.source)
    for inspired in index.inspired_oxygen.between(start, index.horizon):
        book.add(
            Kind.INSPIRED_OXYGEN,
            inspired.at,
            "FiO2",
            exact(inspired.fraction),
            inspired.source,
            remarks=("not graded",),
        )


def add_circulation(book: RowBook, index: ChartIndex, start: datetime) -> None:
    """Fluid boluses, statements on hypotension, and every record of a vasoactive drug."""
    for bolus in index.boluses.between(start, index.horizon):
        amount = f"{exact(bolus.millilitres)} mL"
        book.add(Kind.FLUID, bolus.at, "Fluid bolus", amount, bolus.source, label=amount)
    for statement in index.hypotension_statements.between(start, index.horizon):
        cause = cause_at(index, Attributable.HYPOTENSION, statement.at) if statement.present else None
        book.add(
            Kind.HYPOTENSION,
            statement.at,
            "Hypotension (stated)",
            "present" if statement.present else "not present",
            statement.source,
            found=statement.present,
            attributed=cause,
        )
    add_vasoactives(book, index, index.chart.vasoactives, start)


def add_vasoactives(
    book: RowBook, index: ChartIndex, records: Sequence[VasoactiveRow], start: datetime
) -> None:
    """One row a record: name, rate, from when until when, and whether it counts."""
    for record in records:
        open_still = record.end is None and record.status is AdministrationStatus.IN_PROGRESS
        if record.start > index.horizon or (not open_still and (record.end or record.start) < start):
            continue
        shape = shape_of(record, index.tables)
        remarks = [_SHAPE_REMARKS[shape]] if shape in _SHAPE_REMARKS else []
        if shape is RowShape.OPEN:
            remarks.append("no end charted")
        if index.tables.agents[record.agent].kind not in _COUNTED:
            remarks.append("does not count as a vasopressor")
        rate = write_rate(record)
        book.add(
            Kind.VASOACTIVE,
            record.start,
            in_words(record.agent).capitalize(),
            rate,
            record.source,
            remarks=tuple(remarks),
            until=record.end,
            label=rate,
            attributed=cause_at(index, Attributable.HYPOTENSION, record.start),
        )


def write_rate(record: VasoactiveRow) -> str:
    """The charted rate with its unit as a ward writes it."""
    if record.rate is None:
        return "rate not charted"
    return f"{describe_rate(record.rate)} {spell_unit(record.rate_unit or '')}".rstrip()
