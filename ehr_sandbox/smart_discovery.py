"""What the authorization server says of itself: smart-configuration, openid-configuration, and a style."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from ehr_sandbox.smart_clients import ASSERTION_ALGORITHMS, Clients
from ehr_sandbox.smart_faults import CallbackIssuer, SmartFaults
from ehr_sandbox.smart_identity import ALGORITHMS
from ehr_sandbox.smart_scopes import PLAIN_SCOPES

AUTHORIZE, CHOOSE, TOKEN = "/auth/authorize", "/auth/patient", "/auth/token"
REVOKE, JWKS, STYLE = "/auth/revoke", "/auth/jwks.json", "/auth/smart-style.json"
OVERSIZE = 3_000_000
_CAPABILITIES = (
    "launch-ehr launch-standalone sso-openid-connect context-banner context-style context-ehr-patient"
    " context-ehr-encounter context-standalone-patient context-standalone-encounter permission-offline"
    " permission-online permission-patient permission-user permission-v1 permission-v2"
)
_RESOURCE_SCOPES = (
    "patient/Patient.r patient/Encounter.r patient/Observation.crus patient/MedicationAdministration.rs"
    " patient/MedicationRequest.rs patient/Procedure.rs user/Practitioner.r"
)
_STYLE_FILE = {
    "color_background": "#f5f7fa",
    "color_error": "#9b1c1c",
    "color_highlight": "#1d4f91",
    "color_modal_backdrop": "#1a2b3c",
    "color_success": "#1b5e20",
    "color_text": "#1a2b3c",
    "dim_border_radius": "4px",
    "dim_font_size": "16px",
    "dim_spacing_size": "16px",
    "font_family_body": "Georgia, serif",
    "font_family_heading": "Georgia, serif",
}


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the server's endpoints are. ``fhir_base`` has no slash at its end."""

    fhir_base: str

    @property
    def origin(self) -> str:
        """Scheme, host and port of the FHIR base."""
        parts = urlsplit(self.fhir_base)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def fhir_path(self) -> str:
        """The path of the FHIR base."""
        return urlsplit(self.fhir_base).path

    @property
    def token_endpoint(self) -> str:
        """The token endpoint: the only ``aud`` of an assertion."""
        return self.origin + TOKEN


def smart_configuration(addresses: Addresses, clients: Clients, faults: SmartFaults) -> dict[str, Any]:
    """``.well-known/smart-configuration``, with the faults that are switched on."""
    start = "" if faults.relative_endpoints else addresses.origin
    by_secret = any(client.secret is not None for client in clients)
    by_key = any(client.jwks is not None for client in clients)
    methods = ["private_key_jwt"] * by_key + ["client_secret_basic"] * by_secret
    capabilities = [
        *_CAPABILITIES.split(),
        *["client-confidential-asymmetric"] * by_key,
        *["client-confidential-symmetric"] * by_secret,
        *["authorize-post"] * faults.lists_authorize_post,
    ]
    document: dict[str, Any] = {
        "issuer": addresses.fhir_base,
        "jwks_uri": start + JWKS,
        "authorization_endpoint": start + AUTHORIZE,
        "token_endpoint": start + TOKEN,
        "token_endpoint_auth_methods_supported": methods,
        "token_endpoint_auth_signing_alg_values_supported": list(ASSERTION_ALGORITHMS),
        "grant_types_supported": ["authorization_code"],
        "scopes_supported": [*PLAIN_SCOPES, *_RESOURCE_SCOPES.split()],
        "response_types_supported": ["code"],
        "capabilities": capabilities,
        "code_challenge_methods_supported": [] if faults.hides_s256 else ["S256"],
    }
    if not faults.no_revocation:
        document["revocation_endpoint"] = start + REVOKE
    if faults.callback_issuer is not CallbackIssuer.NONE:
        document["authorization_response_iss_parameter_supported"] = True
    return document


def openid_configuration(addresses: Addresses) -> dict[str, Any]:
    """``.well-known/openid-configuration`` of the issuer."""
    return {
        "issuer": addresses.fhir_base,
        "authorization_endpoint": addresses.origin + AUTHORIZE,
        "token_endpoint": addresses.origin + TOKEN,
        "jwks_uri": addresses.origin + JWKS,
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": list(ALGORITHMS),
        "scopes_supported": ["openid", "fhirUser"],
        "claims_supported": ["sub", "fhirUser"],
    }


def style_file(faults: SmartFaults) -> Mapping[str, str]:
    """The EHR's style for ``smart_style_url``, with a font and colours that show that it was taken."""
    if faults.odd_style:
        return {**_STYLE_FILE, "color_highlight": "", "font_family_body": "Georgia, serif;"}
    return _STYLE_FILE
