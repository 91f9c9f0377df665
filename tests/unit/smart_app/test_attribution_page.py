"""Attributing, withdrawing, concern: what follows is graded and shown, and saved once and as it was meant."""

from __future__ import annotations

import html
from dataclasses import replace
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx import Response

from grading.chart import Attributable, Attribution, Chart, ChartGap, GapWhat, GapWhy, Source
from smart_app.attribution_page import attribution_router
from smart_app.page_room import Banner, Saving
from smart_app.session import GrantedScopes
from tests.chart_builders import ago, motor, systolic, temperature, well_charted
from tests.unit.smart_app.statement_room import (
    READS,
    StatementRoom,
    client_of,
    hidden_fields,
    session,
    words,
)

HERE = "/s/s1/attribution"
TOKEN = {"form_token": "form-token", "patient": "p1"}
LINE_INFECTION = {"act": "attribute", "what": "fever", "cause": "line infection"} | TOKEN


def febrile(**changes: Any) -> Chart:
    """38.9 °C two hours ago, systolic 118, room air: CRS grade 1 by hand."""
    return well_charted(temperatures=(temperature("38.9", 2),), **changes)


def attributed(cause: str = "line infection", **changes: Any) -> StatementRoom:
    row = Attribution(ago(1), Attributable.FEVER, False, cause, Source("Observation/a1"))
    room = StatementRoom(febrile(attributions=(row,)), **changes)
    room.record["Observation/a1"] = {
        "resourceType": "Observation",
        "id": "a1",
        "note": [{"text": cause}],
        "performer": [{"reference": "Practitioner/9", "display": "Dr Noor"}],
    }
    return room


def browser(room: StatementRoom) -> TestClient:
    return client_of(attribution_router(room))


def confirm(room: StatementRoom, entry: dict[str, str]) -> Response:
    return browser(room).post(f"{HERE}/confirm", data=entry)


def confirm_and_save(room: StatementRoom, entry: dict[str, str]) -> Response:
    confirmed = confirm(room, entry)
    assert confirmed.status_code == 200, words(confirmed.text)
    return press_save(room, confirmed)


def press_save(room: StatementRoom, confirmed: Response) -> Response:
    fields = {
        name: html.unescape(value)
        for name, value in hidden_fields(confirmed.text, "attribution/save").items()
    }
    return browser(room).post(f"{HERE}/save", data=fields)


def test_each_choice_tells_what_of_it_counts_now() -> None:
    told = words(browser(StatementRoom(febrile())).get(HERE).text)
    assert "Fever Now: 38.9 °C at 10 Mar 06:00." in told
    assert "Low blood pressure Nothing of this counts now." in told
    assert "Nothing. Every finding counts." in told


def test_the_confirm_step_names_the_patient_and_the_grade_before_and_after() -> None:
    told = words(confirm(StatementRoom(febrile()), LINE_INFECTION).text)
    assert "Name Ada Example Born 1 Jan 1968 (58 y) MRN MRN-4711" in told
    # 38.9 °C without hypotension or hypoxia is CRS 1; the only fever attributed, nothing establishes CRS.
    assert "Now CRS grade 1 ICANS grade 0 With this statement CRS grade 0 ICANS grade 0" in told
    assert (
        "CRS will not count fever charted in the 24 hours before this statement, nor any charted after it, "
        "until it is withdrawn." in told
    )
    assert "line infection" in told


def test_a_neurological_cause_is_said_to_leave_icans_without_any_grade() -> None:
    """N8: not assessable as a whole; a weakness of three days ago goes with it, whatever the window."""
    room = StatementRoom(well_charted(motor=(motor("hemiparesis", 60),)))
    told = words(confirm(room, LINE_INFECTION | {"what": "neurological", "cause": "old stroke"}).text)
    assert "Now CRS grade 0 ICANS grade 4 With this statement CRS grade 0 ICANS not assessable" in told
    assert "ICANS as a whole is not assessable while this statement holds" in told
    assert "in the 24 hours before" not in told


