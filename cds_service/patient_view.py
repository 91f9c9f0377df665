"""The walk of one ``patient-view`` request: from what was sent to the cards."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from fastapi import Response

from cds_service.cards import CardContext, write_cards, write_late_effects
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
from management.assessment_document import assessment_extension, late_effects_extension
from management.late_effects import find_late_effects
from management.protocol import Protocol
from management.review import LateEffects, Review
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
        infusion that could not be looked up is a warning card. After the monitoring window nothing is graded,
        and there is a card only where there is a late effect to tell.
        """
        with self._metrics.stage("decode"):
            request = read_hook_request(body, PATIENT_VIEW_HOOK)
        received = await self._records.read(request)
        record, reading = received.record, received.reading
        at = self._clock()
        with self._metrics.stage("review"):
            found = self._review(reading, record, at)
        if self._settings.mode is Mode.SILENT:
            return hook_response([])
        if found is None:
            return self._write_late(find_late_effects(reading.chart, at, self._protocol), request, reading)
        with self._metrics.stage("write"):
            return self._write(found, request, record, reading)

    def _review(self, reading: ReadingResult, record: Record, at: datetime) -> Review | None:
        found = review(reading.chart, at, self._protocol)
        if found is None and not record.infusion_known:
            # An old infusion is on record, and a newer one may be: that is not known, which is not "none".
            found = review(replace(reading.chart, infusions=()), at, self._protocol)
        return found

    def _write_late(self, late: LateEffects | None, request: HookRequest, reading: ReadingResult) -> Response:
        if late is None:
            return hook_response([])
        context = CardContext(
            order=self._order(request, late.at), chart=reading.chart, public_url=self._settings.public_url
        )
        return self._send([write_late_effects(late, context)], late_effects_extension(late))

    def _order(self, request: HookRequest, at: datetime) -> OrderContext:
        return OrderContext(
            patient_id=request.context.patient_id,
            encounter_id=request.context.encounter_id,
            authored_at=at,
            terminology=self._terminology,
        )

    def _send(self, cards: list[dict[str, Any]], extension: Mapping[str, object]) -> Response:
        self._issued.remember(card["uuid"] for card in cards)
        for card in cards:
            self._metrics.cards.labels(card["source"]["topic"]["code"], card["indicator"]).inc()
        return hook_response(cards, extension)

    def _write(self, found: Review, request: HookRequest, record: Record, reading: ReadingResult) -> Response:
        context = CardContext(
            order=self._order(request, found.assessment.at),
            missing=record.missing,
            refused=reading.refused,
            total=reading.total,
            chart=reading.chart,
            public_url=self._settings.public_url,
        )
        return self._send(write_cards(found, context), assessment_extension(found))
