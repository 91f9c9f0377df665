"""Who a patient is and on which day, for the head of the chart and the list; and the clock in words.

Everything comes from the record and from the course as told, nothing from an assessment.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo

from ehr_sandbox.patients import SamplePatient
from ehr_sandbox.record import CHART_CLOCK

CLOCK_STEPS = (6, 12, 24)
"""The hours by which the clock is advanced."""


@dataclass(frozen=True, slots=True)
class Heading:
    """``day`` is the day after the infusion (``None``: no CAR-T); ``zone`` the offset the ward charts in."""

    id: str
    name: str
    record_number: str
    given: str
    sex: str
    age: str
    born: str
    day: int | None
    story: str
    zone: tzinfo


@dataclass(frozen=True, slots=True)
class ClockReading:
    """The sandbox's clock in words; ``steps`` are the hours that it can be advanced by."""

    reading: str
    time: str
    ahead: str
    is_ahead: bool
    steps: tuple[int, ...] = CLOCK_STEPS


def heading(patient: SamplePatient, now: datetime) -> Heading:
    """The head of a patient's chart at ``now``."""
    person = patient.bundle["entry"][0]["resource"]
    stands_at = datetime.fromisoformat(patient.bundle["timestamp"])
    zone = stands_at.tzinfo or CHART_CLOCK.tzinfo
    assert zone is not None  # noqa: S101 - the chart clock is aware
    born = date.fromisoformat(person["birthDate"])
    today = now.astimezone(zone).date()
    day = patient.expected.day
    if day is not None:
        day = (today - (stands_at - timedelta(days=day)).date()).days
    years = today.year - born.year - ((today.month, today.day) < (born.month, born.day))
    return Heading(
        id=patient.id,
        name=patient.name,
        record_number=next((one["value"] for one in person.get("identifier", ())), "not on record"),
        given=" ".join(person["name"][0]["given"]),
        sex=person["gender"],
        age=f"{years} years",
        born=f"{born.day} {born:%B %Y}",
        day=day,
        story=patient.story,
        zone=zone,
    )


def clock_reading(now: datetime, ahead: timedelta, zone: tzinfo) -> ClockReading:
    """The clock in words, in the ward's offset."""
    there = now.astimezone(zone)
    hours = round(ahead / timedelta(hours=1))
    return ClockReading(
        reading=f"{there:%A} {there.day} {there:%B %Y, %H:%M}",
        time=f"{there:%H:%M}",
        ahead=f"{hours} h ahead of the present" if hours else "the present",
        is_ahead=hours > 0,
    )


def moment(at: datetime | None) -> str:
    """An instant as a chart prints it: ``4 Mar 09:30``."""
    return "" if at is None else f"{at.day} {at:%b %H:%M}"
