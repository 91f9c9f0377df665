"""Attacks on the app through its public addresses, with the strict authorization server behind it.

Nothing inner is called: a browser, the app as it is composed, and two EHRs. Every attack meets a refusal, no
session is opened, and the record is as it was. What a frame or a script can do is in a real browser:
``tests/browser/test_attacks.py``.
"""

import logging
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from fastapi.testclient import TestClient

from ehr_sandbox.smart_faults import CallbackIssuer, IdTokenFault, SmartFaults
from tests.attacked_site import (
    APP,
    APP_ORIGIN,
    FORM,
    FROM_OUR_PAGE,
    AttackedSite,
    fields_of,
    ice_form,
    opened,
    post,
)

NO_FAULT = {name: getattr(SmartFaults(), name) for name in SmartFaults.__slots__}
GINSTER, DORN, ESCHE = "demo-ginster", "demo-dorn", "demo-esche"
EVIL = "https://evil.example"


@pytest.fixture(scope="module")
def shared() -> AttackedSite:
    return AttackedSite()


@pytest.fixture
def site(shared: AttackedSite) -> AttackedSite:
    """One site for all tests, as records take time to load; without faults, and with its records put back."""
    for ehr in (shared.ehr, shared.other):
        for name, value in NO_FAULT.items():
            setattr(ehr.faults, name, value)
        ehr.shelf.reset()
    shared.wires.sent.clear()
    shared.wires.forms.clear()
    return shared


@pytest.fixture
def victim(site: AttackedSite) -> TestClient:
    return site.browser()


@pytest.fixture
def attacker(site: AttackedSite) -> TestClient:
    return site.browser()


def refused(answer: Any, status: int) -> None:
    assert answer.status_code == status, answer.text
    assert not opened(answer)
    assert "location" not in answer.headers


# Codes, states and browsers


def test_a_replayed_code_opens_nothing(site: AttackedSite, victim: TestClient, attacker: TestClient) -> None:
    first = site.authorize(site.begin(victim))
    assert opened(site.come_back(victim, first))
    second = site.authorize(site.begin(attacker))
    refused(site.come_back(attacker, {"state": second["state"], "code": first["code"]}), 502)


def test_a_stolen_code_that_was_not_used_opens_nothing_in_another_login(
    site: AttackedSite, victim: TestClient, attacker: TestClient
) -> None:
    stolen = site.authorize(site.begin(victim))["code"]
    own = site.authorize(site.begin(attacker))
    refused(site.come_back(attacker, {"state": own["state"], "code": stolen}), 502)


def test_a_replayed_state_is_refused_and_its_code_is_not_sent_again(
    site: AttackedSite, victim: TestClient
) -> None:
    values = site.authorize(site.begin(victim))
    cookies = dict(victim.cookies)
    assert opened(site.come_back(victim, values))
    victim.cookies.update(cookies)
    sent = len(site.wires.sent)
    refused(site.come_back(victim, values), 400)
    assert len(site.wires.sent) == sent


@pytest.mark.parametrize(
    "state", ["", "guessed", "A" * 43, "../../etc/passwd", "%00", "x" * 9999, "ü\r\nSet-Cookie: a=b"]
)
def test_a_foreign_state_is_refused(site: AttackedSite, victim: TestClient, state: str) -> None:
    values = site.authorize(site.begin(victim))
    refused(site.come_back(victim, values | {"state": state}), 400)
    assert site.wires.forms == []


def test_another_browser_cannot_finish_the_login(
    site: AttackedSite, victim: TestClient, attacker: TestClient
) -> None:
    values = site.authorize(site.begin(victim))
    refused(site.come_back(attacker, values), 400)
    assert site.wires.forms == []


def test_the_code_of_an_attacker_does_not_sign_a_victim_in(
    site: AttackedSite, victim: TestClient, attacker: TestClient
) -> None:
    site.begin(victim)  # the victim has a login of its own under way, and its cookie
    values = site.authorize(site.begin(attacker, site.ehr.launch(DORN)))
    refused(site.come_back(victim, values), 400)
    by_form = post(victim, "/smart/callback", values, **FORM, Origin=EVIL, **{"Sec-Fetch-Site": "cross-site"})
    refused(by_form, 400)
    assert site.wires.forms == []


