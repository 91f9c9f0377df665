"""(c) The same logic as ours behind ``fhir.resources``: every prefetch Bundle is validated as R4B first.

Our own service runs unchanged behind it, so this peer is charged with the validation and not with a mapping
from its models, which would only make it slower. The envelope is decoded by msgspec, also in its favour.
"""

from typing import Any

import msgspec
from fhir.resources.R4B.bundle import Bundle

from bench.peers.ours import app as ours


class _Request(msgspec.Struct):
    prefetch: dict[str, dict[str, Any]] = {}


_decode_request = msgspec.json.Decoder(_Request).decode


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Validate the prefetch of a POST, then hand the same body to our service."""
    if scope["type"] != "http" or scope["method"] != "POST":
        await ours(scope, receive, send)
        return
    chunks: list[bytes] = []
    while True:
        message = await receive()
        chunks.append(message.get("body", b""))
        if not message.get("more_body"):
            break
    body = b"".join(chunks)
    bundles = [
        Bundle.model_validate(answer)
        for answer in _decode_request(body).prefetch.values()
        if answer.get("resourceType") == "Bundle"
    ]
    unread: list[dict[str, Any]] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Any:
        return unread.pop() if unread else await receive()

    await ours(scope, replay, send)
    del bundles
