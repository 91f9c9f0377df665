"""One row of a clinical table as the lines that a clinician reads and signs.

A protocol row has a line for itself and one for each thing that follows from it.
"""

from cart_cds.reference_cells import Words, write_cells
from cart_cds.reference_tables import Row, name_of
from cart_cds.reference_text import NAME_MEMBERS, PROVENANCE_MEMBERS, Cells, code, escape, spell, write_plain

_ADVICE_MEMBERS = (
    frozenset({"strength", "urgent", "title", "text", "dose"}) | PROVENANCE_MEMBERS | NAME_MEMBERS
)


def lines_of(kind: str, name: str, row: Row, words: Words) -> list[Cells]:
    """The lines of a row, cells by column title. ``name`` is used where the row does not name itself, and may
    be empty.
    """
    own = name_of(name, row)
    named = {"Id": code(own)} if own else {}
    provenance = provenance_cells(row, words)
    first = {**named, **write_cells(kind, row, words), **provenance}
    return [first, *(_write_consequences(own, row, provenance, words) if kind == "row" else ())]


def provenance_cells(row: Row, words: Words) -> Cells:
    """Source by short name, tier, whether verified, and who reviewed it when; empty where the row states no
    tier. A row that states a guard instead rests on what that guard rests on.
    """
    if "tier" not in row:
        guard = words.guards.get(row.get("guard", ""))
        if guard is None:
            return {}
        return {
            **provenance_cells(guard, words),
            "Source": f"as guard {code(row['guard'])}",
            **_review_cells(row),
        }
    return {
        "Source": "; ".join(map(escape, words.sources.of(row))),
        "Tier": str(row["tier"]),
        "Verified": "yes" if row.get("verified") else "**no**",
        **_review_cells(row),
    }


def _review_cells(row: Row) -> Cells:
    return {
        "Reviewed by": escape(str(row.get("reviewed_by", ""))),
        "Reviewed on": escape(str(row.get("reviewed_on", ""))),
    }


def _write_consequences(own: str, row: Row, provenance: Cells, words: Words) -> list[Cells]:
    """What follows from a protocol row, a line each: what it gives and what it withholds."""
    of_row = {**provenance, "Source": f"as {code(own)}"} if provenance else {}
    lines = []
    for advice in row.get("gives", ()):
        source = provenance_cells(advice, words) or {**of_row, **_own_review(advice)}
        lines.append({"Id": f"↳ {code(advice['id'])}", "What it says": _advice(advice, words), **source})
    for held in row.get("withholds", ()):
        says = f"**Withhold** (guard {code(held['because'])}): {escape(held['text'])}."
        lines.append({"Id": f"↳ {code(held['id'])}", "What it says": says, **of_row, **_own_review(held)})
    return lines


def _own_review(row: Row) -> Cells:
    return _review_cells(row) if "reviewed_by" in row else {}


def _advice(advice: Row, words: Words) -> str:
    strength = str(advice["strength"]).capitalize()
    urgent = ", urgent" if advice.get("urgent") else ""
    title, text = escape(advice["title"]), escape(advice["text"])
    dose = ""
    if "dose" in advice:
        said = words.doses.get(advice["dose"])
        dose = (
            f" Dose: {escape(said)} (rule {code(advice['dose'])})."
            if said
            else f" Dose rule {code(advice['dose'])}."
        )
    rest = [
        f" {spell(key)}: {write_plain(value)}." for key, value in advice.items() if key not in _ADVICE_MEMBERS
    ]
    return f"**{strength}{urgent}:** {title}. {text}{dose}{escape(''.join(rest))}"
