"""Observations: vital signs, oxygen, neurology, laboratory, and a clinician's own statements.

Every builder takes the value first and ``at`` (an aware time) by name, and answers a plain dict, so that a
test may bend it further.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from tests.builders import codes
from tests.builders.fhir import Resource, coding, concept, data_absent, instant, quantity, subject


def observation(
    code: Resource,
    *,
    at: datetime,
    category: str | None = None,
    status: str = "final",
    **members: object,
) -> Resource:
    """An Observation of ``code`` with any further members given by their FHIR names."""
    found: Resource = {"resourceType": "Observation", "status": status}
    if category:
        found["category"] = [concept(coding(codes.OBSERVATION_CATEGORY, category))]
    return found | {"code": code, "subject": subject(), "effectiveDateTime": instant(at)} | members


def _vital(code: tuple[str, str], *, at: datetime, status: str = "final", **members: object) -> Resource:
    return observation(
        concept(coding(codes.LOINC, *code)), at=at, category="vital-signs", status=status, **members
    )


def _own(code: str, *, at: datetime, status: str = "final", **members: object) -> Resource:
    return observation(concept(coding(codes.OWN, code)), at=at, category="exam", status=status, **members)


def _own_answer(code: str, answer: str, *, at: datetime, status: str = "final") -> Resource:
    return _own(code, at=at, status=status, valueCodeableConcept=concept(coding(codes.OWN, answer)))


def temperature(
    value: float,
    *,
    at: datetime,
    unit: str = "Cel",
    site: str | None = None,
    site_alone: bool = False,
    status: str = "final",
) -> Resource:
    """A body temperature in ``Cel`` or ``[degF]``.

    ``site`` adds the code of that place beside 8310-5; with ``site_alone`` it stands without it.
    """
    codings = [coding(codes.LOINC, *codes.BODY_TEMPERATURE)]
    if site:
        codings = [coding(codes.LOINC, *codes.TEMPERATURE_SITES[site]), *([] if site_alone else codings)]
    return observation(
        concept(*codings),
        at=at,
        category="vital-signs",
        status=status,
        valueQuantity=quantity(value, unit),
    )


def blood_pressure(
    systolic_mmhg: float, *, at: datetime, diastolic_mmhg: float | None = None, status: str = "final"
) -> Resource:
    """A cuff reading as the panel with both components; the diastolic value defaults to three fifths."""
    lower = diastolic_mmhg if diastolic_mmhg is not None else round(systolic_mmhg * 0.6)
    return _vital(
        codes.BLOOD_PRESSURE_PANEL,
        at=at,
        status=status,
        component=[
            {"code": concept(coding(codes.LOINC, *code)), "valueQuantity": quantity(value, "mm[Hg]")}
            for code, value in ((codes.SYSTOLIC, systolic_mmhg), (codes.DIASTOLIC, lower))
        ],
    )


def systolic(value: float, *, at: datetime, status: str = "final") -> Resource:
    """A systolic pressure that stands alone."""
    return _vital(codes.SYSTOLIC, at=at, status=status, valueQuantity=quantity(value, "mm[Hg]"))


def weight(kilograms: float, *, at: datetime, status: str = "final") -> Resource:
    """A measured body weight."""
    return _vital(codes.BODY_WEIGHT, at=at, status=status, valueQuantity=quantity(kilograms, "kg"))


def _device_value(device: str | None, text: str | None, *, coded: bool) -> Resource:
    if text is not None:
        return {"valueString": text}
    if device is None:
        raise ValueError("a device row needs a device or a text")
    if coded:
        return {"valueCodeableConcept": concept(coding(codes.SNOMED, *codes.DEVICE_SNOMED[device]))}
    return {"valueCodeableConcept": concept(text=device)}


def oxygen_device(
    device: str | None = None,
    *,
    at: datetime,
    text: str | None = None,
    coded: bool = False,
    status: str = "final",
) -> Resource:
    """How oxygen is given: as a text concept, as a SNOMED CT coding, or (``text``) as a bare string."""
    return observation(
        concept(coding(codes.LOINC, *codes.OXYGEN_DEVICE)),
        at=at,
        category="exam",
        status=status,
        **_device_value(device, text, coded=coded),
    )


def oxygen_flow(
    litres_per_minute: float, *, at: datetime, device_text: str | None = None, status: str = "final"
) -> Resource:
    """A flow reading; ``device_text`` adds the device as a string component, as some generators do."""
    found = _vital(
        codes.OXYGEN_FLOW, at=at, status=status, valueQuantity=quantity(litres_per_minute, "L/min")
    )
    if device_text is not None:
        found["component"] = [
            {"code": concept(coding(codes.LOINC, *codes.OXYGEN_DEVICE)), "valueString": device_text}
        ]
    return found


def fio2(fraction: float, *, at: datetime, status: str = "final") -> Resource:
    """The inspired oxygen, given as a fraction and written as a percentage, the usual way."""
    return _vital(codes.FIO2, at=at, status=status, valueQuantity=quantity(round(fraction * 100, 1), "%"))


def pulse_oximetry(
    percent: float | None,
    *,
    at: datetime,
    flow: float | None = None,
    inspired_fraction: float | None = None,
    device: str | None = None,
    coded: bool = False,
    status: str = "final",
) -> Resource:
    """A saturation, with flow, FiO2 and device as its components where they are given."""
    components: list[Resource] = []
    if flow is not None:
        components.append(
            {
                "code": concept(coding(codes.LOINC, *codes.OXYGEN_FLOW)),
                "valueQuantity": quantity(flow, "L/min"),
            }
        )
    if inspired_fraction is not None:
        components.append(
            {
                "code": concept(coding(codes.LOINC, *codes.FIO2)),
                "valueQuantity": quantity(round(inspired_fraction * 100, 1), "%"),
            }
        )
    if device is not None:
        components.append(
            {"code": concept(coding(codes.LOINC, *codes.OXYGEN_DEVICE))}
            | _device_value(device, None, coded=coded)
        )
    value: Resource = (
        {"dataAbsentReason": data_absent("unknown")}
        if percent is None
        else {"valueQuantity": quantity(percent, "%")}
    )
    return observation(
        concept(coding(codes.LOINC, *codes.SPO2_PULSE_OXIMETRY), coding(codes.LOINC, *codes.SPO2_ARTERIAL)),
        at=at,
        category="vital-signs",
        status=status,
        **value,
        **({"component": components} if components else {}),
    )


def ice_total(total: int, *, at: datetime, status: str = "final") -> Resource:
    """An ICE score of which only the total was charted."""
    return _own("ice-total", at=at, status=status, valueInteger=total)


def _item_value(points: int | None) -> Resource:
    return {"dataAbsentReason": data_absent()} if points is None else {"valueInteger": points}


def ice_with_components(items: Mapping[str, int | None], *, at: datetime, status: str = "final") -> Resource:
    """An ICE score item by item inside one Observation; ``None`` is an item that was not done."""
    return _own(
        "ice-total",
        at=at,
        status=status,
        component=[
            {"code": concept(coding(codes.OWN, codes.ICE_ITEMS[item][0]))} | _item_value(points)
            for item, points in items.items()
        ],
    )


def ice_items(items: Mapping[str, int | None], *, at: datetime, status: str = "final") -> list[Resource]:
    """An ICE score as one Observation an item, all of the same time."""
    return [
        _own(codes.ICE_ITEMS[item][0], at=at, status=status, **_item_value(points))
        for item, points in items.items()
    ]


def baseline_ice(total: int, *, at: datetime) -> Resource:
    """The ICE score stated as the patient's own baseline."""
    return _own("baseline-ice", at=at, valueInteger=total)


