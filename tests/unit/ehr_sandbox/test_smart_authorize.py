"""Authorization requests: every parameter is checked, and no redirect goes to an address not registered."""

from urllib.parse import urlencode

import pytest

from ehr_sandbox.smart_faults import CallbackIssuer
from tests.unit.ehr_sandbox.smart_client import (
    AUTHORIZE,
    BASE,
    CONTEXT,
    REDIRECT,
    SCOPE,
    STANDALONE,
    Site,
    called_back,
)


@pytest.fixture
def site() -> Site:
    return Site()


def test_a_launch_from_the_chart_gets_a_code_and_its_state_at_once(site: Site) -> None:
    request = site.request()
    answer = site.http.get(AUTHORIZE, params=request)
    brought = called_back(answer)
    assert answer.status_code == 302
    assert brought["state"] == request["state"]
    assert set(brought) == {"code", "state"}
    assert answer.headers["cache-control"] == "no-store"


def test_a_posted_form_gets_a_code_too(site: Site) -> None:
    answer = site.http.post(AUTHORIZE, data=site.request())
    assert answer.status_code == 303
    assert "code" in called_back(answer)


def test_a_post_that_is_no_form_gets_a_page(site: Site) -> None:
    answer = site.http.post(AUTHORIZE, json=site.request())
    assert answer.status_code == 400
    assert "location" not in answer.headers


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"client_id": None}, "client_id"),
        ({"client_id": "nobody"}, "client_id"),
        ({"redirect_uri": None}, "redirect_uri"),
        ({"redirect_uri": REDIRECT + "/"}, "redirect_uri"),
        ({"redirect_uri": REDIRECT + "?a=1"}, "redirect_uri"),
        ({"redirect_uri": "http://evil.example/"}, "redirect_uri"),
    ],
)
def test_an_unknown_client_or_redirect_uri_gets_a_page_and_no_redirect(
    site: Site, changes: dict[str, str | None], text: str
) -> None:
    answer = site.http.get(AUTHORIZE, params=site.request(**changes))
    assert answer.status_code == 400
    assert "location" not in answer.headers
    assert f"{text} is " in answer.text
    assert "evil.example" not in answer.text


@pytest.mark.parametrize("name", ["client_id", "redirect_uri"])
def test_a_client_or_redirect_uri_named_twice_gets_a_page(site: Site, name: str) -> None:
    request = site.request()
    answer = site.http.get(f"{AUTHORIZE}?{urlencode([*request.items(), (name, request[name])])}")
    assert answer.status_code == 400
    assert "location" not in answer.headers


@pytest.mark.parametrize(
    ("changes", "error", "text"),
    [
        ({"response_type": None}, "invalid_request", "response_type must be code"),
        ({"response_type": "token"}, "unsupported_response_type", "response_type must be code"),
        ({"state": None}, "invalid_request", "state must hold"),
        ({"state": "abcdefghijklmnopqrstu"}, "invalid_request", "state must hold"),
        ({"state": "a" * 43}, "invalid_request", "state must hold"),
        ({"aud": None}, "invalid_request", "aud is not"),
        ({"aud": BASE + "/"}, "invalid_request", "aud is not"),
        ({"aud": "http://localhost:8001/fhir"}, "invalid_request", "aud is not"),
        ({"code_challenge": None}, "invalid_request", "code_challenge must be 43"),
        ({"code_challenge": "A" * 42}, "invalid_request", "code_challenge must be 43"),
        ({"code_challenge": "A" * 42 + "="}, "invalid_request", "code_challenge must be 43"),
        ({"code_challenge_method": None}, "invalid_request", "code_challenge_method must be S256"),
        ({"code_challenge_method": "plain"}, "invalid_request", "code_challenge_method must be S256"),
        ({"nonce": None}, "invalid_request", "nonce must come"),
        ({"nonce": "1"}, "invalid_request", "nonce must come"),
        ({"max_age": "60"}, "invalid_request", "max_age"),
        ({"request": "a.b.c"}, "request_not_supported", "request is not supported"),
        ({"request_uri": "urn:x"}, "request_uri_not_supported", "request_uri is not supported"),
        ({"scope": None}, "invalid_scope", "scope is missing"),
        ({"scope": f"{SCOPE} patient/Observations.rs"}, "invalid_scope", "not known"),
        ({"scope": f"{SCOPE} patient/Observation.sr"}, "invalid_scope", "not known"),
        ({"scope": f"{SCOPE} system/Observation.rs"}, "invalid_scope", "not known"),
        ({"scope": f"{SCOPE} patient/Observation.rs?category=x"}, "invalid_scope", "not known"),
        ({"scope": f"{SCOPE} profile"}, "invalid_scope", "not known"),
        ({"scope": "launch fhirUser patient/Patient.r"}, "invalid_scope", "fhirUser needs openid"),
        ({"scope": SCOPE.replace("launch ", "")}, "invalid_request", "as a parameter and as a scope"),
        ({"scope": f"{SCOPE} launch/patient"}, "invalid_request", "brings its context"),
        ({"launch": "x"}, "invalid_request", "launch is unknown, used or too old"),
        ({"launch": None}, "invalid_request", "as a parameter and as a scope"),
        ({"scope": SCOPE.replace("launch ", ""), "launch": None}, "invalid_scope", "launch/patient"),
    ],
)
def test_a_wrong_parameter_is_an_error_at_the_callback(
    site: Site, changes: dict[str, str | None], error: str, text: str
) -> None:
    request = site.request(**changes)
    brought = called_back(site.http.get(AUTHORIZE, params=request))
    assert brought["error"] == error
    assert text in brought["error_description"]
    assert brought.get("state") == request.get("state")
    assert "code" not in brought


