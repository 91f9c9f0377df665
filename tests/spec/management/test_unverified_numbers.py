"""No ``recommend`` rests on an unverified number: not by its row, not by its dose, and through a cut or a
criterion only where ``unverified-numbers.md`` says why.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from functools import cache

import pytest

from grading.tables import shipped_tables
from management.conditions import CONDITIONS
from management.protocol import load_protocol, shipped_protocols
from management.protocol_rows import CutRow
from management.review import Strength
from management.reviewing import review, situate
from management.vocabulary import Cut
from tests.spec.management.bedside import AT, chart_of
from tests.spec.management.spec_tables import read_rows
from tests.spec.management.test_protocol_tables import PROTOCOL_OF_FILE

PROTOCOLS = {name: load_protocol(name) for name in shipped_protocols()}
TREATMENTS = frozenset(
    {
        "tocilizumab.dose",
        "dexamethasone.dose",
        "methylprednisolone.dose",
        "methylprednisolone.high-dose",
        "steroid.escalate",
    }
)


class _Recording(dict[Cut, CutRow]):
    """Cuts that remember which of them were looked at."""

    def __init__(self, cuts: dict[Cut, CutRow]) -> None:
        super().__init__(cuts)
        self.seen: set[Cut] = set()

    def __getitem__(self, cut: Cut) -> CutRow:
        self.seen.add(cut)
        return super().__getitem__(cut)


def _stories() -> Iterator[tuple[str, str]]:
    for file, name in PROTOCOL_OF_FILE.items():
        for line in read_rows(file, "when"):
            yield name, line["when"]


@cache
def _unverified_cuts_behind_recommendations() -> dict[str, set[str]]:
    """By cut: the rows with a ``recommend`` whose condition looked at it in any line of the tables."""
    found: dict[str, set[str]] = defaultdict(set)
    for name, phrases in _stories():
        protocol = PROTOCOLS[name]
        situation = situate(chart_of(phrases), AT, protocol)
        assert situation is not None
        for row in protocol.rows:
            if any(advice.strength is Strength.RECOMMEND for advice in row.gives):
                cuts = _Recording(dict(situation.cuts))
                CONDITIONS[row.when](replace(situation, cuts=cuts))
                for cut in cuts.seen:
                    if not protocol.cuts[cut].provenance.verified:
                        found[cut.value].add(row.id)
    return found


@pytest.mark.parametrize("name", PROTOCOLS)
def test_a_recommendation_and_its_dose_are_of_a_verified_tier(name: str) -> None:
    protocol = PROTOCOLS[name]
    for row in protocol.rows:
        for advice in row.gives:
            if advice.strength is Strength.RECOMMEND:
                assert advice.provenance.verified, (row.id, advice.id)
                assert advice.provenance.tier in ("A", "B"), (row.id, advice.id)
                assert advice.dose is None or protocol.doses[advice.dose].provenance.verified, advice.dose


@pytest.mark.parametrize("name", PROTOCOLS)
def test_the_limits_of_number_and_interval_are_of_a_verified_tier(name: str) -> None:
    for guard, row in PROTOCOLS[name].guards.items():
        if guard.value in (
            "interval-under-8h",
            "three-doses-in-24h",
            "four-doses-in-total",
            "over-maximum-dose",
        ):
            assert row.provenance.verified


def test_each_unverified_number_behind_a_recommendation_is_written_down_with_the_reason() -> None:
    written = {line["cut"]: set(line["rows"].split()) for line in read_rows("unverified-numbers.md", "cut")}
    assert _unverified_cuts_behind_recommendations() == written


def test_each_level_graded_by_our_own_reading_is_written_down() -> None:
    graded = {
        identifier
        for identifier, criterion in shipped_tables().criteria.items()
        if not criterion.verified and not identifier.endswith(".death")
    }
    # ECMO and an infant's cannula are of the level that the table gives to what they stand for.
    graded -= {"crs.hypoxia.ecmo", "crs.hypoxia.infant-high-flow-cannula"}
    assert {line["criterion"] for line in read_rows("unverified-numbers.md", "criterion")} == graded


@pytest.mark.parametrize("name", PROTOCOLS)
@pytest.mark.parametrize(
    "phrases",
    [
        "fever 38.8; spo2 85",
        "fever 38.8; spo2 85; concern present",
        "fever 39 20h; fever 38.8; spo2 85; concern present; tocilizumab 10h",
        "no ice; no consciousness; rass -4",
        "no ice; no consciousness; gcs-eye 1",
    ],
)
def test_what_rests_on_a_number_of_ours_alone_is_no_recommended_treatment(name: str, phrases: str) -> None:
    answer = review(chart_of(phrases), AT, PROTOCOLS[name])
    assert answer is not None
    firm = {item.id for item in answer.recommendations if item.strength is Strength.RECOMMEND}
    assert not firm & TREATMENTS
