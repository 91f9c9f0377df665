"""What a protocol is once loaded: rows, cuts, dose rules and guards, each with its source.

Loading and checking are in :mod:`management.protocol`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from management.protocol_faults import ProtocolError
from management.review import Guard, Strength
from management.vocabulary import Cut

__all__ = [
    "Advice",
    "CutRow",
    "DoseBand",
    "DoseRule",
    "GuardRow",
    "Protocol",
    "ProtocolError",
    "ProtocolRow",
    "Provenance",
    "Withholding",
]


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a row comes from: citation as printed, tier (A, B, C, GK, RULE) and whether its tier may be
    relied on; who compared it with its source and when, ``None`` until a person has.
    """

    citation: str
    tier: str
    verified: bool
    reviewed_by: str | None = None
    reviewed_on: date | None = None


@dataclass(frozen=True, slots=True)
class Advice:
    """One recommendation as a row writes it, for no patient yet. ``dose`` names a :class:`DoseRule`."""

    id: str
    strength: Strength
    title: str
    text: str
    provenance: Provenance
    dose: str | None = None
    urgent: bool = False


@dataclass(frozen=True, slots=True)
class Withholding:
    """A treatment that a row holds back for a named reason."""

    id: str
    because: Guard
    text: str


@dataclass(frozen=True, slots=True)
class ProtocolRow:
    """A row of a protocol: a named condition and what follows when it holds.

    ``lowers`` names drugs (or ``icu``) whose recommendations become "consider"; ``cautions`` names drugs that
    ``caution`` is printed with. ``resting_on`` is the id of a criterion: then only the advice of rows that
    would not have fired without it is lowered. ``note`` is a remark for the card that is no recommendation.
    ``products`` are the infusion's products that the row is for; none named: all, and an unknown one too.
    """

    id: str
    when: str
    wording: str
    provenance: Provenance
    gives: tuple[Advice, ...] = ()
    withholds: tuple[Withholding, ...] = ()
    lowers: tuple[str, ...] = ()
    resting_on: str | None = None
    cautions: tuple[str, ...] = ()
    caution: str | None = None
    note: str | None = None
    products: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CutRow:
    """A number that conditions compare with, in ``unit``."""

    cut: Cut
    value: Decimal
    unit: str
    wording: str
    provenance: Provenance


@dataclass(frozen=True, slots=True)
class DoseBand:
    """Amount per kilogram for weights strictly below ``below_kg`` (``None``: all heavier patients)."""

    below_kg: Decimal | None
    per_kg: Decimal


@dataclass(frozen=True, slots=True)
class DoseRule:
    """How a dose is computed from the weight, or the ``fixed`` dose of a source that names one for adults.

    ``unit`` is that of the dose (``mg``, ``mL``, ``mg/day``); ``most`` the cap in that unit, ``None``
    without one; ``interval`` the source's own words, ``None`` where it states none. ``text`` is the whole
    rule as printed where a dose cannot be computed.
    """

    id: str
    unit: str
    bands: tuple[DoseBand, ...]
    fixed: Decimal | None
    most: Decimal | None
    route: str | None
    interval: str | None
    text: str
    provenance: Provenance


@dataclass(frozen=True, slots=True)
class GuardRow:
    """A guard rail with its number (hours, days or doses), ``None`` where it has none."""

    guard: Guard
    value: Decimal | None
    unit: str | None
    wording: str
    provenance: Provenance


@dataclass(frozen=True, slots=True)
class Protocol:
    """A checked protocol. ``review_date`` is ``None`` until a clinician has signed it off.

    ``limits`` are the numbers of the guards that have one. ``extends`` names the shipped protocol it starts
    from, if any. ``citations`` are the sources in full by the short names that rows print.
    """

    name: str
    title: str
    owner: str
    version: str
    review_date: str | None
    population: str
    grading_scale: str
    sources: tuple[str, ...]
    rows: tuple[ProtocolRow, ...]
    cuts: Mapping[Cut, CutRow]
    doses: Mapping[str, DoseRule]
    guards: Mapping[Guard, GuardRow]
    limits: Mapping[Guard, Decimal]
    extends: str | None = None
    citations: Mapping[str, str] = field(default_factory=dict)

    def limit(self, guard: Guard) -> Decimal:
        """The number of a guard that has one."""
        return self.limits[guard]
