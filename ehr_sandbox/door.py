"""The door of the FHIR endpoint: who may do what with whose record.

The endpoint names each interaction; whoever guards the door (:mod:`ehr_sandbox.smart_server`) admits or
refuses it. An endpoint without a guard is open.
"""

from collections.abc import Collection
from enum import Enum
from typing import Protocol


class Interaction(Enum):
    """A FHIR interaction, by the letter of a SMART v2 scope."""

    CREATE = "c"
    READ = "r"
    UPDATE = "u"
    SEARCH = "s"


class AccessRefusedError(Exception):
    """The interaction is refused. ``text`` holds nothing of a patient."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


class Door(Protocol):
    """The guard of the door."""

    def admit(
        self, authorization: str | None, interaction: Interaction, kind: str, patients: Collection[str]
    ) -> None:
        """Return where it is allowed; raise :class:`AccessRefusedError` (401, 403) where not.

        ``authorization`` is the request header. ``patients`` are the ids of all patients that the interaction
        touches; empty where it names none (a search over everybody, or a resource of no patient).
        """
        ...
