"""Whole bundles into one chart: whose they are, what comes twice, and what cannot be read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from fhir_maps.chart_reader import ForeignPatient, ReadingResult, read_chart
from fhir_maps.unmapped import Unmapped
from grading.chart import Chart, ChartGap, GapWhat, GapWhy
from tests.unit.fhir_maps.reading import (
    AT,
    LOINC,
    SNOMED,
    TERMINOLOGY,
    coded,
    observation,
    own,
    quantity,
)

Resource = dict[str, Any]
TEMPERATURE = observation(coded(LOINC, "8310-5"), valueQuantity=quantity(39, "Cel"))
PATIENT = {"resourceType": "Patient", "id": "p1", "birthDate": "1968-05-07"}
OUTCOME = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "forbidden"}]}
UNREADABLE_ANYTHING = [
    ("blood-pressure", "unmapped"),
    ("oxygen", "unmapped"),
    ("temperature", "unmapped"),
]


def temperature(value: float = 39, **members: object) -> Resource:
    return TEMPERATURE | {"valueQuantity": quantity(value, "Cel")} | members


def bundle(*resources: Any) -> bytes:
    entries = [{"resource": resource} for resource in resources]
    return json.dumps({"resourceType": "Bundle", "type": "searchset", "entry": entries}).encode()


def read(*items: bytes | msgspec.Raw, patient_id: str | None = "p1", **options: Any) -> ReadingResult:
    return read_chart(items, terminology=TERMINOLOGY, patient_id=patient_id, **options)


def gaps(chart: Chart) -> list[tuple[str, str]]:
    return sorted((gap.what.value, gap.why.value) for gap in chart.gaps)


# The bundle


def test_bundle_and_single_resource_are_read_alike() -> None:
    assert read(bundle(TEMPERATURE)).chart == read(json.dumps(TEMPERATURE).encode()).chart
    assert read(msgspec.Raw(bundle(TEMPERATURE))).chart == read(bundle(TEMPERATURE)).chart


def test_rows_are_sorted_by_time_whatever_their_offset() -> None:
    late = temperature(38.1, id="a", effectiveDateTime="2026-03-04T09:00:00+01:00")
    early = temperature(38.2, id="b", effectiveDateTime="2026-03-04T07:59:00Z")
    later = temperature(38.3, id="c", effectiveDateTime="2026-03-04T03:01:00-05:00")
    chart = read(bundle(later, late, early)).chart
    assert [row.celsius for row in chart.temperatures] == [Decimal("38.2"), Decimal("38.1"), Decimal("38.3")]


def test_batch_answer_of_bundles_is_read() -> None:
    inner = json.loads(bundle(TEMPERATURE))
    assert len(read(bundle(inner)).chart.temperatures) == 1


def test_bundles_within_bundles_without_end_are_not_followed() -> None:
    nested: Resource = TEMPERATURE
    for _ in range(50):
        nested = json.loads(bundle(nested))
    result = read(json.dumps(nested).encode())
    assert result.chart.temperatures == ()
    assert gaps(result.chart) == UNREADABLE_ANYTHING


def test_outcomes_and_other_types_leave_nothing() -> None:
    result = read(bundle(OUTCOME, {"resourceType": "Encounter", "id": "e", "period": 5}))
    assert result.chart == Chart()
    assert (result.total, result.refused) == (1, 0)


def test_empty_bundle_is_an_empty_chart() -> None:
    assert read(b'{"resourceType":"Bundle"}').chart == Chart()
    assert read(b'{"resourceType":"Bundle","entry":[{"response":{}},{"resource":null}]}').chart == Chart()
    assert read().chart == Chart()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"5",
        b'"Bundle"',
        b'{"resourceType":7}',
        b'{"id":"x"}',
        b'{"resourceType":"Bundle","entry":7}',
        b'{"resourceType":"Bundle","entry":[7]}',
        b'{"resourceType":"Bundle","entry":[{"resource":[]}]}',
        b'{"resourceType":"Observation","id":"\xff"}',
        b'{"resourceType":"Observation","x":' + b"[" * 100_000,
        b'{"resourceType":"Observation","code":{"text":NaN}}',
    ],
)
def test_what_is_no_resource_at_all_may_have_been_anything(content: bytes) -> None:
    result = read(content)
    assert gaps(result.chart) == UNREADABLE_ANYTHING
    assert (result.refused, result.total) == (1, 1)


def test_malformed_entry_does_not_cost_its_neighbours() -> None:
    good = json.dumps(TEMPERATURE).encode()
    result = read(b'{"resourceType":"Bundle","entry":[5,{"fullUrl":7,"resource":' + good + b"}]}")
    assert len(result.chart.temperatures) == 1
    assert result.refused == 1


def test_a_thousand_unreadable_resources_of_no_name_are_one_gap_each() -> None:
    result = read(bundle(*[{"resourceType": "Observation", "code": 7}] * 1000))
    assert gaps(result.chart) == UNREADABLE_ANYTHING
    assert result.refused == 1000


# Whose it is


@pytest.mark.parametrize(
    "reference",
    [
        "Patient/p1",
        "https://ehr.example/fhir/Patient/p1",
        "Patient/p1/_history/3",
        "https://ehr.example/fhir/Patient/p1/_history/3",
        "urn:uuid:p1",
    ],
)
def test_every_way_to_name_the_patient_is_understood(reference: str) -> None:
    assert len(read(bundle(temperature(subject={"reference": reference}))).chart.temperatures) == 1


@pytest.mark.parametrize(
    "reference",
    ["Patient/p2", "https://ehr.example/fhir/Patient/p2", "Patient/p1x", "Patient/P1", "urn:uuid:p2"],
)
def test_resource_of_another_patient_refuses_everything(reference: str) -> None:
    with pytest.raises(ForeignPatient) as refusal:
        read(bundle(TEMPERATURE, temperature(id="o2", subject={"reference": reference})))
    assert "p2" not in str(refusal.value)


@pytest.mark.parametrize(
    "resource",
    [
        {"resourceType": "Patient", "id": "p2"},
        {"resourceType": "Patient", "id": "p2", "birthDate": 7},
        {"resourceType": "Condition", "subject": {"reference": "Patient/p2"}},
        {"resourceType": "Procedure", "status": 5, "subject": {"reference": "Patient/p2"}},
        {"resourceType": "MedicationRequest", "subject": {"reference": "Patient/p2"}},
        {"resourceType": "DiagnosticReport", "subject": {"reference": "Patient/p2"}},
        {"resourceType": "MedicationAdministration", "subject": {"reference": "Patient/p2"}},
        temperature(status="entered-in-error", subject={"reference": "Patient/p2"}),
        temperature(valueQuantity=5, subject={"reference": "Patient/p2"}),
    ],
)
def test_foreign_resource_of_any_type_is_noticed_even_unreadable(resource: Resource) -> None:
    with pytest.raises(ForeignPatient):
        read(bundle(resource))


@pytest.mark.parametrize(
    "subject",
    [None, {}, {"display": "A"}, {"reference": "Group/g"}, {"reference": "#p"}, {"reference": "Patient/"}],
)
def test_observation_of_nobody_is_a_gap_and_not_read(subject: object) -> None:
    result = read(bundle(temperature(subject=subject)))
    assert result.chart.temperatures == ()
    assert gaps(result.chart) == [("temperature", "ambiguous")]
    assert result.chart.gaps[0].at == AT
    assert result.refused == 1


def test_administration_of_nobody_is_a_gap_of_what_it_might_feed() -> None:
    result = read(bundle({"resourceType": "MedicationAdministration", "id": "m", "status": "completed"}))
    assert gaps(result.chart) == [("tocilizumab", "ambiguous"), ("vasopressors", "ambiguous")]


def test_without_a_patient_in_context_the_patient_resource_names_it() -> None:
    assert len(read(bundle(PATIENT, TEMPERATURE), patient_id=None).chart.temperatures) == 1
    with pytest.raises(ForeignPatient):
        read(bundle(PATIENT | {"id": "p9"}, TEMPERATURE), patient_id=None)


def test_without_a_patient_in_context_the_subjects_must_agree() -> None:
    assert len(read(bundle(TEMPERATURE), patient_id=None).chart.temperatures) == 1
    with pytest.raises(ForeignPatient):
        read(bundle(TEMPERATURE, temperature(id="o2", subject={"reference": "Patient/p2"})), patient_id=None)


def test_patient_named_by_the_url_of_a_bundle_entry_is_the_patient() -> None:
    content = {
        "resourceType": "Bundle",
        "entry": [
            {"fullUrl": "urn:uuid:61ebe359", "resource": PATIENT},
            {"resource": temperature(subject={"reference": "urn:uuid:61ebe359"})},
        ],
    }
    for patient_id in ("p1", None):
        assert len(read(json.dumps(content).encode(), patient_id=patient_id).chart.temperatures) == 1


def test_patient_is_read() -> None:
    chart = read(bundle(PATIENT | {"deceasedDateTime": "2026-03-04T07:00:00Z"})).chart
    assert chart.patient.birth_date == date(1968, 5, 7)
    assert chart.patient.deceased
    assert chart.patient.deceased_at == AT - timedelta(hours=1)
    assert read(bundle(PATIENT | {"deceasedDateTime": "2026-03-04"})).chart.patient.deceased
    on_a_date = read(bundle(PATIENT | {"deceasedDateTime": "2026-03-04"})).chart.patient.deceased_at
    assert on_a_date == datetime(2026, 3, 4, tzinfo=UTC), "the days before a death can still be graded"
    unreadable = read(bundle(PATIENT | {"deceasedDateTime": "2026"})).chart.patient
    assert unreadable.deceased
    assert unreadable.deceased_at is None
    assert read(bundle(PATIENT | {"deceasedBoolean": True})).chart.patient.deceased
    assert not read(bundle(PATIENT | {"deceasedBoolean": False})).chart.patient.deceased


# What comes twice


def test_resource_under_several_keys_is_read_once() -> None:
    result = read(bundle(TEMPERATURE), bundle(TEMPERATURE), json.dumps(TEMPERATURE).encode())
    assert len(result.chart.temperatures) == 1


def test_resources_without_id_are_all_read() -> None:
    nameless = {key: value for key, value in TEMPERATURE.items() if key != "id"}
    assert len(read(bundle(nameless, nameless)).chart.temperatures) == 2


def test_newer_version_of_a_resource_counts_in_whatever_order() -> None:
    old = temperature(40, meta={"lastUpdated": "2026-03-04T08:01:00Z"})
    new = temperature(37, status="corrected", meta={"lastUpdated": "2026-03-04T08:30:00+00:00"})
    for order in ((old, new), (new, old)):
        assert [row.celsius for row in read(bundle(*order)).chart.temperatures] == [37]


def test_of_versions_that_do_not_say_the_one_met_later_counts() -> None:
    chart = read(bundle(temperature(40)), bundle(temperature(37, meta={"lastUpdated": 5}))).chart
    assert [row.celsius for row in chart.temperatures] == [37]


def test_same_id_of_another_type_is_another_resource() -> None:
    condition = {"resourceType": "Condition", "id": "o1", "subject": {"reference": "Patient/p1"}}
    chart = read(bundle(TEMPERATURE, condition)).chart
    assert len(chart.temperatures) == len(chart.conditions) == 1


def test_long_ids_that_begin_alike_are_two_resources_and_are_shown_short() -> None:
    chart = read(bundle(temperature(id="x" * 100 + "1"), temperature(id="x" * 100 + "2\n"))).chart
    assert [row.source.reference for row in chart.temperatures] == ["Observation/" + "x" * 64] * 2


# What is not known


def test_gaps_of_the_retrieval_are_kept() -> None:
    given = ChartGap(GapWhat.LABS, GapWhy.NOT_RETRIEVED)
    assert read(bundle(), gaps=[given, given]).chart.gaps == (given,)


def test_infusion_of_the_command_line_is_added() -> None:
    [infusion] = read(bundle(), infusion_at=datetime(2026, 3, 1, 10, tzinfo=UTC)).chart.infusions
    assert infusion.at == datetime(2026, 3, 1, 10, tzinfo=UTC)
    assert (infusion.product, infusion.source.reference) == (None, "command line")


def test_unmapped_codes_are_counted_the_most_frequent_first() -> None:
    shoe = observation(coded("urn:local", "1", "Shoe"), valueInteger=43)
    hat = observation(coded("urn:local", "2", "Hat"), valueInteger=58)
    result = read(bundle(shoe | {"id": "a"}, hat | {"id": "b"}, hat | {"id": "c"}))
    assert result.unmapped == (
        Unmapped("observation", "urn:local", "2", "Hat", 2),
        Unmapped("observation", "urn:local", "1", "Shoe", 1),
    )
    assert result.chart == Chart()


def test_unreadable_observation_is_a_gap_of_its_own_input_at_its_time() -> None:
    result = read(bundle(temperature(id="bad", valueQuantity="hot")))
    [gap] = result.chart.gaps
    assert (gap.what, gap.why, gap.at) == (GapWhat.TEMPERATURE, GapWhy.UNMAPPED, AT)
    assert gap.detail == "Observation/bad could not be read"


def test_unreadable_observation_of_an_unused_code_is_no_gap() -> None:
    assert read(bundle(observation(coded(LOINC, "8867-4"), valueQuantity="fast"))).chart.gaps == ()


@pytest.mark.parametrize(
    ("resource", "expected"),
    [
        (
            {"resourceType": "MedicationAdministration", "status": 5},
            [("tocilizumab", "unmapped"), ("vasopressors", "unmapped")],
        ),
        # One of hundreds of procedures, and not even its code can be read: counted, and no gap.
        ({"resourceType": "Procedure", "status": 5}, []),
        ({"resourceType": "Condition", "code": 5}, [("conditions", "unmapped")]),
        ({"resourceType": "Patient", "birthDate": 5}, [("age", "unmapped")]),
        ({"resourceType": "DiagnosticReport", "status": 5}, []),
    ],
)
def test_unreadable_resource_is_a_gap_of_what_its_type_feeds(
    resource: Resource, expected: list[tuple[str, str]]
) -> None:
    assert gaps(read(bundle(resource)).chart) == expected


CART = coded("http://www.cms.gov/Medicare/Coding/ICD10", "XW033H7")
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
SUBJECT_OF_P1 = {"reference": "Patient/p1"}


def procedure(**members: object) -> Resource:
    body = {
        "resourceType": "Procedure",
        "id": "p",
        "status": "completed",
        "code": CART,
        "subject": SUBJECT_OF_P1,
        "performedDateTime": "2026-03-01T10:00:00Z",
    } | members
    return {name: value for name, value in body.items() if value is not None}


def administration(drug: Resource, **members: object) -> Resource:
    body = {
        "resourceType": "MedicationAdministration",
        "id": "m",
        "status": "completed",
        "medicationCodeableConcept": drug,
        "subject": SUBJECT_OF_P1,
        "effectiveDateTime": "2026-03-01T10:00:00Z",
    } | members
    return {name: value for name, value in body.items() if value is not None}


TEN = datetime(2026, 3, 1, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("members", "why", "at"),
    [
        ({"performedDateTime": 123}, "unmapped", None),
        (
            {"performedDateTime": None, "performedPeriod": {"start": "2026-03-01T10:00:00Z", "end": 5}},
            "unmapped",
            None,
        ),
        ({"status": 5}, "unmapped", TEN),
        ({"status": 5, "performedDateTime": "2026-03-01"}, "unmapped", datetime(2026, 3, 1, tzinfo=UTC)),
        ({"code": "Yescarta infusion"}, "unmapped", TEN),
        ({"code": {"coding": CART["coding"][0]}}, "unmapped", TEN),
        ({"code": {"coding": [CART["coding"][0] | {"display": 7}, 5]}}, "unmapped", TEN),
        ({"subject": None}, "ambiguous", TEN),
        ({"subject": {"identifier": {"value": "123"}}}, "ambiguous", TEN),
        ({"subject": 5}, "unmapped", TEN),
        ({"status": None}, "ambiguous", TEN),
        ({"status": "unknown"}, "ambiguous", TEN),
        (
            {"status": "unknown", "performedDateTime": "2026-03-01"},
            "ambiguous",
            datetime(2026, 3, 1, tzinfo=UTC),
        ),
    ],
)
def test_infusion_procedure_that_cannot_be_read_is_a_gap_of_the_infusion(
    members: dict[str, object], why: str, at: datetime | None
) -> None:
    chart = read(bundle(procedure(**members))).chart
    assert chart.infusions == ()
    assert gaps(chart) == [("infusion", why)]
    assert chart.gaps[0].at == at


@pytest.mark.parametrize(
    "members",
    [
        {"code": coded("urn:local", "appendectomy"), "performedDateTime": 123},
        {"code": coded("http://www.ama-assn.org/go/cpt", "38225"), "performedDateTime": 123},
        {"code": ["XW033H7"]},
        {"code": "appendectomy"},
        {"code": coded("urn:local", "appendectomy"), "subject": None},
        {"status": "not-done", "performedDateTime": 123},
        {"status": "not-done", "subject": None},
    ],
)
def test_unreadable_procedure_that_is_no_infusion_is_counted_and_no_gap(members: dict[str, object]) -> None:
    result = read(bundle(procedure(**members)))
    assert result.chart.gaps == ()
    assert result.refused == 1


def test_unreadable_ventilation_is_a_gap_of_the_oxygen() -> None:
    chart = read(bundle(procedure(code=coded(SNOMED, "1258985005"), performedDateTime=123))).chart
    assert gaps(chart) == [("oxygen", "unmapped")]


@pytest.mark.parametrize(
    ("drug", "what"),
    [
        (coded(RXNORM, "1987398"), "infusion"),
        ({"text": "tisagenlecleucel chimeric cells"}, "infusion"),
        (coded(RXNORM, "612865"), "tocilizumab"),
        (coded(RXNORM, "3264"), "steroids"),
        (coded(RXNORM, "7512"), "vasopressors"),
    ],
)
def test_administration_that_cannot_be_read_is_a_gap_of_what_its_drug_feeds(
    drug: Resource, what: str
) -> None:
    unreadable = read(bundle(administration(drug, dosage=5))).chart
    assert gaps(unreadable) == [(what, "unmapped")]
    assert unreadable.gaps[0].at == TEN
    assert gaps(read(bundle(administration(drug, effectiveDateTime=123))).chart) == [(what, "unmapped")]
    nobodys = read(bundle(administration(drug, subject=None))).chart
    assert [row for row in gaps(nobodys) if row[0] == what] == [(what, "ambiguous")]
    assert nobodys.gaps[0].at == TEN
    assert nobodys.infusions == nobodys.drug_doses == nobodys.vasoactives == ()


def test_unreadable_administration_of_a_referenced_product_is_a_gap_of_the_infusion() -> None:
    product = {"resourceType": "Medication", "id": "k", "code": {"text": "Kymriah"}}
    reference = {"reference": "Medication/k"}
    given = administration({}, medicationCodeableConcept=None, medicationReference=reference, dosage=5)
    assert gaps(read(bundle(product, given)).chart) == [("infusion", "unmapped")]


@pytest.mark.parametrize("status", ["not-done", "entered-in-error"])
def test_unreadable_administration_that_did_not_take_place_is_no_gap(status: str) -> None:
    given = administration(coded(RXNORM, "612865"), status=status, dosage=5)
    assert read(bundle(given)).chart.gaps == ()


def test_unreadable_administration_of_a_drug_without_bearing_is_no_gap() -> None:
    assert read(bundle(administration({"text": "pantoprazole"}, dosage=5))).chart.gaps == ()


# Single ICE items


def test_single_ice_items_of_a_bundle_are_one_score() -> None:
    items = [
        observation(own(code), id=code, valueInteger=3 if code == "ice-naming" else 1)
        for code in (
            "ice-year",
            "ice-month",
            "ice-city",
            "ice-hospital",
            "ice-naming",
            "ice-command",
            "ice-writing",
        )
    ]
    [score] = read(bundle(*items)).chart.ice_scores
    assert (score.minimum, score.maximum) == (9, 10)


# Wrong types everywhere

CONCEPT = {"coding": [{"system": LOINC, "code": "8310-5", "display": "x"}], "text": "y"}
QUANTITY = {"value": 39, "comparator": "<", "unit": "Cel", "system": "u", "code": "Cel"}
PERIOD = {"start": "2026-03-04T07:00:00Z", "end": "2026-03-04T08:00:00Z"}
SUBJECT = {"reference": "Patient/p1", "display": "d"}
EVERY_FIELD: list[Resource] = [
    TEMPERATURE
    | {
        "code": CONCEPT,
        "effectivePeriod": PERIOD,
        "effectiveInstant": "2026-03-04T08:00:00Z",
        "valueQuantity": QUANTITY,
        "valueCodeableConcept": CONCEPT,
        "valueString": "s",
        "valueInteger": 3,
        "valueBoolean": True,
        "dataAbsentReason": CONCEPT,
        "component": [
            {
                "code": CONCEPT,
                "valueQuantity": QUANTITY,
                "valueCodeableConcept": CONCEPT,
                "valueString": "s",
                "valueInteger": 3,
                "valueBoolean": True,
                "dataAbsentReason": CONCEPT,
            }
        ],
        "referenceRange": [{"high": QUANTITY}],
        "note": [{"text": "n"}],
        "meta": {"lastUpdated": "2026-03-04T08:00:00Z"},
    },
    {
        "resourceType": "MedicationAdministration",
        "id": "m",
        "status": "in-progress",
        "medicationCodeableConcept": {"text": "norepinephrine"},
        "medicationReference": {"reference": "#c"},
        "contained": [{"resourceType": "Medication", "id": "c", "code": CONCEPT}],
        "subject": SUBJECT,
        "request": {"reference": "MedicationRequest/r"},
        "effectiveDateTime": "2026-03-04T07:00:00Z",
        "effectivePeriod": PERIOD,
        "dosage": {
            "text": "t",
            "route": CONCEPT,
            "method": CONCEPT,
            "dose": QUANTITY,
            "rateQuantity": QUANTITY,
            "rateRatio": {"numerator": QUANTITY, "denominator": QUANTITY},
        },
        "note": [{"text": "n"}],
    },
    {
        "resourceType": "MedicationRequest",
        "id": "r",
        "status": "active",
        "intent": "order",
        "medicationCodeableConcept": {"text": "tocilizumab"},
        "subject": SUBJECT,
        "authoredOn": "2026-03-04T07:00:00Z",
        "dosageInstruction": [{"text": "t", "route": CONCEPT, "doseAndRate": [{"doseQuantity": QUANTITY}]}],
        "doNotPerform": False,
    },
    {
        "resourceType": "Medication",
        "id": "d",
        "code": CONCEPT,
        "ingredient": [{"itemCodeableConcept": CONCEPT}],
    },
    {
        "resourceType": "Procedure",
        "id": "q",
        "status": "completed",
        "code": own("cart-infusion"),
        "subject": SUBJECT,
        "performedDateTime": "2026-03-01T10:00:00Z",
        "performedPeriod": PERIOD,
    },
    {
        "resourceType": "Condition",
        "id": "c",
        "clinicalStatus": CONCEPT,
        "verificationStatus": CONCEPT,
        "code": CONCEPT,
        "subject": SUBJECT,
        "onsetDateTime": "2026-03-04T07:00:00Z",
        "onsetPeriod": PERIOD,
        "recordedDate": "2026-03-04",
        "abatementDateTime": "2026-03-04T07:00:00Z",
    },
    PATIENT | {"deceasedBoolean": False, "deceasedDateTime": "2026-03-04T07:00:00Z"},
    {
        "resourceType": "DiagnosticReport",
        "id": "g",
        "status": "final",
        "code": CONCEPT,
        "category": [CONCEPT],
        "subject": SUBJECT,
        "effectiveDateTime": "2026-03-04T07:00:00Z",
        "issued": "2026-03-04T07:00:00Z",
        "conclusion": "c",
    },
]
WRONG: tuple[object, ...] = (
    5,
    -1.5,
    "x",
    "",
    True,
    None,
    [],
    {},
    [[]],
    [None],
    [5],
    {"a": {"b": []}},
    "NaN",
    "0001-01-01T00:00:00+14:00",
    10**40,
    "9" * 1000,
)


def paths(node: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    if path:
        yield path
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, child in children:
        yield from paths(child, (*path, key))


def with_wrong(resource: Resource, path: tuple[str | int, ...], wrong: object) -> Resource:
    changed = deepcopy(resource)
    parent: Any = changed
    for key in path[:-1]:
        parent = parent[key]
    parent[path[-1]] = wrong
    return changed


@pytest.mark.parametrize("resource", EVERY_FIELD, ids=[str(one["resourceType"]) for one in EVERY_FIELD])
def test_wrong_type_in_any_field_is_never_an_error_and_costs_no_neighbour(resource: Resource) -> None:
    neighbour = temperature(38.8, id="neighbour")
    for path in paths(resource):
        for wrong in WRONG:
            try:
                result = read(bundle(with_wrong(resource, path, wrong), neighbour))
            except ForeignPatient:
                assert path[-1] in ("id", "reference"), path
                continue
            assert Decimal("38.8") in [row.celsius for row in result.chart.temperatures], (path, wrong)


SIMPLE: list[tuple[Resource, str]] = [
    (TEMPERATURE, "temperatures"),
    (observation(coded(LOINC, "8480-6"), valueQuantity=quantity(84, "mm[Hg]")), "systolic_pressures"),
    (observation(coded(LOINC, "107117-4"), valueString="CPAP"), "oxygen_devices"),
    (observation(own("ice-total"), valueInteger=3), "ice_scores"),
    (observation(own("seizure"), valueCodeableConcept=own("brief-resolved")), "seizures"),
    (observation(own("sedated"), valueBoolean=True), "sedation"),
]


@pytest.mark.parametrize(("resource", "field"), SIMPLE, ids=[field for _, field in SIMPLE])
@pytest.mark.parametrize("wrong", [5, "x", True, [5], -3.5], ids=str)
def test_value_of_a_wrong_type_is_read_or_a_gap_and_never_silence(
    resource: Resource, field: str, wrong: object
) -> None:
    [name] = [key for key in resource if key.startswith("value")]
    result = read(bundle(resource | {name: wrong}))
    assert getattr(result.chart, field) or result.chart.gaps