def test_a_cookie_that_an_attacker_chose_is_not_the_one_of_a_login(
    site: AttackedSite, victim: TestClient, attacker: TestClient
) -> None:
    values = site.authorize(site.begin(attacker))
    for cookie in attacker.cookies.jar:
        victim.cookies.set(cookie.name, "chosen-by-the-attacker", domain="cds.example", path="/")
    refused(site.come_back(victim, values), 400)


# The EHR: its address, its answers


@pytest.mark.parametrize(
    "iss",
    [
        "https://evil.example/fhir",
        "https://ehr.example",
        "https://ehr.example/fhir//",
        "https://ehr.example/fhir/x/..",
        "https://ehr.example/FHIR",
        "https://EHR.example/fhir",
        "HTTPS://ehr.example/fhir",
        "http://ehr.example/fhir",
        "https://ehr.example:443/fhir",
        "https://ehr.example:8443/fhir",
        "https://ehr.example./fhir",
        "https://ehr.example@evil.example/fhir",
        "https://evil.example#@ehr.example/fhir",
        "https://evil.example/https://ehr.example/fhir",
        "https://ehr.example.evil.example/fhir",
        "https://ehr.example/fhir?x=1",
        "https://ehr.example/fhir#x",
        "https://ehr.example%2ffhir",
        "https://ehr.example/%66hir",
        "https://ehr.ехample/fhir",
        "https://ehr.example\\fhir",
        " https://ehr.example/fhir",
        "https://ehr.example/fhir\r\nHost: evil.example",
        "https://169.254.169.254/fhir",
        "file:///etc/passwd",
        "gopher://ehr.example/fhir",
        "",
    ],
)
@pytest.mark.parametrize("page", ["launch", "standalone"])
def test_a_counterfeit_iss_is_refused_before_anything_is_sent(
    site: AttackedSite, victim: TestClient, iss: str, page: str
) -> None:
    answer = victim.get(f"/smart/{page}", params={"iss": iss, "launch": "x"})
    refused(answer, 400 if iss == "" else 403)
    assert site.wires.sent == []
    assert "evil" not in answer.text and "set-cookie" not in answer.headers


def test_an_iss_that_stands_twice_is_refused(site: AttackedSite, victim: TestClient) -> None:
    query = urlencode([("iss", site.ehr.base), ("iss", f"{EVIL}/fhir"), ("launch", "x")])
    refused(victim.get(f"/smart/launch?{query}"), 400)
    assert site.wires.sent == []


def test_the_code_of_one_ehr_is_not_sent_to_another(site: AttackedSite, victim: TestClient) -> None:
    of_other = site.authorize(site.begin(victim, site.other.launch(ESCHE), site.other), site.other)
    of_ours = site.authorize(site.begin(victim))
    # Mixed up: the answer of one server under the state of the other.
    refused(site.come_back(victim, {"state": of_ours["state"], "code": of_other["code"]}), 502)
    assert not any(of_other["code"] in form for form in site.wires.forms if "other.example" in form)
    named = site.authorize(site.begin(victim))
    forms = len(site.wires.forms)
    refused(site.come_back(victim, named | {"iss": site.other.base}), 400)
    assert len(site.wires.forms) == forms


def test_a_callback_that_names_another_issuer_is_refused(site: AttackedSite, victim: TestClient) -> None:
    site.ehr.faults.callback_issuer = CallbackIssuer.WRONG
    refused(site.come_back(victim, site.authorize(site.begin(victim))), 400)
    assert site.wires.forms == []


def test_the_authorization_server_redirects_to_no_other_host(site: AttackedSite, victim: TestClient) -> None:
    good = httpx.URL(site.begin(victim))
    for redirect in (
        f"{EVIL}/callback",
        f"{APP}/callback/../evil",
        f"{APP}/callback?x=1",
        f"{APP}/callback#x",
        f"{APP_ORIGIN}@evil.example/smart/callback",
        f"{APP_ORIGIN}.evil.example/smart/callback",
        "javascript:alert(1)",
    ):
        refused(site.ehr.http.get(good.copy_set_param("redirect_uri", redirect)), 400)


