"""The tokens of a session: renewed once, by one, and given back at the end."""
# ruff: noqa: S105, S106 - tokens of a double

import asyncio
import logging
from dataclasses import replace
from typing import Any

import httpx
import pytest

from smart_app.errors import PageError
from smart_app.session import SmartSession
from smart_app.smart_login import SmartLogin
from tests.smart_site import GRANTED, ISS, ISSUER, Site


@pytest.fixture
def site() -> Site:
    return Site()


@pytest.fixture
def session(site: Site) -> SmartSession:
    opened = site.session_of(site.sign_in())
    site.ehr.forms.clear()
    return opened


def answered_with(site: Site, response: httpx.Response | type[Exception]) -> None:
    site.ehr.token_route.side_effect = response if isinstance(response, type) else None
    if isinstance(response, httpx.Response):
        site.ehr.token_route.return_value = response


def test_the_token_goes_to_the_fhir_base_of_the_launch_with_its_scopes(
    site: Site, session: SmartSession
) -> None:
    access = asyncio.run(site.login.keeper.access(session))
    assert (access.base_url, access.token, access.scope) == (ISS, "secret-access-1", GRANTED)
    assert access.expires_in == 3600
    assert site.ehr.forms == [] and "secret-" not in repr(access)


def test_a_token_that_ends_within_half_a_minute_is_renewed_first(site: Site) -> None:
    site.ehr.token["expires_in"] = 600
    session = site.session_of(site.sign_in())
    site.ehr.forms.clear()
    site.clock.move(seconds=569)
    assert asyncio.run(site.login.keeper.access(session)).token == "secret-access-1"
    site.clock.move(seconds=1)
    assert asyncio.run(site.login.keeper.access(session)).token == "secret-access-2"
    (form,) = site.ehr.forms
    assert {name for name in form if not name.startswith("client_assertion")} == {
        "grant_type",
        "refresh_token",
    }
    assert form["refresh_token"] == "secret-refresh-1"


def test_renewed_tokens_replace_the_old_and_keep_what_is_not_said_anew(
    site: Site, session: SmartSession
) -> None:
    assert asyncio.run(site.login.keeper.renew(session, "secret-access-1"))
    tokens = site.tokens_of(session)
    assert (tokens.access_token, tokens.refresh_token) == ("secret-access-2", "secret-refresh-2")
    assert (tokens.scope, tokens.id_subject) == (GRANTED, "secret-subject")
    del site.ehr.refreshed["refresh_token"]
    site.ehr.refreshed |= {"access_token": "secret-access-3", "scope": "patient/Observation.rs"}
    assert asyncio.run(site.login.keeper.renew(session, "secret-access-2"))
    tokens = site.tokens_of(session)
    assert (tokens.refresh_token, tokens.scope) == ("secret-refresh-2", "patient/Observation.rs")


def test_pages_that_find_the_token_refused_at_once_renew_it_once(site: Site, session: SmartSession) -> None:
    async def all_at_once() -> list[bool]:
        return await asyncio.gather(*(site.login.keeper.renew(session, "secret-access-1") for _ in range(5)))

    assert asyncio.run(all_at_once()) == [True] * 5
    assert [form["refresh_token"] for form in site.ehr.forms] == ["secret-refresh-1"]


def test_what_another_process_renewed_is_taken_without_a_call(site: Site, session: SmartSession) -> None:
    other = SmartLogin(site.settings, site.store, site.clock, site.ehr.transport)
    assert asyncio.run(other.keeper.renew(session, "secret-access-1"))
    assert asyncio.run(site.login.keeper.renew(session, "secret-access-1"))
    assert len(site.ehr.forms) == 1


def test_a_refusal_because_another_process_was_quicker_is_none(site: Site, session: SmartSession) -> None:
    def refuse_late(_: httpx.Request) -> httpx.Response:
        quicker = replace(site.tokens_of(session), access_token="secret-access-9", refresh_token="r-9")
        site.store.replace_tokens(session.sid, quicker)
        return httpx.Response(400, json={"error": "invalid_grant"})

    site.ehr.token_route.side_effect = refuse_late
    assert asyncio.run(site.login.keeper.renew(session, "secret-access-1"))
    assert site.tokens_of(session).access_token == "secret-access-9"


def test_a_refresh_token_that_is_refused_ends_the_session(site: Site, session: SmartSession) -> None:
    answered_with(site, httpx.Response(400, json={"error": "invalid_grant"}))
    assert not asyncio.run(site.login.keeper.renew(session, "secret-access-1"))
    assert site.store.tokens_of(session.sid) is None
    with pytest.raises(PageError) as caught:
        asyncio.run(site.login.keeper.access(session))
    assert caught.value.status == 401


