"""Retrieval of what prefetch did not bring, from the FHIR server that the client named.

All queries run in parallel under one deadline; what has arrived by then is kept. A server is called only if
its origin is on the allow-list, over the scopes that were granted, and the token goes to that base alone:
pages are followed below it, redirects never. Nothing is stored, no cookie either, and no URL, token or answer
is logged or put into an exception: search URLs hold the patient's id.
"""

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from enum import Enum
from http.cookiejar import CookieJar, DefaultCookiePolicy
from ipaddress import ip_address
from urllib.parse import parse_qsl, unquote, urlencode, urljoin, urlsplit

import httpx
import msgspec

from fhir_maps import r4
from fhir_maps.data_requirements import Kind, Requirement, Role
from fhir_maps.search_answers import FAILED, Answer, AnswerState, Document, join_answers, judge_answer

# These libraries log every URL at INFO, and ours hold patient ids.
for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)

_MOST_PAGES = 20
_MEDICATIONS_PER_QUERY = 50
_MEDICATION_REFERENCE = re.compile(
    rb'"reference"\s*:\s*"([^"]*)Medication/([A-Za-z0-9.-]{1,64})(?:/_history/[^"]*)?"'
)
_MEDICATION_RESOURCE = re.compile(rb'"resourceType"\s*:\s*"Medication"')
_DEFAULT_PORTS = {"http": 80, "https": 443}
_NOT_THERE = frozenset({404, 410})
_CLOSED_MEANWHILE = (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError)


class Permission(Enum):
    """What the granted scopes allow for a query."""

    FULL = "full"
    LIMITED = "limited"  # only a part (``?category=…``): an empty answer proves nothing
    NONE = "none"


@dataclass(frozen=True, slots=True)
class FhirAccess:
    """A FHIR server and what the client granted for it. ``token`` and ``scope`` are ``None`` for an open
    server.
    """

    base_url: str
    token: str | None = field(default=None, repr=False)
    scope: str | None = None
    expires_in: float | None = None

    def permission(self, requirement: Requirement) -> Permission:
        """Look for SMART v1 (``patient/Observation.read``) and v2 (``patient/Observation.rs?…``) scopes.

        Without any scope stated (an open server) everything may be tried: the server decides.
        """
        if not self.scope:
            return Permission.FULL
        found = Permission.NONE
        for scope in self.scope.split():
            name, _, query = scope.partition("?")
            _, slash, rest = name.partition("/")
            resource, dot, verbs = rest.partition(".")
            if not slash or not dot or resource not in ("*", requirement.resource_type):
                continue
            if not _allows(verbs, requirement.kind):
                continue
            if not query:
                return Permission.FULL
            found = Permission.LIMITED
        return found


def _allows(verbs: str, kind: Kind) -> bool:
    if verbs in ("read", "*"):
        return True
    return re.fullmatch(r"c?r?u?d?s?", verbs) is not None and ("r" if kind is Kind.READ else "s") in verbs


def origin_of(url: str) -> str | None:
    """Scheme, host and port of an absolute http(s) URL in one spelling; ``None`` for anything else."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname or parts.username is not None:
        return None
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    suffix = "" if port in (None, _DEFAULT_PORTS[parts.scheme]) else f":{port}"
    return f"{parts.scheme}://{host}{suffix}"


def _is_loopback(origin: str) -> bool:
    host = urlsplit(origin).hostname or ""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def no_cookies() -> CookieJar:
    """A jar that stays empty: a server's cookie must not go along with the token of another user."""
    return CookieJar(DefaultCookiePolicy(allowed_domains=[]))


class AllowedOrigins:
    """The origins that may be called; of ``None``, loopback only."""

    def __init__(self, urls: Iterable[str] | None) -> None:
        self._origins = (
            None if urls is None else frozenset(origin for url in urls if (origin := origin_of(url)))
        )

    def cover(self, base_url: str) -> bool:
        """Whether a FHIR base (without query or fragment) lies on one of them."""
        origin = origin_of(base_url)
        if origin is None or urlsplit(base_url).query or urlsplit(base_url).fragment:
            return False
        return _is_loopback(origin) if self._origins is None else origin in self._origins


