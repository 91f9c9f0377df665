"""How administrations become rows, each rule with a hand-worked value."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar

import msgspec
import pytest

from fhir_maps import r4
from fhir_maps.medication_administrations import AdministrationRow, read_administration
from fhir_maps.terminology import load_terminology
from fhir_maps.unmapped import Unmapped
from grading.chart import (
    AdministrationStatus,
    CartInfusion,
    ChartGap,
    DrugDose,
    FluidBolus,
    GapWhat,
    GapWhy,
    ImmuneDrug,
    VasoactiveAgent,
    VasoactiveRow,
)

TERMINOLOGY = load_terminology()
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
ATC = "http://www.whocc.no/atc"
SNOMED = "http://snomed.info/sct"
UCUM = "http://unitsofmeasure.org"
NINE = datetime(2026, 3, 4, 9, tzinfo=UTC)
PERIOD = {"start": "2026-03-04T09:00:00Z", "end": "2026-03-04T10:00:00Z"}
IV = {"coding": [{"system": SNOMED, "code": "47625008"}]}
NOREPINEPHRINE = {"coding": [{"system": RXNORM, "code": "7512"}]}
RATE = {"value": 0.05, "unit": "ug/kg/min", "system": UCUM, "code": "ug/kg/min"}


def read(
    drug: Any = None,
    *,
    medications: dict[str, Any] | None = None,
    requests: dict[str, Any] | None = None,
    **members: Any,
) -> list[AdministrationRow]:
    body: dict[str, Any] = {
        "resourceType": "MedicationAdministration",
        "id": "a1",
        "status": "completed",
        "effectivePeriod": PERIOD,
    }
    if drug is not None:
        body["medicationCodeableConcept"] = {"text": drug} if isinstance(drug, str) else drug
    body |= members
    for unset in [name for name, value in body.items() if value is None]:
        del body[unset]
    return list(
        read_administration(
            decode(body, r4.MedicationAdministration),
            TERMINOLOGY,
            {key: decode(value, r4.Medication) for key, value in (medications or {}).items()},
            {key: decode(value, r4.MedicationRequest) for key, value in (requests or {}).items()},
        )
    )


def decode(body: Any, kind: Any) -> Any:
    return msgspec.json.decode(json.dumps(body), type=kind)


def only(rows: list[AdministrationRow], kind: type) -> Any:
    found = [row for row in rows if isinstance(row, kind)]
    assert len(found) == 1, rows
    return found[0]


def infusion(drug: Any = NOREPINEPHRINE, **members: Any) -> list[AdministrationRow]:
    return read(drug, **({"dosage": {"route": IV, "rateQuantity": RATE}} | members))


class TestInfusions:
    def test_a_rate_segment_is_a_row_with_its_times_rate_and_route(self) -> None:
        row = only(infusion(), VasoactiveRow)
        assert row == VasoactiveRow(
            agent=VasoactiveAgent.NOREPINEPHRINE,
            start=NINE,
            end=NINE + timedelta(hours=1),
            rate=Decimal("0.05"),
            rate_unit="ug/kg/min",
            has_dose=False,
            intravenous=True,
            status=AdministrationStatus.COMPLETED,
            source=row.source,
        )
        assert row.source.reference == "MedicationAdministration/a1"
        assert row.source.note is None

    def test_an_infusion_without_end_has_none(self) -> None:
        row = only(
            infusion(status="in-progress", effectivePeriod={"start": "2026-03-04T10:00:00+01:00"}),
            VasoactiveRow,
        )
        assert (row.start, row.end, row.status) == (NINE, None, AdministrationStatus.IN_PROGRESS)

    @pytest.mark.parametrize("status", ["in-progress", "on-hold", "stopped", "completed", "unknown"])
    def test_every_status_of_something_that_took_place_is_kept(self, status: str) -> None:
        assert only(infusion(status=status), VasoactiveRow).status.value == status

    @pytest.mark.parametrize("status", ["entered-in-error", "not-done"])
    def test_what_did_not_take_place_leaves_nothing(self, status: str) -> None:
        assert infusion(status=status) == []

    @pytest.mark.parametrize("status", [None, "active", "COMPLETED", ""])
    def test_another_status_is_a_gap_that_names_it(self, status: str | None) -> None:
        gap = only(infusion(status=status), ChartGap)
        assert (gap.what, gap.why, gap.running_rate) == (GapWhat.VASOPRESSORS, GapWhy.UNMAPPED, True)
        assert (status or "missing") in str(gap.detail)

    def test_a_rate_of_zero_is_kept_as_zero(self) -> None:
        rows = infusion(dosage={"rateQuantity": {"value": 0, "unit": "mcg/kg/min"}})
        assert only(rows, VasoactiveRow).rate == 0

    def test_a_rate_ratio_is_divided(self) -> None:
        ratio = {"numerator": {"value": 30, "unit": "mcg"}, "denominator": {"value": 5, "unit": "min"}}
        row = only(infusion(dosage={"rateRatio": ratio}), VasoactiveRow)
        assert (row.rate, row.rate_unit) == (6, "mcg/min")

    @pytest.mark.parametrize(
        "rate",
        [
            {"rateQuantity": {"value": 5, "comparator": "<", "unit": "mcg/min"}},
            {"rateQuantity": {"value": -1, "unit": "mcg/min"}},
            {"rateQuantity": {"value": "NaN", "unit": "mcg/min"}},
            {"rateQuantity": {"value": "Infinity", "unit": "mcg/min"}},
            {"rateQuantity": {"value": "1e400", "unit": "mcg/min"}},
            {"rateRatio": {"numerator": {"value": 5}, "denominator": {"value": 0}}},
            {"rateRatio": {"numerator": {"value": 5}}},
            {"rateRatio": {"numerator": {"value": "1e15"}, "denominator": {"value": "1e-400"}}},
            {"rateRatio": {"numerator": {"unit": "mg"}, "denominator": {"value": 1}}},
        ],
    )
    def test_an_unusable_rate_is_a_gap_while_it_may_run(self, rate: dict[str, Any]) -> None:
        gap = only(infusion(dosage=rate), ChartGap)
        assert (gap.what, gap.why) == (GapWhat.VASOPRESSORS, GapWhy.IMPLAUSIBLE)
        assert (gap.at, gap.until, gap.running_rate) == (NINE, NINE + timedelta(hours=1), True)

    def test_a_bag_without_dose_and_rate_is_a_bare_row(self) -> None:
        rows = read(
            {
                "coding": [
                    {
                        "system": "http://mimic.mit.edu/fhir/mimic/CodeSystem/mimic-medication-formulary-drug-cd",
                        "code": "NORE8/250N",
                    }
                ]
            },
            effectivePeriod=None,
            effectiveDateTime="2026-03-04T09:00:00Z",
        )
        row = only(rows, VasoactiveRow)
        assert (row.end, row.rate, row.has_dose, row.intravenous) == (None, None, False, None)

    def test_an_instant_with_a_dose_keeps_that_it_has_one(self) -> None:
        rows = read(
            "phenylephrine",
            effectivePeriod=None,
            effectiveDateTime="2026-03-04T09:00:00Z",
            dosage={"dose": {"value": 100, "unit": "mcg"}},
        )
        row = only(rows, VasoactiveRow)
        assert (row.has_dose, row.rate, row.source.note) == (True, None, "matched on text")

    @pytest.mark.parametrize(
        "times",
        [
            {"effectivePeriod": {"start": "2026-03-04T09:00:00", "end": "2026-03-04T10:00:00"}},
            {"effectivePeriod": {"start": "2026-03-04"}},
            {"effectivePeriod": {"end": "2026-03-04T10:00:00Z"}},
            {"effectivePeriod": {"start": "0001-01-01T00:00:00Z", "end": "2026-03-04T10:00:00Z"}},
            {"effectivePeriod": {"start": "2026-03-04T11:00:00Z", "end": "2026-03-04T10:00:00Z"}},
            {"effectivePeriod": {"start": "2026-03-04T09:00:00Z", "end": "later"}},
            {"effectivePeriod": {}},
            {"effectivePeriod": None},
            {"effectivePeriod": None, "effectiveDateTime": "2026-03-04T09:00:00"},
            {"effectivePeriod": None, "effectiveDateTime": "x" * 100_000},
        ],
    )
    def test_an_unusable_time_is_a_gap_of_the_vasopressors(self, times: dict[str, Any]) -> None:
        gap = only(infusion(**times), ChartGap)
        assert (gap.what, gap.why) == (GapWhat.VASOPRESSORS, GapWhy.IMPLAUSIBLE)
        assert "norepinephrine" in str(gap.detail)

    def test_a_time_without_offset_is_called_so(self) -> None:
        gap = only(
            infusion(effectivePeriod=None, effectiveDateTime="2026-03-04T09:00:00"),
            ChartGap,
        )
        assert gap.detail == "norepinephrine: time without offset"
        assert gap.at is None


class TestRoutes:
    @pytest.mark.parametrize(
        "code",
        ["54485002", "46713006", "447694001", "78421000", "34206005", "6064005", "404820008", "26643006"],
    )
    def test_a_vasopressor_by_another_known_route_is_excluded(self, code: str) -> None:
        route = {"coding": [{"system": SNOMED, "code": code}]}
        assert infusion(dosage={"route": route, "rateQuantity": RATE}) == []

    def test_midodrine_by_mouth_reaches_the_chart(self) -> None:
        oral = {"coding": [{"system": SNOMED, "code": "26643006"}]}
        row = only(
            read("midodrine", dosage={"route": oral, "dose": {"value": 10, "unit": "mg"}}), VasoactiveRow
        )
        assert (row.agent, row.intravenous) == (VasoactiveAgent.MIDODRINE, None)

    def test_the_route_of_the_order_stands_in(self) -> None:
        order = {"resourceType": "MedicationRequest", "dosageInstruction": [{"route": {"text": "BOTH EYES"}}]}
        rows = read(
            NOREPINEPHRINE,
            request={"reference": "MedicationRequest/r1"},
            requests={"MedicationRequest/r1": order},
        )
        assert rows == []

    def test_a_route_that_no_map_knows_is_counted_and_left_open(self) -> None:
        rows = infusion(dosage={"route": {"text": "by carrier pigeon"}, "rateQuantity": RATE})
        assert only(rows, VasoactiveRow).intravenous is None
        assert only(rows, Unmapped) == Unmapped("route", None, None, "by carrier pigeon")

    @pytest.mark.parametrize(
        "drug",
        [
            "Phenylephrine 2.5 % eye drops",
            "racemic epinephrine",
            "Lidocaine with Epinephrine",
            "EpiPen",
            "phenylephrine nasal spray",
            {"coding": [{"system": RXNORM, "code": "8163"}], "text": "phenylephrine 2.5% eye drops"},
        ],
    )
    def test_a_local_form_is_no_vasopressor(self, drug: Any) -> None:
        assert read(drug, dosage={"dose": {"value": 1, "unit": "drop"}}) == []


class TestMethods:
    @pytest.mark.parametrize(
        "method", ["Not Given", "Hold Dose", "Not Flushed", "held", "Not Given per Sliding Scale"]
    )
    def test_what_was_not_given_leaves_nothing_whatever_the_dose(self, method: str) -> None:
        dosage = {"method": {"text": method}, "dose": {"value": 576, "unit": "mg"}}
        assert read("tocilizumab", dosage=dosage) == []

    def test_a_stop_is_a_row_that_ends_the_run(self) -> None:
        system = "http://mimic.mit.edu/fhir/mimic/CodeSystem/mimic-medication-method"
        dosage = {
            "method": {"coding": [{"system": system, "code": "Stopped"}]},
            "dose": {"value": 8, "unit": "mg"},
        }
        rows = read(
            NOREPINEPHRINE, dosage=dosage, effectivePeriod=None, effectiveDateTime="2026-03-04T09:00:00Z"
        )
        assert only(rows, VasoactiveRow).status is AdministrationStatus.STOPPED

    def test_the_stop_of_a_tocilizumab_dose_is_no_second_dose(self) -> None:
        rows = read(
            "tocilizumab", dosage={"method": {"text": "Stopped"}, "dose": {"value": 576, "unit": "mg"}}
        )
        gap = only(rows, ChartGap)
        assert (gap.what, gap.why) == (GapWhat.TOCILIZUMAB, GapWhy.AMBIGUOUS)


class TestDrug:
    @pytest.mark.parametrize(
        ("system", "code", "agent"),
        [
            (RXNORM, "7512", VasoactiveAgent.NOREPINEPHRINE),
            (RXNORM, "1745276", VasoactiveAgent.NOREPINEPHRINE),
            (ATC, "C01CA24", VasoactiveAgent.EPINEPHRINE),
            (SNOMED, "77671006", VasoactiveAgent.VASOPRESSIN),
            (ATC, "H01BA04", VasoactiveAgent.TERLIPRESSIN),
            (RXNORM, "1999010", VasoactiveAgent.ANGIOTENSIN_II),
            (
                "http://mimic.mit.edu/fhir/mimic/CodeSystem/mimic-medication-icu",
                "221986",
                VasoactiveAgent.MILRINONE,
            ),
        ],
    )
    def test_a_code_names_the_agent(self, system: str, code: str, agent: VasoactiveAgent) -> None:
        assert only(infusion({"coding": [{"system": system, "code": code}]}), VasoactiveRow).agent is agent

    @pytest.mark.parametrize(
        ("text", "agent"),
        [
            ("Norepinephrine (mcg/min)", VasoactiveAgent.NOREPINEPHRINE),
            ("NORADRENALINE", VasoactiveAgent.NOREPINEPHRINE),
            ("levophed (ml/hr)", VasoactiveAgent.NOREPINEPHRINE),
            ("norepinephrine_bitartrate", VasoactiveAgent.NOREPINEPHRINE),
            ("Phenylephrine ()", VasoactiveAgent.PHENYLEPHRINE),
            ("Neo-Synephrine", VasoactiveAgent.PHENYLEPHRINE),
            ("Vasopressin (units/min)", VasoactiveAgent.VASOPRESSIN),
            ("methylene blue", VasoactiveAgent.METHYLENE_BLUE),
            ("levosimendan", VasoactiveAgent.LEVOSIMENDAN),
        ],
    )
    def test_an_exact_text_names_the_agent_and_is_marked(self, text: str, agent: VasoactiveAgent) -> None:
        row = only(infusion(text), VasoactiveRow)
        assert (row.agent, row.source.note) == (agent, "matched on text")

    @pytest.mark.parametrize("code", ["NORE", "PHEN100I", "75120"])
    def test_a_part_of_a_code_is_no_match(self, code: str) -> None:
        rows = infusion({"coding": [{"system": RXNORM, "code": code}]})
        assert not [row for row in rows if isinstance(row, VasoactiveRow)]

    def test_a_volume_of_phenylephrine_is_no_infusion(self) -> None:
        assert infusion("Volume (ml) Phenylephrine") == []

    def drip(self, *ingredients: Any) -> dict[str, Any]:
        return {
            "resourceType": "Medication",
            "id": "drip",
            "code": {"text": "a bag of this and that"},
            "ingredient": [
                {"itemCodeableConcept": {"text": item} if isinstance(item, str) else item}
                for item in ingredients
            ],
        }

    def contained(self, *ingredients: Any, **members: Any) -> list[AdministrationRow]:
        return infusion(
            None, contained=[self.drip(*ingredients)], medicationReference={"reference": "#drip"}, **members
        )

    def test_the_drug_is_the_ingredient_beside_the_diluent(self) -> None:
        row = only(self.contained("sodium chloride 0.9%", NOREPINEPHRINE), VasoactiveRow)
        assert (row.agent, row.source.note) == (VasoactiveAgent.NOREPINEPHRINE, None)
        assert (
            only(self.contained("dextrose 5%", "vasopressin"), VasoactiveRow).source.note == "matched on text"
        )

    def test_an_unknown_ingredient_in_saline_is_not_saline(self) -> None:
        rows = self.contained("sodium chloride 0.9%", "mysterium 4 mg")
        gap = only(rows, ChartGap)
        assert (gap.why, gap.running_rate) == (GapWhy.UNMAPPED, True)

    def test_an_epidural_mixture_without_a_stated_route_is_ambiguous(self) -> None:
        rows = self.contained(
            "bupivacaine", "epinephrine", "sodium chloride 0.9%", dosage={"rateQuantity": RATE}
        )
        gap = only(rows, ChartGap)
        assert (gap.what, gap.why, gap.running_rate) == (GapWhat.VASOPRESSORS, GapWhy.AMBIGUOUS, True)

    def test_a_referenced_medication_is_found_by_any_of_its_keys(self) -> None:
        bag = {"resourceType": "Medication", "id": "m1", "code": NOREPINEPHRINE}
        for key in ("https://ehr.example/fhir/Medication/m1", "Medication/m1", "m1"):
            rows = infusion(
                None,
                medicationReference={"reference": "https://ehr.example/fhir/Medication/m1"},
                medications={key: bag},
            )
            assert only(rows, VasoactiveRow).agent is VasoactiveAgent.NOREPINEPHRINE

    def test_an_unresolved_reference_with_a_name_is_read_by_its_name(self) -> None:
        rows = infusion(None, medicationReference={"reference": "Medication/x", "display": "norepinephrine"})
        assert only(rows, VasoactiveRow).source.note == "matched on text"

    def test_an_unresolved_reference_without_a_name_takes_the_drug_of_the_order(self) -> None:
        order = {"resourceType": "MedicationRequest", "medicationCodeableConcept": NOREPINEPHRINE}
        rows = infusion(
            None,
            medicationReference={"reference": "Medication/x"},
            request={"reference": "MedicationRequest/r1"},
            requests={"r1": order},
        )
        assert only(rows, VasoactiveRow).source.note == "drug taken from the order"

    @pytest.mark.parametrize(
        "contained", [[1], ["x"], [None], [{}], [{"resourceType": "Medication", "id": 5}], [[]]]
    )
    def test_unreadable_contained_resources_are_not_the_drug(self, contained: list[Any]) -> None:
        rows = infusion(None, contained=contained, medicationReference={"reference": "#drip"})
        assert only(rows, ChartGap).why is GapWhy.UNMAPPED

    def test_two_agents_in_one_record_are_ambiguous(self) -> None:
        both = {"coding": [{"system": RXNORM, "code": "7512"}, {"system": RXNORM, "code": "3992"}]}
        assert only(infusion(both), ChartGap).why is GapWhy.AMBIGUOUS


class TestUnknownDrugs:
    def test_one_with_a_continuous_rate_is_a_gap_that_may_be_a_vasopressor(self) -> None:
        rows = infusion({"coding": [{"system": "urn:local", "code": "X1", "display": "Mysterium"}]})
        gap = only(rows, ChartGap)
        assert (gap.what, gap.why, gap.detail) == (GapWhat.VASOPRESSORS, GapWhy.UNMAPPED, "Mysterium (X1)")
        assert (gap.at, gap.until, gap.running_rate) == (NINE, NINE + timedelta(hours=1), True)
        assert only(rows, Unmapped) == Unmapped("medication", "urn:local", "X1", "Mysterium")

    @pytest.mark.parametrize(
        "unit", ["mcg/kg/min", "ug/kg/min", "mg/h", "units/hour", "mL/hr", "ug/(kg.min)", None]
    )
    def test_units_of_infused_drugs_run(self, unit: str | None) -> None:
        rows = read("mysterium", dosage={"rateQuantity": {"value": 3, "unit": unit}})
        assert only(rows, ChartGap).running_rate

    @pytest.mark.parametrize("unit", ["L/min", "tablets/day", "mg", "1"])
    def test_other_units_do_not(self, unit: str) -> None:
        rows = read("mysterium", dosage={"rateQuantity": {"value": 3, "unit": unit}})
        assert [type(row) for row in rows] == [Unmapped]

    def test_one_running_by_vein_without_a_rate_may_be_a_vasopressor(self) -> None:
        rows = read(
            "mysterium",
            status="in-progress",
            effectivePeriod={"start": PERIOD["start"]},
            dosage={"route": IV},
        )
        assert only(rows, ChartGap).running_rate

    def test_a_finished_instant_with_a_rate_does_not_run(self) -> None:
        rows = read(
            "mysterium",
            effectivePeriod=None,
            effectiveDateTime="2026-03-04T09:00:00Z",
            dosage={"rateQuantity": {"value": 3, "unit": "mL/h"}},
        )
        assert not only(rows, ChartGap).running_rate

    def test_a_tablet_is_counted_and_makes_no_gap(self) -> None:
        rows = read("mysterium 5 mg tablet", dosage={"dose": {"value": 5, "unit": "mg"}})
        assert rows == [Unmapped("medication", None, None, "mysterium 5 mg tablet")]

    def test_no_drug_at_all_is_a_gap_when_it_runs(self) -> None:
        assert only(infusion(None), ChartGap).detail == "without text and code"

    @pytest.mark.parametrize(
        "drug",
        [
            "Propofol",
            "Dextrose 5%",
            "Calcium Gluconate (CRRT)",
            "vancomycin",
            "TPN",
            "TPN adult (central)",
            "Clinimix E",
            "KCl",
            "potassium chloride 20 mEq/100 mL IVPB",
            "dextrose 5 % and sodium chloride 0.45 % with KCl 20 mEq/L infusion",
            "vancomycin (VANCOCIN) 1,250 mg in sodium chloride 0.9 % 250 mL IVPB",
            "piperacillin-tazobactam (ZOSYN) 4.5 g in sodium chloride 0.9 % 100 mL (mini-bag plus)",
            "fentaNYL (SUBLIMAZE) 2,500 mcg/50 mL infusion",
            "heparin in dextrose 5 % 25,000 units/250 mL (100 units/mL) infusion",
            "sodium chloride 0.9 % infusion",
            "cytarabine",
            "PRBC",
        ],
    )
    def test_known_other_drugs_make_no_gap(self, drug: str) -> None:
        assert infusion(drug) == []


class TestFluids:
    def bolus(self, drug: Any = "NaCl 0.9%", value: Any = 500, unit: str = "mL", **members: Any) -> Any:
        times = {"effectivePeriod": None, "effectiveDateTime": "2026-03-04T09:00:00Z"} | members
        return read(drug, dosage={"dose": {"value": value, "unit": unit}}, **times)

    def test_an_instant_is_a_bolus_in_millilitres(self) -> None:
        row = only(self.bolus(), FluidBolus)
        assert (row.at, row.millilitres) == (NINE, 500)
        assert only(self.bolus(value=0.5, unit="L"), FluidBolus).millilitres == 500

    def test_a_local_unit_system_is_read_by_its_code(self) -> None:
        system = "http://hospital.example/a/rather/long/address/of/CodeSystem/local-units"
        dose = {"value": 500, "unit": "ml", "code": "ml", "system": system}
        times = {"effectivePeriod": None, "effectiveDateTime": "2026-03-04T09:00:00Z"}
        assert only(read("NaCl 0.9%", dosage={"dose": dose}, **times), FluidBolus).millilitres == 500

    def test_the_code_is_read_too(self) -> None:
        saline = {"coding": [{"system": RXNORM, "code": "1807628"}]}
        assert only(self.bolus(saline), FluidBolus).source.note is None

    def test_an_hour_is_a_bolus_and_a_minute_more_is_not(self) -> None:
        hour = {"effectiveDateTime": None, "effectivePeriod": PERIOD}
        assert only(self.bolus(**hour), FluidBolus).at == NINE
        longer = {"effectiveDateTime": None, "effectivePeriod": PERIOD | {"end": "2026-03-04T10:01:00Z"}}
        assert self.bolus(**longer) == []

    def test_a_small_amount_is_handed_on(self) -> None:
        assert only(self.bolus("LR", 40), FluidBolus).millilitres == 40

    @pytest.mark.parametrize("status", ["on-hold", "unknown", "not-done"])
    def test_what_was_not_given_is_no_bolus(self, status: str) -> None:
        assert self.bolus(status=status) == []

    @pytest.mark.parametrize(
        ("value", "unit"), [(5, "mg"), (-5, "mL"), (0, "mL"), ("NaN", "mL"), (500, "furlong")]
    )
    def test_no_plain_volume_is_no_bolus(self, value: Any, unit: str) -> None:
        assert self.bolus(value=value, unit=unit) == []

    def test_a_maintenance_rate_is_no_bolus(self) -> None:
        dosage = {"dose": {"value": 1000, "unit": "mL"}, "rateQuantity": {"value": 125, "unit": "mL/h"}}
        rows = read("LR", effectivePeriod=None, effectiveDateTime="2026-03-04T09:00:00Z", dosage=dosage)
        assert rows == []

    def test_a_nebulised_saline_is_no_bolus(self) -> None:
        dosage = {"dose": {"value": 500, "unit": "mL"}, "route": {"text": "nebulised"}}
        assert read("NaCl 0.9%", dosage=dosage) == []


class TestDoses:
    def dose(self, drug: Any = "tocilizumab", value: Any = 576, unit: str = "mg", **members: Any) -> Any:
        return read(drug, **({"dosage": {"dose": {"value": value, "unit": unit}}} | members))

    def test_tocilizumab_counts_from_its_start(self) -> None:
        row = only(self.dose({"coding": [{"system": RXNORM, "code": "612865"}]}), DrugDose)
        assert (row.drug, row.at, row.milligrams) == (ImmuneDrug.TOCILIZUMAB, NINE, 576)
        assert row.systemic
        assert not row.subcutaneous

    @pytest.mark.parametrize(
        "name", ["tocilizumab-aazg", "tocilizumab-bavi", "tocilizumab-anoh", "RoActemra"]
    )
    def test_biosimilars_are_tocilizumab_under_their_own_name(self, name: str) -> None:
        row = only(self.dose(name), DrugDose)
        assert (row.drug, row.name) == (ImmuneDrug.TOCILIZUMAB, name)

    def test_a_biosimilar_by_atc(self) -> None:
        drug = {"coding": [{"system": ATC, "code": "L04AC07"}], "text": "a new biosimilar"}
        row = only(self.dose(drug), DrugDose)
        assert (row.drug, row.name) == (ImmuneDrug.TOCILIZUMAB, "a new biosimilar")

    def test_under_the_skin_is_marked(self) -> None:
        dosage = {"dose": {"value": 162, "unit": "mg"}, "route": {"text": "subcutaneous"}}
        assert only(self.dose(dosage=dosage), DrugDose).subcutaneous

    def test_an_eye_drop_of_a_steroid_is_not_systemic_and_a_suppository_is(self) -> None:
        for route, systemic in (("both eyes", False), ("topical", False), ("rectal", True), ("IV", True)):
            rows = self.dose("dexamethasone", dosage={"route": {"text": route}})
            assert only(rows, DrugDose).systemic is systemic

    @pytest.mark.parametrize(
        ("value", "unit", "milligrams"),
        [
            (1, "g", Decimal(1000)),
            (500, "mcg", Decimal("0.5")),
            (10, "mL", None),
            (8, "mg/kg", None),
            (1, "dose", None),
        ],
    )
    def test_doses_in_a_mass_are_milligrams(self, value: Any, unit: str, milligrams: Decimal | None) -> None:
        assert only(self.dose("acetaminophen", value, unit), DrugDose).milligrams == milligrams

    def test_a_dose_with_a_comparator_has_no_milligrams(self) -> None:
        dosage = {"dose": {"value": 10, "unit": "mg", "comparator": "<"}}
        assert only(self.dose("dexamethasone", dosage=dosage), DrugDose).milligrams is None

    def test_a_stopped_dose_was_given_in_part(self) -> None:
        row = only(self.dose(status="stopped"), DrugDose)
        assert row.source.note == "matched on text; given in part: stopped"

    @pytest.mark.parametrize("status", ["on-hold", "unknown", None, "draft"])
    def test_a_dose_that_may_not_have_been_given_is_a_gap(self, status: str | None) -> None:
        gap = only(self.dose(status=status), ChartGap)
        assert (gap.what, gap.why) == (GapWhat.TOCILIZUMAB, GapWhy.AMBIGUOUS)
        assert only(self.dose("hydrocortisone", status=status), ChartGap).what is GapWhat.STEROIDS
        assert only(self.dose("ibuprofen", status=status), Unmapped).kind == "status"

    @pytest.mark.parametrize("when", ["2026-03-04", "2026-03-04T09:00:00", None, "soon"])
    def test_a_dose_at_an_unknown_hour_is_a_gap(self, when: str | None) -> None:
        times = {"effectivePeriod": None, "effectiveDateTime": when}
        gap = only(self.dose(**times), ChartGap)
        assert (gap.what, gap.why) == (GapWhat.TOCILIZUMAB, GapWhy.IMPLAUSIBLE)
        assert only(self.dose("dexamethasone", **times), ChartGap).what is GapWhat.STEROIDS
        assert only(self.dose("anakinra", **times), Unmapped).kind == "time"

    @pytest.mark.parametrize(
        ("drug", "what"),
        [
            ("tocilizumab", GapWhat.TOCILIZUMAB),
            ("dexamethasone", GapWhat.STEROIDS),
            ("tocilizumab study drug", GapWhat.TOCILIZUMAB),
        ],
    )
    def test_the_gap_of_a_dose_with_a_date_alone_is_dated_by_its_day(self, drug: str, what: GapWhat) -> None:
        gap = only(self.dose(drug, effectivePeriod=None, effectiveDateTime="2026-03-04"), ChartGap)
        assert (gap.what, gap.at) == (what, datetime(2026, 3, 4, tzinfo=UTC))

    def test_the_gap_of_an_infusion_with_a_date_alone_holds_until_it_is_dated(self) -> None:
        gap = only(infusion(effectivePeriod=None, effectiveDateTime="2026-03-04"), ChartGap)
        assert (gap.what, gap.at) == (GapWhat.VASOPRESSORS, None)

    @pytest.mark.parametrize("status", ["on-hold", "unknown"])
    def test_the_gap_of_a_dose_of_doubtful_status_keeps_its_time(self, status: str) -> None:
        assert only(self.dose(status=status), ChartGap).at == NINE

    def test_a_dose_of_nothing_is_a_gap(self) -> None:
        assert only(self.dose(value=0), ChartGap).why is GapWhy.IMPLAUSIBLE

    def test_the_same_dose_from_two_feeds_is_handed_on_twice(self) -> None:
        first, second = only(self.dose(), DrugDose), only(self.dose(id="a2"), DrugDose)
        assert (first.at, first.milligrams) == (second.at, second.milligrams)


class TestLongNames:
    """Names as orders spell them: strength, brand, carrier and form beside the drug."""

    def test_a_dose_under_its_long_name_counts_and_says_how_it_was_matched(self) -> None:
        name = "tocilizumab (ACTEMRA) 576 mg in sodium chloride 0.9 % 100 mL IVPB"
        row = only(read(name, dosage={"dose": {"value": 576, "unit": "mg"}}), DrugDose)
        assert (row.drug, row.milligrams) == (ImmuneDrug.TOCILIZUMAB, 576)
        assert row.source.note == "matched on text without strength and form"

    def test_a_code_that_no_map_knows_is_read_by_its_display(self) -> None:
        drug = {
            "coding": [
                {"system": RXNORM, "code": "1657981", "display": "4 ML tocilizumab 20 MG/ML Injection"}
            ]
        }
        assert only(read(drug), DrugDose).drug is ImmuneDrug.TOCILIZUMAB

    def test_a_drip_under_its_long_name_is_its_agent(self) -> None:
        row = only(infusion("norepinephrine 8 mg in dextrose 5 % 250 mL"), VasoactiveRow)
        assert row.agent is VasoactiveAgent.NOREPINEPHRINE

    @pytest.mark.parametrize(
        ("name", "what"),
        [
            ("tocilizumab study drug", GapWhat.TOCILIZUMAB),
            ("dexamethasone taper", GapWhat.STEROIDS),
            ("norepinephrine per protocol", GapWhat.VASOPRESSORS),
            ("tisagenlecleucel chimeric cells", GapWhat.INFUSION),
        ],
    )
    def test_an_unknown_drug_is_a_gap_of_what_its_name_speaks_of(self, name: str, what: GapWhat) -> None:
        rows = read(name)
        gap = only(rows, ChartGap)
        assert (gap.what, gap.why, gap.at, gap.detail) == (what, GapWhy.UNMAPPED, NINE, name)
        assert not gap.running_rate
        assert only(rows, Unmapped).text == name

    def test_what_the_name_speaks_of_may_run(self) -> None:
        assert only(infusion("norepinephrine per protocol"), ChartGap).running_rate
        assert not only(infusion("tocilizumab study drug"), ChartGap).running_rate

    def test_a_coded_ingredient_goes_before_what_a_name_speaks_of(self) -> None:
        row = only(infusion(NOREPINEPHRINE | {"text": "norepinephrine per protocol"}), VasoactiveRow)
        assert row.source.note is None

    def test_a_carrier_beside_a_name_that_speaks_of_a_drug_is_not_all(self) -> None:
        coding = {"system": "urn:local", "code": "B7", "display": "norepinephrine per protocol"}
        rows = infusion({"text": "sodium chloride 0.9 %", "coding": [coding]})
        assert only(rows, ChartGap).what is GapWhat.VASOPRESSORS

    def test_eye_drops_by_vein_are_a_contradiction_and_no_silence(self) -> None:
        drops = "phenylephrine (MYDFRIN) 2.5 % ophthalmic solution"
        assert read(drops) == []
        gap = only(infusion(drops), ChartGap)
        assert (gap.what, gap.running_rate) == (GapWhat.VASOPRESSORS, True)

    @pytest.mark.parametrize("name", ["phenylephrine 2.5 %", "prednisolone acetate 1 % suspension"])
    def test_what_is_given_into_the_eye_is_no_gap(self, name: str) -> None:
        assert [type(row) for row in read(name, dosage={"route": {"text": "both eyes"}})] == [Unmapped]

    def test_a_hung_bag_of_a_running_fluid_is_no_bolus(self) -> None:
        instant = {"effectivePeriod": None, "effectiveDateTime": "2026-03-04T09:00:00Z"}
        litre = {"dose": {"value": 1000, "unit": "mL"}}
        assert read("sodium chloride 0.9 % infusion 1,000 mL", dosage=litre, **instant) == []
        row = only(read("sodium chloride 0.9 % bolus 1,000 mL", dosage=litre, **instant), FluidBolus)
        assert row.millilitres == 1000


class TestProducts:
    AXI: ClassVar = {"coding": [{"system": RXNORM, "code": "1987398"}]}

    def test_the_administration_of_a_product_is_the_infusion(self) -> None:
        row = only(read(self.AXI), CartInfusion)
        assert (row.at, row.product) == (NINE, "axicabtagene-ciloleucel")

    def test_obecabtagene_is_found_by_its_name(self) -> None:
        assert only(read("obecabtagene autoleucel"), CartInfusion).product == "obecabtagene-autoleucel"

    @pytest.mark.parametrize("status", ["not-done", "entered-in-error", "on-hold"])
    def test_a_product_that_was_not_given_is_none(self, status: str) -> None:
        assert read(self.AXI, status=status) == []

    def test_a_status_that_does_not_tell_is_a_gap(self) -> None:
        gap = only(read(self.AXI, status="unknown"), ChartGap)
        assert (gap.what, gap.why) == (GapWhat.INFUSION, GapWhy.AMBIGUOUS)

    def test_one_without_a_usable_time_has_no_date(self) -> None:
        for period in ({}, {"start": "2026-03"}, {"start": "2026-03-01T10:00:00"}):
            assert only(read(self.AXI, effectivePeriod=period), CartInfusion).at is None

    def test_one_with_a_date_alone_starts_with_the_day_and_says_so(self) -> None:
        row = only(read(self.AXI, effectivePeriod=None, effectiveDateTime="2026-03-01"), CartInfusion)
        assert (row.at, row.source.note) == (datetime(2026, 3, 1, tzinfo=UTC), "date only")

    def test_a_code_without_a_source_is_reported(self) -> None:
        hcpcs = "https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"
        rows = read({"coding": [{"system": hcpcs, "code": "Q2058"}]})
        assert (only(rows, ChartGap).what, only(rows, ChartGap).why) == (GapWhat.INFUSION, GapWhy.UNMAPPED)
        assert only(rows, Unmapped).code == "Q2058"


@pytest.mark.parametrize(
    "members",
    [
        {"dosage": {}},
        {"dosage": {"rateQuantity": {}}},
        {"dosage": {"rateRatio": {}}},
        {"dosage": {"dose": {}, "route": {}, "method": {"coding": [{}]}}},
        {"dosage": {"route": {"coding": [{"display": ""}], "text": " "}}},
        {"medicationReference": {}, "medicationCodeableConcept": None},
        {"medicationReference": {"reference": "#"}, "medicationCodeableConcept": None},
        {"medicationReference": {"reference": "////"}, "medicationCodeableConcept": None},
        {"medicationCodeableConcept": {"coding": [{"system": "", "code": ""}], "text": "x" * 2_000_000}},
        {"id": None, "effectiveDateTime": "9999-12-31T23:59:59Z", "effectivePeriod": None},
        {"request": {}},
        {"note": [{}]},
    ],
)
def test_odd_but_decodable_records_never_raise(members: dict[str, Any]) -> None:
    for drug in (NOREPINEPHRINE, "tocilizumab", "NaCl 0.9%", "Yescarta", "mysterium", {}):
        for row in read(**({"drug": drug} | members)):
            assert row is not None
