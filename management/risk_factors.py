"""Known risk factors for severe toxicity, as far as the chart tells. They inform and never change a grade.

Values at baseline are shown without a cut, as the sources name none; organ values only above the upper limit
of their own report. What the chart cannot tell is one line at the end. Deliberately absent: tumour burden,
immunodeficiency or autoimmunity, cell dose and expansion, for which the chart holds no input.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache

from grading.chart import Condition, GapWhat, Lab, LabValue
from management.lab_values import day_of, exact, values_between, with_unit
from management.review import RiskFactor
from management.severity_table import Number, RiskRow, shipped_severity
from management.situation import Situation, not_retrieved, plain

_Newest = Mapping[Lab, LabValue]


def find_risk_factors(situation: Situation) -> tuple[RiskFactor, ...]:
    """The risk factors found, then one line for those that the chart does not tell.

    None without a dated infusion: they are judged at its time.
    """
    infusion = situation.evidence.infusion
    if infusion is None or infusion.at is None:
        return ()
    rows = shipped_severity().risks
    newest = _before(situation, infusion.at)
    found, silent = [], []
    for row in rows:
        texts = [*_diagnoses(row, situation, infusion.at), *_values(row, newest, infusion.at)]
        found += [_factor(f"{row.wording}: {text}", row) for text in texts]
        if not texts and _is_silent(row, situation):
            silent.append(row)
    return (*found, *_not_told(silent))


def _before(situation: Situation, infusion_at: datetime) -> _Newest:
    """The newest value of each test before the infusion, no older than the baseline may be."""
    start = infusion_at - shipped_severity().span(Number.BASELINE_WITHIN)
    values = values_between(situation.chart.labs, start, infusion_at, _labs_of_risks())
    earlier = ((lab, [value for value in of_lab if value.at < infusion_at]) for lab, of_lab in values.items())
    return {lab: of_lab[-1] for lab, of_lab in earlier if of_lab}


@lru_cache(maxsize=1)
def _labs_of_risks() -> tuple[Lab, ...]:
    risks = shipped_severity().risks
    return tuple(dict.fromkeys(lab for row in risks for lab in (*row.labs, *row.labs_above_limit)))


def _diagnoses(row: RiskRow, situation: Situation, infusion_at: datetime) -> Iterator[str]:
    """Diagnoses that were current when the cells were given; those of unknown date say so."""
    named: dict[str, None] = {}
    for condition in situation.chart.conditions:
        if condition.kind in row.kinds and _was_current(condition, infusion_at):
            name = condition.text or condition.code or str(condition.kind)
            named[name if condition.at is not None else f"{name} (date not known)"] = None
    yield from named


def _was_current(condition: Condition, infusion_at: datetime) -> bool:
    began = condition.at is None or condition.at <= infusion_at
    return began and (condition.resolved_at is None or condition.resolved_at > infusion_at)


def _values(row: RiskRow, newest: _Newest, infusion_at: datetime) -> Iterator[str]:
    for lab in (*row.labs, *row.labs_above_limit):
        value = newest.get(lab)
        if value is None:
            continue
        day = f"on day {day_of(value.at, infusion_at)}"
        if lab in row.labs:
            limit = f", upper limit {exact(value.upper_limit)}" if value.upper_limit else ""
            yield f"{with_unit(value)} {day}{limit}; no cut is applied"
        elif value.upper_limit and value.value > value.upper_limit:
            yield f"{with_unit(value)} {day}, {plain(value.value / value.upper_limit)} × upper limit"


def _is_silent(row: RiskRow, situation: Situation) -> bool:
    """Whether nothing found means that the chart cannot tell, and not that there is none."""
    if row.kinds:
        return not_retrieved(situation.assessment, (GapWhat.CONDITIONS,))
    return not row.labs_above_limit


def _factor(text: str, row: RiskRow) -> RiskFactor:
    provenance = row.provenance
    return RiskFactor(text, provenance.citation, provenance.tier, provenance.verified)


def _not_told(rows: Sequence[RiskRow]) -> Iterator[RiskFactor]:
    if rows:
        named = "; ".join(row.wording.lower() for row in rows)
        cites = "; ".join(dict.fromkeys(row.provenance.citation for row in rows))
        first = rows[0].provenance
        yield RiskFactor(f"The chart does not tell: {named}", cites, first.tier, first.verified)
