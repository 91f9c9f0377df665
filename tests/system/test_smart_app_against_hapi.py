"""The SMART app before a real FHIR server that stands behind the sandbox's authorization server.

Nothing is doubled: a browser launches the app, the app signs in, reads and writes through the guarded
address, and HAPI keeps what was saved. HAPI names itself by an address of its own in `Location`, `fullUrl`
and links. Each test has a patient of its own: a copy of a sample patient whose grades were worked out by
hand.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from ehr_sandbox.hook_client import USER
from ehr_sandbox.record import CHART_CLOCK
from ehr_sandbox.ward import encounter_id
from fhir_maps.retrieve import FhirAccess
from fhir_maps.statement_observations import Statement, concern_observation
from fhir_maps.write_back import FhirWriter, WriteAnswer, WriteOutcome
from tests.system.fhir_validator import FhirValidator
from tests.system.guarded_hospital import SAMPLES, Hospital, run_hospital
from tests.system.hapi_server import REQUEST_TIMEOUT_SECONDS, HapiServer
from tests.system.page_browser import PageBrowser, ShownPage

# 1 + 1 + 0 + 0 + 3 + 0 + 0 + 0 = 5, and 3 to 6 is ICANS 2.
ICE_5 = {
    "ice-year": "1",
    "ice-month": "1",
    "ice-city": "0",
    "ice-hospital": "0",
    "ice-naming": "3",
    "ice-command": "0",
    "ice-writing": "0",
    "ice-attention": "0",
}
# With city and writing it is 7, and 7 to 9 is ICANS 1.
TWO_MORE = {"ice-city": "1", "ice-writing": "1"}


@pytest.fixture(scope="module")
def whole_hospital(hapi: HapiServer) -> Iterator[Hospital]:
    """All servers of this module."""
    with run_hospital(hapi) as running:
        yield running


@pytest.fixture
def hospital(whole_hospital: Hospital) -> Iterator[Hospital]:
    """The servers without faults, at the chart clock; and nobody went round the door in the end."""
    whole_hospital.clock.reset()
    whole_hospital.guarded.rewrites_links = False
    whole_hospital.guarded.largest_page = None
    whole_hospital.upstream.arrived.clear()
    yield whole_hospital
    assert whole_hospital.upstream.came_round_the_door == []
    assert not any("authorization" in arrival.headers for arrival in whole_hospital.upstream.arrived)


@pytest.fixture
def browser() -> Iterator[PageBrowser]:
    with PageBrowser() as opened:
        yield opened


def page_of(opened: ShownPage, name: str) -> str:
    """The address of another page of the same session."""
    return re.sub(r"(/s/[^/]+/).*", rf"\g<1>{name}", opened.url)


def checked_ice(browser: PageBrowser, opened: ShownPage) -> ShownPage:
    """ICE 5 entered, up to the page that asks whether to save it."""
    form = browser.open(page_of(opened, "ice"))
    confirm = browser.send(form, ICE_5, do="check")
    assert confirm.status == 200 and "Nothing is saved yet" in confirm.words
    return confirm


def correction_of(browser: PageBrowser, saved: ShownPage) -> ShownPage:
    """The confirmation of 7 instead of 5."""
    [correct] = [link for link in saved.links if "/ice/correct/" in link]
    form = browser.open(correct)
    assert form.form(do="check").fields["ice-city"] == "0"
    return browser.send(form, TWO_MORE, do="check")


def other_concern(patient_id: str) -> dict[str, Any]:
    """A statement that is not the app's: the team is not concerned."""
    statement = Statement(patient_id, encounter_id(patient_id), USER, CHART_CLOCK, uuid4())
    return concern_observation(False, statement)


@pytest.mark.parametrize("sample", ["demo-adler", "demo-cedar", "demo-dorn", "demo-esche", "demo-ginster"])
def test_the_course_page_shows_the_grades_worked_out_by_hand(
    hospital: Hospital, browser: PageBrowser, sample: str
) -> None:
    patient_id = hospital.admit(sample, f"course-{sample}", whole_course=True)
    expected = SAMPLES[sample].expected
    assert expected.crs is not None and expected.icans is not None
    page = hospital.launch(browser, patient_id)
    assert page.url.endswith("/course")
    assert f"CRS grade {expected.crs.grade}" in page.words
    assert f"ICANS grade {expected.icans.grade}" in page.words
    assert f"Day {expected.day} after CAR-T" in page.words
    assert "Could not be read" not in page.words


