"""The launch context: the patient of the EHR, and comfort that may be missing."""

import json

import pytest

from smart_app.launch_context import NoPatientError, read_launch_context, view_of_hint
from smart_app.session import View

BASE = "https://ehr.example/r4"
BARE = {"patient": "patient-one"}


def test_a_patient_alone_is_enough() -> None:
    context = read_launch_context(BARE, BASE)
    assert context.patient_id == "patient-one" and context.encounter_id is None
    assert context.shows_banner and context.view is View.COURSE
    assert context.highlight is None and context.style_url is None


@pytest.mark.parametrize("patient", [None, "", " ", "a/b", "Patient/1", "a\n", "x" * 65, 1, {}, ["a"]])
def test_what_is_no_patient_id_stops_the_launch(patient: object) -> None:
    with pytest.raises(NoPatientError):
        read_launch_context({"patient": patient}, BASE)
    with pytest.raises(NoPatientError):
        read_launch_context({}, BASE)


@pytest.mark.parametrize(("encounter", "kept"), [("e-1", "e-1"), ("a/b", None), (7, None), ("", None)])
def test_an_encounter_is_optional(encounter: object, kept: str | None) -> None:
    assert read_launch_context(BARE | {"encounter": encounter}, BASE).encounter_id == kept


@pytest.mark.parametrize(
    ("value", "shows"), [(False, False), (True, True), ("false", True), (0, True), (None, True), ("", True)]
)
def test_a_banner_is_left_out_for_exactly_false(value: object, shows: bool) -> None:
    assert read_launch_context(BARE | {"need_patient_banner": value}, BASE).shows_banner is shows


@pytest.mark.parametrize(
    ("intent", "view"),
    [
        ("timeline", View.COURSE),
        ("ice-assessment", View.ICE),
        ("treatment-history", View.TREATMENTS),
        ("reconcile-medications", View.COURSE),
        ("ICE-ASSESSMENT", View.COURSE),
        (None, View.COURSE),
        (["ice-assessment"], View.COURSE),
    ],
)
def test_an_intent_that_is_unknown_opens_the_course(intent: object, view: View) -> None:
    assert read_launch_context(BARE | {"intent": intent}, BASE).view is view


@pytest.mark.parametrize(
    ("hint", "view"),
    [
        ('{"v":1,"view":"ice"}', View.ICE),
        ('{"v":1,"view":"course"}', View.COURSE),
        ('{"v":1,"view":"treatments","card":"4f7c"}', View.TREATMENTS),
        ('{"v":2,"view":"ice"}', None),
        ('{"view":"ice"}', None),
        ('{"v":1,"view":"../ice"}', None),
        ('{"v":1,"view":"ice","patient":"patient-two"}', None),
        ('{"v":1,"view":"ice","card":{}}', None),
        ("ice", None),
        ("", None),
        ("[" * 4000, None),
        ('{"v":1,"view":"ice"}' + " " * 4096, None),
        ('{"v":1,"view":"ice","card":"' + "é" * 2040 + '"}', None),
        ("\ud800", None),
        ({"v": 1, "view": "ice"}, None),
        (None, None),
    ],
)
def test_the_hint_of_a_card_is_checked_by_its_schema(hint: object, view: View | None) -> None:
    assert view_of_hint(hint) is view


def test_a_hint_of_4096_bytes_is_read_and_one_more_is_not() -> None:
    plain = '{"v":1,"view":"ice"}'
    assert view_of_hint(plain.ljust(4096)) is View.ICE
    assert view_of_hint(plain.ljust(4097)) is None


def test_the_hint_goes_before_the_intent_and_a_bad_one_behind() -> None:
    ice = json.dumps({"v": 1, "view": "ice"})
    assert read_launch_context(BARE | {"appContext": ice, "intent": "timeline"}, BASE).view is View.ICE
    assert read_launch_context(BARE | {"appContext": "x", "intent": "ice-assessment"}, BASE).view is View.ICE


@pytest.mark.parametrize(
    ("contexts", "highlight"),
    [
        ([{"reference": "Observation/o-1"}], "Observation/o-1"),
        ([{"reference": f"{BASE}/Observation/o-1", "role": "launch"}], "Observation/o-1"),
        ([{"reference": "Procedure/p-1"}, {"reference": "Observation/o-2"}], "Observation/o-2"),
        ([{"canonical": "https://x.example/q"}, {"identifier": {"value": "7"}}], None),
        ([{"reference": "Observation/o-1", "role": "https://x.example/other"}], None),
        ([{"reference": "https://evil.example/Observation/o-1"}], None),
        ([{"reference": "Observation/../Patient/2"}], None),
        ([{"reference": 7}, "Observation/o-1", None, {}], None),
        ({"reference": "Observation/o-1"}, None),
        (None, None),
    ],
)
def test_the_observation_to_look_at_is_one_of_this_server(contexts: object, highlight: str | None) -> None:
    assert read_launch_context(BARE | {"fhirContext": contexts}, BASE).highlight == highlight


def test_unknown_extensions_and_tenant_change_nothing() -> None:
    more = BARE | {"tenant": "north", "x-extension": {"patient": "patient-two"}}
    assert read_launch_context(more, BASE) == read_launch_context(BARE, BASE)
