"""A draft with its dose corrected: the whole resource as it was sent, and another amount in it.

Everything else stays as the client wrote it, byte for byte. Where the old dose stands in a place that cannot
be changed with certainty (a rate, several instructions, a text that says more than one amount), no corrected
draft is written; a narrative that states the old dose is left out, as it would contradict the order.
"""

import re
from decimal import Decimal
from typing import Any

import msgspec

from fhir_maps.dosage_text import amounts_in, read_schedule_text
from fhir_maps.draft_elements import MEMBERS, RAW_LIST, TEXT, Members, peek
from fhir_maps.draft_orders import UCUM, DraftOrderError, validate_order
from fhir_maps.drafted_orders import Draft
from management.drafted_order import CorrectDose

_AMOUNT_ELSEWHERE = ("maxDosePerAdministration", "maxDosePerLifetime", "patientInstruction")
_RATES = ("rateQuantity", "rateRatio", "rateRange")
# What of a text that is written anew is no amount and has to stay: how it is given, and over what time.
_KEPT = (
    re.compile(r"(?<!\w)(?:intravenous(?:ly)?|iv|i\.v\.)(?!\w)", re.IGNORECASE),
    re.compile(r"(?<!\w)over \d{1,3} ?(?:h|hrs?|hours?|min|minutes?)(?!\w)", re.IGNORECASE),
)
# What states the old amount once more: its arithmetic in brackets, and a most.
_AGAIN = re.compile(
    r"\s*\([^()]*\d\s*(?:mg|mcg|g|ml|vial|tab|cap|amp)[^()]*\)"
    r"|[\s,;]*(?<!\w)(?:max(?:imum|\.)?|at most|not to exceed|up to|capped at)(?: dose)?(?: of)?:? ?"
    r"\d[\d.,]*\s*m?g(?![\w/])",
    re.IGNORECASE,
)
# Numbers that are no amount of the drug.
_OTHER_NUMBERS = re.compile(
    r"(?<!\w)(?:over|every|q|for|after|in) ?\d{1,3} ?(?:h|hrs?|hours?|min|minutes?|d|days?|doses?)(?!\w)"
    r"|(?<!\w)x ?\d{1,2}(?: doses?)?(?!\w)|(?<!\w)in \d{1,4} ?ml(?!\w)|0\.9 ?%",
    re.IGNORECASE,
)


def correct_draft(draft: Draft, dose: CorrectDose) -> Members | None:
    """Write the corrected draft; ``None`` where that cannot be done with certainty.

    A draft without an id cannot be updated. The result is JSON member by member, valid as R4.
    """
    dosage = _only_dosage(draft.members)
    if draft.resource_id is None or dosage is None or any(name in dosage for name in _AMOUNT_ELSEWHERE):
        return None
    if (note := draft.members.get("note")) is not None and _states_amount(note):
        return None  # it would go on to state the old amount
    changed = dict(dosage)
    amount = {
        "value": _number(dose.milligrams),
        "unit": "mg",
        "system": UCUM,
        "code": "mg",
    }
    if dose.per_day:
        period = peek(MEMBERS, dosage.get("maxDosePerPeriod"))
        if period is None:
            return None
        changed["maxDosePerPeriod"] = _raw({**period, "numerator": amount})
    else:
        if "maxDosePerPeriod" in dosage:
            return None  # a most a day that was right for the old amount
        entries = [peek(MEMBERS, raw) for raw in peek(RAW_LIST, dosage.get("doseAndRate")) or []]
        if any(entry is None or any(rate in entry for rate in _RATES) for entry in entries):
            return None
        kept = entries[0] if len(entries) == 1 and entries[0] is not None else {}
        entry = {name: raw for name, raw in kept.items() if name != "doseRange"}
        changed["doseAndRate"] = _raw([{**entry, "doseQuantity": amount}])
    if _states_amount(dosage.get("additionalInstruction", _raw([]))):
        return None
    if "text" in dosage:
        text = _corrected_text(peek(TEXT, dosage["text"]), dose, timed="timing" in dosage)
        if text is None:
            return None
        changed["text"] = _raw(text)
    corrected: Members = {
        name: raw for name, raw in draft.members.items() if not (name == "text" and _states_amount(raw))
    }
    corrected["dosageInstruction"] = _raw([changed])
    return corrected if _is_valid(corrected) else None


def _only_dosage(members: Members) -> Members | None:
    dosages = peek(RAW_LIST, members.get("dosageInstruction"))
    return peek(MEMBERS, dosages[0]) if dosages is not None and len(dosages) == 1 else None


def _corrected_text(text: str | None, dose: CorrectDose, *, timed: bool) -> str | None:
    """The text with the right amount in the place of the old one, and without what states that once more;
    the amount with route and duration alone where a number is left whose meaning is not certain.
    """
    if text is None:
        return None
    right = f"{_number(dose.milligrams)} mg"
    words = _AGAIN.sub("", text)
    amounts = amounts_in(words)
    found = amounts[0] if len(amounts) == 1 else None
    before, after = (words, "") if found is None else (words[: found.start()], words[found.end() :])
    if len(amounts) < 2 and not re.search(r"\d", _OTHER_NUMBERS.sub("", f"{before} {after}")):
        return f"{before}{right}{after}" if found is not None else words
    schedule = read_schedule_text(text)
    if not timed and (schedule.interval is not None or schedule.count is not None):
        return None
    kept = "".join(f" {found[0]}" for words in _KEPT if (found := words.search(text)) is not None)
    return f"{right}{' a day' if dose.per_day else ''}{kept} ({dose.arithmetic})"


def changed_text(before: Members, after: Members) -> tuple[str, str] | None:
    """The text of the one instruction before and after, where it was changed: a reader has to see both."""
    old, new = (peek(TEXT, (_only_dosage(members) or {}).get("text")) for members in (before, after))
    return None if old is None or new is None or old == new else (old, new)


def _states_amount(narrative: msgspec.Raw) -> bool:
    text = bytes(narrative).decode("utf-8", "replace")
    return bool(re.search(r"\d\s*(?:&#160;)?(?:mg|mcg|g|ml|vial|tab|cap)", text, re.IGNORECASE))


def _is_valid(members: Members) -> bool:
    try:
        resource: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(members))
        validate_order(resource)
    except (DraftOrderError, msgspec.MsgspecError):
        return False
    return True


def _raw(value: object) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))


def _number(value: Decimal) -> int | float:
    return int(value) if value == value.to_integral_value() else float(value)
