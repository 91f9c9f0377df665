"""A FHIR server that refuses: one type that may not be read, a create that may not be done, a sign-in over.

Nothing that could not be read is told as if it were not there, nothing entered is lost, and what the record
holds is counted on the server.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from cart_cds.demo import RunningDemo
from ehr_sandbox.door import AccessRefusedError, Interaction
from ehr_sandbox.record import Resource
from tests.browser.steps import Complaints, answers, chosen, expect_saved, ice_of, launch, take_ice

CEDAR = "demo-cedar"  # CRS 2 by fever and low-flow oxygen
DORN = "demo-dorn"  # norepinephrine with vasopressin: CRS 3, and by pressure alone 2
CAUSE = "pulmonary <embolism> in CT"
NOTE = "wife interprets <b>well</b>"
# All that a chart is graded by; the patient may still be read.
CLINICAL = (
    "Observation",
    "MedicationAdministration",
    "MedicationRequest",
    "Procedure",
    "Condition",
    "DeviceUseStatement",
)


@pytest.fixture(autouse=True)
def _no_complaint(context: BrowserContext) -> Iterator[None]:
    context.set_default_timeout(5000)
    # The browser tells of every answer that is an error; nothing else is to be told.
    heard = Complaints(context, but_for="the server responded with a status of")
    yield
    assert heard.heard == []


class Guard:
    """The door of the FHIR endpoint, which refuses creates with a status while it has one."""

    def __init__(self, demo: RunningDemo, patch: pytest.MonkeyPatch) -> None:
        self.refuses: int | None = None
        self._admit = demo.smart.admit
        patch.setattr(demo.smart, "admit", self)

    def __call__(
        self, told: str | None, interaction: Interaction, kind: str, patients: Collection[str]
    ) -> None:
        self._admit(told, interaction, kind, patients)
        if self.refuses is not None and interaction is Interaction.CREATE:
            raise AccessRefusedError(self.refuses, "not now")


@pytest.fixture
def guard(demo: RunningDemo, monkeypatch: pytest.MonkeyPatch) -> Guard:
    """The door, which refuses nothing of itself yet."""
    return Guard(demo, monkeypatch)


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def heading(page: Page, words: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(words)


def checked_ice(page: Page, demo: RunningDemo) -> None:
    """A filled form, checked; the next press saves."""
    page.goto(f"{launch(page, demo, CEDAR)}/ice")
    take_ice(page)
    page.locator("#note").fill(NOTE)
    press(page, "Check and save …")
    heading(page, "Save this assessment?")


def expect_kept(page: Page) -> None:
    assert chosen(page) == answers()
    assert page.locator("input[name='note']").get_attribute("value") == NOTE


def stated(page: Page, demo: RunningDemo) -> None:
    """An attribution, up to the page that asks for confirmation."""
    page.goto(f"{launch(page, demo, CEDAR)}/attribution")
    page.get_by_label("Low oxygen").check()
    page.get_by_label("What is the cause?").fill(CAUSE)
    press(page, "Show what follows …")
    heading(page, "Attribute a finding to another cause?")


def statements_of(demo: RunningDemo) -> list[Resource]:
    """The attributions that were entered; the patient's course has none."""
    every = demo.shelf.search("Observation", [("patient", CEDAR)])
    return [one for one in every if CAUSE in str(one.get("note"))]


# What may not be read


