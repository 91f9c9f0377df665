"""Risk factors: what the chart cannot tell is one line; what was not retrieved is not said to be absent."""

from dataclasses import replace

import pytest

from management import risk_factors
from management.protocol import load_protocol
from management.review import RiskFactor
from management.reviewing import situate
from management.risk_factors import find_risk_factors
from management.severity_table import shipped_severity
from tests.spec.management.bedside import AT, chart_of

PROTOCOL = load_protocol("met-2021")


def factors_of(phrases: str) -> tuple[RiskFactor, ...]:
    situation = situate(chart_of(phrases), AT, PROTOCOL)
    assert situation is not None
    return find_risk_factors(situation)


def test_what_the_chart_cannot_tell_is_one_line() -> None:
    [silent] = factors_of("ferritin 900 100h")[1:]
    assert silent.text == (
        "The chart does not tell: tumour burden; immunodeficiency or autoimmunity; cell dose; "
        "expansion of the cells"
    )
    assert silent.cite == "Side-effect page; MET guide, text"


def test_diagnoses_that_could_not_be_retrieved_are_not_told() -> None:
    [silent] = factors_of("gap conditions not-retrieved")
    assert "infection at the time of the infusion; comorbidity or organ compromise" in silent.text


def test_without_a_dated_infusion_nothing_is_told() -> None:
    assert factors_of("day none; ferritin 900 100h") == ()


def test_a_risk_factor_names_its_source() -> None:
    first = factors_of("condition infection since 100h")[0]
    assert (first.cite, first.tier, first.verified) == ("Side-effect page", "A", True)


def test_a_table_in_which_the_chart_tells_of_all_has_no_line_of_silence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    table = shipped_severity()
    told = replace(table, risks=tuple(row for row in table.risks if row.kinds))
    monkeypatch.setattr(risk_factors, "shipped_severity", lambda: told)
    assert factors_of("ferritin 900 100h") == ()
