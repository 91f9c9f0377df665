"""What the machine lacks is named: a skip on a developer's machine, a failure in CI."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Require = Callable[[str, str], str]


def test_a_program_that_is_there_is_given_by_its_path(require: Require) -> None:
    assert require("sh", "no shell on this machine").endswith("/sh")


def test_a_missing_program_skips_the_test_and_says_why(
    require: Require, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="no frobnicator on this machine"):
        require("frobnicator", "no frobnicator on this machine")


def test_in_ci_a_missing_program_fails_the_test(require: Require, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="no frobnicator on this machine"):
        require("frobnicator", "no frobnicator on this machine")
