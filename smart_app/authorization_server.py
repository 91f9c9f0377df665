"""The only way out to an EHR's servers: every request of a launch leaves from here.

Discovery, keys, tokens, revocation and style are asked for with the same care: ``https`` with certificates
verified (TLS 1.2 and newer), no redirect followed, no proxy from the environment, no cookie kept, five
seconds, and a bounded answer. Addresses are checked once more before anything is sent. Nothing of a request
or an answer is logged or put into an exception.
"""

import asyncio
import logging
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

import httpx
import msgspec

# These libraries log every URL at INFO.
for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)

Transport = httpx.AsyncBaseTransport
DEADLINE_SECONDS = 5.0
_LARGEST_ANSWER = 256 * 1024


class Fault(Enum):
    """Why there is no usable answer."""

    FORBIDDEN = "forbidden"  # the address may not be called: nothing was sent
    UNREACHABLE = "unreachable"  # no connection: nothing was sent
    UNCLEAR = "unclear"  # sent, and no whole answer came: it may or may not have been done
    REFUSED = "refused"  # another status than expected, a redirect among them
    UNREADABLE = "unreadable"  # not the document that was asked for, or too large


class ServerFaultError(Exception):
    """A server's answer cannot be used. Holds nothing of the request or the answer."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.value)
        self.fault = fault


@dataclass(frozen=True, slots=True)
class Reply:
    """The status of an answer and its body, which may hold tokens."""

    status: int
    body: bytes = field(repr=False)


class OutgoingRequests:
    """Sends requests to the servers of EHRs. One for the process.

    ``allowed`` says whether an address may be called at all. ``transport`` is given by tests and demos.
    """

    def __init__(self, allowed: Callable[[str], bool], transport: Transport | None = None) -> None:
        self._allowed = allowed
        self._client = httpx.AsyncClient(
            verify=tls_context(),
            transport=transport,
            follow_redirects=False,
            trust_env=False,
            timeout=DEADLINE_SECONDS,
            # A kept connection may close just as a code is sent on it, and a code is never sent twice.
            limits=httpx.Limits(max_keepalive_connections=0),
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            headers={"User-Agent": "cart-toxicity-cds"},
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def get_json(self, url: str) -> dict[str, Any]:
        """A JSON object. Raises :class:`ServerFaultError` for anything but a 200 that holds one."""
        reply = await self._send("GET", url, {"Accept": "application/json"}, None)
        if reply.status != httpx.codes.OK:
            raise ServerFaultError(Fault.REFUSED)
        return json_object(reply.body)

    async def post_form(self, url: str, form: Mapping[str, str], authorization: str | None = None) -> Reply:
        """The answer to a form, whatever its status. Raises :class:`ServerFaultError` where there is none.

        It is sent once: a code or a refresh token must never be sent twice.
        """
        headers = {"Accept": "application/json"}
        if authorization is not None:
            headers["Authorization"] = authorization
        return await self._send("POST", url, headers, form)

    async def _send(
        self, method: str, url: str, headers: Mapping[str, str], form: Mapping[str, str] | None
    ) -> Reply:
        if not self._allowed(url):
            raise ServerFaultError(Fault.FORBIDDEN)
        try:
            async with asyncio.timeout(DEADLINE_SECONDS):
                async with self._client.stream(method, url, headers=headers, data=form) as response:
                    body = bytearray()
                    async for chunk in response.aiter_bytes():
                        body += chunk
                        if len(body) > _LARGEST_ANSWER:
                            raise ServerFaultError(Fault.UNREADABLE)
                    return Reply(response.status_code, bytes(body))
        except (httpx.ConnectError, httpx.ConnectTimeout):
            raise ServerFaultError(Fault.UNREACHABLE) from None
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, TimeoutError, ValueError):
            raise ServerFaultError(Fault.UNCLEAR) from None


def json_object(body: bytes) -> dict[str, Any]:
    """Decode a JSON object. Raises :class:`ServerFaultError` for anything else."""
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.MsgspecError, RecursionError, ValueError):
        raise ServerFaultError(Fault.UNREADABLE) from None


def tls_context() -> ssl.SSLContext:
    """TLS 1.2 and newer, certificates and host names verified."""
    context = httpx.create_ssl_context(verify=True, trust_env=False)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
