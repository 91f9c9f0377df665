"""Loading and checking of ``grading/tables/*.toml``: the consensus, the windows and the drugs and devices as
data.

No number of the consensus stands in code. The loader refuses a table that is incomplete (a level missing on
an axis), unordered, uncited, or whose verified flag does not fit its tier; see :class:`TableError`.
"""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from importlib import resources
from typing import Any, TypeVar

from grading.chart import (
    ArousalScale,
    Consciousness,
    Motor,
    OxygenDevice,
    RaisedIcp,
    Seizure,
    VasoactiveAgent,
)

TIERS = ("A", "B", "C", "GK", "RULE")
VERIFIABLE_TIERS = ("A", "B")
FILES = ("citations", "windows", "crs", "icans", "limits", "vasoactive_agents", "oxygen_devices")

# Levels that each axis of the consensus must have, in order; a table without one of them is refused.
LEVELS_OF_AXIS: Mapping[str, frozenset[int]] = {
    "fever": frozenset({1}),
    "hypotension": frozenset({2, 3, 4}),
    "hypoxia": frozenset({2, 3, 4}),
    "ice": frozenset({1, 2, 3, 4}),
    "capd": frozenset({1, 3}),
    "consciousness": frozenset({1, 2, 3, 4}),
    "arousal-scale": frozenset({1}),
    "seizure": frozenset({3, 4}),
    "motor": frozenset({4}),
    "raised-icp": frozenset({3, 4}),
    "death": frozenset({5}),
}
# Findings that are deliberately no criterion: tremor and myoclonus are graded by CTCAE, never as ICANS.
_FINDINGS: Mapping[str, frozenset[str]] = {
    "consciousness": frozenset(level.value for level in Consciousness) - {Consciousness.ALERT.value},
    "seizure": frozenset(finding.value for finding in Seizure) - {Seizure.NONE.value},
    "motor": frozenset(finding.value for finding in Motor)
    - {Motor.NONE.value, Motor.TREMOR_OR_MYOCLONUS.value},
    "raised-icp": frozenset(finding.value for finding in RaisedIcp) - {RaisedIcp.NONE.value},
}


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
    """Everything grading reads, checked."""

    citations: Mapping[str, str]
    windows: Mapping[str, Window]
    criteria: Mapping[str, Criterion]
    agents: Mapping[VasoactiveAgent, AgentRow]
    devices: Mapping[OxygenDevice, DeviceRow]
    pressure_cuts: tuple[PressureCut, ...]
    limits: Mapping[str, Limit]
    arousal_bands: tuple[ArousalBand, ...]

    def span(self, window: str) -> timedelta:
        """Length of a window by id."""
        return self.windows[window].span

    def limit(self, limit: str) -> Decimal:
        """Value of a limit by id."""
        return self.limits[limit].value

    def axis(self, axis: str) -> tuple[Criterion, ...]:
        """Criteria of one axis in the order of the table."""
        return tuple(criterion for criterion in self.criteria.values() if criterion.axis == axis)

    def of_finding(self, axis: str, finding: str) -> Criterion | None:
        """The criterion of a charted finding, or ``None`` when it is none."""
        for criterion in self.criteria.values():
            if criterion.axis == axis and criterion.finding == finding:
                return criterion
        return None


@lru_cache(maxsize=1)
def shipped_tables() -> Tables:
    """The tables of this distribution, loaded once."""
    folder = resources.files("grading").joinpath("tables")
    return load_tables({name: folder.joinpath(f"{name}.toml").read_text("utf-8") for name in FILES})


