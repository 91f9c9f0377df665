"""ICE at the bedside: from the form to the record and back, and what happens when saving fails."""

import dataclasses
import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest

from smart_app.page_room import Saving
from tests.unit.smart_app.ice_room import (
    CORRECTS,
    NOW,
    READS,
    IceRoom,
    checked,
    hidden_fields,
    infusion,
    observation,
    session_of,
    text_of,
    typed_fields,
)

OWN = "https://cart-toxicity-cds.github.io/fhir/CodeSystem/immune-effector-cell-assessment"
ITEMS = (
    "ice-year",
    "ice-month",
    "ice-city",
    "ice-hospital",
    "ice-naming",
    "ice-command",
    "ice-writing",
    "ice-attention",
)
ALL_WRONG = dict.fromkeys(ITEMS, "0")


def earlier(observation_id: str, at: str, points: tuple[int, ...], **members: Any) -> dict[str, Any]:
    parts = [
        {"code": {"coding": [{"system": OWN, "code": item}]}, "valueInteger": score}
        for item, score in zip(ITEMS, points, strict=True)
    ]
    return observation("ice-total", observation_id, at, component=parts, valueInteger=sum(points), **members)


def confirmation(room: IceRoom, changes: dict[str, str | None] | None = None, query: str = "") -> str:
    answer = room.check(room.filled(changes, query))
    assert answer.status_code == 200, text_of(answer.text)
    return str(answer.text)


def follow(room: IceRoom, answer: Any) -> str:
    assert answer.status_code == 303, text_of(answer.text)
    page = room.browser.get(answer.headers["location"])
    assert page.status_code == 200
    return str(page.text)


def copied(page: str) -> str:
    """The line to copy."""
    line = re.search(r'<textarea id="summary".*?>(.*?)</textarea>', page, re.S)
    assert line is not None
    return unescape(line[1])


# The form


def test_a_fresh_form_has_nothing_chosen_but_that_findings_were_not_said() -> None:
    found = checked(IceRoom().open_page())
    assert found == dict.fromkeys(("consciousness", "seizure", "motor", "raised-icp", "sedated"), "")


def test_the_time_is_the_present_in_the_wards_own_zone() -> None:
    page = IceRoom().open_page()
    assert typed_fields(page)["assessed-at"] == "2026-03-04T09:00"
    assert hidden_fields(page)["offset"] == "+01:00"


def test_last_score_and_baseline_stand_beside_each_item() -> None:
    room = IceRoom()
    room.record["Observation/b"] = earlier("b", "2026-02-28T10:00:00+01:00", (1, 1, 1, 1, 3, 1, 1, 1))
    room.record["Observation/l"] = earlier("l", "2026-03-03T21:00:00+01:00", (1, 1, 1, 1, 2, 1, 1, 0))
    page = text_of(room.open_page())
    assert "Last ICE: 8 of 10, 3 Mar 21:00. Baseline: 10 of 10." in page
    assert "last 2 , baseline 3" in page.replace("last 2, ", "last 2 , ")
    assert page.count("last 0, baseline 1") + page.count("last 0 , baseline 1") == 1


def test_the_sentence_of_last_time_is_offered_again() -> None:
    room = IceRoom()
    follow(room, room.save(confirmation(room, {"sentence": "The sky is <b>blue</b>"})))
    page = room.open_page()
    assert typed_fields(page)["sentence"] == "The sky is <b>blue</b>"
    assert "<b>blue</b>" not in page