@pytest.mark.parametrize("name", ["redirect", "redirect_uri", "next", "url", "return_to", "target_link_uri"])
def test_the_app_redirects_to_no_other_host(site: AttackedSite, victim: TestClient, name: str) -> None:
    request = victim.get(
        "/smart/launch", params={"iss": site.ehr.base, "launch": site.ehr.launch(GINSTER), name: EVIL}
    ).headers["location"]
    assert request.startswith("https://ehr.example/auth/authorize?") and "evil" not in request
    answer = site.come_back(victim, site.authorize(request) | {name: EVIL})
    assert answer.headers["location"].startswith(f"{APP}/s/")
    session = httpx.URL(answer.headers["location"]).path.rpartition("/")[0]
    assert victim.get(f"{session}/", params={name: EVIL}).headers["location"] == f"{session}/course"


@pytest.mark.parametrize(
    "header",
    ["Host", "X-Forwarded-Host", "X-Forwarded-Proto", "Forwarded", "X-Original-URL", "X-Rewrite-URL"],
)
def test_headers_of_the_request_do_not_change_where_it_leads(site: AttackedSite, header: str) -> None:
    value = {"Forwarded": "host=evil.example", "X-Forwarded-Proto": "http"}.get(header, "evil.example")
    browser = site.browser()
    request = browser.get(
        "/smart/launch",
        params={"iss": site.ehr.base, "launch": site.ehr.launch(GINSTER)},
        headers={header: value},
    ).headers["location"]
    assert dict(httpx.URL(request).params)["redirect_uri"] == f"{APP}/callback"
    answer = browser.get("/smart/callback", params=site.authorize(request), headers={header: value})
    assert answer.headers["location"].startswith(f"{APP}/s/") and "evil" not in str(answer.headers)


def test_discovery_is_not_followed_to_another_host(site: AttackedSite, victim: TestClient) -> None:
    site.clock.move(minutes=6)  # what was read before is read again
    site.ehr.faults.discovery_location = f"{EVIL}/.well-known/smart-configuration"
    answer = victim.get("/smart/launch", params={"iss": site.ehr.base, "launch": "x"})
    refused(answer, 502)
    assert not any("evil" in url for url in site.wires.sent)


@pytest.mark.parametrize("fault", [fault for fault in IdTokenFault if fault is not IdTokenFault.NO_KID])
def test_an_id_token_that_proves_nobody_opens_nothing(
    site: AttackedSite, victim: TestClient, fault: IdTokenFault
) -> None:
    site.ehr.faults.id_token = fault
    answer = site.come_back(victim, site.authorize(site.begin(victim)))
    refused(answer, 400)
    assert "prove who is signed in" in answer.text
    assert any(url.endswith("/auth/revoke") for url in site.wires.sent)


def test_id_tokens_of_unknown_keys_do_not_make_the_app_a_flood(
    site: AttackedSite, victim: TestClient
) -> None:
    site.clock.move(minutes=6)
    site.sign_in(victim)
    site.clock.move(seconds=31)
    site.ehr.faults.id_token = IdTokenFault.RETIRED_KEY
    site.wires.sent.clear()
    for _ in range(6):
        site.clock.move(seconds=1)
        refused(site.come_back(victim, site.authorize(site.begin(victim))), 400)
    assert sum(url.endswith("/auth/jwks.json") for url in site.wires.sent) == 1