@pytest.mark.parametrize("answer", [httpx.ReadTimeout, httpx.RemoteProtocolError, httpx.Response(503)])
def test_after_an_unclear_answer_the_refresh_token_is_never_used_again(
    site: Site, session: SmartSession, answer: Any
) -> None:
    answered_with(site, answer)
    for _ in range(3):
        assert not asyncio.run(site.login.keeper.renew(session, "secret-access-1"))
    assert site.ehr.token_route.call_count == 2  # the code, and one refresh
    assert asyncio.run(site.login.keeper.access(session)).token == "secret-access-1"  # to its end


def test_without_a_connection_nothing_was_sent_and_it_may_be_tried_again(
    site: Site, session: SmartSession
) -> None:
    right = site.ehr.token_route.side_effect
    answered_with(site, httpx.ConnectError)
    assert not asyncio.run(site.login.keeper.renew(session, "secret-access-1"))
    site.ehr.token_route.side_effect = right
    assert asyncio.run(site.login.keeper.renew(session, "secret-access-1"))


def test_a_token_that_ended_without_another_is_a_page(site: Site) -> None:
    del site.ehr.token["refresh_token"], site.ehr.token["expires_in"]
    session = site.session_of(site.sign_in())
    site.clock.move(seconds=299)
    assert asyncio.run(site.login.keeper.access(session)).expires_in == 1
    site.clock.move(seconds=1)
    with pytest.raises(PageError) as caught:
        asyncio.run(site.login.keeper.access(session))
    assert caught.value.status == 401
    assert not asyncio.run(site.login.keeper.renew(session, "secret-access-1"))


def test_renewed_tokens_of_another_patient_end_the_session(site: Site, session: SmartSession) -> None:
    site.ehr.refreshed["patient"] = "patient-two"
    assert not asyncio.run(site.login.keeper.renew(session, "secret-access-1"))
    assert site.store.tokens_of(session.sid) is None


def test_a_caller_that_gives_up_does_not_lose_the_new_tokens(site: Site, session: SmartSession) -> None:
    asked, answer = asyncio.Event(), asyncio.Event()
    seen: list[httpx.Request] = []

    async def slow(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        asked.set()
        await answer.wait()
        return httpx.Response(200, json=site.ehr.refreshed)

    async def give_up() -> bool:
        site.ehr.token_route.side_effect = slow
        caller = asyncio.create_task(site.login.keeper.renew(session, "secret-access-1"))
        await asked.wait()
        caller.cancel()
        answer.set()
        return await site.login.keeper.renew(session, "secret-access-1")

    assert asyncio.run(give_up())
    assert site.tokens_of(session).refresh_token == "secret-refresh-2"
    assert len(seen) == 1


def test_at_the_end_the_session_is_gone_and_both_tokens_are_given_back(
    site: Site, session: SmartSession
) -> None:
    asyncio.run(site.login.keeper.end(session))
    assert site.store.tokens_of(session.sid) is None
    assert site.ehr.revoked == ["secret-refresh-1", "secret-access-1"]
    assert [form["token_type_hint"] for form in site.ehr.forms] == ["refresh_token", "access_token"]


@pytest.mark.parametrize("answer", [httpx.Response(503), httpx.ConnectError])
def test_the_session_is_gone_whatever_the_server_does(
    site: Site, session: SmartSession, answer: Any, caplog: pytest.LogCaptureFixture
) -> None:
    site.ehr.revoke_route.side_effect = answer if isinstance(answer, type) else None
    site.ehr.revoke_route.return_value = answer if isinstance(answer, httpx.Response) else None
    asyncio.run(site.login.keeper.end(session))
    assert site.store.tokens_of(session.sid) is None
    assert "did not take back" in caplog.text and "secret-" not in caplog.text


def test_where_revocation_is_not_offered_nothing_is_sent(site: Site) -> None:
    del site.ehr.configuration["revocation_endpoint"]
    session = site.session_of(site.sign_in())
    asyncio.run(site.login.keeper.end(session))
    assert not site.ehr.revoke_route.called


def test_nothing_secret_is_logged_when_renewal_fails(
    site: Site, session: SmartSession, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    answered_with(
        site,
        httpx.Response(400, json={"error": "secret-error patient-one", "error_description": "patient-one"}),
    )
    asyncio.run(site.login.keeper.renew(session, "secret-access-1"))
    assert "not renewed" in caplog.text
    for secret in ("secret-", "patient-one", session.sid, f"{ISSUER}/token?"):
        assert secret not in caplog.text
