"""The walk through the whole product: patient list, chart, cards, the app in its frame, an ICE, another card.

Every step is a click on what a user sees. The sandbox is another site than the service, and its FHIR endpoint
is read with a token only. Grades, points and doses are worked out by hand.
"""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from cart_cds.demo import RunningDemo
from tests.browser.steps import FOUR_POINTS, Complaints, expect_saved, ice_of, take_ice

QUIET = "demo-adler"


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).first.click()


def feedback(demo: RunningDemo, outcome: str) -> float:
    """How many items of feedback the service has kept."""
    told = demo.http.get(f"{demo.service_url}/metrics").text
    found = re.search(rf'^cart_cds_feedback_total{{outcome="{outcome}"}} (\S+)$', told, re.MULTILINE)
    return float(found[1]) if found else 0.0


def test_an_ice_saved_in_the_app_changes_the_card_beside_it(page: Page, demo: RunningDemo) -> None:
    complaints = Complaints(page.context)
    page.set_viewport_size({"width": 1280, "height": 900})

    # The list, the chart, the cards: two days after the infusion, and nothing to grade.
    page.goto(f"{demo.sandbox_url}/")
    page.get_by_role("link", name="Demo-Adler").click()
    cards = page.locator("article.card h3")
    expect(cards).to_have_count(1)
    expect(cards).to_contain_text("CRS grade 0 and ICANS grade 0")

    # The app, from the card's link, in a frame of another site.
    press(page, "Open the course")
    app = page.frame_locator("iframe")
    expect(app.get_by_role("heading", level=1)).to_have_text("Course after CAR-T")
    expect(app.get_by_label("Patient", exact=True)).to_contain_text("Demo-Adler")
    app.get_by_role("link", name="ICE", exact=True).click()

    # Eight taps, and what else ICANS asks for.
    assert len(FOUR_POINTS) == 8
    take_ice(app, findings={})
    expect(app.locator(".ice-live")).to_have_text("ICE 4 of 10; by ICE alone ICANS 2")
    take_ice(app, points={})
    app.get_by_role("button", name="Check and save").click()
    expect(app.get_by_role("heading", level=1)).to_have_text("Save this assessment?")
    expect(app.locator("main")).to_contain_text("ICE 4 of 10")
    expect(app.locator("main")).to_contain_text("ICANS grade 2")
    assert ice_of(demo, QUIET) == []
    app.get_by_role("button", name="Save", exact=True).click()

    # What the page shows is the Observation as the server holds it.
    expect_saved(app)
    [held] = ice_of(demo, QUIET)
    assert held["subject"]["reference"] == f"Patient/{QUIET}"
    assert held["valueInteger"] == 4
    assert held["performer"][0]["reference"].endswith("Practitioner/demo-clinician")
    expect(app.get_by_role("status")).to_contain_text("ICE 4 of 10")
    expect(app.get_by_role("status")).to_contain_text("Read again from the EHR just now")
    expect(app.locator("main .grade").first).to_contain_text("ICANS grade 2")

    # The next patient-view shows the new grade, and the app beside it was not opened anew.
    press(page, "Reload cards")
    expect(cards.first).to_contain_text("ICANS grade 2: ICE 4")
    expect(page.locator(".written li")).to_have_count(1)
    expect(page.locator(".written")).to_contain_text("4 (final")
    expect_saved(app)
    assert complaints.heard == []


def test_the_played_course_has_the_grades_that_its_words_promise(page: Page, demo: RunningDemo) -> None:
    complaints = Complaints(page.context)
    page.goto(f"{demo.sandbox_url}/")
    page.get_by_role("link", name="Open Demo-Amsel").click()
    guide = page.locator("section.guide")
    cards = page.locator("section.cards")
    gravest = page.locator("article.card h3").first
    expect(gravest).to_contain_text("CRS grade 0 and ICANS grade 0")

    press(page, "12 h")  # 38.9 °C and nothing else
    expect(guide).to_contain_text("CRS grade 1")
    expect(gravest).to_contain_text("CRS grade 1")
    press(page, "12 h")  # 86/48 without a vasopressor, 2 L/min by cannula
    expect(guide).to_contain_text("CRS grade 2")
    expect(gravest).to_contain_text("CRS grade 2")
    # A suggestion is taken: 8 mg/kg of 75 kg are 600 mg, as a draft that nobody signed.
    before = feedback(demo, "accepted")
    press(page, "Consider: draft order for tocilizumab 600 mg intravenous")
    expect(page.get_by_role("status")).to_contain_text("The service was told")
    expect(page.locator(".written")).to_contain_text("tocilizumab")
    [draft] = demo.shelf.search("MedicationRequest", [("patient", demo.played.id)])
    assert draft["status"] == "draft"
    quantity = draft["dosageInstruction"][0]["doseAndRate"][0]["doseQuantity"]
    assert (quantity["value"], quantity["code"]) == (600, "mg")
    assert feedback(demo, "accepted") == before + 1

    press(page, "12 h")  # norepinephrine
    expect(guide).to_contain_text("CRS grade 3")
    expect(gravest).to_contain_text("CRS grade 3")

    press(page, "12 h")  # no fever since tocilizumab sixteen hours ago, and norepinephrine still runs
    expect(guide).to_contain_text("CRS stays grade 3")
    expect(gravest).to_contain_text("CRS grade 3")

    # Another is not followed, with the reason.
    before = feedback(demo, "overridden")
    card = page.locator("article.card").first
    card.locator("summary", has_text="Not followed?").click()
    reason = card.get_by_label("Reason")
    reason.select_option(index=1)
    chosen = reason.locator("option:checked").inner_text()
    card.get_by_label("In words").fill("discussed with the ICU")
    card.get_by_role("button", name="Override this card").click()
    expect(page.get_by_role("status")).to_contain_text("The service was told")
    expect(page.locator("article.card").first).to_contain_text(f"{chosen}: discussed with the ICU")
    assert feedback(demo, "overridden") == before + 1

    press(page, "12 h")  # no fever, no vasopressor, room air
    expect(guide).to_contain_text("CRS 0")
    expect(cards).to_contain_text("CRS grade 0")
    press(page, "12 h")  # ICE 8
    expect(guide).to_contain_text("ICE 8: ICANS grade 1")
    expect(gravest).to_contain_text("ICANS grade 1: ICE 8")
    press(page, "24 h")  # ICE 2, awake only to voice
    expect(guide).to_contain_text("ICANS grade 3")
    expect(gravest).to_contain_text("ICANS grade 3")
    press(page, "24 h")  # ICE 6
    expect(guide).to_contain_text("ICE 6: ICANS grade 2")
    expect(gravest).to_contain_text("ICANS grade 2: ICE 6")

    # The form for one's own, from the card's link.
    press(page, "Open the ICE form")
    app = page.frame_locator("iframe")
    expect(app.get_by_role("heading", level=1)).to_have_text("ICE assessment")
    expect(app.locator(".ice-earlier")).to_contain_text("Last ICE: 6 of 10")
    press(page, "24 h")  # ICE 9
    expect(guide).to_contain_text("ICE 9: ICANS grade 1")
    expect(gravest).to_contain_text("ICANS grade 1: ICE 9")

    press(page, "Start again")
    expect(gravest).to_contain_text("CRS grade 0 and ICANS grade 0")
    expect(page.locator(".written")).to_have_count(0)
    assert complaints.heard == []
