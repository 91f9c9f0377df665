"""The course page: both grades with their reasons, the timeline as drawing and as tables, the treatments."""

from datetime import date, datetime, timedelta, tzinfo
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from grading.chart import Chart, GapWhat, GapWhy
from grading.tables import shipped_tables
from management.lab_values import day_of
from management.late_effects import find_late_effects
from smart_app.course_summary import (
    advice_lines,
    gap_lines,
    grade_panels,
    ice_line,
    treatment_lines,
    withheld_lines,
)
from smart_app.errors import PageError
from smart_app.page_room import Bedside, PageRoom
from smart_app.timeline import Window, draw_up_timeline
from smart_app.timeline_html import event_body, vitals_body
from smart_app.timeline_rows import write_clock, write_day
from smart_app.timeline_svg import LEGEND, draw_timeline
from smart_app.timeline_table import VITAL_COLUMNS, event_lines, vitals_lines

_DAY = timedelta(days=1)
_TREATMENTS = frozenset({GapWhat.TOCILIZUMAB, GapWhat.STEROIDS})
_WINDOW_WORDS = {
    Window.DAY: "24 hours",
    Window.THREE_DAYS: "72 hours",
    Window.WEEK: "7 days",
    Window.ALL: "all since the infusion",
}


def course_router(room: PageRoom) -> APIRouter:
    """``GET /s/{sid}/course``: ``window`` is ``24h``, ``72h`` (default), ``7d`` or ``all``.

    ``view=treatments`` leads to the treatments of the same page. ``GET /s/{sid}/course/day`` with ``date``
    (ISO 8601) has all values of one day with their sources, which the tables of long windows leave out.
    """
    router = APIRouter()

    @router.get("/s/{sid}/course")
    async def course(request: Request) -> Response:
        session = await room.open(request)
        if request.query_params.get("view") == "treatments":
            return RedirectResponse(f"{room.path_of(session, 'course')}#treatments", status_code=303)
        bedside = await room.read(session)
        window = _window(request.query_params.get("window"))
        day = room.path_of(session, "course/day")
        values = page_values(bedside, window, session.highlight, day)
        return room.render("course.html", session, bedside, **values)

    @router.get("/s/{sid}/course/day")
    async def day(request: Request) -> Response:
        session = await room.open(request)
        bedside = await room.read(session)
        values = day_values(bedside, parse_date(request.query_params.get("date")), session.highlight)
        return room.render("course_day.html", session, bedside, page="course", **values)

    return router


def _window(asked: str | None) -> Window:
    """The window asked for; an unknown one is the default, as a link may be old."""
    return next((window for window in Window if window.value == asked), Window.THREE_DAYS)


