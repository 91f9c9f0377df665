"""Write ``docs/clinical-reference.md`` and ``docs/worked-examples.md``, for the clinician who signs them.

Run as ``python -m cart_cds.clinical_reference`` to write both, with ``--check`` to compare only (exit 1 when
one is stale, 2 outside a checkout). The reference shows every clinical row of the product with its source;
it is made from the tables as the files they are, so that a new file, row or kind of row shows up without a
change here.
"""

import argparse
import inspect
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from cart_cds import worked_examples
from cart_cds.reference_cells import Words
from cart_cds.reference_front import TIERS, write_citations, write_front
from cart_cds.reference_links import anchor
from cart_cds.reference_sections import (
    SIGNATURE,
    Section,
    plan_sections,
    write_code_maps,
    write_section,
)
from cart_cds.reference_sources import Sources, read_sources
from cart_cds.reference_tables import Row, read_code_maps, read_tables
from cart_cds.reference_text import write_table
from cart_cds.worked_examples import write_examples
from management.conditions import CONDITIONS

ROOT = Path(__file__).resolve().parent.parent
DOCUMENT = Path("docs/clinical-reference.md")
DONE, STALE, UNUSABLE = 0, 1, 2

_TITLE = """\
<!-- Written by `make docs` from the tables. Do not edit: change the table. -->
# Clinical reference

Every criterion, number, window of time, drug, device, protocol row, dose rule and guard rail that decides
what a card says, with its source and room for a signature.
"""
_CODE_MAPS = """\
## Code maps

From the codes and texts of a record to the words of the tables. Each row of these files has its own source
and confidence; what was looked at and left out carries its reason. To be checked by who knows the site's
codes, in the files.
"""
_CONFIRM = "Before use in care, every row must be confirmed at the site."


def write_reference(root: Path = ROOT) -> str:
    """Return the whole reference for the checkout at ``root``."""
    files = read_tables(root)
    sources = read_sources(root, files)
    doses = {row["id"]: row["text"] for file in files for row in file.content.get("dose", ())}
    guards = {row["id"]: row for file in files for row in file.content.get("guard", ())}
    words = Words(sources, doses, guards, condition_meanings())
    sections = list(plan_sections(files, words))
    rows = [row for section in sections for row in section.rows]
    parts = [_TITLE, *write_front(sources, _say_signed(rows)), _write_contents(sections)]
    parts += [write_section(number, section) for number, section in enumerate(sections, 1)]
    parts.append(f"{_CODE_MAPS}\n{write_code_maps(read_code_maps(root))}\n{SIGNATURE}")
    cited = [name for row in rows for name in _names_of(row, sources)]
    cited += [name for file in files for name in sources.of({"citation": file.content.get("sources", ())})]
    parts.append("## Sources\n\n" + write_citations(sources.cited(cited)) + f"\n{SIGNATURE}")
    return "\n".join(parts)


def condition_meanings() -> Mapping[str, str]:
    """What each named condition of a protocol row means: the words that stand with the condition itself.

    Words that lean on what stands above them in the code are left out: here something else stands above.
    """
    told = {name: meaning_of(held) for name, held in CONDITIONS.items()}
    return {name: words for name, words in told.items() if not re.search(r"\b(?:[Aa]s|row) above\b", words)}


def meaning_of(condition: Callable[..., object]) -> str:
    """The words of a condition; of one made out of another, those of the other and what was added."""
    if words := inspect.getdoc(condition):
        return " ".join(words.split())
    made_from = inspect.getclosurevars(condition).nonlocals.get("condition")
    maker = getattr(inspect.getmodule(condition), condition.__qualname__.partition(".")[0], None)
    if made_from is None or maker is None:
        return ""
    added = " ".join((inspect.getdoc(maker) or "").split()).removeprefix("As the condition, ")
    return f"{meaning_of(made_from)} {added[:1].upper()}{added[1:]}".strip()


def _names_of(row: Row, sources: Sources) -> Iterable[str]:
    """The documents that a row and its recommendations cite; what a row says in words (`cite`) is none."""
    for cited in (row, *row.get("gives", ())):
        if "citation" in cited:
            yield from sources.of(cited)


def _say_signed(rows: Sequence[Row]) -> str:
    sourced = [row for row in rows if "tier" in row]
    signed = sum(1 for row in sourced if row.get("reviewed_by"))
    if not signed:
        return f"**No clinician has signed any of the {len(sourced)} rows yet.** {_CONFIRM}"
    return f"**{signed} of {len(sourced)} rows are signed.** {_CONFIRM}"


def _write_contents(sections: Sequence[Section]) -> str:
    lines = []
    for number, section in enumerate(sections, 1):
        heading = f"{number}. {section.title}"
        counts = {
            tier: str(sum(1 for row in section.rows if row.get("tier") == tier) or "") for tier in TIERS
        }
        signed = sum(1 for row in section.rows if row.get("reviewed_by"))
        sourced = sum(1 for row in section.rows if "tier" in row)
        lines.append(
            {
                "Section": f"[{heading}](#{anchor(heading)})",
                **counts,
                "Signed": f"{signed} of {sourced}" if sourced else "",
            }
        )
    also = "\n".join(
        f"- [{heading}](#{anchor(heading)})"
        for heading in (
            "Intended use and limits",
            "How to read and sign it",
            "Limits of the sources",
            "Before clinical use, a person must verify",
            "Code maps",
            "Sources",
        )
    )
    said = "Rows by tier, and how many of them are signed:"
    return f"## Contents\n\n{said}\n\n{write_table(lines)}\nBeside them:\n\n{also}\n"


def main(argv: Sequence[str] | None = None) -> int:
    """Write both pages, or compare them with ``--check``; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m cart_cds.clinical_reference", description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare only; exit 1 when a page is stale")
    arguments = parser.parse_args(argv)
    if not (ROOT / DOCUMENT).parent.is_dir():
        print("cart-cds: the reference is made in a checkout of the project", file=sys.stderr)
        return UNUSABLE
    done = DONE
    for document, text in {
        DOCUMENT: write_reference(ROOT),
        worked_examples.DOCUMENT: write_examples(ROOT),
    }.items():
        path = ROOT / document
        if not arguments.check:
            path.write_text(text, "utf-8")
        elif not path.is_file() or path.read_text("utf-8") != text:
            print(f"{document} is stale: run make docs", file=sys.stderr)
            done = STALE
    return done


if __name__ == "__main__":
    sys.exit(main())
