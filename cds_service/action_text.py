"""What the protocol suggests and withholds, as lines of a card, each with its dose, arithmetic and source."""

from collections.abc import Iterable, Sequence

from cds_service.card_text import escape_fixed, escape_markdown, spell_units, write_number
from cds_service.gap_text import Syndrome
from management.review import Dose, Recommendation, Strength, Withheld

_LONG = 600
_STRENGTH_WORDS = {Strength.RECOMMEND: "Recommend", Strength.CONSIDER: "Consider"}
_ICANS_IDS = frozenset(
    {
        "ice.repeat",
        "seizure.prophylaxis",
        "seizure.treatment",
        "eeg",
        "neuroimaging",
        "lumbar-puncture.consider",
        "neurology.consult",
        "aspiration-precautions",
        "delirium.care",
        "icp.management",
        "neurosurgery.urgent",
        "screen.haemorrhage",
        "screen.stroke",
        "screen.nonconvulsive-seizure",
        "non-icans-neurotoxicity",
    }
)
_ICANS_ROWS = ("I", "AI", "N")


def syndrome_of_action(recommendation: Recommendation) -> Syndrome:
    """The syndrome whose card carries a recommendation: by what it is, else by the row it comes from."""
    by_row = recommendation.row.partition(".")[0].rstrip("0123456789") in _ICANS_ROWS
    return Syndrome.ICANS if recommendation.id in _ICANS_IDS or by_row else Syndrome.CRS


def action_lines(recommendations: Iterable[Recommendation]) -> list[str]:
    """Recommendations as Markdown list items, urgent ones first, then by strength."""
    ordered = sorted(
        recommendations, key=lambda item: (not item.urgent, item.strength is not Strength.RECOMMEND)
    )
    return [_action(item) for item in ordered]


def _action(item: Recommendation) -> str:
    strength = _STRENGTH_WORDS[item.strength]
    lead = "" if item.title.startswith(f"{strength} ") else f"{strength}: "
    head = f"**{lead}{escape_fixed(item.title)}.**"
    parts = [f"{head} {escape_fixed(item.text, _LONG)}"]
    if item.dose is not None:
        parts.append(_dose(item.dose))
    elif item.dose_rule:
        parts.append(f"Dose rule: {escape_markdown(item.dose_rule)} (not computed).")
    if item.reasons:
        parts.append(f"Why: {escape_markdown(spell_units('; '.join(_told_once(item.reasons))), _LONG)}.")
    if item.no_draft_because is not None:
        parts.append(f"No draft order is offered: {escape_markdown(item.no_draft_because, _LONG)}.")
    parts += [f"Caution: {escape_markdown(spell_units(caution), _LONG)}." for caution in item.cautions]
    parts.append(_citation(item.cite, item.row, item.tier, item.verified))
    return " ".join(parts)


def _told_once(reasons: Sequence[str]) -> list[str]:
    """Leave out a reason that another one holds ("CRS grade 3" beside "ICU criterion: CRS grade 3")."""
    return [
        reason
        for place, reason in enumerate(reasons)
        if not any(reason in other for other in (*reasons[:place], *reasons[place + 1 :]) if other != reason)
    ]


def _dose(dose: Dose) -> str:
    words = [f"{write_number(dose.value, 2)} {dose.unit}", dose.route or "", dose.interval or ""]
    amount = escape_markdown(" ".join(word for word in words if word))
    cap = ", at the cap" if dose.capped and "cap" not in dose.arithmetic else ""
    text = f"Dose: **{amount}** ({escape_markdown(dose.arithmetic)}{cap})"
    if dose.weight_kg is not None:
        when = f" of {dose.weight_at:%Y-%m-%d}" if dose.weight_at else ""
        text += f", weight {write_number(dose.weight_kg, 2)} kg{when}"
    return text + "."


def _citation(cite: str, row: str, tier: str, verified: bool) -> str:
    mark = "" if verified else "; **not verified**"
    return f"({escape_fixed(cite)}; row {escape_fixed(row)}, tier {escape_fixed(tier)}{mark})"


def withheld_lines(withheld: Iterable[Withheld]) -> list[str]:
    """What a guard holds back, with the reason and its source."""
    return [
        f"**Withheld: {escape_markdown(item.id)}** because of {item.because.value}:"
        f" {escape_markdown(item.text, _LONG)} ({escape_markdown(item.cite)})"
        for item in withheld
    ]
