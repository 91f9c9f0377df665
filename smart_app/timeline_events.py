"""Rows of the nervous system, of drugs given as doses, of statements, and of what could not be read."""

from datetime import datetime
from decimal import Decimal

from grading.bedside_words import in_words
from grading.chart import (
    ANTICYTOKINES,
    ANTIPYRETICS,
    STEROIDS,
    Attributable,
    CapdScore,
    ChartGap,
    Consciousness,
    DrugDose,
    IceScore,
    Motor,
    RaisedIcp,
    Seizure,
    Source,
)
from grading.chart_index import ChartIndex
from management.gap_words import describe_gap
from management.lab_values import exact
from smart_app.timeline_rows import Kind, RowBook
from smart_app.timeline_vitals import cause_at

RUNS_BY_RATE = "runs by a rate: may be a vasopressor"
_SCALE_WORDS = {"rass": "RASS", "gcs-eye": "GCS eye opening"}
_ATTRIBUTABLE_WORDS = {
    Attributable.FEVER: "Fever",
    Attributable.HYPOTENSION: "Hypotension",
    Attributable.HYPOXIA: "Hypoxia",
    Attributable.NEUROLOGICAL: "Neurological finding",
}


def write_ice(score: IceScore) -> str:
    """``7``, or what is possible where items were not done: ``7–10``."""
    return str(score.minimum) if score.minimum == score.maximum else f"{score.minimum}–{score.maximum}"


def write_capd(score: CapdScore) -> str:
    """The total, or that it could not be performed: never 0 for that."""
    return "could not be performed" if score.total is None else str(score.total)


def add_scores(book: RowBook, index: ChartIndex, start: datetime) -> None:
    """ICE with the range that items not done leave, and CAPD."""
    unimpaired = index.tables.limit("ice-unimpaired")
    for ice in index.ice.between(start, index.horizon):
        cause = None if ice.minimum >= unimpaired else _neurological(index, ice.at)
        not_done = ", ".join(item.value.removeprefix("ice-") for item in ice.items_not_done)
        book.add(
            Kind.ICE,
            ice.at,
            "ICE",
            f"{write_ice(ice)} of {unimpaired}",
            ice.source,
            remarks=(f"not done: {not_done}",) if not_done else (),
            number=Decimal(ice.maximum),
            lowest=Decimal(ice.minimum),
            label=write_ice(ice),
            attributed=cause,
        )
    for capd in index.capd.between(start, index.horizon):
        total = None if capd.total is None else Decimal(capd.total)
        book.add(
            Kind.CAPD,
            capd.at,
            "CAPD",
            write_capd(capd),
            capd.source,
            number=total,
            lowest=total,
            label="not performed" if capd.total is None else write_capd(capd),
            attributed=_neurological(index, capd.at) if capd.total != 0 else None,
        )


def add_findings(book: RowBook, index: ChartIndex, start: datetime) -> None:
    """Arousal, sedation, seizures, motor findings and raised pressure, those charted as absent too."""
    for row in index.consciousness.between(start, index.horizon):
        found = row.level is not Consciousness.ALERT
        _add_finding(
            book, index, Kind.AROUSAL, row.at, "Consciousness", in_words(row.level), row.source, found
        )
    for score in index.arousal.between(start, index.horizon):
        lowest, highest = index.levels_of_arousal(score)
        name = _SCALE_WORDS[score.scale.value]
        value = f"{score.score:+d}" if score.score and name == "RASS" else str(score.score)
        _add_finding(
            book, index, Kind.AROUSAL, score.at, name, value, score.source, (lowest, highest) != (0, 0)
        )
    for sedation in index.sedation.between(start, index.horizon):
        book.add(
            Kind.AROUSAL,
            sedation.at,
            "Sedated",
            "yes" if sedation.sedated else "no",
            sedation.source,
            found=sedation.sedated,
            label="sedated" if sedation.sedated else None,
        )
    for seizure in index.seizures.between(start, index.horizon):
        found = seizure.finding is not Seizure.NONE
        value = in_words(seizure.finding)
        _add_finding(book, index, Kind.SEIZURE, seizure.at, "Seizure", value, seizure.source, found)
    for motor in index.motor.between(start, index.horizon):
        found = motor.finding is not Motor.NONE
        _add_finding(
            book, index, Kind.MOTOR, motor.at, "Motor finding", in_words(motor.finding), motor.source, found
        )
    for icp in index.raised_icp.between(start, index.horizon):
        found = icp.finding is not RaisedIcp.NONE
        value = in_words(icp.finding)
        _add_finding(
            book, index, Kind.RAISED_ICP, icp.at, "Raised intracranial pressure", value, icp.source, found
        )


