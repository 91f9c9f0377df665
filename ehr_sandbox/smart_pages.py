"""The two pages of the authorization server: a request that is wrong, and the choice of a patient.

Plain HTML without scripts; everything that comes from outside is escaped.
"""

from collections.abc import Sequence
from html import escape
from urllib.parse import urlsplit

from fastapi.responses import HTMLResponse

from ehr_sandbox.smart_authorize import Choosing, PatientChoice
from ehr_sandbox.smart_discovery import CHOOSE

_BANNER = "Sandbox, synthetic patients. Not for patient care."
_STYLE = """
body { font: 1.125rem/1.5 system-ui, sans-serif; max-width: 40rem; margin: 0 auto; padding: 1rem;
  color: #1a1a1a; background: #fff }
.banner { background: #fff3cd; border: 1px solid #8a6d00; padding: .5rem 1rem }
label { display: flex; gap: .75rem; align-items: center; min-height: 2.75rem }
input { width: 1.5rem; height: 1.5rem; flex: none }
button { font: inherit; min-height: 2.75rem; padding: .25rem 1.5rem; margin-top: 1rem }
:focus-visible { outline: .2rem solid #1d4f91; outline-offset: .15rem }
h1, label { overflow-wrap: anywhere }
"""


def wrong_request(text: str) -> HTMLResponse:
    """The page for a request that must not be answered by a redirect."""
    body = f"<p>{escape(text)}</p><p>Nothing was opened.</p>"
    return _page("This app cannot be opened", body, 400, form_action="'none'")


def patient_choice(choosing: Choosing, patients: Sequence[PatientChoice]) -> HTMLResponse:
    """The page on which a patient is picked for an app that stands alone."""
    if not patients:
        return _page("There are no patients", "<p>The sandbox is empty.</p>", 404, form_action="'none'")
    choices = "".join(
        f'<label><input type="radio" name="patient" value="{escape(one.patient_id)}" required>'
        f"<span>{escape(one.label)}</span></label>"
        for one in patients
    )
    body = (
        f"<p>The app <strong>{escape(choosing.client_id)}</strong> asks for a patient's record.</p>"
        f'<form method="post" action="{CHOOSE}">'
        f'<input type="hidden" name="request" value="{escape(choosing.request)}">'
        f"<fieldset><legend>Patient</legend>{choices}</fieldset>"
        '<button type="submit">Open the app</button></form>'
    )
    # Browsers hold the redirect that follows a form to form-action too.
    target = urlsplit(choosing.redirect_uri)
    return _page("Pick a patient", body, 200, form_action=f"'self' {target.scheme}://{target.netloc}")


def _page(title: str, body: str, status: int, *, form_action: str) -> HTMLResponse:
    return HTMLResponse(
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)} · EHR sandbox</title><style>{_STYLE}</style></head>"
        f'<body><main><p class="banner">{_BANNER}</p><h1>{escape(title)}</h1>{body}</main></body></html>',
        status,
        headers={
            "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none';"
            # The chart's own frame may hold them; in a foreign one a click could be led astray.
            f" form-action {form_action}; frame-ancestors 'self'",
            "Cache-Control": "no-store",
            "Referrer-Policy": "no-referrer",
        },
    )
