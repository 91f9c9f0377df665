"""The token endpoint: who asks is proven each time, a code counts once, and a refresh token once."""

import base64
from typing import Any

import pytest
from joserfc.jwk import ECKey

from ehr_sandbox.door import AccessRefusedError, Interaction
from ehr_sandbox.smart_server import LaunchContext, RegisteredClient
from tests.unit.ehr_sandbox.smart_client import (
    CLIENT_ID,
    EC,
    JKU,
    JWKS,
    ORIGIN,
    REDIRECT,
    REVOKE,
    RSA,
    SCOPE,
    SECRET,
    SECRET_CLIENT,
    TOKEN,
    Site,
    refused,
)


@pytest.fixture
def site() -> Site:
    return Site()


def basic(name: str = "old+app", secret: str = "s3cret%3A%26+of+ours") -> dict[str, str]:  # noqa: S107
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()}


def opens(site: Site, token: str) -> bool:
    try:
        site.server.admit(f"Bearer {token}", Interaction.READ, "Patient", {"adler"})
    except AccessRefusedError as error:
        assert error.status == 401
        return False
    return True


def test_a_code_is_exchanged_for_what_the_launch_was_about(site: Site) -> None:
    context = LaunchContext(
        "adler",
        "stay-1",
        intent="ice-assessment",
        app_context='{"v":1,"view":"ice"}',
        fhir_context=[{"reference": "Observation/1"}],
        tenant="ward-7",
        need_patient_banner=False,
        smart_style_url=site.server.style_url,
    )
    answer = site.exchange(site.code(context))
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    told = answer.json()
    made = {name: told.pop(name) for name in ("access_token", "refresh_token", "id_token")}
    assert all(isinstance(token, str) and len(token) > 40 for token in made.values())
    assert told == {
        "token_type": "Bearer",
        "expires_in": 900,
        "scope": SCOPE,
        "patient": "adler",
        "encounter": "stay-1",
        "intent": "ice-assessment",
        "appContext": '{"v":1,"view":"ice"}',
        "fhirContext": [{"reference": "Observation/1"}],
        "tenant": "ward-7",
        "need_patient_banner": False,
        "smart_style_url": f"{ORIGIN}/auth/smart-style.json",
    }


def test_what_a_launch_does_not_say_is_left_out(site: Site) -> None:
    told = site.tokens(LaunchContext("adler", need_patient_banner=None))
    assert not {"encounter", "intent", "appContext", "fhirContext", "tenant", "smart_style_url"} & told.keys()
    assert "need_patient_banner" not in told


@pytest.mark.parametrize("algorithm", ["RS384", "ES384"])
def test_both_algorithms_prove_the_client(site: Site, algorithm: str) -> None:
    assert site.exchange(site.code(), **site.assertion(algorithm)).status_code == 200


def test_the_registered_address_of_the_keys_may_be_named(site: Site) -> None:
    assert site.exchange(site.code(), **site.assertion(header={"jku": JKU})).status_code == 200


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"header": {"typ": None}}, "typ is not JWT"),
        ({"header": {"typ": "at+jwt"}}, "typ is not JWT"),
        ({"header": {"kid": None}}, "kid names no key"),
        ({"header": {"kid": "other"}}, "kid names no key"),
        ({"header": {"kid": "rsa"}}, "kid names no key"),
        ({"header": {"jku": "https://evil.example/jwks"}}, "jku is not"),
        ({"iss": "nobody"}, "iss is no client"),
        ({"iss": None}, "iss is no client"),
        ({"iss": SECRET_CLIENT}, "iss is no client"),
        ({"sub": "somebody else"}, "sub is not the client"),
        ({"sub": None}, "sub is not the client"),
        ({"aud": ORIGIN}, "aud is not the token endpoint"),
        ({"aud": ORIGIN + TOKEN + "/"}, "aud is not the token endpoint"),
        ({"aud": [ORIGIN + TOKEN, "https://elsewhere.example"]}, "aud is not the token endpoint"),
        ({"jti": None}, "jti is missing"),
        ({"jti": ""}, "jti is missing"),
        ({"exp": None}, "exp is not a time"),
        ({"exp": "soon"}, "exp is not a time"),
    ],
)
def test_an_assertion_that_is_wrong_in_one_thing_is_refused(
    site: Site, changes: dict[str, Any], text: str
) -> None:
    status, error, told = refused(site.exchange(site.code(), **site.assertion(**changes)))
    assert (status, error) == (401, "invalid_client")
    assert text in told


