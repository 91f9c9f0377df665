"""A clinician's statements as Observations: a finding attributed to another cause, its withdrawal, concern.

Each is an Observation of our CodeSystem, the one that the reader of such statements reads back. A withdrawal
is a later Observation of the same value with the status ``cancelled``: what was stated before stays on record
as it was, and its finding counts again (decision 005).

Deliberately absent: changing or deleting a statement, and any statement that nobody made.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from fhir_maps import r4
from fhir_maps.artefacts import ASSESSMENT_ID, ASSESSMENT_SYSTEM, artefact
from fhir_maps.observations import ATTRIBUTION, read_observation
from fhir_maps.terminology import Terminology
from grading.chart import Attributable, Attribution, TeamConcern

Resource = dict[str, Any]

LONGEST_CAUSE = 500
TEAM_CONCERN = "team-concern"
_CATEGORIES = "http://terminology.hl7.org/CodeSystem/observation-category"
_URIS = "urn:ietf:rfc:3986"
_BLANKS = frozenset("\t\r\n")
# Control, format (direction marks among them), surrogate, private and unassigned characters.
_UNPRINTABLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
_MILLISECOND = timedelta(milliseconds=1)


class CauseError(ValueError):
    """A cause that cannot be written. The text says what is wrong and repeats nothing of it."""


@dataclass(frozen=True, slots=True)
class Statement:
    """Whose record it is, who states it, when, and by which form.

    ``performer`` and ``encounter_id`` are ``None`` where the EHR did not tell them. ``at`` is aware. ``form``
    is the form's own number: two statements of one form are one.
    """

    patient_id: str
    encounter_id: str | None
    performer: str | None
    at: datetime
    form: UUID


def clean_cause(text: str) -> str:
    """A cause as it is written: blanks joined, one line. Raises :class:`CauseError`."""
    if any(unicodedata.category(sign) in _UNPRINTABLE and sign not in _BLANKS for sign in text):
        raise CauseError("The cause holds characters that cannot be shown. Type it again.")
    cause = " ".join(text.split())
    if not cause:
        raise CauseError("Write the cause: what explains the finding.")
    if len(cause) > LONGEST_CAUSE:
        raise CauseError(f"The cause is longer than {LONGEST_CAUSE} characters. Shorten it.")
    return cause


def attribution_observation(what: Attributable, cause: str, statement: Statement) -> Resource:
    """The statement that a finding is due to another cause. Raises :class:`CauseError`."""
    return _observation(ATTRIBUTION, what.value, statement) | {"note": [{"text": clean_cause(cause)}]}


def withdrawal_observation(attribution: Attribution, statement: Statement) -> Resource:
    """The withdrawal of an attribution in force, never earlier than what it withdraws."""
    resource = _observation(ATTRIBUTION, attribution.what.value, statement) | {"status": "cancelled"}
    # A statement from a clock that runs ahead would outlive a withdrawal of an earlier time.
    resource["effectiveDateTime"] = _written(
        max(statement.at, attribution.at.astimezone(statement.at.tzinfo))
    )
    if attribution.cause:
        resource["note"] = [{"text": f"Withdrawn. It was attributed to: {attribution.cause}"}]
    return resource


def concern_observation(present: bool, statement: Statement) -> Resource:
    """The team's statement that it is concerned about the patient, or that it is not."""
    return _observation(TEAM_CONCERN, "present" if present else "none", statement)


def statements_read(resource: Resource, terminology: Terminology) -> Sequence[Attribution | TeamConcern]:
    """The rows of the chart that such an Observation is read as."""
    decoded = msgspec.json.decode(msgspec.json.encode(resource), type=r4.Observation)
    rows = read_observation(decoded, terminology)
    return [row for row in rows if isinstance(row, Attribution | TeamConcern)]


def _observation(code: str, answer: str, statement: Statement) -> Resource:
    resource: Resource = {
        "resourceType": "Observation",
        "identifier": [{"system": _URIS, "value": statement.form.urn}],
        "status": "final",
        "category": [{"coding": [{"system": _CATEGORIES, "code": "exam", "display": "Exam"}]}],
        "code": _concept(code),
        "subject": {"reference": f"Patient/{statement.patient_id}"},
        "effectiveDateTime": _written(statement.at),
        "valueCodeableConcept": _concept(answer),
    }
    if statement.encounter_id is not None:
        resource["encounter"] = {"reference": f"Encounter/{statement.encounter_id}"}
    if statement.performer is not None:
        resource["performer"] = [{"reference": statement.performer}]
    return resource


def _written(at: datetime) -> str:
    """To the millisecond, never before the instant: two statements of one second keep their order."""
    if at.tzinfo is None:
        raise ValueError("a statement needs an aware time")
    cut = at.replace(microsecond=at.microsecond // 1000 * 1000)
    return (cut if cut == at else cut + _MILLISECOND).isoformat(timespec="milliseconds")


def _concept(code: str) -> Resource:
    system = artefact("CodeSystem", ASSESSMENT_ID) or {}
    display = next(row["display"] for row in system["concept"] if row["code"] == code)
    return {"coding": [{"system": ASSESSMENT_SYSTEM, "code": code, "display": display}], "text": display}