def add_doses(book: RowBook, index: ChartIndex, start: datetime) -> None:
    """Doses given, by class; an antipyretic says whether it may mask a fever."""
    for dose in index.doses.between(start, index.horizon):
        amount = "amount not charted" if dose.milligrams is None else f"{exact(dose.milligrams)} mg"
        name = (dose.name or dose.drug.value).capitalize()
        book.add(
            _kind_of(dose),
            dose.at,
            name,
            amount,
            dose.source,
            remarks=_dose_remarks(dose),
            label=None if dose.milligrams is None else amount,
        )


def add_statements(book: RowBook, index: ChartIndex, start: datetime) -> None:
    """The infusion, attributions and their withdrawals, the team's concern, reports of imaging."""
    for infusion in index.chart.infusions:
        if infusion.at is not None and start <= infusion.at <= index.horizon:
            product = (infusion.product or "product not known").replace("-", " ")
            book.add(Kind.INFUSION, infusion.at, "CAR-T infusion", product, infusion.source, label=product)
    for stated in index.chart.attributions:
        if not start <= stated.at <= index.horizon:
            continue
        what = _ATTRIBUTABLE_WORDS[stated.what]
        cause = "withdrawn" if stated.withdrawn else stated.cause or "cause not stated"
        book.add(
            Kind.ATTRIBUTION,
            stated.at,
            f"{what} attributed to another cause",
            cause,
            stated.source,
            found=not stated.withdrawn,
        )
    for concern in index.team_concerns.between(start, index.horizon):
        book.add(
            Kind.STATEMENT,
            concern.at,
            "Team's concern",
            "stated" if concern.present else "no longer",
            concern.source,
            remarks=("not graded",),
        )
    for report in index.chart.imaging:
        if start <= report.at <= index.horizon:
            book.add(
                Kind.STATEMENT,
                report.at,
                "Imaging report",
                report.conclusion,
                report.source,
                remarks=("not graded",),
            )


def add_unreadable(book: RowBook, gaps: tuple[ChartGap, ...], start: datetime, horizon: datetime) -> None:
    """What was charted at a time and could not be read: never left out of the table."""
    for gap in gaps:
        if gap.at is None or gap.at > horizon or (gap.until or gap.at) < start:
            continue
        book.add(
            Kind.UNREADABLE,
            gap.at,
            describe_gap(gap.what, gap.why),
            gap.detail or "could not be read",
            gap.source,
            until=gap.until,
            label="?",
            remarks=(RUNS_BY_RATE,) if gap.running_rate else (),
        )


def _neurological(index: ChartIndex, at: datetime) -> str | None:
    return cause_at(index, Attributable.NEUROLOGICAL, at)


def _add_finding(
    book: RowBook,
    index: ChartIndex,
    kind: Kind,
    at: datetime,
    what: str,
    value: str,
    source: Source,
    found: bool,
) -> None:
    cause = _neurological(index, at) if found else None
    short = f"{what} {value}" if what in _SCALE_WORDS.values() else value
    book.add(kind, at, what, value, source, label=short if found else None, found=found, attributed=cause)


def _kind_of(dose: DrugDose) -> Kind:
    if dose.drug in ANTICYTOKINES:
        return Kind.ANTICYTOKINE
    if dose.drug in STEROIDS:
        return Kind.STEROID
    return Kind.ANTIPYRETIC if dose.drug in ANTIPYRETICS else Kind.OTHER_DRUG


def _dose_remarks(dose: DrugDose) -> tuple[str, ...]:
    remarks = []
    if dose.name is not None and dose.drug.value not in dose.name.lower():
        remarks.append(dose.drug.value)
    if dose.subcutaneous:
        remarks.append("subcutaneous: not counted")
    if not dose.systemic:
        remarks.append("local form: masks no fever and treats neither syndrome")
    elif dose.drug in ANTIPYRETICS:
        remarks.append("may mask fever")
    return tuple(remarks)
