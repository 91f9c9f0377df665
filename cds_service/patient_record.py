"""The record that a hook request is about: gathered, read, and refused where it must not be used.

Every hook gathers and reads alike, and answers the same errors: 400 for data of another patient, 412 where
neither the infusion nor any observation could be had.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from cds_service.metrics import Metrics
from cds_service.outcome import HookError, IssueCode
from cds_service.prefetch import Record, gather_record
from cds_service.wire import HookRequest
from fhir_maps.chart_reader import ForeignPatient, ReadingResult, read_chart
from fhir_maps.data_requirements import Requirement
from fhir_maps.retrieve import FhirReader
from fhir_maps.terminology import Terminology
from grading.chart import Chart

Graded = TypeVar("Graded")


@dataclass(frozen=True, slots=True)
class PatientRecord:
    """What could be had of the record, and the chart that was read from it."""

    record: Record
    reading: ReadingResult

    def grade(self, grade_chart: Callable[[Chart], Graded | None]) -> Graded | None:
        """What ``grade_chart`` makes of the chart; ``None`` where nobody is to be graded."""
        found = grade_chart(self.reading.chart)
        if found is None and not self.record.infusion_known:
            # An old infusion is on record, and a newer one may be: that is not known, which is not "none".
            found = grade_chart(replace(self.reading.chart, infusions=()))
        return found


class RecordReader:
    """Gathers and reads the record of one request after another; keeps nothing of any."""

    def __init__(
        self,
        *,
        terminology: Terminology,
        requirements: tuple[Requirement, ...],
        reader: FhirReader,
        metrics: Metrics,
    ) -> None:
        self._terminology = terminology
        self._requirements = requirements
        self._reader = reader
        self._metrics = metrics

    async def read(self, request: HookRequest) -> PatientRecord:
        """Gather and read the record. Raises :class:`HookError` (400, 412)."""
        with self._metrics.stage("gather"):
            record = await gather_record(request, self._requirements, self._reader)
        with self._metrics.stage("read"):
            reading = self._read(request, record)
        if not record.anything_readable and not reading.chart.infusions:
            text = "neither the CAR-T infusion nor any observation was sent or could be retrieved"
            if record.server_fault is not None:
                text = f"{text}: {record.server_fault}"
            raise HookError(412, IssueCode.INCOMPLETE, text)
        return PatientRecord(record, reading)

    def _read(self, request: HookRequest, record: Record) -> ReadingResult:
        try:
            reading = read_chart(
                record.documents,
                terminology=self._terminology,
                patient_id=request.context.patient_id,
                gaps=record.gaps,
            )
        except ForeignPatient:
            text = "the data hold a resource of another patient than context.patientId"
            raise HookError(400, IssueCode.SECURITY, text) from None
        self._metrics.read.inc(reading.total)
        self._metrics.refused.inc(reading.refused)
        for unmapped in reading.unmapped:
            self._metrics.unmapped.labels(unmapped.kind).inc(unmapped.count)
        return reading
