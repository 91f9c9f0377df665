"""MedicationAdministration to chart rows: infusions, boluses, single doses, CAR-T products.

One resource may be a whole infusion or one rate segment; it becomes one row either way, and grading unites
them. ``entered-in-error``, ``not-done`` and a method that says "not given" leave no row. What cannot be
read is a gap of the input that the drug feeds. A drug that no map knows is a gap of what its name speaks of
(tocilizumab, a steroid, a vasopressor, a CAR-T product), or else when it might be a vasopressor: given by a
continuous rate, or by vein.

Deliberately absent: no rate is converted or judged, no two feeds are compared, and of a dose that is recorded
twice both rows are handed on; all that is grading's.
"""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from importlib import resources

from fhir_maps import dosages, r4
from fhir_maps.drug_names import (
    DILUENT,
    FLUID,
    LOCAL_FORM,
    ORAL_AGENTS,
    OTHER,
    PRODUCT_PREFIX,
    names_a_continuous_infusion,
)
from fhir_maps.drugs import DrugReading, find_by_reference, read_drug
from fhir_maps.terminology import Terminology
from fhir_maps.timings import DATE_ONLY, Timing, read_timing
from fhir_maps.unmapped import Unmapped, shorten_name
from grading.chart import (
    STEROIDS,
    AdministrationStatus,
    CartInfusion,
    ChartGap,
    DrugDose,
    FluidBolus,
    GapWhat,
    GapWhy,
    ImmuneDrug,
    Source,
    VasoactiveAgent,
    VasoactiveRow,
)

AdministrationRow = VasoactiveRow | FluidBolus | DrugDose | CartInfusion | ChartGap | Unmapped

NOT_GIVEN = frozenset({"not-done", "entered-in-error"})
GIVEN = frozenset({"completed", "in-progress", "stopped"})


def _longest_bolus() -> timedelta:
    table = resources.files("fhir_maps").joinpath("tables", "administrations.toml").read_text("utf-8")
    return timedelta(minutes=tomllib.loads(table)["fluid-bolus"]["longest_minutes"])


LONGEST_BOLUS = _longest_bolus()

_STATUSES = {status.value: status for status in AdministrationStatus}
_AGENTS = {agent.value: agent for agent in VasoactiveAgent}
_IMMUNE = {drug.value: drug for drug in ImmuneDrug}
LOCAL_ROUTES = frozenset({"ophthalmic", "topical", "inhaled", "nasal"})
_NO_BEARING = frozenset({OTHER, DILUENT, LOCAL_FORM})


@dataclass(frozen=True, slots=True)
class _Record:
    """What one administration says, apart from the drug."""

    status: str | None
    method: str | None
    route: str | None
    timing: Timing
    rate: dosages.Rate | None
    dosage: r4.AdministrationDosage | None
    drug: DrugReading
    source: Source
    terminology: Terminology

    def dose_in(self, unit: str) -> Decimal | None:
        return dosages.dose_in(unit, self.dosage, self.terminology)

    def gap(self, what: GapWhat, why: GapWhy, detail: str, *, running: bool = False) -> ChartGap:
        """A dose counts for days, so its day alone dates the gap; an infusion counts by the hour."""
        day = self.timing.day if what is not GapWhat.VASOPRESSORS else None
        return ChartGap(
            what,
            why,
            detail,
            at=self.timing.start or day,
            until=self.timing.end,
            running_rate=running,
            source=self.source,
        )

    @property
    def may_run(self) -> bool:
        """Whether it may be an infusion of which the end is known or still to come."""
        rate = self.rate is not None and self.rate.is_infusion
        drip = self.status == "in-progress" and self.route == dosages.INTRAVENOUS and self.rate is None
        ends = self.timing.end is not None
        return (rate and (ends or self.status not in ("completed", "stopped", "on-hold"))) or drip


def read_administration(
    resource: r4.MedicationAdministration,
    terminology: Terminology,
    medications: Mapping[str, r4.Medication],
    requests: Mapping[str, r4.MedicationRequest],
) -> Iterator[AdministrationRow]:
    """Read one administration.

    ``medications`` and ``requests`` hold what the bundle has, keyed by full URL, ``Type/id`` or ``id``.
    Yields rows of the chart, gaps, and :class:`Unmapped` items for counting.
    """
    if resource.status in NOT_GIVEN:
        return
    dosage = resource.dosage
    method, unknown_method = dosages.read_method(dosage, terminology)
    if method == "not-given":
        return
    if unknown_method is not None:
        yield unknown_method
    request = find_by_reference(requests, resource.request.reference if resource.request else None)
    drug, note = _drug_of(resource, request, terminology, medications)
    route, unknown_route = dosages.read_route(dosage, request, terminology)
    rate = dosages.read_rate(dosage)
    if drug.unused is None and drug.concepts and set(drug.concepts) <= _NO_BEARING:
        if not (drug.speaks_of and (route == dosages.INTRAVENOUS or (rate is not None and rate.is_infusion))):
            return
        # Its name is that of drops, a cream, a tablet; it was given by vein all the same.
        drug = replace(drug, concepts=())
    if unknown_route is not None:
        yield unknown_route
    record = _Record(
        status=resource.status,
        method=method,
        route=route,
        timing=read_timing(resource.effectiveDateTime, resource.effectivePeriod),
        rate=rate,
        dosage=dosage,
        drug=drug,
        source=Source(_reference_of(resource), note),
        terminology=terminology,
    )
    yield from _rows_of(record)