@pytest.mark.parametrize(
    "url",
    [
        "https://169.254.169.254/latest/meta-data/",
        "http://127.0.0.1:8000/metrics",
        "https://localhost/style.json",
        "https://ehr.example:8443/style.json",
        "http://ehr.example/auth/smart-style.json",
        "https://ehr.example@evil.example/style.json",
        "//evil.example/style.json",
        "/auth/smart-style.json",
        "file:///etc/passwd",
        "gopher://ehr.example/x",
        "data:application/json,{}",
        "https://ehr.example\\@evil.example/",
        "https://[::1]/",
    ],
)
def test_a_style_at_an_internal_address_is_not_asked_for(
    site: AttackedSite, victim: TestClient, url: str
) -> None:
    session = site.sign_in(victim, smart_style_url=url)
    assert {httpx.URL(sent).host for sent in site.wires.sent} == {"ehr.example"}
    assert not any("style" in sent or "meta-data" in sent for sent in site.wires.sent)
    assert victim.get(f"{session}style.css").text == ""


@pytest.mark.parametrize(
    "name", ["authorization_endpoint", "token_endpoint", "jwks_uri", "revocation_endpoint"]
)
@pytest.mark.parametrize(
    "url",
    ["https://169.254.169.254/", "http://127.0.0.1:5432/", "file:///etc/passwd", "gopher://ehr.example:70/"],
)
def test_endpoints_at_internal_addresses_are_never_called(
    site: AttackedSite, victim: TestClient, monkeypatch: pytest.MonkeyPatch, name: str, url: str
) -> None:
    from ehr_sandbox import smart_routes

    honest = smart_routes.smart_configuration
    monkeypatch.setattr(smart_routes, "smart_configuration", lambda *args: honest(*args) | {name: url})
    site.clock.move(minutes=6)
    answer = victim.get("/smart/launch", params={"iss": site.ehr.base, "launch": site.ehr.launch(GINSTER)})
    if answer.status_code == 303:
        site.come_back(victim, site.authorize(answer.headers["location"]))
    assert {httpx.URL(sent).host for sent in site.wires.sent} == {"ehr.example"}
    site.clock.move(minutes=6)


