"""The assessment as the JSON value that every graded answer carries, under one reverse-domain name.

Only strings, integers, floats, booleans, lists and objects; no null and nothing empty: a member without a
value is left out. Rounding happens here, after grading.
"""

from datetime import UTC, datetime
from decimal import ROUND_DOWN, Decimal

from grading.assessment import SyndromeGrade
from grading.chart import CartInfusion, OxygenDevice, VasoactiveAgent
from grading.evidence import Evidence
from management.review import LateEffects, Recommendation, Review

EXTENSION_NAME = "io.github.cart-toxicity-cds.assessment"

# The agents that the document names; vasopressin has a member of its own.
_NAMED_VASOPRESSORS = frozenset(
    {
        VasoactiveAgent.ANGIOTENSIN_II,
        VasoactiveAgent.DOPAMINE,
        VasoactiveAgent.EPINEPHRINE,
        VasoactiveAgent.NOREPINEPHRINE,
        VasoactiveAgent.PHENYLEPHRINE,
        VasoactiveAgent.TERLIPRESSIN,
    }
)

# The devices that the document names; any other is told as it was charted, under a member of its own.
_NAMED_DEVICES = frozenset(
    {
        OxygenDevice.ROOM_AIR,
        OxygenDevice.NASAL_CANNULA,
        OxygenDevice.BLOW_BY,
        OxygenDevice.SIMPLE_MASK,
        OxygenDevice.VENTURI_MASK,
        OxygenDevice.PARTIAL_REBREATHER,
        OxygenDevice.NON_REBREATHER,
        OxygenDevice.FACE_TENT,
        OxygenDevice.HIGH_FLOW_NASAL_CANNULA,
        OxygenDevice.CPAP,
        OxygenDevice.BIPAP,
        OxygenDevice.MECHANICAL_VENTILATION,
    }
)

JsonObject = dict[str, object]


def assessment_extension(review: Review) -> JsonObject:
    """The response-level extension: the document under its name."""
    return {EXTENSION_NAME: assessment_document(review)}


def late_effects_extension(late: LateEffects) -> JsonObject:
    """The same extension after the monitoring window: no grade of either syndrome, only what there is to tell
    late.
    """
    infusion = {"at": _instant(late.infusion_at), "day": late.day, "product": late.product}
    document = {
        "at": _instant(late.at),
        "infusion": _without_empty(infusion),
        "recommendations": [_recommendation(item) for item in late.recommendations],
        "protocol": late.protocol,
    }
    return {EXTENSION_NAME: document}


def assessment_document(review: Review) -> JsonObject:
    """The assessment, its inputs, gaps, recommendations and what was withheld, JSON-ready."""
    assessment, without = review.assessment, review.unattributed
    evidence = assessment.evidence
    return _without_empty(
        {
            "at": _instant(assessment.at),
            "infusion": _infusion(evidence.infusion, evidence.day),
            "crs": _syndrome(assessment.crs, None if without is None else without.crs),
            "icans": _syndrome(assessment.icans, None if without is None else without.icans),
            "inputs": _inputs(review),
            "gaps": [
                _without_empty({"what": gap.what.value, "why": gap.why.value, "detail": gap.detail})
                for gap in assessment.gaps
            ],
            "recommendations": [_recommendation(item) for item in review.recommendations],
            "withheld": [{"id": item.id, "because": item.because.value} for item in review.withheld],
            "protocol": review.protocol,
        }
    )


def _infusion(infusion: CartInfusion | None, day: int | None) -> JsonObject:
    if infusion is None:
        return {}
    at = None if infusion.at is None else _instant(infusion.at)
    return _without_empty({"at": at, "day": day, "product": infusion.product})


def _syndrome(syndrome: SyndromeGrade, without: SyndromeGrade | None) -> JsonObject:
    return _without_empty(
        {
            "status": syndrome.status.value,
            "grade": syndrome.grade,
            "range": [syndrome.lowest, syndrome.highest],
            "episodePeak": syndrome.episode_peak,
            "criteria": list(dict.fromkeys(criterion.id for criterion in syndrome.criteria)),
            "withoutAttribution": _without_attribution(syndrome, without),
        }
    )