def test_every_item_is_asked_for_and_faults_lead_to_their_fields() -> None:
    room = IceRoom()
    answer = room.check(room.filled({"ice-year": None, "ice-attention": None, "note": "kept"}))
    assert answer.status_code == 422
    assert 'href="#ice-year"' in answer.text
    assert 'href="#ice-attention"' in answer.text
    assert ">kept</textarea>" in answer.text
    assert checked(answer.text)["ice-naming"] == "3"
    assert room.writes == []


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"ice-year": "2"}, "ice-year"),
        ({"ice-naming": "4"}, "ice-naming"),
        ({"ice-naming": "-1"}, "ice-naming"),
        ({"ice-writing": "not-tested"}, "ice-writing.reason"),
        ({"ice-writing": "not-tested", "ice-writing.reason": "bored"}, "ice-writing.reason"),
        ({"ice-writing": "not-tested", "ice-writing.reason": "Other reason"}, "ice-writing.reason-words"),
        ({"ice-writing": "not-tested", "ice-writing.reason": "Sedated"}, "sedated"),
        ({"ice-year.modified": "x" * 201}, "ice-year.modified"),
        ({"consciousness": "sleepy"}, "consciousness"),
        ({"sedated": "maybe"}, "sedated"),
        ({"interpreter": "A parrot"}, "interpreter"),
        ({"note": "x" * 1001}, "note"),
        ({"assessed-at": "2026-03-04T09:06"}, "assessed-at"),
        ({"assessed-at": "2026-03-03T08:59"}, "assessed-at"),
        ({"assessed-at": "yesterday"}, "assessed-at"),
        ({"assessed-at": "2026-02-30T08:00"}, "assessed-at"),
        ({"offset": "+25:00"}, "assessed-at"),
        ({"assessed-at": None}, "assessed-at"),
        ({"form": "1"}, "form"),
        (ALL_WRONG, "consciousness"),
    ],
)
def test_what_cannot_be_taken_comes_back_with_its_field(changes: dict[str, str | None], field: str) -> None:
    room = IceRoom()
    answer = room.check(room.filled(changes))
    assert answer.status_code == 422
    assert re.findall(r'<li><a href="#([^"]+)"', answer.text) == [field]
    assert room.post(room.filled(changes) | {"do": "save"}).status_code == 422
    assert room.writes == []


@pytest.mark.parametrize("at", ["2026-03-04T09:05", "2026-03-03T09:00"])
def test_an_assessment_may_be_five_minutes_ahead_and_a_day_old(at: str) -> None:
    assert IceRoom().check(IceRoom().filled({"assessed-at": at})).status_code == 200


# The grade, which is grading's own


@pytest.mark.parametrize(
    ("changes", "score", "grade"),
    [
        ({}, "ICE 10 of 10", "ICANS grade 0"),
        ({"ice-attention": "0"}, "ICE 9 of 10", "ICANS grade 1"),
        ({"ice-naming": "0"}, "ICE 7 of 10", "ICANS grade 1"),
        ({"ice-naming": "0", "ice-year": "0"}, "ICE 6 of 10", "ICANS grade 2"),
        (ALL_WRONG | {"ice-naming": "2"}, "ICE 2 of 10", "ICANS grade 3"),
        (ALL_WRONG | {"consciousness": "alert"}, "ICE 0 of 10", "ICANS grade 3"),
        (ALL_WRONG | {"consciousness": "unarousable"}, "ICE 0 of 10", "ICANS grade 4"),
        ({"consciousness": "awakens-spontaneously"}, "ICE 10 of 10", "ICANS grade 0"),
        ({"consciousness": "awakens-to-voice"}, "ICE 10 of 10", "ICANS grade 2"),
        ({"seizure": "brief-resolved"}, "ICE 10 of 10", "ICANS grade 3"),
        ({"motor": "hemiparesis"}, "ICE 10 of 10", "ICANS grade 4"),
        ({"motor": "tremor-or-myoclonus"}, "ICE 10 of 10", "ICANS grade 0"),
        ({"raised-icp": "papilloedema"}, "ICE 10 of 10", "ICANS grade 4"),
        ({"sedated": "yes"}, "ICE 10 of 10", "ICANS not assessable"),
        (
            {"ice-naming": "not-tested", "ice-naming.reason": "Cannot hear or see well enough"},
            "ICE 7–10 of 10",
            "ICANS 0–1, not decidable",
        ),
    ],
)
def test_the_confirmation_shows_the_grade_that_the_record_will_give(
    changes: dict[str, str | None], score: str, grade: str
) -> None:
    room = IceRoom()
    page = confirmation(room, changes)
    assert score in text_of(page)
    assert f'<p class="grade">{grade}</p>' in page
    assert room.writes == []
    after = follow(room, room.save(page))
    assert score in text_of(after)
    assert f'<p class="grade">{grade}</p>' in after


