"""The choices a hospital makes when it writes down the same fact."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from tests.builders.medications import DrugCoding


class OxygenLayout(Enum):
    """Where device, flow and FiO2 stand."""

    SEPARATE = "separate"
    COMPONENTS_OF_SPO2 = "components-of-spo2"
    DEVICE_BESIDE_FLOW = "device-beside-flow"


class DeviceValue(Enum):
    """How the device is named."""

    TEXT_CONCEPT = "text-concept"
    STRING = "string"
    SNOMED = "snomed"


class InfusionLayout(Enum):
    """How a running drug is recorded."""

    OPEN_PERIOD = "open-period"
    CLOSED_PERIOD = "closed-period"
    SEGMENTS = "segments"
    SEGMENTS_AND_BAGS = "segments-and-bags"


class IceLayout(Enum):
    """How an ICE score is charted; a total is taken apart into items that add up to it."""

    TOTAL = "total"
    COMPONENTS = "components"
    ITEMS = "items"


class CartLayout(Enum):
    """How the CAR-T infusion itself is recorded."""

    PROCEDURE = "procedure"
    ADMINISTRATION = "administration"
    OWN_CODE = "own-code"


@dataclass(frozen=True, slots=True)
class Style:
    """One hospital's habits; the defaults are the plain rendering."""

    fahrenheit: bool = False
    temperature_site: str | None = None
    systolic_alone: bool = False
    oxygen: OxygenLayout = OxygenLayout.SEPARATE
    device: DeviceValue = DeviceValue.TEXT_CONCEPT
    drugs: DrugCoding = DrugCoding.RXNORM
    infusions: InfusionLayout = InfusionLayout.OPEN_PERIOD
    routes_stated: bool = True
    ice: IceLayout = IceLayout.TOTAL
    cart: CartLayout = CartLayout.PROCEDURE
    other_laboratory_units: bool = False
    observation_status: str = "final"
