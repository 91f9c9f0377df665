"""Faults that the sandbox shows on demand, as real servers do: a switch each, all off at first."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class FhirFaults:
    """Faults of the FHIR endpoint.

    ``statuses`` answers every interaction with a resource type with that status (403, 500 ...).
    ``slow_seconds`` delays every answer. ``plain_text_401`` answers a refused token as ``text/plain``.
    ``lose_answer_of_create`` writes, and then ends the connection without an answer: once for each count.
    ``foreign_location`` names another server in ``Location``; ``foreign_next`` in the link to the next page.
    """

    statuses: dict[str, int] = field(default_factory=dict)
    slow_seconds: float = 0.0
    plain_text_401: bool = False
    lose_answer_of_create: int = 0
    foreign_location: str | None = None
    foreign_next: str | None = None