def _reference_of(resource: r4.MedicationAdministration) -> str:
    return f"MedicationAdministration/{resource.id}" if resource.id else "MedicationAdministration"


def _drug_of(
    resource: r4.MedicationAdministration,
    request: r4.MedicationRequest | None,
    terminology: Terminology,
    medications: Mapping[str, r4.Medication],
) -> tuple[DrugReading, str | None]:
    drug = read_drug(
        resource.medicationCodeableConcept,
        resource.medicationReference,
        resource.contained,
        terminology,
        medications,
    )
    if drug.concepts or drug.unused or request is None or drug.name or drug.code:
        return drug, drug.note
    # The administration names no drug at all (its Medication was not sent): the order it fulfils may.
    ordered = read_drug(
        request.medicationCodeableConcept,
        request.medicationReference,
        request.contained,
        terminology,
        medications,
    )
    note = "drug taken from the order" + (f"; {ordered.note}" if ordered.note else "")
    return ordered, note if ordered.concepts else None


def _rows_of(record: _Record) -> Iterator[AdministrationRow]:
    drug = record.drug
    if drug.unused is not None:
        if drug.unused.removeprefix("!").startswith(PRODUCT_PREFIX):
            yield drug.unmapped
            yield record.gap(GapWhat.INFUSION, GapWhy.UNMAPPED, drug.described)
        return
    if not drug.concepts:
        yield from _read_unknown(record)
        return
    agents = [_AGENTS[concept] for concept in drug.concepts if concept in _AGENTS]
    if agents and len(drug.concepts) > 1:
        if _may_be_systemic(record):
            yield record.gap(
                GapWhat.VASOPRESSORS,
                GapWhy.AMBIGUOUS,
                f"several drugs: {drug.described}",
                running=record.may_run,
            )
        return
    for agent in agents:
        yield from _read_vasoactive(record, agent)
    immune = [_IMMUNE[concept] for concept in drug.concepts if concept in _IMMUNE]
    for medicine in immune:
        yield from _read_dose(record, medicine, alone=len(drug.concepts) == 1)
    for concept in drug.concepts:
        if concept.startswith(PRODUCT_PREFIX):
            yield from _read_product(record, concept.removeprefix(PRODUCT_PREFIX))
        elif concept == FLUID:
            yield from _read_fluid(record)


def _may_be_systemic(record: _Record) -> bool:
    return record.route in (None, dosages.INTRAVENOUS)


def feeds_of_drug(concept: str) -> GapWhat | None:
    """The input that is lost when an administration of this drug cannot be read; ``None`` when none is."""
    if concept.startswith(PRODUCT_PREFIX):
        return GapWhat.INFUSION
    if concept in _IMMUNE:
        drug = _IMMUNE[concept]
        if drug is ImmuneDrug.TOCILIZUMAB:
            return GapWhat.TOCILIZUMAB
        return GapWhat.STEROIDS if drug in STEROIDS else None
    return GapWhat.VASOPRESSORS if concept in _AGENTS and _AGENTS[concept] not in ORAL_AGENTS else None


def _read_unknown(record: _Record) -> Iterator[AdministrationRow]:
    yield record.drug.unmapped
    spoken_of = dict.fromkeys(feeds_of_drug(concept) for concept in record.drug.speaks_of)
    for what in spoken_of:
        if what is GapWhat.VASOPRESSORS and _may_be_systemic(record):
            yield record.gap(what, GapWhy.UNMAPPED, record.drug.described, running=record.may_run)
        elif what is not None and what is not GapWhat.VASOPRESSORS and record.route not in LOCAL_ROUTES:
            yield record.gap(what, GapWhy.UNMAPPED, record.drug.described)
    if spoken_of:
        return
    by_vein = record.route == dosages.INTRAVENOUS
    infused = record.rate is not None and record.rate.is_infusion
    if _may_be_systemic(record) and (by_vein or infused):
        yield record.gap(GapWhat.VASOPRESSORS, GapWhy.UNMAPPED, record.drug.described, running=record.may_run)


