"""Observation to chart rows: which concept, whether its status lets it be read, and when it held.

A resource is read for its own value and for each component by the component's own code, so flow, FiO2 and
device under a saturation, or systolic pressure under a panel, come out alike. What is ours and cannot be read
is a gap; what no map knows is counted.

Deliberately absent: ``issued`` is never a time of observation, ``hasMember`` is not followed (its members are
Observations of their own), and no value is chosen over another: that is grading's.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from functools import partial

from fhir_maps import r4
from fhir_maps.charted import Charted, Reader, describe_value, is_empty, noted, shown
from fhir_maps.ice_observations import (
    ITEMS,
    read_baseline_ice,
    read_capd,
    read_ice_item,
    read_ice_total,
)
from fhir_maps.laboratory_observations import laboratory_reader
from fhir_maps.neurology_observations import (
    read_attribution,
    read_consciousness,
    read_glasgow_eye,
    read_hypotension,
    read_motor,
    read_raised_icp,
    read_rass,
    read_responsiveness,
    read_sedated,
    read_seizure,
    read_team_concern,
    read_withdrawal,
)
from fhir_maps.oxygen_observations import (
    read_additional_flow,
    read_inspired_oxygen,
    read_oxygen_device,
    read_oxygen_flow,
)
from fhir_maps.terminology import Match, Terminology
from fhir_maps.times import end_or_start, parse_instant
from fhir_maps.unmapped import Unmapped
from fhir_maps.vital_observations import read_saturation, read_systolic, read_temperature, read_weight
from grading.chart import ChartGap, GapWhat, GapWhy, Lab, Source

GROUP = "observation"
READ = frozenset({"final", "amended", "corrected", "preliminary"})
# ``registered`` announces a result that is not there yet; the others take theirs back.
WITHOUT_RESULT = frozenset({"registered", "cancelled", "entered-in-error"})
WITHDRAWN = frozenset({"cancelled", "entered-in-error"})
ATTRIBUTION = "attributed-elsewhere"
# A panel is read by its components alone.
PANELS = frozenset({"blood-pressure-panel", "!gcs-total"})
_GOAL_OF = {"rass": "!goal-rass"}
# An absence that says something: an item not done widens ICE, a CAPD not performed is an answer.
_ABSENCE_SPEAKS = frozenset({*ITEMS, "ice-total", "capd-total"})
# The reader of a total adds up its own items; arousal and the other findings beside them are read alone.
_READ_WITH_ICE_TOTAL = frozenset({*ITEMS, "ice-total"})
NO_TIME = "time missing or without offset"

# Each concept with the input that is lost when it cannot be read, and its reader. FiO2 is graded nowhere, so
# nothing is lost with it.
READERS: dict[str, tuple[GapWhat | None, Reader]] = {
    "temperature": (GapWhat.TEMPERATURE, read_temperature),
    "systolic": (GapWhat.BLOOD_PRESSURE, read_systolic),
    "hypotension": (GapWhat.BLOOD_PRESSURE, read_hypotension),
    "oxygen-device": (GapWhat.OXYGEN, read_oxygen_device),
    "oxygen-flow": (GapWhat.OXYGEN_FLOW, read_oxygen_flow),
    "oxygen-flow-additional": (GapWhat.OXYGEN_FLOW, read_additional_flow),
    "inspired-oxygen": (None, read_inspired_oxygen),
    "saturation": (GapWhat.SPO2, read_saturation),
    "weight": (GapWhat.WEIGHT, read_weight),
    "consciousness": (GapWhat.CONSCIOUSNESS, read_consciousness),
    "responsiveness": (GapWhat.CONSCIOUSNESS, read_responsiveness),
    "rass": (GapWhat.CONSCIOUSNESS, read_rass),
    "gcs-eye": (GapWhat.CONSCIOUSNESS, read_glasgow_eye),
    "seizure": (GapWhat.SEIZURE, read_seizure),
    "motor": (GapWhat.MOTOR, read_motor),
    "raised-icp": (GapWhat.RAISED_ICP, read_raised_icp),
    "sedated": (GapWhat.SEDATION, read_sedated),
    ATTRIBUTION: (GapWhat.CONDITIONS, read_attribution),
    "team-concern": (GapWhat.CONDITIONS, read_team_concern),
    "ice-total": (GapWhat.ICE, read_ice_total),
    "baseline-ice": (GapWhat.ICE, read_baseline_ice),
    "capd-total": (GapWhat.CAPD, read_capd),
    **{name: (GapWhat.ICE, partial(read_ice_item, item=item)) for name, item in ITEMS.items()},
    **{f"lab:{lab.value}": (GapWhat.LABS, laboratory_reader(lab)) for lab in Lab},
}
# What is lost with a panel whose parts cannot be reached.
_PANEL_FEEDS = {"blood-pressure-panel": GapWhat.BLOOD_PRESSURE}

_Value = r4.Observation | r4.ObservationComponent
_Part = tuple[str, _Value]


def read_observation(resource: r4.Observation, terminology: Terminology) -> Iterable[object]:
    """Read rows of the chart, :class:`ChartGap` and :class:`Unmapped` items of one Observation.

    Single ICE items come as :class:`~fhir_maps.ice_observations.IceItemRow`, to be grouped by whoever has
    them all. Never raises, whatever the resource holds.
    """
    match = concept_of(resource.code, terminology)
    if match is not None and not match.by_text and resource.status == "final":
        # The usual Observation, without detours: one time, and a value or components that readers take.
        at = parse_instant(resource.effectiveDateTime)
        if at is not None:
            rows = _read_parts(resource, match, at, terminology)
            if rows:
                return rows
    return _read_in_detail(resource, match, terminology)


def _read_parts(
    resource: r4.Observation, match: Match, at: datetime, terminology: Terminology
) -> Sequence[object]:
    source = Source(f"Observation/{resource.id}" if resource.id else "Observation")
    if not resource.component:
        entry = READERS.get(match.concept)
        return entry[1](Charted(resource, at, source, resource, terminology)) if entry is not None else ()
    rows: list[object] = []
    for concept, value in _parts_of(resource, match, terminology):
        rows += READERS[concept][1](Charted(value, at, source, resource, terminology))
    return rows


def _read_in_detail(
    resource: r4.Observation, match: Match | None, terminology: Terminology
) -> Iterator[object]:
    parts = _parts_of(resource, match, terminology)
    if not parts and _unread_value(resource, match, terminology) is None:
        if match is None:
            yield _unknown(resource.code)
        return
    status = resource.status
    if status not in READ and _is_skipped(status, match):
        return
    at = parse_instant(_time_of(resource))
    source = Source(f"Observation/{resource.id}" if resource.id else "Observation")
    if status in WITHDRAWN and at is not None:
        yield from read_withdrawal(Charted(resource, at, source, resource, terminology))
        return
    if at is None or status not in READ:
        why, detail = (GapWhy.IMPLAUSIBLE, NO_TIME) if at is None else (GapWhy.UNMAPPED, _said_of(status))
        for what in _lost_with(parts, _unread_value(resource, match, terminology)):
            yield ChartGap(what, why, detail, at, source=source)
        return
    if status == "preliminary":
        source = noted(source, "preliminary")
    if match is not None and match.by_text:
        source = noted(source, "matched on text")
    rows = [
        row
        for concept, value in parts
        for row in READERS[concept][1](Charted(value, at, source, resource, terminology))
    ]
    if not rows and (unread := _unread_value(resource, match, terminology)) is not None:
        what, value = unread
        rows.append(ChartGap(what, GapWhy.UNMAPPED, describe_value(value), at, source=source))
    yield from rows


def concept_of(code: r4.CodeableConcept | None, terminology: Terminology) -> Match | None:
    """What an Observation is about. A text that names a target outweighs the code of the finding."""
    match = terminology.of_concept(GROUP, code)
    if match is not None and match.concept in _GOAL_OF and code is not None:
        for text in (code.text, *(coding.display for coding in code.coding)):
            named = terminology.of_text(GROUP, text)
            if named is not None and named.concept == _GOAL_OF[match.concept]:
                return named
    return match


def feeds_of(concept: str) -> GapWhat | None:
    """The input that is lost when an Observation of this concept cannot be read; ``None`` when none is."""
    if concept in _PANEL_FEEDS:
        return _PANEL_FEEDS[concept]
    entry = READERS.get(concept)
    return entry[0] if entry else None


def gaps_without_subject(resource: r4.Observation, terminology: Terminology, why: str) -> Iterator[ChartGap]:
    """Yield the gaps of an Observation that does not say whose it is."""
    source = Source(f"Observation/{resource.id}" if resource.id else "Observation")
    match = concept_of(resource.code, terminology)
    parts = _parts_of(resource, match, terminology)
    at = parse_instant(_time_of(resource))
    for what in _lost_with(parts, _unread_value(resource, match, terminology)):
        yield ChartGap(what, GapWhy.AMBIGUOUS, why, at, source=source)


def _parts_of(resource: r4.Observation, match: Match | None, terminology: Terminology) -> list[_Part]:
    """The own value and the components that are read, each with its concept."""
    concept = match.concept if match else None
    own: list[_Part] = [(concept, resource)] if concept in READERS else []
    if not resource.component:
        return own
    if match is not None and match.unused and concept not in PANELS:
        return []
    for component in resource.component:
        found = terminology.of_concept(GROUP, component.code)
        if found is None or (concept == "ice-total" and found.concept in _READ_WITH_ICE_TOTAL):
            continue
        if found.concept in READERS:
            own.append((found.concept, component))
    return own


def _unread_value(
    resource: r4.Observation, match: Match | None, terminology: Terminology
) -> tuple[GapWhat, _Value] | None:
    """A value that no reader is given, with the input that is lost when the readers find nothing else.

    It is the own value of a panel ("82/40"), or that of a component of which no map knows the code. A
    component that is known and deliberately not read (a diastolic pressure) is none.
    """
    what = feeds_of(match.concept) if match is not None else None
    if what is None or match is None:
        return None
    if match.concept in _PANEL_FEEDS and not is_empty(resource):
        return what, resource
    for component in resource.component:
        if not is_empty(component) and terminology.of_concept(GROUP, component.code) is None:
            return what, component
    return None


def _is_skipped(status: str | None, match: Match | None) -> bool:
    """Whether a status takes the value away, and nothing follows from that."""
    withdraws = match is not None and match.concept == ATTRIBUTION and status in WITHDRAWN
    return status in WITHOUT_RESULT and not withdraws


def _time_of(resource: r4.Observation) -> str | None:
    if resource.effectiveDateTime is not None:
        return resource.effectiveDateTime
    if resource.effectivePeriod is not None:
        return end_or_start(resource.effectivePeriod)
    return resource.effectiveInstant


def _lost_with(parts: list[_Part], unread: tuple[GapWhat, _Value] | None) -> dict[GapWhat, None]:
    """The inputs of the parts that hold a value, in order and each once; else that of the unread value."""
    lost = {
        what: None
        for concept, value in parts
        if (what := READERS[concept][0]) is not None and (concept in _ABSENCE_SPEAKS or not is_empty(value))
    }
    return lost if lost or unread is None else {unread[0]: None}


def _said_of(status: str | None) -> str:
    return f"status {shown(status)}" if status else "no status"


def _unknown(code: r4.CodeableConcept | None) -> Unmapped:
    first = code.coding[0] if code is not None and code.coding else r4.Coding()
    text = (code.text if code is not None else None) or first.display
    return Unmapped(
        GROUP,
        shown(first.system) if first.system else None,
        shown(first.code) if first.code else None,
        shown(text) if text else None,
    )
