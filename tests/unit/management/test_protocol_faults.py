"""Every fault of a file is told at once, each with its line and, where there is one, the nearest name."""

from pathlib import Path

import pytest

from management.protocol import ProtocolError, load_file, load_protocol
from management.protocol_faults import Fault, FaultLog, unknown

FAULTY = """name = "ward"
extends = "met-2021"
title = "Ward"
owner = ""
version = 2
population = "Adults"
grading_scale = "Lee 2014"
sources = "MET guide"
rows = "none"

[[row]]
id = "W1"
when = "crs-1-or-mor"
wording = "A row"
citation = ["Our rules", 7]
tier = "RULE"
verified = "no"
urgnet = true
products = ["axicabtagene"]
gives = ["a text"]
[[row.withholds]]
id = "tocilizumab.dose"
because = "isolated-ican"
text = "x"
[[row]]
when = "crs-1-or-more"
wording = "A row without an id"
citation = ["Our rule"]
tier = "RULE"
verified = false
[[row.gives]]
id = "tocilizumab"
strength = "must"
title = "T"
text = "t"
[[guard]]
id = "stale-weight"
value = 7
unit = "days"
wording = "w"
citation = ["Our rule"]
tier = "RULE"
verified = false
[[dose]]
id = "ours"
unit = "mg"
text = "x"
band = "x"
citation = ["Our rule"]
tier = "RULE"
verified = false
[[dose]]
id = "ours"
unit = "mg"
fixed = "1"
text = "x"
citation = ["Our rule"]
tier = "RULE"
verified = false
"""
TOLD = """
4: owner is empty
5: version must be a text in quotes
7: grading_scale 'Lee 2014' is not 'ASTCT 2019', the only scale that patients are graded by here: rewrite \
the rows for grades of ASTCT 2019, have that reviewed, then state it
8: sources must be a list
9: unknown member 'rows'; did you mean 'row'?
13: row W1: unknown condition 'crs-1-or-mor'; did you mean 'crs-1-or-more'?
15: row W1: citation must hold texts in quotes
15: row W1: unknown citation 'Our rules'; did you mean 'Our rule'?
15: row W1: unknown citation '7'
17: row W1: verified must be true or false
18: row W1: unknown member 'urgnet'
19: row W1: unknown product 'axicabtagene'; did you mean 'axicabtagene-ciloleucel'?
20: row W1: gives must be written as tables [[gives]]
23: row W1, withholds tocilizumab.dose: unknown guard 'isolated-ican'; did you mean 'isolated-icans'?
25: row 2: id is missing
32: row 2, gives tocilizumab: unknown recommendation 'tocilizumab'; did you mean 'tocilizumab.dose'?
33: row 2, gives tocilizumab: unknown strength 'must'; known are: consider, recommend
38: guard stale-weight: value must be a text in quotes
44: dose ours: either bands by weight or a fixed dose
48: dose ours: band must be a list
53: dose ours: stands twice
"""


def test_every_fault_of_a_file_is_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "ward.toml"
    path.write_text(FAULTY, "utf-8")
    with pytest.raises(ProtocolError) as caught:
        load_file(path)
    told = [str(fault).removeprefix(f"{path}:") for fault in caught.value.faults]
    assert told == TOLD.strip().splitlines()
    assert str(caught.value).splitlines() == [str(fault) for fault in caught.value.faults]


def test_a_text_that_is_no_toml_is_told_with_line_and_column(tmp_path: Path) -> None:
    path = tmp_path / "ward.toml"
    path.write_text('name = "ward"\ntitle == "x"\n', "utf-8")
    with pytest.raises(ProtocolError) as caught:
        load_file(path)
    assert str(caught.value) == f"{path}:2: not valid TOML, column 8: Invalid value"


def test_a_byte_order_mark_does_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "ward.toml"
    path.write_bytes(b"\xef\xbb\xbf" + b'name = "ward"\n')
    with pytest.raises(ProtocolError) as caught:
        load_file(path)
    assert "not valid TOML" not in str(caught.value)


@pytest.mark.parametrize("content", [b"\xff\xfe", None])
def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "ward.toml"
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
    with pytest.raises(ProtocolError, match="cannot be read as UTF-8 text"):
        load_protocol("ward", [tmp_path])


def test_a_file_may_not_have_the_name_of_a_shared_table(tmp_path: Path) -> None:
    path = tmp_path / "doses.toml"
    path.write_text("", "utf-8")
    with pytest.raises(ProtocolError, match="doses is the name of a shared table"):
        load_file(path)


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ProtocolError, match="no such folder of protocols"):
        load_protocol("met-2021", [tmp_path / "nowhere"])


def test_a_name_far_from_any_is_answered_with_all_where_they_are_few() -> None:
    assert unknown("colour", "x", ["red", "blue"]) == "unknown colour 'x'; known are: blue, red"
    assert unknown("number", "x", [str(one) for one in range(10, 30)]) == "unknown number 'x'"


def test_a_fault_of_no_line_is_told_without_one() -> None:
    assert str(Fault("ward.toml", None, "", "is odd")) == "ward.toml: is odd"


def test_the_same_fault_is_told_once() -> None:
    log = FaultLog()
    log.refuse_any()
    for _ in range(2):
        log.note(Fault("ward.toml", 3, "row W1", "is odd"))
    assert [str(fault) for fault in log.sorted()] == ["ward.toml:3: row W1: is odd"]
