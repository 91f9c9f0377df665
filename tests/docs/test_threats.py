"""The page of threats names tests, and they are there."""

import re
from pathlib import Path

TESTS = Path(__file__).parents[1]
PAGE = (TESTS.parent / "docs/threats.md").read_text("utf-8")
SHORT = {"attacks": "unit/smart_app/test_attacks.py", "browser": "browser/test_attacks.py"}
NAMED = set(re.findall(r"`([\w/.]+)::(test_\w+)`", PAGE))


def test_every_test_that_the_page_names_is_there() -> None:
    assert len(NAMED) > 40
    for place, name in NAMED:
        text = (TESTS / SHORT.get(place, place)).read_text("utf-8")
        assert f"def {name}(" in text, f"{place}::{name}"


def test_every_threat_has_a_test() -> None:
    rows = [line for line in PAGE.partition("## What holds it off")[2].splitlines() if line.startswith("| ")]
    threats = [row for row in rows if not row.startswith("| Threat |")]
    assert len(threats) > 25
    assert [row for row in threats if "::test_" not in row] == []


def test_every_attack_in_a_browser_stands_on_the_page() -> None:
    text = (TESTS / SHORT["browser"]).read_text("utf-8")
    told = {name for place, name in NAMED if place == "browser"}
    assert set(re.findall(r"^def (test_\w+)\(", text, re.MULTILINE)) - told == {
        "test_the_links_of_the_app_open_no_window_of_another_host"
    }
