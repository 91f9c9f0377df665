"""The answers of the real service for the sample patients at a fixed moment: what the README shows.

Both applications run in this process and talk as over HTTP; no port is opened. Ids that are new in every
answer are replaced, so that the same chart gives the same text. Nothing here draws: see ``card_picture.py``.
"""

import copy
import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient

from cart_cds.patient_table import LEGEND, describe_patients
from cds_service.app import create_app
from cds_service.settings import Settings
from ehr_sandbox.app import create_sandbox
from ehr_sandbox.hook_client import HookClient, HookService, discover, resolve_prefetch
from ehr_sandbox.patients import load_patients
from ehr_sandbox.record import CHART_CLOCK

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
CARD_FILE = ROOT / "docs/pictures/card-crs-3.json"
PATIENT = "demo-dorn"
_WIDTH = 110
_OK = 200

_EHR, _SERVICE = "http://ehr", "http://service"
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SHOWN = ("summary", "indicator", "detail", "source", "suggestions", "selectionBehavior")
_SHOWN_OF_ORDER = (
    "resourceType",
    "status",
    "intent",
    "medicationCodeableConcept",
    "dosageInstruction",
)


class Wire:
    """Two applications behind one HTTP client."""

    def __init__(self) -> None:
        self._ehr = TestClient(create_sandbox(load_patients()))
        self._service = TestClient(create_app(Settings(), clock=lambda: CHART_CLOCK))

    def get(self, url: str, *, headers: Mapping[str, str]) -> Any:
        return self._client(url).get(url, headers=headers)

    def post(self, url: str, *, json: Any, headers: Mapping[str, str]) -> Any:
        return self._client(url).post(url, json=json, headers=headers)

    def view(self, patient: str, without: Collection[str] = ()) -> dict[str, Any]:
        """Open a patient's chart: the service's answer to ``patient-view``.

        ``without`` names prefetch keys that the EHR does not send; the service may not fetch them either.
        """
        service = discover(self, _SERVICE, "patient-view")
        sent = {key: query for key, query in service.prefetch.items() if not key.startswith(tuple(without))}
        return HookClient(self, replace(service, prefetch=sent), f"{_EHR}/fhir").view(patient)

    def sign(self, patient: str, draft: dict[str, Any]) -> dict[str, Any]:
        """Sign an order in a patient's chart: the service's answer to ``order-sign``."""
        service = discover(self, _SERVICE, "order-sign")
        context = {"userId": "Practitioner/demo-clinician", "patientId": patient}
        prefetch = resolve_prefetch(self, f"{_EHR}/fhir", service.prefetch, context)
        drafts = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": draft}]}
        return self._ask("order-sign", service, context | {"draftOrders": drafts}, prefetch)

    def view_record(self, patient: str, given: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
        """The service's answer to ``patient-view`` for a record that holds only what is ``given``, by key."""
        service = discover(self, _SERVICE, "patient-view")
        found = {
            key: {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": one} for one in some]}
            if (some := given.get(key))
            else {"resourceType": "Bundle", "type": "searchset"}
            for key in service.prefetch
            if key != "patient"
        }
        context = {"userId": "Practitioner/demo-clinician", "patientId": patient}
        return self._ask("patient-view", service, context, found)

    def _ask(
        self, hook: str, service: HookService, context: Mapping[str, Any], prefetch: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Call a hook. Raises :class:`ValueError` where the service refuses."""
        request = {
            "hook": hook,
            "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
            "context": context,
            "prefetch": prefetch,
        }
        answer = self._service.post(service.url, json=request)
        if answer.status_code != _OK:
            raise ValueError(f"{hook} answered {answer.status_code}")
        found: dict[str, Any] = answer.json()
        return found

    def _client(self, url: str) -> TestClient:
        return self._ehr if url.startswith(_EHR) else self._service


def ask_service(patient: str = PATIENT) -> dict[str, Any]:
    """The service's whole answer to ``patient-view``, with fixed ids."""
    wire = Wire()
    answer = wire.view(patient)
    seen: dict[str, str] = {}

    def numbered(found: re.Match[str]) -> str:
        return seen.setdefault(found[0], f"00000000-0000-4000-8000-{len(seen) + 1:012d}")

    fixed: dict[str, Any] = json.loads(_UUID.sub(numbered, json.dumps(answer)))
    return fixed


def crs_card(answer: dict[str, Any]) -> dict[str, Any]:
    """The card on CRS of an answer."""
    card: dict[str, Any] = next(card for card in answer["cards"] if card["source"]["topic"]["code"] == "crs")
    return card


def as_text(card: dict[str, Any]) -> str:
    """A card as the file beside the picture holds it."""
    return json.dumps(card, indent=2, ensure_ascii=False) + "\n"


def excerpt(card: dict[str, Any]) -> str:
    """The card as the README prints it: the first paragraph of the detail, and the draft order in brief."""
    brief = copy.deepcopy({name: card[name] for name in _SHOWN})
    brief["detail"] = card["detail"].partition("\n\n")[0] + " …"
    brief["source"] = {"label": card["source"]["label"]}
    for suggestion in brief["suggestions"]:
        del suggestion["uuid"]
        for action in suggestion["actions"]:
            order = action["resource"]
            brief_order = {name: order[name] for name in _SHOWN_OF_ORDER if name in order}
            brief_order["medicationCodeableConcept"].pop("coding", None)
            brief_order["dosageInstruction"] = [{"text": one["text"]} for one in order["dosageInstruction"]]
            action["resource"] = brief_order
    return write_json(brief)


def write_json(value: Any, indent: int = 0) -> str:
    """JSON in which whatever fits a line stands on one."""
    line = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, dict | list) or len(line) + indent <= _WIDTH:
        return line
    inner = "\n" + " " * (indent + 2)
    if isinstance(value, list):
        return "[" + ",".join(inner + write_json(one, indent + 2) for one in value) + f"\n{' ' * indent}]"
    members = (f"{inner}{json.dumps(name)}: {write_json(one, indent + 2)}" for name, one in value.items())
    return "{" + ",".join(members) + f"\n{' ' * indent}}}"


def demo_table() -> str:
    """The table of the demonstration with its legend."""
    wire = Wire()
    table = describe_patients((patient.name, wire.view(patient.id)) for patient in load_patients())
    return f"{table}\n\n{LEGEND}"


def refresh(readme: str, card: dict[str, Any]) -> str:
    """The README with the table and the card written anew between their marks."""
    readme = _replace(readme, "demo", f"```console\n$ cart-cds demo --once\n{demo_table()}\n```")
    return _replace(readme, "card", f"```json\n{excerpt(card)}\n```")


def _replace(readme: str, name: str, block: str) -> str:
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    before, _, rest = readme.partition(begin)
    _, found, after = rest.partition(end)
    if not found:
        raise ValueError(f"README.md has lost the marks around its {name}")
    return f"{before}{begin}\n{block}\n{end}{after}"
