"""Observations to the EHR's FHIR server: conditional create, update, and reading again what was saved.

A server is called only if its origin is on the allow-list, and the token goes to that origin alone. Redirects
are not followed; of a ``Location``, which may name another server, only type and id are taken. What counts as
saved is what the same server gives back: it must carry our identifier and be about the same patient.

Deliberately absent: repeating a write. A write without an answer is looked for once by its identifier; saving
again, with the same identifier, is the user's choice and writes no second resource. No URL, token, resource
or answer is logged or put into an exception.
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from urllib.parse import quote

import httpx
import msgspec

from fhir_maps.retrieve import AllowedOrigins, FhirAccess, no_cookies
from fhir_maps.written_resources import (
    ID,
    TYPE_NAME,
    InvalidResourceError,
    Resource,
    check_resource,
    holds,
    id_in,
    identifier_search,
    is_about_the_same,
    is_named,
    is_ours,
    patient_of,
)

__all__ = ["FhirWriter", "InvalidResourceError", "WriteAnswer", "WriteOutcome"]

# These libraries log every URL at INFO, and a search URL holds the patient's id.
for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)

_FHIR_JSON = "application/fhir+json"
_MOST_BYTES = 1024 * 1024
_ENCODE = msgspec.json.Encoder(decimal_format="number").encode


class WriteOutcome(Enum):
    """What became of a resource that was sent."""

    SAVED = "saved"
    ALREADY_THERE = "already-there"  # one with the same identifier was there: nothing was written
    UNAUTHORIZED = "unauthorized"  # 401: nothing was written
    REFUSED = "refused"  # 403, or a server that may not be called
    REJECTED = "rejected"  # another 4xx: the server does not take it as it is
    CONFLICT = "conflict"  # 409, 412: changed by somebody else
    UNCERTAIN = "uncertain"  # no answer: it may or may not have been written


@dataclass(frozen=True, slots=True)
class WriteAnswer:
    """The outcome of a write.

    ``resource`` is what the server gave when it was asked again; ``None`` where it could not be had, of
    something saved too. ``status`` is the HTTP status of the write, ``None`` where there was no answer.
    """

    outcome: WriteOutcome
    resource: Resource | None = None
    status: int | None = None


class _NoAnswerError(Exception):
    """A request was not answered."""


@dataclass(frozen=True, slots=True)
class _Reply:
    status: int
    location: str | None
    content: bytes  # empty where the status came and the rest of the answer did not


class FhirWriter:
    """Writes to FHIR servers. One for the process: it keeps the connections.

    ``allowed_origins`` of ``None`` allows loopback only. ``deadline_seconds`` holds for the write, and once
    more for reading again.
    """

    def __init__(
        self,
        allowed_origins: Iterable[str] | None,
        *,
        deadline_seconds: float = 8.0,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._allowed = AllowedOrigins(allowed_origins)
        self._deadline_seconds = deadline_seconds
        # No proxy from the environment: a token must go to the named server and nowhere else.
        self._client = httpx.AsyncClient(
            transport=transport,
            follow_redirects=False,
            trust_env=False,
            timeout=deadline_seconds,
            cookies=no_cookies(),
            # A server may close a kept connection just as a write goes out on it, and nobody could tell
            # whether it was taken. Writes are rare: each has a connection of its own.
            limits=httpx.Limits(max_keepalive_connections=0),
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def create(self, access: FhirAccess, resource: Resource) -> WriteAnswer:
        """Create a resource unless one with its first identifier is there, and read it again.

        Raises :class:`InvalidResourceError`; never for what a server does.
        """
        kind = check_resource(resource)
        search = identifier_search(resource)
        if not self._allowed.cover(access.base_url):
            return WriteAnswer(WriteOutcome.REFUSED)
        headers = {"If-None-Exist": search, "Prefer": "return=representation", "Content-Type": _FHIR_JSON}
        try:
            reply = await self._send("POST", access, kind, headers, _ENCODE(resource))
        except _NoAnswerError:
            return await self._look_for(access, resource, None)
        outcome = _outcome_of(reply.status, {200: WriteOutcome.ALREADY_THERE, 201: WriteOutcome.SAVED})
        if outcome in (WriteOutcome.SAVED, WriteOutcome.ALREADY_THERE):
            return WriteAnswer(outcome, await self._read_again(access, resource, reply), reply.status)
        if outcome is WriteOutcome.UNCERTAIN:
            return await self._look_for(access, resource, reply.status)
        if outcome is WriteOutcome.CONFLICT and (found := await self._search(access, resource)):
            return WriteAnswer(WriteOutcome.ALREADY_THERE, found, reply.status)
        return WriteAnswer(outcome, None, reply.status)

    async def update(self, access: FhirAccess, resource: Resource, version: str | None) -> WriteAnswer:
        """Replace the resource of the same id, where its ``version`` (``meta.versionId``) still holds.

        ``None`` replaces whatever is there. Raises :class:`InvalidResourceError`; never for what a server
        does.
        """
        kind = check_resource(resource)
        resource_id = resource.get("id")
        if not isinstance(resource_id, str) or not ID.fullmatch(resource_id):
            raise InvalidResourceError("an update needs the id of what it replaces")
        if not self._allowed.cover(access.base_url):
            return WriteAnswer(WriteOutcome.REFUSED)
        headers = {"Prefer": "return=representation", "Content-Type": _FHIR_JSON}
        if version is not None:
            if not ID.fullmatch(version):
                raise InvalidResourceError("not the version of a resource")
            headers["If-Match"] = f'W/"{version}"'
        reference, status = f"{kind}/{resource_id}", None
        try:
            reply = await self._send("PUT", access, reference, headers, _ENCODE(resource))
            status = reply.status
            outcome = _outcome_of(status, {200: WriteOutcome.SAVED, 201: WriteOutcome.SAVED})
        except _NoAnswerError:
            outcome = WriteOutcome.UNCERTAIN
        if outcome not in (WriteOutcome.SAVED, WriteOutcome.UNCERTAIN):
            return WriteAnswer(outcome, None, status)
        found = await self.read(access, reference)
        if found is not None and not is_about_the_same(found, resource):
            found = None
        if outcome is WriteOutcome.UNCERTAIN:
            if found is None or not holds(found, resource):
                return WriteAnswer(outcome, None, status)
            outcome = WriteOutcome.SAVED
        return WriteAnswer(outcome, found, status)

    async def read(self, access: FhirAccess, reference: str) -> Resource | None:
        """Read ``Type/id`` from the server; ``None`` where it cannot be had, for whatever reason."""
        kind, _, resource_id = reference.partition("/")
        if not TYPE_NAME.fullmatch(kind) or not ID.fullmatch(resource_id):
            return None
        if not self._allowed.cover(access.base_url):
            return None
        found = await self._get(access, reference)
        return found if found is not None and is_named(found, kind, resource_id) else None

    async def _read_again(self, access: FhirAccess, sent: Resource, reply: _Reply) -> Resource | None:
        """What was saved, by the id that the answer names, else by its identifier."""
        resource_id = id_in(reply.location, reply.content, sent["resourceType"])
        if resource_id is not None:
            found = await self.read(access, f"{sent['resourceType']}/{resource_id}")
            if found is not None and is_ours(found, sent):
                return found
        return await self._search(access, sent)

    async def _look_for(self, access: FhirAccess, sent: Resource, status: int | None) -> WriteAnswer:
        """After a write without a clear answer: what is found was saved; what is not found may yet be."""
        found = await self._search(access, sent)
        outcome = WriteOutcome.UNCERTAIN if found is None else WriteOutcome.SAVED
        return WriteAnswer(outcome, found, status)

    async def _search(self, access: FhirAccess, sent: Resource) -> Resource | None:
        """Look once for the resource with the identifier of what was sent."""
        kind, patient_id = sent["resourceType"], patient_of(sent)
        # A token of one patient may search that patient's records alone.
        patient = f"&patient={quote(patient_id, safe='')}" if patient_id else ""
        bundle = await self._get(access, f"{kind}?{identifier_search(sent)}{patient}")
        entries = bundle.get("entry") if bundle is not None else None
        for entry in entries if isinstance(entries, list) else ():
            found = entry.get("resource") if isinstance(entry, dict) else None
            if isinstance(found, dict) and found.get("resourceType") == kind and is_ours(found, sent):
                return found
        return None

    async def _get(self, access: FhirAccess, path: str) -> Resource | None:
        # Some servers answer a search from memory for a minute.
        headers = {"Cache-Control": "no-cache"}
        try:
            reply = await self._send("GET", access, path, headers, None)
            if reply.status != httpx.codes.OK:
                return None
            found = msgspec.json.decode(reply.content)
        except (_NoAnswerError, msgspec.MsgspecError, RecursionError, ValueError):
            return None
        return found if isinstance(found, dict) else None

    async def _send(
        self, method: str, access: FhirAccess, path: str, headers: Mapping[str, str], content: bytes | None
    ) -> _Reply:
        sent = {"Accept": f"{_FHIR_JSON}, application/json;q=0.9", **headers}
        if access.token:
            sent["Authorization"] = f"Bearer {access.token}"
        url = f"{access.base_url.rstrip('/')}/{path}"
        reply: _Reply | None = None
        try:
            async with (
                asyncio.timeout(self._deadline_seconds),
                self._client.stream(method, url, headers=sent, content=content) as response,
            ):
                reply = _Reply(response.status_code, response.headers.get("location"), b"")
                body = bytearray()
                async for chunk in response.aiter_bytes():
                    body += chunk
                    if len(body) > _MOST_BYTES:
                        return reply
                return _Reply(reply.status, reply.location, bytes(body))
        except (TimeoutError, httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, ValueError):
            if reply is None:
                raise _NoAnswerError from None
            return reply


def _outcome_of(status: int, done: Mapping[int, WriteOutcome]) -> WriteOutcome:
    if status in done:
        return done[status]
    if status == httpx.codes.UNAUTHORIZED:
        return WriteOutcome.UNAUTHORIZED
    if status == httpx.codes.FORBIDDEN:
        return WriteOutcome.REFUSED
    if status in (httpx.codes.CONFLICT, httpx.codes.PRECONDITION_FAILED):
        return WriteOutcome.CONFLICT
    # A request that the server timed out may have been written, like one that it failed at.
    if httpx.codes.is_client_error(status) and status != httpx.codes.REQUEST_TIMEOUT:
        return WriteOutcome.REJECTED
    return WriteOutcome.UNCERTAIN
