"""The app as a browser meets it: whose session, whose patient, which headers, and what when it goes wrong."""

import logging
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from fastapi import Request, Response
from fastapi.testclient import TestClient

from smart_app.form_door import masked_token
from smart_app.session import SmartSession, View
from tests.bedside_site import AT, EHR, FROM_OUR_PAGE, ORIGIN, PREFIX, BedsideSite, path_of
from tests.builders.observations import attributed_elsewhere


@pytest.fixture
def site() -> BedsideSite:
    return BedsideSite()


@pytest.fixture
def browser(site: BedsideSite) -> TestClient:
    return site.browser()


@pytest.fixture
def session(site: BedsideSite, browser: TestClient) -> SmartSession:
    return site.open(browser)


def form_of(session: SmartSession, **changes: str) -> dict[str, str]:
    fields = {"form_token": masked_token(session), "sid": session.sid, "patient": session.patient_id}
    return fields | changes


def post(browser: TestClient, session: SmartSession, form: Any = None, **headers: str) -> Any:
    headers = headers or FROM_OUR_PAGE
    return browser.post(path_of(session, "logout"), data=form or form_of(session), headers=headers)


def test_the_page_shows_the_patient_of_the_launch(browser: TestClient, session: SmartSession) -> None:
    page = browser.get(path_of(session, "course"))
    assert page.status_code == 200
    assert "Ann Alder" in page.text
    assert "4 May 1961 (64 y)" in page.text
    assert "MRN-Alder" in page.text
    title = re.findall(r"<title>(.*?)</title>", page.text, re.DOTALL)[0]
    assert "Ann Alder" in title and "4 May 1961" in title and "MRN-Alder" in title
    assert re.search(r"Record read at <time [^>]*>08:00</time> \(UTC\)", page.text)
    assert "ASTCT 2019" in page.text and "version" in page.text


def test_a_banner_of_the_ehr_leaves_ours_a_line_that_still_says_who(
    site: BedsideSite, browser: TestClient
) -> None:
    small = browser.get(path_of(site.open(browser, shows_banner=False), "course")).text
    assert "patient--small" in small
    assert "Ann Alder" in small and "4 May 1961" in small and "MRN-Alder" in small


@pytest.mark.parametrize(
    ("view", "page"), [(View.COURSE, "course"), (View.ICE, "ice"), (View.TREATMENTS, "course#treatments")]
)
def test_the_first_address_leads_to_the_page_of_the_launch(
    site: BedsideSite, browser: TestClient, view: View, page: str
) -> None:
    session = site.open(browser, view=view)
    for address in (path_of(session), path_of(session).rstrip("/")):
        answer = browser.get(address)
        assert (answer.status_code, answer.headers["location"]) == (303, path_of(session, page))


def test_another_browser_does_not_see_the_session(site: BedsideSite, session: SmartSession) -> None:
    answer = site.browser().get(path_of(session, "course"))
    assert answer.status_code == 401
    assert "Alder" not in answer.text
    assert "new window" in answer.text


def test_a_missing_cookie_a_wrong_one_and_an_unknown_session_look_alike(
    site: BedsideSite, session: SmartSession
) -> None:
    stranger = site.browser()
    without = stranger.get(path_of(session, "course"))
    unknown = stranger.get(f"{PREFIX}/s/sid-that-never-was-0123/course")
    malformed = stranger.get(f"{PREFIX}/s/x/course")
    stranger.cookies.set(f"__Host-s-{session.sid}", "wrong-secret-0123456789", domain="cds.example")
    wrong = stranger.get(path_of(session, "course"))
    assert without.status_code == 401
    assert without.text == unknown.text == malformed.text == wrong.text


def test_two_sessions_of_one_browser_do_not_mix(site: BedsideSite, browser: TestClient) -> None:
    first, second = site.open(browser, "patient-1"), site.open(browser, "patient-2")
    for _ in range(2):  # the frame of the first is loaded again after the second was opened
        one, other = browser.get(path_of(first, "course")).text, browser.get(path_of(second, "course")).text
        assert "Ann Alder" in one and "Birch" not in one
        assert "Ben Birch" in other and "Alder" not in other


def test_the_cookie_of_one_session_opens_no_other(site: BedsideSite, browser: TestClient) -> None:
    first, second = site.open(browser, "patient-1"), site.open(site.browser(), "patient-2")
    stolen = browser.cookies[f"__Host-s-{first.sid}"]
    browser.cookies.set(f"__Host-s-{second.sid}", stolen, domain="cds.example", path="/")
    assert browser.get(path_of(second, "course")).status_code == 401


