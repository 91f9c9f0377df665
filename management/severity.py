"""Severity scores, shown as a trend only."""

from management.review import Score
from management.situation import Situation


def score_severity(situation: Situation) -> tuple[Score, ...]:  # noqa: ARG001 - being written
    """The scores that the chart has inputs for."""
    return ()
