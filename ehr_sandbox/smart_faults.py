"""Faults of the authorization server, as real servers show them: a switch each, all off at first.

Switches may be turned while the server runs; each request looks at them anew.
"""

from dataclasses import dataclass
from enum import Enum


class ScopeSpelling(Enum):
    """How granted scopes are spelled. What is told is what is granted: v1 and wildcards widen it."""

    V2 = "patient/Observation.rs"
    V1 = "patient/Observation.read"
    SPLIT = "patient/Observation.r patient/Observation.s"
    WILDCARD = "patient/*.rs"
    WITH_QUERY = "patient/Observation.rs?category=..."


class FhirUserForm(Enum):
    """How ``fhirUser`` names who is signed in."""

    ABSOLUTE = "absolute"
    RELATIVE = "relative"
    FOREIGN = "foreign"


class IdTokenFault(Enum):
    """What is wrong with an id_token."""

    WRONG_ISSUER = "iss of another server"
    WRONG_AUDIENCE = "aud of another client"
    WRONG_NONCE = "another nonce"
    NO_NONCE = "no nonce"
    ALG_NONE = "not signed"
    HS256_PUBLIC_KEY = "HS256 with the public key as secret"
    EXPIRED = "expired"
    NO_KID = "no kid"
    RETIRED_KEY = "signed by a key that is published no longer"
    WRONG_SIGNATURE = "a signature that does not hold"


class CallbackIssuer(Enum):
    """``iss`` in the answer to an authorization request (RFC 9207)."""

    NONE = "neither announced nor sent"
    RIGHT = "announced and sent"
    WRONG = "announced, and another is sent"
    MISSING = "announced and not sent"


@dataclass(slots=True)
class SmartFaults:
    """Faults of discovery, scopes, answers, identity and callbacks.

    Discovery: ``relative_endpoints``, ``hides_s256``, ``lists_authorize_post`` (a capability and no fault:
    posted forms are taken anyway), ``no_revocation``, ``discovery_seconds`` (delay), ``discovery_status``
    (500 ...), ``discovery_oversized`` (3 MB), ``discovery_location`` (redirects there).

    Scopes: ``withheld_scopes`` are not granted though asked for, by verb (``patient/Observation.c``);
    ``scope_spelling``; ``omits_scope`` leaves ``scope`` out of the answer.

    Token answer: ``no_patient``, ``no_refresh_token``, ``no_expires_in``, ``no_id_token``,
    ``token_seconds`` (life of an access token), ``token_status`` (refuses before anything is done),
    ``token_delay_seconds`` (before anything is done), ``token_answer_cut`` (does it, and breaks off the
    answer), ``id_token_on_refresh`` (one without ``nonce`` and ``aud``).

    Identity: ``fhir_user``, ``id_token``, ``id_token_algorithm`` (RS256, ES256 or ES384),
    ``jwks_without_alg``. Keys are changed with ``SmartServer.rotate_keys``.

    Callback: ``callback_error`` (``access_denied`` ...) answers every good authorization request,
    ``errors_without_state``, ``callback_issuer``.

    Style: ``odd_style`` serves an empty colour and a list of fonts that ends in a semicolon.
    """

    relative_endpoints: bool = False
    hides_s256: bool = False
    lists_authorize_post: bool = False
    no_revocation: bool = False
    discovery_seconds: float = 0.0
    discovery_status: int | None = None
    discovery_oversized: bool = False
    discovery_location: str | None = None
    withheld_scopes: str = ""
    scope_spelling: ScopeSpelling = ScopeSpelling.V2
    omits_scope: bool = False
    no_patient: bool = False
    no_refresh_token: bool = False
    no_expires_in: bool = False
    no_id_token: bool = False
    token_seconds: int | None = None
    token_status: int | None = None
    token_delay_seconds: float = 0.0
    token_answer_cut: bool = False
    id_token_on_refresh: bool = False
    fhir_user: FhirUserForm = FhirUserForm.ABSOLUTE
    id_token: IdTokenFault | None = None
    id_token_algorithm: str = "RS256"  # noqa: S105 - no secret
    jwks_without_alg: bool = False
    callback_error: str | None = None
    errors_without_state: bool = False
    callback_issuer: CallbackIssuer = CallbackIssuer.NONE
    odd_style: bool = False
