"""Procedure to CAR-T infusions, and to respiratory support under way.

An infusion counts when it took place: ``completed``, ``in-progress`` or ``stopped``. A planned, held or
cancelled one is none; a status that does not tell leaves a gap, since the day count hangs on it. Harvest,
transport and receipt of the cells, and other cells than CAR-T, are rows of the map that say why they are
not used.

Respiratory support charted only as a Procedure: while it is under way (``in-progress``, no end) its start
is a row of the device, no later than that. One that has ended says when it was on, and nothing of what
followed, so it is a gap for that period and never a row, which would outlast its end.
"""

from collections.abc import Iterator

from fhir_maps import r4
from fhir_maps.drug_names import PRODUCT_PREFIX
from fhir_maps.drugs import BY_TEXT
from fhir_maps.medication_administrations import add_note
from fhir_maps.terminology import Match, Terminology
from fhir_maps.timings import DATE_ONLY, Timing, read_timing
from fhir_maps.unmapped import Unmapped, describe_unmapped, shorten_name
from grading.chart import CartInfusion, ChartGap, GapWhat, GapWhy, OxygenDevice, OxygenDeviceRow, Source

TOOK_PLACE = frozenset({"completed", "in-progress", "stopped"})
DID_NOT = frozenset({"preparation", "not-done", "on-hold", "entered-in-error"})
INFUSION_GROUP, SUPPORT_GROUP = "cart_procedure", "support_procedure"
_UNKNOWN_PRODUCT = "unknown"


def read_procedure(
    resource: r4.Procedure, terminology: Terminology
) -> Iterator[CartInfusion | OxygenDeviceRow | ChartGap | Unmapped]:
    """Read one procedure; most of them have no bearing and yield nothing."""
    if resource.status in DID_NOT:
        return
    reference = f"Procedure/{resource.id}" if resource.id else "Procedure"
    timing = read_timing(resource.performedDateTime, resource.performedPeriod)
    if (match := terminology.of_concept(INFUSION_GROUP, resource.code)) is not None:
        source = Source(reference, BY_TEXT if match.by_text else None)
        yield from _read_infusion(resource, match, timing, source, terminology)
    elif (match := terminology.of_concept(SUPPORT_GROUP, resource.code)) is not None and not match.unused:
        source = Source(reference, BY_TEXT if match.by_text else None)
        yield from _read_support(resource, OxygenDevice(match.concept), timing, source)


def feeds_of_procedure(code: r4.CodeableConcept, terminology: Terminology) -> GapWhat | None:
    """The input that is lost when a procedure of this code cannot be read; ``None`` when none is."""
    if (match := terminology.of_concept(INFUSION_GROUP, code)) is not None:
        return GapWhat.INFUSION if match.concept.removeprefix("!").startswith(PRODUCT_PREFIX) else None
    support = terminology.of_concept(SUPPORT_GROUP, code)
    return GapWhat.OXYGEN if support is not None and not support.unused else None


def _read_infusion(
    resource: r4.Procedure, match: Match, timing: Timing, source: Source, terminology: Terminology
) -> Iterator[CartInfusion | ChartGap | Unmapped]:
    at = timing.start or timing.day
    if match.unused:
        if match.concept.removeprefix("!").startswith(PRODUCT_PREFIX):
            yield Unmapped("procedure", match.row.system, match.row.code, _text_of(resource))
            detail = describe_unmapped(_text_of(resource), match.row.code)
            yield ChartGap(GapWhat.INFUSION, GapWhy.UNMAPPED, detail, at=at, source=source)
        return
    if resource.status not in TOOK_PLACE:
        detail = f"CAR-T infusion: status {shorten_name(resource.status) or 'missing'}"
        yield ChartGap(GapWhat.INFUSION, GapWhy.AMBIGUOUS, detail, at=at, source=source)
        return
    product = _product_of(resource, match, terminology)
    if timing.start is None and timing.day is not None:
        yield CartInfusion(timing.day, product, add_note(source, DATE_ONLY))
    else:
        yield CartInfusion(timing.start, product, source)


def _product_of(resource: r4.Procedure, match: Match, terminology: Terminology) -> str | None:
    """The product of the code, or of another code or text of the same procedure where the code is generic."""
    matches = [match]
    if resource.code is not None:
        matches += terminology.all_of_concept(INFUSION_GROUP, resource.code)
    products = (found.concept.removeprefix(PRODUCT_PREFIX) for found in matches if not found.unused)
    return next((product for product in products if product != _UNKNOWN_PRODUCT), None)


def _read_support(
    resource: r4.Procedure, device: OxygenDevice, timing: Timing, source: Source
) -> Iterator[OxygenDeviceRow | ChartGap]:
    detail = f"{device.value} recorded as a procedure"
    if resource.status not in TOOK_PLACE or timing.start is None or timing.fault is not None:
        why = timing.fault or f"status {shorten_name(resource.status) or 'missing'}"
        yield ChartGap(GapWhat.OXYGEN, GapWhy.IMPLAUSIBLE, f"{detail}: {why}", at=timing.start, source=source)
    elif resource.status == "in-progress" and timing.end is None and not timing.instant:
        yield OxygenDeviceRow(timing.start, device, source)
    else:
        yield ChartGap(
            GapWhat.OXYGEN, GapWhy.AMBIGUOUS, detail, at=timing.start, until=timing.end, source=source
        )


def _text_of(resource: r4.Procedure) -> str | None:
    if resource.code is None:
        return None
    displays = (coding.display for coding in resource.code.coding)
    return shorten_name(next((text for text in (resource.code.text, *displays) if text), None))