def _read_vasoactive(record: _Record, agent: VasoactiveAgent) -> Iterator[AdministrationRow]:
    if agent not in ORAL_AGENTS and not _may_be_systemic(record):
        return
    status = _STATUSES.get(record.status or "")
    timing, rate = record.timing, record.rate
    if status is None:
        detail = f"{agent.value}: status {shorten_name(record.status) or 'missing'}"
        yield record.gap(GapWhat.VASOPRESSORS, GapWhy.UNMAPPED, detail, running=record.may_run)
        return
    fault = timing.fault or (rate.fault if rate else None)
    if timing.start is None or fault is not None:
        detail = f"{agent.value}: {fault}"
        yield record.gap(GapWhat.VASOPRESSORS, GapWhy.IMPLAUSIBLE, detail, running=record.may_run)
        return
    yield VasoactiveRow(
        agent=agent,
        start=timing.start,
        end=timing.end,
        rate=rate.value if rate else None,
        rate_unit=rate.unit if rate else None,
        has_dose=dosages.dose_is_charted(record.dosage),
        intravenous=True if record.route == dosages.INTRAVENOUS else None,
        status=AdministrationStatus.STOPPED if record.method == "stopped" else status,
        source=record.source,
    )


def _read_fluid(record: _Record) -> Iterator[AdministrationRow]:
    """A bolus of any amount in mL: how much makes a bolus depends on the patient, and is grading's."""
    millilitres = record.dose_in("mL")
    if record.status not in GIVEN or record.method == "stopped" or not _may_be_systemic(record):
        return
    if millilitres is None or millilitres <= 0:
        return
    if record.timing.start is None:
        yield Unmapped("time", text=f"fluid: {record.timing.fault}")
        return
    if record.timing.fault is None and _is_quick(record, millilitres):
        yield FluidBolus(record.timing.start, millilitres, record.source)


def _is_quick(record: _Record, millilitres: Decimal) -> bool:
    start, end, rate = record.timing.start, record.timing.end, record.rate
    if start is not None and end is not None:
        return end - start <= LONGEST_BOLUS
    if record.status == "in-progress" and not record.timing.instant and (rate is None or rate.value is None):
        return False
    if rate is not None and rate.value is not None and rate.unit is not None:
        hourly = rate.unit.casefold() in ("ml/h", "ml/hr", "ml/hour")
        return not hourly or rate.value >= millilitres
    return not names_a_continuous_infusion(record.drug.name)


def _read_dose(record: _Record, drug: ImmuneDrug, *, alone: bool) -> Iterator[AdministrationRow]:
    feeds = feeds_of_drug(drug.value)
    why, fault, kind = _fault_of_dose(record)
    milligrams = record.dose_in("mg") if alone else None
    if fault is None and milligrams is not None and milligrams <= 0:
        why, fault, kind = GapWhy.IMPLAUSIBLE, "dose is not above zero", "dose"
    if fault is not None or record.timing.start is None:
        detail = f"{drug.value}: {fault}"
        if feeds is not None:
            yield record.gap(feeds, why, detail)
        else:
            yield Unmapped(kind, text=detail)
        return
    source = record.source
    if record.status == "stopped":
        source = add_note(source, "given in part: stopped")
    yield DrugDose(
        drug=drug,
        at=record.timing.start,
        milligrams=milligrams,
        source=source,
        name=shorten_name(record.drug.name),
        systemic=record.route not in LOCAL_ROUTES,
        subcutaneous=drug is ImmuneDrug.TOCILIZUMAB and record.route == "subcutaneous",
    )


def _fault_of_dose(record: _Record) -> tuple[GapWhy, str | None, str]:
    """Why a dose cannot be counted: it may or may not have been given, or nobody knows when."""
    if record.status not in GIVEN:
        return GapWhy.AMBIGUOUS, f"status {shorten_name(record.status) or 'missing'}", "status"
    if record.method == "stopped":
        # The dose was charted when it began; this row only says that it ended.
        return GapWhy.AMBIGUOUS, "stop of a dose", "method"
    if record.timing.start is None:
        return GapWhy.IMPLAUSIBLE, record.timing.fault, "time"
    return GapWhy.IMPLAUSIBLE, None, "time"


def _read_product(record: _Record, product: str) -> Iterator[AdministrationRow]:
    if record.status in GIVEN:
        if record.timing.start is None and record.timing.day is not None:
            yield CartInfusion(record.timing.day, product, add_note(record.source, DATE_ONLY))
        else:
            yield CartInfusion(record.timing.start, product, record.source)
    elif record.status not in _STATUSES or record.status == "unknown":
        detail = f"{product}: status {shorten_name(record.status) or 'missing'}"
        yield record.gap(GapWhat.INFUSION, GapWhy.AMBIGUOUS, detail)


def add_note(source: Source, note: str) -> Source:
    """The source with one more thing a reader must know."""
    return Source(source.reference, f"{source.note}; {note}" if source.note else note)
