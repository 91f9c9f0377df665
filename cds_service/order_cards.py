"""The card of one drafted order: what is wrong, the arithmetic, what the patient has had, and a way out.

The detail stands alone. The corrected draft is offered as an update of the whole resource, and only where
the check of that draft finds nothing more about its dose. Removing a draft is offered where the order should
not be given, and never as the recommended choice.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Any
from uuid import uuid4

from cds_service.card_detail import join, section
from cds_service.card_text import (
    LONGEST_SUMMARY,
    escape_fixed,
    escape_markdown,
    plain_text,
    spell_units,
    write_number,
    write_time,
)
from cds_service.code_systems import CARD_TOPIC_SYSTEM, CARD_TOPIC_WORDS, ORDER_CHECK_TOPIC
from cds_service.suggestions import OVERRIDE_REASONS
from fhir_maps.corrected_orders import changed_text, correct_draft
from fhir_maps.drafted_orders import Draft, reread
from fhir_maps.terminology import Terminology
from management.drafted_order import (
    DOSE_KINDS,
    CorrectDose,
    DosageStep,
    DraftedOrder,
    OrderDrug,
    OrderFinding,
    OrderKind,
    Severity,
)
from management.order_check import check_order, may_be_corrected
from management.order_doses import dose_rules, write_mg
from management.protocol_rows import Protocol
from management.situation import Situation, describe_grade, describe_hours

_PROJECT_URL = "https://cart-toxicity-cds.github.io/"
_LONG = 600
_WORDS = {Severity.CRITICAL: "Critical", Severity.WARNING: "Warning"}
# A summary is no Markdown, so it cannot be escaped; some clients put it into a page as it is.
_NO_TAGS = str.maketrans("<>", "‹›")
# The way out that these offer is to take the draft away.
_REMOVABLE = frozenset(
    {OrderKind.ISOLATED_ICANS, OrderKind.DUPLICATE, OrderKind.GM_CSF, OrderKind.WRONG_PATIENT}
)
_LIMITS = (
    "For clinicians who care for CAR-T recipients. Checked against what is charted at the time printed above."
    " Nothing here signs, changes or removes an order. This replaces neither the pharmacist's check nor the"
    " local CAR-T protocol."
)


@dataclass(frozen=True, slots=True)
class OrderCardContext:
    """What the drafts were checked against."""

    situation: Situation
    protocol: Protocol
    terminology: Terminology

    @property
    def zone(self) -> tzinfo | None:
        """The offset of the infusion's own timestamp."""
        return self.situation.evidence.zone


def write_order_card(
    draft: Draft, findings: Sequence[OrderFinding], context: OrderCardContext
) -> dict[str, Any]:
    """Write the one card of a draft. ``findings`` has at least one, the most severe first."""
    first = findings[0]
    card: dict[str, Any] = {
        "uuid": str(uuid4()),
        "summary": _summary(findings),
        "indicator": first.severity.value,
        "detail": _detail(draft, findings, context),
        "source": {
            "label": f"CAR-T order check; protocol {context.protocol.name}",
            "url": _PROJECT_URL,
            "topic": {
                "system": CARD_TOPIC_SYSTEM,
                "code": ORDER_CHECK_TOPIC,
                "display": CARD_TOPIC_WORDS[ORDER_CHECK_TOPIC],
            },
        },
        "overrideReasons": list(OVERRIDE_REASONS),
    }
    suggestions = [
        suggestion
        for suggestion in (_update(draft, findings, context), _removal(draft, findings))
        if suggestion is not None
    ]
    if suggestions:
        card["suggestions"] = suggestions
        card["selectionBehavior"] = "at-most-one"
    return card


def _summary(findings: Sequence[OrderFinding]) -> str:
    more = f" (+{len(findings) - 1} more)" if len(findings) > 1 else ""
    text = spell_units(findings[0].summary).translate(_NO_TAGS)
    return plain_text(text, LONGEST_SUMMARY - len(more)) + more


def _detail(draft: Draft, findings: Sequence[OrderFinding], context: OrderCardContext) -> str:
    situation, order = context.situation, draft.order
    opening = f"**Order check** at {write_time(situation.at, context.zone)}."
    parts: list[str | None] = [opening, section("Found", [_finding_line(item) for item in findings])]
    if order is not None and situation.evidence.infusion is not None:
        parts.append(section("The order as read", _order_lines(order, context)))
        parts.append(section("Checked against", _patient_lines(order, context)))
    version = escape_markdown(context.protocol.version)
    parts.append(f"Protocol {escape_markdown(context.protocol.name)}, version {version}. {_LIMITS}")
    return join(*parts)


def _finding_line(finding: OrderFinding) -> str:
    mark = "" if finding.verified else "; **not verified**"
    text = escape_markdown(spell_units(finding.text), _LONG)
    source = f"({escape_fixed(finding.cite)}; tier {escape_fixed(finding.tier)}{mark})"
    return f"**{_WORDS[finding.severity]}** ({finding.kind.value}): {text}. {source}"


