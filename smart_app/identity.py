"""Who is signed in: the id_token of a launch, checked, and the ``fhirUser`` in it.

An id_token that fails any check ends the launch: it is never "no user". Where the server sends none, nobody
is known, and nothing can be written. id_tokens of a refresh are not read at all: real servers leave out what
would have to be checked, and the user of a session does not change.
"""

import hmac
import json
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.util import urlsafe_b64decode

from smart_app.authorization_server import ServerFaultError
from smart_app.discovery import ServerConfiguration
from smart_app.ehr_client import EhrClient
from smart_app.issuer_keys import ID_TOKEN_ALGORITHMS, IssuerKeys

logger = logging.getLogger(__name__)

_SKEW_SECONDS = 60
_LATEST = 1e12
_LONGEST_TOKEN = 32 * 1024
_LONGEST_TEXT = 500
_USER_TYPES = "Practitioner|PractitionerRole|Patient|RelatedPerson|Person"
_REFERENCE = re.compile(
    rf"(?P<kind>{_USER_TYPES})/(?P<id>[A-Za-z0-9\-.]{{1,64}})(?:/_history/[A-Za-z0-9\-.]+)?"
)
_ABSOLUTE = re.compile(rf"(?P<base>https?://[^\s?#\"'<>\\]+)/(?P<reference>(?:{_USER_TYPES})/[^\s?#]+)")


class IdentityError(Exception):
    """The id_token does not prove who is signed in. The message is ours: nothing of the token is in it."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who is signed in. ``fhir_user`` is relative to the FHIR base, or absolute where it lies on another."""

    subject: str = field(repr=False)
    fhir_user: str | None


class IdentityCheck:
    """Checks id_tokens. ``now`` is real time (aware)."""

    def __init__(self, keys: IssuerKeys, now: Callable[[], datetime]) -> None:
        self._keys = keys
        self._now = now

    async def identify(
        self, ehr: EhrClient, configuration: ServerConfiguration, id_token: str, nonce: str
    ) -> Identity:
        """Check an id_token; raises :class:`IdentityError`."""
        header = _header(id_token)
        algorithm, kid = header.get("alg"), header.get("kid")
        if algorithm not in ID_TOKEN_ALGORITHMS:
            raise IdentityError("its algorithm is not one of " + ", ".join(ID_TOKEN_ALGORITHMS))
        try:
            found = await self._keys.find(
                ehr, configuration, algorithm, kid if isinstance(kid, str) else None
            )
        except ServerFaultError as error:
            raise IdentityError(f"the issuer's keys are {error.fault.value}") from None
        if found is None:
            raise IdentityError("no key of the issuer fits it")
        issuer, key = found
        try:
            claims = jwt.decode(id_token, key, algorithms=[algorithm]).claims
        except (JoseError, ValueError, TypeError, RecursionError):
            raise IdentityError("its signature does not hold") from None
        self._check(claims, issuer, ehr.client_id, nonce)
        return Identity(claims["sub"], fhir_user_of(claims.get("fhirUser"), ehr.base))

    def _check(self, claims: dict[str, Any], issuer: str, client_id: str, nonce: str) -> None:
        now = self._now().timestamp()
        if claims.get("iss") != issuer:
            raise IdentityError("iss is another issuer")
        audience = claims.get("aud")
        names = [audience] if isinstance(audience, str) else audience
        if not isinstance(names, list) or client_id not in names:
            raise IdentityError("aud is another client")
        if claims.get("azp", None if len(names) > 1 else client_id) != client_id:
            raise IdentityError("azp is another client")
        expires, issued = _seconds(claims, "exp"), _seconds(claims, "iat")
        if now >= expires + _SKEW_SECONDS:
            raise IdentityError("it has expired")
        if issued > now + _SKEW_SECONDS or (
            "nbf" in claims and _seconds(claims, "nbf") > now + _SKEW_SECONDS
        ):
            raise IdentityError("it is not valid yet")
        told = claims.get("nonce")
        if not isinstance(told, str) or not told.isascii() or not hmac.compare_digest(told, nonce):
            raise IdentityError("nonce is another")
        subject = claims.get("sub")
        if not isinstance(subject, str) or not 0 < len(subject) <= _LONGEST_TEXT:
            raise IdentityError("sub is missing")


def fhir_user_of(value: Any, base: str) -> str | None:
    """The reference of who is signed in; ``None`` for one that is missing or is no such reference.

    It may be relative to the FHIR base or absolute. One on another server is kept as it is, to be shown and
    recorded: nothing is ever sent there.
    """
    if not isinstance(value, str) or len(value) > _LONGEST_TEXT:
        return None
    relative = value.removeprefix(base + "/")
    found = _REFERENCE.fullmatch(relative)
    if found:
        return f"{found['kind']}/{found['id']}"
    foreign = _ABSOLUTE.fullmatch(value)
    found = _REFERENCE.fullmatch(foreign["reference"]) if foreign else None
    return f"{foreign['base']}/{found['kind']}/{found['id']}" if foreign and found else None


def _header(id_token: str) -> dict[str, Any]:
    if len(id_token) > _LONGEST_TOKEN or id_token.count(".") != 2 or not id_token.isascii():
        raise IdentityError("it is not a signed token")
    try:
        header = json.loads(urlsafe_b64decode(id_token.partition(".")[0].encode()))
    except (ValueError, TypeError, RecursionError):
        header = None
    if not isinstance(header, dict):
        raise IdentityError("it is not a signed token")
    return header


def _seconds(claims: dict[str, Any], name: str) -> float:
    value = claims.get(name)
    # NaN compares with nothing, and would never expire; what is beyond reason cannot be a float.
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < _LATEST:
        raise IdentityError(f"{name} is not a time")
    return float(value)
