"""FHIR search over resources in memory: tokens, references, dates with prefixes, and sorting.

Within one parameter a comma means *or*; a repeated parameter means *and*. A date stands for the whole
span of its precision, and is compared with the whole span of the element, as the standard says.
"""

import calendar
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from functools import lru_cache
from typing import Any

from ehr_sandbox.record import Resource


class SearchError(Exception):
    """A search that is not understood; the message holds names of parameters and no values."""


class ParameterKind(Enum):
    """Types of search parameters known here."""

    TOKEN = "token"  # noqa: S105 - the FHIR name of a search parameter type
    REFERENCE = "reference"
    DATE = "date"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A search parameter: its type, and the elements it looks at."""

    kind: ParameterKind
    elements: tuple[str, ...]
    target: str = "Patient"  # of a reference: the type that a bare id names


_ID = Parameter(ParameterKind.TOKEN, ("id",))
_SUBJECT = Parameter(ParameterKind.REFERENCE, ("subject",))
_CODE = Parameter(ParameterKind.TOKEN, ("code",))
_STATUS = Parameter(ParameterKind.TOKEN, ("status",))
_CATEGORY = Parameter(ParameterKind.TOKEN, ("category",))
_IDENTIFIER = Parameter(ParameterKind.TOKEN, ("identifier",))
_OF_PATIENT = {"_id": _ID, "patient": _SUBJECT, "subject": _SUBJECT, "identifier": _IDENTIFIER}
_OF_ENCOUNTER = {**_OF_PATIENT, "encounter": Parameter(ParameterKind.REFERENCE, ("encounter",), "Encounter")}
_INTENT = Parameter(ParameterKind.TOKEN, ("intent",))
_AUTHORED = Parameter(ParameterKind.DATE, ("authoredOn",))
_EFFECTIVE = Parameter(ParameterKind.DATE, ("effectiveDateTime", "effectivePeriod", "effectiveInstant"))
_DRUG = Parameter(ParameterKind.TOKEN, ("medicationCodeableConcept",))

SEARCH_PARAMETERS: dict[str, dict[str, Parameter]] = {
    "Patient": {"_id": _ID, "identifier": _IDENTIFIER},
    "Practitioner": {"_id": _ID, "identifier": _IDENTIFIER},
    "Encounter": {
        **_OF_PATIENT,
        "status": _STATUS,
        "class": Parameter(ParameterKind.TOKEN, ("class",)),
        "date": Parameter(ParameterKind.DATE, ("period",)),
    },
    "Observation": {
        **_OF_ENCOUNTER,
        "code": _CODE,
        "status": _STATUS,
        "category": _CATEGORY,
        "date": _EFFECTIVE,
    },
    "MedicationAdministration": {
        **_OF_PATIENT,
        "code": _DRUG,
        "status": _STATUS,
        "effective-time": _EFFECTIVE,
    },
    "MedicationRequest": {
        **_OF_ENCOUNTER,
        "code": _DRUG,
        "status": _STATUS,
        "intent": _INTENT,
        "authoredon": _AUTHORED,
    },
    "ServiceRequest": {
        **_OF_ENCOUNTER,
        "code": _CODE,
        "status": _STATUS,
        "intent": _INTENT,
        "authored": _AUTHORED,
    },
    "CommunicationRequest": {
        **_OF_ENCOUNTER,
        "category": _CATEGORY,
        "status": _STATUS,
        "authored": _AUTHORED,
    },
    "Procedure": {
        **_OF_PATIENT,
        "code": _CODE,
        "status": _STATUS,
        "date": Parameter(ParameterKind.DATE, ("performedDateTime", "performedPeriod")),
    },
    "Condition": {
        **_OF_PATIENT,
        "code": _CODE,
        "category": _CATEGORY,
        "clinical-status": Parameter(ParameterKind.TOKEN, ("clinicalStatus",)),
        "verification-status": Parameter(ParameterKind.TOKEN, ("verificationStatus",)),
        "onset-date": Parameter(ParameterKind.DATE, ("onsetDateTime",)),
    },
    "DiagnosticReport": {
        **_OF_PATIENT,
        "code": _CODE,
        "status": _STATUS,
        "category": _CATEGORY,
        "date": _EFFECTIVE,
    },
}

Span = tuple[datetime, datetime]
_BEGINNING, _END = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
_DATE_VALUE = re.compile(r"(eq|ne|lt|gt|ge|le|sa|eb)?(\d{4}.*)")
# In a search value a comma separates, a bar parts system and code, and a backslash takes that from them.
_ESCAPE = re.compile(r"\\([\\,|$])")
_SEPARATOR = re.compile(r"(?<!\\)((?:\\\\)*),")
_BAR = re.compile(r"(?<!\\)((?:\\\\)*)\|")
_PARTIAL = re.compile(r"(\d{4})(?:-(\d\d))?(?:-(\d\d))?")


def criterion(kind: str, name: str, value: str) -> Callable[[Resource], bool]:
    """Return the test of one parameter. Raises :class:`SearchError` for what is not understood."""
    parameter = SEARCH_PARAMETERS.get(kind, {}).get(name)
    if parameter is None:
        raise SearchError(f"search parameter {name[:64]!r} is not known for {kind}")
    wanted = _SEPARATOR.sub("\\1\0", value).split("\0")
    elements = parameter.elements
    match parameter.kind:
        case ParameterKind.DATE:
            dates = [_read_date(name, part) for part in wanted]
            return lambda resource: any(
                _compares(prefix, held, span)
                for held in _spans(resource, parameter)
                for prefix, span in dates
            )
        case ParameterKind.REFERENCE:
            references = {part if "/" in part else f"{parameter.target}/{part}" for part in wanted}
            return lambda resource: any(
                resource[element].get("reference") in references
                for element in elements
                if element in resource
            )
        case ParameterKind.TOKEN:
            tests = [_read_token(part) for part in wanted]
            return lambda resource: any(
                test(system, code)
                for element in elements
                for system, code in _tokens(resource.get(element))
                for test in tests
            )


def spans_of(kind: str, name: str, resource: Resource) -> list[Span]:
    """Return the spans of time that a date parameter looks at; none for another parameter. Raises
    :class:`ValueError` for a time that cannot be read.
    """
    parameter = SEARCH_PARAMETERS[kind][name]
    return list(_spans(resource, parameter)) if parameter.kind is ParameterKind.DATE else []


def sort_resources(resources: list[Resource], kind: str, order: str) -> list[Resource]:
    """Sort by date parameters or ``_id``, ``-`` first for newest first; undated resources come last."""
    for rule in reversed(order.split(",")):
        name = rule.removeprefix("-")
        parameter = SEARCH_PARAMETERS.get(kind, {}).get(name)
        if name == "_id":
            resources = sorted(
                resources, key=lambda resource: str(resource["id"]), reverse=rule.startswith("-")
            )
        elif parameter is not None and parameter.kind is ParameterKind.DATE:
            resources = _sorted_by_date(resources, parameter, newest_first=rule.startswith("-"))
        else:
            raise SearchError(f"cannot sort {kind} by {name[:64]!r}")
    return resources


def _sorted_by_date(resources: list[Resource], parameter: Parameter, *, newest_first: bool) -> list[Resource]:
    starts = [
        (min((low for low, _ in _spans(resource, parameter)), default=None), resource)
        for resource in resources
    ]
    dated = [(start, resource) for start, resource in starts if start is not None]
    dated.sort(key=lambda pair: pair[0], reverse=newest_first)
    return [resource for _, resource in dated] + [resource for start, resource in starts if start is None]


def _tokens(value: Any) -> Iterator[tuple[str | None, str]]:
    if isinstance(value, str):
        yield None, value
    elif isinstance(value, list):
        for item in value:
            yield from _tokens(item)
    elif isinstance(value, dict):
        # A CodeableConcept, else an Identifier or a Coding.
        for coding in value.get("coding", (value,)):
            code = coding.get("code", coding.get("value"))
            if isinstance(code, str):
                yield coding.get("system"), code


def _read_token(wanted: str) -> Callable[[str | None, str], bool]:
    system, *codes = (_ESCAPE.sub(r"\1", part) for part in _BAR.sub("\\1\0", wanted).split("\0"))
    if not codes:
        return lambda _, held: held == system
    code = "|".join(codes)
    # ``|code`` asks for a code without a system, ``system|`` for any code of the system.
    return lambda place, held: (place or "") == system and code in ("", held)


def _spans(resource: Resource, parameter: Parameter) -> Iterator[Span]:
    for element in parameter.elements:
        value = resource.get(element)
        if isinstance(value, str):
            yield date_span(value)
        elif isinstance(value, dict):
            low = date_span(value["start"])[0] if "start" in value else _BEGINNING
            yield low, date_span(value["end"])[1] if "end" in value else _END


@lru_cache(maxsize=1 << 16)  # a course is searched again and again, and its times stay the same
def date_span(text: str) -> Span:
    """Return the half-open span that a date of any precision stands for. Raises :class:`ValueError`."""
    try:
        return _span(text)
    except OverflowError:
        raise ValueError("a date at the end of time") from None


def _span(text: str) -> Span:
    if match := _PARTIAL.fullmatch(text):
        year, month, day = (int(part) if part else None for part in match.groups())
        low = datetime(year or 1, month or 1, day or 1, tzinfo=UTC)
        if day is not None:
            return low, low + timedelta(days=1)
        days = (
            calendar.monthrange(low.year, low.month)[1]
            if month is not None
            else 365 + calendar.isleap(low.year)
        )
        return low, low + timedelta(days=days)
    # An instant without an offset is read as UTC: the standard leaves it to the server.
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=UTC)
    seconds = re.search(r"T\d\d:\d\d:\d\d", text)
    return instant, instant + (timedelta(seconds=1) if seconds else timedelta(minutes=1))


def _read_date(name: str, wanted: str) -> tuple[str, Span]:
    match = _DATE_VALUE.fullmatch(wanted)
    try:
        if match is None:
            raise ValueError
        return match.group(1) or "eq", date_span(match.group(2))
    except ValueError as error:
        raise SearchError(f"{name} is not a date with one of the prefixes eq ne lt gt ge le sa eb") from error


def _compares(prefix: str, held: Span, wanted: Span) -> bool:
    (start, end), (low, high) = held, wanted
    match prefix:
        case "eq":
            return low <= start and end <= high
        case "ne":
            return not (low <= start and end <= high)
        case "lt":
            return start < low
        case "gt":
            return end > high
        case "le":
            return start < high
        case "ge":
            return end > low
        case "sa":
            return start >= high
        case _:
            return end <= low