def _order_lines(order: DraftedOrder, context: OrderCardContext) -> list[str]:
    lines = [
        f"{order.drug.title}{f', step {number}' if len(order.steps) > 1 else ''}: "
        + escape_markdown(spell_units(_step_words(step, context.zone)))
        for number, step in enumerate(order.steps, start=1)
    ]
    if not dose_rules(context.protocol, order.drug):
        lines.append(f"{order.drug.title}: no dose to check against, the source prints none")
    return lines


def _step_words(step: DosageStep, zone: tzinfo | None) -> str:
    written = dict.fromkeys(dose.written + (" a day" if dose.per_day else "") for dose in step.doses)
    words = [" or ".join(written)]
    words = words if step.doses else [f"dose not read ({step.fault})"]
    if step.route is not None:
        words.append(step.route)
    if step.interval is not None and step.is_repeated:
        words.append(f"every {_hours(step.interval)}")
    if step.count is not None:
        words.append("once" if step.count == 1 else f"{step.count} doses")
    if step.lasts is not None:
        words.append(f"for {_hours(step.lasts)}")
    if step.starts_at is not None:
        words.append(f"from {write_time(step.starts_at, zone)}")
    return ", ".join(words)


def _hours(span: timedelta) -> str:
    return f"{write_number(Decimal(str(span.total_seconds())) / 3600, 2)} h"


def _patient_lines(order: DraftedOrder, context: OrderCardContext) -> list[str]:
    situation, evidence = context.situation, context.situation.evidence
    lines = [
        f"{describe_grade('CRS', situation.crs)}; {describe_grade('ICANS', situation.icans)}",
    ]
    if evidence.weight is not None:
        when = write_time(evidence.weight.at, context.zone)
        lines.append(f"Weight {write_number(evidence.weight.kilograms, 2)} kg of {when}")
    elif dose_rules(context.protocol, order.drug):
        lines.append("No weight charted")
    if order.drug is OrderDrug.TOCILIZUMAB:
        times = [_ago(dose.at, situation, context.zone) for dose in situation.tocilizumab]
        lines.append(f"Tocilizumab given: {len(times)}" + (f" ({'; '.join(times)})" if times else ""))
    if order.drug.is_steroid:
        latest = max(
            (dose for dose in evidence.steroids if dose.systemic), key=lambda dose: dose.at, default=None
        )
        if latest is not None:
            lines.append(f"Last steroid: {latest.drug.value}, {_ago(latest.at, situation, context.zone)}")
    return [escape_markdown(line, _LONG) for line in lines]


def _ago(at: datetime, situation: Situation, zone: tzinfo | None) -> str:
    return f"{write_time(at, zone)}, {describe_hours(situation.hours_since(at))} ago"


def _update(
    draft: Draft, findings: Sequence[OrderFinding], context: OrderCardContext
) -> dict[str, Any] | None:
    """The corrected draft, where there is one that passes the same check."""
    if not may_be_corrected(findings) or draft.order is None:
        return None
    dose = next(finding.correct for finding in findings if finding.correct is not None)
    corrected = correct_draft(draft, dose)
    order = None if corrected is None else reread(corrected, draft, context.terminology)
    if corrected is None or order is None:
        return None
    again = check_order(order, context.situation, context.protocol)
    if any(finding.kind in DOSE_KINDS for finding in again):
        return None
    what = f"{draft.order.drug.value} {_amount(dose)}"
    texts = changed_text(draft.members, corrected)
    told = "" if texts is None else f'; its text "{texts[0]}" becomes "{texts[1]}"'
    return {
        "label": plain_text(f"Change this draft to {what}"),
        "uuid": str(uuid4()),
        "isRecommended": dose.recommended,
        "actions": [
            {
                "type": "update",
                "description": plain_text(
                    f"Change the dose of this draft order to {what} ({dose.arithmetic}){told}; all else"
                    " stays as drafted, and it is not signed",
                    _LONG,
                ),
                "resource": corrected,
            }
        ],
    }


def _removal(draft: Draft, findings: Sequence[OrderFinding]) -> dict[str, Any] | None:
    reasons = [finding for finding in findings if finding.kind in _REMOVABLE]
    if not reasons or draft.resource_id is None:
        return None
    drug = "" if draft.order is None else f" for {draft.order.drug.value}"
    return {
        "label": plain_text(f"Remove this draft order{drug}"),
        "uuid": str(uuid4()),
        "isRecommended": False,
        "actions": [
            {
                "type": "delete",
                "description": plain_text(f"Remove the draft order{drug}: {reasons[0].kind.value}"),
                "resourceId": f"MedicationRequest/{draft.resource_id}",
            }
        ],
    }


def _amount(dose: CorrectDose) -> str:
    return f"{write_mg(dose.milligrams)} mg" + (" a day" if dose.per_day else "")
