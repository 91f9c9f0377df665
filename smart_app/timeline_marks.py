"""Marks of the timeline: each a link to its row of the table, with a shape of its own class.

A shape tells its class without colour; the text that a focused mark shows is in :func:`tip`. Everything from
a record is escaped here.
"""

import re
from collections.abc import Mapping
from html import escape as escape_html

from smart_app.timeline_rows import Kind, Row
from smart_app.timeline_scale import PLOT_WIDTH

_CHARACTER = 6.7  # px of a character at 12 px, on average: rather too wide than too narrow
_BOLD = 1.15
_TIP_HEIGHT = 38
_SPECIAL = re.compile("[&<>\"']")
# A UUID is longer than a mark can show, and nobody reads it out.
_LONGEST_ID = 20
_END_OF_ID = 8
_HIT = '<rect class="tl-hit" x="-12" y="-12" width="24" height="24"/>'

# Drawn around 0,0; every shape has a target of 24 by 24 px.
SHAPES: Mapping[str, str] = {
    "dose-a": '<path d="M0-8 8 7H-8Z"/>',
    "dose-s": '<rect x="-6" y="-6" width="12" height="12"/>',
    "fever": '<path class="tl-open" d="M-6-4H6L0 6Z"/>',
    "fluid": '<path d="M0-8C5-1 6 1 6 3A6 6 0 0 1-6 3C-6 1-5-1 0-8Z"/>',
    "said": '<path class="tl-open" d="M0-7 7 0 0 7-7 0Z"/>',
    "push": '<path d="M0-7 7 0 0 7-7 0Z"/>',
    "found": '<path d="M-7-3-3-7H3L7-3V3L3 7H-3L-7 3Z"/>',
    "none": '<circle class="tl-open" r="3.5"/>',
    "unread": '<circle class="tl-open" r="8"/><text class="tl-sign" y="4" text-anchor="middle">?</text>',
    "undone": '<path class="tl-open" d="M-6-6 6 6M6-6-6 6"/>',
    "flag": '<path d="M-5 8V-8L7-4-5 0" class="tl-open"/>',
    "cart": '<circle class="tl-open" r="8"/><path class="tl-open" d="M-5 0H5M0-5V5"/>',
}
_SHAPE_OF: Mapping[Kind, str] = {
    Kind.ANTICYTOKINE: "dose-a",
    Kind.STEROID: "dose-s",
    Kind.ANTIPYRETIC: "fever",
    Kind.FLUID: "fluid",
    Kind.HYPOTENSION: "said",
    Kind.VASOACTIVE: "push",
    Kind.UNREADABLE: "unread",
    Kind.CAPD: "undone",
    Kind.ATTRIBUTION: "flag",
    Kind.INFUSION: "cart",
}


def define_shapes() -> str:
    """The shapes and the patterns, to be used by name."""
    shapes = "".join(f'<g id="s-{name}">{_HIT}{drawn}</g>' for name, drawn in SHAPES.items())
    return (
        f"<defs>{shapes}"
        '<pattern id="p-range" width="7" height="7" patternUnits="userSpaceOnUse">'
        '<path class="hatch" d="M-1 1 1-1M0 7 7 0M6 8 8 6"/></pattern>'
        '<pattern id="p-gap" width="6" height="6" patternUnits="userSpaceOnUse">'
        '<path class="dots" d="M1 1H2.4V2.4H1Z"/></pattern>'
        '<pattern id="p-cross" width="10" height="10" patternUnits="userSpaceOnUse">'
        '<path class="hatch" d="M0 0 10 10M10 0 0 10"/></pattern></defs>'
    )


def escape(text: str) -> str:
    """Text for XML: escaped, and without the control characters that XML cannot hold."""
    if not text.isprintable():
        text = "".join(character if character.isprintable() else " " for character in text)
    # Hardly any text has one, and to look for all five at once is faster than to replace each.
    return escape_html(text) if _SPECIAL.search(text) else text


def text_width(text: str) -> float:
    """About how wide a text is at 12 px."""
    return len(text) * _CHARACTER


