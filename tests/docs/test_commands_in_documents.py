"""What the documents say to type: every ``console`` block is run, or checked by a rule that is named here."""

import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from cart_cds.clinical_reference import ROOT

DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
# Run as they stand: they end by themselves within seconds and leave nothing behind.
RUN = ("cart-cds grade ", "cart-cds demo --once", "cart-cds serve --host 0.0.0.0", "cart-cds protocol ")
# Exit codes of those that do not end with 0: an open address is refused, faults are found.
EXIT_CODES = {"0.0.0.0": 2, "-with-faults": 1}  # noqa: S104 - the refusal of it
# Not run here: they serve until stopped, or would run this very test again.
NOT_RUN = ("make demo", "make test", "cart-cds serve --port 8000")
ANYTHING = "…"


@dataclass(frozen=True)
class Typed:
    """One command as a document shows it, with the output it promises; ``…`` stands for any lines, and at the
    end of a line for any rest of it.
    """

    document: Path
    command: str
    output: tuple[str, ...]

    @property
    def words(self) -> str:
        """The command without settings before it."""
        return re.sub(r"^(?:[A-Z_]+=\S+ )+", "", self.command)


def typed_commands() -> list[Typed]:
    found = []
    for document in DOCUMENTS:
        for block in re.findall(r"^```console\n(.*?)^```", document.read_text("utf-8"), re.M | re.S):
            for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
                command, *output = part.rstrip("\n").split("\n")
                found.append(Typed(document, command, tuple(output)))
    return found


TYPED = typed_commands()


@pytest.mark.parametrize("typed", TYPED, ids=lambda typed: f"{typed.document.name}: {typed.command}")
def test_every_command_is_run_or_known(typed: Typed) -> None:
    assert typed.words.startswith(RUN) != (typed.words in NOT_RUN)
    if typed.words.startswith("make "):
        target = typed.words.removeprefix("make ")
        assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text("utf-8"), re.M)


@pytest.mark.parametrize(
    "typed",
    [typed for typed in TYPED if typed.words.startswith(RUN)],
    ids=lambda typed: f"{typed.document.name}: {typed.command}",
)
def test_a_command_prints_what_the_document_says(typed: Typed) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CART_CDS_")}
    for name, value in re.findall(r"\b([A-Z_]+)=(\S+) ", typed.command):
        environment[name] = value
    program = Path(sys.executable).parent / "cart-cds"
    done = subprocess.run(
        [program, *shlex.split(typed.words)[1:]],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    printed = (done.stdout + done.stderr).rstrip("\n").split("\n")
    assert matches(typed.output, printed), "\n".join(printed)
    expected = [code for part, code in EXIT_CODES.items() if part in typed.command]
    assert [done.returncode] == (expected or [0])


def matches(promised: tuple[str, ...], printed: list[str]) -> bool:
    """Whether the lines are those promised, in order, with nothing between them but where ``…`` stands."""
    pattern = "".join(
        r"(?:.*\n)*?"
        if line == ANYTHING
        else re.escape(line.removesuffix(ANYTHING)) + (r".*\n" if line.endswith(ANYTHING) else r"\n")
        for line in promised
    )
    return re.fullmatch(pattern, "".join(f"{line}\n" for line in printed)) is not None


def test_a_promise_is_kept_line_by_line() -> None:
    assert matches(("a", ANYTHING, "c…"), ["a", "b", "b", "code"])
    assert matches((ANYTHING, "a"), ["a"])
    assert not matches(("a", "c"), ["a", "b", "c"])
    assert not matches(("a",), ["a", "b"])