def test_nothing_tested_may_be_saved_for_its_findings_alone() -> None:
    untested: dict[str, str | None] = dict.fromkeys(ITEMS, "not-tested")
    reasons: dict[str, str | None] = {f"{item}.reason": "Declined" for item in ITEMS}
    room = IceRoom()
    changes = untested | reasons | {"consciousness": "alert", "seizure": "brief-resolved"}
    page = confirmation(room, changes)
    assert '<p class="grade">ICANS grade 3</p>' in page
    assert "ICE 0–10 of 10" in text_of(follow(room, room.save(page)))
    [written] = room.writes
    assert "valueInteger" not in written
    assert {part["dataAbsentReason"]["coding"][0]["code"] for part in written["component"][:8]} == {
        "asked-declined"
    }


def test_a_newer_score_counts_for_the_present_and_that_is_said() -> None:
    room = IceRoom()
    room.record["Observation/l"] = earlier("l", "2026-03-04T08:30:00+01:00", (1, 1, 1, 1, 3, 1, 1, 1))
    page = text_of(confirmation(room, {"assessed-at": "2026-03-04T06:00", **ALL_WRONG, "ice-naming": "2"}))
    assert "The record holds a newer score, of 4 Mar 08:30" in page
    assert "ICANS grade 0" in page
    assert "At the time of the assessment: ICANS grade 3" in page


def test_before_the_infusion_it_is_a_baseline_and_without_one_nobody_is_graded() -> None:
    room = IceRoom(now_is=NOW - timedelta(days=3, hours=-2))  # an hour after the infusion
    page = text_of(confirmation(room, {"assessed-at": "2026-03-01T09:00"}))
    assert "This is before the infusion: it is kept as a baseline." in page
    nobody = IceRoom(record={})
    page = text_of(confirmation(nobody))
    assert "ICANS is not graded" in page
    assert "kept as a baseline" in page
    assert "ICE 10 of 10" in text_of(follow(nobody, nobody.save(confirmation(nobody))))


def test_an_older_score_is_never_told_with_the_grade_of_a_newer_one() -> None:
    """ICE 2 of 06:00 was grade 3; the ICE 10 of 08:00 is grade 0, and may not be copied as that of 06:00."""
    room = IceRoom()
    room.record["Observation/l"] = earlier("l", "2026-03-04T08:00:00+01:00", (1, 1, 1, 1, 3, 1, 1, 1))
    room.record["Observation/b"] = earlier("b", "2026-03-04T01:00:00+01:00", (1, 1, 1, 1, 2, 1, 1, 1))
    page = confirmation(
        room,
        {"assessed-at": "2026-03-04T06:00", **ALL_WRONG, "ice-naming": "2", "consciousness": "alert"},
    )
    assert '<p class="grade">Now: ICANS grade 0</p>' in page
    assert "Last: 9, 4 Mar 01:00." in text_of(page)
    saved = follow(room, room.save(page))
    told = text_of(saved)
    assert "At the time of the assessment: ICANS grade 3." in told
    assert "The record holds a newer score, of 4 Mar 08:00: that one counts for the present." in told
    assert copied(saved).endswith(
        "; ICANS grade 3 (ASTCT 2019); 4 Mar 06:00. At 4 Mar 09:00: ICANS grade 0 (ASTCT 2019)"
    )


def test_of_two_scores_of_one_time_the_worse_counts_and_that_is_said() -> None:
    """Entered again with the same time, a right ICE 10 does not take the place of a wrong ICE 2."""
    room = IceRoom()
    room.record["Observation/l"] = earlier("l", "2026-03-04T08:00:00+01:00", (0, 0, 0, 0, 0, 0, 1, 1))
    words = "The record holds another score of the same time, 4 Mar 08:00: the worse of the two counts."
    page = confirmation(room, {"assessed-at": "2026-03-04T08:00", "consciousness": "alert"})
    assert '<p class="grade">ICANS grade 3</p>' in page
    assert words in text_of(page)
    saved = text_of(follow(room, room.save(page)))
    assert words in saved
    assert "enter a new assessment with a later time" in saved


