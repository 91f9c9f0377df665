"""Scores that stand in a text: "-1 Awakens to voice", "Drowsy -1", "To speech".

The number in the text counts, with its sign; the words beside it must not contradict it. An unsigned number
beside unknown words may have lost its sign on the way, so it is not read.
"""

import re
from enum import Enum

from fhir_maps.terminology import LONGEST_TEXT, Terminology

_MINUS = str.maketrans("−–‐‑", "----")
_LEADING = re.compile(r"([+-]?)\s*(\d)(?![\d.,/])[\s:=.,)\-–(]*(.*)", re.DOTALL)
_TRAILING = re.compile(r"(.*?)[\s(]+([+-])\s*(\d)\)?", re.DOTALL)


class Misread(Enum):
    """Why a charted score is not one."""

    NO_WHOLE_NUMBER = "not a whole number"
    CONTRADICTION = "number and words contradict each other"
    SIGN_MISSING = "number without sign"


def score_of_text(text: str | None, answer_group: str, terminology: Terminology) -> int | Misread | None:
    """Return the score a text carries; ``None`` when it carries none that a map or a number tells."""
    if not text or len(text) > LONGEST_TEXT:
        return None
    if match := terminology.of_text(answer_group, text):
        return int(match.concept)
    plain = text.translate(_MINUS).strip()
    if found := _LEADING.fullmatch(plain):
        sign, digit, words = found[1], found[2], found[3]
    elif found := _TRAILING.fullmatch(plain):
        sign, digit, words = found[2], found[3], found[1]
    else:
        return None
    score = int(sign + digit)
    known = terminology.of_text(answer_group, words)
    if known is not None:
        return score if int(known.concept) == score else Misread.CONTRADICTION
    if words.strip() and not sign and score != 0 and _has_signs(answer_group, terminology):
        return Misread.SIGN_MISSING
    return score


def _has_signs(answer_group: str, terminology: Terminology) -> bool:
    return any(row.group == answer_group and row.concept.startswith("-") for row in terminology.rows)
