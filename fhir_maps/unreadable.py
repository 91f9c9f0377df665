"""Resources that could not be decoded: what is lost with each, from as much of it as can still be read.

One wrong type somewhere must not hide that something was charted. So the code, the time and the subject are
each tried alone; what cannot even be named may have been anything.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import TypeVar

import msgspec

from fhir_maps import r4
from fhir_maps.bundle_entries import UNREADABLE, resource_type_of
from fhir_maps.charted import shown
from fhir_maps.observations import concept_of, feeds_of
from fhir_maps.terminology import Terminology
from fhir_maps.times import end_or_start, parse_instant
from grading.chart import ChartGap, GapWhat, GapWhy, Source

COULD_BE_ANYTHING = (GapWhat.TEMPERATURE, GapWhat.BLOOD_PRESSURE, GapWhat.OXYGEN)
# What a resource of each type feeds, when no more than its type is known.
FEEDS: dict[str, tuple[GapWhat, ...]] = {
    "Observation": COULD_BE_ANYTHING,
    "MedicationAdministration": (GapWhat.VASOPRESSORS, GapWhat.TOCILIZUMAB),
    "MedicationRequest": (),
    "Medication": (GapWhat.VASOPRESSORS, GapWhat.TOCILIZUMAB),
    "Procedure": (GapWhat.INFUSION,),
    "Condition": (GapWhat.CONDITIONS,),
    "Patient": (GapWhat.AGE,),
    "DiagnosticReport": (),
}

_CODE = msgspec.json.Decoder(r4.CodeOnly)
_EFFECTIVE = msgspec.json.Decoder(r4.EffectiveOnly)
_ID = msgspec.json.Decoder(r4.IdOnly)
_SUBJECT = msgspec.json.Decoder(r4.SubjectOnly)
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


def gaps_of_unreadable(raw: msgspec.Raw, terminology: Terminology) -> Iterator[ChartGap]:
    """Yield the gaps that an undecodable resource leaves; none where it bears on nothing."""
    kind = resource_type_of(raw)
    named = _peek(_ID, raw)
    reference = shown(f"{kind or 'resource'}/{named.id}") if named and named.id else kind or "a resource"
    source = Source(reference)
    detail = shown(f"{reference} could not be read")
    at = _time_of(raw) if kind == "Observation" else None
    for what in _feeds_of(raw, kind, terminology):
        yield ChartGap(what, GapWhy.UNMAPPED, detail, at, source=source)


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
