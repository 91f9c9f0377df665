"""How much of the drug is in one of the product, from what the order's own resource says.

The strength of the Medication's ingredient comes first, then the strength in the product's name ("tocilizumab
400 mg/20 mL vial"). Two that differ are none: nothing is guessed, and no product list is consulted.
"""

import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from importlib import resources

from fhir_maps import r4
from fhir_maps.draft_elements import Product, ProductIngredient
from fhir_maps.drugs import read_drug
from fhir_maps.terminology import Terminology, fold_text
from fhir_maps.units import UCUM, divide, quantity_in

_NAMED = re.compile(
    r"(?<![\d.,])(?P<amount>\d+(?:\.\d+)?)\s*(?P<unit>mcg|ug|mg|g)"
    r"(?:\s*/\s*(?P<volume>\d+(?:\.\d+)?)?\s*ml\b|(?![\w/]))",
    re.IGNORECASE,
)
_IN_MG = {"mcg": Decimal("0.001"), "ug": Decimal("0.001"), "mg": Decimal(1), "g": Decimal(1000)}
_LONGEST_NAME = 400


@dataclass(frozen=True, slots=True)
class Strength:
    """Milligrams in a millilitre and in one piece, each ``None`` where it is not stated."""

    mg_per_ml: Decimal | None = None
    mg_per_piece: Decimal | None = None


def as_stated(quantity: r4.Quantity) -> r4.Quantity:
    """A quantity whose local unit system, which says nothing, is left out."""
    if quantity.system == UCUM:
        return quantity
    return r4.Quantity(quantity.value, quantity.comparator, quantity.unit, None, quantity.code)


def is_piece(quantity: r4.Quantity) -> bool:
    """Whether a quantity counts tablets, vials and the like."""
    words = {fold_text(text) for text in (quantity.unit, quantity.code) if text}
    return bool(words) and words <= _piece_words()


def read_strength(
    product: Product | None, names: Iterable[str], drug: str, terminology: Terminology
) -> Strength:
    """The strength of a product of ``drug``. ``names`` are its texts and displays."""
    parts = [] if product is None else [part for part in product.ingredient if part.strength is not None]
    if len(parts) > 1:
        parts = [part for part in parts if _is_of(part, drug, terminology)]
    stated = [_of_ratio(part.strength, terminology) for part in parts if part.strength is not None]
    if len(stated) == 1 and stated[0] != Strength():
        return stated[0]
    named = [_of_name(name[:_LONGEST_NAME]) for name in dict.fromkeys(names)]
    return Strength(_agreed(one.mg_per_ml for one in named), _agreed(one.mg_per_piece for one in named))


def _is_of(part: ProductIngredient, drug: str, terminology: Terminology) -> bool:
    concepts = read_drug(part.itemCodeableConcept, None, (), terminology, {}).concepts
    return concepts == (drug,)


def _of_ratio(ratio: r4.Ratio, terminology: Terminology) -> Strength:
    above, below = ratio.numerator, ratio.denominator
    milligrams = (
        None if above is None or above.comparator else quantity_in(as_stated(above), "mg", terminology)
    )
    if milligrams is None or milligrams <= 0:
        return Strength()
    if below is None or (below.value == 1 and not (below.unit or below.code)):
        return Strength(mg_per_piece=milligrams)
    if not below.value or below.value < 0:
        return Strength()
    if is_piece(below):
        return Strength(mg_per_piece=divide(milligrams, below.value))
    millilitres = quantity_in(as_stated(below), "mL", terminology)
    if not millilitres:
        return Strength()
    per_ml = divide(milligrams, millilitres)
    # A ratio per a volume other than 1 mL is that of the whole vial.
    return Strength(per_ml, None if millilitres == 1 else milligrams)


def _of_name(name: str) -> Strength:
    folded = fold_text(name)
    in_pieces = not _piece_words().isdisjoint(folded.replace(",", " ").replace("(", " ").split())
    found = list(_strengths_in(name, in_pieces=in_pieces))
    if len({(one.mg_per_ml, one.mg_per_piece) for one in found}) != 1:
        return Strength()
    return found[0]


def _strengths_in(name: str, *, in_pieces: bool) -> Iterator[Strength]:
    for match in _NAMED.finditer(name):
        milligrams = Decimal(match["amount"]) * _IN_MG[match["unit"].casefold()]
        if "/" not in match[0]:
            if in_pieces:
                yield Strength(mg_per_piece=milligrams)
            continue
        volume = Decimal(match["volume"] or 1)
        if volume > 0:
            whole = milligrams if in_pieces and volume != 1 else None
            yield Strength(divide(milligrams, volume), whole)


def _agreed(values: Iterable[Decimal | None]) -> Decimal | None:
    different = {value for value in values if value is not None}
    return different.pop() if len(different) == 1 else None


@cache
def _piece_words() -> frozenset[str]:
    pieces = product_forms()["pieces"]
    return frozenset(
        fold_text(word) for words in pieces.values() if isinstance(words, list) for word in words
    )


@cache
def product_forms() -> dict[str, dict[str, list[str] | int | str]]:
    """The table of countable forms and of words for a repetition."""
    text = resources.files("fhir_maps").joinpath("tables", "product_forms.toml").read_text("utf-8")
    return tomllib.loads(text)
