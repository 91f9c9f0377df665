"""Procedures: the CAR-T infusion, and respiratory support charted as a procedure."""

import json
from datetime import UTC, datetime
from typing import Any, ClassVar

import msgspec
import pytest

from fhir_maps import r4
from fhir_maps.procedures import read_procedure
from fhir_maps.terminology import load_terminology
from fhir_maps.unmapped import Unmapped
from grading.chart import CartInfusion, ChartGap, GapWhat, GapWhy, OxygenDevice, OxygenDeviceRow

TERMINOLOGY = load_terminology()
PCS = "http://www.cms.gov/Medicare/Coding/ICD10"
CPT = "http://www.ama-assn.org/go/cpt"
HCPCS = "https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"
OWN = "https://cart-toxicity-cds.github.io/fhir/CodeSystem/immune-effector-cell-assessment"
SNOMED = "http://snomed.info/sct"
TEN = datetime(2026, 3, 1, 10, tzinfo=UTC)


def _read_code(code: dict[str, Any], **members: Any) -> list[Any]:
    body = {"resourceType": "Procedure", "status": "completed", "code": code} | members
    return list(read_procedure(msgspec.json.decode(json.dumps(body), type=r4.Procedure), TERMINOLOGY))


def read(system: str = PCS, code: str = "XW033H7", **members: Any) -> list[Any]:
    body: dict[str, Any] = {
        "resourceType": "Procedure",
        "id": "p1",
        "status": "completed",
        "code": {"coding": [{"system": system, "code": code}]},
        "performedDateTime": "2026-03-01T10:00:00Z",
    }
    body = {name: value for name, value in (body | members).items() if value is not None}
    return list(read_procedure(msgspec.json.decode(json.dumps(body), type=r4.Procedure), TERMINOLOGY))


@pytest.mark.parametrize(
    ("system", "code", "product"),
    [
        (PCS, "XW033H7", "axicabtagene-ciloleucel"),
        (PCS, "XW043J7", "tisagenlecleucel"),
        (PCS, "XW043K7", "idecabtagene-vicleucel"),
        (PCS, "XW033M7", "brexucabtagene-autoleucel"),
        (PCS, "XW033A7", "ciltacabtagene-autoleucel"),
        (PCS, "XW043N7", "lisocabtagene-maraleucel"),
        (PCS, "XW24376", "lisocabtagene-maraleucel"),
        (PCS, "XW23346", "brexucabtagene-autoleucel"),
        (PCS, "XW033C7", None),
        (PCS, "XW043G7", None),
        (PCS, "XW043C3", None),
        ("http://hl7.org/fhir/sid/icd-10-pcs", "XW033H7", "axicabtagene-ciloleucel"),
        (CPT, "38228", None),
        (CPT, "0540T", None),
        (HCPCS, "Q2041", "axicabtagene-ciloleucel"),
        (HCPCS, "Q2056", "ciltacabtagene-autoleucel"),
        (OWN, "cart-infusion", None),
    ],
)
def test_every_code_of_an_infusion_is_one(system: str, code: str, product: str | None) -> None:
    (row,) = read(system, code)
    assert isinstance(row, CartInfusion)
    assert (row.at, row.product, row.source.reference) == (TEN, product, "Procedure/p1")


@pytest.mark.parametrize(
    ("system", "code"),
    [
        (CPT, "38225"),
        (CPT, "38226"),
        (CPT, "38227"),
        (PCS, "XW033L7"),
        (PCS, "XW043L7"),
        (PCS, "XW033"),
        (PCS, "XW0"),
    ],
)
def test_harvest_transport_receipt_and_other_cells_are_none(system: str, code: str) -> None:
    assert read(system, code) == []


def test_a_harvest_called_an_infusion_is_still_a_harvest() -> None:
    code = {"coding": [{"system": CPT, "code": "38225"}], "text": "CAR-T infusion"}
    assert _read_code(code) == []


def test_our_own_code_takes_the_product_from_the_text() -> None:
    code = {"coding": [{"system": OWN, "code": "cart-infusion"}], "text": "obecabtagene autoleucel"}
    (row,) = _read_code(code)
    assert row.product == "obecabtagene-autoleucel"


def test_a_text_alone_is_marked() -> None:
    (row,) = _read_code({"text": "CAR T-cell infusion"})
    assert (row.product, row.source.note) == (None, "matched on text")