def test_what_an_ehr_says_of_an_error_is_neither_shown_nor_logged(
    site: AttackedSite, victim: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    values = {"error": "access_denied\r\nX: 1", "error_description": f"<script>{EVIL}", "error_uri": EVIL}
    answer = site.come_back(victim, values)
    refused(answer, 400)
    assert "evil" not in answer.text and "X" not in answer.headers
    ours = [line.getMessage() for line in caplog.records if line.name.startswith("smart_app")]
    assert ours and not any("evil" in line or "\r" in line for line in ours)


# Sessions


def test_a_session_that_an_attacker_began_does_not_open_for_a_victim(
    site: AttackedSite, victim: TestClient, attacker: TestClient
) -> None:
    session = site.sign_in(attacker)
    own = site.sign_in(victim, DORN)
    refused(victim.get(f"{session}course"), 401)
    assert "Dorn" in victim.get(f"{own}course").text


def test_a_login_makes_a_session_of_its_own_whatever_cookies_the_browser_brings(
    site: AttackedSite, victim: TestClient
) -> None:
    fixed = "chosen-by-the-attacker"
    victim.cookies.set(f"__Host-s-{fixed}", fixed, domain="cds.example", path="/")
    session = site.sign_in(victim)
    assert fixed not in session and fixed not in dict(victim.cookies)[f"__Host-s-{session.split('/')[3]}"]
    refused(victim.get(f"/smart/s/{fixed}/course"), 401)


@pytest.mark.parametrize(
    "sid",
    ["0", "x" * 22, "..", "%2e%2e", "' or 1=1 --", "a" * 5000, "<script>", "%00", "*", "\u202e", "s\r\nX: 1"],
)
def test_a_guessed_session_is_a_closed_page(attacker: TestClient, sid: str) -> None:
    answer = attacker.get(
        httpx.URL(f"{APP}/s/").join(f"/smart/s/{sid.replace(chr(13), '%0d').replace(chr(10), '%0a')}/course")
    )
    assert answer.status_code in (401, 404) and not opened(answer)
    assert "<script>" not in answer.text


def test_the_cookie_of_one_session_does_not_open_another_of_the_same_browser(
    site: AttackedSite, victim: TestClient
) -> None:
    one, two = site.sign_in(victim), site.sign_in(victim, DORN)
    names = [f"__Host-s-{session.split('/')[3]}" for session in (one, two)]
    values = dict(victim.cookies)
    victim.cookies.clear()
    for name, other in zip(names, reversed(names), strict=True):
        victim.cookies.set(name, values[other], domain="cds.example", path="/")
    refused(victim.get(f"{one}course"), 401)
    refused(victim.get(f"{two}course"), 401)


def test_nothing_of_a_session_remains_after_signing_out(site: AttackedSite, victim: TestClient) -> None:
    session = site.sign_in(victim)
    cookies = dict(victim.cookies)
    page = victim.get(f"{session}course")
    assert page.headers["cache-control"] == "no-store"
    logout = fields_of(page.text, f"{session}logout")
    assert post(victim, f"{session}logout", logout).status_code == 303
    victim.cookies.update(cookies)  # kept by whoever copied them
    for name in ("course", "ice", "attribution", "handover", "style.css", ""):
        refused(victim.get(f"{session}{name}"), 401)
    assert site.wires.sent[-1].endswith("/auth/revoke")


# Forms


def refused_save(site: AttackedSite, answer: Any, status: int, patient_id: str = GINSTER) -> None:
    assert answer.status_code == status, answer.text
    assert site.ehr.scores(patient_id) == _before(site, patient_id)


def _before(site: AttackedSite, patient_id: str) -> int:
    stored = [each for each in site.ehr.shelf._stored if each["resourceType"] == "Observation"]
    return sum(
        each["subject"]["reference"] == f"Patient/{patient_id}" and "ice-total" in str(each["code"])
        for each in stored
    )


def test_a_form_of_ours_is_taken(site: AttackedSite, victim: TestClient) -> None:
    """The counterpart of all that follow: without the attack, exactly one is written."""
    session = site.sign_in(victim)
    assert post(victim, f"{session}ice", ice_form(victim, session)).status_code == 303
    assert site.ehr.scores(GINSTER) == _before(site, GINSTER) + 1


def test_a_form_of_another_patient_is_refused(site: AttackedSite, victim: TestClient) -> None:
    one, two = site.sign_in(victim), site.sign_in(victim, DORN)
    form = ice_form(victim, one)
    for changed in (form, form | {"sid": two.split("/")[3]}, form | {"patient": DORN}):
        refused_save(site, post(victim, f"{two}ice", changed), 409, DORN)
    refused_save(site, post(victim, f"{one}ice", form | {"patient": DORN}), 409)
    refused_save(site, post(victim, f"{one}ice", form | {"sid": two.split("/")[3]}), 409)


@pytest.mark.parametrize("token", [None, "", "guessed", "A" * 116, "é", "=" * 8])
def test_a_form_without_its_token_is_refused(
    site: AttackedSite, victim: TestClient, token: str | None
) -> None:
    session = site.sign_in(victim)
    form = ice_form(victim, session)
    if token is None:
        del form["form_token"]
    else:
        form["form_token"] = token
    refused_save(site, post(victim, f"{session}ice", form), 403)


def test_the_form_token_of_an_attackers_session_is_refused(
    site: AttackedSite, victim: TestClient, attacker: TestClient
) -> None:
    session, own = site.sign_in(victim), site.sign_in(attacker)
    token = fields_of(attacker.get(f"{own}ice").text, f"{own}ice")["form_token"]
    refused_save(site, post(victim, f"{session}ice", ice_form(victim, session) | {"form_token": token}), 403)


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": EVIL},
        {"Origin": "null"},
        {"Origin": "https://ehr.example"},
        {"Origin": APP_ORIGIN, "Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Referer": f"{APP}/"},
    ],
    ids=str,
)
def test_a_form_from_another_site_is_refused_even_with_its_token(
    site: AttackedSite, victim: TestClient, headers: dict[str, str]
) -> None:
    session = site.sign_in(victim)
    refused_save(site, post(victim, f"{session}ice", ice_form(victim, session), **FORM, **headers), 403)


@pytest.mark.parametrize("kind", ["text/plain", "application/json", "multipart/form-data; boundary=x", ""])
def test_a_form_in_another_type_is_refused(site: AttackedSite, victim: TestClient, kind: str) -> None:
    session = site.sign_in(victim)
    headers = {**FROM_OUR_PAGE, "Content-Type": kind}
    refused_save(site, post(victim, f"{session}ice", ice_form(victim, session), **headers), 415)


