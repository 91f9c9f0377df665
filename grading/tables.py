"""Loading and checking of ``grading/tables/*.toml``: the consensus, the windows and the drugs and devices as
data.

No number of the consensus stands in code. The loader refuses a table that is incomplete (a level missing on
an axis, a row that grading names), unordered, uncited, or whose verified flag does not fit its tier; see
:class:`TableError`.
"""

import tomllib
from collections.abc import Iterable, Mapping
from functools import lru_cache
from importlib import resources
from typing import Any

from grading.table_reader import FINDINGS, LEVELS_OF_AXIS, TIERS, VERIFIABLE_TIERS, TableReader, required
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
    Tables,
    Window,
)

__all__ = [
    "FILES",
    "LEVELS_OF_AXIS",
    "TIERS",
    "VERIFIABLE_TIERS",
    "AgentKind",
    "AgentRow",
    "ArousalBand",
    "Criterion",
    "DeviceRow",
    "DeviceRule",
    "Limit",
    "PressureCut",
    "TableError",
    "Tables",
    "Window",
    "load_tables",
    "shipped_tables",
]

# Each file and the lists of rows it must hold.
FILES: Mapping[str, tuple[str, ...]] = {
    "citations": ("citation",),
    "windows": ("window",),
    "crs": ("criterion",),
    "icans": ("criterion", "arousal"),
    "limits": ("cut", "limit"),
    "vasoactive_agents": ("agent",),
    "oxygen_devices": ("device",),
}
# Rows that grading asks for by name; without one of them it would fail at the bedside and not at the start.
_NAMED_WINDOWS = frozenset(
    {
        "clock-skew",
        "monitoring",
        "series",
        "temperature",
        "blood-pressure",
        "oxygen",
        "oxygen-pairing",
        "spo2",
        "consciousness",
        "ice",
        "sedation",
        "seizure",
        "labs",
        "weight",
        "segment-join",
        "push",
        "open-infusion",
        "open-infusion-stale",
        "switch-overlap",
        "pending-order",
        "team-concern",
        "vasopressor-gap",
        "baseline",
        "baseline-ferritin",
        "trend",
    }
)
_NAMED_LIMITS = frozenset(
    {
        "fever-celsius",
        "low-flow-l-per-min",
        "below-baseline-mmhg",
        "desaturation-percent",
        "room-air-fraction",
        "bolus-millilitres",
        "child-bolus-ml-per-kg",
        "adult-years",
        "capd-under-years",
        "capd-delay-to-years",
        "ice-unimpaired",
    }
)
_NAMED_CRITERIA = frozenset(
    {
        "crs.fever.present",
        "crs.fever.waived",
        "crs.hypotension.no-vasopressor",
        "crs.hypotension.one-vasopressor",
        "crs.hypotension.vasopressin-only",
        "crs.hypotension.multiple-vasopressors",
        "crs.hypoxia.low-flow",
        "crs.hypoxia.infant-high-flow-cannula",
        "crs.hypoxia.flow-unknown",
        "crs.hypoxia.unsupported-desaturation",
        "crs.hypoxia.high-flow",
        "crs.hypoxia.positive-pressure",
        "crs.death",
        "icans.ice.0-2",
        "icans.ice.unarousable",
        "icans.consciousness.spontaneous",
        "icans.consciousness.voice",
        "icans.consciousness.unarousable",
        "icans.consciousness.scale",
        "icans.death",
    }
)


@lru_cache(maxsize=1)
def shipped_tables() -> Tables:
    """The tables of this distribution, loaded once."""
    folder = resources.files("grading").joinpath("tables")
    return load_tables({name: folder.joinpath(f"{name}.toml").read_text("utf-8") for name in FILES})


def load_tables(texts: Mapping[str, str]) -> Tables:
    """Load the tables from TOML texts by file name (without ending).

    Raises :class:`TableError` naming file, row and fault.
    """
    documents = {name: _parse(name, texts[name]) for name in FILES}
    citations = {
        required("citations.toml", row, "id"): required("citations.toml", row, "text")
        for row in documents["citations"]["citation"]
    }
    read = TableReader(citations)
    criteria = {
        **read.criteria("crs", documents["crs"]["criterion"]),
        **read.criteria("icans", documents["icans"]["criterion"]),
    }
    windows = read.windows(documents["windows"]["window"])
    limits = read.limits(documents["limits"]["limit"])
    _check_named("windows.toml", _NAMED_WINDOWS, windows)
    _check_named("limits.toml", _NAMED_LIMITS, limits)
    _check_axes(criteria.values())
    _check_named("crs.toml and icans.toml", _NAMED_CRITERIA, criteria)
    return Tables(
        citations=citations,
        windows=windows,
        criteria=criteria,
        agents=read.agents(documents["vasoactive_agents"]["agent"]),
        devices=read.devices(documents["oxygen_devices"]["device"], criteria),
        pressure_cuts=read.pressure_cuts(documents["limits"]["cut"]),
        limits=limits,
        arousal_bands=read.arousal_bands(documents["icans"]["arousal"]),
        findings={
            (criterion.axis, criterion.finding): criterion
            for criterion in criteria.values()
            if criterion.finding is not None
        },
    )


def _parse(name: str, text: str) -> dict[str, list[dict[str, Any]]]:
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise TableError(f"{name}.toml: {error}") from error
    for kind in FILES[name]:
        if not document.get(kind):
            raise TableError(f"{name}.toml: no {kind}")
    return document


def _check_named(file: str, names: Iterable[str], rows: Mapping[str, object]) -> None:
    if missing := sorted(set(names) - set(rows)):
        raise TableError(f"{file}: {missing[0]} is missing")


def _check_axes(criteria: Iterable[Criterion]) -> None:
    """Every level of every axis, every finding, and no hole between the scores of a scale."""
    levels: dict[str, set[int]] = {}
    findings: dict[str, set[str]] = {}
    scores: dict[str, set[int]] = {"ice": set(), "capd": set()}
    for criterion in criteria:
        levels.setdefault(criterion.axis, set()).add(criterion.level)
        if criterion.finding is not None:
            findings.setdefault(criterion.axis, set()).add(criterion.finding)
        if criterion.lowest_score is not None and criterion.highest_score is not None:
            scores[criterion.axis].update(range(criterion.lowest_score, criterion.highest_score + 1))
    for axis, expected in LEVELS_OF_AXIS.items():
        if missing := expected - levels.get(axis, set()):
            raise TableError(f"axis {axis}: level {min(missing)} is missing")
    for axis, expected_findings in FINDINGS.items():
        if unnamed := expected_findings - findings.get(axis, set()):
            raise TableError(f"axis {axis}: finding {min(unnamed)!r} is missing")
    for axis, covered in scores.items():
        if holes := set(range(min(covered), max(covered))) - covered:
            raise TableError(f"axis {axis}: score {min(holes)} has no level")
