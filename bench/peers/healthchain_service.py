"""(d) HealthChain's own CDS Hooks service. Runs in its own environment and imports nothing of ours.

``app`` is the service as its documentation shows it, with a handler that only counts what the prefetch holds.
``converting_app`` first turns the prefetch into FHIR objects with HealthChain's own adapter. Neither maps a
code nor grades anything.
"""

import logging
from typing import Any

from healthchain.gateway import CDSHooksService, HealthChainAPI
from healthchain.io.adapters.cdsfhiradapter import CdsFhirAdapter
from healthchain.models.requests.cdsrequest import CDSRequest
from healthchain.models.responses.cdsresponse import CDSResponse

# One warning a request ("no DocumentReference in the prefetch") would be measured with it.
logging.disable(logging.WARNING)


def _card(resources: int) -> CDSResponse:
    card = {"summary": f"{resources} resources", "indicator": "info", "source": {"label": "bench"}}
    return CDSResponse(cards=[card])


def _counted(request: CDSRequest) -> CDSResponse:
    answers: list[Any] = list((request.prefetch or {}).values())
    return _card(
        sum(len(answer.get("entry", ())) or answer["resourceType"] != "Bundle" for answer in answers)
    )


def _converted(request: CDSRequest) -> CDSResponse:
    found = _ADAPTER.parse(request).fhir.prefetch_resources.values()
    if any(isinstance(resource, dict) for resource in found):
        raise TypeError("a prefetch key was left unconverted, so the figure would be too good")
    return _card(sum(len(resource.entry or ()) if hasattr(resource, "entry") else 1 for resource in found))


def _application(handler: Any) -> HealthChainAPI:
    service = CDSHooksService()
    service.hook("patient-view", id="cart-toxicity-patient-view")(handler)
    application = HealthChainAPI()
    application.register_service(service)
    return application


_ADAPTER = CdsFhirAdapter(hook_name="patient-view")
app = _application(_counted)
converting_app = _application(_converted)
