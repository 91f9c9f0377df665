"""The numbers of ``tables/reading.toml``: what is plausible, the scales' ranges, the laboratory's units."""

import tomllib
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from importlib import resources
from typing import Any

from grading.chart import Lab


@dataclass(frozen=True, slots=True)
class Limits:
    """Plausible values, both ends included, in the concept's own unit."""

    minimum: Decimal
    maximum: Decimal

    def hold(self, value: Decimal) -> bool:
        """Whether a (finite) value is plausible."""
        return self.minimum <= value <= self.maximum


@dataclass(frozen=True, slots=True)
class ReadingRules:
    """All rules of reading. ``laboratory_units`` has no entry for a value that stays as charted."""

    temperature: Limits
    systolic: Limits
    saturation: Limits
    oxygen_flow: Limits
    inspired_oxygen: Limits
    weight: Limits
    laboratory: Limits
    scores: dict[str, tuple[int, int]]
    ice_items_within: timedelta
    laboratory_units: dict[Lab, str]
    mmol_per_litre_of_a_mg_per_decilitre: dict[Lab, Decimal]
    monovalent: frozenset[Lab]


# What a table says about its rows, beside the rows themselves.
_ABOUT = frozenset({"reason", "cite", "tier", "verified"})


def _limits(table: dict[str, Any]) -> Limits:
    return Limits(Decimal(table["minimum"]), Decimal(table["maximum"]))


def _rows(table: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in table.items() if name not in _ABOUT}


def load_reading_rules() -> ReadingRules:
    """Load the shipped table. A missing row, or one without its reason and citation, is an error at start."""
    text = resources.files("fhir_maps").joinpath("tables", "reading.toml").read_text("utf-8")
    tables: dict[str, dict[str, Any]] = tomllib.loads(text, parse_float=Decimal)
    for name, table in tables.items():
        if not table.keys() >= _ABOUT:
            raise ValueError(f"reading.toml: {name} needs {', '.join(sorted(_ABOUT))}")
    factors = _rows(tables["mmol-per-litre-of-a-mg-per-decilitre"])
    return ReadingRules(
        temperature=_limits(tables["temperature"]),
        systolic=_limits(tables["systolic"]),
        saturation=_limits(tables["saturation"]),
        oxygen_flow=_limits(tables["oxygen-flow"]),
        inspired_oxygen=_limits(tables["inspired-oxygen"]),
        weight=_limits(tables["weight"]),
        laboratory=_limits(tables["laboratory"]),
        scores={name: (low, high) for name, (low, high) in _rows(tables["scores"]).items()},
        ice_items_within=timedelta(minutes=tables["ice-items"]["minutes"]),
        laboratory_units={
            Lab(name): unit for name, unit in _rows(tables["laboratory-units"]).items() if unit
        },
        mmol_per_litre_of_a_mg_per_decilitre={Lab(name): Decimal(factor) for name, factor in factors.items()},
        monovalent=frozenset(Lab(name) for name in tables["monovalent"]["labs"]),
    )


RULES = load_reading_rules()
