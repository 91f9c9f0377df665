"""``cart-cds protocol check`` and ``show``, as a site meets them."""

from pathlib import Path

import pytest

from cart_cds.clinical_reference import ROOT
from cart_cds.command_line import main
from management.protocol import load_protocol, shipped_protocols
from management.vocabulary import PRODUCTS

EXAMPLES = ROOT / "docs/examples/protocols"
FAULTY = ROOT / "docs/examples/protocols-with-faults"


def shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["protocol", "show", *arguments]) == 0
    return capsys.readouterr().out


def test_a_faultless_folder_is_checked_and_the_differences_are_told(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["protocol", "check", str(EXAMPLES)]) == 0
    told = capsys.readouterr()
    assert "left out C6" in told.out
    assert told.out.endswith("1 protocol checked, no fault\n")
    assert told.err == ""


def test_faults_are_told_with_file_and_line_and_exit_code_1(capsys: pytest.CaptureFixture[str]) -> None:
    path = FAULTY / "ward-8.toml"
    assert main(["protocol", "check", str(path)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[1] for line in lines[:-1]] == ["9", "11", "15", "22", "30"]
    assert all(line.startswith(f"{path}:") for line in lines[:-1])
    assert lines[-1] == "1 protocol checked, 5 faults"


def test_every_file_of_a_folder_is_checked(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "doses.toml").write_text("", "utf-8")
    (tmp_path / "met-2021.toml").write_text(
        (EXAMPLES / "ward-7.toml").read_text("utf-8").replace('name = "ward-7"', 'name = "met-2021"'), "utf-8"
    )
    assert main(["protocol", "check", str(tmp_path)]) == 1
    told = capsys.readouterr().out
    assert "doses is the name of a shared table" in told
    assert "takes the place of the shipped met-2021" in told
    assert told.endswith("2 protocols checked, 1 fault\n")


def test_a_whole_protocol_differs_from_none(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    text = (ROOT / "management/tables/met-2021.toml").read_text("utf-8")
    text = text.replace('name = "met-2021"', 'name = "whole"').replace(
        'review_date = ""', 'review_date = "2026-03-31"'
    )
    (tmp_path / "whole.toml").write_text(text, "utf-8")
    assert main(["protocol", "check", str(tmp_path / "whole.toml")]) == 0
    told = capsys.readouterr().out
    assert "reviewed 2026-03-31" in told
    assert "extends" not in told


@pytest.mark.parametrize("name", ["nowhere", "empty"])
def test_a_path_with_nothing_to_check_is_unusable(
    name: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    assert main(["protocol", "check", str(tmp_path / name)]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("cart-cds: ")


@pytest.mark.parametrize("name", shipped_protocols())
def test_every_row_dose_guard_and_number_is_shown_within_100_columns(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    text = shown(capsys, name)
    assert max(map(len, text.splitlines())) <= 100
    assert "Reviewed   not reviewed" in text
    protocol = load_protocol(name)
    flat = " ".join(text.split())
    for row in protocol.rows:
        assert f"{row.id} When: {' '.join(row.wording.split())} [{row.when}]" in flat
        for advice in row.gives:
            assert f"{advice.text}" in flat
            assert f"[{advice.id}]" in flat
        for withheld in row.withholds:
            assert f"WITHHOLD {withheld.id}, {withheld.because.value}" in flat
        if row.note:
            assert row.note in flat
    for rule in protocol.doses.values():
        assert f"{rule.id}: {rule.text}" in flat
    for guard in protocol.guards.values():
        assert f"{guard.guard.value}: " in flat
    for cut in protocol.cuts.values():
        assert f"{cut.cut.value}: {cut.value} {cut.unit}" in flat


def test_what_is_not_verified_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(capsys, "asco-2021")
    block = text.split("\nAC3 ", 1)[1].split("\n\n", 1)[0]
    assert "tier C, NOT VERIFIED" in block
    assert "1-2 doses (NOT VERIFIED)" in " ".join(block.split())


def test_a_protocol_is_found_by_the_setting(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CART_CDS_PROTOCOLS", str(EXAMPLES))
    text = shown(capsys, "ward-7")
    assert "What differs from met-2021" in text
    assert "(of this protocol)" in text.split("\nW1 ", 1)[1].split("\n\n", 1)[0]
    assert "\nC6 " not in text


def test_a_review_is_shown_with_name_and_date(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    text = (EXAMPLES / "ward-7.toml").read_text("utf-8")
    signed = 'verified = true\nreviewed_by = "Dr A. Example"\nreviewed_on = 2026-03-30\n'
    (tmp_path / "ward-7.toml").write_text(text.replace("verified = true\n", signed), "utf-8")
    told = " ".join(shown(capsys, "ward-7", "--folder", str(tmp_path)).split())
    assert "tier A, verified, reviewed by Dr A. Example on 2026-03-30" in told


def test_a_protocol_without_differences_says_so(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    head = (EXAMPLES / "ward-7.toml").read_text("utf-8").split("without")[0]
    (tmp_path / "ward-7.toml").write_text(head.replace(', "Ward 7 handbook"', ""), "utf-8")
    assert "  nothing" in shown(capsys, "ward-7", "--folder", str(tmp_path))


def test_an_unknown_protocol_exits_with_2_and_the_known_names(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["protocol", "show", "ward-9", "--folder", str(EXAMPLES)]) == 2
    assert "known are: asco-2021, met-2021, ward-7" in capsys.readouterr().err


def test_the_guide_names_every_product() -> None:
    guide = (ROOT / "docs/protocols.md").read_text("utf-8")
    assert all(f"`{product}`" in guide for product in PRODUCTS)
