"""From the chart notation of a story to FHIR resources, in the habits of one hospital."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta

from tests.builders import codes, events, medications, observations
from tests.builders.fhir import Resource
from tests.builders.medications import DrugCoding
from tests.builders.stories import AT, Json, Story, born, days_ago, hours_ago
from tests.builders.style import CartLayout, DeviceValue, IceLayout, InfusionLayout, OxygenLayout, Style

# Baseline values are charted the evening before the first infusion.
BASELINE_BEFORE_INFUSION = timedelta(hours=14)


def chart_resources(story: Story, style: Style) -> list[Resource]:
    """Every resource of the story, patient first, in the order a chart would fill."""
    chart = story.chart
    written: list[Resource] = [_patient(chart)]
    for part in (
        _cart_infusions,
        _weights,
        _baseline,
        _temperatures,
        _blood_pressures,
        _oxygen,
        _neurology,
        _laboratory,
        _infused_drugs,
        _single_drugs,
        _attributions,
        _conditions,
        _orders,
    ):
        written += part(chart, style)
    return list(_once(written))


def _once(resources: Iterable[Resource]) -> Iterator[Resource]:
    """A Medication that several administrations refer to is written once."""
    seen = set()
    for resource in resources:
        if resource["resourceType"] == "Medication":
            if resource["id"] in seen:
                continue
            seen.add(resource["id"])
        yield resource


def _patient(chart: Json) -> Resource:
    died = chart.get("deceased")
    return events.patient(born=born(chart["patient"]), died=hours_ago(died["hoursAgo"]) if died else None)


def _infusion_time(row: Json) -> datetime | None:
    if "hoursAgo" in row:
        return hours_ago(row["hoursAgo"])
    return days_ago(row["daysAgo"]) if "daysAgo" in row else None


def _cart_infusions(chart: Json, style: Style) -> list[Resource]:
    written = []
    for row in chart["infusions"]:
        at, product, status = _infusion_time(row), row.get("product"), row.get("status", "completed")
        plain_row = "code" not in row and product and status == "completed"
        if plain_row and at is not None and style.cart is CartLayout.ADMINISTRATION:
            written.append(events.cart_infusion_as_administration(product, at=at, status=status))
        else:
            code = (row["system"], row["code"]) if "code" in row else None
            own = bool(plain_row) and style.cart is CartLayout.OWN_CODE
            written.append(events.cart_infusion(product, at=at, status=status, code=code, own_code=own))
    return written


def _weights(chart: Json, style: Style) -> list[Resource]:
    patient = chart["patient"]
    stated = patient.get("weight") or (
        {"kg": patient["weightKg"], "daysAgo": 3} if "weightKg" in patient else None
    )
    if stated is None:
        return []
    return [
        observations.weight(row["kg"], at=days_ago(row["daysAgo"]), status=style.observation_status)
        for row in (stated, *patient.get("laterWeights", []))
    ]


def _baseline_time(chart: Json) -> datetime:
    """Before the first infusion on record (of the last 60 days, as all in the stories are)."""
    times = [time for row in chart["infusions"] if (time := _infusion_time(row)) is not None]
    return min(times, default=days_ago(3)) - BASELINE_BEFORE_INFUSION


def _baseline(chart: Json, style: Style) -> list[Resource]:
    baseline = chart.get("baseline", {})
    at = _baseline_time(chart)
    written = []
    if "systolic" in baseline:
        written.append(_blood_pressure(baseline["systolic"], at, style))
    if "oxygen" in baseline:
        written += _oxygen_rows([baseline["oxygen"] | {"at": at}], [], style)
    if "ice" in baseline:
        written.append(observations.baseline_ice(baseline["ice"], at=at))
    if "earlierIceTotal" in baseline:
        written += _ice(_items_of(baseline["earlierIceTotal"]), baseline["earlierIceTotal"], at, style)
    return written


def _temperatures(chart: Json, style: Style) -> list[Resource]:
    written = []
    for row in chart.get("temperatures", []):
        value, unit = row["value"], row["unit"]
        # A value typed under the wrong unit is the point of its story and stays as it is.
        if style.fahrenheit and unit == "Cel" and value < 45:
            value, unit = round(value * 9 / 5 + 32, 2), "[degF]"
        written.append(
            observations.temperature(
                value,
                at=hours_ago(row["hoursAgo"]),
                unit=unit,
                site=row.get("site") or style.temperature_site,
                site_alone=style.temperature_site is not None,
                status=row.get("status", style.observation_status),
            )
        )
    return written


def _blood_pressure(systolic: float, at: datetime, style: Style, status: str | None = None) -> Resource:
    build: Callable[..., Resource] = (
        observations.systolic if style.systolic_alone else observations.blood_pressure
    )
    return build(systolic, at=at, status=status or style.observation_status)


def _blood_pressures(chart: Json, style: Style) -> list[Resource]:
    written = [
        _blood_pressure(row["systolic"], hours_ago(row["hoursAgo"]), style, row.get("status"))
        for row in chart.get("bloodPressure", [])
    ]
    if "hypotensionStatement" in chart:
        row = chart["hypotensionStatement"]
        written.append(observations.hypotension_statement(row["answer"], at=hours_ago(row["hoursAgo"])))
    return written


def _as_list(rows: Json | list[Json] | None) -> list[Json]:
    if rows is None:
        return []
    return rows if isinstance(rows, list) else [rows]


def _timed(row: Json) -> Json:
    return row | {"at": hours_ago(row["hoursAgo"])}


def _oxygen(chart: Json, style: Style) -> list[Resource]:
    rows = _as_list(chart.get("oxygenHistory")) + _as_list(chart.get("oxygen"))
    return _oxygen_rows(
        [_timed(row) for row in rows], [_timed(row) for row in _as_list(chart.get("spo2"))], style
    )


def _oxygen_rows(oxygen: list[Json], saturations: list[Json], style: Style) -> list[Resource]:
    status = style.observation_status
    written: list[Resource] = []
    inside: set[int] = set()
    for saturation in saturations:
        parts: Json = {}
        if style.oxygen is OxygenLayout.COMPONENTS_OF_SPO2:
            same_time = [
                index
                for index, row in enumerate(oxygen)
                if row["at"] == saturation["at"]
                and not row.keys() & {"deviceText", "flowHoursAgo"}
                and index not in inside
            ]
            for index in same_time[:1]:
                row = oxygen[index]
                inside.add(index)
                parts = {
                    "device": row.get("device"),
                    "flow": row.get("flowLitresPerMinute"),
                    "inspired_fraction": row.get("fio2"),
                    "coded": style.device is DeviceValue.SNOMED,
                }
        written.append(
            observations.pulse_oximetry(saturation["percent"], at=saturation["at"], status=status, **parts)
        )
    for index, row in enumerate(oxygen):
        if index not in inside:
            written += _separate_oxygen(row, style)
    return written


def _separate_oxygen(row: Json, style: Style) -> list[Resource]:
    status, at, flow = style.observation_status, row["at"], row.get("flowLitresPerMinute")
    written: list[Resource] = []
    device: str | None = row.get("device")
    text: str | None = row.get("deviceText")
    in_flow_row = (
        style.oxygen is OxygenLayout.DEVICE_BESIDE_FLOW
        and flow is not None
        and device is not None
        and "flowHoursAgo" not in row
    )
    if (device or text) and not in_flow_row:
        if device and style.device is DeviceValue.STRING:
            text = codes.DEVICE_TEXT[device]
        written.append(
            observations.oxygen_device(
                device, at=at, text=text, coded=style.device is DeviceValue.SNOMED, status=status
            )
        )
    if flow is not None:
        flow_at = hours_ago(row["flowHoursAgo"]) if "flowHoursAgo" in row else at
        written.append(
            observations.oxygen_flow(
                flow,
                at=flow_at,
                device_text=codes.DEVICE_TEXT[device] if in_flow_row and device else None,
                status=status,
            )
        )
    if row.get("fio2") is not None:
        written.append(observations.fio2(row["fio2"], at=at, status=status))
    return written


def _items_of(total: int) -> Json:
    """Items that add up to a total, filled in the order of the form."""
    items = {}
    for name, (_, highest) in codes.ICE_ITEMS.items():
        items[name] = min(highest, total)
        total -= items[name]
    return items


def _ice(items: Json, total: int | None, at: datetime, style: Style) -> list[Resource]:
    if style.ice is IceLayout.ITEMS:
        return observations.ice_items(items, at=at, status=style.observation_status)
    if style.ice is IceLayout.COMPONENTS or total is None:
        return [observations.ice_with_components(items, at=at, status=style.observation_status)]
    return [observations.ice_total(total, at=at, status=style.observation_status)]


def _neurology(chart: Json, style: Style) -> list[Resource]:
    rows = _as_list(chart.get("earlierNeuro")) + _as_list(chart.get("neuro"))
    return [resource for row in rows for resource in _neurological_examination(row, style)]


def _neurological_examination(row: Json, style: Style) -> list[Resource]:
    at, status = hours_ago(row["hoursAgo"]), style.observation_status
    written: list[Resource] = []
    if "ice" in row:
        written += _ice(_items_of(row["ice"]), row["ice"], at, style)
    if "iceItems" in row:
        written += _ice(row["iceItems"], None, at, style)
    if "capd" in row:
        not_done = row["capd"] == "not-performed"
        written.append(observations.capd(None if not_done else row["capd"], at=at, status=status))
    answers: dict[str, Callable[..., Resource]] = {
        "consciousness": observations.consciousness,
        "seizure": observations.seizure,
        "motor": observations.motor,
        "raisedIcp": observations.raised_icp,
        "sedated": observations.sedated,
    }
    for key, build in answers.items():
        for answer in _answers(row.get(key)):
            written.append(build(answer, at=at, status=status))
    scores: dict[str, Callable[..., Resource]] = {
        "rass": observations.rass,
        "goalRass": observations.goal_rass,
        "gcsEye": observations.glasgow_coma_eye,
        "gcsVerbal": observations.glasgow_coma_verbal,
        "gcsTotal": observations.glasgow_coma_total,
    }
    return written + [build(row[key], at=at) for key, build in scores.items() if key in row]


def _answers(value: object) -> list[object]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _laboratory(chart: Json, style: Style) -> list[Resource]:
    written = []
    for row in _as_list(chart.get("labs")):
        for name, value in row.items():
            if name in ("hoursAgo", "ferritinBaseline"):
                continue
            written.append(
                observations.laboratory(
                    name,
                    value,
                    at=hours_ago(row["hoursAgo"]),
                    other_units=style.other_laboratory_units,
                    status=style.observation_status,
                )
            )
        if "ferritinBaseline" in row:
            written.append(
                observations.laboratory(
                    "ferritin",
                    row["ferritinBaseline"],
                    at=_baseline_time(chart),
                    other_units=style.other_laboratory_units,
                )
            )
    return written


def _infused_drugs(chart: Json, style: Style) -> list[Resource]:
    return [resource for row in chart.get("infusedDrugs", []) for resource in _infused_drug(row, style)]


def _infused_drug(row: Json, style: Style) -> list[Resource]:
    agent, unit, way = row["agent"], row.get("unit", "ug/kg/min"), style.drugs
    route = row.get("route", "intravenous" if _route_is_said(style) else None)
    if "segments" in row:
        return [
            resource
            for piece in row["segments"]
            for resource in medications.drug_run(
                agent,
                start=hours_ago(piece["fromMinutesAgo"] / 60),
                end=hours_ago(piece["toMinutesAgo"] / 60),
                rate=piece["rate"],
                unit=unit,
                status="completed",
                route=route,
                method=piece.get("method"),
                way=way,
            )
        ]
    start, status = hours_ago(row["startedHoursAgo"]), row["status"]
    rate: float = row["rate"]
    earlier_rate: float = row.get("earlierRate", rate)
    stopped = hours_ago(row["stoppedHoursAgo"]) if "stoppedHoursAgo" in row else None
    run: Json = {"unit": unit, "route": route, "way": way}
    layout = InfusionLayout.OPEN_PERIOD if row.get("asWritten") else style.infusions
    segmented = layout in (InfusionLayout.SEGMENTS, InfusionLayout.SEGMENTS_AND_BAGS)
    bags = (
        medications.bag_hung(agent, at=start + timedelta(minutes=1))
        if layout is InfusionLayout.SEGMENTS_AND_BAGS and status not in ("not-done", "entered-in-error")
        else []
    )
    if status == "in-progress" and rate > 0 and segmented:
        end = AT + timedelta(minutes=30)
        return bags + medications.rate_segments(agent, start=start, end=end, rate=rate, **run)
    if status == "in-progress" and rate > 0 and layout is InfusionLayout.CLOSED_PERIOD:
        end = AT + timedelta(hours=1)
        return medications.drug_run(agent, start=start, end=end, rate=rate, status="completed", **run)
    if status == "stopped" and stopped is not None and segmented:
        return [
            *bags,
            *medications.rate_segments(agent, start=start, end=stopped, rate=earlier_rate, **run),
            *medications.drug_run(
                agent,
                start=stopped,
                end=stopped + timedelta(minutes=10),
                rate=0,
                status="completed",
                **run,
            ),
        ]
    return bags + medications.drug_run(
        agent,
        start=start,
        end=stopped,
        rate=earlier_rate if stopped else rate,
        status=status,
        method=row.get("method"),
        **run,
    )


def _route_is_said(style: Style) -> bool:
    # A pump rate in mL/h says nothing of the vein, so a contained drip keeps its route.
    return style.routes_stated or style.drugs is DrugCoding.CONTAINED


def _single_drugs(chart: Json, style: Style) -> list[Resource]:
    way = style.drugs
    written: list[Resource] = []
    for row in chart.get("drugDoses", []):
        at = hours_ago(row["hoursAgo"])
        if row.get("bag"):
            written += medications.bag_hung(row["agent"], at=at)
            continue
        written += medications.drug_instant(
            row["agent"],
            at=at,
            dose=row.get("dose"),
            unit=row.get("unit", "mg"),
            route=row.get("route"),
            status=row.get("status", "completed"),
            method=row.get("method"),
            way=way,
        )
    for row in chart.get("fluidBoluses", []):
        written += medications.fluid_bolus(
            row["millilitres"], at=hours_ago(row["hoursAgo"]), way=_bolus_coding(way)
        )
    for row in chart.get("tocilizumab", []):
        written += medications.tocilizumab(
            row.get("mg", 576),
            at=hours_ago(row["hoursAgo"]),
            status=row["status"],
            route=row.get("route", "intravenous"),
            agent=row.get("agent", "tocilizumab"),
            way=way,
        )
    for row in chart.get("steroids", []):
        written += medications.steroid(
            row["agent"], row["mg"], at=hours_ago(row["hoursAgo"]), purpose=row.get("purpose"), way=way
        )
    for row in chart.get("antipyretics", []):
        written += medications.antipyretic(row["agent"], at=hours_ago(row["hoursAgo"]), way=way)
    return written


def _bolus_coding(way: DrugCoding) -> DrugCoding:
    # A bag of saline has no active ingredient beside a diluent, and no ATC or SNOMED CT code here.
    return DrugCoding.TEXT if way in (DrugCoding.TEXT, DrugCoding.LOCAL_WITH_TEXT) else DrugCoding.RXNORM


def _attributions(chart: Json, _style: Style) -> list[Resource]:
    written = []
    for row in chart.get("attributedElsewhere", []):
        statement = {"what": row["what"], "note": row["note"]}
        written.append(observations.attributed_elsewhere(at=hours_ago(row["hoursAgo"]), **statement))
        if "withdrawnHoursAgo" in row:
            written.append(
                observations.attributed_elsewhere(
                    at=hours_ago(row["withdrawnHoursAgo"]), status="entered-in-error", **statement
                )
            )
    return written


def _conditions(chart: Json, _style: Style) -> list[Resource]:
    return [
        events.condition(
            row["code"],
            row["text"],
            recorded=hours_ago(row.get("hoursAgo", 1)),
            verification=row.get("verification", "confirmed"),
        )
        for row in chart.get("conditions", [])
    ]


def _orders(chart: Json, style: Style) -> list[Resource]:
    return [
        resource
        for row in chart.get("orders", [])
        for resource in events.medication_request(
            row["agent"],
            authored=hours_ago(row["authoredHoursAgo"]),
            milligrams=row.get("mg"),
            status=row.get("status", "active"),
            way=style.drugs,
        )
    ]