def test_a_session_that_was_not_used_has_ended(
    site: BedsideSite, browser: TestClient, session: SmartSession
) -> None:
    site.clock.move(minutes=15, seconds=1)
    answer = browser.get(path_of(session, "course"))
    assert answer.status_code == 401 and "This page has closed" in answer.text


def test_a_session_ends_when_its_ehr_is_no_longer_configured(site: BedsideSite, browser: TestClient) -> None:
    session = site.open(browser, iss="https://gone.example/fhir")
    assert browser.get(path_of(session, "course")).status_code == 401


def test_signing_out_ends_this_session_alone_and_gives_the_tokens_back(
    site: BedsideSite, browser: TestClient, session: SmartSession
) -> None:
    other = site.open(browser, "patient-2")
    answer = post(browser, session)
    assert (answer.status_code, answer.headers["location"]) == (303, f"{PREFIX}/signed-out")
    assert f"__Host-s-{session.sid}=;" in answer.headers["set-cookie"]
    assert "Max-Age=0" in answer.headers["set-cookie"]
    assert site.ehr.revoked == ["refresh-1", "access-1"]
    assert site.store.tokens_of(session.sid) is None
    assert browser.get(path_of(session, "course")).status_code == 401
    assert browser.get(path_of(other, "course")).status_code == 200
    assert "Signed out" in browser.get(f"{PREFIX}/signed-out").text


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "same-origin", "Origin": ORIGIN},
        {"Sec-Fetch-Site": "same-origin"},
        # What browsers send from a page without referrer.
        {"Sec-Fetch-Site": "same-origin", "Origin": "null"},
        {"Origin": ORIGIN},
    ],
)
def test_a_form_of_our_own_page_is_taken(
    browser: TestClient, session: SmartSession, headers: dict[str, str]
) -> None:
    assert post(browser, session, **headers).status_code == 303


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Nothing": "at all"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": EHR},
        {"Origin": ORIGIN + ".evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Site": "cross-site", "Origin": ORIGIN},
        {"Sec-Fetch-Site": "same-origin", "Origin": "https://evil.example"},
    ],
)
def test_a_form_from_elsewhere_is_refused(
    site: BedsideSite, browser: TestClient, session: SmartSession, headers: dict[str, str]
) -> None:
    answer = post(browser, session, **headers)
    assert answer.status_code == 403 and "Nothing was saved" in answer.text
    assert site.store.tokens_of(session.sid) is not None


@pytest.mark.parametrize(
    "token", ["", "wrong", "AAAA", "form-token-of-sid-of-patient-1-0123456789", "é", "A" * 10_000]
)
def test_a_form_without_the_sessions_token_is_refused(
    site: BedsideSite, browser: TestClient, session: SmartSession, token: str
) -> None:
    assert post(browser, session, form_of(session, form_token=token)).status_code == 403
    assert site.store.tokens_of(session.sid) is not None


@pytest.mark.parametrize("missing", ["form_token", "sid", "patient"])
def test_a_form_that_lacks_a_field_is_refused(
    browser: TestClient, session: SmartSession, missing: str
) -> None:
    form = {name: value for name, value in form_of(session).items() if name != missing}
    assert post(browser, session, form).status_code == 403


def test_a_form_of_another_patient_is_a_conflict(
    site: BedsideSite, browser: TestClient, session: SmartSession
) -> None:
    other = site.open(browser, "patient-2")
    for form in (
        form_of(other),
        form_of(session, patient="patient-2"),
        form_of(session, sid=other.sid),
    ):
        answer = post(browser, session, form)
        assert answer.status_code == 409 and "another patient" in answer.text
    assert site.store.tokens_of(session.sid) is not None
    assert site.store.tokens_of(other.sid) is not None


def test_the_token_of_another_session_does_not_do(
    site: BedsideSite, browser: TestClient, session: SmartSession
) -> None:
    other = site.open(browser, "patient-2")
    assert post(browser, session, form_of(session, form_token=masked_token(other))).status_code == 403


def test_a_form_must_be_sent_as_our_pages_send_it(browser: TestClient, session: SmartSession) -> None:
    address = path_of(session, "logout")
    as_json = browser.post(address, json=form_of(session), headers=FROM_OUR_PAGE)
    as_parts = browser.post(address, files={"x": b"y"}, data=form_of(session), headers=FROM_OUR_PAGE)
    assert (as_json.status_code, as_parts.status_code) == (415, 415)
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    assert browser.post(address, content=b"\xff=%ff", headers=FROM_OUR_PAGE | kind).status_code == 400
    twice = urlencode([*form_of(session).items(), ("answer", "1"), ("answer", "0")])
    assert browser.post(address, content=twice, headers=FROM_OUR_PAGE | kind).status_code == 400
    many = "&".join(f"x{n}=1" for n in range(1000))
    assert browser.post(address, content=many, headers=FROM_OUR_PAGE | kind).status_code == 400


