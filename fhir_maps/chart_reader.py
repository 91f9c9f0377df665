"""FHIR JSON to one patient's chart: the walk through all resources, and the account of what was not read.

Every resource is checked to be the patient's, read by the module of its type, and sorted into the chart. One
that cannot be read becomes a gap; nothing is dropped in silence.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

import msgspec

from fhir_maps import r4
from fhir_maps.bundle_entries import DecodedSearchset, OpenedResources, Resource, open_bundles
from fhir_maps.conditions import read_condition
from fhir_maps.ice_observations import IceItemRow, group_ice_items
from fhir_maps.imaging import read_report
from fhir_maps.medication_administrations import read_administration
from fhir_maps.medication_requests import read_request
from fhir_maps.observations import read_observation
from fhir_maps.patients import read_patient
from fhir_maps.procedures import read_procedure
from fhir_maps.subjects import ForeignPatient, agree_on_patient, patient_id_of
from fhir_maps.terminology import Terminology
from fhir_maps.unmapped import Unmapped
from fhir_maps.unreadable import gaps_of_unreadable, patient_resource_id, subject_of
from fhir_maps.without_subject import gaps_of_nobodys
from grading.chart import (
    ArousalScore,
    Attribution,
    BaselineIce,
    CapdScore,
    CartInfusion,
    Chart,
    ChartGap,
    Condition,
    ConsciousnessRow,
    DrugDose,
    FluidBolus,
    HypotensionStatement,
    IceScore,
    ImagingReport,
    InspiredOxygenRow,
    LabValue,
    MotorRow,
    OxygenDeviceRow,
    OxygenFlowRow,
    OxygenSaturation,
    Patient,
    PendingOrder,
    RaisedIcpRow,
    SedationRow,
    SeizureRow,
    Source,
    SystolicPressure,
    TeamConcern,
    Temperature,
    VasoactiveRow,
    Weight,
)

__all__ = ["ForeignPatient", "ReadingResult", "Unmapped", "read_chart"]

COMMAND_LINE = Source("command line")

# Where each kind of row stands in the chart.
FIELDS: dict[type, str] = {
    CartInfusion: "infusions",
    Temperature: "temperatures",
    SystolicPressure: "systolic_pressures",
    HypotensionStatement: "hypotension_statements",
    OxygenDeviceRow: "oxygen_devices",
    OxygenFlowRow: "oxygen_flows",
    InspiredOxygenRow: "inspired_oxygen",
    OxygenSaturation: "saturations",
    VasoactiveRow: "vasoactives",
    FluidBolus: "fluid_boluses",
    DrugDose: "drug_doses",
    PendingOrder: "pending_orders",
    IceScore: "ice_scores",
    CapdScore: "capd_scores",
    ConsciousnessRow: "consciousness",
    SeizureRow: "seizures",
    MotorRow: "motor",
    RaisedIcpRow: "raised_icp",
    SedationRow: "sedation",
    ArousalScore: "arousal_scores",
    BaselineIce: "baseline_ice",
    Attribution: "attributions",
    TeamConcern: "team_concerns",
    Weight: "weights",
    LabValue: "labs",
    Condition: "conditions",
    ImagingReport: "imaging",
    ChartGap: "gaps",
}
# The patient is the subject; a Medication is a product and has none.
_WITHOUT_SUBJECT = (r4.Patient, r4.Medication)
_WITHOUT_TIME = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class ReadingResult:
    """A chart, and the account of its reading.

    ``unmapped`` are the codes and texts no map knows, with counts, the most frequent first. ``total`` counts
    the resources met (OperationOutcomes left out), ``refused`` those of them that could not be decoded or do
    not say whose they are.
    """

    chart: Chart
    unmapped: tuple[Unmapped, ...]
    refused: int
    total: int


def read_chart(
    bundles: Iterable[bytes | msgspec.Raw | DecodedSearchset],
    *,
    terminology: Terminology,
    patient_id: str | None,
    gaps: Iterable[ChartGap] = (),
    infusion_at: datetime | None = None,
) -> ReadingResult:
    """Read bundles (or single resources), given as JSON, into one patient's chart.

    ``patient_id`` is the patient in context; ``None`` takes it from the resources, which must agree. ``gaps``
    are those of the retrieval. ``infusion_at`` adds an infusion that the record does not hold.
    Raises :class:`ForeignPatient`, and nothing else: what cannot be read is a gap of the chart.
    """
    opened = open_bundles(bundles)
    whose = _subjects_of(opened)
    _check_patient(opened, whose, patient_id)
    reading = _Reading(opened, terminology)
    all_named = None not in whose.values()
    for resource in opened.resources:
        if all_named or isinstance(resource, _WITHOUT_SUBJECT) or whose[_subject(resource)] is not None:
            reading.read(resource)
        else:
            reading.refuse(resource)
    for raw in opened.undecodable:
        reading.refuse_unreadable(raw)
    for gap in gaps:
        reading.take(gap)
    if infusion_at is not None:
        reading.take(CartInfusion(infusion_at, None, COMMAND_LINE))
    return ReadingResult(reading.write_chart(), reading.count_unmapped(), reading.refused, opened.total)


def _subject(resource: Resource) -> str | None:
    if isinstance(resource, _WITHOUT_SUBJECT) or resource.subject is None:
        return None
    return resource.subject.reference


def _subjects_of(opened: OpenedResources) -> dict[str | None, str | None]:
    """Each subject reference met, with the patient's id it stands for (``None``: it names no patient)."""
    patients_by_url = {
        url: resource.id for url, resource in opened.full_urls.items() if isinstance(resource, r4.Patient)
    }
    references = {
        resource.subject.reference if resource.subject is not None else None
        for resource in opened.resources
        if not isinstance(resource, _WITHOUT_SUBJECT)
    }
    references |= {subject_of(raw) for raw in opened.undecodable}
    return {
        reference: patients_by_url.get(reference or "") or patient_id_of(reference)
        for reference in references
    }


