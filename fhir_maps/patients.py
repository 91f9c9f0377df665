"""Patient to demographics: birth date, and whether and when the patient died."""

from fhir_maps import r4
from fhir_maps.times import parse_date, parse_instant
from grading.chart import Patient


def read_patient(resource: r4.Patient) -> Patient:
    """Read the demographics that grading needs; a birth date that cannot be read is ``None``, never a guess.

    A time of death that is only a date, or cannot be read, still means that the patient died.
    """
    died = resource.deceasedBoolean is True or bool(resource.deceasedDateTime)
    return Patient(
        birth_date=parse_date(resource.birthDate),
        deceased=died,
        deceased_at=parse_instant(resource.deceasedDateTime),
    )
