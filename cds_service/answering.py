"""What the services of all hooks share: what they are built with, and how cards leave."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fastapi import Response

from cds_service.feedback import IssuedCards
from cds_service.metrics import Metrics
from cds_service.patient_record import RecordReader
from cds_service.settings import Settings
from cds_service.wire import hook_response
from fhir_maps.terminology import Terminology
from management.protocol import Protocol


@dataclass(frozen=True, slots=True)
class ServiceParts:
    """What every service is built with; between requests only issued card ids are kept."""

    settings: Settings
    clock: Callable[[], datetime]
    terminology: Terminology
    protocol: Protocol
    records: RecordReader
    metrics: Metrics
    issued: IssuedCards

    def send(
        self, cards: Iterable[dict[str, Any]], extension: Mapping[str, object] | None = None
    ) -> Response:
        """Answer with cards: their ids are remembered for feedback, and each is counted."""
        sent = list(cards)
        self.issued.remember(card["uuid"] for card in sent)
        for card in sent:
            self.metrics.cards.labels(card["source"]["topic"]["code"], card["indicator"]).inc()
        return hook_response(sent, extension)
