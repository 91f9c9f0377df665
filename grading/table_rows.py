"""The rows of ``grading/tables/*.toml`` as types: criteria, windows, drugs, devices, cuts, limits and bands.

Reading and checking them is :mod:`grading.tables`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from enum import Enum

from grading.chart import ArousalScale, OxygenDevice, VasoactiveAgent


class TableError(Exception):
    """A table cannot be used; the message names the file, the row and the fault."""


@dataclass(frozen=True, slots=True)
class Criterion:
    """A row of the consensus (or a marked reading of ours)."""

    id: str
    axis: str
    level: int
    wording: str
    citation: str
    tier: str
    verified: bool
    finding: str | None = None
    lowest_score: int | None = None
    highest_score: int | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """A span of time with its reason."""

    id: str
    span: timedelta
    reason: str
    citation: str
    tier: str
    verified: bool


class AgentKind(Enum):
    """How a vasoactive drug counts."""

    COUNTED = "counted"
    VASOPRESSIN_LIKE = "vasopressin-like"
    PUSH_ONLY = "push-only"
    INOTROPE = "inotrope"
    ORAL = "oral"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class AgentRow:
    """Whether a drug counts as a vasopressor, and why."""

    agent: VasoactiveAgent
    kind: AgentKind
    bare_is_ambiguous: bool
    reason: str
    citation: str
    tier: str
    verified: bool


class DeviceRule(Enum):
    """How a device's level is found."""

    NONE = "none"
    FIXED = "fixed"
    BY_FLOW = "by-flow"


@dataclass(frozen=True, slots=True)
class DeviceRow:
    """The level of an oxygen device. ``rank`` is its place in the table: higher support later."""

    device: OxygenDevice
    rule: DeviceRule
    lowest: int
    highest: int
    criterion: str | None
    reason: str
    citation: str
    tier: str
    verified: bool
    rank: int


@dataclass(frozen=True, slots=True)
class PressureCut:
    """Systolic pressure below which hypotension is derived, for ages in completed years."""

    id: str
    from_years: int
    to_years: int
    mmhg: Decimal
    per_year: Decimal
    citation: str
    tier: str
    verified: bool


@dataclass(frozen=True, slots=True)
class Limit:
    """A single number with its wording and source."""

    id: str
    value: Decimal
    wording: str
    citation: str
    tier: str
    verified: bool


@dataclass(frozen=True, slots=True)
class ArousalBand:
    """ICANS level that a RASS or GCS-eye score stands in for."""

    scale: ArousalScale
    from_score: int
    to_score: int
    lowest: int
    highest: int


@dataclass(frozen=True, slots=True)
class Tables:
    """Everything grading reads, checked. ``findings`` are the criteria by axis and charted finding."""

    citations: Mapping[str, str]
    windows: Mapping[str, Window]
    criteria: Mapping[str, Criterion]
    agents: Mapping[VasoactiveAgent, AgentRow]
    devices: Mapping[OxygenDevice, DeviceRow]
    pressure_cuts: tuple[PressureCut, ...]
    limits: Mapping[str, Limit]
    arousal_bands: tuple[ArousalBand, ...]
    findings: Mapping[tuple[str, str], Criterion]
    # The criteria by axis: asked for at every instant that is graded.
    _axes: dict[str, tuple[Criterion, ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        axes: dict[str, tuple[Criterion, ...]] = {}
        for criterion in self.criteria.values():
            axes[criterion.axis] = (*axes.get(criterion.axis, ()), criterion)
        object.__setattr__(self, "_axes", axes)

    def span(self, window: str) -> timedelta:
        """Length of a window by id."""
        return self.windows[window].span

    def limit(self, limit: str) -> Decimal:
        """Value of a limit by id."""
        return self.limits[limit].value

    def axis(self, axis: str) -> tuple[Criterion, ...]:
        """Criteria of one axis in the order of the table."""
        return self._axes.get(axis, ())

    def of_finding(self, axis: str, finding: str) -> Criterion | None:
        """The criterion of a charted finding, or ``None`` when it is none."""
        return self.findings.get((axis, finding))

    def band_of(self, scale: ArousalScale, score: int) -> ArousalBand | None:
        """The band of a score on an arousal scale, or ``None`` when it lies outside the scale."""
        for band in self.arousal_bands:
            if band.scale is scale and band.from_score <= score <= band.to_score:
                return band
        return None
