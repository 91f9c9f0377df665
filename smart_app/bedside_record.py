"""From the answers of the EHR's FHIR server to what is known of a patient, and what could not be had.

A query that failed, was not permitted or brought only a part is a gap for what it feeds, never an empty
record. That there is no infusion is concluded only where every query for one was answered in full.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import msgspec

from fhir_maps.artefacts import ASSESSMENT_ID, ASSESSMENT_SYSTEM
from fhir_maps.data_requirements import Kind, Requirement, Role
from fhir_maps.search_answers import ABSENT, FAILED, Answer, AnswerState, Document
from fhir_maps.subjects import patient_id_of
from fhir_maps.times import parse_instant
from grading.chart import ChartGap, GapWhat, GapWhy

Resource = dict[str, Any]

UNAUTHORISED = 401
FORBIDDEN = 403


@dataclass(frozen=True, slots=True)
class BedsideRecord:
    """What could be had of a record.

    ``patient`` is the Patient resource. ``infusion_known`` says whether "no infusion here" means "none on
    record"; ``anything_readable`` is false when neither an infusion query nor one for Observations tells
    anything. ``unread`` names what could not be had in full, and why.
    """

    documents: tuple[Document, ...]
    patient: Resource | None
    gaps: tuple[ChartGap, ...]
    unread: tuple[str, ...]
    infusion_known: bool
    anything_readable: bool
    knows_patient: bool


def gather(answers: Mapping[str, Answer], requirements: Sequence[Requirement]) -> BedsideRecord:
    """Bring the answers together; a key that was not asked for lacks the permission."""
    denied = any(
        requirement.kind is Kind.READ and answers.get(requirement.key, ABSENT).state is AnswerState.EMPTY
        for requirement in requirements
    )
    known = {requirement.key: answers.get(requirement.key, ABSENT) for requirement in requirements}
    if denied:  # of a patient whom the server does not know, "nothing found" tells nothing
        known = {
            key: FAILED if answer.state is AnswerState.EMPTY else answer for key, answer in known.items()
        }
    missing = [requirement for requirement in requirements if _is_missing(requirement, known)]
    infusion = [requirement for requirement in requirements if requirement.role is Role.INFUSION]
    observed = [requirement for requirement in requirements if requirement.role is Role.OBSERVATION]
    return BedsideRecord(
        documents=tuple(document for answer in answers.values() for document in answer.documents),
        patient=_patient(known, requirements),
        gaps=_gaps(missing, known),
        unread=tuple(dict.fromkeys(_words(item, known[item.key], "{} ({})") for item in missing)),
        infusion_known=not any(item in missing for item in infusion),
        anything_readable=any(known[item.key].is_readable for item in (*infusion, *observed)),
        knows_patient=not denied,
    )


def refused_with(answers: Mapping[str, Answer], status: int) -> set[str]:
    """The keys of the answers that were refused, in whole or in part, with an HTTP status."""
    return {key for key, answer in answers.items() if answer.refused == status}


def join_retried(first: Mapping[str, Answer], retried: Mapping[str, Answer]) -> dict[str, Answer]:
    """The answers of a first and a second attempt: the second counts, unless it tells less."""
    joined = dict(first)
    for key, answer in retried.items():
        if answer.is_readable or not first.get(key, ABSENT).is_readable:
            joined[key] = answer
    return joined


class OwnObservations(Mapping[str, Resource]):
    """The Observations of our own codes, and the highlighted one, as they came, by ``Observation/id``.

    Of two versions the newer. One that does not say it is this patient's is left out. They are looked for
    when somebody asks: most pages do not.
    """

    def __init__(self, documents: Iterable[Document], patient_id: str, highlight: str | None) -> None:
        self._documents = tuple(documents)
        self._patient_id = patient_id
        self._highlight = highlight

    @cached_property
    def _found(self) -> dict[str, Resource]:
        return _own_observations(self._documents, self._patient_id, self._highlight)

    def __getitem__(self, reference: str) -> Resource:
        """The Observation of a reference."""
        return self._found[reference]

    def __iter__(self) -> Iterator[str]:
        """Their references."""
        return iter(self._found)

    def __len__(self) -> int:
        """How many there are."""
        return len(self._found)


def _own_observations(
    documents: Iterable[Document], patient_id: str, highlight: str | None
) -> dict[str, Resource]:
    wanted_id = (highlight or "").rpartition("/")[2]
    # Of our system only the part without a slash: some servers escape slashes in JSON.
    signs = [sign.encode() for sign in (ASSESSMENT_ID, wanted_id) if sign]
    found: dict[str, Resource] = {}
    for document in documents:
        content = bytes(document)
        if not any(sign in content for sign in signs):
            continue
        for resource in _observations_in(content, signs):
            reference = f"Observation/{resource['id']}"
            if reference != highlight and not _is_own(resource):
                continue
            subject = resource.get("subject")
            whose = patient_id_of(subject.get("reference")) if isinstance(subject, dict) else None
            if whose == patient_id and _is_newer(resource, found.get(reference)):
                found[reference] = resource
    return found


def _is_missing(requirement: Requirement, answers: Mapping[str, Answer]) -> bool:
    if answers[requirement.key].is_complete:
        return False
    wider = answers.get(requirement.covered_by) if requirement.covered_by else None
    return wider is None or not wider.is_complete


def _gaps(missing: Iterable[Requirement], answers: Mapping[str, Answer]) -> tuple[ChartGap, ...]:
    details: dict[GapWhat, dict[str, None]] = {}
    for requirement in missing:
        words = _words(requirement, answers[requirement.key], "{}: {}")
        for what in requirement.feeds:
            details.setdefault(what, {})[words] = None  # the parts of a split key say it once
    return tuple(
        ChartGap(what, GapWhy.NOT_RETRIEVED, "; ".join(details[what])) for what in GapWhat if what in details
    )


def _words(requirement: Requirement, answer: Answer, form: str) -> str:
    return form.format(requirement.subject_words, _why(answer))


def _why(answer: Answer) -> str:
    if answer.state is AnswerState.ABSENT or answer.refused in (UNAUTHORISED, FORBIDDEN):
        return "not permitted"
    if answer.state is AnswerState.PARTIAL and answer.documents:
        return "only a part was received"
    return "no usable answer"


def _patient(answers: Mapping[str, Answer], requirements: Iterable[Requirement]) -> Resource | None:
    for requirement in requirements:
        if requirement.kind is Kind.READ and requirement.resource_type == "Patient":
            for document in answers[requirement.key].documents:
                resource = _decoded(bytes(document))
                if isinstance(resource, dict) and resource.get("resourceType") == "Patient":
                    return resource
    return None


class _Entries(msgspec.Struct):
    """A bundle whose entries are not looked into yet."""

    entry: list[msgspec.Raw] = []


def _observations_in(content: bytes, signs: Sequence[bytes]) -> Iterable[Resource]:
    """The Observations of a bundle whose JSON has one of the signs."""
    try:
        entries = msgspec.json.decode(content, type=_Entries).entry
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return
    for raw in entries:
        told = bytes(raw)
        entry = _decoded(told) if any(sign in told for sign in signs) else None
        resource = entry.get("resource") if isinstance(entry, dict) else None
        if not isinstance(resource, dict) or resource.get("resourceType") != "Observation":
            continue
        if isinstance(resource.get("id"), str):
            yield resource


def _is_own(resource: Resource) -> bool:
    code = resource.get("code")
    codings = code.get("coding") if isinstance(code, dict) else None
    return isinstance(codings, list) and any(
        isinstance(coding, dict) and coding.get("system") == ASSESSMENT_SYSTEM for coding in codings
    )


def _is_newer(resource: Resource, other: Resource | None) -> bool:
    if other is None:
        return True
    written, other_written = _last_updated(resource), _last_updated(other)
    return written is None or other_written is None or written >= other_written


def _last_updated(resource: Resource) -> Any:
    meta = resource.get("meta")
    text = meta.get("lastUpdated") if isinstance(meta, dict) else None
    return parse_instant(text) if isinstance(text, str) else None


def _decoded(content: bytes) -> Any:
    try:
        return msgspec.json.decode(content)
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return None
