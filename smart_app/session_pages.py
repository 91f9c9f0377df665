"""The pages of a session that say nothing of the patient: its first address and its end."""

from collections.abc import Awaitable, Callable

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from smart_app.cookies import expired, session_cookie_name
from smart_app.page_room import PageRoom
from smart_app.rendering import Rendering
from smart_app.session import SmartSession, View

_PAGE_OF_VIEW = {View.COURSE: "course", View.ICE: "ice", View.TREATMENTS: "course#treatments"}


def session_router(
    room: PageRoom, rendering: Rendering, end: Callable[[SmartSession], Awaitable[None]]
) -> APIRouter:
    """``GET /s/{sid}/`` leads to the page of the launch, ``POST /s/{sid}/logout`` ends the session.

    ``end`` forgets the session and gives its tokens back.
    """
    router = APIRouter()

    async def begin(request: Request) -> Response:
        session = await room.open(request)
        return RedirectResponse(room.path_of(session, _PAGE_OF_VIEW[session.view]), status_code=303)

    # Both spellings are answered: links are copied with and without the slash.
    for address in ("/s/{sid}", "/s/{sid}/"):
        router.add_api_route(address, begin, methods=["GET"])

    @router.post("/s/{sid}/logout")
    async def sign_out(request: Request) -> Response:
        session, _ = await room.open_form(request)
        await end(session)
        response = RedirectResponse(rendering.path_of_app("signed-out"), status_code=303)
        response.headers.append("Set-Cookie", expired(session_cookie_name(session.sid)))
        return response

    @router.get("/signed-out")
    async def signed_out() -> Response:
        return rendering.plain("signed_out.html")

    return router