def test_a_field_that_stands_twice_is_refused(site: AttackedSite, victim: TestClient) -> None:
    session = site.sign_in(victim)
    form = ice_form(victim, session)
    for name in ("ice-year", "patient", "sid", "form", "do", "assessed-at"):
        for twice in ([(name, "0"), *form.items()], [*form.items(), (name, form[name])]):
            answer = post(victim, f"{session}ice", urlencode(twice))
            refused_save(site, answer, 400)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ice-year", "2"),
        ("ice-year", "-1"),
        ("ice-year", "1.0"),
        ("ice-year", "1e0"),
        ("ice-year", "01"),
        ("ice-year", "１"),
        ("ice-year", "NaN"),
        ("ice-naming", "4"),
        ("ice-naming", "99999999999999999999"),
        ("consciousness", "fine"),
        ("seizure", "'; drop table smart_session; --"),
        ("assessed-at", "2099-01-01T00:00"),
        ("assessed-at", "0001-01-01T00:00"),
        ("assessed-at", "9999-12-31T23:59"),
        ("offset", "+99:00"),
        ("form", "not-a-number"),
        ("form", "../../Patient/demo-dorn"),
    ],
)
def test_a_value_that_the_form_does_not_offer_is_refused(
    site: AttackedSite, victim: TestClient, name: str, value: str
) -> None:
    session = site.sign_in(victim)
    refused_save(site, post(victim, f"{session}ice", ice_form(victim, session) | {name: value}), 422)


def test_forged_hidden_fields_correct_nothing(site: AttackedSite, victim: TestClient) -> None:
    mine, theirs = site.sign_in(victim), site.sign_in(victim, DORN)
    for session in (mine, theirs):
        assert post(victim, f"{session}ice", ice_form(victim, session)).status_code == 303
    written = {
        patient: site.ehr.shelf.search("Observation", [("patient", patient), ("code", "ice-total")])
        for patient in (GINSTER, DORN)
    }
    own = next(each for each in written[GINSTER] if "identifier" in each)
    foreign = next(each for each in written[DORN] if "identifier" in each)
    form = ice_form(victim, mine, "0")
    forged = [
        {"corrects": foreign["id"], "version": "1"},
        {"corrects": own["id"], "version": "7"},
        {"corrects": own["id"]},
        {"corrects": "", "version": ""},
        {"corrects": f"../Patient/{DORN}", "version": "1"},
        {"corrects": f"Observation/{foreign['id']}", "version": "1"},
    ]
    for fields in forged:
        assert post(victim, f"{mine}ice", form | fields).status_code in (409, 303), fields
    for each in (own, foreign):
        assert site.ehr.shelf.read("Observation", each["id"]) == each


def test_forged_hidden_fields_of_a_statement_state_nothing(site: AttackedSite, victim: TestClient) -> None:
    mine, theirs = site.sign_in(victim), site.sign_in(victim, DORN)

    def stated() -> list[int]:
        code = ("code", "attributed-elsewhere")
        return [
            len(site.ehr.shelf.search("Observation", [("patient", one), code])) for one in (GINSTER, DORN)
        ]

    page = victim.get(f"{theirs}attribution").text
    form = fields_of(page, f"{theirs}attribution/confirm") | {
        "act": "attribute",
        "what": "fever",
        "cause": "flu",
    }
    confirmed = fields_of(
        post(victim, f"{theirs}attribution/confirm", form).text, f"{theirs}attribution/save"
    )
    assert post(victim, f"{theirs}attribution/save", confirmed).status_code == 303
    foreign = site.ehr.shelf.search("Observation", [("patient", DORN), ("code", "attributed-elsewhere")])[-1]
    before = stated()
    fields = fields_of(victim.get(f"{mine}ice").text, f"{mine}ice")
    own = {name: fields[name] for name in ("form_token", "sid", "patient")}
    withdrawal = own | {"act": "withdraw", "reference": f"Observation/{foreign['id']}"}
    assert post(victim, f"{mine}attribution/confirm", withdrawal).status_code == 422
    number = {"form": "0b1e42cf-8d3b-4f0f-a58c-2d6a7a3a9d55", "confirmed": confirmed["confirmed"]}
    assert post(victim, f"{mine}attribution/save", withdrawal | number).status_code == 409
    unseen = own | number | {"act": "attribute", "what": "fever", "cause": "flu", "confirmed": "forged"}
    assert post(victim, f"{mine}attribution/save", unseen).status_code == 409
    assert post(victim, f"{mine}attribution/save", unseen | {"form": "no number"}).status_code == 409
    assert stated() == before


