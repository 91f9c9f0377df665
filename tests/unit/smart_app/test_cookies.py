"""Cookies: one a launch, with the attributes that a frame of the EHR needs."""

import pytest
from fastapi import Request

from smart_app.cookies import (
    expired,
    is_sid,
    login_cookie,
    login_cookie_name,
    read_cookie,
    session_cookie,
    session_cookie_name,
    surplus_cookies,
)

SID, SECRET = "A-sid_of-letters-0123456789", "a-secret-of-43-letters-0123456789-012345678"
ATTRIBUTES = "Path=/; Secure; HttpOnly; SameSite=None; Partitioned"


def a_request(cookie: str = "") -> Request:
    headers = [(b"cookie", cookie.encode())] if cookie else []
    return Request({"type": "http", "headers": headers})


def test_the_cookie_of_a_session_has_its_name_and_every_attribute() -> None:
    assert session_cookie(SID, SECRET) == f"__Host-s-{SID}={SECRET}; {ATTRIBUTES}"


def test_the_cookie_of_a_launch_under_way_ends_with_it_and_does_not_show_the_state() -> None:
    header = login_cookie("the-state", SECRET)
    assert header == f"{login_cookie_name('the-state')}={SECRET}; {ATTRIBUTES}; Max-Age=600"
    assert "the-state" not in header
    assert login_cookie_name("the-state") != login_cookie_name("another-state")


def test_a_removed_cookie_keeps_its_attributes() -> None:
    assert expired(session_cookie_name(SID)) == f"__Host-s-{SID}=; {ATTRIBUTES}; Max-Age=0"


@pytest.mark.parametrize(
    "value", ["", "short", "with blank 0123456789 0123", "a;Domain=evil.example;0123456789"]
)
def test_nothing_but_a_secret_becomes_a_cookie(value: str) -> None:
    with pytest.raises(ValueError, match="secret"):
        session_cookie(SID, value)


def test_a_cookie_is_read_by_its_name() -> None:
    request = a_request(f"other=1; __Host-s-{SID}={SECRET}")
    assert read_cookie(request, session_cookie_name(SID)) == SECRET
    assert read_cookie(request, session_cookie_name(SID + "x")) is None
    assert read_cookie(a_request(), session_cookie_name(SID)) is None
    assert read_cookie(a_request(f"__Host-s-{SID}=short"), session_cookie_name(SID)) is None


@pytest.mark.parametrize(
    ("text", "well"), [(SID, True), ("short", False), ("../../../etc/passwd-0000", False), ("x" * 65, False)]
)
def test_an_id_of_a_session_has_its_form(text: str, well: bool) -> None:
    assert is_sid(text) is well


def test_the_eleventh_session_of_a_browser_removes_the_oldest_cookie() -> None:
    ten = [f"__Host-s-session-number-{number:03}" for number in range(10)]
    request = a_request("; ".join(f"{name}={SECRET}" for name in ten))
    assert surplus_cookies(request) == [expired(ten[0])]
    nine = a_request("; ".join(f"{name}={SECRET}" for name in ten[1:]))
    assert surplus_cookies(nine) == []


def test_launches_that_were_never_finished_are_bounded_too() -> None:
    names = [login_cookie_name(f"state-{number}") for number in range(12)]
    request = a_request("; ".join(f"{name}={SECRET}" for name in names))
    assert surplus_cookies(request) == [expired(name) for name in names[:3]]