def test_a_parameter_that_stands_twice_is_refused(site: Site) -> None:
    request = site.request()
    answer = site.http.get(f"{AUTHORIZE}?{urlencode([*request.items(), ('aud', BASE)])}")
    assert called_back(answer)["error"] == "invalid_request"


def test_a_scope_that_the_client_has_not_registered_is_refused() -> None:
    site = Site(scopes="launch openid fhirUser online_access patient/Patient.rs")
    assert site.authorize()["error"] == "invalid_scope"
    assert "code" in site.authorize(scope="launch openid patient/Patient.r")


def test_a_launch_value_is_good_once(site: Site) -> None:
    launch = site.server.begin_launch(CONTEXT)
    assert "code" in site.authorize(launch=launch)
    assert site.authorize(launch=launch)["error"] == "invalid_request"


def test_a_launch_value_is_good_for_five_minutes(site: Site) -> None:
    first, second = site.server.begin_launch(CONTEXT), site.server.begin_launch(CONTEXT)
    site.clock.move(seconds=300)
    assert "code" in site.authorize(launch=first)
    site.clock.move(seconds=1)
    assert site.authorize(launch=second)["error"] == "invalid_request"


def test_a_request_that_is_refused_leaves_the_launch_value_good(site: Site) -> None:
    launch = site.server.begin_launch(CONTEXT)
    assert site.authorize(launch=launch, aud=BASE + "/")["error"] == "invalid_request"
    assert "code" in site.authorize(launch=launch)


@pytest.mark.parametrize("name", ["state", "nonce", "code_challenge"])
def test_what_must_be_new_for_each_request_is_refused_when_it_comes_again(site: Site, name: str) -> None:
    request = site.request()
    site.http.get(AUTHORIZE, params=request)
    assert "made anew" in site.authorize(**{name: request[name]})["error_description"]


def test_an_app_that_stands_alone_lets_a_patient_be_picked(site: Site) -> None:
    page = site.http.get(AUTHORIZE, params=site.request(None))
    assert page.status_code == 200
    assert "Sandbox, synthetic patients" in page.text
    assert "Adler &lt;A&gt;" in page.text
    assert page.headers["content-security-policy"].endswith("; frame-ancestors 'self'")
    assert "form-action 'self' http://127.0.0.1:8000" in page.headers["content-security-policy"]
    chosen = page.text.partition('name="request" value="')[2].partition('"')[0]
    answer = site.http.post("/auth/patient", data={"request": chosen, "patient": "brand"})
    tokens = site.exchange(called_back(answer)["code"]).json()
    assert (tokens["patient"], tokens["encounter"]) == ("brand", "stay-2")


def test_a_choice_of_a_patient_counts_once(site: Site) -> None:
    page = site.http.get(AUTHORIZE, params=site.request(None))
    form = {"request": page.text.partition('name="request" value="')[2].partition('"')[0], "patient": "brand"}
    assert site.http.post("/auth/patient", data=form).status_code == 303
    again = site.http.post("/auth/patient", data=form)
    assert again.status_code == 400
    assert "location" not in again.headers


@pytest.mark.parametrize("minutes", [0, 11])
def test_a_patient_who_is_not_listed_or_picked_too_late_is_refused(site: Site, minutes: int) -> None:
    page = site.http.get(AUTHORIZE, params=site.request(None))
    chosen = page.text.partition('name="request" value="')[2].partition('"')[0]
    site.clock.move(minutes=minutes)
    patient = "brand" if minutes else "conrad"
    answer = site.http.post("/auth/patient", data={"request": chosen, "patient": patient})
    assert answer.status_code == 400
    assert "conrad" not in answer.text


def test_an_encounter_is_told_only_where_it_was_asked_for(site: Site) -> None:
    scope = STANDALONE.replace("launch/encounter ", "")
    page = site.http.get(AUTHORIZE, params=site.request(None, scope=scope))
    chosen = page.text.partition('name="request" value="')[2].partition('"')[0]
    answer = site.http.post("/auth/patient", data={"request": chosen, "patient": "brand"})
    assert "encounter" not in site.exchange(called_back(answer)["code"]).json()


def test_a_refusal_can_be_played_with_its_state_and_without(site: Site) -> None:
    site.faults.callback_error = "access_denied"
    assert {"error", "state"} <= set(site.authorize())
    site.faults.errors_without_state = True
    brought = site.authorize()
    assert brought["error"] == "access_denied"
    assert "state" not in brought


@pytest.mark.parametrize(
    ("habit", "announced", "sent"),
    [
        (CallbackIssuer.NONE, None, None),
        (CallbackIssuer.RIGHT, True, BASE),
        (CallbackIssuer.WRONG, True, "https://directory.example/fhir"),
        (CallbackIssuer.MISSING, True, None),
    ],
)
def test_the_issuer_at_the_callback_can_be_right_wrong_or_absent(
    site: Site, habit: CallbackIssuer, announced: bool | None, sent: str | None
) -> None:
    site.faults.callback_issuer = habit
    document = site.http.get("/fhir/.well-known/smart-configuration").json()
    assert document.get("authorization_response_iss_parameter_supported") is announced
    assert site.authorize().get("iss") == sent
    assert site.authorize(aud="x").get("iss") == sent
