"""Which lanes stand below the grades, in which order, and what belongs into each."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from grading.chart import GapWhat, GapWhy
from grading.chart_index import ChartIndex, Column
from smart_app.timeline_events import RUNS_BY_RATE
from smart_app.timeline_lanes import Bar, BarLane, Lane, LineLane, MarkLane, Style, split_line
from smart_app.timeline_rows import Kind, Row, RowBook
from smart_app.timeline_support import oxygen_lane, vasoactive_lanes
from smart_app.timeline_vitals import pressure_cut


def plan_lanes(index: ChartIndex, book: RowBook, start: datetime, at: datetime) -> list[Lane]:
    """The lanes from temperature to treatment over ``start`` to ``at``, of the rows in ``book``."""
    return _Plan(index, book, start, at).lanes()


class _Plan:
    def __init__(self, index: ChartIndex, book: RowBook, start: datetime, at: datetime) -> None:
        self._index, self._book, self._start, self._at = index, book, start, at
        self._failed = {
            gap.what for gap in index.chart.gaps if gap.at is None and gap.why is GapWhy.NOT_RETRIEVED
        }
        self._tables = index.tables

    def lanes(self) -> list[Lane]:
        index, tables = self._index, self._tables
        fever, desaturation = tables.limit("fever-celsius"), tables.limit("desaturation-percent")
        cut = pressure_cut(index)
        lanes: list[Lane] = [
            self._line(
                "Temperature",
                "°C",
                (Decimal(36), Decimal(40)),
                ((fever, f"{fever}"),),
                Kind.TEMPERATURE,
                "temperature",
                index.temperatures,
                GapWhat.TEMPERATURE,
                self._rows(Kind.ANTIPYRETIC),
            ),
            self._line(
                "Systolic",
                "mmHg",
                (Decimal(70), Decimal(150)),
                ((cut, f"{cut:f}"),),
                Kind.SYSTOLIC,
                "blood-pressure",
                index.systolic_pressures,
                GapWhat.BLOOD_PRESSURE,
                self._rows(Kind.FLUID, Kind.HYPOTENSION),
            ),
            *vasoactive_lanes(
                index,
                self._rows(Kind.VASOACTIVE),
                self._start,
                self._at,
                unread=GapWhat.VASOPRESSORS in self._failed,
            ),
            oxygen_lane(
                index,
                self._rows(Kind.OXYGEN_DEVICE, Kind.OXYGEN_FLOW),
                self._start,
                self._at,
                unread=bool({GapWhat.OXYGEN, GapWhat.OXYGEN_FLOW} & self._failed),
            ),
            self._line(
                "SpO2",
                "%",
                (Decimal(84), Decimal(100)),
                ((desaturation, f"{desaturation}"),),
                Kind.SATURATION,
                "spo2",
                index.saturations,
                GapWhat.SPO2,
            ),
            *self._scores(),
        ]
        for name, kind, what in (
            ("Arousal", Kind.AROUSAL, GapWhat.CONSCIOUSNESS),
            ("Seizure", Kind.SEIZURE, GapWhat.SEIZURE),
            ("Motor", Kind.MOTOR, GapWhat.MOTOR),
            ("Raised ICP", Kind.RAISED_ICP, GapWhat.RAISED_ICP),
        ):
            lanes.append(MarkLane(name, self._rows(kind), "not charted", what in self._failed))
        lanes += [
            MarkLane(
                "Anticytokine", self._rows(Kind.ANTICYTOKINE), unread=GapWhat.TOCILIZUMAB in self._failed
            ),
            MarkLane("Steroid", self._rows(Kind.STEROID), unread=GapWhat.STEROIDS in self._failed),
        ]
        if stated := self._rows(Kind.ATTRIBUTION):
            lanes.append(MarkLane("Attributions", stated))
        if unreadable := self._rows(Kind.UNREADABLE):
            lanes.append(self._unreadable(unreadable))
        return lanes

    def _unreadable(self, rows: tuple[Row, ...]) -> BarLane:
        """What nobody could read; a drug that runs by a rate is a bar, as it may be a vasopressor."""
        believed = self._tables.span("open-infusion")
        bars, marks = [], []
        for row in rows:
            if RUNS_BY_RATE in row.remarks:
                ends = min(row.until or row.at + believed, self._at)
                labels = (f"may be a vasopressor: {row.value}", "?")
                bars.append(Bar(max(row.at, self._start), ends, Style.UNCERTAIN, labels, labels[0], row))
            else:
                marks.append(row)
        return BarLane("Not readable", tuple(bars), marks=tuple(marks))

    def _scores(self) -> list[Lane]:
        """ICE, and CAPD where one was charted or would be the score to take."""
        index, tables = self._index, self._tables
        unimpaired = tables.limit("ice-unimpaired")
        ice = self._line(
            "ICE", f"of {unimpaired}", (Decimal(0), unimpaired), (), Kind.ICE, "ice", index.ice, GapWhat.ICE
        )
        capd = self._line(
            "CAPD", "of 32", (Decimal(0), Decimal(32)), (), Kind.CAPD, "ice", index.capd, GapWhat.CAPD
        )
        child = self._is_under_capd_age()
        if child and not index.ice.rows:
            return [capd]
        return [ice, capd] if index.capd.rows or child else [ice]

    def _is_under_capd_age(self) -> bool:
        born, at = self._index.chart.patient.birth_date, self._at
        if born is None:
            return False
        years = at.year - born.year - ((at.month, at.day) < (born.month, born.day))
        return years < self._tables.limit("capd-under-years")

    def _rows(self, *kinds: Kind) -> tuple[Row, ...]:
        return tuple(self._book.of(*kinds))

    def _line(
        self,
        name: str,
        unit: str,
        scale: tuple[Decimal, Decimal],
        limits: tuple[tuple[Decimal, str], ...],
        kind: Kind,
        window: str,
        column: Column[Any],
        what: GapWhat,
        marks: tuple[Row, ...] = (),
    ) -> LineLane:
        rows = self._rows(kind)
        before = column.latest_before(self._start - timedelta(microseconds=1))
        runs, gaps = split_line(
            rows, self._tables.span(window), self._start, self._at, None if before is None else before.at
        )
        numbers = [number for row in rows for number in (row.number, row.lowest) if number is not None]
        return LineLane(
            name,
            unit,
            min([scale[0], *numbers]),
            max([scale[1], *numbers]),
            limits,
            tuple(drawn for run in runs if (drawn := tuple(row for row in run if row.number is not None))),
            gaps,
            (*marks, *(row for row in rows if row.number is None)),
            what in self._failed,
        )
