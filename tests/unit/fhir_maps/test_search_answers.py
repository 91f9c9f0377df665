"""Five kinds of answer, of which only one means "no data"."""

import json
from typing import Any

import pytest

from fhir_maps.bundle_entries import DecodedSearchset, open_bundles
from fhir_maps.search_answers import Answer, AnswerState, join_answers, judge_answer

OBSERVATION = {"resourceType": "Observation", "id": "1"}


def outcome(severity: str | None = "error") -> dict[str, Any]:
    issue = {"code": "exception"} | ({"severity": severity} if severity else {})
    return {"resourceType": "OperationOutcome", "issue": [issue]}


def bundle(*resources: dict[str, Any], **members: Any) -> dict[str, Any]:
    entries = [{"resource": resource} for resource in resources]
    return {"resourceType": "Bundle", "type": "searchset", "entry": entries} | members


def judge(value: Any, **options: Any) -> Answer:
    return judge_answer(json.dumps(value).encode(), "Observation", **options)


def next_link(url: str = "https://ehr/next") -> list[dict[str, str]]:
    return [{"relation": "self", "url": "https://ehr/self"}, {"relation": "next", "url": url}]


@pytest.mark.parametrize(
    ("value", "state"),
    [
        (None, AnswerState.NULL),
        (bundle(), AnswerState.EMPTY),
        ({"resourceType": "Bundle", "type": "searchset", "total": 0}, AnswerState.EMPTY),
        (bundle(OBSERVATION), AnswerState.GIVEN),
        (OBSERVATION, AnswerState.GIVEN),
        (outcome(), AnswerState.FAILED),
        (bundle(outcome()), AnswerState.FAILED),
        (bundle(outcome("warning")), AnswerState.FAILED),
        (bundle(outcome(None)), AnswerState.FAILED),
        (bundle(outcome("information")), AnswerState.EMPTY),
        (bundle(OBSERVATION, outcome()), AnswerState.PARTIAL),
        (bundle(OBSERVATION, outcome("information")), AnswerState.GIVEN),
        (bundle(OBSERVATION, link=next_link()), AnswerState.PARTIAL),
        (bundle(OBSERVATION, total=5), AnswerState.PARTIAL),
        (bundle(total=5), AnswerState.PARTIAL),
        (bundle(OBSERVATION, total=1), AnswerState.GIVEN),
        ({"resourceType": "Bundle", "entry": [{"fullUrl": "x"}]}, AnswerState.FAILED),
        ({"resourceType": "Patient", "id": "1"}, AnswerState.FAILED),
        ({}, AnswerState.FAILED),
        ([], AnswerState.FAILED),
        ("text", AnswerState.FAILED),
        (7, AnswerState.FAILED),
        ({"resourceType": "Bundle", "entry": "no list"}, AnswerState.FAILED),
        ({"resourceType": "Bundle", "link": [{"relation": 5}]}, AnswerState.FAILED),
    ],
)
def test_an_answer_has_one_state(value: Any, state: AnswerState) -> None:
    assert judge(value).state is state


def test_an_informational_outcome_entry_with_mode_outcome_is_no_data_and_no_failure() -> None:
    entry = {"resource": outcome("information"), "search": {"mode": "outcome"}}
    assert judge({"resourceType": "Bundle", "entry": [entry]}).state is AnswerState.EMPTY


def test_an_error_outcome_entry_with_mode_outcome_is_not_no_data() -> None:
    entry = {"resource": outcome(), "search": {"mode": "outcome"}}
    assert judge({"resourceType": "Bundle", "entry": [entry]}).state is AnswerState.FAILED


def test_the_next_page_of_an_incomplete_answer_is_told() -> None:
    assert judge(bundle(OBSERVATION, link=next_link("https://ehr/2"))).next_url == "https://ehr/2"


def test_included_resources_do_not_count_towards_the_total() -> None:
    entries = [
        {"resource": OBSERVATION, "search": {"mode": "match"}},
        {"resource": {"resourceType": "Patient", "id": "1"}, "search": {"mode": "include"}},
    ]
    answer = judge({"resourceType": "Bundle", "total": 2, "entry": entries})
    assert answer.state is AnswerState.PARTIAL


def test_the_total_of_a_later_page_counts_the_earlier_ones() -> None:
    assert judge(bundle(OBSERVATION, total=5), later_page=True).state is AnswerState.GIVEN


@pytest.mark.parametrize(
    "broken", [b"", b"{", b"\xff", b"[" * 10_000, b'{"resourceType":"Bundle","entry":[{]}']
)
def test_what_cannot_be_read_is_failed_and_never_empty(broken: bytes) -> None:
    assert judge_answer(broken, "Observation").state is AnswerState.FAILED


def test_pages_join_to_a_complete_answer_only_with_the_last_page() -> None:
    first = judge(bundle(OBSERVATION, link=next_link()))
    middle = judge(bundle(OBSERVATION, link=next_link("https://ehr/3")), later_page=True)
    last = judge(bundle(OBSERVATION), later_page=True)
    assert join_answers(first, middle).state is AnswerState.PARTIAL
    assert join_answers(first, middle).next_url == "https://ehr/3"
    joined = join_answers(join_answers(first, middle), last)
    assert (joined.state, len(joined.documents)) == (AnswerState.GIVEN, 3)
    assert join_answers(first, judge(bundle())).state is AnswerState.GIVEN
    assert join_answers(first, judge(outcome())).state is AnswerState.PARTIAL
    assert join_answers(judge(bundle(total=5)), judge(outcome())).state is AnswerState.FAILED


def test_a_searchset_decoded_while_it_was_judged_opens_as_its_json_does() -> None:
    entries = [
        {"resource": OBSERVATION, "search": {"mode": "match"}},
        {"resource": OBSERVATION | {"id": "2"}},
    ]
    content = json.dumps({"resourceType": "Bundle", "total": 2, "entry": entries}).encode()
    (document,) = judge_answer(content, "Observation").documents
    assert isinstance(document, DecodedSearchset)
    assert bytes(document) == content
    opened, from_json = open_bundles([document]), open_bundles([content])
    assert (opened.resources, opened.total) == (from_json.resources, from_json.total)
    assert [resource.id for resource in opened.resources] == ["1", "2"]


def test_a_searchset_with_a_malformed_resource_is_judged_alike_and_kept_as_json() -> None:
    content = json.dumps(bundle(OBSERVATION, OBSERVATION | {"id": "2", "code": 7})).encode()
    answer = judge_answer(content, "Observation")
    assert answer == Answer(AnswerState.GIVEN, (content,))
