"""What the authorization server says of itself, and how it can say it badly."""

from collections.abc import Coroutine
from typing import Any
from urllib.parse import urljoin

import pytest

from ehr_sandbox import smart_routes
from tests.unit.ehr_sandbox.smart_client import BASE, ORIGIN, REVOKE, Site

WELL_KNOWN = "/fhir/.well-known/smart-configuration"


@pytest.fixture
def site() -> Site:
    return Site()


def test_the_configuration_names_the_endpoints_and_what_they_take(site: Site) -> None:
    answer = site.http.get(WELL_KNOWN)
    document = answer.json()
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["access-control-allow-origin"] == "*"
    assert document["issuer"] == BASE
    assert document["jwks_uri"] == f"{ORIGIN}/auth/jwks.json"
    assert document["authorization_endpoint"] == f"{ORIGIN}/auth/authorize"
    assert document["token_endpoint"] == f"{ORIGIN}/auth/token"
    assert document["revocation_endpoint"] == f"{ORIGIN}/auth/revoke"
    assert document["token_endpoint_auth_signing_alg_values_supported"] == ["RS384", "ES384"]
    assert document["token_endpoint_auth_methods_supported"] == ["private_key_jwt", "client_secret_basic"]
    assert document["code_challenge_methods_supported"] == ["S256"]
    assert document["grant_types_supported"] == ["authorization_code"]
    assert {"launch-ehr", "launch-standalone", "sso-openid-connect", "context-banner"} <= set(
        document["capabilities"]
    )
    assert "authorize-post" not in document["capabilities"]


def test_the_openid_configuration_names_the_same_issuer_and_keys(site: Site) -> None:
    document = site.http.get("/fhir/.well-known/openid-configuration").json()
    assert document["issuer"] == BASE
    assert document["jwks_uri"] == f"{ORIGIN}/auth/jwks.json"
    assert document["id_token_signing_alg_values_supported"] == ["RS256", "ES256", "ES384"]


def test_endpoints_can_be_relative_to_the_fhir_base(site: Site) -> None:
    site.faults.relative_endpoints = True
    document = site.http.get(WELL_KNOWN).json()
    for name in ("authorization", "token", "revocation"):
        assert document[f"{name}_endpoint"].startswith("/auth/")
    for base in (BASE, BASE + "/"):
        assert urljoin(base, document["authorization_endpoint"]) == f"{ORIGIN}/auth/authorize"


def test_s256_can_be_left_out(site: Site) -> None:
    site.faults.hides_s256 = True
    assert "S256" not in site.http.get(WELL_KNOWN).json()["code_challenge_methods_supported"]


def test_authorize_by_post_can_be_offered(site: Site) -> None:
    site.faults.lists_authorize_post = True
    assert "authorize-post" in site.http.get(WELL_KNOWN).json()["capabilities"]


def test_revocation_can_be_absent(site: Site) -> None:
    site.faults.no_revocation = True
    assert "revocation_endpoint" not in site.http.get(WELL_KNOWN).json()
    assert site.http.post(REVOKE, data={"token": "x", **site.assertion()}).status_code == 404


def test_discovery_can_fail(site: Site) -> None:
    site.faults.discovery_status = 500
    assert site.http.get(WELL_KNOWN).status_code == 500


def test_discovery_can_be_redirected(site: Site) -> None:
    site.faults.discovery_location = "https://elsewhere.example/smart"
    answer = site.http.get(WELL_KNOWN)
    assert (answer.status_code, answer.headers["location"]) == (302, "https://elsewhere.example/smart")


def test_discovery_can_be_too_large(site: Site) -> None:
    site.faults.discovery_oversized = True
    assert len(site.http.get(WELL_KNOWN).content) > 3_000_000


def test_discovery_and_the_token_endpoint_can_be_slow(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []

    class Waiting:
        @staticmethod
        def sleep(seconds: float) -> Coroutine[Any, Any, None]:
            async def wait() -> None:
                waited.append(seconds)

            return wait()

    monkeypatch.setattr(smart_routes, "asyncio", Waiting)
    site.faults.discovery_seconds = 6.0
    site.faults.token_delay_seconds = 7.0
    assert site.http.get(WELL_KNOWN).status_code == 200
    assert site.exchange(site.code()).status_code == 200
    assert waited == [6.0, 7.0]


def test_the_style_has_the_eleven_keys_and_can_be_odd(site: Site) -> None:
    style = site.http.get(site.server.style_url).json()
    assert len(style) == 11
    site.faults.odd_style = True
    odd = site.http.get(site.server.style_url).json()
    assert odd["color_highlight"] == ""
    assert odd["font_family_body"].endswith(";")
