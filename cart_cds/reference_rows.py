"""One row of a clinical table as the lines of cells that a clinician reads.

Every kind of row that the product ships has its words here; a kind that is new is written member by member,
so that no row is ever left out of the reference. Nothing is computed: what a cell says stands in the table.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

from cart_cds.reference_sources import Sources
from cart_cds.reference_tables import Row, name_of

Cells = dict[str, str]
# Every row that rests on a source ends with these; the last two are for the clinician who signs.
PROVENANCE = ("Source", "Tier", "Verified", "Reviewed by", "Reviewed on")
UNSIGNED = ""

_NAMES = frozenset({"id", "agent", "device", "code"})
_BOUNDS = ("test", "below", "from", "over", "up_to")
_PROVENANCE_MEMBERS = frozenset({"citation", "cite", "tier", "verified", "reviewed_by", "reviewed_on"})
_ESCAPES = str.maketrans({"|": r"\|", "<": "&lt;", ">": "&gt;", "*": r"\*", "_": r"\_", "\n": " "})
_OPEN_END_YEARS = 199
_HOURS_FROM_MINUTES, _DAYS_FROM_MINUTES = 120, 4 * 24 * 60
# Units as a ward writes them. What is not here is printed as it stands in the table.
_UNITS = {
    "Cel": "°C",
    "mm[Hg]": "mmHg",
    "per microlitre": "/µL",
    "/uL": "/µL",
    "10^9/L": "×10⁹/L",
    "10*9/L": "×10⁹/L",
    "1": "as a fraction",
    "": "as charted",
}
_COUNTS = {
    "counted": "one vasopressor",
    "vasopressin-like": "as vasopressin: alone one, never a second",
    "push-only": "no vasopressor; a push is hypotension",
    "inotrope": "no vasopressor (inotrope)",
    "oral": "no vasopressor (by mouth)",
    "other": "no vasopressor",
}
_SCALES = {"rass": "RASS", "gcs-eye": "GCS eye opening"}


@dataclass(frozen=True, slots=True)
class Words:
    """What rows refer to: sources, the texts of dose rules and the rows of guards by id, and what conditions
    mean by name.
    """

    sources: Sources
    doses: Mapping[str, str] = field(default_factory=dict)
    guards: Mapping[str, Row] = field(default_factory=dict)
    conditions: Mapping[str, str] = field(default_factory=dict)


def escape(text: object) -> str:
    """Make a text inert in a cell of a pipe table."""
    return str(text).translate(_ESCAPES)


def code(text: str) -> str:
    """An identifier as code; bars are the only sign that ends a cell even there."""
    return "`" + text.replace("|", r"\|") + "`" if text else ""


def write_unit(unit: str) -> str:
    """A unit as a ward writes it."""
    return _UNITS.get(unit, unit)


def lines_of(kind: str, name: str, row: Row, words: Words) -> list[Cells]:
    """The lines of a row, cells by column title: one, and for a protocol row one more for each thing that
    follows from it. ``name`` is used where the row does not name itself, and may be empty.
    """
    own = name_of(name, row)
    write = _WRITERS.get(kind, _write_members)
    if kind == "cut" and "from_years" in row:
        write = _write_pressure_cut
    named = {"Id": code(own)} if own else {}
    also = {} if write is _write_members else _write_rest(kind, row)
    provenance = provenance_cells(row, words)
    first = {**named, **write(row, words), **also, **provenance}
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
        "Reviewed by": escape(str(row.get("reviewed_by", UNSIGNED))),
        "Reviewed on": escape(str(row.get("reviewed_on", UNSIGNED))),
    }


def _write_rest(kind: str, row: Row) -> Cells:
    """Members that the words of a kind do not know: a table may have grown."""
    told = _TOLD[kind] | _PROVENANCE_MEMBERS | _NAMES
    rest = [f"{_spell(key)}: {_plain(value)}" for key, value in row.items() if key not in told]
    return {"Also": "<br>".join(map(escape, rest))} if rest else {}


def _write_criterion(row: Row, _: Words) -> Cells:
    return {"Grade": str(row["level"]), "Criterion": escape(row["wording"])}


def _write_window(row: Row, _: Words) -> Cells:
    return {"Span": write_span(row["minutes"]), "Why": escape(row["reason"])}


def write_span(minutes: int) -> str:
    """Minutes in the unit a reader thinks in."""
    if minutes >= _DAYS_FROM_MINUTES and minutes % (24 * 60) == 0:
        return f"{minutes // (24 * 60)} days"
    if minutes >= _HOURS_FROM_MINUTES and minutes % 60 == 0:
        return f"{minutes // 60} h"
    return f"{minutes} min"


def _write_pressure_cut(row: Row, _: Words) -> Cells:
    first, last = row["from_years"], row["to_years"]
    years = f"{first} years and older" if last >= _OPEN_END_YEARS else f"{first}–{last} years"
    age = "under 1 year" if (first, last) == (0, 0) else years
    per_year = f" + {row['per_year']} × age in years" if row["per_year"] else ""
    return {"Age": age, "Hypotension is a systolic pressure below": f"{row['mmhg']} mmHg{per_year}"}


def _write_number(row: Row, _: Words) -> Cells:
    return {"What it says": escape(row["wording"]), "Number": _number(row)}


def _number(row: Row) -> str:
    if "value" not in row:
        return "–"
    value, unit = str(row["value"]).replace("-", "−"), write_unit(str(row.get("unit", " "))).strip()
    if unit == "day":
        return f"day {value}"
    return escape(f"{value}{unit}" if unit.startswith("/") else f"{value} {unit}".strip())


def _write_device(row: Row, _: Words) -> Cells:
    by_flow = " (by flow)" if row["rule"] == "by-flow" else ""
    return {"Hypoxia level": _range(row["lowest"], row["highest"]) + by_flow, "Why": escape(row["reason"])}


def _write_agent(row: Row, _: Words) -> Cells:
    bare = "ambiguous" if row["bare_is_ambiguous"] else "taken as an infusion"
    return {
        "Counts as": escape(_COUNTS.get(row["kind"], row["kind"])),
        "Charted bare": bare,
        "Why": escape(row["reason"]),
    }


def _write_arousal(row: Row, _: Words) -> Cells:
    return {
        "Scale": escape(_SCALES.get(row["scale"], row["scale"])),
        "Score": _range(row["from_score"], row["to_score"]),
        "Stands for ICANS level": _range(row["lowest"], row["highest"]),
    }


def _range(low: int, high: int) -> str:
    return str(low) if low == high else f"{low} to {high}"


def _write_protocol_row(row: Row, words: Words) -> Cells:
    lines = [f"**{escape(row['wording'])}**"]
    if meaning := words.conditions.get(row["when"]):
        lines.append(f"Holds when: {escape(meaning)} ({code(row['when'])})")
    else:
        lines.append(f"Condition {code(row['when'])}")
    caution = escape(row.get("caution", ""))
    if lowered := ", ".join(row.get("lowers", ())):
        only = f" where it rests on {code(row['resting_on'])} alone" if "resting_on" in row else ""
        lines.append(f"**Only as an option:** {escape(lowered)}{only}. {caution}.")
    if cautioned := ", ".join(row.get("cautions", ())):
        lines.append(f"**Caution with** {escape(cautioned)}: {caution}.")
    if note := row.get("note"):
        lines.append(f"**Note:** {escape(note)}")
    return {"What it says": "<br>".join(lines)}


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


_ADVICE_MEMBERS = frozenset({"strength", "urgent", "title", "text", "dose"}) | _PROVENANCE_MEMBERS | _NAMES


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
        f" {_spell(key)}: {_plain(value)}." for key, value in advice.items() if key not in _ADVICE_MEMBERS
    ]
    return f"**{strength}{urgent}:** {title}. {text}{dose}{escape(''.join(rest))}"


def _write_dose(row: Row, _: Words) -> Cells:
    unit = escape(row["unit"])
    bands = [f"{row['fixed']} {unit}, whatever the weight"] if "fixed" in row else []
    for band in row.get("band", ()):
        below = f"below {band['below_kg']} kg: " if "below_kg" in band else ""
        bands.append(f"{below}{band['per_kg']} {unit} per kg")
    if len(row.get("band", ())) > 1:
        bands[-1] = f"from there on: {bands[-1]}"
    given = [f"cap: {row['most']} {unit}" if "most" in row else "no cap stated"]
    given.append(escape(row.get("route", "route not stated")))
    given.append(escape(row.get("interval", "interval not stated")))
    return {"Dose": "<br>".join(bands), "Limits": "<br>".join(given), "As printed": escape(row["text"])}


def _write_code(row: Row, _: Words) -> Cells:
    return {"Name": escape(row["display"]), "Meaning": escape(row["definition"])}


def _write_check(row: Row, _: Words) -> Cells:
    return {"What it says": escape(row["wording"]), "Said as": f"**{escape(row['severity'])}**"}


def _write_points(row: Row, _: Words) -> Cells:
    bounds = " ".join(f"{_spell(key)} {row[key]}" for key in _BOUNDS[1:] if key in row)
    return {"Value": escape(f"{row['test']} {bounds}"), "Points": str(row["points"])}


def _write_graded(row: Row, _: Words) -> Cells:
    return {"Grade": str(row["grade"]), "What it says": escape(row["wording"])}


def _write_score(row: Row, _: Words) -> Cells:
    return {"Name": escape(row["name"]), "What it says": escape(row["wording"])}


def _write_conversion(row: Row, _: Words) -> Cells:
    units = f"{row['from_unit']} divided by {row['divide_by']} is {row['to_unit']}"
    return {"What it says": escape(row["wording"]), "Number": escape(units)}


def _write_risk(row: Row, _: Words) -> Cells:
    told = [
        *(f"diagnosis: {name}" for name in row.get("kinds", ())),
        *(f"laboratory: {name}" for name in row.get("labs", ())),
        *(f"laboratory above its limit: {name}" for name in row.get("labs_above_limit", ())),
    ]
    return {"What it says": escape(row["wording"]), "Told by": escape(", ".join(told)) or "nothing charted"}


def _write_members(row: Row, _: Words) -> Cells:
    """A kind this module has no words for: its wording, its number, every other member with its name, and
    the reason last.
    """
    number = [_number(row)] if "value" in row else []
    if "minimum" in row and "maximum" in row:
        number = [f"{row['minimum']} to {row['maximum']} {write_unit(str(row.get('unit', '')))}".strip()]
    told = {"wording", "reason", "value", "unit", "minimum", "maximum"} if number else {"wording", "reason"}
    told |= _PROVENANCE_MEMBERS | _NAMES
    lines = [
        *([str(row["wording"])] if "wording" in row else ()),
        *number,
        *(
            f"{_spell(key)}: {_plain(write_unit(value) if isinstance(value, str) else value)}"
            for key, value in row.items()
            if key not in told
        ),
        *([str(row["reason"])] if "reason" in row else ()),
    ]
    return {"What it says": "<br>".join(map(escape, lines))}


def _spell(key: str) -> str:
    return key.replace("_", " ").replace("-", " ")


def _plain(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{_spell(key)} {_plain(member)}" for key, member in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        if len(value) == 2 and all(isinstance(member, int) for member in value):
            return " to ".join(map(str, value))
        nested = any(isinstance(member, Mapping) for member in value)
        return ("; " if nested else ", ").join(map(_plain, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def write_table(rows: Sequence[Cells]) -> str:
    """A pipe table; columns in the order in which rows bring them, those of provenance last."""
    columns = list(dict.fromkeys(chain.from_iterable(rows)))
    columns = [name for name in columns if name not in PROVENANCE] + [n for n in PROVENANCE if n in columns]
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    lines += ["| " + " | ".join(row.get(column, "") for column in columns) + " |" for row in rows]
    return "\n".join(lines) + "\n"


_WRITERS: Mapping[str, Callable[[Row, Words], Cells]] = {
    "criterion": _write_criterion,
    "window": _write_window,
    "limit": _write_number,
    "number": _write_number,
    "cut": _write_number,
    "guard": _write_number,
    "device": _write_device,
    "agent": _write_agent,
    "arousal": _write_arousal,
    "row": _write_protocol_row,
    "dose": _write_dose,
    "code": _write_code,
    "check": _write_check,
    "printed": _write_number,
    "conversion": _write_conversion,
    "score": _write_score,
    "points": _write_points,
    "early_icaht": _write_graded,
    "late_icaht": _write_graded,
    "risk": _write_risk,
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
    "row": frozenset(
        {"when", "wording", "gives", "withholds", "lowers", "resting_on", "cautions", "caution", "note"}
    ),
    "dose": frozenset({"unit", "band", "fixed", "most", "route", "interval", "text"}),
    "code": frozenset({"kind", "display", "definition"}),
    "number": frozenset({"value", "unit", "wording"}),
    "check": frozenset({"kind", "severity", "guard", "wording"}),
    "printed": frozenset({"rule", "value", "unit", "wording"}),
    "conversion": frozenset({"from_unit", "to_unit", "divide_by", "wording"}),
    "score": frozenset({"name", "times", "over", "wording"}),
    "points": frozenset({*_BOUNDS, "points"}),
    "early_icaht": frozenset({"grade", "wording", "up_to", "days_from", "never_above"}),
    "late_icaht": frozenset({"grade", "wording", "up_to"}),
    "risk": frozenset({"wording", "kinds", "labs", "labs_above_limit"}),
}
