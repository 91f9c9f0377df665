"""Cards: a review as CDS Hooks writes it down.

One card a syndrome, and one more where data were not received or not readable. The detail of a card
stands alone: suggestions and links may never be shown. A bound is never called a grade. Cards are plain
members (dict); the draft orders inside are validated where they are written.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any
from uuid import uuid4

from cds_service.action_text import action_lines, syndrome_of_action, withheld_lines
from cds_service.card_evidence import crs_rows, evidence_table, icans_rows, laboratory_line, report_rows
from cds_service.card_summary import deciding_first, write_summary
from cds_service.card_text import (
    bullet_list,
    escape_fixed,
    escape_markdown,
    fit_summary,
    spell_units,
    write_time,
)
from cds_service.code_systems import CARD_TOPIC_SYSTEM, CARD_TOPIC_WORDS
from cds_service.gap_text import WHAT_WORDS, Syndrome, gap_lines, syndrome_of_gap
from cds_service.suggestions import OrderContext, write_suggestions
from grading.assessment import CriterionMet, Gap, Status, SyndromeGrade
from grading.chart import GapWhat, GapWhy, ImagingReport
from grading.evidence import Evidence
from management.review import Guard, Recommendation, Review, Withheld

_PROJECT_URL = "https://cart-toxicity-cds.github.io/"
_SEVERE = 3
_LIMITS = (
    "For clinicians who care for CAR-T recipients. Graded by the ASTCT 2019 consensus from what is charted,"
    " at the time printed above: later entries change it. Anything marked not verified is our reading or"
    " awaits sign-off. This does not replace examination or the local CAR-T protocol."
)


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
    MISSING_DATA = "missing-data"


_TOPIC_OF = {Syndrome.CRS: Topic.CRS, Syndrome.ICANS: Topic.ICANS}


@dataclass(frozen=True, slots=True)
class CardContext:
    """What cards need beside the review.

    ``missing`` names data that could not be had; ``refused`` of ``total`` resources could not be read.
    ``public_url`` is the base of the SMART link; without it there is no link.
    """

    order: OrderContext
    missing: Sequence[str] = ()
    refused: int = 0
    total: int = 0
    imaging: tuple[ImagingReport, ...] = ()
    public_url: str | None = None


def write_cards(review: Review, context: CardContext) -> list[dict[str, Any]]:
    """Write the cards of a review: CRS, ICANS, and data not received or not readable (at most three).

    Where the infusion or its date is not known there is one card that says so, as nothing can be graded.
    """
    infusion = review.assessment.evidence.infusion
    if infusion is None or infusion.at is None:
        return [_infusion_card(review, context)]
    cards = [
        _syndrome_card(Syndrome.CRS, review.assessment.crs, review, context),
        _syndrome_card(Syndrome.ICANS, review.assessment.icans, review, context),
    ]
    if missing := _missing_card(review, context):
        cards.append(missing)
    return cards


def _syndrome_card(
    syndrome: Syndrome, grade: SyndromeGrade, review: Review, context: CardContext
) -> dict[str, Any]:
    evidence = review.assessment.evidence
    recommendations = [item for item in review.recommendations if syndrome_of_action(item) is syndrome]
    gaps = [gap for gap in review.assessment.gaps if syndrome_of_gap(gap) is syndrome]
    withheld = [item for item in review.withheld if _syndrome_of_withheld(item) is syndrome]
    zone = evidence.infusion.at.tzinfo if evidence.infusion and evidence.infusion.at else None
    rows = crs_rows(evidence) if syndrome is Syndrome.CRS else icans_rows(evidence)
    reports = evidence_table(report_rows(context.imaging, evidence), evidence.at, zone)
    laboratory = laboratory_line(evidence, zone)
    extra = laboratory if syndrome is Syndrome.CRS else reports
    notes = (*grade.notes, *(review.notes if syndrome is Syndrome.CRS else ()))
    detail = _join(
        _opening(syndrome, grade, review),
        evidence_table(rows, evidence.at, zone),
        _section("Criteria met", [_criterion(item) for item in deciding_first(grade.criteria)]),
        _section("Notes", [escape_markdown(spell_units(note), 600) for note in notes]),
        _section("Not known", gap_lines(gaps)),
        _section("Suggested", action_lines(recommendations)),
        _section("Withheld", withheld_lines(withheld)),
        extra,
        _closing(review),
    )
    card = _card(
        _TOPIC_OF[syndrome],
        _indicator(grade, recommendations),
        write_summary(syndrome, grade, review),
        detail,
        review,
    )
    card.update(write_suggestions(recommendations, context.order))
    return _with_link(card, context)


def _indicator(grade: SyndromeGrade, recommendations: Iterable[Recommendation]) -> Indicator:
    if grade.status is Status.NONE:
        return Indicator.INFO
    if grade.lowest >= _SEVERE or any(item.urgent for item in recommendations):
        return Indicator.CRITICAL
    return Indicator.WARNING


def _opening(syndrome: Syndrome, grade: SyndromeGrade, review: Review) -> str:
    evidence = review.assessment.evidence
    infusion = evidence.infusion
    zone = infusion.at.tzinfo if infusion and infusion.at else None
    words = {
        Status.GRADED: f"{syndrome.value} grade {grade.grade}",
        Status.NONE: f"{syndrome.value} grade 0: assessed, no criterion met",
        Status.INDETERMINATE: f"{syndrome.value} not decidable: possible {grade.lowest} to {grade.highest}",
        Status.NOT_ASSESSABLE: f"{syndrome.value} not assessable",
    }[grade.status]
    deciding = [item for item in grade.criteria if item.level == grade.lowest and item.at is not None]
    since = min((_since(item, evidence) for item in deciding if item.at is not None), default=None)
    parts = [f"**{words}** (ASTCT), at {write_time(evidence.at, zone)}."]
    if deciding and since is not None:
        values = escape_markdown(" + ".join(spell_units(item.value) for item in deciding))
        parts.append(f"Decided by {values}, since {write_time(since, zone)}.")
    if grade.episode_peak is not None:
        parts.append(f"Peak of this episode: {grade.episode_peak}.")
    if infusion and infusion.at:
        product = infusion.product.replace("-", " ") if infusion.product else "product not known"
        parts.append(f"Day {evidence.day} after CAR-T ({product}, {write_time(infusion.at, zone)}).")
    return " ".join(parts)


def _since(item: CriterionMet, evidence: Evidence) -> datetime:
    """Since when a criterion holds: an infusion since the start of its run, not of its latest rate."""
    runs = [infusion.since for infusion in evidence.running if infusion.row.source in item.sources]
    return min(runs, default=item.at or evidence.at)


def _criterion(item: CriterionMet) -> str:
    mark = "" if item.verified else "; **not verified**"
    return (
        f"Grade {item.level}: {escape_fixed(item.wording)} – {escape_markdown(spell_units(item.value))}"
        f" ({escape_fixed(item.citation)}; tier {escape_fixed(item.tier)}{mark})"
    )


def _syndrome_of_withheld(item: Withheld) -> Syndrome:
    return Syndrome.ICANS if item.because is Guard.ISOLATED_ICANS else Syndrome.CRS


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
    detail = _join(
        opening,
        _section("Not known", gap_lines(infusion_gaps)),
        _section("Not received or not readable", _missing_lines(context)),
        _section("Suggested", action_lines(review.recommendations)),
        _closing(review),
    )
    return _with_link(_card(Topic.INFUSION, Indicator.WARNING, summary, detail, review), context)


def _missing_card(review: Review, context: CardContext) -> dict[str, Any] | None:
    """The third card: data were not received or not readable.

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
    detail = _join(
        f"**Part of the record is missing** at {write_time(review.assessment.at, None)}."
        " What is missing was not taken as normal.",
        _section("Leaves a grade open", gap_lines(open_gaps)),
        _section("Not received or not readable", lines),
        _closing(review),
    )
    summary = fit_summary("Missing data", ["; ".join(heads)])
    return _with_link(_card(Topic.MISSING_DATA, Indicator.WARNING, summary, detail, review), context)


def _names(gaps: Iterable[Gap]) -> list[str]:
    return list(dict.fromkeys(WHAT_WORDS[gap.what] for gap in gaps))


def _missing_lines(context: CardContext) -> list[str]:
    lines = [escape_markdown(words) for words in context.missing]
    if context.refused:
        lines.append(f"{context.refused} of {context.total} resources could not be read")
    return lines


def _card(topic: Topic, indicator: Indicator, summary: str, detail: str, review: Review) -> dict[str, Any]:
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


def _with_link(card: dict[str, Any], context: CardContext) -> dict[str, Any]:
    if context.public_url is not None:
        link = {"label": "Open the ICE form", "url": f"{context.public_url}/smart/launch", "type": "smart"}
        card["links"] = [{**link, "appContext": json.dumps({"v": 1, "view": "ice"}, separators=(",", ":"))}]
    return card


def _section(title: str, items: Sequence[str]) -> str | None:
    return f"**{title}**\n\n{bullet_list(items)}" if items else None


def _join(*parts: str | None) -> str:
    return "\n\n".join(part for part in parts if part)


def _closing(review: Review) -> str:
    version = escape_markdown(review.protocol_version)
    return f"Protocol {escape_markdown(review.protocol)}, version {version}. {_LIMITS}"
