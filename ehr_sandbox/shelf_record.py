"""The records behind the chart page: the shelf's resources by patient, and what was written while it ran."""

from collections.abc import Iterable, Sequence

from ehr_sandbox.chart_actions import RecordRefusedError
from ehr_sandbox.record import Resource
from ehr_sandbox.refusal import RefusedError
from ehr_sandbox.search import SEARCH_PARAMETERS
from ehr_sandbox.shelf import Shelf
from ehr_sandbox.writes import create_resource, update_resource


class ShelfRecord:
    """Reads and writes in process, past the door of the FHIR endpoint: it is the EHR itself.

    ``stored`` are the resources that the shelf began with; whatever else is there was written since.
    """

    def __init__(self, shelf: Shelf, stored: Iterable[Resource]) -> None:
        self._shelf = shelf
        self._kinds = [kind for kind, known in SEARCH_PARAMETERS.items() if "patient" in known]
        self._stored = {(resource["resourceType"], resource["id"]) for resource in stored}

    def of_patient(self, patient_id: str) -> list[Resource]:
        """All resources of a patient at present, the Patient first."""
        patient = self._shelf.read("Patient", patient_id)
        found = [] if patient is None else [patient]
        for kind in self._kinds:
            found += self._shelf.search(kind, [("patient", patient_id)])
        return found

    def written(self, patient_id: str) -> list[Resource]:
        """Those that were written while the sandbox ran, newest first."""
        new = [
            resource
            for resource in self.of_patient(patient_id)
            if (resource["resourceType"], resource["id"]) not in self._stored
        ]
        return sorted(new, key=lambda resource: str(resource["meta"]["lastUpdated"]), reverse=True)

    def save(self, steps: Sequence[tuple[str, Resource]]) -> None:
        """Create or update each resource, or none of them. Raises :class:`RecordRefusedError`."""
        try:
            with self._shelf.atomic():
                for kind, resource in steps:
                    if kind == "create":
                        create_resource(self._shelf, resource)
                    else:
                        update_resource(self._shelf, str(resource.get("id", "")), resource)
        except RefusedError as error:
            raise RecordRefusedError(error.text) from error

    def clear(self) -> None:
        """Forget what was written while the sandbox ran."""
        self._shelf.reset()
