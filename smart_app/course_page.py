"""The course page: both grades with their reasons, the timeline as drawing and as tables, the treatments."""

from datetime import datetime, tzinfo
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
from smart_app.page_room import Bedside, PageRoom
from smart_app.timeline import Window, draw_up_timeline
from smart_app.timeline_rows import write_clock
from smart_app.timeline_svg import LEGEND, draw_timeline
from smart_app.timeline_table import VITAL_COLUMNS, event_lines, vitals_lines

_TREATMENTS = frozenset({GapWhat.TOCILIZUMAB, GapWhat.STEROIDS})
_WINDOW_WORDS = {
    Window.DAY: "24 hours",
    Window.THREE_DAYS: "72 hours",
    Window.WEEK: "7 days",
    Window.ALL: "all since the infusion",
}


def course_router(room: PageRoom) -> APIRouter:
    """``GET /s/{sid}/course``: ``window`` is ``24h``, ``72h`` (default), ``7d`` or ``all``.

    ``view=treatments`` leads to the treatments of the same page.
    """
    router = APIRouter()

    @router.get("/s/{sid}/course")
    async def course(request: Request) -> Response:
        session = await room.open(request)
        if request.query_params.get("view") == "treatments":
            return RedirectResponse(f"{room.path_of(session, 'course')}#treatments", status_code=303)
        bedside = await room.read(session)
        window = _window(request.query_params.get("window"))
        values = page_values(bedside, window, session.highlight)
        return room.render("course.html", session, bedside, **values)

    return router


def _window(asked: str | None) -> Window:
    """The window asked for; an unknown one is the default, as a link may be old."""
    return next((window for window in Window if window.value == asked), Window.THREE_DAYS)


def page_values(bedside: Bedside, window: Window, highlight: str | None = None) -> dict[str, Any]:
    """What the template shows, in words."""
    read_at = f"{write_clock(bedside.at, bedside.zone)} (UTC{_offset(bedside.at, bedside.zone)})"
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
        "events": happened,
        "absent": absent,
        "vitals": vitals,
        "vital_columns": VITAL_COLUMNS,
        "highlight": highlight,
        "highlight_shown": any(row.highlighted for row in timeline.rows),
        "treatments_unread": doses_unread(bedside.chart),
        "treatments": [] if course is None else treatment_lines(course, bedside.zone),
    }


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


def doses_unread(chart: Chart) -> bool:
    """Whether there may be more doses against the syndromes than could be read."""
    return any(gap.what in _TREATMENTS and gap.why is not GapWhy.ATTRIBUTED_ELSEWHERE for gap in chart.gaps)


def _product(product: str | None) -> str:
    return product.replace("-", " ") if product else "product not known"


def _offset(at: datetime, zone: tzinfo) -> str:
    return at.astimezone(zone).isoformat()[-6:]
