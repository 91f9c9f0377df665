"""Resources that could not be decoded: what is lost with each, from as much of it as can still be read.

One wrong type somewhere must not hide that something was charted. So the code, the time, the status and the
subject are each tried alone; what cannot even be named may have been anything. A Procedure is the exception:
there are hundreds of them, and one whose code cannot be read at all leaves no gap of the infusion; it is
counted among the resources that could not be read.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, TypeVar

import msgspec

from fhir_maps import r4
from fhir_maps.bundle_entries import UNREADABLE, resource_type_of
from fhir_maps.charted import shown
from fhir_maps.drug_names import PRODUCT_PREFIX
from fhir_maps.drugs import read_drug
from fhir_maps.medication_administrations import NOT_GIVEN, feeds_of_drug
from fhir_maps.observations import concept_of, feeds_of
from fhir_maps.procedures import DID_NOT, feeds_of_procedure
from fhir_maps.terminology import Terminology
from fhir_maps.times import end_or_start, parse_instant
from fhir_maps.timings import Timing, read_timing
from grading.chart import ChartGap, GapWhat, GapWhy, Source

COULD_BE_ANYTHING = (GapWhat.TEMPERATURE, GapWhat.BLOOD_PRESSURE, GapWhat.OXYGEN)
# What a resource of each type feeds, when no more than its type is known.
FEEDS: dict[str, tuple[GapWhat, ...]] = {
    "Observation": COULD_BE_ANYTHING,
    "MedicationAdministration": (GapWhat.VASOPRESSORS, GapWhat.TOCILIZUMAB),
    "MedicationRequest": (),
    "Medication": (GapWhat.VASOPRESSORS, GapWhat.TOCILIZUMAB),
    "Procedure": (),
    "Condition": (GapWhat.CONDITIONS,),
    "Patient": (GapWhat.AGE,),
    "DiagnosticReport": (),
}

_CODE = msgspec.json.Decoder(r4.CodeOnly)
_EFFECTIVE = msgspec.json.Decoder(r4.EffectiveOnly)
_ID = msgspec.json.Decoder(r4.IdOnly)
_SUBJECT = msgspec.json.Decoder(r4.SubjectOnly)
_ELEMENTS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ANYTHING = msgspec.json.Decoder()
_PERIOD = msgspec.json.Decoder(r4.Period)
_REFERENCE = msgspec.json.Decoder(r4.Reference)
_CONTAINED = msgspec.json.Decoder(list[msgspec.Raw])
_PEEKED = frozenset({"Procedure", "MedicationAdministration"})
Part = TypeVar("Part")


def _peek(decoder: msgspec.json.Decoder[Part], raw: msgspec.Raw) -> Part | None:
    try:
        return decoder.decode(raw)
    except UNREADABLE:
        return None


def subject_of(raw: msgspec.Raw) -> str | None:
    """Return the subject's reference of a resource that could not be decoded, where it can still be read."""
    peeked = _peek(_SUBJECT, raw)
    return peeked.subject.reference if peeked is not None and peeked.subject is not None else None


def patient_resource_id(raw: msgspec.Raw) -> str | None:
    """Return the id of a Patient that could not be decoded, where it can still be read."""
    peeked = _peek(_ID, raw) if resource_type_of(raw) == "Patient" else None
    return peeked.id if peeked is not None else None


def gaps_of_unreadable(
    raw: msgspec.Raw, terminology: Terminology, medications: Mapping[str, r4.Medication]
) -> Iterator[ChartGap]:
    """Yield the gaps that an undecodable resource leaves; none where it bears on nothing.

    ``medications`` is keyed by full URL, ``Type/id`` or ``id``.
    """
    kind = resource_type_of(raw)
    named = _peek(_ID, raw)
    reference = shown(f"{kind or 'resource'}/{named.id}") if named and named.id else kind or "a resource"
    source = Source(reference)
    detail = shown(f"{reference} could not be read")
    elements = (_peek(_ELEMENTS, raw) or {}) if kind in _PEEKED else {}
    if kind == "Procedure":
        timing = _timing_of(elements, "performed")
        for what in _feeds_of_procedure(elements, terminology):
            yield ChartGap(what, GapWhy.UNMAPPED, detail, timing.start or timing.day, source=source)
    elif kind == "MedicationAdministration":
        timing = _timing_of(elements, "effective")
        for what in _feeds_of_administration(elements, terminology, medications):
            at = timing.start or (None if what is GapWhat.VASOPRESSORS else timing.day)
            yield ChartGap(what, GapWhy.UNMAPPED, detail, at, timing.end, source=source)
    else:
        at = _time_of(raw) if kind == "Observation" else None
        for what in _feeds_of(raw, kind, terminology):
            yield ChartGap(what, GapWhy.UNMAPPED, detail, at, source=source)


