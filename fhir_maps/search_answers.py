"""What an answer to one query is, before anybody reads a resource in it.

``null``, an empty searchset, an OperationOutcome, a first page of several and data are five different
things, and only one of them means "no data". An OperationOutcome may be the whole answer or stand among the
entries.
"""

from collections.abc import Iterable
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
        complaint = any(_is_serious(outcome) for outcome in _outcomes_of(bundle, content))
    except _UNREADABLE:
        return FAILED
    return _judge_bundle(bundle, content, complaint, None if later_page else bundle.total)


def _judge_bundle(bundle: r4.Bundle, content: bytes, complaint: bool, total: int | None) -> Answer:
    modes = [
        entry.search.mode if entry.search else None for entry in bundle.entry if entry.resource is not None
    ]
    matches = len(modes) - modes.count("outcome")
    included = modes.count("include")
    next_url = next((link.url for link in bundle.link if link.relation == "next"), None)
    if not matches:
        if complaint or (bundle.entry and not modes):
            return FAILED
        if next_url or (total or 0) > 0:
            return Answer(AnswerState.PARTIAL, (), next_url)
        return Answer(AnswerState.EMPTY)
    if complaint:
        # What the server left out stays out on the later pages too: such an answer never becomes complete.
        return Answer(AnswerState.PARTIAL, (content,))
    more = next_url is not None or (total is not None and total > matches - included)
    return Answer(AnswerState.PARTIAL if more else AnswerState.GIVEN, (content,), next_url)


def _outcomes_of(bundle: r4.Bundle, content: bytes) -> Iterable[_Outcome]:
    """Yield the OperationOutcomes among the entries. Entries are opened only where the name occurs at all."""
    if b"OperationOutcome" not in content:
        return
    for entry in bundle.entry:
        if entry.resource is not None and _read_head(entry.resource).resourceType == "OperationOutcome":
            yield _read_outcome(entry.resource)


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
