"""The record for one page: what is read, what could not be, and what ends in an error page."""

import json
from datetime import timedelta, timezone
from typing import Any

import pytest
from fastapi.testclient import TestClient

from smart_app.bedside_record import OwnObservations
from smart_app.errors import PageError
from smart_app.page_room import Bedside, Saved, Saving
from smart_app.session import GrantedScopes, SmartSession
from tests.bedside_site import AT, ISS, SCOPES, BedsideSite, path_of
from tests.builders.codes import OWN
from tests.builders.events import cart_infusion
from tests.builders.observations import temperature


@pytest.fixture
def site() -> BedsideSite:
    return BedsideSite()


@pytest.fixture
def browser(site: BedsideSite) -> TestClient:
    return site.browser()


@pytest.fixture
def session(site: BedsideSite, browser: TestClient) -> SmartSession:
    return site.open(browser)


def read(site: BedsideSite, browser: TestClient, session: SmartSession) -> Bedside:
    """Read within the app's own loop, as a page does."""
    with browser:
        found: Bedside = browser.portal.call(site.room.read, session)  # type: ignore[union-attr]
    return found


def refusal(site: BedsideSite, browser: TestClient, session: SmartSession) -> PageError:
    with pytest.raises(PageError) as raised:
        read(site, browser, session)
    return raised.value


def own_observation(**members: Any) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": "ice-1",
        "status": "final",
        "code": {"coding": [{"system": OWN, "code": "ice-total"}]},
        "subject": {"reference": "Patient/patient-1"},
        "effectiveDateTime": (AT - timedelta(hours=2)).isoformat(),
        "valueInteger": 9,
        **members,
    }


def test_the_record_is_read_and_graded(site: BedsideSite, browser: TestClient, session: SmartSession) -> None:
    bedside = read(site, browser, session)
    assert bedside.at == AT
    assert (bedside.banner.name, bedside.banner.record_number) == ("Ann Alder", "MRN-Alder")
    assert [str(row.celsius) for row in bedside.chart.temperatures] == ["38.6"]
    assert bedside.review is not None and bedside.course is not None
    # Fever alone, oxygen not charted: at least grade 1.
    assert bedside.review.assessment.crs.lowest == 1
    assert bedside.unread == ()


def test_the_token_goes_to_the_fhir_server_alone(
    site: BedsideSite, browser: TestClient, session: SmartSession
) -> None:
    read(site, browser, session)
    assert len(site.ehr.asked) > 10
    for request in site.ehr.asked:
        assert str(request.url).startswith(ISS)
        assert request.headers["authorization"] == "Bearer access-1"


def test_a_type_that_is_forbidden_is_said_and_the_page_still_works(
    site: BedsideSite, browser: TestClient, session: SmartSession
) -> None:
    site.ehr.statuses["MedicationAdministration"] = 403
    bedside = read(site, browser, session)
    assert "medication administrations (not permitted)" in bedside.unread
    assert [gap.what.value for gap in bedside.chart.gaps if gap.why.value == "not-retrieved"]
    page = browser.get(path_of(session, "course"))
    assert page.status_code == 200
    assert "medication administrations (not permitted)" in page.text


def test_a_scope_that_was_not_granted_is_said_and_the_type_is_not_asked_for(
    site: BedsideSite, browser: TestClient
) -> None:
    granted = " ".join(scope for scope in SCOPES.split() if "Condition" not in scope)
    session = site.open(browser, scopes=GrantedScopes(granted))
    bedside = read(site, browser, session)
    assert bedside.unread == ("conditions (not permitted)",)
    assert not [request for request in site.ehr.asked if "/Condition" in request.url.path]


def test_a_failing_type_is_a_gap_and_never_an_empty_record(
    site: BedsideSite, browser: TestClient, session: SmartSession
) -> None:
    site.ehr.statuses["MedicationAdministration"] = 500
    bedside = read(site, browser, session)
    assert "medication administrations (no usable answer)" in bedside.unread
    missing = {gap.what.value for gap in bedside.chart.gaps if gap.why.value == "not-retrieved"}
    assert {"vasopressors", "tocilizumab", "steroids"} <= missing


def test_a_server_that_does_not_answer_is_a_page_with_a_way_back(
    site: BedsideSite, browser: TestClient, session: SmartSession
) -> None:
    site.ehr.down = True
    page = browser.get(path_of(session, "course"))
    assert page.status_code == 503
    assert "The FHIR server does not answer" in page.text and "Try again" in page.text
    site.ehr.down = False
    assert browser.get(path_of(session, "course")).status_code == 200


