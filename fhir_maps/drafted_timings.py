"""When the doses of a draft are to be given: ``Timing``, its code, and failing both the instruction's text.

The shortest interval of a range counts (every 6–12 h is every 6 h). A timing that is there and says nothing
that is understood is a fault.
"""

import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from fhir_maps import r4
from fhir_maps.dosage_text import read_schedule_text
from fhir_maps.draft_elements import Repeat, Timing
from fhir_maps.product_strength import product_forms
from fhir_maps.terminology import fold_text
from fhir_maps.times import parse_instant
from fhir_maps.timings import start_of_day
from fhir_maps.units import is_measurable

_HOURS = {
    "s": Decimal(1) / 3600,
    "min": Decimal(1) / 60,
    "h": Decimal(1),
    "d": Decimal(24),
    "wk": Decimal(168),
}
_SPELLED = {
    "minute": "min",
    "minutes": "min",
    "hr": "h",
    "hour": "h",
    "hours": "h",
    "day": "d",
    "days": "d",
    "week": "wk",
    "weeks": "wk",
}
_EVERY = re.compile(r"(?:q|every) ?(\d{1,2}) ?(?:h|hrs?|hours?)", re.IGNORECASE)
# No drug is drafted closer: what is shorter is a slip, or a rate in disguise.
_SHORTEST = timedelta(minutes=1)
_LONGEST_HOURS = Decimal(24 * 366)


@dataclass(frozen=True, slots=True)
class Schedule:
    """When doses are given; ``runs_for`` is how long one administration takes."""

    interval: timedelta | None = None
    count: int | None = None
    lasts: timedelta | None = None
    starts_at: datetime | None = None
    runs_for: timedelta | None = None
    fault: str | None = None


def hours_in(quantity: r4.Quantity) -> Decimal | None:
    """A duration in hours; ``None`` for what is none."""
    return _hours(quantity.value, quantity.code or quantity.unit)


def _hours(value: Decimal | None, unit: str | None) -> Decimal | None:
    if value is None or unit is None or not is_measurable(value) or value <= 0:
        return None
    folded = unit.strip().casefold()[:10]
    factor = _HOURS.get(_SPELLED.get(folded, folded))
    if factor is None or value * factor > _LONGEST_HOURS:
        return None
    return value * factor


def _span(hours: Decimal | None) -> timedelta | None:
    return None if hours is None else timedelta(seconds=round(float(hours * 3600)))


def read_schedule(timing: Timing | None, text: str | None) -> Schedule:
    """Read the timing of a dosage instruction.

    ``text`` is read where there is no timing. Beside one it may not repeat the dose sooner: then it is not
    known which of the two is meant.
    """
    said = read_schedule_text(text)
    unsaid = "its text speaks of another dose, and not of when" if said.again else None
    if timing is None or timing == Timing():
        return Schedule(interval=said.interval, count=1 if said.once else said.count, fault=unsaid)
    schedule = _structured(timing)
    if unsaid is not None and schedule.fault is None and (schedule.interval is None or schedule.count == 1):
        return replace(schedule, fault=unsaid)
    sooner = said.interval is not None and (
        schedule.interval is None or schedule.count == 1 or said.interval < schedule.interval
    )
    return replace(schedule, fault="its text repeats it sooner") if sooner else schedule


def _structured(timing: Timing) -> Schedule:
    events = sorted(instant for event in timing.event if (instant := parse_instant(event)) is not None)
    repeat = timing.repeat
    if events and repeat is None:
        gaps = [later - earlier for earlier, later in pairwise(events)]
        return Schedule(min(gaps, default=None), len(events), starts_at=events[0])
    schedule = Schedule() if repeat is None else _repeated(repeat)
    if schedule.interval is None and timing.code is not None:
        if any(read_schedule_text(word).once for word in _words(timing.code)):
            return replace(schedule, count=1)
        interval = _of_code(timing.code)
        if interval is not None:
            return replace(schedule, interval=interval, fault=None)
        if schedule.count is None:
            return Schedule(fault="its code is not known", runs_for=schedule.runs_for)
    if repeat is None and timing.event and not events:
        return Schedule(fault="its times have no offset")
    return schedule


def _repeated(repeat: Repeat) -> Schedule:
    period = repeat.boundsPeriod
    start = None if period is None else (parse_instant(period.start) or start_of_day(period.start))
    end = None if period is None else (parse_instant(period.end) or start_of_day(period.end))
    lasts = end - start if start is not None and end is not None and end > start else None
    if repeat.boundsDuration is not None:
        lasts = _span(hours_in(repeat.boundsDuration))
    elif repeat.boundsRange is not None and repeat.boundsRange.high is not None:
        lasts = _span(hours_in(repeat.boundsRange.high))
    times = max(repeat.frequency or 0, repeat.frequencyMax or 0) or (1 if repeat.period else 0)
    every = _hours(repeat.period, repeat.periodUnit)
    fault = None
    if repeat.timeOfDay and every is None:
        every, times = Decimal(24), len(repeat.timeOfDay)
    if every is None and (repeat.period is not None or repeat.frequency is not None):
        fault = "its period cannot be read"
    interval = None if every is None or times < 1 else _span(every / times)
    if interval is not None and interval < _SHORTEST:
        interval, fault = None, "its period cannot be read"
    count = repeat.countMax or repeat.count
    if fault is not None and count == 1:
        fault = None
    if count is not None and count < 1:
        count, fault = None, "its number of doses cannot be read"
    return Schedule(interval, count, lasts, start, _span(_hours(repeat.duration, repeat.durationUnit)), fault)


def _of_code(code: r4.CodeableConcept) -> timedelta | None:
    times_per_day = product_forms()["times-per-day"]
    for word in _words(code):
        folded = fold_text(word)
        if (match := _EVERY.fullmatch(folded)) and (hours := int(match[1])):
            return timedelta(hours=hours)
        times = times_per_day.get(folded)
        if isinstance(times, int):
            return timedelta(hours=24) / times
    return None


def _words(code: r4.CodeableConcept) -> list[str]:
    words = [code.text, *(part for coding in code.coding for part in (coding.code, coding.display))]
    return [word for word in words if word]
