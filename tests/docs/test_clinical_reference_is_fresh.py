"""The clinical reference and the worked examples: fresh, whole, and tables that GitHub shows as such."""

import re
import tomllib
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

from cart_cds import worked_examples
from cart_cds.clinical_reference import DOCUMENT, DONE, ROOT, STALE, UNUSABLE, main, write_reference
from cart_cds.reference_links import anchor
from cart_cds.reference_sections import SIGNATURE
from cart_cds.reference_sources import BIBLIOGRAPHY
from cart_cds.reference_text import escape
from cart_cds.worked_examples import write_examples

TABLES = sorted(
    path
    for room in ("grading", "management", "fhir_maps")
    for path in (ROOT / room / "tables").rglob("*.toml")
)
SPECS = sorted((ROOT / "tests/spec").rglob("*.md"))
# Legal texts of code systems; they stand in NOTICE.
NO_CLINICAL_ROWS = {"licence_notices"}
NAMES = ("id", "agent", "device", "code", "kind")


@pytest.fixture(scope="module")
def reference() -> str:
    return write_reference()


@pytest.fixture(scope="module")
def examples() -> str:
    return write_examples(ROOT)


def rows_in(content: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every row of a table file, however deep, with the name it stands under."""
    for key, value in content.items():
        if isinstance(value, dict):
            yield key, value
            yield from rows_in(value)
        elif isinstance(value, list) and key not in ("citation", "band"):
            for row in value:
                if isinstance(row, dict):
                    yield next((str(row[name]) for name in NAMES if name in row), ""), row
                    yield from rows_in(row)


def test_the_reference_is_what_the_tables_say(reference: str) -> None:
    assert (ROOT / DOCUMENT).read_text("utf-8") == reference, "stale: run make docs"


def test_the_worked_examples_are_what_the_specifications_say(examples: str) -> None:
    assert (ROOT / worked_examples.DOCUMENT).read_text("utf-8") == examples, "stale: run make docs"


@pytest.mark.parametrize("stale", ["clinical-reference.md", "worked-examples.md"])
def test_check_tells_which_page_is_stale(
    stale: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("cart_cds.clinical_reference.ROOT", tmp_path)
    monkeypatch.setattr("cart_cds.clinical_reference.write_reference", lambda _: "fresh\n")
    monkeypatch.setattr("cart_cds.clinical_reference.write_examples", lambda _: "fresh\n")
    assert main(["--check"]) == UNUSABLE
    (tmp_path / "docs").mkdir()
    assert main([]) == DONE
    assert main(["--check"]) == DONE
    (tmp_path / "docs" / stale).write_text("old\n")
    capsys.readouterr()
    assert main(["--check"]) == STALE
    assert capsys.readouterr().err == f"docs/{stale} is stale: run make docs\n"


@pytest.mark.parametrize("path", TABLES, ids=lambda path: f"{path.parent.parent.name}/{path.stem}")
def test_every_id_and_wording_of_a_table_stands_in_the_reference(path: Path, reference: str) -> None:
    lines = reference.splitlines()
    for name, row in rows_in(tomllib.loads(path.read_text("utf-8"))):
        if path.stem in NO_CLINICAL_ROWS or name in ("", "names"):
            continue
        words = escape(row.get("wording") or row.get("title") or row.get("reason") or "")
        assert any(
            re.match(rf"\| (?:↳ )?`{re.escape(name)}` \|", line) and words in line for line in lines
        ), f"{path.name}: {name}: {words}"


def test_every_row_shows_its_number_with_its_unit(reference: str) -> None:
    for line in (
        "| `fever-celsius` | Fever is 38.0 °C or higher | 38.0 °C |",
        "| `lysis-first-day` | Tumour lysis is looked for from this day | day −3 |",
        "| `haemorrhage-platelets-below` | Platelets low enough to think of a bleed in ICANS | 20 ×10⁹/L |",
        "| `monitoring` | 30 days |",
    ):
        assert f"\n{line}" in reference


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_every_example_stands_on_its_page(path: Path, examples: str) -> None:
    lines = set(examples.splitlines())
    assert {line for line in path.read_text("utf-8").splitlines() if line.startswith("|")} <= lines


@pytest.mark.parametrize("page", ["reference", "examples"])
def test_every_table_row_has_as_many_cells_as_its_header(page: str, request: pytest.FixtureRequest) -> None:
    # A renderer drops surplus cells without a word; a missing bar would shift a signature to another row.
    header: int | None = None
    for line in request.getfixturevalue(page).splitlines():
        if not line.startswith("|"):
            header = None
            continue
        cells = line.replace(r"\|", "").count("|")
        header = header or cells
        assert cells == header, line[:120]


def test_every_row_that_states_a_tier_has_room_for_a_reviewer(reference: str) -> None:
    html = MarkdownIt("commonmark").enable("table").render(reference)
    assert html.count("<th>Tier</th>") - 1 == html.count("<th>Reviewed by</th>")  # one explains the tiers
    assert html.count("<th>Reviewed by</th>") == html.count("<th>Reviewed on</th>")
    assert "\n|" not in html, "a table is not read as one"


@pytest.mark.parametrize("page", ["reference", "examples"])
def test_every_section_with_a_table_ends_with_a_line_to_sign(
    page: str, request: pytest.FixtureRequest
) -> None:
    text = request.getfixturevalue(page).split("## Contents", 1)[1]
    for section in re.split(r"^## ", text, flags=re.M)[1:]:
        assert section.rstrip("\n").endswith(SIGNATURE.rstrip("\n")), section.splitlines()[0]


@pytest.mark.parametrize("page", ["reference", "examples"])
def test_every_link_on_a_page_leads_to_one_heading(page: str, request: pytest.FixtureRequest) -> None:
    text = request.getfixturevalue(page)
    headings = [anchor(line.lstrip("# ")) for line in re.findall(r"^#{1,3} .*$", text, re.M)]
    links = re.findall(r"\]\(#([^)]+)\)", text)
    assert links
    for link in links:
        assert headings.count(link) == 1, link


def test_no_source_is_named_by_a_code(reference: str) -> None:
    assert not re.search(r"\((?:S0|S3)\b", reference)
    assert "own rule" not in reference.replace("Our rule", ""), "one spelling"


def test_every_citation_is_claimed_by_a_document() -> None:
    documents = tomllib.loads((ROOT / BIBLIOGRAPHY).read_text("utf-8"))["document"]
    claimed = {name for document in documents for name in document["names"]}
    for path in TABLES:
        for citation in tomllib.loads(path.read_text("utf-8")).get("citation", ()):
            assert citation["id"] in claimed, f"{path.name}: tell docs/bibliography.toml what was read"


def test_every_axis_of_the_consensus_says_where_its_cells_were_read() -> None:
    bibliography = tomllib.loads((ROOT / BIBLIOGRAPHY).read_text("utf-8"))
    told = {axis for entry in bibliography["reproduction"] for axis in entry["axes"]}
    for name in ("crs", "icans"):
        criteria = tomllib.loads((ROOT / f"grading/tables/{name}.toml").read_text("utf-8"))["criterion"]
        assert {row["axis"] for row in criteria if row["tier"] in "AB"} <= told


def test_who_reviewed_a_row_and_when_stand_together() -> None:
    for path in TABLES:
        for name, row in rows_in(tomllib.loads(path.read_text("utf-8"))):
            assert ("reviewed_by" in row) == ("reviewed_on" in row), f"{path.name}: {name}"
            if "reviewed_on" in row:
                assert date.fromisoformat(str(row["reviewed_on"])), f"{path.name}: {name}"
