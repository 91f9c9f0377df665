"""The walk of one ``patient-view`` request: from what was sent to the cards."""

from datetime import datetime

from fastapi import Response

from cds_service.answering import ServiceParts
from cds_service.cards import CardContext, write_cards, write_late_effects
from cds_service.discovery import PATIENT_VIEW_HOOK
from cds_service.prefetch import Record
from cds_service.settings import Mode
from cds_service.suggestions import OrderContext
from cds_service.wire import HookRequest, hook_response, read_hook_request
from fhir_maps.chart_reader import ReadingResult
from management.assessment_document import assessment_extension, late_effects_extension
from management.late_effects import find_late_effects
from management.review import LateEffects, Review
from management.reviewing import review


class PatientView:
    """The service behind the hook ``patient-view``."""

    def __init__(self, parts: ServiceParts) -> None:
        self._parts = parts

    async def answer(self, body: bytes) -> Response:
        """Answer one request. Raises ``HookError`` where there is no answer but an error.

        The grade is that of the moment of the call. No infusion on record is an empty list of cards; an
        infusion that could not be looked up is a warning card. After the monitoring window nothing is graded,
        and there is a card only where there is a late effect to tell.
        """
        with self._parts.metrics.stage("decode"):
            request = read_hook_request(body, PATIENT_VIEW_HOOK)
        received = await self._parts.records.read(request)
        record, reading = received.record, received.reading
        at = self._parts.clock()
        with self._parts.metrics.stage("review"):
            found = received.grade(lambda chart: review(chart, at, self._parts.protocol))
        if self._parts.settings.mode is Mode.SILENT:
            return hook_response([])
        if found is None:
            return self._write_late(
                find_late_effects(reading.chart, at, self._parts.protocol), request, reading
            )
        with self._parts.metrics.stage("write"):
            return self._write(found, request, record, reading)

    def _write_late(self, late: LateEffects | None, request: HookRequest, reading: ReadingResult) -> Response:
        if late is None:
            return hook_response([])
        context = CardContext(
            order=self._order(request, late.at),
            chart=reading.chart,
            public_url=self._parts.settings.public_url,
        )
        return self._parts.send([write_late_effects(late, context)], late_effects_extension(late))

    def _order(self, request: HookRequest, at: datetime) -> OrderContext:
        return OrderContext(
            patient_id=request.context.patient_id,
            encounter_id=request.context.encounter_id,
            authored_at=at,
            terminology=self._parts.terminology,
        )

    def _write(self, found: Review, request: HookRequest, record: Record, reading: ReadingResult) -> Response:
        context = CardContext(
            order=self._order(request, found.assessment.at),
            missing=record.missing,
            refused=reading.refused,
            total=reading.total,
            chart=reading.chart,
            public_url=self._parts.settings.public_url,
        )
        return self._parts.send(write_cards(found, context), assessment_extension(found))