def capd(total: int | None, *, at: datetime, status: str = "final") -> Resource:
    """A CAPD total; ``None`` is a CAPD that could not be performed."""
    value: Resource = (
        {"dataAbsentReason": data_absent("not-performed")} if total is None else {"valueInteger": total}
    )
    return _own("capd-total", at=at, status=status, **value)


def consciousness(level: str, *, at: datetime, status: str = "final") -> Resource:
    """The level of consciousness."""
    return _own_answer("consciousness", level, at=at, status=status)


def seizure(kind: str, *, at: datetime, status: str = "final") -> Resource:
    """Seizures, ``none`` included."""
    return _own_answer("seizure", kind, at=at, status=status)


def motor(finding: str, *, at: datetime, status: str = "final") -> Resource:
    """Motor findings, ``none`` included."""
    return _own_answer("motor", finding, at=at, status=status)


def raised_icp(finding: str, *, at: datetime, status: str = "final") -> Resource:
    """Signs of raised intracranial pressure or oedema, ``none`` included."""
    return _own_answer("raised-icp", finding, at=at, status=status)


def sedated(is_sedated: bool, *, at: datetime, status: str = "final") -> Resource:
    """Whether the patient is under sedatives."""
    return _own("sedated", at=at, status=status, valueBoolean=is_sedated)


