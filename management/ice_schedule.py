"""When the next ICE is due."""

from management.review import IceSchedule
from management.situation import Situation


def schedule_ice(situation: Situation) -> IceSchedule | None:  # noqa: ARG001 - being written
    """When the next ICE (CAPD in a child) is due; ``None`` where none is to be taken."""
    return None
