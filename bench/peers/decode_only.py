"""(b) The same FastAPI endpoint and the same structs as ours, and a fixed card: no mapping, no grading.

It is what is left of our service when every clinical line is taken out: the body is read under the cap, the
request is decoded, and each resource of each prefetch Bundle is decoded once, on its own.
"""

import msgspec
from fastapi import FastAPI, Request, Response

from cds_service.wire import hook_response, read_body, read_hook_request
from fhir_maps import r4
from fhir_maps.bundle_entries import Resource

MOST_BYTES = 64 * 1024 * 1024
HOOK = "patient-view"

app = FastAPI()
_decode_bundle = msgspec.json.Decoder(r4.Bundle).decode
_decode_resource = msgspec.json.Decoder(Resource).decode
_decode_head = msgspec.json.Decoder(r4.ResourceHead).decode


@app.post("/cds-services/cart-toxicity-patient-view")
async def patient_view(request: Request) -> Response:
    """Decode everything and answer a card that says how much it was."""
    hook = read_hook_request(await read_body(request, MOST_BYTES), HOOK)
    decoded = [resource for answer in (hook.prefetch or {}).values() for resource in _resources(answer)]
    return hook_response(
        [{"summary": f"{len(decoded)} resources", "indicator": "info", "source": {"label": "bench"}}]
    )


def _resources(answer: msgspec.Raw) -> list[object]:
    if _decode_head(answer).resourceType != "Bundle":
        return [_decode_resource(answer)]
    return [_decode_resource(entry.resource) for entry in _decode_bundle(answer).entry]
