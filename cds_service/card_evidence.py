"""The evidence behind a grade as rows of a card's table: finding, value, time, age, source.

Every input is shown with its time and the resource it came from, baseline and doses included; nothing is
rounded across a limit (37.96 °C stays 37.96). What is not there is not a row here: it stands among the
gaps.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, tzinfo
from decimal import Decimal

from cds_service.card_text import (
    escape_markdown,
    spell_units,
    table,
    write_age,
    write_hour,
    write_number,
    write_rate,
)
from grading.bedside_words import in_words
from grading.chart import IceScore, ImagingReport, LabValue, Source
from grading.evidence import Evidence, Oxygen
from management.lab_values import UNITS

_MOST_DOSES = 4
_MOST_REPORTS = 3
_HEADER = ("Finding", "Value", "Time", "Age", "Source")


@dataclass(frozen=True, slots=True)
class EvidenceRow:
    """One finding, in plain words; ``at`` is ``None`` for a value made of several (the baseline)."""

    finding: str
    value: str
    at: datetime | None
    source: Source | None


def evidence_table(rows: Iterator[EvidenceRow], now: datetime, zone: tzinfo | None) -> str | None:
    """The rows as a Markdown table in the infusion's offset; ``None`` when there is none."""
    cells = [
        (
            escape_markdown(row.finding),
            escape_markdown(row.value),
            write_hour(row.at, zone) if row.at else "",
            write_age(row.at, now) if row.at else "",
            _source(row.source),
        )
        for row in rows
    ]
    return table(_HEADER, cells) if cells else None


def _source(source: Source | None) -> str:
    if source is None:
        return ""
    text = source.reference if source.note is None else f"{source.reference} ({source.note})"
    return escape_markdown(spell_units(text), 120)


def crs_rows(evidence: Evidence) -> Iterator[EvidenceRow]:
    """Temperature, pressure and its support, oxygen, and the doses that mask fever or treat."""
    peak, latest = evidence.peak_temperature, evidence.latest_temperature
    if peak is not None:
        words = "Temperature" if peak == latest else "Temperature, highest of the window"
        yield EvidenceRow(words, f"{write_number(peak.celsius, 2)} °C", peak.at, peak.source)
    if latest is not None and latest != peak:
        yield EvidenceRow(
            "Temperature, latest", f"{write_number(latest.celsius, 2)} °C", latest.at, latest.source
        )
    yield from _circulation(evidence)
    yield from _oxygen_rows("Oxygen", evidence.oxygen)
    if fio2 := evidence.inspired_oxygen:
        yield EvidenceRow("FiO2 (not graded)", write_number(fio2.fraction, 2), fio2.at, fio2.source)
    if spo2 := evidence.saturation:
        yield EvidenceRow("SpO2", f"{write_number(spo2.percent)} %", spo2.at, spo2.source)
    yield from _oxygen_rows("Oxygen before the infusion", evidence.baseline.oxygen)
    if mask := evidence.masking:
        yield EvidenceRow("Masks fever", mask.name or mask.drug.value, mask.at, mask.source)
    yield from _doses(evidence)
    if weight := evidence.weight:
        yield EvidenceRow("Weight", f"{write_number(weight.kilograms, 2)} kg", weight.at, weight.source)


def icans_rows(evidence: Evidence) -> Iterator[EvidenceRow]:
    """ICE or CAPD, arousal, the events, sedation, and steroids given."""
    if ice := evidence.ice:
        missing = ", ".join(item.value.removeprefix("ice-") for item in ice.items_not_done)
        yield EvidenceRow(
            "ICE", _ice(ice) + (f"; not done: {missing}" if missing else ""), ice.at, ice.source
        )
    if baseline := evidence.baseline.ice:
        value = _ice(baseline) if isinstance(baseline, IceScore) else str(baseline.total)
        yield EvidenceRow("ICE before the infusion", value, baseline.at, baseline.source)
    if capd := evidence.capd:
        value = "could not be performed" if capd.total is None else str(capd.total)
        yield EvidenceRow("CAPD", value, capd.at, capd.source)
    if row := evidence.consciousness:
        yield EvidenceRow("Consciousness", in_words(row.level), row.at, row.source)
    if arousal := evidence.arousal:
        yield EvidenceRow(_words(arousal.scale.value).upper(), str(arousal.score), arousal.at, arousal.source)
    if seizure := evidence.seizure:
        yield EvidenceRow("Seizure", in_words(seizure.finding), seizure.at, seizure.source)
    if motor := evidence.motor:
        yield EvidenceRow("Motor", in_words(motor.finding), motor.at, motor.source)
    if pressure := evidence.raised_icp:
        value = in_words(pressure.finding)
        yield EvidenceRow("Raised intracranial pressure", value, pressure.at, pressure.source)
    if sedation := evidence.sedation:
        yield EvidenceRow("Sedated", "yes" if sedation.sedated else "no", sedation.at, sedation.source)
    for dose in evidence.steroids[-_MOST_DOSES:]:
        yield EvidenceRow(
            "Steroid given", _dose(dose.name or dose.drug.value, dose.milligrams), dose.at, dose.source
        )


