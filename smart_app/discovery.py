"""What an EHR's authorization server says of itself: ``{iss}/.well-known/smart-configuration``.

Asked only for a FHIR base that is configured. Kept for five minutes at most, and read again after a fault at
the token endpoint. The OAuth addresses in ``/metadata`` are deprecated and not read.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urljoin

from smart_app.authorization_server import Fault, OutgoingRequests, ServerFaultError
from smart_app.ehr_client import EhrClient

logger = logging.getLogger(__name__)

KEPT_FOR = timedelta(minutes=5)
_WELL_KNOWN = "/.well-known/smart-configuration"
_LONGEST_URL = 2000


class DiscoveryError(Exception):
    """The server's configuration cannot be used; the message is ours."""


@dataclass(frozen=True, slots=True)
class ServerConfiguration:
    """The configuration, with absolute addresses that may be called. ``None`` is what the server left out.

    ``signing_algorithms`` are those it takes for ``private_key_jwt``. ``announces_iss`` promises ``iss`` in
    every answer to an authorization request (RFC 9207).
    """

    authorization_endpoint: str
    token_endpoint: str
    capabilities: frozenset[str]
    grant_types: frozenset[str] | None
    challenge_methods: frozenset[str]
    signing_algorithms: frozenset[str] | None
    issuer: str | None
    jwks_uri: str | None
    revocation_endpoint: str | None
    announces_iss: bool

    @property
    def signs_in(self) -> bool:
        """Whether it tells who is signed in, by OpenID Connect."""
        return "sso-openid-connect" in self.capabilities


class Discovery:
    """Reads and keeps configurations. ``now`` is real time (aware)."""

    def __init__(
        self, requests: OutgoingRequests, takes: Callable[[str], bool], now: Callable[[], datetime]
    ) -> None:
        self._requests = requests
        self._takes = takes
        self._now = now
        self._kept: dict[str, tuple[datetime, ServerConfiguration]] = {}

    async def configuration(self, ehr: EhrClient) -> ServerConfiguration:
        """The configuration of an EHR's server. Raises :class:`DiscoveryError`."""
        kept = self._kept.get(ehr.base)
        if kept is not None and timedelta() <= self._now() - kept[0] < KEPT_FOR:
            return kept[1]
        try:
            document = await self._requests.get_json(ehr.base + _WELL_KNOWN)
            configuration = self._read(ehr, document)
        except ServerFaultError as error:
            logger.warning("smart-configuration of %s: %s", ehr.base, error.fault.value)
            raise DiscoveryError(f"the smart-configuration is {error.fault.value}") from None
        except DiscoveryError as error:
            logger.warning("smart-configuration of %s: %s", ehr.base, error)
            raise
        self._kept[ehr.base] = (self._now(), configuration)
        return configuration

    def forget(self, ehr: EhrClient) -> None:
        """Read the configuration anew the next time."""
        self._kept.pop(ehr.base, None)

    def _read(self, ehr: EhrClient, document: dict[str, Any]) -> ServerConfiguration:
        grants = _texts(document, "grant_types_supported")
        configuration = ServerConfiguration(
            authorization_endpoint=self._endpoint(ehr, document, "authorization_endpoint"),
            token_endpoint=self._endpoint(ehr, document, "token_endpoint"),
            capabilities=_texts(document, "capabilities") or frozenset(),
            grant_types=grants,
            challenge_methods=_texts(document, "code_challenge_methods_supported") or frozenset(),
            signing_algorithms=_texts(document, "token_endpoint_auth_signing_alg_values_supported"),
            issuer=_text(document, "issuer"),
            jwks_uri=self._optional_endpoint(ehr, document, "jwks_uri"),
            revocation_endpoint=self._optional_endpoint(ehr, document, "revocation_endpoint"),
            announces_iss=document.get("authorization_response_iss_parameter_supported") is True,
        )
        if ehr.requires_s256 and "S256" not in configuration.challenge_methods:
            raise DiscoveryError("code_challenge_methods_supported does not name S256")
        if grants is not None and "authorization_code" not in grants:
            raise DiscoveryError("grant_types_supported does not name authorization_code")
        return configuration

    def _optional_endpoint(self, ehr: EhrClient, document: dict[str, Any], name: str) -> str | None:
        """One that a launch can do without: an address that may not be called counts as none."""
        try:
            return self._endpoint(ehr, document, name)
        except DiscoveryError:
            return None

    def _endpoint(self, ehr: EhrClient, document: dict[str, Any], name: str) -> str:
        text = _text(document, name)
        try:
            url = urljoin(ehr.base + "/", text) if text else ""
        except ValueError:
            url = ""
        if not url or not self._takes(url):
            raise DiscoveryError(f"{name} is not an https address")
        return url


async def openid_configuration(requests: OutgoingRequests, issuer: str) -> dict[str, Any]:
    """``{issuer}/.well-known/openid-configuration``, which must name that issuer.

    Raises :class:`ServerFaultError`.
    """
    document = await requests.get_json(issuer.rstrip("/") + "/.well-known/openid-configuration")
    if document.get("issuer") != issuer:
        raise ServerFaultError(Fault.UNREADABLE)
    return document


def _text(document: dict[str, Any], name: str) -> str | None:
    value = document.get(name)
    return value if isinstance(value, str) and 0 < len(value) <= _LONGEST_URL else None


def _texts(document: dict[str, Any], name: str) -> frozenset[str] | None:
    values = document.get(name)
    if not isinstance(values, list):
        return None
    return frozenset(value for value in values if isinstance(value, str))
