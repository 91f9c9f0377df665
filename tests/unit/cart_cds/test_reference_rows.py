"""One row of a table as the lines a clinician reads."""

from collections.abc import Callable
from typing import Any

import pytest

from cart_cds.clinical_reference import meaning_of
from cart_cds.reference_cells import Words
from cart_cds.reference_rows import lines_of
from cart_cds.reference_sections import plan_sections, write_section
from cart_cds.reference_sources import Document, Sources
from cart_cds.reference_tables import TableFile
from cart_cds.reference_text import PROVENANCE, write_span, write_table

SOURCES = Sources({"s": "Guide, p. 1"}, (Document("The guide", "card", "Page 1.", ("Guide, p. 1",)),), (), ())
WORDS = Words(
    SOURCES,
    doses={"d": "2 mg/kg"},
    guards={"g": {"id": "g", "citation": ["s"], "tier": "B", "verified": True}},
    conditions={"crs": "CRS of any grade."},
)


def only(kind: str, row: dict[str, Any], name: str = "") -> dict[str, str]:
    (cells,) = lines_of(kind, name, row, WORDS)
    return cells


def test_a_source_has_its_short_name_and_an_unverified_row_stands_out() -> None:
    row = {"id": "x", "wording": "A | B", "value": "1", "citation": ["s"], "tier": "GK", "verified": False}
    assert only("limit", row) == {
        "Id": "`x`",
        "What it says": r"A \| B",
        "Number": "1",
        **dict(zip(PROVENANCE, ("Guide, p. 1", "GK", "**no**", "", ""), strict=True)),
    }


def test_a_signed_row_says_by_whom_and_when() -> None:
    row = {"id": "x", "wording": "w", "citation": "s", "tier": "A", "verified": True}
    cells = only("guard", row | {"reviewed_by": "Dr A. Example", "reviewed_on": "2026-03-31"})
    assert (cells["Reviewed by"], cells["Reviewed on"], cells["Verified"]) == (
        "Dr A. Example",
        "2026-03-31",
        "yes",
    )


def test_what_a_protocol_row_gives_and_withholds_has_a_line_each() -> None:
    row = {
        "id": "C1",
        "when": "crs",
        "wording": "Any CRS",
        "citation": ["s"],
        "tier": "A",
        "verified": True,
        "gives": [
            {
                "id": "x.dose",
                "strength": "recommend",
                "urgent": True,
                "title": "Give",
                "text": "t.",
                "dose": "d",
            },
            {"id": "y", "strength": "consider", "title": "T", "text": "t.", "tier": "C", "citation": ["s"]},
        ],
        "withholds": [{"id": "z", "because": "g", "text": "why"}],
    }
    lines = lines_of("row", "", row, WORDS)
    assert [line["Id"] for line in lines] == ["`C1`", "↳ `x.dose`", "↳ `y`", "↳ `z`"]
    assert lines[0]["What it says"] == "**Any CRS**<br>Holds when: CRS of any grade. (`crs`)"
    assert lines[1]["What it says"] == "**Recommend, urgent:** Give. t. Dose: 2 mg/kg (rule `d`)."
    assert (lines[1]["Source"], lines[1]["Tier"]) == ("as `C1`", "A")
    assert (lines[2]["Source"], lines[2]["Tier"], lines[2]["Verified"]) == ("Guide, p. 1", "C", "**no**")
    assert lines[3]["What it says"] == "**Withhold** (guard `g`): why."


def test_a_row_that_lowers_cautions_and_notes_says_so() -> None:
    row = {
        "id": "D1",
        "when": "unnamed",
        "wording": "w",
        "lowers": ["x"],
        "resting_on": "icans.scale",
        "cautions": ["y"],
        "caution": "take care",
        "note": "n",
    }
    assert only("row", row)["What it says"] == (
        "**w**<br>Condition `unnamed`<br>"
        "**Only as an option:** x where it rests on `icans.scale` alone. take care.<br>"
        "**Caution with** y: take care.<br>**Note:** n"
    )


