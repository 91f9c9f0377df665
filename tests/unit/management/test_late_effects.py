"""Late effects: who is told of, in whose words, and of what day."""

from dataclasses import replace

from grading.chart import CartInfusion, Chart, Patient, Source
from management.cytopenia import late_cytopenia
from management.late_effects import find_late_effects
from management.protocol import load_protocol
from management.reviewing import review, situate
from tests.spec.management.bedside import AT, chart_of, hours_ago

PROTOCOL = load_protocol("met-2021")
LOW = "day 40; anc 900 100h; anc 800 1h"


def test_late_effects_name_infusion_day_and_protocol() -> None:
    found = find_late_effects(chart_of(LOW), AT, PROTOCOL)
    assert found is not None
    assert (found.at, found.infusion_at, found.day) == (AT, hours_ago(960), 40)
    assert found.product == "axicabtagene-ciloleucel"
    assert (found.protocol, found.protocol_version) == (PROTOCOL.name, PROTOCOL.version)
    [advice] = found.recommendations
    assert (advice.row, advice.cite, advice.verified) == ("S9b", "ICAHT tables", True)
    assert advice.reasons == (
        "Late ICAHT grade 2: two counts at or below 1000/µL",
        "Neutrophils per µL: 900 (day 36), 800 (day 40)",
    )


def test_nobody_without_an_infusion_has_late_effects() -> None:
    assert find_late_effects(Chart(), AT, PROTOCOL) is None
    assert find_late_effects(chart_of("day unknown; anc 900 100h; anc 800 1h"), AT, PROTOCOL) is None


def test_the_latest_infusion_decides() -> None:
    chart = chart_of(LOW)
    again = CartInfusion(hours_ago(48), None, Source("Procedure/again"))
    assert find_late_effects(replace(chart, infusions=(*chart.infusions, again)), AT, PROTOCOL) is None


def test_late_effects_end_with_death_of_unknown_time_and_begin_before_a_later_one() -> None:
    chart = chart_of(LOW)
    died = replace(chart, patient=Patient(deceased=True))
    later = replace(chart, patient=Patient(deceased=True, deceased_at=hours_ago(-48)))
    assert find_late_effects(died, AT, PROTOCOL) is None
    assert find_late_effects(later, AT, PROTOCOL) is not None


def test_the_same_advice_is_given_once() -> None:
    rows = [row for row in PROTOCOL.rows if row.when == "late-icaht"]
    doubled = replace(PROTOCOL, rows=(*PROTOCOL.rows, *rows))
    found = find_late_effects(chart_of(LOW), AT, doubled)
    assert found is not None
    assert [item.id for item in found.recommendations] == ["cytopenia.review"]


def test_late_icaht_is_not_said_within_the_first_thirty_days() -> None:
    answer = review(chart_of("day 29; anc 1400 30h; anc 1400 1h"), AT, PROTOCOL)
    assert answer is not None
    assert "cytopenia.review" not in {item.id for item in answer.recommendations}


def test_late_icaht_of_an_infusion_without_a_date_is_not_judged() -> None:
    situation = situate(chart_of("day none; anc 400 100h; anc 400 1h"), AT, PROTOCOL)
    assert situation is not None
    assert late_cytopenia(situation) == ()


def test_many_counts_are_shown_by_the_lowest_of_their_newest_days() -> None:
    counts = "; ".join(f"anc 400 {24 * days + 2}h; anc 450 {24 * days + 1}h" for days in range(11))
    answer = review(chart_of(f"day 12; {counts}"), AT, PROTOCOL)
    assert answer is not None
    [advice] = [item for item in answer.recommendations if item.id == "cytopenia.review"]
    assert advice.reasons[0].endswith("for 11 days (day 2 to 12)")
    assert advice.reasons[1].startswith("Neutrophils per µL: 400 (day 5), 400 (day 6)")
    assert advice.reasons[1].endswith("400 (day 12); and 3 earlier")
