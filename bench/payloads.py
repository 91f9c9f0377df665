"""Patient-view requests of three sizes, written as a client would send them.

One invented patient, three days after a CAR-T infusion, with fever, one vasopressor, low-flow oxygen and a
falling ICE score: so that real grading, a peak over the episode, and cards with drafts happen. The resources
are spread over the prefetch keys by resolving the service's own templates; what two templates both ask for is
sent twice, as real clients do.

Sizes count Observations and MedicationAdministrations: 20 + 5, 500 + 100, 5,000 + 1,000. Each resource
carries what real servers add (meta, identifier, encounter, performer, issued): about 1.3 kB of JSON.
"""

import json
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import cycle, islice
from typing import Any, Final

from tests import builders
from tests.builders import codes
from tests.builders.fhir import PATIENT, coding, concept, give_ids, instant
from tests.builders.medications import medication_administration, route_of
from tests.prefetch_client import resolve_templates

Resource = dict[str, Any]

AT: Final = datetime(2026, 3, 4, 8, 0, tzinfo=UTC)
INFUSED: Final = AT - timedelta(days=3)
FEVER: Final = AT - timedelta(hours=48)
HYPOTENSION: Final = AT - timedelta(hours=20)
HYPOXIA: Final = AT - timedelta(hours=18)
CONFUSION: Final = AT - timedelta(hours=14)
OTHER_DRUGS: Final = (
    "pantoprazole",
    "furosemide",
    "cefepime",
    "insulin",
    "heparin",
    "fentanyl",
    "potassium chloride",
)
LABORATORY: Final = {
    "ferritin": 4200,
    "fibrinogenMgPerDl": 210,
    "platelets10e9PerLitre": 61,
    "ancPerMicrolitre": 380,
    "sodiumMmolPerLitre": 136,
    "potassiumMmolPerLitre": 3.9,
    "creatinineMgPerDl": 1.1,
    "phosphateMgPerDl": 2.9,
    "urateMgPerDl": 5.2,
    "altTimesUpperLimit": 1.4,
}


@dataclass(frozen=True, slots=True)
class Size:
    """How many resources of each kind a chart holds, and over how many days up to now."""

    name: str
    days: int
    temperatures: int
    blood_pressures: int
    saturations: int
    ice_scores: int
    ice_items: int
    findings: int
    weights: int
    laboratory: int
    norepinephrine_segments: int
    vasopressin_segments: int
    other_administrations: int

    @property
    def observations(self) -> int:
        return (
            self.temperatures
            + self.blood_pressures
            + self.saturations
            + self.ice_scores
            + self.ice_items
            + self.findings
            + self.weights
            + self.laboratory
        )

    @property
    def administrations(self) -> int:
        return self.norepinephrine_segments + self.vasopressin_segments + self.other_administrations

    @property
    def resources(self) -> int:
        return self.observations + self.administrations


SIZES: Final = (
    Size("S", 4, 4, 4, 4, 2, 0, 2, 1, 3, 2, 0, 3),
    Size("M", 5, 110, 120, 130, 30, 0, 40, 5, 65, 40, 0, 60),
    Size("L", 10, 1000, 1000, 1000, 4, 496, 480, 20, 1000, 200, 100, 700),
)


def hook_request(size: Size, templates: Mapping[str, str]) -> bytes:
    """The body of a patient-view request whose prefetch answers every one of ``templates``."""
    context = {"userId": "Practitioner/clinician", "patientId": PATIENT}
    prefetch = resolve_templates(templates, chart(size), context)
    request = {
        "hook": "patient-view",
        "hookInstance": str(uuid.UUID(int=0x5EED, version=4)),
        "context": context,
        "prefetch": prefetch,
    }
    return json.dumps(request, separators=(",", ":")).encode()


def chart(size: Size) -> list[Resource]:
    """Every resource of the invented patient, each with an id and what servers add to it."""
    observations = list(_observations(size))
    administrations = list(_administrations(size))
    if len(observations) != size.observations or len(administrations) != size.administrations:
        raise AssertionError(f"size {size.name} is not what it says")
    beside = [
        builders.patient(born=date(1968, 5, 2)),
        builders.cart_infusion("axicabtagene-ciloleucel", at=INFUSED),
    ]
    return [*give_ids(beside), *(as_served(found) for found in give_ids(observations + administrations))]


def _times(count: int, days: float, until: datetime = AT - timedelta(minutes=10)) -> Iterator[datetime]:
    """``count`` times in even steps over the last ``days`` days, the last one at ``until``."""
    step = timedelta(days=days) / max(count, 1)
    for position in range(count):
        yield (until - step * (count - 1 - position)).replace(microsecond=0)