def test_suggestions_that_come_and_go_have_their_strength_and_say_what_is_not_verified() -> None:
    told = words(confirm(StatementRoom(febrile()), LINE_INFECTION).text)
    gone, _, new = told.partition("No longer suggested")[2].partition("Newly suggested")
    assert "Look for infection (recommended)" in gone
    assert "Consider early tocilizumab: 576 mg (may be considered)" in gone
    assert "Look for infection (may be considered, not verified)" in new


def test_nothing_is_sent_before_it_is_confirmed() -> None:
    room = StatementRoom(febrile())
    confirm(room, LINE_INFECTION)
    assert room.sent == []


def test_a_confirmed_attribution_is_saved_with_patient_encounter_and_clinician_of_the_session() -> None:
    room = StatementRoom(febrile())
    answer = confirm_and_save(room, LINE_INFECTION)
    (sent,) = room.sent
    assert sent["subject"] == {"reference": "Patient/p1"}
    assert sent["encounter"] == {"reference": "Encounter/e1"}
    assert sent["performer"] == [{"reference": "Practitioner/7"}]
    assert sent["effectiveDateTime"] == "2026-03-10T08:00:00.000+00:00"
    assert sent["note"] == [{"text": "line infection"}]
    assert answer.status_code == 303
    assert (
        answer.headers["location"]
        == f"{HERE}?saved={sent['identifier'][0]['value'].removeprefix('urn:uuid:')}"
    )


def test_after_saving_the_record_is_shown_as_read_anew() -> None:
    room = StatementRoom(febrile())
    answer = confirm_and_save(room, LINE_INFECTION)
    told = words(browser(room).get(answer.headers["location"]).text)
    assert (
        "In the record: Fever attributed to another cause: line infection , at 10 Mar 08:00, "
        "by Practitioner/7." in told
    )
    assert "Without this statement: CRS grade 1 ICANS grade 0" in told
    assert "Attributed already; withdraw that first." in told


def test_a_statement_that_the_record_does_not_show_is_not_called_saved() -> None:
    answer = browser(StatementRoom(febrile())).get(f"{HERE}?saved=0b1e42cf-8d3b-4f0f-a58c-2d6a7a3a9d55")
    assert "does not show the statement" in words(answer.text)
    assert "In the record" not in answer.text


def test_the_save_button_pressed_twice_writes_once() -> None:
    room = StatementRoom(febrile())
    confirmed = confirm(room, LINE_INFECTION)
    first, second = press_save(room, confirmed), press_save(room, confirmed)
    assert len(room.sent) == 1
    assert second.headers["location"] == first.headers["location"]


def test_what_holds_is_listed_with_its_cause_since_when_and_by_whom() -> None:
    told = words(browser(attributed()).get(HERE).text)
    assert "Fever Cause: line infection Since 10 Mar 07:00, stated by Dr Noor." in told
    assert "Without this statement: CRS grade 1 ICANS grade 0" in told


def test_a_long_cause_is_shown_whole() -> None:
    cause = "bacteraemia " + "x" * 400
    assert cause in browser(attributed(cause)).get(HERE).text


def test_withdrawing_lets_the_finding_count_again() -> None:
    room = attributed()
    entry = {"act": "withdraw", "reference": "Observation/a1"} | TOKEN
    told = words(confirm(room, entry).text)
    assert "Now CRS grade 0 ICANS grade 0 With this statement CRS grade 1 ICANS grade 0" in told
    answer = confirm_and_save(room, entry)
    assert answer.status_code == 303
    (sent,) = room.sent
    assert sent["status"] == "cancelled"
    assert sent["valueCodeableConcept"]["coding"][0]["code"] == "fever"
    told = words(browser(room).get(answer.headers["location"]).text)
    assert "In the record: Fever: the attribution is withdrawn" in told
    assert "Nothing. Every finding counts." in told


def test_a_statement_that_no_longer_holds_cannot_be_withdrawn() -> None:
    room = attributed()
    confirmed = confirm(room, {"act": "withdraw", "reference": "Observation/a1"} | TOKEN)
    room.chart = replace(room.chart, attributions=())
    answer = press_save(room, confirmed)
    assert answer.status_code == 409
    assert "That statement no longer holds" in answer.text
    assert room.sent == []