def test_the_form_number_of_another_patient_writes_and_shows_nothing_of_theirs(
    site: AttackedSite, victim: TestClient
) -> None:
    theirs, mine = site.sign_in(victim, DORN), site.sign_in(victim)
    form = ice_form(victim, theirs) | {"note": "a word about Dorn"}
    assert post(victim, f"{theirs}ice", form).status_code == 303
    before = site.ehr.scores(DORN)
    answer = post(victim, f"{mine}ice", ice_form(victim, mine, "0") | {"form": form["form"]})
    page = victim.get(f"{mine}ice/saved/{form['form']}")
    assert answer.status_code == 409 and "Nothing was written" in answer.text
    assert (site.ehr.scores(GINSTER), site.ehr.scores(DORN)) == (_before(site, GINSTER), before)
    assert "a word about Dorn" not in answer.text + page.text and "Dorn" not in page.text


def test_one_form_sent_by_many_at_once_is_written_once(site: AttackedSite, victim: TestClient) -> None:
    session = site.sign_in(victim)
    form = ice_form(victim, session)

    def send(_: int) -> int:
        browser = site.browser()
        browser.cookies.update(dict(victim.cookies))
        return int(post(browser, f"{session}ice", form).status_code)

    with ThreadPoolExecutor(4) as many:
        assert set(many.map(send, range(6))) == {303}
    assert site.ehr.scores(GINSTER) == _before(site, GINSTER) + 1


def test_two_corrections_of_one_version_are_one(site: AttackedSite, victim: TestClient) -> None:
    session = site.sign_in(victim)
    form = ice_form(victim, session)
    assert post(victim, f"{session}ice", form).status_code == 303
    page = victim.get(f"{session}ice/correct/{form['form']}").text
    correction = ice_form(victim, session, "0") | fields_of(page, f"{session}ice")
    answers = [post(victim, f"{session}ice", correction | {"note": note}).status_code for note in "ab"]
    assert answers == [303, 409]


@pytest.mark.parametrize("size", [257 * 1024, 5 * 1024 * 1024])
def test_a_body_beyond_reason_is_refused(site: AttackedSite, victim: TestClient, size: int) -> None:
    session = site.sign_in(victim)
    for address in (f"{session}ice", f"{session}logout", "/smart/callback", "/smart/launch"):
        answer = post(victim, address, b"a=" + b"x" * size)
        assert answer.status_code in (405, 413), address


def test_an_address_takes_its_own_method_alone(site: AttackedSite, victim: TestClient) -> None:
    session = site.sign_in(victim)
    form = ice_form(victim, session)
    assert victim.get(f"{session}logout", params=form).status_code == 405
    assert victim.get(f"{session}attribution/save", params=form).status_code == 405
    for method in ("PUT", "PATCH", "DELETE", "TRACE", "OPTIONS", "PROPFIND"):
        assert victim.request(method, f"{session}ice", headers=FROM_OUR_PAGE).status_code == 405
    for header in ("X-HTTP-Method-Override", "X-Method-Override", "X-HTTP-Method"):
        assert victim.get(f"{session}ice", headers={header: "POST"}).status_code == 200
    victim.get(f"{session}ice", params=form)  # a form in the address is not a form
    assert site.ehr.scores(GINSTER) == _before(site, GINSTER)


