"""Pipe tables of situations: one Markdown row is one patient, in the words of the ward.

Every column that is not named in a table, and every empty cell, is charted as for a well adult on day 3:
37.0 °C, 118 mmHg, room air with 96 %, ICE 10, alert, no seizure, no motor finding, no raised pressure,
not sedated, 72 kg.
``none`` in a cell: nothing of the kind is charted (``nothing`` where "none" is a finding of its own). Several
entries of a cell are parted by ``;``. A time stands behind ``@`` and counts back from the time of grading:
``38.6 @2h``, ``@30min``, ``@3d``, ``@in 3min``.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from grading.chart import (
    ArousalScale,
    ArousalScore,
    BaselineIce,
    CartInfusion,
    Chart,
    ChartGap,
    Condition,
    GapWhat,
    GapWhy,
    ImmuneDrug,
    Patient,
    PendingOrder,
    VasoactiveAgent,
    Verification,
)
from tests import chart_builders as build

Cell = str
FOLDER = Path(__file__).parent
_RESULTS = ("status", "grade", "range", "criteria", "gaps", "peak")
_WITH_A_FINDING_NONE = ("seizure", "motor", "raised ICP")
_UNIT_HOURS = {"min": 1 / 60, "h": 1.0, "d": 24.0}


@dataclass(frozen=True, slots=True)
class SpecRow:
    """One row of a spec table."""

    file: str
    line: int
    syndrome: str
    cells: dict[str, Cell]

    @property
    def name(self) -> str:
        """File, line and rule, for the name of the test."""
        return f"{self.file}:{self.line} {self.cells['rule']}"

    def expected(self, what: str) -> Cell | None:
        """The expected cell, or ``None`` where the table does not have the column."""
        return self.cells.get(what)


def read_tables() -> Iterator[SpecRow]:
    """All rows of all spec tables of grading."""
    for path in sorted(FOLDER.glob("*.md")):
        yield from read_table(path.name, path.read_text("utf-8"))


def read_table(file: str, text: str) -> Iterator[SpecRow]:
    """The rows of one file.

    A heading names the syndrome, and ``Throughout: temperature = 38.8`` under it what holds for empty cells.
    Unknown columns are refused.
    """
    syndrome, header = "", None
    throughout: dict[str, Cell] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("#"):
            syndrome = next((name for name in ("icans", "crs") if name in line.lower()), syndrome)
            throughout = {}
        if line.startswith("Throughout: "):
            pairs = (part.split(" = ") for part in line.removeprefix("Throughout: ").split(", "))
            throughout = {column.strip(): cell.strip() for column, cell in pairs}
        if not line.startswith("|"):
            header = None
            continue
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if header is None:
            header = cells
            unknown = set(cells) - set(_COLUMNS) - set(_RESULTS) - {"rule", "because"}
            assert not unknown, f"{file}:{number}: unknown columns {unknown}"
        elif not set(line) <= set("|-: "):
            assert len(cells) == len(header), f"{file}:{number}: {len(cells)} cells, {len(header)} columns"
            own = {
                column: cell for column, cell in zip(header, cells, strict=True) if cell or column in _RESULTS
            }
            yield SpecRow(file, number, syndrome, {**throughout, **own})


def chart_of(row: SpecRow) -> Chart:
    """The chart that a row describes."""
    chart = build.well_charted()
    for column, cell in row.cells.items():
        if column in _COLUMNS and cell:
            chart = _COLUMNS[column](chart, _entries(column, cell))
    return chart


def _entries(column: str, cell: Cell) -> list[str]:
    absent = cell == "nothing" or (cell == "none" and column not in _WITH_A_FINDING_NONE)
    return [] if absent else [part.strip() for part in cell.split(";")]


def _hours(entry: str, default: float) -> tuple[str, float]:
    """An entry without its time, and the time in hours ago."""
    value, _, time = entry.partition("@")
    if not time:
        return value.strip(), default
    found = re.fullmatch(r"(in )?([\d.]+)(min|h|d)", time.strip())
    assert found, entry
    hours = float(found[2]) * _UNIT_HOURS[found[3]]
    return value.strip(), -hours if found[1] else hours


_Column = Callable[[Chart, list[str]], Chart]


def _simple(kind: str, make: Callable[[str, float], object], default: float) -> _Column:
    def read(chart: Chart, entries: list[str]) -> Chart:
        rows = tuple(make(*_hours(entry, default)) for entry in entries)
        return replace(chart, **{kind: rows})

    return read


def _pressure(chart: Chart, entries: list[str]) -> Chart:
    readings, statements, boluses = [], [], []
    for entry in entries:
        value, hours = _hours(entry, 1)
        if value.startswith("stated "):
            statements.append(build.hypotension(value == "stated present", hours))
        elif value.startswith("bolus "):
            boluses.append(build.bolus(value.split()[1], hours))
        elif value.startswith("before "):
            readings.append(build.systolic(value.split()[1], 24 * build.DAYS_SINCE_INFUSION + 24))
        else:
            readings.append(build.systolic(value, hours))
    return replace(
        chart,
        systolic_pressures=tuple(sorted(readings, key=lambda row: row.at)),
        hypotension_statements=tuple(statements),
        fluid_boluses=tuple(boluses),
    )


def _infusions(chart: Chart, entries: list[str]) -> Chart:
    rows, orders, gaps = [], [], []
    for entry in entries:
        words, hours = _hours(entry, 1)
        if words.startswith("order "):
            orders.append(PendingOrder(VasoactiveAgent(words.split()[1]), build.ago(hours), build.SOURCE))
        elif words.startswith("unmapped drug"):
            start, end = _span(words)
            gaps.append(
                ChartGap(
                    GapWhat.VASOPRESSORS,
                    GapWhy.UNMAPPED,
                    "unmapped drug",
                    build.ago(start),
                    None if end is None else build.ago(end),
                    running_rate=True,
                )
            )
        else:
            rows.append(_administration(words, hours))
    return replace(
        chart,
        vasoactives=tuple(sorted(rows, key=lambda row: row.start)),
        pending_orders=tuple(orders),
        gaps=(*chart.gaps, *gaps),
    )


def _span(words: str) -> tuple[float, float | None]:
    """Hours of ``from 4h to 1h``; the end may be missing."""
    found = re.search(r"from (in )?([\d.]+)(min|h|d)(?: to (in )?([\d.]+)(min|h|d))?", words)
    assert found, words
    start = float(found[2]) * _UNIT_HOURS[found[3]] * (-1 if found[1] else 1)
    if found[5] is None:
        return start, None
    return start, float(found[5]) * _UNIT_HOURS[found[6]] * (-1 if found[4] else 1)


def _administration(words: str, hours: float) -> Any:
    """``norepinephrine 0.05 from 4h to 1h stopped``, ``push phenylephrine @1h``, ``bag epinephrine @1h``."""
    agent = next(name for name in words.split() if name in {agent.value for agent in VasoactiveAgent})
    status = next(
        (
            name
            for name in ("stopped", "on-hold", "completed", "unknown", "in-progress")
            if name in words.split()
        ),
        None,
    )
    if words.startswith("push "):
        return build.drip(agent, hours, rate=None, status="completed")
    if words.startswith("bag "):
        return build.drip(
            agent, hours, rate=None, status=status or "completed", has_dose=False, intravenous=None
        )
    found = re.search(rf"{agent} (\d[\d.]*)", words)
    rate = found[1] if found else None
    if "from" not in words.split():
        return build.drip(agent, hours, rate=rate, status=status or "completed")
    start, end = _span(words)
    return build.drip(
        agent, start, end, rate=rate, status=status, intravenous=None if "route?" in words else True
    )


def _oxygen(chart: Chart, entries: list[str]) -> Chart:
    devices, flows, gaps = [], [], []
    for entry in entries:
        words, hours = _hours(entry, 1)
        if words.startswith("before "):
            words, hours = words.removeprefix("before "), 24 * build.DAYS_SINCE_INFUSION + 24
        name, _, litres = words.partition(" ")
        if name in {why.value for why in GapWhy}:
            gaps.append(ChartGap(GapWhat.OXYGEN, GapWhy(name), "a device", build.ago(hours)))
            continue
        if name != "flow":
            devices.append(build.device(name, hours))
        if litres:
            flows.append(build.flow(litres, hours))
    return replace(
        chart,
        oxygen_devices=tuple(sorted(devices, key=lambda row: row.at)),
        oxygen_flows=tuple(sorted(flows, key=lambda row: row.at)),
        gaps=(*chart.gaps, *gaps),
    )


def _drugs(chart: Chart, entries: list[str]) -> Chart:
    doses, orders = [], []
    for entry in entries:
        words, hours = _hours(entry, 1)
        drug = words.split()[-1]
        if words.startswith("order "):
            orders.append(PendingOrder(ImmuneDrug(drug), build.ago(hours), build.SOURCE))
        else:
            doses.append(
                build.dose(
                    drug, hours, systemic="eye-drops" not in words, subcutaneous="subcutaneous" in words
                )
            )
    return replace(
        chart,
        drug_doses=tuple(sorted(doses, key=lambda row: row.at)),
        pending_orders=(*chart.pending_orders, *orders),
    )


def _elsewhere(chart: Chart, entries: list[str]) -> Chart:
    rows = []
    for entry in entries:
        words, hours = _hours(entry, 1)
        rows.append(build.elsewhere(words.split()[0], hours, withdrawn="withdrawn" in words))
    return replace(chart, attributions=tuple(sorted(rows, key=lambda row: row.at)))


def _ice(words: str, hours: float) -> Any:
    low, _, high = words.partition("..")
    return build.ice(int(low), int(high or low), hours)


def _capd(chart: Chart, entries: list[str]) -> Chart:
    """A CAPD is charted in place of ICE."""
    rows = []
    for entry in entries:
        words, hours = _hours(entry, 2)
        rows.append(build.capd(None if words == "not-performed" else int(words), hours))
    return replace(chart, ice_scores=(), capd_scores=tuple(rows))


def _scale(words: str, hours: float) -> ArousalScore:
    name, score = words.rsplit(" ", 1)
    scale = {"RASS": ArousalScale.RASS, "GCS eye": ArousalScale.GCS_EYE}[name]
    return ArousalScore(build.ago(hours), scale, int(score), build.SOURCE)


def _patient(chart: Chart, entries: list[str]) -> Chart:
    patient = chart.patient if entries else Patient()
    for entry in entries:
        words, hours = _hours(entry, 0)
        if words == "age unknown":
            patient = replace(patient, birth_date=None)
        elif words.startswith("age "):
            patient = replace(patient, birth_date=date(build.AT.year - int(words.split()[1]), 3, 10))
        elif words.endswith("kg"):
            chart = replace(chart, weights=(build.weight(words.split()[0], hours or 72),))
        else:
            assert words == "deceased", words
            patient = replace(patient, deceased=True, deceased_at=build.ago(hours) if hours else None)
    return replace(chart, patient=patient)


def _cart(chart: Chart, entries: list[str]) -> Chart:
    rows, gaps = [], []
    for entry in entries:
        words, hours = _hours(entry, 72)
        if words == "not-retrieved":
            gaps.append(ChartGap(GapWhat.INFUSION, GapWhy.NOT_RETRIEVED))
        else:
            rows.append(CartInfusion(None if words == "undated" else build.ago(hours), None, build.SOURCE))
    return replace(chart, infusions=tuple(rows), gaps=(*chart.gaps, *gaps))


def _conditions(chart: Chart, entries: list[str]) -> Chart:
    """``crs 5 confirmed``, ``icans 5 unconfirmed``, ``crs resolved @2d``."""
    rows = []
    for entry in entries:
        words, hours = _hours(entry, 1)
        kind, what, *more = words.split()
        rows.append(
            Condition(
                code=None,
                text=None,
                kind=kind,
                grade=int(what) if what.isdigit() else None,
                verification=Verification.UNCONFIRMED if "unconfirmed" in more else Verification.CONFIRMED,
                at=build.ago(hours),
                resolved_at=build.ago(hours) if what == "resolved" else None,
                source=build.SOURCE,
            )
        )
    return replace(chart, conditions=tuple(rows))


def _unreadable(chart: Chart, entries: list[str]) -> Chart:
    """``temperature not-retrieved`` (the whole search) or ``consciousness unmapped @1h``."""
    gaps = []
    for entry in entries:
        words, hours = _hours(entry, -1000)
        what, why = words.split()
        at = None if hours == -1000 else build.ago(hours)
        gaps.append(ChartGap(GapWhat(what), GapWhy(why), "not read", at))
    return replace(chart, gaps=(*chart.gaps, *gaps))


_COLUMNS: dict[str, _Column] = {
    "patient": _patient,
    "CAR-T": _cart,
    "temperature": _simple("temperatures", build.temperature, 1),
    "pressure": _pressure,
    "infusions": _infusions,
    "oxygen": _oxygen,
    "SpO2": _simple("saturations", build.saturation, 1),
    "FiO2": _simple("inspired_oxygen", build.inspired_oxygen, 1),
    "drugs": _drugs,
    "elsewhere": _elsewhere,
    "ICE": _simple("ice_scores", _ice, 2),
    "CAPD": _capd,
    "baseline ICE": _simple(
        "baseline_ice",
        lambda words, hours: BaselineIce(build.ago(hours), int(words), build.SOURCE),
        24 * build.DAYS_SINCE_INFUSION + 24,
    ),
    "consciousness": _simple("consciousness", build.consciousness, 2),
    "scale": _simple("arousal_scores", _scale, 2),
    "sedated": _simple("sedation", lambda words, hours: build.sedated(words == "yes", hours), 2),
    "seizure": _simple("seizures", build.seizure, 2),
    "motor": _simple("motor", build.motor, 2),
    "raised ICP": _simple("raised_icp", build.raised_icp, 2),
    "conditions": _conditions,
    "unreadable": _unreadable,
}
