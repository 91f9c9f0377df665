"""The callback: only the browser that began a login finishes it, once, with the EHR that it began with."""

import logging
from urllib.parse import urlencode

import httpx
import pytest

from smart_app.session import View
from tests.smart_site import APP, ISS, ISSUER, Site


@pytest.fixture
def site() -> Site:
    return Site()


def test_a_login_ends_at_a_clean_address_with_a_session_of_its_own(site: Site) -> None:
    answer = site.sign_in()
    session = site.session_of(answer)
    assert answer.headers["location"] == f"{APP}/smart/s/{session.sid}/course"
    assert (session.patient_id, session.encounter_id, session.iss) == ("patient-one", "encounter-one", ISS)
    assert session.fhir_user == "Practitioner/nurse-1"
    assert session.opened_at == site.clock.at
    assert session.can_save and session.can_correct


def test_the_cookie_of_the_login_is_gone_and_that_of_the_session_is_set(site: Site) -> None:
    answer = site.sign_in()
    cookies = answer.headers.get_list("set-cookie")
    sid = site.session_of(answer).sid
    assert [name for name in site.browser.cookies if name.startswith("__Host-l-")] == []
    ours = next(cookie for cookie in cookies if cookie.startswith(f"__Host-s-{sid}="))
    assert {"Secure", "HttpOnly", "SameSite=None", "Partitioned", "Path=/"} <= set(ours.split("; "))
    assert any(cookie.startswith("__Host-l-") and "Max-Age=0" in cookie for cookie in cookies)


def test_no_token_reaches_the_browser(site: Site) -> None:
    answer = site.sign_in()
    everything = str(answer.headers) + answer.text + str(dict(site.browser.cookies))
    assert "secret-" not in everything and "patient-one" not in everything


def test_a_replayed_state_is_refused(site: Site) -> None:
    state = site.begin()["state"]
    cookies = dict(site.browser.cookies)
    assert site.come_back(state=state, code="secret-code").status_code == 303
    site.browser.cookies.update(cookies)
    answer = site.come_back(state=state, code="secret-code")
    assert answer.status_code == 400 and "not under way" in answer.text
    assert len(site.ehr.forms) == 1


def test_another_browser_cannot_finish_a_login_and_neither_can_its_own_afterwards(site: Site) -> None:
    state = site.begin()["state"]
    answer = site.come_back(site.new_browser(), state=state, code="secret-code")
    assert answer.status_code == 400 and "did not begin" in answer.text
    assert "set-cookie" not in answer.headers
    assert site.come_back(state=state, code="secret-code").status_code == 400
    assert site.ehr.forms == []


def test_the_cookie_of_another_login_of_the_same_browser_does_not_do(site: Site) -> None:
    first, second = site.begin()["state"], site.begin()["state"]
    names = [name for name in site.browser.cookies if name.startswith("__Host-l-")]
    secrets = [site.browser.cookies[name] for name in names]
    site.browser.cookies.clear()
    site.browser.cookies.update(dict(zip(names, reversed(secrets), strict=True)))
    assert site.come_back(state=first, code="secret-code").status_code == 400
    assert site.come_back(state=second, code="secret-code").status_code == 400


def test_two_launches_that_interleave_end_each_with_its_own_patient(site: Site) -> None:
    first, first_nonce = site.begin()["state"], site.ehr.nonce
    second, second_nonce = site.begin()["state"], site.ehr.nonce
    site.ehr.token["patient"], site.ehr.nonce = "patient-two", second_nonce
    two = site.session_of(site.come_back(state=second, code="secret-code-2"))
    site.ehr.token["patient"], site.ehr.nonce = "patient-one", first_nonce
    one = site.session_of(site.come_back(state=first, code="secret-code-1"))
    assert (one.patient_id, two.patient_id) == ("patient-one", "patient-two")
    verifiers = {form["code"]: form["code_verifier"] for form in site.ehr.forms}
    assert verifiers["secret-code-1"] != verifiers["secret-code-2"]


@pytest.mark.parametrize("state", ["", "unknown", "x" * 10_000, "ü"])
def test_a_state_that_is_not_ours_is_refused(site: Site, state: str) -> None:
    site.begin()
    assert site.come_back(state=state, code="secret-code").status_code == 400
    assert site.come_back(code="secret-code").status_code == 400
    assert site.ehr.forms == []


def test_a_login_of_more_than_ten_minutes_is_over(site: Site) -> None:
    state = site.begin()["state"]
    site.clock.move(minutes=10, seconds=1)
    assert site.come_back(state=state, code="secret-code").status_code == 400


