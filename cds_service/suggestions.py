"""Suggestions: draft orders a clinician may take, and the reasons for not taking them.

Each suggestion creates one draft; nothing is signed, sent, changed or deleted. A draft that cannot be
written as valid FHIR is left out: its recommendation still stands in the card's text.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from cds_service.action_text import missing_order_parts
from cds_service.card_text import plain_text, write_number
from cds_service.code_systems import OVERRIDE_REASON_SYSTEM, OVERRIDE_REASON_WORDS
from fhir_maps.draft_orders import ORDERED_DRUGS, DraftOrderError, draft_order, is_orderable
from fhir_maps.terminology import Terminology
from grading.chart import STEROIDS
from management.review import Recommendation, Strength

logger = logging.getLogger(__name__)

OVERRIDE_REASONS = tuple(
    {"code": code, "system": OVERRIDE_REASON_SYSTEM, "display": display}
    for code, display in OVERRIDE_REASON_WORDS.items()
)


@dataclass(frozen=True, slots=True)
class OrderContext:
    """Whom an order is for, and what it is written with."""

    patient_id: str
    encounter_id: str | None
    authored_at: datetime
    terminology: Terminology


def write_suggestions(recommendations: Iterable[Recommendation], context: OrderContext) -> dict[str, Any]:
    """Card members ``suggestions``, ``selectionBehavior`` and ``overrideReasons``; empty without a draft.

    Two steroids are alternatives: alone they are offered as ``at-most-one``; beside another drug, where a
    client could take both, only the protocol's first is offered as a draft.
    """
    orderable = [recommendation for recommendation in recommendations if is_orderable(recommendation)]
    steroids = [item for item in orderable if ORDERED_DRUGS[item.id] in STEROIDS]
    if len(steroids) > 1 and len(steroids) < len(orderable):
        orderable = [item for item in orderable if item not in steroids[1:]]
    suggestions = [suggestion for item in orderable if (suggestion := _suggestion(item, context)) is not None]
    if not suggestions:
        return {}
    alternatives = len(suggestions) == 1 or all(item in steroids for item in orderable)
    if alternatives:
        for later in [item for item in suggestions if item["isRecommended"]][1:]:
            later["isRecommended"] = False  # only "any" may recommend several
    return {
        "suggestions": suggestions,
        "selectionBehavior": "at-most-one" if alternatives else "any",
        "overrideReasons": list(OVERRIDE_REASONS),
    }


def _suggestion(recommendation: Recommendation, context: OrderContext) -> dict[str, Any] | None:
    dose = recommendation.dose
    if dose is None:
        return None
    try:
        order = draft_order(
            recommendation,
            context.patient_id,
            terminology=context.terminology,
            authored_at=context.authored_at,
            encounter_id=context.encounter_id,
        )
    except DraftOrderError as error:
        logger.error("a draft order was left out: %s", error)
        return None
    drug = ORDERED_DRUGS[recommendation.id].value
    what = f"{drug} {write_number(dose.value, 2)} {dose.unit}" + (f" {dose.route}" if dose.route else "")
    verb = "Draft order" if recommendation.strength is Strength.RECOMMEND else "Consider: draft order"
    left_open = missing_order_parts(recommendation, dose)
    complete = f"; complete the {' and '.join(left_open)}" if left_open else ""
    return {
        "label": plain_text(f"{verb} for {what}{complete}"),
        "uuid": str(uuid4()),
        "isRecommended": recommendation.strength is Strength.RECOMMEND,
        "actions": [
            {
                "type": "create",
                "description": plain_text(
                    f"Create a draft order for {what} ({dose.arithmetic}); it is not signed"
                ),
                "resource": order,
            }
        ],
    }
