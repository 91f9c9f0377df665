"""Who is signed in: id_tokens, the keys that sign them, and what can be wrong with either.

Keys are made at the start and kept in memory: RS256 and, on demand, ES256 and ES384. Each carries its RFC
7638 thumbprint as ``kid``.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from ehr_sandbox.smart_faults import FhirUserForm, IdTokenFault, SmartFaults
from ehr_sandbox.smart_grants import Grant

ALGORITHMS = ("RS256", "ES256", "ES384")
ID_TOKEN_SECONDS = 300
FOREIGN_BASE = "https://directory.example/fhir"
_RSA_BITS = 2048


@dataclass(frozen=True, slots=True)
class SigningKeys:
    """One private key for each algorithm."""

    keys: Mapping[str, RSAKey | ECKey]

    @classmethod
    def generate(cls) -> "SigningKeys":
        """New keys of all three algorithms."""
        return cls(
            {
                "RS256": RSAKey.generate_key(_RSA_BITS, auto_kid=True),
                "ES256": ECKey.generate_key("P-256", auto_kid=True),
                "ES384": ECKey.generate_key("P-384", auto_kid=True),
            }
        )

    def jwks(self, *, with_alg: bool) -> dict[str, Any]:
        """The public halves as a JWK Set."""
        published = []
        for algorithm, key in self.keys.items():
            jwk = {**key.as_dict(private=False), "use": "sig"}
            if with_alg:
                jwk["alg"] = algorithm
            published.append(jwk)
        return {"keys": published}


class Identities:
    """Writes id_tokens for an issuer. ``now`` is real time (aware)."""

    def __init__(
        self, fhir_base: str, faults: SmartFaults, now: Callable[[], datetime], keys: SigningKeys | None
    ) -> None:
        self._fhir_base = fhir_base
        self._faults = faults
        self._now = now
        self._keys = keys or SigningKeys.generate()
        self._retired = self._keys

    def jwks(self) -> dict[str, Any]:
        """What is published now."""
        return self._keys.jwks(with_alg=not self._faults.jwks_without_alg)

    def rotate_keys(self) -> None:
        """Sign with new keys from now on; the old ones are published no longer."""
        self._keys, self._retired = SigningKeys.generate(), self._keys

    def id_token(self, grant: Grant) -> str:
        """The id_token of a launch, with the fault that is switched on."""
        fault = self._faults.id_token
        claims = self._claims(grant)
        if grant.nonce is not None:
            claims["nonce"] = grant.nonce
        match fault:
            case IdTokenFault.WRONG_ISSUER:
                claims["iss"] = FOREIGN_BASE
            case IdTokenFault.WRONG_AUDIENCE:
                claims["aud"] = "another-client"
            case IdTokenFault.WRONG_NONCE:
                claims["nonce"] = "the-nonce-of-another-login"
            case IdTokenFault.NO_NONCE:
                claims.pop("nonce", None)
            case IdTokenFault.EXPIRED:
                claims["iat"] -= 2 * ID_TOKEN_SECONDS
                claims["exp"] -= 2 * ID_TOKEN_SECONDS
        return self._sign(claims, fault)

    def id_token_of_refresh(self, grant: Grant) -> str:
        """One as real servers send it on refresh: without ``nonce`` and ``aud``."""
        claims = self._claims(grant)
        del claims["aud"]
        return self._sign(claims, None)

    def _claims(self, grant: Grant) -> dict[str, Any]:
        issued = int(self._now().timestamp())
        user = grant.context.user if grant.context else ""
        claims: dict[str, Any] = {
            "iss": self._fhir_base,
            "sub": hashlib.sha256(user.encode()).hexdigest()[:32],
            "aud": grant.client_id,
            "iat": issued,
            "exp": issued + ID_TOKEN_SECONDS,
        }
        if "fhirUser" in grant.scope.split():
            claims["fhirUser"] = self._fhir_user(user)
        return claims

    def _fhir_user(self, user: str) -> str:
        match self._faults.fhir_user:
            case FhirUserForm.ABSOLUTE:
                return f"{self._fhir_base}/{user}"
            case FhirUserForm.RELATIVE:
                return user
            case FhirUserForm.FOREIGN:
                return f"{FOREIGN_BASE}/{user}"

    def _sign(self, claims: Mapping[str, Any], fault: IdTokenFault | None) -> str:
        algorithm = self._faults.id_token_algorithm
        if fault is IdTokenFault.RETIRED_KEY and self._retired is self._keys:
            self._retired = SigningKeys.generate()  # none was published before: any other will do
        keys = self._retired if fault is IdTokenFault.RETIRED_KEY else self._keys
        key = keys.keys[algorithm]
        header = {"typ": "JWT", "alg": algorithm, "kid": key.kid}
        match fault:
            case IdTokenFault.ALG_NONE:
                return f"{_coded({'typ': 'JWT', 'alg': 'none'})}.{_coded(claims)}."
            case IdTokenFault.HS256_PUBLIC_KEY:
                public = keys.keys["RS256"]
                signed = f"{_coded({**header, 'alg': 'HS256', 'kid': public.kid})}.{_coded(claims)}"
                return f"{signed}.{_base64url(hmac.digest(_public_pem(public), signed.encode(), 'sha256'))}"
            case IdTokenFault.NO_KID:
                del header["kid"]
        token = jwt.encode(header, dict(claims), key, algorithms=[algorithm])
        if fault is IdTokenFault.WRONG_SIGNATURE:
            signed, _, signature = token.rpartition(".")
            return f"{signed}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}"
        return token


def _public_pem(key: RSAKey | ECKey) -> bytes:
    return key.public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _coded(part: Mapping[str, Any]) -> str:
    return _base64url(json.dumps(part, separators=(",", ":")).encode())


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
