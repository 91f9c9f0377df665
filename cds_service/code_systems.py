"""The CodeSystems of what a card carries: why a suggestion was not taken, and what a card is about.

They are published beside the maps' artefacts, so that a client which keeps feedback can look a code up.
"""

from collections.abc import Mapping
from functools import cache
from importlib import metadata
from typing import Any

CANONICAL_BASE = "https://cart-toxicity-cds.github.io/fhir"
OVERRIDE_REASON_ID = "override-reason"
CARD_TOPIC_ID = "card-topic"
OVERRIDE_REASON_SYSTEM = f"{CANONICAL_BASE}/CodeSystem/{OVERRIDE_REASON_ID}"
CARD_TOPIC_SYSTEM = f"{CANONICAL_BASE}/CodeSystem/{CARD_TOPIC_ID}"

OVERRIDE_REASON_WORDS: Mapping[str, str] = {
    "already-done": "Already given, ordered or under way",
    "other-cause": "Findings explained by another cause",
    "contraindicated": "Contraindicated or too risky for this patient",
    "local-protocol": "The local protocol says otherwise",
    "chart-not-current": "The charted data are wrong or not current",
    "goals-of-care": "Not in line with the goals of care",
    "other": "Another reason",
}
ORDER_CHECK_TOPIC = "order-check"
CARD_TOPIC_WORDS: Mapping[str, str] = {
    "crs": "Cytokine release syndrome after CAR-T",
    "icans": "Neurotoxicity (ICANS) after CAR-T",
    "monitoring": "Monitoring after CAR-T, nothing met",
    "infusion": "CAR-T infusion not known",
    "late-effects": "Late effects after CAR-T",
    "missing-data": "Data missing for grading CAR-T toxicity",
    ORDER_CHECK_TOPIC: "Check of a drafted order after CAR-T",
}

Resource = dict[str, Any]


def card_code_system(kind: str, artefact_id: str) -> Resource | None:
    """Return one of these CodeSystems (R4) by its id; ``None`` for anything else. Not to be changed."""
    return _code_systems().get(artefact_id) if kind == "CodeSystem" else None


@cache
def _code_systems() -> Mapping[str, Resource]:
    return {
        OVERRIDE_REASON_ID: _code_system(
            OVERRIDE_REASON_ID,
            "Reasons for not taking a suggestion",
            "Why a clinician did not take what a card suggests; a choice of every card with suggestions.",
            OVERRIDE_REASON_WORDS,
        ),
        CARD_TOPIC_ID: _code_system(
            CARD_TOPIC_ID,
            "Topics of cards",
            "What a card is about: the same in every answer, so that a client can tell a repeat from news.",
            CARD_TOPIC_WORDS,
        ),
    }


def _code_system(artefact_id: str, title: str, description: str, words: Mapping[str, str]) -> Resource:
    return {
        "resourceType": "CodeSystem",
        "id": artefact_id,
        "url": f"{CANONICAL_BASE}/CodeSystem/{artefact_id}",
        "version": metadata.version("cart-toxicity-cds"),
        "name": "".join(part.capitalize() for part in artefact_id.split("-")),
        "title": title,
        "status": "draft",
        "experimental": False,
        "publisher": "cart-toxicity-cds",
        "description": description,
        "caseSensitive": True,
        "content": "complete",
        "count": len(words),
        "concept": [{"code": code, "display": display} for code, display in words.items()],
    }