def test_what_could_not_be_decided_is_not_a_grade(hospital: Hospital, browser: PageBrowser) -> None:
    # CRS 0 to 1, as no temperature of the last day is charted; ICANS 0 to 3, as ICE is stale.
    page = hospital.launch(browser, hospital.admit("demo-jasmin", "jasmin", whole_course=True))
    assert "CRS 0–1, not decidable" in page.words
    assert "ICANS 0–3, not decidable" in page.words


def test_an_ice_that_was_saved_validates_and_is_found_by_every_way_of_reading(
    hospital: Hospital, browser: PageBrowser, validator: FhirValidator
) -> None:
    patient_id = hospital.admit("demo-cedar", "ice")
    opened = hospital.launch(browser, patient_id)
    assert "ICANS grade 0" in opened.words
    assert hospital.assessment(patient_id)["icans"]["grade"] == 0
    confirm = checked_ice(browser, opened)
    assert "ICE 5 of 10 ICANS grade 2 Without it: ICANS grade 0." in confirm.words
    assert hospital.own(patient_id) == []

    saved = browser.send(confirm, do="save")

    assert saved.status == 200
    assert "In the record ICE 5 of 10, assessed" in saved.words
    [observation] = hospital.own(patient_id)
    assert len(hospital.with_identifier(observation)) == 1
    assert observation["valueInteger"] == 5
    assert observation["status"] == "final"
    assert observation["subject"] == {"reference": f"Patient/{patient_id}"}
    assert observation["encounter"] == {"reference": f"Encounter/{encounter_id(patient_id)}"}
    assert observation["performer"] == [{"reference": USER}]
    assert observation["effectiveDateTime"] == "2026-03-04T10:30:00+01:00"
    # Held against R4 with our published CodeSystem and ValueSets known, as HAPI gives it back.
    assert validator([("the saved ICE", observation)]) == {"the saved ICE": []}

    read = hospital.chart(patient_id, "ice-total").ice_scores[-1]
    assert (read.minimum, read.maximum, read.at) == (5, 5, CHART_CLOCK)
    assert read.source.reference == f"Observation/{observation['id']}"
    course = browser.open(page_of(opened, "course"))
    assert "CRS grade 2" in course.words and "ICANS grade 2" in course.words
    assert "Last ICE: 5 of 10" in browser.open(page_of(opened, "ice")).words
    for found in (hospital.assessment(patient_id), hospital.assessment_by_retrieval(patient_id)):
        assert (found["crs"]["grade"], found["icans"]["grade"], found["inputs"]["ice"]) == (2, 2, 5)
    assert any("ICANS grade 2" in card["summary"] for card in hospital.cards.view(patient_id)["cards"])


def test_a_form_that_is_sent_again_is_one_observation(hospital: Hospital, browser: PageBrowser) -> None:
    patient_id = hospital.admit("demo-cedar", "again")
    confirm = checked_ice(browser, hospital.launch(browser, patient_id))
    first = browser.send(confirm, do="save")
    again = browser.send(confirm, do="save")
    assert first.status == again.status == 200
    assert first.url == again.url
    [observation] = hospital.own(patient_id)
    assert len(hospital.with_identifier(observation)) == 1
    assert observation["meta"]["versionId"] == "1"


def test_a_form_that_is_sent_several_times_at_once_is_one_observation(
    hospital: Hospital, browser: PageBrowser
) -> None:
    patient_id = hospital.admit("demo-cedar", "at-once")
    confirm = checked_ice(browser, hospital.launch(browser, patient_id))
    with ThreadPoolExecutor(4) as presses:
        pages = list(presses.map(lambda _: browser.send(confirm, do="save"), range(4)))
    assert any(page.status == 200 for page in pages)
    # Where the server answered one of them with an error, that one was told so.
    assert all("In the record" in page.words or "Perhaps saved" in page.words for page in pages)
    [observation] = hospital.own(patient_id)
    assert len(hospital.with_identifier(observation)) == 1


def test_a_correction_within_the_hour_is_the_second_version_of_the_same_observation(
    hospital: Hospital, browser: PageBrowser, validator: FhirValidator
) -> None:
    patient_id = hospital.admit("demo-cedar", "correction")
    saved = browser.send(checked_ice(browser, hospital.launch(browser, patient_id)), do="save")
    [before] = hospital.own(patient_id)
    hospital.clock.advance(timedelta(minutes=59))
    confirm = correction_of(browser, saved)
    assert "ICE 7 of 10 ICANS grade 1" in confirm.words

    corrected = browser.send(confirm, do="save")

    assert corrected.status == 200
    assert "ICE 7 of 10" in corrected.words and "; corrected." in corrected.words
    [after] = hospital.own(patient_id)
    assert (after["id"], after["identifier"]) == (before["id"], before["identifier"])
    assert (after["status"], after["meta"]["versionId"], after["valueInteger"]) == ("corrected", "2", 7)
    assert len(hospital.with_identifier(after)) == 1
    assert validator([("the corrected ICE", after)]) == {"the corrected ICE": []}
    assert hospital.assessment(patient_id)["icans"]["grade"] == 1
    assert hospital.chart(patient_id, "ice-total").ice_scores[-1].maximum == 7


