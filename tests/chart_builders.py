"""Small builders of a chart by hand: rows at "hours ago", and a patient whose every input is charted as well.

Times count back from :data:`AT`, the time of grading in every test that uses these.
"""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from grading.chart import (
    AdministrationStatus,
    Attributable,
    Attribution,
    CapdScore,
    CartInfusion,
    Chart,
    Consciousness,
    ConsciousnessRow,
    DrugDose,
    FluidBolus,
    HypotensionStatement,
    IceScore,
    ImmuneDrug,
    InspiredOxygenRow,
    Motor,
    MotorRow,
    OxygenDevice,
    OxygenDeviceRow,
    OxygenFlowRow,
    OxygenSaturation,
    Patient,
    RaisedIcp,
    RaisedIcpRow,
    SedationRow,
    Seizure,
    SeizureRow,
    Source,
    SystolicPressure,
    Temperature,
    VasoactiveAgent,
    VasoactiveRow,
    Weight,
)

AT: Final = datetime(2026, 3, 10, 8, 0, tzinfo=UTC)
SOURCE: Final = Source("Observation/1")
ADULT: Final = Patient(birth_date=date(1968, 1, 1))
DAYS_SINCE_INFUSION: Final = 3


def ago(hours: float) -> datetime:
    """A time before :data:`AT`; negative hours lie after it."""
    return AT - timedelta(seconds=round(hours * 3600))


def infusion(
    days: float = DAYS_SINCE_INFUSION, product: str | None = "axicabtagene-ciloleucel"
) -> CartInfusion:
    """A CAR-T infusion so many days ago."""
    return CartInfusion(ago(days * 24), product, Source("Procedure/cart"))


def temperature(celsius: str, hours: float = 1) -> Temperature:
    """A temperature in °C."""
    return Temperature(ago(hours), Decimal(celsius), SOURCE)


def systolic(mmhg: str | int, hours: float = 1) -> SystolicPressure:
    """A systolic pressure in mmHg."""
    return SystolicPressure(ago(hours), Decimal(mmhg), SOURCE)


def hypotension(present: bool, hours: float = 1) -> HypotensionStatement:
    """A clinician's statement on hypotension."""
    return HypotensionStatement(ago(hours), present, SOURCE)


def bolus(millilitres: str | int, hours: float = 1) -> FluidBolus:
    """A fluid bolus in mL."""
    return FluidBolus(ago(hours), Decimal(millilitres), SOURCE)


def device(name: str, hours: float = 1) -> OxygenDeviceRow:
    """An oxygen device by its name in the product."""
    return OxygenDeviceRow(ago(hours), OxygenDevice(name), SOURCE)


def flow(litres: str | int, hours: float = 1) -> OxygenFlowRow:
    """An oxygen flow in L/min."""
    return OxygenFlowRow(ago(hours), Decimal(litres), SOURCE)


def saturation(percent: str | int, hours: float = 1) -> OxygenSaturation:
    """SpO2 in percent."""
    return OxygenSaturation(ago(hours), Decimal(percent), SOURCE)


def inspired_oxygen(fraction: str, hours: float = 1) -> InspiredOxygenRow:
    """FiO2 as a fraction."""
    return InspiredOxygenRow(ago(hours), Decimal(fraction), SOURCE)


def drip(
    agent: str,
    start: float,
    end: float | None = None,
    *,
    rate: str | None = "0.05",
    status: str | None = None,
    has_dose: bool = True,
    intravenous: bool | None = True,
) -> VasoactiveRow:
    """An administration of a vasoactive drug, hours ago; without an end it is in progress."""
    return VasoactiveRow(
        agent=VasoactiveAgent(agent),
        start=ago(start),
        end=None if end is None else ago(end),
        rate=None if rate is None else Decimal(rate),
        rate_unit=None if rate is None else "ug/kg/min",
        has_dose=has_dose,
        intravenous=intravenous,
        status=AdministrationStatus(status or ("in-progress" if end is None else "completed")),
        source=Source(f"MedicationAdministration/{agent}"),
    )


def dose(drug: str, hours: float = 1, **changes: Any) -> DrugDose:
    """A dose of a drug that masks fever or treats the syndromes."""
    return replace(
        DrugDose(ImmuneDrug(drug), ago(hours), None, Source("MedicationAdministration/dose")), **changes
    )


def ice(minimum: int, maximum: int | None = None, hours: float = 2) -> IceScore:
    """An ICE score, or the range that items not done leave."""
    return IceScore(ago(hours), minimum, minimum if maximum is None else maximum, SOURCE)


def capd(total: int | None, hours: float = 2) -> CapdScore:
    """A CAPD total; ``None`` when it could not be performed."""
    return CapdScore(ago(hours), total, SOURCE)


def consciousness(level: str, hours: float = 2) -> ConsciousnessRow:
    """Arousal as a clinician charted it."""
    return ConsciousnessRow(ago(hours), Consciousness(level), SOURCE)


def seizure(finding: str, hours: float = 2) -> SeizureRow:
    """A seizure finding."""
    return SeizureRow(ago(hours), Seizure(finding), SOURCE)


def motor(finding: str, hours: float = 2) -> MotorRow:
    """A motor finding."""
    return MotorRow(ago(hours), Motor(finding), SOURCE)


def raised_icp(finding: str, hours: float = 2) -> RaisedIcpRow:
    """A sign of raised intracranial pressure."""
    return RaisedIcpRow(ago(hours), RaisedIcp(finding), SOURCE)


def sedated(answer: bool, hours: float = 2) -> SedationRow:
    """Whether the patient is sedated."""
    return SedationRow(ago(hours), answer, SOURCE)


def elsewhere(
    what: str, hours: float = 1, *, withdrawn: bool = False, cause: str = "bacteraemia"
) -> Attribution:
    """A clinician's attribution to another cause, or its withdrawal."""
    return Attribution(ago(hours), Attributable(what), withdrawn, cause, SOURCE)


def weight(kilograms: str | int, hours: float = 72) -> Weight:
    """A measured weight in kg."""
    return Weight(ago(hours), Decimal(kilograms), SOURCE)


def well_charted(**changes: Any) -> Chart:
    """An adult on day 3 without toxicity, every input charted: grade 0 and 0, no gap.

    ``changes`` replace whole inputs.
    """
    chart = Chart(
        patient=ADULT,
        infusions=(infusion(),),
        temperatures=(temperature("37.0"),),
        systolic_pressures=(systolic(118),),
        oxygen_devices=(device("room-air"),),
        saturations=(saturation(96),),
        ice_scores=(ice(10),),
        consciousness=(consciousness("alert"),),
        seizures=(seizure("none"),),
        motor=(motor("none"),),
        raised_icp=(raised_icp("none"),),
        sedation=(sedated(False),),
        weights=(weight(72),),
    )
    return replace(chart, **changes)
