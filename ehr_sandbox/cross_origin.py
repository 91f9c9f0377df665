"""Browser clients of other origins (CORS), and faults that nobody expected, under one path of the sandbox.

Any origin may call, as the records are synthetic, and none with credentials: a bearer token is no cookie. The
sandbox's own pages, which change things by a click, lie under other paths and stay closed.
"""

import logging

from starlette.datastructures import MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ehr_sandbox.fhir_media import FHIR_JSON

_log = logging.getLogger(__name__)

# Listed by name: ``*`` does not cover Authorization.
_ALLOWED = "Authorization, Content-Type, Accept, If-None-Exist, If-Match, Prefer, X-Requested-With"
_PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, HEAD, POST, PUT, OPTIONS",
    "Access-Control-Allow-Headers": _ALLOWED,
    "Access-Control-Max-Age": "600",
}
_EXPOSED = "Location, ETag, Last-Modified, WWW-Authenticate"
_FAILED = (
    b'{"resourceType":"OperationOutcome","issue":[{"severity":"fatal","code":"exception",'
    b'"details":{"text":"the sandbox failed at this request"}}]}'
)


class CrossOrigin:
    """Answers OPTIONS, adds CORS headers to every answer, and makes a bare 500 of an unhandled exception."""

    def __init__(self, app: ASGIApp, path: str = "/fhir") -> None:
        self._app = app
        self._path = path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request; anything outside the path passes untouched."""
        here = scope["type"] == "http" and (
            scope["path"] == self._path or scope["path"].startswith(f"{self._path}/")
        )
        if not here:
            await self._app(scope, receive, send)
            return
        started = False

        async def send_on(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                headers["Access-Control-Allow-Origin"] = "*"
                headers["Access-Control-Expose-Headers"] = _EXPOSED
            await send(message)

        if scope["method"] == "OPTIONS":
            await Response(status_code=204, headers=_PREFLIGHT)(scope, receive, send_on)
            return
        try:
            await self._app(scope, receive, send_on)
        except Exception as error:
            if started:
                raise
            # The type alone: the words of an exception may repeat what was sent.
            _log.error("unexpected %s at the FHIR endpoint", type(error).__name__)
            await Response(_FAILED, 500, media_type=FHIR_JSON)(scope, receive, send_on)