def load_tables(texts: Mapping[str, str]) -> Tables:
    """Load the tables from TOML texts by file name (without ending).

    Raises :class:`TableError` naming file, row and fault.
    """
    documents: dict[str, dict[str, Any]] = {}
    for name in FILES:
        try:
            documents[name] = tomllib.loads(texts[name])
        except tomllib.TOMLDecodeError as error:
            raise TableError(f"{name}.toml: {error}") from error
    citations = {row["id"]: row["text"] for row in documents["citations"]["citation"]}
    read = _Reader(citations)
    criteria = {
        **read.criteria("crs", documents["crs"]["criterion"]),
        **read.criteria("icans", documents["icans"]["criterion"]),
    }
    _check_axes(criteria.values())
    return Tables(
        citations=citations,
        windows={row["id"]: read.window(row) for row in documents["windows"]["window"]},
        criteria=criteria,
        agents=read.agents(documents["vasoactive_agents"]["agent"]),
        devices=read.devices(documents["oxygen_devices"]["device"], criteria),
        pressure_cuts=read.pressure_cuts(documents["limits"]["cut"]),
        limits={row["id"]: read.limit(row) for row in documents["limits"]["limit"]},
        arousal_bands=read.arousal_bands(documents["icans"]["arousal"]),
    )


class _Reader:
    """Reads rows, checking what every cited row must have."""

    def __init__(self, citations: Mapping[str, str]) -> None:
        self._citations = citations

    def criteria(self, file: str, rows: Iterable[dict[str, Any]]) -> dict[str, Criterion]:
        found: dict[str, Criterion] = {}
        last: dict[str, int] = {}
        for row in rows:
            label = f"{file}.toml: {_required(file, row, 'id')}"
            axis, level = _required(label, row, "axis"), _required(label, row, "level")
            if axis not in LEVELS_OF_AXIS:
                raise TableError(f"{label}: unknown axis {axis!r}")
            if level not in LEVELS_OF_AXIS[axis]:
                raise TableError(f"{label}: level {level} does not exist on axis {axis}")
            if axis in last and level < last[axis]:
                raise TableError(f"{label}: level {level} stands after level {last[axis]}")
            if row["id"] in found:
                raise TableError(f"{label}: stands twice")
            last[axis] = level
            finding = row.get("finding")
            if finding is not None and finding not in _FINDINGS.get(axis, frozenset()):
                raise TableError(f"{label}: unknown finding {finding!r}")
            found[row["id"]] = Criterion(
                id=row["id"],
                axis=axis,
                level=level,
                wording=_required(label, row, "wording"),
                finding=finding,
                lowest_score=row.get("lowest_score"),
                highest_score=row.get("highest_score"),
                **self._provenance(label, row),
            )
        return found

    def window(self, row: dict[str, Any]) -> Window:
        label = f"windows.toml: {_required('windows.toml', row, 'id')}"
        minutes = _required(label, row, "minutes")
        if minutes <= 0:
            raise TableError(f"{label}: must be longer than nothing")
        return Window(
            id=row["id"],
            span=timedelta(minutes=minutes),
            reason=_required(label, row, "reason"),
            **self._provenance(label, row),
        )

    def agents(self, rows: Iterable[dict[str, Any]]) -> dict[VasoactiveAgent, AgentRow]:
        found = {}
        for row in rows:
            label = f"vasoactive_agents.toml: {_required('vasoactive_agents.toml', row, 'agent')}"
            agent = _member(label, VasoactiveAgent, row["agent"])
            found[agent] = AgentRow(
                agent=agent,
                kind=_member(label, AgentKind, _required(label, row, "kind")),
                bare_is_ambiguous=_required(label, row, "bare_is_ambiguous"),
                reason=_required(label, row, "reason"),
                **self._provenance(label, row),
            )
        _check_complete("vasoactive_agents.toml", VasoactiveAgent, found)
        return found

    def devices(
        self, rows: Iterable[dict[str, Any]], criteria: Mapping[str, Criterion]
    ) -> dict[OxygenDevice, DeviceRow]:
        found: dict[OxygenDevice, DeviceRow] = {}
        lowest_so_far = 0
        for rank, row in enumerate(rows):
            label = f"oxygen_devices.toml: {_required('oxygen_devices.toml', row, 'device')}"
            device = _member(label, OxygenDevice, row["device"])
            lowest, highest = _required(label, row, "lowest"), _required(label, row, "highest")
            if lowest > highest or lowest < lowest_so_far:
                raise TableError(f"{label}: levels must rise down the table")
            lowest_so_far = lowest
            criterion = row.get("criterion")
            if criterion is not None and criterion not in criteria:
                raise TableError(f"{label}: unknown criterion {criterion!r}")
            rule = _member(label, DeviceRule, _required(label, row, "rule"))
            if (rule is DeviceRule.FIXED) != (criterion is not None):
                raise TableError(f"{label}: a criterion is named exactly where the level is fixed")
            found[device] = DeviceRow(
                device=device,
                rule=rule,
                lowest=lowest,
                highest=highest,
                criterion=criterion,
                reason=_required(label, row, "reason"),
                rank=rank,
                **self._provenance(label, row),
            )
        _check_complete("oxygen_devices.toml", OxygenDevice, found)
        return found

    def pressure_cuts(self, rows: Iterable[dict[str, Any]]) -> tuple[PressureCut, ...]:
        cuts: list[PressureCut] = []
        for row in rows:
            label = f"limits.toml: {_required('limits.toml', row, 'id')}"
            expected = cuts[-1].to_years + 1 if cuts else 0
            if _required(label, row, "from_years") != expected:
                raise TableError(f"{label}: must begin at {expected} years")
            cuts.append(
                PressureCut(
                    id=row["id"],
                    from_years=row["from_years"],
                    to_years=_required(label, row, "to_years"),
                    mmhg=Decimal(_required(label, row, "mmhg")),
                    per_year=Decimal(_required(label, row, "per_year")),
                    **self._provenance(label, row),
                )
            )
        return tuple(cuts)

    def limit(self, row: dict[str, Any]) -> Limit:
        label = f"limits.toml: {_required('limits.toml', row, 'id')}"
        return Limit(
            id=row["id"],
            value=Decimal(_required(label, row, "value")),
            wording=_required(label, row, "wording"),
            **self._provenance(label, row),
        )

    def arousal_bands(self, rows: Iterable[dict[str, Any]]) -> tuple[ArousalBand, ...]:
        return tuple(
            ArousalBand(
                scale=_member("icans.toml: arousal", ArousalScale, row["scale"]),
                from_score=row["from_score"],
                to_score=row["to_score"],
                lowest=row["lowest"],
                highest=row["highest"],
            )
            for row in rows
        )

    def _provenance(self, label: str, row: dict[str, Any]) -> dict[str, Any]:
        """Check citation, tier and verified, and return them resolved."""
        ids = _required(label, row, "citation")
        for citation in [ids] if isinstance(ids, str) else ids:
            if citation not in self._citations:
                raise TableError(f"{label}: unknown citation {citation!r}")
        tier, verified = _required(label, row, "tier"), _required(label, row, "verified")
        if tier not in TIERS:
            raise TableError(f"{label}: unknown tier {tier!r}")
        if verified and tier not in VERIFIABLE_TIERS:
            raise TableError(f"{label}: tier {tier} cannot be verified")
        text = ids if isinstance(ids, str) else ", ".join(ids)
        return {"citation": text, "tier": tier, "verified": verified}


