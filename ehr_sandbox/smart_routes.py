"""The routes of the authorization server. What is decided is decided elsewhere; here it becomes HTTP."""

import asyncio
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, RedirectResponse
from starlette.types import Receive, Scope, Send

from ehr_sandbox.door import AccessRefusedError
from ehr_sandbox.smart_authorize import AuthorizationPageError, Choosing, Redirect
from ehr_sandbox.smart_discovery import (
    AUTHORIZE,
    CHOOSE,
    JWKS,
    OVERSIZE,
    REVOKE,
    STYLE,
    TOKEN,
    openid_configuration,
    smart_configuration,
    style_file,
)
from ehr_sandbox.smart_launch_service import LaunchRefusedError
from ehr_sandbox.smart_pages import patient_choice, wrong_request
from ehr_sandbox.smart_token import FORM, TokenRefusedError, form_pairs, read_form

if TYPE_CHECKING:
    from ehr_sandbox.smart_server import SmartServer

_NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}
_OPEN = {"Access-Control-Allow-Origin": "*"}
_PREFLIGHT = {
    **_OPEN,
    "Access-Control-Allow-Methods": "POST, OPTIONS",
    "Access-Control-Allow-Headers": "accept, authorization, content-type",
    "Access-Control-Max-Age": "600",
}
_LARGEST_BODY = 64 * 1024


def smart_router(server: "SmartServer") -> APIRouter:
    """All routes of a server, with their full paths."""
    router = APIRouter(include_in_schema=False)
    _add_discovery(router, server)
    _add_authorization(router, server)
    _add_tokens(router, server)
    _add_launch_service(router, server)
    return router


def _add_discovery(router: APIRouter, server: "SmartServer") -> None:
    base, faults = server.addresses.fhir_path, server.faults

    @router.get(f"{base}/.well-known/smart-configuration")
    async def read_smart_configuration() -> Response:
        await asyncio.sleep(faults.discovery_seconds)
        if faults.discovery_location is not None:
            return RedirectResponse(faults.discovery_location, 302)
        if faults.discovery_status is not None:
            return JSONResponse({"error": "the sandbox was told to fail"}, faults.discovery_status)
        document = smart_configuration(server.addresses, server.clients, faults)
        if faults.discovery_oversized:
            document["padding"] = "x" * OVERSIZE
        return JSONResponse(document, headers=_OPEN)

    @router.get(f"{base}/.well-known/openid-configuration")
    async def read_openid_configuration() -> Response:
        return JSONResponse(openid_configuration(server.addresses), headers=_OPEN)

    @router.get(JWKS)
    async def read_keys() -> Response:
        return JSONResponse(
            server.identities.jwks(), headers={**_OPEN, "Cache-Control": "public, max-age=60"}
        )

    @router.get(STYLE)
    async def read_style() -> Response:
        return JSONResponse(dict(style_file(faults)), headers=_OPEN)


def _add_authorization(router: APIRouter, server: "SmartServer") -> None:
    def answer(parameters: list[tuple[str, str]], status: int) -> Response:
        try:
            outcome = server.authorizations.authorize(parameters)
        except AuthorizationPageError as error:
            return wrong_request(error.text)
        if isinstance(outcome, Choosing):
            return patient_choice(outcome, server.patients())
        return _redirect(outcome, status)

    @router.get(AUTHORIZE)
    async def authorize(request: Request) -> Response:
        return answer(_query(request), 302)

    @router.post(AUTHORIZE)
    async def authorize_by_form(request: Request) -> Response:
        body = await _body(request)
        if not _is_form(request) or request.url.query or body is None:
            return wrong_request("An authorization request by POST is one form, without a query.")
        return answer(list(form_pairs(body)), 303)

    @router.post(CHOOSE)
    async def choose_patient(request: Request) -> Response:
        body = await _body(request)
        form = dict(form_pairs(body)) if body is not None and _is_form(request) else {}
        try:
            outcome = server.authorizations.choose(form.get("request", ""), form.get("patient", ""))
        except AuthorizationPageError as error:
            return wrong_request(error.text)
        return _redirect(outcome, 303)


