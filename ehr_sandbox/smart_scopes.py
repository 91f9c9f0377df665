"""SMART scopes of version 1 and 2: which are known, what they permit, and how granted ones are spelled.

``system/`` scopes are not known here, as nobody works without a user. A scope with a query (``?category=``)
is known as one that a server may grant, not as one to ask for: the door sees no content, so what is granted
so is enforced for the whole type.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from ehr_sandbox.smart_faults import ScopeSpelling

ONLINE, OFFLINE = "online_access", "offline_access"
PLAIN_SCOPES = ("openid", "fhirUser", "launch", "launch/patient", "launch/encounter", ONLINE, OFFLINE)
_OF_NO_PATIENT = (
    "CodeSystem Device Endpoint HealthcareService Library Location Medication Organization PlanDefinition"
    " Practitioner PractitionerRole Questionnaire StructureDefinition ValueSet"
)
_OF_PATIENTS = (
    "AdverseEvent AllergyIntolerance Appointment CarePlan CareTeam ClinicalImpression Communication"
    " Composition Condition Consent Coverage DetectedIssue DeviceUseStatement DiagnosticReport"
    " DocumentReference Encounter EpisodeOfCare FamilyMemberHistory Flag Goal ImagingStudy Immunization List"
    " Media MedicationAdministration MedicationDispense MedicationRequest MedicationStatement"
    " NutritionOrder Observation Patient Procedure Provenance QuestionnaireResponse RelatedPerson"
    " RequestGroup RiskAssessment ServiceRequest Specimen Task"
)
KNOWN_KINDS = frozenset(_OF_NO_PATIENT.split()) | frozenset(_OF_PATIENTS.split())
"""The resource types that a scope may name."""
# An order names its drug by reference: the drug may be read with the patient's scopes.
_READ_WITH_THE_PATIENT = frozenset({"Medication"})

_RESOURCE_SCOPE = re.compile(
    r"(?P<level>patient|user)/(?P<kind>\*|[A-Z][A-Za-z]+)\.(?P<verbs>[a-z]+|\*)(?:\?(?P<query>[^\s]+))?"
)
_V2_VERBS = re.compile(r"c?r?u?d?s?")
_V1_VERBS = {"read": "rs", "write": "cud", "*": "cruds"}
_ORDER = "cruds"
_VITAL_SIGNS = "category=http://terminology.hl7.org/CodeSystem/observation-category|vital-signs"


@dataclass(frozen=True, slots=True)
class ResourceScope:
    """``patient/Observation.rs``: a level, a type or ``*``, and verbs in the order ``cruds``."""

    level: str
    kind: str
    verbs: str
    query: str | None = None

    def __str__(self) -> str:
        tail = f"?{self.query}" if self.query else ""
        return f"{self.level}/{self.kind}.{self.verbs}{tail}"

    def permits(self, level: str, kind: str, verb: str) -> bool:
        """Whether it lets one do ``verb`` with a type at a level."""
        return self.level == level and self.kind in ("*", kind) and verb in self.verbs


def resource_scope(text: str) -> ResourceScope | None:
    """Read one scope of either version; ``None`` for anything that is none, or of a type not known here."""
    found = _RESOURCE_SCOPE.fullmatch(text)
    if found is None:
        return None
    verbs = _V1_VERBS.get(found["verbs"], found["verbs"])
    if not _V2_VERBS.fullmatch(verbs):
        return None
    if found["kind"] != "*" and found["kind"] not in KNOWN_KINDS:
        return None
    return ResourceScope(found["level"], found["kind"], verbs, found["query"])


def resource_scopes(scope: str) -> list[ResourceScope]:
    """All resource scopes of a text; others are left out."""
    return [one for text in scope.split() if (one := resource_scope(text)) is not None]


def unknown_scopes(scope: str) -> list[str]:
    """The scopes of a request that are not known, or may not be asked for."""
    return [
        text
        for text in scope.split()
        if text not in PLAIN_SCOPES and ((one := resource_scope(text)) is None or one.query is not None)
    ]


def covers(granted: str, asked: str) -> bool:
    """Whether everything that is asked for was granted, verb by verb."""
    plain, held = set(granted.split()), resource_scopes(granted)
    for text in asked.split():
        wanted = resource_scope(text)
        if wanted is None:
            if text not in plain:
                return False
        elif not all(
            any(one.permits(wanted.level, wanted.kind, verb) for one in held) for verb in wanted.verbs
        ):
            return False
    return True


def without(scope: str, withheld: str) -> str:
    """A scope less what is withheld, verb by verb."""
    left_out, refused = set(withheld.split()), resource_scopes(withheld)
    kept = []
    for text in scope.split():
        one = resource_scope(text)
        if one is None:
            if text not in left_out:
                kept.append(text)
            continue
        verbs = "".join(
            verb for verb in one.verbs if not any(no.permits(one.level, one.kind, verb) for no in refused)
        )
        if verbs:
            kept.append(str(ResourceScope(one.level, one.kind, verbs)))
    return " ".join(kept)


def spelled(scope: str, spelling: ScopeSpelling) -> str:
    """A scope as a server of that habit tells it; plain scopes come first."""
    plain = [text for text in scope.split() if resource_scope(text) is None]
    held = resource_scopes(scope)
    match spelling:
        case ScopeSpelling.V2:
            told = [str(one) for one in held]
        case ScopeSpelling.V1:
            told = [f"{one.level}/{one.kind}.{verb}" for one in held for verb in _v1_verbs(one.verbs)]
        case ScopeSpelling.SPLIT:
            told = [f"{one.level}/{one.kind}.{verb}" for one in held for verb in one.verbs]
        case ScopeSpelling.WILDCARD:
            told = [f"{level}/*.{verbs}" for level, verbs in _verbs_of_levels(held)]
        case ScopeSpelling.WITH_QUERY:
            told = [f"{one}?{_VITAL_SIGNS}" if one.kind == "Observation" else str(one) for one in held]
    return " ".join(dict.fromkeys([*plain, *told]))


def may(scope: str, verb: str, kind: str, patient_id: str | None, patients: Iterable[str]) -> bool:
    """Whether a token with that scope, for that patient, lets one touch those patients' resources.

    ``user/`` reaches everybody's record. ``patient/`` reaches one: an interaction that names no patient, or
    another, is not permitted by it.
    """
    held, touched = resource_scopes(scope), set(patients)
    if any(one.permits("user", kind, verb) for one in held):
        return True
    if not any(one.permits("patient", kind, verb) for one in held):
        return False
    if not touched:
        return kind in _READ_WITH_THE_PATIENT and verb in "rs"
    return patient_id is not None and touched == {patient_id}


def _v1_verbs(verbs: str) -> list[str]:
    return ["read"] * bool(set("rs") & set(verbs)) + ["write"] * bool(set("cud") & set(verbs))


def _verbs_of_levels(held: Iterable[ResourceScope]) -> list[tuple[str, str]]:
    verbs: dict[str, set[str]] = {}
    for one in held:
        verbs.setdefault(one.level, set()).update(one.verbs)
    return [(level, "".join(verb for verb in _ORDER if verb in found)) for level, found in verbs.items()]
