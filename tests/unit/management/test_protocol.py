"""Loading refuses what could mislead, and says which file and row."""

from collections.abc import Callable
from importlib import resources
from pathlib import Path

import pytest

from management.conditions import CONDITIONS
from management.protocol import ProtocolError, load_protocol, read_protocol, shipped_protocols
from management.review import Guard, Strength
from management.vocabulary import RECOMMENDATION_IDS, SPAN_CUTS, Cut

TABLES = resources.files("management").joinpath("tables")
SHARED = {
    name: TABLES.joinpath(f"{name}.toml").read_text("utf-8")
    for name in ("citations", "cross-cutting", "doses", "guards")
}
MET = TABLES.joinpath("met-2021.toml").read_text("utf-8")
ROW = """
[[row]]
id = "Z1"
when = "crs-1-or-more"
wording = "A row"
citation = ["Our rule"]
tier = "RULE"
verified = false
"""
ADVICE = """
[[row.gives]]
id = "supportive-care"
strength = "consider"
title = "Care"
text = "Care for the patient."
"""


def refused(text: str = MET, **shared: str) -> str:
    """The fault for which a protocol is refused."""
    changed = {name.replace("_", "-"): table for name, table in shared.items()}
    with pytest.raises(ProtocolError) as caught:
        read_protocol("met-2021", text, SHARED | changed)
    return str(caught.value)


def changed(table: str, old: str, new: str) -> str:
    assert old in table
    return table.replace(old, new, 1)


def test_met_2021_is_shipped_and_says_what_it_is() -> None:
    assert shipped_protocols() == ("asco-2021", "met-2021")
    protocol = load_protocol("met-2021")
    assert protocol.grading_scale == "ASTCT 2019"
    assert protocol.review_date is None
    assert protocol.limit(Guard.INTERVAL_UNDER_8H) == 8
    assert all(row.provenance.citation for row in protocol.rows)


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ProtocolError, match=r"^unknown protocol 'met-1999'; known are: asco-2021, met-2021$"):
        load_protocol("met-1999")


def test_the_shared_tables_are_no_protocols() -> None:
    with pytest.raises(ProtocolError):
        load_protocol("doses")


def test_a_site_folder_comes_before_ours_and_the_first_folder_first(tmp_path: Path) -> None:
    for folder, title in (("first", "First"), ("second", "Second")):
        (tmp_path / folder).mkdir()
        text = changed(MET, 'title = "Medical emergency team algorithm (2021)"', f'title = "{title}"')
        (tmp_path / folder / "met-2021.toml").write_text(text, "utf-8")
    assert load_protocol("met-2021", [tmp_path / "first", tmp_path / "second"]).title == "First"


def test_a_site_may_add_a_protocol_of_its_own(tmp_path: Path) -> None:
    text = changed(MET, 'name = "met-2021"', 'name = "our-ward"')
    (tmp_path / "our-ward.toml").write_text(text, "utf-8")
    assert load_protocol("our-ward", [tmp_path]).name == "our-ward"


def test_a_protocol_may_replace_a_guard_a_cut_and_a_dose_rule() -> None:
    own = """
[[guard]]
id = "interval-under-8h"
value = "12"
unit = "hours"
wording = "Twelve hours here"
citation = ["Our rule"]
tier = "RULE"
verified = false
[[cut]]
id = "refractory-boluses-from"
value = "3"
unit = "boluses"
wording = "Three boluses here"
citation = ["Our rule"]
tier = "RULE"
verified = false
"""
    protocol = read_protocol("met-2021", MET + own, SHARED)
    assert protocol.limit(Guard.INTERVAL_UNDER_8H) == 12
    assert protocol.cuts[Cut.REFRACTORY_BOLUSES].value == 3


def test_no_recommend_rests_on_anything_but_a_verified_tier_a_or_b() -> None:
    for name in shipped_protocols():
        protocol = load_protocol(name)
        for row in protocol.rows:
            for advice in row.gives:
                if advice.strength is Strength.RECOMMEND:
                    assert advice.provenance.verified
                    assert advice.provenance.tier in ("A", "B")
                    assert advice.dose is None or protocol.doses[advice.dose].provenance.verified


