"""Loading ``tables/severity.toml``: severity scores, their points, grades of cytopenia and risk factors.

The file is ours and no protocol overrides it. Refused, with the row named: a member that is missing, not a
number or unknown, a number, score or kind of row that the program asks for and the file does not have, a
citation that is not listed, a row called verified that is not of tier A or B, and points with a hole or an
overlap between them.
"""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from importlib import resources
from itertools import chain
from typing import Any

from grading.chart import Lab
from management.protocol_rows import Provenance
from management.vocabulary import SPAN_UNITS

_VERIFIABLE_TIERS = ("A", "B")
_TIERS = (*_VERIFIABLE_TIERS, "C", "GK", "RULE")
HEMATOTOX = "car-hematotox"
SCORES = ("m-easix", "easix", HEMATOTOX)
_BOUNDS = ("from", "over", "below", "up_to")
# Where one band ends the next one begins: "below 75" beside "from 75", "up to 175" beside "over 175".
_OTHER_SIDE = {"below": "from", "up_to": "over"}


class SeverityTableError(Exception):
    """The table cannot be used; the message names the row and the fault."""


class Number(Enum):
    """A number that scores and late effects ask for."""

    SCORE_PAIRING = "score-pairing"
    POINTS_SHOWN = "score-points-shown"
    BASELINE_WITHIN = "baseline-values-within"
    LYMPHODEPLETION = "lymphodepletion-from"
    HEMATOTOX_HIGH = "car-hematotox-high-from"
    EARLY_UNTIL = "early-icaht-until"
    BRIDGE = "neutropenia-bridge"
    LATE_COUNTS_WITHIN = "late-counts-within"
    IGG_HOLDS = "igg-holds-for"
    LATE_EFFECTS_UNTIL = "late-effects-until"


@dataclass(frozen=True, slots=True)
class NumberRow:
    """One number with its unit and source."""

    value: Decimal
    unit: str
    provenance: Provenance


@dataclass(frozen=True, slots=True)
class Conversion:
    """From the unit in which a laboratory value is kept to the one a score is written in, by division."""

    from_unit: str
    to_unit: str
    divide_by: Decimal


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """A score: the product of ``times`` divided by ``over``; no ``over`` where it is a sum of points."""

    id: str
    name: str
    times: tuple[Lab, ...]
    over: Lab | None
    provenance: Provenance


@dataclass(frozen=True, slots=True)
class PointBand:
    """Points for a value inside its bounds, in the unit of the score; a bound that is ``None`` is open."""

    points: int
    at_least: Decimal | None
    over: Decimal | None
    below: Decimal | None
    up_to: Decimal | None

    def holds(self, value: Decimal) -> bool:
        """Whether the value lies inside."""
        return (
            (self.at_least is None or value >= self.at_least)
            and (self.over is None or value > self.over)
            and (self.below is None or value < self.below)
            and (self.up_to is None or value <= self.up_to)
        )


@dataclass(frozen=True, slots=True)
class IcahtRow:
    """A grade of ICAHT: neutrophils (per µL) at or below ``up_to``, for ``days_from`` days of early ICAHT.

    ``days_from`` is ``None`` where the count was never above it, and for late ICAHT, which has no days.
    """

    grade: int
    up_to: Decimal
    days_from: int | None


@dataclass(frozen=True, slots=True)
class RiskRow:
    """A known risk factor, and what in a chart tells of it: diagnoses, values, values above their limit."""

    id: str
    wording: str
    kinds: tuple[str, ...]
    labs: tuple[Lab, ...]
    labs_above_limit: tuple[Lab, ...]
    provenance: Provenance


@dataclass(frozen=True, slots=True)
class SeverityTable:
    """The whole file, checked."""

    numbers: Mapping[Number, NumberRow]
    conversions: Mapping[Lab, Conversion]
    scores: Mapping[str, ScoreRow]
    points: Mapping[Lab, tuple[PointBand, ...]]
    early_icaht: tuple[IcahtRow, ...]
    late_icaht: tuple[IcahtRow, ...]
    risks: tuple[RiskRow, ...]

    def number(self, number: Number) -> Decimal:
        """A number."""
        return self.numbers[number].value

    def span(self, number: Number) -> timedelta:
        """A number that is a span of time."""
        row = self.numbers[number]
        return float(row.value) * SPAN_UNITS[row.unit]


@lru_cache(maxsize=1)
def shipped_severity() -> SeverityTable:
    """The table that ships with this distribution."""
    folder = resources.files("management").joinpath("tables")
    texts = [folder.joinpath(f"{name}.toml").read_text("utf-8") for name in ("severity", "citations")]
    return read_severity(*texts)


def read_severity(text: str, citations: str) -> SeverityTable:
    """Read the table from its TOML text and that of the citations. Raises :class:`SeverityTableError`."""
    content = tomllib.loads(text)
    known = {row["id"] for part in (content, tomllib.loads(citations)) for row in part["citation"]}
    rows = {
        kind: [_Row(f"severity.toml: {kind} {row.get('id')}", row, known) for row in entries]
        for kind, entries in content.items()
        if kind != "citation"
    }
    for row in chain.from_iterable(rows.values()):
        row.provenance()
    table = SeverityTable(
        numbers={_number_named(row): _number(row) for row in _of(rows, "number")},
        conversions={_lab(row, row.text("id")): _conversion(row) for row in _of(rows, "conversion")},
        scores={row.text("id"): _score(row) for row in _of(rows, "score")},
        points=_points(_of(rows, "points")),
        early_icaht=tuple(_icaht(row) for row in _of(rows, "early_icaht")),
        late_icaht=tuple(_icaht(row) for row in _of(rows, "late_icaht")),
        risks=tuple(_risk(row) for row in _of(rows, "risk")),
    )
    for number in Number:
        if number not in table.numbers:
            raise SeverityTableError(f"severity.toml: number {number.value} is missing")
    for score in SCORES:
        if score not in table.scores:
            raise SeverityTableError(f"severity.toml: score {score} is missing")
    return table


