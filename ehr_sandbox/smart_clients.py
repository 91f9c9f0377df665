"""Registered clients, and the proof that a request comes from one.

Strict on purpose, where launch simulators are lenient: an assertion lives five minutes at most, is for the
token endpoint and nothing else, and counts once. A client that is registered with keys cannot come with a
secret, nor the other way round. There are no public clients.
"""

import base64
import binascii
import hmac
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock
from typing import Any
from urllib.parse import unquote_plus

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASSERTION_ALGORITHMS = ("RS384", "ES384")
LONGEST_ASSERTION_SECONDS = 300
_SKEW_SECONDS = 60
_MOST_IDS = 10_000
_LONGEST_ASSERTION = 8192
_PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "k"})
_JTI = re.compile(r"[\x21-\x7e]{1,255}")


class ClientRefusedError(Exception):
    """A request does not prove which client sent it. ``error`` is the code of RFC 6749."""

    def __init__(self, text: str, error: str = "invalid_client") -> None:
        super().__init__(text)
        self.error = error
        self.text = text


@dataclass(frozen=True, slots=True)
class RegisteredClient:
    """An app that is known here: with ``jwks`` (private_key_jwt) or with ``secret`` (HTTP Basic).

    ``jwks`` is the key set, or a callable that reads it anew. ``jwks_url`` is the only ``jku`` that its
    assertions may name. ``scopes`` are the most it may ask for; empty: all that are known.
    """

    client_id: str
    redirect_uris: Sequence[str]
    launch_uri: str
    jwks: Mapping[str, Any] | Callable[[], Mapping[str, Any]] | None = None
    secret: str | None = field(default=None, repr=False)
    scopes: str = ""
    jwks_url: str | None = None

    def __post_init__(self) -> None:
        if (self.jwks is None) == (self.secret is None):
            raise ValueError("a client is registered with keys or with a secret, and never with both")


class Clients:
    """All registered clients, and the assertions that were seen. ``now`` is real time (aware)."""

    def __init__(
        self, clients: Sequence[RegisteredClient], token_endpoint: str, now: Callable[[], datetime]
    ) -> None:
        self._clients = {client.client_id: client for client in clients}
        self._token_endpoint = token_endpoint
        self._now = now
        self._lock = Lock()
        self._seen: dict[tuple[str, str], float] = {}

    def __iter__(self) -> Iterator[RegisteredClient]:
        return iter(self._clients.values())

    def find(self, client_id: str) -> RegisteredClient | None:
        """A client by its id."""
        return self._clients.get(client_id)

    def authenticate(self, authorization: str | None, form: Mapping[str, str]) -> RegisteredClient:
        """Who sent a form to the token or revocation endpoint. Raises :class:`ClientRefusedError`."""
        asserted = "client_assertion" in form or "client_assertion_type" in form
        if "client_secret" in form:
            raise ClientRefusedError("a secret comes as HTTP Basic, never in the form")
        if authorization is not None and asserted:
            raise ClientRefusedError("one request carries one proof", "invalid_request")
        if "client_id" in form:
            raise ClientRefusedError("a confidential client leaves client_id out", "invalid_request")
        if authorization is not None:
            return self._by_secret(authorization)
        if not asserted:
            raise ClientRefusedError("the client does not prove who it is")
        if form.get("client_assertion_type") != ASSERTION_TYPE:
            raise ClientRefusedError("client_assertion_type is not that of a JWT")
        return self._by_assertion(form.get("client_assertion", ""))

    def _by_secret(self, authorization: str) -> RegisteredClient:
        scheme, _, coded = authorization.partition(" ")
        try:
            pair = base64.b64decode(coded.strip(), validate=True).decode()
        except (binascii.Error, ValueError):
            pair = ""
        name, colon, secret = pair.partition(":")
        if scheme.casefold() != "basic" or not colon:
            raise ClientRefusedError("Authorization is not HTTP Basic")
        client = self._clients.get(unquote_plus(name))
        known = "" if client is None or client.secret is None else client.secret
        fits = hmac.compare_digest(unquote_plus(secret).encode(), known.encode())
        if client is None or not known or not fits:
            raise ClientRefusedError("the client or its secret is not known")
        return client

    def _by_assertion(self, assertion: str) -> RegisteredClient:
        header, claims = _unverified(assertion)
        client = self._clients.get(_text(claims, "iss"))
        if client is None or client.jwks is None:
            raise ClientRefusedError("iss is no client that is registered with keys")
        if header.get("alg") not in ASSERTION_ALGORITHMS:
            raise ClientRefusedError("alg is neither RS384 nor ES384")
        if header.get("typ") != "JWT":
            raise ClientRefusedError("typ is not JWT")
        if "jku" in header and (client.jwks_url is None or header["jku"] != client.jwks_url):
            raise ClientRefusedError("jku is not the registered address")
        if "crit" in header:
            raise ClientRefusedError("crit is not understood here")
        key = _key(client.jwks, header.get("kid"), str(header["alg"]))
        try:
            jwt.decode(assertion, key, algorithms=[str(header["alg"])])
        except (JoseError, ValueError, TypeError):
            raise ClientRefusedError("the signature does not hold") from None
        self._check_claims(client, claims)
        return client

    def _check_claims(self, client: RegisteredClient, claims: Mapping[str, Any]) -> None:
        now = self._now().timestamp()
        if _text(claims, "sub") != client.client_id:
            raise ClientRefusedError("sub is not the client")
        if claims.get("aud") not in (self._token_endpoint, [self._token_endpoint]):
            raise ClientRefusedError("aud is not the token endpoint")
        expires = _seconds(claims, "exp")
        if expires <= now:
            raise ClientRefusedError("the assertion has expired")
        if expires > now + LONGEST_ASSERTION_SECONDS:
            raise ClientRefusedError("exp is more than five minutes ahead")
        for name in ("iat", "nbf"):
            if name in claims and _seconds(claims, name) > now + _SKEW_SECONDS:
                raise ClientRefusedError(f"{name} lies ahead")
        if "iat" in claims and _seconds(claims, "iat") < now - LONGEST_ASSERTION_SECONDS - _SKEW_SECONDS:
            raise ClientRefusedError("iat is too long ago")
        jti = _text(claims, "jti")
        if not _JTI.fullmatch(jti):
            raise ClientRefusedError("jti is missing")
        self._see(client.client_id, jti, expires, now)

    def _see(self, client_id: str, jti: str, expires: float, now: float) -> None:
        with self._lock:
            if self._seen.get((client_id, jti), 0.0) >= now:
                raise ClientRefusedError("jti was used before")
            if len(self._seen) >= _MOST_IDS:
                self._seen = {key: until for key, until in self._seen.items() if until >= now}
            if len(self._seen) >= _MOST_IDS:
                # To forget one that is still good would let it be used again.
                raise ClientRefusedError("too many assertions within five minutes")
            self._seen[client_id, jti] = expires


