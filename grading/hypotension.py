"""The hypotension axis of CRS."""

from decimal import Context, Decimal

from grading.assessment import Gap
from grading.axis import Axis, gap, met
from grading.bedside_words import in_words
from grading.chart import (
    Attributable,
    GapWhat,
    GapWhy,
    SystolicPressure,
    VasoactiveAgent,
)
from grading.evidence import Evidence, RunningInfusion
from grading.evidence_at import unmapped_running
from grading.tables import AgentKind, Tables

_THREE_DIGITS = Context(prec=3)
_SPELLED = {"ug": "mcg", "µg": "mcg", "[iU]": "units", "[IU]": "units", "U": "units", "[USP'U]": "units"}


def grade_hypotension(evidence: Evidence, tables: Tables) -> Axis:
    """Find the level of hypotension: 0, 2 (no vasopressor), 3 (one), 4 (two or more, vasopressin not
    counted).

    A finding attributed elsewhere counts as 0 and is shown. Inotropes, drugs by mouth and pushes are no
    vasopressors. Dose does not matter.
    """
    attribution = evidence.attribution_of(Attributable.HYPOTENSION)
    if attribution is not None:
        cause = attribution.cause or "cause not stated"
        return Axis(
            notes=(f"Hypotension attributed elsewhere by a clinician: {cause}",),
            gaps=(gap(GapWhat.BLOOD_PRESSURE, GapWhy.ATTRIBUTED_ELSEWHERE, cause),),
        )
    counted = _running_of_kind(evidence, tables, AgentKind.COUNTED)
    like_vasopressin = _running_of_kind(evidence, tables, AgentKind.VASOPRESSIN_LIKE)
    gaps = list(_infusion_gaps(evidence, tables))
    unknown = unmapped_running(evidence.chart_gaps, evidence.at)
    failed = any(
        item.what is GapWhat.VASOPRESSORS and item.why is GapWhy.NOT_RETRIEVED for item in evidence.chart_gaps
    )
    if counted or like_vasopressin:
        axis = _supported(counted, like_vasopressin, evidence, tables)
        known = True
    else:
        axis, known = _unsupported(evidence, tables)
        gaps += axis.gaps
    highest = axis.highest
    multiple = tables.criteria["crs.hypotension.multiple-vasopressors"].level
    if unknown:
        one = tables.criteria["crs.hypotension.one-vasopressor"].level
        highest = max(highest, multiple if counted or len(unknown) > 1 else one)
    if failed:
        highest = multiple
    if evidence.systolic is None and not any(item.what is GapWhat.BLOOD_PRESSURE for item in gaps):
        gaps += _pressure_not_charted(evidence, widens=False)
    pressure_gaps, pressure_failed = _unreadable_pressures(evidence)
    if pressure_failed:
        highest = max(highest, tables.criteria["crs.hypotension.no-vasopressor"].level)
    return Axis(
        lowest=axis.lowest,
        highest=highest,
        criteria=axis.criteria,
        notes=(*axis.notes, *_flags(evidence, tables)),
        gaps=(*gaps, *pressure_gaps),
        suspected=bool(unknown) or failed or pressure_failed,
        known=known,
    )


def _running_of_kind(evidence: Evidence, tables: Tables, kind: AgentKind) -> list[RunningInfusion]:
    return [infusion for infusion in evidence.running if tables.agents[infusion.agent].kind is kind]


def _supported(
    counted: list[RunningInfusion],
    like_vasopressin: list[RunningInfusion],
    evidence: Evidence,
    tables: Tables,
) -> Axis:
    """At least one vasopressor runs."""
    notes: tuple[str, ...] = ()
    if len(counted) > 1:
        criterion, infusions = tables.criteria["crs.hypotension.multiple-vasopressors"], counted
        overlap = evidence.at - max(infusion.since for infusion in counted)
        if overlap < tables.span("switch-overlap"):
            notes = (
                "Two vasopressors have run side by side for less than an hour: "
                "both count; this may be a change of drug",
            )
    elif counted:
        criterion, infusions = tables.criteria["crs.hypotension.one-vasopressor"], counted + like_vasopressin
    else:
        criterion, infusions = tables.criteria["crs.hypotension.vasopressin-only"], like_vasopressin
        notes = ("Vasopressin alone is read as one vasopressor: our reading, the consensus does not say",)
    criterion_met = met(
        criterion,
        " + ".join(describe_infusion(infusion) for infusion in infusions),
        max(infusion.row.start for infusion in infusions),
        *(infusion.row.source for infusion in infusions),
    )
    return Axis(criterion.level, criterion.level, (criterion_met,), notes)


def describe_infusion(infusion: RunningInfusion) -> str:
    """Name and rate of an infusion as a reader would say it."""
    row = infusion.row
    name = in_words(row.agent)
    if row.rate is None or row.rate == 0:
        return name
    return f"{name} {describe_rate(row.rate)} {spell_unit(row.rate_unit or '')}".rstrip()


def describe_rate(rate: Decimal) -> str:
    """A rate to three significant digits, for reading; nothing is graded by it."""
    return f"{_THREE_DIGITS.plus(rate).normalize():f}"


def spell_unit(unit: str) -> str:
    """A unit of rate as it is written on a ward: UCUM's ug and [iU] are mcg and units there."""
    return "/".join(_SPELLED.get(part, part) for part in unit.split("/"))


