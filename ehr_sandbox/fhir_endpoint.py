"""A small read-only FHIR R4 endpoint over the sample patients: reads, searches, paging, capabilities.

It is as strict as a good server: an unknown parameter is a 400, not ignored. It knows the search
parameters that clients of the service need (see ``SEARCH_PARAMETERS``) and no others: no includes, no
chaining, no modifiers, no writes, no authorization. Everything stays in memory.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode

import msgspec
from fastapi import APIRouter, Request, Response

from ehr_sandbox.record import Resource
from ehr_sandbox.search import SEARCH_PARAMETERS, SearchError, criterion, sort_resources

FHIR_JSON = "application/fhir+json"
DEFAULT_PAGE, LARGEST_PAGE = 50, 1000
# Honoured or harmless whatever their value: we answer JSON in any case.
_IGNORED = frozenset({"_format", "_pretty"})


class Shelf:
    """Resources by type and id, and by the patient they belong to: nearly every search names one."""

    def __init__(self, resources: Iterable[Resource]) -> None:
        self._types: dict[str, dict[str, Resource]] = {name: {} for name in SEARCH_PARAMETERS}
        self._of_subject: dict[tuple[str, str], list[Resource]] = {}
        for resource in resources:
            kind = resource["resourceType"]
            self._types.setdefault(kind, {})[resource["id"]] = resource
            if "subject" in resource:
                self._of_subject.setdefault((kind, resource["subject"]["reference"]), []).append(resource)

    def types(self) -> Sequence[str]:
        """Return the names of the resource types that can be asked for."""
        return sorted(self._types)

    def read(self, kind: str, id_: str) -> Resource | None:
        """Return one resource, or ``None``."""
        return self._types.get(kind, {}).get(id_)

    def search(self, kind: str, parameters: Sequence[tuple[str, str]]) -> list[Resource]:
        """Return all matches in order. Raises :class:`SearchError` for what is not understood."""
        found = self._candidates(kind, parameters)
        order = ""
        for name, value in parameters:
            if name == "_sort":
                order = value
            elif name not in _IGNORED:
                meets = criterion(kind, name, value)
                found = [resource for resource in found if meets(resource)]
        return sort_resources(found, kind, order) if order else found

    def _candidates(self, kind: str, parameters: Sequence[tuple[str, str]]) -> list[Resource]:
        for name, value in parameters:
            if name == "patient" and "," not in value:
                return self._of_subject.get((kind, f"Patient/{value.removeprefix('Patient/')}"), [])
        return list(self._types[kind].values())


def fhir_router(resources: Iterable[Resource]) -> APIRouter:
    """Build the endpoint's routes; the application that includes them chooses the base path."""
    shelf = Shelf(resources)
    router = APIRouter()

    @router.get("/metadata")
    async def read_metadata(request: Request) -> Response:
        return _answer(200, _capability_statement(_base(request, "/metadata"), shelf.types()))

    @router.get("/{kind}/{id_}")
    async def read(kind: str, id_: str) -> Response:
        resource = shelf.read(kind, id_)
        if resource is None:
            return _refuse(404, "not-found", "no such resource")
        return _answer(200, resource)

    @router.get("/{kind}")
    async def search(kind: str, request: Request) -> Response:
        return _search(
            shelf, kind, parse_qsl(request.url.query, keep_blank_values=True), _base(request, f"/{kind}")
        )

    @router.post("/{kind}/_search")
    async def search_by_form(kind: str, request: Request) -> Response:
        form = (await request.body()).decode("utf-8", "replace")
        pairs = parse_qsl(request.url.query, keep_blank_values=True) + parse_qsl(form, keep_blank_values=True)
        return _search(shelf, kind, pairs, _base(request, f"/{kind}/_search"))

    return router


def _base(request: Request, tail: str) -> str:
    url = request.url
    return f"{url.scheme}://{url.netloc}{url.path.removesuffix(tail)}"


def _search(shelf: Shelf, kind: str, pairs: Sequence[tuple[str, str]], base: str) -> Response:
    if kind not in shelf.types():
        return _refuse(404, "not-supported", f"resource type {kind[:64]} is not known here")
    try:
        count = _whole_number(pairs, "_count", DEFAULT_PAGE)
        offset = _whole_number(pairs, "_offset", 0)
        criteria = [(name, value) for name, value in pairs if name not in ("_count", "_offset")]
        found = shelf.search(kind, criteria)
    except SearchError as error:
        return _refuse(400, "invalid", str(error))
    page = min(count, LARGEST_PAGE)
    links = [{"relation": "self", "url": _url(base, kind, criteria, page, offset)}]
    if page and offset + page < len(found):
        links.append({"relation": "next", "url": _url(base, kind, criteria, page, offset + page)})
    bundle: Resource = {"resourceType": "Bundle", "type": "searchset", "total": len(found), "link": links}
    entries = [
        {"fullUrl": f"{base}/{kind}/{resource['id']}", "resource": resource, "search": {"mode": "match"}}
        for resource in found[offset : offset + page]
    ]
    if entries:
        bundle["entry"] = entries
    return _answer(200, bundle)


def _whole_number(pairs: Sequence[tuple[str, str]], name: str, default: int) -> int:
    values = [value for key, value in pairs if key == name]
    if not values:
        return default
    if len(values) > 1 or not values[0].isdecimal() or len(values[0]) > 6:
        raise SearchError(f"{name} must be one whole number")
    return int(values[0])


def _url(base: str, kind: str, criteria: Sequence[tuple[str, str]], count: int, offset: int) -> str:
    pages = [("_count", str(count))] + ([("_offset", str(offset))] if offset else [])
    return f"{base}/{kind}?{urlencode([*criteria, *pages])}"


def _answer(status: int, body: Mapping[str, Any]) -> Response:
    return Response(msgspec.json.encode(body), status, media_type=FHIR_JSON)


def _refuse(status: int, code: str, text: str) -> Response:
    issue = {"severity": "error", "code": code, "details": {"text": text}}
    return _answer(status, {"resourceType": "OperationOutcome", "issue": [issue]})


def _capability_statement(base: str, kinds: Sequence[str]) -> Resource:
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": datetime.now(UTC).date().isoformat(),
        "kind": "instance",
        "implementation": {"description": "Sandbox with synthetic patients, read only", "url": base},
        "fhirVersion": "4.0.1",
        "format": ["json"],
        "rest": [
            {
                "mode": "server",
                "resource": [
                    {
                        "type": kind,
                        "interaction": [{"code": "read"}, {"code": "search-type"}],
                        "searchParam": [
                            {"name": name, "type": parameter.kind.value}
                            for name, parameter in sorted(SEARCH_PARAMETERS[kind].items())
                        ],
                    }
                    for kind in kinds
                ],
            }
        ],
    }
