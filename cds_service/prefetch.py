"""From prefetch and retrieval to what is known: which answers are there, and what is a gap without them.

Rules of the contract: a key that is absent or failed is *unknown*; ``null`` is unknown too until the FHIR
server confirms it, except that without a server it means "nothing on record" for the infusion; only a
complete answer, even an empty one, closes a question; pages that nobody followed leave a gap for what the
key feeds.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from cds_service.wire import HookRequest
from fhir_maps.data_requirements import Kind, Requirement, Role
from fhir_maps.retrieve import FhirAccess, FhirReader, origin_of
from fhir_maps.search_answers import ABSENT, FAILED, Answer, AnswerState, Document, judge_answer
from grading.chart import ChartGap, GapWhat, GapWhy

logger = logging.getLogger(__name__)

_WORDS = {
    AnswerState.ABSENT: "not sent and not retrieved",
    AnswerState.NULL: "sent as null, which may also mean a failed query",
    AnswerState.FAILED: "the query failed or its answer cannot be read",
    AnswerState.PARTIAL: "only a part was received",
}

_NOT_LISTED = "the FHIR server named in the request is not on this service's list"
_UNUSABLE_AUTHORIZATION = "the authorization in the request has expired or is of another type than Bearer"
_UNKNOWN_PATIENT = "the FHIR server named in the request knows no patient of this id"
_LONGEST_ORIGIN = 200


@dataclass(frozen=True, slots=True)
class Record:
    """What could be had of a patient's record for one request.

    ``infusion_known`` says whether "no infusion here" means "no infusion on record". ``anything_readable``
    is false when neither an infusion key nor an Observation key tells anything. ``missing`` names data for
    the reader, ``missing_keys`` are the keys of what is not there in full.
    """

    documents: tuple[Document, ...]
    gaps: tuple[ChartGap, ...]
    missing: tuple[str, ...]
    missing_keys: frozenset[str]
    infusion_known: bool
    anything_readable: bool
    server_fault: str | None = None


def judge_prefetch(
    prefetch: Mapping[str, msgspec.Raw] | None, requirements: Iterable[Requirement]
) -> dict[str, Answer]:
    """Tell the state of every key we asked for; keys that we did not ask for are ignored."""
    sent = prefetch or {}
    return {
        requirement.key: judge_answer(sent[requirement.key], requirement.resource_type)
        if requirement.key in sent
        else ABSENT
        for requirement in requirements
    }


async def gather_record(
    request: HookRequest, requirements: Sequence[Requirement], reader: FhirReader
) -> Record:
    """Take the prefetch, retrieve what it lacks where that is allowed, and tell what is still unknown."""
    answers = judge_prefetch(request.prefetch, requirements)
    access, server_fault = _access_of(request, reader)
    if access is not None:
        open_questions = [
            requirement for requirement in requirements if not answers[requirement.key].is_complete
        ]
        retrieved = await reader.retrieve(open_questions, access, request.context.patient_id, answers)
        if _denies_the_patient(retrieved, requirements):
            # Of a patient whom the server does not know, "nothing found" tells nothing.
            server_fault = _UNKNOWN_PATIENT
            retrieved = {
                key: FAILED if answer.state is AnswerState.EMPTY else answer
                for key, answer in retrieved.items()
            }
        for key, answer in retrieved.items():
            before = answers.get(key, ABSENT)
            if answer.is_readable or not before.is_readable:
                answers[key] = answer
    return _record(answers, requirements, server_fault)


def _denies_the_patient(retrieved: Mapping[str, Answer], requirements: Iterable[Requirement]) -> bool:
    """Whether the server was asked for the patient and answered that there is none."""
    return any(
        requirement.kind is Kind.READ and retrieved.get(requirement.key, ABSENT).state is AnswerState.EMPTY
        for requirement in requirements
    )


def _access_of(request: HookRequest, reader: FhirReader) -> tuple[FhirAccess | None, str | None]:
    """The server that may be called for this request, if any; else why the one it names may not."""
    if request.fhir_server is None:
        return None, None
    if not reader.may_call(request.fhir_server):
        # The origin alone: the rest of a URL may say anything.
        logger.warning(
            "not called: the FHIR server %s named in a request is not on the list (CART_CDS_FHIR_SERVERS)",
            (origin_of(request.fhir_server) or "of no http(s) origin")[:_LONGEST_ORIGIN],
        )
        return None, _NOT_LISTED
    authorization = request.fhir_authorization
    if authorization is None:
        return FhirAccess(request.fhir_server), None
    expired = authorization.expires_in is not None and not authorization.expires_in > 0
    if expired or (authorization.token_type or "Bearer").casefold() != "bearer":
        return None, _UNUSABLE_AUTHORIZATION
    access = FhirAccess(
        request.fhir_server, authorization.access_token, authorization.scope, authorization.expires_in
    )
    return access, None


def _record(
    answers: Mapping[str, Answer], requirements: Sequence[Requirement], server_fault: str | None
) -> Record:
    missing = [requirement for requirement in requirements if _is_missing(requirement, answers)]
    details: dict[GapWhat, dict[str, None]] = {}
    for requirement in missing:
        words = _words(requirement, answers[requirement.key])
        for what in requirement.feeds:
            details.setdefault(what, {})[words] = None  # the parts of a split key say it once
    observed = [answers[item.key] for item in requirements if item.role is Role.OBSERVATION]
    infusion_keys = [item for item in requirements if item.role is Role.INFUSION]
    infusion_told = any(item not in missing or answers[item.key].is_readable for item in infusion_keys)
    return Record(
        documents=tuple(document for answer in answers.values() for document in answer.documents),
        gaps=tuple(
            ChartGap(what, GapWhy.NOT_RETRIEVED, "; ".join(details[what]))
            for what in GapWhat
            if what in details
        ),
        missing=tuple(
            dict.fromkeys(
                # Why the server was of no use explains the rest; where nothing is missing it is no matter.
                (
                    *([server_fault] if server_fault and missing else []),
                    *(_words(item, answers[item.key]) for item in missing),
                )
            )
        ),
        missing_keys=frozenset(item.key for item in missing),
        infusion_known=not any(item in missing for item in infusion_keys),
        anything_readable=infusion_told or any(answer.is_readable for answer in observed),
        server_fault=server_fault,
    )


def _is_missing(requirement: Requirement, answers: Mapping[str, Answer]) -> bool:
    answer = answers[requirement.key]
    if answer.is_complete:
        return False
    if answer.state is AnswerState.NULL and requirement.role is Role.INFUSION:
        # Still null here means that no server could be asked: the client's word stands.
        return False
    wider = answers.get(requirement.covered_by) if requirement.covered_by else None
    return wider is None or not wider.is_complete


def _words(requirement: Requirement, answer: Answer) -> str:
    return f"{requirement.subject_words}: {_WORDS[answer.state]}"