class _RefusedError(Exception):
    """A server's answer that is no data; ``status`` is its HTTP status, 0 where there was none."""

    def __init__(self, status: int) -> None:
        super().__init__(f"status {status}")
        self.status = status


class FhirReader:
    """Reads from FHIR servers. One for the process: it keeps the connections.

    ``allowed_origins`` of ``None`` allows loopback only. ``cap_bytes`` bounds all answers to one request
    together.
    """

    def __init__(
        self,
        allowed_origins: Iterable[str] | None,
        *,
        deadline_seconds: float = 4.0,
        cap_bytes: int = 32 * 1024 * 1024,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._allowed = AllowedOrigins(allowed_origins)
        self._deadline_seconds = deadline_seconds
        self._cap_bytes = cap_bytes
        # No proxy from the environment: a token must go to the named server and nowhere else.
        self._client = httpx.AsyncClient(
            transport=transport,
            follow_redirects=False,
            trust_env=False,
            timeout=deadline_seconds,
            cookies=no_cookies(),
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    def may_call(self, base_url: str) -> bool:
        """Whether the server's origin is on the allow-list."""
        return self._allowed.cover(base_url)

    async def retrieve(
        self,
        requirements: Sequence[Requirement],
        access: FhirAccess,
        patient_id: str,
        begun: Mapping[str, Answer],
    ) -> dict[str, Answer]:
        """Answer ``requirements`` for one patient; ``begun`` holds prefetched first pages by key.

        Every key that may be asked for is in the result; a key that no scope covers is not. Never raises
        for what a server does. Medications that administrations and orders (begun ones too) refer to are
        read as well, and come under the key ``"medications"``.
        """
        visit = _Visit(self._client, access, self._cap_bytes)
        results: dict[str, Answer] = {}
        seconds = self._deadline_seconds
        if access.expires_in is not None:
            seconds = min(seconds, access.expires_in)
        try:
            async with asyncio.timeout(seconds):
                await asyncio.gather(
                    *(
                        visit.answer(requirement, patient_id, begun.get(requirement.key), results)
                        for requirement in requirements
                        if access.permission(requirement) is not Permission.NONE
                    )
                )
                every = [*begun.values(), *results.values()]
                await visit.read_medications([item for answer in every for item in answer.documents], results)
        except TimeoutError:
            pass  # what has arrived stands in the results; the rest is still marked as failed there
        return results


class _Visit:
    """The calls of one request: they share the token and one budget of bytes."""

    def __init__(self, client: httpx.AsyncClient, access: FhirAccess, cap_bytes: int) -> None:
        self._client = client
        self._access = access
        self._base = access.base_url.rstrip("/") + "/"
        self._origin = origin_of(access.base_url)
        self._bytes_left = cap_bytes

    async def answer(
        self, requirement: Requirement, patient_id: str, begun: Answer | None, results: dict[str, Answer]
    ) -> None:
        key, resource_type = requirement.key, requirement.resource_type
        results[key] = FAILED
        if begun is not None and begun.state is AnswerState.PARTIAL and begun.next_url:
            results[key] = begun
        else:
            results[key] = await self._ask(requirement, self._base + requirement.url_for(patient_id))
        for _ in range(_MOST_PAGES):
            so_far = results[key]
            url = self._below_base(so_far.next_url)
            if so_far.state is not AnswerState.PARTIAL or url is None:
                break
            try:
                page = judge_answer(await self._get(url), resource_type, later_page=True)
            except _RefusedError as refusal:
                results[key] = replace(so_far, refused=refusal.status or None)
                break
            results[key] = join_answers(so_far, page)
        limited = self._access.permission(requirement) is Permission.LIMITED
        if limited and results[key].state is AnswerState.EMPTY:
            results[key] = FAILED

    def _below_base(self, link: str | None) -> str | None:
        """A link's address, where it lies below the FHIR base: another base may be another hospital's."""
        try:
            url = urljoin(self._base, link) if link else ""
            path = unquote(urlsplit(url).path)
        except ValueError:
            return None
        below = f"{path}/".startswith(unquote(urlsplit(self._base).path)) and ".." not in path.split("/")
        return url if below and origin_of(url) == self._origin else None

    async def read_medications(self, documents: Iterable[Document], results: dict[str, Answer]) -> None:
        """Read the Medications that are referred to and not among the documents, under the key
        ``"medications"``.
        """
        wanted: set[str] = set()
        present: set[str] = set()
        for document in documents:
            content = bytes(document)
            # Most documents have none, and a plain text is found many times as fast as a pattern.
            found = _MEDICATION_REFERENCE.findall(content) if b"Medication/" in content else ()
            for base, resource_id in found:
                if not base or base.decode() == self._base:  # the same id on another server is another drug
                    wanted.add(resource_id.decode())
            present |= _medications_in(content)
        ids = sorted(wanted - present)
        requirement = Requirement("medications", "Medication", Kind.SEARCH, Role.OTHER, "medications")
        if not ids or self._access.permission(requirement) is Permission.NONE:
            return
        chunks = [
            ids[first : first + _MEDICATIONS_PER_QUERY]
            for first in range(0, len(ids), _MEDICATIONS_PER_QUERY)
        ]
        urls = [
            f"{self._base}Medication?_id={','.join(chunk)}&_count={len(chunk)}"
            for chunk in chunks[:_MOST_PAGES]
        ]
        answers = await asyncio.gather(*(self._ask(requirement, url) for url in urls))
        results["medications"] = Answer(
            AnswerState.PARTIAL,
            tuple(document for answer in answers for document in answer.documents),
            refused=next((answer.refused for answer in answers if answer.refused), None),
        )

    async def _ask(self, requirement: Requirement, url: str) -> Answer:
        try:
            return judge_answer(await self._get(url), requirement.resource_type)
        except _RefusedError as refusal:
            if requirement.kind is Kind.READ and refusal.status in _NOT_THERE:
                return Answer(AnswerState.EMPTY)
            if refusal.status != httpx.codes.BAD_REQUEST or "_sort=" not in url:
                return _refused(refusal)
        # Some servers refuse to sort: the pages then come in any order, and are all followed.
        try:
            return judge_answer(await self._get(_without_sort(url)), requirement.resource_type)
        except _RefusedError as refusal:
            return _refused(refusal)

    async def _get(self, url: str) -> bytes:
        headers = {"Accept": "application/fhir+json, application/json;q=0.9"}
        if self._access.token:
            headers["Authorization"] = f"Bearer {self._access.token}"
        chunks: list[bytes] = []
        try:
            async with self._opened(url, headers) as response:
                if response.status_code != httpx.codes.OK:
                    raise _RefusedError(response.status_code)
                async for chunk in response.aiter_bytes():
                    self._bytes_left -= len(chunk)
                    if self._bytes_left < 0:
                        raise _RefusedError(0)
                    chunks.append(chunk)
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, ValueError):
            raise _RefusedError(0) from None
        return b"".join(chunks)

    @asynccontextmanager
    async def _opened(self, url: str, headers: Mapping[str, str]) -> AsyncIterator[httpx.Response]:
        """The answer to a GET, before its body is read.

        A server closes a connection that was kept, and may do so just as it is asked on: such a question is
        put once more. What follows would else look like a record that cannot be read.
        """
        request = self._client.build_request("GET", url, headers=headers)
        try:
            response = await self._client.send(request, stream=True)
        except _CLOSED_MEANWHILE:
            response = await self._client.send(request, stream=True)
        try:
            yield response
        finally:
            await response.aclose()


def _refused(refusal: _RefusedError) -> Answer:
    return replace(FAILED, refused=refusal.status or None)


def _without_sort(url: str) -> str:
    base, _, query = url.partition("?")
    return base + "?" + urlencode([pair for pair in parse_qsl(query) if pair[0] != "_sort"], safe=",:/")


def _medications_in(content: bytes) -> set[str]:
    """Ids of the Medication resources in a Bundle or in a resource of its own."""
    if b'"Medication"' not in content or not _MEDICATION_RESOURCE.search(content):
        return set()
    try:
        bundle = msgspec.json.decode(content, type=r4.Bundle)
        heads = [
            msgspec.json.decode(entry.resource, type=r4.ResourceHead)
            for entry in bundle.entry
            if bytes(entry.resource)
        ]
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return set()
    return {head.id for head in heads if head.resourceType == "Medication" and head.id}
