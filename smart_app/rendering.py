"""Pages from templates. Everything is escaped unless a template says otherwise, and a missing value is an
error: a blank where a number belongs would read as "none". Signs that turn round what is written after them
are left out: behind one of them, 12 mg reads as 21.

Times are told in the offset in which the ward charts, with that offset named.
"""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, tzinfo
from typing import Any
from urllib.parse import urlsplit

from fastapi import Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from management.protocol_rows import Protocol as ClinicalProtocol
from smart_app.banner import age_in_years
from smart_app.errors import PageError
from smart_app.form_door import form_fields
from smart_app.page_room import Banner, Bedside
from smart_app.session import SmartSession
from smart_app.static_files import StaticFiles

CRITERIA = "ASTCT 2019"
PAGES = (("course", "Course"), ("ice", "ICE"), ("attribution", "Attribution"), ("handover", "Hand-over"))
_NOBODY = Banner(None, None, None, None)
# Control characters but tab and line ends, and Unicode's embeddings, overrides and isolates.
_UNSEEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


class Rendering:
    """Renders the templates of the app. ``app_url`` is its public address, ``clock`` tells clinical time."""

    def __init__(self, app_url: str, clock: Callable[[], datetime], protocol: ClinicalProtocol) -> None:
        self._path = urlsplit(app_url).path.rstrip("/")
        self._clock = clock
        self._protocol = protocol
        self.static_files = StaticFiles(f"{self._path}/static")
        self._environment = Environment(
            loader=PackageLoader("smart_app", "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            finalize=without_unseen,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._environment.globals["static"] = self.static_files.url_of
        self._environment.globals["criteria"] = CRITERIA

    def path_of(self, sid: str, page: str) -> str:
        """The path of a page of a session, below the public base."""
        return f"{self._path}/s/{sid}/{page}"

    def path_of_app(self, page: str) -> str:
        """The path of a page outside any session."""
        return f"{self._path}/{page}"

    def page(
        self, template: str, session: SmartSession, bedside: Bedside | None, status: int, **values: Any
    ) -> Response:
        """A page of a session."""
        zone = bedside.zone if bedside is not None else UTC
        banner = bedside.banner if bedside is not None else _NOBODY
        now = self._clock()

        def path(page: str) -> str:
            return self.path_of(session.sid, page)

        # The page around the content takes its values from here, whatever names a content uses for its own.
        frame = {
            "session": session,
            "bedside": bedside,
            "banner": banner,
            "born": born_words(banner, now.astimezone(zone).date()),
            "now": now,
            "path": path,
            "form_fields": lambda: form_fields(session),
            "clock_time": lambda at: clock_time(at, zone),
            "date_time": lambda at: date_time(at, zone),
            "offset": offset_words(now.astimezone(zone)),
            "protocol": self._protocol,
            "pages": PAGES,
            "page": values.get("page", template.partition(".")[0].partition("_")[0]),
        }
        return self._html(template, status, {**frame, **values, "frame": frame})

    def error(self, error: PageError, *, may_retry: bool) -> Response:
        """The page of an error. ``may_retry`` says whether the same address can be loaded again at all."""
        values = {"error": error, "retry": error.retry and may_retry}
        return self._html("ended.html" if error.new_window else "error.html", error.status, values)

    def plain(self, template: str, status: int = 200, **values: Any) -> Response:
        """A page outside any session."""
        return self._html(template, status, values)

    def _html(self, template: str, status: int, values: dict[str, Any]) -> Response:
        return HTMLResponse(self._environment.get_template(template).render(values), status_code=status)


def without_unseen(value: Any) -> Any:
    """A text without the signs that nobody sees and that change how it reads; anything else as it is."""
    if isinstance(value, str) and _UNSEEN.search(value):
        return type(value)(_UNSEEN.sub("", value))
    return value


def clock_time(at: datetime, zone: tzinfo) -> str:
    """Hours and minutes in the zone."""
    return f"{at.astimezone(zone):%H:%M}"


def date_time(at: datetime, zone: tzinfo) -> str:
    """Day, month, hours and minutes in the zone."""
    return f"{day_words(at.astimezone(zone).date())}, {clock_time(at, zone)}"


def offset_words(local: datetime) -> str:
    """The offset of a local time: ``UTC+01:00``, ``UTC``."""
    offset = f"{local:%z}"
    return "UTC" if offset in ("", "+0000") else f"UTC{offset[:3]}:{offset[3:5]}"


def day_words(day: date) -> str:
    """A date that no order of day and month can confuse: ``4 Mar 2026``."""
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year:04}"


def born_words(banner: Banner, today: date) -> str:
    """The birth date with the age, or what is known of it."""
    if banner.birth_date is not None:
        return f"{day_words(banner.birth_date)} ({age_in_years(banner.birth_date, today)} y)"
    return banner.born or "not on record"


_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
