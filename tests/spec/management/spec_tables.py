"""Reads the pipe tables of a Markdown file."""

from pathlib import Path

FOLDER = Path(__file__).parent


def read_rows(file: str, column: str) -> list[dict[str, str]]:
    """All rows of all tables of ``file`` that have ``column``, as header: cell."""
    rows: list[dict[str, str]] = []
    header: list[str] | None = None
    for line in (FOLDER / file).read_text("utf-8").splitlines():
        if not line.startswith("|"):
            header = None
            continue
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if header is None:
            header = cells
        elif not set("".join(cells)) <= {"-", ":"} and column in header:
            rows.append(dict(zip(header, cells, strict=True)))
    return rows


def parts(cell: str) -> list[list[str]]:
    """``a R; b C`` as ``[["a", "R"], ["b", "C"]]``."""
    return [part.split() for part in cell.split(";") if part.strip()]