@pytest.mark.parametrize(
    ("claim", "ahead", "text"),
    [
        ("exp", 301, "more than five minutes ahead"),
        ("exp", 3600, "more than five minutes ahead"),
        ("exp", 0, "has expired"),
        ("exp", -10, "has expired"),
        ("iat", 61, "iat lies ahead"),
        ("iat", -361, "iat is too long ago"),
        ("nbf", 61, "nbf lies ahead"),
    ],
)
def test_an_assertion_for_another_time_is_refused(site: Site, claim: str, ahead: int, text: str) -> None:
    proof = site.assertion(**{claim: site.clock.seconds + ahead})
    assert text in refused(site.exchange(site.code(), **proof))[2]


def test_an_assertion_may_live_exactly_five_minutes_and_need_not_say_since_when(site: Site) -> None:
    proof = site.assertion(exp=site.clock.seconds + 300, iat=None)
    assert site.exchange(site.code(), **proof).status_code == 200


def test_an_algorithm_that_is_not_offered_is_refused(site: Site) -> None:
    proof = site.assertion("RS256", key=RSA)
    assert "alg is neither" in refused(site.exchange(site.code(), **proof))[2]


def test_an_assertion_signed_by_another_key_of_the_same_name_is_refused(site: Site) -> None:
    stranger = ECKey.generate_key("P-384", {"kid": "ec"})
    proof = site.assertion(key=stranger)
    assert "signature does not hold" in refused(site.exchange(site.code(), **proof))[2]


def test_an_assertion_counts_once(site: Site) -> None:
    proof = site.assertion()
    assert site.exchange(site.code(), **proof).status_code == 200
    code = site.code()
    assert "jti was used before" in refused(site.exchange(code, **proof))[2]
    assert site.exchange(code).status_code == 200  # the code was not used up by who proved nothing


@pytest.mark.parametrize("assertion", ["", "x", "a.b.c", "e30.e30.", "e30.W10.x", "ä.b.c"])
def test_what_is_no_token_is_no_proof(site: Site, assertion: str) -> None:
    assert refused(site.exchange(site.code(), client_assertion=assertion))[:2] == (401, "invalid_client")


def test_a_request_without_proof_is_refused(site: Site) -> None:
    answer = site.exchange(site.code(), client_assertion=None, client_assertion_type=None)
    assert refused(answer)[:2] == (401, "invalid_client")


def test_a_proof_of_another_kind_is_refused(site: Site) -> None:
    kind = "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"
    assert "client_assertion_type" in refused(site.exchange(site.code(), client_assertion_type=kind))[2]


def test_a_confidential_client_that_names_itself_in_the_form_is_refused(site: Site) -> None:
    answer = site.exchange(site.code(), client_id=CLIENT_ID)
    assert refused(answer)[:2] == (400, "invalid_request")


def test_keys_are_read_anew_through_a_callable() -> None:
    published: dict[str, Any] = {"keys": []}
    site = Site(jwks=lambda: published)
    assert "kid names no key" in refused(site.exchange(site.code()))[2]
    published["keys"] = JWKS["keys"]
    assert site.exchange(site.code()).status_code == 200


def test_keys_that_cannot_be_read_prove_nothing() -> None:
    def fail() -> dict[str, Any]:
        raise OSError("connection refused")

    assert "cannot be read" in refused(Site(jwks=fail).exchange(Site().code()))[2]


def test_a_client_that_publishes_its_private_key_is_refused() -> None:
    site = Site(jwks={"keys": [EC.as_dict(private=True)]})
    assert "publishes a private key" in refused(site.exchange(site.code()))[2]


def test_two_keys_of_one_name_are_refused() -> None:
    public = EC.as_dict(private=False)
    site = Site(jwks={"keys": [public, public]})
    assert "more than one" in refused(site.exchange(site.code()))[2]


