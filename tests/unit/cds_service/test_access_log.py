"""The access log tells what was asked for and how it went, and nothing of a patient or a client."""

import logging
from pathlib import Path

import pytest

from tests.unit.cds_service.samples import SERVICE, crs_3, service
from tests.unit.cds_service.test_patient_view import RequestFor


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "cds_service.access_log"]


def test_a_line_holds_method_template_status_and_milliseconds(
    caplog: pytest.LogCaptureFixture, request_for: RequestFor
) -> None:
    with caplog.at_level(logging.INFO, "cds_service.access_log"), service() as running:
        running.post(SERVICE, json=request_for(crs_3()))
        running.get("/fhir/CodeSystem/of-patient-p1?patient=p1")
        running.get("/patients/p1")
        running.request("P1", "/health/live")
    told = [line.rsplit(" ", 2) for line in lines(caplog)]
    assert [line[0] for line in told] == [
        "POST /cds-services/{service_id} 200",
        "GET /fhir/{kind}/{artefact_id} 404",
        "GET - 404",
        "- /health/live 405",
    ]
    assert all(float(milliseconds) >= 0 and unit == "ms" for _, milliseconds, unit in told)
    assert "p1" not in caplog.text.casefold()


def test_nothing_is_logged_where_nobody_reads_it(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "cds_service.access_log"), service() as running:
        running.get("/health/live")
    assert lines(caplog) == []


def test_readiness_tells_the_sites_maps_apart(tmp_path: Path) -> None:
    header = "group,concept,system,code,text,source,confidence,reason\n"
    (tmp_path / "ward.csv").write_text(header + "oxygen_device,cpap,,,Ward CPAP,ward,site,\n", "utf-8")
    with service(site_maps=tmp_path) as running:
        ready = running.get("/health/ready").json()
    assert ready["siteMaps"] == ["ward.csv"]
    assert "ward.csv" not in ready["maps"] and "drugs.csv" in ready["maps"]
    with service() as running:
        assert "siteMaps" not in running.get("/health/ready").json()
