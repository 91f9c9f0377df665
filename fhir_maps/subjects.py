"""Whose resource it is: with a resource of another patient, all that came with it is refused."""

from collections.abc import Iterable

_LONGEST_REFERENCE = 2000
_URN = "urn:uuid:"


class ForeignPatient(Exception):  # noqa: N818 - it is a finding, and named as one
    """A resource belongs to another patient. The message holds no id."""

    def __init__(self) -> None:
        super().__init__("a resource belongs to another patient")


def patient_id_of(reference: str | None) -> str | None:
    """Return the patient's id in a reference: relative, absolute, with a version, or ``urn:uuid:``.

    ``None`` when it refers to no patient by id (a group, a device, a contained resource, a search).
    """
    if not reference or len(reference) > _LONGEST_REFERENCE:
        return None
    if reference.startswith(_URN):
        return reference.removeprefix(_URN) or None
    parts = reference.split("/_history/", 1)[0].split("/")
    if len(parts) < 2 or parts[-2] != "Patient" or not parts[-1] or "?" in parts[-1] or "#" in parts[-1]:
        return None
    return parts[-1]


def agree_on_patient(
    patient_id: str | None,
    patients: Iterable[str],
    subjects: Iterable[str],
) -> None:
    """Check that everything belongs to one patient. Raises :class:`ForeignPatient`.

    ``patients`` are the ids of the Patient resources, ``subjects`` the ids the others refer to. Without
    ``patient_id`` they must agree among themselves.
    """
    ids = {*patients, *subjects}
    if patient_id is not None:
        ids.add(patient_id)
    if len(ids) > 1:
        raise ForeignPatient
