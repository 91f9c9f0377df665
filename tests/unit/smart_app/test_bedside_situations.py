"""Situations at the bedside and what the pages must say of them, worked out by hand from the ASTCT tables.

The edge rules of the clinical reference are named by their ids. Now is 4 March, 09:00, day 3 after the
infusion of 1 March, 10:00.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from grading.chart import Chart, ImmuneDrug, PendingOrder, Source
from smart_app.handover import write_handover
from tests.chart_builders import (
    ADULT,
    ago,
    bolus,
    consciousness,
    device,
    dose,
    drip,
    elsewhere,
    flow,
    ice,
    infusion,
    motor,
    raised_icp,
    saturation,
    sedated,
    seizure,
    systolic,
    temperature,
    well_charted,
)
from tests.unit.smart_app.ice_room import (
    OWN,
    IceRoom,
    Resource,
    hidden_fields,
    observation,
    text_of,
    typed_fields,
)
from tests.unit.smart_app.ice_room import infusion as procedure
from tests.unit.smart_app.statement_room import StatementRoom, session

ITEMS = ("year", "month", "city", "hospital", "naming", "command", "writing", "attention")
WRONG = {f"ice-{item}": "0" for item in ITEMS}
ALERT = {"consciousness": "alert"}
EIGHT = {"ice-naming": "1"}  # the one object named of three
FIVE = {"ice-naming": "0", "ice-year": "0", "ice-month": "0"}
SIX = {"ice-naming": "0", "ice-year": "0"}
TWO = WRONG | {"ice-naming": "2"}


def untested(*items: str, reason: str = "Declined") -> dict[str, str]:
    chosen = {f"ice-{item}": "not-tested" for item in items}
    return chosen | {f"ice-{item}.reason": reason for item in items}


def stated(code: str, value: str, at: str, **members: Any) -> Resource:
    concept = {"valueCodeableConcept": {"coding": [{"system": OWN, "code": value}]}}
    return observation(code, f"{code}-{value}", at, **concept, **members)


def scored(points: int, at: str, code: str = "ice-total") -> Resource:
    return observation(code, f"{code}-{points}", at, valueInteger=points)


EARLY, LATE = "2026-03-04T02:00:00+01:00", "2026-03-04T08:00:00+01:00"
BASELINE_8 = scored(8, "2026-02-28T10:00:00+01:00", "baseline-ice")

# What is entered; what stands in the record; the grade that the page must show now.
ENTERED: Sequence[tuple[str, Mapping[str, str], Sequence[Resource], str]] = (
    ("full and alert", ALERT, (), "ICANS grade 0"),
    ("full, arousal not said: no entry is no event (N5)", {}, (), "ICANS grade 0"),
    ("8 of 10", EIGHT | ALERT, (), "ICANS grade 1"),
    ("6 of 10", SIX | ALERT, (), "ICANS grade 2"),
    ("2 of 10", TWO | ALERT, (), "ICANS grade 3"),
    ("0 awake (N2)", WRONG | ALERT, (), "ICANS grade 3"),
    ("0 unarousable (N2)", WRONG | {"consciousness": "unarousable"}, (), "ICANS grade 4"),
    ("0 to voice is awake", WRONG | {"consciousness": "awakens-to-voice"}, (), "ICANS grade 3"),
    ("one item not done: 9–10 (N1)", untested("writing") | ALERT, (), "ICANS 0–1, not decidable"),
    (
        "three not done: 5–10 (N1)",
        untested("naming", "writing", "attention") | ALERT,
        (),
        "ICANS 0–2, not decidable",
    ),
    (
        "2 right, rest not done: 2–10",
        untested("naming", "writing", "attention", "hospital", "command", "city") | ALERT,
        (),
        "ICANS 0–3, not decidable",
    ),
    (
        "all wrong, naming not done: 0–3, awake",
        WRONG | untested("naming") | ALERT,
        (),
        "ICANS 2–3, not decidable",
    ),
    ("none done, alert (N3)", untested(*ITEMS) | ALERT, (), "ICANS 0–3, not decidable"),
    (
        "none done, wakes by itself (N3)",
        untested(*ITEMS) | {"consciousness": "awakens-spontaneously"},
        (),
        "ICANS 1–3, not decidable",
    ),
    (
        "none done, to voice (N3)",
        untested(*ITEMS) | {"consciousness": "awakens-to-voice"},
        (),
        "ICANS 2–3, not decidable",
    ),
    (
        "none done, to touch (N3)",
        untested(*ITEMS) | {"consciousness": "awakens-to-touch"},
        (),
        "ICANS grade 3",
    ),
    ("none done, unarousable (N3)", untested(*ITEMS) | {"consciousness": "unarousable"}, (), "ICANS grade 4"),
    ("full, wakes by itself (N4)", {"consciousness": "awakens-spontaneously"}, (), "ICANS grade 0"),
    ("full, to voice: arousal decides", {"consciousness": "awakens-to-voice"}, (), "ICANS grade 2"),
    ("full, to touch: arousal decides", {"consciousness": "awakens-to-touch"}, (), "ICANS grade 3"),
    ("baseline 8, again 8 (N11)", EIGHT | ALERT, (BASELINE_8,), "ICANS grade 0"),
    ("baseline 8, now 6 (N11)", SIX | ALERT, (BASELINE_8,), "ICANS grade 2"),
    (
        "modified and right counts in full",
        {"ice-writing.modified": "with the left hand"} | ALERT,
        (),
        "ICANS grade 0",
    ),
    ("tremor (N7)", ALERT | {"motor": "tremor-or-myoclonus"}, (), "ICANS grade 0"),
    ("hemiparesis", ALERT | {"motor": "hemiparesis"}, (), "ICANS grade 4"),
    ("paraparesis", ALERT | {"motor": "paraparesis"}, (), "ICANS grade 4"),
    ("brief seizure", ALERT | {"seizure": "brief-resolved"}, (), "ICANS grade 3"),
    ("EEG seizure, treated", ALERT | {"seizure": "eeg-resolved-with-treatment"}, (), "ICANS grade 3"),
    ("repeated with recovery (N10)", ALERT | {"seizure": "repeated-with-recovery"}, (), "ICANS grade 3"),
    ("over 5 minutes", ALERT | {"seizure": "prolonged-over-5-min"}, (), "ICANS grade 4"),
    ("without recovery", ALERT | {"seizure": "repetitive-without-recovery"}, (), "ICANS grade 4"),
    ("focal oedema", ALERT | {"raised-icp": "focal-oedema"}, (), "ICANS grade 3"),
    ("diffuse oedema", ALERT | {"raised-icp": "diffuse-oedema"}, (), "ICANS grade 4"),
    ("posturing", ALERT | {"raised-icp": "posturing"}, (), "ICANS grade 4"),
    ("sixth nerve (N9)", ALERT | {"raised-icp": "cranial-nerve-vi-palsy"}, (), "ICANS grade 4"),
    ("papilloedema", ALERT | {"raised-icp": "papilloedema"}, (), "ICANS grade 4"),
    ("Cushing's triad", ALERT | {"raised-icp": "cushing-triad"}, (), "ICANS grade 4"),
    (
        "the worked example: ICE 5 and a seizure",
        FIVE | ALERT | {"seizure": "brief-resolved"},
        (),
        "ICANS grade 3",
    ),
    ("sedated (N6)", WRONG | {"consciousness": "unarousable", "sedated": "yes"}, (), "ICANS not assessable"),
    (
        "sedated with a seizure: it stands",
        ALERT | {"sedated": "yes", "seizure": "brief-resolved"},
        (),
        "ICANS 3–4, not decidable",
    ),
    (
        "sedated with papilloedema: it stands",
        ALERT | {"sedated": "yes", "raised-icp": "papilloedema"},
        (),
        "ICANS grade 4",
    ),
    (
        "sedation of 02:00 not taken back",
        ALERT,
        (observation("sedated", "s", EARLY, valueBoolean=True),),
        "ICANS not assessable",
    ),
    (
        "sedation of 02:00 taken back",
        ALERT | {"sedated": "no"},
        (observation("sedated", "s", EARLY, valueBoolean=True),),
        "ICANS grade 0",
    ),
    (
        'a seizure of 02:00 outlives "none"',
        ALERT | {"seizure": "none"},
        (stated("seizure", "prolonged-over-5-min", EARLY),),
        "ICANS grade 4",
    ),
    (
        "a seizure entered in error does not",
        ALERT,
        (stated("seizure", "prolonged-over-5-min", EARLY, status="entered-in-error"),),
        "ICANS grade 0",
    ),
    (
        "hemiparesis of 02:00 stands while not said",
        ALERT,
        (stated("motor", "hemiparesis", EARLY),),
        "ICANS grade 4",
    ),
    (
        'hemiparesis of 02:00 ends with "none"',
        ALERT | {"motor": "none"},
        (stated("motor", "hemiparesis", EARLY),),
        "ICANS grade 0",
    ),
    (
        "attributed to a bleed (N8)",
        WRONG | {"consciousness": "unarousable"},
        (stated("attributed-elsewhere", "neurological", LATE, note=[{"text": "bleed"}]),),
        "ICANS not assessable",
    ),
)


@pytest.mark.parametrize(
    ("entered", "record", "grade"), [each[1:] for each in ENTERED], ids=[each[0] for each in ENTERED]
)
def test_what_is_entered_makes_the_grade_of_the_table(
    entered: Mapping[str, str], record: Sequence[Resource], grade: str
) -> None:
    room = IceRoom()
    room.record |= {f"Observation/{resource['id']}": resource for resource in record}
    answer = room.check(room.filled(dict(entered)))
    assert answer.status_code == 200, text_of(answer.text)
    assert shown(answer.text) == grade


def shown(html: str) -> str:
    found = re.search(r'<p class="grade">(?:Now: )?(.*?)</p>', html)
    assert found is not None
    return found[1]


# Entered, birth date, grade: under 12 years, and up to 21 with developmental delay.
CHILDREN = (
    ("0 alert", {"capd-total": "0"} | ALERT, "2018-01-01", "ICANS grade 0"),
    ("0, arousal not said", {"capd-total": "0"}, "2018-01-01", "ICANS 0–2, not decidable"),
    ("5 alert, 11 years", {"capd-total": "5"} | ALERT, "2014-03-05", "ICANS grade 1"),
    ("5 to voice", {"capd-total": "5", "consciousness": "awakens-to-voice"}, "2018-01-01", "ICANS grade 2"),
    ("5, arousal not said", {"capd-total": "5"}, "2018-01-01", "ICANS 1–2, not decidable"),
    ("9", {"capd-total": "9"} | ALERT, "2018-01-01", "ICANS grade 3"),
    (
        "not performed, unarousable",
        {"capd-total.reason": "Unarousable", "consciousness": "unarousable"},
        "2018-01-01",
        "ICANS grade 4",
    ),
    (
        "not performed, alert",
        {"capd-total.reason": "Not observed long enough"} | ALERT,
        "2018-01-01",
        "ICANS 0–3, not decidable",
    ),
    ("delayed, 15 years", {"capd-total": "10"} | ALERT, "2011-01-01", "ICANS grade 3"),
)


@pytest.mark.parametrize(
    ("entered", "born", "grade"), [each[1:] for each in CHILDREN], ids=[each[0] for each in CHILDREN]
)
def test_capd_of_a_child_makes_the_grade_of_its_table(
    entered: Mapping[str, str], born: str, grade: str
) -> None:
    room = IceRoom(birth_date=born)
    page = room.open_page("?instrument=capd-assessment")
    answer = room.check(hidden_fields(page) | typed_fields(page) | entered)
    assert answer.status_code == 200, text_of(answer.text)
    assert shown(answer.text) == grade


@pytest.mark.parametrize(
    ("born", "heading"), [("2014-03-05", "CAPD assessment"), ("2014-03-04", "ICE assessment")]
)
def test_ice_begins_on_the_twelfth_birthday(born: str, heading: str) -> None:
    assert f"<h1>{heading}</h1>" in IceRoom(birth_date=born).open_page()


def test_between_two_infusions_of_one_treatment_a_score_is_graded_and_no_baseline() -> None:
    room = IceRoom()
    room.record["Procedure/second"] = procedure("2026-03-04T08:00:00+01:00") | {"id": "second"}
    page = room.check(room.filled(EIGHT | ALERT | {"assessed-at": "2026-03-04T07:00"})).text
    assert shown(page) == "ICANS grade 1"
    assert "kept as a baseline" not in text_of(page)


FEVER = (temperature("38.9", 2),)
# The chart; what the hand-over says of CRS, and of ICANS.
CHARTED: Sequence[tuple[str, Chart, str, str]] = (
    ("fever alone", well_charted(temperatures=FEVER), "CRS grade 1", "ICANS grade 0"),
    ("38.0 is fever (F1)", well_charted(temperatures=(temperature("38.0"),)), "CRS grade 1", "ICANS grade 0"),
    (
        "37.94 is none (F1)",
        well_charted(temperatures=(temperature("37.94"),)),
        "CRS grade 0",
        "ICANS grade 0",
    ),
    (
        "fever, no pressure (004)",
        well_charted(temperatures=FEVER, systolic_pressures=()),
        "CRS 1–2, not decidable",
        "ICANS grade 0",
    ),
    (
        "systolic 84 without fever",
        well_charted(systolic_pressures=(systolic(84),)),
        "CRS 0–2, not decidable",
        "ICANS grade 0",
    ),
    (
        "fever, 84 untreated (F15)",
        well_charted(temperatures=FEVER, systolic_pressures=(systolic(84),)),
        "CRS grade 2",
        "ICANS grade 0",
    ),
    (
        "fever, 84 then bolus (F15)",
        well_charted(
            temperatures=FEVER,
            systolic_pressures=(systolic(84, 3), systolic(110)),
            fluid_boluses=(bolus(500, 2),),
        ),
        "CRS grade 2",
        "ICANS grade 0",
    ),
    (
        "one vasopressor",
        well_charted(temperatures=FEVER, vasoactives=(drip("norepinephrine", 3),)),
        "CRS grade 3",
        "ICANS grade 0",
    ),
    (
        "with vasopressin (F8)",
        well_charted(temperatures=FEVER, vasoactives=(drip("norepinephrine", 3), drip("vasopressin", 2))),
        "CRS grade 3",
        "ICANS grade 0",
    ),
    (
        "two vasopressors",
        well_charted(temperatures=FEVER, vasoactives=(drip("norepinephrine", 3), drip("epinephrine", 2))),
        "CRS grade 4",
        "ICANS grade 0",
    ),
    (
        "dobutamine counts for nothing",
        well_charted(temperatures=FEVER, vasoactives=(drip("dobutamine", 3),)),
        "CRS grade 1",
        "ICANS grade 0",
    ),
    (
        "stopped an hour ago",
        well_charted(temperatures=FEVER, vasoactives=(drip("norepinephrine", 30, 5),)),
        "CRS grade 1",
        "ICANS grade 0",
    ),
    (
        "a push is at least 2",
        well_charted(temperatures=FEVER, vasoactives=(drip("phenylephrine", 2, 2, rate=None),)),
        "CRS grade 2",
        "ICANS grade 0",
    ),
    (
        "cannula 6 L/min (F5)",
        well_charted(temperatures=FEVER, oxygen_devices=(device("nasal-cannula"),), oxygen_flows=(flow(6),)),
        "CRS grade 2",
        "ICANS grade 0",
    ),
    (
        "cannula 7 L/min",
        well_charted(temperatures=FEVER, oxygen_devices=(device("nasal-cannula"),), oxygen_flows=(flow(7),)),
        "CRS grade 3",
        "ICANS grade 0",
    ),
    (
        "cannula without a flow",
        well_charted(temperatures=FEVER, oxygen_devices=(device("nasal-cannula"),)),
        "CRS 2–3, not decidable",
        "ICANS grade 0",
    ),
    (
        "flow without a device",
        well_charted(temperatures=FEVER, oxygen_devices=(), oxygen_flows=(flow(4),)),
        "CRS 2–3, not decidable",
        "ICANS grade 0",
    ),
    (
        "82 % on room air (F14)",
        well_charted(temperatures=FEVER, saturations=(saturation(82),)),
        "CRS 2–4, not decidable",
        "ICANS grade 0",
    ),
    (
        "BiPAP",
        well_charted(temperatures=FEVER, oxygen_devices=(device("bipap"),)),
        "CRS grade 4",
        "ICANS grade 0",
    ),
    (
        "fever attributed, 84 left",
        well_charted(
            temperatures=FEVER, systolic_pressures=(systolic(84),), attributions=(elsewhere("fever"),)
        ),
        "CRS 0–2, not decidable",
        "ICANS grade 0",
    ),
    (
        "fever attributed three days ago, and new today (005)",
        well_charted(temperatures=FEVER, attributions=(elsewhere("fever", 71),)),
        "CRS grade 0",
        "ICANS grade 0",
    ),
    (
        "attribution withdrawn",
        well_charted(
            temperatures=FEVER, attributions=(elsewhere("fever", 30), elsewhere("fever", 10, withdrawn=True))
        ),
        "CRS grade 1",
        "ICANS grade 0",
    ),
    (
        "masked: 84 after tocilizumab (F2)",
        well_charted(
            temperatures=(temperature("38.9", 20), temperature("36.8", 1)),
            systolic_pressures=(systolic(84),),
            drug_doses=(dose("tocilizumab", 15),),
        ),
        "CRS grade 2",
        "ICANS grade 0",
    ),
    (
        "dexamethasone before any fever opens no CRS (F3)",
        well_charted(systolic_pressures=(systolic(84),), drug_doses=(dose("dexamethasone", 15),)),
        "CRS 0–2, not decidable",
        "ICANS grade 0",
    ),
    (
        "ICE of 13 hours ago is stale (N12)",
        well_charted(ice_scores=(ice(5, hours=13),)),
        "CRS grade 0",
        "ICANS 0–3, not decidable",
    ),
    (
        "seizure of 25 hours ago is over",
        well_charted(seizures=(seizure("brief-resolved", 25),)),
        "CRS grade 0",
        "ICANS grade 0",
    ),
    (
        "papilloedema stands for days",
        well_charted(raised_icp=(raised_icp("papilloedema", 60),)),
        "CRS grade 0",
        "ICANS grade 4",
    ),
    ("tremor", well_charted(motor=(motor("tremor-or-myoclonus"),)), "CRS grade 0", "ICANS grade 0"),
    (
        "sedated",
        well_charted(sedation=(sedated(True),), consciousness=(consciousness("unarousable"),)),
        "CRS grade 0",
        "ICANS not assessable",
    ),
    (
        "nothing charted",
        Chart(patient=ADULT, infusions=(infusion(),)),
        "CRS not assessable",
        "ICANS not assessable",
    ),
    (
        "dead of another cause",
        well_charted(patient=replace(ADULT, deceased=True, deceased_at=ago(1))),
        "CRS not assessable",
        "ICANS not assessable",
    ),
)


@pytest.mark.parametrize(
    ("chart", "crs", "icans"), [each[1:] for each in CHARTED], ids=[each[0] for each in CHARTED]
)
def test_the_handover_gives_the_grades_of_the_tables(chart: Chart, crs: str, icans: str) -> None:
    lines = handed_over(chart)
    graded = [line for line in lines if re.match(r"- (CRS|ICANS) (grade|not|\d)", line)]
    assert [line.partition(", since ")[0].partition(", unchanged")[0] for line in graded] == [
        f"- {crs}",
        f"- {icans}",
    ]
    # A bound is never called a grade, and a suggestion that is not verified is never recommended.
    assert all("not verified" not in line for line in lines if line.startswith("- RECOMMENDED"))


def handed_over(chart: Chart) -> list[str]:
    return write_handover(asyncio.run(StatementRoom(chart).read(session()))).splitlines()


def test_an_order_is_told_as_ordered_and_never_as_given() -> None:
    order = PendingOrder(ImmuneDrug.TOCILIZUMAB, ago(2), Source("MedicationRequest/1"))
    told = handed_over(well_charted(temperatures=FEVER, pending_orders=(order,)))
    assert "- Ordered, not charted as given: tocilizumab" in told
    assert "- Tocilizumab counted: 0 in all, 0 in the last 24 h" in told
    assert not any(line.startswith("- Given tocilizumab") for line in told)


def test_a_dose_without_a_weight_is_a_rule_and_no_number() -> None:
    told = handed_over(well_charted(temperatures=FEVER, systolic_pressures=(systolic(84),), weights=()))
    text = "\n".join(told)
    assert "576 mg" not in text
    assert not re.search(r"tocilizumab, \d", text)
    assert any("no weight" in line for line in told if line.startswith("- HELD BACK"))


def test_a_second_infusion_counts_the_days_and_doses_of_the_first_are_kept() -> None:
    told = handed_over(
        well_charted(
            infusions=(infusion(12), infusion(3)),
            drug_doses=(dose("tocilizumab", 200, milligrams=Decimal(576)),),
        )
    )
    assert "- Day 3 after axicabtagene ciloleucel" in told
    assert any(line.startswith("- Given tocilizumab: 576 mg 2 Mar 00:00") for line in told)
