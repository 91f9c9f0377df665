"""The client's side of CDS Hooks in a test: resolves our prefetch templates and sends the hook.

``search`` is a small FHIR search over resources in memory. It knows the parameters our templates may use and
refuses every other, so that a template which a real server might not answer fails here first. Like real
servers, it looks at ``Observation.code`` alone (never at components), truncates at ``_count`` and then tells
of a next page.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, Protocol
from urllib.parse import parse_qsl

Resource = dict[str, Any]
BASE: Final = "https://ehr.example/fhir"
USER: Final = "Practitioner/clinician"


class UnsupportedSearchError(Exception):
    """A query that goes beyond what a prefetch template may ask of an ordinary server."""


def fill_template(template: str, context: Mapping[str, str]) -> str:
    """The query string with ``{{context.…}}`` filled in; an unknown token is an error."""

    def value_of(match: re.Match[str]) -> str:
        scope, _, field = match[1].strip().partition(".")
        if scope != "context" or field not in context:
            raise UnsupportedSearchError(f"no token {match[1]!r} in this hook")
        return context[field]

    return re.sub(r"\{\{(.+?)\}\}", value_of, template)


def resolve_templates(
    templates: Mapping[str, str], resources: Iterable[Resource], context: Mapping[str, str]
) -> dict[str, Resource | None]:
    """The prefetch object a client would send: a resource for a read, a searchset Bundle for a search."""
    held = list(resources)
    return {key: answer(fill_template(template, context), held) for key, template in templates.items()}


def answer(query: str, resources: list[Resource]) -> Resource | None:
    """What a server holding ``resources`` answers to a query; ``None`` for a read that finds nothing."""
    if read := re.fullmatch(r"([A-Z][A-Za-z]+)/([A-Za-z0-9\-.]{1,64})", query):
        found = (r for r in resources if (r["resourceType"], r["id"]) == (read[1], read[2]))
        return next(found, None)
    return search(query, resources)


def search(query: str, resources: Iterable[Resource]) -> Resource:
    """A type search, answered with a searchset Bundle."""
    kind, _, parameters = query.partition("?")
    if not re.fullmatch(r"[A-Z][A-Za-z]+", kind):
        raise UnsupportedSearchError(f"not a read or a type search: {kind!r}")
    found = [resource for resource in resources if resource["resourceType"] == kind]
    pairs = parse_qsl(parameters, keep_blank_values=True, strict_parsing=True)
    names = [name for name, _ in pairs]
    if len(set(names)) != len(names):
        # Some clients merge repeated parameters with a comma, which turns "and" into "or".
        raise UnsupportedSearchError("a parameter is repeated")
    controls = dict(pairs)
    sort, count = controls.pop("_sort", None), controls.pop("_count", None)
    if not {"patient", "subject", "_id"} & controls.keys():
        raise UnsupportedSearchError("a search over every patient")
    for name, value in controls.items():
        found = [resource for resource in found if _matches(resource, kind, name, value)]
    if sort:
        found = _sorted(found, kind, sort)
    total, limit = len(found), int(count) if count else len(found)
    bundle: Resource = {
        "resourceType": "Bundle",
        "type": "searchset",
        "total": total,
        "link": [{"relation": "self", "url": f"{BASE}/{query}"}],
        "entry": [
            {
                "fullUrl": f"{BASE}/{kind}/{resource['id']}",
                "resource": resource,
                "search": {"mode": "match"},
            }
            for resource in found[:limit]
        ],
    }
    if total > limit:
        bundle["link"].append({"relation": "next", "url": f"{BASE}/{query}&page=2"})
    if not bundle["entry"]:
        del bundle["entry"]
    return bundle


def _matches(resource: Resource, kind: str, name: str, value: str) -> bool:
    wanted = value.split(",")
    if name == "_id":
        return resource["id"] in wanted
    if name in ("patient", "subject"):
        holder = resource.get("subject") or resource.get("patient") or {}
        patient_id = str(holder.get("reference", "")).rpartition("/")[2]
        return patient_id in {item.removeprefix("Patient/") for item in wanted}
    if name in _TOKENS:
        return any(_token_matches(token, held) for token in wanted for held in _TOKENS[name](resource))
    if name in _DATES.get(kind, {}):
        return all(_date_matches(item, _moment(resource, _DATES[kind][name])) for item in wanted)
    raise UnsupportedSearchError(f"{kind}: search parameter {name!r}")


Token = tuple[str | None, str]


def _concept_tokens(concept: Resource | None) -> list[Token]:
    return [(item.get("system"), item.get("code", "")) for item in (concept or {}).get("coding", [])]


def _code_tokens(resource: Resource) -> list[Token]:
    return _concept_tokens(resource.get("code") or resource.get("medicationCodeableConcept"))


def _category_tokens(resource: Resource) -> list[Token]:
    held = resource.get("category", [])
    return [token for item in (held if isinstance(held, list) else [held]) for token in _concept_tokens(item)]


_TOKENS: Final[dict[str, Callable[[Resource], list[Token]]]] = {
    "code": _code_tokens,
    "category": _category_tokens,
    "status": lambda resource: [(None, resource.get("status", ""))],
    "intent": lambda resource: [(None, resource.get("intent", ""))],
    "clinical-status": lambda resource: _concept_tokens(resource.get("clinicalStatus")),
    "verification-status": lambda resource: _concept_tokens(resource.get("verificationStatus")),
}


def _token_matches(wanted: str, held: Token) -> bool:
    system, bar, code = wanted.rpartition("|")
    if bar and system and held[0] != system:
        return False
    return code in ("", held[1])


_DATES: Final[dict[str, dict[str, tuple[str, ...]]]] = {
    "Observation": {"date": ("effectiveDateTime", "effectivePeriod", "effectiveInstant")},
    "MedicationAdministration": {"effective-time": ("effectiveDateTime", "effectivePeriod")},
    "Procedure": {"date": ("performedDateTime", "performedPeriod")},
    "Condition": {"onset-date": ("onsetDateTime",), "recorded-date": ("recordedDate",)},
    "MedicationRequest": {"authoredon": ("authoredOn",)},
    "MedicationStatement": {"effective": ("effectiveDateTime", "effectivePeriod")},
    "DiagnosticReport": {"date": ("effectiveDateTime", "effectivePeriod")},
}
_LONG_AGO: Final = datetime(1, 1, 1, tzinfo=UTC)


def _moment(resource: Resource, members: tuple[str, ...]) -> datetime | None:
    for member in members:
        value = resource.get(member)
        if isinstance(value, dict):
            value = value.get("start") or value.get("end")
        if isinstance(value, str):
            return datetime.fromisoformat(value)
    return None


def _date_matches(wanted: str, held: datetime | None) -> bool:
    if held is None:
        return False
    prefix, text = (wanted[:2], wanted[2:]) if wanted[:2].isalpha() else ("eq", wanted)
    bound = datetime.fromisoformat(text)
    bound = bound if bound.tzinfo else bound.replace(tzinfo=UTC)
    compared: dict[str, bool] = {
        "eq": held == bound,
        "ge": held >= bound,
        "gt": held > bound,
        "le": held <= bound,
        "lt": held < bound,
    }
    if prefix not in compared:
        raise UnsupportedSearchError(f"date prefix {prefix!r}")
    return compared[prefix]


def _sorted(resources: list[Resource], kind: str, sort: str) -> list[Resource]:
    name = sort.removeprefix("-")
    if name == "_lastUpdated":
        return resources
    if name not in _DATES.get(kind, {}):
        raise UnsupportedSearchError(f"{kind}: _sort={sort}")
    members = _DATES[kind][name]
    return sorted(
        resources, key=lambda held: _moment(held, members) or _LONG_AGO, reverse=sort.startswith("-")
    )


class HttpClient(Protocol):
    """As much of an HTTP client as is needed: ``httpx.Client`` and FastAPI's test client both fit."""

    def get(self, url: str, /) -> Any:
        """GET."""

    def post(self, url: str, /, *, json: Any) -> Any:
        """POST a JSON body."""


def discover(client: HttpClient, service_id: str) -> Resource:
    """The service's own entry in discovery."""
    services = client.get("/cds-services").json()["services"]
    return next(service for service in services if service["id"] == service_id)


def hook_request(
    service: Resource, resources: Iterable[Resource], *, patient_id: str, **members: Any
) -> Resource:
    """A request for the hook of ``service``, every template resolved; ``members`` add or replace fields."""
    context = {"userId": USER, "patientId": patient_id}
    return {
        "hook": service["hook"],
        "hookInstance": str(uuid.UUID(int=0x5EED, version=4)),
        "context": context,
        "prefetch": resolve_templates(service.get("prefetch", {}), resources, context),
    } | members


def send_patient_view(client: HttpClient, resources: Iterable[Resource], *, patient_id: str) -> Any:
    """Discovery, prefetch and the ``patient-view`` call; answers the HTTP response."""
    service = discover(client, "cart-toxicity-patient-view")
    request = hook_request(service, resources, patient_id=patient_id)
    return client.post(f"/cds-services/{service['id']}", json=request)