def test_a_code_without_a_source_is_reported_and_no_infusion() -> None:
    gap = next(row for row in read(HCPCS, "Q2058") if isinstance(row, ChartGap))
    assert (gap.what, gap.why) == (GapWhat.INFUSION, GapWhy.UNMAPPED)
    assert any(isinstance(row, Unmapped) for row in read(HCPCS, "Q2058"))


@pytest.mark.parametrize("status", ["completed", "in-progress", "stopped"])
def test_an_infusion_that_took_place_counts(status: str) -> None:
    assert isinstance(read(status=status)[0], CartInfusion)


@pytest.mark.parametrize("status", ["preparation", "not-done", "on-hold", "entered-in-error"])
def test_an_infusion_that_did_not_is_none(status: str) -> None:
    assert read(status=status) == []


@pytest.mark.parametrize("status", ["unknown", None, "done"])
def test_a_status_that_does_not_tell_is_a_gap(status: str | None) -> None:
    (gap,) = read(status=status)
    assert (gap.what, gap.why) == (GapWhat.INFUSION, GapWhy.AMBIGUOUS)


def test_a_period_begins_with_its_start() -> None:
    (row,) = read(performedDateTime=None, performedPeriod={"start": "2026-03-01T10:00:00Z"})
    assert row.at == TEN


def test_the_offset_of_the_infusion_is_kept() -> None:
    (row,) = read(performedDateTime="2026-03-01T23:30:00-05:00")
    assert row.at.isoformat() == "2026-03-01T23:30:00-05:00"


@pytest.mark.parametrize(
    "when", [None, "2026", "2026-03", "2026-03-01T10:00:00", "0001-01-01", "soon", "x" * 9999]
)
def test_one_without_a_usable_date_has_none(when: str | None) -> None:
    (row,) = read(performedDateTime=when)
    assert row.at is None


def test_a_date_alone_is_the_start_of_that_day() -> None:
    (row,) = read(performedDateTime="2026-03-01")
    assert (row.at, row.source.note) == (datetime(2026, 3, 1, tzinfo=UTC), "date only")


class TestRespiratorySupport:
    PERIOD: ClassVar = {"start": "2026-03-01T10:00:00Z"}

    @pytest.mark.parametrize(
        ("code", "device"),
        [
            ("1258985005", OxygenDevice.MECHANICAL_VENTILATION),
            ("47545007", OxygenDevice.CPAP),
            ("1186618000", OxygenDevice.BIPAP),
            ("1259025002", OxygenDevice.HIGH_FLOW_NASAL_CANNULA),
        ],
    )
    def test_support_under_way_is_charted_at_its_start(self, code: str, device: OxygenDevice) -> None:
        (row,) = read(SNOMED, code, status="in-progress", performedDateTime=None, performedPeriod=self.PERIOD)
        assert isinstance(row, OxygenDeviceRow)
        assert (row.at, row.device) == (TEN, device)

    def test_support_that_ended_is_a_gap_for_its_period(self) -> None:
        period = self.PERIOD | {"end": "2026-03-01T12:00:00Z"}
        (gap,) = read(SNOMED, "1258985005", performedDateTime=None, performedPeriod=period)
        assert (gap.what, gap.why) == (GapWhat.OXYGEN, GapWhy.AMBIGUOUS)
        assert (gap.at, gap.until) == (TEN, datetime(2026, 3, 1, 12, tzinfo=UTC))

    def test_support_at_an_unreadable_time_is_a_gap(self) -> None:
        (gap,) = read(SNOMED, "47545007", status="in-progress", performedDateTime="2026-03-01T10:00:00")
        assert (gap.what, gap.why) == (GapWhat.OXYGEN, GapWhy.IMPLAUSIBLE)

    def test_an_intubation_does_not_say_how_long(self) -> None:
        assert read(SNOMED, "112798008") == []


@pytest.mark.parametrize(
    "code", [{}, {"coding": []}, {"coding": [{}]}, {"text": ""}, {"text": "appendectomy"}]
)
def test_other_procedures_yield_nothing(code: dict[str, Any]) -> None:
    assert _read_code(code) == []


def test_a_procedure_without_a_code_yields_nothing() -> None:
    assert list(read_procedure(r4.Procedure(), TERMINOLOGY)) == []
