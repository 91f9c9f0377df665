"""The launch: who may launch, what is asked of the EHR, and what the browser takes along."""

import base64
import hashlib
import re

import httpx
import pytest

from smart_app.scopes import requested_scopes
from smart_app.settings import SmartSettings
from tests.smart_site import APP, CLIENT_ID, ISS, ISSUER, OUR_KEYS, Site, query_of


@pytest.fixture
def site() -> Site:
    return Site()


def test_the_authorization_request_holds_exactly_what_the_standard_asks_for(site: Site) -> None:
    answer = site.launch()
    assert answer.headers["location"].startswith(f"{ISSUER}/authorize?")
    asked = query_of(answer)
    assert set(asked) == {
        "response_type", "client_id", "redirect_uri", "scope", "state", "aud", "code_challenge",
        "code_challenge_method", "nonce", "launch",
    }  # fmt: skip
    assert asked["response_type"] == "code"
    assert asked["client_id"] == CLIENT_ID
    assert asked["redirect_uri"] == f"{APP}/smart/callback"
    assert asked["aud"] == ISS
    assert asked["launch"] == "launch-1"
    assert asked["code_challenge_method"] == "S256"
    assert asked["scope"] == requested_scopes(standalone=False)


def test_aud_is_the_iss_byte_for_byte_as_it_came(site: Site) -> None:
    assert query_of(site.launch(iss=ISS + "/"))["aud"] == ISS + "/"


def test_launch_goes_back_unchanged(site: Site) -> None:
    odd = "eyJ.a b+c/d=&x=1%20é"
    assert query_of(site.launch(launch=odd))["launch"] == odd


def test_the_challenge_is_the_hash_of_a_long_verifier_that_stays_here(site: Site) -> None:
    asked = site.begin()
    site.come_back(state=asked["state"], code="secret-code")
    verifier = site.ehr.forms[0]["code_verifier"]
    assert re.fullmatch(r"[A-Za-z0-9._~-]{43,128}", verifier)
    hashed = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    assert asked["code_challenge"] == hashed


def test_state_verifier_and_nonce_are_new_for_every_launch(site: Site) -> None:
    asked = [query_of(site.launch()) for _ in range(20)]
    for name in ("state", "nonce", "code_challenge"):
        values = {each[name] for each in asked}
        # 43 letters of base64url are 256 bits.
        assert len(values) == 20 and all(len(value) == 43 for value in values)


def test_every_launch_is_a_new_login_though_a_session_is_open(site: Site) -> None:
    first = site.session_of(site.sign_in())
    asked = query_of(site.launch())
    assert asked["state"]
    second = site.session_of(site.sign_in())
    assert first.sid != second.sid


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"iss": ISS},
        {"launch": "launch-1"},
        {"iss": "", "launch": "launch-1"},
        {"iss": ISS, "launch": ""},
        {"iss": [ISS, ISS], "launch": "launch-1"},
        {"iss": ISS, "launch": ["launch-1", "launch-2"]},
        {"iss": ISS, "launch": "x" * 5000},
    ],
)
def test_a_launch_without_iss_and_launch_is_a_page_and_no_redirect(
    site: Site, parameters: dict[str, str | list[str]]
) -> None:
    answer = site.browser.get("/cds/smart/launch", params=parameters)
    assert answer.status_code == 400
    assert "location" not in answer.headers and "set-cookie" not in answer.headers
    assert not site.ehr.discovery_route.called


@pytest.mark.parametrize(
    "iss",
    [
        "https://evil.example/r4/tenant",
        "https://ehr.example/r4",
        "https://ehr.example/r4/tenant/..",
        "https://ehr.example/r4/tenant//",
        "https://ehr.example/r4/other",
        "https://ehr.example/r4/tenant?x=1",
        "https://ehr.example/r4/tenant#x",
        "https://ehr.example:8443/r4/tenant",
        "https://ehr.example@evil.example/r4/tenant",
        "http://ehr.example/r4/tenant",
        "HTTPS://EHR.EXAMPLE/r4/tenant",
        "http://169.254.169.254/latest/meta-data",
        "file:///etc/passwd",
        " https://ehr.example/r4/tenant",
    ],
)
def test_a_counterfeit_iss_is_refused_before_anything_is_sent(site: Site, iss: str) -> None:
    answer = site.launch(iss=iss)
    assert answer.status_code == 403
    assert "location" not in answer.headers
    assert "evil" not in answer.text and "169.254" not in answer.text
    assert not site.ehr.router.calls