def test_what_leaves_the_grade_open_is_named_before_and_after_saving() -> None:
    room = IceRoom()
    untested: dict[str, str | None] = {"ice-writing": "not-tested", "ice-writing.reason": "Declined"}
    page = confirmation(room, {**untested, "consciousness": "alert"})
    words = "ICE not charted: items not done: writing – leaves the grade open"
    assert "ICANS 0–1, not decidable" in text_of(page)
    assert words in text_of(page)
    assert words in text_of(follow(room, room.save(page)))


def test_a_sedation_still_on_record_is_asked_about() -> None:
    room = IceRoom()
    room.record["Observation/s"] = observation("sedated", "s", "2026-03-04T04:00:00+01:00", valueBoolean=True)
    words = "The record says “sedated”, of 4 Mar 04:00. If that is over, answer No under Sedated."
    page = text_of(confirmation(room, {"consciousness": "alert"}))
    assert "ICANS not assessable" in page
    assert words in page
    ended = text_of(confirmation(room, {"consciousness": "alert", "sedated": "no"}))
    assert "ICANS grade 0" in ended
    assert words not in ended


def test_none_that_ends_a_standing_finding_is_questioned() -> None:
    """Motor and pressure findings stand until withdrawn: a hurried "None" takes grade 4 away."""
    room = IceRoom()
    for code, value in (("motor", "hemiparesis"), ("raised-icp", "papilloedema")):
        concept = {"valueCodeableConcept": {"coding": [{"system": OWN, "code": value}]}}
        room.record[f"Observation/{code}"] = observation(code, code, "2026-03-04T02:00:00+01:00", **concept)
    page = text_of(confirmation(room, {"consciousness": "alert", "motor": "none", "raised-icp": "none"}))
    assert "Without it: ICANS grade 4." in page
    assert "“None” ends the hemiparesis charted 4 Mar 02:00. Is it really gone?" in page
    assert "“None” ends the papilloedema charted 4 Mar 02:00. Is it really gone?" in page
    left = text_of(confirmation(room, {"consciousness": "alert"}))
    assert "ICANS grade 4" in left
    assert "really gone" not in left


def test_a_rhythm_that_no_source_prints_is_marked_on_the_form_and_after_saving() -> None:
    room = IceRoom()
    assert "every 12 h: at least twice a day; not verified" in text_of(room.open_page())
    saved = text_of(follow(room, room.save(confirmation(room, {"consciousness": "alert"}))))
    assert (
        "Next ICE due 4 Mar 21:00 (last 4 Mar 09:00; every 12 h: at least twice a day; not verified)" in saved
    )


def test_a_baseline_that_was_not_full_is_told_after_saving_and_stops_the_running_grade() -> None:
    room = IceRoom()
    room.record["Observation/b"] = observation(
        "baseline-ice", "b", "2026-02-28T10:00:00+01:00", valueInteger=8
    )
    assert 'data-running="[]"' in room.open_page()
    assert "[[" in IceRoom().open_page().partition('data-running="')[2][:3]
    saved = text_of(
        follow(room, room.save(confirmation(room, {"ice-naming": "1", "consciousness": "alert"})))
    )
    assert "ICANS grade 0" in saved
    assert "Baseline ICE is 8; ICE counts only below it" in saved


def test_after_the_window_a_score_is_no_baseline() -> None:
    room = IceRoom(record={"Procedure/infusion": infusion("2026-01-20T10:00:00+01:00")})
    page = text_of(confirmation(room, {"consciousness": "alert"}))
    assert "The last infusion was more than 30 days ago: ICANS is not graded any more." in page
    assert "baseline." not in page


def test_a_correction_is_compared_with_the_entry_it_corrects() -> None:
    room = IceRoom(session=session_of(CORRECTS))
    saved = follow(room, room.save(confirmation(room, {**ALL_WRONG, "consciousness": "alert"})))
    correction = re.search(r'href="([^"]*/ice/correct/[^"]*)"', saved)
    assert correction is not None
    form = room.browser.get(correction[1]).text
    fields = hidden_fields(form) | typed_fields(form) | checked(form)
    page = text_of(room.check(fields | {"ice-naming": "3", "ice-year": "1"}).text)
    assert "ICANS grade 2 Without the correction: ICANS grade 3." in page


