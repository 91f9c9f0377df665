"""From a situation to recommendations: rows that fire, drugs lowered, doses computed, guards applied.

Each id appears once, in its strongest form; the recommend form of a drug removes its consider form. Order:
urgent first, then recommend before consider, then as the protocol's table stands.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from management.conditions import CONDITIONS
from management.dosing import compute_dose, fixed_dose
from management.guard_rails import RefusedWeight, usable_weight, withhold_tocilizumab
from management.icu_criteria import ICU_CRITERION
from management.protocol_rows import Advice, DoseRule, Protocol, ProtocolRow
from management.review import Recommendation, Strength, Withheld
from management.screen_pieces import PIECES_OF_SCREEN
from management.situation import Reasons, Situation, is_child_or_unknown, without_criterion
from management.steroid_doses import last_steroid_doses, why_no_draft
from management.vocabulary import CONSIDER_FORMS, DRUGS, RECOMMEND_FORMS, drug_of


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a protocol makes of a situation."""

    recommendations: tuple[Recommendation, ...] = ()
    withheld: tuple[Withheld, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Offer:
    """A piece of advice that a fired row gives this patient, with what to be careful about in it."""

    advice: Advice
    row: ProtocolRow
    reasons: Reasons
    cautions: tuple[str, ...] = ()


def recommend(situation: Situation, protocol: Protocol) -> Outcome:
    """Apply every row of the protocol to the situation."""
    product = _product_of(situation)
    fired = [
        (row, reasons)
        for row in protocol.rows
        if (not row.products or product in row.products) and (reasons := CONDITIONS[row.when](situation))
    ]
    lowerings = [
        _Lowering(row, reasons, _resting_on(row.resting_on, fired, situation))
        for row, reasons in fired
        if row.lowers
    ]
    offers = _strongest(
        _lower(_Offer(advice, row, reasons), lowerings) for row, reasons in fired for advice in row.gives
    )
    cautions = _cautions(fired)
    kept: list[Recommendation] = []
    withheld = _withheld_by_rows(fired)
    for offer in offers:
        recommendation, held = _dose_and_guard(offer, situation, protocol)
        withheld += [entry for entry in held if entry not in withheld]
        if recommendation is not None:
            by_drug = cautions.get(drug_of(recommendation.id), ())
            kept.append(
                replace(
                    recommendation,
                    reasons=(*recommendation.reasons, *last_steroid_doses(recommendation.id, situation)),
                    cautions=(*by_drug, *offer.cautions),
                    no_draft_because=why_no_draft(recommendation.id, situation),
                    missing=_missing(offer, situation),
                )
            )
    kept.sort(key=lambda item: (not item.urgent, item.strength is Strength.CONSIDER))
    notes = [row.note for row, _ in fired if row.note is not None]
    if product is None:
        notes += _rows_of_some_products(situation, protocol)
    return Outcome(tuple(kept), tuple(withheld), tuple(dict.fromkeys(notes)))


def _product_of(situation: Situation) -> str | None:
    """The product of the infusion, ``None`` where it is not known."""
    infusion = situation.evidence.infusion
    return None if infusion is None else infusion.product


def _rows_of_some_products(situation: Situation, protocol: Protocol) -> list[str]:
    """Remarks on rows that would hold, were the product one of theirs: it is not known, so they are left
    out, and a reader who knows it is told.
    """
    return [
        f"{row.wording}: only after {' or '.join(row.products)}, and the product is not on record"
        f" (row {row.id}, not applied)"
        for row in protocol.rows
        if row.products and CONDITIONS[row.when](situation)
    ]


@dataclass(frozen=True, slots=True)
class _Lowering:
    """A fired row that lowers, and the rows whose advice it concerns (``None``: all)."""

    row: ProtocolRow
    reasons: Reasons
    rows: frozenset[str] | None

    def concerns(self, offer: _Offer) -> bool:
        named = drug_of(offer.advice.id) in self.row.lowers
        return named and (self.rows is None or offer.row.id in self.rows)


def _resting_on(
    criterion_id: str | None, fired: Iterable[tuple[ProtocolRow, Reasons]], situation: Situation
) -> frozenset[str] | None:
    """The rows that fire by this criterion alone; ``None`` where no criterion is named."""
    if criterion_id is None:
        return None
    bare = without_criterion(situation, criterion_id)
    return frozenset(row.id for row, _ in fired if not CONDITIONS[row.when](bare))


def _lower(offer: _Offer, lowerings: Iterable[_Lowering]) -> _Offer:
    """Turn advice that is lowered into its consider form."""
    advice, concerned = offer.advice, [lowering for lowering in lowerings if lowering.concerns(offer)]
    if not concerned:
        return offer
    weak = replace(
        advice,
        id=CONSIDER_FORMS.get(advice.id, advice.id),
        strength=Strength.CONSIDER,
        title=_as_option(advice.title),
    )
    own = [lowering for lowering in concerned if lowering.rows is not None]
    cautions = tuple(_caution(lowering.row, lowering.reasons) for lowering in own)
    return replace(offer, advice=weak, cautions=cautions)


def _as_option(title: str) -> str:
    """A title that gives an order, as the option that it was lowered to."""
    if title.startswith("Consider"):
        return title
    thing = title.removeprefix("Give ")
    return f"Consider {thing[:1].lower()}{thing[1:]}"


def _strongest(offers: Iterable[_Offer]) -> list[_Offer]:
    """One offer an id in the order first seen: the strongest, with the reasons of all."""
    best: dict[str, _Offer] = {}
    for offer in offers:
        known = best.get(offer.advice.id)
        if known is None:
            best[offer.advice.id] = offer
            continue
        stronger = known.advice.strength is Strength.CONSIDER and offer.advice.strength is Strength.RECOMMEND
        first, second = (offer, known) if stronger else (known, offer)
        reasons = tuple(dict.fromkeys((*first.reasons, *second.reasons)))
        advice = replace(first.advice, urgent=True) if second.advice.urgent else first.advice
        best[offer.advice.id] = replace(first, reasons=reasons, advice=advice)
    return [offer for advice_id, offer in best.items() if RECOMMEND_FORMS.get(advice_id) not in best]


def _missing(offer: _Offer, situation: Situation) -> tuple[str, ...]:
    """What a screen would look at and does not know."""
    find = PIECES_OF_SCREEN.get(offer.advice.id)
    return () if find is None else find(situation)


def _cautions(fired: Iterable[tuple[ProtocolRow, Reasons]]) -> Mapping[str, tuple[str, ...]]:
    """Cautions by drug, each with the reasons that it rests on."""
    found: dict[str, tuple[str, ...]] = {}
    for row, reasons in fired:
        if row.caution is None:
            continue
        lowered = row.lowers if row.resting_on is None else ()
        for drug in (*row.cautions, *lowered):
            found[drug] = (*found.get(drug, ()), _caution(row, reasons))
    return found


def _caution(row: ProtocolRow, reasons: Reasons) -> str:
    """The caution with what it rests on; criteria for intensive care are among the reasons anyway."""
    told = [reason for reason in reasons if not reason.startswith(ICU_CRITERION)]
    return f"{row.caution} ({'; '.join(told)})" if told else str(row.caution)


def _withheld_by_rows(fired: Iterable[tuple[ProtocolRow, Reasons]]) -> list[Withheld]:
    return [
        Withheld(entry.id, entry.because, f"{entry.text} ({'; '.join(reasons)})", row.provenance.citation)
        for row, reasons in fired
        for entry in row.withholds
    ]


def _dose_and_guard(
    offer: _Offer, situation: Situation, protocol: Protocol
) -> tuple[Recommendation | None, tuple[Withheld, ...]]:
    """The recommendation with its dose, or what holds it back. Fluid without a weight keeps its rule in
    words.
    """
    if offer.advice.dose is None:
        return _recommendation(offer), ()
    rule = protocol.doses[offer.advice.dose]
    offered = replace(_recommendation(offer), dose_rule=rule.text, cite=_joined(offer.advice, rule))
    if rule.fixed is not None:
        # A fixed dose is an adult's: a child gets the rule in words, never the number.
        adult = not is_child_or_unknown(situation)
        return replace(offered, dose=fixed_dose(rule, rule.fixed) if adult else None), ()
    drug = drug_of(offer.advice.id)
    held = list(withhold_tocilizumab(situation, protocol)) if drug == "tocilizumab" else []
    weight = usable_weight(situation)
    if isinstance(weight, RefusedWeight):
        if drug not in DRUGS:
            return offered, ()
        held.append(
            Withheld(
                id=RECOMMEND_FORMS.get(offer.advice.id, offer.advice.id),
                because=weight.because,
                text=f"{weight.text}. The rule: {rule.text}",
                cite=protocol.guards[weight.because].provenance.citation,
            )
        )
    elif not held:
        return replace(offered, dose=compute_dose(rule, weight)), ()
    return None, tuple(held)


def _joined(advice: Advice, rule: DoseRule) -> str:
    """The sources of the row and of its dose, each once."""
    names = (*advice.provenance.citation.split("; "), *rule.provenance.citation.split("; "))
    return "; ".join(dict.fromkeys(names))


def _recommendation(offer: _Offer) -> Recommendation:
    advice = offer.advice
    return Recommendation(
        id=advice.id,
        strength=advice.strength,
        title=advice.title,
        text=advice.text,
        reasons=offer.reasons,
        row=offer.row.id,
        cite=advice.provenance.citation,
        tier=advice.provenance.tier,
        verified=advice.provenance.verified,
        urgent=advice.urgent,
    )
