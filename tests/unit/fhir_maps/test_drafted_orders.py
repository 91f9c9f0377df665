"""Drafts as clients send them, read: drug, amount by strength, timing, route; and the corrected draft."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from fhir_maps.corrected_orders import changed_text, correct_draft
from fhir_maps.dosage_text import read_dose_text, read_schedule_text
from fhir_maps.drafted_orders import Draft, DraftsError, read_drafts, reread
from fhir_maps.terminology import load_terminology
from management.drafted_order import CorrectDose, DosageStep, OrderChange, OrderDrug

TERMINOLOGY = load_terminology()
UCUM = "http://unitsofmeasure.org"
Resource = dict[str, Any]
NO_STRENGTH = "7 mL of a product whose strength is not stated"


def quantity(value: object, unit: str | None = None, **members: object) -> Resource:
    known = {"unit": unit, "system": UCUM, "code": unit} if unit else {}
    return {"value": value} | known | members


def dosage(value: object = 576, unit: str | None = "mg", **members: object) -> Resource:
    return {"doseAndRate": [{"doseQuantity": quantity(value, unit)}]} | members


def request(*dosages: object, drug: str = "tocilizumab", **members: object) -> Resource:
    return {
        "resourceType": "MedicationRequest",
        "id": "d1",
        "status": "draft",
        "intent": "order",
        "medicationCodeableConcept": {"text": drug},
        "subject": {"reference": "Patient/p1"},
        "dosageInstruction": list(dosages),
    } | members


def drafts(*resources: object, **entry: object) -> tuple[Draft, ...]:
    bundle = {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"resource": resource} | entry for resource in resources],
    }
    return read_drafts(msgspec.Raw(json.dumps(bundle)), "p1", TERMINOLOGY)


def step(*dosages: object, **members: Any) -> DosageStep:
    (draft,) = drafts(request(*dosages, **members))
    assert draft.order is not None, draft.fault
    return draft.order.steps[0]


def amount(*dosages: object, **members: Any) -> object:
    """mg, or the fault."""
    read = step(*dosages, **members)
    return read.fault or [str(dose.high.normalize().quantize(Decimal("0.1"))) for dose in read.doses]


@pytest.mark.parametrize(
    ("value", "unit", "found"),
    [
        (576, "mg", ["576.0"]),
        (0.576, "g", ["576.0"]),
        (576000, "ug", ["576.0"]),
        (8, "mg/kg", ["8.0"]),
        (8000, "ug/kg", ["8.0"]),
        (576, "[iU]", "unit of 576 [iU] not known"),
        (576, None, "no unit"),
        (None, "mg", "a dose without a number"),
        (0, "mg", "the number is no dose"),
        (-5, "mg", "the number is no dose"),
        (20, "mL", "20 mL of a product whose strength is not stated"),
    ],
)
def test_an_amount_is_read_by_its_unit_or_said_to_be_unreadable(
    value: object, unit: str | None, found: object
) -> None:
    assert amount(dosage(value, unit)) == found


def test_a_unit_in_words_and_a_local_system_are_understood() -> None:
    spelled = {"doseAndRate": [{"doseQuantity": {"value": 576, "unit": "milligrams", "system": "local"}}]}
    assert amount(spelled) == ["576.0"]


def test_a_bound_is_no_dose() -> None:
    bound = {"doseAndRate": [{"doseQuantity": quantity(800, "mg", comparator="<")}]}
    assert amount(bound) == "< 800 mg is a bound, no dose"


def contained(numerator: Resource, denominator: Resource | None, **members: object) -> Resource:
    strength = {"numerator": numerator} | ({"denominator": denominator} if denominator else {})
    ingredient = {"itemCodeableConcept": {"text": "tocilizumab"}, "strength": strength}
    medication = {"resourceType": "Medication", "id": "m", "ingredient": [ingredient]}
    found = request(**members) | {
        "contained": [{"resourceType": "Organization", "id": "o"}, medication],
        "medicationReference": {"reference": "#m"},
    }
    del found["medicationCodeableConcept"]
    return found


@pytest.mark.parametrize(
    ("above", "below", "ordered", "found"),
    [
        (quantity(20, "mg"), quantity(1, "mL"), dosage(28.8, "mL"), ["576.0"]),
        (quantity(400, "mg"), quantity(20, "mL"), dosage(28.8, "mL"), ["576.0"]),
        (quantity(80, "mg"), {"value": 1, "unit": "vial"}, dosage(7, "{vial}"), ["560.0"]),
        (quantity(80, "mg"), quantity(1, "1"), dosage(7, "{vial}"), ["560.0"]),
        (quantity(80, "mg"), None, dosage(7, "{vial}"), ["560.0"]),
        (quantity(0.4, "g"), quantity(20, "mL"), dosage(2, "{vial}"), ["800.0"]),
        (
            quantity(80, "mg"),
            quantity(0, "mL"),
            dosage(7, "mL"),
            "7 mL of a product whose strength is not stated",
        ),
        (
            quantity(80, "[iU]"),
            quantity(1, "mL"),
            dosage(7, "mL"),
            "7 mL of a product whose strength is not stated",
        ),
        (
            quantity(80, "mg"),
            quantity(1, "kg"),
            dosage(7, "mL"),
            "7 mL of a product whose strength is not stated",
        ),
    ],
)
def test_a_dose_in_millilitres_or_vials_is_read_by_the_strength_of_the_medication(
    above: Resource, below: Resource | None, ordered: Resource, found: object
) -> None:
    resource = contained(above, below) | {"dosageInstruction": [ordered]}
    (draft,) = drafts(resource)
    assert draft.order is not None
    (read,) = draft.order.steps
    assert (read.fault or [str(dose.high.quantize(Decimal("0.1"))) for dose in read.doses]) == found


def test_of_several_ingredients_the_drugs_own_strength_counts() -> None:
    resource = contained(quantity(20, "mg"), quantity(1, "mL"))
    salt = {
        "itemCodeableConcept": {"text": "sodium chloride 0.9 %"},
        "strength": {"numerator": quantity(9, "mg"), "denominator": quantity(1, "mL")},
    }
    resource["contained"][1]["ingredient"].append(salt)
    (draft,) = drafts(resource | {"dosageInstruction": [dosage(28.8, "mL")]})
    assert draft.order is not None
    assert draft.order.steps[0].doses[0].high == 576


@pytest.mark.parametrize(
    ("name", "value", "unit", "found"),
    [
        ("tocilizumab 20 mg/mL", 28.8, "mL", ["576.0"]),
        ("tocilizumab 400 mg/20 mL vial", 2, "vial", ["800.0"]),
        ("tocilizumab 20 mg/mL vial", 2, "vial", "2 vial of a product whose strength is not stated"),
        ("dexamethasone 4 mg tablet", 2.5, "tablet", ["10.0"]),
        ("dexamethasone tablet", 2, "tablet", "2 tablet of a product whose strength is not stated"),
    ],
)
def test_a_strength_in_the_name_is_used_only_for_what_it_says(
    name: str, value: float, unit: str, found: object
) -> None:
    by_piece = {"doseAndRate": [{"doseQuantity": {"value": value, "unit": unit}}]}
    assert amount(by_piece, drug=name) == found


def test_ranges_and_rates_are_read_where_they_tell_a_dose() -> None:
    def drafted(**members: object) -> Resource:
        timing = {"repeat": {"duration": 1, "durationUnit": "h"}}
        return {"doseAndRate": [members], "timing": timing}

    low, high = quantity(560, "mg"), quantity(800, "mg")
    read = step(drafted(doseRange={"low": low, "high": high})).doses[0]
    assert (read.low, read.high) == (560, 800)
    assert amount(drafted(doseRange={"high": high})) == ["800.0"]
    assert amount(drafted(doseRange={"low": low})) == "a range without an upper end is stated"
    assert (
        amount(drafted(doseRange={"low": high, "high": low})) == "the ends of the range do not fit together"
    )
    assert amount(drafted(doseRange={"low": quantity(1, "h"), "high": high})) == "unit of 1 h not known"
    assert amount(drafted(rateQuantity=quantity(576, "mg/h"))) == ["576.0"]
    assert amount(drafted(rateQuantity=quantity(8, "mg/kg/h"))) == ["8.0"]
    assert amount(drafted(rateQuantity=quantity(100, "mL/h"))) == "the rate of 100 mL/h tells no dose"
    assert amount(drafted(rateQuantity=quantity(100))) == "the rate cannot be read"
    assert amount(drafted(rateQuantity=quantity(0, "mg/h"))) == "the rate is no dose"
    ratio = {"numerator": quantity(576, "mg"), "denominator": quantity(1, "h")}
    assert amount(drafted(rateRatio=ratio)) == ["576.0"]
    assert amount(drafted(rateRatio=ratio | {"numerator": quantity(1, "h")})) == "unit of 1 h not known"
    assert (
        amount(drafted(rateRatio={"numerator": quantity(576, "mg")})) == "a rate is stated, and no duration"
    )
    assert amount(drafted(rateRange={})) == "a range of rates is stated, and no dose"
    assert amount(drafted()) == "no dose is stated"
    without = {"doseAndRate": [{"rateQuantity": quantity(576, "mg/h")}]}
    assert amount(without) == "a rate of 576 mg/h is stated, and no duration"


def test_a_rate_in_millilitres_is_read_by_the_strength() -> None:
    rate = {
        "doseAndRate": [{"rateQuantity": quantity(28.8, "mL/h")}],
        "timing": {"repeat": {"duration": 60, "durationUnit": "min"}},
    }
    assert amount(rate, drug="tocilizumab 20 mg/mL") == ["576.0"]


def test_the_most_in_a_day_is_a_dose_for_a_day_and_no_other_maximum_is() -> None:
    def most(denominator: Resource, numerator: Resource | None = None) -> Resource:
        return {
            "maxDosePerPeriod": {"numerator": numerator or quantity(144, "mg"), "denominator": denominator}
        }

    (read,) = step(most(quantity(1, "d")), drug="methylprednisolone").doses
    assert (read.high, read.per_day) == (144, True)
    assert step(most(quantity(24, "h"))).doses[0].per_day
    assert amount(most(quantity(1, "wk"))) == "only a maximum for another time than a day is stated"
    assert amount(most(quantity(1, "d"), quantity(1, "h"))) == "unit of 1 h not known"
    assert amount({"maxDosePerPeriod": {}}) == "no dose is stated"


def test_what_is_dispensed_is_no_dose() -> None:
    assert amount({}, dispenseRequest={"quantity": quantity(800, "mg")}) == "no dose is stated"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("8 mg/kg IV once", ("8", True, "iv")),
        ("tocilizumab 8 mg/kg IV over 1 h once", ("8", True, "iv")),
        ("576 mg intravenously over 60 minutes", ("576", False, "intravenous")),
        ("10 mg PO BID", ("10", False, "po")),
        ("0.5 g", ("500.0", False, None)),
        ("8 mg/kg IV q8h prn", ("8", True, "iv")),
        ("500 mcg subcut", ("0.500", False, "subcut")),
        ("10 mg IV every 6 hours x 4 doses", ("10", False, "iv")),
    ],
)
def test_a_text_that_is_a_dose_and_nothing_else_is_read(
    text: str, found: tuple[str, bool, str | None]
) -> None:
    read = read_dose_text(text, ("tocilizumab", ""))
    assert read is not None
    assert (str(read.amount), read.by_weight, read.route) == found


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "per protocol",
        "1,000 mg IV",
        "0,5 mg",
        "8 mg/kg/day",
        "8-12 mg/kg",
        "576 mg or 800 mg",
        "576 mg unless febrile",
        "400 mg/20 mL IV",
        "0 mg",
        "8 mg/m2",
        "8 mg/kg IV" + " " * 400,
    ],
)
def test_any_other_text_is_no_dose(text: str | None) -> None:
    assert read_dose_text(text) is None


def test_a_text_gives_dose_route_and_repetition_where_nothing_else_does() -> None:
    read = step({"text": "10 mg IV every 6 hours x 4 doses"})
    assert (read.route, read.interval, read.count) == ("intravenous", timedelta(hours=6), 4)
    assert step({"text": "576 mg IV once"}).count == 1
    assert amount({"text": "per protocol"}) == "its text is no plain dose"


def test_a_text_that_contradicts_the_coded_dose_is_kept_beside_it() -> None:
    assert amount(dosage(576, text="800 mg IV")) == ["576.0", "800.0"]
    assert amount(dosage(576, text="8 mg/kg IV")) == ["576.0"]


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("576 mg q8h", 8),
        ("give every 12 hours", 12),
        ("at most every 8 hours", None),
        ("every 0 h", None),
        ("every 2 days", 48),
        ("once", None),
        ("576 mg IV, may repeat after 4 hours if no response", 4),
        ("may be repeated in 8 h", 8),
        ("do not repeat within 8 h", None),
        ("repeat if needed", None),
        ("repeat after 0 h", None),
    ],
)
def test_a_repetition_is_found_in_a_text_but_a_limit_is_none(text: str, hours: int | None) -> None:
    assert read_schedule_text(text).interval == (timedelta(hours=hours) if hours else None)


def schedule(**timing: object) -> DosageStep:
    return step(dosage(timing=timing))


def test_timing_is_read_from_repeat() -> None:
    def repeat(**members: object) -> DosageStep:
        return schedule(repeat=members)

    assert repeat(frequency=1, period=8, periodUnit="h").interval == timedelta(hours=8)
    assert repeat(frequency=4, period=1, periodUnit="d", count=12).interval == timedelta(hours=6)
    assert repeat(frequency=1, period=6, periodMax=12, periodUnit="h").interval == timedelta(hours=6)
    assert repeat(period=12, periodUnit="h").interval == timedelta(hours=12)
    assert repeat(timeOfDay=["08:00:00", "20:00:00"]).interval == timedelta(hours=12)
    bounded = repeat(frequency=1, period=8, periodUnit="h", boundsDuration=quantity(1, "d"))
    assert bounded.lasts == timedelta(days=1)
    ranged = repeat(frequency=1, period=8, periodUnit="h", boundsRange={"high": quantity(3, "d")})
    assert ranged.lasts == timedelta(days=3)
    period = {"start": "2026-03-04T08:00:00Z", "end": "2026-03-05T08:00:00Z"}
    dated = repeat(frequency=1, period=8, periodUnit="h", boundsPeriod=period)
    assert (dated.starts_at, dated.lasts) == (datetime(2026, 3, 4, 8, tzinfo=UTC), timedelta(days=1))
    assert repeat(frequency=2).timing_fault == "its period cannot be read"
    assert repeat(frequency=1, count=1).timing_fault is None
    assert repeat(frequency=9, period=1, periodUnit="s").timing_fault == "its period cannot be read"
    none = repeat(frequency=1, period=8, periodUnit="h", count=-3)
    assert none.timing_fault == "its number of doses cannot be read"
    assert repeat(frequency=1, period=1, periodUnit="fortnight").timing_fault == "its period cannot be read"


def test_timing_is_read_from_events_and_codes() -> None:
    one = schedule(event=["2026-03-04T10:00:00Z"])
    assert (one.starts_at, one.count, one.interval) == (datetime(2026, 3, 4, 10, tzinfo=UTC), 1, None)
    two = schedule(event=["2026-03-04T18:00:00Z", "2026-03-04T10:00:00Z"])
    assert (two.count, two.interval) == (2, timedelta(hours=8))
    assert schedule(event=["2026-03-04"]).timing_fault == "its times have no offset"
    assert schedule(code={"coding": [{"code": "Q6H"}]}).interval == timedelta(hours=6)
    assert schedule(code={"coding": [{"code": "BID"}]}).interval == timedelta(hours=12)
    assert schedule(code={"text": "Once"}).count == 1
    assert schedule(code={"text": "with meals"}).timing_fault == "its code is not known"
    assert schedule(code={"text": "with meals"}, repeat={"count": 1}).timing_fault is None
    assert schedule(repeat={"count": 3}).timing_fault == "how far apart its doses are is not stated"


def test_a_draft_that_is_no_order_or_not_ours_is_passed_over() -> None:
    assert drafts(request(drug="aspirin"), {"resourceType": "ServiceRequest", "id": "s"}, {}) == ()
    assert drafts(request(status="entered-in-error"), request(doNotPerform=True)) == ()
    assert drafts(request(dosage(), drug="sodium chloride 0.9 %"), request(drug="filgrastim")) == ()


@pytest.mark.parametrize("status", ["stopped", "cancelled", "completed", "on-hold"])
def test_a_status_that_ends_an_order_is_a_stop(status: str) -> None:
    (draft,) = drafts(request(dosage(10), drug="dexamethasone", status=status))
    assert draft.order is not None
    assert draft.order.change is OrderChange.STOP


@pytest.mark.parametrize("route", ["ophthalmic", "inhaled", "topical", "nasal", "intrathecal", "epidural"])
def test_a_local_steroid_is_not_checked(route: str) -> None:
    assert drafts(request(dosage(10, route={"text": route}), drug="dexamethasone")) == ()
    assert drafts(request(drug="dexamethasone eye drops")) == ()


def test_gm_csf_is_known_by_its_names_and_g_csf_is_another_drug() -> None:
    for name in ("sargramostim", "Leukine", "GM-CSF"):
        (draft,) = drafts(request(drug=name))
        assert draft.order is not None
        assert draft.order.drug is OrderDrug.GM_CSF


def test_another_patients_draft_is_foreign_whatever_it_orders() -> None:
    (draft,) = drafts(request(drug="aspirin", subject={"reference": "Patient/p2"}))
    assert (draft.foreign, draft.order) == (True, None)
    (absolute,) = drafts(request(subject={"reference": "https://ehr.example/fhir/Patient/p1/_history/3"}))
    assert absolute.foreign is False


def test_a_patient_by_full_url_is_found_in_the_bundle() -> None:
    url = "urn:uuid:6f1f0d7e-0000-4000-8000-000000000001"
    bundle = {
        "resourceType": "Bundle",
        "entry": [
            {"fullUrl": url, "resource": {"resourceType": "Patient", "id": "p1"}},
            {"fullUrl": "urn:uuid:2", "resource": {"resourceType": "Patient"}},
            {"resource": request(dosage(), subject={"reference": url})},
        ],
    }
    (draft,) = read_drafts(msgspec.Raw(json.dumps(bundle)), "p1", TERMINOLOGY)
    assert draft.foreign is False


def test_a_draft_without_a_subject_is_read_and_said() -> None:
    resource = request(dosage())
    del resource["subject"]
    (draft,) = drafts(resource)
    assert draft.order is not None
    assert draft.order.names_patient is False


@pytest.mark.parametrize(
    ("members", "fault"),
    [
        ({"medicationCodeableConcept": "tocilizumab"}, "its medicationCodeableConcept cannot be read"),
        ({"dosageInstruction": {"text": "8 mg"}}, "its dosageInstruction cannot be read"),
        ({"subject": "Patient/p1"}, "its subject cannot be read"),
        ({"medicationCodeableConcept": {}}, "its drug cannot be told"),
    ],
)
def test_a_draft_that_cannot_be_read_says_what_of_it(members: Resource, fault: str) -> None:
    (draft,) = drafts(request(dosage()) | members)
    assert (draft.order, draft.fault) == (None, fault)


def test_an_entry_that_cannot_be_read_is_said_and_costs_no_other() -> None:
    bundle = {"resourceType": "Bundle", "entry": [5, {"fullUrl": 5, "resource": request(dosage())}, {}]}
    bad, good = read_drafts(msgspec.Raw(json.dumps(bundle)), "p1", TERMINOLOGY)
    assert (bad.order, bad.fault) == (None, "an entry of the Bundle cannot be read")
    assert good.order is not None


def test_a_draft_without_a_drug_cannot_be_told() -> None:
    resource = request(dosage())
    del resource["medicationCodeableConcept"]
    assert drafts(resource)[0].fault == "its drug cannot be told"


def test_one_unreadable_instruction_is_a_fault_of_its_step_alone() -> None:
    (draft,) = drafts(request(dosage(), {"doseAndRate": 5}))
    assert draft.order is not None
    assert [item.fault for item in draft.order.steps] == [None, "a dosage instruction cannot be read"]


def test_steps_come_in_their_sequence() -> None:
    (draft,) = drafts(request(dosage(5, sequence=2), dosage(10, sequence=1), drug="dexamethasone"))
    assert draft.order is not None
    assert [item.doses[0].high for item in draft.order.steps] == [10, 5]


def test_a_name_that_is_not_wholly_read_is_a_doubt_and_a_mixture_is_one() -> None:
    (draft,) = drafts(request(dosage(), drug="tocilizumab actpen investigational"))
    assert draft.order is not None
    assert draft.order.doubt == "tocilizumab actpen investigational"
    pen = request(dosage(162, route={"text": "subcutaneous"}), drug="tocilizumab 162 mg/0.9 mL auto-injector")
    (draft,) = drafts(pen)
    assert draft.order is not None
    assert (draft.order.doubt, draft.order.routes) == (None, {"subcutaneous"})


def test_a_medication_in_the_bundle_is_found_by_reference_and_full_url() -> None:
    medication = {
        "resourceType": "Medication",
        "id": "m",
        "code": {"text": "tocilizumab 20 mg/mL"},
    }
    for reference in ("Medication/m", "https://ehr.example/fhir/Medication/m", "urn:uuid:m"):
        resource = request(dosage(28.8, "mL")) | {"medicationReference": {"reference": reference}}
        del resource["medicationCodeableConcept"]
        bundle = {
            "resourceType": "Bundle",
            "entry": [{"resource": medication, "fullUrl": "urn:uuid:m"}, {"resource": resource}],
        }
        (draft,) = read_drafts(msgspec.Raw(json.dumps(bundle)), "p1", TERMINOLOGY)
        assert draft.order is not None
        assert draft.order.steps[0].doses[0].high == 576


@pytest.mark.parametrize("bundle", ["null", "5", '"text"', "[]", '{"resourceType": "Patient"}', "{}"])
def test_what_is_no_bundle_is_refused(bundle: str) -> None:
    with pytest.raises(DraftsError):
        read_drafts(msgspec.Raw(bundle), "p1", TERMINOLOGY)


def test_a_selection_names_a_draft_by_reference() -> None:
    (draft,) = drafts(request(dosage()), fullUrl="https://ehr.example/fhir/MedicationRequest/d1")
    assert draft.is_selected(["MedicationRequest/d1"])
    assert draft.is_selected(["MedicationRequest/d1/_history/2"])
    assert draft.is_selected(["https://ehr.example/fhir/MedicationRequest/d1"])
    assert not draft.is_selected(["MedicationRequest/d2", "NutritionOrder/d1"])
    assert not draft.is_selected([])
    assert draft.is_selected(["https://ehr.example/fhir/MedicationRequest/d1"])
    assert draft.is_selected(["https://ehr.example/fhir/MedicationRequest/d1/_history/2"])
    assert not draft.is_selected(["https://ehr.example/fhir/MedicationRequest/d11"])


RATE_BESIDE = {"doseQuantity": quantity(960, "mg"), "rateQuantity": quantity(960, "mg/h")}
CORRECT = CorrectDose(Decimal(576), "8 mg/kg × 72 kg = 576 mg", per_day=False, recommended=True)


def corrected(*dosages: object, **members: Any) -> Resource | None:
    (draft,) = drafts(request(*dosages, **members))
    found = correct_draft(draft, CORRECT)
    return None if found is None else json.loads(msgspec.json.encode(found))


def test_only_the_dose_is_changed_and_all_else_is_sent_back_as_it_came() -> None:
    extension = [{"url": "https://ehr.example/order-set", "valueString": "CAR-T"}]
    drafted = request(
        dosage(960, route={"text": "IV"}, text="960 mg IV over 1 h", extension=extension),
        extension=extension,
        note=[{"text": "as discussed"}],
        dispenseRequest={"quantity": quantity(960, "mg")},
        priority="urgent",
    )
    (draft,) = drafts(drafted)
    found = correct_draft(draft, CORRECT)
    assert found is not None
    expected = drafted | {
        "dosageInstruction": [
            dosage(576, route={"text": "IV"}, text="576 mg IV over 1 h", extension=extension)
        ]
    }
    assert json.loads(msgspec.json.encode(found)) == expected
    again = reread(found, draft, TERMINOLOGY)
    assert again is not None
    assert again.steps[0].doses[0].high == 576


def test_numbers_elsewhere_keep_their_digits() -> None:
    raw = json.dumps(request(dosage(960), extension=[{"url": "https://x.example", "valueDecimal": 0}]))
    raw = raw.replace('"valueDecimal": 0', '"valueDecimal": 0.10')
    bundle = '{"resourceType": "Bundle", "entry": [{"resource": ' + raw + "}]}"
    (draft,) = read_drafts(msgspec.Raw(bundle), "p1", TERMINOLOGY)
    found = correct_draft(draft, CORRECT)
    assert found is not None
    assert b'"valueDecimal": 0.10' in msgspec.json.encode(found)


def test_a_text_with_several_amounts_is_replaced_and_one_with_its_own_timing_is_not() -> None:
    several = corrected(dosage(960, text="12 vials (960 mg)"))
    assert several is not None
    assert several["dosageInstruction"][0]["text"] == "576 mg (8 mg/kg × 72 kg = 576 mg)"
    assert corrected(dosage(960, text="12 vials (960 mg) every 8 h")) is None
    assert corrected(dosage(960, text=5)) is None


def test_a_narrative_that_states_the_old_dose_is_left_out() -> None:
    def narrative(words: str) -> Resource:
        return {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{words}</div>'}

    with_dose = corrected(dosage(960), text=narrative("tocilizumab 960 mg"))
    without = corrected(dosage(960), text=narrative("tocilizumab"))
    assert with_dose is not None and "text" not in with_dose
    assert without is not None and without["text"] == narrative("tocilizumab")


@pytest.mark.parametrize(
    ("dosages", "members"),
    [
        ([dosage(960), dosage(480)], {}),
        ([], {}),
        ([dosage(960, maxDosePerAdministration=quantity(960, "mg"))], {}),
        ([dosage(960, patientInstruction="960 mg")], {}),
        (
            [{"doseAndRate": [{"doseQuantity": quantity(960, "mg"), "rateQuantity": quantity(960, "mg/h")}]}],
            {},
        ),
        ([dosage(960)], {"id": None}),
        ([dosage(960)], {"status": None}),
        ([dosage(960)], {"unknownElement": 1}),
    ],
)
def test_where_the_dose_cannot_be_changed_with_certainty_no_draft_is_written(
    dosages: list[Resource], members: Resource
) -> None:
    assert corrected(*dosages, **members) is None


def test_a_dose_for_a_day_is_corrected_where_it_stands() -> None:
    most = {"numerator": quantity(300, "mg"), "denominator": quantity(1, "d")}
    (draft,) = drafts(request({"maxDosePerPeriod": most}, drug="methylprednisolone"))
    daily = CorrectDose(Decimal(144), "2 mg/kg/day × 72 kg = 144 mg/day", per_day=True, recommended=True)
    found = correct_draft(draft, daily)
    assert found is not None
    resource = json.loads(msgspec.json.encode(found))
    assert resource["dosageInstruction"][0]["maxDosePerPeriod"]["numerator"] == quantity(144, "mg")
    (draft,) = drafts(request(dosage(300), drug="methylprednisolone"))
    assert correct_draft(draft, daily) is None


def test_a_text_only_dose_gets_a_coded_one() -> None:
    found = corrected({"text": "960 mg IV once"})
    assert found is not None
    (instruction,) = found["dosageInstruction"]
    assert instruction["text"] == "576 mg IV once"
    assert instruction["doseAndRate"] == [{"doseQuantity": quantity(576, "mg")}]


def test_a_repetition_in_words_beside_the_amount_is_one_more_dose() -> None:
    said = step(dosage(576, text="576 mg IV, may repeat after 4 hours"))
    assert (said.interval, said.count) == (timedelta(hours=4), 2)
    beside = step({**dosage(576), "additionalInstruction": [{"text": "repeat after 4 hours"}]})
    assert (beside.interval, beside.count) == (timedelta(hours=4), 2)
    coded = step({**dosage(576), "additionalInstruction": [{"coding": [{"display": "repeat after 6 h"}]}]})
    assert coded.interval == timedelta(hours=6)


def test_words_that_repeat_a_timed_dose_sooner_leave_its_timing_open() -> None:
    once = {"event": ["2026-03-04T10:00:00+01:00"]}
    sooner = step(dosage(576, text="576 mg, repeat after 4 h", timing=once))
    assert sooner.timing_fault == "its text repeats it sooner"
    same = {"repeat": {"frequency": 1, "period": 6, "periodUnit": "h"}}
    assert step(dosage(10, text="10 mg q6h", timing=same)).timing_fault is None
    assert step(dosage(10, text="10 mg q4h", timing=same)).timing_fault == "its text repeats it sooner"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Give 960 mg (8 mg/kg x 120 kg) IV over 1 h, max 960 mg", "Give 576 mg IV over 1 h"),
        ("960 mg (12 vials) every 8 h", "576 mg every 8 h"),
        ("960 mg IV in 100 mL NaCl 0.9 % over 60 min x1", "576 mg IV in 100 mL NaCl 0.9 % over 60 min x1"),
        ("960 mg IV over 1 h, day 2", "576 mg IV over 1 h (8 mg/kg × 72 kg = 576 mg)"),
        ("1,000 mg IV over 1 h", "576 mg IV over 1 h (8 mg/kg × 72 kg = 576 mg)"),
        ("Give 960 IV", "576 mg IV (8 mg/kg × 72 kg = 576 mg)"),
        ("IV over 1 h", "IV over 1 h"),
    ],
)
def test_a_corrected_text_keeps_its_other_words_and_never_a_number_that_contradicts(
    text: str, found: str
) -> None:
    resource = corrected(dosage(960, text=text))
    assert resource is not None
    assert resource["dosageInstruction"][0]["text"] == found


def test_an_amount_that_would_stay_behind_in_note_most_or_instruction_means_no_corrected_draft() -> None:
    assert corrected(dosage(960), note=[{"text": "960 mg as discussed"}]) is None
    most = {"numerator": quantity(960, "mg"), "denominator": quantity(1, "d")}
    assert corrected(dosage(960, maxDosePerPeriod=most)) is None
    assert corrected(dosage(960, additionalInstruction=[{"text": "max 960 mg"}])) is None
    assert corrected(dosage(960, additionalInstruction=[{"text": "over an hour"}])) is not None


def test_a_text_that_was_changed_is_told_before_and_after() -> None:
    (draft,) = drafts(request(dosage(960, text="960 mg IV")))
    found = correct_draft(draft, CORRECT)
    assert found is not None
    assert changed_text(draft.members, found) == ("960 mg IV", "576 mg IV")
    (bare,) = drafts(request(dosage(960)))
    assert changed_text(bare.members, correct_draft(bare, CORRECT) or {}) is None


@pytest.mark.parametrize(
    "text",
    [
        "576 mg IV, may repeat",
        "may be repeated if no response",
        "576 mg, further doses as needed",
        "repeat " + "x" * 400,
    ],
)
def test_words_of_another_dose_without_a_time_are_said_to_be_unread(text: str) -> None:
    unread = "its text speaks of another dose, and not of when"
    assert step(dosage(576, text=text)).timing_fault == unread
    event = {"event": ["2026-03-04T10:00:00+01:00"]}
    assert step(dosage(576, text=text, timing=event)).timing_fault == unread
    every = {"repeat": {"frequency": 1, "period": 8, "periodUnit": "h", "count": 3}}
    assert step(dosage(576, text=text, timing=every)).timing_fault is None


@pytest.mark.parametrize(
    "words",
    [
        "check blood pressure every 15 minutes",
        "repeat CRP in 12 h",
        "do not repeat",
        "not to be repeated",
        "no further doses",
        "q8h neuro checks",
    ],
)
def test_care_beside_the_dose_and_a_dose_that_is_not_repeated_are_no_repetition(words: str) -> None:
    read = step({**dosage(576), "additionalInstruction": [{"text": words}]})
    assert (read.interval, read.timing_fault) == (None, None)
    assert step(dosage(576, text=f"576 mg IV over 1 h, {words}")).interval is None


def test_no_draft_is_corrected_that_would_go_on_to_state_the_old_amount() -> None:
    most = {"numerator": quantity(960, "mg"), "denominator": quantity(1, "d")}
    assert corrected(dosage(960, maxDosePerPeriod=most)) is None
    assert corrected(dosage(960), note=[{"text": "960 mg as discussed"}]) is None
    assert corrected(dosage(960), note=[{"text": "as discussed"}]) is not None