def test_of_two_statements_each_is_told_what_would_be_without_it_alone() -> None:
    # Systolic 84 is hypotension without a vasopressor: grade 2 with fever. Without fever nobody has said
    # that it is no CRS: anything from 0 to 2.
    pressure = Attribution(ago(1), Attributable.HYPOTENSION, False, "bleeding", Source("Observation/a2"))
    room = attributed()
    room.chart = replace(
        room.chart,
        systolic_pressures=(systolic(84),),
        attributions=(*room.chart.attributions, pressure),
    )
    told = words(browser(room).get(HERE).text)
    fever, low_pressure = told.split("Low blood pressure Cause", 1)
    assert "Without this statement: CRS grade 1 ICANS grade 0" in fever
    assert "Without this statement: CRS 0–2, not decidable ICANS grade 0" in low_pressure


@pytest.mark.parametrize(("concern", "value"), [("present", "present"), ("none", "none")])
def test_concern_is_saved_as_stated(concern: str, value: str) -> None:
    room = StatementRoom(febrile())
    answer = confirm_and_save(room, {"act": "concern", "concern": concern} | TOKEN)
    assert room.sent[0]["valueCodeableConcept"]["coding"][0]["code"] == value
    told = words(browser(room).get(answer.headers["location"]).text)
    assert ("The team is concerned, stated 10 Mar 08:00." in told) is (concern == "present")


def test_concern_changes_no_grade_and_its_confirm_step_shows_what_it_does() -> None:
    told = words(confirm(StatementRoom(febrile()), {"act": "concern", "concern": "present"} | TOKEN).text)
    assert "No grade changes now." in told
    assert "The treating team is concerned about this patient." in told


def test_a_record_that_changed_since_it_was_confirmed_is_shown_again_and_not_saved() -> None:
    room = StatementRoom(febrile())
    confirmed = confirm(room, LINE_INFECTION)
    room.chart = replace(room.chart, systolic_pressures=(systolic(84),))
    answer = press_save(room, confirmed)
    assert answer.status_code == 409
    assert room.sent == []
    told = words(answer.text)
    assert "The record has changed since this was shown." in told
    # Hypotension beside a fever that has another cause is 0 to 2, and no longer 0.
    assert "Now CRS grade 2 ICANS grade 0 With this statement CRS 0–2, not decidable ICANS grade 0" in told
    assert press_save(room, answer).status_code == 303


@pytest.mark.parametrize(
    ("saving", "status", "says"),
    [
        (Saving.REFUSED, 403, "does not permit you"),
        (Saving.REJECTED, 422, "did not take this statement"),
        (Saving.RENEWED, 409, "save again"),
        (Saving.CONFLICT, 409, "changed by somebody else"),
        (Saving.UNCERTAIN, 502, "may have been saved or not"),
    ],
)
def test_whatever_becomes_of_the_saving_the_entries_stay_under_the_same_number(
    saving: Saving, status: int, says: str
) -> None:
    room = StatementRoom(febrile(), saving=saving)
    answer = confirm_and_save(room, LINE_INFECTION)
    assert answer.status_code == status
    assert says in words(answer.text)
    assert "line infection" in answer.text
    room.saving = Saving.SAVED
    assert press_save(room, answer).status_code == 303
    first, second = room.sent
    assert first["identifier"] == second["identifier"]
    assert first["note"] == second["note"]


def test_an_ended_sign_in_keeps_the_text_and_offers_no_button() -> None:
    answer = confirm_and_save(StatementRoom(febrile(), saving=Saving.ENDED), LINE_INFECTION)
    assert answer.status_code == 401
    assert "line infection" in answer.text
    assert "attribution/save" not in answer.text


def test_what_was_saved_and_cannot_be_read_again_is_looked_for_in_the_record() -> None:
    room = StatementRoom(febrile(), can_be_reread=False)
    assert confirm_and_save(room, LINE_INFECTION).status_code == 303


