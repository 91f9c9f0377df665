"""The whole product in a real browser: chart, cards, the SMART app in a frame, an ICE saved, another card.

Every step is a click on what a user sees. The sandbox is another site than the service, and its endpoint is
read with a token only.
"""

from __future__ import annotations

from datetime import timedelta

from playwright.sync_api import Page, expect

from cart_cds.demo import RunningDemo, run_demo

# Right, right, wrong, wrong, two of three, wrong, wrong, wrong: 1 + 1 + 2 = 4 points, and ICE 3-6 is grade 2.
TAPS = {
    "year": "1",
    "month": "1",
    "city": "0",
    "hospital": "0",
    "naming": "2",
    "command": "0",
    "writing": "0",
    "attention": "0",
}


def scores(demo: RunningDemo) -> int:
    """How many ICE totals the record holds."""
    return len(demo.shelf.search("Observation", [("patient", "demo-amsel"), ("code", "ice-total")]))


def test_an_ice_saved_in_the_app_changes_the_card_beside_it(page: Page) -> None:
    page.set_viewport_size({"width": 1280, "height": 900})
    with run_demo(sandbox_host="localhost", open_reads=False) as demo:
        # Sixty hours on nothing is wrong: CRS is over, and ICANS has not begun.
        demo.clock.advance(timedelta(hours=60))
        page.goto(f"{demo.sandbox_url}/")
        page.get_by_role("link", name="Open Demo-Amsel").click()
        cards = page.locator("article.card h3")
        expect(cards).to_have_count(1)
        expect(cards).to_contain_text("CRS grade 0 and ICANS grade 0")

        page.get_by_role("button", name="Open the course").click()
        app = page.frame_locator("iframe")
        expect(app.get_by_role("heading", level=1)).to_be_visible()
        expect(app.locator("body")).to_contain_text("Ada Demo-Amsel")
        app.get_by_role("link", name="ICE", exact=True).click()
        before = scores(demo)
        for item, points in TAPS.items():
            app.locator(f"input[name='ice-{item}'][value='{points}']").check(force=True)
        for finding, value in (("consciousness", "alert"), ("seizure", "none"), ("motor", "none")):
            app.locator(f"input[name='{finding}'][value='{value}']").check(force=True)
        app.get_by_role("button", name="Check and save").click()
        expect(app.locator("main")).to_contain_text("ICE 4 of 10")
        assert scores(demo) == before
        app.get_by_role("button", name="Save", exact=True).click()
        expect(app.get_by_role("heading", name="In the record", exact=True)).to_be_visible()

        assert scores(demo) == before + 1

        page.get_by_role("button", name="Reload cards").click()
        expect(cards.first).to_contain_text("ICANS grade 2: ICE 4")
        expect(page.locator(".written li")).to_have_count(1)
        expect(page.locator(".written")).to_contain_text("4 (final")
        # The app was not opened anew by it.
        expect(app.get_by_role("heading", name="In the record", exact=True)).to_be_visible()
