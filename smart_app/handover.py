"""The hand-over as plain text, in the order Situation, Background, Assessment, Recommendation (SBAR).

The same record gives the same text. It holds what the pages hold and no more: nothing is graded, dosed or
guessed here, what is not known is a line of its own, and what is left out for length is counted.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, tzinfo

from grading.assessment import Status, SyndromeGrade
from grading.bedside_words import in_words
from grading.course import PatientCourse, SyndromeCourse, TreatmentDose
from grading.evidence import Evidence
from management.lab_values import exact
from management.late_effects import find_late_effects
from management.review import Recommendation, Review, Strength
from smart_app.attributing import in_force, statements_unread
from smart_app.course_page import doses_unread, why_nobody_is_graded
from smart_app.course_summary import gap_lines, ice_line, withheld_lines
from smart_app.grade_words import describe_grade, describe_grades
from smart_app.page_room import Banner, Bedside
from smart_app.rendering import CRITERIA, born_words, date_time, offset_words
from smart_app.timeline_lanes import describe_step
from smart_app.timeline_rows import write_clock, write_date
from smart_app.timeline_vitals import write_celsius, write_rate

_MOST_DOSES = 8
_MOST_GAPS = 8
_DECIDED = (Status.GRADED, Status.NONE)
# Grading notes an attribution; the background tells it with its cause and time.
_TOLD_ABOVE = " attributed elsewhere by a clinician"


def write_handover(bedside: Bedside) -> str:
    """The text, lines joined, without a newline at its end; signs that cannot be printed become blanks."""
    return "\n".join(_plain(line) for line in _lines(bedside))


def _lines(bedside: Bedside) -> Iterator[str]:
    zone, review = bedside.zone, bedside.review
    read_at = f"{date_time(bedside.at, zone)} {offset_words(bedside.at.astimezone(zone))}"
    yield f"CAR-T HAND-OVER (SBAR), record read at {read_at}"
    yield "SITUATION"
    yield f"- {_identity(bedside.banner, bedside)}"
    if review is None:
        yield from _ungraded(bedside)
        return
    yield from _situation(review, bedside.course, zone)
    yield "BACKGROUND"
    yield from _background(review, bedside)
    yield "ASSESSMENT"
    yield from _assessment(review, bedside)
    yield "RECOMMENDATION (the protocol's; the decision is the team's)"
    yield from _recommendation(review, zone)
    protocol = f"{review.protocol}, version {review.protocol_version}"
    yield f"Criteria {CRITERIA}; protocol {protocol}; read at {read_at}"


def _ungraded(bedside: Bedside) -> Iterator[str]:
    """Why there is no grade, which is not a grade 0, and what there is to tell all the same."""
    yield f"- Not graded: {why_nobody_is_graded(bedside.chart, bedside.at, bedside.zone)}"
    yield "- That is not a grade 0"
    late = find_late_effects(bedside.chart, bedside.at, bedside.protocol)
    items = late.recommendations if late is not None else ()
    yield from (
        f"- Late effect to look at: {item.title}{'' if item.verified else ' (not verified)'}:"
        f" {'; '.join(item.reasons)}"
        for item in items
    )
    yield from (f"- Could not be read: {what}" for what in bedside.unread)


def _identity(banner: Banner, bedside: Bedside) -> str:
    born = born_words(banner, bedside.at.astimezone(bedside.zone).date())
    name, number = banner.name or "name not on record", banner.record_number or "not on record"
    return f"{name}, born {born}, MRN {number}"


def _situation(review: Review, course: PatientCourse | None, zone: tzinfo) -> Iterator[str]:
    assessment = review.assessment
    evidence = assessment.evidence
    product = evidence.infusion.product if evidence.infusion is not None else None
    drug = product.replace("-", " ") if product else "a CAR-T product that the record does not name"
    yield f"- Day {evidence.day} after {drug}" if evidence.day is not None else f"- Day unknown after {drug}"
    if evidence.deceased:
        yield "- THE PATIENT HAS DIED"
    crs, icans = (None, None) if course is None else (course.crs, course.icans)
    yield f"- {describe_grade('CRS', assessment.crs)}{_since(crs, zone)}"
    yield f"- {describe_grade('ICANS', assessment.icans)}{_since(icans, zone)}"
    if review.unattributed is not None:
        without = ", ".join(describe_grades(review.unattributed))
        yield f"- If nothing were attributed to another cause: {without}"


def _since(course: SyndromeCourse | None, zone: tzinfo) -> str:
    if course is None:
        return ""
    if len(course.steps) == 1:
        return ", unchanged since the infusion"
    return f", since {write_clock(course.steps[-1].at, zone)} (before: {describe_step(course.steps[-2])})"


def _background(review: Review, bedside: Bedside) -> Iterator[str]:
    zone, course = bedside.zone, bedside.course
    infusion = review.assessment.evidence.infusion
    at = infusion.at if infusion is not None else None
    yield f"- CAR-T infusion {write_clock(at, zone) if at is not None else 'without a date on record'}"
    if course is not None:
        yield f"- CRS: {_history(course.crs, zone)}"
        yield f"- ICANS: {_history(course.icans, zone)}"
        yield from _treatments(course.treatments, zone, unread=doses_unread(bedside))
    count = review.tocilizumab
    more = "at least " if count.may_be_more else ""
    last = f", the last {count.hours_since_last:.1f} h ago" if count.hours_since_last is not None else ""
    yield f"- Tocilizumab counted: {more}{count.total} in all, {more}{count.last_24_h} in the last 24 h{last}"
    for held in in_force(bedside):
        by = f", by {held.by}" if held.by else ""
        cause = held.cause or "cause not stated"
        yield f"- {held.name} attributed to another cause since {held.since}{by}: {cause}"
    if statements_unread(bedside):
        yield "- Not all read: what is attributed to another cause, and the team's concern"
    concern = review.assessment.evidence.team_concern
    if concern is not None:
        stated = "is concerned" if concern.present else "is not concerned"
        yield f"- The team {stated}, stated {write_clock(concern.at, zone)}"


def _history(course: SyndromeCourse, zone: tzinfo) -> str:
    if course.onset is None or course.peak is None:
        return "never proven above grade 0 in this episode"
    peak = course.peak
    least = "at least " if peak.highest > peak.lowest else ""
    began, reached = write_clock(course.onset, zone), write_clock(peak.at, zone)
    return f"above grade 0 first {began}; peak {least}grade {peak.lowest}, from {reached}"


def _treatments(treatments: tuple[TreatmentDose, ...], zone: tzinfo, *, unread: bool) -> Iterator[str]:
    if unread:
        yield "- Not all doses of tocilizumab and steroid could be read: there may be more than is told here"
    if not treatments:
        where = "among what could be read" if unread else "charted since the infusion"
        yield f"- No tocilizumab, other anticytokine drug or steroid {where}"
        return
    drugs: dict[str, list[TreatmentDose]] = {}
    for item in treatments:
        drugs.setdefault(item.dose.name or in_words(item.dose.drug), []).append(item)
    for drug, items in drugs.items():
        told = [f"{_amount(item)} {write_clock(item.dose.at, zone)}" for item in items[-_MOST_DOSES:]]
        earlier = len(items) - len(told)
        before = f"{earlier} earlier from {write_clock(items[0].dose.at, zone)}; then " if earlier else ""
        yield f"- Given {drug}: {before}{'; '.join(told)}"


def _amount(item: TreatmentDose) -> str:
    milligrams = item.dose.milligrams
    return "amount not charted" if milligrams is None else f"{exact(milligrams)} mg"


def _assessment(review: Review, bedside: Bedside) -> Iterator[str]:
    zone, assessment = bedside.zone, review.assessment
    yield f"- CRS rests on: {_reasons(assessment.crs, zone)}"
    yield f"- ICANS rests on: {_reasons(assessment.icans, zone)}"
    notes = (*assessment.crs.notes, *assessment.icans.notes)
    yield from (f"- {note}" for note in notes if _TOLD_ABOVE not in note)
    vitals, nervous = list(_vitals(assessment.evidence, zone)), list(_nervous(assessment.evidence, zone))
    yield f"- Charted: {'; '.join(vitals) if vitals else 'no vital sign in its window'}"
    yield f"- Charted: {'; '.join(nervous) if nervous else 'no neurological finding in its window'}"
    orders = [f"{in_words(order.drug)}" for order in assessment.evidence.pending]
    if orders:
        yield f"- Ordered, not charted as given: {', '.join(orders)}"
    gaps = gap_lines(review, bedside.unread)
    told = max(_MOST_GAPS, sum(widens for _, widens in gaps))  # what leaves a grade open is never cut
    for words, widens in gaps[:told]:
        yield f"- Not known: {words}{' (leaves the grade open)' if widens else ''}"
    if len(gaps) > told:
        yield f"- Not known: {len(gaps) - told} more, on the course page"
    if not gaps and all(grade.status in _DECIDED for grade in (assessment.crs, assessment.icans)):
        yield "- Nothing that is asked for is missing from the record"


def _reasons(grade: SyndromeGrade, zone: tzinfo) -> str:
    if grade.status is Status.NOT_ASSESSABLE:
        return "nothing: it is not assessable"
    told = [
        f"{item.value}{f' ({write_clock(item.at, zone)})' if item.at is not None else ''}"
        f"{'' if item.verified else ' (our reading)'}"
        for item in sorted(grade.criteria, key=lambda met: -met.level)
    ]
    return "; ".join(told) or "no criterion met"


def _vitals(evidence: Evidence, zone: tzinfo) -> Iterator[str]:
    if latest := evidence.latest_temperature:
        yield _at(f"temperature {write_celsius(latest.celsius)} °C", latest.at, zone)
    if (peak := evidence.peak_temperature) and peak != evidence.latest_temperature:
        yield _at(f"highest {write_celsius(peak.celsius)} °C", peak.at, zone)
    if pressure := evidence.systolic:
        yield _at(f"systolic {exact(pressure.mmhg)} mmHg", pressure.at, zone)
    for infusion in evidence.running:
        rate = write_rate(infusion.row)
        yield f"{in_words(infusion.agent)} {rate}, running since {write_clock(infusion.since, zone)}"
    if (oxygen := evidence.oxygen) and oxygen.device:
        flow = f" {exact(oxygen.flow.litres_per_minute)} L/min" if oxygen.flow else ""
        yield _at(f"{in_words(oxygen.device.device)}{flow}", oxygen.device.at, zone)
    elif oxygen and oxygen.flow:
        flow = exact(oxygen.flow.litres_per_minute)
        yield _at(f"oxygen {flow} L/min, device not charted", oxygen.flow.at, zone)
    if saturation := evidence.saturation:
        yield _at(f"SpO2 {exact(saturation.percent)} %", saturation.at, zone)
    if weight := evidence.weight:
        yield _at(f"weight {exact(weight.kilograms)} kg", weight.at, zone)


def _nervous(evidence: Evidence, zone: tzinfo) -> Iterator[str]:
    if ice := evidence.ice:
        score = str(ice.minimum) if ice.minimum == ice.maximum else f"{ice.minimum}–{ice.maximum}"
        yield _at(f"ICE {score} of 10", ice.at, zone)
    if capd := evidence.capd:
        score = "could not be performed" if capd.total is None else str(capd.total)
        yield _at(f"CAPD {score}", capd.at, zone)
    if level := evidence.consciousness:
        yield _at(f"consciousness: {in_words(level.level)}", level.at, zone)
    if seizure := evidence.seizure:
        yield _at(f"seizure: {in_words(seizure.finding)}", seizure.at, zone)
    if motor := evidence.motor:
        yield _at(f"motor: {in_words(motor.finding)}", motor.at, zone)
    if raised := evidence.raised_icp:
        yield _at(f"raised intracranial pressure: {in_words(raised.finding)}", raised.at, zone)
    if (sedation := evidence.sedation) and sedation.sedated:
        yield _at("sedated", sedation.at, zone)


def _at(words: str, at: datetime, zone: tzinfo) -> str:
    return f"{words} ({write_clock(at, zone)})"


def _recommendation(review: Review, zone: tzinfo) -> Iterator[str]:
    ordered = sorted(review.recommendations, key=lambda item: (not item.urgent, item.dose is None))
    firm = [item for item in ordered if item.strength is Strength.RECOMMEND]
    with_dose = [item for item in firm if item.dose is not None or item.dose_rule is not None]
    for item in with_dose:
        yield f"- RECOMMENDED{' NOW' if item.urgent else ''}: {item.title}{_dose(item, zone)} [{item.cite}]"
    plain = [item for item in firm if item not in with_dose]
    for words, urgent in (("RECOMMENDED NOW", True), ("RECOMMENDED", False)):
        titles = (f"{item.title}{_dose(item, zone)}" for item in plain if item.urgent is urgent)
        yield from _listed(words, titles)
    considered = [item for item in ordered if item.strength is Strength.CONSIDER]
    yield from _listed("MAY BE CONSIDERED", (f"{item.title}{_dose(item, zone)}" for item in considered))
    for name, because, text in withheld_lines(review.withheld):
        yield f"- HELD BACK: {name} ({because}): {text}"
    if (due := ice_line(review.ice_schedule, zone)) is not None:
        yield f"- {due[0]}"
    yield from (f"- {note}" for note in review.notes)
    if review.assessment.evidence.deceased:
        yield "- The patient has died: the protocol suggests nothing any more"
    elif not (review.recommendations or review.withheld):
        yield "- The protocol suggests nothing for what is charted"


def _listed(strength: str, titles: Iterable[str]) -> Iterator[str]:
    told = "; ".join(titles)
    if told:
        yield f"- {strength}: {told}"


def _dose(item: Recommendation, zone: tzinfo) -> str:
    dose = item.dose
    flag = "" if item.verified else " (not verified)"
    flag += "".join(f"; caution: {caution}" for caution in item.cautions)
    if dose is None:
        return (f", dose not computed; the rule: {item.dose_rule}" if item.dose_rule else "") + flag
    parts = [f"{exact(dose.value)} {dose.unit}", dose.route, dose.interval]
    weight = f"; weight of {write_date(dose.weight_at, zone)}" if dose.weight_at is not None else ""
    return f", {' '.join(part for part in parts if part)} ({dose.arithmetic}{weight}){flag}"


def _plain(line: str) -> str:
    """One line of printable signs: what a record says must not break the text into lines of its own."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in line).split())
