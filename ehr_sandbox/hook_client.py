"""The EHR's side of CDS Hooks: fill a service's prefetch templates from our FHIR endpoint and call
``patient-view``.

It behaves as the public CDS Hooks sandbox does: raw bars are percent-encoded, only the first page of a
search is taken along, a template with an unknown token or a failed query leaves its key out, and no
``fhirAuthorization`` is sent. The HTTP client is given by the caller, so this module opens no connection
of its own.
"""

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import quote

_TOKEN = re.compile(r"\{\{(.*?)\}\}")
_OK = 200


class HttpAnswer(Protocol):
    """What is used of an HTTP response."""

    @property
    def status_code(self) -> int: ...

    def json(self) -> Any: ...


class HttpClient(Protocol):
    """What is used of an HTTP client (``httpx.Client`` fits)."""

    def get(self, url: str) -> HttpAnswer: ...

    def post(self, url: str, *, json: Any) -> HttpAnswer: ...


class HookError(Exception):
    """The service did not answer as CDS Hooks says; the message holds no patient data."""


@dataclass(frozen=True, slots=True)
class HookService:
    """One service of a discovery document."""

    url: str
    prefetch: Mapping[str, str]


def discover(http: HttpClient, base: str, hook: str) -> HookService:
    """Read ``{base}/cds-services`` and return the first service of a hook. Raises :class:`HookError`."""
    answer = http.get(f"{base}/cds-services")
    if answer.status_code != _OK:
        raise HookError(f"discovery answered {answer.status_code}")
    for service in answer.json()["services"]:
        if service["hook"] == hook:
            return HookService(f"{base}/cds-services/{service['id']}", service.get("prefetch", {}))
    raise HookError(f"no service for the hook {hook}")


def fill_template(template: str, context: Mapping[str, str]) -> str | None:
    """Return the query of a template, ready to be sent, or ``None`` when a token is not known.

    Values are percent-encoded; of the template's own text only what a URL cannot hold (the bar) is.
    """
    names = [name.strip().removeprefix("context.") for name in _TOKEN.findall(template)]
    if any(name not in context for name in names):
        return None
    filled = _TOKEN.sub(
        lambda found: quote(context[found[1].strip().removeprefix("context.")], safe=""), template
    )
    return quote(filled, safe="%/?=&,:+$-._~")


def resolve_prefetch(
    http: HttpClient, fhir_base: str, templates: Mapping[str, str], context: Mapping[str, str]
) -> dict[str, Any]:
    """Run every template against the FHIR endpoint; a key that fails is left out."""
    prefetch = {}
    for key, template in templates.items():
        query = fill_template(template, context)
        if query is None:
            continue
        answer = http.get(f"{fhir_base}/{query}")
        if answer.status_code == _OK:
            prefetch[key] = answer.json()
    return prefetch


def view_patient(http: HttpClient, service: HookService, fhir_base: str, patient_id: str) -> dict[str, Any]:
    """Open a patient's chart: call ``patient-view`` and return the service's response.

    Raises :class:`HookError` with the status when the service refuses.
    """
    context = {"userId": "Practitioner/demo-clinician", "patientId": patient_id}
    request = {
        "hook": "patient-view",
        "hookInstance": str(uuid.uuid4()),
        "fhirServer": fhir_base,
        "context": context,
        "prefetch": resolve_prefetch(http, fhir_base, service.prefetch, context),
    }
    answer = http.post(service.url, json=request)
    if answer.status_code != _OK:
        raise HookError(f"patient-view answered {answer.status_code}")
    body: dict[str, Any] = answer.json()
    return body
