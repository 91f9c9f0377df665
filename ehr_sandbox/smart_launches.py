"""Launches from the chart: what one is about, kept behind an opaque value that is good once."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock
from typing import Any

LAUNCH_LASTS = timedelta(minutes=5)
_MOST_LAUNCHES = 1000
DEMO_USER = "Practitioner/demo-clinician"


@dataclass(frozen=True, slots=True)
class LaunchContext:
    """What an app is opened for, as the token answer will tell it.

    ``user`` is who is signed in, relative to the FHIR base. ``None`` leaves a member out of the answer.
    ``app_context`` is the text of a card's link, handed on as it is. ``fhir_context`` holds objects with
    ``reference``, ``canonical`` or ``identifier``.
    """

    patient_id: str
    encounter_id: str | None = None
    user: str = DEMO_USER
    intent: str | None = None
    app_context: str | None = None
    fhir_context: Sequence[Mapping[str, Any]] = ()
    tenant: str | None = None
    need_patient_banner: bool | None = True
    smart_style_url: str | None = None

    def members(self) -> dict[str, Any]:
        """The members of the token answer."""
        told = {
            "patient": self.patient_id,
            "encounter": self.encounter_id,
            "need_patient_banner": self.need_patient_banner,
            "intent": self.intent,
            "appContext": self.app_context,
            "fhirContext": [dict(context) for context in self.fhir_context] or None,
            "tenant": self.tenant,
            "smart_style_url": self.smart_style_url,
        }
        return {name: value for name, value in told.items() if value is not None}


class Launches:
    """Launches that have begun. Each lasts five minutes; beyond a thousand the oldest is forgotten."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._lock = Lock()
        self._open: dict[str, tuple[datetime, LaunchContext]] = {}

    def begin(self, context: LaunchContext) -> str:
        """Keep a context; returns the ``launch`` value, safe to stand in a URL as it is."""
        launch = secrets.token_urlsafe(32)
        with self._lock:
            while len(self._open) >= _MOST_LAUNCHES:
                del self._open[next(iter(self._open))]
            self._open[launch] = (self._now() + LAUNCH_LASTS, context)
        return launch

    def take(self, launch: str) -> LaunchContext | None:
        """The context, once; ``None`` for a value that is unknown, used or too old."""
        with self._lock:
            until, context = self._open.pop(launch, (None, None))
        return context if until is not None and self._now() <= until else None
