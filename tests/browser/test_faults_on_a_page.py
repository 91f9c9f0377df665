"""A FHIR server that fails while somebody enters an ICE: a clear page, nothing entered lost, nothing twice.

What the record holds is counted on the server.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

import pytest
from playwright.sync_api import BrowserContext, Page, expect

import smart_app.smart_room
from cart_cds.demo import RunningDemo, run_demo
from ehr_sandbox.door import Interaction
from tests.browser.steps import (
    Complaints,
    answers,
    chosen,
    expect_saved,
    ice_of,
    launch,
    take_ice,
    violations,
)

CEDAR = "demo-cedar"
# All that the app reads.
TYPES = (
    "Patient",
    "Encounter",
    "Observation",
    "MedicationAdministration",
    "MedicationRequest",
    "Medication",
    "Procedure",
    "Condition",
    "Practitioner",
    "DeviceUseStatement",
)


@pytest.fixture(scope="module")
def running_demo() -> Iterator[RunningDemo]:
    """The demonstration, in which the app waits for a slow server for one second only."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(smart_app.smart_room, "READ_DEADLINE_SECONDS", 1.0)
        with run_demo(sandbox_host="localhost", open_reads=False) as running:
            yield running


@pytest.fixture(autouse=True)
def _no_complaint(context: BrowserContext) -> Iterator[None]:
    # The browser tells of every answer that is an error; nothing else is to be told.
    heard = Complaints(context, but_for="the server responded with a status of|ERR_INTERNET_DISCONNECTED")
    yield
    assert heard.heard == []


def fill(page: Page, demo: RunningDemo) -> str:
    """A filled form, not sent; the address of its session."""
    session = launch(page, demo, CEDAR)
    page.goto(f"{session}/ice")
    take_ice(page)
    page.locator("#note").fill("wife interprets <b>well</b>")
    return session


def check(page: Page) -> None:
    page.get_by_role("button", name="Check and save").click()


