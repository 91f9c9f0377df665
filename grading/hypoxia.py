"""The hypoxia axis of CRS: the device and its flow decide; FiO2 is shown and never graded."""

from collections.abc import Sequence
from decimal import Decimal
from enum import Enum

from grading.assessment import CriterionMet, Gap
from grading.axis import Axis, gap, met
from grading.bedside_words import in_words
from grading.chart import Attributable, ChartGap, GapWhat, GapWhy, OxygenDevice, OxygenDeviceRow
from grading.evidence import Evidence, Oxygen
from grading.tables import Criterion, DeviceRow, DeviceRule, Tables

_DECISIVE = (GapWhy.UNMAPPED, GapWhy.AMBIGUOUS, GapWhy.NOT_RETRIEVED)


class Baselined(Enum):
    """How current support compares with what was charted before the infusion."""

    ABOVE = "above"
    UNCHANGED = "unchanged"
    UNKNOWN = "unknown"


def grade_hypoxia(evidence: Evidence, tables: Tables) -> Axis:
    """Find the level of respiratory support: 0, 2 (low flow), 3 (high flow or mask), 4 (positive pressure).

    Support unchanged from before the infusion, and what a clinician attributed elsewhere, count as 0 and are
    shown. Home oxygen above its baseline is graded by the current device and flow.
    """
    attribution = evidence.attribution_of(Attributable.HYPOXIA)
    if attribution is not None:
        cause = attribution.cause or "cause not stated"
        return Axis(
            notes=(f"Hypoxia attributed elsewhere by a clinician: {cause}",),
            gaps=(gap(GapWhat.OXYGEN, GapWhy.ATTRIBUTED_ELSEWHERE, cause),),
        )
    oxygen = evidence.oxygen
    if oxygen is None:
        axis = _no_device(evidence, tables)
    elif oxygen.device is not None:
        axis = _device(oxygen, oxygen.device, evidence, tables)
    else:
        axis = _flow_only(oxygen, evidence, tables)
    return _widened_by_unreadable(axis, evidence.chart_gaps, tables)


def describe_oxygen(oxygen: Oxygen) -> str:
    """Device and flow as a reader would say it."""
    parts = [in_words(oxygen.device.device) if oxygen.device else "oxygen, device not charted,"]
    if oxygen.flow is not None:
        parts.append(f"{oxygen.flow.litres_per_minute.normalize():f} L/min")
    return " ".join(parts)


def _device(oxygen: Oxygen, charted: OxygenDeviceRow, evidence: Evidence, tables: Tables) -> Axis:
    row = tables.devices[charted.device]
    if row.rule is DeviceRule.NONE:
        return _room_air(evidence, tables)
    compared = _against_baseline(oxygen, evidence.baseline.oxygen, row)
    if compared is Baselined.UNCHANGED:
        note = f"{describe_oxygen(oxygen)} is unchanged from before the infusion and does not count"
        return Axis(notes=(note,))
    axis = (
        _by_flow(row, oxygen, evidence, tables)
        if row.rule is DeviceRule.BY_FLOW
        else _by_device(row, oxygen, tables)
    )
    notes = list(axis.notes)
    if others := ", ".join(sorted({in_words(other.device) for other in oxygen.other_devices})):
        notes.append(f"Charted at the same time as {others}; the highest support counts")
    if not row.verified:
        notes.append(f"{in_words(charted.device)}: {row.reason} (our reading)")
    if compared is Baselined.UNKNOWN:
        notes.append("The same device was used before the infusion; without a flow it cannot be compared")
        flow = gap(
            GapWhat.OXYGEN_FLOW, GapWhy.NOT_CHARTED, "to compare with before the infusion", widens=True
        )
        return Axis(0, axis.highest, axis.criteria, tuple(notes), (*axis.gaps, flow), suspected=True)
    return Axis(axis.lowest, axis.highest, axis.criteria, tuple(notes), axis.gaps)


def _against_baseline(oxygen: Oxygen, baseline: Oxygen | None, row: DeviceRow) -> Baselined:
    """Compare with the same device before the infusion; a lower flow is no more than baseline.

    Where a flow is charted on one side alone the two cannot be compared; nor can a cannula, which is all
    flow, where it is charted on neither.
    """
    if baseline is None or baseline.device is None or oxygen.device is None:
        return Baselined.ABOVE
    if baseline.device.device is not oxygen.device.device:
        return Baselined.ABOVE
    if baseline.flow is None and oxygen.flow is None:
        return Baselined.UNKNOWN if row.rule is DeviceRule.BY_FLOW else Baselined.UNCHANGED
    if baseline.flow is None or oxygen.flow is None:
        return Baselined.UNKNOWN
    unchanged = oxygen.flow.litres_per_minute <= baseline.flow.litres_per_minute
    return Baselined.UNCHANGED if unchanged else Baselined.ABOVE