def test_what_a_newer_entry_cannot_undo_is_said_where_nothing_can_be_corrected() -> None:
    room = IceRoom()
    saved = text_of(follow(room, room.save(confirmation(room, {"consciousness": "alert"}))))
    assert "A seizure counts for 24 hours whatever is entered later" in saved


def test_unarousable_beside_a_right_answer_is_not_taken() -> None:
    """Who answers an item is not unarousable: grade 4 would stand beside 10 points."""
    room = IceRoom()
    fields = hidden_fields(room.open_page()) | typed_fields(room.open_page())
    refused = room.check(fields | ALL_WRONG | {"ice-year": "1", "consciousness": "unarousable"})
    assert refused.status_code == 422
    assert "who is unarousable answers no item" in text_of(refused.text)
    taken = room.check(fields | ALL_WRONG | {"consciousness": "unarousable"})
    assert taken.status_code == 200


def test_unarousable_beside_a_scored_capd_is_questioned_and_as_its_reason_must_be_said_again() -> None:
    """CAPD that could not be performed because unarousable is grade 4: "alert" beside it would make 0–3."""
    child = IceRoom(birth_date="2018-01-01")
    fields = hidden_fields(child.open_page()) | typed_fields(child.open_page())
    scored = child.check(fields | {"capd-total": "12", "consciousness": "unarousable"})
    assert "Unarousable, but CAPD was scored: check both." in text_of(scored.text)
    unarousable = fields | {"capd-total.reason": "Unarousable"}
    for level, status in (("alert", 422), ("", 422), ("unarousable", 200)):
        assert child.check(unarousable | {"consciousness": level}).status_code == status
    page = child.check(unarousable | {"consciousness": "alert"}).text
    assert "“Unarousable” is given as a reason. Mend one of the two." in page
    assert (
        '<p class="grade">ICANS grade 4</p>'
        in child.check(unarousable | {"consciousness": "unarousable"}).text
    )


# Who it is for, and what is written


def test_the_confirmation_repeats_who_it_is_for_with_every_entry() -> None:
    changes: dict[str, str | None] = {
        "ice-command": "0",
        "ice-command.modified": "in gestures",
        "interpreter": "Professional, by telephone",
        "note": "tired",
    }
    page = text_of(confirmation(IceRoom(), changes))
    for told in ("Ada O'Hara <Test>", "1 Jan 1968 (58 y)", "MRN-4711", "ICE 9 of 10", "4 Mar 09:00"):
        assert told in page
    assert "0 of 1 (Wrong); modified: in gestures" in page
    assert "Professional, by telephone" in page
    assert "tired" in page


def test_subject_encounter_and_performer_come_from_the_session_alone() -> None:
    room = IceRoom()
    fields = room.filled({"consciousness": "alert"}) | {"subject": "Patient/p2", "encounter": "e2"}
    follow(room, room.save(str(room.check(fields).text)))
    [written] = room.writes
    assert written["subject"] == {"reference": "Patient/p1"}
    assert written["encounter"] == {"reference": "Encounter/e1"}
    assert written["performer"] == [{"reference": "Practitioner/7"}]
    assert written["status"] == "final"


def test_time_of_assessment_and_of_entry_are_apart() -> None:
    room = IceRoom()
    follow(room, room.save(confirmation(room, {"assessed-at": "2026-03-04T07:15"})))
    [written] = room.writes
    assert written["effectiveDateTime"] == "2026-03-04T07:15:00+01:00"
    assert written["issued"] == "2026-03-04T09:00:00+01:00"


