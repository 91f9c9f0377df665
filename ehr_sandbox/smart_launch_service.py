"""The launch service that the public CDS Hooks sandbox asks for a ``launch`` value before it shows a SMART
link: ``POST {fhir_base}/_services/smart/Launch``. It belongs to no standard.

The client sends the link's address, the patient and, where the link has one, its ``appContext``; it appends
``launch`` and ``iss`` to the address itself.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ehr_sandbox.smart_authorize import PatientChoice
from ehr_sandbox.smart_clients import Clients
from ehr_sandbox.smart_launches import LaunchContext, Launches

_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_LARGEST_HINT = 4096


class LaunchRefusedError(Exception):
    """No launch is begun; ``text`` holds nothing of a patient."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class LaunchService:
    """Begins launches that a CDS Hooks client asks for."""

    def __init__(
        self, clients: Clients, launches: Launches, patients: Callable[[], Sequence[PatientChoice]]
    ) -> None:
        self._clients = clients
        self._launches = launches
        self._patients = patients

    def patient_of(self, document: Any) -> str:
        """The patient that a request names. Raises :class:`LaunchRefusedError`."""
        return self._context(document).patient_id

    def begin(self, document: Any) -> str:
        """Begin a launch and return its value. Raises :class:`LaunchRefusedError`."""
        context = self._context(document)
        known = [client.launch_uri for client in self._clients]
        if document.get("launchUrl") not in known:
            raise LaunchRefusedError("launchUrl is not the launch address of a registered client")
        listed = self._patients()
        if listed and context.patient_id not in {choice.patient_id for choice in listed}:
            raise LaunchRefusedError("there is no such patient")
        return self._launches.begin(context)

    def _context(self, document: Any) -> LaunchContext:
        parameters = document.get("parameters") if isinstance(document, Mapping) else None
        if not isinstance(parameters, Mapping):
            raise LaunchRefusedError("parameters are missing")
        patient, encounter = parameters.get("patient"), parameters.get("encounter")
        hint = parameters.get("appContext")
        if not isinstance(patient, str) or not _ID.fullmatch(patient):
            raise LaunchRefusedError("parameters.patient must be a patient's id")
        if encounter is not None and not (isinstance(encounter, str) and _ID.fullmatch(encounter)):
            raise LaunchRefusedError("parameters.encounter must be an encounter's id")
        if hint is not None and not _is_short_text(hint):
            raise LaunchRefusedError("parameters.appContext must be a text of at most 4 kB")
        return LaunchContext(patient, encounter, app_context=hint)


def _is_short_text(value: Any) -> bool:
    try:
        return isinstance(value, str) and len(value.encode()) <= _LARGEST_HINT
    except UnicodeEncodeError:  # half a surrogate pair: JSON can carry it, UTF-8 cannot
        return False
