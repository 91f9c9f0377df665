"""The sandbox's FHIR R4 endpoint over HTTP: addresses, media types, headers, and the faults on demand.

It is as strict as a good server: an unknown parameter is a 400, not ignored. It knows the search parameters
that the product's clients need (see ``SEARCH_PARAMETERS``) and no others: no includes, no chaining, no
modifiers. Nothing is deleted or patched. Everything stays in memory. Browsers of other origins are let in by
:class:`ehr_sandbox.cross_origin.CrossOrigin`, around the application.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from fastapi import APIRouter, Request, Response
from starlette.convertors import StringConvertor, register_url_convertor
from starlette.types import Receive, Scope, Send

from ehr_sandbox.bundles import process_bundle
from ehr_sandbox.capability import capability_statement
from ehr_sandbox.door import AccessRefusedError, Door
from ehr_sandbox.faults import FhirFaults
from ehr_sandbox.fhir_media import FHIR_JSON, answer_type, is_form, is_json
from ehr_sandbox.interactions import Interactions, Reply
from ehr_sandbox.record import Resource
from ehr_sandbox.refusal import RefusedError, access_refused, outcome
from ehr_sandbox.shelf import Shelf
from ehr_sandbox.writes import require_writable

LARGEST_BODY = 8 * 1024 * 1024
_UNAUTHORIZED = 401


class _Undotted(StringConvertor):
    # ``.well-known`` below the same base is not ours.
    regex = "[^./][^/]*"


register_url_convertor("undotted", _Undotted())


class AnswerLostError(ConnectionError):
    """The connection is ended on purpose."""


def fhir_router(
    shelf: Shelf,
    *,
    door: Door | None = None,
    faults: FhirFaults | None = None,
    base_url: str | None = None,
    security: Resource | None = None,
) -> APIRouter:
    """Build the endpoint's routes; the application that includes them chooses the path.

    Without ``door`` everybody may do everything. ``faults`` is looked at for each request: they may change
    while it runs. ``base_url`` is the endpoint's public address; without it, that of each request.
    ``security`` is told in the capability statement (``SMART_SECURITY``).
    """
    asked = faults if faults is not None else FhirFaults()
    router = APIRouter()

    def own(request: Request, depth: int) -> Interactions:
        url = request.url
        path = url.path.rstrip("/").rsplit("/", depth)[0] if depth else url.path.rstrip("/")
        base = base_url.rstrip("/") if base_url else f"{url.scheme}://{url.netloc}{path}"
        return Interactions(shelf, door, asked, base, request.headers.get("authorization"))

    async def answer(request: Request, work: Callable[[], Awaitable[Response]]) -> Response:
        try:
            media = answer_type(request.headers.get("accept"))
            if media is None and "_format" not in request.query_params:
                raise RefusedError(406, "not-supported", "JSON is answered here")
            response = await work()
        except RefusedError as error:
            media, response = media or FHIR_JSON, _refuse(error, asked)
        except AccessRefusedError as error:
            response = _refuse(access_refused(error), asked)
        if asked.slow_seconds > 0:
            await asyncio.sleep(asked.slow_seconds)
        return _finish(response, media or FHIR_JSON)

    @router.api_route("/metadata", methods=["GET", "HEAD"])
    async def read_metadata(request: Request) -> Response:
        async def work() -> Response:
            base = own(request, 1).base
            return _json(200, capability_statement(base, shelf.types(), shelf.now(), security))

        return await answer(request, work)

    @router.api_route("/{kind:undotted}/{id_}", methods=["GET", "HEAD"])
    async def read(kind: str, id_: str, request: Request) -> Response:
        async def work() -> Response:
            _no_parameters(request)
            return _read_answer(own(request, 2).read(kind, id_))

        return await answer(request, work)

    @router.api_route("/{kind:undotted}/{id_}/_history/{version}", methods=["GET", "HEAD"])
    async def read_version(kind: str, id_: str, version: str, request: Request) -> Response:
        async def work() -> Response:
            _no_parameters(request)
            return _read_answer(own(request, 4).read(kind, id_, version))

        return await answer(request, work)

    @router.api_route("/{kind:undotted}", methods=["GET", "HEAD"])
    async def search(kind: str, request: Request) -> Response:
        async def work() -> Response:
            pairs = parse_qsl(request.url.query, keep_blank_values=True)
            return _json(200, own(request, 1).search(kind, pairs).resource)

        return await answer(request, work)

    @router.post("/{kind:undotted}/_search")
    async def search_by_form(kind: str, request: Request) -> Response:
        async def work() -> Response:
            form = await _read_form(request)
            pairs = parse_qsl(request.url.query, keep_blank_values=True)
            pairs += parse_qsl(form, keep_blank_values=True)
            return _json(200, own(request, 2).search(kind, pairs).resource)

        return await answer(request, work)

    @router.post("/{kind:undotted}")
    async def create(kind: str, request: Request) -> Response:
        async def work() -> Response:
            interactions = own(request, 1)
            _no_parameters(request)
            require_writable(kind)
            body = await _read_json(request)
            condition = request.headers.get("if-none-exist")
            reply = await asyncio.to_thread(interactions.create, kind, body, condition)
            if asked.lose_answer_of_create > 0:
                asked.lose_answer_of_create -= 1
                return _LostAnswer()
            return _write_answer(request, reply, interactions.base, asked)

        return await answer(request, work)

    @router.put("/{kind:undotted}/{id_}")
    async def update(kind: str, id_: str, request: Request) -> Response:
        async def work() -> Response:
            interactions = own(request, 2)
            _no_parameters(request)
            require_writable(kind)
            body = await _read_json(request)
            condition = request.headers.get("if-match")
            reply = await asyncio.to_thread(interactions.update, kind, id_, body, condition)
            return _write_answer(request, reply, interactions.base, asked)

        return await answer(request, work)

    async def transact(request: Request) -> Response:
        async def work() -> Response:
            interactions = own(request, 0)
            body = await _read_json(request)
            represent = _preference(request) != "minimal"

            def process() -> Resource:
                return process_bundle(interactions, body, represent=represent)

            return _json(200, await asyncio.to_thread(process))

        return await answer(request, work)

    async def refuse_method(request: Request) -> Response:
        async def work() -> Response:
            raise RefusedError(405, "not-supported", f"{request.method} is not supported here")

        return await answer(request, work)

    router.add_api_route("/", transact, methods=["POST"])
    others = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
    for path in ("/", "/metadata", "/{kind:undotted}", "/{kind:undotted}/{id_}"):
        router.add_api_route(path, refuse_method, methods=others)
    return router


class _LostAnswer(Response):
    """Ends the connection without a byte of an answer.

    The server has no message for that: it is given a header that cannot be sent, after which it closes the
    connection, as an answer has been begun.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        await send({"type": "http.response.start", "status": 201, "headers": [(b"\x00lost", b"")]})
        raise AnswerLostError


