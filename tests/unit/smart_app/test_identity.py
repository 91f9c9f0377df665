"""The id_token: every check, by a token that is right but for one thing."""

import asyncio
import base64
import hashlib
import hmac
import json
from typing import Any

import httpx
import pytest
from joserfc.jwk import ECKey, RSAKey

from smart_app.identity import fhir_user_of
from tests.smart_site import (
    CLIENT_ID,
    ISS,
    ISSUER,
    SERVER_EC,
    SERVER_RSA,
    STRANGER,
    Site,
    public_jwk,
)

REFUSED = 400
SIGNED_IN = 303


@pytest.fixture
def site() -> Site:
    return Site()


def status_of(site: Site) -> int:
    status: int = site.sign_in().status_code
    return status


@pytest.mark.parametrize(
    ("algorithm", "key", "kid"),
    [
        ("RS256", SERVER_RSA, "rsa-1"),
        ("RS384", SERVER_RSA, "rsa-1"),
        ("ES384", SERVER_EC, "ec-1"),
        ("ES256", ECKey.generate_key("P-256"), "ec-2"),
    ],
)
def test_four_algorithms_are_taken(site: Site, algorithm: str, key: RSAKey | ECKey, kid: str) -> None:
    if kid == "ec-2":
        site.ehr.jwks["keys"].append(public_jwk(key, kid))
    site.ehr.id_key, site.ehr.id_header = key, {"alg": algorithm, "kid": kid}
    assert status_of(site) == SIGNED_IN


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://evil.example"},
        {"iss": ISSUER + "/"},
        {"iss": None},
        {"aud": "another"},
        {"aud": ["another"]},
        {"aud": []},
        {"aud": None},
        {"aud": {CLIENT_ID: 1}},
        {"aud": [CLIENT_ID, "another"]},
        {"aud": [CLIENT_ID, "another"], "azp": "another"},
        {"azp": "another"},
        {"nonce": "another"},
        {"nonce": None},
        {"nonce": 7},
        {"nonce": "é"},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"exp": None},
        {"exp": "soon"},
        {"exp": True},
        {"exp": float("nan")},
        {"exp": float("inf")},
        {"exp": 10**400},
        {"iat": None},
    ],
)
def test_a_wrong_claim_is_refused(site: Site, claims: dict[str, Any]) -> None:
    site.ehr.claims = claims
    assert status_of(site) == REFUSED


@pytest.mark.parametrize("claims", [{"aud": [CLIENT_ID]}, {"aud": [CLIENT_ID, "b"], "azp": CLIENT_ID}])
def test_an_audience_that_names_us_is_taken(site: Site, claims: dict[str, Any]) -> None:
    site.ehr.claims = claims
    assert status_of(site) == SIGNED_IN


@pytest.mark.parametrize(
    ("name", "offset", "status"),
    [
        ("exp", -59, SIGNED_IN),
        ("exp", -60, REFUSED),
        ("iat", 60, SIGNED_IN),
        ("iat", 61, REFUSED),
        ("nbf", 60, SIGNED_IN),
        ("nbf", 61, REFUSED),
    ],
)
def test_clocks_may_differ_by_a_minute(site: Site, name: str, offset: int, status: int) -> None:
    site.ehr.claims[name] = int(site.clock.at.timestamp()) + offset
    assert status_of(site) == status


