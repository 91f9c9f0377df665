"""Around every request: a bound for its body, one log line, and a plain page for whatever went wrong inside.

The log line holds the route's template and never the address, which holds a session's id or a launch. Of an
unexpected exception the type and the place in our code are logged and never its text, which may hold what a
patient's record says.
"""

import logging
import traceback
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from smart_app.errors import PageError

logger = logging.getLogger(__name__)

LARGEST_BODY = 256 * 1024
_ROOM = Path(__file__).parent
_METHODS = frozenset({"GET", "HEAD", "POST", "OPTIONS", "PUT", "PATCH", "DELETE"})

ShowError = Callable[[PageError, Scope], Response]


class _BodyTooLargeError(Exception):
    """More came than is taken."""


class RequestGuard:
    """Bounds bodies, logs, and answers what nobody else answered. ``show_error`` makes the page."""

    def __init__(self, app: ASGIApp, *, show_error: ShowError, largest_body: int = LARGEST_BODY) -> None:
        self._app = app
        self._show_error = show_error
        self._largest_body = largest_body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 0
        received = 0
        begun = perf_counter()

        async def receive_bounded() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self._largest_body:
                raise _BodyTooLargeError
            return message

        async def note_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            if self._declares_too_much(scope):
                raise _BodyTooLargeError
            await self._app(scope, receive_bounded, note_status)
        except _BodyTooLargeError:
            error = PageError(
                413, "This was too much", "The form is longer than any of ours. Nothing was saved."
            )
            await self._answer(error, status, scope, receive, note_status)
        except Exception as unexpected:
            logger.error("unexpected %s at %s", type(unexpected).__name__, _place_of(unexpected))
            error = PageError(
                500,
                "Something went wrong",
                "This page cannot be shown because of a fault in this app. Nothing was changed in the chart "
                "unless a page said so. Try again; until it works, grade from the chart itself.",
                retry=True,
            )
            await self._answer(error, status, scope, receive, note_status)
        finally:
            # A method of no standard is whatever a client wrote, and may hold anything.
            method = scope["method"] if scope["method"] in _METHODS else "-"
            template = getattr(scope.get("route"), "path", "-")
            logger.info("%s %s %d %.1f ms", method, template, status, (perf_counter() - begun) * 1000)

    def _declares_too_much(self, scope: Scope) -> bool:
        declared = Headers(scope=scope).get("content-length", "0")
        return declared.isdecimal() and int(declared[:20]) > self._largest_body

    async def _answer(
        self, error: PageError, status: int, scope: Scope, receive: Receive, send: Send
    ) -> None:
        if status == 0:  # else the answer is under way, and its end is missing
            await self._show_error(error, scope)(scope, receive, send)


def _place_of(error: Exception) -> str:
    """File and line of the innermost place in our own code or templates."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if Path(frame.filename).is_relative_to(_ROOM)][1:]  # first this module
    place = (ours or frames)[-1]
    return f"{Path(place.filename).name}:{place.lineno}"
