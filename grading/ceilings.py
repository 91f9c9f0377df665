"""How high a grade can have been at most: the worst that was ever charted, whenever that was.

A ceiling is cheap to find and spares the grading of instants that cannot raise a peak. It is an upper bound
on what can be proven, never a grade.
"""

from grading.chart_index import ChartIndex
from grading.tables import AgentKind, DeviceRule


def crs_ceiling(index: ChartIndex) -> int:
    """The highest lower bound of CRS that any instant of the chart can have, death aside."""
    tables = index.tables
    levels = [
        tables.criteria["crs.hypotension.no-vasopressor"].level,
        tables.criteria["crs.hypoxia.low-flow"].level,
        tables.criteria["crs.hypoxia.unsupported-desaturation"].level,
    ]
    agents = {run.agent: tables.agents[run.agent].kind for run in index.history.runs}
    kinds = list(agents.values())
    if kinds.count(AgentKind.COUNTED) > 1:
        levels.append(tables.criteria["crs.hypotension.multiple-vasopressors"].level)
    elif AgentKind.COUNTED in kinds or AgentKind.VASOPRESSIN_LIKE in kinds:
        levels.append(tables.criteria["crs.hypotension.one-vasopressor"].level)
    flows = [row.litres_per_minute for row in index.flows.rows]
    devices = [tables.devices[device] for device in {row.device for row in index.devices.rows}]
    if flows and max(flows) > tables.limit("low-flow-l-per-min"):
        levels.append(tables.criteria["crs.hypoxia.high-flow"].level)
    for device in devices:
        by_flow = device.rule is DeviceRule.BY_FLOW
        levels.append(device.highest if by_flow else device.lowest)
    return max(levels)


def icans_ceiling(index: ChartIndex) -> int:
    """The highest lower bound of ICANS that any instant of the chart can have, death aside."""
    tables = index.tables
    levels = [0]
    if scores := [row.maximum for row in index.ice.rows]:
        worst = min(scores)
        levels += [row.level for row in tables.axis("ice") if worst <= (row.highest_score or 0)]
    if index.capd.rows:
        levels += [row.level for row in tables.axis("capd")]
    levels += [
        index.level_of("consciousness", level)[0] for level in {row.level for row in index.consciousness.rows}
    ]
    levels += [index.levels_of_arousal(row)[0] for row in index.arousal.rows]
    for axis, column in (
        ("seizure", index.seizures),
        ("motor", index.motor),
        ("raised-icp", index.raised_icp),
    ):
        levels += [index.level_of(axis, finding)[0] for finding in {row.finding for row in column.rows}]
    return max(levels)
