"""A known drug in a longer name: "tocilizumab (ACTEMRA) 576 mg in sodium chloride 0.9 % 100 mL IVPB".

The last resort, after codes and exact texts. A name is read when every word of it is accounted for: one drug
(its brand beside it is the same drug), strengths, words of form, a carrier fluid. One word more and the drug
stays unknown; then the drugs that the name speaks of are handed on, because what they feed is not known.

Deliberately absent: matching by the beginning of a text or by a part of a word, and spelling correction.
"""

import re
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from importlib import resources

from fhir_maps.terminology import MapRow, Match, Terminology, fold_text
from grading.chart import STEROIDS, ImmuneDrug, VasoactiveAgent

GROUP = "drug"
_TABLE = "drug_name_words.toml"
FLUID, DILUENT, OTHER, LOCAL_FORM = "fluid", "diluent", "other", "vasoactive-local-form"
CARRIERS = frozenset({FLUID, DILUENT})
PRODUCT_PREFIX = "cart:"
# Taken by mouth as a rule: they are recognised by any route and never counted.
ORAL_AGENTS = frozenset(
    {VasoactiveAgent.MIDODRINE, VasoactiveAgent.DROXIDOPA, VasoactiveAgent.FLUDROCORTISONE}
)
# Names of orders with their diluent and instructions are long; what comes after this is no name.
LONGEST_NAME = 400
_MOST_REMEMBERED = 4096

_INFUSED = frozenset(agent.value for agent in VasoactiveAgent if agent not in ORAL_AGENTS)
_STEROIDS = frozenset(drug.value for drug in STEROIDS)
_TOCILIZUMAB = ImmuneDrug.TOCILIZUMAB.value
_EPINEPHRINE = VasoactiveAgent.EPINEPHRINE.value
_PERCENT = "%"
_TOKEN = re.compile(r"\d[\d.,:]*|%|[^\W\d_][\w'\u2019]*")
# Kinds of words that may stand beside a drug without changing it.
_BESIDE = ("amounts", "forms", "salts", "by-vein", "by-mouth", "rectal", "into-tissue", "syringes", "local")
# Kinds that no infusion into the blood has.
_NOT_INFUSED = frozenset({"local", "by-mouth", "rectal", "into-tissue"})

Tokens = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DrugName:
    """``match`` is the one drug of the name, where all of it could be read.

    ``speaks_of`` are the concepts of vasopressors, steroids, tocilizumab and CAR-T products that the name
    mentions and that were not taken from it.
    """

    match: Match | None = None
    speaks_of: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Scan:
    """What the words of a name are."""

    found: dict[str, Match]
    kinds: frozenset[str]
    complete: bool
    percent: bool


def read_drug_name(text: str | None, terminology: Terminology) -> DrugName:
    """Read a name that no map holds as a whole; of one longer than a chart spells, what it speaks of."""
    if not text:
        return DrugName()
    return _read(text[:LONGEST_NAME], terminology, whole=len(text) <= LONGEST_NAME)


def names_a_continuous_infusion(text: str | None) -> bool:
    """Whether a name says that it runs on ("infusion", "maintenance"), so an instant of it is a bag hung."""
    if not text:
        return False
    return not _words("continuous").isdisjoint(_tokens(text[:LONGEST_NAME]))


@lru_cache(maxsize=_MOST_REMEMBERED)
def _read(text: str, terminology: Terminology, *, whole: bool) -> DrugName:
    scan = _scan(_tokens(text), terminology)
    drugs = {concept: match for concept, match in scan.found.items() if concept not in CARRIERS}
    local = [concept for concept in drugs if _is_local(concept, scan)]
    remaining = [concept for concept in drugs if concept not in local]
    if local:
        if set(remaining) <= {OTHER, LOCAL_FORM}:
            kept = LOCAL_FORM if _INFUSED.intersection(local) else OTHER
            return DrugName(_as(drugs[local[0]], kept), tuple(local))
        return DrugName(None, _that_matter(remaining))
    if not (whole and scan.complete):
        return DrugName(None, _that_matter(remaining))
    if not drugs:
        return DrugName(_carrier(scan))
    if len(remaining) == 1 and _fits(remaining[0], scan):
        return DrugName(_as(drugs[remaining[0]], remaining[0]))
    return DrugName(None, _that_matter(remaining))


def _is_local(concept: str, scan: _Scan) -> bool:
    """Whether the words around a vasopressor or steroid make it one that does not reach the circulation."""
    if "by-vein" in scan.kinds:
        return False
    if concept in _INFUSED:
        injected = concept == _EPINEPHRINE and "anaesthetics" in scan.kinds
        return injected or LOCAL_FORM in scan.found or not scan.kinds.isdisjoint(_NOT_INFUSED)
    return concept in _STEROIDS and "local" in scan.kinds and "by-mouth" not in scan.kinds