def test_a_client_is_registered_with_keys_or_with_a_secret() -> None:
    with pytest.raises(ValueError, match="never with both"):
        RegisteredClient("x", (), "", jwks=JWKS, secret=SECRET)
    with pytest.raises(ValueError, match="never with both"):
        RegisteredClient("x", (), "")


def test_a_secret_comes_as_http_basic(site: Site) -> None:
    code = site.code(client_id=SECRET_CLIENT)
    form = site.exchange_form(code, client_assertion=None, client_assertion_type=None)
    assert site.http.post(TOKEN, data=form, headers=basic()).status_code == 200


@pytest.mark.parametrize(
    "header",
    [
        basic(secret="wrong"),  # noqa: S106
        basic(name="nobody"),
        basic(name=CLIENT_ID, secret=""),
        {"Authorization": "Basic !!"},
        {"Authorization": "Bearer x"},
    ],
)
def test_a_wrong_secret_is_refused(site: Site, header: dict[str, str]) -> None:
    code = site.code(client_id=SECRET_CLIENT)
    form = site.exchange_form(code, client_assertion=None, client_assertion_type=None)
    answer = site.http.post(TOKEN, data=form, headers=header)
    assert refused(answer)[:2] == (401, "invalid_client")
    assert answer.headers["www-authenticate"].startswith("Basic ")


def test_a_secret_in_the_form_and_two_proofs_at_once_are_refused(site: Site) -> None:
    form = site.exchange_form(site.code())
    assert refused(site.http.post(TOKEN, data={**form, "client_secret": SECRET}))[1] == "invalid_client"
    assert refused(site.http.post(TOKEN, data=form, headers=basic()))[1] == "invalid_request"


@pytest.mark.parametrize(
    ("changes", "error", "text"),
    [
        ({"grant_type": None}, "invalid_request", "grant_type is missing"),
        ({"grant_type": "password"}, "unsupported_grant_type", "grant_type"),
        ({"code": None}, "invalid_request", "code is missing"),
        ({"code": "guessed"}, "invalid_grant", "the code is not known"),
        ({"redirect_uri": None}, "invalid_request", "redirect_uri is missing"),
        ({"redirect_uri": REDIRECT + "/"}, "invalid_grant", "redirect_uri is not that"),
        ({"code_verifier": None}, "invalid_request", "code_verifier is missing"),
        ({"code_verifier": "A" * 64}, "invalid_grant", "code_verifier does not fit"),
        ({"code_verifier": "short"}, "invalid_grant", "code_verifier does not fit"),
    ],
)
def test_a_code_is_bound_to_its_request(
    site: Site, changes: dict[str, str | None], error: str, text: str
) -> None:
    status, told_error, told = refused(site.exchange(site.code(), **changes))
    assert (status, told_error) == (400, error)
    assert text in told


def test_an_attempt_that_fails_uses_the_code_up(site: Site) -> None:
    code = site.code()
    assert site.exchange(code, code_verifier="A" * 64).status_code == 400
    assert refused(site.exchange(code))[1] == "invalid_grant"


def test_a_code_of_another_client_is_refused(site: Site) -> None:
    form = site.exchange_form(site.code(), client_assertion=None, client_assertion_type=None)
    answer = site.http.post(TOKEN, data=form, headers=basic())
    assert "another client" in refused(answer)[2]


def test_a_code_is_good_for_a_minute(site: Site) -> None:
    code = site.code()
    site.clock.move(seconds=60)
    assert site.exchange(code).status_code == 200
    code = site.code()
    site.clock.move(seconds=61)
    assert "older than a minute" in refused(site.exchange(code))[2]


def test_a_code_that_is_used_twice_revokes_what_was_given_for_it(site: Site) -> None:
    code = site.code()
    tokens = site.exchange(code).json()
    assert opens(site, tokens["access_token"])
    assert "used before" in refused(site.exchange(code))[2]
    assert not opens(site, tokens["access_token"])
    assert refused(site.refresh(tokens["refresh_token"]))[1] == "invalid_grant"