def _unverified(assertion: str) -> tuple[dict[str, Any], dict[str, Any]]:
    parts = assertion.split(".")
    if len(assertion) > _LONGEST_ASSERTION or len(parts) != 3 or not assertion.isascii():
        raise ClientRefusedError("client_assertion is not a signed JWT")
    try:
        decoded = [json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))) for part in parts[:2]]
    except (ValueError, RecursionError):
        decoded = []
    if len(decoded) != 2 or not all(isinstance(part, dict) for part in decoded):
        raise ClientRefusedError("client_assertion is not a signed JWT")
    return decoded[0], decoded[1]


def _key(
    jwks: Mapping[str, Any] | Callable[[], Mapping[str, Any]], kid: object, algorithm: str
) -> RSAKey | ECKey:
    """The one key of a set with that ``kid`` that fits the algorithm."""
    try:
        document = jwks() if callable(jwks) else jwks
        keys = [key for key in document["keys"] if isinstance(key, Mapping)]
    except Exception as error:  # whatever a reader over HTTP may raise: the client is not proven
        raise ClientRefusedError("the client's keys cannot be read") from error
    if any(_PRIVATE_MEMBERS & key.keys() for key in keys):
        raise ClientRefusedError("the client publishes a private key")
    kty = "RSA" if algorithm == "RS384" else "EC"
    fitting = [
        key
        for key in keys
        if isinstance(kid, str)
        and kid
        and key.get("kid") == kid
        and key.get("kty") == kty
        and key.get("alg", algorithm) == algorithm
        and key.get("use", "sig") == "sig"
        and (kty == "RSA" or key.get("crv") == "P-384")
    ]
    if len(fitting) != 1:
        raise ClientRefusedError("kid names no key of the client that fits, or more than one")
    try:
        made = dict(fitting[0])
        return RSAKey.import_key(made) if kty == "RSA" else ECKey.import_key(made)
    except (JoseError, ValueError, TypeError, KeyError):
        raise ClientRefusedError("the client's key cannot be read") from None


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name)
    return value if isinstance(value, str) else ""


def _seconds(claims: Mapping[str, Any], name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e12:
        raise ClientRefusedError(f"{name} is not a time")
    return float(value)
