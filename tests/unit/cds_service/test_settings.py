"""Settings: what starts, what refuses to start, and what the refusal says."""

import logging
from pathlib import Path

import pytest

from cds_service.app import create_app
from cds_service.settings import Mode, Settings, SettingsError


def settings(**values: str) -> Settings:
    return Settings.from_environment({f"CART_CDS_{name}": value for name, value in values.items()})


def test_no_setting_is_the_default_protocol_on_loopback_with_32_mib() -> None:
    plain = settings()
    assert plain == Settings()
    assert (plain.protocol, plain.max_body_bytes, plain.mode) == ("met-2021", 32 * 1024 * 1024, Mode.ACTIVE)
    assert plain.cors_origins is None and plain.fhir_servers is None


def test_other_variables_and_empty_ones_do_not_count() -> None:
    assert Settings.from_environment({"PATH": "/bin", "CART_CDS_PROTOCOL": " "}) == Settings()


def test_an_unknown_protocol_is_refused_with_the_names_that_are_known() -> None:
    with pytest.raises(SettingsError, match=r"CART_CDS_PROTOCOL.*met-2021"):
        settings(PROTOCOL="nccn")
    with pytest.raises(SettingsError, match="met-2021"):
        create_app(Settings(protocol="nccn"))


def test_all_settings_are_read() -> None:
    read = settings(
        SITE_MAPS="/maps",
        DATABASE_URL="sqlite:///x.db",
        PUBLIC_URL="https://cds.example/base/",
        CORS_ORIGINS="https://a.example, https://B.example:8443",
        MAX_BODY_MIB="0.5",
        FHIR_SERVERS="https://ehr.example/r4/tenant http://localhost:8080/fhir",
        FHIR_DEADLINE_SECONDS="2.5",
        MODE="silent",
    )
    assert read.site_maps == Path("/maps")
    assert read.database_url == "sqlite:///x.db"
    assert read.public_url == "https://cds.example/base"
    assert read.cors_origins == {"https://a.example", "https://b.example:8443"}
    assert read.max_body_bytes == 512 * 1024
    assert read.fhir_servers == {"https://ehr.example", "http://localhost:8080"}
    assert (read.fhir_deadline_seconds, read.mode) == (2.5, Mode.SILENT)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MAX_BODY_MIB", "0"),
        ("MAX_BODY_MIB", "-1"),
        ("MAX_BODY_MIB", "many"),
        ("MAX_BODY_MIB", "nan"),
        ("MAX_BODY_MIB", "inf"),
        ("FHIR_DEADLINE_SECONDS", "0"),
        ("MODE", "loud"),
        ("PUBLIC_URL", "cds.example"),
        ("PUBLIC_URL", "https://cds.example/?x=1"),
        ("CORS_ORIGINS", "*"),
        ("CORS_ORIGINS", "https://user@a.example"),
        ("FHIR_SERVERS", "ehr.example"),
        ("FHIR_SERVERS", "https://ehr.example:port"),
        ("FHIR_SERVERS", "http://ehr.example/fhir"),
    ],
)
def test_a_value_that_cannot_be_used_is_refused_by_the_name_of_its_variable(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"CART_CDS_{name}"):
        settings(**{name: value})


def test_an_unknown_variable_is_named_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    settings(FHIR_SERVER="https://secret.example")
    assert "CART_CDS_FHIR_SERVER " in caplog.text and "secret" not in caplog.text


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "localhost", "::1", "[::1]"])
def test_open_development_mode_may_listen_on_loopback(host: str) -> None:
    settings().check_binding(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.0.7", "cds.example", ""])  # noqa: S104 - refused
def test_any_other_address_is_refused_until_clients_are_authenticated(host: str) -> None:
    with pytest.raises(SettingsError, match="client authentication is not configured"):
        settings().check_binding(host)


def test_open_development_mode_says_so_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    settings(MODE="silent", CORS_ORIGINS="https://a.example").log_mode()
    assert "OPEN DEVELOPMENT MODE" in caplog.text
    assert "https://a.example" in caplog.text and "loopback only" in caplog.text
    assert "silent mode" in caplog.text


def test_site_maps_that_cannot_be_used_refuse_to_start(tmp_path: Path) -> None:
    (tmp_path / "site.csv").write_text("group,concept\n")
    with pytest.raises(SettingsError, match=r"CART_CDS_SITE_MAPS.*site\.csv"):
        create_app(Settings(site_maps=tmp_path))


@pytest.mark.parametrize("url", ["not a url", "nonsuch://x", "postgresql+nonsuch://x"])
def test_a_database_nobody_can_open_refuses_to_start(url: str) -> None:
    with pytest.raises(SettingsError, match="CART_CDS_DATABASE_URL"):
        create_app(Settings(database_url=url))