def _observations(size: Size) -> Iterator[Resource]:
    wobble = cycle((0.0, 0.3, -0.2, 0.5, 0.1))
    for at in _times(size.temperatures, size.days):
        yield builders.temperature(round((38.6 if at >= FEVER else 36.8) + next(wobble), 1), at=at)
    for at in _times(size.blood_pressures, size.days):
        yield builders.blood_pressure(round((97 if at >= HYPOTENSION else 121) + 10 * next(wobble)), at=at)
    for at in _times(size.saturations, size.days):
        if at >= HYPOXIA:
            yield builders.pulse_oximetry(93, at=at, flow=2, device="nasal-cannula")
        else:
            yield builders.pulse_oximetry(97, at=at, device="room-air")
    for at in _times(size.ice_scores, 3):
        yield builders.ice_with_components(_ice_items(at), at=at)
    for at in _times(size.ice_items // 8, 3):
        yield from builders.ice_items(_ice_items(at), at=at)
    yield from _findings(size)
    for at in _times(size.weights, size.days):
        yield builders.weight(81.5, at=at)
    names = cycle(LABORATORY)
    for at in _times(size.laboratory, size.days):
        name = next(names)
        yield builders.laboratory(name, round(LABORATORY[name] * (1 + next(wobble) / 10), 2), at=at)


def _ice_items(at: datetime) -> dict[str, int | None]:
    """All ten points, and six of them once the patient is confused."""
    lost: dict[str, int | None] = (
        {"month": 0, "naming": 2, "writing": 0, "attention": 0} if at >= CONFUSION else {}
    )
    return {item: points for item, (_, points) in codes.ICE_ITEMS.items()} | lost


def _findings(size: Size) -> Iterator[Resource]:
    for position, at in enumerate(_times(size.findings, 3)):
        match position % 5:
            case 0:
                yield builders.consciousness("awakens-to-voice" if at >= CONFUSION else "alert", at=at)
            case 1:
                yield builders.rass(0, at=at)
            case 2:
                yield builders.glasgow_coma_eye(4, at=at)
            case 3:
                yield builders.seizure("none", at=at)
            case _:
                yield builders.motor("none", at=at)


def _administrations(size: Size) -> Iterator[Resource]:
    yield from _segments("norepinephrine", size.norepinephrine_segments, 0.06, "ug/kg/min")
    yield from _segments("vasopressin", size.vasopressin_segments, 0.03, "U/min")
    yield from islice(_other_administrations(size), size.other_administrations)


def _segments(agent: str, count: int, rate: float, unit: str) -> Iterator[Resource]:
    """An infusion from the onset of hypotension until now as abutting rate segments; the last one runs on."""
    joints = list(_times(count, (AT - HYPOTENSION) / timedelta(days=1)))
    for position, start in enumerate(joints):
        end = joints[position + 1] if position + 1 < count else None
        yield from builders.drug_run(
            agent,
            start=start,
            end=end,
            rate=round(rate * (1 + position % 3 / 2), 3),
            unit=unit,
            status="completed" if end else "in-progress",
        )


def _other_administrations(size: Size) -> Iterator[Resource]:
    yield from builders.tocilizumab(652, at=AT - timedelta(hours=10))
    yield from builders.steroid("dexamethasone", 10, at=AT - timedelta(hours=9))
    yield from builders.antipyretic("acetaminophen", at=AT - timedelta(hours=7))
    yield from builders.fluid_bolus(500, at=HYPOTENSION - timedelta(minutes=40))
    for name, at in zip(cycle(OTHER_DRUGS), _times(size.other_administrations, size.days), strict=False):
        local = coding(codes.LOCAL_PHARMACY, f"{name[:4].upper()}-01", name)
        found = medication_administration(
            "levetiracetam", status="completed", at=at, dosage=route_of("intravenous")
        )[0]
        yield found | {"medicationCodeableConcept": concept(local, text=name)}


def as_served(resource: Resource) -> Resource:
    """Add what a server and its interface engine write beside the facts, and nobody here reads."""
    identity, stamp = resource["id"], instant(AT)
    kind = resource["resourceType"]
    added: Resource = {
        "meta": {
            "versionId": "1",
            "lastUpdated": stamp,
            "source": "urn:example:interface-engine#adt-0001",
            "profile": [f"http://hl7.org/fhir/StructureDefinition/{kind}"],
        },
        "identifier": [
            {
                "use": "usual",
                "system": "http://hospital.example/identifiers/charted-event",
                "value": f"{kind}-{identity}-00000001",
            }
        ],
    }
    encounter = {"reference": "Encounter/stay-1", "display": "Inpatient stay, haematology"}
    nurse = {"reference": "Practitioner/nurse-1", "display": "Example, Sam (nurse)"}
    if kind == "Observation":
        added |= {"encounter": encounter, "issued": stamp, "performer": [nurse]}
    else:
        added |= {"context": encounter, "performer": [{"actor": nurse}]}
    return resource | added


def resources_in(body: bytes) -> int:
    """How many resources a request carries, repeats included."""
    prefetch: Iterable[Any] = json.loads(body)["prefetch"].values()
    return sum(
        len(answer.get("entry", ())) if answer["resourceType"] == "Bundle" else 1
        for answer in prefetch
        if answer is not None
    )
