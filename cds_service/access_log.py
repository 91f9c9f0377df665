"""One log line a request: method, the route's template, status, milliseconds. Never the address itself, which
may hold an identifier, and nothing of the client.
"""

import logging
from time import perf_counter

from starlette.types import ASGIApp, Message, Receive, Scope, Send

logger = logging.getLogger(__name__)

_METHODS = frozenset({"GET", "HEAD", "POST", "OPTIONS", "PUT", "PATCH", "DELETE"})


class AccessLog:
    """Logs every HTTP request once it is answered; an address of no route is ``-``."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on and log its answer."""
        if scope["type"] != "http" or not logger.isEnabledFor(logging.INFO):
            await self._app(scope, receive, send)
            return
        status = 500
        begun = perf_counter()

        async def note_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, note_status)
        finally:
            # A method of no standard is whatever a client wrote, and may hold anything.
            method = scope["method"] if scope["method"] in _METHODS else "-"
            template = getattr(scope.get("route"), "path", "-")
            logger.info("%s %s %d %.1f ms", method, template, status, (perf_counter() - begun) * 1000)
