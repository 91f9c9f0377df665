"""What a launch is about, from the token answer: the patient first of all.

The patient comes from the authorization server alone, never from an earlier session, a link or a hint. The
rest is comfort: what cannot be read of it is left out. ``tenant`` is opaque and for configuration; nothing of
ours depends on it, so it is not kept.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from smart_app.session import View

_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_OBSERVATION = re.compile(r"Observation/[A-Za-z0-9\-.]{1,64}")
_LARGEST_HINT = 4096
_MOST_CONTEXTS = 50
_LONGEST_URL = 2000
_VIEW_OF_INTENT = {
    "timeline": View.COURSE,
    "ice-assessment": View.ICE,
    "treatment-history": View.TREATMENTS,
}


class NoPatientError(Exception):
    """The launch names no patient that can be used."""


class AppContext(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The hint in the link of a card: which page to open. It chooses no patient."""

    v: Literal[1]
    view: Literal["course", "ice", "treatments"]
    card: str | None = None


_decode_hint = msgspec.json.Decoder(AppContext).decode


@dataclass(frozen=True, slots=True)
class LaunchContext:
    """The context of a launch. ``highlight`` is an Observation to look at; ``style_url`` is unchecked."""

    patient_id: str
    encounter_id: str | None
    shows_banner: bool
    view: View
    highlight: str | None
    style_url: str | None


def read_launch_context(values: Mapping[str, Any], base: str) -> LaunchContext:
    """Read the context from a token answer. Raises :class:`NoPatientError`.

    ``base`` is the FHIR base without a slash at its end. The page of a card's hint goes before the EHR's
    ``intent``, as it is what was clicked; without either the course is shown. A banner is shown unless the
    EHR says exactly ``false``.
    """
    patient, encounter = values.get("patient"), values.get("encounter")
    if not isinstance(patient, str) or not _ID.fullmatch(patient):
        raise NoPatientError
    hint, intent, style = values.get("appContext"), values.get("intent"), values.get("smart_style_url")
    return LaunchContext(
        patient_id=patient,
        encounter_id=encounter if isinstance(encounter, str) and _ID.fullmatch(encounter) else None,
        shows_banner=values.get("need_patient_banner") is not False,
        view=view_of_hint(hint)
        or (_VIEW_OF_INTENT.get(intent) if isinstance(intent, str) else None)
        or View.COURSE,
        highlight=_highlight(values.get("fhirContext"), base),
        style_url=style if isinstance(style, str) and len(style) <= _LONGEST_URL else None,
    )


def view_of_hint(hint: Any) -> View | None:
    """The page that an ``appContext`` names; ``None`` for one that is absent, too large or not ours."""
    if not isinstance(hint, str) or len(hint) > _LARGEST_HINT:
        return None
    try:
        content = hint.encode()
        return View(_decode_hint(content).view) if len(content) <= _LARGEST_HINT else None
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return None


def _highlight(contexts: Any, base: str) -> str | None:
    """The first Observation among what the EHR launched with, at this FHIR base."""
    for context in contexts[:_MOST_CONTEXTS] if isinstance(contexts, list) else []:
        if not isinstance(context, dict) or context.get("role", "launch") != "launch":
            continue
        reference = context.get("reference")
        if isinstance(reference, str):
            relative = reference.removeprefix(base + "/")
            if _OBSERVATION.fullmatch(relative):
                return relative
    return None
