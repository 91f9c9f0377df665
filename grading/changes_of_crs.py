"""Instants at which fever, the circulation or the oxygen is another for the grade of CRS.

See :mod:`grading.change_points` for what is left out and why that changes nothing.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import zip_longest
from operator import attrgetter

from grading.chart import (
    Attributable,
    OxygenDevice,
    OxygenDeviceRow,
    OxygenFlowRow,
    OxygenSaturation,
    SystolicPressure,
)
from grading.chart_index import ChartIndex
from grading.sweeps import MOMENT, coverage_by_kind, coverage_changes, latest_changes
from grading.tables import AgentKind, DeviceRule

# Which support holds, as far as grading can tell two apart: device and flow, either of which may be unknown.
_Support = tuple[OxygenDevice | None, object] | None
_SUPPORTING = (AgentKind.COUNTED, AgentKind.VASOPRESSIN_LIKE)


def fever_changes(index: ChartIndex, start: datetime, end: datetime) -> Iterator[datetime]:
    """Whether any temperature is in its window, whether a fever is, and whether it need not be."""
    window, fever = index.tables.span("temperature"), index.tables.limit("fever-celsius")
    earliest = start - window
    readings = index.temperatures.between(max(earliest, index.series_start or earliest), end)
    yield from coverage_changes([row.at for row in readings], window)
    fevers = [row.at for row in readings if row.celsius >= fever]
    yield from coverage_changes(fevers, window)
    masking = index.first_masking
    if masking is not None and not (_is_covered(masking.at, fevers, window) and _counts_as_fever(index)):
        yield masking.at


def _is_covered(instant: datetime, times: list[datetime], window: timedelta) -> bool:
    place = bisect_right(times, instant)
    return place > 0 and instant - times[place - 1] <= window


def _counts_as_fever(index: ChartIndex) -> bool:
    """Whether nobody attributed fever elsewhere: then it matters not whether it need be there."""
    return Attributable.FEVER not in index.attributions


def circulation_changes(index: ChartIndex, start: datetime, end: datetime) -> Iterator[datetime]:
    """Vasopressors; and, while none runs, what tells of hypotension without one."""
    runs = [run for run in index.history.runs if run.start <= end and run.end >= start]
    supporting = [run for run in runs if index.tables.agents[run.agent].kind in _SUPPORTING]
    for run in runs:
        if run in supporting or index.tables.agents[run.agent].kind is AgentKind.PUSH_ONLY:
            yield run.start
            yield run.end
            if run.start == run.end:
                yield run.end + MOMENT
    for instant in _unsupported_changes(index, start, end):
        if not any(run.covers(instant) for run in supporting):
            yield instant


def _unsupported_changes(index: ChartIndex, start: datetime, end: datetime) -> Iterator[datetime]:
    window = index.tables.span("blood-pressure")
    pushes = [row.start for row in index.history.pushes if start - window <= row.start <= end]
    yield from coverage_changes(sorted(pushes), window)
    readings = index.systolic_pressures.between(start - window, end)
    side = _side_of_cuts(index, start, end)
    yield from (instant for instant, _ in latest_changes(readings, window, side))
    low = [(row.at, found) for row in readings if (found := side(row)) is not None]
    statements = index.hypotension_statements.between(start - window, end)
    yield from coverage_changes((row.at for row in statements), window)
    if statements:
        # A statement that there is none speaks for the readings before it alone.
        yield from (row.at for row in statements)
        yield from (instant for instant, _ in low)
    boluses = index.boluses.between(start - window, end)
    if low and boluses:
        yield from coverage_by_kind(low, window)
        for bolus in boluses:
            yield bolus.at
            yield bolus.at + window + MOMENT
        # A weight may make a bolus of what was too little without it.
        yield from (row.at for row in index.weights.between(start, end))


def _side_of_cuts(index: ChartIndex, start: datetime, end: datetime) -> Callable[[SystolicPressure], object]:
    """A key that is equal for two pressures only where they lie on the same side of every cut that may hold;
    ``None`` for one above all of them.
    """
    cuts = index.tables.pressure_cuts
    born = index.chart.patient.birth_date
    found = {cuts[-1].mmhg}
    if born is not None:
        for age in range(max(0, start.year - born.year - 2), max(0, end.year - born.year) + 2):
            cut = next((row for row in cuts if age <= row.to_years), cuts[-1])
            found.add(cut.mmhg + cut.per_year * Decimal(age))
    highest = max(found)
    sides = sorted(found)
    baseline = index.baseline.systolic
    if baseline is None:
        return lambda row: None if row.mmhg >= highest else bisect_right(sides, row.mmhg)
    well_below = baseline - index.tables.limit("below-baseline-mmhg")
    return lambda row: (
        None if row.mmhg >= highest else (bisect_right(sides, row.mmhg), row.mmhg <= well_below)
    )


def oxygen_changes(index: ChartIndex, start: datetime, end: datetime) -> Iterator[datetime]:
    """Device and flow; and, while no support holds, the saturation and the FiO2."""
    support = list(_support_changes(index, start, end))
    times = [instant for instant, _ in support]
    yield from times
    for instant in _unsupported_oxygen_changes(index, start, end):
        place = bisect_right(times, instant)
        if not place or not _supports(support[place - 1][1], index):
            yield instant


def _supports(support: _Support, index: ChartIndex) -> bool:
    """Whether this decides the axis without a look at saturation and FiO2."""
    if support is None:
        return False
    device, flow = support
    if device is not None and index.tables.devices[device].rule is DeviceRule.NONE:
        return False
    return flow != 0


def _unsupported_oxygen_changes(index: ChartIndex, start: datetime, end: datetime) -> Iterator[datetime]:
    tables = index.tables
    window, limit = tables.span("spo2"), tables.limit("desaturation-percent")
    saturations = index.saturations.between(start - window, end)

    def low(row: OxygenSaturation) -> bool:
        return row.percent < limit

    yield from (instant for instant, _ in latest_changes(saturations, window, low))
    window = tables.span("oxygen")
    inspired = index.inspired_oxygen.between(start - window, end)
    if any(row.fraction > tables.limit("room-air-fraction") for row in inspired):
        # It counts where it is newer than the device.
        yield from (row.at for row in inspired)
        yield from (row.at for row in index.devices.between(start, end))
        yield from (row.at + window + MOMENT for row in inspired)


def _support_changes(
    index: ChartIndex, start: datetime, end: datetime
) -> Iterator[tuple[datetime, _Support]]:
    """The instants at which device or flow is another, by the pairing of
    :func:`grading.chart_index.pair_oxygen`.
    """
    window, pairing = index.tables.span("oxygen"), index.tables.span("oxygen-pairing")
    devices = index.devices.between(start - window, end)
    flows = index.flows.between(start - window - pairing, end)
    rows: Sequence[OxygenDeviceRow | OxygenFlowRow] = devices
    if flows:
        rows = sorted((*devices, *flows), key=attrgetter("at"))
    device: OxygenDeviceRow | None = None
    flow: OxygenFlowRow | None = None
    current: _Support = None
    for row, upcoming in zip_longest(rows, rows[1:]):
        anew = False
        if isinstance(row, OxygenFlowRow):
            flow = row
        else:
            anew = flow is None and current is not None and current[0] is row.device
            device = row
        until = None if upcoming is None else upcoming.at
        if anew and until is not None and until - row.at <= window:
            # The same device again, without a flow, and the next row comes before it is out of its window.
            continue
        if until == row.at:
            continue
        ends = {each.at + window + MOMENT for each in (device, flow) if each is not None}
        for instant in (row.at, *sorted(moment for moment in ends if moment > row.at)):
            if until is not None and instant >= until:
                break
            found = _pair_at(instant, device, flow, index)
            if found != current:
                current = found
                yield instant, current


def _pair_at(
    instant: datetime, device: OxygenDeviceRow | None, flow: OxygenFlowRow | None, index: ChartIndex
) -> _Support:
    """What holds of the newest device and the newest flow."""
    window = index.tables.span("oxygen")
    if device is not None and instant - device.at <= window:
        if flow is None or flow.at < device.at - index.tables.span("oxygen-pairing"):
            return device.device, None
        litres = _litres(flow, index)
        if index.tables.devices[device.device].highest > 0:
            return device.device, litres
        return (None, litres) if flow.at >= device.at and litres != 0 else (device.device, None)
    if flow is not None and instant - flow.at <= window:
        return None, _litres(flow, index)
    return None


def _litres(flow: OxygenFlowRow, index: ChartIndex) -> object:
    """The flow as grading tells it: none, low or high; to the litre where there is one from before the
    infusion to compare it with.
    """
    litres, before = flow.litres_per_minute, index.baseline.oxygen
    if litres == 0:
        return 0
    if before is not None and (
        before.device is None or index.tables.devices[before.device.device].rule is not DeviceRule.NONE
    ):
        return litres
    return "low" if litres <= index.tables.limit("low-flow-l-per-min") else "high"