@pytest.mark.parametrize(
    ("user", "performer"),
    [
        ("Practitioner/7", [{"reference": "Practitioner/7"}]),
        ("https://ehr.example/r4/PractitionerRole/8", [{"reference": "PractitionerRole/8"}]),
        ("https://elsewhere.example/r4/Practitioner/7", None),
    ],
)
def test_the_performer_is_one_that_the_records_own_server_knows(user: str, performer: Any) -> None:
    room = IceRoom(session=session_of(user=user))
    page = confirmation(room)
    assert ("will not name who assessed" in page) == (performer is None)
    follow(room, room.save(page))
    assert room.writes[0].get("performer") == performer


def test_a_form_of_another_patient_is_stopped() -> None:
    room = IceRoom()
    answer = room.post(room.filled() | {"patient": "p2", "do": "save"})
    assert answer.status_code == 409
    assert room.writes == []


# Who may save


@pytest.mark.parametrize(
    ("session", "why"),
    [
        (session_of(scopes=READS), "did not allow this app to write"),
        (session_of(user="Patient/p1"), "did not say that you are a clinician"),
        (session_of(user=None), "did not say that you are a clinician"),
    ],
)
def test_without_the_right_to_save_it_is_a_calculator_that_says_why(session: Any, why: str) -> None:
    room = IceRoom(session=session)
    assert why in text_of(room.open_page())
    page = confirmation(room, {"ice-attention": "0"})
    assert why in text_of(page)
    assert '<p class="grade">ICANS grade 1</p>' in page
    assert 'value="save"' not in page
    assert room.save(page).status_code == 200  # a forged Save shows the same page again
    assert room.writes == []


# Saving that fails


@pytest.mark.parametrize(
    ("saving", "status", "told", "again"),
    [
        (Saving.REFUSED, 403, "does not permit it", False),
        (Saving.REJECTED, 422, "did not accept it", False),
        (Saving.RENEWED, 409, "the sign-in was renewed", True),
        (Saving.ENDED, 401, "the sign-in has ended", False),
        (Saving.CONFLICT, 409, "changed by somebody else", False),
        (Saving.UNCERTAIN, 502, "Perhaps saved: the EHR did not answer", True),
    ],
)
def test_a_save_that_fails_keeps_every_entry_and_says_what_to_do(
    saving: Saving, status: int, told: str, again: bool
) -> None:
    room = IceRoom()
    page = confirmation(room, {"ice-city": "0", "note": "kept"})
    before = hidden_fields(page)
    room.saving = saving
    answer = room.save(page)
    assert answer.status_code == status
    assert told in text_of(answer.text)
    after = hidden_fields(answer.text)
    assert {name: value for name, value in after.items() if name != "form_token"} == {
        name: value for name, value in before.items() if name != "form_token"
    }
    assert ("Save again" in text_of(answer.text).partition("Change the entries")[0][-20:]) == again
    edited = room.post(after | {"do": "edit"})
    assert checked(edited.text)["ice-city"] == "0"
    assert ">kept</textarea>" in edited.text


@pytest.mark.parametrize("arrived", [True, False])
def test_saving_again_after_a_lost_answer_writes_one_observation(arrived: bool) -> None:
    room = IceRoom(saving=Saving.UNCERTAIN, keeps=arrived)
    answer = room.save(confirmation(room))
    room.saving = None
    page = follow(room, room.save(answer.text))
    assert "In the record" in page
    assert len(room.writes) == 1


def test_pressing_save_twice_writes_one_observation() -> None:
    room = IceRoom()
    page = confirmation(room)
    first, second = room.save(page), room.save(page)
    assert first.headers["location"] == second.headers["location"]
    assert len(room.writes) == 1


def test_entries_changed_after_an_unnoticed_save_are_not_said_to_be_saved() -> None:
    room = IceRoom(saving=Saving.UNCERTAIN)
    answer = room.save(confirmation(room))
    room.saving = None
    fields = hidden_fields(answer.text) | {"ice-year": "0"}
    changed = room.save(str(room.check(fields).text))
    assert changed.status_code == 409
    assert "does not hold what you entered" in text_of(changed.text)
    assert 'value="save"' not in changed.text
    assert room.writes[0]["valueInteger"] == 10


def test_what_the_record_does_not_list_is_not_said_to_be_there() -> None:
    room = IceRoom()
    saved = room.save(confirmation(room))
    room.record.pop("Observation/o1")
    assert "The record does not show it" in text_of(follow(room, saved))