def segment(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def forged(site: Site, algorithm: str) -> str:
    """An unsigned token, or one signed with the server's *public* key as if that were a secret."""
    body = site.ehr.signed().split(".")[1]
    signed = segment({"alg": algorithm, "kid": "rsa-1"}) + "." + body
    if algorithm.casefold() == "none":
        return signed + "."
    pem = SERVER_RSA.as_pem(private=False)
    mac = hmac.new(pem, signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"


@pytest.mark.parametrize("algorithm", ["none", "None", "HS256", "PS256", "RS512", "ES512", "EdDSA"])
def test_other_algorithms_are_refused_unsigned_and_secret_ones_first(site: Site, algorithm: str) -> None:
    state = site.begin()["state"]
    site.ehr.id_token = forged(site, algorithm)
    assert site.come_back(state=state, code="secret-code").status_code == REFUSED


@pytest.mark.parametrize("text", ["a.b", "a.b.c.d.e", "..", "e30.e30.", "é.a.b", "x" * 40_000, "W10.e30.AA"])
def test_what_is_no_signed_token_is_refused(site: Site, text: str) -> None:
    site.ehr.id_token = text
    assert status_of(site) == REFUSED


def test_a_strangers_key_under_our_servers_kid_is_refused(site: Site) -> None:
    site.ehr.id_key = STRANGER
    assert status_of(site) == REFUSED


def test_a_body_that_was_changed_is_refused(site: Site) -> None:
    state = site.begin()["state"]
    head, _, signature = site.ehr.signed().split(".")
    site.ehr.claims["fhirUser"] = f"{ISS}/Practitioner/head-physician"
    site.ehr.id_token = f"{head}.{site.ehr.signed().split('.')[1]}.{signature}"
    assert site.come_back(state=state, code="secret-code").status_code == REFUSED


def test_a_key_of_another_kind_under_that_kid_is_refused(site: Site) -> None:
    site.ehr.id_header = {"alg": "RS256", "kid": "ec-1"}
    assert status_of(site) == REFUSED


def test_addresses_and_keys_in_the_token_are_never_used(site: Site) -> None:
    site.ehr.id_key = STRANGER
    site.ehr.id_header |= {
        "jku": "https://evil.example/jwks",
        "x5u": "https://evil.example/x5u",
        "jwk": public_jwk(STRANGER, "rsa-1"),
    }
    site.ehr.claims["iss"] = "https://evil.example"
    assert status_of(site) == REFUSED
    assert all(call.request.url.host == "ehr.example" for call in site.ehr.router.calls)


def test_a_token_without_kid_is_taken_where_one_key_fits(site: Site) -> None:
    site.ehr.id_header = {"alg": "RS256"}
    assert status_of(site) == SIGNED_IN


def test_a_token_without_kid_is_refused_where_two_keys_fit(site: Site) -> None:
    site.ehr.id_header = {"alg": "RS256"}
    site.ehr.jwks["keys"].append(public_jwk(STRANGER, "rsa-2"))
    assert status_of(site) == REFUSED


@pytest.mark.parametrize("change", [{"use": "enc"}, {"alg": "RS512"}])
def test_a_key_for_something_else_does_not_fit(site: Site, change: dict[str, str]) -> None:
    site.ehr.jwks["keys"][0] |= change
    assert status_of(site) == REFUSED


def test_keys_with_and_without_alg_fit(site: Site) -> None:
    site.ehr.jwks["keys"][0]["alg"] = "RS256"
    assert status_of(site) == SIGNED_IN


def test_a_short_key_is_refused(site: Site) -> None:
    short = RSAKey.generate_key(1024)
    site.ehr.id_key, site.ehr.jwks = short, {"keys": [public_jwk(short, "rsa-1")]}
    assert status_of(site) == REFUSED


def test_keys_that_were_rotated_are_read_once_more(site: Site) -> None:
    assert status_of(site) == SIGNED_IN
    site.clock.move(seconds=5)
    fresh = RSAKey.generate_key(2048)
    site.ehr.jwks = {"keys": [public_jwk(fresh, "rsa-2")]}
    site.ehr.id_key, site.ehr.id_header = fresh, {"alg": "RS256", "kid": "rsa-2"}
    assert status_of(site) == SIGNED_IN
    assert site.ehr.jwks_route.call_count == 2


def test_unknown_kids_do_not_make_us_a_flood(site: Site) -> None:
    assert status_of(site) == SIGNED_IN
    site.ehr.id_header["kid"] = "unknown"
    for _ in range(5):
        site.clock.move(seconds=5)
        assert status_of(site) == REFUSED
    assert site.ehr.jwks_route.call_count == 2
    site.clock.move(seconds=30)
    assert status_of(site) == REFUSED
    assert site.ehr.jwks_route.call_count == 3


def test_keys_are_read_again_after_five_minutes(site: Site) -> None:
    for minutes in (0, 4, 1):
        site.clock.move(minutes=minutes)
        assert status_of(site) == SIGNED_IN
    assert site.ehr.jwks_route.call_count == 2


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(500),
        httpx.Response(302, headers={"location": "https://evil.example"}),
        httpx.Response(200, json={"keys": "none"}),
        httpx.Response(200, json={"keys": [7, {"kty": "RSA", "kid": "rsa-1", "n": "!", "e": "AQAB"}]}),
        httpx.Response(200, text="<html>"),
    ],
)
def test_keys_that_cannot_be_had_end_the_launch(site: Site, answer: httpx.Response) -> None:
    site.ehr.jwks_route.side_effect = None
    site.ehr.jwks_route.return_value = answer
    assert status_of(site) == REFUSED