def _fits(concept: str, scan: _Scan) -> bool:
    """Whether the words around the one drug are those of the drug as we know it."""
    if concept in (OTHER, LOCAL_FORM):
        return True
    if concept == _TOCILIZUMAB and not scan.kinds.isdisjoint({"into-tissue", "syringes"}):
        return False
    if concept in _INFUSED and not scan.kinds.isdisjoint(_NOT_INFUSED):
        return False
    # A strength in percent is that of drops and creams, unless it is the carrier's.
    carried = not CARRIERS.isdisjoint(scan.found)
    return "local" not in scan.kinds and (carried or not scan.percent)


def _carrier(scan: _Scan) -> Match | None:
    """A fluid that is nothing else; of an unknown strength, or a mixture, it is a diluent and no bolus."""
    if not scan.found:
        return None
    fluid = scan.found.get(FLUID)
    plain = len(scan.found) == 1 and not scan.percent and scan.kinds.isdisjoint(_NOT_INFUSED)
    if fluid is not None and plain:
        return _as(fluid, FLUID)
    return _as(next(iter(scan.found.values())), DILUENT)


def _that_matter(concepts: Iterable[str]) -> tuple[str, ...]:
    known = _INFUSED | _STEROIDS | {_TOCILIZUMAB}
    return tuple(name for name in concepts if name in known or name.startswith(PRODUCT_PREFIX))


def _as(match: Match, concept: str) -> Match:
    return replace(match, concept=concept, from_longer_text=True)


def _scan(tokens: Tokens, terminology: Terminology) -> _Scan:
    phrases = _phrases(terminology)
    beside = _words(*_BESIDE)
    kinds = {kind for kind in _tables() if not _words(kind).isdisjoint(tokens)}
    found: dict[str, Match] = {}
    complete, percent, place = True, False, 0
    while place < len(tokens):
        word = tokens[place]
        phrase = next((item for item in phrases.get(word, ()) if _stands_at(item[0], tokens, place)), None)
        if phrase is not None:
            place += len(phrase[0])
            if phrase[1].unused:
                complete = False
            else:
                found.setdefault(phrase[1].concept, phrase[1])
            continue
        place += 1
        percent |= word == _PERCENT
        complete &= _is_number(word) or word in beside
    return _Scan(found, frozenset(kinds), complete, percent)


def _is_number(word: str) -> bool:
    return word == _PERCENT or word[0].isdigit()


def _stands_at(phrase: Tokens, tokens: Tokens, place: int) -> bool:
    return tokens[place : place + len(phrase)] == phrase


def _tokens(text: str) -> Tokens:
    """Words and numbers in order; brackets, commas and slashes only part them."""
    return tuple(word.rstrip(".,:") for word in _TOKEN.findall(fold_text(text)))


@lru_cache(maxsize=8)
def _phrases(terminology: Terminology) -> dict[str, Sequence[tuple[Tokens, Match]]]:
    """All texts of the drug maps as words, by their first word, the longest first."""
    texts: dict[Tokens, Match] = {}
    for row in terminology.rows:
        if row.group == GROUP and row.text:
            texts[_tokens(row.text)] = Match(row.concept, by_text=True, row=row)
    for words in _tables()["carriers"]:
        row = MapRow(GROUP, DILUENT, "", "", words, "usual spelling", "usual", "carrier fluid", _TABLE)
        texts.setdefault(_tokens(words), Match(DILUENT, by_text=True, row=row))
    beside = _words(*_BESIDE)
    found: dict[str, list[tuple[Tokens, Match]]] = {}
    for tokens, match in texts.items():
        # "Solution" alone names no drug and no carrier.
        if any(word not in beside and not _is_number(word) for word in tokens):
            found.setdefault(tokens[0], []).append((tokens, match))
    return {
        first: sorted(items, key=lambda item: len(item[0]), reverse=True) for first, items in found.items()
    }


@cache
def _words(*kinds: str) -> frozenset[str]:
    return frozenset(word for kind in kinds for word in _tables()[kind])


@cache
def _tables() -> dict[str, tuple[str, ...]]:
    text = resources.files("fhir_maps").joinpath("tables", _TABLE).read_text("utf-8")
    tables = tomllib.loads(text)
    for kind, table in tables.items():
        if not table.get("reason"):
            raise ValueError(f"{_TABLE}: {kind} needs its reason")
    return {kind: tuple(fold_text(word) for word in table["words"]) for kind, table in tables.items()}
