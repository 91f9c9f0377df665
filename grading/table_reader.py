"""Reading one row of a table of grading, and refusing it with a reason."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from enum import Enum
from itertools import pairwise
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
from grading.table_rows import (
    AgentKind,
    AgentRow,
    ArousalBand,
    Criterion,
    DeviceRow,
    DeviceRule,
    Limit,
    PressureCut,
    TableError,
    Window,
)

TIERS = ("A", "B", "C", "GK", "RULE")
VERIFIABLE_TIERS = ("A", "B")

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
_SCORED_AXES = ("ice", "capd")
# Findings that are deliberately no criterion: tremor and myoclonus are graded by CTCAE, never as ICANS.
FINDINGS: Mapping[str, frozenset[str]] = {
    "consciousness": frozenset(level.value for level in Consciousness) - {Consciousness.ALERT.value},
    "seizure": frozenset(finding.value for finding in Seizure) - {Seizure.NONE.value},
    "motor": frozenset(finding.value for finding in Motor)
    - {Motor.NONE.value, Motor.TREMOR_OR_MYOCLONUS.value},
    "raised-icp": frozenset(finding.value for finding in RaisedIcp) - {RaisedIcp.NONE.value},
}

_Row = Mapping[str, Any]
_Member = TypeVar("_Member", bound=Enum)
_Kept = TypeVar("_Kept")
_Key = TypeVar("_Key")


class TableReader:
    """Reads rows, checking what every cited row must have."""

    def __init__(self, citations: Mapping[str, str]) -> None:
        self._citations = citations

    def criteria(self, file: str, rows: Iterable[_Row]) -> dict[str, Criterion]:
        """Criteria by id; within an axis the levels rise."""
        found: dict[str, Criterion] = {}
        last: dict[str, int] = {}
        for row in rows:
            label = f"{file}.toml: {required(file, row, 'id')}"
            axis, level = required(label, row, "axis"), _whole(label, row, "level")
            if axis not in LEVELS_OF_AXIS:
                raise TableError(f"{label}: unknown axis {axis!r}")
            if level not in LEVELS_OF_AXIS[axis]:
                raise TableError(f"{label}: level {level} does not exist on axis {axis}")
            if level < last.get(axis, level):
                raise TableError(f"{label}: level {level} stands after level {last[axis]}")
            last[axis] = level
            finding = row.get("finding")
            if finding is not None and finding not in FINDINGS.get(axis, frozenset()):
                raise TableError(f"{label}: unknown finding {finding!r}")
            scored = axis in _SCORED_AXES
            criterion = Criterion(
                id=row["id"],
                axis=axis,
                level=level,
                wording=required(label, row, "wording"),
                finding=finding,
                lowest_score=_whole(label, row, "lowest_score") if scored else None,
                highest_score=_whole(label, row, "highest_score") if scored else None,
                **self._provenance(label, row),
            )
            _keep(label, found, criterion.id, criterion)
        return found

    def windows(self, rows: Iterable[_Row]) -> dict[str, Window]:
        """Windows by id."""
        found: dict[str, Window] = {}
        for row in rows:
            label = f"windows.toml: {required('windows.toml', row, 'id')}"
            minutes = _whole(label, row, "minutes")
            if minutes <= 0:
                raise TableError(f"{label}: must be longer than nothing")
            window = Window(
                id=row["id"],
                span=timedelta(minutes=minutes),
                reason=required(label, row, "reason"),
                **self._provenance(label, row),
            )
            _keep(label, found, window.id, window)
        return found

    def agents(self, rows: Iterable[_Row]) -> dict[VasoactiveAgent, AgentRow]:
        """Drugs that act on the circulation, every one of them."""
        found: dict[VasoactiveAgent, AgentRow] = {}
        for row in rows:
            label = f"vasoactive_agents.toml: {required('vasoactive_agents.toml', row, 'agent')}"
            agent = AgentRow(
                agent=_member(label, VasoactiveAgent, row["agent"]),
                kind=_member(label, AgentKind, required(label, row, "kind")),
                bare_is_ambiguous=required(label, row, "bare_is_ambiguous"),
                reason=required(label, row, "reason"),
                **self._provenance(label, row),
            )
            _keep(label, found, agent.agent, agent)
        _check_complete("vasoactive_agents.toml", VasoactiveAgent, found)
        return found

    def devices(
        self, rows: Iterable[_Row], criteria: Mapping[str, Criterion]
    ) -> dict[OxygenDevice, DeviceRow]:
        """Oxygen devices, every one of them; the support rises down the table."""
        found: dict[OxygenDevice, DeviceRow] = {}
        lowest_so_far = 0
        for rank, row in enumerate(rows):
            label = f"oxygen_devices.toml: {required('oxygen_devices.toml', row, 'device')}"
            lowest, highest = _whole(label, row, "lowest"), _whole(label, row, "highest")
            if lowest > highest or lowest < lowest_so_far:
                raise TableError(f"{label}: levels must rise down the table")
            lowest_so_far = lowest
            criterion = row.get("criterion")
            if criterion is not None and criterion not in criteria:
                raise TableError(f"{label}: unknown criterion {criterion!r}")
            rule = _member(label, DeviceRule, required(label, row, "rule"))
            if (rule is DeviceRule.FIXED) != (criterion is not None):
                raise TableError(f"{label}: a criterion is named exactly where the level is fixed")
            device = DeviceRow(
                device=_member(label, OxygenDevice, row["device"]),
                rule=rule,
                lowest=lowest,
                highest=highest,
                criterion=criterion,
                reason=required(label, row, "reason"),
                rank=rank,
                **self._provenance(label, row),
            )
            _keep(label, found, device.device, device)
        _check_complete("oxygen_devices.toml", OxygenDevice, found)
        return found

    def pressure_cuts(self, rows: Iterable[_Row]) -> tuple[PressureCut, ...]:
        """Cuts by age, from birth on and without a hole."""
        cuts: list[PressureCut] = []
        for row in rows:
            label = f"limits.toml: {required('limits.toml', row, 'id')}"
            expected = cuts[-1].to_years + 1 if cuts else 0
            start, end = _whole(label, row, "from_years"), _whole(label, row, "to_years")
            if start != expected or end < start:
                raise TableError(f"{label}: must begin at {expected} years and not end before")
            cuts.append(
                PressureCut(
                    id=row["id"],
                    from_years=start,
                    to_years=end,
                    mmhg=_decimal(label, row, "mmhg"),
                    per_year=_decimal(label, row, "per_year"),
                    **self._provenance(label, row),
                )
            )
        return tuple(cuts)

    def limits(self, rows: Iterable[_Row]) -> dict[str, Limit]:
        """Single numbers by id."""
        found: dict[str, Limit] = {}
        for row in rows:
            label = f"limits.toml: {required('limits.toml', row, 'id')}"
            limit = Limit(
                id=row["id"],
                value=_decimal(label, row, "value"),
                wording=required(label, row, "wording"),
                **self._provenance(label, row),
            )
            _keep(label, found, limit.id, limit)
        return found

    def arousal_bands(self, rows: Iterable[_Row]) -> tuple[ArousalBand, ...]:
        """Bands of each arousal scale, without a hole or an overlap."""
        bands: list[ArousalBand] = []
        for row in rows:
            label = f"icans.toml: arousal {required('icans.toml: arousal', row, 'scale')}"
            band = ArousalBand(
                scale=_member(label, ArousalScale, row["scale"]),
                from_score=_whole(label, row, "from_score"),
                to_score=_whole(label, row, "to_score"),
                lowest=_whole(label, row, "lowest"),
                highest=_whole(label, row, "highest"),
            )
            if band.from_score > band.to_score or band.lowest > band.highest:
                raise TableError(f"{label}: score {band.from_score} or its level runs backwards")
            bands.append(band)
        for scale in ArousalScale:
            ordered = sorted(
                (band for band in bands if band.scale is scale), key=lambda band: band.from_score
            )
            if not ordered:
                raise TableError(f"icans.toml: arousal {scale.value} is missing")
            for lower, higher in pairwise(ordered):
                if higher.from_score != lower.to_score + 1:
                    raise TableError(
                        f"icans.toml: arousal {scale.value}: hole or overlap at {lower.to_score}"
                    )
        return tuple(bands)

    def _provenance(self, label: str, row: _Row) -> dict[str, Any]:
        """Check citation, tier and verified, and return them resolved."""
        ids = required(label, row, "citation")
        for citation in [ids] if isinstance(ids, str) else ids:
            if citation not in self._citations:
                raise TableError(f"{label}: unknown citation {citation!r}")
        tier, verified = required(label, row, "tier"), required(label, row, "verified")
        if tier not in TIERS:
            raise TableError(f"{label}: unknown tier {tier!r}")
        if verified and tier not in VERIFIABLE_TIERS:
            raise TableError(f"{label}: tier {tier} cannot be verified")
        text = ids if isinstance(ids, str) else ", ".join(ids)
        return {"citation": text, "tier": tier, "verified": verified}


def required(label: str, row: _Row, key: str) -> Any:
    """The value of a key that must be there and say something."""
    if key not in row or row[key] in ("", []):
        raise TableError(f"{label}: {key} is missing")
    return row[key]


def _whole(label: str, row: _Row, key: str) -> int:
    value = required(label, row, key)
    if not isinstance(value, int) or isinstance(value, bool):
        raise TableError(f"{label}: {key} is no whole number")
    return value


def _decimal(label: str, row: _Row, key: str) -> Decimal:
    try:
        return Decimal(str(required(label, row, key)))
    except InvalidOperation as error:
        raise TableError(f"{label}: {key} is no number") from error


def _member(label: str, kind: type[_Member], value: str) -> _Member:
    try:
        return kind(value)
    except ValueError as error:
        raise TableError(f"{label}: unknown value {value!r}") from error


def _keep(label: str, found: dict[_Key, _Kept], key: _Key, row: _Kept) -> None:
    if key in found:
        raise TableError(f"{label}: stands twice")
    found[key] = row


def _check_complete(file: str, kind: type[Enum], rows: Mapping[Any, object]) -> None:
    for member in kind:
        if member not in rows:
            raise TableError(f"{file}: {member.value} is missing")
