"""Reading entries of a protocol's TOML tables, each fault named with file and entry."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import Any, TypeVar

from grading.tables import shipped_tables
from management.protocol_rows import (
    Advice,
    CutRow,
    DoseBand,
    DoseRule,
    GuardRow,
    ProtocolError,
    ProtocolRow,
    Provenance,
    Withholding,
)
from management.review import Guard, Strength
from management.vocabulary import (
    CONSIDER_FORMS,
    DRUGS,
    LOWERABLE,
    RECOMMEND_FORMS,
    RECOMMENDATION_IDS,
    SPAN_CUTS,
    SPAN_UNITS,
    Cut,
)

TIERS = ("A", "B", "C", "GK", "RULE")
VERIFIABLE_TIERS = ("A", "B")
_ROW_ID = re.compile(r"(?P<group>[A-Z]+(?:-[A-Z]+)?)(?P<number>\d*)[a-z]?")
_Kind = TypeVar("_Kind", str, bool, list[Any])


@dataclass(frozen=True, slots=True)
class Entry:
    """One table of a TOML file with the words to name it by."""

    label: str
    members: Mapping[str, object]

    def text(self, key: str) -> str:
        """A text that must be there and not be empty."""
        value = self._typed(key, str)
        if not value.strip():
            raise ProtocolError(f"{self.label}: {key} is empty")
        return value

    def optional_text(self, key: str) -> str | None:
        """A text that may be left out or empty (``None``)."""
        return self._typed(key, str) or None if key in self.members else None

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts with at least one member."""
        values = tuple(str(value) for value in self._typed(key, list))
        if not values:
            raise ProtocolError(f"{self.label}: {key} is empty")
        return values

    def flag(self, key: str) -> bool:
        """A true or false that must be there."""
        return self._typed(key, bool)

    def number(self, key: str) -> Decimal:
        """An exact number, written as text so that no binary fraction comes in."""
        text = self.text(key)
        if not re.fullmatch(r"-?\d+(\.\d+)?", text):
            raise ProtocolError(f"{self.label}: {key} {text!r} is not a plain number")
        return Decimal(text)

    def entries(self, key: str) -> tuple["Entry", ...]:
        """Sub-entries, none when the key is absent."""
        if key not in self.members:
            return ()
        return tuple(
            Entry(f"{self.label}: {member.get('id', key)}", member) for member in self._typed(key, list)
        )

    def _typed(self, key: str, kind: type[_Kind]) -> _Kind:
        if key not in self.members:
            raise ProtocolError(f"{self.label}: {key} is missing")
        value = self.members[key]
        if not isinstance(value, kind):
            raise ProtocolError(f"{self.label}: {key} is not of type {kind.__name__}")
        return value


@dataclass(frozen=True, slots=True)
class Table:
    """One parsed TOML file."""

    file: str
    members: Mapping[str, object]

    def header(self) -> Entry:
        """The members at the top of the file."""
        return Entry(self.file, self.members)

    def entries(self, key: str) -> tuple[Entry, ...]:
        """All entries ``[[key]]``."""
        return self.header().entries(key)


