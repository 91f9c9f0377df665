"""Cards: a review as CDS Hooks writes it down.

At most one card a syndrome, a quiet syndrome told on the other's card, and one more where data were not
received or not readable. The detail of a card stands alone: suggestions and links may never be shown. A
bound is never called a grade. Cards are plain members (dict); the draft orders inside are validated where
they are written.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any
from uuid import uuid4

from cds_service.action_text import action_line, source_line
from cds_service.card_detail import closing, join, section, write_detail
from cds_service.card_places import CardContent, grade_of, hidden_grade, plan_cards
from cds_service.card_summary import write_summary
from cds_service.card_text import escape_markdown, fit_summary, write_time
from cds_service.code_systems import CARD_TOPIC_SYSTEM, CARD_TOPIC_WORDS
from cds_service.gap_text import WHAT_WORDS, Syndrome, gap_lines
from cds_service.suggestions import OrderContext, write_suggestions
from grading.assessment import Gap, Status
from grading.chart import Chart, GapWhat, GapWhy
from management.review import LateEffects, Review

_PROJECT_URL = "https://cart-toxicity-cds.github.io/"
_PUBLICATION = {
    "label": "ASTCT consensus grading (Lee et al. 2019)",
    "url": "https://doi.org/10.1016/j.bbmt.2018.12.758",
    "type": "absolute",
}
_SEVERE = 3


class Indicator(Enum):
    """Urgency of a card."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class Topic(Enum):
    """Kind of guidance: stable, so that a client can tell a repeat from news."""

    CRS = "crs"
    ICANS = "icans"
    INFUSION = "infusion"
    MONITORING = "monitoring"
    MISSING_DATA = "missing-data"
    LATE_EFFECTS = "late-effects"
    ORDER_CHECK = "order-check"  # written by order_cards


_TOPIC_OF = {Syndrome.CRS: Topic.CRS, Syndrome.ICANS: Topic.ICANS}
# The page of the SMART app that a card leads to.
_VIEW_OF = {Topic.ICANS: "ice"}
_LINK_LABELS = {"ice": "Open the ICE form", "course": "Open the course"}


@dataclass(frozen=True, slots=True)
class CardContext:
    """What cards need beside the review.

    ``missing`` names data that could not be had; ``refused`` of ``total`` resources could not be read.
    ``chart`` is what the review was made of: its reports and values that are too old are shown as history.
    ``public_url`` is the base of the SMART link; without it there is none.
    """

    order: OrderContext
    missing: Sequence[str] = ()
    refused: int = 0
    total: int = 0
    chart: Chart | None = None
    public_url: str | None = None


def write_cards(review: Review, context: CardContext) -> list[dict[str, Any]]:
    """Write the cards of a review: at most one a syndrome, and one for data not received or not readable.

    Where the infusion or its date is not known there is one card that says so, as nothing can be graded.
    """
    infusion = review.assessment.evidence.infusion
    if infusion is None or infusion.at is None:
        return [_infusion_card(review, context)]
    cards = [_graded_card(content, review, context) for content in plan_cards(review)]
    if missing := _missing_card(review, context):
        cards.append(missing)
    return sorted(cards, key=lambda card: _URGENCY[card["indicator"]])


def write_late_effects(late: LateEffects, context: CardContext) -> dict[str, Any]:
    """Write the one card after the monitoring window, when CRS and ICANS are not graded any more."""
    zone = late.infusion_at.tzinfo
    opening = (
        f"**Late effects after CAR-T**, at {write_time(late.at, zone)}: day {late.day} after the infusion of"
        f" {write_time(late.infusion_at, zone)}. CRS and ICANS are not graded any more."
    )
    detail = join(
        opening,
        section("Consider", [action_line(item) for item in late.recommendations]),
        source_line(late.recommendations),
        closing(late),
    )
    told = [item.title[:1].lower() + item.title[1:] for item in late.recommendations]
    summary = fit_summary(f"Day {late.day} after CAR-T", told)
    card = _card(Topic.LATE_EFFECTS, Indicator.INFO, summary, detail, late)
    return _with_links(card, Topic.LATE_EFFECTS, context)


_URGENCY = {indicator.value: -place for place, indicator in enumerate(Indicator)}


def _graded_card(content: CardContent, review: Review, context: CardContext) -> dict[str, Any]:
    grades = [grade_of(syndrome, review.assessment) for syndrome in content.told]
    quiet = len(grades) > 1 and grades[0].status is Status.NONE
    monitoring = quiet and not content.recommendations and not content.withheld
    topic = Topic.MONITORING if monitoring else _TOPIC_OF[content.syndrome]
    detail = write_detail(content, review, context.chart)
    card = _card(topic, _indicator(content, review), write_summary(content, review), detail, review)
    card.update(write_suggestions(content.recommendations, context.order))
    return _with_links(card, topic, context)


