"""An axis of a grade: the interval that the evidence leaves, and what met it.

CRS has two axes (hypotension, hypoxia), ICANS five domains. Unknown is an interval, never the bottom of one.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from grading.assessment import CriterionMet, Gap
from grading.chart import GapWhat, GapWhy, Source
from grading.tables import Criterion


@dataclass(frozen=True, slots=True)
class Axis:
    """What one axis contributes.

    ``lowest`` is proven, ``highest`` possible. ``suspected`` is ``True`` when something was charted that may
    mean support and could not be read (an unmapped device, an unknown infusion, a failed search), as opposed
    to nothing charted at all. ``known`` is ``False`` when nothing at all was charted for the axis.
    """

    lowest: int = 0
    highest: int = 0
    criteria: tuple[CriterionMet, ...] = ()
    notes: tuple[str, ...] = ()
    gaps: tuple[Gap, ...] = ()
    suspected: bool = False
    known: bool = True


def met(
    criterion: Criterion, value: str, at: datetime | None, *sources: Source, note: str | None = None
) -> CriterionMet:
    """A criterion as met by the named sources."""
    return CriterionMet(
        id=criterion.id,
        level=criterion.level,
        wording=criterion.wording,
        citation=criterion.citation,
        tier=criterion.tier,
        verified=criterion.verified,
        value=value if note is None else f"{value} ({note})",
        at=at,
        sources=sources,
    )


def gap(what: GapWhat, why: GapWhy, detail: str | None = None, *, widens: bool = False) -> Gap:
    """A gap of the assessment."""
    return Gap(what, why, detail, widens_range=widens)


def without_repeats(gaps: Iterable[Gap]) -> tuple[Gap, ...]:
    """Gaps in order, each what-why-detail once; a widening one wins over its silent twin."""
    found: dict[tuple[GapWhat, GapWhy, str | None], Gap] = {}
    for item in gaps:
        key = (item.what, item.why, item.detail)
        if key not in found or item.widens_range:
            found[key] = item
    return tuple(found.values())
