"""A row for some products holds for these alone; where the product is not known, the reader is told."""

from dataclasses import replace
from pathlib import Path

from management.protocol import Protocol, load_file
from management.review import Review
from management.reviewing import review
from tests.spec.management.bedside import AT, chart_of

WARD = """name = "ward"
extends = "met-2021"
title = "Ward"
owner = "Ward"
version = "1"
population = "Adults"
grading_scale = "ASTCT 2019"
sources = ["MET guide, text"]

[[row]]
id = "W1"
when = "icans-1-or-more"
wording = "Any ICANS: inform the stroke team"
products = ["axicabtagene-ciloleucel", "brexucabtagene-autoleucel"]
citation = ["Our rule"]
tier = "RULE"
verified = false
note = "Ward: inform the stroke team."
"""
UNKNOWN = (
    "Any ICANS: inform the stroke team: only after axicabtagene-ciloleucel or brexucabtagene-autoleucel, and"
    " the product is not on record (row W1, not applied)"
)


def ward(folder: Path) -> Protocol:
    path = folder / "ward.toml"
    path.write_text(WARD, "utf-8")
    return load_file(path)


def notes_after(product: str | None, protocol: Protocol, phrases: str = "fever 38.8; ice 8") -> list[str]:
    chart = chart_of(phrases)
    infusions = tuple(replace(infusion, product=product) for infusion in chart.infusions)
    answer: Review | None = review(replace(chart, infusions=infusions), AT, protocol)
    assert answer is not None
    return [note for note in answer.notes if "stroke team" in note]


def test_a_row_for_a_product_holds_after_it(tmp_path: Path) -> None:
    assert notes_after("axicabtagene-ciloleucel", ward(tmp_path)) == ["Ward: inform the stroke team."]


def test_a_row_for_a_product_does_not_hold_after_another(tmp_path: Path) -> None:
    assert notes_after("tisagenlecleucel", ward(tmp_path)) == []


def test_a_row_for_a_product_is_told_of_where_the_product_is_not_known(tmp_path: Path) -> None:
    assert notes_after(None, ward(tmp_path)) == [UNKNOWN]


def test_nothing_is_told_of_a_row_that_would_not_hold_anyway(tmp_path: Path) -> None:
    assert notes_after(None, ward(tmp_path), "fever 38.8; ice 10") == []
