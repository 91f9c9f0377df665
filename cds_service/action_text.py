"""What the protocol suggests and withholds, as lines of a card: the dose first, its arithmetic, the reason.

Sources stand once at the end of a card, by row; a row whose tier may not be relied on is marked where it is
read.
"""

from collections.abc import Collection, Iterable, Sequence

from cds_service.card_text import escape_fixed, escape_markdown, spell_units, write_number
from fhir_maps.draft_orders import ORDERED_DRUGS
from management.review import Dose, Recommendation, Strength, Withheld

_LONG = 600
_LONGEST_SOURCES = 2000
_SCREEN = "screen."
_ASKED_WITH_GAPS = "ask.missing-data"
_GUARD_WORDS = {
    "isolated-icans": "ICANS without CRS",
    "interval-under-8h": "less than 8 h since the last dose",
    "three-doses-in-24h": "three doses in 24 h",
    "four-doses-in-total": "four doses in all",
    "no-weight": "no weight",
    "stale-weight": "the weight is too old",
}


def sort_actions(recommendations: Iterable[Recommendation]) -> list[Recommendation]:
    """Urgent ones first, then by strength; of each those with a dose first, else as they came."""
    return sorted(
        recommendations,
        key=lambda item: (
            not item.urgent,
            item.strength is not Strength.RECOMMEND,
            item.dose is None,
        ),
    )


def is_screen(item: Recommendation) -> bool:
    """Whether it is a thought of what else it could be, not a thing to do."""
    return item.id.startswith(_SCREEN)


def asks_for_data(item: Recommendation) -> bool:
    """Whether it asks for what stands among the gaps anyway."""
    return item.id == _ASKED_WITH_GAPS


def action_line(item: Recommendation, known: Collection[str] = ()) -> str:
    """A recommendation as one Markdown list item. Reasons in ``known`` are those the card says anyway."""
    title = escape_fixed(item.title)
    if item.dose is not None:
        parts = [f"**{title}: {_amount(item.dose)}.** {escape_fixed(item.text, _LONG)}", _arithmetic(item)]
    else:
        parts = [f"**{title}.** {escape_fixed(item.text, _LONG)}"]
        if item.dose_rule:
            parts.append(f"Dose rule: {escape_markdown(item.dose_rule)} (not computed).")
    reasons = [reason for reason in _told_once(item.reasons) if reason not in known]
    if reasons:
        parts.append(f"Why: {escape_markdown(spell_units('; '.join(reasons)), _LONG)}.")
    if item.missing:
        parts.append(f"Not known: {escape_markdown('; '.join(item.missing), _LONG)}.")
    if item.no_draft_because is not None:
        parts.append(f"No draft order is offered: {escape_markdown(item.no_draft_because, _LONG)}.")
    parts += [f"**Caution:** {escape_markdown(spell_units(caution), _LONG)}." for caution in item.cautions]
    mark = "" if item.verified else ", **not verified**"
    parts.append(f"(row {escape_fixed(item.row)}{mark})")
    return " ".join(parts)


def source_line(recommendations: Iterable[Recommendation], withheld: Iterable[Withheld] = ()) -> str | None:
    """Where the rows come from, each source once with its rows; ``None`` without any."""
    rows: dict[tuple[str, str], list[str]] = {}
    for item in recommendations:
        named = rows.setdefault((item.cite, item.tier), [])
        if item.row not in named:
            named.append(item.row)
    told = [f"{', '.join(named)}: {cite} (tier {tier})" for (cite, tier), named in rows.items()]
    told += dict.fromkeys(f"{item.because.value}: {item.cite}" for item in withheld)
    return f"Sources by row. {escape_markdown('. '.join(told), _LONGEST_SOURCES)}." if told else None


def withheld_lines(withheld: Iterable[Withheld]) -> list[str]:
    """What a guard holds back, with the reason."""
    return [
        f"**Withheld: {escape_markdown(item.id)}** because of {_guard(item)}:"
        f" {escape_markdown(item.text, _LONG)}"
        for item in withheld
    ]


def _guard(item: Withheld) -> str:
    code = item.because.value
    words = _GUARD_WORDS.get(code)
    return code if words is None else f"{words} ({code})"


def _told_once(reasons: Sequence[str]) -> list[str]:
    """Leave out a reason that another one holds ("CRS grade 3" beside "ICU criterion: CRS grade 3")."""
    return [
        reason
        for place, reason in enumerate(reasons)
        if not any(reason in other for other in (*reasons[:place], *reasons[place + 1 :]) if other != reason)
    ]


def _amount(dose: Dose) -> str:
    words = [f"{write_number(dose.value, 2)} {dose.unit}", dose.route or "", dose.interval or ""]
    return escape_markdown(" ".join(word for word in words if word))


def _arithmetic(item: Recommendation) -> str:
    """How the dose comes about, the weight it rests on, and what of an order the source leaves open."""
    dose = item.dose
    if dose is None:
        return ""
    text = escape_markdown(dose.arithmetic)
    if dose.capped and "cap" not in dose.arithmetic:
        text += ", at the cap"
    if dose.weight_kg is not None:
        when = f" of {dose.weight_at:%Y-%m-%d}" if dose.weight_at else ""
        text += f"; weight {write_number(dose.weight_kg, 2)} kg{when}"
    return f"Dose: {text}.{_open_parts(item, dose)}"


def _open_parts(item: Recommendation, dose: Dose) -> str:
    parts = missing_order_parts(item, dose)
    return (
        f" The source states no {' and no '.join(parts)}: the prescriber completes the order."
        if parts
        else ""
    )


def missing_order_parts(item: Recommendation, dose: Dose) -> list[str]:
    """What of a drug order the source leaves to the prescriber."""
    if item.id not in ORDERED_DRUGS:
        return []
    return [name for name, value in (("route", dose.route), ("interval", dose.interval)) if not value]
