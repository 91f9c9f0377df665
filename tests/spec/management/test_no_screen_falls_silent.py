"""Without one of its laboratory values a screen may end, and then a gap says that the value is missing.

Left out: sodium and neutrophils of a patient without fever, CRS or ICANS, whose absence leaves no sign that
they were needed.
"""

from dataclasses import replace

import pytest

from grading.chart import Chart
from management.lab_gaps import lab_gaps
from management.protocol import load_protocol
from management.reviewing import review, situate
from tests.spec.management.bedside import AT, chart_of
from tests.spec.management.spec_tables import read_rows

PROTOCOL = load_protocol("met-2021")
ROWS = {"T2", "S2", "S3", "S4", "S7", "S10"}
LINES = [line["when"] for line in read_rows("cross-cutting.md", "when") if line["row"] in ROWS]


def warnings_of(chart: Chart) -> set[str]:
    answer = review(chart, AT, PROTOCOL)
    assert answer is not None
    names = {item.id for item in answer.recommendations}
    return {name for name in names if name.startswith(("screen.", "immunoglobulin.", "empiric-"))}


@pytest.mark.parametrize("phrases", LINES)
def test_a_screen_that_ends_with_a_value_leaves_a_gap(phrases: str) -> None:
    chart = chart_of(phrases)
    told = warnings_of(chart)
    for place in range(len(chart.labs)):
        without = replace(chart, labs=(*chart.labs[:place], *chart.labs[place + 1 :]))
        situation = situate(without, AT, PROTOCOL)
        assert situation is not None
        assert told <= warnings_of(without) or lab_gaps(situation), chart.labs[place].lab
