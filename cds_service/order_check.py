"""The walk of one ``order-select`` or ``order-sign`` request: from the drafts to at most a card for each.

Nothing is retrieved unless a draft is of a drug that is checked. Nothing is said where the patient is no
CAR-T recipient in the monitoring window, and nothing where every order is fine. On ``order-select`` the
selected drafts are checked, those beside them only tell of duplicates and of what goes on; a selection that
names no draft is passed over, and without ``selections`` every draft is checked.
"""

import msgspec
from fastapi import Response

from cds_service.answering import ServiceParts
from cds_service.order_cards import OrderCardContext, write_order_card
from cds_service.outcome import HookError, IssueCode
from cds_service.settings import Mode
from cds_service.wire import HookContext, hook_response, read_hook_request
from fhir_maps.drafted_orders import Draft, DraftsError, read_drafts
from management.drafted_order import OrderFinding, OrderKind
from management.order_check import check_order
from management.order_table import find
from management.reviewing import situate
from management.situation import Situation

# No gap of the chart says that active orders were not retrieved, as no grade rests on them.
_ACTIVE_ORDERS = "medicationRequests"
_SELECTIONS = msgspec.json.Decoder(list[str])


class OrderCheck:
    """The service behind an order hook."""

    def __init__(self, hook: str, parts: ServiceParts) -> None:
        self._hook = hook
        self._parts = parts

    async def answer(self, body: bytes) -> Response:
        """Answer one request. Raises :class:`HookError` where there is no answer but an error."""
        with self._parts.metrics.stage("decode"):
            request = read_hook_request(body, self._hook)
            drafts = self._read_drafts(request.context)
            selected = self._select(drafts, request.context)
        if not selected:
            return hook_response([])
        record = await self._parts.records.read(request)
        at = self._parts.clock()
        with self._parts.metrics.stage("review"):
            situation = record.grade(lambda chart: situate(chart, at, self._parts.protocol))
        if situation is None or self._parts.settings.mode is Mode.SILENT:
            return hook_response([])
        with self._parts.metrics.stage("write"):
            return self._write(
                selected, drafts, situation, orders_known=_ACTIVE_ORDERS not in record.record.missing_keys
            )

    def _read_drafts(self, context: HookContext) -> tuple[Draft, ...]:
        if not bytes(context.draft_orders):
            raise HookError(400, IssueCode.REQUIRED, "required member context.draftOrders is missing")
        try:
            return read_drafts(context.draft_orders, context.patient_id, self._parts.terminology)
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

    def _write(
        self,
        selected: tuple[Draft, ...],
        drafts: tuple[Draft, ...],
        situation: Situation,
        *,
        orders_known: bool,
    ) -> Response:
        context = OrderCardContext(situation, self._parts.protocol, self._parts.terminology)
        cards = []
        for draft in selected:
            findings = self._findings(draft, drafts, situation, orders_known=orders_known)
            if findings:
                cards.append(write_order_card(draft, findings, context))
        return self._parts.send(cards)

    def _findings(
        self, draft: Draft, drafts: tuple[Draft, ...], situation: Situation, *, orders_known: bool
    ) -> tuple[OrderFinding, ...]:
        if draft.foreign:
            text = "This draft order is for another patient than the one in context: do not sign it here"
            return (find(OrderKind.WRONG_PATIENT, self._parts.protocol, text),)
        if draft.order is None:
            text = f"A draft order could not be read and was not checked: {draft.fault}"
            return (find(OrderKind.UNREADABLE_ORDER, self._parts.protocol, text),)
        beside = [other.order for other in drafts if other is not draft and other.order is not None]
        return check_order(draft.order, situation, self._parts.protocol, beside, orders_known=orders_known)
