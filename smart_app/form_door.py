"""Forms: taken only from our own pages, of the very session and patient they were shown for.

``SameSite=None`` cookies protect nothing, so every POST proves itself: the browser says where it comes from,
and the form carries the session's token. Our pages send no referrer, and browsers then write ``Origin: null``
on a form: that is taken only where ``Sec-Fetch-Site`` says same-origin.

The token is masked anew on every page: what is compressed together with text that others may choose must not
repeat.
"""

import base64
import hmac
import secrets
from urllib.parse import parse_qsl

from fastapi import Request
from markupsafe import Markup
from starlette.datastructures import FormData, UploadFile

from smart_app.errors import PageError, refused_form, wrong_patient
from smart_app.session import SmartSession

TOKEN_FIELD, SID_FIELD, PATIENT_FIELD = "form_token", "sid", "patient"
_FORM_TYPE = "application/x-www-form-urlencoded"
_MOST_FIELDS = 300


def check_origin(request: Request, own_origin: str | None) -> None:
    """Refuse a POST that does not come from a page of our own origin. Raises :class:`PageError` (403)."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    from_here = origin is not None and origin == own_origin
    if site is not None:
        if site == "same-origin" and (from_here or origin in (None, "null")):
            return
    elif from_here:
        return
    raise refused_form()


async def read_form(request: Request) -> FormData:
    """The fields of a form, each once. Raises :class:`PageError` (400, 415) where it is none of ours."""
    if request.headers.get("content-type", "").partition(";")[0].strip().casefold() != _FORM_TYPE:
        raise PageError(415, "This form was not accepted", "It was sent in another way than our pages do.")
    body = await request.body()
    try:
        fields: list[tuple[str, UploadFile | str]] = [
            *parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS)
        ]
    except ValueError:
        raise PageError(400, "This form was not accepted", "It cannot be read. Nothing was saved.") from None
    if len({name for name, _ in fields}) < len(fields):  # which of two answers is meant is not ours to guess
        raise PageError(400, "This form was not accepted", "A field came twice. Nothing was saved.")
    return FormData(fields)


def check_form(form: FormData, session: SmartSession) -> None:
    """Refuse a form of another session or patient (409), or without the session's token (403)."""
    sids, patients = form.getlist(SID_FIELD), form.getlist(PATIENT_FIELD)
    if any(sid != session.sid for sid in sids) or any(each != session.patient_id for each in patients):
        raise wrong_patient()
    tokens = form.getlist(TOKEN_FIELD)
    if len(sids) != 1 or len(patients) != 1 or len(tokens) != 1 or not isinstance(tokens[0], str):
        raise refused_form()
    if not is_token_of(tokens[0], session):
        raise refused_form()


def form_fields(session: SmartSession) -> Markup:
    """The hidden fields that every form of a session carries."""
    values = {
        TOKEN_FIELD: masked_token(session),
        SID_FIELD: session.sid,
        PATIENT_FIELD: session.patient_id,
    }
    return Markup("").join(
        Markup('<input type="hidden" name="{}" value="{}">').format(name, value)
        for name, value in values.items()
    )


def masked_token(session: SmartSession) -> str:
    """The session's form token behind a mask that is new each time."""
    token = session.form_token.encode()
    mask = secrets.token_bytes(len(token))
    return base64.urlsafe_b64encode(mask + _combined(mask, token)).decode()


def is_token_of(text: str, session: SmartSession) -> bool:
    """Whether a masked token is the session's; compared in constant time."""
    try:
        both = base64.b64decode(text, altchars=b"-_", validate=True)
    except ValueError:
        return False
    half, odd = divmod(len(both), 2)
    return not odd and hmac.compare_digest(_combined(both[:half], both[half:]), session.form_token.encode())


def _combined(mask: bytes, content: bytes) -> bytes:
    return bytes(one ^ other for one, other in zip(mask, content, strict=True))