def confirm(page: Page, demo: RunningDemo) -> None:
    """A filled form, checked; the next press saves."""
    fill(page, demo)
    check(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("Save this assessment?")


def save(page: Page, name: str = "Save") -> None:
    page.get_by_role("button", name=name, exact=True).click()


def expect_kept(page: Page) -> None:
    """All entries are in the form of the page, and it is accessible."""
    assert chosen(page) == answers()
    assert page.locator("input[name='note']").get_attribute("value") == "wife interprets <b>well</b>"
    assert violations(page) == []


def lose(demo: RunningDemo, how: str) -> None:
    """The FHIR server answers with an error, or not within the time that is waited."""
    if how == "slow":
        demo.fhir_faults.slow_seconds = 1.5
    else:
        demo.fhir_faults.statuses = dict.fromkeys(TYPES, 500)


def find_again(demo: RunningDemo) -> None:
    demo.fhir_faults.slow_seconds = 0.0
    demo.fhir_faults.statuses = {}


@pytest.mark.parametrize("how", ["slow", "failing"])
def test_a_lost_server_is_told_and_the_page_can_be_tried_again(
    page: Page, demo: RunningDemo, how: str
) -> None:
    session = launch(page, demo, CEDAR)
    lose(demo, how)
    page.goto(f"{session}/course")
    expect(page.get_by_role("heading", level=1)).to_have_text("The FHIR server does not answer")
    expect(page.get_by_role("alert")).to_contain_text("nothing is shown")
    assert "Cedar" not in page.content()
    assert violations(page) == []
    find_again(demo)
    page.get_by_role("link", name="Try again").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Course after CAR-T")
    expect(page.locator(".patient__name")).to_have_text("Clara Demo-Cedar")


@pytest.mark.parametrize("how", ["slow", "failing"])
def test_a_server_lost_before_the_check_loses_no_entry(page: Page, demo: RunningDemo, how: str) -> None:
    fill(page, demo)
    lose(demo, how)
    check(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("The FHIR server does not answer")
    expect(page.locator("main")).to_contain_text("What you entered is still here")
    entered = page.get_by_role("region", name="What you entered")
    expect(entered).to_contain_text("2 (Two)")
    expect(entered).to_contain_text("wife interprets <b>well</b>")
    expect_kept(page)

    find_again(demo)
    save(page, "Try again")
    expect(page.get_by_role("heading", level=1)).to_have_text("Save this assessment?")
    expect_kept(page)
    save(page)
    expect_saved(page)
    assert [score["valueInteger"] for score in ice_of(demo, CEDAR)] == [4]


@pytest.mark.parametrize("how", ["slow", "failing"])
def test_a_server_lost_before_the_save_loses_no_entry_and_is_written_once(
    page: Page, demo: RunningDemo, how: str
) -> None:
    confirm(page, demo)
    lose(demo, how)
    save(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("The FHIR server does not answer")
    expect_kept(page)
    assert ice_of(demo, CEDAR) == []
    save(page, "Try again")  # in vain
    expect_kept(page)

    find_again(demo)
    save(page, "Try again")
    expect_saved(page)
    assert [score["valueInteger"] for score in ice_of(demo, CEDAR)] == [4]


def test_one_type_that_is_refused_is_named_and_the_rest_works(page: Page, demo: RunningDemo) -> None:
    demo.fhir_faults.statuses = {"MedicationAdministration": 403}
    session = launch(page, demo, CEDAR)
    expect(page.get_by_label("Not read", exact=True)).to_contain_text("not the same as normal")
    expect(page.locator("main")).to_contain_text("Not known")
    assert violations(page) == []
    page.goto(f"{session}/ice")
    take_ice(page)
    check(page)
    expect(page.locator("main")).to_contain_text("Not all of the record could be read")
    save(page)
    expect_saved(page)
    assert len(ice_of(demo, CEDAR)) == 1


def test_without_the_scope_to_create_it_is_a_calculator_that_says_so(page: Page, demo: RunningDemo) -> None:
    demo.smart_faults.withheld_scopes = "patient/Observation.c"
    fill(page, demo)
    expect(page.locator("main")).to_contain_text("Calculator only.")
    page.get_by_role("button", name="Check …").click()
    expect(page.locator("main")).to_contain_text("ICE 4 of 10")
    expect(page.get_by_role("button", name="Save", exact=True)).to_have_count(0)
    assert violations(page) == []
    assert ice_of(demo, CEDAR) == []


def before_create(
    demo: RunningDemo, monkeypatch: pytest.MonkeyPatch, once: Callable[[], None], *, after: bool = False
) -> None:
    """Something happens at the FHIR server as the first create arrives, before or after the door's look."""
    admit, done = demo.smart.admit, []

    def guarded(told: str | None, interaction: Interaction, kind: str, patients: Collection[str]) -> None:
        first = interaction is Interaction.CREATE and not done
        if first:
            done.append(kind)
        if first and not after:
            once()
        admit(told, interaction, kind, patients)
        if first and after:
            once()

    monkeypatch.setattr(demo.smart, "admit", guarded)


def test_a_token_that_ends_in_the_middle_of_a_save_is_renewed_and_the_save_asked_for_again(
    page: Page, demo: RunningDemo, monkeypatch: pytest.MonkeyPatch
) -> None:
    confirm(page, demo)
    before_create(demo, monkeypatch, demo.smart._grants._access.clear)
    save(page)
    expect(page.get_by_role("alert")).to_contain_text("Not saved yet: the sign-in was renewed")
    expect_kept(page)
    assert ice_of(demo, CEDAR) == []
    save(page, "Save again")
    expect_saved(page)
    assert [score["valueInteger"] for score in ice_of(demo, CEDAR)] == [4]


def test_a_token_that_ended_before_a_save_is_renewed_without_a_word(page: Page, demo: RunningDemo) -> None:
    confirm(page, demo)
    demo.smart._grants._access.clear()
    save(page)
    expect_saved(page)
    assert len(ice_of(demo, CEDAR)) == 1


@pytest.mark.parametrize("when", ["before the save", "in the middle of the save"])
def test_a_sign_in_that_ended_for_good_leaves_the_entries_to_be_noted(
    page: Page, demo: RunningDemo, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    confirm(page, demo)

    def revoke() -> None:
        for number in list(demo.smart._grants._families):
            demo.smart._grants._revoke_family(number)

    if when == "before the save":
        revoke()
    else:
        before_create(demo, monkeypatch, revoke)
    save(page)
    expect(page.get_by_role("alert")).to_contain_text("sign-in")
    expect(page.get_by_role("button", name="Save", exact=True)).to_have_count(0)
    expect(page.get_by_role("button", name="Try again")).to_have_count(0)
    expect(page.locator("main")).to_contain_text("(Two)")
    expect(page.locator("main")).to_contain_text("wife interprets <b>well</b>")
    assert violations(page) == []
    assert ice_of(demo, CEDAR) == []
    # What was noted is entered after another launch, once.
    fill(page, demo)
    check(page)
    save(page)
    expect_saved(page)
    assert len(ice_of(demo, CEDAR)) == 1


def test_an_answer_that_is_lost_is_looked_for_and_found(page: Page, demo: RunningDemo) -> None:
    confirm(page, demo)
    demo.fhir_faults.lose_answer_of_create = 1
    save(page)
    expect_saved(page)
    assert len(ice_of(demo, CEDAR)) == 1


def test_an_answer_that_is_lost_with_the_server_is_perhaps_saved_and_never_twice(
    page: Page, demo: RunningDemo, monkeypatch: pytest.MonkeyPatch
) -> None:
    confirm(page, demo)
    demo.fhir_faults.lose_answer_of_create = 1

    def then_fail() -> None:
        demo.fhir_faults.statuses = dict.fromkeys(TYPES, 500)

    before_create(demo, monkeypatch, then_fail, after=True)
    save(page)
    expect(page.get_by_role("alert")).to_contain_text("Perhaps saved")
    expect_kept(page)
    assert len(ice_of(demo, CEDAR)) == 1  # and nobody could tell
    find_again(demo)
    save(page, "Save again")
    expect_saved(page)
    assert len(ice_of(demo, CEDAR)) == 1


def test_a_double_press_and_a_second_press_after_the_way_back_write_once(
    page: Page, demo: RunningDemo
) -> None:
    confirm(page, demo)
    page.get_by_role("button", name="Save", exact=True).dblclick(no_wait_after=True)
    expect_saved(page)
    assert len(ice_of(demo, CEDAR)) == 1


def test_a_network_that_is_gone_sends_nothing_and_loses_nothing(
    page: Page, context: BrowserContext, demo: RunningDemo
) -> None:
    fill(page, demo)
    context.set_offline(True)
    check(page)
    expect(page.get_by_role("alert")).to_contain_text("No network: nothing was sent")
    assert chosen(page) == answers()
    assert violations(page) == []
    check(page)
    expect(page.get_by_role("alert")).to_have_count(1)
    context.set_offline(False)
    check(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("Save this assessment?")
    context.set_offline(True)
    save(page)
    expect(page.get_by_role("alert")).to_contain_text("No network: nothing was sent")
    assert ice_of(demo, CEDAR) == []
    context.set_offline(False)
    save(page)
    expect_saved(page)
    assert len(ice_of(demo, CEDAR)) == 1


def test_the_words_of_an_attribution_outlast_a_lost_server(page: Page, demo: RunningDemo) -> None:
    session = launch(page, demo, CEDAR)
    page.goto(f"{session}/attribution")
    page.get_by_label("Low oxygen").check()
    page.get_by_label("What is the cause?").fill("pulmonary embolism in CT")
    lose(demo, "failing")
    page.get_by_role("button", name="Show what follows").click()
    expect(page.locator("main")).to_contain_text("What you entered is still here")
    expect(page.get_by_role("region", name="What you entered")).to_contain_text("pulmonary embolism in CT")
    find_again(demo)
    save(page, "Try again")
    expect(page.get_by_role("heading", level=1)).to_have_text("Attribute a finding to another cause?")
    expect(page.locator("main")).to_contain_text("pulmonary embolism in CT")
