"""The words before the tables of the clinical reference: its use, how to read it, what stands behind it.

The prose is ours and names no number that decides anything; those stand in the tables alone.
"""

from collections.abc import Iterator, Sequence

from cart_cds.reference_sources import Document, Sources
from cart_cds.reference_text import escape, write_table

TIERS = {
    "A": "the medical emergency team guide, the source page, or a reproduction of the ASTCT table",
    "B": "a guideline, label or definition as transcribed by others: pocket card, copy, table in a paper",
    "C": "a secondary summary, a vendor's or a teaching page",
    "GK": "general knowledge; no document found",
    "RULE": "our own decision where the sources are silent",
}

_INTENDED_USE = """\
## Intended use and limits

**For whom.** Haematologists, intensivists, neurologists and the teams around them who care for recipients of
CAR-T cells, and the quality team that answers for the tables. The service grades CRS and ICANS by the ASTCT
consensus of 2019 from what is charted, shows the evidence for the grade and what is not known, and lists
what the chosen protocol suggests. A clinician examines, judges and decides; nothing is ordered or signed by
the service. It does not replace the local CAR-T protocol.

**Not a validated device.** The service has not been validated for care. Whether its use makes it a medical
device is for the site to settle under its own law.

**For which patients.** Grading covers adults, and children by CAPD and pressure by age. The protocols were
written for adults; what changes for the young, and where the age is unknown, stands at the head of each.

**What is not on this page.** The [maps from codes and texts](#code-maps) to the words used here have their
own sources and confidence. How rules work together, case by case, stands in the
[worked examples](worked-examples.md), each line of which is run as a test.
"""

_HOW_TO_READ = """\
## How to read and sign it

The page is made from the tables that the program itself reads, so that what is signed here is what runs.
Each row has a **tier**, which says where it comes from:

{tiers}

*Verified* "yes" means that the row rests on a source of tier A or B. It is a statement about the source, not
a signature. A row with "**no**" is marked "not verified" wherever a card prints it, and a protocol that
words a treatment on such a row as a recommendation is refused: it may only be an option.

To sign a row, compare it with its source, and enter `reviewed_by` and `reviewed_on` (year-month-day) in the
row of the file named at the head of its section; `make docs` then fills the columns here. A line marked ↳
follows from the row above it and is signed with that row, unless it names a source or a reviewer of its own.
At the end of each section is a line for who read it on paper.

{signed}
"""

_LIMITS_OF_SOURCES = """\
## Limits of the sources

Of the consensus paper, only the first page was seen. Its tables were read in reproductions, which are listed
here cell by cell. The source page and the MET guide say the same in every cell that both print; a misprint
that they share would not have been noticed.

### The ASTCT cells

{cells}

Of the ASCO guideline, the pages of a pocket card were seen. A cell that is not listed in this protocol is
absent from it, and is not guessed. Of the medical emergency team guide the words of the figure were read: our
reading of its arrows is to be compared with the drawing.
"""


def write_front(sources: Sources, signed: str) -> Iterator[str]:
    """The chapters before the contents."""
    yield _INTENDED_USE
    tiers = [f"| **{tier}** | {words} |" for tier, words in TIERS.items()]
    table = "\n".join(["| Tier | Where a row comes from |", "|---|---|", *tiers])
    yield _HOW_TO_READ.format(tiers=table, signed=signed)
    cells = [
        {
            "Cell": escape(entry["cells"]),
            "Read in": escape("; ".join(entry["read_in"])),
            "Note": escape(entry.get("note", "")),
        }
        for entry in sources.reproductions
    ]
    yield _LIMITS_OF_SOURCES.format(cells=write_table(cells).strip())
    yield "## Before clinical use, a person must verify\n\n" + "".join(
        f"- [ ] {what}.\n" for what in sources.to_verify
    )


def write_citations(documents: Sequence[Document]) -> str:
    """The documents with what was read of each, in the order of the bibliography."""
    return write_table(
        [
            {
                "Cited as": "<br>".join(map(escape, document.names)),
                "Document": escape(document.title),
                "Kind": escape(document.kind),
                "What of it was read": escape(document.seen).replace(r"\*\*", "**"),
            }
            for document in documents
        ]
    )
