"""Two plain pages of the sandbox: the list of patients, and one patient's cards as an EHR would render them.

Card details are Markdown without HTML; whatever looks like HTML is shown as text. Suggestions and links
are listed, not acted upon: nothing here writes to the record.
"""

from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

from fastapi import APIRouter
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
            return _page("No such patient", '<p><a href="/">All patients</a></p>', status=404)
        try:
            cards = "".join(_card(card) for card in view(patient.id)["cards"]) or "<p>No cards.</p>"
        except HookError as error:
            cards = f"<p>{escape(str(error))}</p>"
        return _page(patient.name, f'<p>{escape(patient.story)} · <a href="/">all patients</a></p>{cards}')

    return router


def _list_row(patient: SamplePatient, view: View) -> str:
    try:
        summaries = [str(card["summary"]) for card in view(patient.id)["cards"]] or ["no cards"]
    except HookError as error:
        summaries = [str(error)]
    said = "<br>".join(escape(summary) for summary in summaries)
    link = f'<a href="/patients/{escape(patient.id)}">{escape(patient.name)}</a>'
    return f"<tr><td>{link}</td><td>{escape(patient.story)}</td><td>{said}</td></tr>"


def _card(card: Mapping[str, Any]) -> str:
    suggestions = "".join(f"<li>{escape(str(one['label']))}</li>" for one in card.get("suggestions", ()))
    return (
        f'<section class="card {escape(str(card["indicator"]))}"><h2>{escape(str(card["summary"]))}</h2>'
        f"{_MARKDOWN.render(str(card.get('detail', '')))}"
        + (f"<h3>Suggestions</h3><ul>{suggestions}</ul>" if suggestions else "")
        + f"<p><small>{escape(str(card['source']['label']))}</small></p></section>"
    )


def _page(title: str, body: str, status: int = 200) -> HTMLResponse:
    return HTMLResponse(
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<style>{_STYLE}</style></head><body><p class="banner">{_BANNER}</p>'
        f"<h1>{escape(title)}</h1>{body}</body></html>",
        status,
        headers={"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"},
    )
