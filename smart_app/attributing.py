"""What a statement would change: findings that count now, statements in force, the grade with one more.

A grade "with this statement" is never guessed: the statement is made as it would be sent, read back by the
reader of the record, put into the chart, and the chart is graded.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from fhir_maps.statement_observations import statements_read
from fhir_maps.terminology import load_terminology
from grading.assessment import CriterionMet
from grading.chart import Attributable, Attribution, Chart, GapWhat, GapWhy, TeamConcern
from grading.gaps import INPUTS_OF_ICANS
from grading.tables import shipped_tables
from management.review import Review, Strength
from management.reviewing import review
from smart_app.grade_words import describe_grades
from smart_app.page_room import Bedside, Resource
from smart_app.timeline_rows import write_clock

NAMES: Mapping[Attributable, str] = {
    Attributable.FEVER: "Fever",
    Attributable.HYPOTENSION: "Low blood pressure",
    Attributable.HYPOXIA: "Low oxygen",
    Attributable.NEUROLOGICAL: "Neurological findings",
}
_CRITERIA: Mapping[Attributable, str] = {
    Attributable.FEVER: "crs.fever.",
    Attributable.HYPOTENSION: "crs.hypotension.",
    Attributable.HYPOXIA: "crs.hypoxia.",
    Attributable.NEUROLOGICAL: "icans.",
}
_RESTS_ON: Mapping[Attributable, tuple[GapWhat, ...]] = {
    Attributable.FEVER: (GapWhat.TEMPERATURE,),
    Attributable.HYPOTENSION: (GapWhat.BLOOD_PRESSURE, GapWhat.VASOPRESSORS),
    Attributable.HYPOXIA: (GapWhat.OXYGEN, GapWhat.OXYGEN_FLOW, GapWhat.SPO2),
    Attributable.NEUROLOGICAL: INPUTS_OF_ICANS,
}
_WINDOWS: Mapping[Attributable, str] = {
    Attributable.FEVER: "temperature",
    Attributable.HYPOTENSION: "blood-pressure",
    Attributable.HYPOXIA: "oxygen",
    Attributable.NEUROLOGICAL: "seizure",
}
_STRENGTHS: Mapping[Strength, str] = {
    Strength.RECOMMEND: "recommended",
    Strength.CONSIDER: "may be considered",
}
_SYNDROMES: Mapping[Attributable, str] = {
    Attributable.FEVER: "CRS",
    Attributable.HYPOTENSION: "CRS",
    Attributable.HYPOXIA: "CRS",
    Attributable.NEUROLOGICAL: "ICANS",
}


@dataclass(frozen=True, slots=True)
class Choice:
    """A kind of finding: what of it counts now ("38.9 °C at 10 Mar 06:00"), and whether it is attributed.

    ``unread`` where not all that it rests on could be read: more of it may be charted.
    """

    what: Attributable
    name: str
    findings: tuple[str, ...]
    attributed: bool
    follows: str
    unread: bool = False


@dataclass(frozen=True, slots=True)
class InForce:
    """An attribution that holds now. ``by`` is ``None`` where the record does not say who made it.

    ``without`` are the grades if this one alone were withdrawn.
    """

    what: Attributable
    name: str
    cause: str | None
    since: str
    by: str | None
    reference: str
    without: tuple[str, str] | None


@dataclass(frozen=True, slots=True)
class Preview:
    """Both grades as they are and as they would be, and the suggestions that would go or come."""

    before: tuple[str, str]
    after: tuple[str, str]
    gone: tuple[str, ...]
    new: tuple[str, ...]

    @property
    def changes_grade(self) -> bool:
        """Whether any grade would be another."""
        return self.before != self.after

    @property
    def fingerprint(self) -> str:
        """Tells whether what somebody confirmed is what holds now."""
        told = "\n".join(("|".join(part)) for part in (self.before, self.after, self.gone, self.new))
        return hashlib.sha256(told.encode()).hexdigest()[:32]


def follows_of(what: Attributable) -> str:
    """What an attribution of this kind does, in words: decision 005."""
    if what is Attributable.NEUROLOGICAL:
        return (
            "ICANS as a whole is not assessable while this statement holds: no neurological finding counts, "
            "older or newer, until it is withdrawn."
        )
    name = NAMES[what][0].lower() + NAMES[what][1:]
    hours = _hours(_WINDOWS[what])
    return (
        f"{_SYNDROMES[what]} will not count {name} charted in the {hours} hours before this statement, "
        "nor any charted after it, until it is withdrawn."
    )


def choices_of(bedside: Bedside) -> list[Choice]:
    """The four kinds of finding, each with what of it is charted and would count."""
    current = _current(bedside)
    as_charted = current.unattributed or current.assessment
    criteria = (*as_charted.crs.criteria, *as_charted.icans.criteria)
    return [
        Choice(
            what,
            NAMES[what],
            tuple(_finding(item, bedside) for item in criteria if item.id.startswith(_CRITERIA[what])),
            current.assessment.evidence.attribution_of(what) is not None,
            follows_of(what),
            _is_unread(bedside, *_RESTS_ON[what]),
        )
        for what in Attributable
    ]


def statements_unread(bedside: Bedside) -> bool:
    """Whether there may be more attributions and statements of concern than could be read."""
    return _is_unread(bedside, GapWhat.CONDITIONS)


def in_force(bedside: Bedside) -> list[InForce]:
    """The attributions that hold now, in the order of the findings."""
    return [
        _in_force(bedside, attribution) for attribution in _current(bedside).assessment.evidence.attributions
    ]


def attribution_in_force(bedside: Bedside, reference: str) -> Attribution | None:
    """The attribution that holds now and came from this Observation, or ``None``."""
    for attribution in _current(bedside).assessment.evidence.attributions:
        if attribution.source.reference == reference:
            return attribution
    return None


def preview(bedside: Bedside, resource: Resource) -> Preview:
    """Grade the chart with one more statement, a resource as it would be sent."""
    rows = statements_read(resource, load_terminology())
    chart = replace(
        bedside.chart,
        attributions=_with(bedside.chart.attributions, [row for row in rows if isinstance(row, Attribution)]),
        team_concerns=_with(
            bedside.chart.team_concerns, [row for row in rows if isinstance(row, TeamConcern)]
        ),
    )
    before, after = _current(bedside), _review(chart, bedside)
    told_before, told_after = list(_suggestions(before)), list(_suggestions(after))
    return Preview(
        describe_grades(before.assessment),
        describe_grades(after.assessment),
        tuple(told for told in told_before if told not in told_after),
        tuple(told for told in told_after if told not in told_before),
    )


def who_of(resource: Mapping[str, Any] | None) -> str | None:
    """Who made a statement, as the record names them."""
    performers = (resource or {}).get("performer")
    for performer in performers if isinstance(performers, list) else ():
        if isinstance(performer, dict):
            for told in (performer.get("display"), performer.get("reference")):
                if isinstance(told, str) and told.strip():
                    return told.strip()
    return None


def cause_of(resource: Mapping[str, Any] | None) -> str | None:
    """The whole cause as charted: cards show its beginning."""
    notes = (resource or {}).get("note")
    texts = [note.get("text") for note in notes if isinstance(note, dict)] if isinstance(notes, list) else []
    return "; ".join(text for text in texts if isinstance(text, str) and text.strip()) or None


def _is_unread(bedside: Bedside, *inputs: GapWhat) -> bool:
    return any(gap.why is GapWhy.NOT_RETRIEVED and gap.what in inputs for gap in bedside.chart.gaps)


def _current(bedside: Bedside) -> Review:
    if bedside.review is None:
        raise ValueError("nobody is graded here")
    return bedside.review


def _review(chart: Chart, bedside: Bedside) -> Review:
    found = review(chart, bedside.at, bedside.protocol)
    if found is None:
        raise ValueError("nobody is graded here")
    return found


def _with(rows: tuple[Any, ...], more: list[Any]) -> tuple[Any, ...]:
    return tuple(sorted((*rows, *more), key=lambda row: row.at))


def _finding(item: CriterionMet, bedside: Bedside) -> str:
    return f"{item.value} at {write_clock(item.at, bedside.zone)}" if item.at is not None else item.value


def _in_force(bedside: Bedside, attribution: Attribution) -> InForce:
    resource = bedside.observations.get(attribution.source.reference)
    withdrawn = replace(attribution, at=max(attribution.at, bedside.at), withdrawn=True)
    chart = replace(bedside.chart, attributions=_with(bedside.chart.attributions, [withdrawn]))
    return InForce(
        attribution.what,
        NAMES[attribution.what],
        cause_of(resource) or attribution.cause,
        write_clock(attribution.at, bedside.zone),
        who_of(resource),
        attribution.source.reference,
        describe_grades(_review(chart, bedside).assessment),
    )


def _suggestions(current: Review) -> Iterator[str]:
    for recommendation in current.recommendations:
        dose = recommendation.dose
        amount = f": {dose.value:f} {dose.unit}" if dose is not None else ""
        flag = "" if recommendation.verified else ", not verified"
        yield f"{recommendation.title}{amount} ({_STRENGTHS[recommendation.strength]}{flag})"


def hours_of_concern() -> int:
    """How long a statement of concern holds."""
    return _hours("team-concern")


def _hours(window: str) -> int:
    return int(shipped_tables().span(window) / timedelta(hours=1))


def latest_concern(bedside: Bedside) -> tuple[bool, datetime] | None:
    """Whether the team stated concern and when; ``None`` where no statement holds."""
    stated = _current(bedside).assessment.evidence.team_concern
    return None if stated is None else (stated.present, stated.at)
