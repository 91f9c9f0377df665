"""The file of EHRs (TOML): one table ``[[ehr]]`` for each that may launch the app.

Every key is checked, and one that is not known is refused: a slip in ``allow_missing_s256`` must not pass in
silence. A fault names the file, the table, the key and what it takes, never the value: one of them is secret.
"""

import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from smart_app.ehr_client import ClientAuth, EhrClient, is_callable
from smart_app.keys import ALGORITHMS, KeyFileError, read_private_file

_LARGEST_FILE = 1024 * 1024
_AUTHS = " or ".join(f'"{auth.value}"' for auth in ClientAuth)
_KEYS = frozenset(
    {
        "iss",
        "client_id",
        "name",
        "auth",
        "client_secret_file",
        "algorithm",
        "allow_missing_s256",
        "scopes",
        "frame_ancestors",
        "fhir_user_required",
    }
)
_IDLE_MINUTES = 15.0
_ABSOLUTE_MINUTES = 12 * 60.0


class SmartSettingsError(Exception):
    """A setting of the SMART app cannot be used; the message says which and what it takes."""


@dataclass(frozen=True, slots=True)
class EhrFile:
    """What the file says. Sessions may be held shorter than by default, never longer."""

    ehrs: tuple[EhrClient, ...]
    idle_minutes: float
    absolute_minutes: float
    insecure_loopback: bool


def read_ehr_file(path: Path) -> EhrFile:
    """Read and check the file; raises :class:`SmartSettingsError`."""
    document = _Document.of_file(path)
    loopback = document.flag("insecure_loopback", False)
    ehrs = tuple(_ehr(table, loopback) for table in document.tables("ehr"))
    idle = document.number("idle_minutes", _IDLE_MINUTES)
    absolute = document.number("absolute_minutes", _ABSOLUTE_MINUTES)
    document.refuse_the_rest()
    if not ehrs:
        raise SmartSettingsError(f"{document.place} must hold at least one table [[ehr]]")
    if len({ehr.base for ehr in ehrs}) < len(ehrs):
        raise SmartSettingsError(f"{document.place}: two tables [[ehr]] have the same iss")
    return EhrFile(ehrs, idle, absolute, loopback)


class _Document:
    """A table of the file; what it holds is taken out piece by piece, and the rest is refused."""

    def __init__(self, values: Mapping[str, Any], place: str, folder: Path) -> None:
        self._values = dict(values)
        self.place = place
        self.folder = folder

    @classmethod
    def of_file(cls, path: Path) -> "_Document":
        try:
            with path.open("rb") as file:
                text = file.read(_LARGEST_FILE).decode()
        except (OSError, UnicodeDecodeError):
            raise SmartSettingsError(f"{path} cannot be read") from None
        try:
            return cls(tomllib.loads(text), str(path), path.parent)
        except tomllib.TOMLDecodeError:
            # The fault may quote the line, and with it a secret.
            raise SmartSettingsError(f"{path} is not TOML") from None

    def tables(self, key: str) -> list["_Document"]:
        tables = self._values.pop(key, [])
        if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
            raise SmartSettingsError(f"{self.place}: {key} must be tables, written [[{key}]]")
        return [
            _Document(table, f"{self.place}, [[{key}]] {number}", self.folder)
            for number, table in enumerate(tables, 1)
        ]

    def text(self, key: str, default: str | None = None) -> str:
        value = self._values.pop(key, default)
        if not isinstance(value, str) or (default is None and not value.strip()):
            raise SmartSettingsError(f"{self.place}: {key} must be a text")
        return value.strip()

    def flag(self, key: str, default: bool) -> bool:
        value = self._values.pop(key, default)
        if not isinstance(value, bool):
            raise SmartSettingsError(f"{self.place}: {key} must be true or false")
        return value

    def number(self, key: str, default: float) -> float:
        value = self._values.pop(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= default:
            raise SmartSettingsError(f"{self.place}: {key} must be a number above 0 and at most {default:g}")
        return float(value)

    def texts(self, key: str) -> tuple[str, ...]:
        values = self._values.pop(key, [])
        if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
            raise SmartSettingsError(f"{self.place}: {key} must be a list of texts")
        return tuple(values)

    def refuse_others_than(self, keys: Collection[str]) -> None:
        """Before a key is found missing: it may be there under a slip of its name."""
        if others := set(self._values) - set(keys):
            raise SmartSettingsError(f"{self.place}: {', '.join(sorted(others))} is not known here")

    def refuse_the_rest(self) -> None:
        if self._values:
            raise SmartSettingsError(f"{self.place}: {', '.join(sorted(self._values))} is not known here")


def _ehr(table: _Document, loopback: bool) -> EhrClient:
    place = table.place
    table.refuse_others_than(_KEYS)
    iss = table.text("iss")
    if not is_callable(iss, loopback) or "?" in iss or iss.endswith("//"):
        raise SmartSettingsError(
            f"{place}: iss must be the https URL of a FHIR base, without query"
            " (http on loopback where insecure_loopback = true stands at the top of the file), and not a"
            " link-local address"
        )
    try:
        auth = ClientAuth(table.text("auth", ClientAuth.PRIVATE_KEY_JWT.value))
    except ValueError:
        raise SmartSettingsError(f"{place}: auth must be {_AUTHS}") from None
    secret_file = table.text("client_secret_file", "")
    if (auth is ClientAuth.CLIENT_SECRET_BASIC) != bool(secret_file):
        raise SmartSettingsError(
            f'{place}: client_secret_file must be there with auth = "client_secret_basic", and only then'
        )
    algorithm = table.text("algorithm", "") or None
    if algorithm not in (None, *ALGORITHMS):
        raise SmartSettingsError(f"{place}: algorithm must be {' or '.join(ALGORITHMS)}")
    ancestors = table.texts("frame_ancestors")
    if not all(_is_origin(origin, loopback) for origin in ancestors):
        raise SmartSettingsError(f'{place}: frame_ancestors must be origins such as "https://ehr.example"')
    scopes = table.texts("scopes")
    if any(not scope.isascii() or not scope.isprintable() or set(scope) & set(' "\\') for scope in scopes):
        raise SmartSettingsError(f"{place}: scopes must be a list of single scopes")
    return EhrClient(
        iss=iss,
        client_id=table.text("client_id"),
        auth=auth,
        secret=_secret(table.folder / secret_file, place) if secret_file else None,
        algorithm=algorithm,
        requires_s256=not table.flag("allow_missing_s256", False),
        extra_scopes=scopes,
        frame_ancestors=ancestors,
        fhir_user_required=table.flag("fhir_user_required", False),
        name=table.text("name", ""),
    )


def _secret(path: Path, place: str) -> str:
    try:
        secret = read_private_file(path).decode().strip()
    except KeyFileError as error:
        raise SmartSettingsError(f"{place}: client_secret_file: {error}") from None
    except UnicodeDecodeError:
        secret = ""
    if not secret:
        raise SmartSettingsError(f"{place}: client_secret_file must hold the secret as text")
    return secret


def _is_origin(text: str, loopback: bool) -> bool:
    parts = urlsplit(text) if is_callable(text, loopback) else None
    return parts is not None and text == f"{parts.scheme}://{parts.netloc}" and not set(text) & set("*;,'\"")