def test_a_body_beyond_reason_is_refused_before_it_is_read(
    browser: TestClient, session: SmartSession
) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(300):
            yield b"x" * 1024

    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    address = path_of(session, "logout")
    declared = browser.post(address, content=b"x" * 300_000, headers=FROM_OUR_PAGE | kind)
    streamed = browser.post(address, content=endless(), headers=FROM_OUR_PAGE | kind)
    assert (declared.status_code, streamed.status_code) == (413, 413)


def test_every_form_of_a_page_carries_the_token_masked_anew(
    browser: TestClient, session: SmartSession
) -> None:
    found = []
    for _ in range(2):
        page = browser.get(path_of(session, "course")).text
        forms = re.findall(r"<form\b.*?</form>", page, re.DOTALL)
        posts = [form for form in forms if 'method="post"' in form]
        assert posts
        assert all(f'name="sid" value="{session.sid}"' in form for form in posts)
        assert all('name="patient" value="patient-1"' in form for form in posts)
        found += [re.findall(r'name="form_token" value="([^"]+)"', form) for form in posts]
        assert session.form_token not in page
    assert found[0] != found[-1]
    assert post(browser, session, form_of(session, form_token=found[-1][0])).status_code == 303


def routes_of(app: Any) -> list[tuple[str, str]]:
    found = []
    for route in app.routes:
        inner = getattr(route, "original_router", None)
        if inner is not None:
            found += routes_of(inner)
        elif getattr(route, "methods", None):
            found += [(method, route.path) for method in sorted(route.methods)]
    return found


def test_the_headers_stand_on_the_answer_of_every_route(
    site: BedsideSite, browser: TestClient, session: SmartSession
) -> None:
    routes = [*routes_of(site.inner), ("GET", "/no/such/page"), ("PUT", "/launch")]
    assert len(routes) > 10
    for with_session in (True, False):
        client = browser if with_session else site.browser()
        for method, template in routes:
            address = PREFIX + re.sub(r"\{(\w+)[^}]*\}", "x", template.replace("{sid}", session.sid))
            headers = client.request(method, address, headers=FROM_OUR_PAGE).headers
            policy = headers["content-security-policy"]
            assert policy.startswith(
                "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; "
                "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors https://ehr.example"
            ), address
            assert "unsafe" not in policy and "*" not in policy
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["referrer-policy"] == "no-referrer"
            assert headers["cross-origin-resource-policy"] == "same-origin"
            assert headers["strict-transport-security"] == "max-age=31536000"
            assert "x-frame-options" not in headers
            if "jwks" in address:  # public keys, for servers
                continue
            assert headers["cache-control"] == "no-store", address
            assert not [name for name in headers if name.startswith("access-control")], address


def test_a_page_is_framed_by_the_ehr_of_its_session_alone(
    site: BedsideSite, browser: TestClient, session: SmartSession
) -> None:
    def framed_by(answer: Any) -> str:
        return str(answer.headers["content-security-policy"].partition("frame-ancestors ")[2])

    assert framed_by(browser.get(path_of(session, "course"))) == "https://ehr.example"
    both = "https://ehr.example https://other.example"
    assert framed_by(browser.get(f"{PREFIX}/signed-out")) == both
    assert framed_by(site.browser().get(path_of(session, "course"))) == both


def test_a_static_file_is_kept_by_its_content_and_a_page_never(
    browser: TestClient, session: SmartSession
) -> None:
    page = browser.get(path_of(session, "course"))
    assert page.headers["cache-control"] == "no-store"
    links = re.findall(r'(?:href|src)="([^"]+/static/[^"]+)"', page.text)
    assert any(link.endswith("/app.css") for link in links) and any(
        link.endswith("/app.js") for link in links
    )
    for link in links:
        file = browser.get(link)
        assert file.status_code == 200
        assert file.headers["cache-control"] == "public, max-age=31536000, immutable"
        older = browser.get(re.sub(r"/static/\w+/", "/static/0123456789abcdef/", link))
        assert older.status_code == 404
    assert browser.get(f"{PREFIX}/static/x/..%2fapp.py").status_code == 404


def test_pages_are_compressed(browser: TestClient, session: SmartSession) -> None:
    assert browser.get(path_of(session, "course")).headers["content-encoding"] == "gzip"