def test_medications_that_may_not_be_read_are_never_told_as_not_given(page: Page, demo: RunningDemo) -> None:
    demo.fhir_faults.statuses = {"MedicationAdministration": 403}
    session = launch(page, demo, DORN)
    main = page.locator("main")
    expect(page.locator("section.unknown")).to_contain_text("Vasopressors not retrieved")
    expect(page.locator("section.unknown")).to_contain_text("Tocilizumab dose not retrieved")
    expect(page.locator("section.unknown")).to_contain_text("not permitted")
    expect(page.get_by_role("heading", level=2).first).to_contain_text("not decidable")
    expect(main).not_to_contain_text("is charted since the infusion.")
    expect(main).to_contain_text("but not all doses could be read")
    for lane in page.locator("svg").get_by_text("none charted").all():
        expect(lane).to_contain_text("but not all read")

    page.goto(f"{session}/handover")
    told = main.inner_text()
    assert "Not all doses of tocilizumab and steroid could be read" in told
    assert "Vasopressors not retrieved" in told
    assert "charted since the infusion" not in told

    page.goto(f"{session}/attribution")
    low_pressure = page.locator(".choice", has=page.get_by_label("Low blood pressure"))
    expect(low_pressure).to_contain_text("not all that is charted of it could be read")


def test_observations_that_may_not_be_read_are_never_told_as_nothing_stated(
    page: Page, demo: RunningDemo
) -> None:
    session = launch(page, demo, CEDAR)
    demo.fhir_faults.statuses = {"Observation": 403}
    page.goto(f"{session}/attribution")
    main = page.locator("main")
    expect(main).to_contain_text("Not all statements could be read")
    expect(main).to_contain_text("not all that is charted of it could be read")
    expect(main).not_to_contain_text("Every finding counts")
    expect(main).not_to_contain_text("Nothing of this counts now.")
    expect(main).not_to_contain_text("Not stated in the last")
    # The course has an ICE of ten points and a baseline.
    page.goto(f"{session}/ice")
    expect(main).to_contain_text("Last ICE: not known, not all scores could be read.")
    expect(main).to_contain_text("Baseline: not known.")
    expect(main).not_to_contain_text("ICE taken since the infusion")


@pytest.mark.parametrize("name", ["course", "ice", "attribution", "handover"])
def test_every_page_tells_that_nothing_may_be_read_and_works_when_it_may(
    page: Page, demo: RunningDemo, name: str
) -> None:
    session = launch(page, demo, CEDAR)
    demo.fhir_faults.statuses = dict.fromkeys(CLINICAL, 403)
    page.goto(f"{session}/{name}")
    heading(page, "The record may not be read")
    assert "Cedar" not in page.content()
    demo.fhir_faults.statuses = {}
    page.reload()
    expect(page.locator(".patient__name")).to_have_text("Clara Demo-Cedar")


def test_an_ice_entered_while_nothing_may_be_read_is_kept(page: Page, demo: RunningDemo) -> None:
    checked_ice(page, demo)
    demo.fhir_faults.statuses = dict.fromkeys(CLINICAL, 403)
    press(page, "Save")
    heading(page, "The record may not be read")
    expect(page.get_by_role("region", name="What you entered")).to_contain_text("2 (Two)")
    expect(page.get_by_role("region", name="What you entered")).to_contain_text(NOTE)
    assert ice_of(demo, CEDAR) == []


# What may not be written


def test_a_create_that_is_refused_is_told_and_saved_once_when_it_may_be(
    page: Page, demo: RunningDemo, guard: Guard
) -> None:
    checked_ice(page, demo)
    guard.refuses = 403
    press(page, "Save")
    expect(page.get_by_role("alert")).to_contain_text("Not saved: the EHR does not permit it")
    expect_kept(page)
    assert ice_of(demo, CEDAR) == []

    guard.refuses = None
    press(page, "Change the entries")
    assert chosen(page) == answers()
    expect(page.locator("#note")).to_have_value(NOTE)
    press(page, "Check and save …")
    press(page, "Save")
    expect_saved(page)
    assert [score["valueInteger"] for score in ice_of(demo, CEDAR)] == [4]


