"""The redirect URI: the EHR's answer to a login, checked against the browser that began it.

The state is looked up on every hit and is gone then; the cookie of that very state must come along. What the
EHR writes beside an error code is never shown. The answer is a redirect to a clean address, so that the code
stays neither in the address bar nor in a referrer.
"""

import asyncio
import hmac
import logging
from urllib.parse import parse_qsl

from fastapi import Request, Response

from smart_app.cookies import (
    expired,
    login_cookie_name,
    read_cookie,
    session_cookie,
    surplus_cookies,
)
from smart_app.errors import PageError
from smart_app.session import View
from smart_app.smart_login import SmartLogin

logger = logging.getLogger(__name__)

PRIVATE_HEADERS = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
_LARGEST_FORM = 32 * 1024
_LONGEST_STATE = 200
_MOST_FIELDS = 50
_PAGE_OF_VIEW = {View.COURSE: "course", View.ICE: "ice", View.TREATMENTS: "course#treatments"}
# The codes of OAuth and OpenID Connect; any other, and every description, is nothing to show.
_MEANINGS = {
    "access_denied": "You, or the EHR, did not allow the app to open.",
    "login_required": "The EHR wants you to sign in to it first.",
    "interaction_required": "The EHR wants you to sign in to it first.",
    "consent_required": "The EHR wants you to allow the app first.",
    "account_selection_required": "The EHR wants you to choose who you are first.",
    "invalid_scope": "The EHR does not grant what the app asks for.",
    "unauthorized_client": "The EHR does not know this app, or does not allow it.",
    "invalid_request": "The EHR did not understand the app's request.",
    "unsupported_response_type": "The EHR did not understand the app's request.",
    "server_error": "The EHR's sign-in had a fault.",
    "temporarily_unavailable": "The EHR's sign-in is busy.",
}


async def answer_callback(login: SmartLogin, request: Request) -> Response:
    """Answer a hit of the redirect URI. Raises :class:`PageError`."""
    values = await _parameters(request)
    state = values.get("state", "")
    begun = None
    if 0 < len(state) <= _LONGEST_STATE:
        begun = await asyncio.to_thread(login.store.take_login, state)
    if "error" in values:
        meaning = _MEANINGS.get(values["error"], "The EHR's sign-in did not succeed.")
        known = values["error"] if values["error"] in _MEANINGS else "another error"
        logger.warning("the EHR answered a login with %s", known)
        raise PageError(
            400, "The EHR did not open the app", f"{meaning} Open it again from the patient's chart."
        )
    if begun is None:
        raise PageError(
            400,
            "This sign-in is not under way",
            "It was used before, or took more than ten minutes, or did not begin here. Nothing was opened."
            " Open the app again from the patient's chart.",
        )
    shown = read_cookie(request, login_cookie_name(state))
    if shown is None or not hmac.compare_digest(shown, begun.cookie_secret):
        logger.warning("a login came back without the cookie of the browser that began it")
        raise PageError(
            400,
            "This browser did not begin the sign-in",
            "Or it keeps no cookies for this app inside the EHR's page. Nothing was opened.",
            new_window=True,
        )
    code = values.get("code", "")
    if not code:
        raise PageError(
            400, "The EHR's answer is not complete", "Open the app again from the patient's chart."
        )
    opened = await login.finish(begun, code, values.get("iss"))
    session = opened.session
    page = _PAGE_OF_VIEW[session.view]
    response = Response(
        status_code=303,
        headers={"Location": f"{login.settings.app_url}/s/{session.sid}/{page}", **PRIVATE_HEADERS},
    )
    cookies = (
        *surplus_cookies(request),
        expired(login_cookie_name(state)),
        session_cookie(session.sid, opened.secret),
    )
    for cookie in cookies:
        response.headers.append("Set-Cookie", cookie)
    return response


async def _parameters(request: Request) -> dict[str, str]:
    """The parameters of the query (GET) or the form (POST); one that is repeated is refused (OAuth 2)."""
    unclear = PageError(400, "The EHR's answer is not clear", "Open the app again from the patient's chart.")
    if request.method == "POST":
        try:
            pairs = parse_qsl((await _body(request)).decode(), max_num_fields=_MOST_FIELDS)
        except ValueError:
            raise unclear from None
    else:
        pairs = request.query_params.multi_items()
    values = dict(pairs)
    if len(values) < len(pairs):
        raise unclear
    return values


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LARGEST_FORM:
            raise PageError(413, "The EHR's answer is too large", "Nothing was opened.")
    return bytes(body)
