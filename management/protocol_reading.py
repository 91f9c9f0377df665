"""Reading entries of protocol tables into rows, each checked for what it must have and may not say."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

from grading.tables import shipped_tables
from management.protocol_entries import Entry
from management.protocol_rows import (
    Advice,
    CutRow,
    DoseBand,
    DoseRule,
    GuardRow,
    ProtocolRow,
    Provenance,
    Withholding,
)
from management.review import Guard, Strength
from management.vocabulary import (
    CONSIDER_FORMS,
    DRUGS,
    LOWERABLE,
    PRODUCTS,
    RECOMMEND_FORMS,
    RECOMMENDATION_IDS,
    SPAN_CUTS,
    SPAN_UNITS,
    Cut,
)

TIERS = ("A", "B", "C", "GK", "RULE")
VERIFIABLE_TIERS = ("A", "B")
DOSE_UNITS = ("mg", "mL", "mg/day")
# Citations that stand for no document: nothing can be compared with them.
_NO_DOCUMENT = frozenset({"Our rule", "General knowledge"})
_ROW_ID = re.compile(r"(?P<group>[A-Z]+(?:-[A-Z]+)?)(?P<number>\d*)[a-z]?")

_PROVENANCE = frozenset({"citation", "tier", "verified", "reviewed_by", "reviewed_on"})
_ROW_MEMBERS = _PROVENANCE | {
    *("id", "when", "wording", "products", "gives", "withholds"),
    *("lowers", "resting_on", "cautions", "caution", "note"),
}
_ADVICE_MEMBERS = _PROVENANCE | {"id", "strength", "urgent", "title", "text", "dose"}
_WITHHOLDING_MEMBERS = frozenset({"id", "because", "text"})
_NUMBER_MEMBERS = _PROVENANCE | {"id", "value", "unit", "wording"}
_DOSE_MEMBERS = _PROVENANCE | {"id", "unit", "band", "fixed", "most", "route", "interval", "text"}
_BAND_MEMBERS = frozenset({"below_kg", "per_kg"})


@dataclass(frozen=True, slots=True)
class ReadDose:
    """A dose rule and the entry it was read from: a fault that it causes elsewhere is told there."""

    rule: DoseRule
    entry: Entry


class TableReader:
    """Reads entries into rows; whatever a row must not say is noted as a fault of its entry.

    ``own_file`` is the file that is being judged: a ``recommend`` of another file that rests on a dose rule
    of this one is a fault of the dose rule.
    """

    def __init__(self, citations: Collection[str], conditions: Collection[str], own_file: str) -> None:
        self._citations = citations
        self._conditions = conditions
        self._own_file = own_file

    def row(self, entry: Entry, doses: Mapping[str, ReadDose]) -> ProtocolRow:
        """A protocol row with all that follows from it."""
        entry.refuse_others(_ROW_MEMBERS)
        when = entry.text("when")
        entry.unless_known("when", when, self._conditions, "condition")
        provenance = self.provenance(entry)
        advice = [self._advice(one, provenance, doses) for one in entry.entries("gives")]
        withholds = [_withholding(one) for one in entry.entries("withholds")]
        row = ProtocolRow(
            id=entry.text("id"),
            when=when,
            wording=entry.text("wording"),
            provenance=provenance,
            gives=tuple(one for one in advice if one is not None),
            withholds=tuple(one for one in withholds if one is not None),
            lowers=_names(entry, "lowers", LOWERABLE, "drug"),
            resting_on=_criterion_id(entry),
            cautions=_names(entry, "cautions", DRUGS, "drug"),
            caution=entry.optional_text("caution"),
            note=entry.optional_text("note"),
            products=_names(entry, "products", PRODUCTS, "product"),
        )
        if not (advice or withholds or row.lowers or row.cautions or row.note):
            entry.fault("nothing follows from this row")
        if (row.lowers or row.cautions) and row.caution is None:
            entry.fault("caution is missing")
        if row.resting_on is not None and not row.lowers:
            entry.fault("resting_on without lowers", "resting_on")
        return row

    def cut(self, entry: Entry) -> CutRow | None:
        """A number for conditions; a span of time has a unit of time."""
        entry.refuse_others(_NUMBER_MEMBERS)
        cut, unit = entry.choice("id", Cut), entry.text("unit")
        if cut in SPAN_CUTS and unit and unit not in SPAN_UNITS:
            entry.fault(f"unit {unit!r} is no span of time; write one of {', '.join(SPAN_UNITS)}", "unit")
        value, wording, provenance = entry.number("value"), entry.text("wording"), self.provenance(entry)
        return None if cut is None else CutRow(cut, value, unit, wording, provenance)

    def dose(self, entry: Entry) -> DoseRule:
        """A dose rule: bands by rising weight, the last one open; or a fixed dose."""
        entry.refuse_others(_DOSE_MEMBERS)
        bands = tuple(_band(band) for band in entry.entries("band"))
        fixed = entry.number("fixed") if "fixed" in entry.members else None
        if (fixed is not None) == bool(bands):
            entry.fault("either bands by weight or a fixed dose")
        if bands and not _rise_to_an_open_end([band.below_kg for band in bands]):
            entry.fault("bands must rise by weight and end with an open one", "band")
        unit = entry.text("unit")
        entry.unless_known("unit", unit, DOSE_UNITS, "unit")
        return DoseRule(
            id=entry.text("id"),
            unit=unit,
            bands=bands,
            fixed=fixed,
            most=entry.number("most") if "most" in entry.members else None,
            route=entry.optional_text("route"),
            interval=entry.optional_text("interval"),
            text=entry.text("text"),
            provenance=self.provenance(entry),
        )

    def guard(self, entry: Entry) -> GuardRow | None:
        """A guard rail."""
        entry.refuse_others(_NUMBER_MEMBERS)
        guard = entry.choice("id", Guard)
        value = entry.number("value") if "value" in entry.members else None
        unit, wording = entry.optional_text("unit"), entry.text("wording")
        provenance = self.provenance(entry)
        return None if guard is None else GuardRow(guard, value, unit, wording, provenance)

    def provenance(self, entry: Entry) -> Provenance:
        """Citation, tier, verified and review, checked against each other."""
        citations = entry.texts("citation")
        for citation in citations:
            entry.unless_known("citation", citation, self._citations, "citation")
        tier, verified = entry.text("tier"), entry.flag("verified")
        entry.unless_known("tier", tier, TIERS, "tier")
        if verified and tier in TIERS and tier not in VERIFIABLE_TIERS:
            entry.fault(f"tier {tier} cannot be verified; write verified = false", "verified")
        if citations and tier in VERIFIABLE_TIERS and _NO_DOCUMENT.issuperset(citations):
            entry.fault(f"tier {tier} needs a document; {citations[0]!r} is none", "citation")
        by, on = entry.optional_text("reviewed_by"), entry.day("reviewed_on")
        if (by is None) == (entry.members.get("reviewed_on", "") != ""):
            entry.fault("reviewed_by and reviewed_on belong together", "reviewed_by" if by else "reviewed_on")
        return Provenance("; ".join(citations), tier, verified, by, on)

    def _advice(self, entry: Entry, of_row: Provenance, doses: Mapping[str, ReadDose]) -> Advice | None:
        entry.refuse_others(_ADVICE_MEMBERS)
        has_own = any(member in entry.members for member in _PROVENANCE)
        provenance = self.provenance(entry) if has_own else of_row
        name = entry.optional_text("dose")
        dose = doses.get(name or "")
        if name is not None:
            entry.unless_known("dose", name, doses, "dose rule")
        strength, advice_id = entry.choice("strength", Strength), _recommendation_id(entry)
        title, text = entry.text("title"), entry.text("text")
        urgent = entry.flag("urgent") if "urgent" in entry.members else False
        if strength is None:
            return None
        if strength is Strength.RECOMMEND:
            if advice_id in RECOMMEND_FORMS:
                entry.fault(f"{advice_id} is a consider form; write {RECOMMEND_FORMS[advice_id]}", "id")
            self._check_recommend(entry, provenance, dose)
        elif advice_id in CONSIDER_FORMS:
            entry.fault(f"{advice_id} is a recommend form; write {CONSIDER_FORMS[advice_id]}", "id")
        return Advice(advice_id, strength, title, text, provenance, name, urgent)

    def _check_recommend(self, entry: Entry, provenance: Provenance, dose: ReadDose | None) -> None:
        """No ``recommend`` rests on anything but a verified row and dose of tier A or B."""
        if not provenance.verified:
            entry.fault("recommend needs a verified row of tier A or B; write consider", "strength")
        if dose is None or dose.rule.provenance.verified:
            return
        if entry.file != self._own_file and dose.entry.file == self._own_file:
            dose.entry.fault(
                f"recommend needs a verified dose of tier A or B, and {entry.file} recommends it"
                f" ({entry.label}); replace that row too, or give this dose another id",
                "verified",
            )
        else:
            entry.fault("recommend needs a verified dose of tier A or B; write consider", "dose")


def _withholding(entry: Entry) -> Withholding | None:
    entry.refuse_others(_WITHHOLDING_MEMBERS)
    advice_id, because, text = _recommendation_id(entry), entry.choice("because", Guard), entry.text("text")
    return None if because is None else Withholding(id=advice_id, because=because, text=text)


def _band(entry: Entry) -> DoseBand:
    entry.refuse_others(_BAND_MEMBERS)
    below = entry.number("below_kg") if "below_kg" in entry.members else None
    return DoseBand(below_kg=below, per_kg=entry.number("per_kg"))


def split_row_id(row_id: str) -> tuple[str, int] | None:
    """Group and number of a row id (``C5b``: C, 5); ``None`` for what is no row id."""
    match = _ROW_ID.fullmatch(row_id)
    return None if match is None else (match["group"], int(match["number"] or 0))


def check_order(rows: Iterable[tuple[Entry, ProtocolRow]]) -> None:
    """Note rows that stand twice, or whose numbers fall inside a group (C5 before C4)."""
    seen: set[str] = set()
    last: dict[str, int] = {}
    for entry, row in rows:
        parts = split_row_id(row.id)
        if parts is None:
            if row.id.strip():
                entry.fault("not a row id (letters, a number, a small letter for a part)", "id")
            continue
        group, number = parts
        if row.id in seen:
            entry.fault("stands twice", "id")
        elif number < last.get(group, number):
            entry.fault(f"stands after {group}{last[group]}", "id")
        seen.add(row.id)
        last[group] = number


def check_once(entries: Iterable[Entry]) -> None:
    """Note entries of one file whose id stands twice."""
    seen: set[object] = set()
    for entry in entries:
        if entry.members.get("id") in seen:
            entry.fault("stands twice", "id")
        seen.add(entry.members.get("id"))


def _recommendation_id(entry: Entry) -> str:
    value = entry.text("id")
    entry.unless_known("id", value, RECOMMENDATION_IDS, "recommendation")
    return value


def _names(entry: Entry, key: str, known: Collection[str], kind: str) -> tuple[str, ...]:
    if key not in entry.members:
        return ()
    names = entry.texts(key)
    for name in names:
        entry.unless_known(key, name, known, kind)
    return names


def _criterion_id(entry: Entry) -> str | None:
    value = entry.optional_text("resting_on")
    if value is not None:
        entry.unless_known("resting_on", value, shipped_tables().criteria, "criterion")
    return value


def _rise_to_an_open_end(limits: list[Decimal | None]) -> bool:
    """Whether the last limit alone is open and the others rise."""
    closed = [limit for limit in limits if limit is not None]
    rising = all(lower < higher for lower, higher in pairwise(closed))
    return limits[-1:] == [None] and len(closed) == len(limits) - 1 and rising
