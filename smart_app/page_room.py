"""What every page of a session is built with: who asks, what the chart says, how it is shown and written.

The page modules (``course_page``, ``ice_page``, ``attribution_page``, ``handover_page``) know this and
nothing of OAuth, cookies or the session store.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from enum import Enum
from typing import Any, Protocol

from fastapi import Request, Response
from starlette.datastructures import FormData

from grading.chart import Chart
from grading.course import PatientCourse
from management.protocol_rows import Protocol as ClinicalProtocol
from management.review import Review
from smart_app.session import SmartSession

Resource = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Banner:
    """Who the patient is, for every page: ``None`` where the record does not say.

    ``born`` is the birth date as it stands, where only its year or month is known.
    """

    name: str | None
    birth_date: date | None
    record_number: str | None
    sex: str | None
    born: str | None = None


@dataclass(frozen=True, slots=True)
class Bedside:
    """One patient's record as read for one page.

    ``at`` is when it was read, ``zone`` the offset in which the ward charts. ``review`` and ``course`` are
    ``None`` where nobody is to be graded. ``unread`` names what could not be had ("temperatures"), in words.
    ``observations`` are the raw Observations by ``Observation/id``, for what a page must show as charted.
    """

    at: datetime
    zone: tzinfo
    banner: Banner
    chart: Chart
    review: Review | None
    course: PatientCourse | None
    protocol: ClinicalProtocol
    unread: tuple[str, ...]
    observations: Mapping[str, Resource]


class Saving(Enum):
    """What became of a resource that was sent."""

    SAVED = "saved"
    ALREADY_THERE = "already-there"  # the same identifier was saved before: nothing was written twice
    REFUSED = "refused"  # 403: not permitted
    REJECTED = "rejected"  # 4xx: the server does not take it as it is
    RENEWED = "renewed"  # 401, and the sign-in was renewed: nothing was written, save again
    ENDED = "ended"  # 401, and the sign-in could not be renewed
    CONFLICT = "conflict"  # 409, 412: changed by somebody else
    UNCERTAIN = "uncertain"  # no answer: it may or may not have been written; saving again writes no second


@dataclass(frozen=True, slots=True)
class Saved:
    """The outcome of a write. ``resource`` is the one re-read from the server, where that was possible."""

    saving: Saving
    resource: Resource | None = None


class PageRoom(Protocol):
    """What :class:`smart_app.smart_room.SmartRoom` gives to its pages."""

    def now(self) -> datetime:
        """The clinical present (aware)."""
        ...

    def path_of(self, session: SmartSession, page: str) -> str:
        """The path of a page of the session: ``/smart/s/{sid}/{page}`` below the public base."""
        ...

    async def open(self, request: Request) -> SmartSession:
        """The session of the path, proven by its cookie. Raises :class:`smart_app.errors.PageError`."""
        ...

    async def open_form(self, request: Request) -> tuple[SmartSession, FormData]:
        """As :meth:`open` for a POST: its origin, form token, session and patient are checked first."""
        ...

    async def read(self, session: SmartSession) -> Bedside:
        """Read the patient's record. Raises :class:`smart_app.errors.PageError` where it cannot be had."""
        ...

    async def create(self, session: SmartSession, resource: Resource) -> Saved:
        """Create, unless one with the same ``identifier`` is there (``If-None-Exist``); re-read it."""
        ...

    async def update(self, session: SmartSession, resource: Resource) -> Saved:
        """Replace a resource by its id; ``meta.versionId``, where it is there, must still hold."""
        ...

    def render(
        self, template: str, session: SmartSession, bedside: Bedside | None, status: int = 200, **values: Any
    ) -> Response:
        """A page of a template, with the session, the bedside and the values in it."""
        ...
