"""Rate, dose, route and method of an administration, each read or said to be unreadable.

Rates are kept as charted: no weight is applied, and no unit is converted into another. A rate with a
comparator, a value that is no number, or a negative value is a fault, never a rate.
"""

from dataclasses import dataclass
from decimal import Decimal

from fhir_maps import r4
from fhir_maps.terminology import Terminology
from fhir_maps.units import UCUM, is_measurable, quantity_in
from fhir_maps.unmapped import Unmapped, shorten_name

ROUTE_GROUP, METHOD_GROUP = "route", "method"
INTRAVENOUS = "intravenous"

# Amounts in which a vasopressor may be charted over time. Litres a minute are a gas.
_INFUSED_AMOUNTS = frozenset(
    {
        "mg",
        "milligram",
        "milligrams",
        "g",
        "gm",
        "gram",
        "grams",
        "ug",
        "mcg",
        "µg",
        "μg",
        "microgram",
        "micrograms",
    }
    | {"ng", "nanogram", "nanograms", "u", "iu", "[iu]", "[usp'u]", "mu", "unit", "units"}
    | {"m[iu]", "milliunit", "milliunits", "ml", "milliliter", "milliliters", "millilitre", "millilitres"}
)
# UCUM may write a unit per time as ug/(kg.min) or ug.kg-1.min-1.
_NO_BRACKETS = str.maketrans("", "", "()")
_INFUSED_TIMES = frozenset(
    {"s", "sec", "min", "mins", "minute", "minutes", "h", "hr", "hrs", "hour", "hours"}
)


@dataclass(frozen=True, slots=True)
class Rate:
    """A charted rate; ``fault`` says why there is no value."""

    value: Decimal | None
    unit: str | None
    fault: str | None = None

    @property
    def is_infusion(self) -> bool:
        """Whether it may be the rate of an infused drug: a mass, units or millilitres over time, and not 0.

        A rate that cannot be read, or has no unit, may be one.
        """
        return self.value != 0 and (self.unit is None or is_infusion_unit(self.unit))


def is_infusion_unit(unit: str) -> bool:
    """Whether a unit is an amount that may be infused, over a time: mcg/kg/min, units/hour, mL/h."""
    folded = "".join(unit[:40].casefold().split()).translate(_NO_BRACKETS)
    parts = folded.replace("per", "/").replace("-1", "").replace(".", "/").split("/")
    return len(parts) > 1 and parts[0] in _INFUSED_AMOUNTS and parts[-1] in _INFUSED_TIMES


def unit_of(quantity: r4.Quantity) -> str | None:
    """The unit as text: the code where it is UCUM, else the unit as charted."""
    if quantity.system == UCUM and quantity.code:
        return quantity.code
    return quantity.unit or quantity.code


def read_rate(dosage: r4.AdministrationDosage | None) -> Rate | None:
    """Read ``rate[x]``; ``None`` when no rate is charted."""
    if dosage is None:
        return None
    if dosage.rateQuantity is not None:
        return _rate_of(dosage.rateQuantity) if _says_anything(dosage.rateQuantity) else None
    ratio = dosage.rateRatio
    if ratio is None or (ratio.numerator is None and ratio.denominator is None):
        return None
    if ratio.numerator is None or ratio.denominator is None:
        return Rate(None, None, "rate is half a ratio")
    above, below = _rate_of(ratio.numerator), _rate_of(ratio.denominator)
    if above.value is None or not below.value:
        return Rate(None, None, above.fault or below.fault or "rate per zero")
    unit = f"{above.unit}/{below.unit}" if above.unit and below.unit else None
    try:
        return Rate(above.value / below.value, unit)
    except ArithmeticError:
        return Rate(None, unit, "rate is no usable number")


def _says_anything(quantity: r4.Quantity) -> bool:
    return quantity.value is not None or quantity.comparator is not None


def _rate_of(quantity: r4.Quantity) -> Rate:
    unit = unit_of(quantity)
    if quantity.value is None:
        return Rate(None, unit, "rate without a value")
    if quantity.comparator is not None:
        return Rate(None, unit, "rate with a comparator")
    if not is_measurable(quantity.value) or quantity.value < 0:
        return Rate(None, unit, "rate is no usable number")
    return Rate(quantity.value, unit)


def dose_is_charted(dosage: r4.AdministrationDosage | None) -> bool:
    """Whether an amount is charted at all, readable or not."""
    return dosage is not None and dosage.dose is not None and dosage.dose.value is not None


def dose_in(unit: str, dosage: r4.AdministrationDosage | None, terminology: Terminology) -> Decimal | None:
    """The dose in a canonical unit; ``None`` when it is of another kind or a bound (``<``)."""
    if dosage is None or dosage.dose is None or dosage.dose.comparator is not None:
        return None
    dose = dosage.dose
    if dose.system != UCUM:
        # A local unit system says nothing that its code and text do not.
        dose = r4.Quantity(value=dose.value, unit=dose.unit, code=dose.code)
    return quantity_in(dose, unit, terminology)


def read_route(
    dosage: r4.AdministrationDosage | None, request: r4.MedicationRequest | None, terminology: Terminology
) -> tuple[str | None, Unmapped | None]:
    """The route by our map, from the dosage or else from the order; ``None`` when not stated or not known."""
    stated = dosage.route if dosage is not None else None
    if stated is None and request is not None:
        stated = next((order.route for order in request.dosageInstruction if order.route is not None), None)
    return look_up(ROUTE_GROUP, stated, terminology)


def read_method(
    dosage: r4.AdministrationDosage | None, terminology: Terminology
) -> tuple[str | None, Unmapped | None]:
    """The method by our map (``given``, ``not-given``, ``stopped``, ``unknown``)."""
    return look_up(METHOD_GROUP, dosage.method if dosage is not None else None, terminology)


def look_up(
    group: str, concept: r4.CodeableConcept | None, terminology: Terminology
) -> tuple[str | None, Unmapped | None]:
    """A concept by the map of a group, or the item that says that no map knows it."""
    match = terminology.of_concept(group, concept)
    if match is not None:
        return (None if match.unused else match.concept), None
    if concept is None or not (concept.coding or concept.text):
        return None, None
    coding = concept.coding[0] if concept.coding else r4.Coding()
    text = shorten_name(concept.text or coding.display)
    return None, Unmapped(group, coding.system, shorten_name(coding.code), text)
