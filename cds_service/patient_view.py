"""The walk of one ``patient-view`` request: from what was sent to the cards."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from fastapi import Response

from cds_service.cards import CardContext, write_cards
from cds_service.discovery import PATIENT_VIEW_HOOK
from cds_service.feedback import IssuedCards
from cds_service.metrics import Metrics
from cds_service.patient_record import RecordReader
from cds_service.prefetch import Record
from cds_service.settings import Mode, Settings
from cds_service.suggestions import OrderContext
from cds_service.wire import HookRequest, hook_response, read_hook_request
from fhir_maps.chart_reader import ReadingResult
from fhir_maps.terminology import Terminology
from management.assessment_document import assessment_extension
from management.protocol import Protocol
from management.review import Review
from management.reviewing import review


class PatientView:
    """The service behind the hook ``patient-view``; between requests only issued card ids are kept."""

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Callable[[], datetime],
        terminology: Terminology,
        protocol: Protocol,
        records: RecordReader,
        metrics: Metrics,
        issued: IssuedCards,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._terminology = terminology
        self._protocol = protocol
        self._records = records
        self._metrics = metrics
        self._issued = issued

    async def answer(self, body: bytes) -> Response:
        """Answer one request. Raises ``HookError`` where there is no answer but an error.

        The grade is that of the moment of the call. No infusion on record is an empty list of cards; an
        infusion that could not be looked up is a warning card.
        """
        with self._metrics.stage("decode"):
            request = read_hook_request(body, PATIENT_VIEW_HOOK)
        received = await self._records.read(request)
        record, reading = received.record, received.reading
        at = self._clock()
        with self._metrics.stage("review"):
            found = self._review(reading, record, at)
        if found is None or self._settings.mode is Mode.SILENT:
            return hook_response([])
        with self._metrics.stage("write"):
            return self._write(found, request, record, reading)

    def _review(self, reading: ReadingResult, record: Record, at: datetime) -> Review | None:
        found = review(reading.chart, at, self._protocol)
        if found is None and not record.infusion_known:
            # An old infusion is on record, and a newer one may be: that is not known, which is not "none".
            found = review(replace(reading.chart, infusions=()), at, self._protocol)
        return found

    def _write(self, found: Review, request: HookRequest, record: Record, reading: ReadingResult) -> Response:
        order = OrderContext(
            patient_id=request.context.patient_id,
            encounter_id=request.context.encounter_id,
            authored_at=found.assessment.at,
            terminology=self._terminology,
        )
        context = CardContext(
            order=order,
            missing=record.missing,
            refused=reading.refused,
            total=reading.total,
            chart=reading.chart,
            public_url=self._settings.public_url,
        )
        cards = write_cards(found, context)
        self._issued.remember(card["uuid"] for card in cards)
        for card in cards:
            self._metrics.cards.labels(card["source"]["topic"]["code"], card["indicator"]).inc()
        return hook_response(cards, assessment_extension(found))
