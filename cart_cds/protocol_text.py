"""A protocol as plain text for a clinician: who owns it, every row from when to what, and on whose word.

At most 100 columns. Nothing is computed for a patient: doses are printed as the rules they are.
"""

from collections.abc import Iterable, Iterator, Sequence
from textwrap import wrap

from cart_cds.protocol_differences import Differences
from management.protocol_rows import Advice, CutRow, DoseRule, GuardRow, Protocol, ProtocolRow, Provenance
from management.review import Strength

WIDTH = 100
_ID_WIDTH = 8
_WORD_WIDTH = 11
_STRENGTH_WORDS = {Strength.RECOMMEND: "RECOMMEND", Strength.CONSIDER: "consider"}
NOT_VERIFIED = "NOT VERIFIED"


def describe_protocol(protocol: Protocol, differences: Differences | None, shared: Sequence[str]) -> str:
    """Return the text, without a newline at its end.

    ``differences`` are those from the protocol that it extends, if it does; ``shared`` are the ids of the
    rows that hold in every protocol.
    """
    return "\n".join(line.rstrip() for line in _lines(protocol, differences, frozenset(shared)))


def _lines(protocol: Protocol, differences: Differences | None, shared: frozenset[str]) -> Iterator[str]:
    yield from _header(protocol)
    if differences is not None:
        yield from _heading(f"What differs from {protocol.extends}")
        for word, what in differences.lines() or (("nothing", ""),):
            yield from _hang(f"  {word}", what, _WORD_WIDTH + 2)
    changed = frozenset() if differences is None else differences.of_this_protocol
    for title, rows in (
        ("Rows of this protocol", [row for row in protocol.rows if row.id not in shared]),
        ("Rows that hold in every protocol", [row for row in protocol.rows if row.id in shared]),
    ):
        yield from _heading(title)
        for row in rows:
            yield from _row(row, protocol, own=row.id in changed)
            yield ""
    yield from _heading("Dose rules")
    for dose in protocol.doses.values():
        yield from _entry(dose.id, dose.text, dose, own=dose.id in changed)
    yield from _heading("Guard rails")
    for guard in protocol.guards.values():
        yield from _entry(guard.guard.value, _number(guard), guard, own=guard.guard.value in changed)
    yield from _heading("Numbers that conditions compare with")
    for cut in protocol.cuts.values():
        yield from _entry(cut.cut.value, _number(cut), cut, own=cut.cut.value in changed)
    yield from _heading("Sources")
    for name in sorted(_cited(protocol)):
        yield from _hang(f"  {name}:", protocol.citations[name], 4)


def _header(protocol: Protocol) -> Iterator[str]:
    yield protocol.title
    yield "=" * min(len(protocol.title), WIDTH)
    reviewed = protocol.review_date or "not reviewed"
    for word, what in (
        ("Name", f"{protocol.name}, version {protocol.version}"),
        ("Owner", protocol.owner),
        ("Reviewed", reviewed),
        ("For", protocol.population),
        ("Scale", protocol.grading_scale),
        ("Sources", "; ".join(protocol.sources)),
    ):
        yield from _hang(word, what, _WORD_WIDTH)
    yield from _hang(
        "Reading it",
        f"RECOMMEND: the source says give or do. consider: the source says may. {NOT_VERIFIED}: no source"
        " that could be checked stands behind it (tier C, GK or RULE), so it is never more than an option.",
        _WORD_WIDTH,
    )


def _row(row: ProtocolRow, protocol: Protocol, *, own: bool) -> Iterator[str]:
    mark = " (of this protocol)" if own else ""
    yield from _hang(row.id, f"When: {row.wording} [{row.when}]{mark}", _ID_WIDTH)
    if row.products:
        yield from _told("only", f"after {' or '.join(row.products)}")
    for advice in row.gives:
        yield from _told(_STRENGTH_WORDS[advice.strength], _advice(advice, row, protocol))
    for withheld in row.withholds:
        yield from _told("WITHHOLD", f"{withheld.id}, {withheld.because.value}: {withheld.text}.")
    if row.lowers:
        resting = "" if row.resting_on is None else f", where it rests on {row.resting_on} alone"
        yield from _told("LOWER", f"{', '.join(row.lowers)} to consider{resting}: {row.caution}")
    if row.cautions:
        yield from _told("CAUTION", f"with {', '.join(row.cautions)}: {row.caution}")
    if row.note:
        yield from _told("note", row.note)
    yield from _told("source", _provenance(row.provenance))


def _advice(advice: Advice, row: ProtocolRow, protocol: Protocol) -> str:
    urgent = " (urgent)" if advice.urgent else ""
    words = f"{advice.title}{urgent}. {advice.text}"
    if advice.dose is not None:
        rule = protocol.doses[advice.dose]
        flag = "" if rule.provenance.verified else f" ({NOT_VERIFIED})"
        words += f" Dose: {rule.text}{flag}."
    if advice.provenance != row.provenance:
        words += f" Source of this: {_provenance(advice.provenance)}"
    return f"{words} [{advice.id}]"


def _provenance(provenance: Provenance) -> str:
    verified = "verified" if provenance.verified else NOT_VERIFIED
    reviewed = f", reviewed by {provenance.reviewed_by} on {provenance.reviewed_on}"
    return (
        f"{provenance.citation}; tier {provenance.tier}, {verified}"
        f"{reviewed if provenance.reviewed_by else ', not reviewed'}"
    )


def _entry(name: str, text: str, row: DoseRule | GuardRow | CutRow, *, own: bool) -> Iterator[str]:
    mark = " (of this protocol)" if own else ""
    yield from _hang(f"  {name}:", f"{text}{mark}", 4)
    yield from _hang("", _provenance(row.provenance), 6)


def _number(row: GuardRow | CutRow) -> str:
    return row.wording if row.value is None else f"{row.value} {row.unit}. {row.wording}"


def _cited(protocol: Protocol) -> set[str]:
    entries: Iterable[DoseRule | GuardRow | CutRow | ProtocolRow | Advice] = (
        *protocol.rows,
        *(advice for row in protocol.rows for advice in row.gives),
        *protocol.doses.values(),
        *protocol.guards.values(),
        *protocol.cuts.values(),
    )
    return {name for entry in entries for name in entry.provenance.citation.split("; ")}


def _heading(title: str) -> Iterator[str]:
    yield ""
    yield title
    yield "-" * len(title)


def _told(word: str, what: str) -> Iterator[str]:
    yield from _hang(" " * _ID_WIDTH + word, what, _ID_WIDTH + _WORD_WIDTH)


def _hang(lead: str, text: str, indent: int) -> list[str]:
    """Wrap a text behind a lead, the following lines indented."""
    first = lead.ljust(indent) if len(lead) < indent else f"{lead} "
    return wrap(
        text,
        WIDTH,
        initial_indent=first,
        subsequent_indent=" " * indent,
        break_on_hyphens=False,
    ) or [first]