# After saving


def test_the_page_shows_what_was_read_again_and_a_line_to_copy() -> None:
    room = IceRoom()
    page = follow(room, room.save(confirmation(room, {"ice-naming": "2", "consciousness": "alert"})))
    assert "ICE 9 of 10 , assessed 4 Mar 09:00, by Practitioner/7; entered 4 Mar 09:00" in text_of(page)
    line = "ICE 9 of 10 (naming 2/3); arousal: alert; ICANS grade 1 (ASTCT 2019); 4 Mar 09:00"
    assert f">{line}</textarea>" in page


def test_a_correction_replaces_the_same_observation_within_the_hour() -> None:
    room = IceRoom(session=session_of(CORRECTS))
    page = follow(room, room.save(confirmation(room, {"ice-year": "0", "note": "hm"})))
    [link] = re.findall(r'href="[^"]*(/ice/correct/[^"]+)"', page)
    form = room.browser.get(f"/smart/s/s1{link}").text
    assert checked(form)["ice-year"] == "0"
    assert ">hm</textarea>" in form
    fields = hidden_fields(form) | typed_fields(form) | checked(form) | {"ice-year": "1"}
    told = room.check(fields)
    assert "Save the correction" in text_of(told.text)
    page = follow(room, room.save(told.text))
    assert "corrected" in text_of(page)
    first, second = room.writes
    assert second["id"] == "o1"
    assert second["identifier"] == first["identifier"]
    assert (second["status"], second["valueInteger"]) == ("corrected", 10)
    assert [name for name in room.record if name.startswith("Observation")] == ["Observation/o1"]


@pytest.mark.parametrize("why", ["an hour later", "somebody else", "no scope", "not of a form", "changed"])
def test_only_an_own_entry_of_the_last_hour_can_be_corrected(why: str) -> None:
    room = IceRoom(session=session_of(CORRECTS))
    page = follow(room, room.save(confirmation(room)))
    [link] = re.findall(r'href="[^"]*(/ice/correct/[^"]+)"', page)
    form = room.browser.get(f"/smart/s/s1{link}").text
    fields = hidden_fields(form) | typed_fields(form) | checked(form) | {"ice-year": "0"}
    kept = room.record["Observation/o1"]
    if why == "an hour later":
        room.now_is += timedelta(minutes=61)
    elif why == "somebody else":
        room.session = dataclasses.replace(room.session, fhir_user="Practitioner/8")
    elif why == "no scope":
        room.session = session_of()
    elif why == "not of a form":
        kept["identifier"] = [{"system": "http://ehr.example", "value": "1"}]
    else:
        kept["meta"] = {"versionId": "9"}
    answer = room.post(fields | {"do": "save"})
    assert answer.status_code == 409
    assert len(room.writes) == 1
    if why != "changed":
        assert room.browser.get(f"/smart/s/s1{link}").status_code == 409


def test_an_hour_is_exactly_sixty_minutes() -> None:
    room = IceRoom(session=session_of(CORRECTS))
    page = follow(room, room.save(confirmation(room)))
    [link] = re.findall(r'href="[^"]*(/ice/correct/[^"]+)"', page)
    room.now_is += timedelta(minutes=60)
    assert room.browser.get(f"/smart/s/s1{link}").status_code == 200


def test_the_grade_of_a_correction_does_not_count_what_it_replaces() -> None:
    room = IceRoom(session=session_of(CORRECTS))
    page = follow(room, room.save(confirmation(room, {"seizure": "prolonged-over-5-min"})))
    assert '<p class="grade">ICANS grade 4</p>' in page
    [link] = re.findall(r'href="[^"]*(/ice/correct/[^"]+)"', page)
    form = room.browser.get(f"/smart/s/s1{link}").text
    fields = hidden_fields(form) | typed_fields(form) | checked(form) | {"seizure": ""}
    told = room.check(fields).text
    assert '<p class="grade">ICANS grade 0</p>' in told
    assert '<p class="grade">ICANS grade 0</p>' in follow(room, room.save(told))


