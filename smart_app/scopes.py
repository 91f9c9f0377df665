"""The scopes we ask for, made from the one list of what is read.

Least scopes, no wildcard, in SMART v2's order (``cruds``). ``.r`` is asked for what is read by its id alone,
``.rs`` for what is searched. Observations are also created and, for a slip of the finger, corrected.
"""

from fhir_maps.data_requirements import REQUIREMENTS, Kind
from smart_app.session import GrantedScopes, Verb

OBSERVATION = "Observation"
_IDENTITY = ("openid", "fhirUser", "online_access")
# Orders and administrations name a drug by reference; who assessed is shown by name.
_REFERRED_TO = ("patient/Medication.rs", "user/Practitioner.r")


def required_reads() -> dict[str, str]:
    """Resource types that the record is read from, and how: ``r``, or ``rs`` where they are searched."""
    verbs: dict[str, str] = {}
    for requirement in REQUIREMENTS:
        searched = requirement.kind is Kind.SEARCH or verbs.get(requirement.resource_type) == "rs"
        verbs[requirement.resource_type] = "rs" if searched else "r"
    return verbs


def requested_scopes(*, standalone: bool, extra: tuple[str, ...] = ()) -> str:
    """The ``scope`` of an authorization request: of a launch from the EHR, or standing alone."""
    launch = ("launch/patient", "launch/encounter") if standalone else ("launch",)
    reads = {**required_reads(), "Encounter": "r", OBSERVATION: "crus"}
    record = (f"patient/{kind}.{verbs}" for kind, verbs in reads.items())
    return " ".join(dict.fromkeys((*launch, *_IDENTITY, *record, *_REFERRED_TO, *extra)))


def can_work(scopes: GrantedScopes) -> bool:
    """Whether Observations may be read and searched: without them there is nothing to grade or show."""
    return scopes.allows(Verb.READ, OBSERVATION) and scopes.allows(Verb.SEARCH, OBSERVATION)


def not_granted(scopes: GrantedScopes) -> tuple[str, ...]:
    """Resource types that we read and that were not granted: what the pages must say they could not read."""
    return tuple(
        kind
        for kind, verbs in required_reads().items()
        if not all(scopes.allows(Verb(letter), kind) for letter in verbs)
    )
