"""The JSON Web Token with which the EHR proves to a CDS service who calls.

ES384 only, with a key made at the start and never stored: the public half is published at the address that
the token names (``jku``). One token is made for each call, for exactly the address called.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from joserfc import jwt
from joserfc.jwk import ECKey

from ehr_sandbox.clock import now_utc

KEYS_PATH = "/.well-known/cds-client-jwks.json"
_ALGORITHM = "ES384"
_LIFETIME = timedelta(seconds=300)


class HookSigner:
    """Signs calls for an EHR whose base address is ``issuer`` (no slash at its end)."""

    def __init__(self, issuer: str, real_time: Callable[[], datetime] = now_utc) -> None:
        self._issuer = issuer
        self._now = real_time
        self._key = ECKey.generate_key("P-384", {"use": "sig", "alg": _ALGORITHM}, auto_kid=True)

    def sign(self, url: str) -> str:
        """Return the value of the ``Authorization`` header for a call of ``url``."""
        issued = int(self._now().timestamp())
        header = {
            "alg": _ALGORITHM,
            "kid": self._key.kid,
            "typ": "JWT",
            "jku": f"{self._issuer}{KEYS_PATH}",
        }
        claims = {
            "iss": self._issuer,
            "aud": url,
            "iat": issued,
            "exp": issued + int(_LIFETIME.total_seconds()),
            "jti": str(uuid4()),
        }
        return f"Bearer {jwt.encode(header, claims, self._key, algorithms=[_ALGORITHM])}"

    def public_keys(self) -> dict[str, Any]:
        """Return the JWK Set of the public key."""
        return {"keys": [self._key.as_dict(private=False)]}