def _by_device(row: DeviceRow, oxygen: Oxygen, tables: Tables) -> Axis:
    """The level is the device's, whatever the flow."""
    criterion = tables.criteria[row.criterion or ""]
    gaps: tuple[Gap, ...] = ()
    if row.lowest != row.highest:
        gaps = (gap(GapWhat.OXYGEN, GapWhy.AMBIGUOUS, in_words(row.device), widens=True),)
    return Axis(row.lowest, row.highest, (_met(criterion, oxygen),), gaps=gaps)


def _by_flow(row: DeviceRow, oxygen: Oxygen, evidence: Evidence, tables: Tables) -> Axis:
    """Cannula: low flow up to and including the limit; a missing flow leaves the device's own range.

    A flow of 0 gives no oxygen and is read as room air, except on a high-flow cannula, which is not charted
    for nothing.
    """
    flow = oxygen.flow.litres_per_minute if oxygen.flow else None
    if flow == 0 and row.device is not OxygenDevice.HIGH_FLOW_NASAL_CANNULA:
        note = f"{in_words(row.device)} with a flow of 0 L/min gives no oxygen"
        axis = _room_air(evidence, tables)
        return Axis(axis.lowest, axis.highest, axis.criteria, (note,), axis.gaps)
    if row.device is OxygenDevice.HIGH_FLOW_NASAL_CANNULA:
        low = bool(flow) and _is_low_flow(flow, tables)
        return _level(
            "crs.hypoxia.infant-high-flow-cannula" if low else "crs.hypoxia.high-flow", oxygen, tables
        )
    if flow is None:
        missing = gap(GapWhat.OXYGEN_FLOW, GapWhy.NOT_CHARTED, in_words(row.device), widens=True)
        criterion = tables.criteria["crs.hypoxia.flow-unknown"]
        return Axis(row.lowest, row.highest, (_met(criterion, oxygen),), gaps=(missing,))
    if row.device is OxygenDevice.UNSPECIFIED_OXYGEN:
        return _flow_of_unknown_device(flow, GapWhy.AMBIGUOUS, oxygen, tables)
    name = "crs.hypoxia.low-flow" if _is_low_flow(flow, tables) else "crs.hypoxia.high-flow"
    return _level(name, oxygen, tables)


def _flow_only(oxygen: Oxygen, evidence: Evidence, tables: Tables) -> Axis:
    """A flow with no device, or with a device that contradicts it."""
    flow = _flow_of(oxygen)
    if flow == 0:
        return _no_device(evidence, tables)
    before = evidence.baseline.oxygen
    if before is not None and before.device is None and flow <= _flow_of(before):
        return Axis(notes=(f"{describe_oxygen(oxygen)} is unchanged from before the infusion",))
    why = GapWhy.AMBIGUOUS if oxygen.other_devices else GapWhy.NOT_CHARTED
    return _flow_of_unknown_device(flow, why, oxygen, tables)


def _flow_of(oxygen: Oxygen) -> Decimal:
    return oxygen.flow.litres_per_minute if oxygen.flow else Decimal(0)


def _flow_of_unknown_device(flow: Decimal, why: GapWhy, oxygen: Oxygen, tables: Tables) -> Axis:
    """Up to the limit it may be a cannula (low flow) or a mask; above it, it is high flow at least."""
    high = tables.criteria["crs.hypoxia.high-flow"]
    if not _is_low_flow(flow, tables):
        missing = gap(GapWhat.OXYGEN, why, "flow without a device")
        return Axis(high.level, high.level, (_met(high, oxygen),), gaps=(missing,))
    criterion = tables.criteria["crs.hypoxia.flow-unknown"]
    missing = gap(GapWhat.OXYGEN, why, "flow without a device", widens=True)
    return Axis(criterion.level, high.level, (_met(criterion, oxygen),), gaps=(missing,))


def _is_low_flow(flow: Decimal | None, tables: Tables) -> bool:
    return flow is not None and flow <= tables.limit("low-flow-l-per-min")


def _level(name: str, oxygen: Oxygen, tables: Tables) -> Axis:
    criterion = tables.criteria[name]
    return Axis(criterion.level, criterion.level, (_met(criterion, oxygen),))


def _met(criterion: Criterion, oxygen: Oxygen) -> CriterionMet:
    rows = [row for row in (oxygen.device, oxygen.flow) if row is not None]
    newest = max(rows, key=lambda row: row.at)
    return met(criterion, describe_oxygen(oxygen), newest.at, *(row.source for row in rows))


def _room_air(evidence: Evidence, tables: Tables) -> Axis:
    """Room air is no hypoxia, unless the saturation or a later FiO2 says otherwise."""
    found = _desaturation(evidence, tables) or _enriched_air(evidence, tables)
    return found or Axis(gaps=_saturation_not_charted(evidence))


