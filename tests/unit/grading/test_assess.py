"""What ``assess`` tells beside the grades: the sources, the words, the doses, the gaps of dosing."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from grading.assess import assess
from grading.assessment import Assessment, Gap
from grading.chart import (
    CartInfusion,
    Chart,
    ChartGap,
    GapWhat,
    GapWhy,
    IceItem,
    ImmuneDrug,
    InspiredOxygenRow,
    Lab,
    LabValue,
    Patient,
    PendingOrder,
    Source,
    VasoactiveAgent,
)
from tests import chart_builders as build
from tests.chart_builders import AT, ago, well_charted

FEVER = (build.temperature("38.8"),)


def _assess(chart: Chart) -> Assessment:
    assessment = assess(chart, AT)
    assert assessment is not None
    return assessment


def _gaps(chart: Chart, what: GapWhat) -> list[Gap]:
    return [gap for gap in _assess(chart).gaps if gap.what is what]


def test_a_criterion_names_its_value_its_time_and_its_sources() -> None:
    cannula = replace(build.device("nasal-cannula", 2), source=Source("Observation/device"))
    flow = replace(build.flow("2.50"), source=Source("Observation/flow"))
    chart = well_charted(
        temperatures=(replace(FEVER[0], source=Source("Observation/t", note="read as °C")),),
        oxygen_devices=(cannula,),
        oxygen_flows=(flow,),
        vasoactives=(build.drip("norepinephrine", 4, rate="0.020"), build.drip("vasopressin", 3, rate=None)),
    )
    fever, infusion, oxygen = _assess(chart).crs.criteria
    assert (fever.value, fever.at) == ("38.8 °C (read as °C)", ago(1))
    assert infusion.value == "norepinephrine 0.02 mcg/kg/min + vasopressin"
    assert infusion.sources == (
        Source("MedicationAdministration/norepinephrine"),
        Source("MedicationAdministration/vasopressin"),
    )
    assert (oxygen.value, oxygen.at) == ("nasal cannula 2.5 L/min", ago(1))
    assert oxygen.sources == (cannula.source, flow.source)
    assert (oxygen.wording, oxygen.verified, oxygen.tier) == (
        "Low-flow nasal cannula (up to and including 6 L/min) or blow-by",
        True,
        "A",
    )


@pytest.mark.parametrize(
    ("changes", "note"),
    [
        ({"vasoactives": (build.drip("vasopressin", 4),)}, "Vasopressin alone is read as one vasopressor"),
        ({"vasoactives": (build.drip("terlipressin", 4),)}, "terlipressin counts by our reading"),
        ({"vasoactives": (build.drip("angiotensin-ii", 4),)}, "angiotensin II counts by our reading"),
        ({"vasoactives": (build.drip("dobutamine", 4),)}, "dobutamine does not count as a vasopressor"),
        (
            {"vasoactives": (build.drip("norepinephrine", 4), build.drip("epinephrine", 0.5))},
            "may be a change of drug",
        ),
        ({"oxygen_devices": (build.device("face-tent"),)}, "face tent: Not named in the table"),
        (
            {"oxygen_devices": (build.device("face-tent"), build.device("nasal-cannula"))},
            "Charted at the same time as nasal cannula",
        ),
        (
            {"attributions": (build.elsewhere("fever"),)},
            "Fever attributed elsewhere",
        ),
        (
            {"attributions": (build.elsewhere("hypotension"),)},
            "Hypotension attributed elsewhere",
        ),
        (
            {"attributions": (build.elsewhere("hypoxia", cause=""),)},
            "Hypoxia attributed elsewhere",
        ),
    ],
)
def test_what_does_not_speak_for_itself_is_noted(changes: dict[str, object], note: str) -> None:
    notes = _assess(well_charted(temperatures=FEVER, **changes)).crs.notes
    assert any(note in text for text in notes), notes


def test_two_vasopressors_for_an_hour_are_no_change_of_drug() -> None:
    drips = (build.drip("norepinephrine", 4), build.drip("epinephrine", 1))
    assert _assess(well_charted(temperatures=FEVER, vasoactives=drips)).crs.notes == ()


def test_an_attribution_without_a_cause_says_so() -> None:
    for what in ("fever", "hypotension", "hypoxia"):
        chart = well_charted(temperatures=FEVER, attributions=(build.elsewhere(what, cause=""),))
        assert any("cause not stated" in note for note in _assess(chart).crs.notes)
    chart = well_charted(attributions=(build.elsewhere("neurological", cause=""),))
    assert any("cause not stated" in note for note in _assess(chart).icans.notes)


def test_items_of_ice_that_were_not_done_are_named() -> None:
    score = replace(build.ice(8, 10), items_not_done=(IceItem.COMMAND, IceItem.WRITING))
    (gap,) = _gaps(well_charted(ice_scores=(score,)), GapWhat.ICE)
    assert gap == Gap(GapWhat.ICE, GapWhy.NOT_CHARTED, "items not done: command, writing", widens_range=True)


def test_a_missing_weight_and_an_old_one_are_gaps() -> None:
    assert _gaps(well_charted(weights=()), GapWhat.WEIGHT) == [Gap(GapWhat.WEIGHT, GapWhy.NOT_CHARTED)]
    old = well_charted(weights=(build.weight(72, 24 * 14.1),))
    assert _gaps(old, GapWhat.WEIGHT) == [Gap(GapWhat.WEIGHT, GapWhy.STALE)]
    assert _gaps(well_charted(weights=(build.weight(72, 24 * 14),)), GapWhat.WEIGHT) == []
    unreadable = ChartGap(GapWhat.WEIGHT, GapWhy.IMPLAUSIBLE, "7200 kg", ago(1))
    found = _gaps(well_charted(weights=(), gaps=(unreadable,)), GapWhat.WEIGHT)
    assert found == [Gap(GapWhat.WEIGHT, GapWhy.IMPLAUSIBLE, "7200 kg")]


@pytest.mark.parametrize(
    ("drug", "what"),
    [
        (ImmuneDrug.TOCILIZUMAB, GapWhat.TOCILIZUMAB),
        (ImmuneDrug.DEXAMETHASONE, GapWhat.STEROIDS),
        (ImmuneDrug.METHYLPREDNISOLONE, GapWhat.STEROIDS),
        (VasoactiveAgent.NOREPINEPHRINE, GapWhat.VASOPRESSORS),
    ],
)
def test_an_order_without_an_administration_is_pending(
    drug: ImmuneDrug | VasoactiveAgent, what: GapWhat
) -> None:
    chart = well_charted(pending_orders=(PendingOrder(drug, ago(2), build.SOURCE),))
    (gap,) = _gaps(chart, what)
    assert (gap.why, gap.detail) == (
        GapWhy.NOT_CHARTED,
        f"{drug.value}: ordered, no administration charted",
    )


def test_an_order_of_a_drug_that_no_protocol_counts_is_no_gap() -> None:
    chart = well_charted(pending_orders=(PendingOrder(ImmuneDrug.ACETAMINOPHEN, ago(2), build.SOURCE),))
    assert _assess(chart).gaps == ()


@pytest.mark.parametrize(
    ("ordered", "given", "pending"),
    [(5, 4, False), (5, 6, False), (5, 6.1, True), (None, 30, False), (None, None, True)],
)
def test_an_order_is_carried_out_by_a_dose_from_an_hour_before_it(
    ordered: float | None, given: float | None, pending: bool
) -> None:
    order = PendingOrder(ImmuneDrug.TOCILIZUMAB, None if ordered is None else ago(ordered), build.SOURCE)
    doses = () if given is None else (build.dose("tocilizumab", given),)
    chart = well_charted(pending_orders=(order,), drug_doses=doses)
    assert (_assess(chart).evidence.pending == (order,)) is pending


def test_steroids_count_from_the_infusion_and_tocilizumab_for_the_treatment() -> None:
    hours = (24 * 60.1, 80, 20, 5, -1)
    doses = tuple(build.dose("tocilizumab", since) for since in hours)
    steroids = tuple(build.dose("dexamethasone", since) for since in hours)
    evidence = _assess(well_charted(drug_doses=(*doses, *steroids))).evidence
    assert evidence.tocilizumab == doses[1:4]
    assert evidence.steroids == steroids[2:4]


def test_the_latest_of_each_laboratory_test_within_two_days_is_taken() -> None:
    def ferritin(value: int, since: float) -> LabValue:
        return LabValue(Lab.FERRITIN, ago(since), Decimal(value), build.SOURCE)

    crp = LabValue(Lab.CRP, ago(49), Decimal(90), build.SOURCE)
    evidence = _assess(well_charted(labs=(ferritin(500, 20), ferritin(900, 4), crp))).evidence
    assert evidence.labs == (ferritin(900, 4),)
    assert evidence.baseline.ferritin is None


def test_the_ferritin_of_the_month_before_the_infusion_is_the_baseline() -> None:
    labs = tuple(
        LabValue(lab, ago(24 * days), Decimal(value), build.SOURCE)
        for lab, days, value in (
            (Lab.FERRITIN, 40, 1),
            (Lab.FERRITIN, 30, 2),
            (Lab.FERRITIN, 4, 3),
            (Lab.LDH, 4, 9),
        )
    )
    assert _assess(well_charted(labs=labs)).evidence.baseline.ferritin == labs[2]


def test_the_day_is_told_in_the_offset_of_the_infusion() -> None:
    # 23:30 in New York on the 6th is the 7th in UTC; 08:00 UTC on the 10th is 03:00 there.
    given = datetime(2026, 3, 6, 23, 30, tzinfo=timezone(timedelta(hours=-5)))
    chart = well_charted(infusions=(CartInfusion(given, None, build.SOURCE),))
    assert _assess(chart).evidence.day == 4
    in_utc = CartInfusion(given.astimezone(UTC), None, build.SOURCE)
    assert _assess(well_charted(infusions=(in_utc,))).evidence.day == 3


def test_an_administration_of_the_same_day_names_the_product() -> None:
    procedure = CartInfusion(ago(72), None, Source("Procedure/1"))
    product = CartInfusion(ago(80), "tisagenlecleucel", Source("MedicationAdministration/1"))
    older = CartInfusion(ago(200), "axicabtagene-ciloleucel", Source("MedicationAdministration/0"))
    found = _assess(well_charted(infusions=(procedure, product, older))).evidence.infusion
    assert found == CartInfusion(ago(72), "tisagenlecleucel", Source("Procedure/1"))
    alone = _assess(well_charted(infusions=(procedure, older))).evidence.infusion
    assert alone == procedure


def test_fio2_is_shown_and_never_graded() -> None:
    row = InspiredOxygenRow(ago(1), Decimal("0.5"), build.SOURCE)
    assessment = _assess(well_charted(inspired_oxygen=(row,), temperatures=FEVER))
    assert (assessment.evidence.inspired_oxygen, assessment.crs.grade) == (row, 1)


@pytest.mark.parametrize(
    ("born", "age"),
    [
        (date(2014, 3, 10), 12),
        (date(2014, 3, 11), 11),
        (date(2026, 3, 10), 0),
        (date(2026, 3, 11), None),
        (None, None),
    ],
)
def test_age_is_counted_in_completed_years(born: date | None, age: int | None) -> None:
    chart = well_charted(patient=Patient(birth_date=born))
    assert _assess(chart).evidence.age_years == age


@pytest.mark.parametrize("what", [GapWhat.AGE, GapWhat.CONDITIONS, GapWhat.LABS, GapWhat.TOCILIZUMAB])
def test_what_could_not_be_retrieved_is_named(what: GapWhat) -> None:
    chart = well_charted(
        patient=Patient() if what is GapWhat.AGE else build.ADULT,
        gaps=(ChartGap(what, GapWhy.NOT_RETRIEVED, "search failed"),),
    )
    assert _assess(chart).gaps == (Gap(what, GapWhy.NOT_RETRIEVED, "search failed"),)


@pytest.mark.parametrize(
    ("gap", "named"),
    [
        (ChartGap(GapWhat.LABS, GapWhy.UNMAPPED, "x", ago(48)), True),
        (ChartGap(GapWhat.LABS, GapWhy.UNMAPPED, "x", ago(48.1)), False),
        (ChartGap(GapWhat.LABS, GapWhy.UNMAPPED, "x", ago(-1)), False),
        (ChartGap(GapWhat.CONDITIONS, GapWhy.UNMAPPED, "x", ago(700)), True),
        (ChartGap(GapWhat.VASOPRESSORS, GapWhy.UNMAPPED, "x", ago(160), running_rate=True), True),
        (ChartGap(GapWhat.VASOPRESSORS, GapWhy.UNMAPPED, "x", ago(169), running_rate=True), False),
        (ChartGap(GapWhat.OXYGEN_FLOW, GapWhy.UNMAPPED, "x", ago(2)), True),
        (ChartGap(GapWhat.SPO2, GapWhy.UNMAPPED, "x", ago(2)), False),
    ],
)
def test_what_could_not_be_read_is_named_as_long_as_it_matters(gap: ChartGap, named: bool) -> None:
    found = {item.what for item in _assess(well_charted(gaps=(gap,))).gaps}
    assert (gap.what in found) is named


def test_a_gap_that_widens_wins_over_its_silent_twin() -> None:
    unreadable = ChartGap(GapWhat.TEMPERATURE, GapWhy.NOT_RETRIEVED, "search failed")
    chart = well_charted(temperatures=(), gaps=(unreadable, unreadable))
    assert _gaps(chart, GapWhat.TEMPERATURE) == [
        Gap(GapWhat.TEMPERATURE, GapWhy.NOT_RETRIEVED, "search failed", widens_range=True)
    ]


@pytest.mark.parametrize("why", [GapWhy.NOT_RETRIEVED, GapWhy.UNMAPPED, GapWhy.AMBIGUOUS])
def test_an_infusion_on_record_that_nobody_can_read_is_not_silence(why: GapWhy) -> None:
    assessment = _assess(well_charted(infusions=(), gaps=(ChartGap(GapWhat.INFUSION, why, "Procedure/p"),)))
    assert (assessment.crs.status.value, assessment.icans.status.value) == (
        "not-assessable",
        "not-assessable",
    )


def test_an_unreadable_infusion_of_last_year_is_silence() -> None:
    old = ChartGap(GapWhat.INFUSION, GapWhy.AMBIGUOUS, "Procedure/p", at=ago(24 * 300))
    assert assess(well_charted(infusions=(), gaps=(old,)), AT) is None


def test_an_unreadable_entry_on_sedation_leaves_icans_open_upwards() -> None:
    unread = ChartGap(GapWhat.SEDATION, GapWhy.UNMAPPED, "Yes", at=ago(1))
    icans = _assess(well_charted(gaps=(unread,))).icans
    assert (icans.status.value, icans.lowest, icans.highest) == ("indeterminate", 0, 4)


def test_a_worse_capd_beside_an_ice_at_fifteen_leaves_icans_open_upwards() -> None:
    patient = Patient(birth_date=date(AT.year - 15, 1, 1))
    icans = _assess(well_charted(patient=patient, capd_scores=(build.capd(9),))).icans
    assert (icans.status.value, icans.lowest, icans.highest) == ("indeterminate", 0, 3)


def test_tocilizumab_given_before_the_infusion_is_seen_by_who_counts_doses() -> None:
    given = build.dose("tocilizumab", 80)
    assert _assess(well_charted(drug_doses=(given,))).evidence.tocilizumab == (given,)


def test_an_unknown_pressure_without_fever_is_told_but_widens_nothing() -> None:
    assessment = _assess(well_charted(systolic_pressures=()))
    assert assessment.crs.status.value == "none"
    (missing,) = [gap for gap in assessment.gaps if gap.what is GapWhat.BLOOD_PRESSURE]
    assert not missing.widens_range
