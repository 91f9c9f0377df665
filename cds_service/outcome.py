"""Errors as FHIR OperationOutcomes: a fixed text for each, never an echo of what was sent."""

from enum import Enum

import msgspec
from fastapi import Response


class IssueCode(Enum):
    """Codes of FHIR's IssueType that we answer with."""

    STRUCTURE = "structure"
    REQUIRED = "required"
    INVALID = "invalid"
    NOT_FOUND = "not-found"
    NOT_SUPPORTED = "not-supported"
    TOO_LONG = "too-long"
    INCOMPLETE = "incomplete"
    SECURITY = "security"
    EXCEPTION = "exception"


class HookError(Exception):
    """A request that cannot be answered with cards.

    ``text`` is shown to the client: it must hold nothing of the request, of the patient or of a token.
    """

    def __init__(self, status: int, code: IssueCode, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.code = code
        self.text = text


def operation_outcome(code: IssueCode, text: str) -> dict[str, object]:
    """Build an OperationOutcome with one error issue."""
    issue = {"severity": "error", "code": code.value, "details": {"text": text}}
    return {"resourceType": "OperationOutcome", "issue": [issue]}


def error_response(
    status: int, code: IssueCode, text: str, headers: dict[str, str] | None = None
) -> Response:
    """Build the HTTP answer for an error."""
    return Response(
        msgspec.json.encode(operation_outcome(code, text)),
        status_code=status,
        media_type="application/json",
        headers=headers,
    )