def _saturation_not_charted(evidence: Evidence) -> tuple[Gap, ...]:
    """No saturation in its window; one that could not be read is told as that."""
    unreadable = any(item.what is GapWhat.SPO2 for item in evidence.chart_gaps)
    if evidence.saturation is not None or unreadable:
        return ()
    why = GapWhy.STALE if evidence.last_saturation_at is not None else GapWhy.NOT_CHARTED
    return (gap(GapWhat.SPO2, why),)


def _enriched_air(evidence: Evidence, tables: Tables) -> Axis | None:
    """An FiO2 above room air with no device that gives it: FiO2 grades nothing, but it is not "no oxygen"."""
    inspired = evidence.inspired_oxygen
    device = evidence.oxygen.device if evidence.oxygen else None
    if inspired is None or inspired.fraction <= tables.limit("room-air-fraction"):
        return None
    if device is not None and inspired.at <= device.at:
        return None
    criterion = tables.criteria["crs.hypoxia.flow-unknown"]
    text = f"FiO2 {inspired.fraction.normalize():f}, device not charted"
    missing = gap(
        GapWhat.OXYGEN,
        GapWhy.AMBIGUOUS if device else GapWhy.NOT_CHARTED,
        "FiO2 without a device",
        widens=True,
    )
    value = met(criterion, text, inspired.at, inspired.source)
    return Axis(criterion.level, _highest(tables), (value,), gaps=(missing,))


def _desaturation(evidence: Evidence, tables: Tables) -> Axis | None:
    """SpO2 below the limit with no oxygen charted: at least low flow is needed, the level is unknown."""
    saturation = evidence.saturation
    if saturation is None or saturation.percent >= tables.limit("desaturation-percent"):
        return None
    criterion = tables.criteria["crs.hypoxia.unsupported-desaturation"]
    value = met(
        criterion,
        f"SpO2 {saturation.percent.normalize():f} % with no oxygen charted",
        saturation.at,
        saturation.source,
    )
    needed = gap(GapWhat.OXYGEN, GapWhy.NOT_CHARTED, "support needed, none charted", widens=True)
    return Axis(criterion.level, _highest(tables), (value,), gaps=(needed,))


def _no_device(evidence: Evidence, tables: Tables) -> Axis:
    """Neither device nor flow in the window.

    A fresh normal saturation is read as no support when no support was ever charted since the infusion, as
    many wards do not chart room air; it is said all the same. Support charted earlier may still be on.
    """
    if unsupported := _desaturation(evidence, tables) or _enriched_air(evidence, tables):
        return unsupported
    last = evidence.last_oxygen
    why = GapWhy.STALE if last is not None and evidence.oxygen is None else GapWhy.NOT_CHARTED
    supported_before = last is not None and _supports(last, tables)
    unreadable = any(item.what is GapWhat.OXYGEN for item in evidence.chart_gaps)
    if evidence.saturation is not None and not supported_before:
        return Axis(gaps=() if unreadable else (gap(GapWhat.OXYGEN, why),))
    held = describe_oxygen(last) if last and supported_before else None
    gaps = [] if unreadable and held is None else [gap(GapWhat.OXYGEN, why, held, widens=True)]
    gaps += _saturation_not_charted(evidence)
    return Axis(0, _highest(tables), gaps=tuple(gaps), known=supported_before)


def _supports(oxygen: Oxygen, tables: Tables) -> bool:
    """Whether this is oxygen at all: not room air, and no flow of 0."""
    if oxygen.device is not None and tables.devices[oxygen.device.device].rule is DeviceRule.NONE:
        return False
    return oxygen.flow is None or oxygen.flow.litres_per_minute > 0


def _widened_by_unreadable(axis: Axis, chart_gaps: Sequence[ChartGap], tables: Tables) -> Axis:
    """An unmapped device, or oxygen that could not be retrieved, is never "no oxygen"."""
    unreadable = [
        item for item in chart_gaps if item.what in (GapWhat.OXYGEN, GapWhat.OXYGEN_FLOW, GapWhat.SPO2)
    ]
    decisive = [
        item
        for item in unreadable
        if (item.what is GapWhat.OXYGEN and item.why in _DECISIVE)
        or (item.what is GapWhat.SPO2 and item.why is GapWhy.UNMAPPED and not axis.criteria)
    ]
    gaps = [gap(item.what, item.why, item.detail, widens=item in decisive) for item in unreadable]
    if not decisive:
        return Axis(
            axis.lowest,
            axis.highest,
            axis.criteria,
            axis.notes,
            (*axis.gaps, *gaps),
            axis.suspected,
            axis.known,
        )
    return Axis(
        axis.lowest,
        _highest(tables),
        axis.criteria,
        axis.notes,
        (*axis.gaps, *gaps),
        suspected=True,
        known=axis.known,
    )


def _highest(tables: Tables) -> int:
    return tables.criteria["crs.hypoxia.positive-pressure"].level
