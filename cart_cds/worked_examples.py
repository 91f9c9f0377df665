"""The text of ``docs/worked-examples.md``: the tables under ``tests/spec`` as they stand.

Written with the clinical reference by :mod:`cart_cds.clinical_reference`.
"""

import re
from pathlib import Path

from cart_cds.reference_links import anchor
from cart_cds.reference_sections import SIGNATURE
from cart_cds.reference_text import code

DOCUMENT = Path("docs/worked-examples.md")

_INTRODUCTION = """\
<!-- Written by `make docs` from the tables under tests/spec. Do not edit: change the table. -->
# Worked examples

Each line of the tables below is run as a test: the situation is turned into a chart, assessed, and the answer
is compared with what stands here. They show how the rows of the [clinical reference](clinical-reference.md)
work together. The column *rule* or *row* names the rule that the line is about, *because* says why.

What an example does not name, and every empty cell, is charted as for a well adult on day 3: no fever, normal
pressure, room air, ICE 10, alert. `none`, or `nothing` where "none" is a finding, means that nothing of the
kind is charted. `@6h` and `6h` mean six hours before the time of grading. A gap with a star widens the range
of the grade.

## Contents

"""


def write_examples(root: Path) -> str:
    """Return the page for the checkout at ``root``: grading first, then management."""
    paths = sorted((root / "tests/spec").rglob("*.md"))
    texts = [(path.relative_to(root).as_posix(), path.read_text("utf-8").strip()) for path in paths]
    contents = []
    chapters = []
    for name, text in texts:
        title = text.splitlines()[0].removeprefix("# ")
        contents.append(f"- [{title}](#{anchor(title)})\n")
        chapters.append(f"{_lower_headings(text)}\n\nFrom {code(name)}.\n\n{SIGNATURE}")
    return _INTRODUCTION + "".join(contents) + "\n" + "\n".join(chapters)


def _lower_headings(text: str) -> str:
    """Every heading one level down, but none inside a fence."""
    lines = []
    fenced = False
    for line in text.splitlines():
        fenced ^= line.startswith("```")
        lines.append(f"#{line}" if not fenced and re.match(r"#+ ", line) else line)
    return "\n".join(lines)
