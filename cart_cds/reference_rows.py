"""One row of a clinical table as the cells a clinician reads.

Every kind of row that the product ships has its words here; a kind that is new is written member by
member, so that no row is ever left out of the reference. Nothing is computed: what a cell says stands in
the table.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

Row = Mapping[str, Any]
Cells = dict[str, str]
# Every row that rests on a source ends with these; the last two are for the clinician who signs.
PROVENANCE = ("Source", "Tier", "Verified", "Reviewed by", "Reviewed on")

_NAMES = ("id", "agent", "device")
_PROVENANCE_MEMBERS = frozenset({"citation", "cite", "tier", "verified"})
_ESCAPES = str.maketrans({"|": r"\|", "<": "&lt;", ">": "&gt;", "*": r"\*", "_": r"\_", "\n": " "})
_OPEN_END_YEARS = 199
_HOURS_FROM_MINUTES, _DAYS_FROM_MINUTES = 120, 4 * 24 * 60


def escape(text: str) -> str:
    """Make a text inert in a cell of a pipe table."""
    return text.translate(_ESCAPES)


def code(text: str) -> str:
    """An identifier as code; bars are the only sign that ends a cell even there."""
    return "`" + text.replace("|", r"\|") + "`" if text else ""


def cells_of(kind: str, name: str, row: Row, citations: Mapping[str, str]) -> Cells:
    """The cells of a row by column title; ``name`` is used where the row does not name itself, and may be
    empty.
    """
    own = next((str(row[key]) for key in _NAMES if key in row), name)
    write = _WRITERS.get(kind, _write_members)
    if kind == "cut" and "from_years" in row:
        write = _write_pressure_cut
    named = {"Id": code(own)} if own else {}
    also = {} if write is _write_members else _write_rest(kind, row)
    return {**named, **write(row, citations), **also, **provenance_cells(row, citations)}


def _write_rest(kind: str, row: Row) -> Cells:
    """Members that the words of a kind do not know: a table may have grown."""
    told = _TOLD[kind] | _PROVENANCE_MEMBERS | set(_NAMES)
    rest = [f"{key.replace('_', ' ')}: {_plain(value)}" for key, value in row.items() if key not in told]
    return {"Also": "<br>".join(map(escape, rest))} if rest else {}


def provenance_cells(row: Row, citations: Mapping[str, str]) -> Cells:
    """Source in full, tier, whether verified, and room for a signature; empty where the row states none."""
    if "tier" not in row:
        return {}
    verified = "yes" if row.get("verified") else "**no**"
    return dict(zip(PROVENANCE, (_source(row, citations), str(row["tier"]), verified, "", ""), strict=True))


def _source(row: Row, citations: Mapping[str, str]) -> str:
    if "cite" in row:
        return escape(str(row["cite"]))
    named = row.get("citation", ())
    names = (named,) if isinstance(named, str) else tuple(named)
    return "<br>".join(escape(citations.get(name, name)) for name in names)


def _write_criterion(row: Row, _: Mapping[str, str]) -> Cells:
    return {"Grade": str(row["level"]), "Criterion": escape(row["wording"])}


def _write_window(row: Row, _: Mapping[str, str]) -> Cells:
    return {"Span": write_span(row["minutes"]), "Why": escape(row["reason"])}


def write_span(minutes: int) -> str:
    """Minutes in the unit a reader thinks in."""
    if minutes >= _DAYS_FROM_MINUTES and minutes % (24 * 60) == 0:
        return f"{minutes // (24 * 60)} days"
    if minutes >= _HOURS_FROM_MINUTES and minutes % 60 == 0:
        return f"{minutes // 60} h"
    return f"{minutes} min"


def _write_pressure_cut(row: Row, _: Mapping[str, str]) -> Cells:
    first, last = row["from_years"], row["to_years"]
    years = f"{first} years and older" if last >= _OPEN_END_YEARS else f"{first}–{last} years"
    age = "under 1 year" if (first, last) == (0, 0) else years
    per_year = f" + {row['per_year']} × age in years" if row["per_year"] else ""
    return {"Age": age, "Hypotension is a systolic pressure below": f"{row['mmhg']} mmHg{per_year}"}


def _write_number(row: Row, _: Mapping[str, str]) -> Cells:
    value = " ".join(str(row[key]) for key in ("value", "unit") if key in row)
    return {"Number": escape(value), "What it says": escape(row["wording"])}


def _write_device(row: Row, _: Mapping[str, str]) -> Cells:
    low, high = row["lowest"], row["highest"]
    level = str(low) if low == high else f"{low}–{high}"
    by_flow = " (by flow)" if row["rule"] == "by-flow" else ""
    return {"Hypoxia level": level + by_flow, "Why": escape(row["reason"])}


def _write_agent(row: Row, _: Mapping[str, str]) -> Cells:
    bare = "ambiguous" if row["bare_is_ambiguous"] else "taken as given"
    return {
        "Counts as": escape(row["kind"]),
        "Record without rate, dose or route": bare,
        "Why": escape(row["reason"]),
    }


def _write_arousal(row: Row, _: Mapping[str, str]) -> Cells:
    scores = _range(row["from_score"], row["to_score"])
    return {
        "Scale": escape(row["scale"]),
        "Score": scores,
        "Stands for ICANS level": _range(row["lowest"], row["highest"]),
    }


def _range(low: int, high: int) -> str:
    return str(low) if low == high else f"{low} to {high}"


def _write_protocol_row(row: Row, citations: Mapping[str, str]) -> Cells:
    lines = [f"**{escape(row['wording'])}** ({code(row['when'])})"]
    lines += [_advice(advice, citations) for advice in row.get("gives", ())]
    lines += [
        f"• **Withholds** {code(held['id'])} ({code(held['because'])}): {escape(held['text'])}"
        for held in row.get("withholds", ())
    ]
    caution = escape(row.get("caution", ""))
    if lowered := ", ".join(row.get("lowers", ())):
        lines.append(f"• **Only as an option:** {escape(lowered)}. {caution}")
    if cautioned := ", ".join(row.get("cautions", ())):
        lines.append(f"• **Caution with** {escape(cautioned)}: {caution}")
    if note := row.get("note"):
        lines.append(f"• **Note:** {escape(note)}")
    return {"When, and what follows": "<br>".join(lines)}


def _advice(advice: Row, citations: Mapping[str, str]) -> str:
    strength = str(advice["strength"]).capitalize()
    dose = f" Dose rule {code(advice['dose'])}." if "dose" in advice else ""
    urgent = ", urgent" if advice.get("urgent") else ""
    own = provenance_cells(advice, citations)
    source = f" Own source: {own['Source']}; tier {own['Tier']}, verified {own['Verified']}." if own else ""
    title, text = escape(advice["title"]), escape(advice["text"])
    return f"• **{strength}{urgent}:** {title} ({code(advice['id'])}). {text}{dose}{source}"


def _write_dose(row: Row, _: Mapping[str, str]) -> Cells:
    bands = [f"{row['fixed']} {escape(row['unit'])}, whatever the weight"] if "fixed" in row else []
    for band in row.get("band", ()):
        below = f"below {band['below_kg']} kg: " if "below_kg" in band else ""
        bands.append(f"{below}{band['per_kg']} {escape(row['unit'])} per kg")
    if len(row.get("band", ())) > 1:
        bands[-1] = f"from there on: {bands[-1]}"
    return {
        "Dose": "<br>".join(bands),
        "At most": f"{row['most']} {escape(row['unit'])}" if "most" in row else "no cap stated",
        "Route": escape(row.get("route", "not stated")),
        "Interval": escape(row.get("interval", "not stated")),
        "As printed": escape(row["text"]),
    }


def _write_members(row: Row, _: Mapping[str, str]) -> Cells:
    """A kind this module has no words for: every member with its name, nested ones in brief."""
    lines = [
        f"{escape(key)}: {escape(_plain(value))}"
        for key, value in row.items()
        if key not in _PROVENANCE_MEMBERS and key not in _NAMES
    ]
    return {"What it says": "<br>".join(lines)}


def _plain(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_plain(member)}" for key, member in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return " to ".join(map(str, value)) if _is_bounds(value) else "; ".join(map(_plain, value))
    return str(value)


def _is_bounds(value: Sequence[object]) -> bool:
    return len(value) == 2 and all(isinstance(member, int) for member in value)


_WRITERS: Mapping[str, Callable[[Row, Mapping[str, str]], Cells]] = {
    "criterion": _write_criterion,
    "window": _write_window,
    "limit": _write_number,
    "cut": _write_number,
    "guard": _write_number,
    "device": _write_device,
    "agent": _write_agent,
    "arousal": _write_arousal,
    "row": _write_protocol_row,
    "dose": _write_dose,
}

# The members that each kind's words take up; whatever else a row holds is added as it is.
_TOLD: Mapping[str, frozenset[str]] = {
    "criterion": frozenset({"axis", "level", "wording", "finding", "lowest_score", "highest_score"}),
    "window": frozenset({"minutes", "reason"}),
    "limit": frozenset({"value", "unit", "wording"}),
    "cut": frozenset({"value", "unit", "wording", "from_years", "to_years", "mmhg", "per_year"}),
    "guard": frozenset({"value", "unit", "wording"}),
    "device": frozenset({"rule", "lowest", "highest", "criterion", "reason"}),
    "agent": frozenset({"kind", "bare_is_ambiguous", "reason"}),
    "arousal": frozenset({"scale", "from_score", "to_score", "lowest", "highest"}),
    "row": frozenset({"when", "wording", "gives", "withholds", "lowers", "cautions", "caution", "note"}),
    "dose": frozenset({"unit", "band", "fixed", "most", "route", "interval", "text"}),
}