def test_after_the_hour_nothing_is_corrected(hospital: Hospital, browser: PageBrowser) -> None:
    patient_id = hospital.admit("demo-cedar", "too-late")
    saved = browser.send(checked_ice(browser, hospital.launch(browser, patient_id)), do="save")
    confirm = correction_of(browser, saved)
    hospital.clock.advance(timedelta(minutes=61))
    refused = browser.send(confirm, do="save")
    assert refused.status == 409
    assert "can no longer be corrected" in refused.words
    [observation] = hospital.own(patient_id)
    assert (observation["meta"]["versionId"], observation["valueInteger"]) == ("1", 5)


def test_a_correction_of_what_was_corrected_meanwhile_is_refused_and_told(
    hospital: Hospital, browser: PageBrowser
) -> None:
    patient_id = hospital.admit("demo-cedar", "stale-form")
    saved = browser.send(checked_ice(browser, hospital.launch(browser, patient_id)), do="save")
    stale = correction_of(browser, saved)
    assert browser.send(correction_of(browser, saved), do="save").status == 200
    refused = browser.send(stale, {"ice-attention": "1"}, do="save")
    assert refused.status == 409
    assert "This entry was changed meanwhile" in refused.words
    [observation] = hospital.own(patient_id)
    assert (observation["meta"]["versionId"], observation["valueInteger"]) == ("2", 7)


def test_a_change_between_reading_and_writing_is_noticed_by_the_server_and_told(
    hospital: Hospital, browser: PageBrowser
) -> None:
    patient_id = hospital.admit("demo-cedar", "stale-version")
    saved = browser.send(checked_ice(browser, hospital.launch(browser, patient_id)), do="save")
    [observation] = hospital.own(patient_id)
    confirm = correction_of(browser, saved)

    def somebody_else() -> None:
        changed = {**observation, "note": [{"text": "Hearing aid was out"}]}
        url = f"{hospital.hapi.base_url}/Observation/{observation['id']}"
        answer = hospital.http.put(url, json=changed, headers={"Content-Type": "application/fhir+json"})
        assert answer.status_code == 200

    hospital.guarded.before_update = somebody_else
    refused = browser.send(confirm, do="save")
    assert refused.status == 409
    assert "Not saved: the record was changed by somebody else" in refused.words
    [kept] = hospital.own(patient_id)
    assert (kept["meta"]["versionId"], kept["valueInteger"]) == ("2", 5)
    assert kept["note"] == [{"text": "Hearing aid was out"}]


def test_an_attribution_counts_until_it_is_withdrawn(
    hospital: Hospital, browser: PageBrowser, validator: FhirValidator
) -> None:
    # Fever with 3 L/min is CRS 2; the oxygen explained otherwise leaves fever alone: CRS 1.
    patient_id = hospital.admit("demo-cedar", "attribution")
    opened = hospital.launch(browser, patient_id)
    assert "CRS grade 2" in opened.words
    form = browser.open(page_of(opened, "attribution"))
    stated = {"what": "hypoxia", "cause": "Pulmonary embolism <CT 4 March>"}
    confirm = browser.send(form, stated, act="attribute")
    assert "Now CRS grade 2 ICANS grade 0 With this statement CRS grade 1 ICANS grade 0" in confirm.words

    saved = browser.send(confirm, act="attribute")

    assert saved.status == 200
    assert "In the record: Low oxygen attributed to another cause" in saved.words
    assert "Pulmonary embolism <CT 4 March>" in saved.words
    assert "CRS grade 1" in browser.open(page_of(opened, "course")).words
    found = hospital.assessment(patient_id)
    assert (found["crs"]["grade"], found["crs"]["withoutAttribution"]["grade"]) == (1, 2)
    [attribution] = hospital.chart(patient_id, "attributed-elsewhere").attributions
    assert (attribution.what.value, attribution.withdrawn) == ("hypoxia", False)

    hospital.clock.advance(timedelta(minutes=5))
    confirm = browser.send(browser.open(page_of(opened, "attribution")), act="withdraw")
    assert "Now CRS grade 1 ICANS grade 0 With this statement CRS grade 2 ICANS grade 0" in confirm.words
    withdrawn = browser.send(confirm, act="withdraw")

    assert withdrawn.status == 200
    assert "In the record: Low oxygen: the attribution is withdrawn" in withdrawn.words
    assert "CRS grade 2" in browser.open(page_of(opened, "course")).words
    assert hospital.assessment(patient_id)["crs"]["grade"] == 2
    assert hospital.assessment_by_retrieval(patient_id)["crs"]["grade"] == 2
    written = hospital.own(patient_id, "attributed-elsewhere")
    assert sorted(one["status"] for one in written) == ["cancelled", "final"]
    assert not any(validator((one["status"], one) for one in written).values())


