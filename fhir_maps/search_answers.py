"""What an answer to one query is, before anybody reads a resource in it.

``null``, an empty searchset, an OperationOutcome, a first page of several and data are five different
things, and only one of them means "no data". An OperationOutcome may be the whole answer or stand among the
entries.
"""

from dataclasses import dataclass
from enum import Enum

import msgspec

from fhir_maps import r4

Document = bytes | msgspec.Raw


class AnswerState(Enum):
    """How far an answer can be relied on."""

    ABSENT = "absent"  # nobody asked
    NULL = "null"  # the client says: no data; a client that failed may say so too
    EMPTY = "empty"  # asked, and there is nothing
    GIVEN = "given"
    PARTIAL = "partial"  # there is more than what is here
    FAILED = "failed"  # an error, or nothing that can be read


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer: its state, the Bundles or resources it brought, and where its next page is."""

    state: AnswerState
    documents: tuple[Document, ...] = ()
    next_url: str | None = None

    @property
    def is_complete(self) -> bool:
        """Whether it is known that there is nothing beyond what is here."""
        return self.state in (AnswerState.GIVEN, AnswerState.EMPTY)

    @property
    def is_readable(self) -> bool:
        """Whether it tells anything about the patient, if only that there is nothing."""
        return self.is_complete or (self.state is AnswerState.PARTIAL and bool(self.documents))


ABSENT = Answer(AnswerState.ABSENT)
FAILED = Answer(AnswerState.FAILED)


class _Issue(msgspec.Struct, frozen=True, gc=False):
    severity: str | None = None


class _Outcome(msgspec.Struct, frozen=True, gc=False):
    issue: list[_Issue] = []


_read_head = msgspec.json.Decoder(r4.ResourceHead).decode
_read_envelope = msgspec.json.Decoder(r4.Bundle).decode
_read_outcome = msgspec.json.Decoder(_Outcome).decode
_UNREADABLE = (msgspec.MsgspecError, RecursionError, ValueError)
_HARMLESS = frozenset({"information", "success"})


def judge_answer(document: Document, resource_type: str, *, later_page: bool = False) -> Answer:
    """Tell what ``document`` (JSON) is as the answer to a query for ``resource_type``.

    Nothing in the resources is read. Anything unreadable, of another type, or an error is ``FAILED``, never
    empty. ``later_page`` says that ``total`` counts earlier pages too.
    """
    content = bytes(document)
    if content.strip() == b"null":
        return Answer(AnswerState.NULL)
    try:
        found = _read_head(content).resourceType
        if found == resource_type:
            return Answer(AnswerState.GIVEN, (content,))
        if found != "Bundle":
            return FAILED
        bundle = _read_envelope(content)
        outcomes = _outcomes_of(bundle, content)
    except _UNREADABLE:
        return FAILED
    return _judge_bundle(bundle, content, outcomes, None if later_page else bundle.total)


def _judge_bundle(bundle: r4.Bundle, content: bytes, outcomes: list[_Outcome], total: int | None) -> Answer:
    filled = [entry for entry in bundle.entry if bytes(entry.resource)]
    data = len(filled) - len(outcomes)
    included = sum(1 for entry in filled if entry.search is not None and entry.search.mode == "include")
    complaint = any(_is_serious(outcome) for outcome in outcomes)
    next_url = next((link.url for link in bundle.link if link.relation == "next"), None)
    if not data:
        if complaint or (bundle.entry and not filled):
            return FAILED
        if next_url or (total or 0) > 0:
            return Answer(AnswerState.PARTIAL, (), next_url)
        return Answer(AnswerState.EMPTY)
    if complaint:
        # What the server left out stays out on the later pages too: such an answer never becomes complete.
        return Answer(AnswerState.PARTIAL, (content,))
    more = next_url is not None or (total is not None and total > data - included)
    return Answer(AnswerState.PARTIAL if more else AnswerState.GIVEN, (content,), next_url)


def _outcomes_of(bundle: r4.Bundle, content: bytes) -> list[_Outcome]:
    """The OperationOutcomes among the entries. Entries are opened only where the name occurs at all."""
    if b"OperationOutcome" not in content:
        return []
    return [
        _read_outcome(entry.resource)
        for entry in bundle.entry
        if bytes(entry.resource) and _type_of(entry.resource) == "OperationOutcome"
    ]


def _type_of(resource: msgspec.Raw) -> str | None:
    """The type of one entry; an unreadable entry is the reader's to report, not the end of the answer."""
    try:
        return _read_head(resource).resourceType
    except _UNREADABLE:
        return None


def _is_serious(outcome: _Outcome) -> bool:
    """Whether an outcome says that something is missing; without issues or severities it is taken to."""
    return not outcome.issue or any(issue.severity not in _HARMLESS for issue in outcome.issue)


def join_answers(first: Answer, rest: Answer) -> Answer:
    """Put a later page behind the earlier ones: complete only when the last page is."""
    documents = first.documents + rest.documents
    if rest.state is AnswerState.EMPTY:
        return Answer(AnswerState.GIVEN if documents else AnswerState.EMPTY, documents)
    if rest.state is AnswerState.GIVEN:
        return Answer(AnswerState.GIVEN, documents)
    return Answer(AnswerState.PARTIAL if documents else AnswerState.FAILED, documents, rest.next_url)
