"""What the SMART app writes with, against the sandbox: nothing is saved twice, whatever is lost."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from fhir_maps.retrieve import FhirAccess
from fhir_maps.write_back import FhirWriter, WriteAnswer, WriteOutcome
from tests.served_ward import served
from tests.small_ward import Ward, ice


def write(
    ward: Ward, *steps: Callable[[FhirWriter, FhirAccess], Awaitable[WriteAnswer]]
) -> list[WriteAnswer]:
    async def run(base: str) -> list[WriteAnswer]:
        writer = FhirWriter(None)
        try:
            return [await step(writer, FhirAccess(base)) for step in steps]
        finally:
            await writer.close()

    with served(ward) as base:
        return asyncio.run(run(base))


def save(writer: FhirWriter, access: FhirAccess) -> Awaitable[WriteAnswer]:
    return writer.create(access, ice())


def test_a_save_whose_answer_is_lost_is_found_and_not_repeated() -> None:
    ward = Ward()
    ward.faults.lose_answer_of_create = 1
    lost, again = write(ward, save, save)
    assert lost.outcome is WriteOutcome.SAVED
    assert again.outcome is WriteOutcome.ALREADY_THERE
    assert again.resource == lost.resource
    assert ward.count() == 1


def test_a_location_on_another_server_is_not_followed() -> None:
    ward = Ward()
    ward.faults.foreign_location = "https://upstream.example/r4"
    [saved] = write(ward, save)
    assert saved.outcome is WriteOutcome.SAVED
    assert saved.resource is not None
    assert saved.resource["valueInteger"] == 8


@pytest.mark.parametrize(
    ("status", "outcome"), [(403, WriteOutcome.REFUSED), (500, WriteOutcome.UNCERTAIN)], ids=str
)
def test_a_server_that_fails_is_told_apart_from_one_that_refuses(status: int, outcome: WriteOutcome) -> None:
    ward = Ward()
    ward.faults.statuses["Observation"] = status
    [answer] = write(ward, save)
    assert answer.outcome is outcome
    ward.faults.statuses.clear()
    assert ward.count() == 0


def test_a_correction_replaces_the_version_it_was_made_from_and_no_other() -> None:
    ward = Ward()
    [saved] = write(ward, save)
    found = saved.resource
    assert found is not None

    def correct(total: int) -> Callable[[FhirWriter, FhirAccess], Awaitable[WriteAnswer]]:
        changed = {**found, "status": "amended", "valueInteger": total}
        return lambda writer, access: writer.update(access, changed, "1")

    first, second = write(ward, correct(7), correct(3))
    assert first.outcome is WriteOutcome.SAVED
    assert second.outcome is WriteOutcome.CONFLICT
    [kept] = ward.shelf.search("Observation", [("patient", "one")])
    assert kept["valueInteger"] == 7
