"""Codes, launches and tokens hold when asked for at once, and never grow without bound."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest

from ehr_sandbox.smart_clients import ClientRefusedError, Clients, RegisteredClient
from ehr_sandbox.smart_grants import Grant, GrantRefusedError, Grants, Issued, challenge_of
from ehr_sandbox.smart_launches import LaunchContext, Launches
from tests.unit.ehr_sandbox.smart_client import CLIENT_ID, JWKS, ORIGIN, TOKEN, Clock, Site

VERIFIER = "v" * 43
GRANT = Grant(CLIENT_ID, "launch online_access patient/Patient.r", "adler")
AT_ONCE = 8


def at_once(work: Callable[[], object]) -> list[object]:
    """What each of eight threads gets that begin together; ``None`` for one that is refused."""
    barrier = Barrier(AT_ONCE)

    def begin(_: int) -> object:
        barrier.wait()
        try:
            return work()
        except (GrantRefusedError, ClientRefusedError):
            return None

    with ThreadPoolExecutor(AT_ONCE) as threads:
        return list(threads.map(begin, range(AT_ONCE)))


def exchange(grants: Grants, code: str) -> Issued:
    return grants.exchange(code, CLIENT_ID, "r", VERIFIER, seconds=900, renewable=True)


def test_the_challenge_is_that_of_the_standard() -> None:
    # RFC 7636, appendix B
    assert challenge_of("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk") == (
        "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    )


def test_a_code_that_is_sent_at_once_by_many_counts_once_and_leaves_nothing_open() -> None:
    grants = Grants(Clock())
    code = grants.give_code(GRANT, "r", challenge_of(VERIFIER))
    issued = [one for one in at_once(lambda: exchange(grants, code)) if isinstance(one, Issued)]
    assert len(issued) == 1
    assert grants.find(issued[0].access_token) is None


def test_a_refresh_token_that_is_sent_at_once_by_many_counts_once() -> None:
    grants = Grants(Clock())
    token = exchange(grants, grants.give_code(GRANT, "r", challenge_of(VERIFIER))).refresh_token
    assert token is not None
    renewed = at_once(lambda: grants.renew(token, CLIENT_ID, None, seconds=900))
    assert sum(one is not None for one in renewed) == 1


def test_a_launch_that_is_taken_at_once_by_many_is_taken_once() -> None:
    launches = Launches(Clock())
    launch = launches.begin(LaunchContext("adler"))
    assert sum(one is not None for one in at_once(lambda: launches.take(launch))) == 1


def test_an_assertion_that_is_sent_at_once_by_many_counts_once() -> None:
    clock = Clock()
    clients = Clients([RegisteredClient(CLIENT_ID, (), "", jwks=JWKS)], ORIGIN + TOKEN, clock)
    proof = Site().assertion()
    assert sum(one is not None for one in at_once(lambda: clients.authenticate(None, proof))) == 1


def test_the_oldest_launch_is_forgotten_beyond_a_thousand() -> None:
    launches = Launches(Clock())
    first, second, *_ = [launches.begin(LaunchContext("adler")) for _ in range(1001)]
    assert launches.take(first) is None
    assert launches.take(second) is not None


def test_the_oldest_code_is_forgotten_beyond_a_thousand() -> None:
    grants = Grants(Clock())
    first, second, *_ = [grants.give_code(GRANT, "r", challenge_of(VERIFIER)) for _ in range(1001)]
    with pytest.raises(GrantRefusedError, match="not known"):
        exchange(grants, first)
    assert exchange(grants, second).access_token


def test_tokens_that_have_ended_make_room_before_those_that_live() -> None:
    clock = Clock()
    grants = Grants(clock)
    lasting = exchange(grants, grants.give_code(GRANT, "r", challenge_of(VERIFIER)))
    short = [grants.issue(GRANT, 1) for _ in range(4999)]
    clock.at += timedelta(seconds=2)
    more = grants.issue(GRANT, 900)
    assert grants.find(lasting.access_token) is not None
    assert grants.find(more.access_token) is not None
    assert grants.find(short[0].access_token) is None


def test_tokens_are_not_shown_where_an_answer_is_printed() -> None:
    issued = Grants(Clock()).issue(GRANT, 900)
    assert issued.access_token not in repr(issued)
    assert "s3cret" not in repr(RegisteredClient("x", (), "", secret="s3cret"))  # noqa: S106
