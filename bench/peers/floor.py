"""(a) Reads the body and answers a fixed card: what HTTP alone costs."""

from typing import Any

CARD = (
    b'{"cards":[{"summary":"fixed","indicator":"info","source":{"label":"bench"},"detail":"Body received."}]}'
)
HEADERS = [(b"content-type", b"application/json"), (b"content-length", str(len(CARD)).encode())]


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Answer any HTTP request once its body is complete."""
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    chunks: list[bytes] = []
    while True:
        message = await receive()
        chunks.append(message.get("body", b""))
        if not message.get("more_body"):
            break
    b"".join(chunks)
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": CARD})
