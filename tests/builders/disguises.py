"""The same patient as other hospitals would chart them: none of it may change the answer."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from itertools import cycle
from typing import Any, Final

from tests.builders import codes, events, medications, observations
from tests.builders.charting import chart_resources
from tests.builders.fhir import Resource, bundle, coding, concept, give_ids, quantity
from tests.builders.medications import DrugCoding
from tests.builders.stories import AT, Story, hours_ago
from tests.builders.style import CartLayout, DeviceValue, IceLayout, InfusionLayout, OxygenLayout, Style

Transform = Callable[[list[Resource]], list[Resource]]
PLAIN_STYLE: Final = Style()
INSTANT_KEYS: Final = frozenset(
    (
        "effectiveDateTime",
        "performedDateTime",
        "onsetDateTime",
        "authoredOn",
        "recordedDate",
        "deceasedDateTime",
        "start",
        "end",
    )
)
# Hours from UTC: the eastern American night, India's half hour, Japan, Newfoundland's half hour.
OFFSETS: Final = (0.0, -5.0, 5.5, 9.0, -3.5)


@dataclass(frozen=True, slots=True)
class Disguise:
    """A hospital's habits and what happened to its data on the way.

    ``over_http`` is false where a prefetch search cannot bring all of it (a referenced Medication does not
    come with ``MedicationAdministration?patient=``, as templates may not use ``_include``).
    ``in_base_profile`` is false where real feeds, and this disguise, stray from the vital signs profiles of
    the R4 base: a temperature by the code of its site alone, a systolic pressure outside the panel, oxygen as
    components of the saturation (as US Core has it), a period where the profiles' own rule vs-1 reads a date.
    """

    name: str
    style: Style = PLAIN_STYLE
    transforms: tuple[Transform, ...] = ()
    over_http: bool = True
    in_base_profile: bool = True

    def __str__(self) -> str:
        return self.name


def shuffled(seed: int) -> Transform:
    """The resources in another order, the same one every time."""

    def shuffle(resources: list[Resource]) -> list[Resource]:
        order = list(resources)
        random.Random(seed).shuffle(order)  # noqa: S311  (a test order, not a secret)
        return order

    return shuffle


def duplicated(resources: list[Resource]) -> list[Resource]:
    """Every resource twice, under another id, as two feeds of one hospital bring it."""
    named = give_ids(resources)
    again = [
        deepcopy(resource) | {"id": f"{resource['id']}-again"}
        for resource in named
        if resource["resourceType"] not in ("Patient", "Medication")
    ]
    return named + again


# Units as interfaces spell them, with neither system nor code.
SPELLINGS: Final = {
    "Cel": "°C",
    "[degF]": "F",
    "mm[Hg]": "mmHg",
    "L/min": "lpm",
    "ug/kg/min": "mcg/kg/min",
    "ug/min": "mcg/min",
    "ug": "mcg",
    "U/min": "units/min",
}


def in_feed_spellings(resources: list[Resource]) -> list[Resource]:
    """Every quantity with a spelled unit instead of a UCUM code."""

    def respell(node: Any) -> Any:
        if isinstance(node, dict):
            if node.get("system") == codes.UCUM:
                return {"value": node["value"], "unit": SPELLINGS.get(node["code"], node["code"])}
            return {key: respell(value) for key, value in node.items()}
        return [respell(item) for item in node] if isinstance(node, list) else node

    return [respell(resource) for resource in resources]


def in_milliseconds(resources: list[Resource]) -> list[Resource]:
    """Every time as a system of the JavaScript family writes it: UTC, ``Z``, three decimals."""

    def rewrite(node: Any) -> Any:
        if isinstance(node, dict):
            return {
                key: (
                    value.replace("+00:00", ".000Z")
                    if key in INSTANT_KEYS and isinstance(value, str)
                    else rewrite(value)
                )
                for key, value in node.items()
            }
        return [rewrite(item) for item in node] if isinstance(node, list) else node

    return [rewrite(resource) for resource in resources]


def with_observed_periods(resources: list[Resource]) -> list[Resource]:
    """Every observation over a period that begins and ends at its time."""
    return [
        {key: value for key, value in resource.items() if key != "effectiveDateTime"}
        | {"effectivePeriod": {"start": at, "end": at}}
        if resource["resourceType"] == "Observation" and (at := resource.get("effectiveDateTime"))
        else resource
        for resource in resources
    ]


def in_mixed_offsets(resources: list[Resource]) -> list[Resource]:
    """Each resource's times in another offset: other digits, the same instants."""
    offsets = cycle(OFFSETS)

    def rewrite(node: Any, offset: timezone) -> Any:
        if isinstance(node, dict):
            return {
                key: (
                    datetime.fromisoformat(value).astimezone(offset).isoformat(timespec="seconds")
                    if key in INSTANT_KEYS and isinstance(value, str)
                    else rewrite(value, offset)
                )
                for key, value in node.items()
            }
        return [rewrite(item, offset) for item in node] if isinstance(node, list) else node

    return [rewrite(resource, timezone(timedelta(hours=next(offsets)))) for resource in resources]


