"""Bars of the timeline: steps of a grade by number and height, and what ran or was worn by text."""

from collections.abc import Sequence

from smart_app.timeline_lanes import Bar, Style
from smart_app.timeline_marks import escape, text_width
from smart_app.timeline_scale import PLOT_WIDTH

LEVEL = 7  # px of height for each grade
# A bar longer than this has its text once more, as its beginning may be scrolled away.
_LONG = 160
_BOLD = 1.35


def _fitting(labels: Sequence[str], width: float, wider: float = 1) -> str | None:
    """The longest text that has room; ``wider`` than at 12 px by so much."""
    return next((label for label in labels if text_width(label) * wider + 6 <= width), None)


def draw_step(bar: Bar, x: float, width: float, y: int, *, is_last: bool) -> str:
    """A step of a grade: its number above, its height below; a range is hatched between its ends."""
    base = y + 16 + 5 * LEVEL + 2
    if bar.style is Style.UNASSESSABLE:
        drawn = f'<rect class="cross" x="{x:g}" y="{y + 18}" width="{width:.1f}" height="{5 * LEVEL}"/>'
    else:
        top = bar.lowest * LEVEL + 2
        drawn = f'<rect class="proven" x="{x:g}" y="{base - top}" width="{width:.1f}" height="{top}"/>'
        if bar.style is Style.RANGE:
            span = max((bar.highest - bar.lowest) * LEVEL, 4)
            drawn += (
                f'<rect class="possible" x="{x:g}" y="{base - top - span}" width="{width:.1f}"'
                f' height="{span}"/>'
            )
    text = _fitting(bar.labels, width, _BOLD)
    if text is not None:
        drawn += f'<text class="number" x="{x + 3:g}" y="{y + 12}">{escape(text)}</text>'
        if width > _LONG and is_last:
            place = f'x="{x + width - 5:g}" y="{y + 12}"'
            drawn += f'<text class="number" {place} text-anchor="end">{escape(text)}</text>'
        elif width > 2 * _LONG:
            place = f'x="{x + width / 2:g}" y="{y + 12}"'
            drawn += f'<text class="number" {place} text-anchor="middle">{escape(text)}</text>'
    elif is_last and (text := _fitting(bar.labels, PLOT_WIDTH - x - width, _BOLD)) is not None:
        # A new grade has a narrow step, and is the one to be read: its number stands behind the present.
        drawn += f'<text class="number" x="{x + width + 4:g}" y="{y + 12}">{escape(text)}</text>'
    return drawn


def draw_bar(bar: Bar, x: float, width: float, y: int) -> str:
    """A bar of a drug or a device, with the longest text that has room, at its end too where it is long."""
    drawn = f'<rect x="{x:g}" y="{y + 2}" width="{width:.1f}" height="20"/>'
    text = _fitting(bar.labels, width)
    if text is not None:
        drawn += f'<text x="{x + 4:g}" y="{y + 16}">{escape(text)}</text>'
        if width > 2 * text_width(text) + _LONG:
            drawn += f'<text x="{x + width - 4:g}" y="{y + 16}" text-anchor="end">{escape(text)}</text>'
    return drawn
