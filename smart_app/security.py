"""The headers of every answer: what a browser may load, who may frame it, and that nothing is kept.

There is no cross-origin access at all, and no ``X-Frame-Options``, which cannot name the EHR's origins. A
page of a session may be framed by that session's EHR alone; other pages by any that is configured.
"""

from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fhir_maps.retrieve import origin_of

# Where the walk of one request keeps the origins that may frame its answer.
FRAMED_BY = "smart_app.framed_by"
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors "
)
_ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
_A_YEAR = "max-age=31536000"


def content_security_policy(framed_by: Iterable[str]) -> str:
    """The policy of a page that these origins may frame; what is no origin is left out."""
    origins = dict.fromkeys(origin for url in framed_by if (origin := origin_of(url)) is not None)
    return _POLICY + (" ".join(origins) or "'none'")


class SecurityHeaders:
    """Puts the headers on every answer, error answers too.

    ``framed_by`` are the origins of all EHRs; whoever proves a session narrows them in the scope
    (:data:`FRAMED_BY`). An answer that says itself how long it may be kept is left so.
    """

    def __init__(self, app: ASGIApp, *, framed_by: Iterable[str], base_url: str) -> None:
        self._app = app
        self._framed_by = tuple(framed_by)
        self._is_https = urlsplit(base_url).scheme == "https"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on and put the headers on its answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        framed_by = scope[FRAMED_BY] = list(self._framed_by)

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Content-Security-Policy"] = content_security_policy(framed_by)
                for name, value in _ALWAYS.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-store")
                if self._is_https:
                    headers["Strict-Transport-Security"] = _A_YEAR
            await send(message)

        await self._app(scope, receive, send_with_headers)