def test_a_statement_that_is_sent_again_is_one_observation(hospital: Hospital, browser: PageBrowser) -> None:
    patient_id = hospital.admit("demo-cedar", "statement-again")
    form = browser.open(page_of(hospital.launch(browser, patient_id), "attribution"))
    confirm = browser.send(form, {"what": "fever", "cause": "Line infection"}, act="attribute")
    first, again = (browser.send(confirm, act="attribute") for _ in range(2))
    assert first.status == again.status == 200
    assert first.url == again.url
    [statement] = hospital.own(patient_id, "attributed-elsewhere")
    assert len(hospital.with_identifier(statement)) == 1


def test_the_teams_concern_reaches_the_next_card_and_changes_no_grade(
    hospital: Hospital, browser: PageBrowser, validator: FhirValidator
) -> None:
    # Row C2 has no criterion of intensive care; the team's concern is one.
    patient_id = hospital.admit("demo-cedar", "concern")
    before = hospital.assessment(patient_id)
    assert "icu.transfer" not in {offer["id"] for offer in before["recommendations"]}
    form = browser.open(page_of(hospital.launch(browser, patient_id), "attribution"))
    saved = browser.send(browser.send(form, concern="present"), act="concern")
    assert saved.status == 200
    assert "In the record: The team is concerned" in saved.words
    [concern] = hospital.chart(patient_id, "team-concern").team_concerns
    assert concern.present
    after = hospital.assessment(patient_id)
    assert "icu.transfer" in {offer["id"] for offer in after["recommendations"]}
    assert (after["crs"]["grade"], after["icans"]["grade"]) == (2, 0)
    [written] = hospital.own(patient_id, "team-concern")
    assert validator([("concern", written)]) == {"concern": []}


def test_an_address_of_the_upstream_server_gets_neither_token_nor_call(
    hospital: Hospital, browser: PageBrowser
) -> None:
    patient_id = hospital.admit("demo-cedar", "foreign-links", whole_course=True)
    token = hospital.token_for(patient_id, "patient/Observation.crus")
    query = {"patient": patient_id, "_count": "10"}
    bundle = hospital.http.get(f"{hospital.base}/Observation", params=query, headers=token).json()
    [following] = [link["url"] for link in bundle["link"] if link["relation"] == "next"]
    assert following.startswith(hospital.upstream_base)  # the fault is there
    assert bundle["entry"][0]["fullUrl"].startswith(hospital.upstream_base)

    created = hospital.http.post(
        f"{hospital.base}/Observation", headers=token, json=other_concern(patient_id)
    )
    assert created.headers["location"].startswith(hospital.upstream_base)  # and there

    hospital.upstream.arrived.clear()
    hospital.guarded.largest_page = 10
    confirm = checked_ice(browser, hospital.launch(browser, patient_id))
    saved = browser.send(confirm, do="save")

    assert "In the record ICE 5 of 10" in saved.words
    assert [one.method for one in hospital.upstream.arrived].count("POST") == 1
    assert hospital.upstream.came_round_the_door == []


def test_what_the_writer_tells_of_this_server(hospital: Hospital) -> None:
    patient_id = hospital.admit("demo-cedar", "writer")
    token = hospital.token_for(patient_id, "patient/Observation.crus")["Authorization"].removeprefix(
        "Bearer "
    )
    access = FhirAccess(hospital.base, token)
    sent = other_concern(patient_id)

    async def write() -> list[WriteAnswer]:
        writer = FhirWriter([hospital.base], deadline_seconds=REQUEST_TIMEOUT_SECONDS)
        created, again = [await writer.create(access, sent) for _ in range(2)]
        assert created.resource is not None
        changed = {**created.resource, "status": "corrected"}
        updated, stale = [await writer.update(access, changed, "1") for _ in range(2)]
        await writer.close()
        return [created, again, updated, stale]

    created, again, updated, stale = asyncio.run(write())
    assert (created.outcome, again.outcome) == (WriteOutcome.SAVED, WriteOutcome.ALREADY_THERE)
    assert created.resource == again.resource
    assert updated.outcome is WriteOutcome.SAVED
    assert updated.resource is not None and updated.resource["meta"]["versionId"] == "2"
    assert (stale.outcome, stale.resource) == (WriteOutcome.CONFLICT, None)