def shape_of(row: Row) -> str:
    """The name of a row's shape: a finding charted as absent is a small open ring."""
    shape = _SHAPE_OF.get(row.kind, "found")
    return "none" if shape == "found" and not row.found else shape


def cut_source(row: Row) -> str:
    """The source of a row as a mark tells it: of a long id its end. The row of the table has it whole."""
    reference = row.source.reference if row.source is not None else ""
    kind, slash, identity = reference.rpartition("/")
    return reference if len(identity) <= _LONGEST_ID else f"{kind}{slash}…{identity[-_END_OF_ID:]}"


def describe(row: Row, when: str) -> tuple[str, str]:
    """What a mark tells: what and value; then time, source and remarks."""
    source = cut_source(row)
    beside = "; ".join(part for part in (when, source, *row.remarks) if part)
    return f"{row.what} {row.value}", beside


def use_shape(row: Row, x: float, y: float) -> str:
    """The shape of a row at a place."""
    return f'<use href="#s-{shape_of(row)}" x="{x:g}" y="{y:g}"/>'


def mark(row: Row, when: str, x: float, y: float, lane_y: float, label: str | None = None) -> str:
    """A mark with its tip, as a link to the row of the table."""
    first, second = describe(row, when)
    drawn = use_shape(row, x, y)
    if label is not None and x + 10 + text_width(label) <= PLOT_WIDTH:
        drawn += f'<text x="{x + 10:g}" y="{y + 4:g}">{escape(label)}</text>'
    elif label is not None:
        drawn += f'<text x="{x - 10:g}" y="{y + 4:g}" text-anchor="end">{escape(label)}</text>'
    return link(row, first, second, drawn + rings(row, x, y) + tip(first, second, x, lane_y))


def link(row: Row, first: str, second: str, drawn: str, classes: str = "mark") -> str:
    """A link to a row of the table around what is drawn."""
    classes += (" attributed" if row.attributed else "") + (" looked-for" if row.highlighted else "")
    title = escape(f"{first}; {second}")
    return f'<a class="{classes}" href="#{row.key}"><title>{title}</title>{drawn}</a>'


def short_link(row: Row, when: str, drawn: str) -> str:
    """A link to a row for one of many marks: it tells value and time, and the row the rest. The keyboard does
    not stop at it.
    """
    title = escape(f"{row.value}; {when}")
    return f'<a class="dot" href="#{row.key}" tabindex="-1"><title>{title}</title>{drawn}</a>'


def rings(row: Row, x: float, y: float) -> str:
    """Around what a clinician attributed elsewhere a broken ring, around what was looked for a double one."""
    drawn = f'<circle class="elsewhere" cx="{x:g}" cy="{y:g}" r="10"/>' if row.attributed else ""
    if row.highlighted:
        drawn += f'<circle class="wanted" cx="{x:g}" cy="{y:g}" r="12"/>'
        drawn += f'<circle class="wanted" cx="{x:g}" cy="{y:g}" r="15"/>'
    return drawn


def tip(first: str, second: str, x: float, lane_y: float) -> str:
    """The box that a focused mark shows above its lane, kept inside the plot.

    Lanes are drawn from above, so that nothing drawn later lies over it.
    """
    longest = int(PLOT_WIDTH / _CHARACTER / _BOLD) - 4
    first, second = shorten(first, longest), shorten(second, longest)
    width = max(text_width(first) * _BOLD, text_width(second)) + 14
    left = int(min(max(x - width / 2, 1), PLOT_WIDTH - width - 1))
    top = max(lane_y - _TIP_HEIGHT - 2, 1)
    return (
        f'<g class="tip"><rect x="{left:g}" y="{top:g}" width="{width:.0f}" height="{_TIP_HEIGHT}" rx="3"/>'
        f'<text x="{left + 7:g}" y="{top + 15:g}">{escape(first)}</text>'
        f'<text x="{left + 7:g}" y="{top + 31:g}">{escape(second)}</text></g>'
    )


def shorten(text: str, longest: int) -> str:
    """A text cut to so many characters; the table has it whole."""
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"
