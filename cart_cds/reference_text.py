"""The small pieces of the clinical reference: cells that cannot break a table, numbers, units and spans."""

from collections.abc import Mapping, Sequence
from itertools import chain

from cart_cds.reference_tables import Row

Cells = dict[str, str]
# Every row that rests on a source ends with these; the last two are for the clinician who signs.
PROVENANCE = ("Source", "Tier", "Verified", "Reviewed by", "Reviewed on")
PROVENANCE_MEMBERS = frozenset({"citation", "cite", "tier", "verified", "reviewed_by", "reviewed_on"})
NAME_MEMBERS = frozenset({"id", "agent", "device", "code"})

_ESCAPES = str.maketrans({"|": r"\|", "<": "&lt;", ">": "&gt;", "*": r"\*", "_": r"\_", "\n": " "})
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


def escape(text: object) -> str:
    """Make a text inert in a cell of a pipe table."""
    return str(text).translate(_ESCAPES)


def code(text: str) -> str:
    """An identifier as code; bars are the only sign that ends a cell even there."""
    return "`" + text.replace("|", r"\|") + "`" if text else ""


def write_unit(unit: str) -> str:
    """A unit as a ward writes it."""
    return _UNITS.get(unit, unit)


def write_number(row: Row) -> str:
    """The number of a row with its unit, a dash where it has none."""
    if "value" not in row:
        return "–"
    value, unit = str(row["value"]).replace("-", "−"), write_unit(str(row.get("unit", " "))).strip()
    if unit == "day":
        return f"day {value}"
    return escape(f"{value}{unit}" if unit.startswith("/") else f"{value} {unit}".strip())


def write_range(low: int, high: int) -> str:
    """Two bounds, or the one that they share."""
    return str(low) if low == high else f"{low} to {high}"


def write_span(minutes: int) -> str:
    """Minutes in the unit a reader thinks in."""
    if minutes >= _DAYS_FROM_MINUTES and minutes % (24 * 60) == 0:
        return f"{minutes // (24 * 60)} days"
    if minutes >= _HOURS_FROM_MINUTES and minutes % 60 == 0:
        return f"{minutes // 60} h"
    return f"{minutes} min"


def spell(key: str) -> str:
    """The name of a member as words."""
    return key.replace("_", " ").replace("-", " ")


def write_plain(value: object) -> str:
    """A member that nobody has words for: two whole numbers as bounds, nested ones in brief."""
    if isinstance(value, Mapping):
        return ", ".join(f"{spell(key)} {write_plain(member)}" for key, member in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        if len(value) == 2 and all(isinstance(member, int) for member in value):
            return " to ".join(map(str, value))
        nested = any(isinstance(member, Mapping) for member in value)
        return ("; " if nested else ", ").join(map(write_plain, value))
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
