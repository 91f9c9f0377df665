"""What the grade would be if nothing were attributed elsewhere: shown beside the grade, never instead."""

from dataclasses import replace

from grading.assessment import Assessment
from grading.chart_index import ChartIndex
from grading.crs import grade_crs
from grading.evidence_at import evidence_at
from grading.icans import grade_icans
from grading.tables import shipped_tables
from management.situation import Situation


def grade_without_attributions(situation: Situation) -> Assessment | None:
    """Grade the same chart without its attributions; ``None`` where none is in force.

    Peaks, trends and gaps are left out: what is asked for is the grade of now. An attribution that was
    withdrawn is not in force.
    """
    if not situation.evidence.attributions:
        return None
    tables = shipped_tables()
    index = ChartIndex(replace(situation.chart, attributions=()), situation.at, tables)
    evidence = evidence_at(index, situation.at)
    crs, icans = grade_crs(evidence, tables).syndrome, grade_icans(evidence, tables).syndrome
    return Assessment(situation.at, evidence, crs, icans, ())
