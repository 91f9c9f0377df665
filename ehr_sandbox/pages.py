"""Plain pages of the sandbox: the list of patients, one patient's cards as an EHR would render them, and the
JSON behind both, indented for reading.

Card details are Markdown without HTML; whatever looks like HTML is shown as text. Suggestions and links
are listed, not acted upon: nothing here writes to the record.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from html import escape
from typing import Any

from fastapi import APIRouter, Response
from fastapi.responses import HTMLResponse
from markdown_it import MarkdownIt

from ehr_sandbox.hook_client import HookError
from ehr_sandbox.patients import SamplePatient

View = Callable[[str], Mapping[str, Any]]
"""Calls ``patient-view`` for a patient id and returns the service's response; may raise
:class:`HookError`.
"""

_BANNER = "Sandbox, synthetic patients. Not for patient care."
_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 0 auto; padding: 1rem; color: #1a1a1a }
.banner { background: #fff3cd; border: 1px solid #b58900; padding: .5rem 1rem }
table { border-collapse: collapse; margin: .5rem 0 }
td, th { border: 1px solid #bbb; padding: .25rem .6rem; text-align: left }
h1, h2, td, li { overflow-wrap: anywhere }
.order { margin: .1rem 0 .5rem; padding-left: .6rem; border-left: .2rem solid #bbb }
.card { border: 1px solid #bbb; border-left: .5rem solid #2b6cb0; padding: .25rem 1rem; margin: 1rem 0 }
.card.warning { border-left-color: #b58900 }
.card.critical { border-left-color: #b00020 }
"""
_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")


def page_router(patients: Sequence[SamplePatient], view: View) -> APIRouter:
    """Build the pages; every request asks the service anew, so that a page shows what holds now."""
    router = APIRouter(default_response_class=HTMLResponse)
    by_id = {patient.id: patient for patient in patients}

    @router.get("/")
    def show_list() -> HTMLResponse:
        rows = "".join(_list_row(patient, view) for patient in patients)
        return _page(
            "Sample patients",
            f"<table><tr><th>Patient</th><th>Situation</th><th>What the service says</th></tr>{rows}</table>",
        )

    @router.get("/patients/{patient_id}")
    def show_patient(patient_id: str) -> HTMLResponse:
        patient = by_id.get(patient_id)
        if patient is None:
            return not_found()
        try:
            cards = "".join(_card(card) for card in view(patient.id)["cards"]) or "<p>No cards.</p>"
        except HookError as error:
            cards = f"<p>{escape(str(error))}</p>"
        links = (
            f'<a href="/patients/{escape(patient.id)}/answer.json">the answer as JSON</a> ·'
            f' <a href="/patients/{escape(patient.id)}/record.json">the record as FHIR JSON</a> ·'
            ' <a href="/">all patients</a>'
        )
        return _page(patient.name, f"<p>{escape(patient.story)}</p><p>{links}</p>{cards}")

    @router.get("/patients/{patient_id}/answer.json")
    def show_answer(patient_id: str) -> Response:
        patient = by_id.get(patient_id)
        if patient is None:
            return not_found()
        try:
            return _indented(view(patient.id))
        except HookError as error:
            return _indented({"error": str(error)}, 502)

    @router.get("/patients/{patient_id}/record.json")
    def show_record(patient_id: str) -> Response:
        patient = by_id.get(patient_id)
        if patient is None:
            return not_found()
        entries = [{"resource": resource} for resource in patient.resources()]
        return _indented({"resourceType": "Bundle", "type": "collection", "entry": entries})

    return router


def not_found() -> HTMLResponse:
    """The page for an address that is none, with a way back."""
    return _page("There is nothing at this address", '<p><a href="/">All patients</a></p>', status=404)


def _indented(content: Mapping[str, Any], status: int = 200) -> Response:
    text = json.dumps(content, indent=2, ensure_ascii=False, default=str)
    return Response(text, status, media_type="application/json")


def _list_row(patient: SamplePatient, view: View) -> str:
    try:
        summaries = [str(card["summary"]) for card in view(patient.id)["cards"]] or ["no cards"]
    except HookError as error:
        summaries = [str(error)]
    said = "<br>".join(escape(summary) for summary in summaries)
    link = f'<a href="/patients/{escape(patient.id)}">{escape(patient.name)}</a>'
    return f"<tr><td>{link}</td><td>{escape(patient.story)}</td><td>{said}</td></tr>"


def _card(card: Mapping[str, Any]) -> str:
    suggestions = "".join(_suggestion(one) for one in card.get("suggestions", ()))
    links = "".join(_link(link) for link in card.get("links", ()))
    return (
        f'<section class="card {escape(str(card["indicator"]))}"><h2>{escape(str(card["summary"]))}</h2>'
        f"{_MARKDOWN.render(str(card.get('detail', '')))}"
        + (f"<h3>Suggestions</h3><ul>{suggestions}</ul>" if suggestions else "")
        + (f"<h3>Links</h3><ul>{links}</ul>" if links else "")
        + f"<p><small>{escape(str(card['source']['label']))}</small></p></section>"
    )


def _suggestion(suggestion: Mapping[str, Any]) -> str:
    mark = " <strong>(recommended)</strong>" if suggestion.get("isRecommended") else ""
    orders = "".join(
        f'<p class="order">{escape(line)}</p>'
        for action in suggestion.get("actions", ())
        for line in _action_lines(action)
    )
    return f"<li>{escape(str(suggestion['label']))}{mark}{orders}</li>"


def _action_lines(action: Mapping[str, Any]) -> Iterator[str]:
    """What an action would do, and the lines of the order that it holds."""
    resource = action.get("resource", {})
    yield f"{action['type']} {resource.get('resourceType', '')}: {action.get('description', '')}"
    drug = resource.get("medicationCodeableConcept", {}).get("text")
    for dosage in resource.get("dosageInstruction", ()):
        yield ": ".join(str(part) for part in (drug, dosage.get("text")) if part)
    for note in resource.get("note", ()):
        yield str(note.get("text", ""))


def _link(link: Mapping[str, Any]) -> str:
    """A link that opens a page; one that launches an app is named, as nothing here can launch it."""
    label, url = escape(str(link["label"])), str(link["url"])
    if link.get("type") == "absolute" and url.startswith(("https://", "http://")):
        return f'<li><a href="{escape(url)}" rel="noreferrer">{label}</a></li>'
    return f"<li>{label}</li>"


def _page(title: str, body: str, status: int = 200) -> HTMLResponse:
    return HTMLResponse(
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<style>{_STYLE}</style></head><body><p class="banner">{_BANNER}</p>'
        f"<h1>{escape(title)}</h1>{body}</body></html>",
        status,
        headers={"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"},
    )
