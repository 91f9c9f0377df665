"""The addresses of a login: launch from the EHR, launch standing alone, callback, and our public keys.

An EHR is asked for anything only after its address was found, exactly, among the configured ones.
"""

from collections.abc import Sequence
from typing import Protocol

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from smart_app.callback import PRIVATE_HEADERS, answer_callback
from smart_app.cookies import login_cookie, surplus_cookies
from smart_app.ehr_client import EhrClient
from smart_app.errors import PageError
from smart_app.smart_login import Beginning, SmartLogin

_LONGEST_ISS = 2000
_LONGEST_LAUNCH = 4096
_KEYS_KEPT = "public, max-age=300"


class EhrPage(Protocol):
    """Shows the EHRs from which the app can be opened standing alone (``ehrs.html``)."""

    def __call__(self, ehrs: Sequence[EhrClient]) -> Response:
        """The page."""
        ...


def launch_router(login: SmartLogin, ehr_page: EhrPage) -> APIRouter:
    """The routes, relative to ``/smart``. Faults are raised as :class:`PageError`."""
    router = APIRouter()
    settings = login.settings

    @router.get("/launch")
    async def launch(request: Request) -> Response:
        _refuse_when_off(login)
        iss, launch_value = _one(request, "iss", _LONGEST_ISS), _one(request, "launch", _LONGEST_LAUNCH)
        if iss is None or launch_value is None:
            raise PageError(
                400,
                "This address opens from an EHR only",
                "The EHR must say which server it is (iss) and which launch this is (launch). Open the app"
                " from the patient's chart.",
            )
        beginning = await login.begin(_configured(login, iss), iss, launch_value)
        return _redirect(request, beginning)

    @router.get("/standalone")
    async def standalone(request: Request) -> Response:
        _refuse_when_off(login)
        iss = _one(request, "iss", _LONGEST_ISS)
        if iss is None and len(settings.ehrs) > 1:
            raise PageError(400, "Which EHR?", "Choose the EHR on the first page of this app.")
        ehr = settings.ehrs[0] if iss is None else _configured(login, iss)
        # The address as it was registered, not as it was typed.
        return _redirect(request, await login.begin(ehr, ehr.iss, None))

    @router.get("/callback")
    async def callback(request: Request) -> Response:
        _refuse_when_off(login)
        return await answer_callback(login, request)

    @router.post("/callback")
    async def callback_by_form(request: Request) -> Response:
        _refuse_when_off(login)
        return await answer_callback(login, request)

    @router.get("/.well-known/jwks.json")
    async def keys() -> Response:
        return JSONResponse(
            settings.keys.jwks(),
            headers={"Cache-Control": _KEYS_KEPT},
        )

    @router.get("/")
    async def ehrs() -> Response:
        _refuse_when_off(login)
        return ehr_page(settings.ehrs)

    return router


def _refuse_when_off(login: SmartLogin) -> None:
    if not login.settings.is_on:
        raise PageError(
            404,
            "The app is not set up here",
            "No EHR is configured. Who runs this service sets CART_CDS_SMART_EHRS.",
        )


def _configured(login: SmartLogin, iss: str) -> EhrClient:
    ehr = login.settings.ehr_of(iss)
    if ehr is None:
        raise PageError(
            403,
            "This EHR is not known to the app",
            "Nothing was sent to it. If it is your hospital's, who runs this service must add its address.",
        )
    return ehr


def _one(request: Request, name: str, longest: int) -> str | None:
    """The one value of a query parameter; ``None`` where it is missing, repeated or beyond reason."""
    values = request.query_params.getlist(name)
    return values[0] if len(values) == 1 and 0 < len(values[0]) <= longest else None


def _redirect(request: Request, beginning: Beginning) -> Response:
    response = Response(status_code=303, headers={"Location": beginning.location, **PRIVATE_HEADERS})
    for cookie in (*surplus_cookies(request), login_cookie(beginning.state, beginning.cookie_secret)):
        response.headers.append("Set-Cookie", cookie)
    return response
