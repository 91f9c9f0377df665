"""A real FHIR R4 server (HAPI, JPA, H2 in memory) as a process of ours, for tests of what we ask of an EHR.

    with HapiServer.start(log_folder) as hapi:
        hapi.load(bundle)
        hapi.get("Observation", {"patient": "p1", "code": "http://loinc.org|8310-5", "_sort": "-date"}).json()

Tests take the session's one server from the fixture `hapi` instead. It starts empty, on a free port of
127.0.0.1, knows no authentication and forgets everything at its end. It refuses unknown search parameters
(400, HAPI-0524) and references to resources that it does not hold. Not to be trusted here: `$lastn`, which
ignores `max`, and unknown parameters that begin with `_`, which it passes over in silence.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from tests.system.hapi.jvm import Jvm

START_TIMEOUT_SECONDS = 180.0
# The first search of a kind compiles its query, and a transaction of 250 resources takes seconds.
REQUEST_TIMEOUT_SECONDS = 120.0


class HapiServer:
    """One running server. `base_url` ends in `/fhir`, without a slash."""

    def __init__(self, jvm: Jvm, base_url: str) -> None:
        self._jvm = jvm
        self.base_url = base_url
        self._client = httpx.Client(
            base_url=base_url, timeout=REQUEST_TIMEOUT_SECONDS, headers={"Accept": "application/fhir+json"}
        )

    @classmethod
    def start(cls, log_folder: Path) -> Self:
        """Builds if need be, starts, and returns once the server answers and is known to be this process.

        The server's warnings go to `log_folder/hapi.log`. Raises `RuntimeError` with that log's end when it
        does not come up, and what `build_peers` raises.
        """
        token = secrets.token_hex(8)
        jvm = Jvm.start("peer.FhirServer", "0", token, log=log_folder / "hapi.log")
        try:
            port = int(jvm.read_line(START_TIMEOUT_SECONDS))
            server = cls(jvm, f"http://127.0.0.1:{port}/fhir")
            answer = server.get("metadata")
            # Port numbers are reused: only the token tells our process from another server.
            if answer.status_code != 200 or answer.json()["implementation"]["description"] != token:
                raise RuntimeError(
                    f"{server.base_url} is not the server that was started: {answer.text[:1000]}"
                )
        except BaseException:
            jvm.stop()
            raise
        return server

    def get(self, path: str, params: Mapping[str, str] | None = None) -> httpx.Response:
        """GET of `path` under the base (`"Observation"`, `"Patient/p1"`), whatever the status.

        `params` are encoded (`|` becomes `%7C`); a query may also stand in `path`, already encoded. Searches
        give 50 entries a page unless `_count` says otherwise, at most 1000; `link[relation=next]` leads on.
        """
        return self._client.get(path, params=params)

    def load(self, bundle: Mapping[str, Any]) -> dict[str, Any]:
        """Stores the resources of a Bundle in one transaction and returns the server's answer.

        A `transaction` or `batch` goes as it is. Of any other Bundle (a collection, a sample patient's file)
        each resource with an id is stored under that id, replacing what was there, and each without one gets
        a new id. Raises `ValueError` with the server's OperationOutcome when it refuses; of a transaction
        nothing was stored then.
        """
        if bundle.get("type") not in {"transaction", "batch"}:
            bundle = _transaction_of(bundle)
        answer = self._client.post("/", json=bundle, headers={"Content-Type": "application/fhir+json"})
        if answer.status_code != 200:
            raise ValueError(f"the server refused the Bundle (HTTP {answer.status_code}): {answer.text}")
        stored: dict[str, Any] = answer.json()
        return stored

    def stop(self) -> None:
        """Ends the server and waits for its end. Were pytest killed, the server would end by itself."""
        self._client.close()
        self._jvm.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _transaction_of(bundle: Mapping[str, Any]) -> dict[str, Any]:
    entries = []
    for entry in bundle.get("entry", ()):
        resource = entry["resource"]
        kind = resource["resourceType"]
        request = (
            {"method": "PUT", "url": f"{kind}/{resource['id']}"}
            if "id" in resource
            else {"method": "POST", "url": kind}
        )
        kept = {"fullUrl": entry["fullUrl"]} if "fullUrl" in entry else {}
        entries.append({**kept, "resource": resource, "request": request})
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}
