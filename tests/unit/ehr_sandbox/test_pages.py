"""The chart page behaves as an EHR does with cards, and lets no markup of a service or a record through."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from ehr_sandbox.app import create_sandbox
from ehr_sandbox.clock import SandboxClock
from ehr_sandbox.hook_client import HookError
from ehr_sandbox.hook_signer import KEYS_PATH, HookSigner
from ehr_sandbox.patients import load_patients
from ehr_sandbox.played_course import load_played_patient

NOW = datetime(2026, 5, 4, 9, 0, tzinfo=UTC)
PATIENTS = load_patients(NOW)
TOCILIZUMAB = {
    "resourceType": "MedicationRequest",
    "status": "draft",
    "intent": "proposal",
    "subject": {"reference": "Patient/demo-dorn"},
    "authoredOn": "2026-05-04T09:00:00+00:00",
    "medicationCodeableConcept": {"text": "tocilizumab"},
    "dosageInstruction": [{"text": "640 mg over 1 hour <b>now</b>"}],
    "note": [{"text": "Weight used: 80 kg."}],
}
CARD = {
    "uuid": "card-crs",
    "summary": "CRS grade 3 <b>now</b>",
    "indicator": "critical",
    "detail": "| Input | Value |\n|---|---|\n| temperature | 39.1 |\n\n<script>alert(1)</script> ![x](https://e.org/x)",
    "source": {"label": "cart-toxicity-cds"},
    "suggestions": [
        {
            "label": "Tocilizumab 640 mg",
            "uuid": "take-tocilizumab",
            "isRecommended": True,
            "actions": [{"type": "create", "description": "Create a draft order", "resource": TOCILIZUMAB}],
        },
        {"label": "Recheck", "actions": [{"type": "create", "resource": {"resourceType": "ServiceRequest"}}]},
    ],
    "overrideReasons": [{"code": "not-due", "system": "https://e.org/reasons", "display": "Not due yet"}],
    "links": [
        {"label": "The source", "url": "https://example.org/a?b=1&c=2", "type": "absolute"},
        {"label": "An app", "url": "https://example.org/launch", "type": "smart"},
        {"label": "A trick", "url": "javascript:alert(1)", "type": "absolute"},
    ],
}
LESSER = {"uuid": "card-info", "summary": "A lesser card", "indicator": "info", "source": {"label": "s"}}


class Service:
    """Answers every patient alike and keeps what it is told."""

    def __init__(self, *cards: Any) -> None:
        self.cards: Sequence[Any] = cards or (LESSER, CARD)
        self.viewed: list[str] = []
        self.feedback: list[Mapping[str, Any]] = []
        self.refuses_feedback = False

    def view(self, patient_id: str) -> Mapping[str, Any]:
        self.viewed.append(patient_id)
        if patient_id == "demo-birke":
            raise HookError("patient-view answered 412")
        return {"cards": [] if patient_id == "demo-marder" else list(self.cards)}

    def send_feedback(self, items: Sequence[Mapping[str, Any]]) -> None:
        if self.refuses_feedback:
            raise HookError("feedback answered 503")
        self.feedback.extend(items)


class Ehr:
    """The sandbox with a scripted service, and its clock."""

    def __init__(self, *cards: Any) -> None:
        self.service = Service(*cards)
        self.clock = SandboxClock(lambda: NOW)
        app = create_sandbox(PATIENTS, played=load_played_patient(NOW), clock=self.clock, cards=self.service)
        self.http = TestClient(app)
        self.shelf = app.state.shelf

    def page(self, path: str = "/patients/demo-dorn") -> str:
        answer = self.http.get(path)
        assert answer.status_code == 200
        return answer.text

    def post(self, path: str, **fields: str) -> str:
        """Send a form as the page does; the page that it leads to."""
        answer = self.http.post(path, data=fields, headers={"Sec-Fetch-Site": "same-origin"})
        assert answer.status_code == 200, answer.text
        assert [one.status_code for one in answer.history] == [303]
        return answer.text

    def orders(self, patient: str = "demo-dorn") -> list[Any]:
        return list(self.shelf.search("MedicationRequest", [("patient", patient)]))


@pytest.fixture
def ehr() -> Ehr:
    return Ehr()


# -- the list ------------------------------------------------------------------------------------------


def test_the_list_names_every_patient_with_age_day_and_situation(ehr: Ehr) -> None:
    page = ehr.page("/")
    assert all(patient.name in page and patient.story in page for patient in PATIENTS)
    # Dorn was born on 9 July 1966, and all dates of birth move with the course: 2 months on from 4 March.
    row = page.partition("Demo-Dorn")[2].partition("</tr>")[0]
    assert "59 years" in row
    assert ">3</td>" in row
    assert "no CAR-T" in page.partition("Demo-Marder")[2].partition("</tr>")[0]


def test_a_chart_is_headed_by_the_record_number_that_the_app_shows(ehr: Ehr) -> None:
    # Who compares the chart with the app in its frame needs one number in both.
    assert "MRN 193316</p>" in ehr.page("/patients/demo-dorn")


def test_the_list_opens_nobodys_chart(ehr: Ehr) -> None:
    ehr.page("/")
    assert ehr.service.viewed == []


def test_the_course_to_play_comes_first(ehr: Ehr) -> None:
    page = ehr.page("/")
    assert "Play a course" in page
    assert page.index("/patients/demo-amsel") < page.index("/patients/demo-adler")


@pytest.mark.parametrize("path", ["/", "/patients/demo-dorn", "/patients/nobody"])
def test_every_page_says_that_it_is_a_sandbox(ehr: Ehr, path: str) -> None:
    assert "Sandbox with synthetic patients. Not for patient care." in ehr.http.get(path).text


# -- cards ---------------------------------------------------------------------------------------------


def test_a_card_is_rendered_with_its_table_and_suggestions(ehr: Ehr) -> None:
    page = ehr.page()
    assert "<td>39.1</td>" in page
    assert ">Tocilizumab 640 mg</button>" in page
    assert "recommended" in page
    assert "create MedicationRequest: Create a draft order" in page
    assert "Weight used: 80 kg." in page


def test_the_gravest_card_comes_first_and_an_unknown_indicator_is_a_warning() -> None:
    strange = {"summary": "A strange card", "indicator": "purple"}
    page = Ehr(LESSER, strange, CARD).page()
    places = [page.index(text) for text in ("CRS grade 3", "A strange card", "A lesser card")]
    assert places == sorted(places)
    assert '<article class="card warning">' in page


def test_markup_in_a_card_is_shown_as_text(ehr: Ehr) -> None:
    page = ehr.page()
    assert "<script>alert" not in page
    assert "<b>now</b>" not in page
    assert "<img" not in page
    assert "&lt;b&gt;now&lt;/b&gt;" in page


def test_a_link_opens_a_page_and_an_app_that_is_not_registered_opens_not(ehr: Ehr) -> None:
    page = ehr.page()
    assert 'href="https://example.org/a?b=1&amp;c=2"' in page
    assert "An app <small>" in page
    assert "https://example.org/launch" not in page
    assert "javascript:" not in page


@pytest.mark.parametrize(
    "card",
    [
        {},
        {
            "summary": 5,
            "detail": ["x"],
            "source": "me",
            "suggestions": "y",
            "links": [3],
            "overrideReasons": 1,
        },
        {
            "suggestions": [{"actions": [{"resource": [], "type": 4}]}],
            "links": [{"url": "http://[", "type": "smart"}],
        },
    ],
)
def test_a_card_of_the_wrong_shape_is_shown_and_breaks_nothing(card: dict[str, Any]) -> None:
    assert "A card without a summary" in Ehr(card).page()


def test_a_refused_call_is_told_as_no_answer_and_not_as_all_well(ehr: Ehr) -> None:
    page = ehr.page("/patients/demo-birke")
    assert "answered 412" in page
    assert "does not mean that all is well" in page
    assert "nothing to say" in ehr.page("/patients/demo-marder")


def test_nothing_of_another_origin_is_let_into_a_page(ehr: Ehr) -> None:
    answer = ehr.http.get("/patients/demo-dorn")
    policy = answer.headers["content-security-policy"].split("; ")
    assert policy[0] == "default-src 'none'"
    for part in (
        "script-src 'self'",
        "style-src 'self'",
        "form-action 'self'",
        "frame-src 'self'",
        "base-uri 'none'",
    ):
        assert part in policy
    assert answer.headers["cache-control"] == "no-store"
    assert "style=" not in answer.text
    assert "<style" not in answer.text
    for name in ("sandbox.css", "sandbox.js", "icon.svg"):
        assert ehr.http.get(f"/static/{name}").status_code == 200


# -- suggestions ---------------------------------------------------------------------------------------


def test_a_suggestion_is_put_into_the_chart_once_and_the_service_is_told(ehr: Ehr) -> None:
    ehr.page()
    page = ehr.post("/patients/demo-dorn/accept", card="card-crs", suggestion="take-tocilizumab")
    assert "Put into the chart: Tocilizumab 640 mg. The service was told." in page
    assert "Written in this sandbox" in page
    [order] = ehr.orders()
    assert (order["status"], order["medicationCodeableConcept"]) == ("draft", {"text": "tocilizumab"})
    [told] = ehr.service.feedback
    assert told["card"] == "card-crs"
    assert told["outcome"] == "accepted"
    assert told["acceptedSuggestions"] == [{"id": "take-tocilizumab"}]
    assert datetime.fromisoformat(told["outcomeTimestamp"]).tzinfo is not None
    assert ehr.service.viewed == ["demo-dorn", "demo-dorn"]
    again = ehr.post("/patients/demo-dorn/accept", card="card-crs", suggestion="take-tocilizumab")
    assert "taken already" in again
    assert len(ehr.orders()) == 1
    assert len(ehr.service.feedback) == 1


def test_a_suggestion_is_never_written_for_another_patient(ehr: Ehr) -> None:
    ehr.page("/patients/demo-dorn")
    # The card of Dorn, pressed from a page of Adler: the card is not known there.
    page = ehr.post("/patients/demo-adler/accept", card="card-crs", suggestion="take-tocilizumab")
    assert "no longer known here" in page
    # Adler's chart now showed that card, whose order is for Dorn.
    page = ehr.post("/patients/demo-adler/accept", card="card-crs", suggestion="take-tocilizumab")
    assert "for another patient" in page
    assert ehr.orders("demo-dorn") == ehr.orders("demo-adler") == []
    assert ehr.service.feedback == []


def test_all_of_a_suggestion_is_written_or_nothing() -> None:
    broken = TOCILIZUMAB | {"status": "no-such-status", "intent": 5}
    suggestion = {
        "label": "Both",
        "uuid": "both",
        "actions": [
            {"type": "create", "description": "a", "resource": TOCILIZUMAB},
            {"type": "create", "description": "b", "resource": broken},
        ],
    }
    ehr = Ehr(CARD | {"suggestions": [suggestion]})
    ehr.page()
    page = ehr.post("/patients/demo-dorn/accept", card="card-crs", suggestion="both")
    assert "Nothing was written" in page
    assert ehr.orders() == []
    assert ehr.service.feedback == []


@pytest.mark.parametrize(
    "action",
    [
        {"type": "delete", "description": "a", "resourceId": "Patient/demo-dorn"},
        {"type": "create", "description": "a", "resource": "text"},
        {"type": "create", "description": "a", "resource": {"resourceType": "MedicationRequest"}},
    ],
)
def test_what_the_sandbox_does_not_do_is_refused_in_words(action: dict[str, Any]) -> None:
    ehr = Ehr(CARD | {"suggestions": [{"label": "x", "uuid": "x", "actions": [action]}]})
    ehr.page()
    assert "Nothing was written" in ehr.post("/patients/demo-dorn/accept", card="card-crs", suggestion="x")


def test_an_old_or_unknown_card_is_told(ehr: Ehr) -> None:
    assert "no longer known" in ehr.post("/patients/demo-dorn/accept", card="gone", suggestion="x")
    assert "no longer known" in ehr.post("/patients/demo-dorn/accept")
    ehr.page()
    assert "no such suggestion" in ehr.post("/patients/demo-dorn/accept", card="card-crs", suggestion="x")


def test_a_service_that_takes_no_feedback_hinders_nobody(ehr: Ehr) -> None:
    ehr.service.refuses_feedback = True
    ehr.page()
    page = ehr.post("/patients/demo-dorn/accept", card="card-crs", suggestion="take-tocilizumab")
    assert "could not be told (feedback answered 503)" in page
    assert len(ehr.orders()) == 1


# -- overriding ----------------------------------------------------------------------------------------


def test_an_override_is_told_with_its_reason_and_stays_in_sight(ehr: Ehr) -> None:
    assert '<option value="not-due">Not due yet</option>' in ehr.page()
    page = ehr.post(
        "/patients/demo-dorn/override", card="card-crs", reason="not-due", comment=" after <i>noon</i> "
    )
    [told] = ehr.service.feedback
    assert (told["card"], told["outcome"]) == ("card-crs", "overridden")
    assert told["overrideReason"] == {
        "reason": {"code": "not-due", "system": "https://e.org/reasons", "display": "Not due yet"},
        "userComment": "after <i>noon</i>",
    }
    assert "acceptedSuggestions" not in told
    # 9:00 UTC is 10:00 on the ward; the card itself is still there.
    assert "Overridden at 4 May 10:00: Not due yet: after &lt;i&gt;noon&lt;/i&gt;" in page
    assert "CRS grade 3" in page
    assert "Overridden at" not in ehr.page("/patients/demo-adler")


def test_an_override_without_a_reason_is_refused(ehr: Ehr) -> None:
    ehr.page()
    assert "Choose a reason" in ehr.post("/patients/demo-dorn/override", card="card-crs", reason="invented")
    assert ehr.service.feedback == []


# -- whose forms ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": "http://testserver:81"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
    ],
)
@pytest.mark.parametrize("path", ["/patients/demo-dorn/accept", "/patients/demo-dorn/launch", "/clock"])
def test_a_form_of_another_site_does_nothing(ehr: Ehr, path: str, headers: dict[str, str]) -> None:
    ehr.page()
    fields = {"card": "card-crs", "suggestion": "take-tocilizumab", "hours": "12"}
    assert ehr.http.post(path, data=fields, headers=headers).status_code == 403
    assert ehr.orders() == []
    assert ehr.clock.ahead == timedelta()


def test_a_form_of_our_own_page_counts_though_a_browser_hides_its_origin(ehr: Ehr) -> None:
    own = {"Sec-Fetch-Site": "same-origin", "Origin": "null"}
    assert ehr.http.post("/clock", data={"hours": "6"}, headers=own).status_code == 200
    assert (
        ehr.http.post("/clock", data={"hours": "6"}, headers={"Origin": "http://testserver"}).status_code
        == 200
    )
    assert ehr.clock.ahead == timedelta(hours=12)


@pytest.mark.parametrize("action", ["accept", "override", "launch"])
def test_nobodys_chart_takes_no_form(ehr: Ehr, action: str) -> None:
    assert ehr.http.post(f"/patients/nobody/{action}").status_code == 404


# -- the chart and the clock ---------------------------------------------------------------------------


def test_the_chart_shows_rounds_and_drugs_as_charted(ehr: Ehr) -> None:
    page = ehr.page()
    # The newest round is half an hour old: 8:30 UTC, 9:30 on the ward.
    newest = page.partition('<th scope="row">4 May 09:30</th>')[2].partition("</tr>")[0]
    for text in ("39.1", "104/58", "112", "94", "Nasal cannula, 4 L/min"):
        assert f"<td>{text}</td>" in newest
    assert "<td>0.08 ug/kg/min</td>\n<td>running</td>" in page
    assert "<td>500 mL</td>\n<td>given at once</td>" in page


def test_what_lies_ahead_is_seen_when_the_clock_reaches_it(ehr: Ehr) -> None:
    before = ehr.page("/patients/demo-amsel")
    assert "<strong>In 12 h:</strong> the first fever" in before
    assert "38.9 °C" not in before
    assert "<td>38.9</td>" not in before
    page = ehr.post("/clock", hours="12", back="demo-amsel")
    assert "<td>38.9</td>" in page
    assert "12 h ahead of the present" in page
    assert "CRS grade 1" in page
    for _ in range(2):
        page = ehr.post("/clock", hours="12", back="demo-amsel")
    # 36 hours on norepinephrine runs, and its end two hours later is not known yet.
    row = page.partition("<td>norepinephrine</td>")[2].partition("</tr>")[0]
    assert "running" in row
    assert "Day 2 after CAR-T infusion" in page


def test_the_clock_goes_back_and_what_was_written_is_forgotten(ehr: Ehr) -> None:
    ehr.page()
    ehr.post("/patients/demo-dorn/accept", card="card-crs", suggestion="take-tocilizumab")
    ehr.post("/clock", hours="24")
    assert ehr.clock.ahead == timedelta(hours=24)
    assert "24 h ahead" in ehr.page("/")
    page = ehr.post("/clock", hours="0", back="demo-dorn")
    assert "the present" in page
    assert ehr.clock.ahead == timedelta()
    assert ehr.orders() == []


@pytest.mark.parametrize("hours", ["", "-6", "7", "6000", "six"])
def test_the_clock_takes_its_own_steps_only(ehr: Ehr, hours: str) -> None:
    ehr.post("/clock", hours=hours)
    assert ehr.clock.ahead == timedelta()


# -- JSON, and addresses that are none -----------------------------------------------------------------


def test_the_json_behind_a_page_is_linked_and_indented(ehr: Ehr) -> None:
    page = ehr.page()
    for name in ("answer.json", "record.json"):
        assert f'href="/patients/demo-dorn/{name}"' in page
        answered = ehr.http.get(f"/patients/demo-dorn/{name}")
        assert answered.headers["content-type"] == "application/json"
        assert "\n  " in answered.text
        assert ehr.http.get(f"/patients/nobody/{name}").status_code == 404
    assert ehr.http.get("/patients/demo-dorn/answer.json").json() == {"cards": [LESSER, CARD]}
    record = ehr.http.get("/patients/demo-dorn/record.json").json()
    kinds = [entry["resource"]["resourceType"] for entry in record["entry"]]
    assert kinds[0] == "Patient"
    assert {"Observation", "MedicationAdministration", "Procedure", "Encounter"} <= set(kinds)
    assert ehr.http.get("/patients/demo-birke/answer.json").status_code == 502


def test_an_address_that_is_none_is_a_page_for_a_browser_and_json_for_a_program(ehr: Ehr) -> None:
    browser = ehr.http.get("/nowhere/at/all", headers={"accept": "text/html,*/*"})
    assert (browser.status_code, browser.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert 'href="/"' in browser.text
    program = ehr.http.get("/nowhere/at/all", headers={"accept": "application/json"})
    assert (program.status_code, program.headers["content-type"]) == (404, "application/json")
    assert ehr.http.delete("/", headers={"accept": "text/html"}).status_code == 405
    assert ehr.http.get("/patients/nobody").status_code == 404


def test_the_keys_of_the_calls_are_published() -> None:
    signer = HookSigner("http://ehr")
    http = TestClient(create_sandbox(load_patients(), signer=signer))
    assert http.get(KEYS_PATH).json() == signer.public_keys()


def test_a_value_in_another_unit_is_shown_with_its_own(ehr: Ehr) -> None:
    page = ehr.page("/patients/demo-pappel")
    assert "°F</td>" in page
    assert "<small>°C</small>" in page