def test_somebody_who_goes_round_the_door_is_noticed(whole_hospital: Hospital) -> None:
    whole_hospital.upstream.arrived.clear()
    header = {"Authorization": "Bearer astray"}
    assert (
        whole_hospital.http.get(f"{whole_hospital.upstream_base}/metadata", headers=header).status_code == 200
    )
    [astray] = whole_hospital.upstream.came_round_the_door
    assert astray.headers["authorization"] == "Bearer astray"


def test_pages_of_another_address_are_a_gap_and_not_an_end(hospital: Hospital, browser: PageBrowser) -> None:
    # 30 temperatures, the newest of them 38.9 °C: three pages of ten, and the first is all that is read.
    patient_id = hospital.admit("demo-cedar", "pages", whole_course=True)
    hospital.guarded.largest_page = 10
    page = hospital.launch(browser, patient_id)
    assert "Could not be read: temperatures (only a part was received)" in page.words
    assert "CRS grade 2" in page.words  # fever and oxygen are on the first page
    found = hospital.assessment_by_retrieval(patient_id)
    assert ("temperature", "not-retrieved") in {(gap["what"], gap["why"]) for gap in found["gaps"]}


def test_pages_of_the_public_address_are_all_read(hospital: Hospital, browser: PageBrowser) -> None:
    patient_id = hospital.admit("demo-cedar", "all-pages", whole_course=True)
    hospital.guarded.largest_page = 10
    hospital.guarded.rewrites_links = True
    page = hospital.launch(browser, patient_id)
    assert "Could not be read" not in page.words
    assert page.words.count("36.7 °C") >= 1  # the first of all temperatures
    saved = browser.send(checked_ice(browser, page), do="save")
    assert "In the record ICE 5 of 10" in saved.words


def test_another_patients_record_is_closed_to_a_token(hospital: Hospital) -> None:
    mine, other = (hospital.admit("demo-cedar", name) for name in ("mine", "other"))
    token = hospital.token_for(mine, "patient/Patient.r patient/Observation.crus patient/Encounter.r")
    of_other = {
        "resourceType": "Observation",
        "status": "final",
        "code": {"text": "any"},
        "subject": {"reference": f"Patient/{other}"},
    }
    [temperature, *_] = [
        resource["id"] for resource in hospital.search({"patient": other, "code": "http://loinc.org|8310-5"})
    ]

    def status(method: str, path: str, **sent: Any) -> int:
        answer = hospital.http.request(method, f"{hospital.base}/{path}", **{"headers": token, **sent})
        return answer.status_code

    assert status("GET", f"Patient/{mine}") == 200
    assert status("GET", f"Observation?patient={mine}") == 200
    assert status("GET", f"Patient/{other}") == 403
    assert status("GET", f"Observation/{temperature}") == 403
    assert status("GET", f"Observation?patient={other}") == 403
    assert status("GET", f"Observation?patient={mine},{other}") == 403
    assert status("GET", "Observation?code=http://loinc.org%7C8310-5") == 403
    assert status("POST", "Observation", json=of_other) == 403
    assert status("PUT", f"Observation/{temperature}", json={**of_other, "id": temperature}) == 403
    moved = {**of_other, "id": temperature, "subject": {"reference": f"Patient/{mine}"}}
    assert status("PUT", f"Observation/{temperature}", json=moved) == 403
    assert status("GET", f"Condition?patient={mine}") == 403  # no scope for it
    assert status("GET", f"Patient/{mine}", headers={}) == 401
    assert status("GET", f"Patient/{mine}", headers={"Authorization": "Bearer made-up"}) == 401
    writes = [one.method for one in hospital.upstream.arrived if one.method != "GET"]
    assert writes == []


def test_two_patients_in_two_windows_are_written_each_into_their_own_record(
    hospital: Hospital, browser: PageBrowser
) -> None:
    anna, bert = hospital.admit("demo-cedar", "window-1"), hospital.admit("demo-adler", "window-2")
    first = checked_ice(browser, hospital.launch(browser, anna))
    hospital.launch(browser, bert)
    assert browser.send(first, do="save").status == 200
    assert [one["valueInteger"] for one in hospital.own(anna)] == [5]
    assert hospital.own(bert) == []