def test_without_jwks_uri_the_openid_configuration_of_the_issuer_is_read(site: Site) -> None:
    del site.ehr.configuration["jwks_uri"]
    document = {"issuer": ISSUER, "jwks_uri": f"{ISSUER}/jwks"}
    route = site.ehr.router.get(f"{ISSUER}/.well-known/openid-configuration")
    route.return_value = httpx.Response(200, json=document)
    assert status_of(site) == SIGNED_IN


@pytest.mark.parametrize(
    "document",
    [
        {"issuer": "https://evil.example", "jwks_uri": f"{ISSUER}/jwks"},
        {"issuer": ISSUER},
        {"issuer": ISSUER, "jwks_uri": "http://ehr.example/jwks"},
        {"issuer": ISSUER, "jwks_uri": "http://169.254.169.254/"},
    ],
)
def test_an_openid_configuration_of_another_issuer_is_not_used(site: Site, document: dict[str, str]) -> None:
    del site.ehr.configuration["jwks_uri"]
    route = site.ehr.router.get(f"{ISSUER}/.well-known/openid-configuration")
    route.return_value = httpx.Response(200, json=document)
    assert status_of(site) == REFUSED


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ("Practitioner/7", "Practitioner/7"),
        (f"{ISS}/Practitioner/7", "Practitioner/7"),
        (f"{ISS}/PractitionerRole/a-1.b", "PractitionerRole/a-1.b"),
        (f"{ISS}/Practitioner/7/_history/3", "Practitioner/7"),
        (f"{ISS}/Patient/7", "Patient/7"),
        ("RelatedPerson/7", "RelatedPerson/7"),
        ("Person/7", "Person/7"),
        ("https://staff.example/fhir/Practitioner/7", "https://staff.example/fhir/Practitioner/7"),
        ("https://ehr.example/r4/other/Practitioner/7", "https://ehr.example/r4/other/Practitioner/7"),
        ("Device/7", None),
        ("Practitioner/", None),
        ("Practitioner/a b", None),
        ("Practitioner/<script>", None),
        ("../Practitioner/7", None),
        ("javascript:alert(1)//Practitioner/7", None),
        ("https://staff.example/Practitioner/7?x=1", None),
        ("https://<b>/Practitioner/7", None),
        ("x" * 600, None),
        ("", None),
        (None, None),
        (7, None),
    ],
)
def test_fhir_user_is_relative_to_the_fhir_base_or_absolute(told: object, kept: str | None) -> None:
    assert fhir_user_of(told, ISS) == kept


@pytest.mark.parametrize(
    ("user", "may"),
    [
        ("Practitioner/7", True),
        ("PractitionerRole/7", True),
        ("https://staff.example/fhir/Practitioner/7", True),
        ("Patient/7", False),
        ("RelatedPerson/7", False),
        ("Person/7", False),
        (None, False),
    ],
)
def test_only_clinicians_may_assess(site: Site, user: str | None, may: bool) -> None:
    site.ehr.claims["fhirUser"] = user
    session = site.session_of(site.sign_in())
    assert session.user_may_assess is may
    assert all(call.request.url.host == "ehr.example" for call in site.ehr.router.calls)


def test_the_user_of_a_session_is_not_changed_by_a_refresh(site: Site) -> None:
    session = site.session_of(site.sign_in())
    site.ehr.refreshed |= {"id_token": "not.even.one"}
    assert asyncio.run(site.login.keeper.renew(session, "secret-access-1"))
    assert site.tokens_of(session).id_subject == "secret-subject"
