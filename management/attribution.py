"""What the grade would be if nothing were attributed elsewhere: shown beside the grade, never instead."""

from grading.assessment import Assessment
from management.situation import Situation


def grade_without_attributions(situation: Situation) -> Assessment | None:  # noqa: ARG001 - being written
    """Grade the same chart without its attributions; ``None`` where none is in force."""
    return None