def _check_patient(
    opened: OpenedResources, whose: dict[str | None, str | None], patient_id: str | None
) -> None:
    patients = [resource.id for resource in opened.resources if isinstance(resource, r4.Patient)]
    patients += [patient_resource_id(raw) for raw in opened.undecodable]
    agree_on_patient(
        patient_id,
        (patient for patient in patients if patient is not None),
        (subject for subject in whose.values() if subject is not None),
    )


class _Reading:
    """The chart while it is being filled."""

    def __init__(self, opened: OpenedResources, terminology: Terminology) -> None:
        self.refused = 0
        self._terminology = terminology
        self._rows: dict[type, list[Any]] = {kind: [] for kind in (*FIELDS, IceItemRow, Unmapped)}
        self._patient = Patient()
        self._medications = _keyed(opened, r4.Medication)
        self._requests = _keyed(opened, r4.MedicationRequest)
        self._readers: dict[type, Callable[[Any], Iterable[object]]] = {
            r4.Observation: partial(read_observation, terminology=terminology),
            r4.MedicationAdministration: partial(
                read_administration,
                terminology=terminology,
                medications=self._medications,
                requests=self._requests,
            ),
            r4.MedicationRequest: partial(
                read_request, terminology=terminology, medications=self._medications
            ),
            r4.Procedure: partial(read_procedure, terminology=terminology),
            r4.Condition: partial(read_condition, terminology=terminology),
            r4.DiagnosticReport: read_report,
            r4.Medication: lambda _: (),
            r4.Patient: self._read_patient,
        }

    def take(self, row: object) -> None:
        self._rows[type(row)].append(row)

    def read(self, resource: Resource) -> None:
        rows = self._rows
        for row in self._readers[type(resource)](resource):
            rows[type(row)].append(row)

    def _read_patient(self, resource: r4.Patient) -> Iterator[object]:
        self._patient = read_patient(resource)
        yield from ()

    def refuse(self, resource: Resource) -> None:
        """Leave out a resource that does not say whose it is, and say what is lost."""
        self.refused += 1
        rows = self._readers[type(resource)](resource)
        self._rows[ChartGap] += gaps_of_nobodys(resource, rows, self._terminology)

    def refuse_unreadable(self, raw: msgspec.Raw) -> None:
        """Leave out a resource that could not be decoded, and say what is lost."""
        self.refused += 1
        self._rows[ChartGap] += gaps_of_unreadable(raw, self._terminology, self._medications)

    def write_chart(self) -> Chart:
        items = self._rows.pop(IceItemRow)
        if items:
            grouped = group_ice_items(items, self._rows[IceScore])
            self._rows[IceScore] = []
            for row in grouped:
                self.take(row)
        # One unreadable thing met under several keys is one gap.
        self._rows[ChartGap] = list(dict.fromkeys(self._rows[ChartGap]))
        fields = {
            FIELDS[kind]: tuple(sorted(rows, key=_KEYS.get(kind, _time_of)) if len(rows) > 1 else rows)
            for kind, rows in self._rows.items()
            if kind in FIELDS
        }
        return Chart(patient=self._patient, **fields)

    def count_unmapped(self) -> tuple[Unmapped, ...]:
        counts: dict[Unmapped, int] = {}
        for item in self._rows[Unmapped]:
            one = item if item.count == 1 else replace(item, count=1)
            counts[one] = counts.get(one, 0) + item.count
        found = [replace(item, count=count) for item, count in counts.items()]
        return tuple(sorted(found, key=lambda item: (-item.count, item.kind, item.text or item.code or "")))


def _time_of(row: Any) -> datetime:
    at: datetime | None = row.at
    return at if at is not None else _WITHOUT_TIME


def _start_of(row: VasoactiveRow) -> datetime:
    return row.start


def _authored_at(row: PendingOrder) -> datetime:
    return row.authored_at if row.authored_at is not None else _WITHOUT_TIME


_KEYS: dict[type, Callable[[Any], datetime]] = {VasoactiveRow: _start_of, PendingOrder: _authored_at}


def _keyed(opened: OpenedResources, kind: type[Any]) -> dict[str, Any]:
    """Resources of a type under every name a reference may use: full URL, ``Type/id``, ``id``."""
    keyed: dict[str, Any] = {}
    for resource in opened.resources:
        if isinstance(resource, kind) and resource.id is not None:
            keyed[resource.id] = resource
            keyed[f"{kind.__name__}/{resource.id}"] = resource
    keyed.update((url, resource) for url, resource in opened.full_urls.items() if isinstance(resource, kind))
    return keyed
