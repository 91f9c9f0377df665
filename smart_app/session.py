"""One launch, one session: what a page may know of it. Tokens are not part of it.

A session belongs to a launch and never to a browser: its id stands in the path of every page, its secret in a
cookie of that name. The patient is the one of the launch and cannot be changed.
"""

import re
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

_V2_VERBS = re.compile(r"c?r?u?d?s?")
_V1_VERBS = {"read": "rs", "write": "cud", "*": "cruds"}


class Verb(Enum):
    """What a scope lets us do with a resource type."""

    CREATE = "c"
    READ = "r"
    UPDATE = "u"
    SEARCH = "s"


class View(Enum):
    """The page that a launch opens."""

    COURSE = "course"
    ICE = "ice"
    TREATMENTS = "treatments"


@dataclass(frozen=True, slots=True)
class GrantedScopes:
    """The scopes that the authorization server granted, of SMART v1 and v2."""

    text: str

    def allows(self, verb: Verb, resource_type: str) -> bool:
        """Whether the patient's resources of a type may be used so, as a whole or in part (``?category=``).

        ``patient/`` and ``user/`` both count; ``system/`` never does.
        """
        return any(
            verb.value in verbs and kind in ("*", resource_type)
            for level, kind, verbs in self._parts()
            if level in ("patient", "user")
        )

    def _parts(self) -> list[tuple[str, str, str]]:
        parts = []
        for scope in self.text.split():
            level, slash, rest = scope.partition("?")[0].partition("/")
            kind, dot, verbs = rest.rpartition(".")
            if not slash or not dot:
                continue
            if verbs in _V1_VERBS:
                parts.append((level, kind, _V1_VERBS[verbs]))
            elif verbs and _V2_VERBS.fullmatch(verbs):
                parts.append((level, kind, verbs))
        return parts


@dataclass(frozen=True, slots=True)
class SmartSession:
    """A launch that succeeded.

    ``iss`` is the FHIR base without a slash at its end. ``fhir_user`` is the reference of who is signed in
    (``Practitioner/7``, or an absolute URL where it lies on another server); ``None`` when the server told
    none. ``form_token`` is the token that every form of this session carries. ``opened_at`` is
    aware, by the clock that the record is read by. ``highlight`` is the Observation that the EHR asked to
    look at, ``Observation/id``. ``style`` is a stylesheet of custom properties with the EHR's own colours,
    empty where it has none.
    """

    sid: str
    iss: str
    patient_id: str = field(repr=False)
    encounter_id: str | None = field(repr=False)
    fhir_user: str | None = field(repr=False)
    scopes: GrantedScopes
    shows_banner: bool
    view: View
    form_token: str = field(repr=False)
    opened_at: datetime
    highlight: str | None = None
    style: str = ""

    @property
    def user_may_assess(self) -> bool:
        """Whether who is signed in is a clinician: only they may write into the chart."""
        reference = self.fhir_user or ""
        kind = reference.rstrip("/").rsplit("/", 2)[-2:-1]
        return kind in (["Practitioner"], ["PractitionerRole"])

    @property
    def can_save(self) -> bool:
        """Whether an Observation may be written in this session."""
        return self.user_may_assess and self.scopes.allows(Verb.CREATE, "Observation")

    @property
    def can_correct(self) -> bool:
        """Whether an Observation that was written may be corrected."""
        return self.can_save and self.scopes.allows(Verb.UPDATE, "Observation")