def attributed_elsewhere(what: str, *, at: datetime, note: str, status: str = "final") -> Resource:
    """A clinician's statement that a sign has another cause; ``entered-in-error`` makes it a withdrawal."""
    found = _own_answer("attributed-elsewhere", what, at=at, status=status)
    return found | {"note": [{"text": note}]}


def hypotension_statement(answer: str, *, at: datetime) -> Resource:
    """A clinician's own statement on hypotension: ``none`` or ``present``."""
    return _own_answer("hypotension", answer, at=at)


def rass(score: int, *, at: datetime) -> Resource:
    """A Richmond Agitation-Sedation score."""
    return observation(concept(coding(codes.SNOMED, *codes.RASS)), at=at, category="exam", valueInteger=score)


def goal_rass(score: int, *, at: datetime) -> Resource:
    """A sedation target: not a finding, whatever its number."""
    return observation(
        concept(coding(codes.MIMIC_CHARTED, *codes.MIMIC_GOAL_RASS)),
        at=at,
        category="exam",
        valueInteger=score,
    )


def _glasgow(code: tuple[str, str], score: int, at: datetime) -> Resource:
    return observation(concept(coding(codes.LOINC, *code)), at=at, category="exam", valueInteger=score)


def glasgow_coma_eye(score: int, *, at: datetime) -> Resource:
    """GCS eye opening, 1 to 4."""
    return _glasgow(codes.GLASGOW_EYE, score, at)


def glasgow_coma_verbal(score: int, *, at: datetime) -> Resource:
    """GCS verbal response, 1 to 5; an intubated patient is charted 1 (or 0) whatever the mind does."""
    return _glasgow(codes.GLASGOW_VERBAL, score, at)


def glasgow_coma_total(score: int, *, at: datetime) -> Resource:
    """A GCS total alone."""
    return _glasgow(codes.GLASGOW_TOTAL, score, at)


def laboratory(
    name: str, value: float, *, at: datetime, other_units: bool = False, status: str = "final"
) -> Resource:
    """A laboratory value by the key of the chart notation, in its own or in its other usual unit."""
    row = codes.LABORATORY[name]
    members: Resource = {}
    if name.endswith("TimesUpperLimit"):
        members["referenceRange"] = [
            {"high": quantity(codes.UPPER_LIMIT_UNITS_PER_LITRE, row.unit)},
        ]
        value = value * codes.UPPER_LIMIT_UNITS_PER_LITRE
    unit = row.unit
    if other_units and row.other_unit is not None:
        value, unit = round(value * row.other_factor, 6), row.other_unit
    return observation(
        concept(coding(codes.LOINC, row.code, row.display)),
        at=at,
        category="laboratory",
        status=status,
        valueQuantity=quantity(value, unit),
        **members,
    )
