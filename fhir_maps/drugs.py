"""Which drug a record speaks of: through coding, contained or referenced Medication, ingredient, text last.

A drip is often a Medication whose ingredients are the drug and its diluent: the diluent is never the drug. A
text that names a local form (eye drops, lidocaine with epinephrine) outweighs the code of the ingredient in
it. Nothing is matched by a part of a code; a text that no map holds is read by :mod:`fhir_maps.drug_names`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

import msgspec

from fhir_maps import r4
from fhir_maps.drug_names import (
    CARRIERS,
    DILUENT,
    FLUID,
    GROUP,
    LOCAL_FORM,
    OTHER,
    read_drug_name,
)
from fhir_maps.terminology import LONGEST_TEXT, Match, Terminology
from fhir_maps.unmapped import Unmapped, describe_unmapped, shorten_name

MOST_CODINGS = 8
BY_TEXT = "matched on text"
_NO_DRUG = frozenset({OTHER, DILUENT, FLUID, LOCAL_FORM})
FROM_LONGER_TEXT = "matched on text without strength and form"

_MEDICATION = msgspec.json.Decoder(r4.Medication)
Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class DrugReading:
    """What was given, in our concepts.

    ``concepts`` is empty when no map knows the drug, and has several entries for a mixture of active drugs.
    ``unused`` is the concept of a code that is known and deliberately not used; ``name`` is as charted.
    ``speaks_of`` are drugs that matter here, that the name mentions and that were not read from it.
    """

    concepts: tuple[str, ...]
    by_text: bool
    name: str | None
    system: str | None = None
    code: str | None = None
    unused: str | None = None
    from_longer_text: bool = False
    speaks_of: tuple[str, ...] = ()

    @property
    def note(self) -> str | None:
        """How the drug was matched, where not by its code."""
        if not self.concepts or not self.by_text:
            return None
        return FROM_LONGER_TEXT if self.from_longer_text else BY_TEXT

    @property
    def unmapped(self) -> Unmapped:
        """The drug as an item for the list of what no map knows."""
        return Unmapped("medication", self.system, shorten_name(self.code), shorten_name(self.name))

    @property
    def described(self) -> str:
        """Text and code, for the detail of a gap."""
        return describe_unmapped(self.name, self.code)


def find_by_reference(held: Mapping[str, Found], reference: str | None) -> Found | None:
    """Look up a resource by reference; ``held`` may be keyed by full URL, ``Type/id`` or ``id``."""
    if not reference:
        return None
    whole = reference.split("/_history/", 1)[0]
    parts = whole.split("/")
    for key in (whole, "/".join(parts[-2:]), parts[-1]):
        if (found := held.get(key)) is not None:
            return found
    return None


def read_drug(
    concept: r4.CodeableConcept | None,
    reference: r4.Reference | None,
    contained: Sequence[msgspec.Raw],
    terminology: Terminology,
    medications: Mapping[str, r4.Medication],
) -> DrugReading:
    """Tell the drug of ``medication[x]``. An unreadable Medication is one that was not found, no error."""
    if reference is None and concept is not None:
        return _read_concept(concept, terminology)
    medication = _medication_of(reference, contained, medications)
    named = [part for part in (concept, medication.code if medication else None) if part is not None]
    if reference is not None and reference.display:
        named.append(r4.CodeableConcept(text=reference.display))
    ingredients = list(_ingredients_of(medication, contained, medications)) if medication else []
    return _read_parts(named, ingredients, terminology)


def _read_concept(concept: r4.CodeableConcept, terminology: Terminology) -> DrugReading:
    """A chart names few drugs thousands of times: short names are read once."""
    if not _is_short(concept):
        return _read_parts([concept], [], terminology)
    codings = tuple([(coding.system, coding.code, coding.display) for coding in concept.coding])
    return _read_short(codings, concept.text, terminology)


def _is_short(concept: r4.CodeableConcept) -> bool:
    if len(concept.coding) > MOST_CODINGS or len(concept.text or "") > LONGEST_TEXT:
        return False
    for coding in concept.coding:
        for part in (coding.system, coding.code, coding.display):
            if part is not None and len(part) > LONGEST_TEXT:
                return False
    return True


@lru_cache(maxsize=4096)
def _read_short(
    codings: tuple[tuple[str | None, str | None, str | None], ...], text: str | None, terminology: Terminology
) -> DrugReading:
    return _read_parts([r4.CodeableConcept([r4.Coding(*parts) for parts in codings], text)], [], terminology)


def _read_parts(
    named: Sequence[r4.CodeableConcept], ingredients: Sequence[r4.CodeableConcept], terminology: Terminology
) -> DrugReading:
    coded = [match for part in named for match in _by_code(part, terminology)]
    texts = [match for part in named for match in _by_text(part, terminology)]
    name, system, code = _name_of([*named, *ingredients])

    def reading(matches: Iterable[Match]) -> DrugReading:
        kept = list(matches)
        concepts = tuple(dict.fromkeys(match.concept for match in kept))
        by_text = bool(kept) and all(match.by_text for match in kept)
        longer = any(match.from_longer_text for match in kept)
        # Of a drug that counts, nothing more need be asked.
        speaks_of = _spoken_of([*named, *ingredients], terminology) if _NO_DRUG.issuperset(concepts) else ()
        return DrugReading(
            concepts, by_text, name, system, code, from_longer_text=longer, speaks_of=speaks_of
        )

    if local := [match for match in (*coded, *texts) if match.concept == LOCAL_FORM]:
        return reading(local[:1])
    parts = [next(_matches(part, terminology), None) for part in ingredients]
    known_parts = [match for match in parts if match is not None]
    active_parts = _active(known_parts)
    coded_parts = active_parts if any(not match.by_text for match in active_parts) else []
    for matches in (_active(coded), coded_parts, _active(texts), active_parts):
        if matches:
            return reading(matches)
    if unused := [match for match in (*coded, *texts) if match.unused]:
        return DrugReading((), unused[0].by_text, name, system, code, unused=unused[0].concept)
    carriers = [match for match in (*coded, *texts, *known_parts) if match.concept in CARRIERS]
    unknown = reading(())
    if carriers and len(known_parts) == len(parts) and not unknown.speaks_of:
        carriers.sort(key=lambda match: match.concept != FLUID)
        return reading(carriers[:1])
    return unknown


def _active(matches: Iterable[Match]) -> list[Match]:
    return [match for match in matches if match.concept not in CARRIERS and not match.unused]


def _by_code(concept: r4.CodeableConcept, terminology: Terminology) -> Iterator[Match]:
    for coding in concept.coding:
        if match := terminology.of_code(GROUP, coding.system, coding.code):
            yield match


def _by_text(concept: r4.CodeableConcept, terminology: Terminology) -> Iterator[Match]:
    for text in _texts_of(concept):
        if match := terminology.of_text(GROUP, text) or read_drug_name(text, terminology).match:
            yield match


def _texts_of(concept: r4.CodeableConcept) -> Iterator[str | None]:
    yield concept.text
    for coding in concept.coding:
        yield coding.display


def _spoken_of(concepts: Sequence[r4.CodeableConcept], terminology: Terminology) -> tuple[str, ...]:
    """What the names mention without their being read as it; an exact text of a map mentions nothing more."""
    return tuple(
        dict.fromkeys(
            drug
            for concept in concepts
            for text in _texts_of(concept)
            if terminology.of_text(GROUP, text) is None
            for drug in read_drug_name(text, terminology).speaks_of
        )
    )


def _matches(concept: r4.CodeableConcept, terminology: Terminology) -> Iterator[Match]:
    yield from _by_code(concept, terminology)
    yield from _by_text(concept, terminology)


def _medication_of(
    reference: r4.Reference | None, contained: Sequence[msgspec.Raw], medications: Mapping[str, r4.Medication]
) -> r4.Medication | None:
    if reference is None or not reference.reference:
        return None
    if not reference.reference.startswith("#"):
        return find_by_reference(medications, reference.reference)
    for raw in contained:
        try:
            medication = _MEDICATION.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue  # contained resources of other types, and unreadable ones, are not the drug
        if medication.id == reference.reference[1:]:
            return medication
    return None


def _ingredients_of(
    medication: r4.Medication, contained: Sequence[msgspec.Raw], medications: Mapping[str, r4.Medication]
) -> Iterator[r4.CodeableConcept]:
    """Each ingredient as a concept; a referenced one by the code of its own Medication, one step deep."""
    for ingredient in medication.ingredient:
        if ingredient.itemCodeableConcept is not None:
            yield ingredient.itemCodeableConcept
            continue
        found = _medication_of(ingredient.itemReference, contained, medications)
        display = ingredient.itemReference.display if ingredient.itemReference else None
        yield found.code if found is not None and found.code is not None else r4.CodeableConcept(text=display)


def _name_of(concepts: Sequence[r4.CodeableConcept]) -> tuple[str | None, str | None, str | None]:
    """The first text or display, and the first code, as charted."""
    codings = [coding for concept in concepts for coding in concept.coding]
    names = [concept.text for concept in concepts] + [coding.display for coding in codings]
    name = next((text for text in names if text), None)
    first = next((coding for coding in codings if coding.code), None)
    return name, first.system if first else None, first.code if first else None