def report_rows(reports: tuple[ImagingReport, ...], evidence: Evidence) -> Iterator[EvidenceRow]:
    """Conclusions of imaging since the infusion: shown, never graded."""
    since = evidence.infusion.at if evidence.infusion else None
    recent = [
        report for report in reports if report.at <= evidence.at and (since is None or report.at >= since)
    ]
    for report in recent[-_MOST_REPORTS:]:
        yield EvidenceRow("Report (not graded)", report.conclusion, report.at, report.source)


def laboratory_line(evidence: Evidence, zone: tzinfo | None) -> str | None:
    """The latest laboratory values in one line, those of one time together; ``None`` when there is none."""
    by_time: dict[str, list[str]] = {}
    for value in sorted(evidence.labs, key=lambda value: value.at, reverse=True):
        by_time.setdefault(write_hour(value.at, zone), []).append(_lab(value))
    told = [f"{time}: {', '.join(values)}" for time, values in by_time.items()]
    return "Laboratory (not part of the grade), " + "; ".join(told) + "." if told else None


def _lab(value: LabValue) -> str:
    name = value.lab.value.upper() if len(value.lab.value) <= len("ANC") else value.lab.value
    return f"{name} {write_number(value.value, 2)} {UNITS[value.lab]}"


def _circulation(evidence: Evidence) -> Iterator[EvidenceRow]:
    if pressure := evidence.systolic:
        value = f"{write_number(pressure.mmhg)} mmHg"
        yield EvidenceRow("Systolic pressure", value, pressure.at, pressure.source)
    if evidence.baseline.systolic is not None:
        value = f"{write_number(evidence.baseline.systolic)} mmHg (median of 7 days)"
        yield EvidenceRow("Systolic pressure before the infusion", value, None, None)
    if statement := evidence.hypotension_statement:
        value = "present" if statement.present else "none"
        yield EvidenceRow("Hypotension as stated", value, statement.at, statement.source)
    for infusion in evidence.running:
        row = infusion.row
        rate = f", {write_rate(row.rate, row.rate_unit)}" if row.rate is not None else ""
        yield EvidenceRow("Infusion running", f"{in_words(infusion.agent)}{rate}", infusion.since, row.source)
    for bolus in evidence.boluses[-_MOST_DOSES:]:
        yield EvidenceRow("Fluid bolus", f"{write_number(bolus.millilitres)} mL", bolus.at, bolus.source)
    for push in evidence.pushes[-_MOST_DOSES:]:
        yield EvidenceRow("Push (not counted)", push.agent.value, push.start, push.source)
    for order in evidence.pending[-_MOST_DOSES:]:
        yield EvidenceRow("Ordered, not charted as given", order.drug.value, order.authored_at, order.source)


def _oxygen_rows(words: str, oxygen: Oxygen | None) -> Iterator[EvidenceRow]:
    if oxygen is None:
        return
    if device := oxygen.device:
        yield EvidenceRow(words, in_words(device.device), device.at, device.source)
    if flow := oxygen.flow:
        yield EvidenceRow(
            f"{words}, flow", f"{write_number(flow.litres_per_minute)} L/min", flow.at, flow.source
        )


def _doses(evidence: Evidence) -> Iterator[EvidenceRow]:
    for dose in evidence.tocilizumab[-_MOST_DOSES:]:
        name = dose.name or dose.drug.value
        text = _dose(name, dose.milligrams) + (" subcutaneous (not counted)" if dose.subcutaneous else "")
        yield EvidenceRow("Tocilizumab given", text, dose.at, dose.source)
    for dose in evidence.steroids[-1:]:
        yield EvidenceRow(
            "Steroid given", _dose(dose.name or dose.drug.value, dose.milligrams), dose.at, dose.source
        )


def _dose(name: str, milligrams: Decimal | None) -> str:
    return name if milligrams is None else f"{name} {write_number(milligrams, 2)} mg"


def _ice(score: IceScore) -> str:
    return str(score.minimum) if score.minimum == score.maximum else f"{score.minimum}–{score.maximum}"


def _words(value: str) -> str:
    return value.replace("-", " ")