def page_values(
    bedside: Bedside, window: Window, highlight: str | None = None, day_path: str = "course/day"
) -> dict[str, Any]:
    """What the template shows, in words. ``day_path`` is where the page of a day is."""
    read_at = _read_at(bedside)
    if bedside.review is None:
        late = find_late_effects(bedside.chart, bedside.at, bedside.protocol)
        return {
            "graded": False,
            "read_at": read_at,
            "why_not": why_nobody_is_graded(bedside.chart, bedside.at, bedside.zone),
            "late": advice_lines(late.recommendations) if late is not None else [],
            "unread": bedside.unread,
        }
    review, course = bedside.review, bedside.course
    evidence = review.assessment.evidence
    timeline = draw_up_timeline(bedside.chart, course, bedside.at, bedside.zone, window, highlight)
    vitals = vitals_lines(timeline)
    happened, absent = event_lines(timeline)
    by_day = (lambda day: f"{day_path}?date={day.isoformat()}") if timeline.is_wide else None
    advice = advice_lines(review.recommendations)
    return {
        "graded": True,
        "read_at": read_at,
        "day": evidence.day,
        "product": _product(evidence.infusion.product if evidence.infusion else None),
        "infused_at": None
        if timeline.infusion_at is None
        else write_clock(timeline.infusion_at, bedside.zone),
        "panels": grade_panels(review, course, bedside.zone),
        "attributions": [
            (stated.what.value, stated.cause or "cause not stated", write_clock(stated.at, bedside.zone))
            for stated in evidence.attributions
        ],
        "gaps": gap_lines(review, bedside.unread),
        "advice": [item for item in advice if item.is_recommended],
        "options": [item for item in advice if not item.is_recommended],
        "withheld": withheld_lines(review.withheld),
        "notes": review.notes,
        "ice": ice_line(review.ice_schedule, bedside.zone),
        "resolution": None
        if course is None or course.resolution_proposed_at is None
        else write_clock(course.resolution_proposed_at, bedside.zone),
        "protocol": f"{review.protocol}, version {review.protocol_version}",
        "window": window,
        "windows": [(each.value, _WINDOW_WORDS[each], each is window) for each in Window],
        "drawing": draw_timeline(timeline),
        "legend": LEGEND,
        "with_sources": not timeline.is_wide,
        "events": event_body(happened),
        "absent": event_body(absent, by_day),
        "absent_count": len(absent),
        "vitals": vitals_body(vitals, by_day),
        "vitals_count": len(vitals),
        "vital_columns": VITAL_COLUMNS,
        "highlight": highlight,
        "highlight_shown": any(row.highlighted for row in timeline.rows),
        "treatments_unread": doses_unread(bedside),
        "treatments": [] if course is None else treatment_lines(course, bedside.zone),
    }


def day_values(bedside: Bedside, day: date | None, highlight: str | None = None) -> dict[str, Any]:
    """All of one day that the timeline shows, with sources. Raises :class:`PageError` (404)."""
    whole = draw_up_timeline(bedside.chart, bedside.course, bedside.at, bedside.zone, Window.ALL, highlight)
    first, last = (instant.astimezone(bedside.zone).date() for instant in (whole.start, whole.end))
    if bedside.review is None or day is None or not first <= day <= last:
        raise PageError(404, "No such day", "The timeline shows no such day. Go back to the course.")
    timeline = whole.of_day(day)
    happened, absent = event_lines(timeline)
    events = sorted((*happened, *absent), key=lambda line: line.at, reverse=True)
    vitals = vitals_lines(timeline)
    return {
        "day": write_day(day),
        "read_at": _read_at(bedside),
        "before": (day - _DAY).isoformat() if day > first else None,
        "after": (day + _DAY).isoformat() if day < last else None,
        "events": event_body(events),
        "count": len(events),
        "vitals": vitals_body(vitals),
        "times": len(vitals),
        "vital_columns": VITAL_COLUMNS,
    }


def parse_date(text: str | None) -> date | None:
    """A date as ISO 8601 writes it, ``None`` for anything else."""
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        return None


def why_nobody_is_graded(chart: Chart, at: datetime, zone: tzinfo) -> str:
    """In a sentence, why there is no grade."""
    given = [each.at for each in chart.infusions if each.at is not None and each.at <= at]
    if given:
        latest = max(given)
        days = shipped_tables().span("monitoring").days
        return (
            f"The last CAR-T infusion on record was on {write_clock(latest, zone)}, day {day_of(at, latest)}"
            f" today. CRS and ICANS are graded for {days} days after an infusion."
        )
    return "No CAR-T infusion that took place is on record."


def doses_unread(bedside: Bedside) -> bool:
    """Whether there may be more doses against the syndromes than could be read."""
    counted = bedside.review is not None and bedside.review.tocilizumab.may_be_more
    return counted or any(
        gap.what in _TREATMENTS and gap.why is not GapWhy.ATTRIBUTED_ELSEWHERE for gap in bedside.chart.gaps
    )


def _product(product: str | None) -> str:
    return product.replace("-", " ") if product else "product not known"


def _read_at(bedside: Bedside) -> str:
    return f"{write_clock(bedside.at, bedside.zone)} (UTC{_offset(bedside.at, bedside.zone)})"


def _offset(at: datetime, zone: tzinfo) -> str:
    return at.astimezone(zone).isoformat()[-6:]
