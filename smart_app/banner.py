"""Who the patient is, from the Patient resource: for people to compare with the person in the bed.

What the record does not say is ``None`` and shown as such. A birth date of which only the year or month is
known is no date: it is told as it stands.
"""

import re
import unicodedata
from collections.abc import Mapping
from datetime import date
from typing import Any

from smart_app.page_room import Banner

_LONGEST = 120
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_PARTIAL = re.compile(r"\d{4}(-\d{2})?")
_NAMES_IN_USE = ("official", "usual", None, "temp", "anonymous", "nickname")
_RECORD_NUMBER = "MR"


def banner_of(patient: Mapping[str, Any] | None) -> Banner:
    """The banner of a Patient (JSON as received, so anything may be in it); all unknown for ``None``."""
    patient = patient or {}
    born = _line(patient.get("birthDate"))
    day = born if born and _DAY.fullmatch(born) else None
    return Banner(
        name=_name(patient),
        birth_date=_date(day) if day else None,
        record_number=_record_number(patient),
        sex=_line(patient.get("gender")),
        born=born if born and _PARTIAL.fullmatch(born) else None,
    )


def age_in_years(born: date, today: date) -> int:
    """Completed years of age."""
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))


def _name(patient: Mapping[str, Any]) -> str | None:
    names = [name for name in _dicts(patient.get("name")) if _written(name)]
    for use in _NAMES_IN_USE:
        for name in names:
            if name.get("use") == use:
                return _written(name)
    return None


def _written(name: Mapping[str, Any]) -> str | None:
    given = name.get("given")
    parts = [_line(part) for part in [*(given if isinstance(given, list) else []), name.get("family")]]
    return _line(" ".join(part for part in parts if part)) or _line(name.get("text"))


def _record_number(patient: Mapping[str, Any]) -> str | None:
    """The identifier that is typed as a medical record number, else the first that is in use."""
    identifiers = [item for item in _dicts(patient.get("identifier")) if item.get("use") != "old"]
    typed = [item for item in identifiers if _is_record_number(item)]
    return next((value for item in [*typed, *identifiers] if (value := _line(item.get("value")))), None)


def _is_record_number(identifier: Mapping[str, Any]) -> bool:
    kind = identifier.get("type")
    codings = kind.get("coding") if isinstance(kind, dict) else None
    return any(coding.get("code") == _RECORD_NUMBER for coding in _dicts(codings))


def _dicts(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _line(value: object) -> str | None:
    """One line of text without control and direction characters, which could make it read as another."""
    if not isinstance(value, str):
        return None
    seen = "".join(" " if unicodedata.category(sign)[0] in "CZ" else sign for sign in value[: 4 * _LONGEST])
    line = " ".join(seen.split())
    return (line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…") or None


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
