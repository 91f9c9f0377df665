"""A dosage instruction of a draft, read as a step of the order: amount, timing, route.

An amount is read from ``doseAndRate`` (mass, mass per kilogram, millilitres or pieces of a product whose
strength the order states, a range, a rate with its duration), else from ``maxDosePerPeriod`` of a day, else
from a text that is a dose and nothing else. ``dispenseRequest`` is no dose. What does not fit is a fault.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from fhir_maps import r4
from fhir_maps.dosage_text import TextDose, read_dose_text
from fhir_maps.dosages import ROUTE_GROUP, look_up
from fhir_maps.draft_elements import Dosage, DraftedAmount, Range
from fhir_maps.drafted_timings import Schedule, hours_in, read_schedule
from fhir_maps.product_strength import Strength, as_stated, is_piece
from fhir_maps.terminology import Terminology
from fhir_maps.units import canonical_unit, convert, divide, is_measurable
from management.drafted_order import DosageStep, DraftedDose

_IN_MG_PER_KG = {"mg/kg": Decimal(1), "ug/kg": Decimal("0.001")}
_HOURS_OF_A_DAY = Decimal(24)


@dataclass(frozen=True, slots=True)
class _Amount:
    """An amount in mg (or mg/kg), or why there is none."""

    value: Decimal = Decimal(0)
    by_weight: bool = False
    written: str = ""
    fault: str | None = None


def _all_words(dosage: Dosage) -> str:
    """The text and whatever instructions stand beside it: a repetition may hide in any of them."""
    said = [dosage.text, dosage.patientInstruction]
    for concept in dosage.additionalInstruction:
        said += [concept.text, *(coding.display for coding in concept.coding)]
    return ". ".join(words for words in said if words)


def read_step(
    dosage: Dosage, strength: Strength, drug: str, terminology: Terminology, names: Sequence[str] = ()
) -> DosageStep:
    """Read one dosage instruction. ``names`` are what the drug is called in the order."""
    text = read_dose_text(dosage.text, (drug, *names))
    route, _ = look_up(ROUTE_GROUP, dosage.route, terminology)
    if route is None and text is not None and text.route is not None:
        match = terminology.of_text(ROUTE_GROUP, text.route)
        route = None if match is None else match.concept
    schedule = read_schedule(dosage.timing, _all_words(dosage))
    timing_fault = schedule.fault
    if timing_fault is None and schedule.interval is None and (schedule.count or 1) > 1:
        timing_fault = "how far apart its doses are is not stated"
    step = DosageStep(
        interval=schedule.interval,
        count=schedule.count,
        lasts=schedule.lasts,
        starts_at=schedule.starts_at,
        timing_fault=timing_fault,
        route=route,
    )
    doses, fault = _doses_of(dosage, text, schedule, strength, terminology)
    return replace(step, doses=doses, fault=fault)


def _doses_of(
    dosage: Dosage,
    text: TextDose | None,
    schedule: Schedule,
    strength: Strength,
    terminology: Terminology,
) -> tuple[tuple[DraftedDose, ...], str | None]:
    doses: list[DraftedDose] = []
    faults: list[str] = []
    for amount in dosage.doseAndRate:
        read = _dose_of(amount, schedule, strength, terminology)
        if isinstance(read, str):
            faults.append(read)
        elif read is not None:
            doses.append(read)
    if faults:
        return (), faults[0]
    said = DraftedDose(text.amount, text.amount, text.written, text.by_weight) if text is not None else None
    if doses:
        if said is not None and all(said.by_weight == dose.by_weight for dose in doses):
            doses.append(said)  # a text that says another dose is found as a contradiction
        return tuple(doses), None
    per_day = _per_day(dosage.maxDosePerPeriod, strength, terminology)
    if isinstance(per_day, str):
        return (), per_day
    if per_day is not None:
        return (per_day,), None
    if said is not None:
        return (said,), None
    return (), "its text is no plain dose" if dosage.text else "no dose is stated"


def _dose_of(
    amount: DraftedAmount, schedule: Schedule, strength: Strength, terminology: Terminology
) -> DraftedDose | str | None:
    if amount.doseQuantity is not None:
        return _drafted(_amount_of(amount.doseQuantity, strength, terminology))
    if amount.doseRange is not None:
        return _range_of(amount.doseRange, strength, terminology)
    if amount.rateQuantity is not None:
        return _of_rate(amount.rateQuantity, schedule, strength, terminology)
    if amount.rateRatio is not None:
        return _of_rate_ratio(amount.rateRatio, schedule, strength, terminology)
    return None if amount.rateRange is r4.NOT_SENT else "a range of rates is stated, and no dose"


def _drafted(amount: _Amount) -> DraftedDose | str:
    if amount.fault is not None:
        return amount.fault
    return DraftedDose(amount.value, amount.value, amount.written, amount.by_weight)


def _range_of(given: Range, strength: Strength, terminology: Terminology) -> DraftedDose | str:
    if given.high is None:
        return "a range without an upper end is stated"
    high = _amount_of(given.high, strength, terminology)
    low = high if given.low is None else _amount_of(given.low, strength, terminology)
    if fault := low.fault or high.fault:
        return fault
    if low.by_weight != high.by_weight or low.value > high.value:
        return "the ends of the range do not fit together"
    return DraftedDose(low.value, high.value, f"{low.written} to {high.written}", low.by_weight)


def _amount_of(quantity: r4.Quantity, strength: Strength, terminology: Terminology) -> _Amount:
    stated = as_stated(quantity)
    written = _written(quantity)
    value = quantity.value
    if value is None:
        return _Amount(fault="a dose without a number")
    if quantity.comparator is not None:
        return _Amount(fault=f"{quantity.comparator[:2]} {written} is a bound, no dose")
    if not is_measurable(value) or value <= 0:
        return _Amount(fault="the number is no dose")
    unit = canonical_unit(stated, terminology)
    if unit in _IN_MG_PER_KG:
        return _Amount(value * _IN_MG_PER_KG[unit], True, written)
    if unit is not None and (milligrams := convert(value, unit, "mg")) is not None:
        return _Amount(milligrams, False, written)
    if unit is not None and (millilitres := convert(value, unit, "mL")) is not None:
        if strength.mg_per_ml is None:
            return _Amount(fault=f"{written} of a product whose strength is not stated")
        return _Amount(millilitres * strength.mg_per_ml, False, written)
    if is_piece(quantity):
        if strength.mg_per_piece is None:
            return _Amount(fault=f"{written} of a product whose strength is not stated")
        return _Amount(value * strength.mg_per_piece, False, written)
    return _Amount(fault=f"unit of {written} not known" if quantity.unit or quantity.code else "no unit")


def _of_rate(
    rate: r4.Quantity, schedule: Schedule, strength: Strength, terminology: Terminology
) -> DraftedDose | str:
    written = _written(rate)
    if schedule.runs_for is None:
        return f"a rate of {written} is stated, and no duration"
    unit = canonical_unit(as_stated(rate), terminology)
    if rate.value is None or rate.comparator is not None or unit is None or not is_measurable(rate.value):
        return "the rate cannot be read"
    hours = Decimal(str(schedule.runs_for.total_seconds())) / 3600
    words = f"{written} for {hours.normalize():f} h"
    if (hourly := convert(rate.value, unit, "mg/h")) is not None:
        return _positive(hourly * hours, words, by_weight=False)
    if (hourly := convert(rate.value, unit, "mg/kg/h")) is not None:
        return _positive(hourly * hours, words, by_weight=True)
    hourly = convert(rate.value, unit, "mL/h")
    if hourly is not None and strength.mg_per_ml is not None:
        return _positive(hourly * hours * strength.mg_per_ml, words, by_weight=False)
    return f"the rate of {written} tells no dose"


def _positive(value: Decimal, words: str, *, by_weight: bool) -> DraftedDose | str:
    # Only endless quotients are rounded: 576 mg/h for an hour are 576 mg.
    value = value.quantize(Decimal("0.000001"))
    return DraftedDose(value, value, words, by_weight) if value > 0 else "the rate is no dose"


def _of_rate_ratio(
    ratio: r4.Ratio, schedule: Schedule, strength: Strength, terminology: Terminology
) -> DraftedDose | str:
    above, below = ratio.numerator, ratio.denominator
    hours = None if below is None else hours_in(below)
    if above is None or not hours or schedule.runs_for is None:
        return "a rate is stated, and no duration"
    amount = _amount_of(above, strength, terminology)
    if amount.fault is not None:
        return amount.fault
    lasting = Decimal(str(schedule.runs_for.total_seconds())) / 3600
    total = divide(amount.value * lasting, hours)
    words = f"{amount.written} per {hours.normalize():f} h for {lasting.normalize():f} h"
    return _positive(total, words, by_weight=amount.by_weight)


def _per_day(
    ratio: r4.Ratio | None, strength: Strength, terminology: Terminology
) -> DraftedDose | str | None:
    """The most in a day; a maximum for another time is no dose."""
    if ratio is None or ratio.numerator is None or ratio.denominator is None:
        return None
    if hours_in(ratio.denominator) != _HOURS_OF_A_DAY:
        return "only a maximum for another time than a day is stated"
    amount = _amount_of(ratio.numerator, strength, terminology)
    if amount.fault is not None:
        return amount.fault
    return DraftedDose(amount.value, amount.value, amount.written, amount.by_weight, per_day=True)


def _written(quantity: r4.Quantity) -> str:
    number = "" if quantity.value is None or not is_measurable(quantity.value) else f"{quantity.value:f}"
    number = number.rstrip("0").rstrip(".") if "." in number else number
    return f"{number} {(quantity.unit or quantity.code or '')[:40]}".strip()
