"""The one list of what is read from a patient's record.

Prefetch templates, search URLs and the scopes that retrieval looks for are all made from it. A template
uses only ``{{context.patientId}}``: date tokens are forbidden by CDS Hooks 2.0 and silently become "no
data" in real clients, so the time windows are applied by grading, and a template is bounded by ``_sort``
and ``_count`` alone.

The only read is the patient's own: a client that meets a 404 on a read gives up the whole call. Code lists
are written with raw bars and commas and never repeat a parameter; a list too long for one URL becomes
several keys.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from enum import Enum
from urllib.parse import quote

from fhir_maps.terminology import Terminology
from grading.chart import GapWhat
from grading.gaps import INPUTS_OF_ICANS

PATIENT_TOKEN = "{{context.patientId}}"  # noqa: S105 - a template token of CDS Hooks, not a secret
# Long URLs are answered with 414 or 400 by servers and proxies (2,048 is a common limit of a query string).
LONGEST_ENCODED_URL = 1500


class Kind(Enum):
    """How a requirement is asked: the instance read of the patient, or a type search."""

    READ = "read"
    SEARCH = "search"


class Role(Enum):
    """What hangs on a requirement: whether there is an infusion, what is observed, or the rest."""

    INFUSION = "infusion"
    OBSERVATION = "observation"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Requirement:
    """One query for one patient.

    ``feeds`` are the inputs that become a gap when the answer is not there. ``covered_by`` names a wider
    key whose complete answer holds everything this one asks for; a key for the infusion has none, as "no
    infusion on record" is concluded from its own keys alone. ``subject_words`` name the data to a reader of
    a card.
    """

    key: str
    resource_type: str
    kind: Kind
    role: Role
    subject_words: str
    feeds: frozenset[GapWhat] = frozenset()
    code_concepts: tuple[tuple[str, tuple[str, ...]], ...] = ()  # (group, concepts); ``lab:`` is a prefix
    paging: str = ""
    filters: str = ""
    covered_by: str | None = None
    codes: tuple[str, ...] = field(default=())

    @property
    def required(self) -> bool:
        """Whether the contract calls it required: the infusion, and observations."""
        return self.role is not Role.OTHER

    @property
    def template(self) -> str:
        """The prefetch template, relative to the FHIR base."""
        if self.kind is Kind.READ:
            return f"{self.resource_type}/{PATIENT_TOKEN}"
        query = f"{self.resource_type}?patient={PATIENT_TOKEN}{self.filters}"
        if self.codes:
            query += "&code=" + ",".join(self.codes)
        return query + self.paging

    def url_for(self, patient_id: str) -> str:
        """The same query for one patient, percent-encoded, relative to the FHIR base."""
        path, _, query = self.template.partition("?")
        patient = quote(patient_id, safe="")
        if not query:
            return path.replace(PATIENT_TOKEN, patient)
        pairs = (part.partition("=") for part in query.split("&"))
        return (
            path
            + "?"
            + "&".join(
                f"{name}={patient if value == PATIENT_TOKEN else quote(value, safe=',:/')}"
                for name, _, value in pairs
            )
        )


_INFUSION = frozenset({GapWhat.INFUSION})
_NEWEST = "&_sort=-date&_count={}"
_COUNTED_DRUGS = (
    "tocilizumab",
    "siltuximab",
    "anakinra",
    "dexamethasone",
    "methylprednisolone",
    "hydrocortisone",
    "prednisone",
    "prednisolone",
)
_ICE_CONCEPTS = (
    "ice-total",
    "ice-year",
    "ice-month",
    "ice-city",
    "ice-hospital",
    "ice-naming",
    "ice-command",
    "ice-writing",
    "ice-attention",
    "baseline-ice",
)
_NEUROLOGY_CONCEPTS = (
    # Arousal and the other findings of a bedside assessment stand as components under its total.
    "ice-total",
    "capd-total",
    "consciousness",
    "responsiveness",
    "rass",
    "gcs-eye",
    "seizure",
    "motor",
    "raised-icp",
    "sedated",
)


def _observations(
    key: str, words: str, feeds: Iterable[GapWhat], concepts: tuple[str, ...], count: int
) -> Requirement:
    return Requirement(
        key=key,
        resource_type="Observation",
        kind=Kind.SEARCH,
        role=Role.OBSERVATION,
        subject_words=words,
        feeds=frozenset(feeds),
        code_concepts=(("observation", concepts),),
        paging=_NEWEST.format(count),
    )


# A month of hourly vital signs is 720 rows, and the baseline lies before it: hence the large counts.
REQUIREMENTS: tuple[Requirement, ...] = (
    Requirement("patient", "Patient", Kind.READ, Role.OTHER, "patient", frozenset({GapWhat.AGE})),
    Requirement(
        "infusionProcedures",
        "Procedure",
        Kind.SEARCH,
        Role.INFUSION,
        "CAR-T infusion procedures",
        _INFUSION,
        code_concepts=(("cart_procedure", ()),),
        paging=_NEWEST.format(50),
    ),
    Requirement(
        "infusionProducts",
        "MedicationAdministration",
        Kind.SEARCH,
        Role.INFUSION,
        "CAR-T product administrations",
        _INFUSION,
        # The product is found by its own key, however many newer administrations there are.
        code_concepts=(("drug", ("cart:",)),),
        paging="&_count=50",
    ),
    _observations("temperature", "temperatures", {GapWhat.TEMPERATURE}, ("temperature",), 1000),
    _observations(
        "bloodPressure",
        "blood pressures and statements of hypotension",
        {GapWhat.BLOOD_PRESSURE},
        ("systolic", "blood-pressure-panel", "hypotension"),
        1000,
    ),
    _observations(
        "oxygen",
        "oxygen devices, flows and saturations",
        {GapWhat.OXYGEN, GapWhat.OXYGEN_FLOW, GapWhat.SPO2},
        ("saturation", "oxygen-flow", "oxygen-flow-additional", "inspired-oxygen", "oxygen-device"),
        1000,
    ),
    _observations("ice", "ICE scores", {GapWhat.ICE}, _ICE_CONCEPTS, 500),
    _observations(
        "neurology",
        "neurological findings",
        set(INPUTS_OF_ICANS) - {GapWhat.ICE},
        _NEUROLOGY_CONCEPTS,
        500,
    ),
    # Without the attributions a finding counts that a clinician explained otherwise: the grade may be too
    # high. Without the team's concern a criterion for intensive care may be missed.
    _observations(
        "attributions",
        "attributions to another cause and statements of concern",
        {GapWhat.CONDITIONS},
        ("attributed-elsewhere", "team-concern"),
        100,
    ),
    _observations("weight", "weights", {GapWhat.WEIGHT}, ("weight",), 20),
    _observations("labs", "laboratory values", {GapWhat.LABS}, ("lab:",), 1000),
    Requirement(
        "medicationAdministrations",
        "MedicationAdministration",
        Kind.SEARCH,
        Role.OTHER,
        "medication administrations",
        frozenset({GapWhat.VASOPRESSORS, GapWhat.TOCILIZUMAB, GapWhat.STEROIDS}),
        paging="&_sort=-effective-time&_count=1000",
    ),
    Requirement(
        "countedDrugs",
        "MedicationAdministration",
        Kind.SEARCH,
        Role.OTHER,
        "tocilizumab and steroid administrations",
        frozenset({GapWhat.TOCILIZUMAB, GapWhat.STEROIDS}),
        # Doses are counted over the whole episode; in intensive care they lie behind thousands of newer rows.
        code_concepts=(("drug", _COUNTED_DRUGS),),
        paging="&_sort=-effective-time&_count=200",
        covered_by="medicationAdministrations",
    ),
    Requirement(
        "procedures",
        "Procedure",
        Kind.SEARCH,
        Role.OTHER,
        "procedures",
        # Ventilation recorded as a procedure only adds to the charted devices; without it none is missing.
        paging=_NEWEST.format(500),
    ),
    Requirement(
        "conditions",
        "Condition",
        Kind.SEARCH,
        Role.OTHER,
        "conditions",
        frozenset({GapWhat.CONDITIONS}),
        paging="&_count=500",
    ),
    # Orders never count as given and reports are shown, never graded: without them no graded input is
    # missing.
    Requirement(
        "medicationRequests",
        "MedicationRequest",
        Kind.SEARCH,
        Role.OTHER,
        "active medication orders",
        filters="&status=active",
        paging="&_count=500",
    ),
    Requirement(
        "reports",
        "DiagnosticReport",
        Kind.SEARCH,
        Role.OTHER,
        "diagnostic reports",
        paging=_NEWEST.format(50),
    ),
)


def data_requirements(terminology: Terminology) -> tuple[Requirement, ...]:
    """Return the requirements with the codes of ``terminology`` (the shipped maps and the site's) written in.

    A coded requirement for which the maps hold no code is left out: without a code list it would ask for
    everything. One whose list is too long for a URL is split into ``key``, ``key2``, ``key3`` …
    """
    return tuple(part for requirement in REQUIREMENTS for part in _with_codes(requirement, terminology))


def _with_codes(requirement: Requirement, terminology: Terminology) -> Iterator[Requirement]:
    if not requirement.code_concepts:
        yield requirement
        return
    # A dict keeps the order of the maps and drops the repeats.
    codes = dict.fromkeys(
        f"{row.system}|{row.code}"
        for group, concepts in requirement.code_concepts
        for row in terminology.rows
        if row.group == group
        and row.code
        and not row.deliberately_unused
        and not set(row.code) & set(",|$\\ ")  # would need escaping that clients do not undo alike
        and _is_wanted(row.concept, concepts)
    )
    chunk: list[str] = []
    number = 1
    for code in codes:
        longer = replace(requirement, codes=(*chunk, code))
        if chunk and len(quote(longer.template)) > LONGEST_ENCODED_URL:
            yield _numbered(requirement, chunk, number)
            chunk, number = [], number + 1
        chunk.append(code)
    if chunk:
        yield _numbered(requirement, chunk, number)


def _numbered(requirement: Requirement, codes: list[str], number: int) -> Requirement:
    key = requirement.key if number == 1 else f"{requirement.key}{number}"
    return replace(requirement, key=key, codes=tuple(codes))


def _is_wanted(concept: str, wanted: tuple[str, ...]) -> bool:
    if not wanted:
        return True
    return any(concept.startswith(name) if name.endswith(":") else concept == name for name in wanted)