def test_parameters_that_are_repeated_are_refused(site: Site) -> None:
    state = site.begin()["state"]
    query = f"state={state}&code=secret-code&code=another"
    assert site.browser.get(f"/cds/smart/callback?{query}").status_code == 400
    assert site.ehr.forms == []


def test_an_answer_without_a_code_is_refused(site: Site) -> None:
    assert site.come_back(state=site.begin()["state"]).status_code == 400


def test_an_answer_by_form_is_taken_like_one_by_address(site: Site) -> None:
    body = urlencode({"state": site.begin()["state"], "code": "secret-code"})
    answer = site.browser.post("/cds/smart/callback", content=body)
    assert site.session_of(answer).patient_id == "patient-one"


@pytest.mark.parametrize("body", [b"\xff=1", b"&".join(b"a%d=1" % number for number in range(60))])
def test_a_form_that_cannot_be_read_is_refused(site: Site, body: bytes) -> None:
    assert site.browser.post("/cds/smart/callback", content=body).status_code == 400
    assert site.browser.post("/cds/smart/callback", content=b"x" * 40_000).status_code == 413


_NASTY = "<script>alert(1)</script> https://evil.example patient-one"


def test_an_error_is_told_in_our_words_alone(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    answer = site.come_back(
        state=site.begin()["state"],
        error="access_denied",
        error_description=_NASTY,
        error_uri="https://evil.example",
    )
    assert answer.status_code == 400 and "did not allow" in answer.text
    assert "location" not in answer.headers
    assert "evil" not in answer.text and "script" not in answer.text
    assert "evil" not in caplog.text


def test_an_error_works_without_a_state(site: Site) -> None:
    answer = site.come_back(error="invalid_request", error_description=_NASTY)
    assert answer.status_code == 400 and "did not understand" in answer.text and "evil" not in answer.text


def test_an_unknown_error_is_neither_shown_nor_logged(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    answer = site.come_back(error=_NASTY)
    assert answer.status_code == 400 and "did not succeed" in answer.text
    assert "evil" not in answer.text + caplog.text


def test_an_error_uses_up_the_state(site: Site) -> None:
    state = site.begin()["state"]
    site.come_back(state=state, error="access_denied")
    assert site.come_back(state=state, code="secret-code").status_code == 400


def test_the_callback_of_another_issuer_is_refused_before_the_code_is_sent(site: Site) -> None:
    answer = site.come_back(state=site.begin()["state"], code="secret-code", iss="https://evil.example")
    assert answer.status_code == 400 and "another server" in answer.text
    assert site.ehr.forms == []


def test_the_callback_of_the_right_issuer_is_taken(site: Site) -> None:
    site.ehr.configuration["authorization_response_iss_parameter_supported"] = True
    answer = site.come_back(state=site.begin()["state"], code="secret-code", iss=ISSUER)
    assert answer.status_code == 303


def test_a_server_that_promises_iss_must_send_it(site: Site) -> None:
    site.ehr.configuration["authorization_response_iss_parameter_supported"] = True
    assert site.come_back(state=site.begin()["state"], code="secret-code").status_code == 400
    assert site.ehr.forms == []


def test_a_server_without_an_issuer_is_known_by_its_fhir_base(site: Site) -> None:
    del site.ehr.configuration["issuer"]
    site.ehr.id_token = None
    state = site.begin()["state"]
    assert site.come_back(state=state, code="secret-code", iss=ISSUER).status_code == 400
    assert site.come_back(state=site.begin()["state"], code="secret-code", iss=ISS).status_code == 303


@pytest.mark.parametrize("patient", [None, "", "a b", "../Patient/2", "x" * 65, 7, ["patient-one"]])
def test_without_a_patient_nothing_opens_and_no_earlier_one_is_used(site: Site, patient: object) -> None:
    site.session_of(site.sign_in())
    site.ehr.token["patient"] = patient
    answer = site.sign_in()
    assert answer.status_code == 400 and "which patient" in answer.text
    assert "set-cookie" not in answer.headers


def test_tokens_of_a_launch_that_is_refused_are_given_back(site: Site) -> None:
    del site.ehr.token["patient"]
    site.sign_in()
    assert site.ehr.revoked == ["secret-refresh-1", "secret-access-1"]


@pytest.mark.parametrize(
    "scope", ["", None, "patient/Observation.c", "patient/Observation.r", "patient/Patient.rs", 7]
)
def test_without_observations_nothing_opens(site: Site, scope: object) -> None:
    site.ehr.token["scope"] = scope
    answer = site.sign_in()
    assert answer.status_code == 403 and "observations" in answer.text


@pytest.mark.parametrize(
    ("scope", "saves", "corrects"),
    [
        ("patient/Observation.rs", False, False),
        ("patient/Observation.crs", True, False),
        ("patient/Observation.r patient/Observation.s patient/Observation.c", True, False),
        ("patient/*.read", False, False),
        ("patient/*.*", True, True),
        ("user/*.cruds", True, True),
        ("patient/Observation.rs?category=vital-signs patient/Observation.c", True, False),
        ("system/Observation.cruds patient/Observation.read", False, False),
    ],
)
def test_what_was_granted_decides_what_can_be_saved(
    site: Site, scope: str, saves: bool, corrects: bool
) -> None:
    site.ehr.token["scope"] = scope
    session = site.session_of(site.sign_in())
    assert (session.can_save, session.can_correct) == (saves, corrects)


def test_without_an_id_token_nobody_is_known_and_nothing_can_be_saved(site: Site) -> None:
    site.ehr.id_token = None
    session = site.session_of(site.sign_in())
    assert session.fhir_user is None and not session.can_save


def test_an_ehr_that_must_tell_who_is_signed_in_is_held_to_it() -> None:
    site = Site(ehr={"fhir_user_required": True})
    site.ehr.id_token = None
    answer = site.sign_in()
    assert answer.status_code == 400 and "who is signed in" in answer.text


def test_an_id_token_that_fails_ends_the_launch(site: Site) -> None:
    site.ehr.claims["nonce"] = "another"
    answer = site.sign_in()
    assert answer.status_code == 400 and "prove who is signed in" in answer.text
    assert site.ehr.revoked
    site.ehr.claims, site.ehr.id_token = {}, 7
    assert site.sign_in().status_code == 400


@pytest.mark.parametrize("status", [400, 401, 500, 302])
def test_a_code_is_never_sent_twice(site: Site, status: int) -> None:
    state = site.begin()["state"]
    site.ehr.token_route.side_effect = None
    site.ehr.token_route.return_value = httpx.Response(
        status, json={"error": "invalid_grant"}, headers={"location": "https://evil.example"}
    )
    answer = site.come_back(state=state, code="secret-code")
    assert answer.status_code == 502 and "again from the patient's chart" in answer.text
    assert site.ehr.token_route.call_count == 1


def test_a_code_whose_answer_is_lost_is_not_sent_again(site: Site) -> None:
    state = site.begin()["state"]
    site.ehr.token_route.side_effect = httpx.ReadTimeout
    assert site.come_back(state=state, code="secret-code").status_code == 502
    assert site.ehr.token_route.call_count == 1


def test_a_failure_at_the_token_endpoint_reads_the_configuration_anew(site: Site) -> None:
    state = site.begin()["state"]
    site.ehr.token_route.side_effect = httpx.ReadTimeout
    site.come_back(state=state, code="secret-code")
    assert site.ehr.discovery_route.call_count == 1
    site.begin()
    assert site.ehr.discovery_route.call_count == 2


@pytest.mark.parametrize(
    ("values", "view", "page"),
    [
        ({}, View.COURSE, "course"),
        ({"intent": "ice-assessment"}, View.ICE, "ice"),
        ({"intent": "treatment-history"}, View.TREATMENTS, "course#treatments"),
        ({"intent": "reconcile-medications"}, View.COURSE, "course"),
        ({"appContext": '{"v":1,"view":"ice"}', "intent": "timeline"}, View.ICE, "ice"),
        ({"appContext": '{"v":1,"view":"ice","patient":"patient-two"}'}, View.COURSE, "course"),
    ],
)
def test_the_launch_opens_the_page_that_was_meant_for_the_patient_of_the_launch(
    site: Site, values: dict[str, str], view: View, page: str
) -> None:
    site.ehr.token |= values
    answer = site.sign_in()
    session = site.session_of(answer)
    assert session.view is view and session.patient_id == "patient-one"
    assert answer.headers["location"].endswith(f"/{session.sid}/{page}")


def test_the_oldest_of_more_than_ten_sessions_of_a_browser_is_dropped(site: Site) -> None:
    sessions = [site.session_of(site.sign_in()) for _ in range(12)]
    kept = [name.removeprefix("__Host-s-") for name in site.browser.cookies if name.startswith("__Host-s-")]
    assert kept == [session.sid for session in sessions[2:]]


def test_nothing_secret_is_logged_by_a_whole_login(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    asked = site.begin()
    answer = site.come_back(state=asked["state"], code="secret-code")
    session = site.session_of(answer)
    site.ehr.claims["aud"] = "another"
    site.sign_in()
    del site.ehr.token["patient"]
    site.sign_in()
    ours = caplog.text
    assert "is open" in ours  # the log is not just empty
    for secret in (
        "secret-",
        "patient-one",
        "encounter-one",
        "nurse-1",
        asked["state"],
        asked["nonce"],
        session.sid,
    ):
        assert secret not in ours
