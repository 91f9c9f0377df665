"""The cookies of the app: one for each launch under way and one for each session, named after it.

A browser that shows two patients in two frames thus has two cookies, and neither frame can read the other's
session. ``__Host-`` binds a cookie to this host, ``Partitioned`` and ``SameSite=None`` let it work in a frame
of the EHR. The headers are written by hand: Python 3.11 knows no ``Partitioned``.
"""

import re

from fastapi import Request

from smart_app.session_store import LOGIN_LASTS, hash_of_state

MOST_SESSIONS = 10
_ATTRIBUTES = "Path=/; Secure; HttpOnly; SameSite=None; Partitioned"
_SESSION_PREFIX = "__Host-s-"
_LOGIN_PREFIX = "__Host-l-"
_SID = re.compile(r"[A-Za-z0-9_-]{16,64}")
_VALUE = re.compile(r"[A-Za-z0-9_-]{20,200}")
# 128 bits of the hash are plenty to tell launches apart, and keep the header short.
_HASH_LETTERS = 32


def is_sid(text: str) -> bool:
    """Whether a text has the form of a session's id."""
    return _SID.fullmatch(text) is not None


def session_cookie_name(sid: str) -> str:
    """The name of a session's cookie."""
    return _SESSION_PREFIX + sid


def login_cookie_name(state: str) -> str:
    """The name of the cookie of a launch under way; the state itself does not stand in it."""
    return _LOGIN_PREFIX + hash_of_state(state)[:_HASH_LETTERS]


def session_cookie(sid: str, secret: str) -> str:
    """The ``Set-Cookie`` header of a session: it ends with the browser."""
    return _cookie(session_cookie_name(sid), secret)


def login_cookie(state: str, secret: str) -> str:
    """The ``Set-Cookie`` header of a launch under way."""
    return f"{_cookie(login_cookie_name(state), secret)}; Max-Age={int(LOGIN_LASTS.total_seconds())}"


def expired(name: str) -> str:
    """The ``Set-Cookie`` header that removes a cookie; browsers ask for the same attributes."""
    return f"{name}=; {_ATTRIBUTES}; Max-Age=0"


def read_cookie(request: Request, name: str) -> str | None:
    """The value of a cookie, if it has the form of our secrets."""
    value = request.cookies.get(name)
    return value if value is not None and _VALUE.fullmatch(value) else None


def surplus_cookies(request: Request, most: int = MOST_SESSIONS) -> list[str]:
    """``Set-Cookie`` headers that leave room for one session more: the oldest cookies are removed.

    Browsers send cookies of one path in the order in which they were made. The sessions themselves end by
    their own time. Launches under way that were never finished are bounded alike.
    """
    headers = []
    for prefix in (_SESSION_PREFIX, _LOGIN_PREFIX):
        names = [name for name in request.cookies if name.startswith(prefix) and _SID.fullmatch(name[9:])]
        headers += [expired(name) for name in names[: max(0, len(names) - most + 1)]]
    return headers


def _cookie(name: str, value: str) -> str:
    if not _VALUE.fullmatch(value):
        raise ValueError("a cookie's value must be a secret of URL-safe letters")
    return f"{name}={value}; {_ATTRIBUTES}"