def test_nothing_of_a_page_is_inline(browser: TestClient, session: SmartSession) -> None:
    page = browser.get(path_of(session, "course")).text
    assert "<style" not in page
    assert " style=" not in page
    assert not re.search(r"\son[a-z]+=", page)
    assert not re.search(r"<script(?![^>]*\bsrc=)", page)
    assert "http://" not in page.replace("http://www.w3.org/", "")


@pytest.mark.parametrize("sign", ["\u202e", "\u202d", "\u2066", "\u2067", "\x07", "\x85"])
def test_no_text_of_the_record_turns_round_what_is_written_after_it(
    site: BedsideSite, browser: TestClient, session: SmartSession, sign: str
) -> None:
    record = site.ehr.records["patient-1"]
    cause = attributed_elsewhere("fever", at=AT - timedelta(minutes=5), note=f"line{sign} infection")
    by = [{"display": f"Dora{sign} Stieglitz"}]
    record.append(cause | {"id": "cause", "subject": record[1]["subject"], "performer": by})
    for name in ("course", "ice", "attribution", "handover"):
        page = browser.get(path_of(session, name)).text
        assert sign not in page
    assert "stated by Dora Stieglitz" in browser.get(path_of(session, "attribution")).text


ATTACK = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'{{7*7}}"


def test_script_in_the_record_is_text(site: BedsideSite, browser: TestClient, session: SmartSession) -> None:
    who = site.ehr.records["patient-1"][0]
    who["name"] = [{"family": ATTACK, "given": [ATTACK]}]
    who["identifier"] = [{"value": ATTACK}]
    who["gender"] = ATTACK
    page = browser.get(path_of(session, "course")).text
    assert "<script>alert" not in page and "<img src=x" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "49" not in re.findall(r"<title>(.*?)</title>", page, re.DOTALL)[0]


def test_no_patient_stands_in_an_address_or_a_log_line(
    site: BedsideSite, browser: TestClient, session: SmartSession, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    page = browser.get(path_of(session, "course"))
    site.ehr.good_tokens = {"another"}
    browser.get(path_of(session, "course"))
    site.ehr.statuses["Observation"] = 500
    site.ehr.down = True
    browser.get(path_of(session, "course"))
    answer = post(browser, session)
    for link in [*re.findall(r'(?:href|src|action)="([^"]*)"', page.text), answer.headers["location"]]:
        assert "patient-1" not in link.replace(session.sid, "") and "Alder" not in link
    assert caplog.text
    # The double's own client is not ours; ours is silent about addresses.
    lines = [record.getMessage() for record in caplog.records if record.name.split(".")[0] != "httpx"]
    said = "\n".join(lines).replace(f"https://cds.example{path_of(session)}", "")
    for secret in ("patient-1", "Alder", "access-1", "access-2", "refresh-1", "secret-of", session.sid):
        assert secret not in said, secret


def test_an_unexpected_fault_is_a_page_with_headers_and_its_text_is_not_logged(
    site: BedsideSite, browser: TestClient, session: SmartSession, caplog: pytest.LogCaptureFixture
) -> None:
    @site.inner.get("/s/{sid}/faulty")
    async def faulty(request: Request) -> Response:
        await site.room.open(request)
        raise RuntimeError("temperature of Ann Alder")

    caplog.set_level(logging.DEBUG)
    answer = browser.get(path_of(session, "faulty"))
    assert answer.status_code == 500
    assert "Something went wrong" in answer.text and "Alder" not in answer.text
    assert answer.headers["content-security-policy"].endswith("frame-ancestors https://ehr.example")
    assert "unexpected RuntimeError at test_app.py:" in caplog.text
    assert "Alder" not in caplog.text


def test_a_database_that_does_not_answer_is_said(
    site: BedsideSite, browser: TestClient, session: SmartSession
) -> None:
    from sqlalchemy import text

    with site.store._engine.begin() as connection:
        connection.execute(text("drop table smart_session"))
    answer = browser.get(path_of(session, "course"))
    assert answer.status_code == 503 and "Sessions cannot be reached" in answer.text


def test_an_unknown_address_is_a_page_that_repeats_nothing(browser: TestClient) -> None:
    answer = browser.get(f"{PREFIX}/no/<script>/such")
    assert answer.status_code == 404
    assert "such" not in answer.text and "script>" not in answer.text.replace("</script>", "").replace(
        "defer></script>", ""
    )
    assert browser.delete(f"{PREFIX}/signed-out").status_code == 405


def test_the_first_page_names_the_ehrs(browser: TestClient) -> None:
    page = browser.get(f"{PREFIX}/").text
    assert f'href="{PREFIX}/standalone?iss=https%3A%2F%2Fehr.example%2Fr4"' in page
    assert "other.example" in page
