"""Discovery: how a configuration is asked for, and which one is not used."""

import asyncio
import ssl
from typing import Any

import httpx
import pytest

from smart_app.authorization_server import (
    Fault,
    OutgoingRequests,
    ServerFaultError,
    tls_context,
)
from tests.smart_site import ISS, ISSUER, ORIGIN, Site, query_of

WELL_KNOWN = f"{ISS}/.well-known/smart-configuration"


@pytest.fixture
def site() -> Site:
    return Site()


def answered_with(site: Site, response: httpx.Response | type[Exception]) -> Any:
    site.ehr.discovery_route.side_effect = response if isinstance(response, type) else None
    if isinstance(response, httpx.Response):
        site.ehr.discovery_route.return_value = response
    return site.launch()


def test_it_is_asked_below_the_whole_fhir_base(site: Site) -> None:
    site.launch()
    (call,) = site.ehr.router.calls
    assert str(call.request.url) == WELL_KNOWN
    assert call.request.headers["accept"] == "application/json"
    assert "authorization" not in call.request.headers


def test_a_slash_at_the_end_of_iss_is_not_doubled(site: Site) -> None:
    site.launch(iss=ISS + "/")
    assert str(site.ehr.router.calls[0].request.url) == WELL_KNOWN


def test_relative_endpoints_lie_below_the_fhir_base(site: Site) -> None:
    site.ehr.configuration["authorization_endpoint"] = "auth/authorize"
    site.ehr.configuration |= {"token_endpoint": "/token"}
    assert site.launch().headers["location"].startswith(f"{ISS}/auth/authorize?")
    route = site.ehr.router.post(f"{ORIGIN}/token")
    route.side_effect = site.ehr.token_route.side_effect
    assert site.sign_in().status_code == 303 and route.called


@pytest.mark.parametrize("name", ["authorization_endpoint", "token_endpoint"])
@pytest.mark.parametrize(
    "address",
    [
        None,
        "",
        7,
        "http://ehr.example/authorize",
        "//[",
        "https://user:pw@ehr.example/authorize",
        "https://ehr.example/authorize#fragment",
        "javascript:alert(1)",
        "https://ehr.example/a b",
        "https://" + "x" * 3000,
        "file:///etc/passwd",
        "gopher://ehr.example/authorize",
        "https://169.254.169.254/latest/meta-data",
        "https://[fe80::1]/authorize",
        "https://[::ffff:169.254.169.254]/authorize",
        "https://2852039166/authorize",
        "https://0xA9FEA9FE/authorize",
        "https://169.254.43518/authorize",
        "https://0.0.0.0/authorize",
        "https://[::]/authorize",
    ],
)
def test_an_endpoint_that_is_no_https_address_is_refused(site: Site, name: str, address: object) -> None:
    site.ehr.configuration[name] = address
    answer = site.launch()
    assert answer.status_code == 502 and "location" not in answer.headers


@pytest.mark.parametrize("methods", [None, [], ["plain"], "S256", [7]])
def test_a_server_without_s256_is_refused(site: Site, methods: object) -> None:
    site.ehr.configuration["code_challenge_methods_supported"] = methods
    assert site.launch().status_code == 502


def test_a_server_known_to_omit_s256_is_taken_and_s256_is_used_all_the_same() -> None:
    site = Site(ehr={"requires_s256": False})
    del site.ehr.configuration["code_challenge_methods_supported"]
    assert query_of(site.launch())["code_challenge_method"] == "S256"


def test_a_server_without_codes_is_refused(site: Site) -> None:
    site.ehr.configuration["grant_types_supported"] = ["client_credentials"]
    assert site.launch().status_code == 502


def test_scopes_and_capabilities_that_are_unknown_or_unlisted_do_not_matter(site: Site) -> None:
    site.ehr.configuration |= {"scopes_supported": ["openid"], "capabilities": ["x-new"], "y": {"z": 1}}
    assert site.launch().status_code == 303


@pytest.mark.parametrize(
    "response",
    [
        httpx.Response(404),
        httpx.Response(500),
        httpx.Response(302, headers={"location": "https://evil.example/.well-known/smart-configuration"}),
        httpx.Response(301, headers={"location": f"{ORIGIN}/elsewhere"}),
        httpx.Response(200, text="<html>"),
        httpx.Response(200, json=[]),
        httpx.Response(200, content=b"[" * 200_000),
        httpx.Response(200, content=b'{"x":"' + b"y" * 300_000 + b'"}'),
        httpx.ConnectError,
        httpx.ReadTimeout,
        httpx.RemoteProtocolError,
    ],
)
def test_a_configuration_that_cannot_be_had_is_a_page_and_no_redirect_is_followed(
    site: Site, response: httpx.Response | type[Exception]
) -> None:
    answer = answered_with(site, response)
    assert answer.status_code == 502 and "location" not in answer.headers
    assert len(site.ehr.router.calls) == 1


def test_a_failure_is_not_kept(site: Site) -> None:
    right = site.ehr.discovery_route.side_effect
    assert answered_with(site, httpx.ConnectError).status_code == 502
    site.ehr.discovery_route.side_effect = right
    assert site.launch().status_code == 303


def test_a_configuration_is_kept_for_five_minutes_at_most(site: Site) -> None:
    site.launch()
    site.clock.move(minutes=4, seconds=59)
    site.launch()
    assert site.ehr.discovery_route.call_count == 1
    site.clock.move(seconds=1)
    site.launch()
    assert site.ehr.discovery_route.call_count == 2


def test_a_revocation_endpoint_that_may_not_be_called_is_none(site: Site) -> None:
    site.ehr.configuration["revocation_endpoint"] = "http://ehr.example/revoke"
    session = site.session_of(site.sign_in())
    asyncio.run(site.login.keeper.end(session))
    assert site.ehr.revoked == []


def test_certificates_and_host_names_are_verified_from_tls_1_2_on() -> None:
    context = tls_context()
    assert context.verify_mode is ssl.CERT_REQUIRED and context.check_hostname
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2


def test_an_address_that_is_not_allowed_is_never_called() -> None:
    def refuse(_: httpx.Request) -> httpx.Response:
        raise AssertionError

    requests = OutgoingRequests(lambda _: False, httpx.MockTransport(refuse))
    for call in (requests.get_json(WELL_KNOWN), requests.post_form(WELL_KNOWN, {})):
        with pytest.raises(ServerFaultError) as caught:
            asyncio.run(call)
        assert caught.value.fault is Fault.FORBIDDEN


def test_cookies_of_a_server_are_not_kept() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={}, headers={"set-cookie": "a=b; Path=/"})

    async def twice() -> None:
        requests = OutgoingRequests(lambda _: True, httpx.MockTransport(answer))
        await requests.get_json(WELL_KNOWN)
        await requests.get_json(WELL_KNOWN)
        await requests.close()

    asyncio.run(twice())
    assert len(seen) == 2 and all("cookie" not in request.headers for request in seen)


def test_a_server_that_drips_is_given_up_by_the_whole_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("smart_app.authorization_server.DEADLINE_SECONDS", 0.0)

    async def drip(_: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()  # each piece in time, the whole never
        raise AssertionError

    async def ask() -> None:
        requests = OutgoingRequests(lambda _: True, httpx.MockTransport(drip))
        await requests.get_json(f"{ISSUER}/jwks")

    with pytest.raises(ServerFaultError) as caught:
        asyncio.run(ask())
    assert caught.value.fault is Fault.UNCLEAR


def test_a_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("ALL_PROXY", "http://proxy.example:3128")
    client = OutgoingRequests(lambda _: True)._client
    assert client._mounts == {} and client.trust_env is False
