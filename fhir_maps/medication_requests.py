"""MedicationRequest to pending orders: what is ordered now, and never counts as given.

Only an active order with an order's intent is one. A draft, a proposal, a plan, an order that is finished
or held, and one that says "do not perform" leave nothing. Whether an administration followed is grading's
to see.

Deliberately absent: home medication (an order of the outpatient clinic looks the same), and doses.
"""

from collections.abc import Iterator, Mapping

from fhir_maps import dosages, r4
from fhir_maps.drug_names import ORAL_AGENTS
from fhir_maps.drugs import read_drug
from fhir_maps.medication_administrations import LOCAL_ROUTES
from fhir_maps.terminology import Terminology
from fhir_maps.times import parse_instant
from fhir_maps.timings import start_of_day
from fhir_maps.unmapped import Unmapped
from grading.chart import STEROIDS, ImmuneDrug, PendingOrder, Source, VasoactiveAgent

ORDERED = frozenset({"order", "original-order", "reflex-order", "filler-order", "instance-order"})
_AGENTS = {agent.value: agent for agent in VasoactiveAgent}
_WATCHED = {drug.value: drug for drug in (ImmuneDrug.TOCILIZUMAB, *STEROIDS)}


def read_request(
    resource: r4.MedicationRequest, terminology: Terminology, medications: Mapping[str, r4.Medication]
) -> Iterator[PendingOrder | Unmapped]:
    """Read one order. ``medications`` is keyed by full URL, ``Type/id`` or ``id``."""
    if resource.status != "active" or resource.intent not in ORDERED or resource.doNotPerform is True:
        return
    drug = read_drug(
        resource.medicationCodeableConcept,
        resource.medicationReference,
        resource.contained,
        terminology,
        medications,
    )
    if not drug.concepts and drug.unused is None:
        yield drug.unmapped
        return
    route, _ = dosages.read_route(None, resource, terminology)
    authored = parse_instant(resource.authoredOn) or start_of_day(resource.authoredOn)
    reference = f"MedicationRequest/{resource.id}" if resource.id else "MedicationRequest"
    source = Source(reference, drug.note)
    for concept in drug.concepts:
        agent = _AGENTS.get(concept)
        if agent is not None and (route in (None, dosages.INTRAVENOUS) or agent in ORAL_AGENTS):
            yield PendingOrder(agent, authored, source)
        medicine = _WATCHED.get(concept)
        if medicine is not None and route not in LOCAL_ROUTES:
            yield PendingOrder(medicine, authored, source)