def with_values_entered_in_error(resources: list[Resource]) -> list[Resource]:
    """Alarming values beside the true ones, every one withdrawn."""
    wrong: dict[str, Any] = {"at": hours_ago(0.5), "status": "entered-in-error"}
    return [
        *resources,
        observations.temperature(41.2, **wrong),
        observations.blood_pressure(58, **wrong),
        observations.oxygen_device("mechanical-ventilation", **wrong),
        observations.pulse_oximetry(71, **wrong),
        observations.ice_total(0, **wrong),
        observations.consciousness("unarousable", **wrong),
        observations.seizure("prolonged-over-5-min", **wrong),
        observations.raised_icp("papilloedema", **wrong),
        observations.weight(8, **wrong),
        *medications.drug_run(
            "epinephrine", start=hours_ago(2), rate=0.4, unit="ug/kg/min", status="entered-in-error"
        ),
        *medications.tocilizumab(576, at=hours_ago(2), status="entered-in-error"),
    ]


def with_later_evidence(resources: list[Resource]) -> list[Resource]:
    """What will be charted after the time of grading is not evidence at that time."""
    later = AT + timedelta(hours=2)
    return [
        *resources,
        observations.temperature(40.9, at=later),
        observations.blood_pressure(61, at=later),
        observations.oxygen_device("bipap", at=later),
        observations.ice_total(0, at=later),
        observations.consciousness("unarousable", at=later),
        observations.motor("hemiparesis", at=later),
        observations.attributed_elsewhere("fever", at=later, note="charted tomorrow"),
        *medications.drug_run("epinephrine", start=later, rate=0.4, unit="ug/kg/min"),
        *medications.tocilizumab(576, at=later, status="completed"),
    ]


def with_clutter(resources: list[Resource]) -> list[Resource]:
    """A ward's other business: rates, glucose, an antibiotic, an old diagnosis."""
    others = [
        observations.observation(
            concept(coding(codes.LOINC, *code)),
            at=hours_ago(hour),
            category="vital-signs",
            valueQuantity=quantity(value, "/min"),
        )
        for hour in range(1, 30, 4)
        for code, value in ((codes.HEART_RATE, 96), (codes.RESPIRATORY_RATE, 18))
    ]
    return [
        *others,
        *resources,
        *(observations.laboratory("glucoseMgPerDl", 104, at=hours_ago(hour)) for hour in (6, 30)),
        *medications.drug_instant("levetiracetam", at=hours_ago(5), dose=500, route="oral"),
        events.condition("C83.30", "Diffuse large B-cell lymphoma", recorded=hours_ago(24 * 300)),
    ]