# Children


def capd_fields(room: IceRoom, changes: dict[str, str]) -> dict[str, str]:
    page = room.open_page("?instrument=capd-assessment")
    return hidden_fields(page) | typed_fields(page) | changes


def test_under_twelve_ice_is_not_valid_and_capd_is_asked() -> None:
    room = IceRoom(birth_date="2014-03-05")  # twelve tomorrow
    page = room.open_page("?instrument=ice-assessment")
    assert "ICE is not valid under 12 years" in text_of(page)
    assert 'name="ice-year"' not in page
    assert 'name="ice-year"' in IceRoom(birth_date="2014-03-04").open_page()


@pytest.mark.parametrize(
    ("birth_date", "offered"),
    [("2005-01-01", True), ("2004-03-04", False), ("1968-01-01", False), (None, True)],
)
def test_capd_is_offered_for_delayed_development_up_to_21_years(
    birth_date: str | None, offered: bool
) -> None:
    room = IceRoom(birth_date=birth_date)
    assert ("Score CAPD instead" in text_of(room.open_page())) == offered
    assert ("capd-total" in room.open_page("?instrument=capd-assessment")) == offered


@pytest.mark.parametrize(
    ("total", "arousal", "grade"),
    [
        ("0", "alert", "ICANS grade 0"),
        ("8", "alert", "ICANS grade 1"),
        ("8", "awakens-to-voice", "ICANS grade 2"),
        ("9", "alert", "ICANS grade 3"),
        ("32", "unarousable", "ICANS grade 4"),
    ],
)
def test_capd_is_saved_and_graded_as_capd(total: str, arousal: str, grade: str) -> None:
    room = IceRoom(birth_date="2018-01-01")
    told = room.check(capd_fields(room, {"capd-total": total, "consciousness": arousal})).text
    assert f'<p class="grade">{grade}</p>' in told
    assert f"CAPD {total} of 32" in text_of(follow(room, room.save(told)))
    assert room.writes[0]["valueInteger"] == int(total)


def test_a_capd_that_could_not_be_performed_is_not_performed_and_asks_for_arousal() -> None:
    room = IceRoom(birth_date="2018-01-01")
    fields = capd_fields(room, {"capd-total.reason": "Unarousable"})
    assert room.check(fields).status_code == 422
    told = room.check(fields | {"consciousness": "unarousable"}).text
    assert "CAPD could not be performed" in text_of(told)
    assert '<p class="grade">ICANS grade 4</p>' in told
    follow(room, room.save(told))
    assert room.writes[0]["dataAbsentReason"]["coding"][0]["code"] == "not-performed"


@pytest.mark.parametrize("total", ["33", "-1", "3.5", "eight", "", "٣"])
def test_a_capd_total_is_a_whole_number_from_0_to_32(total: str) -> None:
    room = IceRoom(birth_date="2018-01-01")
    answer = room.check(capd_fields(room, {"capd-total": total, "consciousness": "alert"}))
    assert answer.status_code == 422
    assert re.findall(r'<li><a href="#([^"]+)"', answer.text) == ["capd-total"]


# The page itself


def test_text_of_the_record_is_escaped_and_nothing_runs_inline() -> None:
    room = IceRoom()
    page = confirmation(room, {"note": "<script>alert(1)</script>"})
    for html in (room.open_page(), page, follow(room, room.save(page))):
        assert "<script>alert" not in html
        assert "O&#39;Hara &lt;Test&gt;" in html
        assert not re.search(r"<script(?![^>]* src=)|\son\w+=|\sstyle=|<style", html)


def test_the_running_figure_has_the_rows_of_the_consensus_and_no_others() -> None:
    [rows] = re.findall(r'data-running="([^"]+)"', IceRoom().open_page())
    assert rows == "[[7, 9, 1], [3, 6, 2], [0, 2, 3], [0, 0, 4]]"


def test_what_could_not_be_read_is_said_where_the_grade_is_shown() -> None:
    page = confirmation(IceRoom(unread=("neurological findings: no answer",)))
    assert "the grade may be another: neurological findings: no answer" in text_of(page)