@pytest.mark.parametrize(
    "entry",
    [
        {"act": "attribute", "what": "fever", "cause": "  "},
        {"act": "attribute", "what": "fever", "cause": "x" * 501},
        {"act": "attribute", "what": "fever", "cause": "line\u202einfection"},
        {"act": "attribute", "what": "tremor", "cause": "line infection"},
        {"act": "attribute", "cause": "line infection"},
        {"act": "withdraw", "reference": "Observation/somebody-elses"},
        {"act": "concern"},
        {"act": "delete"},
    ],
    ids=str,
)
def test_an_entry_that_cannot_be_taken_is_told_and_kept(entry: dict[str, str]) -> None:
    room = StatementRoom(febrile())
    answer = confirm(room, entry | TOKEN)
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert html.escape(entry.get("cause", "").strip()) in answer.text


def test_what_is_attributed_already_is_not_attributed_twice() -> None:
    answer = confirm(attributed(), LINE_INFECTION)
    assert answer.status_code == 422
    assert "Fever is attributed already." in answer.text


def test_text_of_the_record_and_of_the_form_is_escaped() -> None:
    script = "<script>alert(1)</script>"
    room = attributed(script, banner=Banner(script, None, script, None))
    assert script not in browser(room).get(HERE).text
    entered = {"act": "attribute", "what": "hypoxia", "cause": script} | TOKEN
    page = confirm(room, entered).text
    assert script not in page
    assert html.escape(script) in page


def test_nobody_who_is_no_clinician_is_offered_a_form_or_may_save() -> None:
    room = StatementRoom(febrile(), session=session(fhir_user="Patient/p1"))
    page = browser(room).get(HERE).text
    assert "<form" not in page
    assert "did not say that you are a clinician" in words(page)
    assert confirm(room, LINE_INFECTION).status_code == 403
    assert browser(room).post(f"{HERE}/save", data=LINE_INFECTION).status_code == 403
    assert room.sent == []


def test_without_permission_to_write_the_page_is_to_read_and_says_why() -> None:
    room = attributed(session=session(scopes=GrantedScopes(READS)))
    page = browser(room).get(HERE).text
    assert "<form" not in page
    assert "to read the record but not to write into it" in words(page)
    assert "line infection" in page


def test_a_patient_who_is_not_graded_has_nothing_to_attribute() -> None:
    room = StatementRoom(febrile(infusions=()))
    page = browser(room).get(HERE)
    assert page.status_code == 200
    assert "This patient is not graded now" in words(page.text)
    assert confirm(room, LINE_INFECTION).status_code == 409


def test_no_address_tells_anything_of_the_statement() -> None:
    room = StatementRoom(febrile())
    location = confirm_and_save(room, LINE_INFECTION).headers["location"]
    for told in ("fever", "infection", "p1", "Ada"):
        assert told not in location


def test_attributing_what_does_not_count_warns_that_it_hides_what_comes() -> None:
    entry = {"act": "attribute", "what": "hypoxia", "cause": "COPD"} | TOKEN
    told = words(confirm(StatementRoom(febrile()), entry).text)
    assert "Nothing of this counts now. The statement would hide what is charted later." in told
    assert "No grade changes now." in told


def test_what_could_not_be_read_is_not_told_as_nothing() -> None:
    hidden = (GapWhat.VASOPRESSORS, GapWhat.TEMPERATURE, GapWhat.CONDITIONS)
    gaps = tuple(ChartGap(what, GapWhy.NOT_RETRIEVED) for what in hidden)
    told = words(browser(StatementRoom(febrile(gaps=gaps))).get(HERE).text)
    # 38.9 °C stands all the same; nothing is known of the vasopressors; oxygen was read.
    assert "Now: 38.9 °C at 10 Mar 06:00. Not all that is charted of it could be read." in told
    assert "Low blood pressure Not known whether it counts now" in told
    assert "Low oxygen Nothing of this counts now." in told
    assert "Every finding counts" not in told
    assert "Not all statements could be read: there may be some" in told
    assert "Not known: not all statements could be read. It is a criterion for intensive care" in told
    entry = {"act": "attribute", "what": "hypotension", "cause": "sepsis"} | TOKEN
    confirmed = words(confirm(StatementRoom(febrile(gaps=gaps)), entry).text)
    assert "Nothing of this counts now" not in confirmed
    assert "not all that is charted of it could be read" in confirmed