@pytest.mark.parametrize(
    "path",
    [
        "../app.py",
        "%2e%2e/app.py",
        "..%2fapp.py",
        "..%5capp.py",
        "%252e%252e%252fapp.py",
        "app.css%00.js",
        "/etc/passwd",
        "....//app.py",
    ],
)
def test_static_files_lead_nowhere_else(attacker: TestClient, path: str) -> None:
    version = re.findall(r"/static/(\w+)/app\.css", attacker.get("/smart/").text)[0]
    for start in (f"{APP}/static/{version}/", f"{APP}/static/"):
        answer = attacker.get(start + path)
        assert answer.status_code == 404 and "import" not in answer.text


# What leaks


def test_no_secret_stands_in_an_address_a_page_or_a_log(
    site: AttackedSite, victim: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    values = site.authorize(site.begin(victim))
    answer = site.come_back(victim, values)
    session = str(httpx.URL(answer.headers["location"]).path.rpartition("/")[0]) + "/"
    form = ice_form(victim, session) | {"note": "a secret note"}
    pages = [victim.get(f"{session}{name}") for name in ("course", "ice", "attribution", "handover")]
    saved = post(victim, f"{session}ice", form)
    tokens = site.app.state.room.login.store.tokens_of(session.split("/")[3])
    secrets = [tokens.access_token, tokens.refresh_token, values["code"], values["state"]]
    addresses = [answer.headers["location"], saved.headers["location"], *site.wires.sent]
    for secret in secrets:
        assert not any(secret in address for address in addresses)
        assert not any(secret in page.text + str(page.headers) for page in pages)
    ours = [
        line.getMessage() for line in caplog.records if line.name.split(".")[0] not in ("httpx", "asyncio")
    ]
    assert ours
    for told in (*secrets, GINSTER, "Ginster", "a secret note", session.split("/")[3], form["form"]):
        assert not any(told in line for line in ours), told


def test_the_form_token_never_stands_twice_in_the_same_letters(
    site: AttackedSite, victim: TestClient
) -> None:
    """Compressed together with what others choose, a secret that repeats could be guessed by length."""
    session = site.sign_in(victim)
    tokens = re.findall(
        r'name="form_token" value="([^"]+)"', "".join(victim.get(f"{session}ice").text for _ in range(3))
    )
    assert len(tokens) >= 6 and len(set(tokens)) == len(tokens)


def test_what_an_address_says_does_not_stand_in_the_page(site: AttackedSite, victim: TestClient) -> None:
    session = site.sign_in(victim)
    for query in ("window", "instrument", "saved", "anything"):
        for name in ("course", "ice", "attribution", "handover"):
            page = victim.get(f"{session}{name}", params={query: '"><script>reflected</script>'})
            assert page.status_code in (200, 400) and "reflected" not in page.text


def test_pages_of_a_session_are_framed_by_its_own_ehr_alone(site: AttackedSite, victim: TestClient) -> None:
    ours, others = site.sign_in(victim), site.sign_in(victim, ESCHE, site.other)
    for session, origin in ((ours, "https://ehr.example"), (others, "https://other.example")):
        for name in ("course", "ice", "attribution", "handover"):
            policy = victim.get(f"{session}{name}").headers["content-security-policy"]
            assert policy.endswith(f"; frame-ancestors {origin}")


def test_a_session_of_one_ehr_sends_its_token_to_that_one_alone(
    site: AttackedSite, victim: TestClient
) -> None:
    session = site.sign_in(victim, ESCHE, site.other)
    site.wires.sent.clear()
    for name in ("course", "ice"):
        assert victim.get(f"{session}{name}").status_code == 200
    assert all(url.startswith(f"{site.other.base}/") for url in site.wires.sent)


def test_a_launch_for_one_patient_reads_nothing_of_another(site: AttackedSite, victim: TestClient) -> None:
    session = site.sign_in(victim)
    site.wires.sent.clear()
    for query in ({"patient": DORN}, {"sid": "x", "subject": f"Patient/{DORN}"}):
        page = victim.get(f"{session}course", params=query).text
        assert "Ginster" in page and "Dorn" not in page
    assert not any(DORN in url for url in site.wires.sent)
