"""The hand-over, compared line by line with what was worked out by hand."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest

from grading.chart import Chart, ChartGap, GapWhat, GapWhy, Lab, LabValue, Source
from smart_app.handover import write_handover
from smart_app.handover_page import handover_router
from smart_app.page_room import Banner
from tests.chart_builders import (
    ADULT,
    SOURCE,
    ago,
    consciousness,
    device,
    dose,
    drip,
    elsewhere,
    flow,
    ice,
    infusion,
    seizure,
    systolic,
    temperature,
    well_charted,
)
from tests.unit.smart_app.statement_room import StatementRoom, client_of, session, words


def handover(room: StatementRoom) -> str:
    return write_handover(asyncio.run(room.read(session())))


def lines(chart: Chart) -> list[str]:
    return handover(StatementRoom(chart)).splitlines()


# Day 3 after axi-cel. Fever 38.9 °C two hours ago, norepinephrine for three hours, oxygen 4 L/min, ICE 5 and
# a brief seizure: CRS 3 by one vasopressor, ICANS 3 by the seizure. Tocilizumab of six hours ago holds the
# next one back.
STORMY = well_charted(
    temperatures=(temperature("38.9", 2), temperature("38.2", 1)),
    systolic_pressures=(systolic(84),),
    vasoactives=(drip("norepinephrine", 3),),
    oxygen_devices=(device("nasal-cannula"),),
    oxygen_flows=(flow(4),),
    ice_scores=(ice(5),),
    seizures=(seizure("brief-resolved"),),
    attributions=(elsewhere("hypoxia", cause="pulmonary embolism"),),
    drug_doses=(
        dose("tocilizumab", 20, milligrams=Decimal(576)),
        dose("tocilizumab", 6, milligrams=Decimal(576)),
        dose("dexamethasone", 5, milligrams=Decimal(10)),
    ),
)


def test_statements_that_could_not_be_read_are_told_beside_those_that_were() -> None:
    line = "- Not all read: what is attributed to another cause, and the team's concern"
    assert line not in lines(STORMY)
    gap = ChartGap(GapWhat.CONDITIONS, GapWhy.NOT_RETRIEVED, "attributions: not permitted")
    assert line in lines(replace(STORMY, gaps=(gap,)))


def test_the_situation_names_patient_day_product_and_both_grades() -> None:
    told = lines(STORMY)
    assert told[:7] == [
        "CAR-T HAND-OVER (SBAR), record read at 10 Mar 2026, 08:00 UTC",
        "SITUATION",
        "- Ada Example, born 1 Jan 1968 (58 y), MRN MRN-4711",
        "- Day 3 after axicabtagene ciloleucel",
        "- CRS grade 3, since 10 Mar 06:00 (before: not decidable: possible 0 to 3)",
        "- ICANS grade 3, since 10 Mar 06:00 (before: not assessable)",
        "- If nothing were attributed to another cause: CRS grade 3, ICANS grade 3",
    ]


def test_the_background_tells_course_doses_and_attributions() -> None:
    told = lines(STORMY)
    begin = told.index("BACKGROUND")
    assert told[begin : told.index("ASSESSMENT")] == [
        "BACKGROUND",
        "- CAR-T infusion 7 Mar 08:00",
        "- CRS: above grade 0 first 10 Mar 06:00; peak grade 3, from 10 Mar 06:00",
        "- ICANS: above grade 0 first 10 Mar 06:00; peak grade 3, from 10 Mar 06:00",
        "- Given tocilizumab: 576 mg 9 Mar 12:00; 576 mg 10 Mar 02:00",
        "- Given dexamethasone: 10 mg 10 Mar 03:00",
        "- Tocilizumab counted: 2 in all, 2 in the last 24 h, the last 6.0 h ago",
        "- Low oxygen attributed to another cause since 10 Mar 07:00: pulmonary embolism",
    ]


def test_the_assessment_tells_the_evidence_with_its_times_and_what_is_not_known() -> None:
    told = lines(STORMY)
    begin = told.index("ASSESSMENT")
    assert told[begin : begin + 5] == [
        "ASSESSMENT",
        "- CRS rests on: norepinephrine 0.05 mcg/kg/min (10 Mar 05:00); 38.9 °C (10 Mar 06:00)",
        "- ICANS rests on: brief seizure, resolved (10 Mar 06:00); ICE 5 (10 Mar 06:00)",
        "- Charted: temperature 38.2 °C (10 Mar 07:00); highest 38.9 °C (10 Mar 06:00); "
        "systolic 84 mmHg (10 Mar 07:00); norepinephrine 0.05 mcg/kg/min, running since 10 Mar 05:00; "
        "nasal cannula 4 L/min (10 Mar 07:00); SpO2 96 % (10 Mar 07:00); weight 72 kg (7 Mar 08:00)",
        "- Charted: ICE 5 of 10 (10 Mar 06:00); consciousness: alert (10 Mar 06:00); "
        "seizure: brief seizure, resolved (10 Mar 06:00); motor: none (10 Mar 06:00); "
        "raised intracranial pressure: none (10 Mar 06:00)",
    ]
    assert told[begin + 5].startswith("- Not known: Laboratory value not charted")


def test_the_recommendation_tells_strength_dose_what_is_held_back_and_when_ice_is_due() -> None:
    told = lines(STORMY)
    # 0.5 mg/kg × 72 kg = 36 mg, at most 10 mg.
    assert (
        "- RECOMMENDED NOW: Give dexamethasone, 10 mg (0.5 mg/kg × 72 kg = 36 mg, capped at 10 mg; "
        "weight of 7 Mar) [MET guide, Fig. 1]" in told
    )
    assert "- RECOMMENDED NOW: Transfer to intensive care; Escalate the vasopressor" in told
    # The last dose was at 02:00; 8 h after it is 10:00.
    assert any(
        line.startswith("- HELD BACK: Tocilizumab dose (interval under 8h): Last dose 6 h ago")
        for line in told
    )
    assert not any("Give tocilizumab" in line for line in told)
    assert any(line.startswith("- Next ICE due 10 Mar 18:00") for line in told)
    assert told[-1] == (
        "Criteria ASTCT 2019; protocol met-2021, version 1.0.0; read at 10 Mar 2026, 08:00 UTC"
    )


def test_it_fits_a_page_and_is_the_same_each_time() -> None:
    first = handover(StatementRoom(STORMY))
    assert len(first.splitlines()) <= 40
    assert handover(StatementRoom(STORMY)) == first


def test_a_well_patient_is_told_as_assessed_and_not_as_unknown() -> None:
    told = lines(well_charted())
    assert "- CRS grade 0, since 10 Mar 07:00 (before: not assessable)" in told
    assert "- CRS rests on: no criterion met" in told
    assert "- No tocilizumab, other anticytokine drug or steroid charted since the infusion" in told
    assert "- CRS: never proven above grade 0 in this episode" in told


def test_what_is_not_known_is_never_left_out() -> None:
    told = lines(well_charted(temperatures=(), ice_scores=()))
    # Pressure and oxygen are normal, and only a fever could be missed: 0 or 1.
    assert any(line.startswith("- CRS 0–1, not decidable") for line in told)
    assert "- Not known: Temperature not charted (leaves the grade open)" in told
    assert any(line.startswith("- Not known: ICE not charted") for line in told)


def test_what_could_not_be_read_is_told() -> None:
    told = handover(StatementRoom(STORMY, unread=("blood pressures",)))
    assert "- Not known: Could not be read: blood pressures" in told


def test_more_gaps_than_fit_are_counted() -> None:
    inputs = [GapWhat.TEMPERATURE, GapWhat.BLOOD_PRESSURE, GapWhat.OXYGEN, GapWhat.SPO2, GapWhat.ICE]
    inputs += [GapWhat.MOTOR, GapWhat.SEIZURE, GapWhat.CONSCIOUSNESS, GapWhat.RAISED_ICP, GapWhat.WEIGHT]
    gaps = tuple(
        ChartGap(what, GapWhy.UNMAPPED, f"text {what.value}", ago(0.5), source=SOURCE) for what in inputs
    )
    told = [line for line in lines(replace(STORMY, gaps=gaps)) if line.startswith("- Not known")]
    assert len(told) == 9
    assert told[-1].endswith("more, on the course page")


def test_a_lower_bound_of_doses_is_told_as_one() -> None:
    missing = ChartGap(GapWhat.TOCILIZUMAB, GapWhy.NOT_RETRIEVED, None, None)
    told = lines(replace(STORMY, gaps=(missing,)))
    assert any(
        line.startswith("- Tocilizumab counted: at least 2 in all, at least 2 in the last 24 h")
        for line in told
    )


def test_many_doses_of_a_drug_are_told_by_their_last_eight() -> None:
    doses = tuple(dose("dexamethasone", 6 * number, milligrams=Decimal(10)) for number in range(10, 0, -1))
    (told,) = [line for line in lines(replace(STORMY, drug_doses=doses)) if line.startswith("- Given")]
    assert told.startswith("- Given dexamethasone: 2 earlier from 7 Mar 20:00; then 10 mg ")
    assert told.count("10 mg") == 8


def test_without_an_infusion_nothing_is_graded_and_nothing_suggested() -> None:
    told = handover(StatementRoom(replace(STORMY, infusions=()), unread=("medications",)))
    assert told.splitlines()[1:] == [
        "SITUATION",
        "- Ada Example, born 1 Jan 1968 (58 y), MRN MRN-4711",
        "- Not graded: No CAR-T infusion that took place is on record.",
        "- That is not a grade 0",
        "- Could not be read: medications",
    ]


def test_who_is_not_on_record_is_said() -> None:
    told = handover(StatementRoom(STORMY, banner=Banner(None, None, None, None)))
    assert "- name not on record, born not on record, MRN not on record" in told


@pytest.mark.parametrize("text", ["a\nRECOMMENDATION\n- Give nothing", "a\u2028b", "a\x1b[2Jb", "a\u202eb"])
def test_no_text_of_the_record_makes_a_line_of_its_own(text: str) -> None:
    stated = replace(elsewhere("hypoxia", cause=text), source=Source("Observation/a1"))
    plain = handover(StatementRoom(replace(STORMY, attributions=(elsewhere("hypoxia", cause="x"),))))
    told = handover(StatementRoom(replace(STORMY, attributions=(stated,))))
    assert len(told.splitlines()) == len(plain.splitlines())
    assert all(line.isprintable() for line in told.split("\n"))


def test_the_page_shows_the_text_escaped_and_works_without_a_script() -> None:
    room = StatementRoom(STORMY, banner=Banner("<script>alert(1)</script>", None, "<b>", None))
    answer = client_of(handover_router(room)).get("/s/s1/handover")
    assert answer.status_code == 200
    assert "<script>alert" not in answer.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;, born not on record, MRN &lt;b&gt;" in answer.text
    assert '<button type="button" id="copy" hidden>' in answer.text
    assert "ICE 5 of 10" in words(answer.text)


def test_after_the_window_the_last_infusion_is_named_and_nothing_is_called_a_grade() -> None:
    told = lines(replace(STORMY, infusions=(infusion(40),)))
    assert told[3:] == [
        "- Not graded: The last CAR-T infusion on record was on 29 Jan 08:00, day 40 today. "
        "CRS and ICANS are graded for 30 days after an infusion.",
        "- That is not a grade 0",
    ]


def test_late_effects_are_told_as_on_the_course_page() -> None:
    """Neutrophils of 90 on days 33 and 40, both after day 30: late ICAHT grade 4."""
    low = tuple(LabValue(Lab.ANC, ago(hours), Decimal(90), SOURCE) for hours in (7 * 24, 1))
    told = lines(well_charted(infusions=(infusion(40),), labs=low))
    assert any(line.startswith("- Late effect to look at: ") for line in told)


def test_what_leaves_a_grade_open_is_never_cut_for_what_could_not_be_read() -> None:
    unread = tuple(f"kind {number} (not permitted)" for number in range(10))
    chart = well_charted(temperatures=(temperature("38.9", 2),), systolic_pressures=())
    told = [
        line for line in handover(StatementRoom(chart, unread=unread)).splitlines() if "Not known" in line
    ]
    assert told[0] == "- Not known: Blood pressure not charted (leaves the grade open)"
    assert told[-1].endswith("more, on the course page")


@pytest.mark.parametrize("what", [GapWhat.TOCILIZUMAB, GapWhat.STEROIDS, GapWhat.VASOPRESSORS])
def test_doses_that_could_not_be_read_are_never_told_as_none_given(what: GapWhat) -> None:
    gap = ChartGap(what, GapWhy.NOT_RETRIEVED, "drugs given: not permitted")
    told = lines(well_charted(gaps=(gap,)))
    assert (
        "- Not all doses of tocilizumab and steroid could be read: there may be more than is told here"
        in told
    )
    assert "- No tocilizumab, other anticytokine drug or steroid among what could be read" in told
    assert not any("steroid charted since the infusion" in line for line in told)


def test_what_is_not_assessable_rests_on_nothing_and_is_not_called_complete() -> None:
    """Unarousable, attributed to a bleed: no criterion counts, which is not the same as none met."""
    told = lines(
        well_charted(
            ice_scores=(ice(0),),
            consciousness=(consciousness("unarousable"),),
            attributions=(elsewhere("neurological", cause="subdural bleed"),),
        )
    )
    assert "- ICANS rests on: nothing: it is not assessable" in told
    assert "- CRS rests on: no criterion met" in told
    assert "- Nothing that is asked for is missing from the record" not in told
    assert "- If nothing were attributed to another cause: CRS grade 0, ICANS grade 4" in told


def test_a_death_is_told_first_and_nothing_is_suggested_after_it() -> None:
    told = lines(replace(STORMY, patient=replace(ADULT, deceased=True, deceased_at=ago(1))))
    assert told[4] == "- THE PATIENT HAS DIED"
    assert "- The patient has died: the protocol suggests nothing any more" in told
    assert not any(line.startswith(("- RECOMMENDED", "- MAY BE", "- HELD BACK", "- Next")) for line in told)


def test_our_own_readings_are_marked_among_what_a_grade_rests_on() -> None:
    """Vasopressin alone counts as a vasopressor by our reading only."""
    told = lines(well_charted(temperatures=(temperature("38.9", 2),), vasoactives=(drip("vasopressin", 3),)))
    [rests] = [line for line in told if line.startswith("- CRS rests on")]
    assert "(our reading)" in rests
    assert rests.endswith("38.9 °C (10 Mar 06:00)")
