"""The grade without what a clinician attributed elsewhere: the same chart, none of its attributions."""

from dataclasses import replace

from grading.assessment import Assessment, Status
from grading.chart import Attributable, Attribution, Chart
from management.protocol import load_protocol
from management.review import Review
from management.reviewing import review
from tests.spec.management.bedside import AT, CHARTED, chart_of, hours_ago

PROTOCOL = load_protocol("met-2021")


def review_of(chart: Chart | str) -> Review:
    answer = review(chart_of(chart) if isinstance(chart, str) else chart, AT, PROTOCOL)
    assert answer is not None
    return answer


def both(chart: Chart | str) -> tuple[Assessment, Assessment]:
    answer = review_of(chart)
    assert answer.unattributed is not None
    return answer.assessment, answer.unattributed


def test_without_an_attribution_there_is_no_second_grade() -> None:
    assert review_of("fever 38.8; oxygen simple-mask 5").unattributed is None


def test_a_fever_attributed_elsewhere_hides_crs_1() -> None:
    told, without = both("fever 38.8; attributed fever pneumonia")
    assert (told.crs.status, told.crs.grade) == (Status.NONE, 0)
    assert (without.crs.status, without.crs.grade) == (Status.GRADED, 1)


def test_a_fever_attributed_elsewhere_leaves_hypotension_undecided_and_hides_crs_3() -> None:
    told, without = both("fever 38.8; attributed fever pneumonia; norepinephrine 4h")
    assert (told.crs.grade, told.crs.lowest, told.crs.highest) == (None, 0, 3)
    assert (without.crs.grade, without.crs.lowest) == (3, 3)


def test_hypotension_attributed_elsewhere_hides_the_axis_alone() -> None:
    told, without = both("fever 38.8; systolic 84; attributed hypotension bleeding")
    assert (told.crs.grade, without.crs.grade) == (1, 2)


def test_neurological_findings_attributed_elsewhere_hide_icans() -> None:
    told, without = both("ice 2; attributed neurological intracranial haemorrhage")
    assert told.icans.status is Status.NOT_ASSESSABLE
    assert (without.icans.status, without.icans.grade) == (Status.GRADED, 3)


def test_several_attributions_are_all_left_out() -> None:
    told, without = both("fever 38.8; systolic 84; attributed hypotension sepsis; attributed fever sepsis")
    assert (told.crs.grade, without.crs.grade) == (0, 2)


def test_an_attribution_that_was_withdrawn_is_not_in_force() -> None:
    stated = chart_of("fever 38.8; attributed fever pneumonia 3h")
    withdrawal = Attribution(hours_ago(2), Attributable.FEVER, True, None, CHARTED)
    answer = review_of(replace(stated, attributions=(*stated.attributions, withdrawal)))
    assert answer.unattributed is None
    assert answer.assessment.crs.grade == 1


def test_the_grade_beside_it_changes_no_advice() -> None:
    given = {
        item.id
        for item in review_of("fever 38.8; attributed fever pneumonia; norepinephrine 4h").recommendations
    }
    assert not given & {"tocilizumab.dose", "tocilizumab.consider"}
