"""A dose written as text, where the text is a dose and nothing else: ``8 mg/kg IV over 1 h once``.

Strict on purpose: one word that is not understood, a comma in a number, a rate per day or a second amount
makes it no dose that is read. A repetition is also looked for in other texts (``every 6 hours``), because an
interval overlooked is worse than one asked about; "at most every 8 h" is a limit and none.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

_LONGEST = 300
_AMOUNT = re.compile(
    r"(?P<amount>\d{1,6}(?:\.\d{1,4})?)\s*(?P<unit>mg/kg|mg|mcg|µg|μg|ug|g|milligrams?|grams?)(?![\w/])",
    re.IGNORECASE,
)
# "1,000 mg" is not "000 mg".
_AMOUNT_ANYWHERE = re.compile(rf"(?<![\d.,]){_AMOUNT.pattern}", re.IGNORECASE)
_ROUTE = (
    r"intravenous(?:ly)?|iv|i\.v\.|ivpb|po|oral(?:ly)?|by mouth|subcutaneous(?:ly)?|subcut|sc|"
    r"intramuscular(?:ly)?|im"
)
_TAIL = re.compile(
    rf"(?:[\s,;.]+(?:(?P<route>{_ROUTE})"
    r"|infusion|push|piggyback|bolus"
    r"|(?:infused )?over \d{1,3} ?(?:h|hrs?|hours?|min|minutes?)"
    r"|once(?: only)?|x ?1|one time|single dose|one dose|now|stat"
    r"|(?:every|q) ?\d{1,2} ?(?:h|hrs?|hours?)|(?:once |twice )?daily|every day|qd|bid|tid|qid"
    r"|prn|as needed|x ?\d{1,2} doses?|for \d{1,2} (?:days?|doses?)))*[\s,;.]*",
    re.IGNORECASE,
)
_ROUTE_WORD = re.compile(rf"(?<!\w)(?:{_ROUTE})(?!\w)", re.IGNORECASE)
_EVERY = re.compile(
    r"(?P<limit>at most|max(?:imum|\.)?|no more(?: often)? than|not more(?: often)? than|up to)?[\s:]*"
    r"(?<!\w)(?:every|q) ?(?P<number>\d{1,2}) ?(?P<unit>h|hrs?|hours?|d|days?|min|minutes?)(?!\w)",
    re.IGNORECASE,
)
_REPEAT = re.compile(
    r"(?<!not )(?<!not be )(?<!not to be )(?<!never )repeat(?:ed|able)?(?!\w)[^.;\d]{0,30}"
    r"(?P<number>\d{1,2}) ?(?P<unit>h|hrs?|hours?|d|days?|min|minutes?)(?!\w)",
    re.IGNORECASE,
)
# Words that speak of another dose; whether and when is then asked, unless the text says it.
_AGAIN = re.compile(
    r"(?<!not )(?<!not be )(?<!not to be )(?<!never )(?<!no )(?<!\w)"
    r"(?:repeat(?:ed|able)?|re-?dose|(?:another|further|additional) doses?)(?!\w)",
    re.IGNORECASE,
)
_CLAUSE = re.compile(r"(?<!\d)[.,;\n]|[.,;\n](?!\d)")
# A clause about looking after the patient is no repetition of the dose: "check blood pressure every 15 min".
_CARE = re.compile(
    r"(?<!\w)(?:check|monitor|measure|observe|vitals?|vital signs|blood pressure|bp|temperature|saturation|"
    r"ice|neuro\w*|labs?|levels?|crp|ferritin|cultures?|ecg|flush)(?!\w)",
    re.IGNORECASE,
)
_DOSE_WORD = re.compile(r"(?<!\w)(?:doses?|infusion)(?!\w)", re.IGNORECASE)
_ONCE = re.compile(
    r"(?<!\w)(?:once(?! (?:daily|a day|every))|x ?1|one time|single dose|one dose|stat)(?!\w)", re.I
)
_DOSES = re.compile(r"(?:x|for) ?(?P<number>\d{1,2}) doses?(?!\w)", re.IGNORECASE)
_IN_MG = {
    "g": Decimal(1000),
    "gram": Decimal(1000),
    "mcg": Decimal("0.001"),
    "µg": Decimal("0.001"),
    "μg": Decimal("0.001"),
    "ug": Decimal("0.001"),
}
_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "m": timedelta(minutes=1)}


@dataclass(frozen=True, slots=True)
class TextDose:
    """An amount in mg, or in mg/kg where ``by_weight``; ``route`` is the word for it, if there is one."""

    amount: Decimal
    by_weight: bool
    written: str
    route: str | None


@dataclass(frozen=True, slots=True)
class TextSchedule:
    """A repetition that a text speaks of; ``once`` that it says one dose, ``again`` that it speaks of another
    and does not say when.
    """

    interval: timedelta | None = None
    once: bool = False
    count: int | None = None
    again: bool = False


def read_dose_text(text: str | None, names: Sequence[str] = ()) -> TextDose | None:
    """Read a text that is one dose; ``None`` for any other. ``names`` of the drug may stand before it."""
    if not text or len(text) > _LONGEST:
        return None
    rest = " ".join(text.split())
    for name in names:
        if name and rest.casefold().startswith(f"{name.casefold()} "):
            rest = rest[len(name) :].lstrip(" :,-")
            break
    amount = _AMOUNT.match(rest)
    if amount is None or not _TAIL.fullmatch(rest, amount.end()):
        return None
    unit = amount["unit"].casefold().rstrip("s")
    value = Decimal(amount["amount"]) * _IN_MG.get(unit, Decimal(1))
    if value <= 0:
        return None
    route = _ROUTE_WORD.search(rest, amount.end())
    word = None if route is None else route[0].casefold().removesuffix("ly")
    return TextDose(value, unit == "mg/kg", f"{amount['amount']} {amount['unit']}", word)


def read_schedule_text(text: str | None) -> TextSchedule:
    """What a text says of repetition, but for clauses about the care beside it."""
    if not text:
        return TextSchedule()
    if len(text) > _LONGEST:
        return TextSchedule(again=_AGAIN.search(text) is not None)
    text = ", ".join(clause for clause in _CLAUSE.split(text) if not _is_care(clause))
    number = _DOSES.search(text)
    count = int(number["number"]) if number is not None else None
    for match in _EVERY.finditer(text):
        if match["limit"] is None and int(match["number"]):
            interval = int(match["number"]) * _UNITS[match["unit"][0].casefold()]
            return TextSchedule(interval, once=False, count=count)
    if (again := _REPEAT.search(text)) is not None and int(again["number"]):
        # "May repeat after 4 h": one more dose, and how soon.
        interval = int(again["number"]) * _UNITS[again["unit"][0].casefold()]
        return TextSchedule(interval, once=False, count=count or 2)
    return TextSchedule(
        once=_ONCE.search(text) is not None, count=count, again=_AGAIN.search(text) is not None
    )


def _is_care(clause: str) -> bool:
    about_a_dose = _AMOUNT.search(clause) or _DOSE_WORD.search(clause)
    return _CARE.search(clause) is not None and about_a_dose is None


def amounts_in(text: str) -> list[re.Match[str]]:
    """Every amount that a text states."""
    return list(_AMOUNT_ANYWHERE.finditer(text[:_LONGEST]))
