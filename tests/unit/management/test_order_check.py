"""The check of an order, kind by kind: each finding where it must be, and none where it must not."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from grading.chart import Chart, DrugDose, ImmuneDrug, PendingOrder, Source
from management.drafted_order import (
    DosageStep,
    DraftedDose,
    DraftedOrder,
    OrderChange,
    OrderDrug,
    OrderFinding,
    OrderKind,
    Severity,
)
from management.order_check import check_order, may_be_corrected
from management.order_doses import dose_rules, write_mg
from management.order_table import FILE, OrderCut, order_table, read_order_table
from management.protocol import ProtocolError, load_protocol
from management.review import Guard
from management.reviewing import situate
from tests.spec.management.bedside import AT, chart_of

MET, ASCO = load_protocol("met-2021"), load_protocol("asco-2021")
CRS_3 = "fever 38.8; norepinephrine 2h"
CRS_4 = f"{CRS_3}; epinephrine 2h"


def mg(amount: str, high: str | None = None, **changes: object) -> DraftedDose:
    low, most = Decimal(amount), Decimal(high or amount)
    written = f"{amount} mg" if high is None else f"{amount} mg to {high} mg"
    return replace(DraftedDose(low, most, written), **changes)  # type: ignore[arg-type]


def order(drug: str, *steps: DosageStep, **changes: object) -> DraftedOrder:
    drafted = DraftedOrder(OrderDrug(drug), steps, reference="MedicationRequest/draft")
    return replace(drafted, **changes)  # type: ignore[arg-type]


def dose(drug: str, amount: str, **changes: object) -> DraftedOrder:
    return order(drug, DosageStep(doses=(mg(amount),), **changes))  # type: ignore[arg-type]


def findings(
    drafted: DraftedOrder, patient: str = CRS_3, *beside: DraftedOrder, asco: bool = False
) -> tuple[OrderFinding, ...]:
    return of_chart(drafted, chart_of(patient), *beside, asco=asco)


def of_chart(
    drafted: DraftedOrder, chart: Chart, *beside: DraftedOrder, asco: bool = False
) -> tuple[OrderFinding, ...]:
    protocol = ASCO if asco else MET
    situation = situate(chart, AT, protocol)
    assert situation is not None
    return check_order(drafted, situation, protocol, beside)


def kinds(*arguments: object, **options: bool) -> list[str]:
    return [finding.kind.value for finding in findings(*arguments, **options)]  # type: ignore[arg-type]


def every(hours: float) -> timedelta:
    return timedelta(hours=hours)


def test_a_right_order_has_no_finding() -> None:
    assert findings(dose("tocilizumab", "576")) == ()


def test_a_finding_carries_guard_source_and_the_correct_dose() -> None:
    (found,) = findings(dose("tocilizumab", "960"), "fever 38.8; weight 120 72h")
    assert (found.guard, found.severity) == (Guard.OVER_MAXIMUM_DOSE, Severity.CRITICAL)
    assert found.summary == (
        "Tocilizumab 960 mg is above the maximum of 800 mg (8 mg/kg × 120 kg = 960 mg, capped at 800 mg)"
    )
    assert found.cite == "MET guide, Fig. 1; ASCO card p.6; Kymriah label copy"
    assert found.correct is not None
    assert (found.correct.milligrams, found.correct.recommended) == (800, True)


def test_a_dose_for_a_child_is_corrected_and_not_recommended() -> None:
    (found,) = findings(dose("tocilizumab", "360"), "fever 38.8; age 10; weight 30 72h; no ice; capd 0 2h")
    assert found.correct is not None
    assert (found.correct.milligrams, found.correct.recommended) == (240, False)


def test_the_most_severe_finding_comes_first() -> None:
    found = findings(dose("tocilizumab", "960"), "fever 38.8; condition infection")
    assert [item.severity for item in found] == [Severity.CRITICAL, Severity.WARNING]
    assert may_be_corrected(found)


def test_nothing_is_checked_where_it_is_not_known_whether_cart_was_infused() -> None:
    assert kinds(dose("dexamethasone", "40"), "day unknown; fever 38.8") == ["infusion-unknown"]


def test_a_draft_without_a_subject_or_with_a_doubtful_name_says_so_and_checks_no_dose_of_the_latter() -> None:
    assert kinds(replace(dose("tocilizumab", "576"), names_patient=False)) == ["no-subject"]
    assert kinds(replace(dose("tocilizumab", "960"), doubt="tocilizumab pen")) == ["name-in-doubt"]


@pytest.mark.parametrize("patient", ["ice 5 2h; temperature 36.8", "ice 5 2h; day 3"])
def test_isolated_icans_is_critical(patient: str) -> None:
    assert kinds(dose("tocilizumab", "576"), patient) == ["isolated-icans"]


def test_icans_with_crs_is_not_isolated() -> None:
    assert findings(dose("tocilizumab", "576"), f"{CRS_3}; ice 5 2h") == ()


def test_isolated_icans_that_cannot_be_excluded_is_said() -> None:
    (of_crs,) = findings(dose("tocilizumab", "576"), "no temperature; ice 5 2h")
    assert of_crs.kind is OrderKind.ISOLATION_UNKNOWN
    assert "CRS 0 to 1 possible" in of_crs.text
    (of_icans,) = findings(dose("tocilizumab", "576"), "temperature 36.8; sedated yes")
    assert "ICANS not assessable" in of_icans.text


def test_no_crs_and_no_icans_is_no_matter_of_the_order() -> None:
    assert findings(dose("tocilizumab", "576"), "temperature 36.8") == ()


def test_subcutaneous_tocilizumab_is_no_dose_for_crs() -> None:
    assert kinds(dose("tocilizumab", "162", route="subcutaneous")) == ["not-intravenous"]


def test_the_interval_counts_from_the_stated_start() -> None:
    given = f"{CRS_3}; tocilizumab 6h"
    (found,) = findings(dose("tocilizumab", "576"), given)
    assert found.kind is OrderKind.INTERVAL
    assert "6 h after the last dose" in found.summary
    assert not may_be_corrected((found,))
    assert findings(dose("tocilizumab", "576", starts_at=AT + every(2)), given) == ()
    assert kinds(dose("tocilizumab", "576", starts_at=AT - every(9)), given) == ["interval-under-8h"]


def test_a_schedule_is_laid_out_in_time() -> None:
    assert kinds(dose("tocilizumab", "576", interval=every(6), count=3)) == ["schedule-under-8h"]
    assert kinds(dose("tocilizumab", "576", interval=every(6), count=5)) == [
        "schedule-under-8h",
        "three-doses-in-24h",
        "four-doses-in-total",
    ]
    assert kinds(dose("tocilizumab", "576", interval=every(8), lasts=every(24))) == []
    assert kinds(dose("tocilizumab", "576", interval=every(8), lasts=every(40))) == ["four-doses-in-total"]
    assert kinds(dose("tocilizumab", "576", interval=every(8))) == ["open-schedule"]
    assert kinds(dose("tocilizumab", "576", interval=every(8), count=1)) == []


def test_steps_of_an_order_follow_each_other() -> None:
    first = DosageStep(doses=(mg("576"),), interval=every(12), count=2)
    assert kinds(order("tocilizumab", first, DosageStep(doses=(mg("576"),)))) == []
    assert kinds(order("tocilizumab", first, first, first)) == ["four-doses-in-total"]


def test_four_doses_given_leave_none_however_the_fifth_is_written() -> None:
    given = f"{CRS_3}; tocilizumab 10h; tocilizumab 40h; tocilizumab 50h; tocilizumab 60h"
    assert kinds(dose("tocilizumab", "576", interval=every(8)), given) == ["four-doses-in-total"]


def test_a_history_that_is_not_known_is_said() -> None:
    assert kinds(dose("tocilizumab", "576"), f"{CRS_3}; gap tocilizumab not-retrieved") == ["history-unknown"]
    assert kinds(dose("tocilizumab", "576"), f"{CRS_3}; gap tocilizumab unmapped") == ["history-unknown"]


def test_timing_that_cannot_be_read_is_said_of_tocilizumab() -> None:
    assert kinds(dose("tocilizumab", "576", timing_fault="its code is not known")) == ["unreadable-timing"]
    assert kinds(dose("dexamethasone", "10", timing_fault="its code is not known")) == []


def test_conditions_are_a_caution_and_unknown_ones_are_said() -> None:
    assert kinds(dose("tocilizumab", "576"), f"{CRS_3}; condition diverticular-disease") == [
        "active-infection-caution"
    ]
    assert kinds(dose("tocilizumab", "576"), f"{CRS_3}; gap conditions not-retrieved") == [
        "infection-unknown"
    ]


def test_an_order_without_instructions_has_a_dose_that_cannot_be_read() -> None:
    (found,) = findings(order("tocilizumab"))
    assert found.kind is OrderKind.UNREADABLE_DOSE
    assert "8 mg/kg × 72 kg = 576 mg" in found.text
    (found,) = findings(order("tocilizumab", DosageStep(fault="no unit")), f"{CRS_3}; no weight")
    assert "For this patient" not in found.text


def test_two_statements_of_one_dose_must_agree() -> None:
    by_weight = mg("8", by_weight=True, written="8 mg/kg")
    assert kinds(order("tocilizumab", DosageStep(doses=(by_weight, mg("576"))))) == []
    (found,) = findings(order("tocilizumab", DosageStep(doses=(by_weight, mg("800")))))
    assert found.kind is OrderKind.UNREADABLE_DOSE
    assert "8 mg/kg (= 576 mg) and 800 mg" in found.text


def test_a_range_counts_by_its_ends() -> None:
    (found,) = findings(order("tocilizumab", DosageStep(doses=(mg("560", "720"),))))
    assert found.kind is OrderKind.OVER_MAXIMUM
    by_weight = mg("8", "12", by_weight=True, written="8 to 12 mg/kg")
    (found,) = findings(order("tocilizumab", DosageStep(doses=(by_weight,))))
    assert "8 to 12 mg/kg (= 576 to 864 mg)" in found.summary


def test_each_kind_is_said_once_however_many_steps_have_it() -> None:
    step = DosageStep(doses=(mg("20"),), interval=every(6))
    assert kinds(order("dexamethasone", step, step)) == ["over-maximum-dose"]


def test_without_a_weight_only_a_cap_or_the_highest_rule_per_kilogram_can_be_passed() -> None:
    bare = f"{CRS_3}; no weight"
    assert kinds(dose("tocilizumab", "576"), bare) == ["no-weight"]
    assert kinds(dose("tocilizumab", "960"), bare) == ["over-maximum-dose"]
    eight, fifteen = mg("8", by_weight=True), mg("15", by_weight=True)
    assert kinds(order("tocilizumab", DosageStep(doses=(eight,))), bare) == ["no-weight"]
    assert kinds(order("tocilizumab", DosageStep(doses=(fifteen,))), bare) == ["over-maximum-dose"]
    assert kinds(dose("tocilizumab", "576"), f"{CRS_3}; weight 72 480h") == ["stale-weight"]
    assert kinds(dose("methylprednisolone", "100"), bare) == ["no-weight"]


def test_a_fixed_dose_needs_no_weight_and_is_an_adults() -> None:
    assert kinds(dose("dexamethasone", "10"), f"{CRS_3}; no weight", asco=True) == []
    assert kinds(dose("dexamethasone", "20"), CRS_3, asco=True) == ["over-maximum-dose"]
    child = f"{CRS_3}; age 10; no ice; capd 0 2h"
    assert kinds(dose("dexamethasone", "10"), child, asco=True) == ["adult-rule"]
    assert kinds(dose("methylprednisolone", "500"), f"{CRS_4}; no weight", asco=True) == []
    by_weight = order("methylprednisolone", DosageStep(doses=(mg("1", by_weight=True),)))
    assert kinds(by_weight, f"{CRS_3}; no weight", asco=True) == ["no-weight"]


def test_where_a_protocol_prints_several_doses_none_is_singled_out() -> None:
    (found,) = findings(dose("methylprednisolone", "2000"), CRS_3, asco=True)
    assert found.kind is OrderKind.OVER_MAXIMUM
    assert found.correct is None


def test_methylprednisolone_is_checked_by_the_day() -> None:
    assert kinds(dose("methylprednisolone", "72", interval=every(12))) == []
    (found,) = findings(dose("methylprednisolone", "100", interval=every(12)))
    assert found.kind is OrderKind.OVER_DAILY_RULE
    assert "100 mg × 2 a day = 200 mg a day" in found.summary
    assert found.correct is not None
    assert found.correct.milligrams == 72
    per_day = order("methylprednisolone", DosageStep(doses=(mg("300", per_day=True),)))
    (found,) = findings(per_day)
    assert found.correct is not None
    assert (found.correct.milligrams, found.correct.per_day) == (144, True)


def test_a_daily_maximum_tells_nothing_of_a_dose_for_one_administration() -> None:
    per_day = order("dexamethasone", DosageStep(doses=(mg("40", per_day=True),)))
    assert kinds(per_day) == ["unreadable-dose"]


def test_a_steroid_above_the_rule_while_escalation_is_suggested_is_a_warning_without_a_correction() -> None:
    not_better = "ice 5 2h; ice 5 30h; dexamethasone 26h; dexamethasone 8h"
    (found,) = findings(dose("dexamethasone", "20"), not_better)
    assert (found.kind, found.severity, found.correct) == (
        OrderKind.OVER_WHILE_ESCALATING,
        Severity.WARNING,
        None,
    )


def test_a_low_dose_differs_from_the_rule_only_where_it_is_no_taper() -> None:
    assert kinds(dose("tocilizumab", "432")) == []
    assert kinds(dose("tocilizumab", "431")) == ["below-rule"]
    assert kinds(dose("dexamethasone", "1")) == ["below-rule"]
    assert kinds(dose("dexamethasone", "4")) == []
    assert kinds(dose("dexamethasone", "1"), f"{CRS_3}; dexamethasone 6h") == []
    assert kinds(dose("dexamethasone", "1"), f"{CRS_3}; gap steroids not-retrieved") == []


def test_drugs_without_a_dose_in_the_source_are_not_checked_for_one() -> None:
    assert dose_rules(MET, OrderDrug.SILTUXIMAB) == ()
    for drug in ("siltuximab", "anakinra", "hydrocortisone", "prednisone"):
        assert kinds(order(drug)) == []


def test_gm_csf_is_not_recommended() -> None:
    (found,) = findings(order("gm-csf"))
    assert (found.guard, found.summary[:6]) == (Guard.GM_CSF, "GM-CSF")


@pytest.mark.parametrize(
    ("patient", "found"),
    [
        ("creatinine 0.8 /1.2 4h", []),
        ("creatinine 1.9 /1.2 4h", ["renal-dose"]),
        ("creatinine 0.8 4h", []),
        ("creatinine 0.7 30h; creatinine 1.1 4h", ["renal-dose"]),
        ("creatinine 0.7 /1.2 30h; creatinine 1.1 /1.2 4h", ["renal-dose"]),
        ("creatinine 0.9 /1.2 30h; creatinine 1.1 /1.2 4h", []),
        ("", ["renal-dose"]),
    ],
)
def test_levetiracetam_asks_for_the_clearance_where_creatinine_is_unknown_raised_or_risen(
    patient: str, found: list[str]
) -> None:
    assert kinds(dose("levetiracetam", "500"), f"{CRS_3}; {patient}") == found


def test_the_caution_on_clearance_is_not_verified() -> None:
    (found,) = findings(dose("levetiracetam", "500"))
    assert (found.verified, found.tier, found.guard) == (False, "C", None)


def test_a_pending_order_of_the_same_drug_is_a_duplicate() -> None:
    ordered = f"{CRS_3}; order tocilizumab 1h"
    assert kinds(dose("tocilizumab", "576"), ordered) == ["duplicate-order"]
    assert kinds(dose("siltuximab", "700"), ordered) == []
    undated = PendingOrder(ImmuneDrug.TOCILIZUMAB, None, Source("MedicationRequest/old"))
    chart = replace(chart_of(CRS_3), pending_orders=(undated,))
    assert [found.kind for found in of_chart(dose("tocilizumab", "576"), chart)] == [OrderKind.DUPLICATE]


def test_an_order_that_is_replaced_or_stopped_is_no_duplicate() -> None:
    pending = PendingOrder(ImmuneDrug.TOCILIZUMAB, AT - every(1), Source("MedicationRequest/old"))
    chart = replace(chart_of(CRS_3), pending_orders=(pending,))
    drafted = dose("tocilizumab", "576")
    assert of_chart(replace(drafted, replaces=("MedicationRequest/old",)), chart) == ()
    assert of_chart(replace(drafted, reference="MedicationRequest/old"), chart) == ()
    stop = replace(drafted, reference="MedicationRequest/old", change=OrderChange.STOP)
    assert of_chart(drafted, chart, stop) == ()
    assert of_chart(stop, chart) == ()


@pytest.mark.parametrize(
    ("drug", "said"), [("tocilizumab", True), ("dexamethasone", True), ("gm-csf", False)]
)
def test_active_orders_that_were_not_retrieved_are_said_where_they_are_looked_at(
    drug: str, said: bool
) -> None:
    situation = situate(chart_of(CRS_3), AT, MET)
    assert situation is not None
    drafted = dose(drug, "576" if drug == "tocilizumab" else "10")
    found = [item.kind for item in check_order(drafted, situation, MET, orders_known=False)]
    assert (OrderKind.DUPLICATE_UNKNOWN in found) is said
    assert OrderKind.DUPLICATE_UNKNOWN not in [item.kind for item in check_order(drafted, situation, MET)]


def test_the_same_drug_drafted_twice_is_a_duplicate_unless_for_other_times() -> None:
    one = dose("dexamethasone", "10")
    assert kinds(one, CRS_3, one) == ["duplicate-order"]
    assert kinds(one, CRS_3, dose("tocilizumab", "576")) == []
    now, later = (dose("dexamethasone", "10", starts_at=AT + every(hours)) for hours in (0, 12))
    assert kinds(now, CRS_3, later) == []
    assert kinds(now, CRS_3, now) == ["duplicate-order"]
    assert kinds(order("dexamethasone", change=OrderChange.STOP), CRS_3, one) == []
    assert "duplicate-order" in kinds(order("dexamethasone"), CRS_3, one)


STOP = order("dexamethasone", change=OrderChange.STOP)
ON_STEROID = f"{CRS_3}; dexamethasone 6h"


def test_stopping_a_steroid_is_abrupt_where_the_patient_is_on_it() -> None:
    (found,) = findings(STOP, ON_STEROID)
    assert (found.kind, found.tier, found.verified) == (OrderKind.ABRUPT_STOP, "A", True)
    assert "3–5 days" in found.text
    assert findings(STOP, CRS_3) == ()
    assert kinds(STOP, f"{CRS_3}; gap steroids not-retrieved") == ["steroid-history-unknown"]


def test_another_steroid_that_goes_on_is_no_stop() -> None:
    assert findings(STOP, ON_STEROID, dose("methylprednisolone", "60")) == ()
    assert [item.kind for item in findings(STOP, f"{ON_STEROID}; order methylprednisolone 1h")] == []
    own = PendingOrder(ImmuneDrug.DEXAMETHASONE, AT - every(1), Source("MedicationRequest/draft"))
    chart = replace(chart_of(ON_STEROID), pending_orders=(own,))
    assert [found.kind for found in of_chart(STOP, chart)] == [OrderKind.ABRUPT_STOP]
    other_stop = replace(STOP, reference="MedicationRequest/other")
    assert [found.kind for found in of_chart(other_stop, chart, STOP)] == [OrderKind.ABRUPT_STOP]


def test_a_course_that_ends_without_a_taper_is_said_on_steroid() -> None:
    course = dose("dexamethasone", "10", interval=every(6), count=12)
    assert kinds(course, ON_STEROID) == ["course-without-taper"]
    assert kinds(course, CRS_3) == []
    assert kinds(dose("dexamethasone", "10", interval=every(6)), ON_STEROID) == []
    assert kinds(dose("dexamethasone", "10"), ON_STEROID) == []


def test_steps_that_fall_are_a_taper() -> None:
    def step(amount: str | None, hours: float = 6) -> DosageStep:
        doses = (mg(amount),) if amount else ()
        return DosageStep(doses=doses, interval=every(hours), lasts=every(24))

    assert kinds(order("dexamethasone", step("10"), step("5")), ON_STEROID) == []
    assert kinds(order("dexamethasone", step("10"), step("10", 12)), ON_STEROID) == []
    assert kinds(order("dexamethasone", step("10"), step("10")), ON_STEROID) == ["course-without-taper"]
    assert kinds(order("dexamethasone", step("10"), step(None)), ON_STEROID) == ["unreadable-dose"]


@pytest.mark.parametrize(
    ("amount", "written"), [("576", "576"), ("358.80", "358.8"), ("0.576", "0.576"), ("1E12", "1.000E+12")]
)
def test_an_amount_is_written_as_a_pharmacist_writes_it(amount: str, written: str) -> None:
    assert write_mg(Decimal(amount)) == written


def shipped_table() -> str:
    from importlib import resources

    return resources.files("management").joinpath("tables", "orders", FILE).read_text("utf-8")


def test_the_table_is_complete_and_nothing_in_it_is_relied_on_without_a_source() -> None:
    table = order_table()
    assert set(table.checks) == set(OrderKind)
    assert table.cuts[OrderCut.RENAL_CLEARANCE].value == 80
    assert table.printed["methylprednisolone-high"].value == 1000


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('kind = "gm-csf"', 'kind = "no-such-kind"'),
        ('kind = "gm-csf"', 'kind = "wrong-patient"'),
        ('id = "below-rule"', 'id = "above-rule"'),
        ('tier = "C"\nverified = false', 'tier = "C"\nverified = true'),
        ('value = "80"', 'value = "eighty"'),
        ('severity = "critical"', 'severity = "loud"'),
        ("[[printed]]", "[[unprinted]]"),
        ("[[check]]", "[check"),
    ],
)
def test_a_faulty_table_is_refused(old: str, new: str) -> None:
    with pytest.raises(ProtocolError, match=FILE):
        read_order_table(shipped_table().replace(old, new, 1))


# --- several doses in one signing ---


def at_hour(hours: float) -> DraftedOrder:
    return dose("tocilizumab", "576", starts_at=AT + timedelta(hours=hours))


def test_two_drafts_less_than_8_hours_apart_are_said_and_8_hours_are_not() -> None:
    assert kinds(at_hour(1), CRS_3, at_hour(4)) == ["interval-under-8h"]
    (found,) = findings(at_hour(4), CRS_3, at_hour(1))
    assert found.text == ("Tocilizumab: two doses of this signing are 3 h apart; at least 8 h are required")
    assert kinds(at_hour(1), CRS_3, at_hour(9)) == []


def test_the_number_is_that_of_all_drafts_together() -> None:
    others = [at_hour(hours) for hours in (9, 17, 25, 33)]
    assert kinds(at_hour(1), CRS_3, *others) == ["four-doses-in-total"]
    given = f"{CRS_3}; tocilizumab 48h; tocilizumab 36h; tocilizumab 24h"
    assert kinds(at_hour(1), given, at_hour(9)) == ["four-doses-in-total"]
    assert kinds(at_hour(1), given) == []


def test_three_in_24_hours_counts_the_other_drafts() -> None:
    # Doses at 1, 9, 17 and 24.5 h: the last is the fourth within 24 h; and it is 7.5 h after the third.
    others = [at_hour(hours) for hours in (1, 9, 17)]
    assert "three-doses-in-24h" in kinds(at_hour(24.5), CRS_3, *others)


def test_two_instructions_without_a_time_would_be_given_at_once() -> None:
    both = order("tocilizumab", DosageStep(doses=(mg("576"),)), DosageStep(doses=(mg("576"),)))
    (found,) = findings(both)
    assert found.kind is OrderKind.INTERVAL and "for the same time" in found.text
    later = DosageStep(doses=(mg("576"),), starts_at=AT + timedelta(hours=3))
    assert kinds(order("tocilizumab", DosageStep(doses=(mg("576"),)), later)) == ["interval-under-8h"]


def test_a_draft_by_another_route_is_no_dose_beside() -> None:
    subcutaneous = dose("tocilizumab", "162", starts_at=AT + timedelta(hours=3), route="subcutaneous")
    assert kinds(at_hour(1), CRS_3, subcutaneous) == []


# --- a slip of the decimal point ---

# ICANS 3 five hours after the first dexamethasone given for ICANS 2: the protocol suggests escalating.
ESCALATING = "ice 5 6h; dexamethasone 5h; ice 1"


@pytest.mark.parametrize(
    ("drug", "amount", "kind"),
    [
        ("dexamethasone", "99", "over-while-escalating"),
        ("dexamethasone", "100", "over-maximum-dose"),  # ten times the cap of 10 mg
        ("dexamethasone", "1000", "over-maximum-dose"),
        ("methylprednisolone", "1000", "over-while-escalating"),
        ("methylprednisolone", "2879", "over-while-escalating"),
        ("methylprednisolone", "2880", "over-maximum-dose"),  # 20 times 2 mg/kg of 72 kg
    ],
)
def test_escalating_is_not_any_dose(drug: str, amount: str, kind: str) -> None:
    (found,) = [one for one in findings(dose(drug, amount), ESCALATING) if one.kind.value == kind]
    slip = kind == "over-maximum-dose"
    assert (found.severity is Severity.CRITICAL) is slip
    assert ("the decimal point or the unit may be wrong" in found.text) is slip


def test_a_dose_rounded_up_to_vials_is_a_warning_and_the_rules_dose_no_recommended_change() -> None:
    (found,) = findings(dose("tocilizumab", "640"))
    assert (found.kind, found.severity, found.guard) == (
        OrderKind.ROUNDED_UP,
        Severity.WARNING,
        Guard.OVER_MAXIMUM_DOSE,
    )
    assert "rounded up to whole vials" in found.text
    assert found.correct is not None
    assert (found.correct.milligrams, found.correct.recommended) == (576, False)
    assert kinds(dose("tocilizumab", "600")) == []
    assert kinds(dose("tocilizumab", "649")) == ["over-maximum-dose"]
    assert kinds(dose("tocilizumab", "810"), f"{CRS_3}; weight 96 72h") == ["over-maximum-dose"]
    assert kinds(dose("dexamethasone", "11"), asco=True) == ["over-maximum-dose"]


@pytest.mark.parametrize(
    ("drug", "amount", "patient", "asco", "kind"),
    [
        ("methylprednisolone", "5000", "no weight", False, "over-maximum-dose"),
        ("methylprednisolone", "5000", "weight 72 480h", False, "over-maximum-dose"),
        ("methylprednisolone", "4999", "no weight", False, "no-weight"),
        ("dexamethasone", "1000", "age 10; no ice; capd 0 2h", True, "over-maximum-dose"),
        ("dexamethasone", "100", "age 10; no ice; capd 0 2h", True, "over-maximum-dose"),
        ("dexamethasone", "99", "age 10; no ice; capd 0 2h", True, "adult-rule"),
        ("dexamethasone", "100", "epinephrine 2h", True, "over-maximum-dose"),
        ("methylprednisolone", "5000", "epinephrine 2h", True, "over-maximum-dose"),
        ("methylprednisolone", "4999", "epinephrine 2h", True, "over-while-escalating"),
    ],
)
def test_a_slip_of_the_decimal_point_is_critical_without_a_weight_for_a_child_and_while_escalating(
    drug: str, amount: str, patient: str, asco: bool, kind: str
) -> None:
    (found,) = findings(dose(drug, amount), f"{CRS_3}; {patient}", asco=asco)
    assert found.kind.value == kind
    assert ("decimal point" in found.text) is (found.severity is Severity.CRITICAL)
    assert found.correct is None or kind == "over-maximum-dose"


@pytest.mark.parametrize(
    ("drug", "amount", "hours", "patient", "found"),
    [
        ("dexamethasone", "10", 6, CRS_3, []),
        ("dexamethasone", "10", 1, CRS_3, ["interval-under-rule"]),
        ("dexamethasone", "10", 4, CRS_3, ["interval-under-rule"]),
        ("dexamethasone", "4", 4, CRS_3, []),
        ("dexamethasone", "10", 1, "temperature 37.2", ["interval-under-rule"]),
        ("dexamethasone", "20", 12, CRS_3, ["over-maximum-dose"]),
        ("methylprednisolone", "500", 12, CRS_4, []),
        ("methylprednisolone", "1000", 12, CRS_4, []),
        ("methylprednisolone", "250", 6, CRS_4, []),
        ("methylprednisolone", "500", 4, CRS_4, ["interval-under-rule"]),
        ("methylprednisolone", "1000", 6, CRS_4, ["interval-under-rule"]),
        ("methylprednisolone", "1000", 12, "ice 8", ["over-current-rule"]),
        ("methylprednisolone", "72", 12, "ice 8", []),
        ("methylprednisolone", "500", 12, "ice 1", ["over-current-rule"]),
        ("methylprednisolone", "72", 12, "ice 1", []),
        ("methylprednisolone", "500", 12, "ice 1; no weight", ["no-weight"]),
        ("methylprednisolone", "500", 12, "ice 8; weight 72 480h", ["stale-weight"]),
        ("methylprednisolone", "500", 12, f"{CRS_4}; ice 1; no weight", []),
        ("methylprednisolone", "500", 12, f"{CRS_4}; ice 5; ice 5 20h; tocilizumab 12h; no weight", []),
        ("methylprednisolone", "250", 12, f"{CRS_3}; methylprednisolone 10h", ["over-current-rule"]),
    ],
)
def test_a_steroid_is_compared_with_the_interval_and_the_rows_that_apply_now(
    drug: str, amount: str, hours: float, patient: str, found: list[str]
) -> None:
    assert kinds(dose(drug, amount, interval=every(hours)), patient, asco=True) == found


def test_an_interval_says_what_the_source_prints_and_counts_no_more_doses_than_are_ordered() -> None:
    (found,) = findings(dose("dexamethasone", "10", interval=every(1)), asco=True)
    assert found.text == (
        "Dexamethasone 10 mg every 1 h: 6 doses in 6 h, and the source prints 10 mg IV every 6 h"
    )
    assert (found.severity, found.tier, may_be_corrected((found,))) == (Severity.WARNING, "B", False)
    assert kinds(dose("dexamethasone", "5", interval=every(1), count=2), asco=True) == []
    child = f"{CRS_3}; age 10; no ice; capd 0 2h"
    assert kinds(dose("dexamethasone", "10", interval=every(1)), child, asco=True) == ["adult-rule"]
    per_day = mg("400", per_day=True)
    assert kinds(order("methylprednisolone", DosageStep(doses=(per_day,))), CRS_4, asco=True) == [
        "unreadable-dose"
    ]


def test_a_course_that_goes_on_is_not_compared_with_rows_that_no_longer_apply() -> None:
    given = DrugDose(
        ImmuneDrug.METHYLPREDNISOLONE, AT - every(10), Decimal(500), Source("MedicationAdministration/m")
    )
    chart = replace(chart_of(CRS_3), drug_doses=(given,))
    step = dose("methylprednisolone", "250", interval=every(12))
    assert of_chart(step, chart, asco=True) == ()
    assert [item.kind for item in of_chart(step, chart_of(CRS_3), asco=True)] == [OrderKind.OVER_CURRENT_RULE]


def steroid_given(milligrams: str | None, drug: ImmuneDrug = ImmuneDrug.DEXAMETHASONE) -> Chart:
    amount = None if milligrams is None else Decimal(milligrams)
    given = DrugDose(drug, AT - every(6), amount, Source("MedicationAdministration/s"))
    return replace(chart_of(CRS_3), drug_doses=(given,))


@pytest.mark.parametrize(
    ("drug", "amount", "timing", "given", "abrupt"),
    [
        ("dexamethasone", "1", {}, "10", True),
        ("dexamethasone", "2.4", {"interval": every(6)}, "10", True),
        ("dexamethasone", "2.5", {"interval": every(6)}, "10", False),
        ("dexamethasone", "10", {"count": 1}, "10", True),
        ("methylprednisolone", "13", {"interval": every(12)}, "10", True),
        ("methylprednisolone", "14", {"interval": every(12)}, "10", False),
        ("prednisone", "16", {}, "10", True),
        ("prednisone", "17", {}, "10", False),
        ("hydrocortisone", "10", {}, "10", False),
        ("dexamethasone", "1", {}, None, False),
        ("methylprednisolone", "", {"doses": (mg("144", per_day=True),)}, "10", False),
        ("dexamethasone", "1", {"fault": "no unit", "doses": ()}, None, True),
    ],
)
def test_a_stop_is_abrupt_unless_what_is_drafted_beside_it_carries_the_steroid_on(
    drug: str, amount: str, timing: dict[str, object], given: str | None, abrupt: bool
) -> None:
    step = replace(DosageStep(doses=(mg(amount or "1"),)), **timing)  # type: ignore[arg-type]
    beside = replace(order(drug, step), reference="MedicationRequest/beside")
    found = [item.kind.value for item in of_chart(STOP, steroid_given(given), beside)]
    assert found == (["abrupt-steroid-stop"] if abrupt else [])


def test_a_taper_in_steps_beside_a_stop_carries_the_steroid_on() -> None:
    def step(amount: str) -> DosageStep:
        return DosageStep(doses=(mg(amount),), count=1)

    chart = steroid_given("10")
    assert of_chart(STOP, chart, order("dexamethasone", step("5"), step("2"))) == ()
    assert len(of_chart(STOP, chart, order("dexamethasone", step("1"), step("0.5")))) == 1
    assert len(of_chart(STOP, chart, order("dexamethasone"))) == 1


def test_untimed_drafts_add_up_and_count_with_the_doses_given() -> None:
    one, other = (
        dose("tocilizumab", "576"),
        replace(dose("tocilizumab", "576"), reference="MedicationRequest/2"),
    )
    found = findings(one, CRS_3, other)
    assert [item.kind for item in found] == [OrderKind.INTERVAL, OrderKind.DUPLICATE]
    assert "for the same time, as far as it is stated, and add up" in found[0].text
    three = f"{CRS_3}; tocilizumab 30h; tocilizumab 45h; tocilizumab 60h"
    assert "four-doses-in-total" in kinds(one, three, other)
    instead = replace(one, replaces=("MedicationRequest/2",))
    assert OrderKind.INTERVAL not in [item.kind for item in findings(instead, CRS_3, other)]
    later = dose("tocilizumab", "576", starts_at=AT + every(5))
    assert kinds(one, CRS_3, later) == ["interval-under-8h", "duplicate-order"]


def test_a_stated_time_counts_even_between_the_doses_of_an_earlier_step() -> None:
    repeated = DosageStep(doses=(mg("576"),), interval=every(12), count=2)
    between = DosageStep(doses=(mg("576"),), starts_at=AT + every(3))
    assert kinds(order("tocilizumab", repeated, between)) == ["interval-under-8h"]


def test_tocilizumab_is_cautioned_where_a_sign_of_crs_is_attributed_elsewhere() -> None:
    septic = "fever 39.4; norepinephrine 2h; attributed fever bacteraemia; attributed hypotension sepsis"
    (found,) = [
        one for one in findings(dose("tocilizumab", "576"), septic) if one.kind is OrderKind.INFECTION
    ]
    assert "fever attributed to another cause: bacteraemia" in found.text
    assert kinds(dose("tocilizumab", "576"), f"{CRS_3}; attributed neurological stroke") == []


# --- one steroid or the other ---


def test_the_two_steroids_together_are_said_and_a_change_from_one_to_the_other_is_not() -> None:
    dexamethasone, methylprednisolone = dose("dexamethasone", "10"), dose("methylprednisolone", "60")
    icans = "ice 5"
    (found,) = findings(dexamethasone, icans, methylprednisolone)
    assert found.text == (
        "Dexamethasone: methylprednisolone is drafted beside it; one is the alternative to the other, "
        "not an addition"
    )
    assert kinds(methylprednisolone, icans, dexamethasone) == ["duplicate-order"]
    stop = order("methylprednisolone", change=OrderChange.STOP)
    assert kinds(dexamethasone, icans, stop) == []
    assert kinds(dexamethasone, icans, dose("hydrocortisone", "50")) == []


def test_the_other_steroid_on_order_is_said_unless_the_draft_takes_its_place() -> None:
    pending = PendingOrder(ImmuneDrug.METHYLPREDNISOLONE, AT, Source("MedicationRequest/m1"))
    chart = replace(chart_of("ice 5"), pending_orders=(pending,))
    (found,) = of_chart(dose("dexamethasone", "10"), chart)
    assert "methylprednisolone is already ordered and not charted as given" in found.text
    instead = replace(dose("dexamethasone", "10"), replaces=("MedicationRequest/m1",))
    assert of_chart(instead, chart) == ()


def test_the_other_steroid_just_given_is_said_unless_it_is_the_step_up() -> None:
    given = "ice 5; methylprednisolone 1h"
    (found,) = findings(dose("dexamethasone", "10"), given)
    assert "methylprednisolone is charted as given 1 h ago" in found.text
    assert kinds(dose("dexamethasone", "10", starts_at=AT + every(5)), given) == []
    assert kinds(dose("dexamethasone", "10"), "ice 5; methylprednisolone 6h") == []
    step_up = f"{CRS_4}; dexamethasone 1h"
    assert kinds(dose("methylprednisolone", "500", interval=every(12)), step_up, asco=True) == []
