"""A refused FHIR interaction, and the OperationOutcome that says so."""

from ehr_sandbox.door import AccessRefusedError
from ehr_sandbox.record import Resource

_ISSUES = {401: "login", 403: "forbidden"}


class RefusedError(Exception):
    """An interaction that is not done. ``text`` holds nothing of a patient.

    ``status`` is the HTTP status, ``code`` the FHIR issue type.
    """

    def __init__(self, status: int, code: str, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.code = code
        self.text = text


def outcome(code: str, text: str) -> Resource:
    """Build an OperationOutcome of one error."""
    issue = {"severity": "error", "code": code, "details": {"text": text}}
    return {"resourceType": "OperationOutcome", "issue": [issue]}


def access_refused(error: AccessRefusedError) -> RefusedError:
    """Return what the door refused as a refusal with its issue type."""
    return RefusedError(error.status, _ISSUES.get(error.status, "processing"), error.text)
