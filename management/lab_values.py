"""Laboratory values as a reader says them, and as scores and late effects look them up."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from operator import attrgetter

from grading.chart import Lab, LabValue
from grading.tables import shipped_tables

_time = attrgetter("at")

UNITS: Mapping[Lab, str] = {
    Lab.ANC: "/µL",
    Lab.PLATELETS: "×10⁹/L",
    Lab.HAEMOGLOBIN: "g/dL",
    Lab.FERRITIN: "ng/mL",
    Lab.CRP: "mg/L",
    Lab.LDH: "U/L",
    Lab.FIBRINOGEN: "mg/dL",
    Lab.ALT: "U/L",
    Lab.AST: "U/L",
    Lab.BILIRUBIN: "mg/dL",
    Lab.CREATININE: "mg/dL",
    Lab.SODIUM: "mmol/L",
    Lab.POTASSIUM: "mmol/L",
    Lab.PHOSPHATE: "mg/dL",
    Lab.CALCIUM: "mg/dL",
    Lab.ALBUMIN: "g/dL",
    Lab.URATE: "mg/dL",
    Lab.TROPONIN: "as charted",
    Lab.IGG: "mg/dL",
    Lab.LACTATE: "mmol/L",
}
"""The unit in which each value of a chart is kept."""

_NAMES: Mapping[Lab, str] = {
    Lab.ANC: "neutrophils",
    Lab.CRP: "CRP",
    Lab.LDH: "LDH",
    Lab.ALT: "ALT",
    Lab.AST: "AST",
    Lab.IGG: "IgG",
}


def lab_name(lab: Lab) -> str:
    """A laboratory test as it is said within a sentence: ``neutrophils``, ``LDH``, ``potassium``."""
    return _NAMES.get(lab, lab.value)


def list_names(labs: Iterable[Lab]) -> str:
    """Several tests in one phrase: ``ALT, AST and LDH``."""
    *most, last = [lab_name(lab) for lab in labs]
    return f"{', '.join(most)} and {last}" if most else last


def exact(number: Decimal) -> str:
    """A number with at most two decimals and no trailing zero."""
    text = f"{number:.2f}"
    return text.rstrip("0").rstrip(".")


def with_unit(value: LabValue) -> str:
    """``potassium 6.2 mmol/L``, with what is known of how it was charted (a bound of the assay)."""
    unit = UNITS[value.lab]
    return f"{lab_name(value.lab)} {exact(value.value)}{'' if unit.startswith('/') else ' '}{unit}"


def capitalised(phrase: str) -> str:
    """The phrase as a sentence begins; an abbreviation stays as it is."""
    return phrase[:1].upper() + phrase[1:]


def values_between(
    labs: Sequence[LabValue], start: datetime, end: datetime, wanted: Iterable[Lab]
) -> dict[Lab, list[LabValue]]:
    """Values of some tests with ``start <= at <= end``, oldest first; ``labs`` is sorted by time."""
    found: dict[Lab, list[LabValue]] = {lab: [] for lab in wanted}
    # By identity: a member of an Enum takes longer to hash than all else here together.
    columns = {id(lab): values for lab, values in found.items()}
    for value in labs[bisect_left(labs, start, key=_time) : bisect_right(labs, end, key=_time)]:
        column = columns.get(id(value.lab))
        if column is not None:
            column.append(value)
    return found


def tests_until(labs: Sequence[LabValue], end: datetime) -> set[Lab]:
    """Which tests have a value up to an instant; ``labs`` is sorted by time."""
    return set({id(value.lab): value.lab for value in labs[: bisect_right(labs, end, key=_time)]}.values())


def newest_between(labs: Sequence[LabValue], start: datetime, end: datetime, wanted: Lab) -> LabValue | None:
    """The newest value of one test with ``start <= at <= end``; ``labs`` is sorted by time."""
    for place in range(bisect_right(labs, end, key=_time) - 1, -1, -1):
        value = labs[place]
        if value.at < start:
            return None
        if value.lab is wanted:
            return value
    return None


def horizon_of(at: datetime) -> datetime:
    """Until when a value counts at ``at``: clocks of devices and servers differ by minutes."""
    return at + shipped_tables().span("clock-skew")


def day_of(instant: datetime, infusion_at: datetime) -> int:
    """Days since the infusion by calendar date, in the offset of the infusion's own timestamp."""
    return (local_date(instant, infusion_at) - infusion_at.date()).days


def local_date(instant: datetime, infusion_at: datetime) -> date:
    """The calendar date of an instant where the infusion was given."""
    return instant.astimezone(infusion_at.tzinfo).date()


def hours(span: timedelta) -> int:
    """A span in whole hours."""
    return span // timedelta(hours=1)
