"""The EHR's own colours and type (``smart_style_url``), as a stylesheet of ours.

The file is fetched by the server, from the origin of the FHIR base alone. Of its eleven known keys each value
is taken only where it has the form that belongs to it; text that would not stand out from its ground (4.5:1)
is left out, with its ground. What is left becomes custom properties and nothing else: no selector, no address
and no rule of the EHR's can come through. Any fault means our own style.
"""

import logging
import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from fastapi import APIRouter, Request, Response

from fhir_maps.retrieve import origin_of
from smart_app.authorization_server import OutgoingRequests, ServerFaultError
from smart_app.ehr_client import EhrClient
from smart_app.page_room import PageRoom

logger = logging.getLogger(__name__)

LEAST_CONTRAST = 4.5
KEPT_FOR = timedelta(hours=1)
_MOST_KEPT = 50
_BACKGROUND = "color_background"
_TEXT = "color_text"
# Each is written on the ground or is the ground of text: it must stand out from it.
_ON_BACKGROUND = ("color_error", "color_highlight", "color_success")
_COLOURS = (_BACKGROUND, _TEXT, *_ON_BACKGROUND, "color_modal_backdrop")
_LENGTHS = {"dim_border_radius": 32.0, "dim_font_size": 24.0, "dim_spacing_size": 64.0}  # most CSS pixels
_LEAST_FONT_PIXELS = 12.0
_PIXELS_OF = {"px": 1.0, "rem": 16.0, "em": 16.0}
_FONTS = ("font_family_body", "font_family_heading")

_COLOUR = re.compile(r"#(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})")
_LENGTH = re.compile(r"(?P<number>\d{1,3}(?:\.\d{1,3})?)(?P<unit>px|rem|em)")
_FONT_NAME = re.compile(r"(?P<quote>['\"]?)[A-Za-z][A-Za-z0-9 -]{0,39}(?P=quote)")


class Styles:
    """Fetches styles and keeps them for an hour. ``now`` is real time (aware)."""

    def __init__(self, requests: OutgoingRequests, now: Callable[[], datetime]) -> None:
        self._requests = requests
        self._now = now
        self._kept: dict[str, tuple[datetime, str]] = {}

    async def stylesheet(self, ehr: EhrClient, url: str | None) -> str:
        """The stylesheet for an EHR's style; empty where there is none that can be used."""
        if url is None:
            return ""
        if origin_of(url) is None or origin_of(url) != origin_of(ehr.iss):
            logger.warning("smart_style_url of %s is not on its origin: it is not read", ehr.base)
            return ""
        kept = self._kept.get(url)
        if kept is not None and timedelta() <= self._now() - kept[0] < KEPT_FOR:
            return kept[1]
        try:
            sheet = stylesheet_of(await self._requests.get_json(url))
        except ServerFaultError as error:
            logger.warning("smart_style_url of %s: %s", ehr.base, error.fault.value)
            return ""
        if len(self._kept) >= _MOST_KEPT:
            self._kept.clear()
        self._kept[url] = (self._now(), sheet)
        return sheet


def stylesheet_of(style: Mapping[str, Any]) -> str:
    """Custom properties for the values of a style that can be used: ``--ehr-color-text: #123456``."""
    values: dict[str, str] = {}
    colours = {key: style[key] for key in _COLOURS if _is(_COLOUR, style.get(key))}
    ground = colours.get(_BACKGROUND)
    if ground is not None and _TEXT in colours and contrast(colours[_TEXT], ground) >= LEAST_CONTRAST:
        values |= {key: colours[key] for key in (_BACKGROUND, _TEXT)}
        values |= {
            key: colours[key]
            for key in _ON_BACKGROUND
            if key in colours and contrast(colours[key], ground) >= LEAST_CONTRAST
        }
    if "color_modal_backdrop" in colours:
        values["color_modal_backdrop"] = colours["color_modal_backdrop"]
    for key, most in _LENGTHS.items():
        if _is_length(style.get(key), _LEAST_FONT_PIXELS if key == "dim_font_size" else 0.0, most):
            values[key] = style[key]
    values |= {key: fonts for key in _FONTS if (fonts := _fonts(style.get(key)))}
    if not values:
        return ""
    lines = "".join(f"  --ehr-{key.replace('_', '-')}: {value};\n" for key, value in values.items())
    return f":root {{\n{lines}}}\n"


def style_router(room: PageRoom) -> APIRouter:
    """The stylesheet of a session, relative to ``/smart``."""
    router = APIRouter()

    @router.get("/s/{sid}/style.css")
    async def style(request: Request) -> Response:
        session = await room.open(request)
        return Response(session.style, media_type="text/css", headers={"Cache-Control": "no-store"})

    return router


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours ``#rgb`` or ``#rrggbb`` (WCAG 2.2), from 1 to 21."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    digits = colour[1:]
    if len(digits) == 3:
        digits = "".join(2 * digit for digit in digits)
    red, green, blue = (_linear(int(digits[place : place + 2], 16) / 255) for place in (0, 2, 4))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4


def _is(pattern: re.Pattern[str], value: Any) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def _is_length(value: Any, least: float, most: float) -> bool:
    found = _LENGTH.fullmatch(value) if isinstance(value, str) else None
    return found is not None and least <= float(found["number"]) * _PIXELS_OF[found["unit"]] <= most


def _fonts(value: Any) -> str | None:
    """A list of font names; a real file ended it in a semicolon."""
    if not isinstance(value, str) or len(value) > 300:
        return None
    names = [name.strip() for name in value.strip().removesuffix(";").split(",")]
    return ", ".join(names) if all(_FONT_NAME.fullmatch(name) for name in names) else None