def _unsupported(evidence: Evidence, tables: Tables) -> tuple[Axis, bool]:
    """No vasopressor runs: level 2 or 0, and whether anything was charted to tell."""
    criterion = tables.criteria["crs.hypotension.no-vasopressor"]
    statement, latest = evidence.hypotension_statement, evidence.systolic
    if statement is not None and statement.present:
        value = met(criterion, "hypotension stated by a clinician", statement.at, statement.source)
        return Axis(criterion.level, criterion.level, (value,)), True
    pushes = [
        *evidence.pushes,
        *(each.row for each in _running_of_kind(evidence, tables, AgentKind.PUSH_ONLY)),
    ]
    if pushes:
        push = pushes[-1]
        value = met(criterion, f"push of {in_words(push.agent)}", push.start, push.source, note="our reading")
        return Axis(criterion.level, criterion.level, (value,)), True
    denied_at = statement.at if statement is not None else None
    low = [
        reading
        for reading in evidence.systolic_in_window
        if _is_low(reading, evidence, tables) and (denied_at is None or reading.at > denied_at)
    ]
    if low and low[-1] is latest:
        note = "treated with fluid" if evidence.boluses else "untreated"
        value = met(
            criterion, f"systolic {latest.mmhg.normalize():f} mmHg", latest.at, latest.source, note=note
        )
        return Axis(criterion.level, criterion.level, (value,)), True
    if low and evidence.boluses:
        bolus = evidence.boluses[-1]
        text = (
            f"systolic {low[-1].mmhg.normalize():f} mmHg, and {bolus.millilitres.normalize():f} mL of fluid"
        )
        value = met(criterion, text, low[-1].at, low[-1].source, bolus.source)
        return Axis(criterion.level, criterion.level, (value,)), True
    if latest is None and statement is None:
        return Axis(0, criterion.level, gaps=_pressure_not_charted(evidence, widens=True)), False
    return Axis(), True


def _pressure_not_charted(evidence: Evidence, *, widens: bool) -> tuple[Gap, ...]:
    """No pressure in its window; one that could not be read is told as that.

    A vasopressor or a statement settles the grade without one, but not what else rests on the pressure.
    """
    if any(item.what is GapWhat.BLOOD_PRESSURE for item in evidence.chart_gaps):
        return ()
    why = GapWhy.STALE if evidence.last_systolic_at is not None else GapWhy.NOT_CHARTED
    return (gap(GapWhat.BLOOD_PRESSURE, why, widens=widens),)


def _unreadable_pressures(evidence: Evidence) -> tuple[tuple[Gap, ...], bool]:
    """Pressures that could not be read, and whether some could not be retrieved: a low one may be there."""
    missing = evidence.systolic is None
    unreadable = [item for item in evidence.chart_gaps if item.what is GapWhat.BLOOD_PRESSURE]
    failed = any(item.why is GapWhy.NOT_RETRIEVED for item in unreadable)
    gaps = tuple(
        gap(item.what, item.why, item.detail, widens=missing or item.why is GapWhy.NOT_RETRIEVED)
        for item in unreadable
    )
    return gaps, failed


def _is_low(reading: SystolicPressure, evidence: Evidence, tables: Tables) -> bool:
    """Below the cut for the age, and clearly below the patient's own baseline where one is documented."""
    age = evidence.age_years
    cut = tables.pressure_cuts[-1]
    if age is not None:
        cut = next((row for row in tables.pressure_cuts if age <= row.to_years), cut)
    if reading.mmhg >= cut.mmhg + cut.per_year * Decimal(age or 0):
        return False
    baseline = evidence.baseline.systolic
    return baseline is None or reading.mmhg <= baseline - tables.limit("below-baseline-mmhg")


def _infusion_gaps(evidence: Evidence, tables: Tables) -> list[Gap]:
    """What is not known of the infusions themselves."""
    unknown = unmapped_running(evidence.chart_gaps, evidence.at)
    gaps = [
        gap(item.what, item.why, item.detail, widens=item in unknown or item.why is GapWhy.NOT_RETRIEVED)
        for item in evidence.chart_gaps
        if item.what is GapWhat.VASOPRESSORS
    ]
    running = {infusion.agent for infusion in evidence.running}
    for infusion in evidence.running:
        if tables.agents[infusion.agent].kind in (AgentKind.COUNTED, AgentKind.VASOPRESSIN_LIKE) and (
            evidence.at - infusion.last_charted > tables.span("open-infusion-stale")
            and infusion.row.end is None
        ):
            gaps.append(gap(GapWhat.VASOPRESSORS, GapWhy.STALE, in_words(infusion.agent)))
    gaps += [gap(GapWhat.VASOPRESSORS, GapWhy.STALE, in_words(agent)) for agent in evidence.overdue_infusions]
    gaps += [
        gap(
            GapWhat.VASOPRESSORS,
            GapWhy.AMBIGUOUS,
            f"{in_words(agent)}: charted, but nothing shows that it runs",
        )
        for agent in evidence.bare_agents
        if agent not in running
    ]
    gaps += [
        gap(
            GapWhat.VASOPRESSORS,
            GapWhy.NOT_CHARTED,
            f"{in_words(order.drug)}: ordered, no administration charted",
        )
        for order in evidence.pending
        if isinstance(order.drug, VasoactiveAgent)
    ]
    return gaps


def _flags(evidence: Evidence, tables: Tables) -> list[str]:
    """Circulatory drugs that do not count, or count by our reading alone, said so that nobody wonders."""
    flags = []
    for infusion in evidence.running:
        row = tables.agents[infusion.agent]
        name, reason = in_words(infusion.agent), row.reason[0].lower() + row.reason[1:]
        if row.kind not in (AgentKind.COUNTED, AgentKind.VASOPRESSIN_LIKE):
            flags.append(f"{name} does not count as a vasopressor: {reason}")
        elif not row.verified:
            flags.append(f"{name} counts by our reading: {reason}")
    return flags