PLAIN: Final = Disguise("plain")
DISGUISES: Final = (
    PLAIN,
    Disguise("in-fahrenheit", Style(fahrenheit=True)),
    Disguise("temperature-by-site", Style(temperature_site="oral"), in_base_profile=False),
    Disguise("systolic-alone", Style(systolic_alone=True), in_base_profile=False),
    Disguise("oxygen-as-components", Style(oxygen=OxygenLayout.COMPONENTS_OF_SPO2), in_base_profile=False),
    Disguise("device-as-plain-text", Style(device=DeviceValue.STRING)),
    Disguise("device-in-the-flow-row", Style(oxygen=OxygenLayout.DEVICE_BESIDE_FLOW)),
    Disguise("in-snomed", Style(device=DeviceValue.SNOMED, drugs=DrugCoding.SNOMED)),
    Disguise("drugs-in-atc", Style(drugs=DrugCoding.ATC)),
    Disguise("drugs-by-local-code-with-text", Style(drugs=DrugCoding.LOCAL_WITH_TEXT)),
    Disguise("drugs-by-text-alone", Style(drugs=DrugCoding.TEXT)),
    Disguise("drug-in-a-contained-drip", Style(drugs=DrugCoding.CONTAINED)),
    Disguise("drug-by-reference", Style(drugs=DrugCoding.REFERENCED), over_http=False),
    Disguise("one-closed-period", Style(infusions=InfusionLayout.CLOSED_PERIOD)),
    Disguise("in-rate-segments", Style(infusions=InfusionLayout.SEGMENTS)),
    Disguise(
        "in-rate-segments-with-bags",
        Style(infusions=InfusionLayout.SEGMENTS_AND_BAGS, routes_stated=False),
    ),
    Disguise(
        "with-mimic-codes",
        Style(
            drugs=DrugCoding.MIMIC_LOCAL,
            infusions=InfusionLayout.SEGMENTS,
            routes_stated=False,
            device=DeviceValue.STRING,
        ),
    ),
    Disguise("ice-with-components", Style(ice=IceLayout.COMPONENTS)),
    Disguise("ice-as-single-items", Style(ice=IceLayout.ITEMS)),
    Disguise("infusion-as-administration", Style(cart=CartLayout.ADMINISTRATION)),
    Disguise("infusion-by-our-own-code", Style(cart=CartLayout.OWN_CODE)),
    Disguise("laboratory-in-other-units", Style(other_laboratory_units=True)),
    Disguise("with-amended-values", Style(observation_status="amended")),
    Disguise("shuffled", transforms=(shuffled(7),)),
    Disguise("shuffled-again", transforms=(shuffled(1968),)),
    Disguise("duplicated", transforms=(duplicated,)),
    Disguise("in-feed-spellings", transforms=(in_feed_spellings,), in_base_profile=False),
    Disguise("in-milliseconds", transforms=(in_milliseconds,)),
    Disguise("with-observed-periods", transforms=(with_observed_periods,), in_base_profile=False),
    Disguise("in-mixed-offsets", transforms=(in_mixed_offsets,)),
    Disguise("with-values-entered-in-error", transforms=(with_values_entered_in_error,)),
    Disguise("with-later-evidence", transforms=(with_later_evidence,)),
    Disguise("with-clutter", transforms=(with_clutter,)),
    Disguise(
        "everything-at-once",
        Style(
            fahrenheit=True,
            oxygen=OxygenLayout.COMPONENTS_OF_SPO2,
            device=DeviceValue.SNOMED,
            drugs=DrugCoding.ATC,
            infusions=InfusionLayout.SEGMENTS_AND_BAGS,
            ice=IceLayout.ITEMS,
            cart=CartLayout.ADMINISTRATION,
            other_laboratory_units=True,
        ),
        transforms=(
            with_values_entered_in_error,
            with_later_evidence,
            with_clutter,
            duplicated,
            in_mixed_offsets,
            shuffled(42),
        ),
        in_base_profile=False,
    ),
)


def resources_of(story: Story, disguise: Disguise = PLAIN) -> list[Resource]:
    """The resources of a story in a disguise, each with an id."""
    resources = chart_resources(story, disguise.style)
    for transform in disguise.transforms:
        resources = transform(resources)
    return give_ids(resources)


def changes(disguise: Disguise, story: Story, plain: list[Resource] | None = None) -> bool:
    """Whether the disguise makes any difference to this story; where it makes none, there is no test."""
    return disguise is PLAIN or resources_of(story, disguise) != (plain or resources_of(story))


def one_of_each_shape(stories: Iterable[Story], disguises: Iterable[Disguise]) -> dict[str, Resource]:
    """Resources that differ in more than times, values and ids, by a name that says where they come from.

    For a slow validator: some hundreds instead of a hundred thousand.
    """
    kept = frozenset({"code", "system", "unit", "status", "text", "display"})

    def shape(node: object, key: str = "") -> object:
        if isinstance(node, dict):
            return {name: shape(value, name) for name, value in node.items() if name != "id"}
        if isinstance(node, list):
            return [shape(item, key) for item in node]
        return node if key in kept else type(node).__name__

    found: dict[str, tuple[str, Resource]] = {}
    wanted = list(disguises)
    for story in stories:
        for disguise in wanted:
            for resource in resources_of(story, disguise):
                name = f"{story.id}[{disguise}] {resource['resourceType']}/{resource['id']}"
                found.setdefault(json.dumps(shape(resource), sort_keys=True), (name, resource))
    return dict(found.values())


def bundle_of(story: Story, disguise: Disguise = PLAIN) -> Resource:
    """The story as one Bundle, as ``cart-cds grade`` reads it."""
    return bundle(resources_of(story, disguise))


def named(name: str) -> Disguise:
    """The disguise of that name."""
    return next(disguise for disguise in DISGUISES if disguise.name == name)


__all__ = [
    "DISGUISES",
    "PLAIN",
    "Disguise",
    "bundle_of",
    "changes",
    "named",
    "one_of_each_shape",
    "resources_of",
]
