"""Resources that do not say whose they are: read, so that what is lost is known, and never counted."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from fhir_maps import r4
from fhir_maps.bundle_entries import Resource
from fhir_maps.drug_names import ORAL_AGENTS
from fhir_maps.medication_administrations import feeds_of_drug
from fhir_maps.observations import gaps_without_subject
from fhir_maps.terminology import Terminology
from fhir_maps.unmapped import Unmapped
from fhir_maps.unreadable import FEEDS
from grading.chart import (
    CartInfusion,
    ChartGap,
    DrugDose,
    GapWhat,
    GapWhy,
    OxygenDeviceRow,
    Source,
    VasoactiveRow,
)

NO_SUBJECT = "the resource does not say whose it is"


def gaps_of_nobodys(
    resource: Resource, rows: Iterable[object], terminology: Terminology
) -> Iterator[ChartGap]:
    """Yield the gaps of a resource without a subject; ``rows`` is what reading it as the patient's gives."""
    if isinstance(resource, r4.Observation):
        yield from gaps_without_subject(resource, terminology, NO_SUBJECT)
        return
    kind = type(resource).__name__
    source = Source(f"{kind}/{resource.id}" if resource.id else kind)
    feeds: list[tuple[GapWhat, datetime | None, datetime | None]] = []
    if isinstance(resource, r4.Procedure | r4.MedicationAdministration):
        for row in rows:
            feeds += _feeds_of_row(row, kind)
    else:
        feeds += [(what, None, None) for what in FEEDS[kind]]
    for what, at, until in feeds:
        yield ChartGap(what, GapWhy.AMBIGUOUS, NO_SUBJECT, at, until, source=source)


def _feeds_of_row(row: object, kind: str) -> Iterator[tuple[GapWhat, datetime | None, datetime | None]]:
    if isinstance(row, ChartGap):
        yield row.what, row.at, row.until
    elif isinstance(row, CartInfusion):
        yield GapWhat.INFUSION, row.at, None
    elif isinstance(row, OxygenDeviceRow):
        yield GapWhat.OXYGEN, row.at, None
    elif isinstance(row, VasoactiveRow) and row.agent not in ORAL_AGENTS:
        yield GapWhat.VASOPRESSORS, row.start, row.end
    elif isinstance(row, DrugDose) and (what := feeds_of_drug(row.drug.value)) is not None:
        yield what, row.at, None
    elif isinstance(row, Unmapped) and row.kind == "medication" and not (row.text or row.code):
        # It names no drug at all.
        for lost in FEEDS[kind]:
            yield lost, None, None
