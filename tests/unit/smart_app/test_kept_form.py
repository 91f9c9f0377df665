"""A form whose record cannot be read: what was entered comes back, to its own session and nobody else."""

import re
from typing import Any

import pytest
from fastapi.testclient import TestClient

from smart_app.form_door import masked_token
from smart_app.kept_form import KeptForm
from smart_app.session import SmartSession
from tests.bedside_site import FROM_OUR_PAGE, BedsideSite, path_of

FORM = "0b1e42cf-8d3b-4f0f-a58c-2d6a7a3a9d55"
ENTERED = {
    "instrument": "ice-assessment",
    "form": FORM,
    "ice-year": "1",
    "ice-naming": "2",
    "ice-city": "not-tested",
    "ice-city.reason": "declined",
    "ice-month.modified": "written down",
    "consciousness": "alert",
    "assessed-at": "2026-03-04T09:00",
    "offset": "+01:00",
    "note": "<script>wife</script>",
    "do": "check",
}


@pytest.fixture
def site() -> BedsideSite:
    return BedsideSite()


@pytest.fixture
def browser(site: BedsideSite) -> TestClient:
    return site.browser()


@pytest.fixture
def session(site: BedsideSite, browser: TestClient) -> SmartSession:
    return site.open(browser)


def send(browser: TestClient, session: SmartSession, page: str, values: dict[str, str], **more: str) -> Any:
    fields = {"form_token": masked_token(session), "sid": session.sid, "patient": session.patient_id}
    return browser.post(path_of(session, page), data=fields | values | more, headers=FROM_OUR_PAGE)


def hidden(name: str, value: str) -> str:
    return f'<input type="hidden" name="{name}" value="{value}">'


def test_entries_come_back_to_be_sent_again(
    site: BedsideSite, browser: TestClient, session: SmartSession
) -> None:
    site.ehr.down = True
    answer = send(browser, session, "ice", ENTERED)
    assert answer.status_code == 503
    assert "The FHIR server does not answer" in answer.text
    assert "What you entered is still here" in answer.text
    for name, value in ENTERED.items():
        if name != "note":
            assert hidden(name, value) in answer.text
    assert hidden("note", "&lt;script&gt;wife&lt;/script&gt;") in answer.text
    assert "<script>wife" not in answer.text
    # The form's own door again, once and not as it came.
    assert answer.text.count('name="form_token"') == 2  # signing out is a form too
    assert answer.headers["cache-control"] == "no-store"
    # Whose record it is was not read, and is not guessed.
    assert "Alder" not in answer.text
    assert "Name not read" in answer.text
    # Without the record the ward's offset is not known: times are told in UTC, and as such.
    assert re.search(r"opened at <time [^>]*>\d\d:\d\d</time> \(UTC\)", answer.text)


def test_entries_are_told_in_words_where_the_sign_in_has_ended(
    site: BedsideSite, browser: TestClient, session: SmartSession
) -> None:
    site.ehr.good_tokens, site.ehr.renewed = set(), ""
    answer = send(browser, session, "ice", ENTERED)
    assert answer.status_code == 401
    assert "Note it before you leave this page" in answer.text
    assert "Try again" not in answer.text
    assert "2 (Two)" in answer.text


def test_entries_are_told_in_words_where_the_record_may_not_be_read_any_more(
    site: BedsideSite, browser: TestClient, session: SmartSession
) -> None:
    kinds = ("Observation", "Procedure", "MedicationAdministration", "Condition", "MedicationRequest")
    site.ehr.statuses.update(dict.fromkeys((*kinds, "DiagnosticReport"), 403))
    answer = send(browser, session, "ice", ENTERED)
    assert answer.status_code == 403
    assert "The record may not be read" in answer.text
    assert "Note it before you leave this page" in answer.text
    assert "2 (Two)" in answer.text


def test_the_words_are_those_of_the_form() -> None:
    kept = KeptForm(None, "ice", ENTERED)  # type: ignore[arg-type]
    words = dict(kept.words())
    assert "written down" in words["Month"]
    assert words["City"].startswith("not tested; ")
    assert words["Year"] == "1 (Right)"
    assert words["Time of the assessment"] == "2026-03-04 09:00 (+01:00)"
    attributed = KeptForm(None, "attribution", {"what": "hypoxia", "cause": "embolism", "form": FORM})  # type: ignore[arg-type]
    assert attributed.words() == [("Finding", "hypoxia"), ("Cause", "embolism")]


@pytest.mark.parametrize("wrong", [{"form_token": "x"}, {"patient": "patient-2"}, {"sid": "other"}])
def test_a_form_that_is_not_the_sessions_is_not_shown_again(
    site: BedsideSite, browser: TestClient, session: SmartSession, wrong: dict[str, str]
) -> None:
    site.ehr.down = True
    answer = send(browser, session, "ice", ENTERED, **wrong)
    assert answer.status_code in (403, 409)
    assert "wife" not in answer.text


def test_a_session_that_ended_is_shown_nothing(site: BedsideSite, session: SmartSession) -> None:
    answer = send(site.browser(), session, "ice", ENTERED)
    assert answer.status_code == 401
    assert "wife" not in answer.text


def test_data_of_another_patient_ends_the_form_too(
    site: BedsideSite, browser: TestClient, session: SmartSession
) -> None:
    site.ehr.records["patient-1"] = list(site.ehr.records["patient-2"])
    answer = send(browser, session, "ice", ENTERED)
    assert answer.status_code == 502
    assert "wife" not in answer.text