def test_every_condition_is_used_by_a_shipped_protocol() -> None:
    used = {row.when for name in shipped_protocols() for row in load_protocol(name).rows}
    assert set(CONDITIONS) == used


def test_every_recommendation_id_of_the_tables_is_one_that_readers_know() -> None:
    given = {
        advice.id for name in shipped_protocols() for row in load_protocol(name).rows for advice in row.gives
    }
    assert given <= RECOMMENDATION_IDS


REFUSALS: list[tuple[str, Callable[[], str], str]] = [
    ("broken TOML", lambda: refused(MET + "["), f"met-2021.toml:{len(MET.splitlines()) + 1}: not valid TOML"),
    (
        "another grading scale",
        lambda: refused(changed(MET, '"ASTCT 2019"', '"Lee 2014"')),
        "'Lee 2014' is not",
    ),
    ("another name", lambda: refused(changed(MET, 'name = "met-2021"', 'name = "x"')), "is not the name of"),
    (
        "a missing owner",
        lambda: refused(changed(MET, "owner", "owners")),
        "met-2021.toml:1: owner is missing",
    ),
    ("an empty version", lambda: refused(changed(MET, '"1.0.0"', '" "')), "version is empty"),
    (
        "no sources",
        lambda: refused(changed(MET, '"MET guide, Fig. 1", "MET guide, text", "MET guide, Table 1"', "")),
        "sources is empty",
    ),
    (
        "an unknown condition",
        lambda: refused(MET + changed(ROW, "crs-1-or-more", "crs-7") + ADVICE),
        "Z1: unknown condition 'crs-7'",
    ),
    ("a row without effect", lambda: refused(MET + ROW), "Z1: nothing follows"),
    (
        "a row without citation",
        lambda: refused(MET + changed(ROW, '["Our rule"]', "[]") + ADVICE),
        "Z1: citation is empty",
    ),
    (
        "an unknown citation",
        lambda: refused(MET + changed(ROW, "Our rule", "A rumour") + ADVICE),
        "unknown citation 'A rumour'",
    ),
    ("an unknown tier", lambda: refused(MET + changed(ROW, '"RULE"', '"D"') + ADVICE), "unknown tier 'D'"),
    (
        "a verified rule of ours",
        lambda: refused(MET + changed(ROW, "false", "true") + ADVICE),
        "tier RULE cannot be verified",
    ),
    (
        "a verified word",
        lambda: refused(MET + changed(ROW, "false", '"no"') + ADVICE),
        "verified must be true or false",
    ),
    (
        "a row id without a number or letters",
        lambda: refused(MET + changed(ROW, "Z1", "1.a") + ADVICE),
        "1.a: not a row id",
    ),
    ("a row twice", lambda: refused(MET + ROW + ADVICE + ROW + ADVICE), "Z1: stands twice"),
    (
        "a row out of order",
        lambda: refused(MET + changed(ROW, "Z1", "C4c") + ADVICE),
        "C4c: stands after C10",
    ),
    (
        "an unknown recommendation",
        lambda: refused(MET + ROW + changed(ADVICE, "supportive-care", "leeches")),
        "unknown recommendation 'leeches'",
    ),
    (
        "an unknown strength",
        lambda: refused(MET + ROW + changed(ADVICE, '"consider"', '"must"')),
        "unknown strength 'must'",
    ),
    (
        "an unverified recommend",
        lambda: refused(MET + ROW + changed(ADVICE, '"consider"', '"recommend"')),
        "recommend needs a verified row",
    ),
    (
        "a consider of a dose id",
        lambda: refused(MET + ROW + changed(ADVICE, "supportive-care", "icu.transfer")),
        "icu.transfer is a recommend form",
    ),
    (
        "a recommend of a consider id",
        lambda: refused(changed(MET, 'id = "icu.transfer"', 'id = "icu.consider"')),
        "icu.consider is a consider form",
    ),
    (
        "an unknown dose rule",
        lambda: refused(changed(MET, 'dose = "tocilizumab"', 'dose = "aspirin"')),
        "unknown dose rule 'aspirin'",
    ),
    (
        "a recommend with an unverified dose",
        lambda: refused(
            doses=changed(SHARED["doses"], 'tier = "B"\nverified = true', 'tier = "B"\nverified = false')
        ),
        "recommend needs a verified dose",
    ),
    (
        "advice with a weaker source of its own",
        lambda: refused(
            MET
            + changed(ROW, '"RULE"\nverified = false', '"A"\nverified = true')
            + changed(ADVICE, '"consider"', '"recommend"')
            + 'tier = "C"\nverified = false\ncitation = ["NCCN note"]\n'
        ),
        "recommend needs a verified row",
    ),
    (
        "an unknown guard",
        lambda: refused(changed(MET, 'because = "isolated-icans"', 'because = "luck"')),
        "unknown guard 'luck'",
    ),
    (
        "an unknown drug",
        lambda: refused(MET + ROW + 'lowers = ["aspirin"]\ncaution = "x"\n'),
        "unknown drug 'aspirin'",
    ),
    (
        "a lowering without words",
        lambda: refused(MET + ROW + 'lowers = ["tocilizumab"]\n'),
        "Z1: caution is missing",
    ),
    (
        "a lowering that rests on an unknown criterion",
        lambda: refused(
            MET + ROW + 'lowers = ["tocilizumab"]\ncaution = "x"\nresting_on = "crs.fever.felt"\n'
        ),
        "unknown criterion 'crs.fever.felt'",
    ),
    (
        "a criterion to rest on and nothing to lower",
        lambda: refused(MET + ROW + 'resting_on = "crs.fever.present"\n' + ADVICE),
        "Z1: resting_on without lowers",
    ),
    (
        "a missing cut",
        lambda: refused(
            cross_cutting=changed(
                SHARED["cross-cutting"], 'id = "icu-ice-up-to"', 'id = "icu-systolic-below"'
            )
        ),
        "cut icu-ice-up-to is missing",
    ),
    (
        "an unknown cut",
        lambda: refused(cross_cutting=changed(SHARED["cross-cutting"], 'id = "icu-ice-up-to"', 'id = "x"')),
        "unknown cut 'x'",
    ),
    (
        "a span in pounds",
        lambda: refused(
            cross_cutting=changed(SHARED["cross-cutting"], 'unit = "minutes"', 'unit = "pounds"')
        ),
        "unit 'pounds' is no span of time",
    ),
    (
        "a number that is none",
        lambda: refused(guards=changed(SHARED["guards"], '"8"', '"eight"')),
        "value 'eight' is not a plain number",
    ),
    (
        "a guard without its number",
        lambda: refused(guards=changed(SHARED["guards"], 'value = "8"\n', "")),
        "guard interval-under-8h has no value",
    ),
    (
        "a missing guard",
        lambda: refused(guards=changed(SHARED["guards"], 'id = "gm-csf"', 'id = "duplicate-order"')),
        "guard gm-csf is missing",
    ),
    ("no dose rules", lambda: refused(MET, doses=""), "unknown dose rule"),
    (
        "bands that fall",
        lambda: refused(
            doses=SHARED["doses"].replace(
                'below_kg = "30"\nper_kg = "12"',
                'below_kg = "30"\nper_kg = "12"\n[[dose.band]]\nbelow_kg = "20"\nper_kg = "9"',
            )
        ),
        "bands must rise by weight",
    ),
    (
        "bands without an open end",
        lambda: refused(doses=changed(SHARED["doses"], '[[dose.band]]\nper_kg = "8"', "")),
        "bands must rise by weight",
    ),
    (
        "an open band before the last",
        lambda: refused(doses=changed(SHARED["doses"], 'below_kg = "30"\n', "")),
        "bands must rise by weight",
    ),
    (
        "a dose without bands",
        lambda: refused(doses=changed(SHARED["doses"], '[[dose.band]]\nper_kg = "0.5"', "")),
        "either bands by weight or a fixed dose",
    ),
]


@pytest.mark.parametrize(
    ("refuse", "fault"), [case[1:] for case in REFUSALS], ids=[case[0] for case in REFUSALS]
)
def test_a_table_is_refused_with_its_fault(refuse: Callable[[], str], fault: str) -> None:
    assert fault in refuse()


def test_spans_of_time_are_written_in_units_of_time() -> None:
    cuts = load_protocol("met-2021").cuts
    assert {cuts[cut].unit for cut in SPAN_CUTS} <= {"minutes", "hours", "days"}
