"""The walk of one ``order-select`` or ``order-sign`` request: from the drafts to at most a card for each.

Nothing is retrieved unless a draft is of a drug that is checked. Nothing is said where the patient is no
CAR-T recipient in the monitoring window, and nothing where every order is fine. On ``order-select`` the
selected drafts are checked, those beside them only tell of duplicates and of what goes on; a selection that
names no draft is passed over, and without ``selections`` every draft is checked.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import msgspec
from fastapi import Response

from cds_service.feedback import IssuedCards
from cds_service.metrics import Metrics
from cds_service.order_cards import OrderCardContext, write_order_card
from cds_service.outcome import HookError, IssueCode
from cds_service.patient_record import PatientRecord, RecordReader
from cds_service.settings import Mode, Settings
from cds_service.wire import HookContext, hook_response, read_hook_request
from fhir_maps.data_requirements import REQUIREMENTS
from fhir_maps.drafted_orders import Draft, DraftsError, read_drafts
from fhir_maps.terminology import Terminology
from management.drafted_order import OrderFinding, OrderKind
from management.order_check import check_order
from management.order_table import find
from management.protocol import Protocol
from management.reviewing import situate
from management.situation import Situation

_ACTIVE_ORDERS = next(item.subject_words for item in REQUIREMENTS if item.key == "medicationRequests")
_SELECTIONS = msgspec.json.Decoder(list[str])


class OrderCheck:
    """The service behind an order hook; between requests only issued card ids are kept."""

    def __init__(
        self,
        hook: str,
        settings: Settings,
        *,
        clock: Callable[[], datetime],
        terminology: Terminology,
        protocol: Protocol,
        records: RecordReader,
        metrics: Metrics,
        issued: IssuedCards,
    ) -> None:
        self._hook = hook
        self._settings = settings
        self._clock = clock
        self._terminology = terminology
        self._protocol = protocol
        self._records = records
        self._metrics = metrics
        self._issued = issued

    async def answer(self, body: bytes) -> Response:
        """Answer one request. Raises :class:`HookError` where there is no answer but an error."""
        with self._metrics.stage("decode"):
            request = read_hook_request(body, self._hook)
            drafts = self._read_drafts(request.context)
            selected = self._select(drafts, request.context)
        if not selected:
            return hook_response([])
        record = await self._records.read(request)
        at = self._clock()
        with self._metrics.stage("review"):
            situation = self._situate(record, at)
        if situation is None or self._settings.mode is Mode.SILENT:
            return hook_response([])
        with self._metrics.stage("write"):
            return self._write(selected, drafts, situation, orders_known=_orders_known(record))

    def _read_drafts(self, context: HookContext) -> tuple[Draft, ...]:
        if not bytes(context.draft_orders):
            raise HookError(400, IssueCode.REQUIRED, "required member context.draftOrders is missing")
        try:
            return read_drafts(context.draft_orders, context.patient_id, self._terminology)
        except DraftsError:
            text = "context.draftOrders must be a Bundle"
            raise HookError(400, IssueCode.STRUCTURE, text) from None

    def _select(self, drafts: tuple[Draft, ...], context: HookContext) -> tuple[Draft, ...]:
        if self._hook != "order-select" or not bytes(context.selections):
            return drafts
        try:
            selections = _SELECTIONS.decode(context.selections)
        except msgspec.MsgspecError:
            text = "context.selections must be a list of references"
            raise HookError(400, IssueCode.STRUCTURE, text) from None
        return tuple(draft for draft in drafts if draft.is_selected(selections))

    def _situate(self, record: PatientRecord, at: datetime) -> Situation | None:
        found = situate(record.reading.chart, at, self._protocol)
        if found is None and not record.record.infusion_known:
            # An old infusion is on record, and a newer one may be: that is not known, which is not "none".
            found = situate(replace(record.reading.chart, infusions=()), at, self._protocol)
        return found

    def _write(
        self,
        selected: tuple[Draft, ...],
        drafts: tuple[Draft, ...],
        situation: Situation,
        *,
        orders_known: bool,
    ) -> Response:
        context = OrderCardContext(situation, self._protocol, self._terminology)
        cards = []
        for draft in selected:
            findings = self._findings(draft, drafts, situation, orders_known=orders_known)
            if findings:
                cards.append(write_order_card(draft, findings, context))
        self._issued.remember(card["uuid"] for card in cards)
        for card in cards:
            self._metrics.cards.labels(card["source"]["topic"]["code"], card["indicator"]).inc()
        return hook_response(cards)

    def _findings(
        self, draft: Draft, drafts: tuple[Draft, ...], situation: Situation, *, orders_known: bool
    ) -> tuple[OrderFinding, ...]:
        if draft.foreign:
            text = "This draft order is for another patient than the one in context: do not sign it here"
            return (find(OrderKind.WRONG_PATIENT, self._protocol, text),)
        if draft.order is None:
            text = f"A draft order could not be read and was not checked: {draft.fault}"
            return (find(OrderKind.UNREADABLE_ORDER, self._protocol, text),)
        beside = [other.order for other in drafts if other is not draft and other.order is not None]
        return check_order(draft.order, situation, self._protocol, beside, orders_known=orders_known)


def _orders_known(record: PatientRecord) -> bool:
    """Whether the active orders were retrieved: no gap of the chart says it, as no grade rests on them."""
    return not any(words.startswith(f"{_ACTIVE_ORDERS}:") for words in record.record.missing)