@dataclass(frozen=True, slots=True)
class _Row:
    label: str
    members: Mapping[str, Any]
    citations: set[str]

    def text(self, key: str) -> str:
        value = self.members.get(key)
        if not isinstance(value, str) or not value:
            raise SeverityTableError(f"{self.label}: {key} is missing")
        return value

    def decimal(self, key: str) -> Decimal:
        text = self.text(key)
        if not text.replace(".", "", 1).isdigit():
            raise SeverityTableError(f"{self.label}: {key} is no number")
        return Decimal(text)

    def whole(self, key: str) -> int:
        value = self.members.get(key)
        if not isinstance(value, int) or isinstance(value, bool):
            raise SeverityTableError(f"{self.label}: {key} is no whole number")
        return value

    def labs(self, key: str) -> tuple[Lab, ...]:
        return tuple(_lab(self, name) for name in self.members.get(key, ()))

    def provenance(self) -> Provenance:
        names = self.members.get("citation") or [""]
        for name in names:
            if name not in self.citations:
                raise SeverityTableError(f"{self.label}: unknown citation {name!r}")
        tier, verified = self.text("tier"), self.members.get("verified")
        if tier not in _TIERS:
            raise SeverityTableError(f"{self.label}: unknown tier {tier!r}")
        if not isinstance(verified, bool) or (verified and tier not in _VERIFIABLE_TIERS):
            raise SeverityTableError(f"{self.label}: tier {tier} cannot be verified = {verified}")
        return Provenance("; ".join(names), tier, verified)


def _of(rows: Mapping[str, list[_Row]], kind: str) -> list[_Row]:
    if kind not in rows:
        raise SeverityTableError(f"severity.toml: no {kind} row")
    return rows[kind]


def _lab(row: _Row, name: str) -> Lab:
    for lab in Lab:
        if lab.value == name:
            return lab
    raise SeverityTableError(f"{row.label}: unknown laboratory test {name!r}")


def _number_named(row: _Row) -> Number:
    for number in Number:
        if number.value == row.text("id"):
            return number
    raise SeverityTableError(f"{row.label}: nothing asks for this number")


def _number(row: _Row) -> NumberRow:
    return NumberRow(row.decimal("value"), row.text("unit"), row.provenance())


def _conversion(row: _Row) -> Conversion:
    divide_by = row.decimal("divide_by")
    if not divide_by:
        raise SeverityTableError(f"{row.label}: divide_by is nothing")
    return Conversion(row.text("from_unit"), row.text("to_unit"), divide_by)


def _score(row: _Row) -> ScoreRow:
    over = _lab(row, row.text("over")) if "over" in row.members else None
    return ScoreRow(row.text("id"), row.text("name"), row.labs("times"), over, row.provenance())


def _points(rows: Iterable[_Row]) -> Mapping[Lab, tuple[PointBand, ...]]:
    bands: dict[Lab, list[_Row]] = {}
    for row in rows:
        bands.setdefault(_lab(row, row.text("test")), []).append(row)
    for of_lab in bands.values():
        _check_whole(of_lab)
    return {lab: tuple(_band(row) for row in of_lab) for lab, of_lab in bands.items()}


def _check_whole(bands: list[_Row]) -> None:
    """From the lowest value to the highest without a hole or an overlap."""
    bounds = [{key: row.decimal(key) for key in _BOUNDS if key in row.members} for row in bands]
    for row, lower, higher in zip(bands, bounds, bounds[1:], strict=False):
        ends = [(_OTHER_SIDE[key], value) for key, value in lower.items() if key in _OTHER_SIDE]
        begins = [(key, value) for key, value in higher.items() if key in _OTHER_SIDE.values()]
        if len(ends) != 1 or ends != begins:
            raise SeverityTableError(f"{row.label}: hole or overlap after this band")
    if set(bounds[0]) & set(_OTHER_SIDE.values()) or set(bounds[-1]) & set(_OTHER_SIDE):
        raise SeverityTableError(f"{bands[0].label}: the lowest and the highest band must be open")


def _band(row: _Row) -> PointBand:
    at_least, over, below, up_to = (row.decimal(key) if key in row.members else None for key in _BOUNDS)
    return PointBand(row.whole("points"), at_least, over, below, up_to)


def _icaht(row: _Row) -> IcahtRow:
    days = row.whole("days_from") if "days_from" in row.members else None
    return IcahtRow(row.whole("grade"), row.decimal("up_to"), days)


def _risk(row: _Row) -> RiskRow:
    return RiskRow(
        id=row.text("id"),
        wording=row.text("wording"),
        kinds=tuple(row.members.get("kinds", ())),
        labs=row.labs("labs"),
        labs_above_limit=row.labs("labs_above_limit"),
        provenance=row.provenance(),
    )
