"""What a row of each kind says, as cells by column title, without its name and source.

Every kind of row that the product ships has its words here; a kind that is new is written member by member,
so that no row is ever left out of the reference. Nothing is computed: what a cell says stands in the table.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from cart_cds.reference_sources import Sources
from cart_cds.reference_tables import Row
from cart_cds.reference_text import (
    NAME_MEMBERS,
    PROVENANCE_MEMBERS,
    Cells,
    code,
    escape,
    spell,
    write_number,
    write_plain,
    write_range,
    write_span,
    write_unit,
)

_BOUNDS = ("below", "from", "over", "up_to")
_OPEN_END_YEARS = 199
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


def write_cells(kind: str, row: Row, words: Words) -> Cells:
    """What a row says, without its name and source."""
    if kind not in _WRITERS:
        return _write_members(row, words)
    write = _write_pressure_cut if kind == "cut" and "from_years" in row else _WRITERS[kind]
    told = _TOLD[kind] | PROVENANCE_MEMBERS | NAME_MEMBERS
    # A table may have grown: a member that the words of its kind do not know is added as it is.
    rest = [f"{spell(key)}: {write_plain(value)}" for key, value in row.items() if key not in told]
    return {**write(row, words), **({"Also": "<br>".join(map(escape, rest))} if rest else {})}


def _write_criterion(row: Row, _: Words) -> Cells:
    return {"Grade": str(row["level"]), "Criterion": escape(row["wording"])}


def _write_window(row: Row, _: Words) -> Cells:
    return {"Span": write_span(row["minutes"]), "Why": escape(row["reason"])}


def _write_pressure_cut(row: Row, _: Words) -> Cells:
    first, last = row["from_years"], row["to_years"]
    years = f"{first} years and older" if last >= _OPEN_END_YEARS else f"{first}–{last} years"
    age = "under 1 year" if (first, last) == (0, 0) else years
    per_year = f" + {row['per_year']} × age in years" if row["per_year"] else ""
    return {"Age": age, "Hypotension is a systolic pressure below": f"{row['mmhg']} mmHg{per_year}"}


def _write_number(row: Row, _: Words) -> Cells:
    return {"What it says": escape(row["wording"]), "Number": write_number(row)}


def _write_device(row: Row, _: Words) -> Cells:
    by_flow = " (by flow)" if row["rule"] == "by-flow" else ""
    return {
        "Hypoxia level": write_range(row["lowest"], row["highest"]) + by_flow,
        "Why": escape(row["reason"]),
    }


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
        "Score": write_range(row["from_score"], row["to_score"]),
        "Stands for ICANS level": write_range(row["lowest"], row["highest"]),
    }


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


def _write_dose(row: Row, _: Words) -> Cells:
    unit = escape(row["unit"])
    bands = [f"{row['fixed']} {unit}, whatever the weight"] if "fixed" in row else []
    for band in row.get("band", ()):
        below = f"below {band['below_kg']} kg " if "below_kg" in band else ""
        bands.append(f"{below}{band['per_kg']} {unit} per kg")
    if len(row.get("band", ())) > 1:
        bands[-1] = f"from there on {bands[-1]}"
    lines = [
        f"**{escape(row['text'])}**",
        f"Computed: {', '.join(bands)}",
        f"Cap: {row['most']} {unit}" if "most" in row else "No cap stated",
        f"Route: {escape(row['route'])}" if "route" in row else "No route stated",
        f"Interval: {escape(row['interval'])}" if "interval" in row else "No interval stated",
    ]
    return {"What it says": "<br>".join(lines)}


def _write_code(row: Row, _: Words) -> Cells:
    return {"Name": escape(row["display"]), "Meaning": escape(row["definition"])}


def _write_check(row: Row, _: Words) -> Cells:
    return {"What it says": escape(row["wording"]), "Said as": f"**{escape(row['severity'])}**"}


def _write_points(row: Row, _: Words) -> Cells:
    bounds = " ".join(f"{spell(key)} {row[key]}" for key in _BOUNDS if key in row)
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
    number = [write_number(row)] if "value" in row else []
    if "minimum" in row and "maximum" in row:
        number = [f"{row['minimum']} to {row['maximum']} {write_unit(str(row.get('unit', '')))}".strip()]
    told = {"wording", "reason", "value", "unit", "minimum", "maximum"} if number else {"wording", "reason"}
    told |= PROVENANCE_MEMBERS | NAME_MEMBERS
    lines = [
        *([str(row["wording"])] if "wording" in row else ()),
        *number,
        *(
            f"{spell(key)}: {write_plain(write_unit(value) if isinstance(value, str) else value)}"
            for key, value in row.items()
            if key not in told
        ),
        *([str(row["reason"])] if "reason" in row else ()),
    ]
    return {"What it says": "<br>".join(map(escape, lines))}


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
    "points": frozenset({*_BOUNDS, "test", "points"}),
    "early_icaht": frozenset({"grade", "wording", "up_to", "days_from", "never_above"}),
    "late_icaht": frozenset({"grade", "wording", "up_to"}),
    "risk": frozenset({"wording", "kinds", "labs", "labs_above_limit"}),
}
