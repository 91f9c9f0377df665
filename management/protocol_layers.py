"""The layers of a protocol: shared tables, the shipped protocol that is extended, and the file itself.

A later layer replaces a cut, dose rule, guard, citation or row of an earlier one by its id, and adds what
is new. Three things it may not do: touch a row that holds in every protocol, make a guard weaker on the
strength of a rule of one's own, and state a number in another unit than conditions compare in.
"""

from collections.abc import Collection, Sequence

from management.protocol_entries import Entry
from management.protocol_reading import ReadDose, TableReader, check_once, check_order, split_row_id
from management.protocol_rows import CutRow, GuardRow, ProtocolRow
from management.review import Guard
from management.vocabulary import SPAN_CUTS, Cut

TABLE_KINDS = frozenset({"citation", "cut", "dose", "guard", "row"})
HEADER_MEMBERS = frozenset(
    {
        *("name", "title", "owner", "version", "review_date", "population", "grading_scale", "sources"),
        *("extends", "without"),
    }
)
_CITATION_MEMBERS = frozenset({"id", "text"})
# Guards with a number; of the first a greater one is stricter, of the others a smaller one.
_STRICTER_IF_GREATER = frozenset({Guard.INTERVAL_UNDER_8H})
_NUMBERED_GUARDS = (
    Guard.INTERVAL_UNDER_8H,
    Guard.THREE_DOSES_IN_24H,
    Guard.FOUR_DOSES_IN_TOTAL,
    Guard.STALE_WEIGHT,
)


class Layers:
    """What a protocol's tables come to, the latest layer winning."""

    def __init__(
        self, shared: Sequence[Entry], base: Entry | None, own: Entry, conditions: Collection[str]
    ) -> None:
        self._shared = shared
        self._base = base
        self._own = own
        tables = [*shared, *([] if base is None else [base]), own]
        self.citations: dict[str, str] = {}
        for table in tables:
            entries = table.entries("citation")
            check_once(entries)
            for entry in entries:
                entry.refuse_others(_CITATION_MEMBERS)
                self.citations[entry.text("id")] = entry.text("text")
        self._read = TableReader(self.citations, conditions, own.file)
        self.cuts: dict[Cut, CutRow] = {}
        self.doses: dict[str, ReadDose] = {}
        self.guards: dict[Guard, GuardRow] = {}
        for table in tables:
            self._add_cuts(table.entries("cut"))
            self._add_doses(table.entries("dose"))
            self._add_guards(table.entries("guard"))

    def shared_rows(self) -> list[ProtocolRow]:
        """The rows that hold in every protocol."""
        entries = [entry for table in self._shared for entry in table.entries("row")]
        return [row for _, row in self._rows(entries)]

    def protocol_rows(self) -> list[ProtocolRow]:
        """The rows of the file; of one that extends, those of the extended protocol with what differs."""
        own = self._rows(self._own.entries("row"))
        held = {entry.members.get("id") for table in self._shared for entry in table.entries("row")}
        for entry, row in own:
            if row.id in held:
                entry.fault(
                    "holds in every protocol and cannot be replaced; give this row an id of its own", "id"
                )
        if self._base is None:
            return [row for _, row in own]
        replacing = {row.id: row for _, row in own}
        without = self._left_out(replacing, held)
        entries = [entry for entry in self._base.entries("row") if entry.members["id"] not in without]
        # A row that is replaced is not read: what replaces it is judged, not what it was.
        kept = [entry for entry in entries if entry.members["id"] not in replacing]
        read = {row.id: row for _, row in self._rows(kept)}
        rows = [(read | replacing)[str(entry.members["id"])] for entry in entries]
        present = {row.id for row in rows}
        for _, row in own:
            if row.id not in present:
                _place(rows, row)
        return rows

    def check_complete(self) -> None:
        """Note cuts, guards and numbers that no layer has."""
        for cut in Cut:
            if cut not in self.cuts:
                self._own.fault(f"cut {cut.value} is missing")
        for guard in Guard:
            if guard not in self.guards:
                self._own.fault(f"guard {guard.value} is missing")
            elif guard in _NUMBERED_GUARDS and self.guards[guard].value is None:
                self._own.fault(f"guard {guard.value} has no value")

    def _rows(self, entries: Sequence[Entry]) -> list[tuple[Entry, ProtocolRow]]:
        rows = [(entry, self._read.row(entry, self.doses)) for entry in entries]
        check_order(rows)
        return rows

    def _left_out(self, replacing: Collection[str], held: Collection[object]) -> frozenset[str]:
        own, base = self._own, self._base
        if "without" not in own.members or base is None:
            return frozenset()
        left_out = own.texts("without")
        known = [str(entry.members["id"]) for entry in base.entries("row")]
        for row_id in left_out:
            if row_id in held:
                own.fault(f"row {row_id} holds in every protocol and cannot be left out", "without")
            elif row_id in replacing:
                own.fault(f"row {row_id} is both replaced and left out", "without")
            else:
                own.unless_known("without", row_id, known, f"row of {base.file}")
        return frozenset(left_out)

    def _add_cuts(self, entries: Sequence[Entry]) -> None:
        check_once(entries)
        for entry in entries:
            row = self._read.cut(entry)
            if row is None:
                continue
            before = self.cuts.get(row.cut)
            if before is not None and row.cut not in SPAN_CUTS and row.unit != before.unit:
                entry.fault(f"unit must stay {before.unit!r}: conditions compare in it", "unit")
            self.cuts[row.cut] = row

    def _add_doses(self, entries: Sequence[Entry]) -> None:
        check_once(entries)
        for entry in entries:
            rule = self._read.dose(entry)
            self.doses[rule.id] = ReadDose(rule, entry)

    def _add_guards(self, entries: Sequence[Entry]) -> None:
        check_once(entries)
        for entry in entries:
            row = self._read.guard(entry)
            if row is None:
                continue
            if before := self.guards.get(row.guard):
                _compare(entry, row, before)
            self.guards[row.guard] = row


def _compare(entry: Entry, row: GuardRow, before: GuardRow) -> None:
    """A guard that replaces another counts in the same unit, and is no weaker unless a source says so."""
    if row.value is None or before.value is None:
        if row.value is not before.value:
            entry.fault("has no value" if row.value is None else "takes no value", "value")
        return
    if row.unit != before.unit:
        entry.fault(f"unit must stay {before.unit!r}: the guard counts in it", "unit")
        return
    change = row.value - before.value
    weaker = change < 0 if row.guard in _STRICTER_IF_GREATER else change > 0
    if weaker and not row.provenance.verified:
        entry.fault(
            f"{row.value} {row.unit} is weaker than {before.value} {before.unit}: that needs a verified"
            " source of tier A or B, not a rule of one's own",
            "value",
        )


def _place(rows: list[ProtocolRow], row: ProtocolRow) -> None:
    """Put a new row behind those of its group with no higher number, a new group at the end."""
    parts = split_row_id(row.id)
    same = [(index, split_row_id(other.id)) for index, other in enumerate(rows)]
    group = [(index, other) for index, other in same if parts and other and other[0] == parts[0]]
    if not group or parts is None:
        rows.append(row)
        return
    before = [index for index, other in group if other[1] <= parts[1]]
    rows.insert(before[-1] + 1 if before else group[0][0], row)