def _read_answer(reply: Reply) -> Response:
    return _json(reply.status, reply.resource, _version_headers(reply.resource))


def _write_answer(request: Request, reply: Reply, base: str, faults: FhirFaults) -> Response:
    resource = reply.resource
    place = (faults.foreign_location or base).rstrip("/")
    version = resource["meta"]["versionId"]
    headers = _version_headers(resource) | {
        "Location": f"{place}/{resource['resourceType']}/{resource['id']}/_history/{version}"
    }
    preference = _preference(request)
    if preference == "minimal":
        return Response(status_code=reply.status, headers=headers)
    if preference == "OperationOutcome":
        done = {"severity": "information", "code": "informational", "details": {"text": "saved"}}
        return _json(reply.status, {"resourceType": "OperationOutcome", "issue": [done]}, headers)
    return _json(reply.status, resource, headers)


def _version_headers(resource: Resource) -> dict[str, str]:
    meta = resource["meta"]
    saved = format_datetime(datetime.fromisoformat(meta["lastUpdated"]), usegmt=True)
    return {"ETag": f'W/"{meta["versionId"]}"', "Last-Modified": saved}


def _preference(request: Request) -> str:
    for part in request.headers.get("prefer", "").replace(",", ";").split(";"):
        name, _, value = part.strip().partition("=")
        if name == "return":
            return value
    return "representation"


def _refuse(error: RefusedError, faults: FhirFaults) -> Response:
    headers = {"WWW-Authenticate": "Bearer"} if error.status == _UNAUTHORIZED else None
    if error.status == _UNAUTHORIZED and faults.plain_text_401:
        return Response(error.text, error.status, headers, "text/plain")
    return _json(error.status, outcome(error.code, error.text), headers)


def _json(status: int, body: Any, headers: dict[str, str] | None = None) -> Response:
    return Response(msgspec.json.encode(body), status, headers, FHIR_JSON)


def _finish(response: Response, media: str) -> Response:
    if isinstance(response, _LostAnswer):
        return response
    if response.headers.get("content-type", "").startswith(FHIR_JSON):
        response.headers["content-type"] = f"{media}; charset=utf-8"
    response.headers["Cache-Control"] = "no-store"
    return response


def _no_parameters(request: Request) -> None:
    for name in request.query_params:
        if name not in ("_format", "_pretty"):
            raise RefusedError(400, "invalid", f"parameter {name[:64]!r} is not known here")


async def _read_json(request: Request) -> object:
    if not is_json(request.headers.get("content-type", "")):
        raise RefusedError(415, "not-supported", "the body is not application/fhir+json")
    try:
        body: object = msgspec.json.decode(await _read_body(request))
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise RefusedError(400, "structure", "the body is not JSON") from None
    return body


async def _read_form(request: Request) -> str:
    body = await _read_body(request)
    if body and not is_form(request.headers.get("content-type", "")):
        raise RefusedError(415, "not-supported", "the body is not a form")
    return body.decode("utf-8", "replace")


async def _read_body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_BODY:
            raise RefusedError(413, "too-long", "the body is too large")
    return bytes(body)
