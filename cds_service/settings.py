"""Settings of the service, read once from ``CART_CDS_*`` environment variables.

Without any setting the service runs in open development mode: no client authentication, any browser origin
(without credentials), and FHIR servers on loopback only. That mode may be bound to loopback alone.

This module only reads and checks words; it opens no file but the protocol tables and reaches for no network.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from management.protocol import ProtocolError, load_protocol

logger = logging.getLogger(__name__)

DEFAULT_PROTOCOL = "met-2021"
_PREFIX = "CART_CDS_"
_MIB = 1024 * 1024


class SettingsError(Exception):
    """A setting cannot be used, or the service must not start with these; the message says what to change."""


class Mode(Enum):
    """What clients get: ``silent`` grades and counts, and answers with no card and no extension."""

    ACTIVE = "active"
    SILENT = "silent"


@dataclass(frozen=True, slots=True)
class Settings:
    """Checked settings.

    ``cors_origins`` of ``None`` means any origin, and ``fhir_servers`` of ``None`` means loopback only:
    both are the development defaults. ``fhir_servers`` holds origins (``https://host:port``).
    ``public_url`` has no slash at its end. ``database_url`` of ``None`` keeps feedback in memory.
    """

    protocol: str = DEFAULT_PROTOCOL
    site_maps: Path | None = None
    protocol_folders: tuple[Path, ...] = ()
    database_url: str | None = None
    public_url: str | None = None
    cors_origins: frozenset[str] | None = None
    max_body_bytes: int = 32 * _MIB
    fhir_servers: frozenset[str] | None = None
    mode: Mode = Mode.ACTIVE
    fhir_deadline_seconds: float = 4.0

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Settings":
        """Read the settings; raises :class:`SettingsError` naming the variable and what it takes."""
        values = {
            name.removeprefix(_PREFIX): value.strip()
            for name, value in environment.items()
            if name.startswith(_PREFIX) and value.strip()
        }
        for unknown in sorted(set(values) - _KNOWN):
            logger.warning("setting %s%s is not known and has no effect", _PREFIX, unknown)
        settings = cls(
            protocol=values.get("PROTOCOL", DEFAULT_PROTOCOL),
            site_maps=Path(values["SITE_MAPS"]) if "SITE_MAPS" in values else None,
            protocol_folders=protocol_folders(environment),
            database_url=values.get("DATABASE_URL"),
            public_url=_public_url(values.get("PUBLIC_URL")),
            cors_origins=_origins("CORS_ORIGINS", values.get("CORS_ORIGINS")),
            max_body_bytes=int(_positive("MAX_BODY_MIB", values.get("MAX_BODY_MIB", "32")) * _MIB),
            fhir_servers=_origins("FHIR_SERVERS", values.get("FHIR_SERVERS")),
            mode=_mode(values.get("MODE", Mode.ACTIVE.value)),
            fhir_deadline_seconds=_positive(
                "FHIR_DEADLINE_SECONDS", values.get("FHIR_DEADLINE_SECONDS", "4")
            ),
        )
        try:
            load_protocol(settings.protocol, settings.protocol_folders)
        except ProtocolError as error:
            raise SettingsError(f"{_PREFIX}PROTOCOL: {error}") from error
        return settings

    @property
    def authenticates_clients(self) -> bool:
        """Whether client authentication is configured. There is none yet: see :meth:`check_binding`."""
        return False

    def check_binding(self, host: str) -> None:
        """Refuse to be reachable from other machines without client authentication.

        Raises :class:`SettingsError` for any address but loopback while :attr:`authenticates_clients` is
        false.
        """
        if self.authenticates_clients or is_loopback(host):
            return
        raise SettingsError(
            f"refusing to listen on {host}: client authentication is not configured, and without it"
            " patient data would be open to the network; listen on 127.0.0.1 (the default) for development"
        )

    def log_mode(self) -> None:
        """Say in the log, without secrets, what is open."""
        if not self.authenticates_clients:
            origins = "any" if self.cors_origins is None else ", ".join(sorted(self.cors_origins))
            servers = "loopback only" if self.fhir_servers is None else ", ".join(sorted(self.fhir_servers))
            logger.warning(
                "OPEN DEVELOPMENT MODE: clients are not authenticated, so this is not for patient care."
                " Browser origins: %s. FHIR servers: %s.",
                origins,
                servers,
            )
        if self.mode is Mode.SILENT:
            logger.warning("silent mode: requests are graded and counted, and every answer is without cards")


_KNOWN = frozenset(
    {
        "PROTOCOL",
        "PROTOCOLS",
        "SITE_MAPS",
        "DATABASE_URL",
        "PUBLIC_URL",
        "CORS_ORIGINS",
        "MAX_BODY_MIB",
        "FHIR_SERVERS",
        "FHIR_DEADLINE_SECONDS",
        "MODE",
        # Read by the SMART app:
        "SMART_EHRS",
        "SMART_KEYS",
        "SMART_SESSION_KEY",
    }
)


def protocol_folders(environment: Mapping[str, str]) -> tuple[Path, ...]:
    """The folders that a site keeps its protocols in, in the order in which they are looked through."""
    return tuple(Path(part) for part in environment.get(f"{_PREFIX}PROTOCOLS", "").strip().split(":") if part)


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine alone (``localhost``, ``127.0.0.0/8``, ``::1``)."""
    if host.casefold() == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _origins(name: str, text: str | None) -> frozenset[str] | None:
    if text is None:
        return None
    origins = set()
    for part in text.replace(",", " ").split():
        try:
            url = urlsplit(part)
            port = f":{url.port}" if url.port else ""
        except ValueError as error:
            raise SettingsError(f"{_PREFIX}{name}: {part!r} is not a URL") from error
        host = url.hostname or ""
        if url.scheme not in ("http", "https") or not host or url.username or url.query or url.fragment:
            raise SettingsError(
                f"{_PREFIX}{name}: {part!r} is not an http(s) URL (several: separate by comma)"
            )
        if name == "FHIR_SERVERS" and url.scheme == "http" and not is_loopback(host):
            raise SettingsError(
                f"{_PREFIX}{name}: {part!r} must use https: tokens and patient data travel there"
            )
        host = f"[{host}]" if ":" in host else host
        origins.add(f"{url.scheme}://{host}{port}".casefold())
    return frozenset(origins)


def _public_url(text: str | None) -> str | None:
    if text is None:
        return None
    url = urlsplit(text)
    if url.scheme not in ("http", "https") or not url.hostname or url.query or url.fragment:
        raise SettingsError(f"{_PREFIX}PUBLIC_URL: must be an absolute http(s) URL without query")
    return text.rstrip("/")


def _positive(name: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 < number < 1e6:
        raise SettingsError(f"{_PREFIX}{name}: must be a positive number")
    return number


def _mode(text: str) -> Mode:
    try:
        return Mode(text)
    except ValueError as error:
        raise SettingsError(
            f"{_PREFIX}MODE: must be one of {', '.join(mode.value for mode in Mode)}"
        ) from error
