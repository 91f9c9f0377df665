"""The sandbox's authorization server before a FHIR server that knows no authorization: a proxy for tests.

    upstream = Upstream(hapi.base_url, own_base)
    guarded = FhirBehindSmart(public_base, own_base, smart)
    # serve `upstream.app` at own_base, `guarded.app` at public_base

Two addresses. The public one is an EHR as our app sees it: the routes of the authorization server, and the
FHIR interactions that our app needs, each of them admitted by the `Door` first. Behind it stands the address
by which the FHIR server knows itself, and which it writes into `Location`, `fullUrl` and the links of a
searchset, as one behind a proxy does that nobody told. Nobody but the proxy has any business there: `arrived`
is everything that came, with a mark on what came through the door.

The token ends at the door. `rewrites_links` makes the proxy a well-kept one, with its own address in what it
passes on. `largest_page` is the most that a page holds, whatever `_count` asks for. `before_update` is called
once, when the next update was admitted and did not reach the server yet: what somebody else does meanwhile.

Deliberately absent: `_search`, history, transactions, `_include` and whatever else our app does not use; and
looking at whom a condition of a conditional create would find.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
from fastapi import FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool

from ehr_sandbox.door import AccessRefusedError, Interaction
from ehr_sandbox.refusal import access_refused, outcome
from ehr_sandbox.smart_server import SmartServer
from tests.system.hapi_server import REQUEST_TIMEOUT_SECONDS

FHIR_JSON = "application/fhir+json"
THROUGH_THE_DOOR = {"x-through-the-door": "yes"}
_PASSED_ON = ("accept", "content-type", "if-match", "if-none-exist", "prefer", "cache-control")
_PASSED_BACK = ("content-type", "etag", "last-modified", "location")


@dataclass(frozen=True, slots=True)
class Arrival:
    """A request at the FHIR server's own address. `headers` is kept out of pytest's output."""

    method: str
    path: str
    through_the_door: bool
    headers: dict[str, str] = field(repr=False)


class Upstream:
    """The address by which the FHIR server at `target` knows itself; everything is passed on, and noted."""

    def __init__(self, target: str, own_base: str) -> None:
        self.arrived: list[Arrival] = []
        self._target = target
        self._own = own_base
        self._client = _new_client()
        self.app = FastAPI(lifespan=_closing(self._client))
        self.app.add_api_route("/{path:path}", self._pass_on, methods=["GET", "POST", "PUT", "DELETE"])

    @property
    def came_round_the_door(self) -> list[Arrival]:
        """What did not come through the proxy."""
        return [one for one in self.arrived if not one.through_the_door]

    async def _pass_on(self, request: Request) -> Response:
        self.arrived.append(
            Arrival(
                request.method,
                request.url.path,
                THROUGH_THE_DOOR.items() <= dict(request.headers).items(),
                dict(request.headers),
            )
        )
        below = request.url.path.removeprefix(urlsplit(self._own).path)
        # The name that it is asked by is the name that it gives itself.
        own_name = {"host": urlsplit(self._own).netloc}
        url = f"{self._target}{below}" + (f"?{request.url.query}" if request.url.query else "")
        answer = await _send(self._client, request, url, own_name)
        return _back(answer, answer.content, answer.headers.get("location"))


class FhirBehindSmart:
    """The public address: `smart` guards the FHIR server at `upstream`. `public` has no slash at its end."""

    def __init__(self, public: str, upstream: str, smart: SmartServer) -> None:
        self.rewrites_links = False
        self.largest_page: int | None = None
        self.before_update: Callable[[], None] | None = None
        self._public = public
        self._upstream = upstream
        self._smart = smart
        self._pages: dict[str, tuple[str, frozenset[str]]] = {}  # whose a search was, by the id of its pages
        self._client = _new_client()
        self.app = FastAPI(lifespan=_closing(self._client))
        self.app.include_router(smart.router())
        self.app.add_exception_handler(AccessRefusedError, _refuse)
        base = urlsplit(public).path
        self.app.add_api_route(base, self._page, methods=["GET"])
        self.app.add_api_route(f"{base}/{{kind}}", self._search, methods=["GET"])
        self.app.add_api_route(f"{base}/{{kind}}", self._create, methods=["POST"])
        self.app.add_api_route(f"{base}/{{kind}}/{{id_}}", self._read, methods=["GET"])
        self.app.add_api_route(f"{base}/{{kind}}/{{id_}}", self._update, methods=["PUT"])

    async def _read(self, request: Request, kind: str, id_: str) -> Response:
        answer = await self._ask(request, f"/{kind}/{id_}")
        self._admit(request, Interaction.READ, kind, {id_} if kind == "Patient" else _owner(answer.content))
        return self._answer(answer)

    async def _search(self, request: Request, kind: str) -> Response:
        pairs = parse_qsl(request.url.query, keep_blank_values=True)
        patients = self._patients_searched(kind, pairs)
        self._admit(request, Interaction.SEARCH, kind, patients)
        query = request.url.query
        if self.largest_page is not None:
            query = urlencode(
                [(name, self._count(value) if name == "_count" else value) for name, value in pairs]
            )
        answer = await self._ask(request, f"/{kind}?{query}")
        for link in _json(answer.content).get("link", ()):
            if (pages := _id_of_pages(link["url"])) is not None:
                self._pages[pages] = kind, patients
        return self._answer(answer)

    async def _page(self, request: Request) -> Response:
        kind, patients = self._pages.get(_id_of_pages(str(request.url)) or "", ("Bundle", frozenset()))
        self._admit(request, Interaction.SEARCH, kind, patients)
        return self._answer(await self._ask(request, f"?{request.url.query}"))

    async def _create(self, request: Request, kind: str) -> Response:
        self._admit(request, Interaction.CREATE, kind, _owner(await request.body()))
        return self._answer(await self._ask(request, f"/{kind}"))

    async def _update(self, request: Request, kind: str, id_: str) -> Response:
        present = await self._client.get(f"{self._upstream}/{kind}/{id_}", headers=THROUGH_THE_DOOR)
        owners = _owner(await request.body()) | _owner(present.content)
        self._admit(request, Interaction.UPDATE, kind, owners)
        if (meanwhile := self.before_update) is not None:
            self.before_update = None
            await run_in_threadpool(meanwhile)
        return self._answer(await self._ask(request, f"/{kind}/{id_}"))

    def _admit(
        self, request: Request, interaction: Interaction, kind: str, patients: Collection[str]
    ) -> None:
        self._smart.admit(request.headers.get("authorization"), interaction, kind, patients)

    async def _ask(self, request: Request, path: str) -> httpx.Response:
        return await _send(self._client, request, self._upstream + path, THROUGH_THE_DOOR)

    def _answer(self, answer: httpx.Response) -> Response:
        content, location = answer.content, answer.headers.get("location")
        if self.rewrites_links:
            content = content.replace(self._upstream.encode(), self._public.encode())
            location = location and location.replace(self._upstream, self._public)
        return _back(answer, content, location)

    def _patients_searched(self, kind: str, pairs: Collection[tuple[str, str]]) -> frozenset[str]:
        names = ("_id",) if kind == "Patient" else ("patient", "subject")
        values = (part for name, value in pairs if name in names for part in value.split(","))
        return frozenset(value.removeprefix("Patient/") for value in values)

    def _count(self, asked: str) -> str:
        assert self.largest_page is not None
        return str(min(int(asked), self.largest_page))


def _owner(content: bytes) -> frozenset[str]:
    """Whom a resource is about; nobody where it does not say."""
    subject = _json(content).get("subject")
    reference = subject.get("reference", "") if isinstance(subject, dict) else ""
    kind, _, patient_id = reference.rpartition("/")
    return frozenset({patient_id}) if kind.rpartition("/")[2] == "Patient" else frozenset()


def _id_of_pages(url: str) -> str | None:
    return dict(parse_qsl(urlsplit(url).query)).get("_getpages")


def _json(content: bytes) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _new_client() -> httpx.AsyncClient:
    # As slow as HAPI may be; no proxy of the environment has any business on loopback. No connection is kept:
    # one that is asked on just when its server closes it would be a fault that no test has asked for.
    limits = httpx.Limits(max_keepalive_connections=0)
    return httpx.AsyncClient(timeout=REQUEST_TIMEOUT_SECONDS, trust_env=False, limits=limits)


def _closing(client: httpx.AsyncClient) -> Callable[[FastAPI], Any]:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with client:
            yield

    return lifespan


async def _send(
    client: httpx.AsyncClient, request: Request, url: str, more: dict[str, str]
) -> httpx.Response:
    headers = {name: request.headers[name] for name in _PASSED_ON if name in request.headers} | more
    return await client.request(request.method, url, headers=headers, content=await request.body())


def _back(answer: httpx.Response, content: bytes, location: str | None) -> Response:
    headers = {name: answer.headers[name] for name in _PASSED_BACK if name in answer.headers}
    return Response(content, answer.status_code, headers | ({"location": location} if location else {}))


async def _refuse(_: Request, error: Exception) -> Response:
    assert isinstance(error, AccessRefusedError)
    refused = access_refused(error)
    body = json.dumps(outcome(refused.code, refused.text))
    return Response(body, refused.status, media_type=FHIR_JSON)