def _without_attribution(syndrome: SyndromeGrade, without: SyndromeGrade | None) -> JsonObject:
    """The grade as if nothing were attributed elsewhere; nothing where it is the same."""
    if without is None or _grade_of(without) == _grade_of(syndrome):
        return {}
    return _without_empty({"range": [without.lowest, without.highest], "grade": without.grade})


def _grade_of(syndrome: SyndromeGrade) -> tuple[int | None, int, int]:
    return syndrome.grade, syndrome.lowest, syndrome.highest


def _inputs(review: Review) -> JsonObject:
    evidence = review.assessment.evidence
    running = {infusion.agent for infusion in evidence.running}
    peak, systolic, saturation = evidence.peak_temperature, evidence.systolic, evidence.saturation
    consciousness, capd, weight = evidence.consciousness, evidence.capd, evidence.weight
    return _without_empty(
        {
            "temperatureCelsius": None if peak is None else float(f"{peak.celsius:.2f}"),
            "systolicMmHg": None if systolic is None else _number(systolic.mmhg),
            "vasopressors": sorted(agent.value for agent in running & _NAMED_VASOPRESSORS),
            "vasopressin": True if VasoactiveAgent.VASOPRESSIN in running else None,
            "oxygen": _oxygen(evidence),
            "spo2Percent": None if saturation is None else _number(saturation.percent),
            "ice": _ice(evidence),
            "capd": None if capd is None else capd.total,
            "consciousness": None if consciousness is None else consciousness.level.value,
            "weightKilograms": None if weight is None else _number(weight.kilograms),
            "tocilizumabDoses": _tocilizumab(review),
            "attributions": [
                _without_empty({"what": stated.what.value, "cause": stated.cause, "at": _instant(stated.at)})
                for stated in evidence.attributions
            ],
        }
    )


def _oxygen(evidence: Evidence) -> JsonObject:
    oxygen, inspired = evidence.oxygen, evidence.inspired_oxygen
    device = None if oxygen is None else oxygen.device
    flow = None if oxygen is None else oxygen.flow
    named = device is not None and device.device in _NAMED_DEVICES
    return _without_empty(
        {
            "device": device.device.value if device is not None and named else None,
            "chartedDevice": device.device.value if device is not None and not named else None,
            "flowLitresPerMinute": None if flow is None else _number(flow.litres_per_minute),
            "fio2": None if inspired is None else _number(inspired.fraction),
        }
    )


def _ice(evidence: Evidence) -> int | JsonObject | None:
    ice = evidence.ice
    if ice is None or ice.minimum == ice.maximum:
        return None if ice is None else ice.minimum
    return {"min": ice.minimum, "max": ice.maximum}


def _tocilizumab(review: Review) -> JsonObject:
    """Doses counted. Left out when none is known and some may be on record; known ones are a lower bound."""
    count = review.tocilizumab
    if count.total == 0 and count.may_be_more:
        return {}
    hours = count.hours_since_last
    return _without_empty(
        {
            "last24h": count.last_24_h,
            "total": count.total,
            "hoursSinceLast": None if hours is None else float(hours.quantize(Decimal("0.01"), ROUND_DOWN)),
        }
    )


def _recommendation(recommendation: Recommendation) -> JsonObject:
    dose = recommendation.dose
    return _without_empty(
        {
            "id": recommendation.id,
            "strength": recommendation.strength.value,
            "dose": None
            if dose is None
            else {"value": _number(Decimal(f"{dose.value:.1f}")), "unit": dose.unit},
            "cite": recommendation.cite,
        }
    )


def _instant(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _number(value: Decimal) -> int | float:
    """A whole number as an integer, so that 2 L/min reads ``2``."""
    return int(value) if value == value.to_integral_value() else float(value)


def _without_empty(members: JsonObject) -> JsonObject:
    """The members that say something; 0 and false do."""
    return {name: value for name, value in members.items() if value is not None and value not in ("", [], {})}