def test_parameters_in_the_address_or_twice_or_as_json_are_refused(site: Site) -> None:
    form = site.exchange_form(site.code())
    twice = "&".join(["code=a", "code=b"])
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    assert refused(site.http.post(f"{TOKEN}?code=x", data=form))[1] == "invalid_request"
    assert refused(site.http.post(TOKEN, json=form))[1] == "invalid_request"
    assert refused(site.http.post(TOKEN, content=twice, headers=kind))[1] == "invalid_request"
    assert refused(site.http.post(TOKEN, content="a=" + 70_000 * "x", headers=kind))[0] == 413


def test_a_refresh_gives_new_tokens_and_tells_the_context_again(site: Site) -> None:
    first = site.tokens()
    second = site.refresh(first["refresh_token"]).json()
    assert second["patient"] == "adler"
    assert second["scope"] == SCOPE
    assert second["access_token"] != first["access_token"]
    assert second["refresh_token"] != first["refresh_token"]
    assert "id_token" not in second
    assert opens(site, second["access_token"])


def test_a_refresh_token_that_is_used_twice_revokes_its_family(site: Site) -> None:
    first = site.tokens()
    second = site.refresh(first["refresh_token"]).json()
    assert "used before" in refused(site.refresh(first["refresh_token"]))[2]
    assert refused(site.refresh(second["refresh_token"]))[1] == "invalid_grant"
    assert not opens(site, second["access_token"])


def test_a_refresh_without_proof_or_by_another_client_is_refused(site: Site) -> None:
    form = {"grant_type": "refresh_token", "refresh_token": site.tokens()["refresh_token"]}
    assert refused(site.http.post(TOKEN, data=form))[:2] == (401, "invalid_client")
    assert refused(site.http.post(TOKEN, data=form, headers=basic()))[1] == "invalid_grant"
    assert site.refresh(form["refresh_token"]).status_code == 200


def test_a_refresh_may_ask_for_less_and_never_for_more(site: Site) -> None:
    token = site.tokens()["refresh_token"]
    for more in (
        "patient/Observation.crudss",
        "patient/Observation.d",
        "patient/Procedure.r",
        "offline_access",
    ):
        assert refused(site.refresh(token, scope=more))[:2] == (400, "invalid_scope")
    less = site.refresh(token, scope="patient/Patient.r").json()
    assert less["scope"] == "patient/Patient.r"
    assert opens(site, less["access_token"])
    with pytest.raises(AccessRefusedError, match="does not permit"):
        site.server.admit(f"Bearer {less['access_token']}", Interaction.READ, "Observation", {"adler"})
    assert site.refresh(less["refresh_token"]).json()["scope"] == SCOPE


def test_a_refresh_token_needs_its_scope_and_ends_after_twelve_hours(site: Site) -> None:
    assert "refresh_token" not in site.tokens(scope=SCOPE.replace("online_access ", ""))
    token = site.tokens()["refresh_token"]
    site.clock.move(hours=12, seconds=1)
    assert refused(site.refresh(token))[1] == "invalid_grant"


def test_a_refresh_token_for_offline_use_lasts_longer(site: Site) -> None:
    token = site.tokens(scope=SCOPE.replace("online", "offline"))["refresh_token"]
    site.clock.move(hours=13)
    assert site.refresh(token).status_code == 200


def test_a_token_is_given_back(site: Site) -> None:
    tokens = site.tokens()
    form = {"token": tokens["access_token"], **site.assertion()}
    assert site.http.post(REVOKE, data=form).status_code == 200
    assert not opens(site, tokens["access_token"])
    renewed = site.refresh(tokens["refresh_token"]).json()
    form = {"token": renewed["refresh_token"], **site.assertion()}
    assert site.http.post(REVOKE, data=form).status_code == 200
    assert not opens(site, renewed["access_token"])


def test_a_token_that_is_not_known_is_given_back_without_complaint(site: Site) -> None:
    assert site.http.post(REVOKE, data={"token": "x", **site.assertion()}).status_code == 200


def test_nobody_gives_back_a_token_without_proof_or_of_another_client(site: Site) -> None:
    token = site.tokens()["access_token"]
    assert refused(site.http.post(REVOKE, data={"token": token}))[:2] == (401, "invalid_client")
    assert refused(site.http.post(REVOKE, data={"token": token}, headers=basic()))[0] == 400
    assert opens(site, token)
