"""A site's protocol that extends a shipped one says only what differs, and cannot loosen what protects."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pytest

from management.protocol import Protocol, ProtocolError, load_file, load_protocol
from management.protocol_rows import ProtocolRow
from management.review import Guard, Strength
from management.vocabulary import Cut

HEADER = """name = "ward"
extends = "met-2021"
title = "Ward"
owner = "Ward"
version = "1"
review_date = 2026-03-31
population = "Adults"
grading_scale = "ASTCT 2019"
sources = ["MET guide, text"]
"""
RULE = 'citation = ["Our rule"]\ntier = "RULE"\nverified = false\n'
SOURCED = 'citation = ["MET guide, text"]\ntier = "A"\nverified = true\n'


def row(row_id: str, provenance: str = RULE, note: str = "A remark") -> str:
    return (
        f'[[row]]\nid = "{row_id}"\nwhen = "crs-1-or-more"\nwording = "A row"\n{provenance}note = "{note}"\n'
    )


def guard(guard_id: str, value: str, unit: str, provenance: str = RULE) -> str:
    number = f'value = "{value}"\n' if value else ""
    return f'[[guard]]\nid = "{guard_id}"\n{number}unit = "{unit}"\nwording = "Ours"\n{provenance}'


def written(folder: Path, *parts: str, name: str = "ward") -> Path:
    path = folder / f"{name}.toml"
    path.write_text("".join((HEADER.replace('"ward"', f'"{name}"'), *parts)), "utf-8")
    return path


def loaded(folder: Path, *parts: str) -> Protocol:
    return load_file(written(folder, *parts))


def faults(folder: Path, *parts: str) -> list[str]:
    """The faults without the folder."""
    with pytest.raises(ProtocolError) as caught:
        loaded(folder, *parts)
    return [str(fault).removeprefix(f"{folder}/") for fault in caught.value.faults]


def ids(rows: Sequence[ProtocolRow]) -> list[str]:
    return [one.id for one in rows]


SHIPPED = load_protocol("met-2021")


def test_nothing_but_a_header_is_the_shipped_protocol_under_another_name(tmp_path: Path) -> None:
    protocol = loaded(tmp_path)
    assert (protocol.name, protocol.extends, protocol.review_date) == ("ward", "met-2021", "2026-03-31")
    assert protocol.rows == SHIPPED.rows
    assert (protocol.cuts, protocol.doses, protocol.guards) == (SHIPPED.cuts, SHIPPED.doses, SHIPPED.guards)


def test_a_row_of_a_known_id_takes_the_place_of_that_row(tmp_path: Path) -> None:
    protocol = loaded(tmp_path, row("C4", note="Ward 7 asks the consultant"))
    assert ids(protocol.rows) == ids(SHIPPED.rows)
    assert next(one for one in protocol.rows if one.id == "C4").note == "Ward 7 asks the consultant"


@pytest.mark.parametrize(("added", "before"), [("C4c", "C4b"), ("C11", "C10"), ("I0", "C10"), ("W1", "I8")])
def test_a_new_row_stands_behind_those_of_its_group(tmp_path: Path, added: str, before: str) -> None:
    found = ids(loaded(tmp_path, row(added)).rows)
    assert found[found.index(added) - 1] == before
    assert len(found) == len(SHIPPED.rows) + 1


def test_rows_are_left_out_by_id(tmp_path: Path) -> None:
    protocol = loaded(tmp_path, 'without = ["C6", "I7"]\n')
    assert set(ids(SHIPPED.rows)) - set(ids(protocol.rows)) == {"C6", "I7"}


def test_a_file_may_take_the_place_of_the_shipped_protocol_that_it_extends(tmp_path: Path) -> None:
    written(tmp_path, 'without = ["C6"]\n', name="met-2021")
    protocol = load_protocol("met-2021", [tmp_path])
    assert "C6" not in ids(protocol.rows)
    assert "C6" in ids(load_protocol("met-2021").rows)


def test_a_stricter_guard_a_cut_and_a_citation_are_replaced(tmp_path: Path) -> None:
    protocol = loaded(
        tmp_path,
        guard("interval-under-8h", "12", "hours"),
        guard("stale-weight", "7", "days"),
        f'[[cut]]\nid = "response-judged-after"\nvalue = "720"\nunit = "minutes"\nwording = "12 h"\n{RULE}',
        '[[citation]]\nid = "Our rule"\ntext = "Decision of the department"\n',
    )
    assert protocol.limit(Guard.INTERVAL_UNDER_8H) == 12
    assert protocol.limit(Guard.STALE_WEIGHT) == 7
    assert (protocol.cuts[Cut.RESPONSE].value, protocol.cuts[Cut.RESPONSE].unit) == (720, "minutes")
    assert protocol.citations["Our rule"] == "Decision of the department"


def test_a_guard_is_made_weaker_by_a_verified_source_alone(tmp_path: Path) -> None:
    weaker = guard("three-doses-in-24h", "4", "doses")
    assert faults(tmp_path, weaker) == [
        f"ward.toml:{len(HEADER.splitlines()) + 3}: guard three-doses-in-24h: 4 doses is weaker than 3 doses:"
        " that needs a verified source of tier A or B, not a rule of one's own"
    ]
    assert "is weaker than 8 hours" in faults(tmp_path, guard("interval-under-8h", "6", "hours"))[0]
    sourced = guard("three-doses-in-24h", "4", "doses", SOURCED)
    assert loaded(tmp_path, sourced).limit(Guard.THREE_DOSES_IN_24H) == 4


@pytest.mark.parametrize(
    ("part", "fault"),
    [
        (guard("interval-under-8h", "480", "minutes"), "unit must stay 'hours'"),
        (guard("interval-under-8h", "", "hours"), "has no value"),
        (guard("no-weight", "3", "days"), "takes no value"),
        (guard("luck", "3", "days"), "unknown guard 'luck'"),
        (
            f'[[cut]]\nid = "icu-systolic-below"\nvalue = "12"\nunit = "kPa"\nwording = "x"\n{RULE}',
            "unit must stay 'mmHg'",
        ),
        (
            f'[[cut]]\nid = "icu-systolic"\nvalue = "12"\nunit = "mmHg"\nwording = "x"\n{RULE}',
            "unknown cut 'icu-systolic'; did you mean 'icu-systolic-below'?",
        ),
        (f'[[dose]]\nid = "x"\nunit = "g"\nfixed = "1"\ntext = "1 g"\n{RULE}', "unknown unit 'g'"),
        (row("T1"), "row T1: holds in every protocol and cannot be replaced"),
        ('without = ["T1"]\n', "row T1 holds in every protocol and cannot be left out"),
        ('without = ["C66"]\n', "unknown row of met-2021.toml (shipped) 'C66'; did you mean 'C6'?"),
        ('without = ["C6"]\n' + row("C6"), "row C6 is both replaced and left out"),
        ("without = []\n", "without is empty"),
        (row("c-6"), "row c-6: not a row id"),
        (row(""), "row : id is empty"),
        (row("W1", SOURCED.replace("MET guide, text", "Our rule")), "tier A needs a document; 'Our rule' is"),
    ],
)
def test_what_a_site_may_not_say_is_refused(tmp_path: Path, part: str, fault: str) -> None:
    assert any(fault in told for told in faults(tmp_path, part)), faults(tmp_path, part)


def test_only_a_shipped_protocol_can_be_extended(tmp_path: Path) -> None:
    path = tmp_path / "ward.toml"
    path.write_text(HEADER.replace("met-2021", "met-2022"), "utf-8")
    with pytest.raises(ProtocolError, match=r"'met-2022'; did you mean 'met-2021'\?"):
        load_file(path)


def test_a_protocol_that_extends_none_has_no_rows_to_leave_out(tmp_path: Path) -> None:
    path = tmp_path / "ward.toml"
    path.write_text(HEADER.replace('extends = "met-2021"', 'without = ["C6"]'), "utf-8")
    with pytest.raises(ProtocolError, match=r"ward\.toml:2: without needs extends"):
        load_file(path)


DOSE = '[[dose]]\nid = "{id}"\nunit = "mg"\nfixed = "400"\ntext = "400 mg"\n'


def test_a_dose_rule_of_ones_own_cannot_stand_behind_a_shipped_recommend(tmp_path: Path) -> None:
    found = faults(tmp_path, DOSE.format(id="tocilizumab"), RULE)
    line = len(HEADER.splitlines()) + 8
    assert found[0] == (
        f"ward.toml:{line}: dose tocilizumab: recommend needs a verified dose of tier A or B, and"
        " met-2021.toml (shipped) recommends it (row C3b, gives tocilizumab.dose); replace that row too, or"
        " give this dose another id"
    )
    assert all("dose tocilizumab" in told for told in found)


def test_a_row_of_ones_own_is_an_option_and_never_a_recommendation(tmp_path: Path) -> None:
    advice = (
        '[[row.gives]]\nid = "tocilizumab.consider"\nstrength = "consider"\ntitle = "T"\ntext = "t"\n'
        'dose = "ours"\n'
    )
    dose = DOSE.format(id="ours") + RULE
    given = loaded(tmp_path, row("W1"), advice, dose).rows[-1]
    added = next(one for one in loaded(tmp_path, row("W1"), advice, dose).rows if one.id == "W1")
    assert given.id != "W1"  # what holds in every protocol comes last
    assert [(one.id, one.strength) for one in added.gives] == [("tocilizumab.consider", Strength.CONSIDER)]
    firm = advice.replace("tocilizumab.consider", "tocilizumab.dose").replace('"consider"', '"recommend"')
    found = faults(tmp_path, row("W1"), firm, dose)
    assert [told.partition(": ")[2] for told in found] == [
        "row W1, gives tocilizumab.dose: recommend needs a verified row of tier A or B; write consider",
        "row W1, gives tocilizumab.dose: recommend needs a verified dose of tier A or B; write consider",
    ]


def test_who_reviewed_a_row_and_when_is_kept(tmp_path: Path) -> None:
    signed = SOURCED + 'reviewed_by = "Dr A. Example"\nreviewed_on = 2026-03-30\n'
    found = next(one for one in loaded(tmp_path, row("C4", signed)).rows if one.id == "C4").provenance
    assert (found.reviewed_by, found.reviewed_on) == ("Dr A. Example", date(2026, 3, 30))
    in_quotes = signed.replace("2026-03-30", '"2026-03-30"')
    again = next(one for one in loaded(tmp_path, row("C4", in_quotes)).rows if one.id == "C4").provenance
    assert again == found
    unsigned = SOURCED + 'reviewed_by = ""\nreviewed_on = ""\n'
    empty = next(one for one in loaded(tmp_path, row("C4", unsigned)).rows if one.id == "C4").provenance
    assert (empty.reviewed_by, empty.reviewed_on) == (None, None)


@pytest.mark.parametrize(
    ("review", "fault"),
    [
        ('reviewed_by = "Dr A. Example"\n', "belong together"),
        ("reviewed_on = 2026-03-30\n", "belong together"),
        ('reviewed_by = "X"\nreviewed_on = "30.3.2026"\n', "'30.3.2026' is not a date such as 2026-03-31"),
        ('reviewed_by = "X"\nreviewed_on = 2026-03-30T08:00:00Z\n', "is not a date"),
    ],
)
def test_a_review_needs_a_name_and_a_date(tmp_path: Path, review: str, fault: str) -> None:
    assert fault in faults(tmp_path, row("C4", SOURCED + review))[0]


def test_rows_of_shipped_tables_are_reviewed_by_nobody_yet() -> None:
    for name in ("met-2021", "asco-2021"):
        protocol = load_protocol(name)
        entries = (
            *protocol.rows,
            *protocol.doses.values(),
            *protocol.guards.values(),
            *protocol.cuts.values(),
        )
        assert all(entry.provenance.reviewed_by is None for entry in entries)
