"""Late effects: what there is to tell after the monitoring window, when nothing is graded any more.

Low neutrophils (late ICAHT) and low IgG with an infection, for a year. Nothing else is looked for: no grade,
no treatment, no gap. Where neither holds there is nothing to tell, and the service stays silent.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime

from grading.assess import is_monitored
from grading.chart import CartInfusion, Chart
from grading.chart_index import ChartIndex
from grading.tables import shipped_tables
from management.cytopenia import late_icaht
from management.immunoglobulin import low_igg
from management.lab_values import day_of
from management.protocol_rows import Protocol, ProtocolRow
from management.review import LateEffects, Recommendation
from management.severity_table import Number, shipped_severity
from management.situation import Reasons

_Look = Callable[[Chart, datetime, datetime, Protocol], Reasons]


def find_late_effects(chart: Chart, at: datetime, protocol: Protocol) -> LateEffects | None:
    """Late effects of the latest infusion at ``at`` (aware), worded by the rows of ``protocol``.

    ``None`` where the patient is still monitored or was never infused, has died, was infused longer ago than
    late effects are told, or has none.
    """
    index = ChartIndex(chart, at, shipped_tables())
    infusion = index.infusion
    if is_monitored(index) or infusion is None or infusion.at is None or _has_died(chart, index.horizon):
        return None
    if at - infusion.at > shipped_severity().span(Number.LATE_EFFECTS_UNTIL):
        return None
    found = tuple(_recommendations(chart, infusion.at, at, protocol))
    return _late_effects(infusion, infusion.at, at, protocol, found) if found else None


def _late_effects(
    infusion: CartInfusion,
    infusion_at: datetime,
    at: datetime,
    protocol: Protocol,
    found: tuple[Recommendation, ...],
) -> LateEffects:
    return LateEffects(
        at=at,
        infusion_at=infusion_at,
        product=infusion.product,
        day=day_of(at, infusion_at),
        protocol=protocol.name,
        protocol_version=protocol.version,
        recommendations=found,
    )


def _has_died(chart: Chart, horizon: datetime) -> bool:
    died_at = chart.patient.deceased_at
    return chart.patient.deceased and (died_at is None or died_at <= horizon)


def _recommendations(
    chart: Chart, infusion_at: datetime, at: datetime, protocol: Protocol
) -> Iterator[Recommendation]:
    told: set[str] = set()
    for row in protocol.rows:
        look = _LATE_CONDITIONS.get(row.when)
        if look is None or not (reasons := look(chart, infusion_at, at, protocol)):
            continue
        for recommendation in _advice_of(row, reasons):
            if recommendation.id not in told:
                told.add(recommendation.id)
                yield recommendation


def _advice_of(row: ProtocolRow, reasons: Reasons) -> Iterator[Recommendation]:
    for advice in row.gives:
        yield Recommendation(
            id=advice.id,
            strength=advice.strength,
            title=advice.title,
            text=advice.text,
            reasons=reasons,
            row=row.id,
            cite=advice.provenance.citation,
            tier=advice.provenance.tier,
            verified=advice.provenance.verified,
        )


_LATE_CONDITIONS: Mapping[str, _Look] = {
    "late-icaht": lambda chart, infusion_at, at, _: late_icaht(chart.labs, infusion_at, at),
    "low-immunoglobulin": lambda chart, infusion_at, at, protocol: low_igg(
        chart, infusion_at, at, protocol.cuts
    ),
}
"""The conditions of protocol rows that speak after the monitoring window as well."""
