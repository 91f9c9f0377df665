"""The page with the hand-over as text: to read out, to copy, or to print."""

from fastapi import APIRouter, Request, Response

from smart_app.handover import write_handover
from smart_app.page_room import PageRoom


def handover_router(room: PageRoom) -> APIRouter:
    """The route of the page, relative to the app."""
    router = APIRouter()

    @router.get("/s/{sid}/handover")
    async def show(request: Request) -> Response:
        session = await room.open(request)
        bedside = await room.read(session)
        return room.render("handover.html", session, bedside, text=write_handover(bedside))

    return router
