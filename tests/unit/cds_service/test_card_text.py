"""Text on cards: inert in Markdown and HTML, short enough, and readable without rendering."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from cds_service.card_text import (
    LONGEST_SUMMARY,
    bullet_list,
    escape_markdown,
    fit_summary,
    plain_text,
    spell_units,
    table,
    write_age,
    write_hour,
    write_number,
    write_rate,
    write_time,
)

NOW = datetime(2026, 3, 4, 8, 0, tzinfo=UTC)
RENDERER = MarkdownIt("commonmark", {"html": True}).enable("table").enable("strikethrough")


def rendered_tags(markdown: str) -> set[str]:
    """Every tag that rendering makes, raw HTML included."""
    tags = set()
    for block in RENDERER.parse(markdown):
        tags.add(block.type if block.type.startswith("html") else block.tag)
        tags |= {child.type if child.type.startswith("html") else child.tag for child in block.children or ()}
    return tags - {""}


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "**bold** _it_ `code` ~~gone~~",
        "[click](javascript:alert(1))",
        "![x](http://attacker.example/p.png)",
        "# heading",
        "> quote",
        "- item",
        "+ item",
        "1. item",
        "1) item",
        "| a | b |\n|---|---|\n| c | d |",
        "a\n\n<div>x</div>",
        "<http://attacker.example>",
        "\\<b>",
        "&lt;b&gt; &#60;b>",
        "***",
        "---",
        "```\ncode\n```",
    ],
)
def test_hostile_text_from_the_record_stays_text(hostile: str) -> None:
    assert rendered_tags(escape_markdown(hostile)) <= {"p"}
    assert rendered_tags(bullet_list([escape_markdown(hostile)])) <= {"p", "ul", "li"}


@given(st.text(max_size=60))
def test_no_text_at_all_becomes_a_tag(text: str) -> None:
    assert rendered_tags("Value: " + escape_markdown(text)) <= {"p"}
    assert "<" not in escape_markdown(text)


@given(st.text(alphabet="|\\`*_[]<>&~#\n\r\t ab1.-", max_size=30))
def test_no_text_leaves_its_cell_of_a_table(text: str) -> None:
    tokens = RENDERER.parse(table(("a", "b"), [(escape_markdown(text), "end")]))
    assert sum(token.type == "td_open" for token in tokens) == 2


def test_bare_addresses_do_not_become_links() -> None:
    assert "http://" not in escape_markdown("see http://attacker.example")
    assert "www." not in escape_markdown("www.attacker.example")


def test_control_direction_and_surrogate_characters_are_left_out() -> None:
    assert plain_text("a\u202eb\x00c\ud800d\u200be\nf\tg") == "abcde f g"


def test_long_text_is_cut_with_a_sign() -> None:
    assert plain_text("x" * 2_000_000, 10) == "xxxxxxxxx…"


def test_ordinary_clinical_text_stays_readable() -> None:
    assert escape_markdown("8 mg/kg × 72 kg = 576 mg (at most 800 mg); SpO2 93 %") == (
        "8 mg/kg × 72 kg = 576 mg (at most 800 mg); SpO2 93 %"
    )


def test_a_summary_names_grade_drivers_day_and_trend() -> None:
    summary = fit_summary(
        "CRS grade 3", ["norepinephrine", "nasal cannula 2 L/min"], [", day 3", "; episode peak 4"]
    )
    assert summary == "CRS grade 3: norepinephrine + nasal cannula 2 L/min, day 3; episode peak 4"


def test_a_long_summary_drops_drivers_first_and_counts_them() -> None:
    drivers = [f"driver number {number} with many words in it" for number in range(6)]
    summary = fit_summary("CRS grade 4", drivers, [", day 3"])
    assert len(summary) <= LONGEST_SUMMARY
    assert summary.startswith("CRS grade 4: driver number 0")
    assert summary.endswith("more, day 3")


@given(
    st.text(max_size=200),
    st.lists(st.text(max_size=200), max_size=4),
    st.lists(st.text(max_size=80), max_size=3),
)
def test_a_summary_is_always_under_140_characters_and_one_line(
    head: str, drivers: list[str], tail: list[str]
) -> None:
    summary = fit_summary(head, drivers, tail)
    assert len(summary) < 140 and "\n" not in summary


def test_times_are_written_in_the_offset_of_the_infusion() -> None:
    zone = timezone(timedelta(hours=-5, minutes=-30))
    assert write_time(NOW, zone) == "2026-03-04 02:30 -05:30"
    assert write_time(NOW, None) == "2026-03-04 08:00 +00:00"
    assert write_hour(NOW, timezone(timedelta(hours=1))) == "03-04 09:00"


def test_a_time_at_the_end_of_the_calendar_is_still_written() -> None:
    first = datetime(1, 1, 1, tzinfo=UTC)
    assert write_time(first, timezone(timedelta(hours=-5))).endswith("+00:00")


@pytest.mark.parametrize(
    ("hours", "words"),
    [(-0.05, "just now"), (0, "0 min"), (1.5, "90 min"), (2, "2 h"), (47, "47 h"), (72, "3 d")],
)
def test_ages_are_written_in_a_unit_that_keeps_their_meaning(hours: float, words: str) -> None:
    assert write_age(NOW - timedelta(hours=hours), NOW) == words


@pytest.mark.parametrize(
    ("rate", "unit", "text"),
    [
        ("0.0501669234", "ug/kg/min", "0.0502 mcg/kg/min"),
        ("0.0004", "ug/kg/min", "0.0004 mcg/kg/min"),
        ("12.3456", "ug/min", "12.3 mcg/min"),
        ("1250", "ug/min", "1250 mcg/min"),
        ("0.04", "[iU]/min", "0.04 units/min"),
        ("5", None, "5"),
    ],
)
def test_rates_have_three_significant_digits(rate: str, unit: str | None, text: str) -> None:
    assert write_rate(Decimal(rate), unit) == text


@pytest.mark.parametrize(
    ("charted", "read"),
    [
        ("12 mm[Hg]", "12 mmHg"),
        ("no unit charted, read as Cel", "no unit charted, read as °C"),
        ("101 [degF]", "101 °F"),
        ("8 ug/min", "8 mcg/min"),
        ("0.03 µg/kg/min", "0.03 mcg/kg/min"),
        ("0.04 [iU]/min", "0.04 units/min"),
        ("2.4 [IU]/h; 3 U/h", "2.4 units/h; 3 units/h"),
        ("40 m[iU]/min", "40 milliunits/min"),
        ("500 U/L", "500 U/L"),
        ("Celsius, cuffed, plug, 10 mcg/min", "Celsius, cuffed, plug, 10 mcg/min"),
    ],
)
def test_units_are_written_as_they_are_read_on_a_ward(charted: str, read: str) -> None:
    assert spell_units(charted) == read


@pytest.mark.parametrize(
    ("value", "places", "text"),
    [
        ("38.60", 2, "38.6"),
        ("37.96", 2, "37.96"),
        ("100", 1, "100"),
        ("0.050", 3, "0.05"),
        ("1E+2", 1, "100"),
    ],
)
def test_numbers_are_written_without_zeros_at_the_end(value: str, places: int, text: str) -> None:
    assert write_number(Decimal(value), places) == text
