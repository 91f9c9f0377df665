"""The comparison with an earlier commit: what it says of what was measured."""

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from bench import against
from bench.against import (
    EARLIER,
    NOW,
    Compared,
    Pair,
    check_code,
    main,
    report,
    say_dirty,
    say_keys,
    worktree,
)
from bench.measuring import Measured
from bench.servers import OURS, ROOT

in_a_repository = pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a repository")


def measured(*rounds: float, processor: float) -> Measured:
    return Measured(milliseconds=list(rounds), medians=list(rounds), seconds=1.0, processor_seconds=processor)


PAIR = Pair(measured(2.0, 4.0, 8.0, processor=0.012), measured(2.2, 5.2, 8.0, processor=0.018))
COMPARED = Compared("`a` first", "`b` second", ("S: 1 cards earlier, 2 now.",), {"S": 48_000})


def test_the_ratio_is_the_median_of_the_rounds_and_not_of_the_medians() -> None:
    assert PAIR.ratios == pytest.approx([1.1, 1.3, 1.0])
    assert PAIR.ratio == pytest.approx(1.1)
    assert PAIR.processor_ratio == pytest.approx(1.5)


def test_the_report_shows_median_and_quartiles_of_both() -> None:
    text = report({"S": PAIR}, COMPARED, seconds=60)
    assert "- Earlier: `a` first\n- Now: `b` second\n" in text
    assert "- S: 1 cards earlier, 2 now.\n" in text
    assert (
        "| S, 48 kB | 1.10 (1.05–1.20) | 1.50 | 4.00 (3.00–6.00) | 5.20 (3.70–6.60) | 4.00, 6.00 | 3 + 3"
        " | **PASS** |" in text
    )


def test_a_payload_that_takes_longer_than_allowed_fails() -> None:
    slow = Pair(measured(1.0, processor=0.01), measured(1.31, processor=0.01))
    assert "**FAIL**" in report({"S": slow}, COMPARED, seconds=60)


def test_prefetch_keys_of_one_side_only_are_named() -> None:
    assert say_keys({EARLIER: {"a": ""}, NOW: {"a": ""}}) == []
    more, less = say_keys({EARLIER: {"a": ""}, NOW: {"b": "", "c": ""}})
    assert more.endswith("sent to both: b, c.")
    assert less.endswith("not sent: a.")


@in_a_repository
def test_a_commit_that_is_not_there_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["no-such-commit"]) == 2
    assert "no tree of no-such-commit" in capsys.readouterr().err


def test_an_unclean_tree_is_told_and_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(words, 0, " M a.py\n?? b.py\n")

    monkeypatch.setattr(against, "_git", answer)
    assert say_dirty() == "; and 2 files changed or added since, measured as they stand"
    monkeypatch.setattr(against, "_git", lambda *words: subprocess.CompletedProcess(words, 0, ""))
    assert say_dirty() == ""


def test_code_from_outside_the_tree_is_not_measured(tmp_path: Path) -> None:
    (tmp_path / "bench").mkdir()
    (tmp_path / "bench/__init__.py").touch()
    with pytest.raises(RuntimeError, match="not of its tree"):
        check_code(replace(OURS, home=tmp_path))


@in_a_repository
def test_a_worktree_is_removed_afterwards() -> None:
    with worktree("HEAD") as tree:
        assert (tree / "bench/against.py").parent.is_dir()
    assert not tree.exists()
    listed = subprocess.run(["git", "worktree", "list"], cwd=ROOT, capture_output=True, text=True).stdout
    assert str(tree) not in listed