def _required(label: str, row: Mapping[str, Any], key: str) -> Any:
    if key not in row or row[key] in ("", []):
        raise TableError(f"{label}: {key} is missing")
    return row[key]


_Member = TypeVar("_Member", bound=Enum)


def _member(label: str, kind: type[_Member], value: str) -> _Member:
    try:
        return kind(value)
    except ValueError as error:
        raise TableError(f"{label}: unknown value {value!r}") from error


def _check_complete(file: str, kind: type[Enum], rows: Mapping[Any, object]) -> None:
    for member in kind:
        if member not in rows:
            raise TableError(f"{file}: {member.value} is missing")


def _check_axes(criteria: Iterable[Criterion]) -> None:
    levels: dict[str, set[int]] = {}
    findings: dict[str, set[str]] = {}
    for criterion in criteria:
        levels.setdefault(criterion.axis, set()).add(criterion.level)
        if criterion.finding is not None:
            findings.setdefault(criterion.axis, set()).add(criterion.finding)
    for axis, expected in LEVELS_OF_AXIS.items():
        if missing := expected - levels.get(axis, set()):
            raise TableError(f"axis {axis}: level {min(missing)} is missing")
    for axis, expected_findings in _FINDINGS.items():
        if unnamed := expected_findings - findings.get(axis, set()):
            raise TableError(f"axis {axis}: finding {min(unnamed)!r} is missing")
