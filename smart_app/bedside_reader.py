"""The patient's record as one page shows it: read from the EHR anew for every page, graded, never kept.

A token that the server no longer takes is renewed once and the refused queries are asked once more. What a
type's missing permission leaves out is said; a page without anything readable is an error page.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from datetime import UTC, datetime, tzinfo
from typing import Any, Protocol

from fhir_maps.chart_reader import ForeignPatient, read_chart
from fhir_maps.data_requirements import Kind, data_requirements
from fhir_maps.retrieve import FhirAccess, FhirReader
from fhir_maps.search_answers import Answer
from fhir_maps.terminology import Terminology
from grading.chart import Chart
from grading.course import PatientCourse
from management.protocol_rows import Protocol as ClinicalProtocol
from management.review import Review
from management.reviewing import review, review_with_course
from smart_app.banner import banner_of
from smart_app.bedside_record import (
    FORBIDDEN,
    UNAUTHORISED,
    BedsideRecord,
    OwnObservations,
    gather,
    join_retried,
    refused_with,
)
from smart_app.errors import PageError, sign_in_ended, wrong_record
from smart_app.page_room import Bedside
from smart_app.session import SmartSession


class TokenSource(Protocol):
    """Where tokens come from: :class:`smart_app.token_keeper.TokenKeeper`."""

    async def access(self, session: SmartSession) -> FhirAccess:
        """The server of a session with a token that is good for now."""
        ...

    async def renew(self, session: SmartSession, used: str) -> bool:
        """Renew after a 401 with the token ``used``; whether there is another one now."""
        ...


class BedsideReader:
    """Reads the records of sessions; keeps nothing of any. ``clock`` tells clinical time (aware)."""

    def __init__(
        self,
        *,
        reader: FhirReader,
        tokens: TokenSource,
        terminology: Terminology,
        protocol: ClinicalProtocol,
        clock: Callable[[], datetime],
    ) -> None:
        self._reader = reader
        self._tokens = tokens
        self._terminology = terminology
        self._protocol = protocol
        self._clock = clock
        self._requirements = data_requirements(terminology)

    async def read(self, session: SmartSession) -> Bedside:
        """Read and grade the record of the session's patient. Raises :class:`PageError`."""
        at = self._clock()
        answers = await self._ask(session)
        record = gather(answers, self._requirements)
        if not record.knows_patient:
            raise PageError(
                502,
                "The EHR does not know this patient",
                "Its FHIR server has no patient of the id that this launch was for. Nothing is shown. "
                "Open the chart again and launch from there.",
            )
        if not record.anything_readable:
            raise _nothing_readable(answers)
        return await asyncio.to_thread(self.grade, session, record, at)

    async def _ask(self, session: SmartSession) -> Mapping[str, Answer]:
        access = await self._tokens.access(session)
        answers = await self._reader.retrieve(self._requirements, access, session.patient_id, {})
        refused = refused_with(answers, UNAUTHORISED)
        if not refused:
            return answers
        if access.token is None or not await self._tokens.renew(session, access.token):
            raise sign_in_ended()
        access = await self._tokens.access(session)
        # The patient is asked for as a proof of the token: some servers say 401 of a type they do not permit.
        asked = [item for item in self._requirements if item.key in refused or item.kind is Kind.READ]
        retried = await self._reader.retrieve(asked, access, session.patient_id, answers)
        if refused_with(retried, UNAUTHORISED) == set(retried):
            raise sign_in_ended()
        return join_retried(answers, retried)

    def grade(self, session: SmartSession, record: BedsideRecord, at: datetime) -> Bedside:
        try:
            reading = read_chart(
                record.documents,
                terminology=self._terminology,
                patient_id=session.patient_id,
                gaps=record.gaps,
            )
        except ForeignPatient:
            raise wrong_record() from None
        chart = reading.chart
        reviewed, course = self._grade(chart, record.infusion_known, at)
        return Bedside(
            at=at,
            zone=(reviewed.assessment.evidence.zone if reviewed else None) or zone_of(chart),
            banner=banner_of(
                record.patient if (record.patient or {}).get("id") == session.patient_id else None
            ),
            chart=chart,
            review=reviewed,
            course=course,
            protocol=self._protocol,
            unread=record.unread,
            observations=OwnObservations(record.documents, session.patient_id, session.highlight),
        )

    def _grade(
        self, chart: Chart, infusion_known: bool, at: datetime
    ) -> tuple[Review | None, PatientCourse | None]:
        reviewed, course = review_with_course(chart, at, self._protocol)
        if reviewed is not None or infusion_known:
            return reviewed, course
        # An old infusion is on record, and a newer one may be: that is not known, which is not "none".
        return review(replace(chart, infusions=()), at, self._protocol), None


def zone_of(chart: Chart) -> tzinfo:
    """The offset in which the ward charts, where nothing is graded: of the latest infusion, else of the
    newest row, else UTC.
    """
    infused = [infusion.at for infusion in chart.infusions if infusion.at is not None]
    charted = infused or [at for row in _timed_rows(chart) if (at := _time_of(row)) is not None]
    latest = max(charted, default=None)
    return (latest.tzinfo if latest is not None else None) or UTC


def _timed_rows(chart: Chart) -> Sequence[Any]:
    # Each tuple is in the order of time, so its last row is the newest of its kind.
    values = (getattr(chart, field.name) for field in fields(chart) if field.name != "gaps")
    return [value[-1] for value in values if isinstance(value, tuple) and value]


def _time_of(row: Any) -> datetime | None:
    at = getattr(row, "at", None) or getattr(row, "start", None)
    return at if isinstance(at, datetime) else None


def _nothing_readable(answers: Mapping[str, Answer]) -> PageError:
    # Who the patient is may be readable all the same.
    if all(answer.refused == FORBIDDEN for answer in answers.values() if not answer.is_readable):
        return PageError(
            403,
            "The record may not be read",
            "The EHR did not permit this app to read this patient's observations. Ask who runs the EHR to "
            "grant it; until then grade from the chart itself.",
        )
    return PageError(
        503,
        "The FHIR server does not answer",
        "Nothing of the record could be read, so nothing is shown. The record itself is not changed. "
        "Try again; until it works, grade from the chart itself.",
        retry=True,
    )
