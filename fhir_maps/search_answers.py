"""What an answer to one query is, before anybody reads a resource in it.

``null``, an empty searchset, an OperationOutcome, a first page of several and data are five different
things, and only one of them means "no data". An OperationOutcome may be the whole answer or stand among the
entries.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum

import msgspec

from fhir_maps import r4
from fhir_maps.bundle_entries import DecodedSearchset, SearchsetEntry, decode_searchset

Document = bytes | msgspec.Raw | DecodedSearchset


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
    """An answer: its state, the Bundles or resources it brought, and where its next page is.

    ``refused`` is the HTTP status with which a server refused it, or a later page of it; ``None`` where no
    server did.
    """

    state: AnswerState
    documents: tuple[Document, ...] = ()
    next_url: str | None = None
    refused: int | None = field(default=None, compare=False)

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


class _Entry(msgspec.Struct, frozen=True, gc=False):
    resource: r4.ResourceHead | msgspec.UnsetType = msgspec.UNSET
    search: r4.EntrySearch | None = None


class _Searchset(msgspec.Struct, frozen=True, gc=False):
    """All that is judged of an answer in one pass: of each resource its type alone."""

    resourceType: str | None = None  # noqa: N815 - FHIR's own name
    total: int | None = None
    link: list[r4.BundleLink] = []
    entry: list[_Entry] = []


@dataclass(frozen=True, slots=True)
class _Found:
    """What a Bundle holds. ``data`` counts the resources that are no outcome, ``included`` those of them that
    only accompany the matches; ``only_empty`` says that there are entries, and none has a resource.
    """

    data: int
    included: int
    only_empty: bool
    complaint: bool


_read_searchset = msgspec.json.Decoder(_Searchset).decode
_read_head = msgspec.json.Decoder(r4.ResourceHead).decode
_read_envelope = msgspec.json.Decoder(r4.Bundle).decode
_read_outcome = msgspec.json.Decoder(_Outcome).decode
_UNREADABLE = (msgspec.MsgspecError, RecursionError, ValueError)
_HARMLESS = frozenset({"information", "success"})


def judge_answer(document: bytes | msgspec.Raw, resource_type: str, *, later_page: bool = False) -> Answer:
    """Tell what ``document`` (JSON) is as the answer to a query for ``resource_type``.

    Nothing in the resources is looked at. Anything unreadable, of another type, or an error is ``FAILED``,
    never empty. ``later_page`` says that ``total`` counts earlier pages too.
    """
    if (decoded := decode_searchset(document)) is not None:
        bundle = decoded.bundle
        found = _Found(len(bundle.entry), _included(bundle.entry), only_empty=False, complaint=False)
        return _judge_bundle(found, bundle.link, decoded, None if later_page else bundle.total)
    try:
        answer = _read_searchset(document)
    except _UNREADABLE:
        return _judge_malformed(bytes(document), resource_type, later_page=later_page)
    if answer.resourceType == resource_type:
        return Answer(AnswerState.GIVEN, (document,))
    if answer.resourceType != "Bundle":
        return FAILED
    types = [entry.resource.resourceType for entry in answer.entry if entry.resource is not msgspec.UNSET]
    if "OperationOutcome" in types:
        return _judge_malformed(bytes(document), resource_type, later_page=later_page)
    found = _Found(len(types), _included(answer.entry), bool(answer.entry) and not types, complaint=False)
    return _judge_bundle(found, answer.link, document, None if later_page else answer.total)


def _judge_malformed(content: bytes, resource_type: str, *, later_page: bool) -> Answer:
    """Judge what is no plain searchset: outcomes among the entries, a malformed entry, or no Bundle."""
    if content.strip() == b"null":
        return Answer(AnswerState.NULL)
    try:
        kind = _read_head(content).resourceType
        if kind == resource_type:
            return Answer(AnswerState.GIVEN, (content,))
        if kind != "Bundle":
            return FAILED
        bundle = _read_envelope(content)
        filled = [entry for entry in bundle.entry if bytes(entry.resource)]
        outcomes = _outcomes_of(filled)
    except _UNREADABLE:
        return FAILED
    found = _Found(
        data=len(filled) - len(outcomes),
        included=_included(filled),
        only_empty=bool(bundle.entry) and not filled,
        complaint=any(_is_serious(outcome) for outcome in outcomes),
    )
    return _judge_bundle(found, bundle.link, content, None if later_page else bundle.total)


def _included(entries: Iterable[_Entry | r4.BundleEntry | SearchsetEntry]) -> int:
    return sum(1 for entry in entries if entry.search is not None and entry.search.mode == "include")


def _judge_bundle(
    found: _Found, links: Iterable[r4.BundleLink], document: Document, total: int | None
) -> Answer:
    next_url = next((link.url for link in links if link.relation == "next"), None)
    if not found.data:
        if found.complaint or found.only_empty:
            return FAILED
        if next_url or (total or 0) > 0:
            return Answer(AnswerState.PARTIAL, (), next_url)
        return Answer(AnswerState.EMPTY)
    if found.complaint:
        # What the server left out stays out on the later pages too: such an answer never becomes complete.
        return Answer(AnswerState.PARTIAL, (document,))
    more = next_url is not None or (total is not None and total > found.data - found.included)
    return Answer(AnswerState.PARTIAL if more else AnswerState.GIVEN, (document,), next_url)


def _outcomes_of(entries: Iterable[r4.BundleEntry]) -> list[_Outcome]:
    """The OperationOutcomes among the entries."""
    return [
        _read_outcome(entry.resource) for entry in entries if _type_of(entry.resource) == "OperationOutcome"
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
