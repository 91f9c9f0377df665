"""Evidence: what holds at one instant, taken from the chart by look-back windows.

The windows are rows of ``tables/windows.toml``, each with its reason. A value outside its window is not
carried as current; it becomes a gap.
"""

from dataclasses import dataclass
from datetime import datetime, tzinfo
from decimal import Decimal

from grading.chart import (
    ArousalScore,
    Attributable,
    Attribution,
    BaselineIce,
    CapdScore,
    CartInfusion,
    ChartGap,
    ConsciousnessRow,
    DrugDose,
    FluidBolus,
    HypotensionStatement,
    IceScore,
    InspiredOxygenRow,
    LabValue,
    MotorRow,
    OxygenDeviceRow,
    OxygenFlowRow,
    OxygenSaturation,
    PendingOrder,
    RaisedIcpRow,
    SedationRow,
    SeizureRow,
    SystolicPressure,
    TeamConcern,
    Temperature,
    VasoactiveAgent,
    VasoactiveRow,
    Weight,
)


@dataclass(frozen=True, slots=True)
class RunningInfusion:
    """A vasoactive infusion that runs at the instant.

    ``since`` is the start of the uninterrupted run (segments joined); ``row`` the record that covers the
    instant; ``last_charted`` the newest time at which the record speaks of the run.
    """

    agent: VasoactiveAgent
    since: datetime
    row: VasoactiveRow
    last_charted: datetime


@dataclass(frozen=True, slots=True)
class Oxygen:
    """Respiratory support that holds: the device (if charted) paired with the flow that belongs to it."""

    device: OxygenDeviceRow | None
    flow: OxygenFlowRow | None
    other_devices: tuple[OxygenDeviceRow, ...] = ()


@dataclass(frozen=True, slots=True)
class Baseline:
    """The patient before the first infusion of the last 60 days; ``None`` where nothing was charted."""

    systolic: Decimal | None = None
    oxygen: Oxygen | None = None
    ice: BaselineIce | IceScore | None = None
    ferritin: LabValue | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """What holds at ``at``. ``None`` means no value inside the window, never normal.

    ``day`` is the difference of calendar dates in the offset of the infusion's own timestamp.
    ``established_at`` is the first fever of this episode that nobody attributed elsewhere; ``masking`` the
    first antipyretic, anticytokine drug or steroid given since. ``peak_temperature`` is the highest plausible
    value of its window, ``latest_temperature`` the newest. ``attributions`` are those in force,
    ``team_concern`` the newest statement of its window, which is never graded. The
    ``last_…`` members tell what was charted last, however old: they make the difference between "stale" and
    "not charted" and are never graded. ``bare_agents`` were charted without rate or end,
    ``overdue_infusions`` are open records believed no longer. ``death_from`` names the syndromes (``crs``,
    ``icans``) that a clinician confirmed as the cause of death.
    """

    at: datetime
    infusion: CartInfusion | None
    day: int | None
    age_years: int | None
    deceased: bool
    latest_temperature: Temperature | None
    peak_temperature: Temperature | None
    established_at: datetime | None
    established_by: Temperature | None
    masking: DrugDose | None
    systolic: SystolicPressure | None
    systolic_in_window: tuple[SystolicPressure, ...]
    hypotension_statement: HypotensionStatement | None
    boluses: tuple[FluidBolus, ...]
    pushes: tuple[VasoactiveRow, ...]
    running: tuple[RunningInfusion, ...]
    oxygen: Oxygen | None
    inspired_oxygen: InspiredOxygenRow | None
    saturation: OxygenSaturation | None
    ice: IceScore | None
    capd: CapdScore | None
    consciousness: ConsciousnessRow | None
    arousal: ArousalScore | None
    seizure: SeizureRow | None
    motor: MotorRow | None
    raised_icp: RaisedIcpRow | None
    sedation: SedationRow | None
    baseline: Baseline
    attributions: tuple[Attribution, ...]
    team_concern: TeamConcern | None
    death_from: tuple[str, ...]
    weight: Weight | None
    tocilizumab: tuple[DrugDose, ...]
    steroids: tuple[DrugDose, ...]
    pending: tuple[PendingOrder, ...]
    last_systolic_at: datetime | None
    last_temperature_at: datetime | None
    last_oxygen: Oxygen | None
    last_saturation_at: datetime | None
    last_ice_at: datetime | None
    last_capd_at: datetime | None
    last_seizure_at: datetime | None
    last_consciousness_at: datetime | None
    bare_agents: tuple[VasoactiveAgent, ...]
    overdue_infusions: tuple[VasoactiveAgent, ...]
    labs: tuple[LabValue, ...]
    chart_gaps: tuple[ChartGap, ...]

    @property
    def zone(self) -> tzinfo | None:
        """The offset in which times are told: the ward's newest round's; ``None`` without an infusion.

        Clocks are changed, and patients moved, between the infusion and now: the newest temperature,
        pressure, saturation or ICE tells the ward's clock. One at UTC tells nothing of it, as devices and
        servers chart so anywhere; then it is the offset of the infusion. The day after the infusion is always
        counted in the infusion's own offset.
        """
        if self.infusion is None or self.infusion.at is None:
            return None
        rows = (self.latest_temperature, self.systolic, self.saturation, self.ice)
        newest = max((row.at for row in rows if row is not None), default=self.infusion.at)
        return newest.tzinfo if newest.utcoffset() else self.infusion.at.tzinfo

    def attribution_of(self, what: Attributable) -> Attribution | None:
        """Return the attribution in force for ``what``, or ``None``."""
        for attribution in self.attributions:
            if attribution.what is what:
                return attribution
        return None
