"""The table of the demonstration: one line a patient, at most 120 columns wide."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from management.assessment_document import EXTENSION_NAME

_WIDTHS = {"name": 12, "day": 3, "CRS": 4, "ICANS": 5, "driver": 33, "actions": 53}
_GAP = "  "
LEGEND = (
    "2-3?: one of these grades. n/a: not assessable. +4: four more do not fit. Names with dots: ids of the"
    " JSON answer."
)


def describe_patients(rows: Iterable[tuple[str, Mapping[str, Any]]]) -> str:
    """Return the table for pairs of a patient's name and a ``patient-view`` response."""
    lines = [_line(dict(zip(_WIDTHS, _WIDTHS, strict=True)))]
    lines.append(_GAP.join("-" * width for width in _WIDTHS.values()))
    lines += [_line({"name": name, **_cells(response)}) for name, response in rows]
    return "\n".join(lines)


def _line(cells: Mapping[str, str]) -> str:
    parts = []
    for name, width in _WIDTHS.items():
        text = cells.get(name, "")
        parts.append((text if len(text) <= width else text[: width - 1] + "…").ljust(width))
    return _GAP.join(parts).rstrip()


def _cells(response: Mapping[str, Any]) -> dict[str, str]:
    document = response.get("extension", {}).get(EXTENSION_NAME)
    if document is None:
        return {"day": "-", "CRS": "-", "ICANS": "-", "driver": "no CAR-T infusion on record", "actions": "-"}
    return {
        "day": str(document.get("infusion", {}).get("day", "?")),
        "CRS": _grade(document["crs"]),
        "ICANS": _grade(document["icans"]),
        "driver": _driver(document),
        "actions": _actions(document),
    }


def _grade(syndrome: Mapping[str, Any]) -> str:
    match syndrome["status"]:
        case "none" | "graded":
            return str(syndrome["grade"])
        case "indeterminate":
            low, high = syndrome["range"]
            return f"{low}-{high}?"
        case _:
            return "n/a"


def _driver(document: Mapping[str, Any]) -> str:
    """Name the criteria met, without the fever where something graver stands beside it; else what is not
    known.
    """
    met = []
    for syndrome in ("crs", "icans"):
        criteria = [id_.split(".", 1)[1] for id_ in document[syndrome].get("criteria", ())]
        beyond_fever = [id_ for id_ in criteria if not id_.startswith("fever.")]
        met += beyond_fever or criteria
    if met:
        return _fit(met, _WIDTHS["driver"])
    gaps = dict.fromkeys(f"{gap['what']} {gap['why']}" for gap in document.get("gaps", ()))
    return _fit(list(gaps), _WIDTHS["driver"]) or "no criterion met"


def _actions(document: Mapping[str, Any]) -> str:
    """List the recommendations: recommended doses, intensive care, other doses, then the rest."""
    words = []
    for one in sorted(document.get("recommendations", ()), key=_rank):
        dose = one.get("dose")
        words.append(f"{one['id']} {dose['value']:g} {dose['unit']}" if dose else one["id"])
    return _fit(words, _WIDTHS["actions"]) or "-"


def _rank(offer: Mapping[str, Any]) -> tuple[bool, bool, bool, bool]:
    recommended = offer["strength"] == "recommend"
    has_dose = "dose" in offer
    return (not (recommended and has_dose), not offer["id"].startswith("icu."), not has_dose, not recommended)


def _fit(words: Sequence[str], width: int) -> str:
    """Join as many words as fit whole, and count the rest."""
    for shown in range(len(words), 0, -1):
        rest = f" +{len(words) - shown}" if shown < len(words) else ""
        text = ", ".join(words[:shown]) + rest
        if len(text) <= width:
            return text
    return ", ".join(words)