def test_where_everything_is_forbidden_nothing_is_shown(
    site: BedsideSite, browser: TestClient, session: SmartSession
) -> None:
    for kind in ("Observation", "Procedure", "MedicationAdministration", "Patient", "Condition"):
        site.ehr.statuses[kind] = 403
    for kind in ("MedicationRequest", "DiagnosticReport"):
        site.ehr.statuses[kind] = 403
    error = refusal(site, browser, session)
    assert (error.status, error.title) == (403, "The record may not be read")
    # Knowing who it is makes it no other error.
    del site.ehr.statuses["Patient"]
    error = refusal(site, browser, session)
    assert (error.status, error.title) == (403, "The record may not be read")


def test_an_expired_token_is_renewed_once_and_the_page_comes(
    site: BedsideSite, browser: TestClient, session: SmartSession
) -> None:
    site.ehr.good_tokens = set()
    bedside = read(site, browser, session)
    assert bedside.unread == ()
    assert [request.url.path for request in site.ehr.asked].count("/token") == 1
    tokens = site.store.tokens_of(session.sid)
    assert tokens is not None and tokens.access_token == "access-2"  # noqa: S105


def test_a_token_that_cannot_be_renewed_ends_on_a_page(
    site: BedsideSite, browser: TestClient, session: SmartSession
) -> None:
    site.ehr.good_tokens, site.ehr.renewed = set(), ""
    error = refusal(site, browser, session)
    assert error.status == 401 and "sign-in" in error.title


def test_a_renewed_token_that_is_refused_too_is_not_tried_forever(
    site: BedsideSite, browser: TestClient, session: SmartSession
) -> None:
    site.ehr.statuses = dict.fromkeys(
        ["Patient", "Observation", "Procedure", "MedicationAdministration", "Condition", "MedicationRequest",
         "DiagnosticReport"], 401
    )  # fmt: skip
    assert refusal(site, browser, session).status == 401
    assert [request.url.path for request in site.ehr.asked].count("/token") == 1


def test_a_type_for_which_a_server_says_401_though_the_token_is_good_is_not_permitted(
    site: BedsideSite, browser: TestClient, session: SmartSession
) -> None:
    site.ehr.statuses["Condition"] = 401
    assert read(site, browser, session).unread == ("conditions (not permitted)",)


def test_data_of_another_patient_are_never_shown(
    site: BedsideSite, browser: TestClient, session: SmartSession
) -> None:
    site.ehr.records["patient-1"].append(
        {**temperature(39.9, at=AT), "id": "foreign", "subject": {"reference": "Patient/patient-2"}}
    )
    page = browser.get(path_of(session, "course"))
    assert page.status_code == 502
    assert "data of another patient" in page.text and "Alder" not in page.text


def test_another_patient_under_the_id_asked_for_is_never_shown(
    site: BedsideSite, browser: TestClient, session: SmartSession
) -> None:
    site.ehr.records["patient-1"][0] = {**site.ehr.records["patient-2"][0], "id": "patient-1", "x": 1}
    site.ehr.records["patient-1"][0]["id"] = "patient-3"
    assert refusal(site, browser, session).status == 502


def test_a_patient_that_the_server_does_not_know_is_not_an_empty_record(
    site: BedsideSite, browser: TestClient
) -> None:
    session = site.open(browser, "nobody")
    error = refusal(site, browser, session)
    assert (error.status, error.title) == (502, "The EHR does not know this patient")


def test_nobody_to_grade_is_a_page_without_grades(
    site: BedsideSite, browser: TestClient, session: SmartSession
) -> None:
    record = site.ehr.records["patient-1"]
    record[:] = [resource for resource in record if resource["resourceType"] != "Procedure"]
    bedside = read(site, browser, session)
    assert bedside.review is None and bedside.course is None


def test_an_infusion_that_could_not_be_asked_for_is_unknown_and_not_none(
    site: BedsideSite, browser: TestClient, session: SmartSession
) -> None:
    site.ehr.statuses["Procedure"] = 500
    bedside = read(site, browser, session)
    assert bedside.review is not None
    assert bedside.review.assessment.crs.status.value == "not-assessable"
    assert "CAR-T infusion procedures (no usable answer)" in bedside.unread


def test_times_are_told_in_the_offset_of_the_infusion(
    site: BedsideSite, browser: TestClient, session: SmartSession
) -> None:
    ward = timezone(timedelta(hours=-5))
    infusion = cart_infusion("tisagenlecleucel", at=(AT - timedelta(days=2)).astimezone(ward))
    site.ehr.records["patient-1"].append(
        {**infusion, "id": "in-ward-time", "subject": {"reference": "Patient/patient-1"}}
    )
    assert read(site, browser, session).zone.utcoffset(None) == timedelta(hours=-5)
    assert "03:00</time> (UTC-05:00)" in browser.get(path_of(session, "course")).text


