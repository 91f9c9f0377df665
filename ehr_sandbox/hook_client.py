"""The EHR's side of CDS Hooks: fill a service's prefetch templates from our FHIR endpoint, call
``patient-view``, and tell the service what became of its cards.

Prefetch behaves as the public CDS Hooks sandbox does: raw bars are percent-encoded, only the first page of a
search is taken along, and a template with an unknown token or a failed query leaves its key out. Calls are
signed, and carry a token for our FHIR endpoint, where the EHR was given the means. The HTTP client is given
by the caller, so this module opens no connection of its own.
"""

import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import quote

from ehr_sandbox.hook_signer import HookSigner

USER = "Practitioner/demo-clinician"

_TOKEN = re.compile(r"\{\{(.*?)\}\}")
_OK = 200


class HttpAnswer(Protocol):
    """What is used of an HTTP response."""

    @property
    def status_code(self) -> int: ...

    def json(self) -> Any: ...


class HttpClient(Protocol):
    """What is used of an HTTP client (``httpx.Client`` fits)."""

    def get(self, url: str, *, headers: Mapping[str, str]) -> HttpAnswer: ...

    def post(self, url: str, *, json: Any, headers: Mapping[str, str]) -> HttpAnswer: ...


class HookError(Exception):
    """The service did not answer as CDS Hooks says; the message holds no patient data."""


@dataclass(frozen=True, slots=True)
class HookService:
    """One service of a discovery document."""

    url: str
    prefetch: Mapping[str, str]

    @property
    def scopes(self) -> str:
        """The SMART scopes that cover its prefetch templates, and no more."""
        kinds = {re.split(r"[/?]", template, maxsplit=1)[0] for template in self.prefetch.values()}
        return " ".join(f"patient/{kind}.rs" for kind in sorted(kinds))


def discover(http: HttpClient, base: str, hook: str, signer: HookSigner | None = None) -> HookService:
    """Read ``{base}/cds-services`` and return the first service of a hook. Raises :class:`HookError`."""
    url = f"{base}/cds-services"
    answer = http.get(url, headers=_signed(signer, url))
    if answer.status_code != _OK:
        raise HookError(f"discovery answered {answer.status_code}")
    for service in answer.json()["services"]:
        if service["hook"] == hook:
            return HookService(f"{url}/{service['id']}", service.get("prefetch", {}))
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
    http: HttpClient,
    fhir_base: str,
    templates: Mapping[str, str],
    context: Mapping[str, str],
    access_token: str | None = None,
) -> dict[str, Any]:
    """Run every template against the FHIR endpoint; a key that fails is left out."""
    headers = {} if access_token is None else {"Authorization": f"Bearer {access_token}"}
    prefetch = {}
    for key, template in templates.items():
        query = fill_template(template, context)
        if query is None:
            continue
        answer = http.get(f"{fhir_base}/{query}", headers=headers)
        if answer.status_code == _OK:
            prefetch[key] = answer.json()
    return prefetch


@dataclass(frozen=True, slots=True)
class HookClient:
    """An EHR that calls one ``patient-view`` service.

    ``signer`` signs the calls. ``authorize`` makes the ``fhirAuthorization`` of a call for a patient id and
    scopes; without it none is sent, as the public sandbox does. ``encounter_of`` names the patient's stay.
    """

    http: HttpClient
    service: HookService
    fhir_base: str
    signer: HookSigner | None = None
    authorize: Callable[[str, str], Mapping[str, Any]] | None = None
    encounter_of: Callable[[str], str | None] | None = None

    def view(self, patient_id: str) -> dict[str, Any]:
        """Open a patient's chart: call ``patient-view`` and return the service's response.

        Raises :class:`HookError` with the status when the service refuses.
        """
        context = {"userId": USER, "patientId": patient_id}
        encounter_id = self.encounter_of(patient_id) if self.encounter_of else None
        if encounter_id is not None:
            context["encounterId"] = encounter_id
        authorization = self.authorize(patient_id, self.service.scopes) if self.authorize else None
        request: dict[str, Any] = {
            "hook": "patient-view",
            "hookInstance": str(uuid.uuid4()),
            "fhirServer": self.fhir_base,
            "context": context,
        }
        if authorization is not None:
            request["fhirAuthorization"] = authorization
        token = None if authorization is None else str(authorization["access_token"])
        request["prefetch"] = resolve_prefetch(
            self.http, self.fhir_base, self.service.prefetch, context, token
        )
        answer = self._post(self.service.url, request)
        if answer.status_code != _OK:
            raise HookError(f"patient-view answered {answer.status_code}")
        try:
            body = answer.json()
        except ValueError:
            body = None
        if not isinstance(body, dict) or not isinstance(body.get("cards"), list):
            raise HookError("patient-view answered without cards")
        return body

    def send_feedback(self, items: Sequence[Mapping[str, Any]]) -> None:
        """Tell the service what became of its cards. Raises :class:`HookError` with the status."""
        answer = self._post(f"{self.service.url}/feedback", {"feedback": list(items)})
        if answer.status_code != _OK:
            raise HookError(f"feedback answered {answer.status_code}")

    def _post(self, url: str, body: Mapping[str, Any]) -> HttpAnswer:
        return self.http.post(url, json=body, headers=_signed(self.signer, url))


def _signed(signer: HookSigner | None, url: str) -> dict[str, str]:
    return {} if signer is None else {"Authorization": signer.sign(url)}
