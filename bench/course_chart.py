"""A chart of 14 days of hourly vital signs, as a FHIR server would send it to the SMART app.

One invented recipient: an early CRS with a vasopressor and oxygen, ICANS with steroids, and a second fever
that lasts until now, so that every lane and every window of the course page has something to show. Every id
is a UUID, as most servers give them; heart rates are on the server and nobody asks for them.
"""

import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from itertools import count, cycle
from typing import Any, Final

import httpx

from bench.payloads import as_served
from fhir_maps.data_requirements import PATIENT_TOKEN, Kind, Requirement
from tests import builders
from tests.builders import codes
from tests.builders.fhir import PATIENT, coding, concept, quantity, subject
from tests.builders.observations import observation
from tests.prefetch_client import answer

Resource = dict[str, Any]

WARD: Final = timezone(timedelta(hours=1))
DAYS: Final = 14
AT: Final = datetime(2026, 3, 18, 9, 40, tzinfo=WARD)
INFUSED: Final = datetime(2026, 3, 4, 10, 5, tzinfo=WARD)
ISS: Final = "https://ehr.example/r4"
_HOUR: Final = timedelta(hours=1)
_NAMESPACE: Final = uuid.UUID(int=0x5EED)
_LABORATORY: Final = {
    "ferritin": 4200,
    "fibrinogenMgPerDl": 210,
    "platelets10e9PerLitre": 61,
    "creatinineMgPerDl": 1.1,
}


@dataclass(frozen=True, slots=True)
class ServedChart:
    """What a server answers, by its URL without percent-encoding of what need not be; and how much it is.

    ``resources`` counts what is sent, repeats under two keys included; ``held`` what the server holds.
    """

    answers: Mapping[str, bytes]
    resources: int
    held: int

    @property
    def bodies(self) -> Sequence[bytes]:
        """All answers, as sent."""
        return tuple(self.answers.values())

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer a request: as little work as an answer can be."""
        found = self.answers.get(str(request.url).partition(f"{ISS}/")[2])
        if found is None:
            raise AssertionError("the app asked for what the chart was not made for")
        return httpx.Response(200, content=found, headers={"Content-Type": "application/fhir+json"})


def served_chart(requirements: Sequence[Requirement]) -> ServedChart:
    """Answer every query of the app beforehand."""
    held = list(chart())
    answers, sent = {}, 0
    for requirement in requirements:
        found = answer(requirement.template.replace(PATIENT_TOKEN, PATIENT), held)
        if found is None:
            raise AssertionError("the patient is missing")
        sent += 1 if requirement.kind is Kind.READ else len(found.get("entry", ()))
        url = httpx.URL(f"{ISS}/{requirement.url_for(PATIENT)}")
        answers[str(url).partition(f"{ISS}/")[2]] = json.dumps(found, separators=(",", ":")).encode()
    return ServedChart(answers, sent, len(held))


def chart() -> Iterator[Resource]:
    """Every resource of the invented patient."""
    numbers = count()
    yield builders.patient(born=date(1968, 5, 2))
    for resource in (*_observations(), *_medications(), _infusion()):
        yield as_served({"id": str(uuid.uuid5(_NAMESPACE, str(next(numbers))))} | resource)


def _infusion() -> Resource:
    return builders.cart_infusion("axicabtagene-ciloleucel", at=INFUSED)


def _is_within(hours: float, *spans: tuple[float, float]) -> bool:
    return any(begun <= hours < ended for begun, ended in spans)


def _observations() -> Iterator[Resource]:
    wobble = cycle((0.0, 0.3, -0.2, 0.4, 0.1, -0.3, 0.2))
    yield builders.weight(72, at=INFUSED - 2 * _HOUR)
    for hour in range(1, DAYS * 24):
        # Rounds of the ward are not at the stroke of the hour, and not all at one minute.
        at = (INFUSED + hour * _HOUR).replace(minute=(5, 0, 10, 2)[hour % 4])
        fever = _is_within(hour, (66, 128), (300, DAYS * 24))
        low = _is_within(hour, (84, 122))
        oxygen = _is_within(hour, (90, 150), (312, DAYS * 24))
        yield builders.temperature(round((38.7 if fever else 36.9) + next(wobble), 1), at=at)
        yield builders.blood_pressure(round((86 if low else 118) + 14 * next(wobble)), at=at)
        yield builders.pulse_oximetry(round((92 if oxygen else 97) + 4 * next(wobble)), at=at)
        yield builders.oxygen_device("nasal-cannula" if oxygen else "room-air", at=at)
        if oxygen:
            yield builders.oxygen_flow(3 if hour % 24 < 12 else 2, at=at)
        yield observation(
            concept(coding(codes.LOINC, "8867-4", "Heart rate")),
            at=at,
            category="vital-signs",
            valueQuantity=quantity(96, "/min"),
        )
    for hour in range(6, DAYS * 24, 8):
        yield from _neurology(INFUSED + hour * _HOUR, confused=_is_within(hour, (110, 190)))
    for name, day in ((name, day) for day in range(DAYS) for name in _LABORATORY):
        value = round(_LABORATORY[name] * (1 + next(wobble) / 4), 2)
        yield builders.laboratory(name, value, at=INFUSED + day * 24 * _HOUR + 20 * _HOUR)


def _neurology(at: datetime, *, confused: bool) -> Iterator[Resource]:
    lost: dict[str, int | None] = {"month": 0, "naming": 1, "writing": 0, "attention": 0} if confused else {}
    items: dict[str, int | None] = {item: points for item, (_, points) in codes.ICE_ITEMS.items()}
    yield builders.ice_with_components(items | lost, at=at)
    yield builders.consciousness("awakens-to-voice" if confused else "alert", at=at)
    yield builders.seizure("none", at=at)
    yield builders.motor("none", at=at)


def _medications() -> Iterator[Resource]:
    for agent, rate, unit, first, last in (
        ("norepinephrine", 0.06, "ug/kg/min", 85, 120),
        ("vasopressin", 0.03, "U/min", 96, 108),
    ):
        for hour in range(first, last, 2):
            yield from builders.drug_run(
                agent,
                start=INFUSED + hour * _HOUR,
                end=INFUSED + (hour + 2) * _HOUR,
                rate=round(rate * (1 + hour % 3 / 2), 3),
                unit=unit,
                status="completed",
            )
    for hour in (83, 84):
        yield from builders.fluid_bolus(500, at=INFUSED + hour * _HOUR)
    for hour in (88, 97, 316):
        yield from builders.tocilizumab(576, at=INFUSED + hour * _HOUR)
    for hour in (*range(112, 190, 6), 320, 326, 332):
        yield from builders.steroid("dexamethasone", 10, at=INFUSED + hour * _HOUR)
    for hour in (*range(67, 128, 8), *range(301, DAYS * 24, 8)):
        yield from builders.antipyretic("acetaminophen", at=INFUSED + hour * _HOUR)
    for name, hour in zip(
        cycle(("pantoprazole", "cefepime", "heparin")), range(2, DAYS * 24, 4), strict=False
    ):
        local = coding(codes.LOCAL_PHARMACY, f"{name[:4].upper()}-01", name)
        yield {
            "resourceType": "MedicationAdministration",
            "status": "completed",
            "medicationCodeableConcept": concept(local, text=name),
            "subject": subject(),
            "effectiveDateTime": (INFUSED + hour * _HOUR).astimezone(UTC).isoformat(),
        }
