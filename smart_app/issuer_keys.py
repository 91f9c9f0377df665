"""The public keys with which an EHR signs its id_tokens.

Read from the ``jwks_uri`` of the smart-configuration, or of the issuer's openid-configuration where that has
none; never from an address in a token. Kept for five minutes. An unknown ``kid`` causes one new read, and one
in half a minute at most: tokens of a stranger must not make us a flood.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from smart_app.authorization_server import OutgoingRequests
from smart_app.discovery import ServerConfiguration, openid_configuration
from smart_app.ehr_client import EhrClient

KEPT_FOR = timedelta(minutes=5)
BETWEEN_NEW_READS = timedelta(seconds=30)
_MOST_KEYS = 100
_SHORTEST_RSA = 2048
# Which key fits an algorithm: its type, and the curve of an EC key.
_FITTING = {
    "RS256": ("RSA", None),
    "RS384": ("RSA", None),
    "ES256": ("EC", "P-256"),
    "ES384": ("EC", "P-384"),
}
ID_TOKEN_ALGORITHMS = tuple(_FITTING)
PublicKey = RSAKey | ECKey


@dataclass(slots=True)
class _Kept:
    issuer: str
    keys: Sequence[dict[str, Any]]
    read_at: datetime
    read_anew_at: datetime | None = None


class IssuerKeys:
    """Finds the key of an id_token. ``now`` is real time (aware)."""

    def __init__(self, requests: OutgoingRequests, now: Callable[[], datetime]) -> None:
        self._requests = requests
        self._now = now
        self._kept: dict[str, _Kept] = {}

    async def find(
        self, ehr: EhrClient, configuration: ServerConfiguration, algorithm: str, kid: str | None
    ) -> tuple[str, PublicKey] | None:
        """The issuer, and its one key that fits; ``None`` where none or several do.

        Raises :class:`ServerFaultError` where the keys cannot be had.
        """
        kept = self._kept.get(ehr.base)
        now = self._now()
        if kept is None or not timedelta() <= now - kept.read_at < KEPT_FOR:
            kept = await self._read(ehr, configuration)
            self._kept[ehr.base] = kept
        key = _fitting(kept.keys, algorithm, kid)
        known = kid is None or any(jwk.get("kid") == kid for jwk in kept.keys)
        if key is None and not known and kept.read_at != now and self._may_read_anew(kept, now):
            kept.read_anew_at = now  # counts even where the read fails
            fresh = await self._read(ehr, configuration)
            fresh.read_anew_at = now
            self._kept[ehr.base] = kept = fresh
            key = _fitting(kept.keys, algorithm, kid)
        return None if key is None else (kept.issuer, key)

    def _may_read_anew(self, kept: _Kept, now: datetime) -> bool:
        return kept.read_anew_at is None or now - kept.read_anew_at >= BETWEEN_NEW_READS

    async def _read(self, ehr: EhrClient, configuration: ServerConfiguration) -> _Kept:
        issuer, jwks_uri = configuration.issuer, configuration.jwks_uri
        if issuer is None or jwks_uri is None:
            issuer = issuer or ehr.base
            document = await openid_configuration(self._requests, issuer)
            jwks_uri = str(document.get("jwks_uri", ""))
        values = (await self._requests.get_json(jwks_uri)).get("keys")
        keys = values if isinstance(values, list) else []
        return _Kept(issuer, [key for key in keys[:_MOST_KEYS] if isinstance(key, dict)], self._now())


def _fitting(keys: Sequence[dict[str, Any]], algorithm: str, kid: str | None) -> PublicKey | None:
    """The one key for an algorithm and ``kid``; a token without ``kid`` is taken where only one key fits."""
    kind, curve = _FITTING[algorithm]
    found = [
        key
        for key in keys
        if key.get("kty") == kind
        and (curve is None or key.get("crv") == curve)
        and key.get("use", "sig") == "sig"
        and key.get("alg", algorithm) == algorithm
        and (kid is None or key.get("kid") == kid)
    ]
    return _public_key(found[0]) if len(found) == 1 else None


def _public_key(key: dict[str, Any]) -> PublicKey | None:
    """The key itself, from the members that make it up and nothing else."""
    members = ("n", "e") if key["kty"] == "RSA" else ("crv", "x", "y")
    values = {"kty": key["kty"]} | {member: key.get(member) for member in members}
    try:
        if key["kty"] == "EC":
            return ECKey.import_key(values)
        rsa = RSAKey.import_key(values)
        return rsa if rsa.public_key.key_size >= _SHORTEST_RSA else None
    except (JoseError, ValueError, TypeError):
        return None
