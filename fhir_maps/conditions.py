"""Condition to diagnoses as stated.

``refuted`` and ``entered-in-error`` leave no row. A diagnosis that has ended keeps its row with the end; an
end of which nothing is dated is a gap, since a row without an end would stand as current. The grade of a
CRS or ICANS code goes along; it never becomes a grade of ours.
"""

from collections.abc import Iterator
from datetime import datetime

from fhir_maps import r4
from fhir_maps.drugs import BY_TEXT
from fhir_maps.terminology import Match, Terminology, fold_text
from fhir_maps.times import parse_instant
from fhir_maps.timings import start_of_day
from fhir_maps.unmapped import shorten_name
from grading.chart import ChartGap, Condition, GapWhat, GapWhy, Source, Verification

GROUP = "condition"
CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"
VERIFICATION = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
WITHDRAWN = frozenset({"refuted", "entered-in-error"})
TOXICITIES = frozenset({"crs", "icans"})
ENDED = frozenset({"resolved", "inactive", "remission"})


def read_condition(resource: r4.Condition, terminology: Terminology) -> Iterator[Condition | ChartGap]:
    """Read one diagnosis. A code without bearing here gives a row without ``kind``; it is no gap."""
    verification = _status_codes(resource.verificationStatus, VERIFICATION)
    if verification & WITHDRAWN:
        return
    match = terminology.of_concept(GROUP, resource.code)
    kind, grade = _kind_of(match)
    reference = f"Condition/{resource.id}" if resource.id else "Condition"
    source = Source(reference, BY_TEXT if match and match.by_text and kind else None)
    onset = resource.onsetDateTime or (resource.onsetPeriod.start if resource.onsetPeriod else None)
    at = _moment(onset) or _moment(resource.recordedDate)
    resolved_at = _moment(resource.abatementDateTime)
    ended = bool(_status_codes(resource.clinicalStatus, CLINICAL) & ENDED)
    if resolved_at is None and (ended or resource.abatementDateTime is not None):
        # When it was recorded is long before a toxicity ended; dating its end so would reopen the episode.
        resolved_at = None if kind in TOXICITIES else _moment(resource.recordedDate) or at
        if resolved_at is None:
            if kind is not None:
                detail = f"{kind}: ended at an unknown time"
                yield ChartGap(GapWhat.CONDITIONS, GapWhy.AMBIGUOUS, detail, source=source)
            return
    code, text = _charted(resource.code, match)
    yield Condition(
        code=code,
        text=text,
        kind=kind,
        grade=grade,
        verification=Verification.CONFIRMED if "confirmed" in verification else Verification.UNCONFIRMED,
        at=at,
        resolved_at=resolved_at,
        source=source,
    )


def _kind_of(match: Match | None) -> tuple[str | None, int | None]:
    """``crs:3`` is kind ``crs`` of grade 3."""
    if match is None or match.unused:
        return None, None
    kind, _, grade = match.concept.partition(":")
    return kind, int(grade) if grade.isdigit() else None


def _charted(concept: r4.CodeableConcept | None, match: Match | None) -> tuple[str | None, str | None]:
    if concept is None:
        return None, None
    first = next((coding.code for coding in concept.coding if coding.code), None)
    code = match.row.code if match is not None and match.row.code else first
    displays = (coding.display for coding in concept.coding)
    return shorten_name(code), shorten_name(next((text for text in (concept.text, *displays) if text), None))


def _moment(text: str | None) -> datetime | None:
    return parse_instant(text) or start_of_day(text)


def _status_codes(concept: r4.CodeableConcept | None, system: str) -> set[str]:
    """Status codes of the standard's system (or without one); a bare text counts as the code it spells."""
    if concept is None:
        return set()
    codes = {coding.code for coding in concept.coding if coding.code and coding.system in (system, None)}
    if not codes and concept.text and len(concept.text) < len(system):
        codes = {fold_text(concept.text).replace(" ", "-")}
    return codes