def test_standing_alone_the_patient_is_asked_for_and_no_launch_is_sent(site: Site) -> None:
    asked = query_of(site.browser.get("/cds/smart/standalone", params={"iss": ISS}))
    assert "launch" not in asked
    assert asked["aud"] == ISS
    assert asked["scope"].split()[:2] == ["launch/patient", "launch/encounter"]
    assert "launch" not in asked["scope"].split()


def test_standing_alone_takes_the_one_ehr_and_no_other(site: Site) -> None:
    assert query_of(site.browser.get("/cds/smart/standalone"))["aud"] == ISS
    assert (
        site.browser.get("/cds/smart/standalone", params={"iss": "https://evil.example"}).status_code == 403
    )


def test_the_first_page_lists_the_ehrs(site: Site) -> None:
    assert site.browser.get("/cds/smart/").text == "ehr.example"


def test_the_answer_is_kept_nowhere_and_sends_no_referrer(site: Site) -> None:
    for answer in (site.launch(), site.sign_in()):
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "no-referrer"


def test_the_cookie_of_a_login_is_its_own_and_works_in_a_frame(site: Site) -> None:
    first, second = site.launch(), site.launch()
    cookies = [answer.headers["set-cookie"] for answer in (first, second)]
    names = {cookie.partition("=")[0] for cookie in cookies}
    assert len(names) == 2 and all(name.startswith("__Host-l-") for name in names)
    for cookie in cookies:
        assert {"Secure", "HttpOnly", "SameSite=None", "Partitioned", "Path=/"} <= set(cookie.split("; "))
    assert query_of(first)["state"] not in cookies[0]


def test_an_authorization_endpoint_with_a_query_keeps_it(site: Site) -> None:
    site.ehr.configuration["authorization_endpoint"] = f"{ISSUER}/authorize?tenant=7"
    asked = query_of(site.launch())
    assert asked["tenant"] == "7" and asked["response_type"] == "code"


def test_only_get_launches(site: Site) -> None:
    parameters = {"iss": ISS, "launch": "launch-1"}
    assert site.browser.post("/cds/smart/launch", params=parameters).status_code == 405
    assert site.browser.head("/cds/smart/launch", params=parameters).status_code == 405


def test_our_keys_are_published_without_their_private_half(site: Site) -> None:
    answer = site.browser.get("/cds/smart/.well-known/jwks.json")
    assert answer.headers["cache-control"] == "public, max-age=300"
    keys = answer.json()["keys"]
    assert {key["alg"]: set(key) for key in keys} == {
        "RS384": {"kty", "kid", "use", "alg", "n", "e"},
        "ES384": {"kty", "kid", "use", "alg", "crv", "x", "y"},
    }
    assert len({key["kid"] for key in keys}) == len(OUR_KEYS.keys) == 2


def test_without_an_ehr_the_app_says_that_it_is_not_set_up() -> None:
    site = Site()
    off = Site()
    off.login.settings = SmartSettings()
    for path in ("launch", "standalone", "callback", ""):
        answer = off.browser.get(f"/cds/smart/{path}", params={"iss": ISS, "launch": "x"})
        assert answer.status_code == 404 and "not set up" in answer.text
    assert site.launch().status_code == 303


def test_more_than_ten_launches_in_a_browser_drop_the_oldest(site: Site) -> None:
    for _ in range(15):
        site.begin()
    logins = [name for name in site.browser.cookies if name.startswith("__Host-l-")]
    assert len(logins) == 10


def test_a_discovery_that_fails_is_a_page_and_no_redirect(site: Site) -> None:
    site.ehr.discovery_route.side_effect = None
    site.ehr.discovery_route.return_value = httpx.Response(500)
    answer = site.launch()
    assert answer.status_code == 502 and "location" not in answer.headers