def test_a_type_that_is_refused_between_check_and_save_is_told_and_saved_once_later(
    page: Page, demo: RunningDemo
) -> None:
    checked_ice(page, demo)
    demo.fhir_faults.statuses = {"Observation": 403}  # neither read nor created
    press(page, "Save")
    expect(page.get_by_role("alert")).to_contain_text("Not saved: the EHR does not permit it")
    expect(page.locator("main")).to_contain_text("Not all of the record could be read")
    expect(page.locator("main")).to_contain_text("Not all earlier scores could be read.")
    expect_kept(page)

    demo.fhir_faults.statuses = {}
    press(page, "Change the entries")
    press(page, "Check and save …")
    press(page, "Save")
    expect_saved(page)
    assert len(ice_of(demo, CEDAR)) == 1


# A sign-in that nobody can renew


def test_a_save_without_a_way_to_renew_the_sign_in_keeps_the_entries_and_says_to_open_again(
    page: Page, demo: RunningDemo, guard: Guard
) -> None:
    demo.smart_faults.no_refresh_token = True
    checked_ice(page, demo)
    guard.refuses = 401
    press(page, "Save")
    expect(page.get_by_role("alert")).to_contain_text("Not saved: the sign-in has ended")
    expect(page.get_by_role("alert")).to_contain_text("open the app again from the patient's chart")
    expect(page.locator("main")).to_contain_text("(Two)")
    expect(page.locator("main")).to_contain_text(NOTE)
    expect_kept(page)
    expect(page.get_by_role("button", name="Save", exact=True)).to_have_count(0)
    assert ice_of(demo, CEDAR) == []


# The words of an attribution


def test_an_attribution_whose_answer_is_lost_is_written_once(page: Page, demo: RunningDemo) -> None:
    stated(page, demo)
    demo.fhir_faults.lose_answer_of_create = 1
    press(page, "Save")
    expect(page.get_by_role("status")).to_contain_text("In the record")
    expect(page.get_by_role("status")).to_contain_text(CAUSE)
    assert len(statements_of(demo)) == 1


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (403, "The EHR does not permit you to save this. Nothing was saved."),
        (401, "The sign-in had run out and was renewed. Nothing was saved yet: save again."),
        (500, "The EHR did not answer. It may have been saved or not."),
    ],
)
def test_an_attribution_that_is_not_taken_keeps_its_cause_and_is_saved_once_later(
    page: Page, demo: RunningDemo, guard: Guard, status: int, told: str
) -> None:
    stated(page, demo)
    guard.refuses = status
    press(page, "Save")
    expect(page.get_by_role("alert")).to_contain_text(told)
    expect(page.locator("main")).to_contain_text(CAUSE)
    assert statements_of(demo) == []
    guard.refuses = None
    press(page, "Save again")
    expect(page.get_by_role("status")).to_contain_text("In the record")
    assert len(statements_of(demo)) == 1


def test_an_attribution_without_a_way_to_renew_the_sign_in_shows_its_cause_to_copy(
    page: Page, demo: RunningDemo, guard: Guard
) -> None:
    demo.smart_faults.no_refresh_token = True
    stated(page, demo)
    guard.refuses = 401
    press(page, "Save")
    expect(page.get_by_role("alert")).to_contain_text("open this app again from the EHR")
    expect(page.locator("main")).to_contain_text(CAUSE)
    assert statements_of(demo) == []


def test_an_attribution_keeps_its_cause_when_observations_are_refused_before_the_save(
    page: Page, demo: RunningDemo
) -> None:
    stated(page, demo)
    demo.fhir_faults.statuses = {"Observation": 403}
    press(page, "Save")  # other grades than were confirmed: they are shown first, and nothing is sent
    expect(page.get_by_role("alert")).to_contain_text("The record has changed since this was shown")
    expect(page.locator("main")).to_contain_text(CAUSE)
    demo.fhir_faults.statuses = {}
    press(page, "Save again")
    expect(page.get_by_role("alert")).to_contain_text("The record has changed since this was shown")
    press(page, "Save again")
    expect(page.get_by_role("status")).to_contain_text("In the record")
    assert len(statements_of(demo)) == 1
