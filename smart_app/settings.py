"""Settings of the SMART app: which EHRs may launch it, with which keys, and where sessions are kept.

``CART_CDS_SMART_EHRS`` is a TOML file, ``CART_CDS_SMART_KEYS`` a folder of private keys and
``CART_CDS_SMART_SESSION_KEY`` a file of 32 bytes; the address is that of ``CART_CDS_PUBLIC_URL``, the
database that of ``CART_CDS_DATABASE_URL``. Without the first the app is off. Read once at the start.
"""

import base64
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from smart_app.ehr_client import ClientAuth, EhrClient, is_callable
from smart_app.ehr_file import SmartSettingsError, read_ehr_file
from smart_app.keys import KeyFileError, SigningKeys, read_private_file

__all__ = ["ClientAuth", "EhrClient", "SmartSettings", "SmartSettingsError"]

SESSION_KEY_BYTES = 32
_PREFIX = "CART_CDS_"


@dataclass(frozen=True, slots=True)
class SmartSettings:
    """Checked settings. ``base_url`` has no slash at its end. ``database_url`` of ``None`` keeps sessions in
    memory. ``insecure_loopback`` takes ``http`` for servers on this machine, for demonstrations alone.
    """

    base_url: str = ""
    ehrs: tuple[EhrClient, ...] = ()
    keys: SigningKeys = field(default_factory=SigningKeys)
    session_key: bytes = field(default_factory=lambda: secrets.token_bytes(SESSION_KEY_BYTES), repr=False)
    database_url: str | None = None
    idle_minutes: float = 15.0
    absolute_minutes: float = 12 * 60.0
    insecure_loopback: bool = False

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "SmartSettings":
        """Read the settings; raises :class:`SmartSettingsError`. Off, where no EHR is configured."""
        values = {name: environment.get(_PREFIX + name, "").strip() for name in _NAMES}
        if not values["SMART_EHRS"]:
            return cls()
        try:
            file = read_ehr_file(Path(values["SMART_EHRS"]))
        except SmartSettingsError as error:
            raise SmartSettingsError(f"{_PREFIX}SMART_EHRS: {error}") from None
        return cls(
            base_url=_base_url(values["PUBLIC_URL"]),
            ehrs=file.ehrs,
            keys=_keys(values["SMART_KEYS"], file.ehrs),
            session_key=_session_key(values["SMART_SESSION_KEY"], values["DATABASE_URL"]),
            database_url=values["DATABASE_URL"] or None,
            idle_minutes=file.idle_minutes,
            absolute_minutes=file.absolute_minutes,
            insecure_loopback=file.insecure_loopback,
        )

    @property
    def is_on(self) -> bool:
        """Whether any EHR may launch the app."""
        return bool(self.ehrs)

    @property
    def app_url(self) -> str:
        """The public address of the app."""
        return f"{self.base_url}/smart"

    @property
    def launch_uri(self) -> str:
        """The launch URL to register: fixed, without a query."""
        return f"{self.app_url}/launch"

    @property
    def redirect_uri(self) -> str:
        """The one redirect URI to register: fixed, without a query."""
        return f"{self.app_url}/callback"

    @property
    def jwks_uri(self) -> str:
        """Where our public keys are."""
        return f"{self.app_url}/.well-known/jwks.json"

    @property
    def frame_ancestors(self) -> tuple[str, ...]:
        """The origins of all EHRs that may hold our pages in a frame."""
        return tuple(dict.fromkeys(origin for ehr in self.ehrs for origin in ehr.frame_ancestors))

    def ehr_of(self, iss: str) -> EhrClient | None:
        """The EHR with exactly this FHIR base, a slash at its end apart; ``None`` for any other."""
        return next((ehr for ehr in self.ehrs if ehr.base == _without_slash(iss)), None)

    def takes(self, url: str) -> bool:
        """Whether a server at an address may be called: ``https``, or loopback where that is allowed."""
        return is_callable(url, self.insecure_loopback)


_NAMES = ("SMART_EHRS", "SMART_KEYS", "SMART_SESSION_KEY", "PUBLIC_URL", "DATABASE_URL")


def _without_slash(iss: str) -> str:
    # One slash: more of them are another address.
    return iss[:-1] if iss.endswith("/") else iss


def _base_url(text: str) -> str:
    if not is_callable(text, True) or "?" in text:
        raise SmartSettingsError(
            f"{_PREFIX}PUBLIC_URL must be the public https URL of this service (http on loopback) where"
            f" {_PREFIX}SMART_EHRS is set: it is in the addresses that are registered at the EHR"
        )
    return text.rstrip("/")


def _keys(folder: str, ehrs: tuple[EhrClient, ...]) -> SigningKeys:
    needed = any(ehr.auth is ClientAuth.PRIVATE_KEY_JWT for ehr in ehrs)
    if not folder:
        if needed:
            raise SmartSettingsError(
                f"{_PREFIX}SMART_KEYS must name the folder of our private keys: an EHR has"
                ' auth = "private_key_jwt"'
            )
        return SigningKeys()
    try:
        keys = SigningKeys.of_folder(Path(folder))
    except KeyFileError as error:
        raise SmartSettingsError(f"{_PREFIX}SMART_KEYS: {error}") from None
    wanted = {ehr.algorithm for ehr in ehrs if ehr.algorithm and ehr.auth is ClientAuth.PRIVATE_KEY_JWT}
    if missing := wanted - {key.algorithm for key in keys.keys}:
        raise SmartSettingsError(f"{_PREFIX}SMART_KEYS: there is no key for {', '.join(sorted(missing))}")
    return keys


def _session_key(path: str, database_url: str) -> bytes:
    if not path:
        if not database_url:
            return secrets.token_bytes(SESSION_KEY_BYTES)  # sessions in memory end with the process
        raise SmartSettingsError(
            f"{_PREFIX}SMART_SESSION_KEY must name a file of {SESSION_KEY_BYTES} bytes where"
            f" {_PREFIX}DATABASE_URL keeps sessions"
        )
    try:
        content = read_private_file(Path(path))
    except KeyFileError as error:
        raise SmartSettingsError(f"{_PREFIX}SMART_SESSION_KEY: {error}") from None
    for read in (_hex, _base64url):
        try:
            key = read(content)
        except ValueError:  # the faults of both notations are of this kind
            continue
        if len(key) == SESSION_KEY_BYTES:
            return key
    raise SmartSettingsError(
        f"{_PREFIX}SMART_SESSION_KEY: the file must hold {SESSION_KEY_BYTES} bytes, as base64url or hex"
    )


def _base64url(content: bytes) -> bytes:
    text = content.strip()
    return base64.b64decode(text + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)


def _hex(content: bytes) -> bytes:
    return bytes.fromhex(content.decode().strip())
