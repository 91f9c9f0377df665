"""Bars of what holds the patient up: vasoactive drugs by agent, and oxygen by device and flow.

The same readings as in grading: a drug runs in the union of its records, and a device belongs to the flow it
is paired with and is believed for its window. Nothing is carried on beyond it.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from grading.bedside_words import in_words
from grading.chart import VasoactiveAgent, VasoactiveRow
from grading.chart_index import ChartIndex, pair_oxygen
from grading.evidence import Oxygen
from grading.infusions import Run
from grading.table_rows import AgentKind
from management.lab_values import exact
from smart_app.timeline_lanes import Bar, BarLane, Stretch, Style
from smart_app.timeline_rows import Kind, Row
from smart_app.timeline_vitals import write_rate

_MOMENT = timedelta(microseconds=1)
_COUNTED = (AgentKind.COUNTED, AgentKind.VASOPRESSIN_LIKE)


def vasoactive_lanes(
    index: ChartIndex, rows: Iterable[Row], start: datetime, end: datetime, *, unread: bool
) -> tuple[BarLane, ...]:
    """One lane an agent that was given in the stretch; one empty lane where none was."""
    marks = {(row.what, row.at): row for row in rows}
    lanes = []
    for agent in VasoactiveAgent:
        name = in_words(agent).capitalize()
        own = {at: row for (what, at), row in marks.items() if what == name}
        bars = tuple(_agent_bars(index, agent, own, start, end))
        alone = tuple(row for row in own.values() if row.at >= start and not _lies_in(row.at, bars))
        if not bars and not alone:
            continue
        counts = index.tables.agents[agent].kind in _COUNTED
        lanes.append(BarLane(name if counts else f"{name} (not counted)", bars, marks=alone, unread=unread))
    return tuple(lanes) or (BarLane("Vasopressors", (), unread=unread),)


def _agent_bars(
    index: ChartIndex, agent: VasoactiveAgent, rows: dict[datetime, Row], start: datetime, end: datetime
) -> Iterator[Bar]:
    for run in index.history.runs:
        if run.agent is agent and run.end > run.start and run.start <= end and run.end > start:
            yield from _run_bars(run, rows, start, end)
    for span in index.history.overdue:
        if span.agent is agent and span.start < end and span.end > start:
            words = "no longer believed to run: nothing charted for 7 days"
            labels = ("may run still: not charted", "?")
            yield Bar(
                max(span.start, start),
                min(span.end, end),
                Style.UNCERTAIN,
                labels,
                words,
                rows.get(span.rows[0].start),
            )


def _run_bars(run: Run, rows: dict[datetime, Row], start: datetime, end: datetime) -> Iterator[Bar]:
    """One bar a rate: from a record to the next one of the run."""
    records = _changes_of_rate(run.rows)
    for place, record in enumerate(records):
        begun = max(record.start, start)
        until = min(records[place + 1].start if place + 1 < len(records) else run.end, end)
        if until <= begun:
            continue
        rate = write_rate(record)
        running = " (running)" if until == end else ""
        labels = (rate, rate.split(" ")[0]) if record.rate is not None else (rate, "?")
        yield Bar(begun, until, Style.RUNNING, labels, f"{rate}{running}", rows.get(record.start))


def _changes_of_rate(records: Iterable[VasoactiveRow]) -> list[VasoactiveRow]:
    """The records at which another rate began."""
    found: list[VasoactiveRow] = []
    for record in sorted(records, key=lambda each: each.start):
        if not found or (record.rate, record.rate_unit) != (found[-1].rate, found[-1].rate_unit):
            found.append(record)
    return found


def _lies_in(at: datetime, bars: Iterable[Bar]) -> bool:
    return any(bar.start <= at < bar.end for bar in bars)


def oxygen_lane(
    index: ChartIndex, rows: Iterable[Row], start: datetime, end: datetime, *, unread: bool
) -> BarLane:
    """Device and flow as they held, and the stretches in which neither is known."""
    by_time = {row.at: row for row in rows if row.kind in (Kind.OXYGEN_DEVICE, Kind.OXYGEN_FLOW)}
    bars: list[Bar] = []
    gaps: list[Stretch] = []
    held: list[tuple[datetime, Oxygen | None, str]] = []
    believed = index.tables.span("oxygen")
    for instant in _oxygen_changes(index, start, end):
        oxygen = pair_oxygen(index.devices, index.flows, instant - believed, instant, index.tables)
        words = _words_of(oxygen)
        if not held or held[-1][2] != words:
            held.append((instant, oxygen, words))
    for place, (begun, oxygen, words) in enumerate(held):
        until = held[place + 1][0] if place + 1 < len(held) else end
        if until <= begun:
            continue
        if oxygen is None:
            gaps.append(Stretch(begun, until))
        else:
            bars.append(_oxygen_bar(index, oxygen, words, begun, until, by_time))
    return BarLane("Oxygen", tuple(bars), tuple(gaps), empty="not charted", unread=unread)


def _oxygen_changes(index: ChartIndex, start: datetime, end: datetime) -> list[datetime]:
    """Every instant at which a device or a flow is charted or is believed no longer."""
    believed = index.tables.span("oxygen")
    found = {start}
    for column in (index.devices, index.flows):
        times = [row.at for row in column.between(start - believed, end)]
        found.update(at for at in times if at > start)
        for place, at in enumerate(times):
            ends = at + believed + _MOMENT
            following = times[place + 1] if place + 1 < len(times) else None
            if start < ends <= end and (following is None or following > ends):
                found.add(ends)
    return sorted(found)


def _oxygen_bar(
    index: ChartIndex,
    oxygen: Oxygen,
    words: str,
    start: datetime,
    end: datetime,
    rows: dict[datetime, Row],
) -> Bar:
    room_air = oxygen.device is not None and index.tables.devices[oxygen.device.device].highest == 0
    flow = "" if oxygen.flow is None else f"{exact(oxygen.flow.litres_per_minute)} L/min"
    charted = max(row.at for row in (oxygen.device, oxygen.flow) if row is not None)
    short = "air" if room_air else flow
    return Bar(
        start,
        end,
        Style.ROOM_AIR if room_air else Style.OXYGEN,
        tuple(label for label in (words, short) if label),
        words,
        rows.get(charted),
    )


def _words_of(oxygen: Oxygen | None) -> str:
    """Device and flow as a reader says them."""
    if oxygen is None:
        return ""
    device = "device not charted" if oxygen.device is None else in_words(oxygen.device.device)
    others = "".join(f" or {in_words(row.device)}" for row in oxygen.other_devices)
    flow = "" if oxygen.flow is None else f", {exact(oxygen.flow.litres_per_minute)} L/min"
    return f"{device}{others}{flow}"
