"""The clinical reference: fresh, whole, and a table that GitHub shows as one."""

import tomllib
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from cart_cds.clinical_reference import DOCUMENT, DONE, ROOT, STALE, main, write_reference
from cart_cds.reference_rows import PROVENANCE, cells_of, escape, write_span

TABLES = sorted(
    path for room in ("grading", "management") for path in (ROOT / room / "tables").glob("*.toml")
)
SPECS = sorted((ROOT / "tests/spec").rglob("*.md"))


def test_the_reference_is_what_the_tables_and_examples_say() -> None:
    assert (ROOT / DOCUMENT).read_text("utf-8") == write_reference(), "stale: run make docs"


def test_check_tells_a_stale_document_from_a_fresh_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("cart_cds.clinical_reference.ROOT", tmp_path)
    monkeypatch.setattr("cart_cds.clinical_reference.write_reference", lambda: "fresh\n")
    (tmp_path / "docs").mkdir()
    assert main(["--check"]) == STALE
    assert "make docs" in capsys.readouterr().err
    assert main([]) == DONE
    assert main(["--check"]) == DONE


@pytest.mark.parametrize("path", TABLES, ids=lambda path: f"{path.parent.parent.name}/{path.stem}")
def test_every_row_of_a_table_stands_in_the_reference(path: Path) -> None:
    lines = write_reference().splitlines()
    for kind, rows in tomllib.loads(path.read_text("utf-8")).items():
        for row in rows if isinstance(rows, list) and kind != "sources" else ():
            name = next((row[key] for key in ("id", "agent", "device") if key in row), None)
            words = row.get("wording") or row.get("reason") or row.get("text") or ""
            cell = escape(name) if kind == "citation" else f"`{name}`"
            assert name is None or any(
                line.startswith(f"| {cell} |") and escape(words) in line for line in lines
            ), f"{kind} {name}"


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_every_example_stands_in_the_reference(path: Path) -> None:
    lines = set(write_reference().splitlines())
    assert {line for line in path.read_text("utf-8").splitlines() if line.startswith("|")} <= lines


def test_every_table_row_has_as_many_cells_as_its_header() -> None:
    # A renderer drops surplus cells without a word; a missing bar would shift a signature to another row.
    header: int | None = None
    for line in write_reference().splitlines():
        if not line.startswith("|"):
            header = None
            continue
        cells = line.replace(r"\|", "").count("|")
        header = header or cells
        assert cells == header, line[:120]


def test_every_row_that_states_a_tier_has_room_for_a_signature() -> None:
    html = MarkdownIt("commonmark").enable("table").render(write_reference())
    assert html.count("<th>Tier</th>") - 1 == html.count("<th>Reviewed by</th>")  # one explains the tiers
    assert html.count("<th>Reviewed by</th>") == html.count("<th>Reviewed on</th>")
    assert "\n|" not in html, "a table is not read as one"


def test_a_source_is_printed_in_full_and_an_unverified_row_stands_out() -> None:
    row = {"id": "x", "wording": "A | B", "value": "1", "citation": ["s"], "tier": "GK", "verified": False}
    cells = cells_of("limit", "", row, {"s": "The whole source"})
    assert cells == {
        "Id": "`x`",
        "Number": "1",
        "What it says": r"A \| B",
        **dict(zip(PROVENANCE, ("The whole source", "GK", "**no**", "", ""), strict=True)),
    }


def test_a_kind_of_row_that_is_new_is_written_member_by_member() -> None:
    cells = cells_of("new", "y", {"bounds": [1, 2], "tier": "A", "verified": True, "cite": "s"}, {})
    assert cells["What it says"] == "bounds: 1 to 2"
    assert (cells["Id"], cells["Source"], cells["Verified"]) == ("`y`", "s", "yes")


def test_a_member_that_is_new_in_a_known_kind_is_not_left_out() -> None:
    cells = cells_of("guard", "", {"id": "g", "wording": "w", "only_adults": True}, {})
    assert cells["Also"] == "only adults: True"


@pytest.mark.parametrize(("minutes", "words"), [(5, "5 min"), (60, "60 min"), (240, "4 h"), (1440, "24 h")])
def test_a_span_is_written_in_the_unit_a_reader_thinks_in(minutes: int, words: str) -> None:
    assert write_span(minutes) == words
    assert write_span(20160) == "14 days"