def _indicator(content: CardContent, review: Review) -> Indicator:
    """Critical for what is severe or urgent; never mere information where a clinician's attribution alone
    keeps the grade down.
    """
    grades = [grade_of(syndrome, review.assessment) for syndrome in content.told]
    if any(item.urgent for item in content.recommendations) or any(item.lowest >= _SEVERE for item in grades):
        return Indicator.CRITICAL
    hidden = any(hidden_grade(syndrome, review) is not None for syndrome in content.told)
    if hidden or any(item.status is not Status.NONE for item in grades):
        return Indicator.WARNING
    return Indicator.INFO


def _infusion_card(review: Review, context: CardContext) -> dict[str, Any]:
    """The one card where nothing can be graded: no infusion could be looked up, or it has no date."""
    assessment = review.assessment
    undated = assessment.evidence.infusion is not None
    infusion_gaps = [gap for gap in assessment.gaps if gap.what is GapWhat.INFUSION]
    if undated:
        summary = "CAR-T infusion on record without a date: CRS and ICANS cannot be assessed; enter the date"
        why = "A CAR-T infusion is on record, and its date is not: nothing can be graded from it."
    else:
        unread = any(gap.why is not GapWhy.NOT_RETRIEVED for gap in infusion_gaps)
        how = "a record of it could not be read" if unread else "record not searched"
        summary = f"Not known whether CAR-T was infused: {how}; CRS and ICANS not assessed"
        why = (
            f"Whether and when this patient received CAR-T cells is not known ({how}); no conclusion follows."
        )
    opening = f"**CRS and ICANS not assessable** at {write_time(assessment.at, None)}. {why}"
    detail = join(
        opening,
        section("Do now", [action_line(item) for item in review.recommendations]),
        section("Not known", gap_lines(infusion_gaps)),
        section("Not received or not readable", _missing_lines(context)),
        source_line(review.recommendations),
        closing(review),
    )
    card = _card(Topic.INFUSION, Indicator.WARNING, summary, detail, review)
    return _with_links(card, Topic.INFUSION, context)


def _missing_card(review: Review, context: CardContext) -> dict[str, Any] | None:
    """The card of warnings: data were not received or not readable.

    What was merely not charted stands among the gaps of its syndrome's card, and is not said twice.
    """
    lines = _missing_lines(context)
    if not lines:
        return None
    open_gaps = [gap for gap in review.assessment.gaps if gap.widens_range]
    failed = _names(gap for gap in review.assessment.gaps if gap.why is GapWhy.NOT_RETRIEVED)
    charted = _names(gap for gap in open_gaps if gap.why is not GapWhy.NOT_RETRIEVED)
    heads = [f"not retrieved: {', '.join(failed)}"] if failed else []
    heads += [f"needed for the grade: {', '.join(charted)}"] if charted else []
    if not heads:
        unreadable = f"{context.refused} of {context.total} resources unreadable"
        heads = [unreadable if context.refused else "parts of the record not received"]
    detail = join(
        f"**Part of the record is missing** at {write_time(review.assessment.at, None)}."
        " What is missing was not taken as normal.",
        section("Leaves a grade open", gap_lines(open_gaps)),
        section("Not received or not readable", lines),
        closing(review),
    )
    summary = fit_summary("Missing data", ["; ".join(heads)])
    card = _card(Topic.MISSING_DATA, Indicator.WARNING, summary, detail, review)
    return _with_links(card, Topic.MISSING_DATA, context)


def _names(gaps: Iterable[Gap]) -> list[str]:
    return list(dict.fromkeys(WHAT_WORDS[gap.what] for gap in gaps))


def _missing_lines(context: CardContext) -> list[str]:
    lines = [escape_markdown(words) for words in context.missing]
    if context.refused:
        lines.append(f"{context.refused} of {context.total} resources could not be read")
    return lines


def _card(
    topic: Topic, indicator: Indicator, summary: str, detail: str, review: Review | LateEffects
) -> dict[str, Any]:
    coding = {"system": CARD_TOPIC_SYSTEM, "code": topic.value, "display": CARD_TOPIC_WORDS[topic.value]}
    return {
        "uuid": str(uuid4()),
        "summary": summary,
        "indicator": indicator.value,
        "detail": detail,
        "source": {
            "label": f"ASTCT 2019 consensus; protocol {review.protocol}",
            "url": _PROJECT_URL,
            "topic": coding,
        },
    }


def _with_links(card: dict[str, Any], topic: Topic, context: CardContext) -> dict[str, Any]:
    """Add the publication, and the page of the SMART app where there is one. No link names the patient."""
    links: list[dict[str, str]] = []
    if context.public_url is not None:
        view = _VIEW_OF.get(topic, "course")
        hint = json.dumps({"v": 1, "view": view}, separators=(",", ":"))
        launch = f"{context.public_url}/smart/launch"
        links.append({"label": _LINK_LABELS[view], "url": launch, "type": "smart", "appContext": hint})
    return card | {"links": [*links, _PUBLICATION]}