class TableReader:
    """Reads entries into rows, checking what every row must have."""

    def __init__(self, citations: Mapping[str, str], conditions: Collection[str]) -> None:
        self._citations = citations
        self._conditions = conditions

    def row(self, entry: Entry, doses: Mapping[str, DoseRule]) -> ProtocolRow:
        """A protocol row with all that follows from it."""
        when = entry.text("when")
        if when not in self._conditions:
            raise ProtocolError(f"{entry.label}: unknown condition {when!r}")
        provenance = self.provenance(entry)
        row = ProtocolRow(
            id=entry.text("id"),
            when=when,
            wording=entry.text("wording"),
            provenance=provenance,
            gives=tuple(self._advice(advice, provenance, doses) for advice in entry.entries("gives")),
            withholds=tuple(self._withholding(withheld) for withheld in entry.entries("withholds")),
            lowers=_names(entry, "lowers", LOWERABLE),
            resting_on=_criterion_id(entry),
            cautions=_names(entry, "cautions", DRUGS),
            caution=entry.optional_text("caution"),
            note=entry.optional_text("note"),
        )
        if not (row.gives or row.withholds or row.lowers or row.cautions or row.note):
            raise ProtocolError(f"{entry.label}: nothing follows from this row")
        if (row.lowers or row.cautions) and row.caution is None:
            raise ProtocolError(f"{entry.label}: caution is missing")
        if row.resting_on is not None and not row.lowers:
            raise ProtocolError(f"{entry.label}: resting_on without lowers")
        return row

    def cut(self, entry: Entry) -> CutRow:
        """A number for conditions; a span of time has a unit of time."""
        cut, unit = _member(entry, "id", Cut), entry.text("unit")
        if cut in SPAN_CUTS and unit not in SPAN_UNITS:
            raise ProtocolError(f"{entry.label}: unit {unit!r} is no span of time")
        return CutRow(
            cut=cut,
            value=entry.number("value"),
            unit=unit,
            wording=entry.text("wording"),
            provenance=self.provenance(entry),
        )

    def dose(self, entry: Entry) -> DoseRule:
        """A dose rule: bands by rising weight, the last one open; or a fixed dose."""
        bands = tuple(
            DoseBand(
                below_kg=band.number("below_kg") if "below_kg" in band.members else None,
                per_kg=band.number("per_kg"),
            )
            for band in entry.entries("band")
        )
        fixed = entry.number("fixed") if "fixed" in entry.members else None
        if (fixed is not None) == bool(bands):
            raise ProtocolError(f"{entry.label}: either bands by weight or a fixed dose")
        if bands and not _rise_to_an_open_end([band.below_kg for band in bands]):
            raise ProtocolError(f"{entry.label}: bands must rise by weight and end with an open one")
        return DoseRule(
            id=entry.text("id"),
            unit=entry.text("unit"),
            bands=bands,
            fixed=fixed,
            most=entry.number("most") if "most" in entry.members else None,
            route=entry.optional_text("route"),
            interval=entry.optional_text("interval"),
            text=entry.text("text"),
            provenance=self.provenance(entry),
        )

    def guard(self, entry: Entry) -> GuardRow:
        """A guard rail."""
        return GuardRow(
            guard=_member(entry, "id", Guard),
            value=entry.number("value") if "value" in entry.members else None,
            unit=entry.optional_text("unit"),
            wording=entry.text("wording"),
            provenance=self.provenance(entry),
        )

    def provenance(self, entry: Entry) -> Provenance:
        """Citation, tier and verified, checked against each other."""
        citations = entry.texts("citation")
        for citation in citations:
            if citation not in self._citations:
                raise ProtocolError(f"{entry.label}: unknown citation {citation!r}")
        tier, verified = entry.text("tier"), entry.flag("verified")
        if tier not in TIERS:
            raise ProtocolError(f"{entry.label}: unknown tier {tier!r}")
        if verified and tier not in VERIFIABLE_TIERS:
            raise ProtocolError(f"{entry.label}: tier {tier} cannot be verified")
        return Provenance("; ".join(citations), tier, verified)

    def _advice(self, entry: Entry, of_row: Provenance, doses: Mapping[str, DoseRule]) -> Advice:
        provenance = self.provenance(entry) if "tier" in entry.members else of_row
        dose = entry.optional_text("dose")
        if dose is not None and dose not in doses:
            raise ProtocolError(f"{entry.label}: unknown dose rule {dose!r}")
        strength = _member(entry, "strength", Strength)
        advice_id = _recommendation_id(entry)
        if strength is Strength.RECOMMEND:
            if advice_id in RECOMMEND_FORMS:
                raise ProtocolError(f"{entry.label}: {advice_id} is a consider form")
            if not provenance.verified or (dose is not None and not doses[dose].provenance.verified):
                raise ProtocolError(f"{entry.label}: recommend needs a verified row and dose of tier A or B")
        elif advice_id in CONSIDER_FORMS:
            raise ProtocolError(f"{entry.label}: {advice_id} is a recommend form")
        return Advice(
            id=advice_id,
            strength=strength,
            title=entry.text("title"),
            text=entry.text("text"),
            provenance=provenance,
            dose=dose,
            urgent=entry.flag("urgent") if "urgent" in entry.members else False,
        )

    def _withholding(self, entry: Entry) -> Withholding:
        return Withholding(
            id=_recommendation_id(entry), because=_member(entry, "because", Guard), text=entry.text("text")
        )


def check_order(file: str, rows: Iterable[ProtocolRow]) -> None:
    """Refuse rows that stand twice, or whose numbers fall inside a group (C5 before C4)."""
    seen: set[str] = set()
    last: dict[str, int] = {}
    for row in rows:
        match = _ROW_ID.fullmatch(row.id)
        if match is None:
            raise ProtocolError(
                f"{file}: {row.id}: not a row id (letters, a number, a small letter for a part)"
            )
        group, number = match["group"], int(match["number"] or 0)
        if row.id in seen:
            raise ProtocolError(f"{file}: {row.id}: stands twice")
        if number < last.get(group, number):
            raise ProtocolError(f"{file}: {row.id}: stands after {group}{last[group]}")
        seen.add(row.id)
        last[group] = number


_Member = TypeVar("_Member", Cut, Guard, Strength)


def _member(entry: Entry, key: str, kind: type[_Member]) -> _Member:
    value = entry.text(key)
    for member in kind:
        if member.value == value:
            return member
    raise ProtocolError(f"{entry.label}: unknown {kind.__name__.lower()} {value!r}")


def _recommendation_id(entry: Entry) -> str:
    value = entry.text("id")
    if value not in RECOMMENDATION_IDS:
        raise ProtocolError(f"{entry.label}: unknown recommendation {value!r}")
    return value


def _names(entry: Entry, key: str, known: Collection[str]) -> tuple[str, ...]:
    if key not in entry.members:
        return ()
    names = entry.texts(key)
    for name in names:
        if name not in known:
            raise ProtocolError(f"{entry.label}: unknown drug {name!r}")
    return names


def _criterion_id(entry: Entry) -> str | None:
    value = entry.optional_text("resting_on")
    if value is not None and value not in shipped_tables().criteria:
        raise ProtocolError(f"{entry.label}: unknown criterion {value!r}")
    return value


def _rise_to_an_open_end(limits: list[Decimal | None]) -> bool:
    """Whether the last limit alone is open and the others rise."""
    closed = [limit for limit in limits if limit is not None]
    rising = all(lower < higher for lower, higher in pairwise(closed))
    return limits[-1:] == [None] and len(closed) == len(limits) - 1 and rising
