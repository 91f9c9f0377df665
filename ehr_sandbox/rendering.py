"""How the sandbox's pages leave: templates with everything escaped, and headers that let nothing else in.

Card details are Markdown without HTML and without images; whatever looks like HTML is shown as text.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markupsafe import Markup

_ENVIRONMENT = Environment(
    loader=PackageLoader("ehr_sandbox"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def render_page(
    template: str, *, status: int = 200, frame_origins: Iterable[str] = (), **values: Any
) -> HTMLResponse:
    """A page of a template. ``frame_origins`` are the origins that may be shown in a frame of it."""
    return HTMLResponse(_ENVIRONMENT.get_template(template).render(values), status, headers(frame_origins))


def headers(frame_origins: Iterable[str] = ()) -> dict[str, str]:
    """The headers of every page. A launch passes through our own authorization server: ``'self'`` too."""
    frames = " ".join(("'self'", *frame_origins))
    policy = (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        f"frame-src {frames}",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
    return {
        "Content-Security-Policy": "; ".join(policy),
        "Cache-Control": "no-store",
        "Referrer-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
    }


def render_markdown(text: str) -> Markup:
    """The Markdown of a card as HTML; raw HTML in it is shown as text."""
    return Markup(_MARKDOWN.render(text))  # noqa: S704 - written by the renderer, which escapes all text


def _open_table(_: RendererHTML, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:  # noqa: ARG001
    # A wide table scrolls by itself, by keyboard too, and leaves the page its width.
    return '<div class="scroll" tabindex="0" role="region" aria-label="Table of the card"><table>\n'


def _close_table(_: RendererHTML, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:  # noqa: ARG001
    return "</table></div>\n"


_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")
_MARKDOWN.add_render_rule("table_open", _open_table)
_MARKDOWN.add_render_rule("table_close", _close_table)
