"""What the FHIR endpoint can do, as a CapabilityStatement."""

from collections.abc import Sequence
from datetime import datetime

from ehr_sandbox.record import Resource
from ehr_sandbox.search import SEARCH_PARAMETERS
from ehr_sandbox.writes import WRITABLE

SMART_SECURITY: Resource = {
    "cors": True,
    "service": [
        {
            "coding": [
                {
                    "system": "http://terminology.hl7.org/CodeSystem/restful-security-service",
                    "code": "SMART-on-FHIR",
                }
            ],
            "text": "OAuth2 by SMART App Launch: see .well-known/smart-configuration",
        }
    ],
}
"""``rest.security`` of an endpoint that a SMART authorization server guards."""


def capability_statement(
    base: str, kinds: Sequence[str], now: datetime, security: Resource | None
) -> Resource:
    """Build the statement of an endpoint at ``base``; ``security`` becomes ``rest.security``."""
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": now.date().isoformat(),
        "kind": "instance",
        "implementation": {"description": "Sandbox with synthetic patients, in memory", "url": base},
        "fhirVersion": "4.0.1",
        "format": ["json", "application/fhir+json"],
        "rest": [
            {
                "mode": "server",
                "security": security if security is not None else {"cors": True},
                "resource": [_resource(kind) for kind in kinds],
                "interaction": [{"code": "transaction"}, {"code": "batch"}],
            }
        ],
    }


def _resource(kind: str) -> Resource:
    interactions = ["read", "vread", "search-type", *(("create", "update") if kind in WRITABLE else ())]
    return {
        "type": kind,
        "interaction": [{"code": code} for code in interactions],
        "versioning": "versioned-update" if kind in WRITABLE else "versioned",
        "readHistory": True,
        "updateCreate": False,
        "conditionalCreate": kind in WRITABLE,
        "searchParam": [
            {"name": name, "type": parameter.kind.value}
            for name, parameter in sorted(SEARCH_PARAMETERS.get(kind, {}).items())
        ],
    }
