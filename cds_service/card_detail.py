"""The detail of a card: always the same sections in the same order, so that the eye learns where to look.

Grade, **Do now**, what is withheld, **Not known**, what may be considered, what else it could be, **Why this
grade** (criteria, then every input with its time and source), what stands beside the grade, and the sources.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import tzinfo
from itertools import chain

from cds_service.action_text import (
    action_line,
    asks_for_data,
    is_screen,
    sort_actions,
    source_line,
    withheld_lines,
)
from cds_service.card_evidence import (
    EvidenceRow,
    crs_rows,
    evidence_table,
    icans_rows,
    laboratory_line,
    report_rows,
)
from cds_service.card_opening import opening_lines
from cds_service.card_places import CardContent, grade_of
from cds_service.card_summary import deciding_first
from cds_service.card_text import bullet_list, escape_fixed, escape_markdown, spell_units
from cds_service.gap_text import WHAT_WORDS, Syndrome, gap_lines, is_sedated_now
from cds_service.severity_text import risk_lines, score_lines
from grading.assessment import CriterionMet
from grading.chart import Chart
from grading.evidence import Evidence
from management.icu_criteria import ICU_CRITERION
from management.review import LateEffects, Recommendation, Review, Strength
from management.situation import describe_grade

_LONG = 600
# Grading notes an attribution; a card says it with its cause and time where it begins.
_TOLD_AT_THE_TOP = " attributed elsewhere by a clinician"
_LIMITS = (
    "For clinicians who care for CAR-T recipients. Graded by the ASTCT 2019 consensus from what is charted,"
    " at the time printed above: later entries change it. Anything marked not verified is our reading or"
    " awaits sign-off. This does not replace examination or the local CAR-T protocol."
)


def write_detail(content: CardContent, review: Review, chart: Chart | None = None) -> str:
    """Write the detail of a syndrome's card as Markdown that can be read as plain text."""
    evidence = review.assessment.evidence
    zone = evidence.zone
    actions = sort_actions(content.recommendations)
    intensive = _intensive_care_criteria(content)
    known = _said_anyway(review) | set(intensive)
    now = [item for item in actions if item.strength is Strength.RECOMMEND and not is_screen(item)]
    asked = [item for item in actions if asks_for_data(item) and item not in now]
    screens = [item for item in actions if is_screen(item)]
    options = [item for item in actions if item not in now and item not in asked and item not in screens]
    unknown = gap_lines(content.gaps, chart, evidence.at) + _asked(asked, content)
    return join(
        *opening_lines(content, review, zone),
        _criteria_line(intensive) if _offers_intensive_care(content) else None,
        section("Do now", [action_line(item, known) for item in now] or ["Nothing by this protocol."]),
        section("Withheld", withheld_lines(content.withheld)),
        section("Not known", unknown or ["Nothing that the grade needs."]),
        section("Consider", [action_line(item, known) for item in options]),
        section("What else it could be", [action_line(item, known) for item in screens]),
        _why(content, review, chart, zone),
        section("Notes", _notes(content, review)),
        section("Beside the grade", _beside(content, review, zone)),
        source_line(content.recommendations, content.withheld),
        closing(review),
    )


def section(title: str, items: Sequence[str]) -> str | None:
    """A titled list, ``None`` without items."""
    return f"**{title}**\n\n{bullet_list(items)}" if items else None


def join(*parts: str | None) -> str:
    """Paragraphs, empty ones left out."""
    return "\n\n".join(part for part in parts if part)


def closing(review: Review | LateEffects) -> str:
    """The protocol with its version, and what a card is not."""
    version = escape_markdown(review.protocol_version)
    return f"Protocol {escape_markdown(review.protocol)}, version {version}. {_LIMITS}"


def _intensive_care_criteria(content: CardContent) -> list[str]:
    """Why intensive care: much rests on it, and it is said once, at the top of the card that offers it."""
    reasons = [reason for item in content.recommendations for reason in item.reasons]
    return list(dict.fromkeys(reason for reason in reasons if reason.startswith(ICU_CRITERION)))


def _offers_intensive_care(content: CardContent) -> bool:
    return any(item.id.startswith("icu.") for item in content.recommendations)


def _criteria_line(criteria: Sequence[str]) -> str | None:
    if not criteria:
        return None
    told = spell_units("; ".join(reason.removeprefix(ICU_CRITERION) for reason in criteria))
    return f"**ICU criteria met:** {escape_markdown(told, _LONG)}."


def _asked(asked: Iterable[Recommendation], content: CardContent) -> list[str]:
    """What to chart: on each card what its own grade needs, else what the rows say."""
    open_gaps = [gap for gap in content.gaps if gap.widens_range and not is_sedated_now(gap)]
    needed = list(dict.fromkeys(WHAT_WORDS[gap.what] for gap in open_gaps))
    if not needed:
        return [action_line(item) for item in asked]
    return [
        f"**Chart {escape_markdown(' and '.join(needed))}.** The grade stays open until then."
        f" (row {escape_fixed(item.row)}{'' if item.verified else ', **not verified**'})"
        for item in asked
    ]


def _said_anyway(review: Review) -> frozenset[str]:
    """Reasons that the head of a card says already."""
    assessment = review.assessment
    return frozenset((describe_grade("CRS", assessment.crs), describe_grade("ICANS", assessment.icans)))


def _why(content: CardContent, review: Review, chart: Chart | None, zone: tzinfo | None) -> str | None:
    evidence = review.assessment.evidence
    criteria = [
        _criterion(item)
        for syndrome in content.told
        for item in deciding_first(grade_of(syndrome, review.assessment).criteria)
    ]
    rows = chain.from_iterable(_rows(syndrome, evidence, chart) for syndrome in content.told)
    table = evidence_table(_told_once(rows), evidence.at, zone)
    heading = section("Why this grade", criteria) if criteria else "**Why this grade**"
    return join(heading, table) if criteria or table else None


def _told_once(rows: Iterable[EvidenceRow]) -> Iterator[EvidenceRow]:
    """A row that both syndromes look at (a steroid) stands in one table once."""
    return iter(dict.fromkeys(rows))


def _rows(syndrome: Syndrome, evidence: Evidence, chart: Chart | None) -> Iterator[EvidenceRow]:
    if syndrome is Syndrome.CRS:
        yield from crs_rows(evidence)
    else:
        yield from icans_rows(evidence)
        yield from report_rows(() if chart is None else chart.imaging, evidence)


def _criterion(item: CriterionMet) -> str:
    mark = "" if item.verified else "; **not verified**"
    return (
        f"Grade {item.level}: {escape_fixed(item.wording)} – {escape_markdown(spell_units(item.value))}"
        f" ({escape_fixed(item.citation)}; tier {escape_fixed(item.tier)}{mark})"
    )


def _notes(content: CardContent, review: Review) -> list[str]:
    notes = [note for syndrome in content.told for note in grade_of(syndrome, review.assessment).notes]
    notes += review.notes if content.is_first else ()
    return [escape_markdown(spell_units(note), _LONG) for note in notes if _TOLD_AT_THE_TOP not in note]


def _beside(content: CardContent, review: Review, zone: tzinfo | None) -> list[str]:
    """Laboratory values, scores and risk factors: on the first card alone, as they belong to the patient."""
    if not content.is_first:
        return []
    laboratory = laboratory_line(review.assessment.evidence, zone)
    lines = [] if laboratory is None else [laboratory]
    return lines + score_lines(review.scores, zone) + risk_lines(review.risk_factors)