def _add_tokens(router: APIRouter, server: "SmartServer") -> None:
    faults = server.faults

    @router.post(TOKEN)
    async def answer_token_request(request: Request) -> Response:
        await asyncio.sleep(faults.token_delay_seconds)
        if faults.token_status is not None:
            return Response("the sandbox was told to fail", faults.token_status, media_type="text/plain")
        try:
            form = await _strict_form(request)
            # Reading a client's keys may take a request of its own.
            answer = await run_in_threadpool(
                server.token_requests.answer, request.headers.get("authorization"), form
            )
        except TokenRefusedError as refused:
            return _refuse(request, refused)
        if faults.token_answer_cut:
            return _CutAnswer(answer, headers=_NO_STORE)
        return JSONResponse(answer, headers=_NO_STORE)

    @router.post(REVOKE)
    async def revoke_token(request: Request) -> Response:
        if faults.no_revocation:
            return Response(status_code=404)
        try:
            form = await _strict_form(request)
            await run_in_threadpool(server.token_requests.revoke, request.headers.get("authorization"), form)
        except TokenRefusedError as refused:
            return _refuse(request, refused)
        return Response(status_code=200, headers=_NO_STORE)


def _add_launch_service(router: APIRouter, server: "SmartServer") -> None:
    path = f"{server.addresses.fhir_path}/_services/smart/Launch"

    @router.options(path)
    async def allow_other_origins() -> Response:
        return Response(status_code=204, headers=_PREFLIGHT)

    @router.post(path)
    async def begin_launch(request: Request) -> Response:
        body = await _body(request)
        try:
            document = json.loads(body) if body is not None else None
        except (ValueError, RecursionError):
            document = None
        try:
            server.admit_launch(
                request.headers.get("authorization"), server.launch_service.patient_of(document)
            )
            launch = server.launch_service.begin(document)
        except LaunchRefusedError as refused:
            return JSONResponse({"error": refused.text}, 400, headers=_OPEN)
        except AccessRefusedError as refused:
            return JSONResponse({"error": refused.text}, refused.status, headers=_OPEN)
        return JSONResponse({"launch_id": launch}, headers={**_OPEN, **_NO_STORE})


class _CutAnswer(JSONResponse):
    """Ends in the middle: the client cannot know what was done."""

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        half = self.body[: len(self.body) // 2]
        await send({"type": "http.response.body", "body": bytes(half), "more_body": False})


def _redirect(outcome: Redirect, status: int) -> Response:
    # Not RedirectResponse: it would quote the address anew, and what was registered counts byte for byte.
    headers = {**_NO_STORE, "Location": outcome.location, "Referrer-Policy": "no-referrer"}
    return Response(status_code=status, headers=headers)


def _refuse(request: Request, refused: TokenRefusedError) -> Response:
    headers = dict(_NO_STORE)
    if refused.status == 401 and "authorization" in request.headers:
        headers["WWW-Authenticate"] = 'Basic realm="token"'
    body: dict[str, Any] = {"error": refused.error, "error_description": refused.text}
    return JSONResponse(body, refused.status, headers=headers)


async def _strict_form(request: Request) -> dict[str, str]:
    body = await _body(request)
    if body is None:
        raise TokenRefusedError(413, "invalid_request", "the form is too large")
    return read_form(request.headers.get("content-type", ""), request.url.query, body)


async def _body(request: Request) -> bytes | None:
    """The body; ``None`` for one that is too large."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LARGEST_BODY:
            return None
    return bytes(body)


def _is_form(request: Request) -> bool:
    kind = request.headers.get("content-type", "").partition(";")[0]
    return kind.strip().casefold() == FORM


def _query(request: Request) -> list[tuple[str, str]]:
    try:
        return parse_qsl(request.url.query, keep_blank_values=True, max_num_fields=50)
    except ValueError:
        return []
