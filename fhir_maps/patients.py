"""Patient to demographics: birth date, and whether and when the patient died."""

from fhir_maps import r4
from fhir_maps.times import parse_date, parse_instant
from fhir_maps.timings import start_of_day
from grading.chart import Patient


def read_patient(resource: r4.Patient) -> Patient:
    """Read the demographics that grading needs; a birth date that cannot be read is ``None``, never a guess.

    A death on a date alone is taken from the start of that day (UTC), so that earlier days can still be
    graded; one whose time cannot be read holds for all time.
    """
    died = resource.deceasedBoolean is True or bool(resource.deceasedDateTime)
    return Patient(
        birth_date=parse_date(resource.birthDate),
        deceased=died,
        deceased_at=parse_instant(resource.deceasedDateTime) or start_of_day(resource.deceasedDateTime),
    )
