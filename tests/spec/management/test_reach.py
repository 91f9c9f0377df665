"""What the shipped protocols can reach: every recommendation, and every guard that a review can apply.

What a protocol cannot give is written down with the reason, so that a gap in it is a decision.
"""

from collections.abc import Iterator
from functools import cache

import pytest

from management.protocol import load_protocol, shipped_protocols
from management.review import Guard, Review
from management.reviewing import review
from management.vocabulary import RECOMMENDATION_IDS
from tests.spec.management.bedside import AT, chart_of
from tests.spec.management.spec_tables import read_rows

PROTOCOLS = {name: load_protocol(name) for name in shipped_protocols()}
LINES = {
    "met-2021": ("met-2021.md", "cross-cutting.md"),
    "asco-2021": ("asco-2021.md", "cross-cutting.md"),
}
_NO_CELL = "no cell of the guideline that could be sourced gives it"
OUT_OF_REACH = {
    "met-2021": {
        "antifungal-prophylaxis": "the algorithm does not speak of it",
        "methylprednisolone.high-dose": "the algorithm names it in third line, without a dose",
    },
    "asco-2021": {
        "delirium.care": _NO_CELL,
        "icp.management": _NO_CELL,
        "seizure.treatment": _NO_CELL,
        "steroid.escalate": "persistent ICANS is answered with named options, as a note",
        "third-line.anakinra": "named among the options for persistent ICANS, as a note",
        "third-line.high-dose-methylprednisolone": "high dose is the step of CRS 4, with its own id",
        "third-line.siltuximab": "named among the options for persistent ICANS, as a note",
        "vasopressor.norepinephrine": _NO_CELL,
    },
}
NEVER_WITHHOLDS = {
    Guard.OVER_MAXIMUM_DOSE: "a computed dose stops at its cap; only an order can be above it",
    Guard.ACTIVE_INFECTION_CAUTION: "a caution beside the option, which it never hides",
    Guard.GM_CSF: "no row gives GM-CSF; only an order can hold it",
    Guard.DUPLICATE_ORDER: "only an order can repeat another",
}
GUARDS_OF_A_REVIEW = [guard for guard in Guard if guard not in NEVER_WITHHOLDS]


@cache
def answers(name: str) -> tuple[Review, ...]:
    def reviewed() -> Iterator[Review]:
        for file in LINES[name]:
            for line in read_rows(file, "when"):
                answer = review(chart_of(line["when"]), AT, PROTOCOLS[name])
                if answer is not None:
                    yield answer

    return tuple(reviewed())


def given(name: str) -> set[str]:
    return {item.id for answer in answers(name) for item in answer.recommendations}


def withheld(name: str) -> list[set[Guard]]:
    return [{held.because for held in answer.withheld} for answer in answers(name)]


@pytest.mark.parametrize("name", PROTOCOLS)
def test_what_a_protocol_cannot_give_is_written_down(name: str) -> None:
    assert RECOMMENDATION_IDS - given(name) == set(OUT_OF_REACH[name])


def test_every_recommendation_is_within_reach_of_one_of_the_protocols() -> None:
    assert set.union(*(given(name) for name in PROTOCOLS)) == RECOMMENDATION_IDS


@pytest.mark.parametrize("name", PROTOCOLS)
@pytest.mark.parametrize("guard", GUARDS_OF_A_REVIEW, ids=lambda guard: guard.value)
def test_a_guard_withholds_in_one_line_and_stays_away_in_another(guard: Guard, name: str) -> None:
    held = [guard in guards for guards in withheld(name)]
    assert any(held)
    assert not all(held)


@pytest.mark.parametrize("name", PROTOCOLS)
@pytest.mark.parametrize("guard", NEVER_WITHHOLDS, ids=lambda guard: guard.value)
def test_a_guard_of_orders_withholds_nothing_of_a_review(guard: Guard, name: str) -> None:
    assert not any(guard in guards for guards in withheld(name))


def tocilizumab(phrases: str) -> tuple[str, ...]:
    answer = review(chart_of(phrases), AT, PROTOCOLS["met-2021"])
    assert answer is not None
    [option] = [item for item in answer.recommendations if item.id == "tocilizumab.consider"]
    return option.cautions


def test_an_active_infection_is_a_caution_and_never_hides_the_option() -> None:
    [caution] = tocilizumab("fever 38.8; condition infection")
    assert caution.startswith("Active infection")


def test_without_an_infection_or_once_it_has_resolved_there_is_no_caution() -> None:
    assert tocilizumab("fever 38.8") == ()
    assert tocilizumab("fever 38.8; condition infection resolved 5h") == ()


def test_gm_csf_is_warned_of_in_crs_and_not_without() -> None:
    def notes(phrases: str) -> str:
        answer = review(chart_of(phrases), AT, PROTOCOLS["asco-2021"])
        assert answer is not None
        return " ".join(answer.notes)

    assert "GM-CSF is not recommended" in notes("fever 38.8")
    assert "GM-CSF" not in notes("temperature 37.0")


def test_a_dose_at_its_cap_is_given_at_the_cap_and_said_to_be_capped() -> None:
    heavy = review(chart_of("fever 38.8; weight 110 72h"), AT, PROTOCOLS["met-2021"])
    assert heavy is not None
    [option] = [item for item in heavy.recommendations if item.id == "tocilizumab.consider"]
    assert option.dose is not None
    assert option.dose.value == 800
    assert option.dose.capped