def test_a_dose_rule_says_what_is_computed_and_what_its_source_does_not_state() -> None:
    row = {"id": "d", "unit": "mg", "most": "800", "text": "as printed"}
    bands = [{"below_kg": "30", "per_kg": "12"}, {"per_kg": "8"}]
    assert only("dose", row | {"band": bands})["What it says"] == (
        "**as printed**<br>Computed: below 30 kg 12 mg per kg, from there on 8 mg per kg<br>Cap: 800 mg<br>"
        "No route stated<br>No interval stated"
    )
    assert "Computed: 10 mg, whatever the weight<br>" in only("dose", row | {"fixed": "10"})["What it says"]


def test_a_check_without_a_source_rests_on_its_guard() -> None:
    cells = only("check", {"kind": "interval", "severity": "critical", "guard": "g", "wording": "w"})
    assert (cells["Id"], cells["Said as"]) == ("`interval`", "**critical**")
    assert (cells["Source"], cells["Tier"], cells["Verified"]) == ("as guard `g`", "B", "yes")


def test_a_kind_of_row_that_is_new_is_written_member_by_member() -> None:
    row = {"wording": "w", "bounds": [1, 2], "tests": ["a", "b"], "on": True, "unit": "Cel", "points": 1}
    says = only("new", row, "y")["What it says"]
    assert says == "w<br>bounds: 1 to 2<br>tests: a, b<br>on: yes<br>unit: °C<br>points: 1"


def test_limits_of_a_new_kind_are_one_number_with_its_unit() -> None:
    row = {"minimum": 33, "maximum": 43, "unit": "Cel", "reason": "r"}
    assert only("", row, "temperature")["What it says"] == "33 to 43 °C<br>r"


def test_a_member_that_is_new_in_a_known_kind_is_not_left_out() -> None:
    assert only("guard", {"id": "g", "wording": "w", "only_adults": True})["Also"] == "only adults: yes"


@pytest.mark.parametrize(("minutes", "words"), [(5, "5 min"), (60, "60 min"), (240, "4 h"), (1440, "24 h")])
def test_a_span_is_written_in_the_unit_a_reader_thinks_in(minutes: int, words: str) -> None:
    assert write_span(minutes) == words
    assert write_span(20160) == "14 days"


def test_columns_of_provenance_come_last() -> None:
    table = write_table([{"Id": "a", "Tier": "A"}, {"Id": "b", "Number": "1", "Tier": "B"}])
    assert table.splitlines() == ["| Id | Number | Tier |", "|---|---|---|", "| a |  | A |", "| b | 1 | B |"]


def test_a_file_that_nobody_planned_has_a_section_and_a_line_to_sign() -> None:
    row = {"id": "n", "wording": "New", "citation": ["s"], "tier": "B", "verified": True}
    file = TableFile("management", "management/tables/new.toml", "new", "About it.", {"thing": [row]})
    (section,) = plan_sections([file], WORDS)
    text = write_section(1, section)
    assert text.startswith("## 1. New\n\nAbout it.\n\nFrom `management/tables/new.toml`.\n")
    assert "| `n` | New | Guide, p. 1 | B | yes |  |  |\n\nRead by:" in text


def test_kinds_that_a_planned_file_gains_have_a_section() -> None:
    content = {"row": [{"id": "T1", "when": "c", "wording": "w"}], "thing": [{"id": "n", "wording": "New"}]}
    path = "management/tables/cross-cutting.toml"
    sections = list(plan_sections([TableFile("management", path, "cross-cutting", "", content)], WORDS))
    assert [section.title for section in sections] == [
        "Rows of every protocol",
        "Cross cutting: further tables",
    ]


def test_a_citation_that_no_document_claims_is_printed_with_a_warning() -> None:
    found = SOURCES.cited(["Guide, p. 1", "Nobody 2020"])
    assert [document.title for document in found] == ["The guide", "Nobody 2020"]
    assert found[1].seen == "**Not stated what was read.**"


def _when_awake(condition: Callable[[], bool]) -> Callable[[], bool]:
    """As the condition, in a patient who is awake."""

    def holds() -> bool:
        return condition()

    return holds


def _has_fever() -> bool:
    """Fever of
    any height.
    """
    return True


def test_a_condition_made_of_another_is_told_with_what_was_added() -> None:
    assert meaning_of(_has_fever) == "Fever of any height."
    assert meaning_of(_when_awake(_has_fever)) == "Fever of any height. In a patient who is awake."
    assert meaning_of(lambda: True) == ""
