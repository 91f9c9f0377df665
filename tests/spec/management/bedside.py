"""Charts in words: ``"fever 38.8; systolic 84; bolus 500 2h"`` becomes the chart of one patient.

Each phrase is ``word value… [Nh]``; the last part says how many hours ago (1 h when left out). What no
phrase names is charted as normal for an adult of 58 years and 72 kg on day 3: 37.0 °C, 118 mmHg (120 before
the infusion), room air, 96 %, ICE 10, alert. ``no X`` removes one of these.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from grading.chart import (
    AdministrationStatus,
    ArousalScale,
    ArousalScore,
    Attributable,
    Attribution,
    BaselineIce,
    CapdScore,
    CartInfusion,
    Chart,
    ChartGap,
    Condition,
    Consciousness,
    ConsciousnessRow,
    DrugDose,
    FluidBolus,
    GapWhat,
    GapWhy,
    HypotensionStatement,
    IceScore,
    ImagingReport,
    ImmuneDrug,
    InspiredOxygenRow,
    Lab,
    LabValue,
    Motor,
    MotorRow,
    OxygenDevice,
    OxygenDeviceRow,
    OxygenFlowRow,
    OxygenSaturation,
    Patient,
    PendingOrder,
    RaisedIcp,
    RaisedIcpRow,
    SedationRow,
    Seizure,
    SeizureRow,
    Source,
    SystolicPressure,
    TeamConcern,
    Temperature,
    VasoactiveAgent,
    VasoactiveRow,
    Verification,
    Weight,
)

AT = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
CHARTED = Source("Observation/by-hand")
NORMAL = (
    "age 58; weight 72 72h; day 3; temperature 37.0; systolic 118; baseline-systolic 120; "
    "oxygen room-air; spo2 96; ice 10 2h; consciousness alert 2h"
)
_AGENTS = {agent.value for agent in VasoactiveAgent}
_DRUGS = {drug.value for drug in ImmuneDrug}
_LABS = {lab.value for lab in Lab}


def hours_ago(hours: float) -> datetime:
    """An instant before the time of grading."""
    return AT - timedelta(hours=hours)


def chart_of(phrases: str) -> Chart:
    """The chart that the phrases describe, beside what is normal."""
    own = [phrase.split() for phrase in phrases.split(";") if phrase.strip()]
    named = {words[1] if words[0] == "no" else _kind(words[0]) for words in own}
    normal = [phrase.split() for phrase in NORMAL.split(";")]
    words = [phrase for phrase in normal if _kind(phrase[0]) not in named]
    chart = Chart()
    for phrase in sorted(
        [*words, *(phrase for phrase in own if phrase[0] != "no")], key=lambda one: one[0] != "day"
    ):
        chart = _add(chart, phrase)
    return _sorted(chart)


def _kind(word: str) -> str:
    return "temperature" if word == "fever" else word


def _add(chart: Chart, words: list[str]) -> Chart:
    at = hours_ago(1)
    if (
        len(words) > 1
        and words[-1].endswith("h")
        and words[-1][:-1].replace(".", "").replace("-", "").isdigit()
    ):
        at, words = hours_ago(float(words[-1][:-1])), words[:-1]
    word, values = words[0], words[1:]
    if word in _AGENTS:
        return _vasoactive(chart, word, values, at)
    if word in _DRUGS:
        dose = DrugDose(ImmuneDrug(word), at, None, CHARTED, subcutaneous=values == ["subcutaneous"])
        return replace(chart, drug_doses=(*chart.drug_doses, dose))
    if word in _LABS:
        limit = Decimal(values[1].removeprefix("/")) if len(values) > 1 else None
        value = LabValue(Lab(word), at, Decimal(values[0]), CHARTED, limit)
        return replace(chart, labs=(*chart.labs, value))
    return _PHRASES[word.replace("fever", "temperature")](chart, values, at)


def _vasoactive(chart: Chart, agent: str, values: list[str], at: datetime) -> Chart:
    row = VasoactiveRow(
        agent=VasoactiveAgent(agent),
        start=at,
        end=AT if values == ["stopped"] else None,
        rate=Decimal("0.05"),
        rate_unit="ug/kg/min",
        has_dose=False,
        intravenous=True,
        status=AdministrationStatus.STOPPED if values == ["stopped"] else AdministrationStatus.IN_PROGRESS,
        source=CHARTED,
    )
    return replace(chart, vasoactives=(*chart.vasoactives, row))


def _age(chart: Chart, values: list[str], _at: datetime) -> Chart:
    birth = None if values == ["unknown"] else date(AT.year - int(values[0]), 1, 1)
    return replace(chart, patient=replace(chart.patient, birth_date=birth))


def _day(chart: Chart, values: list[str], _at: datetime) -> Chart:
    """``day 3``; ``day none`` is an infusion without a date, ``day unknown`` one that was not retrieved."""
    if values == ["unknown"]:
        gap = ChartGap(GapWhat.INFUSION, GapWhy.NOT_RETRIEVED)
        return replace(chart, gaps=(*chart.gaps, gap))
    at = None if values == ["none"] else AT - timedelta(days=float(values[0]))
    infusion = CartInfusion(at, "axicabtagene-ciloleucel", Source("Procedure/infusion"))
    return replace(chart, infusions=(*chart.infusions, infusion))


def _oxygen(chart: Chart, values: list[str], at: datetime) -> Chart:
    """``oxygen nasal-cannula 3``; ``oxygen flow 2`` is a flow without a device."""
    if values[0] != "flow":
        row = OxygenDeviceRow(at, OxygenDevice(values[0]), CHARTED)
        chart = replace(chart, oxygen_devices=(*chart.oxygen_devices, row))
    if len(values) > 1:
        flow = OxygenFlowRow(at, Decimal(values[1]), CHARTED)
        chart = replace(chart, oxygen_flows=(*chart.oxygen_flows, flow))
    return chart


def _ice(chart: Chart, values: list[str], at: datetime) -> Chart:
    """``ice 5``, or ``ice 5 9`` where items are missing."""
    score = IceScore(at, int(values[0]), int(values[-1]), CHARTED)
    return replace(chart, ice_scores=(*chart.ice_scores, score))


def _attributed(chart: Chart, values: list[str], at: datetime) -> Chart:
    row = Attribution(at, Attributable(values[0]), False, " ".join(values[1:]) or None, CHARTED)
    return replace(chart, attributions=(*chart.attributions, row))


def _condition(chart: Chart, values: list[str], at: datetime) -> Chart:
    """``condition infection``; ``condition crs resolved 48h``; ``condition infection since 48h``."""
    resolved = values[1:] == ["resolved"]
    since = at if values[1:] == ["since"] else None
    row = Condition(
        code=None,
        text=values[0].replace("-", " "),
        kind=values[0],
        grade=None,
        verification=Verification.CONFIRMED,
        at=since,
        resolved_at=at if resolved else None,
        source=CHARTED,
    )
    return replace(chart, conditions=(*chart.conditions, row))


def _order(chart: Chart, values: list[str], at: datetime) -> Chart:
    drug = VasoactiveAgent(values[0]) if values[0] in _AGENTS else ImmuneDrug(values[0])
    return replace(chart, pending_orders=(*chart.pending_orders, PendingOrder(drug, at, CHARTED)))


def _gap(chart: Chart, values: list[str], _at: datetime) -> Chart:
    return replace(chart, gaps=(*chart.gaps, ChartGap(GapWhat(values[0]), GapWhy(values[1]))))


def _arousal(scale: ArousalScale) -> Callable[[Chart, list[str], datetime], Chart]:
    def add(chart: Chart, values: list[str], at: datetime) -> Chart:
        score = ArousalScore(at, scale, int(values[0]), CHARTED)
        return replace(chart, arousal_scores=(*chart.arousal_scores, score))

    return add


def _capd(chart: Chart, values: list[str], at: datetime) -> Chart:
    total = None if values == ["not-performed"] else int(values[0])
    return replace(chart, capd_scores=(*chart.capd_scores, CapdScore(at, total, CHARTED)))


def _deceased(chart: Chart, _values: list[str], at: datetime) -> Chart:
    return replace(chart, patient=Patient(chart.patient.birth_date, True, at))


_PHRASES: dict[str, Callable[[Chart, list[str], datetime], Chart]] = {
    "age": _age,
    "day": _day,
    "weight": lambda chart, values, at: replace(
        chart, weights=(*chart.weights, Weight(at, Decimal(values[0]), CHARTED))
    ),
    "temperature": lambda chart, values, at: replace(
        chart, temperatures=(*chart.temperatures, Temperature(at, Decimal(values[0]), CHARTED))
    ),
    "systolic": lambda chart, values, at: replace(
        chart,
        systolic_pressures=(*chart.systolic_pressures, SystolicPressure(at, Decimal(values[0]), CHARTED)),
    ),
    "baseline-systolic": lambda chart, values, _at: _PHRASES["systolic"](chart, values, _before(chart)),
    "hypotension": lambda chart, values, at: replace(
        chart, hypotension_statements=(HypotensionStatement(at, values == ["present"], CHARTED),)
    ),
    "bolus": lambda chart, values, at: replace(
        chart, fluid_boluses=(*chart.fluid_boluses, FluidBolus(at, Decimal(values[0]), CHARTED))
    ),
    "oxygen": _oxygen,
    "baseline-oxygen": lambda chart, values, _at: _oxygen(chart, values, _before(chart)),
    "fio2": lambda chart, values, at: replace(
        chart, inspired_oxygen=(InspiredOxygenRow(at, Decimal(values[0]), CHARTED),)
    ),
    "spo2": lambda chart, values, at: replace(
        chart, saturations=(*chart.saturations, OxygenSaturation(at, Decimal(values[0]), CHARTED))
    ),
    "ice": _ice,
    "baseline-ice": lambda chart, values, _at: replace(
        chart, baseline_ice=(BaselineIce(_before(chart), int(values[0]), CHARTED),)
    ),
    "earlier-ice": lambda chart, values, _at: _ice(chart, values, _before(chart)),
    "capd": _capd,
    "rass": _arousal(ArousalScale.RASS),
    "gcs-eye": _arousal(ArousalScale.GCS_EYE),
    "consciousness": lambda chart, values, at: replace(
        chart, consciousness=(*chart.consciousness, ConsciousnessRow(at, Consciousness(values[0]), CHARTED))
    ),
    "seizure": lambda chart, values, at: replace(
        chart, seizures=(*chart.seizures, SeizureRow(at, Seizure(values[0]), CHARTED))
    ),
    "motor": lambda chart, values, at: replace(
        chart, motor=(*chart.motor, MotorRow(at, Motor(values[0]), CHARTED))
    ),
    "icp": lambda chart, values, at: replace(
        chart, raised_icp=(*chart.raised_icp, RaisedIcpRow(at, RaisedIcp(values[0]), CHARTED))
    ),
    "sedated": lambda chart, values, at: replace(
        chart, sedation=(*chart.sedation, SedationRow(at, values != ["no"], CHARTED))
    ),
    "concern": lambda chart, values, at: replace(
        chart, team_concerns=(*chart.team_concerns, TeamConcern(at, values == ["present"], CHARTED))
    ),
    "attributed": _attributed,
    "condition": _condition,
    "order": _order,
    "gap": _gap,
    "imaging": lambda chart, _values, at: replace(
        chart, imaging=(*chart.imaging, ImagingReport(at, "see report", CHARTED))
    ),
    "deceased": _deceased,
}


def _before(chart: Chart) -> datetime:
    """The day before the infusion."""
    first = chart.infusions[0].at if chart.infusions else None
    return (first or AT) - timedelta(hours=20)


def _sorted(chart: Chart) -> Chart:
    return replace(
        chart,
        temperatures=tuple(sorted(chart.temperatures, key=lambda row: row.at)),
        systolic_pressures=tuple(sorted(chart.systolic_pressures, key=lambda row: row.at)),
        fluid_boluses=tuple(sorted(chart.fluid_boluses, key=lambda row: row.at)),
        oxygen_devices=tuple(sorted(chart.oxygen_devices, key=lambda row: row.at)),
        oxygen_flows=tuple(sorted(chart.oxygen_flows, key=lambda row: row.at)),
        drug_doses=tuple(sorted(chart.drug_doses, key=lambda row: row.at)),
        ice_scores=tuple(sorted(chart.ice_scores, key=lambda row: row.at)),
        consciousness=tuple(sorted(chart.consciousness, key=lambda row: row.at)),
        labs=tuple(sorted(chart.labs, key=lambda row: row.at)),
    )