def _feeds_of_procedure(elements: Mapping[str, msgspec.Raw], terminology: Terminology) -> tuple[GapWhat, ...]:
    concept = _concept_of(elements.get("code"))
    if concept is None or _text_of(elements.get("status")) in DID_NOT:
        return ()
    what = feeds_of_procedure(concept, terminology)
    return (what,) if what is not None else ()


def _feeds_of_administration(
    elements: Mapping[str, msgspec.Raw], terminology: Terminology, medications: Mapping[str, r4.Medication]
) -> tuple[GapWhat, ...]:
    """What its drug feeds, where the drug can still be told; else what an administration may feed."""
    if _text_of(elements.get("status")) in NOT_GIVEN:
        return ()
    reference, contained = elements.get("medicationReference"), elements.get("contained")
    held = _peek(_CONTAINED, contained) if contained is not None else None
    drug = read_drug(
        _concept_of(elements.get("medicationCodeableConcept")),
        _peek(_REFERENCE, reference) if reference is not None else None,
        held or [],
        terminology,
        medications,
    )
    if drug.unused is not None:
        product = drug.unused.removeprefix("!").startswith(PRODUCT_PREFIX)
        return (GapWhat.INFUSION,) if product else ()
    concepts = drug.concepts or drug.speaks_of
    if not concepts:
        return FEEDS["MedicationAdministration"]
    feeds = dict.fromkeys(feeds_of_drug(concept) for concept in concepts)
    return tuple(what for what in feeds if what is not None)


def _timing_of(elements: Mapping[str, msgspec.Raw], name: str) -> Timing:
    period = elements.get(f"{name}Period")
    when = _text_of(elements.get(f"{name}DateTime"))
    return read_timing(when, _peek(_PERIOD, period) if period is not None else None)


def _text_of(raw: msgspec.Raw | None) -> str | None:
    value = _peek(_ANYTHING, raw) if raw is not None else None
    return value if isinstance(value, str) else None


def _concept_of(raw: msgspec.Raw | None) -> r4.CodeableConcept | None:
    """A code of which parts may be malformed: a bare text, a coding without its list, a number for a text."""
    value: Any = _peek(_ANYTHING, raw) if raw is not None else None
    if isinstance(value, str):
        return r4.CodeableConcept(text=value)
    if not isinstance(value, dict):
        return None
    listed = value.get("coding")
    codings = listed if isinstance(listed, list) else [listed]
    return r4.CodeableConcept(
        [
            r4.Coding(*(_as_text(coding.get(part)) for part in ("system", "code", "display")))
            for coding in codings
            if isinstance(coding, dict)
        ],
        _as_text(value.get("text")),
    )


def _as_text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _feeds_of(raw: msgspec.Raw, kind: str | None, terminology: Terminology) -> tuple[GapWhat, ...]:
    if kind == "Observation":
        coded = _peek(_CODE, raw)
        if coded is not None and coded.code is not None:
            match = concept_of(coded.code, terminology)
            what = feeds_of(match.concept) if match is not None else None
            return (what,) if what is not None else ()
    return FEEDS.get(kind or "", COULD_BE_ANYTHING)


def _time_of(raw: msgspec.Raw) -> datetime | None:
    effective = _peek(_EFFECTIVE, raw)
    if effective is None:
        return None
    period = end_or_start(effective.effectivePeriod) if effective.effectivePeriod else None
    return parse_instant(effective.effectiveDateTime or period or effective.effectiveInstant)
