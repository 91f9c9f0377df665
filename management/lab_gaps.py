"""Laboratory values that a screen needs and the chart does not have: a gap, so that no screen falls silent.

A screen whose values are missing or stale looks like one that found nothing. A value is asked for where CRS
or ICANS is present, and where one part of a screen's rule is met and the missing value could complete it.
These gaps never widen a range: no grade rests on a laboratory value.
"""

from collections.abc import Iterable, Iterator

from grading.assessment import Gap
from grading.chart import GapWhat, GapWhy, Lab, LabValue
from management.cytopenia import latest_count_is_low
from management.differentials import (
    abnormal_together,
    beside_ferritin,
    clinical_lysis,
    high_ferritin,
    in_days_of_lysis,
)
from management.immunoglobulin import current_igg, infections_on_record
from management.lab_values import lab_name, tests_until
from management.screen_pieces import IEC_HS_LABS, LYSIS_PIECES, labs_without_limit
from management.situation import (
    Situation,
    earlier_labs,
    fever_reasons,
    latest_lab,
    new_conditions,
    not_retrieved,
)
from management.vocabulary import Cut

# A count below the cut is a finding when it was higher before: new grade 4 cytopenia, falling neutrophils.
_CHANGE_MATTERS_BELOW = {Lab.PLATELETS: Cut.GRADE_4_PLATELETS, Lab.ANC: Cut.NEUTROPENIA_FALLING}


def lab_gaps(situation: Situation) -> tuple[Gap, ...]:
    """Gaps ``labs`` of the screens: ``not-charted`` and ``stale``, each naming its values.

    None where the patient has died, or where laboratory values could not be retrieved, which is told already.
    """
    if situation.evidence.deceased or not_retrieved(situation.assessment, (GapWhat.LABS,)):
        return ()
    wanted = tuple(dict.fromkeys(_wanted(situation)))
    if not wanted:
        return ()
    newest = {value.lab: value for value in situation.evidence.labs}
    unknown = [lab for lab in wanted if lab not in newest and not _holds_longer(situation, lab)]
    charted = tests_until(situation.chart.labs, situation.at) if unknown else set()
    without_limit = [f"upper limit of {lab_name(lab)}" for lab in labs_without_limit(situation, wanted)]
    without_earlier = [
        f"earlier {lab_name(lab)}" for lab in wanted if _needs_an_earlier(situation, newest.get(lab))
    ]
    never = [
        *(lab_name(lab) for lab in unknown if lab not in charted),
        *without_limit,
        *without_earlier,
    ]
    stale = [lab_name(lab) for lab in unknown if lab in charted]
    return (*_gap(GapWhy.NOT_CHARTED, never), *_gap(GapWhy.STALE, stale))


def _gap(why: GapWhy, names: Iterable[str]) -> Iterator[Gap]:
    if named := ", ".join(names):
        yield Gap(GapWhat.LABS, why, f"{named} (needed to tell what else it could be)")


def _wanted(situation: Situation) -> Iterator[Lab]:
    graded = max(situation.crs.lowest, situation.icans.lowest) >= 1
    hot = bool(fever_reasons(situation))
    if graded or hot or latest_count_is_low(situation):
        yield Lab.ANC
    if graded or _points_at_iec_hs(situation):
        yield from IEC_HS_LABS
    if situation.icans.lowest >= 1:
        yield Lab.SODIUM
    if in_days_of_lysis(situation) and (graded or _part_of_lysis(situation)):
        yield from LYSIS_PIECES
    if hot and situation.chart.imaging:
        yield Lab.LDH
    if new_conditions(situation, "acute-coronary-syndrome"):
        yield Lab.TROPONIN
    infusion = situation.evidence.infusion
    if infections_on_record(situation.chart.conditions, infusion.at if infusion else None, situation.at):
        yield Lab.IGG


def _holds_longer(situation: Situation, lab: Lab) -> bool:
    return lab is Lab.IGG and current_igg(situation.chart.labs, situation.at) is not None


def _needs_an_earlier(situation: Situation, value: LabValue | None) -> bool:
    """Whether only a change of the value would say something, and there is nothing to compare it with."""
    if value is None:
        return False
    below = _CHANGE_MATTERS_BELOW.get(value.lab)
    matters = value.lab is Lab.CREATININE or (below is not None and value.value < situation.cut(below))
    return matters and not earlier_labs(situation, value)


def _points_at_iec_hs(situation: Situation) -> bool:
    """One half of the screen, whether or not the other is known."""
    ferritin = latest_lab(situation, Lab.FERRITIN)
    if ferritin is not None and high_ferritin(situation, ferritin):
        return True
    return bool(beside_ferritin(situation))


def _part_of_lysis(situation: Situation) -> bool:
    return bool(abnormal_together(situation) or clinical_lysis(situation))