def test_without_an_infusion_times_are_told_in_the_offset_of_the_newest_row(
    site: BedsideSite, browser: TestClient, session: SmartSession
) -> None:
    record = site.ehr.records["patient-1"]
    record[:] = [resource for resource in record if resource["resourceType"] != "Procedure"]
    ward = timezone(timedelta(hours=5, minutes=30))
    row = temperature(37.1, at=(AT - timedelta(minutes=1)).astimezone(ward))
    record.append({**row, "id": "newest", "subject": {"reference": "Patient/patient-1"}})
    assert read(site, browser, session).zone.utcoffset(None) == timedelta(hours=5, minutes=30)


def test_our_own_observations_and_the_highlighted_one_are_there_as_charted(
    site: BedsideSite, browser: TestClient
) -> None:
    session = site.open(browser, highlight="Observation/patient-1-1")
    nobodys = own_observation(id="nobodys")
    del nobodys["subject"]
    site.ehr.records["patient-1"] += [own_observation(), nobodys]
    found = read(site, browser, session).observations
    assert set(found) == {"Observation/ice-1", "Observation/patient-1-1"}
    assert found["Observation/ice-1"] == own_observation()


def write(site: BedsideSite, browser: TestClient, session: SmartSession, resource: dict[str, Any]) -> Saved:
    with browser:
        saved: Saved = browser.portal.call(site.room.create, session, resource)  # type: ignore[union-attr]
    return saved


def new_observation(**members: Any) -> dict[str, Any]:
    identifier = [{"system": "urn:ietf:rfc:3986", "value": "urn:uuid:5f0b1a2e-0c9a-4a51-9f0e-000000000001"}]
    resource = own_observation(identifier=identifier, **members)
    del resource["id"]
    return resource


def test_our_own_observations_are_found_where_a_server_escapes_slashes() -> None:
    own = own_observation()
    escaped = json.dumps({"entry": [{"resource": own}]}).replace("/", r"\/").encode()
    assert OwnObservations([escaped], "patient-1", None) == {"Observation/ice-1": own}


def test_an_observation_is_written_once_and_read_again(
    site: BedsideSite, browser: TestClient, session: SmartSession
) -> None:
    saved = write(site, browser, session, new_observation())
    assert saved.saving is Saving.SAVED
    assert saved.resource is not None and saved.resource["valueInteger"] == 9


def test_nothing_is_written_about_another_patient(
    site: BedsideSite, browser: TestClient, session: SmartSession
) -> None:
    for subject in ({"reference": "Patient/patient-2"}, {"reference": f"{ISS}/Patient/patient-1"}, {}):
        with pytest.raises(PageError) as raised:
            write(site, browser, session, new_observation(subject=subject))
        assert raised.value.status == 409
    assert not site.ehr.asked


@pytest.mark.parametrize(
    "changes",
    [{"scopes": GrantedScopes("patient/*.rs")}, {"fhir_user": "Patient/patient-1"}, {"fhir_user": None}],
)
def test_without_the_right_nothing_is_sent(
    site: BedsideSite, browser: TestClient, changes: dict[str, Any]
) -> None:
    session = site.open(browser, **changes)
    assert write(site, browser, session, new_observation()).saving is Saving.REFUSED
    assert not site.ehr.asked


def test_an_expired_token_in_a_save_is_renewed_and_nothing_was_written(
    site: BedsideSite, browser: TestClient, session: SmartSession
) -> None:
    site.ehr.good_tokens = set()
    before = len(site.ehr.records["patient-1"])
    assert write(site, browser, session, new_observation()).saving is Saving.RENEWED
    assert len(site.ehr.records["patient-1"]) == before
    assert write(site, browser, session, new_observation()).saving is Saving.SAVED
    assert len(site.ehr.records["patient-1"]) == before + 1


def test_a_save_after_the_sign_in_ended_says_so(
    site: BedsideSite, browser: TestClient, session: SmartSession
) -> None:
    site.ehr.good_tokens, site.ehr.renewed = set(), ""
    assert write(site, browser, session, new_observation()).saving is Saving.ENDED
    assert write(site, browser, session, new_observation()).saving is Saving.ENDED


def test_a_forbidden_save_is_refused_and_the_session_stays(
    site: BedsideSite, browser: TestClient, session: SmartSession
) -> None:
    site.ehr.statuses["Observation"] = 403
    assert write(site, browser, session, new_observation()).saving is Saving.REFUSED
    assert site.store.tokens_of(session.sid) is not None


def test_an_observation_that_is_not_valid_never_leaves(
    site: BedsideSite, browser: TestClient, session: SmartSession
) -> None:
    assert write(site, browser, session, new_observation(status=None)).saving is Saving.REJECTED
    assert not site.ehr.asked
