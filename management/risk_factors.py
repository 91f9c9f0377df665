"""Known risk factors for severe toxicity, as far as the chart tells."""

from management.review import RiskFactor
from management.situation import Situation


def find_risk_factors(situation: Situation) -> tuple[RiskFactor, ...]:  # noqa: ARG001 - being written
    """The risk factors found."""
    return ()
