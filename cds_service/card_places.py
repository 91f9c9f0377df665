"""Which card carries what: at most one card a syndrome, and none for a syndrome with nothing to say.

What belongs to neither syndrome (intensive care, a search for infection, a screen) stands on the card of the
worse one, so that it is read once and where the eye goes first. A quiet syndrome is told in a line of the
other's card; where both are quiet one card says so.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from cds_service.gap_text import Syndrome, syndrome_of_gap
from grading.assessment import Assessment, Gap, Status, SyndromeGrade
from grading.chart import Attributable, GapWhy
from management.review import Guard, Recommendation, Review, Withheld

_ICANS_IDS = frozenset(
    {
        "ice.repeat",
        "seizure.prophylaxis",
        "seizure.treatment",
        "eeg",
        "neuroimaging",
        "lumbar-puncture.consider",
        "neurology.consult",
        "aspiration-precautions",
        "delirium.care",
        "icp.management",
        "neurosurgery.urgent",
        "screen.haemorrhage",
        "screen.stroke",
        "screen.nonconvulsive-seizure",
        "non-icans-neurotoxicity",
    }
)
_CRS_IDS = frozenset(
    {
        "fluid-bolus",
        "oxygen.start",
        "recheck-vitals",
        "crs.propose-resolution",
        "cardiac.assessment",
        "echocardiography",
        "antifungal-prophylaxis",
    }
)
_CRS_DRUGS = ("tocilizumab.", "third-line.", "vasopressor.")
# Care for whoever is ill: beside which row of which syndrome it was found does not say whose it is.
_SHARED_IDS = frozenset({"icu.transfer", "icu.consider", "supportive-care", "infection-workup"})
_ICANS_ROWS = ("I", "AI", "N")
_CRS_ROWS = ("C", "AC", "F")
_ASK = "ask.missing-data"
_ATTRIBUTABLE = {
    Syndrome.CRS: (Attributable.FEVER, Attributable.HYPOTENSION, Attributable.HYPOXIA),
    Syndrome.ICANS: (Attributable.NEUROLOGICAL,),
}


@dataclass(frozen=True, slots=True)
class CardContent:
    """What one card tells. ``told`` are the syndromes it grades, the one it is about first.

    ``is_first`` marks the card that also carries what belongs to the patient and to neither syndrome.
    """

    told: tuple[Syndrome, ...]
    recommendations: tuple[Recommendation, ...]
    withheld: tuple[Withheld, ...]
    gaps: tuple[Gap, ...]
    is_first: bool = True

    @property
    def syndrome(self) -> Syndrome:
        """The syndrome the card is about."""
        return self.told[0]


def plan_cards(review: Review) -> tuple[CardContent, ...]:
    """Share out what a review says: one card, or one a syndrome."""
    contents = [_content(syndrome, review) for syndrome in Syndrome]
    loud = [content for content in contents if not _is_quiet(content, review)]
    if len(loud) == len(contents):
        leading = leading_syndrome(review.assessment)
        return tuple(replace(content, is_first=content.syndrome is leading) for content in contents)
    first = loud[0] if loud else contents[0]
    (second,) = (content for content in contents if content is not first)
    together = CardContent(
        told=(*first.told, *second.told),
        recommendations=(*first.recommendations, *second.recommendations),
        withheld=(*first.withheld, *second.withheld),
        gaps=(*first.gaps, *second.gaps),
    )
    return (together,)


def grade_of(syndrome: Syndrome, assessment: Assessment) -> SyndromeGrade:
    """The grade of a syndrome in an assessment."""
    return assessment.crs if syndrome is Syndrome.CRS else assessment.icans


def hidden_grade(syndrome: Syndrome, review: Review) -> SyndromeGrade | None:
    """The grade without what is attributed elsewhere, where that could be another one; else ``None``."""
    if review.unattributed is None:
        return None
    with_it, without = grade_of(syndrome, review.assessment), grade_of(syndrome, review.unattributed)
    differs = (with_it.status, with_it.lowest, with_it.highest) != (
        without.status,
        without.lowest,
        without.highest,
    )
    return without if differs else None


def attributed_of(syndrome: Syndrome) -> tuple[Attributable, ...]:
    """What may be attributed elsewhere that the syndrome is graded by."""
    return _ATTRIBUTABLE[syndrome]


def leading_syndrome(assessment: Assessment) -> Syndrome:
    """The worse syndrome by what is proven, then by what is possible; CRS where they are alike."""
    crs, icans = assessment.crs, assessment.icans
    worse = (icans.lowest, icans.status is Status.GRADED) > (crs.lowest, crs.status is Status.GRADED)
    return Syndrome.ICANS if worse and icans.lowest >= 1 else Syndrome.CRS


def syndromes_of_action(item: Recommendation, review: Review) -> tuple[Syndrome, ...]:
    """The syndromes whose cards carry a recommendation: more than one where both lack data."""
    leading = leading_syndrome(review.assessment)
    if item.id == _ASK:
        open_gaps = [gap for gap in review.assessment.gaps if gap.widens_range]
        lacking = {syndrome_of_gap(gap) or leading for gap in open_gaps}
        return tuple(syndrome for syndrome in Syndrome if syndrome in lacking) or (leading,)
    if item.id in _SHARED_IDS:
        return (leading,)
    rows = item.row.partition(".")[0].rstrip("abcdefghijklmnopqrstuvwxyz").rstrip("0123456789")
    if item.id in _ICANS_IDS or rows in _ICANS_ROWS:
        return (Syndrome.ICANS,)
    if item.id in _CRS_IDS or item.id.startswith(_CRS_DRUGS) or rows in _CRS_ROWS:
        return (Syndrome.CRS,)
    return (leading,)


def _content(syndrome: Syndrome, review: Review) -> CardContent:
    leading = leading_syndrome(review.assessment)
    return CardContent(
        told=(syndrome,),
        recommendations=tuple(
            item for item in review.recommendations if syndrome in syndromes_of_action(item, review)
        ),
        withheld=tuple(item for item in review.withheld if _syndrome_of_withheld(item, review) is syndrome),
        gaps=tuple(_gaps_of(syndrome, leading, review.assessment.gaps)),
    )


def _gaps_of(syndrome: Syndrome, leading: Syndrome, gaps: Iterable[Gap]) -> Iterable[Gap]:
    """What is not known; what a clinician explained otherwise is known, and is told at the top."""
    for gap in gaps:
        explained = gap.why is GapWhy.ATTRIBUTED_ELSEWHERE and not gap.widens_range
        if (syndrome_of_gap(gap) or leading) is syndrome and not explained:
            yield gap


def _syndrome_of_withheld(item: Withheld, review: Review) -> Syndrome:
    if item.because is Guard.ISOLATED_ICANS:
        return Syndrome.ICANS
    steroid = not item.id.startswith("tocilizumab.")
    return Syndrome.ICANS if steroid and review.assessment.icans.lowest >= 1 else Syndrome.CRS


def _is_quiet(content: CardContent, review: Review) -> bool:
    """Grade 0 with nothing to do about it, and not so only because something is attributed elsewhere."""
    grade = grade_of(content.syndrome, review.assessment)
    silent = not content.recommendations and not content.withheld
    return grade.status is Status.NONE and silent and hidden_grade(content.syndrome, review) is None
