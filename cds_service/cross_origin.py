"""The outermost door: browser origins (CORS), and faults that nobody expected.

Headers stand on every answer, errors included: a browser client shows a refusal and an answer without them
alike as "nothing to say". A preflight carries no token, so it is answered here, before any authentication.
"""

import logging
from uuid import uuid4

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cds_service.outcome import IssueCode, error_response

logger = logging.getLogger(__name__)

_METHODS = b"GET, HEAD, POST, OPTIONS"
_HEADERS = b"Authorization, Content-Type"  # by name: a wildcard does not cover Authorization
_PREFLIGHT_SECONDS = b"600"


class CrossOriginDoor:
    """Answers OPTIONS, adds CORS headers, and turns an unhandled exception into a bare 500 OperationOutcome.

    ``origins`` of ``None`` allows any origin. Credentials (cookies) are never allowed.
    """

    def __init__(self, app: ASGIApp, origins: frozenset[str] | None) -> None:
        self._app = app
        self._origins = origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = self._allowing(scope)
        started = False

        async def send_with_headers(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                message = {**message, "headers": [*message["headers"], *headers]}
            await send(message)

        if scope["method"] == "OPTIONS":
            await self._preflight(send_with_headers)
            return
        try:
            await self._app(scope, receive, send_with_headers)
        except ClientDisconnect:
            return  # nobody is left to answer
        except Exception as error:
            request_id = str(uuid4())
            # The text of an exception may hold patient data: its type and the id are all that is logged.
            logger.error("unhandled %s, request %s", type(error).__name__, request_id)
            if started:
                return
            text = f"internal error, reference {request_id}"
            response = error_response(500, IssueCode.EXCEPTION, text, {"X-Request-ID": request_id})
            await response(scope, receive, send_with_headers)

    def _allowing(self, scope: Scope) -> list[tuple[bytes, bytes]]:
        if self._origins is None:
            return [(b"access-control-allow-origin", b"*")]
        origin = next((value for name, value in scope["headers"] if name == b"origin"), None)
        vary = (b"vary", b"Origin")
        if origin is None or origin.decode("latin-1").casefold() not in self._origins:
            return [vary]
        return [(b"access-control-allow-origin", origin), vary]

    async def _preflight(self, send: Send) -> None:
        headers = [
            (b"allow", _METHODS),
            (b"access-control-allow-methods", _METHODS),
            (b"access-control-allow-headers", _HEADERS),
            (b"access-control-max-age", _PREFLIGHT_SECONDS),
        ]
        await send({"type": "http.response.start", "status": 204, "headers": headers})
        await send({"type": "http.response.body", "body": b""})
