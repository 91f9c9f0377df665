"""Requests to the token endpoint, as a strict server reads them."""

import asyncio
import base64
from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from smart_app.ehr_client import ClientAuth
from smart_app.keys import SigningKeys
from tests.smart_site import APP, CLIENT_ID, ISSUER, OUR_KEYS, Site


@pytest.fixture
def site() -> Site:
    return Site()


def assertion_of(form: dict[str, str]) -> Any:
    """The assertion, its signature checked with our published keys."""
    assert form["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    keys = KeySet.import_key_set(OUR_KEYS.jwks())  # type: ignore[arg-type]
    return jwt.decode(form["client_assertion"], keys, algorithms=["RS384", "ES384"])


def test_the_code_is_exchanged_with_exactly_these_parameters(site: Site) -> None:
    site.sign_in()
    (form,), (headers,) = site.ehr.forms, site.ehr.headers
    assert set(form) == {
        "grant_type", "code", "redirect_uri", "code_verifier", "client_assertion_type", "client_assertion"
    }  # fmt: skip
    assert form["grant_type"] == "authorization_code"
    assert form["code"] == "secret-code"
    assert form["redirect_uri"] == f"{APP}/smart/callback"
    assert headers["content-type"] == "application/x-www-form-urlencoded"
    assert "authorization" not in headers and "cookie" not in headers


def test_the_assertion_says_who_we_are_for_less_than_five_minutes(site: Site) -> None:
    site.sign_in()
    token = assertion_of(site.ehr.forms[0])
    assert token.header == {"typ": "JWT", "alg": "RS384", "kid": OUR_KEYS.keys[0].kid}
    assert set(token.claims) == {"iss", "sub", "aud", "jti", "exp"}
    assert token.claims["iss"] == token.claims["sub"] == CLIENT_ID
    assert token.claims["aud"] == f"{ISSUER}/token"
    assert token.claims["exp"] == int(site.clock.at.timestamp()) + 240
    assert len(token.claims["jti"]) == 43


def test_every_request_has_an_assertion_of_its_own(site: Site) -> None:
    session = site.session_of(site.sign_in())
    asyncio.run(site.login.keeper.renew(session, "secret-access-1"))
    asyncio.run(site.login.keeper.end(session))
    assert [form.get("grant_type", "revoke") for form in site.ehr.forms] == [
        "authorization_code", "refresh_token", "revoke", "revoke"
    ]  # fmt: skip
    assert len({assertion_of(form).claims["jti"] for form in site.ehr.forms}) == 4
    assert all("client_id" not in form for form in site.ehr.forms)


@pytest.mark.parametrize(
    ("offered", "preferred", "used"),
    [
        (["RS384", "ES384"], None, "RS384"),
        (["ES384"], None, "ES384"),
        (["RS256", "RS384"], "ES384", "RS384"),
        (["RS384", "ES384"], "ES384", "ES384"),
        (None, "ES384", "ES384"),
        (None, None, "RS384"),
    ],
)
def test_the_algorithm_is_one_that_the_server_takes_and_we_have(
    offered: list[str] | None, preferred: str | None, used: str
) -> None:
    site = Site(ehr={"algorithm": preferred})
    site.ehr.configuration["token_endpoint_auth_signing_alg_values_supported"] = offered
    assert site.sign_in().status_code == 303
    assert assertion_of(site.ehr.forms[0]).header["alg"] == used


def test_without_a_common_algorithm_nothing_is_sent(site: Site) -> None:
    site.ehr.configuration["token_endpoint_auth_signing_alg_values_supported"] = ["RS256", "HS256", "none"]
    assert site.sign_in().status_code == 502
    assert site.ehr.forms == []


def test_a_secret_goes_as_basic_and_nowhere_else() -> None:
    site = Site(
        keys=SigningKeys(),
        ehr={"auth": ClientAuth.CLIENT_SECRET_BASIC, "secret": "s:e/c r+ü"},
    )
    assert site.sign_in().status_code == 303
    (form,), (headers,) = site.ehr.forms, site.ehr.headers
    # Both are form-encoded before they are joined (RFC 6749, 2.3.1).
    expected = base64.b64encode(b"cart+app%3A1:s%3Ae%2Fc+r%2B%C3%BC").decode()
    assert headers["authorization"] == f"Basic {expected}"
    assert set(form) == {"grant_type", "code", "redirect_uri", "code_verifier"}
    assert "s:e/c" not in repr(site.settings)


@pytest.mark.parametrize(
    ("expires_in", "seconds"),
    [
        (3600, 3600),
        ("900", 900),
        (None, 300),
        (0, 300),
        (-5, 300),
        ("soon", 300),
        (True, 300),
        ([], 300),
        (1e400, 24 * 3600),
        (10**12, 24 * 3600),
    ],
)
def test_a_token_that_tells_no_end_is_good_for_five_minutes(
    site: Site, expires_in: object, seconds: int
) -> None:
    site.ehr.token["expires_in"] = expires_in
    if expires_in == 1e400:
        site.ehr.token["expires_in"] = "1e400"
    tokens = site.tokens_of(site.session_of(site.sign_in()))
    assert (tokens.expires_at - site.clock.at).total_seconds() == seconds


@pytest.mark.parametrize("kind", ["Bearer", "bearer", "BEARER"])
def test_the_type_of_a_token_is_read_without_case(site: Site, kind: str) -> None:
    site.ehr.token["token_type"] = kind
    assert site.sign_in().status_code == 303


@pytest.mark.parametrize(
    "change",
    [
        {"token_type": "mac"},
        {"token_type": None},
        {"access_token": None},
        {"access_token": ""},
        {"access_token": "a\r\nX-Header: b"},
        {"access_token": "ü"},
    ],
)
def test_an_answer_without_a_bearer_token_opens_nothing(site: Site, change: dict[str, object]) -> None:
    site.ehr.token |= change
    assert site.sign_in().status_code == 502


@pytest.mark.parametrize("body", [b"", b"[]", b"<html>", b"[" * 100_000, b'{"a":"' + b"x" * 300_000 + b'"}'])
def test_an_answer_that_is_no_json_object_opens_nothing(site: Site, body: bytes) -> None:
    state = site.begin()["state"]
    site.ehr.token_route.side_effect = None
    site.ehr.token_route.return_value = httpx.Response(200, content=body)
    assert site.come_back(state=state, code="secret-code").status_code == 502


def test_a_login_goes_on_without_a_refresh_token(site: Site) -> None:
    del site.ehr.token["refresh_token"]
    assert site.tokens_of(site.session_of(site.sign_in())).refresh_token is None


def test_tokens_are_not_in_what_is_printed_of_them(site: Site) -> None:
    session = site.session_of(site.sign_in())
    assert "secret-" not in repr(site.tokens_of(session)) + repr(session)
